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

# Benchmarks have an environment of their own. PyPI's PyTorch for Linux on x86-64 brings
# CUDA, 3 GB; PyTorch's own index has the build for CPUs, and is asked alone.
BENCH ?= .venv-bench
CPU_BUILDS = https://download.pytorch.org/whl/cpu
ifeq ($(shell uname -sm),Linux x86_64)
TORCH ?= torch --index-url $(CPU_BUILDS)
else
TORCH ?= torch
endif
ISA ?= native
RUN_BENCH = PYTHONPATH=. $(BENCH)/bin/python benchmarks
define INSTALL_BENCH
$(BENCH)/bin/python -c pass 2>/dev/null || python3 -m venv $(BENCH)
$(BENCH)/bin/pip install --quiet '.[onnx]' -r benchmarks/requirements.txt
@test -z "$(TORCH)" || $(BENCH)/bin/python -c "import torch" 2>/dev/null \
    || PIP_EXTRA_INDEX_URL=$(findstring $(CPU_BUILDS),$(TORCH)) \
    $(BENCH)/bin/pip install --quiet $(TORCH) \
    || { echo "No PyTorch from there: 'make $@ TORCH=torch' takes PyPI's (with CUDA," \
    "3 GB), 'make $@ TORCH=' goes without it." >&2; exit 1; }
endef

bench:  ## Speed beside PyTorch, Keras and JAX; BENCH_OPTIONS=--quick: half an hour.
	$(INSTALL_BENCH)
	$(RUN_BENCH)/throughput.py --isa $(ISA) $(BENCH_OPTIONS)
	$(RUN_BENCH)/throughput.py --isa $(ISA) --recipe $(BENCH_OPTIONS)
	$(RUN_BENCH)/throughput.py --isa $(ISA) --bfloat16 $(BENCH_OPTIONS)
	$(RUN_BENCH)/ablation.py --isa $(ISA) $(BENCH_OPTIONS)
	$(RUN_BENCH)/roofline.py --isa $(ISA)
	$(RUN_BENCH)/accuracy_of_layers.py
	$(RUN_BENCH)/inference.py $(BENCH_OPTIONS)
	$(RUN_BENCH)/startup.py $(BENCH_OPTIONS)
	$(RUN_BENCH)/report.py

bench-accuracy:  ## Seconds to 99% on MNIST, kerascnn and a plain Keras script.
	$(INSTALL_BENCH)
	$(RUN_BENCH)/time_to_accuracy.py lenet --isa $(ISA)
	$(RUN_BENCH)/time_to_accuracy.py resnet18 --isa $(ISA) --seeds 1 --counted --epochs 0
	$(RUN_BENCH)/time_to_accuracy.py mobilenet --isa $(ISA) --seeds 1 --counted \
	    --epochs 2 --rates 0.01 0.03
	$(RUN_BENCH)/time_to_accuracy.py alexnet --isa $(ISA) --seeds 1 --counted \
	    --epochs 2 --rates 0.003 0.01
	$(RUN_BENCH)/time_to_accuracy.py vgg16 --isa $(ISA) --seeds 1 --counted \
	    --epochs 1 --rates 0.003 0.01
	$(RUN_BENCH)/report.py

dist:  ## The wheel and the source archive, from nothing.
	rm -rf build dist
	$(BIN)/python -m build
