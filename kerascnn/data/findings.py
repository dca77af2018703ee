"""What is wrong with a folder of pictures, in sentences, the most serious first."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from kerascnn.data.folder import PartName
from kerascnn.machine.numbers import format_accuracy, format_count, format_counted

# The most serious first.
SERIOUS = ("across_parts", "across_classes", "no_training", "unreadable")
KINDS = (
    *SERIOUS,
    *("duplicates", "blank", "not_in_test", "not_in_validation"),
    *("too_small_for_test", "too_small_for_validation", "imbalance"),
    *("ignored", "not_compared"),
)
# How many examples a finding has, and files an example.
MAX_EXAMPLES, MAX_IN_EXAMPLE = 3, 3
# Of the largest class to the smallest.
MUCH_LARGER = 3
# What is held out of the training part, where there is no other.
HELD_OUT: dict[PartName, float] = {"test": 0.2, "validation": 0.1}


@dataclass(frozen=True, kw_only=True)
class Group:
    """Files that hold one picture.

    Attributes:
        files: Their names in the folder.
        exact: Whether all have the same pixels, and are not just nearly the same.
        parts: The parts that they are in.
        classes: The classes that they are of.
    """

    files: tuple[str, ...]
    exact: bool
    parts: tuple[PartName, ...]
    classes: tuple[str, ...]

    @property
    def rank(self) -> tuple[bool, bool, bool, int]:
        """What sorts groups, the most serious first."""
        return (
            len(self.parts) == 1,
            len(self.classes) == 1,
            not self.exact,
            -len(self.files),
        )


@dataclass(frozen=True, kw_only=True)
class ClassCount:
    """How many pictures of a class can be read, in each part."""

    name: str
    train: int
    validation: int
    test: int


@dataclass(frozen=True, kw_only=True)
class Unreadable:
    """A file that is no picture that can be read, and why."""

    file: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What was counted in a folder.

    Attributes:
        pictures: How many can be read.
        has_parts: Whether the folder has parts; if not, all is to train on.
        classes: All that there are, by name.
        groups: Pictures that are there several times, the most serious first.
        all_compared: Whether all pairs that may be nearly the same were looked at.
        blank: Files that show nothing.
        unreadable: Files that cannot be read.
        ignored: How many files are no pictures by their names.
    """

    pictures: int
    has_parts: bool
    classes: tuple[ClassCount, ...]
    groups: tuple[Group, ...]
    all_compared: bool
    blank: tuple[str, ...]
    unreadable: tuple[Unreadable, ...]
    ignored: int


@dataclass(frozen=True, kw_only=True)
class Finding:
    """Something that is wrong.

    Attributes:
        kind: One of `KINDS`.
        number: Of how many groups, files or classes.
        text: What it is, and what to do.
        examples: The first of them.
    """

    kind: str
    number: int
    text: str
    examples: tuple[str, ...]


def find_problems(facts: Facts) -> list[Finding]:
    """Say what is wrong, the most serious first."""
    found = [*_duplicates(facts), *_files(facts), *_classes(facts)]
    return sorted(found, key=lambda finding: KINDS.index(finding.kind))


def describe_group(group: Group) -> str:
    """A line of the first files of a group: `=` has the same pixels, `~` nearly."""
    line = (" = " if group.exact else " ~ ").join(group.files[:MAX_IN_EXAMPLE])
    rest = len(group.files) - MAX_IN_EXAMPLE
    return f"{line} and {format_count(rest)} more" if rest > 0 else line


def _duplicates(facts: Facts) -> Iterator[Finding]:
    is_across_parts = [group for group in facts.groups if len(group.parts) > 1]
    is_across_classes = [group for group in facts.groups if len(group.classes) > 1]
    rest = [g for g in facts.groups if len(g.parts) == len(g.classes) == 1]
    keep = "Keep one of each."
    if not facts.has_parts:
        keep += " Held out at random, copies would be on both sides."
    for kind, groups, where, advice in (
        (
            "across_parts",
            is_across_parts,
            "in more than one part",
            "The test would ask for what was learned by heart. Keep each in one part.",
        ),
        (
            "across_classes",
            is_across_classes,
            "of more than one class",
            "All but one of the labels are wrong, or the classes overlap.",
        ),
        ("duplicates", rest, "more than once in a class", keep),
    ):
        if groups:
            exact = sum(group.exact for group in groups)
            yield Finding(
                kind=kind,
                number=len(groups),
                text=f"{format_counted(len(groups), 'picture is', 'pictures are')} "
                f"{where} ({format_count(exact)} with the same pixels, "
                f"{format_count(len(groups) - exact)} nearly the same). {advice}",
                examples=tuple(map(describe_group, groups[:MAX_EXAMPLES])),
            )
    if not facts.all_compared:
        yield Finding(
            kind="not_compared",
            number=0,
            text="Too many pictures are nearly alike for all to be compared: there may "
            "be more that are nearly the same.",
            examples=(),
        )


def _files(facts: Facts) -> Iterator[Finding]:
    if facts.unreadable:
        number = len(facts.unreadable)
        yield Finding(
            kind="unreadable",
            number=number,
            text=f"{format_counted(number, 'file', 'files')} cannot be read, and "
            f"{'is' if number == 1 else 'are'} left out of a training.",
            examples=tuple(
                f"{row.file}: {row.reason}" for row in facts.unreadable[:MAX_EXAMPLES]
            ),
        )
    if facts.blank:
        number = len(facts.blank)
        yield Finding(
            kind="blank",
            number=number,
            text=f"{format_counted(number, 'picture shows', 'pictures show')} nothing "
            "but one brightness.",
            examples=facts.blank[:MAX_EXAMPLES],
        )
    if facts.ignored:
        number = facts.ignored
        yield Finding(
            kind="ignored",
            number=number,
            text=f"{format_counted(number, 'file is', 'files are')} no "
            f"{'picture' if number == 1 else 'pictures'} by "
            f"{'its name' if number == 1 else 'their names'}, and left out.",
            examples=(),
        )


def _classes(facts: Facts) -> Iterator[Finding]:
    rows = facts.classes
    trained = [row for row in rows if row.train]
    untrained = [row for row in rows if not row.train]
    if untrained:
        yield _about_classes(
            "no_training",
            untrained,
            "no picture to train on that can be read. Add some, or remove the folder",
        )
    used = {
        "validation": sum(row.validation for row in rows),
        "test": sum(row.test for row in rows),
    }
    for part, total in used.items():
        missing = [row for row in trained if not getattr(row, part)]
        if total and missing:
            yield _about_classes(
                f"not_in_{part}", missing, f"no picture in the {part} part"
            )
    for part, share in HELD_OUT.items():
        small = [row for row in trained if row.train * share < 1]
        if not used[part] and small:
            yield _about_classes(
                f"too_small_for_{part}",
                small,
                f"fewer than {round(1 / share)} pictures: {format_accuracy(share)} "
                f"held out as the {part} part are less than one",
            )
    by_size = sorted(trained, key=lambda row: row.train)
    largest, smallest = (by_size[-1], by_size[0]) if by_size else (None, None)
    if largest and smallest and largest.train > MUCH_LARGER * smallest.train:
        times = largest.train / smallest.train
        yield Finding(
            kind="imbalance",
            number=len(trained),
            text=f"The largest class, {largest.name}, has {times:,.1f} times as many "
            f"pictures to train on as the smallest, {smallest.name}: "
            f"{format_count(largest.train)} and {format_count(smallest.train)}. The "
            "accuracy tells little of small classes; look at the macro-averaged F1.",
            examples=(),
        )


def _about_classes(kind: str, rows: Sequence[ClassCount], what: str) -> Finding:
    return Finding(
        kind=kind,
        number=len(rows),
        text=f"{format_counted(len(rows), 'class has', 'classes have')} {what}.",
        examples=tuple(
            f"{row.name} ({row.train} in train, {row.validation} in validation, "
            f"{row.test} in test)"
            if row.validation or row.test
            else f"{row.name} ({row.train})"
            for row in rows[:MAX_EXAMPLES]
        ),
    )
