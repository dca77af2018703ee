"""The tools that make corpora of pictures, and measure networks and others on them."""

import csv
import io
import json
import sys
import tarfile
from collections import Counter
from pathlib import Path

import matplotlib
import numpy as np
import pytest
from PIL import Image

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "results" / "pictures"
FONTS = Path(matplotlib.get_data_path(), "fonts", "ttf")


@pytest.fixture(autouse=True)
def tools(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.syspath_prepend(str(ROOT / "tools" / "pictures"))
    yield
    for name in ("corpus", "digits", "letters", "emoji", "baselines", "measure"):
        sys.modules.pop(name, None)


def rows_of(name):
    with open(RESULTS / name, newline="") as file:
        return list(csv.DictReader(file))


def test_digits_keep_the_order_of_the_file(tmp_path):
    from corpus import read
    from digits import main
    from sklearn.datasets import load_digits

    main(tmp_path / "digits")
    images, labels = load_digits(return_X_y=True)
    for part, kept in (("train", slice(898)), ("test", slice(898, None))):
        pictures = read(tmp_path / "digits", part)
        order = np.argsort(pictures.names)
        assert np.array(pictures.labels)[order].tolist() == [
            str(label) for label in labels[kept]
        ]
        np.testing.assert_allclose(
            pictures.images[order].reshape(-1, 64) * 16, images[kept], atol=0.04
        )


def test_corpus_is_not_written_over_another(tmp_path):
    from corpus import new_folder

    (tmp_path / "mine").write_text("")
    with pytest.raises(SystemExit, match="is not empty"):
        new_folder(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


def test_letters_are_drawn_whole_and_in_the_middle():
    from letters import draw

    pictures = 255 - draw(FONTS / "DejaVuSans.ttf")
    assert pictures.shape == (26, 64, 64)
    boxes = np.array([Image.fromarray(picture).getbbox() for picture in pictures])
    left, top, right, bottom = boxes.T
    assert abs(left + right - 64).max() <= 2
    assert abs(top + bottom - 64).max() <= 2
    assert 53 <= max((right - left).max(), (bottom - top).max()) <= 57


def test_font_without_letters_is_refused():
    from letters import draw

    with pytest.raises(SystemExit, match="lacks letters"):
        draw(FONTS / "STIXSizOneSymReg.ttf")


def test_fonts_of_one_maker_or_look_stay_together():
    from letters import draw, grouped

    names = ("DejaVuSans", "DejaVuSans", "STIXGeneral", "DejaVuSansMono", "cmr10")
    letters = np.stack([draw(FONTS / f"{name}.ttf") for name in names])
    # The width of a letter is no look of its own.
    letters[1] = [
        np.asarray(Image.fromarray(letter).resize((40, 64)).resize((64, 64)))
        for letter in letters[1]
    ]
    packages = ["fonts-a", "fonts-b", "fonts-adf-c", "fonts-d", "fonts-adf-e"]
    first, copy, maker, alone, same_maker = grouped(packages, letters)
    assert first == copy
    assert maker == same_maker
    assert len({first, maker, alone}) == 3


def test_sides_have_whole_groups():
    from letters import sides_of

    groups = [*("large",) * 14, *("pair",) * 2, *"abcdefghijklmnopqrstuvwx"]
    sides = sides_of(groups)
    assert set(sides[:14]) == {"train"}
    assert sides[14] == sides[15]
    assert sides.count("test") == 12
    # A group keeps its side, however the list is ordered.
    assert sides_of(groups[::-1]) == sides[::-1]


def test_listed_fonts_are_split_by_group_and_package():
    from letters import sides_of

    rows = rows_of("letters_fonts.csv")
    assert len({row["family"] for row in rows}) == len(rows) >= 40
    for name in ("group", "package"):
        sides = Counter(
            value for value, _ in {(row[name], row["side"]) for row in rows}
        )
        assert set(sides.values()) == {1}, name
    assert [row["side"] for row in rows] == sides_of([row["group"] for row in rows])
    assert 0.25 < sum(row["side"] == "test" for row in rows) / len(rows) < 0.35


def test_emoji_are_on_white_in_their_groups(tmp_path):
    from emoji import write_part

    pixels = np.zeros((64, 64, 4), np.uint8)
    pixels[:32] = 200, 100, 0, 255
    picture = io.BytesIO()
    Image.fromarray(pixels).save(picture, "PNG")
    entries = [
        {"category": "Food & Drink", "image": "1f35e.png"},
        {"category": "Component", "image": "1f3fb.png"},
    ]
    package = io.BytesIO()
    with tarfile.open(fileobj=package, mode="w:gz") as archive:
        for name, content in (
            ("emoji.json", json.dumps(entries).encode()),
            ("img/twitter/64/1f35e.png", picture.getvalue()),
        ):
            entry = tarfile.TarInfo(f"package/{name}")
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    write_part(package.getvalue(), "twitter", tmp_path, "test")
    [written] = tmp_path.rglob("*.png")
    assert written.relative_to(tmp_path).as_posix() == "test/food-drink/1f35e.png"
    drawn = np.asarray(Image.open(written))
    assert drawn.shape == (64, 64, 3)
    assert drawn[0, 0].tolist() == [200, 100, 0]
    assert drawn[63, 0].tolist() == [255, 255, 255]


def test_emoji_need_npm_and_the_package_that_was_measured(monkeypatch, tmp_path):
    from emoji import PARTS, package

    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SystemExit, match=r"npm is missing.*nodejs\.org"):
        package(*PARTS["test"])
    file = tmp_path / "cache" / "kerascnn" / "emoji-datasource-twitter-16.0.0.tgz"
    file.write_bytes(b"another")
    with pytest.raises(SystemExit, match="not the package that was measured"):
        package(*PARTS["test"])


def test_hog_of_straight_edges():
    from hog import hog

    upright = np.zeros((1, 4, 4, 2), np.float32)
    upright[:, :, 2:, 1] = 1  # in the second channel, which then is the one that counts
    level = upright.transpose(0, 2, 1, 3)
    # Of each cell, two pixels with a gradient of 0.5. Across an upright edge it has the
    # direction 0, bin 0 alone; across a level one 90 degrees, between bins 4 and 5.
    expected = np.zeros((2, 4, 9))
    expected[0, :, 0] = 1 / 2
    expected[1, :, 4:6] = 1 / np.sqrt(8)
    described = hog(np.concatenate([upright, level]), cell=2)
    np.testing.assert_allclose(described.reshape(2, 4, 9), expected, atol=1e-3)
    assert hog(np.zeros((3, 64, 64, 1), np.float32), cell=8).shape == (3, 7 * 7 * 36)


@pytest.mark.slow
def test_baseline_is_chosen_and_measured(tmp_path):
    from baselines import measure
    from corpus import read
    from digits import main

    main(tmp_path / "digits")
    train, test = (read(tmp_path / "digits", part) for part in ("train", "test"))
    row = measure(train, test, "pixels", "SVM, RBF")
    kept = next(
        row
        for row in rows_of("baselines.csv")
        if (row["corpus"], row["features"], row["classifier"])
        == ("digits", "pixels", "SVM, RBF")
    )
    for name in ("C", "training_images", "test_images"):
        assert float(row[name]) == float(kept[name])
    assert abs(float(row["accuracy"]) - float(kept["accuracy"])) < 0.003
    assert abs(float(row["macro_f1"]) - float(kept["macro_f1"])) < 0.003


def test_row_is_measured_once(tmp_path):
    from corpus import add_row, read_rows

    table = tmp_path / "rows.csv"
    for value in (1, 2):
        add_row(table, {"corpus": "a, b", "seed": 0}, lambda value=value: {"x": value})
    add_row(table, {"corpus": "a, b", "seed": 1}, lambda: {"x": 3})
    assert read_rows(table) == [
        {"corpus": "a, b", "seed": "0", "x": "1"},
        {"corpus": "a, b", "seed": "1", "x": "3"},
    ]


@pytest.mark.slow  # each command starts TensorFlow anew
def test_networks_are_measured_and_runs_go_on(monkeypatch, tmp_path):
    import measure
    from corpus import read_rows, write_rows

    from kerascnn import open_run

    monkeypatch.setattr(measure, "SEEDS", range(1))
    table = tmp_path / "runs.csv"
    options = ["--limit", "300", "--epochs", "1"]
    words = ["mnist", "lenet", "--out", str(tmp_path / "runs"), "--", *options]
    measure.main(words, table)
    [row] = read_rows(table)
    run = open_run("mnist-lenet-limit-300-epochs-1-0", tmp_path / "runs")
    assert row["accuracy"] == f"{run.metrics.test_accuracy:.4f}"
    assert row["options"] == " ".join(options)
    assert 0 < float(row["macro_f1"]) < 1
    # A run whose row is missing is there already, and not trained again.
    write_rows(table, [row | {"seed": 1}])
    measure.main(words, table)
    assert read_rows(table) == [row | {"seed": "1"}, row]


def row(**columns):
    return {"corpus": "letters", "accuracy": "0.9", "macro_f1": "0.8"} | columns


def test_table_has_means_and_intervals():
    from table import BEGIN, END, HEAD, with_table

    network = {"network": "lenet", "options": "--epochs 9", "start": "random"}
    baselines = [row(features="HOG", classifier="SVM, RBF", seconds="7")]
    runs = [
        row(**network, seed="0", seconds="10"),
        row(**network | {"start": "mnist"}, seed="0", seconds="1000"),
        row(**network, seed="1", seconds="20", accuracy="0.92"),
    ]
    page = with_table(f"before\n{BEGIN}of old\n{END}after\n", baselines, runs)
    # Student's t of one degree of freedom is 12.706 at 97.5%.
    assert page == (
        f"before\n{BEGIN}\n{HEAD}"
        "| letters | HOG, SVM, RBF |  | 90.00% | 80.00% | 1 | 7 |\n"
        "| letters | LeNet-5, `--epochs 9` | mnist | 90.00% | 80.00% | 1 | 1,000 |\n"
        "| letters | LeNet-5, `--epochs 9` | random | 91.00% ± 12.71% "
        "| 80.00% ± 0.00% | 2 | 15 |\n"
        f"\n{END}after\n"
    )


def test_page_has_the_rows_of_today():
    from corpus import read_rows
    from table import with_table

    page = (RESULTS / "README.md").read_text("utf-8")
    tables = (read_rows(RESULTS / name) for name in ("baselines.csv", "runs.csv"))
    assert with_table(page, *tables) == page
