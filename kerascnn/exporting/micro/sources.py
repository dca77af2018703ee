"""The C++ text of a model: templates filled in."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from string import Template

import numpy as np
import numpy.typing as npt

from kerascnn.exporting.micro.description import Description
from kerascnn.machine.text import printable

TEMPLATES = Path(__file__).parent / "templates"
BYTES_A_LINE = 12
HEX = [f"0x{value:02x}," for value in range(256)]


@dataclass(frozen=True)
class Sample:
    """An image and the answer expected for it.

    Attributes:
        image: Raw pixels, `(height, width, channels)`.
        answer: Output bytes of the model, `(num_classes,)`.
    """

    image: npt.NDArray[np.uint8]
    answer: npt.NDArray[np.uint8]


def write_sources(
    folder: Path,
    *,
    name: str,
    class_names: Sequence[str],
    description: Description,
    arena: tuple[int, int],
    sample: Sample,
) -> None:
    """Write the sources into a folder, one for each template.

    Args:
        folder: Where to.
        name: Of the network: its form as an identifier is the namespace.
        class_names: In the order of the probabilities.
        description: The model.
        arena: Its arena in bytes, as measured and with the margin.
        sample: For the self-test.
    """
    height, width, channels = description.image_shape
    names = [f"    {c_string(class_name)}," for class_name in class_names]
    registrations = description.registrations
    values = {
        "name": printable(name),
        "namespace": identifier(name),
        "guard": identifier(name).upper(),
        "model": byte_rows(description.content),
        "length": len(description.content),
        "height": height,
        "width": width,
        "channels": channels,
        "classes": len(class_names),
        "class_names": "\n".join(names),
        "arena_measured": arena[0],
        "arena_size": arena[1],
        "input_scale": c_float(description.input.scale),
        "input_zero_point": description.input.zero_point,
        "output_scale": c_float(description.output.scale),
        "output_zero_point": description.output.zero_point,
        "operators": len(registrations),
        "registrations": "\n".join(
            f"  if (resolver.{method}() != kTfLiteOk) return kTfLiteError;"
            for method in registrations
        ),
        "sample_image": byte_rows(sample.image.tobytes()),
        "sample_answer": byte_rows(sample.answer.tobytes()),
        "sample_class": int(sample.answer.argmax()),
    }
    for template in sorted(TEMPLATES.iterdir()):
        text = Template(template.read_text("utf-8")).substitute(values)
        (folder / template.name).write_text(text, "utf-8")


def identifier(name: str) -> str:
    """A name as an identifier of C++, which no keyword is."""
    words = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")
    return f"{words}_model" if words[:1].isalpha() else f"model_{words}".rstrip("_")


def byte_rows(content: bytes) -> str:
    """Bytes as the lines of a list: `0x1c, 0x00,`."""
    starts = range(0, len(content), BYTES_A_LINE)
    rows = (content[start : start + BYTES_A_LINE] for start in starts)
    return "\n".join("    " + " ".join([HEX[value] for value in row]) for row in rows)


def c_string(text: str) -> str:
    """A text as a literal of C++ in ASCII, its UTF-8 written in octal."""
    return f'"{"".join(map(_sign, text.encode("utf-8", "surrogateescape")))}"'


def _sign(byte: int) -> str:
    # A question mark may begin a trigraph.
    is_plain = 32 <= byte < 127 and byte not in b'"\\?'
    return chr(byte) if is_plain else f"\\{byte:03o}"


def c_float(value: float) -> str:
    """A number as a literal of C++ of 32 bits."""
    return f"{value!r}f"
