"""What a SavedModel may do: the operations that image classifiers need, and no more.

A SavedModel is a program, and TensorFlow has more than a thousand operations: some read
and write files, open connections or run Python. What is not in the list is refused.

The list was made by tracing, with TensorFlow 2.21 and Keras 3.15: the five networks as
kerascnn and Keras export them; fourteen networks of `keras.applications`; every layer
and activation of Keras that takes images, volumes, sequences or vectors, in inference;
the functions of `tf.image`, its decoders included; control flow; and the functions of
`tf.math`, `tf.nn`, `tf.quantization` and of arrays that compute from their arguments
alone. Added by hand are the operations with which earlier versions write the same.
"""

from __future__ import annotations

import operator
import os
import stat
from collections.abc import Iterator
from typing import Any

from tensorflow.core.protobuf import saved_model_pb2

_GROUPS = {
    "Arithmetic, comparison, logic, and their reductions": """
        Abs Acos Acosh Add AddN AddV2 All Any ApproximateEqual ArgMax ArgMin Asin Asinh
        Atan Atan2 Atanh BatchMatMul BatchMatMulV2 BatchMatMulV3 BesselI0e BesselI1e
        BiasAdd BitwiseAnd BitwiseOr BitwiseXor Bucketize Ceil ClipByValue ComplexAbs
        Cos Cosh Cumprod Cumsum DenseBincount Digamma Div DivNoNan Einsum Equal Erf Erfc
        Erfinv EuclideanNorm Exp Expm1 FFT2D Floor FloorDiv FloorMod Greater
        GreaterEqual HistogramFixedWidth IRFFT2D Igamma Igammac Imag InTopKV2 Inv Invert
        IsFinite IsInf IsNan L2Loss LeftShift Less LessEqual Lgamma Log Log1p LogicalAnd
        LogicalNot LogicalOr LowerBound MatMul Max Maximum Mean Min Minimum Mod Mul
        MulNoNan Ndtri Neg NextAfter NotEqual Pow Prod RFFT2D Real RealDiv Reciprocal
        RightShift Rint Round Rsqrt SegmentMax SegmentMean SegmentSum Sign Sin Sinh Sqrt
        Square SquaredDifference Sub Sum Tan Tanh TopK TopKV2 TruncateDiv TruncateMod
        UnsortedSegmentMax UnsortedSegmentMin UnsortedSegmentSum UpperBound Xdivy
        Xlog1py Xlogy Zeta
    """,
    "Layers": """
        AvgPool AvgPool3D Conv Conv2D Conv2DBackpropInput Conv3D Conv3DBackpropInputV2
        CudnnRNNV3 DepthwiseConv2dNative Dilation2D Elu FractionalAvgPool
        FractionalMaxPool FusedBatchNorm FusedBatchNormV2 FusedBatchNormV3 LRN LeakyRelu
        LogSoftmax MaxPool MaxPool3D MaxPoolV2 MaxPoolWithArgmax Relu Relu6 Selu Sigmoid
        Softmax SoftmaxCrossEntropyWithLogits Softplus Softsign
        SparseSoftmaxCrossEntropyWithLogits
    """,
    "Quantization": """
        Dequantize FakeQuantWithMinMaxArgs FakeQuantWithMinMaxVars
        FakeQuantWithMinMaxVarsPerChannel QuantizeAndDequantizeV2
        QuantizeAndDequantizeV3 QuantizeAndDequantizeV4 QuantizeV2
    """,
    "Images": """
        AdjustContrastv2 AdjustHue AdjustSaturation CombinedNonMaxSuppression
        CropAndResize DecodeAndCropJpeg DecodeBase64 DecodeBmp DecodeGif DecodeImage
        DecodeJpeg DecodePng DecodeRaw DepthToSpace ExtractGlimpse ExtractGlimpseV2
        ExtractImagePatches HSVToRGB ImageProjectiveTransformV2
        ImageProjectiveTransformV3 NonMaxSuppressionV3 RGBToHSV ResizeArea ResizeBicubic
        ResizeBilinear ResizeNearestNeighbor ScaleAndTranslate SpaceToDepth
    """,
    "Shapes, parts and types of arrays": """
        BatchToSpaceND Bitcast BroadcastArgs BroadcastTo Cast CheckNumerics
        CheckNumericsV2 Concat ConcatV2 Const DisableCopyOnRead DynamicPartition
        DynamicStitch EnsureShape ExpandDims Fill Gather GatherNd GatherV2
        GuaranteeConst Identity IdentityN LinSpace MatrixBandPart MatrixDiag
        MatrixDiagPartV3 MatrixDiagV3 MirrorPad OneHot OnesLike Pack Pad PadV2
        ParallelDynamicStitch Placeholder PlaceholderWithDefault PreventGradient Range
        Rank Reshape Reverse ReverseSequence ReverseV2 Roll ScatterNd Select SelectV2
        Shape ShapeN Size Slice Snapshot SpaceToBatchND Split SplitV Squeeze
        StopGradient StridedSlice TensorScatterAdd TensorScatterMax TensorScatterMin
        TensorScatterSub TensorScatterUpdate Tile Transpose Unique UniqueV2 Unpack Where
        ZerosLike
    """,
    "Random numbers: layers that were saved in training as well": """
        RandomShuffle RandomStandardNormal RandomUniform RandomUniformInt
        StatelessRandomGetAlg StatelessRandomGetKeyCounter
        StatelessRandomGetKeyCounterAlg StatelessRandomNormalV2 StatelessRandomUniform
        StatelessRandomUniformIntV2 StatelessRandomUniformV2 TruncatedNormal
    """,
    "Control flow, functions, and lists of arrays within loops": """
        Assert Case If NoOp PartitionedCall StatefulPartitionedCall StatelessCase
        StatelessIf StatelessWhile TensorListConcatV2 TensorListElementShape
        TensorListFromTensor TensorListGather TensorListGetItem TensorListLength
        TensorListPopBack TensorListPushBack TensorListReserve TensorListResize
        TensorListScatterIntoExistingList TensorListScatterV2 TensorListSetItem
        TensorListSplit TensorListStack While
    """,
    "Variables": """
        AssignAddVariableOp AssignSubVariableOp AssignVariableOp ReadVariableOp
        ResourceGather ResourceGatherNd VarHandleOp VarIsInitializedOp VariableShape
    """,
    "Names of classes": """
        AsString StringJoin StringLength StringLower StringToNumber StringUpper Substr
    """,
}
ALLOWED = frozenset(" ".join(_GROUPS.values()).split())
# In the functions that TensorFlow adds to save and restore the variables, and that
# loading a SavedModel does not call.
SAVER = frozenset(
    [
        "MergeV2Checkpoints",
        "RestoreV2",
        "SaveV2",
        "ShardedFilename",
        "StaticRegexFullMatch",
    ]
)
# An attribute may have TensorFlow call one function for another; these do not.
SAVER_ATTRIBUTES = frozenset(["_construction_context", "_input_shapes"])
INIT_OP = "__saved_model_init_op"
INIT_COLLECTIONS = ("saved_model_main_op", "legacy_init_op")
NAMES_SHOWN = 5

functions_of = operator.attrgetter("library.function")


def check_files(folder: str) -> None:
    """Refuse the folder of a SavedModel with a file that is none, such as a pipe.

    Raises:
        ValueError: With the file.
    """
    for root, _, names in os.walk(folder):
        for name in names:
            path = os.path.join(root, name)
            if not stat.S_ISREG(os.stat(path).st_mode):
                raise ValueError(f"{name} in it is not a regular file")


def check_operations(folder: str) -> None:
    """Refuse a SavedModel that could do more than compute.

    Looked at are all graphs and all functions in it, called or not.

    Raises:
        ValueError: With the operations or files that it should not have.
    """
    with open(os.path.join(folder, "saved_model.pb"), "rb") as file:
        content = saved_model_pb2.SavedModel.FromString(file.read())
    excess: set[str] = set()
    for graph in content.meta_graphs:
        saver = _saver_functions(graph) if len(content.meta_graphs) == 1 else set()
        excess |= {node.op for node in graph.graph_def.node} - ALLOWED
        for function in functions_of(graph.graph_def):
            allowed = ALLOWED
            if function.signature.name in saver:
                allowed |= SAVER
            excess |= {node.op for node in function.node_def} - allowed
        excess |= _extras(graph)
    if excess:
        raise ValueError(
            f"Cannot run the SavedModel in {folder}: it has {_words(excess)}, which no "
            "image classifier needs, and which could reach files or other programs. "
            "Give --trust if you trust whoever made it."
        )


def _words(names: set[str]) -> str:
    shown = [name[:40] for name in sorted(names)[:NAMES_SHOWN]]
    more = len(names) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more else "")


def _saver_functions(graph: Any) -> set[str]:
    """The functions that save and restore, where nothing else can call them."""
    if not graph.HasField("object_graph_def"):
        return set()  # of TensorFlow 1: loading runs what is in the main graph
    saver = graph.saver_def
    names = {
        name.partition(":")[0]
        for name in (saver.save_tensor_name, saver.restore_op_name)
    }
    inside = {
        name
        for node in graph.graph_def.node
        if node.name in names
        for name in _called(node)
    }
    outside = set(graph.object_graph_def.concrete_functions)
    for node in graph.graph_def.node:
        if node.name not in names:
            outside.update(_called(node))
    for function in functions_of(graph.graph_def):
        for node in function.node_def:
            outside.update(_called(node))
        if not SAVER_ATTRIBUTES.issuperset(function.attr):
            outside.add(function.signature.name)
    return inside - outside


def _called(node: Any) -> Iterator[str]:
    """The functions that a node names."""
    for value in node.attr.values():
        yield value.func.name
        yield from (function.name for function in value.list.func)


def _extras(graph: Any) -> set[str]:
    """What a SavedModel brings besides its graph: files, and what runs at loading."""
    found = {f"the file {asset.filename}" for asset in graph.asset_file_def}
    for node in graph.object_graph_def.nodes:
        if node.WhichOneof("kind") == "asset":
            found.add("an asset")
        elif node.WhichOneof("kind") == "resource":
            found.add("a resource with code for its making")
    init = {output.name for output in graph.signature_def[INIT_OP].outputs.values()}
    for name in INIT_COLLECTIONS:
        init.update(graph.collection_def[name].node_list.value)
    nodes = {node.name: node for node in graph.graph_def.node}
    for name in init:
        node = nodes.get(name.partition(":")[0])
        if node is None or node.op != "NoOp" or node.input:
            found.add("an operation that runs at loading")
    return found
