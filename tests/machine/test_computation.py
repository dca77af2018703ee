"""What decides the bits: parts and threads as they are chosen, and what differs."""

import json
from dataclasses import replace

import pytest

from kerascnn.errors import RunError
from kerascnn.machine.computation import (
    Computation,
    Parallelism,
    choose_parallelism,
    differences,
)
from kerascnn.machine.environment import describe_environment

COMPUTATION = Computation(
    processor="A fast one",
    instruction_set="AVX2",
    parallelism=Parallelism(batch_parts=2, intra_op_threads=1, inter_op_threads=2),
    exchanged_layers={"block1_conv": "PooledConv2D"},
)


def choose(*, cores, batch_size=64, splits_batches=True, intra=0, inter=0):
    """Parts, threads of an operation and operations side by side."""
    chosen = choose_parallelism(
        batch_size,
        splits_batches=splits_batches,
        cores=cores,
        intra_op_threads=intra,
        inter_op_threads=inter,
    )
    return chosen.batch_parts, chosen.intra_op_threads, chosen.inter_op_threads


@pytest.mark.parametrize(
    ("cores", "batch_size", "parts"),
    [
        (1, 64, 1),
        (2, 64, 2),
        (3, 64, 2),
        (8, 64, 4),
        (2, 31, 1),
        (2, 30, 1),
        (3, 48, 3),
    ],
)
def test_each_core_has_an_equal_part(cores, batch_size, parts):
    chosen = choose(cores=cores, batch_size=batch_size)
    assert chosen == (parts, cores // parts, parts)


def test_batches_that_are_not_split_are_left_whole():
    assert choose(cores=4, splits_batches=False) == (1, 4, 4)


def test_threads_that_tensorflow_was_told_of_stay():
    assert choose(cores=2, intra=3) == (2, 3, 2)
    assert choose(cores=2, inter=1) == (2, 2, 1)
    assert choose(cores=4, splits_batches=False, intra=3) == (1, 3, 4)


def test_computation_is_json_and_back():
    value = json.loads(json.dumps(COMPUTATION.to_dict()))
    assert Computation.from_dict(value) == COMPUTATION


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ([], "computation is not as kerascnn writes it"),
        ({}, r"as kerascnn writes it \('parallelism'\)"),
        ({"parallelism": {"batch_parts": 1}}, r"missing .* 'intra_op_threads'"),
        ({"parallelism": COMPUTATION.to_dict()["parallelism"]}, "processor"),
        (COMPUTATION.to_dict() | {"plan": 1}, "unexpected keyword argument 'plan'"),
        (
            replace(
                COMPUTATION,
                parallelism=replace(COMPUTATION.parallelism, batch_parts="2"),
            ).to_dict(),
            "batch_parts has to be a whole number of at least 1, but got '2'",
        ),
    ],
)
def test_something_else_is_one_error(value, message):
    with pytest.raises(RunError, match=message):
        Computation.from_dict(value)


@pytest.fixture
def environment():
    """What the environment.json of a run holds."""
    return json.loads(json.dumps(describe_environment(["CPU:0"], COMPUTATION)))


def test_same_machine_has_no_differences(environment):
    assert differences(environment, describe_environment(["CPU:0"], COMPUTATION)) == []
    later = environment | {"cores": 1, "platform": "another", "command": []}
    assert differences(environment, later) == []


def test_differences_are_told_one_by_one(environment):
    other = replace(
        COMPUTATION,
        instruction_set="AVX-512 with bf16",
        parallelism=replace(COMPUTATION.parallelism, intra_op_threads=4),
        exchanged_layers={},
    )
    now = environment | {
        "packages": environment["packages"] | {"tensorflow": "9.0"},
        "devices": ["GPU:0", "GPU:1"],
        "settings": {},
        "computation": other.to_dict(),
    }
    version = environment["packages"]["tensorflow"]
    onednn = environment["settings"].get("TF_ENABLE_ONEDNN_OPTS", {}).get("value")
    assert differences(environment, now) == [
        f"TensorFlow {version} then, 9.0 now",
        "devices CPU:0 then, GPU:0 GPU:1 now",
        *([f"TF_ENABLE_ONEDNN_OPTS {onednn} then, none now"] if onednn else []),
        "instruction set AVX2 then, AVX-512 with bf16 now",
        "threads of an operation 1 then, 4 now",
        "exchanged layers block1_conv (PooledConv2D) then, none now",
    ]
