"""Exports agree with the model they came from, and a fault in one is found."""

import json
import re
import shutil
from dataclasses import replace

import keras
import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from kerascnn.data.splits import take
from kerascnn.errors import ConfigError, ExportError, MissingExtraError
from kerascnn.exporting import export
from kerascnn.exporting.export import check_file, export_run
from kerascnn.model_files.find import open_artifact
from kerascnn.model_files.formats import FORMATS
from kerascnn.model_files.keras_model import predict_probabilities
from kerascnn.runs.folder import Run


@pytest.fixture(scope="module")
def reference(lenet, splits):
    """Keras's own answers to all test images."""
    return predict_probabilities(lenet, splits[1].images)


@pytest.mark.parametrize("format", ["saved-model", "tflite"])
def test_float_files_agree_with_the_model(exported, splits, reference, format):
    _, test = splits
    checked = check_file(exported / file_name(format), test, reference, format)
    assert checked.problem == ""
    assert checked.images == 10_000
    assert checked.largest_difference < 1e-5
    assert checked.agreement == 1
    assert checked.accuracy == (reference.argmax(1) == test.labels).mean()
    assert checked.accuracy_drop == 0


def test_int8_is_a_quarter_of_the_size_and_as_accurate(exported, splits, reference):
    path = exported / file_name("tflite", "int8")
    checked = check_file(path, splits[1], reference, "tflite", "int8")
    assert checked.problem == ""
    assert checked.accuracy_drop < 0.003
    assert checked.agreement > 0.99
    whole = (exported / file_name("tflite")).stat().st_size
    assert checked.size_bytes <= 0.27 * whole


@pytest.mark.parametrize("quantization", ["none", "int8"])
def test_operations_are_built_in_and_need_no_shape(exported, quantization):
    content = (exported / file_name("tflite", quantization)).read_bytes()
    model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(content, 0))
    kinds = schema.BuiltinOperator
    found = {operation.builtinCode for operation in model.operatorCodes}
    assert {kinds.CONV_2D, kinds.MAX_POOL_2D, kinds.FULLY_CONNECTED} <= found
    assert not found & {kinds.CUSTOM, kinds.SHAPE, kinds.STRIDED_SLICE, kinds.PACK}


def altered(source, target):
    """A copy of a TFLite file with other weights: a part in the middle is turned."""
    content = bytearray(source.read_bytes())
    part = slice(len(content) * 2 // 5, len(content) * 3 // 5)
    content[part] = content[part][::-1]
    target.write_bytes(content)


def test_altered_weights_are_found(exported, splits, reference, tmp_path):
    test = take(splits[1], 500, seed=0)
    answers = reference[np.isin(np.arange(10_000), _places(splits[1], test))]
    path = tmp_path / "model.tflite"
    altered(exported / "model.tflite", path)
    checked = check_file(path, test, answers, "tflite")
    assert "differs by" in checked.problem
    altered(exported / file_name("tflite", "int8"), path)
    checked = check_file(path, test, answers, "tflite", "int8")
    assert "get another class" in checked.problem
    # A tolerance of all that can be leaves the accuracy to judge.
    checked = check_file(path, test, answers, "tflite", "int8", tolerance=1)
    assert "points lower" in checked.problem


def _places(split, part):
    """Where the images of a part are in the split that it was taken from."""
    keys = {image.tobytes() for image in part.images}
    return [i for i, image in enumerate(split.images) if image.tobytes() in keys]


@pytest.mark.slow
def test_export_is_checked_named_and_described(
    lenet_run, tmp_path, monkeypatch, only_split
):
    """One export by real processes, then a faulty one by a planted fault."""
    only_split("test")
    lenet_run = Run(shutil.copytree(lenet_run.path, tmp_path / "lenet-sgd-1"))
    metrics = replace(lenet_run.metrics, temperature=1.25)
    lenet_run.write_json("metrics.json", metrics.to_dict())
    tmp_path /= "export"
    said = []
    [done] = export_run(
        lenet_run, tmp_path, formats=["tflite"], limit=300, message=said.append
    )
    assert done.problem == ""
    assert done.path == tmp_path / "model.tflite"
    assert done.images == 300
    assert re.fullmatch(
        r"tflite: agrees within tolerance \(0 of 300 classes differ, largest "
        r"difference \d(\.\d)?e-0[5-9]\)",
        said[-1],
    )
    report = json.loads((tmp_path / "export.json").read_text())
    assert open_artifact(done.path).dataset == lenet_run.dataset
    assert open_artifact(done.path).temperature == 1.25
    assert report["files"] == [done.to_dict()]
    card = (tmp_path / "README.md").read_text()
    assert f"| model.tflite | 0.25 MB | 300 | {done.accuracy:.2%} |" in card
    good = done.path.read_bytes()

    def convert_wrongly(model, target, *rest):
        shutil.copy(done.path, target)
        altered(target, target)

    monkeypatch.setattr(export, "convert", convert_wrongly)
    [failed] = export_run(lenet_run, tmp_path, formats=["tflite"], limit=300)
    assert "differs by" in failed.problem
    assert failed.path == tmp_path / "model.tflite.rejected"
    assert done.path.read_bytes() == good
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "README.md",
        "export.json",
        "labels.txt",
        "model.tflite",
        "model.tflite.rejected",
    ]
    assert (tmp_path / "labels.txt").read_text() == "0\n1\n2\n3\n4\n5\n6\n7\n8\n9\n"


@pytest.mark.slow
def test_int8_is_calibrated_on_the_pictures_that_are_not_for_the_test(
    picture_run, tmp_path, monkeypatch
):
    given = []

    def convert(model, target, format, quantization, class_names, images):
        given.append((class_names, images))
        raise ExportError("no more is needed")

    monkeypatch.setattr(export, "convert", convert)
    with pytest.raises(ExportError, match="no more"):
        export_run(picture_run, tmp_path, formats=["tflite"], quantizations=["int8"])
    [(class_names, images)] = given
    assert class_names == ("none <0>", "one", "two")
    facts = picture_run.dataset
    np.testing.assert_array_equal(images, facts.load("train").images)
    assert len(images) == 48
    tested = {image.tobytes() for image in facts.load("test").images}
    assert len(tested) == 12
    assert not tested & {image.tobytes() for image in np.asarray(images)}


@pytest.mark.slow
def test_failed_conversion_is_one_line_and_leaves_nothing(tmp_path):
    model = tmp_path / "bad.keras"
    model.write_bytes(b"no model")
    target = tmp_path / "out.tflite"
    with pytest.raises(ExportError, match=r"^Cannot convert .* not a zip archive"):
        export.convert(model, target, "tflite", "none", ("a", "b"), None)
    assert not target.exists()


@pytest.mark.slow
def test_converter_is_quoted_by_what_it_says_first(tmp_path):
    model = tmp_path / "mixed.keras"
    inputs = keras.Input((8, 8, 1))
    layer = keras.layers.Conv2D(2, 3, dtype="mixed_bfloat16")
    keras.Model(inputs, layer(inputs)).save(model)
    with pytest.raises(ExportError, match=r"'tf.Conv2D' op is neither") as told:
        export.convert(model, tmp_path / "out.tflite", "tflite", "none", ("a",), None)
    assert "loc(" not in str(told.value)
    assert str(told.value).isprintable()


def test_settings_that_cannot_be_are_refused(lenet_run, monkeypatch):
    with pytest.raises(ConfigError, match="applies to tflite"):
        export_run(lenet_run, formats=["saved-model"], quantizations=["int8"])
    with pytest.raises(ConfigError, match=r"in \[0, 1\], but got 2"):
        export_run(lenet_run, tolerance=2)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"kerascnn\[onnx\]"):
        export_run(lenet_run, formats=["onnx"])


def file_name(format, quantization="none"):
    return FORMATS[format].file_name(quantization)


def test_file_names():
    assert file_name("saved-model") == "saved_model/1"
    assert file_name("tflite") == "model.tflite"
    assert file_name("tflite", "int8") == "model-int8.tflite"
    assert file_name("onnx") == "model.onnx"
    assert file_name("keras") == "model.keras"


CLIENT = """
import json, sys
sys.modules["keras"] = None  # TensorFlow would import it
import numpy as np, tensorflow as tf
folder, image, picture = sys.argv[1:]
model = tf.saved_model.load(folder)
raw = model.signatures["serving_default"](image=np.load(image))
content = open(picture, "rb").read()
coded = model.signatures["encoded"](image_bytes=tf.constant([content]))
names = model.signatures["class_names"]()["class_names"].numpy()
print(json.dumps({
    "raw": raw["probabilities"].numpy().tolist(),
    "label": raw["label"].numpy()[0].decode(),
    "coded": coded["probabilities"].numpy().tolist(),
    "names": [name.decode() for name in names],
}))
"""


@pytest.mark.slow
def test_saved_model_serves_pixels_and_encoded_pictures(
    exported, reference, splits, run_python, tmp_path
):
    """A client with TensorFlow alone; the PNG is of the same pixels."""
    from PIL import Image

    image = splits[1].images[:1]
    np.save(tmp_path / "image.npy", image)
    Image.fromarray(image[0, :, :, 0]).save(tmp_path / "digit.png")
    done = run_python(
        "-c", CLIENT, exported / "saved_model" / "1", "image.npy", "digit.png"
    )
    answer = json.loads(done.stdout.splitlines()[-1])
    np.testing.assert_allclose(answer["raw"], reference[:1], atol=1e-5)
    np.testing.assert_allclose(answer["coded"], reference[:1], atol=1e-5)
    assert answer["label"] == str(reference[0].argmax())
    assert answer["names"] == list("0123456789")


def test_saved_model_has_each_weight_once(exported, lenet):
    [content] = (exported / "saved_model" / "1" / "variables").glob("*.data-*")
    weights = sum(weight.nbytes for weight in lenet.get_weights())
    assert weights < content.stat().st_size < 1.05 * weights


@pytest.mark.slow
@pytest.mark.parametrize("quantization", ["float16", "dynamic"])
def test_other_quantizations_pass_their_check(lenet_run, tmp_path, quantization):
    [done] = export_run(
        lenet_run, tmp_path, formats=["tflite"], quantizations=[quantization]
    )
    assert done.problem == ""
    assert done.images == 10_000


@pytest.mark.slow
def test_onnx_and_keras_pass_their_check(lenet_run, tmp_path):
    onnx = pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    pytest.importorskip("tf2onnx")
    for done in export_run(lenet_run, tmp_path, formats=["onnx", "keras"]):
        assert done.problem == ""
        assert done.largest_difference < 1e-5
    content = onnx.load(str(tmp_path / "model.onnx"))
    assert [value.name for value in content.graph.input] == ["image"]
    assert [value.name for value in content.graph.output] == ["probabilities"]
    [names] = [p.value for p in content.metadata_props if p.key == "class_names"]
    assert names.splitlines() == list("0123456789")
