"""Runtimes in processes of their own: answers, and files that are damaged."""

import errno
import json
import os
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pytest

from kerascnn.errors import ConfigError, MissingExtraError, ModelFileError
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


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells of it")
def test_runtimes_see_no_gpu(exported, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")
    with RuntimeProcess(exported / "model.tflite", "tflite") as process:
        variables = Path(f"/proc/{process.process.pid}/environ").read_bytes()
    assert b"CUDA_VISIBLE_DEVICES=-1" in variables.split(b"\0")


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


def save_module(path, answer):
    """A SavedModel that answers for images by a function of TensorFlow's."""
    import tensorflow as tf

    class Module(tf.Module):
        @tf.function(
            input_signature=[tf.TensorSpec((None, 28, 28, 1), tf.uint8)],
            autograph=False,
        )
        def answer(self, image):
            return {"probabilities": answer(image)}

    module = Module()
    tf.saved_model.save(module, path, {"serving_default": module.answer})
    return path


def even(image):
    """The same probability for each of ten classes."""
    import tensorflow as tf

    return tf.fill((tf.shape(image)[0], 10), 0.1)


ONE = np.zeros((1, 28, 28, 1), np.uint8)


def test_saved_model_that_writes_files_is_run_only_if_trusted(tmp_path):
    import tensorflow as tf

    def write(image):
        with tf.control_dependencies([tf.io.write_file(str(tmp_path / "mark"), "")]):
            return tf.identity(even(image))

    path = save_module(tmp_path / "model", write)
    with pytest.raises(ModelFileError) as caught:
        RuntimeProcess(path, "saved-model")
    assert str(caught.value) == (
        f"Cannot run the SavedModel in {path}: it has WriteFile, which no image "
        "classifier needs, and which could reach files or other programs. Give --trust "
        "if you trust whoever made it."
    )
    assert not (tmp_path / "mark").exists()
    with RuntimeProcess(path, "saved-model", trust=True) as process:
        np.testing.assert_allclose(process.predict(ONE), np.full((1, 10), 0.1))
    assert (tmp_path / "mark").exists()


@pytest.fixture
def endless(tmp_path):
    """A SavedModel that loads and never answers."""
    import tensorflow as tf

    def loop(image):
        zero = tf.cast(image[0, 0, 0, 0], tf.int32)
        [zero] = tf.while_loop(lambda i: i < 1, lambda i: (i * 2,), [zero])
        return even(image) * tf.cast(zero, tf.float32)

    return save_module(tmp_path / "endless", loop)


def test_endless_model_is_ended_after_the_time_limit(endless):
    with RuntimeProcess(endless, "saved-model") as process:
        process.timeout_s = 0.5
        with pytest.raises(ModelFileError) as caught:
            process.predict(ONE)
        assert str(caught.value) == (
            f"The model in {endless} made no progress within 0.5 seconds. Give a "
            "longer --timeout, or another model."
        )
        assert process.process.wait(10) == -signal.SIGKILL


def test_endless_model_ends_with_whoever_asked(endless):
    """However that process ended: its side of the pipe is closed."""
    with RuntimeProcess(endless, "saved-model") as process:
        order = ["predict", {"images": "", "answers": "", "batch_size": 1}]
        np.save(process.images, ONE)
        order[1]["images"] = str(process.images)
        process.process.stdin.write(json.dumps(order) + "\n")
        process.process.stdin.flush()
        time.sleep(0.5)
        assert process.process.poll() is None
        process.process.stdin.close()
        assert process.process.wait(10) == 0
        process.process.stdin = None


@pytest.mark.slow
def test_slow_model_that_gets_on_is_waited_for(exported, splits):
    with RuntimeProcess(exported / "model.tflite", "tflite", threads=1) as process:
        process.timeout_s = 1.5
        taken = process.time(splits[1].images[:1], batch_size=1, seconds=3)
        assert sum(taken) > 2


@pytest.mark.parametrize("timeout_s", [0, -1, float("nan"), float("inf"), 1e12])
def test_time_limit_that_is_none_is_refused(timeout_s):
    with pytest.raises(ConfigError, match="a number of seconds above 0"):
        RuntimeProcess(Path("no.tflite"), "tflite", timeout_s=timeout_s)


def test_answers_for_more_images_than_were_asked_about_are_one_line(tmp_path):
    import tensorflow as tf

    def answer(image):
        return tf.fill((tf.shape(image)[0] + 2, 10), 0.1)

    path = save_module(tmp_path / "odd", answer)
    with (
        pytest.raises(ModelFileError, match=r"gives \(3, 10\) for 1 images, not"),
        RuntimeProcess(path, "saved-model") as process,
    ):
        process.predict(ONE)


def test_pipe_among_the_files_of_a_saved_model_is_not_waited_for(exported, tmp_path):
    path = tmp_path / "model"
    shutil.copytree(exported / "saved_model" / "1", path)
    index = path / "variables" / "variables.index"
    index.unlink()
    os.mkfifo(index)
    with pytest.raises(ModelFileError, match=r"variables\.index in it is not a"):
        RuntimeProcess(path, "saved-model")


def test_full_disk_is_one_line(exported, splits, monkeypatch):
    def full(*arguments, **options):
        raise OSError(errno.ENOSPC, "No space left on device")

    with RuntimeProcess(exported / "model.tflite", "tflite") as process:
        process.answers.mkdir()
        with pytest.raises(ModelFileError, match=r"^Cannot write .*TMPDIR\.$"):
            process.predict(splits[1].images[:1])
    with RuntimeProcess(exported / "model.tflite", "tflite") as process:
        monkeypatch.setattr(np, "save", full)
        for ask in (
            lambda: process.predict(splits[1].images[:1]),
            lambda: process.time(splits[1].images[:1], batch_size=1, seconds=0.1),
        ):
            with pytest.raises(ModelFileError, match=r"No space left.*TMPDIR"):
                ask()
    monkeypatch.setattr(tempfile, "TemporaryDirectory", full)
    with pytest.raises(ModelFileError, match=r"^Cannot hand images to the runtime"):
        RuntimeProcess(exported / "model.tflite", "tflite")


@pytest.mark.slow
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
        with pytest.raises(ModelFileError, match=r"killed \(SIGKILL\).* smaller --b"):
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
        machines="PDP-11",
    )
    with pytest.raises(
        MissingExtraError, match=r"no_such_module.* PDP-11 alone.*kerascnn\[onnx\]"
    ):
        require_modules(row)


def test_every_runner_is_there():
    assert sorted(row.runner for row in FORMATS.values()) == sorted(
        path.stem for path in RUNTIMES.glob("*_runner.py")
    )


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("MemoryError", ""),
        ("_ArrayMemoryError", "Unable to allocate 18 GiB"),
        ("ResourceExhaustedError", "OOM when allocating tensor with shape[9,9]"),
        ("RuntimeException", "Failed to allocate memory for requested buffer"),
    ],
)
def test_memory_that_is_not_enough_says_what_to_make_smaller(exported, kind, reason):
    with RuntimeProcess(exported / "model.tflite", "tflite") as process:
        line = process._explain(kind, reason)
    assert line.endswith("Give a smaller --batch-size.")
