"""The folder of a comparison: opened, told apart, and checked against its runs."""

import hashlib
import json
import re
from dataclasses import replace

import pytest

from kerascnn.comparison.folder import ComparisonFolder, open_comparison
from kerascnn.errors import ConfigError, RunError


def test_settings_are_written_once_and_need_not_be_repeated(made):
    folder = made.make(target=0.9)
    text = (folder.path / "plan.json").read_text()
    assert json.loads(text)["target"] == 0.9
    again = open_comparison(folder.path, {})
    assert again.protocol == folder.protocol
    assert made.make(target=0.9).protocol == folder.protocol
    assert (folder.path / "plan.json").read_text() == text


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"epochs": 4}, "has epochs of lenet = 3, but 4 is asked for"),
        ({"target": 0.9}, "has target = 0.97, but 0.9 is asked for"),
        ({"models": ("vgg16",)}, "has models = lenet, but vgg16 is asked for"),
        (
            {"optimizers": ("sgd", "adam")},
            "has optimizers = sgd adagrad, but sgd adam is asked for",
        ),
    ],
)
def test_other_settings_are_an_error_that_names_the_first(made, settings, message):
    made.make()
    with pytest.raises(ConfigError, match=re.escape(message)) as error:
        made.make(**settings)
    assert "--out" in str(error.value)


def test_bad_settings_leave_no_folder(tmp_path):
    with pytest.raises(ConfigError):
        open_comparison(tmp_path / "new", {"seeds": 1})
    assert not (tmp_path / "new").exists()


def test_file_that_is_no_json_is_an_error(made):
    folder = made.make()
    (folder.path / "plan.json").write_text("{")
    with pytest.raises(RunError, match=r"Cannot read .*plan\.json.*--out"):
        open_comparison(folder.path, {})
    (folder.path / "plan.json").write_text("[]")
    with pytest.raises(RunError, match="one JSON object"):
        open_comparison(folder.path, {})


def test_plan_that_was_edited_is_refused(made):
    folder = made.make(target=0.9)
    path = folder.path / "plan.json"
    digest = folder.protocol.digest()
    assert digest == hashlib.sha256(path.read_bytes()).hexdigest()
    path.write_text(path.read_text().replace('"seeds": 3', '"seeds":  3'))
    with pytest.raises(ConfigError, match="was edited"):
        _ = folder.protocol
    path.write_text(path.read_text().replace('"tie_seed": 1000', '"tie_seed": 1'))
    with pytest.raises(
        ConfigError, match=r"another version of kerascnn .* other rules"
    ):
        _ = folder.protocol


def test_run_of_another_plan_is_an_error(made):
    folder, other = made.make(), made.make(name="other", target=0.9)
    made.write_run(folder.runs_path, other.left()[0])
    with pytest.raises(RunError, match=r"plan_digest = .*, but the comparison plans"):
        folder.outcomes()


def test_left_are_the_runs_that_are_known_and_not_done(made):
    folder = made.make()
    first, *others = folder.left()
    assert len(others) == 5
    made.write_run(folder.runs_path, first)
    assert folder.left() == others
    made.do_runs(folder, made.inside)
    assert folder.left() == []
    stages = [run.stage for run in folder.planned()]
    assert (stages.count("tuning"), stages.count("final")) == (6, 6)


def test_unfinished_run_is_left(made):
    folder = made.make()
    run = folder.left()[0]
    (made.write_run(folder.runs_path, run).path / "metrics.json").unlink()
    assert folder.left()[0] == run


def test_run_with_other_settings_is_an_error(made):
    folder = made.make()
    run = made.write_run(folder.runs_path, folder.left()[0])
    text = (run.path / "config.json").read_text()
    (run.path / "config.json").write_text(text.replace('"seed": 0', '"seed": 7'))
    with pytest.raises(RunError, match="seed = 7, but the comparison plans 0"):
        folder.outcomes()
    # A scheduler may choose where to compute.
    changed = text.replace('"device": "auto"', '"device": "cpu"')
    (run.path / "config.json").write_text(changed)
    assert run.name in folder.outcomes()


def test_run_that_has_read_the_test_images_is_an_error(made):
    folder = made.make()
    run = made.write_run(folder.runs_path, folder.left()[0])
    measured = replace(run.metrics, test_accuracy=0.9)
    run.write_json("metrics.json", measured.to_dict())
    with pytest.raises(RunError, match="has measured the test images"):
        folder.outcomes()


def test_run_that_does_not_belong_is_left_alone(made):
    folder = made.make()
    planned = folder.left()
    run = made.write_run(folder.runs_path, planned[0])
    run.path.rename(folder.runs_path / "my-own")
    assert folder.left() == planned


def test_second_process_is_told_to_wait(made):
    folder = made.make()
    message = "being worked on by another process. Wait for it"
    again = ComparisonFolder(folder.path)
    with folder.locked(), pytest.raises(RunError, match=message), again.locked():
        pass


def test_networks_are_left_out_for_good_and_with_a_reason(made):
    folder = made.make(models=("lenet", "vgg16"))
    folder.leave_out({"vgg16": "It takes too long."})
    folder.leave_out({"vgg16": "Said again."})
    assert folder.left_out() == {"vgg16": "It takes too long."}
    assert list(folder.protocol.compared) == ["lenet"]
    with pytest.raises(ConfigError, match=r"alexnet cannot be left out: .* lenet"):
        folder.leave_out({"alexnet": ""})
    with pytest.raises(ConfigError, match="lenet: one network has to be left"):
        folder.leave_out({"lenet": ""})
    folder.write_json("left_out.json", {"vgg17": "a slip"})
    with pytest.raises(ConfigError, match=r"left_out\.json names vgg17, but"):
        _ = folder.protocol


def test_no_network_is_left_out_once_test_accuracies_are_known(made):
    folder = made.make(models=("lenet", "vgg16"))
    folder.write_json("test.json", {})
    with pytest.raises(RunError, match="accuracies are known"):
        folder.leave_out({"vgg16": "It did worse."})
    assert folder.left_out() == {}
