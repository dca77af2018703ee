# The tools are those of the virtual environment that CONTRIBUTING.md sets up.
BIN ?= .venv/bin

.PHONY: fix check test test-slow hostile bench bench-accuracy dist

fix:  ## Mend what can be mended, and write what is generated from the code.
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/python -m cogapp -r README.md docs/*.md

check:  ## Style, types, floors, and whether what is generated is current.
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m cogapp --check README.md docs/*.md

test:  ## The tests of the default run.
	$(BIN)/pytest

test-slow:  ## The tests that take minutes. All of them, or those of PYTEST_OPTIONS.
	$(BIN)/pytest -m "slow and not gpu and not network" $(PYTEST_OPTIONS)

N ?= 100
SEED ?= 0
hostile:  ## Hostile inputs, N of each kind; another SEED makes others.
	$(BIN)/python -W error tests/hostile/run.py --cases $(N) --seed $(SEED)

bench:  ## Times beside PyTorch and a plain Keras script; BENCH_OPTIONS=--quick: minutes.
	$(BIN)/pip install -r benchmarks/requirements.txt
	$(BIN)/python benchmarks/throughput.py $(BENCH_OPTIONS)
	$(BIN)/python benchmarks/inference.py $(BENCH_OPTIONS)
	$(BIN)/python benchmarks/startup.py $(BENCH_OPTIONS)
	$(BIN)/python benchmarks/report.py

bench-accuracy:  ## Seconds to 99 % on MNIST, kerascnn and a plain Keras script.
	rm -f benchmarks/results/time_to_accuracy.csv
	$(BIN)/python benchmarks/time_to_accuracy.py lenet
	$(BIN)/python benchmarks/time_to_accuracy.py resnet18 --seeds 1 --counted --epochs 0
	$(BIN)/python benchmarks/time_to_accuracy.py mobilenet --seeds 1 --counted \
	    --epochs 2 --rates 0.01 0.03
	$(BIN)/python benchmarks/time_to_accuracy.py alexnet --seeds 1 --counted \
	    --epochs 2 --rates 0.003 0.01
	$(BIN)/python benchmarks/time_to_accuracy.py vgg16 --seeds 1 --counted \
	    --epochs 1 --rates 0.003 0.01
	$(BIN)/python benchmarks/report.py

dist:  ## The wheel and the source archive, from nothing.
	rm -rf build dist
	$(BIN)/python -m build
