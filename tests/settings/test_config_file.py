"""config.json: what was asked for, what it came to, and asking for the same again."""

import json
from dataclasses import replace

import pytest

from kerascnn.errors import ConfigError
from kerascnn.settings.config import TrainConfig
from kerascnn.settings.config_file import SCHEMA, ConfigFile, read_config
from kerascnn.settings.recipes import RECIPES

ASKED = TrainConfig(model="lenet", epochs=4, seed=5, limit=640)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "config.json"


def write(path, asked=ASKED):
    """Write the file of a run, and give what it holds."""
    file = ConfigFile(asked, asked.resolve())
    path.write_text(file.to_json())
    return file


@pytest.fixture
def later_recipe(monkeypatch):
    """Change the recipe of LeNet-5, as a later version may."""

    def change(**values):
        monkeypatch.setitem(RECIPES, "lenet", replace(RECIPES["lenet"], **values))

    return change


def test_file_holds_what_was_given_and_all_that_it_came_to(path):
    file = write(path)
    value = json.loads(path.read_text())
    assert list(value) == ["schema", "asked", "settings"]
    assert value["schema"] == SCHEMA
    assert value["asked"] == {"model": "lenet", "epochs": 4, "seed": 5, "limit": 640}
    assert value["settings"] == ASKED.resolve().to_dict()
    assert read_config(path) == file


def test_later_recipe_changes_no_settings(path, later_recipe):
    settings = write(path).settings
    later_recipe(batch_size=32, learning_rates={"sgd": 1.0})
    assert read_config(path).settings == settings
    assert ASKED.resolve() != settings


def test_same_again_is_the_same(path, later_recipe):
    settings = write(path).settings
    assert read_config(path).again() == ASKED
    later_recipe(batch_size=32)
    again = read_config(path).again()
    assert again.resolve() == settings
    assert again.given() == ASKED.given() | {"batch_size": 64}


def test_what_is_given_wins(path):
    write(path)
    assert read_config(path).again(epochs=2) == replace(ASKED, epochs=2)


def test_recipe_values_give_way_to_those_of_another_optimizer_or_network(path):
    write(path)
    file = read_config(path)
    adam = file.again(optimizer="adam")
    assert adam == replace(ASKED, optimizer="adam")
    assert adam.resolve().learning_rate == 0.001
    assert adam.resolve().momentum is None
    vgg16 = file.again(model="vgg16").resolve()
    assert (vgg16.batch_size, vgg16.image_size) == (32, 32)
    assert (vgg16.epochs, vgg16.seed, vgg16.limit) == (4, 5, 640)


def test_what_was_asked_for_stays_with_another_network(path):
    write(path, replace(ASKED, learning_rate=0.2, momentum=0.8))
    vgg16 = read_config(path).again(model="vgg16")
    assert (vgg16.learning_rate, vgg16.momentum) == (0.2, 0.8)
    with pytest.raises(ConfigError, match="momentum does not apply to adam"):
        read_config(path).again(optimizer="adam")


def test_hand_written_settings_are_what_is_asked_for(path):
    path.write_text('{"model": "lenet", "epochs": 7, "momentum": null}')
    file = read_config(path)
    assert file.asked == TrainConfig(model="lenet", epochs=7)
    assert file.settings == file.asked.resolve()
    assert file.again(model="vgg16").epochs == 7


@pytest.mark.parametrize(
    "asked",
    [
        {"model": "lenet"},
        {"model": "lenet", "optimizer": "adagrad", "learning_rate": 0.2, "limit": 640},
        {"model": "mobilenet", "momentum": 0.8, "stem": "paper", "deterministic": True},
    ],
    ids=str,
)
def test_settings_alone_tell_what_the_recipe_does_not_give(path, asked):
    """As kerascnn 0.1 wrote them."""
    config = TrainConfig(**asked)
    path.write_text(json.dumps(config.resolve().to_dict()))
    assert read_config(path) == ConfigFile(config, config.resolve())


def test_settings_alone_stay_when_the_recipe_changes(path, later_recipe):
    settings = TrainConfig(model="lenet", epochs=2).resolve()
    path.write_text(json.dumps(settings.to_dict()))
    later_recipe(batch_size=32)
    file = read_config(path)
    assert file.settings == settings
    assert file.asked == TrainConfig(model="lenet", epochs=2, batch_size=64)


def changed(part=None, **values):
    """A good file with some values changed; those that are `...` are taken out."""
    whole = json.loads(ConfigFile(ASKED, ASKED.resolve()).to_json())
    target = whole if part is None else whole[part]
    target |= values
    for name in [name for name, value in target.items() if value is ...]:
        del target[name]
    return json.dumps(whole).encode()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"{", "is not JSON .*Give the config.json of a run"),
        (b"[1]", "one JSON object"),
        (b"{}", "names no model. Add one of: lenet, "),
        (b'{"epochs": 3}', "names no model"),
        (
            b'{"model": "lenet", "epoch": 3}',
            "no setting 'epoch'. Did you mean 'epochs'",
        ),
        (b'{"model": "lenet", "epochs": "3"}', "epochs has to be .* but got '3'"),
        (b'{"model": ["lenet"]}', r"model has to be a name, but got \['lenet'\]"),
        (b"\xff\xfe", "Cannot read the settings"),
        (None, "Cannot read the settings .* No such file"),
        (changed(schema=3), "schema is 3, but this kerascnn reads 2. Update kerascnn"),
        (changed(schema="2"), "schema is '2', but this kerascnn reads 2"),
        (changed(schema=None), "schema is None"),
        (changed(asked=...), "no part 'asked'. Put it back"),
        (changed(settings=...), "no part 'settings'"),
        (changed(setings={}), "no part 'setings'. Did you mean 'settings'"),
        (changed(asked=[]), r"asked has to be an object of settings, but got \[\]"),
        (changed(settings=7), "settings has to be an object of settings, but got 7"),
        (changed("asked", model=...), "names no model"),
        (changed("asked", epoch=4), "Did you mean 'epochs'"),
        (changed("settings", model=...), "no setting 'model'. Put it back"),
        (changed("settings", stem=...), "no setting 'stem'. Put it back"),
        (changed("settings", batch_size=None), "batch_size has to be .* but got None"),
        (changed("settings", batch_sise=1), "Did you mean 'batch_size'"),
        (
            changed("settings", epochs=7),
            "epochs is 4 in asked, but 7 in settings. Make them the same",
        ),
    ],
)
def test_bad_file_is_one_error(path, text, message):
    if text is not None:
        path.write_bytes(text)
    with pytest.raises(ConfigError, match=message) as caught:
        read_config(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_setting_that_a_later_version_adds_has_its_default(path):
    path.write_bytes(changed("settings", fast_layers=...))
    assert read_config(path).settings.fast_layers is True
