"""From what is asked for to what is done, by the pictures that there are."""

import numpy as np
import pytest

from kerascnn.errors import ConfigError
from kerascnn.machine.reporter import Reporter
from kerascnn.settings.config import TrainConfig
from kerascnn.settings.settling import settle


class Listener(Reporter):
    """Keeps what is said."""

    def __init__(self):
        self.messages, self.stages = [], []

    def message(self, text):
        self.messages.append(text)

    def stage(self, text):
        self.stages.append(text)


def settled(dataset, **given):
    listener = Listener()
    config = TrainConfig(model="lenet", dataset=dataset, **given)
    return settle(config, listener), listener.messages


def test_what_is_known_of_a_data_set_is_not_looked_at(monkeypatch):
    from kerascnn.data import DATASETS

    monkeypatch.setattr(type(DATASETS["mnist"]), "load", None)
    settings, messages = settled("mnist")
    assert settings == TrainConfig(model="lenet").resolve()
    assert messages == []
    with pytest.raises(ConfigError, match=r"only 100 training images"):
        settled("mnist", limit=100, batch_size=101)


def test_pictures_are_told_and_chosen_for(digit_folder):
    settings, messages = settled(digit_folder)
    assert messages == [
        "numbers: 240 gray pictures of 3 classes; 173 to train on, 19 (held out, seed "
        "0) for validation, 48 (held out, seed 0) for the test",
        "Chosen for these pictures: 28 pixels a side, the paper stem, batches of 16, "
        "150 epochs",
    ]
    assert (settings.batch_size, settings.epochs) == (16, 150)
    assert settings.dataset == digit_folder


def test_what_is_asked_for_is_not_chosen(digit_folder):
    settings, messages = settled(
        digit_folder,
        **{"epochs": 2, "batch_size": 8, "image_size": 32, "stem": "paper"},
        **{"limit": 90, "validation_fraction": 0.0, "learning_rate": 0.5},
    )
    assert (settings.epochs, settings.batch_size, settings.image_size) == (2, 8, 32)
    assert settings.learning_rate == 0.5
    [message] = messages
    assert "; 90 to train on, 0 for validation, 48 (held out, seed 0)" in message


def test_parts_that_are_there_are_not_called_held_out(tmp_path, write_pictures):
    names = [
        *(f"train/{c}/{n}.png" for c in "ab" for n in range(9)),
        *("val/a/1.png", "val/b/1.png", "test/a/1.png"),
    ]
    pixels = np.zeros((5, 5, 3), np.uint8)
    pixels[..., 1] = 99
    path = write_pictures(tmp_path / "mine", **dict.fromkeys(names, pixels))
    (tmp_path / "mine" / "train" / "a" / "broken.png").write_text("no picture")
    _, messages = settled(path)
    assert messages[:2] == [
        "mine: 21 color pictures of 2 classes; 18 to train on, 2 for validation, 1 for "
        "the test",
        "1 file left out that cannot be read: see `kerascnn datasets check`",
    ]


def test_numbers_are_of_what_can_be_read_and_of_whole_groups(tmp_path, write_pictures):
    """So that the batch that is chosen is never larger than what is left."""
    names = [f"{c}/{group}_{n}.png" for c in "ab" for group in "stuv" for n in range(5)]
    path = write_pictures(
        tmp_path / "mine", **dict.fromkeys(names, np.zeros((4, 4), np.uint8))
    )
    for n in range(30):
        (tmp_path / "mine" / "a" / f"s_broken{n}.png").write_text("no picture")
    settings, [counts, left_out, chosen] = settled(
        path, group_by="^(.)_", validation_fraction=0.3
    )
    assert counts == (
        "mine: 40 gray pictures of 2 classes; 20 to train on, 10 (held out, seed 0) "
        "for validation, 10 (held out, seed 0) for the test"
    )
    assert left_out.startswith("30 files left out")
    assert settings.batch_size == 16
    assert "batches of 16, 1500 epochs" in chosen
    with pytest.raises(ConfigError, match=r"only 20 training images. Set it to 20"):
        settled(path, group_by="^(.)_", validation_fraction=0.3, batch_size=24)
