"""The Python API: what it names, what a call does, and what it leaves as it was."""

import ast
import dataclasses
import importlib
import inspect
import json
import shutil
from pathlib import Path
from typing import get_type_hints

import keras
import numpy as np
import pytest

import kerascnn
from kerascnn import errors
from kerascnn.comparison.config import CompareConfig
from kerascnn.comparison.keywords import CompareKeywords
from kerascnn.settings.config import TrainConfig
from kerascnn.settings.keywords import TrainKeywords

NAMES = {
    *("train", "resume", "evaluate", "predict", "export", "benchmark", "compare"),
    *("check_dataset", "Checkup"),
    *("open_run", "list_runs", "remove_run", "load_dataset", "build_model"),
    *("TrainConfig", "MODELS", "DATASETS", "OPTIMIZERS", "FORMATS"),
    *("Run", "Split", "Evaluation", "Classification", "Export"),
    *("Benchmark", "Results", "Reporter", "LineReporter"),
    *("check_dataset", "Checkup"),
}


# Names


def test_all_is_what_is_public():
    classes = vars(errors).values()
    raised = {
        value.__name__
        for value in classes
        if isinstance(value, type) and issubclass(value, errors.KerasCNNError)
    }
    assert sorted(kerascnn.__all__) == sorted(NAMES | raised)
    assert set(kerascnn.__all__) <= set(dir(kerascnn))


def test_type_checkers_see_the_same_names_from_the_same_modules():
    tree = ast.parse(Path(kerascnn.__file__).with_suffix(".pyi").read_text("utf-8"))
    imports = [node for node in tree.body if isinstance(node, ast.ImportFrom)]
    seen = {alias.asname: node.module for node in imports for alias in node.names}
    homes = {name: f"kerascnn.{home}" for name, home in kerascnn._HOMES.items()}
    assert seen == homes


@pytest.mark.parametrize("name", kerascnn.__all__)
def test_each_name_is_that_of_its_module(name):
    home = importlib.import_module(f"kerascnn.{kerascnn._HOMES[name]}")
    assert getattr(kerascnn, name) is getattr(home, name)
    if inspect.isfunction(getattr(home, name)) or inspect.isclass(getattr(home, name)):
        assert getattr(home, name).__module__ == home.__name__
        assert getattr(home, name).__doc__


def test_a_wrong_name_is_a_plain_attribute_error():
    with pytest.raises(AttributeError) as caught:
        _ = kerascnn.trian
    assert str(caught.value) == "module 'kerascnn' has no attribute 'trian'"
    assert not hasattr(kerascnn, "__wrapped__")


IMPORT = """
import sys
before = set(sys.modules)
import kerascnn
dir(kerascnn), kerascnn.__version__
new = set(sys.modules) - before
print(*sorted(name for name in new if name.startswith("kerascnn")))
light = {"__future__", "typing"}
print(*sorted({name.split(".")[0] for name in new} - {"kerascnn"} - light))
kerascnn.MODELS, kerascnn.TrainConfig(model="lenet"), kerascnn.list_runs
print(*sorted({"tensorflow", "keras", "numpy", "matplotlib", "PIL"} & set(sys.modules)))
"""


def test_importing_loads_nothing_and_tables_nothing_heavy(run_python):
    done = run_python("-c", IMPORT)
    assert done.returncode == 0, done.stderr
    ours, others, heavy = done.stdout.split("\n")[:3]
    assert ours == "kerascnn"
    standard = {"abc", "collections", "contextlib", "copyreg", "functools", "itertools"}
    standard |= {"keyword", "operator", "re", "reprlib", "types", "warnings", "enum"}
    assert {name for name in others.split() if name[0] != "_"} <= standard
    assert heavy == ""


@pytest.mark.parametrize(
    ("keywords", "config", "own"),
    [(TrainKeywords, TrainConfig, "model"), (CompareKeywords, CompareConfig, "models")],
)
def test_keywords_are_the_settings(keywords, config, own):
    hints = get_type_hints(config)
    fields = {field.name: hints[field.name] for field in dataclasses.fields(config)}
    del fields[own]
    assert get_type_hints(keywords) == fields


# Calls


class Silent(kerascnn.Reporter):
    """Counts what it is told."""

    def __init__(self):
        self.epochs = 0

    def epoch(self, epoch, row):
        self.epochs += 1


SMALL = {"limit": 640, "validation_fraction": 0.01, "epochs": 1, "test": False}


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    reporter = Silent()
    out = tmp_path_factory.mktemp("runs")
    run = kerascnn.train("lenet", out=out, name="first", reporter=reporter, **SMALL)
    assert reporter.epochs == 1
    return run


def test_train_writes_a_run_as_the_settings_say(run):
    assert isinstance(run, kerascnn.Run)
    assert run.config == kerascnn.TrainConfig(model="lenet", **SMALL)
    assert run.history["accuracy"] == [run.metrics.training_accuracy]
    assert run.figures["curves"].is_file()
    assert run.load_model().name == "lenet_classifier"


def test_taken_name_is_told_before_pictures_are_read(run, tmp_path):
    with pytest.raises(errors.RunError, match=r"There is a run .*first already\."):
        kerascnn.train(
            "lenet", out=run.path.parent, name="first", dataset=str(tmp_path / "none")
        )


@pytest.mark.parametrize("path", [123, b"photos", None])
def test_what_is_no_path_of_a_folder_is_one_line(path):
    with pytest.raises(errors.ConfigError, match=r"^path has to be the path of"):
        kerascnn.check_dataset(path)


def test_runs_are_found_by_name_path_and_as_the_newest(run):
    out = run.path.parent
    assert kerascnn.list_runs(str(out)) == [run]
    assert kerascnn.open_run("first", out) == run
    assert kerascnn.open_run(run.path) == run
    assert kerascnn.open_run(out=str(out)) == run


def test_train_takes_settings_and_changes_to_them(run, monkeypatch):
    from kerascnn.training import train

    calls = []

    def record(*arguments, **options):
        calls.append((arguments, options))
        return run

    monkeypatch.setattr(train, "train_model", record)
    config = kerascnn.TrainConfig(model="lenet", **SMALL)
    reporter = Silent()
    kerascnn.train(config, seed=3, reporter=reporter, out="here")
    expected = dataclasses.replace(config, seed=3)
    (arguments, options) = calls.pop()
    assert arguments == (expected, Path("here"))
    assert options == {
        **{"name": None, "reporter": reporter, "data": None, "class_names": None},
        **{"computed_as": None, "cluster": None},
        "settings": expected.resolve(),
    }
    kerascnn.train("lenet", data=(1, 2), class_names=["a"])
    (_, options) = calls.pop()
    assert options["settings"] is None
    assert (options["data"], options["class_names"]) == ((1, 2), ["a"])
    assert isinstance(options["reporter"], kerascnn.LineReporter)


def test_wrong_settings_are_refused(run):
    with pytest.raises(kerascnn.UnknownNameError, match="Did you mean 'lenet'"):
        kerascnn.train("lenett")
    with pytest.raises(kerascnn.ConfigError, match=r"number in \(0, 1e"):
        kerascnn.train("lenet", learning_rate=-1.0)
    with pytest.raises(TypeError, match="epoch"):
        kerascnn.train("lenet", epoch=1)
    with pytest.raises(kerascnn.UnknownNameError, match="Did you mean 'mnist'"):
        kerascnn.evaluate(run, "mnits")
    with pytest.raises(kerascnn.UnknownNameError, match="Did you mean 'mnist'"):
        kerascnn.predict([[0]], run, dataset="mnits")


def test_resume_returns_a_finished_run(run, capsys):
    for reference in (run, run.path, str(run.path)):
        assert kerascnn.resume(reference) == run
    assert "has finished already." in capsys.readouterr().err
    assert kerascnn.resume("first", out=run.path.parent) == run


def test_evaluate_takes_a_run_its_path_and_files(run, exported):
    out = run.path.parent
    found = [
        kerascnn.evaluate(source, out=out).metrics["accuracy"]
        for source in (run, run.path, "first", None)
    ]
    assert len(set(found)) == 1
    assert 0 < found[0] < 1
    path = exported / "model.tflite"
    assert kerascnn.evaluate(path, "mnist").metrics["accuracy"] > 0.8


def test_predict_takes_every_kind_of_model(lenet_run, lenet, exported, splits):
    images = splits[1].images[:8]
    expected = np.asarray(lenet(images.astype(np.float32), training=False))
    models = [lenet_run, lenet_run.path, str(exported / "model.tflite"), lenet, None]
    for model in models:
        found = kerascnn.predict(images, model, out=lenet_run.path.parent)
        assert isinstance(found, kerascnn.Classification)
        np.testing.assert_allclose(found.probabilities, expected, rtol=1e-3, atol=1e-5)
        assert found.names == [str(label) for label in expected.argmax(axis=1)]


@pytest.mark.slow
def test_export_and_benchmark_say_what_they_made(run, tmp_path, capsys):
    options = {"to": tmp_path, "limit": 100}
    [exported] = kerascnn.export(run, formats=["TFLite"], **options)
    assert (exported.problem, exported.images) == ("", 100)
    said = capsys.readouterr().err
    assert "tflite: agrees within tolerance (0 of 100 classes differ" in said
    options = {"batch_sizes": [4], "seconds": 0.03, "limit": 100}
    alone = kerascnn.benchmark(run, **options)
    assert alone.recommended is alone.to_dict()["recommended"] is None
    measured = kerascnn.benchmark(run, exported.path, **options)
    assert [row.format for row in measured.models] == ["keras", "tflite"]
    assert measured.recommended in measured.models
    document = json.loads(json.dumps(measured.to_dict()))
    assert document["recommended"] == measured.recommended.file


def test_benchmark_takes_a_run_with_its_exports_each_once(run, exported, tmp_path):
    from kerascnn.api import _with_exports

    copy = kerascnn.Run(shutil.copytree(run.path, tmp_path / "first"))
    shutil.copytree(exported, copy.path / "export")
    names = ["first", "saved_model", "model-int8.tflite", "model.tflite"]

    def found(*sources):
        artifacts, _ = _with_exports(sources, None, tmp_path)
        return [artifact.source.name for artifact in artifacts]

    file = copy.path / "export" / "model.tflite"
    for source in (copy, "first", str(copy.path), copy.path):
        assert found(source) == names
    assert found(file, copy) == ["model.tflite", *names[:-1]]
    assert found(run, copy) == ["first", *names]
    # Whoever names the file of a run means the file.
    assert found(copy.model_path) == ["first"]
    assert found(file) == ["model.tflite"]


def test_pages_come_last_in_the_quantizations_that_they_have(run, monkeypatch):
    from kerascnn.exporting import export
    from kerascnn.exporting.html import export as pages

    calls = []

    def record(kind):
        return lambda runs, to, **given: (
            calls.append((kind, runs, given.get("formats"), given["quantizations"]))
            or [kind]
        )

    monkeypatch.setattr("kerascnn.api.require_modules", lambda row: None)
    monkeypatch.setattr(export, "export_run", record("file"))
    monkeypatch.setattr(pages, "export_page", record("page"))
    options = {"quantizations": ["none", "int8"]}
    assert kerascnn.export(run, formats=["html", "saved-model"], **options) == [
        *("file", "page")
    ]
    kerascnn.export([run, run], formats=["html"], quantizations=["float16"])
    kerascnn.export(run, formats=["html", "tflite"], quantizations=["float16"])
    assert calls == [
        ("file", run, ("saved-model",), ("none",)),
        ("page", [run], None, ("none", "int8")),
        ("page", [run, run], None, ("float16",)),
        ("file", run, ("tflite",), ("float16",)),
        ("page", [run], None, ("none",)),
    ]
    with pytest.raises(kerascnn.ConfigError, match="2 were given for saved-model"):
        kerascnn.export([run, run], formats=["saved-model", "html"])


def test_export_takes_no_folder_of_files_for_one_of_runs(run, tmp_path, monkeypatch):
    from kerascnn.exporting import export

    calls = []
    monkeypatch.setattr(export, "export_run", lambda *a, **k: calls.append(a) or [])
    with pytest.raises(kerascnn.ConfigError, match=f"--to {tmp_path}"):
        kerascnn.export(run, out=tmp_path)
    kerascnn.export("first", out=run.path.parent)
    assert calls == [(run, None)]
    with pytest.raises(kerascnn.UnknownNameError, match="Did you mean 'tflite'"):
        kerascnn.export(run, formats=["tflit"])
    (tmp_path / "file").write_text("")
    with pytest.raises(kerascnn.KerasCNNError, match="another folder with --to"):
        kerascnn.export(run, to=tmp_path / "file")


@pytest.mark.parametrize(
    "given",
    [{"seconds": float("inf")}, {"threads": 10**9}, {"batch_sizes": [8, 10**12]}],
)
def test_benchmark_refuses_numbers_without_end(run, given):
    with pytest.raises(kerascnn.ConfigError, match=r"has to be a .*number"):
        kerascnn.benchmark(run, **given)


def test_compare_passes_on_what_was_asked_for(tmp_path, monkeypatch, capsys):
    from kerascnn.comparison import run as comparison_run

    calls = []
    monkeypatch.setattr(
        comparison_run, "run_comparison", lambda *a, **k: calls.append((a, k))
    )
    kerascnn.compare(
        ["lenet", "vgg16"],
        out=tmp_path,
        preset="quick",
        jobs=2,
        leave_out={"vgg16": "It takes too long."},
    )
    [([folder], options)] = calls
    assert list(folder.protocol.networks) == ["lenet", "vgg16"]
    assert list(folder.protocol.compared) == ["lenet"]
    assert folder.protocol.is_rehearsal
    assert (options["jobs"], options["without_failed"]) == (2, False)
    assert "This is a rehearsal" in capsys.readouterr().err


def test_models_and_data_are_built_and_loaded_by_name(splits):
    model = kerascnn.build_model("lenet", (28, 28, 1), 10)
    assert isinstance(model, keras.Model)
    train, test = kerascnn.load_dataset("mnist")
    assert isinstance(test, kerascnn.Split)
    np.testing.assert_array_equal(train.labels, splits[0].labels)


# Processes

SESSION = """
import sys, warnings
warnings.simplefilter("always")
when = sys.argv[1]
if when == "before":
    import os
    os.environ["TF_ENABLE_ONEDNN_OPTS"] = "0"  # as where it is off by default
    import tensorflow
    del os.environ["TF_ENABLE_ONEDNN_OPTS"]
import kerascnn
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    model = kerascnn.build_model("lenet", (28, 28, 1), 10)
    images = kerascnn.load_dataset("mnist")[1].images[:9]
    print(kerascnn.predict(images, model=model).classes.shape)
    kerascnn.predict(images, model=model)
if when == "after":
    import tensorflow
from tensorflow.python.util import _pywrap_util_port
print(sum("without oneDNN" in str(w.message) for w in caught),
      _pywrap_util_port.IsMklEnabled())
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("when", "expected"), [("before", "1 False"), ("after", "0 True")]
)
def test_settings_are_fast_unless_tensorflow_was_there_first(
    run_python, when, expected
):
    from kerascnn.machine.tensorflow import fast_settings

    if "TF_ENABLE_ONEDNN_OPTS" not in fast_settings():
        pytest.skip("oneDNN is for x86")
    done = run_python("-c", SESSION, when, TF_ENABLE_ONEDNN_OPTS=None)
    assert done.stdout.splitlines() == ["(9,)", expected], done.stderr
