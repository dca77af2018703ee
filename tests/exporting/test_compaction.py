"""TFLite files without repetition: the same answers from fewer bytes."""

import flatbuffers
import numpy as np
import pytest
import tensorflow as tf
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter

from kerascnn.exporting.compaction import compact


@pytest.fixture(scope="module")
def content():
    """A quantized convolution as the converter writes it."""
    rng = np.random.default_rng(0)
    module = tf.Module()
    module.kernel = tf.Variable(rng.normal(size=(3, 3, 8, 64)).astype(np.float32))

    @tf.function(input_signature=[tf.TensorSpec((1, 8, 8, 8))], autograph=False)
    def convolve(x):
        return tf.nn.relu(tf.nn.conv2d(x, module.kernel, 1, "SAME") + 1.0)

    converter = tf.lite.TFLiteConverter.from_concrete_functions(
        [convolve.get_concrete_function()], module
    )
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: iter(
        [[rng.normal(size=(1, 8, 8, 8)).astype(np.float32)] for _ in range(5)]
    )
    return converter.convert()


def answers(content):
    interpreter = Interpreter(model_content=content, num_threads=1)
    interpreter.allocate_tensors()
    x = np.random.default_rng(1).normal(size=(1, 8, 8, 8)).astype(np.float32)
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], x)
    interpreter.invoke()
    return interpreter.get_tensor(interpreter.get_output_details()[0]["index"])


def test_answers_are_the_same_from_fewer_bytes(content):
    smaller = compact(content)
    np.testing.assert_array_equal(answers(smaller), answers(content))
    # Zero points of 64 channels, for weights and biases: 8 bytes each, once now.
    assert len(smaller) <= len(content) - 64 * 8
    assert compact(smaller) == smaller


def test_content_is_kept_and_weights_are_aligned(content):
    smaller = compact(content)
    models = [schema.Model.GetRootAs(file, 0) for file in (content, smaller)]
    before, after = (schema.ModelT.InitFromObj(model) for model in models)
    assert len(before.buffers) == len(after.buffers)
    for old, new in zip(before.buffers, after.buffers, strict=True):
        assert (old.data is None) == (new.data is None)
        if old.data is not None:
            np.testing.assert_array_equal(old.data, new.data)
    old_tensors, new_tensors = (m.subgraphs[0].tensors for m in (before, after))
    for old, new in zip(old_tensors, new_tensors, strict=True):
        assert old.name.partition(b";")[0].endswith(new.name)
        np.testing.assert_array_equal(old.shape, new.shape)
        np.testing.assert_array_equal(old.quantization.scale, new.quantization.scale)
    kernel = max((b.data for b in after.buffers if b.data is not None), key=len)
    assert smaller.find(kernel.tobytes()) % 16 == 0


def test_names_lose_what_they_have_in_common(content):
    model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(content, 0))
    names = [b"image", b"net/lenet/conv/Relu;net/lenet/conv/bias", b"net/lenet/pool"]
    tensors = model.subgraphs[0].tensors
    for index, tensor in enumerate(tensors):
        tensor.name = names[index] if index < len(names) else b"constant"
    builder = flatbuffers.Builder()
    builder.Finish(model.Pack(builder), file_identifier=b"TFL3")
    after = schema.Model.GetRootAs(compact(bytes(builder.Output())), 0).Subgraphs(0)
    found = [after.Tensors(i).Name() for i in range(3)]
    assert found == [b"image", b"conv/Relu", b"pool"]
