"""What users type, and the model that it stands for."""

import json
import os
import shutil
from dataclasses import replace

import pytest

from kerascnn.data.facts import DatasetFacts
from kerascnn.errors import ModelFileError, RunError, UnknownNameError
from kerascnn.model_files.find import exported_artifacts, find_artifact, open_artifact
from kerascnn.runs.folder import Run

LEAVES = DatasetFacts(
    name="leaves", image_shape=(28, 28, 1), class_names=("oak", "beech", "elm")
)


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
        assert (artifact.format, artifact.dataset) == ("keras", lenet_run.dataset)
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
        artifact = find_artifact(str(tmp_path / name), tmp_path, "mnist")
        assert (artifact.format, artifact.run, artifact.size_bytes) == (kind, None, 5)
    folder = saved_model(tmp_path / "served" / "2")
    saved_model(tmp_path / "served" / "10")
    assert open_artifact(folder, "mnist").path == folder
    artifact = open_artifact(tmp_path / "served", "mnist")
    assert artifact.path == tmp_path / "served" / "10"
    assert artifact.source == tmp_path / "served"
    assert (artifact.format, artifact.size_bytes) == ("saved-model", 7)


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "export" / "model.tflite"
    path.parent.mkdir()
    path.write_bytes(b"")
    return path


def test_facts_of_a_file_are_those_of_the_report_beside_it(file):
    report = file.parent / "export.json"
    report.write_text(json.dumps({"dataset": LEAVES.to_dict()}))
    assert open_artifact(file).dataset == LEAVES
    folder = saved_model(file.parent / "saved_model" / "1")
    assert open_artifact(folder).dataset == LEAVES
    assert open_artifact(folder.parent).dataset == LEAVES
    assert open_artifact(file, "cifar10").dataset == DatasetFacts.from_table("cifar10")
    with pytest.raises(UnknownNameError, match="Did you mean 'mnist'"):
        open_artifact(file, "mnits")


def test_older_reports_name_a_row_of_the_table(file):
    (file.parent / "export.json").write_text(json.dumps({"dataset": "kmnist"}))
    assert open_artifact(file).dataset == DatasetFacts.from_table("kmnist")


def test_file_away_from_its_report_is_asked_about(file):
    (file.parent.parent / "export.json").write_text('{"dataset": "kmnist"}')
    with pytest.raises(ModelFileError) as caught:
        open_artifact(file)
    assert str(caught.value) == (
        f"It is not known which data {file} is for: no export.json is beside it. Give "
        "--dataset NAME."
    )


def write_temperatures(report, **temperatures):
    """A report of files of such names, in a folder that is elsewhere now."""
    rows = [
        {"path": f"runs/a/{name.replace('_', '.')}", "temperature": value}
        for name, value in temperatures.items()
    ]
    report.write_text(json.dumps({"dataset": "mnist", "files": rows}))


def test_temperature_is_that_of_the_run(lenet_run, tmp_path):
    run = Run(shutil.copytree(lenet_run.path, tmp_path / "run"))
    for temperature in (None, 1.5):
        metrics = replace(run.metrics, temperature=temperature)
        run.write_json("metrics.json", metrics.to_dict())
        assert find_artifact("run", tmp_path).temperature == temperature
        assert open_artifact(run.model_path).temperature == temperature
        assert open_artifact(run.model_path, "mnist").temperature is None


def test_temperature_of_a_file_is_in_its_row_of_the_report(file):
    report = file.parent / "export.json"
    (file.parent / "other.onnx").write_bytes(b"")
    folder = saved_model(file.parent / "saved_model" / "1")
    write_temperatures(report, other_onnx=2.5, model_tflite=1.5, **{"1": 3})
    assert open_artifact(file).temperature == 1.5
    assert open_artifact(file.parent / "other.onnx").temperature == 2.5
    assert open_artifact(folder).temperature == 3
    assert open_artifact(folder.parent).temperature == 3
    assert open_artifact(file, "mnist").temperature is None
    write_temperatures(report, other_onnx=2.5)
    assert open_artifact(file).temperature is None
    write_temperatures(report, model_tflite=None)
    assert open_artifact(file).temperature is None
    for rows in (None, 7, [7, {}, {"path": None}], {"path": "model.tflite"}):
        report.write_text(json.dumps({"dataset": "mnist", "files": rows}))
        assert open_artifact(file).temperature is None


@pytest.mark.parametrize("wrong", [0, -1, "hot", [1], True, 1e400, 10**400])
def test_temperature_that_cannot_be_is_one_line(file, wrong):
    report = file.parent / "export.json"
    write_temperatures(report, model_tflite=wrong)
    with pytest.raises(ModelFileError) as caught:
        open_artifact(file)
    if not isinstance(wrong, float):  # JSON has no infinity
        assert "temperature of model.tflite" in str(caught.value)
        assert "[0.1, 10], but is" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "data its files are for: it is not JSON .Expecting property name"),
        ('{"dataset": "none"}', "files are for: There is no dataset 'none'"),
        ("[1]", "cannot be read: they are no JSON object"),
        ("{}", "cannot be read: they are no JSON object"),
        ('{"dataset": {"schema": 1}}', "cannot be read: name is missing"),
    ],
)
def test_damaged_report_is_one_line(file, text, message):
    report = file.parent / "export.json"
    report.write_text(text)
    with pytest.raises(RunError, match=message) as caught:
        open_artifact(file)
    assert str(report) in str(caught.value)
    assert "\n" not in str(caught.value)
    assert open_artifact(file, "mnist").dataset.name == "mnist"


def test_keras_file_of_a_run_is_the_run_unless_its_data_are_given(lenet_run):
    assert open_artifact(lenet_run.model_path).run == lenet_run
    artifact = open_artifact(lenet_run.model_path, "kmnist")
    assert (artifact.run, artifact.dataset.name) == (None, "kmnist")


def test_exports_are_listed_without_rejected_ones(tmp_path):
    run = Run(tmp_path)
    run.write_json("dataset.json", LEAVES.to_dict())
    for name in (
        "model.onnx",
        "model.tflite",
        "model-int8.tflite.rejected",
        "README.md",
        "micro/model_data.cc",  # is for other machines
    ):
        run.write_text(f"export/{name}", "")
    saved_model(tmp_path / "export" / "saved_model" / "1")
    artifacts = exported_artifacts(run)
    names = [artifact.source.name for artifact in artifacts]
    assert names == ["saved_model", "model.tflite", "model.onnx"]
    assert {artifact.dataset.name for artifact in artifacts} == {"leaves"}
    with pytest.raises(ModelFileError, match="are others"):
        exported_artifacts(run, "cifar10")
    shutil.rmtree(tmp_path / "export")
    assert exported_artifacts(run) == []


def test_what_is_not_there_is_one_line(tmp_path):
    with pytest.raises(ModelFileError, match=r"no model file .*no.tflite\. Give a run"):
        find_artifact(str(tmp_path / "no.tflite"), tmp_path)
    (tmp_path / "folder").mkdir()
    with pytest.raises(RunError, match="is no run"):
        find_artifact(str(tmp_path / "folder"), tmp_path)


def test_what_is_no_file_or_too_large_is_no_model(file, lenet_run, tmp_path):
    run = Run(shutil.copytree(lenet_run.path, tmp_path / "run"))
    exported = run.path / "export" / "model.tflite"
    exported.parent.mkdir()
    for path, use in (
        (file, lambda: open_artifact(file, "mnist")),
        (exported, lambda: exported_artifacts(run)),
    ):
        path.unlink(missing_ok=True)
        os.mkfifo(path)
        with pytest.raises(ModelFileError, match=f"There is no model file {path}"):
            use()
        path.unlink()
        with open(path, "wb") as sparse:
            sparse.truncate(2**40)
        with pytest.raises(ModelFileError, match="has more than 4,000 MB"):
            use()
