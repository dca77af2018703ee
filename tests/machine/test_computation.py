"""What decides the bits: the record of it, and what differs."""

import json
from dataclasses import replace

import pytest

from kerascnn.errors import RunError
from kerascnn.machine.computation import (
    Computation,
    Parallelism,
    differences,
)
from kerascnn.machine.environment import describe_environment

COMPUTATION = Computation(
    processor="A fast one",
    instruction_set="AVX2",
    parallelism=Parallelism(batch_parts=2, intra_op_threads=1, inter_op_threads=2),
    layer_plan={"block1_conv": "pooled"},
)


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
            "batch_parts has to be a whole number from 1 to 1024, but got '2'",
        ),
        (
            replace(
                COMPUTATION,
                parallelism=replace(COMPUTATION.parallelism, intra_op_threads=10**9),
            ).to_dict(),
            "intra_op_threads has to be a whole number from 1 to 1024, but got 10000",
        ),
        (
            COMPUTATION.to_dict() | {"layer_plan": ["pooled"]},
            "layer_plan has to be an object .* but got",
        ),
        (
            COMPUTATION.to_dict() | {"layer_plan": {"block1_conv": 2}},
            "layer_plan has to be an object .* but got",
        ),
    ],
)
def test_something_else_is_one_error(value, message):
    with pytest.raises(RunError, match=message):
        Computation.from_dict(value)


def test_computation_of_an_earlier_version_tells_no_plan():
    value = COMPUTATION.to_dict()
    del value["layer_plan"]
    value["exchanged_layers"] = {"block1_conv": "PooledConv2D"}
    assert Computation.from_dict(value) == replace(COMPUTATION, layer_plan=None)


@pytest.fixture
def environment():
    """What the environment.json of a run holds."""
    return json.loads(json.dumps(describe_environment(["CPU:0"], COMPUTATION)))


def test_same_machine_has_no_differences(environment):
    assert differences(environment, describe_environment(["CPU:0"], COMPUTATION)) == []
    later = environment | {"cores": 1, "platform": "another", "command": []}
    assert differences(environment, later) == []


def test_other_gpus_and_their_libraries_are_differences(environment):
    gpus = {
        "names": ["Tesla T4"],
        "compute_capabilities": ["7.5"],
        "cuda": "12.5.1",
        "cudnn": "9",
        "tf32": True,
    }
    then = environment | {"gpus": gpus}
    assert differences(then, json.loads(json.dumps(then))) == []
    other = {
        "names": ["NVIDIA L4"],
        "compute_capabilities": ["8.9"],
        "cuda": "13.0",
        "cudnn": "10",
        "tf32": False,
    }
    assert differences(then, environment | {"gpus": other}) == [
        "GPUs Tesla T4 then, NVIDIA L4 now",
        "compute capabilities 7.5 then, 8.9 now",
        "CUDA 12.5.1 then, 13.0 now",
        "cuDNN 9 then, 10 now",
        "TF32 on then, off now",
    ]
    assert len(differences(then, environment)) == len(gpus)


def test_differences_are_told_one_by_one(environment):
    other = replace(
        COMPUTATION,
        instruction_set="AVX-512 with bf16",
        parallelism=replace(COMPUTATION.parallelism, intra_op_threads=4),
        layer_plan={},
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
        "ways of layers block1_conv (pooled) then, none now",
    ]
