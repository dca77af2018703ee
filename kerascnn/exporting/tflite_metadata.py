"""What Android's and MediaPipe's readers look for in a TFLite file.

The file ends in a zip archive with `labels.txt`, and has a buffer that says so, and how
pixels are to be given: the parts of `ModelMetadata` that are needed for it, by
mediapipe/tasks/metadata/metadata_schema.fbs (version 1.5.0) of
https://github.com/google-ai-edge/mediapipe.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Mapping, Sequence

import flatbuffers

from kerascnn.exporting.labels import LABELS_NAME, label_lines

# The name of the buffer in `Model.metadata`, and what the buffer begins with.
METADATA_NAME, FILE_IDENTIFIER = b"TFLITE_METADATA", b"M001"
# That of the parser that knows all that is written here.
MIN_PARSER_VERSION = "1.0.0"
# Of AssociatedFileType, ContentProperties, ProcessUnitOptions and ColorSpaceType.
TENSOR_AXIS_LABELS = 2
IMAGE_PROPERTIES, NORMALIZATION_OPTIONS = 2, 1
RGB, GRAYSCALE = 1, 2

# Adds a field to the table that is being written, at its place in the schema's.
Field = Callable[[flatbuffers.Builder, int], None]


def describe_classifier(channels: int) -> bytes:
    """The metadata of a model from one image to the probabilities of classes.

    Args:
        channels: Of the image, whose raw pixels are given as they are.
    """
    builder = flatbuffers.Builder()

    def text(value: str) -> Field:
        return _place(builder.CreateString(value))

    def table(fields: dict[int, Field]) -> int:
        return _table(builder, fields)

    def vector(place: int) -> Field:
        return _vector(builder, lambda: builder.PrependUOffsetTRelative(place))

    def numbers(value: float) -> Field:
        return _vector(builder, lambda: builder.PrependFloat32(value))

    properties = table({0: _byte(RGB if channels == 3 else GRAYSCALE)})
    content = table({0: _byte(IMAGE_PROPERTIES), 1: _place(properties)})
    options = table({0: numbers(0.0), 1: numbers(1.0)})  # mean and deviation
    unit = table({0: _byte(NORMALIZATION_OPTIONS), 1: _place(options)})
    image = table({0: text("image"), 3: _place(content), 4: vector(unit)})
    labels = table({0: text(LABELS_NAME), 2: _byte(TENSOR_AXIS_LABELS)})
    probabilities = table({0: text("probabilities"), 6: vector(labels)})
    graph = table({2: vector(image), 3: vector(probabilities)})
    model = table({3: vector(graph), 7: text(MIN_PARSER_VERSION)})
    builder.Finish(model, file_identifier=FILE_IDENTIFIER)
    return bytes(builder.Output())


def with_labels(content: bytes, class_names: Sequence[str]) -> bytes:
    """A TFLite file with the archive of its labels behind it."""
    file = io.BytesIO(content)
    with zipfile.ZipFile(file, "a") as archive:  # uncompressed, as readers want it
        # No date of now: the same model gives the same file.
        archive.writestr(zipfile.ZipInfo(LABELS_NAME), label_lines(class_names))
    return file.getvalue()


def _table(builder: flatbuffers.Builder, fields: Mapping[int, Field]) -> int:
    """Write a table; a field that is not given has its default."""
    builder.StartObject(max(fields) + 1)
    for slot, add in fields.items():
        add(builder, slot)
    return int(builder.EndObject())


def _vector(builder: flatbuffers.Builder, prepend: Callable[[], None]) -> Field:
    """A field that is a vector of one value of four bytes."""
    builder.StartVector(4, 1, 4)
    prepend()
    return _place(int(builder.EndVector()))


def _place(place: int) -> Field:
    """A field that is written elsewhere."""
    return lambda builder, slot: builder.PrependUOffsetTRelativeSlot(slot, place, 0)


def _byte(value: int) -> Field:
    return lambda builder, slot: builder.PrependUint8Slot(slot, value, 0)
