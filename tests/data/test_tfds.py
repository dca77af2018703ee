import gzip
import logging
import shutil

import numpy as np
import pytest
import tensorflow_datasets as tfds

from kerascnn.data import DATASETS, load_dataset, load_split
from kerascnn.data.idx import TEST_LABELS, mnist_folder
from kerascnn.data.tfds import find_builder, load_tfds, prepare
from kerascnn.errors import DatasetError

DOWNLOADED = [row.name for row in DATASETS.values() if not row.packaged]


@pytest.fixture
def no_network(monkeypatch):
    """Send what would go to the network to a port where nobody listens."""
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    """MNIST as tensorflow-datasets makes it from the archives in the package."""
    data_dir = tmp_path_factory.mktemp("tfds")
    load_tfds(DATASETS["mnist"], "test", data_dir=data_dir, manual_dir=mnist_folder())
    return data_dir


@pytest.mark.parametrize("name", DATASETS)
def test_row_agrees_with_tensorflow_datasets(name, tmp_path):
    row = DATASETS[name]
    info = tfds.builder(row.tfds_name, data_dir=tmp_path).info
    assert info.full_name == row.tfds_name.replace(":", "/")
    assert info.features["image"].shape == row.image_shape
    label = info.features["label"]
    assert label.num_classes == row.num_classes
    if name != "cifar10":  # learns its names from the download
        assert tuple(label.names) == row.class_names


@pytest.mark.parametrize("name", DOWNLOADED)
def test_splits_are_read_whole(name):
    row = DATASETS[name]
    with tfds.testing.mock_data(num_examples=23):
        splits = load_dataset(name)
        builder = tfds.builder(row.tfds_name)
        raw = [
            list(tfds.as_numpy(builder.as_dataset(split=s))) for s in ("train", "test")
        ]
    for split, examples in zip(splits, raw, strict=True):
        assert len(split) == 23
        assert split.images.dtype == np.uint8
        assert split.labels.dtype == np.int64
        assert split.image_shape == row.image_shape
        assert split.class_names == row.class_names
        assert np.array_equal(split.images, [e["image"] for e in examples])
        assert np.array_equal(split.labels, [e["label"] for e in examples])


@pytest.mark.parametrize("split", ["train", "test"])
def test_one_split_is_read_without_the_other(split, monkeypatch):
    read = []
    with tfds.testing.mock_data(num_examples=3):
        as_dataset = tfds.core.DatasetBuilder.as_dataset

        def record(self, split, **options):
            read.append(split)
            return as_dataset(self, split=split, **options)

        monkeypatch.setattr(tfds.core.DatasetBuilder, "as_dataset", record)
        assert len(load_split("kmnist", split)) == 3
    assert read == [split]


@pytest.mark.parametrize("name", DOWNLOADED)
def test_no_network_is_one_line(name, no_network, tmp_path, capfd, caplog):
    expected = (
        f"{name} is not on this machine and its download failed: "
        "connection refused. Connect to the network once, or choose mnist, "
        "which comes with kerascnn."
    )
    with pytest.raises(DatasetError) as caught:
        load_tfds(DATASETS[name], "test", data_dir=tmp_path)
    assert str(caught.value) == expected
    assert capfd.readouterr() == ("", "")
    assert not [r for r in caplog.records if r.name.startswith("urllib3")]
    assert not logging.getLogger("urllib3.connectionpool").isEnabledFor(logging.WARNING)


def test_folder_that_cannot_be_written_is_one_line(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(DatasetError, match=r"mnist cannot be stored: .*TFDS_DATA_DIR"):
        load_tfds(
            DATASETS["mnist"],
            "train",
            data_dir=tmp_path / "file" / "data",
            manual_dir=mnist_folder(),
        )


def test_altered_archive_is_one_line(tmp_path):
    folder = tmp_path / "mnist"
    shutil.copytree(mnist_folder(), folder)
    path = folder / TEST_LABELS.name
    path.write_bytes(gzip.compress(gzip.decompress(path.read_bytes())))
    with pytest.raises(DatasetError) as caught:
        load_tfds(
            DATASETS["mnist"], "test", data_dir=tmp_path / "data", manual_dir=folder
        )
    assert str(caught.value) == (
        "mnist: an archive lacks the SHA-256 that tensorflow-datasets expects. "
        f"Delete {tmp_path / 'data' / 'downloads'}, and it is downloaded again."
    )


@pytest.mark.slow
def test_tensorflow_datasets_makes_the_same_from_our_folder(prepared, no_network):
    # It shuffles while it prepares, so the images are compared as a heap.
    ours = load_dataset("mnist")
    for our, split in zip(ours, ("train", "test"), strict=True):
        their = load_tfds(DATASETS["mnist"], split, data_dir=prepared)
        assert our.class_names == their.class_names
        assert our.images.shape == their.images.shape
        assert heap(our) == heap(their)


@pytest.mark.slow
@pytest.mark.parametrize(
    "spoil",
    [
        lambda path: path.unlink(),
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes(path.read_bytes()[:100_000]),
    ],
    ids=["gone", "empty", "cut short"],
)
def test_damaged_copy_is_one_line(prepared, tmp_path, spoil):
    shutil.copytree(prepared / "mnist", tmp_path / "mnist")
    folder = tmp_path / "mnist" / "3.0.1"
    spoil(folder / "mnist-test.tfrecord-00000-of-00001")
    with pytest.raises(DatasetError) as caught:
        load_tfds(DATASETS["mnist"], "test", data_dir=tmp_path)
    assert str(caught.value) == (
        f"mnist in {folder} is damaged. Delete that folder; it is made anew when it is "
        "next used."
    )


@pytest.mark.slow
def test_name_of_tensorflow_datasets_gives_the_images_of_the_row(prepared, monkeypatch):
    monkeypatch.setattr(tfds.core.constants, "DATA_DIR", str(prepared))
    for row, split in zip(load_dataset("mnist"), ("train", "test"), strict=True):
        found = load_split("tfds:mnist", split)
        assert found.class_names == row.class_names
        assert heap(found) == heap(row)


def heap(split):
    """Every image with its label, sorted."""
    return sorted(
        image.tobytes() + bytes((label,))
        for image, label in zip(split.images, split.labels, strict=True)
    )


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("emnits", "has no set 'emnits'. Did you mean tfds:emnist? See https://"),
        ("zzzzzzzzzz", "has no set 'zzzzzzzzzz'. See https://"),
        (
            "emnist/nope",
            "has no 'emnist/nope': emnist has byclass, bymerge, balanced, ",
        ),
        ("emnist:9.9.9", "has no 'emnist:9.9.9': emnist has byclass"),
        ("mnist/x", "has no 'mnist/x': mnist has no configurations, and is at version"),
    ],
)
def test_unknown_name_is_one_line_with_what_there_is(name, words, tmp_path):
    with pytest.raises(DatasetError) as caught:
        find_builder(name, tmp_path)
    assert words in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


def test_set_that_is_downloaded_by_hand_is_one_line(no_network, tmp_path):
    builder = find_builder("imagenet2012", tmp_path)
    with pytest.raises(DatasetError) as caught:
        prepare(builder, "tfds:imagenet2012")
    words = str(caught.value)
    assert words.startswith("tfds:imagenet2012 cannot be prepared: Manual directory ")
    assert len(words.splitlines()) == 1


def test_no_name_server_is_told_in_words(tmp_path, monkeypatch):
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://nowhere.invalid:9")
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(DatasetError, match="failed: there is no network, or no name"):
        load_tfds(DATASETS["kmnist"], "test", data_dir=tmp_path)
