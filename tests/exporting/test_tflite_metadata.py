"""TFLite files tell their classes to readers that know nothing of kerascnn."""

import zipfile

import flatbuffers
import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter
from flatbuffers import encode, number_types
from flatbuffers.table import Table

from kerascnn.exporting.compaction import compact
from kerascnn.exporting.tflite_metadata import describe_classifier, with_labels
from kerascnn.model_files.formats import FORMATS


class Reader:
    """A table of a FlatBuffer, read by the numbers of its fields alone."""

    def __init__(self, content, place):
        self.table = Table(content, place)

    def _place(self, field):
        offset = self.table.Offset(4 + 2 * field)
        return offset and self.table.Pos + offset

    def text(self, field):
        return self.table.String(self._place(field)).decode()

    def number(self, field):
        return self.table.Get(number_types.Uint8Flags, self._place(field))

    def inner(self, field):
        return Reader(self.table.Bytes, self.table.Indirect(self._place(field)))

    def only(self, field):
        """The one table of a vector."""
        offset = self.table.Offset(4 + 2 * field)
        assert self.table.VectorLen(offset) == 1
        place = self.table.Vector(offset)
        return Reader(self.table.Bytes, self.table.Indirect(place))

    def floats(self, field):
        offset = self.table.Offset(4 + 2 * field)
        return self.table.GetVectorAsNumpy(number_types.Float32Flags, offset).tolist()


def root(content):
    assert content[4:8] == b"M001"
    return Reader(content, encode.Get(flatbuffers.packer.uoffset, content, 0))


def buffer_of(content):
    """What the file has under the name that readers of metadata look for."""
    model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(content, 0))
    [found] = [row for row in model.metadata if row.name == b"TFLITE_METADATA"]
    return model.buffers[found.buffer].data.tobytes()


@pytest.mark.parametrize("quantization", ["none", "int8"])
def test_file_tells_its_labels_and_its_pixels(exported, quantization):
    path = exported / FORMATS["tflite"].file_name(quantization)
    with zipfile.ZipFile(path) as archive:
        [entry] = archive.infolist()
        assert entry.filename == "labels.txt"
        assert entry.compress_type == zipfile.ZIP_STORED
        assert archive.read(entry) == b"0\n1\n2\n3\n4\n5\n6\n7\n8\n9\n"
    graph = root(buffer_of(path.read_bytes())).only(3)
    labels = graph.only(3).only(6)
    assert labels.text(0) == "labels.txt"
    assert labels.number(2) == 2  # TENSOR_AXIS_LABELS
    image = graph.only(2)
    assert image.text(0) == "image"
    assert image.inner(3).number(0) == 2  # ImageProperties
    assert image.inner(3).inner(1).number(0) == 2  # GRAYSCALE
    unit = image.only(4)
    assert unit.number(0) == 1  # NormalizationOptions
    assert (unit.inner(1).floats(0), unit.inner(1).floats(1)) == ([0.0], [1.0])


def test_color_is_told():
    content = root(describe_classifier(3)).only(3).only(2).inner(3)
    assert content.inner(1).number(0) == 1  # RGB


def test_answers_are_the_same_and_the_size_is_that_of_the_labels(exported):
    content = (exported / "model.tflite").read_bytes()
    plain = schema.ModelT.InitFromObj(schema.Model.GetRootAs(content, 0))
    place = [row.name for row in plain.metadata].index(b"TFLITE_METADATA")
    plain.buffers.pop(plain.metadata.pop(place).buffer)  # the last one
    builder = flatbuffers.Builder()
    builder.Finish(plain.Pack(builder), file_identifier=b"TFL3")
    bare = compact(bytes(builder.Output()))
    assert len(content) < len(bare) + 1000
    names = ["a" * 100] * 10
    assert len(with_labels(bare, names)) < len(bare) + 1010 + 200
    image = np.full((1, 28, 28, 1), 100, np.float32)
    answers = []
    for file in (content, bare):
        interpreter = Interpreter(model_content=file, num_threads=1)
        classify = interpreter.get_signature_runner()
        answers.append(classify(image=image)["probabilities"])
    np.testing.assert_array_equal(*answers)


def test_same_labels_give_the_same_bytes():
    assert with_labels(b"TFL3", ("a", "b")) == with_labels(b"TFL3", ("a", "b"))
