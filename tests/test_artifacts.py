"""What users type, and the model that it stands for."""

import json

import pytest

from kerascnn.artifacts import exported_artifacts, find_artifact, open_artifact
from kerascnn.errors import ModelFileError, RunError, UnknownNameError


def saved_model(folder):
    folder.mkdir(parents=True)
    (folder / "saved_model.pb").write_bytes(b"123")
    (folder / "variables").mkdir()
    (folder / "variables" / "data").write_bytes(b"4567")
    return folder


def test_run_stands_for_its_model(lenet_run):
    out = lenet_run.path.parent
    for reference in (None, lenet_run.name, str(lenet_run.path)):
        artifact = find_artifact(reference, out)
        assert artifact.path == lenet_run.model_path
        assert (artifact.format, artifact.dataset) == ("keras", "mnist")
        assert artifact.source == lenet_run.path
        assert artifact.run == lenet_run
    assert find_artifact(str(lenet_run.model_path), out).run == lenet_run


def test_files_are_told_by_their_names_and_folders_by_their_content(tmp_path):
    for name, kind in (
        ("a.tflite", "tflite"),
        ("a.onnx", "onnx"),
        ("a.keras", "keras"),
    ):
        (tmp_path / name).write_bytes(b"12345")
        artifact = find_artifact(str(tmp_path / name), tmp_path)
        assert (artifact.format, artifact.run, artifact.size_bytes) == (kind, None, 5)
    folder = saved_model(tmp_path / "served" / "2")
    saved_model(tmp_path / "served" / "10")
    assert open_artifact(folder).path == folder
    artifact = open_artifact(tmp_path / "served")
    assert artifact.path == tmp_path / "served" / "10"
    assert artifact.source == tmp_path / "served"
    assert (artifact.format, artifact.size_bytes) == ("saved-model", 7)


def test_data_set_is_given_or_that_of_the_export_or_mnist(tmp_path):
    path = tmp_path / "model.tflite"
    path.write_bytes(b"")
    assert open_artifact(path).dataset == "mnist"
    for broken in ("{", "[1]", '{"dataset": "none"}'):
        (tmp_path / "export.json").write_text(broken)
        assert open_artifact(path).dataset == "mnist"
    (tmp_path / "export.json").write_text(json.dumps({"dataset": "kmnist"}))
    assert open_artifact(path).dataset == "kmnist"
    assert (
        open_artifact(saved_model(tmp_path / "saved_model" / "1")).dataset == "kmnist"
    )
    assert open_artifact(path, "cifar10").dataset == "cifar10"
    with pytest.raises(UnknownNameError, match="Did you mean 'mnist'"):
        open_artifact(path, "mnits")


def test_exports_are_listed_without_rejected_ones(tmp_path):
    for name in (
        "model.onnx",
        "model.tflite",
        "model-int8.tflite.rejected",
        "README.md",
    ):
        (tmp_path / name).write_bytes(b"")
    saved_model(tmp_path / "saved_model" / "1")
    names = [artifact.source.name for artifact in exported_artifacts(tmp_path)]
    assert names == ["saved_model", "model.tflite", "model.onnx"]
    assert exported_artifacts(tmp_path / "none") == []


def test_what_is_not_there_is_one_line(tmp_path):
    with pytest.raises(ModelFileError, match=r"no model file .*no.tflite\. Give a run"):
        find_artifact(str(tmp_path / "no.tflite"), tmp_path)
    (tmp_path / "folder").mkdir()
    with pytest.raises(RunError, match="is no run"):
        find_artifact(str(tmp_path / "folder"), tmp_path)
