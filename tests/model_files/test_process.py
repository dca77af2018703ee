"""Runtimes in processes of their own: answers, and files that are damaged."""

import shutil
import sys
from pathlib import Path

import numpy as np
import pytest

from kerascnn.errors import MissingExtraError, ModelFileError
from kerascnn.model_files.formats import FORMATS, FormatEntry
from kerascnn.model_files.process import RUNTIMES, RuntimeProcess, require_modules


def test_saved_model_runs_without_keras_and_without_kerascnn(exported, splits):
    with RuntimeProcess(exported / "saved_model" / "1", "saved-model") as process:
        assert process.shapes == ((None, 28, 28, 1), (None, 10))
        process.predict(splits[1].images[:3])
        assert "tensorflow" in process.modules
        assert {"keras", "kerascnn"} & set(process.modules) == set()


def test_tflite_answers_any_number_of_images(exported, lenet, splits):
    images = splits[1].images[:7]
    expected = np.asarray(lenet(images.astype(np.float32)))
    with RuntimeProcess(exported / "model.tflite", "tflite", threads=1) as process:
        assert process.shapes == ((None, 28, 28, 1), (None, 10))
        for batch_size in (1, 3, 7, 100):
            answers = process.predict(images, batch_size=batch_size)
            np.testing.assert_allclose(answers, expected, atol=1e-5)
        assert "tensorflow" not in process.modules
        taken = process.time(images, batch_size=16, seconds=0.01)
        assert len(taken) >= 3
        assert min(taken) > 0
        assert process.peak_bytes() > 20e6


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux names the threads")
def test_tensorflow_does_one_operation_at_a_time_where_threads_are_given(
    exported, splits
):
    path = exported / "saved_model" / "1"
    with RuntimeProcess(path, "saved-model", threads=3) as process:
        process.predict(splits[1].images[:3])
        tasks = Path(f"/proc/{process.process.pid}/task").glob("*/comm")
        names = [file.read_text() for file in tasks]
    assert sum(name.startswith("tf_Compute") for name in names) == 1


def damaged(source, target, change):
    """A copy of a model file in which `change` altered the content."""
    if source.is_dir():
        shutil.copytree(source, target)
        file = target / "saved_model.pb"
        file.write_bytes(change(file.read_bytes()))
    else:
        target.write_bytes(change(source.read_bytes()))
    return target


DAMAGES = {
    "empty": lambda content: b"",
    "text": lambda content: b"hello " * 100,
    "cut short": lambda content: content[: len(content) // 3],
    "zeros": lambda content: content[:8] + bytes(len(content) - 8),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged_tflite_is_one_line(exported, tmp_path, damage):
    path = damaged(exported / "model.tflite", tmp_path / "bad.tflite", DAMAGES[damage])
    with pytest.raises(ModelFileError) as caught:
        RuntimeProcess(path, "tflite").predict(np.zeros((1, 28, 28, 1), np.uint8))
    said = str(caught.value)
    assert said.startswith(f"Cannot run the model in {path}: ")
    assert said.endswith("Export it again, or train again.")
    assert "\n" not in said
    assert "Traceback" not in said


@pytest.mark.parametrize("damage", ["text", "cut short"])
def test_damaged_saved_model_is_one_line(exported, tmp_path, damage):
    path = damaged(exported / "saved_model/1", tmp_path / "bad", DAMAGES[damage])
    with pytest.raises(ModelFileError, match=r"^Cannot run the model in .*again\.$"):
        RuntimeProcess(path, "saved-model")


def test_saved_model_that_reads_files_is_refused(tmp_path):
    import tensorflow as tf

    class Reader(tf.Module):
        @tf.function(
            input_signature=[tf.TensorSpec((None, 28, 28, 1), tf.uint8)],
            autograph=False,
        )
        def read(self, image):
            return {"probabilities": tf.io.read_file("secret")}

    module = Reader()
    tf.saved_model.save(module, tmp_path / "bad", {"serving_default": module.read})
    with pytest.raises(ModelFileError, match="reach for files"):
        RuntimeProcess(tmp_path / "bad", "saved-model")


def test_damaged_keras_file_is_told_as_elsewhere(tmp_path):
    path = tmp_path / "bad.keras"
    path.write_bytes(b"bad")
    with pytest.raises(ModelFileError) as caught:
        RuntimeProcess(path, "keras")
    assert str(caught.value) == (
        f"Cannot load a model from {path}: it is not a zip archive, or cut short. Save "
        "it again with model.save, or train again."
    )


def test_damaged_onnx_is_one_line(tmp_path):
    path = tmp_path / "bad.onnx"
    path.write_bytes(b"bad")
    with pytest.raises(ModelFileError, match=r"^Cannot run .*Protobuf.*train again\.$"):
        RuntimeProcess(path, "onnx")


def test_crash_of_a_runtime_is_one_line(exported, splits):
    with RuntimeProcess(exported / "model.tflite", "tflite") as process:
        process.process.kill()
        with pytest.raises(ModelFileError, match=r"crashed \(SIGKILL\)"):
            process.predict(splits[1].images[:1])


def test_missing_file_and_missing_package_are_one_line(tmp_path):
    with pytest.raises(ModelFileError, match="No such file"):
        RuntimeProcess(tmp_path / "no.tflite", "tflite")
    row = FormatEntry(
        name="x",
        target="",
        title="X",
        summary="",
        suffix="",
        runner="",
        runtime="",
        needs=("json", "no_such_module"),
        extra="onnx",
    )
    with pytest.raises(MissingExtraError, match=r"no_such_module.*kerascnn\[onnx\]"):
        require_modules(row)


def test_every_runner_is_there():
    assert sorted(row.runner for row in FORMATS.values()) == sorted(
        path.stem for path in RUNTIMES.glob("*_runner.py")
    )
