"""The benchmarks: contenders train what they are told to, and numbers are counted."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import kerascnn

FOLDER = Path(__file__).parent.parent / "benchmarks"
PACKAGE = Path(kerascnn.__file__).parent.parent


@pytest.fixture(autouse=True)
def benchmarks(monkeypatch):
    monkeypatch.syspath_prepend(str(FOLDER))


@pytest.mark.slow  # each starts TensorFlow anew
@pytest.mark.parametrize(
    "contender",
    [
        "kerascnn",
        "kerascnn --ways none",
        "kerascnn --ways pooled,optimizer",
        "keras --onednn",
        "keras --backend jax",
        "pytorch --channels-last --update fused",
    ],
)
def test_contenders_take_turns(contender):
    from turns import Setting, installed, take_turns

    if not installed([contender]):
        pytest.skip("not installed")
    setting = Setting(network="lenet", sizes="recipe")
    first, second = take_turns([contender], setting, turns=2, seconds=0.1)
    assert (first["turn"], second["turn"]) == (0, 1)
    for turn in (first, second):
        assert turn["contender"] == contender
        assert turn["sizes"] == "recipe"
        assert turn["images_per_second"] > 0
        assert turn["first_step_s"] > 0
        assert turn["peak_mib"] > 100


@pytest.mark.slow  # starts TensorFlow anew
def test_a_contender_that_ends_early_is_left_out(capsys):
    from turns import Setting, take_turns

    setting = Setting(network="lenet")
    assert take_turns(["keras --no-such"], setting, turns=1, seconds=0.1) == []
    assert "keras --no-such ended early" in capsys.readouterr().out


def test_an_older_processor_is_imitated_for_all(monkeypatch):
    from turns import PLAIN, environment, instruction_set_name

    assert environment("native", "keras") == PLAIN
    older = environment("AVX2", "kerascnn")
    assert older["ONEDNN_MAX_CPU_ISA"] == "AVX2"
    assert older["ATEN_CPU_CAPABILITY"] == "avx2"
    # TensorFlow would still see the processor that it is, and turn oneDNN on.
    assert environment("AVX2", "keras")["TF_ENABLE_ONEDNN_OPTS"] == "0"
    assert "TF_ENABLE_ONEDNN_OPTS" not in older
    assert instruction_set_name("AVX2") == "AVX2, imitated"


def test_peak_of_memory_is_of_the_process_and_its_children(tmp_path):
    from turns import peak_mib

    for pid, kib, children in (("7", 2048, "8 9"), ("8", 1024, ""), ("9", 512, "")):
        task = tmp_path / pid / "task" / pid
        task.mkdir(parents=True)
        (task / "children").write_text(children)
        (tmp_path / pid / "status").write_text(f"Name:\tx\nVmHWM:\t{kib} kB\n")
    assert peak_mib(7, tmp_path) == 3.5
    assert peak_mib(5, tmp_path) is None


def test_settings_are_those_of_the_recipe_where_asked_for():
    from turns import Setting

    common = Setting(network="mobilenet")
    assert (common.image_size, common.stem, common.batch_size) == (32, "paper", 128)
    recipe = Setting(network="mobilenet", sizes="recipe")
    assert (recipe.image_size, recipe.stem, recipe.batch_size) == (32, "small", 64)


def test_new_rows_take_the_place_of_those_they_supersede(monkeypatch, tmp_path):
    import rows

    monkeypatch.setattr(rows, "RESULTS", tmp_path)
    columns = ("network", "turn", "rate")
    old = [{"network": n, "turn": t, "rate": 1} for n in ("a", "b") for t in (0, 1)]
    rows.replace_rows("some", columns, old, keys=1)
    rows.replace_rows("some", columns, [old[0] | {"rate": 2}], keys=1)
    assert [tuple(row.values()) for row in rows.read_rows("some")] == [
        ("b", "0", "1"),
        ("b", "1", "1"),
        ("a", "0", "2"),
    ]
    assert rows.read_rows("none") == []


def test_what_another_machine_of_a_kind_measured_is_removed(
    monkeypatch, tmp_path, capsys
):
    import machine

    monkeypatch.setattr(machine, "RESULTS", tmp_path)
    monkeypatch.setattr(machine, "busy_share", lambda: 0.5)
    monkeypatch.setattr(machine, "instruction_set", lambda: "AVX-512")
    machine.begin()
    assert "Others use 50% of the processor" in capsys.readouterr().out
    table = tmp_path / "some.csv"
    text = 'instruction_set,rate\nAVX-512,1\n"AVX2, imitated",2\nAVX2,3\n'
    table.write_text(text)
    other = tmp_path / "other.csv"
    other.write_text("rate\n4\n")
    machine.begin()
    assert table.read_text() == text
    path = tmp_path / "machines.json"
    here = json.loads(path.read_text())
    assert here["AVX-512"]["versions"]["tensorflow"].startswith("2.")
    before = {"machine": {"processor": "another"}, "versions": {}}
    path.write_text(json.dumps({"AVX-512": before, "AVX2": before}))
    machine.begin()
    assert table.read_text().split() == ["instruction_set,rate", "AVX2,3"]
    assert other.read_text() == "rate\n4\n"
    assert json.loads(path.read_text()) == here | {"AVX2": before}


def test_share_of_the_processor_that_others_use(tmp_path):
    from machine import busy_share

    assert 0 <= busy_share(0.05) <= 1
    assert busy_share(0, tmp_path / "none") == 0


def turn(contender, number, rate, **more):
    given = {"contender": contender, "turn": str(number), "images_per_second": rate}
    return {**given, "network": "lenet", "stage": "1", "group": "0"} | more


def test_pytorch_competes_in_the_fastest_way_of_the_last_stage():
    from pytorch_choice import choice

    rows = [
        turn("pytorch", 0, "100"),
        turn("pytorch", 1, "100"),
        turn("pytorch --channels-last", 0, "90"),
        turn("pytorch --channels-last", 1, "180"),
    ]
    assert choice(rows) == "pytorch --channels-last"
    rows += [
        turn("pytorch --channels-last", 0, "80", stage="2"),
        turn("pytorch --channels-last --update fused", 0, "85", stage="2"),
    ]
    assert choice(rows) == "pytorch --channels-last --update fused"


def test_each_group_of_the_ablation_has_the_base():
    from ablation import AT_ONCE, BASE, groups

    names = [str(number) for number in range(10)]
    parts = list(groups(names))
    assert [len(part) for part in parts] == [AT_ONCE, 4]
    assert [part[0] for part in parts] == [BASE, BASE]
    assert [name for part in parts for name in part[1:]] == names


def test_ways_of_the_ablation_are_those_of_the_default_plan():
    from ablation import ways
    from turns import Setting

    assert ways(Setting(isa="AVX2", network="lenet")) == [
        *("pooled", "optimizer", "parts")
    ]
    assert {"winograd", "fused"} < set(ways(Setting(isa="AVX2", network="resnet18")))


def test_gains_are_ratios_to_the_base_of_the_same_turn_and_group():
    from ablation import BASE, gains, section, small_gains

    rows = [
        turn(BASE, 0, "100"),
        turn("kerascnn", 0, "200"),
        turn(BASE, 1, "50"),
        turn("kerascnn", 1, "150"),
        turn(BASE, 0, "10", group="1"),
        turn("kerascnn --ways fused", 0, "10.2", group="1"),
        turn("pytorch --update fused", 0, "5", group="1"),
    ]
    found = gains(rows)
    assert found == {
        ("lenet", "kerascnn"): [2, 3],
        ("lenet", "kerascnn --ways fused"): [1.02],
        ("lenet", "PyTorch"): [0.5],
    }
    assert small_gains(found) == ["`kerascnn --ways fused` on lenet 1.020"]
    text = section([row | {"instruction_set": "x", "optimizer": "sgd"} for row in rows])
    assert "| kerascnn | 2.50 (2.00-3.00) |" in text


def test_ratios_of_the_report_are_ours_to_theirs():
    from report import rate_table

    given = {"instruction_set": "x", "optimizer": "sgd"}
    rows = [
        row | given
        for row in (
            turn("kerascnn", 0, "300"),
            turn("pytorch --compile default", 0, "150"),
            turn("keras", 0, "100"),
            turn("kerascnn", 1, "500"),
            turn("pytorch --compile default", 1, "100"),
            turn("keras", 1, "100"),
        )
    ]
    peers = {"PyTorch": "pytorch", "Keras": "keras", "JAX": "keras --backend jax"}
    assert rate_table(rows, "kerascnn", peers).splitlines()[2] == (
        "| x | lenet | sgd | 400 | 125 | 100 |  "
        "| 3.50 (2.00-5.00) | 4.00 (3.00-5.00) |  |"
    )


def test_lenet_is_counted_as_by_hand():
    from roofline import layer_costs, step_bytes, step_operations
    from turns import Setting

    recipe = Setting(network="lenet", sizes="recipe")
    costs = {cost.name: cost for cost in layer_costs(recipe)}
    assert list(costs) == [
        *("block1_conv", "block1_pool", "block2_conv", "block2_pool"),
        *("fc1_dense", "fc2_dense", "predictions"),
    ]
    first, pool, fc1 = (
        costs[name] for name in ("block1_conv", "block1_pool", "fc1_dense")
    )
    assert first.is_first
    assert first.multiply_adds == 28 * 28 * 6 * 25
    assert (first.weights, first.outputs) == (6 * 25 + 6, 28 * 28 * 6)
    assert (pool.weights, pool.multiply_adds, pool.outputs) == (0, 0, 14 * 14 * 6)
    assert (fc1.weights, fc1.multiply_adds, fc1.outputs) == (48_120, 48_000, 120)
    assert sum(cost.multiply_adds for cost in costs.values()) == 416_520
    # The first has no gradient of its input.
    assert step_operations(first, 10) == 4 * 10 * 28 * 28 * 6 * 25
    assert step_operations(fc1, 10) == 6 * 10 * 48_000
    assert step_operations(fc1, 10, winograd=True) == 6 * 10 * 48_000
    # Weights: two reads, the gradient, the state, and the new ones.
    assert step_bytes(fc1, 10, "sgd") == 4 * (7 * 48_120 + 4 * 10 * 120)
    assert step_bytes(first, 10, "adagrad") == 4 * (6 * 156 + 4 * 10 * 28 * 28 * 6)


@pytest.mark.parametrize(
    ("side", "fraction"),
    [(1, 1), (2, 16 / 36), (4, 36 / 144), (8, 36 / 144), (7, 4 * 36 / 441)],
)
def test_winograd_does_a_part_of_the_products(side, fraction):
    from roofline import winograd_fraction

    assert winograd_fraction(side, side) == pytest.approx(fraction)


def test_a_layer_takes_the_longer_of_its_two_times():
    from roofline import LayerCost, least_seconds

    given = {"winograd_multiply_adds": 25}
    wide = LayerCost(name="a", weights=100, multiply_adds=100, outputs=0, **given)
    long = LayerCost(name="b", weights=1, multiply_adds=100, outputs=0, **given)
    rates = {"bytes_per_second": 28, "operations_per_second": 60}
    assert least_seconds([wide, long], 1, "sgd", **rates) == 100 + 10
    assert least_seconds([long], 1, "sgd", winograd=True, **rates) == 2.5


def test_shares_are_of_both_bounds():
    from roofline import layer_costs, least_seconds, section
    from turns import Setting

    rates = {"bytes_per_second": 1e9, "operations_per_second": 1e9}
    costs = layer_costs(Setting(network="vgg16"))
    bounds = [
        128 / least_seconds(costs, 128, "sgd", winograd=winograd, **rates)
        for winograd in (False, True)
    ]
    given = {"instruction_set": "x", "network": "vgg16", "optimizer": "sgd"}
    given |= {"sizes": "common", "precision": "float32"}
    rows = [
        turn("kerascnn", 0, str(bounds[0] / 2), **given),
        turn("pytorch --update fused", 0, str(bounds[0]), **given),
    ]
    measured = [
        {"instruction_set": "x", "what": what, "rate": "1e9"}
        for what in ("memory", "float32")
    ]
    first, second = (bounds[0] / bounds[1] * share for share in (0.5, 1))
    assert (
        f"{bounds[0]:,.0f} | {bounds[1]:,.0f} "
        f"| 50% / {first:.0%} | 100% / {second:.0%} |  |  |"
    ) in section(measured, rows)


def test_memory_bandwidth_counts_three_arrays():
    from roofline import memory_bandwidth

    assert 1e8 < memory_bandwidth(2, numbers=2**16) < 1e13


def test_errors_of_layers_are_relative():
    from accuracy_of_layers import max_error, rms_error, section

    values, right = np.array([1.0, 2.0, 4.4]), np.array([1.0, 2.0, 4.0])
    assert max_error(values, right) == pytest.approx(0.1)
    assert rms_error(values, right) == pytest.approx(0.4 / np.sqrt(21))
    given = {"way": "w", "computed_by": "Keras", "case": "c"}
    rows = [
        given | {"quantity": quantity, "max_error": error, "rms_error": "1e-8"}
        for quantity in ("output", "input gradient", "weight gradient")
        for error in ("1e-7", "2e-7")
    ]
    cell = "2.0e-07 (1.0e-08)"
    assert f"| w | 1 | Keras | {cell} | {cell} | {cell} |" in section(rows)


def test_layers_are_held_against_float64():
    from accuracy_of_layers import Case, measure
    from keras import layers

    pooled = (layers.Conv2D(6, 5, padding="same"), layers.MaxPooling2D(2))
    rows = measure(Case("pooled", pooled, (28, 28, 1)))
    assert {row["computed_by"] for row in rows} >= {"kerascnn", "Keras"}
    assert {row["quantity"] for row in rows} == {
        *("output", "input gradient", "weight gradient")
    }
    assert all(0 < float(row["max_error"]) < 1e-5 for row in rows)
    # Keras does this one itself.
    assert measure(Case("small", (layers.Dense(3),), (2,))) == []


def test_differences_of_trainings_are_of_pairs():
    from accuracy_of_training import difference, section

    mean, half = difference([(3, 1), (2, 1), (4, 1)])  # 2, 1, 3
    assert mean == 2
    assert half == pytest.approx(4.302653 / np.sqrt(3), rel=1e-6)
    assert np.isnan(difference([(3, 1)])[1])
    place = {"instruction_set": "AVX2", "network": "lenet", "test_loss": "0"}
    rows = [
        place | {"seed": str(seed), "way": way, "test_accuracy": str(accuracy)}
        for way, accuracies in (
            ("kerascnn", (0.99, 0.98, 0.97)),
            ("keras", (0.98, 0.98, 0.98)),
            ("16 bits", (0.97, 0.96, 0.95)),
        )
        for seed, accuracy in enumerate(accuracies)
    ]
    assert (
        "| AVX2 | lenet | 3 x 54,000 | 3 | 98.00% | 98.00% | 96.00% "
        "| +0.00 ± 2.48 | -2.00 ± 2.48 |"
    ) in section(rows)


@pytest.mark.slow  # starts TensorFlow anew
def test_plain_script_trains_and_says_how_fast():
    done = subprocess.run(
        [sys.executable, FOLDER / "plain_script.py", "lenet", "0.01", "0", "2", "1600"],
        env={"PYTHONPATH": str(PACKAGE), "TF_CPP_MIN_LOG_LEVEL": "3"},
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    answer = json.loads(done.stdout.splitlines()[-1])
    assert answer["epochs"] == 2
    assert not answer["reached"]
    assert 0.5 < answer["validation_accuracy"] < 0.99
    assert 0.5 < answer["test_accuracy"] < 0.99
    assert answer["seconds"] > 2 * 1600 / answer["images_per_second"]


def row(network, contender, rate, seconds, **more):
    given = {"epochs": "7", "reached": "True", "test_accuracy": "0.992"} | more
    return {
        **{"instruction_set": "x", "network": network, "contender": contender},
        **{"rate": rate, "seconds": seconds, "validation_accuracy": "0.991"},
        **given,
    }


def test_time_to_accuracy_pairs_the_seeds():
    from time_to_accuracy import CONSTANT, PLAIN, summaries

    rows = [
        row("lenet", PLAIN, "0.03", "90", reached="False"),
        row("lenet", PLAIN, "0.01", "200", epochs="8", test_accuracy="0.988"),
        row("lenet", "kerascnn", "recipe", "50"),
        row("lenet", "kerascnn", "recipe", "40"),
        row("lenet", PLAIN, "0.01", "100", epochs="12", reached="False"),
        row("vgg16", PLAIN, "first epoch", "2000", epochs="1", reached="False"),
        row("resnet18", PLAIN, "first epoch", "900", epochs="1", reached="False"),
        row("resnet18", "kerascnn", "recipe", "300", epochs="3"),
        row("mobilenet", PLAIN, "first epoch", "600", epochs="1", reached="False"),
        row("mobilenet", "kerascnn", "recipe", "300", epochs="2"),
        row("mobilenet", CONSTANT, "0.01", "200", epochs="2", reached="False"),
        row("mobilenet", CONSTANT, "0.03", "200", epochs="2", reached="False"),
        row("alexnet", PLAIN, "first epoch", "500", epochs="1", reached="False"),
        row("alexnet", "kerascnn", "recipe", "300", epochs="3"),
        row("alexnet", CONSTANT, "0.01", "200", epochs="3", reached="False"),
        row("alexnet", CONSTANT, "0.03", "200", epochs="2"),
    ]
    ours = ["7", "40 to 50", "99.20%", PLAIN]
    longer = "100 to 200 (1 of 2 not there)"
    assert list(summaries(rows)) == [
        ["x", "lenet", *ours, "0.01", "8 to 12", longer, "98.80% to 99.20%", "0.33"],
        [
            *("x", "resnet18", "3", "300", "99.20%", PLAIN),
            *("any", "at least 1", "at least 900", "", "at most 0.33"),
        ],
        [
            *("x", "mobilenet", "2", "300", "99.20%", PLAIN),
            *("0.01, 0.03", "at least 3", "at least 1800", "", "at most 0.17"),
        ],
        [
            *("x", "alexnet", "3", "300", "99.20%", PLAIN),
            *("0.03", "2", "1000", "", "0.30"),
        ],
    ]


@pytest.mark.parametrize("sizes", ["common", "recipe"])
def test_networks_of_the_peer_have_the_same_weights(sizes):
    torch = pytest.importorskip("torch")
    from networks_torch import BUILDERS
    from turns import Setting

    for name, build in BUILDERS.items():
        setting = Setting(network=name, sizes=sizes)
        size = setting.image_size
        network = build(size, setting.stem).eval()
        parameters = sum(weights.numel() for weights in network.parameters())
        ours = setting.build().trainable_weights
        assert parameters == sum(np.prod(weights.shape) for weights in ours)
        assert network(torch.zeros(2, 1, size, size)).shape == (2, 10)
