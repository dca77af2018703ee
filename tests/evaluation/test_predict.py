"""Pictures through real models: as many right as of the test images themselves."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image, ImageOps

from kerascnn.errors import PictureError
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
    results = classify_pictures(files, artifact)
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
    results = classify_pictures(names, artifact_of_run(lenet_run))
    labels = test.labels[:200].astype(str)
    right = np.mean([r.top(1)[0][0] == n for r, n in zip(results, labels, strict=True)])
    expected = predict_probabilities(lenet, test.images[:200]).argmax(axis=1)
    assert all(result.seen.inverted for result in results)
    assert right > (expected.astype(str) == labels).mean() - 0.02


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
    results = classify_pictures(names, artifact)
    found = np.array([int(result.top(1)[0][0]) for result in results])
    inverted = np.array([result.seen.inverted for result in results])
    np.testing.assert_array_equal(inverted, [case[2] for case in 2 * cases])
    labels = test.labels[: len(names)]
    right = predict_probabilities(lenet, test.images[: len(names)]).argmax(1) == labels
    assert (found == labels).mean() > right.mean() - 0.02
