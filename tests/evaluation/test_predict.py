"""Pictures through real models: as many right as of the test images themselves."""

import itertools
import weakref
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image, ImageOps

from kerascnn.data.pictures import read_picture
from kerascnn.errors import ModelFileError, PictureError
from kerascnn.evaluation import predict
from kerascnn.evaluation.evaluate import open_checked
from kerascnn.evaluation.explain import explain_images
from kerascnn.evaluation.predict import Prediction, classify_pictures
from kerascnn.model_files.find import artifact_of_run, open_artifact
from kerascnn.model_files.keras_model import predict_probabilities


def test_pictures_are_classified_in_order_and_others_do_not_stop_them(
    exported, lenet, splits, tmp_path
):
    images = splits[1].images[:3]
    names = [str(tmp_path / f"{index}.png") for index in range(3)]
    for image, name in zip(images, names, strict=True):
        Image.fromarray(image[:, :, 0]).save(name)
    (tmp_path / "text.png").write_text("no picture")
    files = [names[0], str(tmp_path / "text.png"), names[1], names[2]]
    artifact = open_artifact(exported / "model.tflite")
    results = list(classify_pictures(files, artifact))
    assert isinstance(results[1], PictureError)
    kept = [results[0], *results[2:]]
    expected = predict_probabilities(lenet, images)
    for result, name, image, answers in zip(kept, names, images, expected, strict=True):
        assert isinstance(result, Prediction)
        assert result.file == name
        np.testing.assert_array_equal(result.seen.pixels, image)
        np.testing.assert_allclose(result.probabilities, answers, atol=1e-5)
        order = answers.argsort()[::-1]
        document = result.to_dict(2)
        assert document["label"] == str(order[0])
        assert [row["label"] for row in document["top"]] == [str(i) for i in order[:2]]
        assert document["inverted"] is False


def test_names_of_the_classes_are_those_of_the_facts(exported, splits, tmp_path):
    """The data set is in no table: a user's own, say."""
    artifact = open_artifact(exported / "model.tflite")
    names = tuple(f"digit {number}" for number in range(10))
    facts = replace(artifact.dataset, name="own", class_names=names)
    path = tmp_path / "seven.png"
    Image.fromarray(splits[1].images[0, :, :, 0]).save(path)
    [result] = classify_pictures([str(path)], replace(artifact, dataset=facts))
    assert result.top(1)[0][0] == "digit 7"


def test_no_picture_at_all_needs_no_model(exported, tmp_path):
    artifact = open_artifact(exported / "model.tflite")
    [result] = classify_pictures([str(tmp_path / "none.png")], artifact)
    assert isinstance(result, PictureError)


@pytest.mark.slow
def test_photographed_digits_are_told_nearly_as_well(
    lenet_run, lenet, splits, tmp_path
):
    """Digits enlarged, black on gray, somewhere on a sheet; the model is the same."""
    test = splits[1]
    rng = np.random.default_rng(0)
    names = []
    for index in range(200):
        large = np.kron(test.images[index, :, :, 0], np.ones((4, 4), np.uint8))
        sheet = rng.normal(190, 4, (260, 320))
        top, left = rng.integers(0, 260 - 112), rng.integers(0, 320 - 112)
        sheet[top : top + 112, left : left + 112] -= large * 0.6
        names.append(str(tmp_path / f"{index}.png"))
        Image.fromarray(np.clip(sheet, 0, 255).astype(np.uint8)).save(names[-1])
    results = list(classify_pictures(names, artifact_of_run(lenet_run)))
    labels = test.labels[:200].astype(str)
    right = np.mean([r.top(1)[0][0] == n for r, n in zip(results, labels, strict=True)])
    expected = predict_probabilities(lenet, test.images[:200]).argmax(axis=1)
    assert all(result.seen.inverted for result in results)
    assert right > (expected.astype(str) == labels).mean() - 0.02


@pytest.fixture
def digits(splits, tmp_path):
    """The names of files of the first 150 test digits."""
    names = []
    for number, image in enumerate(splits[1].images[:150, :, :, 0]):
        names.append(str(tmp_path / f"{number:03}.png"))
        Image.fromarray(image).save(names[-1])
    return names


def test_any_number_of_pictures_is_in_memory_by_batches(
    lenet_run, lenet, splits, digits, monkeypatch
):
    read = []

    def note(name, content):
        read.append(name)
        return read_picture(name, content)

    monkeypatch.setattr(predict, "read_picture", note)
    results = classify_pictures(digits, artifact_of_run(lenet_run))
    assert read == []
    alive = []
    found = []
    for result in results:
        alive.append(weakref.ref(result))
        found.append((result.file, result.probabilities))
        del result
        assert len(read) - len(found) < 64
        assert sum(one() is not None for one in alive) <= 2
    assert read == digits == [name for name, _ in found]
    expected = predict_probabilities(lenet, splits[1].images[:150])
    np.testing.assert_allclose([one for _, one in found], expected, atol=1e-5)


def test_model_is_loaded_once_and_not_before_there_is_a_picture(
    lenet_run, digits, tmp_path, monkeypatch
):
    opened = []

    def note(artifact, **options):
        opened.append(artifact)
        return open_checked(artifact, **options)

    monkeypatch.setattr(predict, "open_checked", note)
    bad = [str(tmp_path / "none.png")] * 70
    results = classify_pictures(bad + digits, artifact_of_run(lenet_run))
    assert all(isinstance(next(results), PictureError) for _ in range(64))
    assert opened == []
    kinds = [isinstance(result, Prediction) for result in results]
    assert kinds == [False] * 6 + [True] * 150
    assert len(opened) == 1


def test_prediction_is_as_sure_as_the_temperature_says(lenet_run, digits):
    artifact = artifact_of_run(lenet_run)
    assert artifact.temperature is None
    [raw] = classify_pictures(digits[:1], artifact)
    share = float(raw.probabilities.max())
    assert raw.to_dict(1) == {
        "file": digits[0],
        "label": "7",
        "probability": share,
        "calibrated_probability": None,
        "rejected": False,
        "inverted": False,
        "top": [{"label": "7", "probability": share}],
    }
    assert raw.rejected(1.0)
    assert not raw.rejected(share)
    [cool] = classify_pictures(digits[:1], replace(artifact, temperature=3.0))
    np.testing.assert_array_equal(cool.probabilities, raw.probabilities)
    roots = np.cbrt(raw.probabilities.astype(float))
    less = cool.calibrated_probability
    assert less == pytest.approx(roots.max() / roots.sum(), rel=1e-5)
    assert less < share
    assert cool.rejected((less + share) / 2)
    assert not cool.rejected(less)
    assert not cool.rejected(None)
    document = cool.to_dict(1, reject_below=(less + share) / 2)
    assert (document["probability"], document["calibrated_probability"]) == (
        share,
        less,
    )
    assert document["rejected"] is True


def test_predictions_are_explained_each_by_its_own(lenet_run, lenet, splits, digits):
    results = classify_pictures(digits, artifact_of_run(lenet_run), explain=True)
    images = splits[1].images[:150]
    classes = predict_probabilities(lenet, images).argmax(axis=1)
    expected = explain_images(lenet, images, classes, lenet_run.model_path)
    for result, explanation in zip(results, expected, strict=True):
        np.testing.assert_allclose(
            result.explanation.heat, explanation.heat, rtol=1e-3, atol=1e-3
        )
        document = result.to_dict(1)["explanation"]
        assert document["layer"] == "block2_conv"
        assert np.shape(document["heat"]) == (10, 10)


def test_only_models_of_keras_are_explained(exported):
    artifact = open_artifact(exported / "model.tflite")
    with pytest.raises(ModelFileError, match=r"model.tflite is a TFLite model. Give"):
        classify_pictures(["none.png"], artifact, explain=True)


KINDS = [
    *(("png", mode) for mode in ("1", "L", "LA", "P", "RGB", "RGBA", "I;16")),
    *(("jpg", mode) for mode in ("L", "RGB", "CMYK")),
    *(("gif", mode) for mode in ("L", "P")),
    *(("bmp", mode) for mode in ("1", "L", "P", "RGB")),
    *(("webp", mode) for mode in ("RGB", "RGBA")),
]
SIZES = [(28, 28), (24, 24), (64, 64), (56, 40), (40, 90), (320, 240), (1000, 700)]


@pytest.mark.slow  # 504 files
def test_hundreds_of_odd_pictures_are_told_as_well_as_the_digits(
    lenet_run, lenet, splits, tmp_path
):
    """Every kind of file in every size, on black and on white."""
    test = splits[1]
    artifact = artifact_of_run(lenet_run)
    cases = list(itertools.product(KINDS, SIZES, (False, True)))
    digits = test.images[: 2 * len(cases), :, :, 0]
    names = []
    for digit, ((suffix, mode), size, inverted) in zip(digits, 2 * cases, strict=True):
        image = ImageOps.pad(Image.fromarray(digit), size, Image.Resampling.BICUBIC)
        image = ImageOps.invert(image) if inverted else image
        if mode == "I;16":
            image = Image.fromarray(np.asarray(image).astype(np.uint16) * 257)
        else:
            image = image.convert(mode)
        names.append(str(tmp_path / f"{len(names)}.{suffix}"))
        image.save(names[-1])
    assert len(names) == 504
    results = list(classify_pictures(names, artifact))
    found = np.array([int(result.top(1)[0][0]) for result in results])
    inverted = np.array([result.seen.inverted for result in results])
    np.testing.assert_array_equal(inverted, [case[2] for case in 2 * cases])
    labels = test.labels[: len(names)]
    right = predict_probabilities(lenet, test.images[: len(names)]).argmax(1) == labels
    assert (found == labels).mean() > right.mean() - 0.02
