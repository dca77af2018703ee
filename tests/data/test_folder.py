import os
import re

import pytest

from kerascnn.data.folder import list_folder, require_classes
from kerascnn.errors import DatasetError


def make(root, *names):
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")
    return str(root)


def found(listing):
    return [(file.name, file.label, file.part) for file in listing.files]


def test_one_folder_a_class(tmp_path):
    path = make(tmp_path, "dog/1.PNG", "cat/b.jpg", "cat/old/a.webp", "cat/notes.txt")
    listing = list_folder(path)
    assert listing.class_names == ("cat", "dog")
    assert found(listing) == [
        ("cat/b.jpg", 0, "train"),
        ("cat/old/a.webp", 0, "train"),
        ("dog/1.PNG", 1, "train"),
    ]
    assert not listing.has_parts
    assert listing.ignored == 1
    require_classes(listing)


def test_parts_take_their_classes_from_the_training_part(tmp_path):
    """A class that validation lacks shifts nothing."""
    path = make(
        tmp_path,
        *("train/a/1.png", "train/b/1.png", "train/c/1.png"),
        *("Val/a/2.png", "Val/c/2.png", "test/b/3.png", "test/c/3.png"),
    )
    listing = list_folder(path)
    assert listing.class_names == ("a", "b", "c")
    assert listing.has_parts
    assert [(f.name, f.label) for f in listing.in_part("validation")] == [
        ("Val/a/2.png", 0),
        ("Val/c/2.png", 2),
    ]
    assert [(f.name, f.label) for f in listing.in_part("test")] == [
        ("test/b/3.png", 1),
        ("test/c/3.png", 2),
    ]
    require_classes(listing)


def test_a_class_may_be_called_train(tmp_path):
    listing = list_folder(make(tmp_path, "train/1.png", "car/1.png", "test/1.png"))
    assert listing.class_names == ("car", "test", "train")
    assert not listing.has_parts


def test_settled_classes_keep_their_order(tmp_path):
    path = make(tmp_path, "b/1.png", "c/1.png")
    listing = list_folder(path, ("c", "a", "b"))
    assert found(listing) == [("b/1.png", 2, "train"), ("c/1.png", 0, "train")]


def test_hidden_files_are_passed_over_and_links_lead_nowhere_twice(tmp_path):
    path = make(tmp_path, "a/1.png", "b/1.png", ".git/x.png", "a/.hidden.png")
    (tmp_path / "c").symlink_to(tmp_path / "b")  # a class of its own
    (tmp_path / "a" / "loop").symlink_to(tmp_path)
    (tmp_path / "a" / "2.png").symlink_to(tmp_path / "b" / "1.png")
    (tmp_path / "a" / "self.png").symlink_to(tmp_path / "a" / "self.png")
    (tmp_path / "self").symlink_to(tmp_path / "self")
    assert [name for name, *_ in found(list_folder(path))] == [
        *("a/1.png", "a/2.png", "a/self.png", "b/1.png", "c/1.png"),
    ]


def test_folders_of_great_depth(tmp_path):
    here = os.getcwd()
    try:
        os.chdir(make(tmp_path, "a/1.png", "b/1.png"))
        os.chdir("a")
        for _ in range(300):
            os.mkdir("d")
            os.chdir("d")
    finally:
        os.chdir(here)
    assert len(list_folder(str(tmp_path)).files) == 2


@pytest.mark.parametrize(
    ("names", "words"),
    [
        ((), "holds no folder of a class. Make a folder for each class"),
        (("1.png",), "are in no folder of a class"),
        (("cat/1.png",), "holds only the class 'cat'"),
        (("train/a/1.png", "train/b/1.png", "test/a/1.txt"), "test holds no picture"),
        (("images/1.png", "labels/1.txt"), "as sets for detection or segmentation"),
        (("train/a/1.png", "train/b/1.png", "more/a/1.png"), "'more' beside it"),
        (("train/a/1.png", "val/a/1.png", "valid/a/1.png"), "one part twice"),
    ],
)
def test_folders_without_classes_are_explained(tmp_path, names, words):
    with pytest.raises(DatasetError, match=re.escape(words)):
        list_folder(make(tmp_path, *names))


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (
            ("a/1.png", "b/1.txt"),
            "no picture of the class 'b' to train on. Add some (png, jpg, jpeg, gif, "
            "bmp, webp, tif, tiff, ppm, pgm, pbm), or remove",
        ),
        (
            ("train/a/1.png", "train/b/1.png", "test/c/1.png"),
            "'test/c/1.png' in PATH is of none of the classes",
        ),
    ],
)
def test_what_cannot_be_learned_is_explained(tmp_path, names, words):
    listing = list_folder(make(tmp_path, *names))
    with pytest.raises(DatasetError, match=re.escape(words).replace("PATH", ".*")):
        require_classes(listing)


def test_pictures_of_other_classes_than_a_network_knows_are_explained(tmp_path):
    listing = list_folder(make(tmp_path, "a/1.png", "c/1.png"), ("a", "b"))
    words = (
        f"'c/1.png' in {tmp_path} is of none of the classes that were learned: a, b. "
        "Name data of the same classes."
    )
    with pytest.raises(DatasetError, match=f"^{re.escape(words)}$"):
        require_classes(listing, to_train=False)


@pytest.mark.parametrize(
    "names",
    [
        ("a/1.txt",),
        ("train/a/1.txt", "validation/a/1.png"),
    ],
)
def test_settled_classes_without_any_picture_are_explained(tmp_path, names):
    listing = list_folder(make(tmp_path, *names), ("a", "b"))
    words = (
        f"There is no picture in {tmp_path} to train or test on. Put some there (png, "
    )
    with pytest.raises(DatasetError, match=f"^{re.escape(words)}"):
        require_classes(listing, to_train=False)


def test_no_folder_is_explained(tmp_path):
    with pytest.raises(DatasetError, match=r"There is no folder .*Put it back"):
        list_folder(str(tmp_path / "none"))
    (tmp_path / "file").write_text("")
    with pytest.raises(DatasetError, match="is a file"):
        list_folder(str(tmp_path / "file"))
    with pytest.raises(DatasetError, match="Cannot look into"):
        list_folder("a\0b")
