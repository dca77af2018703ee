"""`kerascnn models`: the numbers of the networks, for people and for programs."""

import json

from click.testing import CliRunner

from kerascnn.commands.models import models


def test_people_get_a_table():
    result = CliRunner().invoke(models)
    assert result.exit_code == 0
    lines = [line.split() for line in result.stdout.splitlines()]
    assert lines[1:] == [
        ["lenet", "28x28x1", "61,706", "416,520", "82,826", "579,240"],
        [
            *("alexnet", "227x227x3", "62,378,344", "1,135,256,096"),
            *("21,598,922", "23,839,104"),
        ],
        [
            *("vgg16", "224x224x3", "138,357,544", "15,470,264,320"),
            *("33,637,066", "330,932,224"),
        ],
        [
            *("resnet18", "224x224x3", "11,699,112", "1,814,073,344"),
            *("11,184,970", "35,410,944"),
        ],
        [
            *("mobilenet", "224x224x3", "4,234,024", "568,740,352"),
            *("3,218,698", "11,448,832"),
        ],
    ]
    assert max(map(len, result.stdout.splitlines())) <= 100


def test_programs_get_all_of_a_row():
    result = CliRunner().invoke(models, ["--json"])
    rows = {row["name"]: row for row in json.loads(result.stdout)}
    assert list(rows) == ["lenet", "alexnet", "vgg16", "resnet18", "mobilenet"]
    resnet18 = rows["resnet18"]
    assert resnet18["reference"].endswith("https://arxiv.org/abs/1512.03385")
    assert resnet18["stems"] == ["paper", "small"]
    assert resnet18["paper"] == {
        "input_shape": [224, 224, 3],
        "num_classes": 1000,
        "parameters": 11_699_112,
        "trainable_parameters": 11_689_512,
        "multiply_adds": 1_814_073_344,
    }
    assert resnet18["small"]["input_shape"] == [32, 32, 1]
    assert resnet18["small"]["parameters"] == 11_184_970
    assert all(row.keys() == resnet18.keys() for row in rows.values())
    assert rows["mobilenet"]["options"] == {"alpha": 1.0, "dropout": 0.001}
    assert resnet18["options"] == rows["lenet"]["options"] == {}
