"""A folder of pictures as a data set: its classes, parts and files; none is opened.

```text
my_folder/cat/1.jpg                      one folder a class, or
my_folder/train/cat/1.jpg                parts with classes in them;
my_folder/validation/cat/2.jpg           this one and the next may be missing
my_folder/test/cat/3.jpg
```
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from kerascnn.errors import MAX_NAMES, DatasetError, shown

PartName = Literal["train", "validation", "test"]

# What people call the parts.
PART_FOLDERS: dict[str, PartName] = {
    "train": "train",
    "training": "train",
    "validation": "validation",
    "valid": "validation",
    "val": "validation",
    "test": "test",
    "testing": "test",
}
# Pillow knows many more formats; see `kerascnn.data.pictures.FORMATS`.
SUFFIXES = (
    *(".png", ".jpg", ".jpeg", ".gif", ".bmp", ".webp", ".tif", ".tiff"),
    *(".ppm", ".pgm", ".pbm"),
)
KINDS = ", ".join(suffix[1:] for suffix in SUFFIXES)
# Beside a folder of images: what other tasks keep there.
OTHER_TASKS = {"labels", "annotations", "masks"}
EXAMPLE = "Make a folder for each class, such as cats/ and dogs/, with its pictures."


@dataclass(frozen=True, kw_only=True)
class PictureFile:
    """A picture that was found, not read.

    Attributes:
        name: Its path within the folder, with `/`.
        label: The index of its class; `None` where it is of no class of the training
            part.
        part: Where it was.
    """

    name: str
    label: int | None
    part: PartName


@dataclass(frozen=True, kw_only=True)
class Listing:
    """The pictures of a folder.

    Attributes:
        path: The folder.
        class_names: The classes of the training part, sorted.
        files: The pictures, by part, class and name.
        has_parts: Whether the folder has parts; if not, all files are of `"train"`.
        ignored: Files that are no pictures by their names.
    """

    path: str
    class_names: tuple[str, ...]
    files: tuple[PictureFile, ...]
    has_parts: bool
    ignored: int

    def in_part(self, part: PartName) -> list[PictureFile]:
        """The files of a part, in order."""
        return [file for file in self.files if file.part == part]


def list_folder(path: str, class_names: Sequence[str] | None = None) -> Listing:
    """Find the pictures of a folder, the classes that they are of, and the parts.

    Hidden files and folders are passed over. Folders in a class are of the class, but
    links to folders in it are not followed.

    Args:
        path: The folder.
        class_names: The classes, where they are settled; those of the training part
            where `None`.

    Raises:
        DatasetError: There is no such folder, or no two classes of pictures in it.
    """
    parts = _parts(path)
    trained = [folder for folder, of in parts if of == "train"]
    if class_names is None:
        class_names = _class_names(trained[0] if trained else path)
    indices = {name: index for index, name in enumerate(class_names)}
    files, ignored, outside = [], 0, os.path.join(path, "")
    for folder, of in parts:
        for name in _folders(folder):
            inner = os.path.join(folder, name)
            for file in _files(inner):
                if not file.lower().endswith(SUFFIXES):
                    ignored += 1
                    continue
                files.append(
                    PictureFile(
                        name=file.removeprefix(outside).replace(os.sep, "/"),
                        label=indices.get(name),
                        part=of,
                    )
                )
    for folder, of in parts:
        if of != "train" and not any(file.part == of for file in files):
            raise DatasetError(
                f"{folder} holds no picture. Add some, or remove it: then pictures are "
                "held out."
            )
    return Listing(
        path=path,
        class_names=tuple(class_names),
        files=tuple(files),
        has_parts=parts != [(path, "train")],
        ignored=ignored,
    )


def require_classes(listing: Listing, *, to_train: bool = True) -> None:
    """Refuse a folder that nothing can be learned from, and say how to mend it.

    Args:
        listing: The folder.
        to_train: Whether each class needs pictures to train on.

    Raises:
        DatasetError: A class without pictures, pictures of no class, or none at all.
    """
    labels = {file.label for file in listing.in_part("train")}
    for index, name in enumerate(listing.class_names):
        if to_train and index not in labels:
            raise DatasetError(
                f"{listing.path} has no picture of the class {shown(name)} to train "
                f"on. Add some ({KINDS}), or remove "
                "the folder of that name."
            )
    if all(file.part == "validation" for file in listing.files):
        raise DatasetError(
            f"There is no picture in {listing.path} to train or test on. Put some "
            f"there ({KINDS}), or name another folder."
        )
    for file in listing.files:
        if file.label is None:
            verb = "are" if to_train else "were"
            mend = "Add pictures of its class to the training part, or remove it."
            raise DatasetError(
                f"{shown(file.name)} in {listing.path} is of none of the classes that "
                f"{verb} learned: {', '.join(listing.class_names[:MAX_NAMES])}. "
                f"{mend if to_train else 'Name data of the same classes.'}"
            )


def _parts(path: str) -> list[tuple[str, PartName]]:
    """The folders of the parts; a folder without any is one to train on."""
    names = _folders(path)
    known = {name: PART_FOLDERS.get(name.lower()) for name in names}
    training = [name for name, part in known.items() if part == "train"]
    if not training or not _folders(os.path.join(path, training[0])):
        return [(path, "train")]
    strange = [name for name, part in known.items() if part is None]
    if strange:
        raise DatasetError(
            f"{path} has {shown(training[0])} with folders in it, and "
            f"{shown(strange[0])} beside it. Have either train, validation and test "
            "with a folder for each class in them, or the folders of classes alone."
        )
    parts = [(os.path.join(path, n), part) for n, part in known.items() if part]
    if len({part for _, part in parts}) < len(parts):
        raise DatasetError(
            f"{path} has one part twice: {', '.join(map(shown, names))}. Keep one of "
            "each: train, validation, test."
        )
    order = ("train", "validation", "test")
    return sorted(parts, key=lambda pair: order.index(pair[1]))


def _class_names(path: str) -> tuple[str, ...]:
    names = _folders(path)
    if OTHER_TASKS & {name.lower() for name in names} and "images" in names:
        raise DatasetError(
            f"{path} has {', '.join(map(shown, names))}, as sets for detection or "
            f"segmentation have. kerascnn tells classes apart, one a picture. {EXAMPLE}"
        )
    if len(names) > 1:
        return tuple(names)
    if not names and any(f.lower().endswith(SUFFIXES) for f in _files(path)):
        raise DatasetError(
            f"The pictures in {path} are in no folder of a class. {EXAMPLE}"
        )
    found = f"only the class {shown(names[0])}" if names else "no folder of a class"
    raise DatasetError(f"{path} holds {found}. {EXAMPLE}")


def _folders(path: str) -> list[str]:
    """The names of the folders in a folder, or links to such, sorted."""
    return sorted(
        entry.name
        for entry in _scan(path)
        if not entry.name.startswith((".", "__MACOSX")) and _is_folder(entry)
    )


def _files(path: str) -> Iterator[str]:
    """The files in a folder and in those in it, however deep they are."""
    folders = [path]
    while folders:
        for entry in sorted(_scan(folders.pop()), key=lambda entry: entry.name):
            if entry.name.startswith("."):
                continue
            if entry.is_dir(follow_symlinks=False):
                folders.append(entry.path)
            elif not _is_folder(entry):  # a link to a folder may lead back
                yield entry.path


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link that leads to itself, say
        return False


def _scan(path: str) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(path) as entries:
            return list(entries)
    except FileNotFoundError as error:
        raise DatasetError(
            f"There is no folder {path}. Put it back, or name another folder of "
            "pictures."
        ) from error
    except NotADirectoryError as error:
        raise DatasetError(
            f"{path} is a file. Give the folder that the folders of the classes are in."
        ) from error
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise DatasetError(
            f"Cannot look into the folder {path}: {reason}. Make it readable."
        ) from error
