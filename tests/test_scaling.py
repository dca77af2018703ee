"""The model of several machines, and of a comparison on many workers."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from kerascnn.comparison.config import CompareConfig
from kerascnn.comparison.plan import Outcome

ROOT = Path(__file__).parent.parent


@pytest.fixture(autouse=True)
def benchmarks(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))


@pytest.fixture
def work():
    """A second of 16 images, a fifth of it fixed; two all-reduces of 3 MB."""
    from scaling_model import Work

    return Work(
        batch_size=16,
        seconds=1,
        fixed_seconds=0.2,
        gradient_bytes=3_000_000,
        reductions=2,
    )


def test_bytes_and_hops_of_a_ring(work):
    from scaling_model import Link, ring_seconds

    # 80% of 10 million bits a second are a million bytes a second.
    slow, late = Link(10e6, 0), Link(1e30, 0.01)
    assert ring_seconds(work, 1, slow) == 0
    assert ring_seconds(work, 2, slow) == pytest.approx(3)
    assert ring_seconds(work, 3, slow) == pytest.approx(4)
    assert ring_seconds(work, 2, late) == pytest.approx(2 * 2 * 0.01)
    assert ring_seconds(work, 3, late) == pytest.approx(4 * 2 * 0.01)
    assert ring_seconds(work, 2, Link(10e6, 0.01)) == pytest.approx(3.04)


def test_a_batch_divided_leaves_what_is_fixed(work):
    from scaling_model import Link, efficiency, share_seconds, speed_up

    link = Link(10e6, 0.01)
    assert share_seconds(work, 1) == 1
    assert share_seconds(work, 4) == pytest.approx(0.4)
    assert speed_up(work, 1, link) == 1
    assert speed_up(work, 2, link) == pytest.approx(1 / (0.6 + 3.04))
    assert efficiency(work, 2, link) == pytest.approx(1 / (1 + 3.04))


def test_machines_stop_gaining():
    from scaling_model import Link, Work, fastest, last_gaining

    given = {"batch_size": 50, "seconds": 1, "fixed_seconds": 0, "reductions": 1}
    link = Link(10e6, 0)
    # Each of 50 gains 2%, if nothing is sent.
    silent = Work(gradient_bytes=0, **given)
    assert (last_gaining(silent, link), fastest(silent, link)) == (50, 50)
    # n machines take (1 + 1/n) / 2 s: one more gains less than 1% if n (n + 2) > 100.
    quarter = Work(gradient_bytes=250_000, **given)
    assert (last_gaining(quarter, link), fastest(quarter, link)) == (10, 50)
    # A second to send the gradients, and one to compute.
    whole = Work(gradient_bytes=1_000_000, **given)
    assert (last_gaining(whole, link), fastest(whole, link)) == (1, 1)
    # 1/n + 2 (n - 1) / 50 s is least where n is 5.
    assert fastest(silent, Link(10e6, 1 / 50)) == 5


def test_work_of_lenet_is_as_by_hand():
    from scaling_model import network_work
    from turns import Setting

    work = network_work(Setting(network="lenet"), 1280, 1e9)
    assert (work.batch_size, work.seconds) == (128, 0.1)
    assert work.gradient_bytes == 4 * 82_826
    # Of each weight seven numbers are moved, of the first layer's 156 six.
    assert work.fixed_seconds == pytest.approx(4 * (7 * 82_826 - 156) / 1e9)
    assert work.reductions == 3
    assert network_work(Setting(network="lenet"), 1280, 1).fixed_seconds == 0.1


COUNT = """
from kerascnn.machine.tensorflow import load_tensorflow
load_tensorflow()
import keras, numpy as np, tensorflow as tf
cpu = tf.config.list_physical_devices("CPU")[0]
halves = [tf.config.LogicalDeviceConfiguration()] * 2
tf.config.set_logical_device_configuration(cpu, halves)
# What several machines have, here over two devices of one process.
from tensorflow.python.distribute import collective_all_reduce_strategy as module
from kerascnn.data import Split
from kerascnn.models.build import build_model
from kerascnn.settings.config import TrainConfig
from kerascnn.training.batches import ResidentBatches
from kerascnn.training.step import TrainingStep

devices = ("CPU:0", "CPU:1")
strategy = module.CollectiveAllReduceStrategy._from_local_devices(devices)
split = Split(images=np.zeros((8, 32, 32, 1), np.uint8), labels=np.zeros(8, np.int64),
              class_names=tuple("0123456789"))
with strategy.scope():
    model = build_model("resnet18", (32, 32, 1), 10, image_size=32, stem="paper")
    model.compile("sgd", jit_compile=False)
batches = ResidentBatches(split, 8, 0, strategy.extended.worker_devices)
settings = TrainConfig(model="resnet18", batch_size=8).resolve()
step = TrainingStep(model, batches, settings, np.zeros(1, np.float32), strategy)
functions = step._compiled.graph.as_graph_def().library.function
nodes = [node.op for function in functions for node in function.node_def]
print(nodes.count("CollectiveReduceV2") // len(devices))
"""


@pytest.mark.slow  # starts TensorFlow anew
def test_all_reduces_are_as_many_as_tensorflow_traces(run_python):
    from scaling_model import network_work
    from turns import Setting

    done = run_python("-c", COUNT)
    assert done.returncode == 0, done.stderr
    # ResNet-18 has 20 normalizations.
    assert int(done.stdout) == 3 + 20 * 6
    setting = Setting(network="resnet18")
    assert network_work(setting, 1, 1).reductions == int(done.stdout)


def test_longest_runs_go_first_and_stages_wait():
    from scaling_grid import critical_path, makespan, total

    one_stage = {"a": [[1, 1, 2]]}
    assert [makespan(one_stage, workers) for workers in (1, 2, 3)] == [4, 2, 2]
    networks = {"a": [[3, 1], [2]], "b": [[2]]}
    assert total(networks) == 8
    assert critical_path(networks) == 5
    # Two: 3 of a beside 2 of b and 1 of a; then a's last.
    assert [makespan(networks, workers) for workers in (1, 2, 9)] == [8, 5, 5]
    # Its runs have to wait, though workers are free.
    assert makespan({"a": [[1], [1], [1, 1]]}, 9) == 3


@pytest.fixture
def protocol():
    return CompareConfig(models=("lenet",), trials=3, seeds=2).resolve()


def test_stages_of_a_comparison_without_runs(protocol):
    from scaling_grid import num_images, stages

    tuning, finals = stages(protocol, "lenet", {})
    assert [run.stage for run in (*tuning, *finals)] == ["tuning"] * 6 + ["final"] * 4
    assert {num_images(protocol, run) for run in (*tuning, *finals)} == {540_000}
    fewer = CompareConfig(models=("lenet",), limit=1000, epochs=2).resolve()
    [*_, finals] = stages(fewer, "lenet", {})
    assert num_images(fewer, finals[0]) == 2_000


def test_a_rate_on_the_edge_makes_a_stage_more(protocol):
    from scaling_grid import stages

    first, _ = stages(protocol, "lenet", {})
    outcomes = {}
    for accuracy, run in zip((0.9, 0.91, 0.92, 0.8, 0.9, 0.7), first, strict=True):
        outcomes[run.name] = Outcome(
            status="finished", validation_accuracy=accuracy, validation_loss=0.1
        )
    again, more, finals = stages(protocol, "lenet", outcomes)
    assert again == first
    # The best of SGD is the highest of its three: both get one more.
    assert [run.config.optimizer for run in more] == ["sgd", "adagrad"]
    assert more[0].config.learning_rate > max(r.config.learning_rate for r in first[:3])
    assert len(finals) == 4


def test_runs_of_a_comparison_take_what_they_took(tmp_path):
    from scaling_grid import read_grid

    from kerascnn.comparison.folder import ComparisonFolder
    from kerascnn.runs.folder import Run

    claim = ROOT / "results" / "claim"
    shutil.copy(claim / "plan.json", tmp_path)
    tuning = [path for path in (claim / "runs").glob("lenet-*-rate-*")]
    finals = [claim / "runs" / f"lenet-sgd-seed-{seed}" for seed in (1, 2, 3)]
    for path in (*tuning, *finals):
        shutil.copytree(path, tmp_path / "runs" / path.name)
    rates = {name: 100.0 for name in ("resnet18", "alexnet", "mobilenet", "vgg16")}
    grid = read_grid(ComparisonFolder(tmp_path), rates)
    metrics = {path.name: Run(path).require_metrics() for path in (*tuning, *finals)}
    first, last = grid.measured["lenet"]
    seconds = {name: found.seconds for name, found in metrics.items()}
    assert sorted(first) == sorted(seconds[path.name] for path in tuning)
    assert [last[0], last[2], last[4]] == [seconds[path.name] for path in finals]
    assert grid.estimated["lenet"] == (13, 26)
    speeds = sorted(found.images_per_second for found in metrics.values())
    assert last[1] == pytest.approx(540_000 / speeds[len(speeds) // 2])
    assert set(grid.at_best["lenet"][0]) == {540_000 / speeds[-1]}
    # Nothing of it has ended: 20,000 images of each of six tunings.
    assert grid.measured["vgg16"] == [[200.0] * 6, [540.0] * 16]
    assert grid.estimated["vgg16"] == (22, 22)


def test_tables_say_where_networks_stop_and_what_runs_take(work):
    from scaling import grid_table, grid_text, strong_table, weak_table
    from scaling_grid import Grid

    works = {"lenet": replace(work, gradient_bytes=0, reductions=0)}
    # Of a second, 0.2 + 0.8 / n s are left: one more machine gains 1% up to 16.
    shown = "16 (4.00)"
    assert strong_table(works).splitlines()[2] == (
        f"| LeNet-5 | 1000.0 ms | 200.0 ms | 0.0 MB | 0 | {shown} | {shown} | {shown} |"
    )
    assert "| LeNet-5 | 100% / 100% / 100% |" in weak_table(works)
    hour = 3600.0
    grid = Grid(
        measured={"lenet": [[hour, hour], [hour]], "vgg16": [[5 * hour]]},
        at_best={"lenet": [[hour]], "vgg16": [[hour]]},
        estimated={"lenet": (0, 3), "vgg16": (1, 1)},
    )
    assert "| 2 | 5.00 | 5.00 | 1.00 | 1.00 |" in grid_table(grid)
    text = grid_text(grid)
    assert "8 h 00 min on one worker, 5 h 00 min on 8; 2 come to the" in text
    assert text.endswith("- Not measured yet, and estimated: 1 of 1 runs of VGG-16.")


def test_what_two_processes_take_beside_their_computing(work):
    from scaling import measured_text
    from scaling_model import LINKS, ring_seconds

    place = {"instruction_set": "x", "network": "lenet"}
    rows = [
        place | {"contender": name, "turn": turn, "images_per_second": rate}
        for turn, rates in enumerate((("10", "12"), ("8", "12"), ("8", "8")))
        for name, rate in zip(("1 process", "2 processes"), rates, strict=True)
    ]
    assert measured_text([], {}) == "Not measured yet."
    # Alone 2 s a step, of which 0.2 are fixed; both 16/12 s, of which 1.1 compute.
    modeled = 1000 * ring_seconds(work, 2, LINKS["10 Gbit/s"])
    assert measured_text(rows, {"lenet": work}) == (
        "- LeNet-5, x: 8 images/s by 1 process, 12 by 2 processes, 1.20 (1.00-1.50) "
        "times as many. A step of both takes 233.3 ms beside its share of the "
        f"computing; the model has {modeled:.1f} ms for 10 Gbit/s."
    )


def test_blocks_of_the_page_are_filled_and_nothing_else():
    from scaling import fill

    page = "a\n<!-- scaling.py: b -->\nold\n<!-- end -->\nc\n<!-- end -->\n"
    new = "a\n<!-- scaling.py: b -->\nnew\n<!-- end -->\nc\n<!-- end -->\n"
    assert fill(page, {"b": "new"}) == new
    assert fill(new, {"b": "new"}) == new


def test_page_has_the_blocks_that_are_filled():
    page = (ROOT / "docs" / "scaling.md").read_text("utf-8")
    for name in ("networks", "comparison", "measured"):
        _, found, rest = page.partition(f"<!-- scaling.py: {name} -->\n")
        assert found
        assert rest.partition("\n<!-- end -->")[0].strip()


def test_figure_has_a_line_for_each_network(work):
    from scaling_figure import plot_scaling
    from scaling_grid import Grid

    from kerascnn.models import MODELS

    works = {name: work for name in MODELS}
    stages = {"lenet": [[3600.0, 3600.0]]}
    grid = Grid(measured=stages, at_best=stages, estimated={})
    left, right = plot_scaling(works, grid, "10 Gbit/s", (1, 2, 4)).axes
    titles = {text.get_text() for text in left.texts}
    assert titles >= {entry.title for entry in MODELS.values()}
    assert list(right.lines[1].get_ydata()) == [2, 1, 1]


@pytest.mark.slow  # starts TensorFlow anew
def test_a_process_on_a_core_trains_and_says_how_fast():
    from scaling_measure import train

    if shutil.which("taskset") is None:
        pytest.skip("taskset is of Linux")
    row = train("lenet", 1, 1280)
    assert row["steps"] == 3 * 10
    assert row["images_per_second"] > 0
    assert 0 < row["training_loss"] < 2.5
    assert 0.1 < row["validation_accuracy"] <= 1
