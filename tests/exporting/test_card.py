"""The README beside exported files."""

from dataclasses import replace
from pathlib import Path

from kerascnn.data.facts import DatasetFacts
from kerascnn.exporting.card import export_card
from kerascnn.exporting.report import Export, ExportReport

FILE = Export(
    format="tflite",
    quantization="none",
    path=Path("model.tflite"),
    size_bytes=250_000,
    images=12,
    largest_difference=1e-7,
    agreement=1.0,
    accuracy=0.75,
    accuracy_drop=0.0,
)
MNIST = DatasetFacts.from_table("mnist")
PETS = DatasetFacts(
    name="/pictures/pets",
    image_shape=(28, 28, 3),
    class_names=("a|b", "dog"),
    counts={"train": 40, "validation": 8, "test": 12},
    resize="pad",
)


def text_of(dataset):
    report = ExportReport(run="a", model="lenet", dataset=dataset, files=(FILE,))
    return export_card(report)


def test_card_of_pictures_says_where_they_are_from():
    text = text_of(PETS)
    assert text.startswith("# LeNet-5 for pets, exported from a\n")
    assert "| model.tflite | 0.25 MB | 12 | 75.00% |" in text
    assert r"in the order of `labels.txt`: a\|b, dog." in text
    assert "\n\n- **Pictures** of /pictures/pets:\n  40 to train on, 8 for" in text
    assert "`unzip -p model.tflite labels.txt`" in text


def test_card_of_a_model_for_chips_says_what_it_takes():
    file = replace(
        FILE,
        **{"format": "micro", "quantization": "int8", "path": Path("micro")},
        **{"arena_bytes": 11_184, "flash_bytes": 67_274},
    )
    report = ExportReport(run="a", model="lenet", dataset=MNIST, files=(file,))
    text = export_card(report)
    assert '#include "micro/model_data.h"\n' in text
    assert "using namespace lenet_model;\n" in text
    assert "67274 bytes of flash, `kModelLength`; 11184 bytes of RAM" in text


def test_card_of_a_table_says_nothing_of_pictures():
    assert "**Pictures**" not in text_of(MNIST)
    assert "labels.txt`: 0, 1, 2, 3, 4, 5, 6, 7, 8, 9.\n" in text_of(MNIST)


def test_classes_have_an_end():
    names = tuple(f"c{number}" for number in range(60))
    assert "c49 and 10 more." in text_of(replace(PETS, class_names=names))
