"""Which SavedModels are run: those that compute, and nothing else."""

import shutil

import pytest
import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2
from tensorflow.python.framework import op_def_registry

from kerascnn.model_files.runtimes.saved_model_operations import (
    ALLOWED,
    SAVER,
    check_files,
    check_operations,
    functions_of,
)
from kerascnn.models import MODELS
from kerascnn.models.build import build_model


@pytest.fixture
def altered(exported, tmp_path):
    """The folder of a SavedModel, after a change of its one graph."""

    def alter(change):
        folder = tmp_path / "model"
        if not folder.exists():
            shutil.copytree(exported / "saved_model" / "1", folder)
        file = folder / "saved_model.pb"
        source = exported / "saved_model" / "1" / "saved_model.pb"
        content = saved_model_pb2.SavedModel.FromString(source.read_bytes())
        change(content.meta_graphs[0])
        file.write_bytes(content.SerializeToString())
        return str(folder)

    return alter


def function_of(graph, part):
    """The first function whose name has a part."""
    return next(f for f in functions_of(graph.graph_def) if part in f.signature.name)


PLACES = {
    "the main graph": lambda graph: graph.graph_def.node.add(),
    "a function that is called": lambda graph: function_of(
        graph, "signature_wrapper"
    ).node_def.add(),
    "a function that is not": lambda graph: (
        functions_of(graph.graph_def).add().node_def.add()
    ),
}
# Of hundreds, those that users of TensorFlow meet.
_NAMES = """
    PyFunc PyFuncStateless EagerPyFunc ReadFile WriteFile MatchingFiles Save SaveV2
    SaveSlices Restore RestoreV2 RestoreSlice MergeV2Checkpoints WriteSummary
    WriteScalarSummary WriteImageSummary WriteGraphSummary WriteRawProtoSummary
    CreateSummaryFileWriter CreateSummaryDbWriter SummaryWriter FlushSummaryWriter
    ImportEvent DatasetToTFRecord TFRecordDataset TFRecordDatasetV2 TFRecordReaderV2
    TextLineDataset TextLineReaderV2 FixedLengthRecordDataset
    FixedLengthRecordReaderV2 WholeFileReader WholeFileReaderV2 ReaderReadV2
    InitializeTableFromTextFile InitializeTableFromTextFileV2 HashTableV2
    LookupTableImportV2 LoadDataset SaveDataset SaveDatasetV2 CacheDataset
    CacheDatasetV2 LMDBReader LMDBDataset SqlDataset IteratorGetNext RemoteCall
    XlaLaunch XlaCallModule PrintV2 Print DebugIdentityV2 LoadAndRemapMatrix
    GenerateVocabRemapping QueueDequeueV2 _Send _Recv CollectiveReduceV2
    DataServiceDataset DecodeCompressed ParseExampleV2
"""
REACHING = _NAMES.split()


@pytest.mark.parametrize("operation", REACHING)
def test_operation_is_refused_wherever_it_is(altered, operation):
    for add in PLACES.values():
        folder = altered(lambda graph, add=add: setattr(add(graph), "op", operation))
        with pytest.raises(ValueError, match=f": it has {operation}, which no image"):
            check_operations(folder)


def test_operations_that_are_allowed_are_known_and_keep_to_variables():
    rows = {name: op_def_registry.get(name) for name in ALLOWED | SAVER}
    assert [name for name, row in rows.items() if row is None] == []
    assert not ALLOWED & (SAVER | set(REACHING))
    stateful = {name for name in ALLOWED if rows[name].is_stateful}
    assert stateful == {
        # Variables, random numbers, checks, and control flow around any of these.
        *("AssignAddVariableOp", "AssignSubVariableOp", "AssignVariableOp"),
        *("ReadVariableOp", "ResourceGather", "ResourceGatherNd", "VarHandleOp"),
        *("VarIsInitializedOp", "VariableShape", "DisableCopyOnRead", "GuaranteeConst"),
        *("RandomShuffle", "RandomStandardNormal", "RandomUniform"),
        *("RandomUniformInt", "StatelessRandomGetAlg", "TruncatedNormal"),
        *("Assert", "CheckNumerics", "CheckNumericsV2", "CudnnRNNV3"),
        *("Case", "If", "While", "StatefulPartitionedCall"),
    }


def operations_of(function):
    """All that a function of TensorFlow's does."""
    graph = function.graph.as_graph_def()
    nodes = [*graph.node, *(n for f in graph.library.function for n in f.node_def)]
    return {node.op for node in nodes}


@pytest.mark.parametrize("name", MODELS)
def test_every_network_is_allowed(name):
    shape = (67, 67, 3) if name == "alexnet" else (32, 32, 3)
    model = build_model(name, shape, 10)
    function = tf.function(model, autograph=False)
    traced = function.get_concrete_function(tf.TensorSpec((None, *shape)))
    assert operations_of(traced) - ALLOWED == set()


def test_keras_export_and_loops_and_conditions_are_allowed(lenet, tmp_path):
    lenet.export(tmp_path / "keras", verbose=False)

    class Module(tf.Module):
        @tf.function(
            input_signature=[tf.TensorSpec((None, None, None, 1), tf.uint8)],
            autograph=False,
        )
        def answer(self, image):
            x = tf.image.resize(tf.cast(image, tf.float32), (28, 28))
            x = tf.cond(tf.reduce_mean(x) > 127, lambda: 255 - x, lambda: x)
            [x] = tf.while_loop(lambda x: tf.reduce_max(x) > 1, lambda x: (x / 2,), [x])
            x = tf.map_fn(tf.image.per_image_standardization, x)
            return tf.nn.softmax(tf.reshape(x, (-1, 784))[:, :10])

    tf.saved_model.save(Module(), tmp_path / "module")
    for name in ("keras", "module"):
        check_files(str(tmp_path / name))
        check_operations(str(tmp_path / name))


def test_names_are_few_and_short(altered):
    def change(graph):
        for number in range(9):
            graph.graph_def.node.add(op=f"{number}" + "x" * 1000)

    with pytest.raises(ValueError, match="and 4 more, which no") as caught:
        check_operations(altered(change))
    assert len(str(caught.value)) < 600


def call_saver_from_function(graph):
    node = function_of(graph, "signature_wrapper").node_def.add(op="PartitionedCall")
    node.attr["f"].func.name = function_of(graph, "traced_save").signature.name


def call_saver_from_list(graph):
    node = function_of(graph, "signature_wrapper").node_def.add(op="Case")
    name = function_of(graph, "traced_save").signature.name
    node.attr["branches"].list.func.add(name=name)


def call_saver_from_main_graph(graph):
    node = graph.graph_def.node.add(name="other", op="StatefulPartitionedCall")
    node.attr["f"].func.name = function_of(graph, "traced_save").signature.name


def call_saver_from_python(graph):
    name = function_of(graph, "traced_save").signature.name
    graph.object_graph_def.concrete_functions[name].SetInParent()


def saver_stands_in_for_another(graph):
    function_of(graph, "traced_save").attr["api_implements"].s = b"classify"


def written_by_tensorflow_1(graph):
    graph.ClearField("object_graph_def")


@pytest.mark.parametrize(
    "change",
    [
        call_saver_from_function,
        call_saver_from_list,
        call_saver_from_main_graph,
        call_saver_from_python,
        saver_stands_in_for_another,
        written_by_tensorflow_1,
    ],
)
def test_functions_that_save_are_refused_where_something_calls_them(altered, change):
    check_operations(altered(lambda graph: None))
    with pytest.raises(ValueError, match="SaveV2"):
        check_operations(altered(change))


def test_several_graphs_are_refused_with_what_they_save(altered):
    def change(graph):
        content.meta_graphs.add().CopyFrom(graph)

    content = saved_model_pb2.SavedModel()
    folder = altered(change)
    content.meta_graphs.add().CopyFrom(content.meta_graphs[0])
    with open(f"{folder}/saved_model.pb", "wb") as file:
        file.write(content.SerializeToString())
    with pytest.raises(ValueError, match="SaveV2"):
        check_operations(folder)


def add_asset(graph):
    graph.asset_file_def.add(filename="words.txt")


def add_asset_object(graph):
    graph.object_graph_def.nodes.add().asset.asset_file_def_index = 0


def add_resource(graph):
    graph.object_graph_def.nodes.add().resource.device = ""


def add_init(graph):
    outputs = graph.signature_def["__saved_model_init_op"].outputs
    outputs["__saved_model_init_op"].name = "StatefulPartitionedCall"


def add_init_before(graph):
    [node] = [node for node in graph.graph_def.node if node.op == "NoOp"]
    node.input.append("^StatefulPartitionedCall")


def add_legacy_init(graph):
    graph.collection_def["legacy_init_op"].node_list.value.append("nowhere")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (add_asset, "the file words.txt"),
        (add_asset_object, "an asset"),
        (add_resource, "a resource with code for its making"),
        (add_init, "an operation that runs at loading"),
        (add_init_before, "an operation that runs at loading"),
        (add_legacy_init, "an operation that runs at loading"),
    ],
)
def test_files_and_what_runs_at_loading_are_refused(altered, change, words):
    with pytest.raises(ValueError, match=f"it has {words}, which no image"):
        check_operations(altered(change))


def test_damaged_file_is_an_error(altered):
    folder = altered(lambda graph: None)
    with open(f"{folder}/saved_model.pb", "wb") as file:
        file.write(b"\xff" * 100)
    with pytest.raises(Exception, match="pars"):
        check_operations(folder)
