"""The errors that kerascnn raises on purpose, each a line that says how to go on.

    KerasCNNError
    ├── UnknownNameError      (LookupError)  a name that is in no table
    ├── ConfigError           (ValueError)   a setting that cannot be
    ├── InputShapeError       (ValueError)   images that a network cannot take
    ├── DatasetError                         data that is missing or altered
    ├── ClusterError                         workers that differ, or do not answer
    ├── RunError                             a run that cannot be read or written
    │   ├── DivergedError                    loss or weights are no finite numbers
    │   ├── TrainingInterruptedError         stopped by a signal, to be resumed
    │   └── ModelFileError                   a model that cannot be loaded or used
    ├── ExportError                          an exported file that fails its check
    ├── PictureError                         a picture that cannot be read, or is none
    └── MissingExtraError     (ImportError)  an optional package that is not installed

The command line shows any of them as one line and exits with code 1, or, where a signal
stopped it, with 128 and its number. Everything else is a bug and keeps its traceback.
"""

from __future__ import annotations

import reprlib
import signal
from collections.abc import Iterable

# A message is a line: what was given has so many signs of it, and a list so many names.
MAX_SHOWN = 80
MAX_NAMES = 40


def shown(value: object) -> str:
    """A value that was given, as Python writes it, for a message about it.

    It is on one line and at most `MAX_SHOWN` signs long, whatever was given: of more,
    of much nesting and of numbers with many digits, the middle is left out.
    """
    return shortened(" ".join(_SHORT.repr(value).split()), MAX_SHOWN)


def shortened(text: str, length: int) -> str:
    """A text of at most so many signs; of a longer one, the middle is left out."""
    half = (length - 3) // 2
    return text if len(text) <= length else f"{text[:half]}...{text[-half:]}"


class _Short(reprlib.Repr):
    def repr_int(self, x: int, level: int) -> str:
        try:
            return super().repr_int(x, level)
        except ValueError:  # more digits than Python writes
            return f"a number of {x.bit_length():,} bits"


_SHORT = _Short()
_SHORT.maxlevel = 3
_SHORT.maxstring = _SHORT.maxother = MAX_SHOWN - 10


class KerasCNNError(Exception):
    """Base class: catch this to catch every error listed above."""


class UnknownNameError(KerasCNNError, LookupError):
    """A name that is in no table; the message suggests the nearest one.

    Args:
        kind: What the name should have named, such as `"model"`.
        name: What was given.
        known: The names that exist.
        more: A sentence on what else may be given.
    """

    def __init__(
        self, kind: str, name: str, known: Iterable[str], more: str = ""
    ) -> None:
        from difflib import get_close_matches  # only a wrong name pays for it

        names = list(known)
        word = name[:MAX_SHOWN].lower()
        near = get_close_matches(word, names)
        # Letters that changed places are the commonest slip: "adma" is no "adamax".
        near.sort(key=lambda other: sorted(other) != sorted(word))
        hint = f"Did you mean {near[0]!r}? " if near else ""
        rest = len(names) - MAX_NAMES
        choice = names[:MAX_NAMES] + ([f"and {rest:,} more"] if rest > 0 else [])
        super().__init__(
            f"There is no {kind} {shown(name)}. {hint}Choose from: {', '.join(choice)}."
            + (f" {more}" if more else "")
        )


class ConfigError(KerasCNNError, ValueError):
    """A setting that is out of range, or that does not apply."""


class InputShapeError(KerasCNNError, ValueError):
    """Images of a shape that a network cannot take."""


class DatasetError(KerasCNNError):
    """Data that is missing, cut short, altered, or cannot be downloaded."""


class ClusterError(KerasCNNError):
    """Workers of one training that do not come, that differ, or that are lost."""


class RunError(KerasCNNError):
    """A run that cannot be written, read or resumed."""


class DivergedError(RunError):
    """Training stopped: loss or weights were no longer finite numbers."""


class TrainingInterruptedError(RunError):
    """Training was stopped by a signal; what was done is kept.

    Args:
        message: What to say.
        signal_number: The signal; Ctrl-C's where it is not given.
    """

    def __init__(self, message: str, signal_number: int = signal.SIGINT) -> None:
        super().__init__(message)
        self.signal_number = int(signal_number)

    @property
    def exit_code(self) -> int:
        """What a process that a signal stopped exits with: 130 for Ctrl-C."""
        return 128 + self.signal_number


class ModelFileError(RunError):
    """A file that holds no model, a damaged one, or one that does not fit."""


class ExportError(KerasCNNError):
    """A model that cannot be converted, or that is another one once converted."""


class PictureError(KerasCNNError):
    """A picture that cannot be read, or numbers that are no pixels."""


class MissingExtraError(KerasCNNError, ImportError):
    """An optional package that is not installed.

    Args:
        package: What is missing.
        extra: The extra of kerascnn that installs it.
        machines: What machines it is for, where it is not for all.
    """

    def __init__(self, package: str, extra: str, machines: str = "") -> None:
        only = f", which there is for {machines} alone," if machines else ""
        super().__init__(
            f"{package}{only} is not installed. Install it with: "
            f"pip install 'kerascnn[{extra}]' (in a checkout: '.[{extra}]')"
        )
