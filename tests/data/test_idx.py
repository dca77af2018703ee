import gzip
import re
import shutil
import struct

import numpy as np
import pytest

from kerascnn.data import DATASETS, idx, load_dataset, load_split
from kerascnn.errors import DatasetError

MEND = "Reinstall it: pip install --force-reinstall kerascnn"


@pytest.fixture(scope="module")
def mnist():
    return load_dataset("mnist")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A copy of the archives that a test may spoil."""
    copy = tmp_path / "mnist"
    shutil.copytree(idx.mnist_folder(), copy)
    monkeypatch.setattr(idx, "mnist_folder", lambda: copy)
    return copy


def idx_bytes(*sizes, magic=None, values=None):
    """An IDX file of zeros as it should be, but for what is given."""
    magic = bytes((0, 0, 8, len(sizes))) if magic is None else magic
    values = bytes(int(np.prod(sizes))) if values is None else values
    return gzip.compress(magic + struct.pack(f">{len(sizes)}I", *sizes) + values)


def test_mnist_has_its_shapes_and_types(mnist):
    for split, number in zip(mnist, (60_000, 10_000), strict=True):
        assert split.images.shape == (number, 28, 28, 1)
        assert split.images.dtype == np.uint8
        assert split.labels.shape == (number,)
        assert split.labels.dtype == np.int64
        assert split.class_names == DATASETS["mnist"].class_names
        assert not split.images.flags.writeable


def test_mnist_has_its_known_values(mnist):
    train, test = mnist
    assert train.labels[:10].tolist() == [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]
    assert test.labels[:10].tolist() == [7, 2, 1, 0, 4, 1, 4, 9, 5, 9]
    assert np.bincount(train.labels).tolist() == [
        5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949,
    ]  # fmt: skip
    # The mean and the deviation that everyone normalizes MNIST with.
    mean = train.images.mean()
    deviation = np.sqrt(np.square(train.images, dtype=np.uint32).mean() - mean**2)
    assert mean / 255 == pytest.approx(0.1307, abs=5e-5)
    assert deviation / 255 == pytest.approx(0.3081, abs=5e-5)


def test_pixels_lie_where_the_archive_has_them(mnist):
    data = gzip.decompress((idx.mnist_folder() / idx.TEST_IMAGES.name).read_bytes())
    assert mnist[1].images.tobytes() == data[16:]
    assert mnist[1].images[1, 3, 11, 0] == data[16 + 784 + 3 * 28 + 11] > 0


def test_check_passes_on_the_package():
    idx.check_mnist()


def test_notice_lists_every_archive():
    notice = (idx.mnist_folder() / "LICENSE.md").read_text(encoding="utf-8")
    for archive in idx.ARCHIVES:
        row = f"| {archive.name} | {archive.num_bytes:,} | {archive.sha256} |"
        assert row in notice
    assert "CC BY-SA 3.0" in notice


def flip_a_bit(packed):
    middle = len(packed) // 2
    return packed[:middle] + bytes((packed[middle] ^ 1,)) + packed[middle + 1 :]


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda packed: packed[:2000], "2,000 bytes of 4,542: .* whole gzip archive"),
        (lambda packed: b"", "it has 0 bytes of 4,542: .* whole gzip archive"),
        (flip_a_bit, "4,542 bytes of 4,542: expected a whole gzip archive, found"),
        (gzip.decompress, "expected a whole gzip archive, found .*header"),
        # The time of packing, in the header: nothing but the SHA-256 can tell.
        (
            lambda packed: packed[:4] + b"\1" + packed[5:],
            "expected SHA-256 f7ae60f9[0-9a-f]{56}, found [0-9a-f]{64}",
        ),
        (lambda packed: packed + b"more", "expected bytes 4,542, found 4,546"),
        (
            lambda _: idx_bytes(10_000, magic=b"\0\0\x09\1"),
            "expected the magic number 00000801, found 00000901",
        ),
        (
            lambda _: idx_bytes(10_000, 1),
            "expected the magic number 00000801, found 00000802",
        ),
        (lambda _: gzip.compress(b""), "expected the magic number 00000801, found "),
        (
            lambda _: gzip.compress(b"\0\0\x08\1"),
            r"expected the sizes \(10000,\), found \(0,\)",
        ),
        (
            lambda _: idx_bytes(9_999),
            r"expected the sizes \(10000,\), found \(9999,\)",
        ),
        (
            lambda _: idx_bytes(10_000, values=bytes(9_999)),
            "expected a number of values of 10000, found 9999",
        ),
    ],
)
def test_spoilt_archive_is_one_line(folder, spoil, message):
    path = folder / idx.TEST_LABELS.name
    path.write_bytes(spoil(path.read_bytes()))
    with pytest.raises(DatasetError, match=message) as caught:
        idx.check_mnist()
    text = str(caught.value)
    assert text.startswith(f"{path} is damaged, it has ")
    assert text.endswith(MEND)
    assert "\n" not in text


def test_images_of_another_size_are_refused(folder):
    (folder / idx.TEST_IMAGES.name).write_bytes(idx_bytes(10_000, 28, 27))
    with pytest.raises(
        DatasetError,
        match=r"the sizes \(10000, 28, 28\), found \(10000, 28, 27\)",
    ):
        idx.read_archive(folder, idx.TEST_IMAGES)


@pytest.mark.parametrize(("split", "other"), [("train", "test"), ("test", "train")])
def test_split_is_read_without_the_archives_of_the_other(folder, mnist, split, other):
    for archive in idx.SPLITS[other]:
        (folder / archive.name).unlink()
    loaded = load_split("mnist", split)
    whole = mnist[split == "test"]
    np.testing.assert_array_equal(loaded.images, whole.images)
    np.testing.assert_array_equal(loaded.labels, whole.labels)
    with pytest.raises(DatasetError, match=r"cannot be read \(No such file"):
        load_split("mnist", other)


@pytest.mark.parametrize("archive", idx.ARCHIVES, ids=lambda archive: archive.name)
def test_missing_archive_is_one_line(folder, archive):
    path = folder / archive.name
    path.unlink()
    expected = f"{path} cannot be read (No such file or directory). {MEND}"
    with pytest.raises(DatasetError, match=f"^{re.escape(expected)}$"):
        load_dataset("mnist")
