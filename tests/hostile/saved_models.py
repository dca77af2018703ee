"""SavedModels that reach for files, are damaged, or are not what they seem."""

from __future__ import annotations

import json
import os
import shutil

import damages
from PIL import Image

# Of those that reach beyond the model.
REACHING = (
    *("PyFunc", "EagerPyFunc", "ReadFile", "WriteFile", "MatchingFiles", "Save"),
    *("SaveV2", "SaveSlices", "RestoreV2", "WriteSummary", "CreateSummaryFileWriter"),
    *("TFRecordDataset", "DatasetToTFRecord", "InitializeTableFromTextFileV2"),
    *("WholeFileReaderV2", "ReaderReadV2", "PrintV2", "RemoteCall", "XlaCallModule"),
)
# In the place of what is written of the data.
VALUES = (
    *(None, True, 0, -1, 10**30, 1.5, "", "x", "a\nb\x1b", [], {}, [1] * 10),
    *([0, 0, 0], [28, 28, 2], [10**6, 10**6, 1]),
    [*("a\n", "$x$", "\ud800", "\x1b"), *"cdefgh"],
)


def prepare(models):
    """The folder of good models, and what the SavedModel among them holds."""
    from kerascnn.machine.tensorflow import load_tensorflow

    load_tensorflow()
    from tensorflow.core.protobuf import saved_model_pb2

    content = (models / "saved_model" / "1" / "saved_model.pb").read_bytes()
    return models, saved_model_pb2.SavedModel.FromString(content)


def make(rng, folder, shared):
    """A SavedModel with something changed, and a command that takes it."""
    models, good = shared
    picture = folder / "zero.png"
    Image.new("L", (28, 28)).save(picture)
    model = folder / "model"
    shutil.copytree(models / "saved_model", model)
    shutil.copy(models / "export.json", folder)
    for _ in range(rng.choice((1, 1, 1, 2))):
        rng.choice((graph, graph, graph, damage, damage, replace_file, facts))(
            rng, model / "1", good
        )
    arguments = ["predict", str(picture), "--model", str(model)]
    if rng.random() < 0.2:
        arguments.append("--json")
    if rng.random() < 0.2:
        arguments += ["--dataset", rng.choice(("mnist", "cifar10", "mnits"))]
    return arguments, b"", []


def graph(rng, folder, good):
    """Change what the model says that it does."""
    content = type(good)()
    content.CopyFrom(good)
    meta = content.meta_graphs[0]
    functions = meta.graph_def.library.function
    kind = rng.randrange(12)
    if kind < 4:  # an operation that reaches out, somewhere
        nodes = rng.choice(
            [meta.graph_def.node, functions.add().node_def]
            + [function.node_def for function in functions]
        )
        nodes.add(name="x", op=rng.choice(REACHING))
    elif kind == 4:  # other operations, some that do not exist
        function = rng.choice(functions)
        node = rng.choice(function.node_def)
        node.op = rng.choice(
            ("Relu", "MatMul", "NoOp", "Nothing", "", "\n\x1b", "x" * 9999)
        )
    elif kind == 5:
        node = rng.choice(rng.choice(functions).node_def)
        for name in list(node.attr):
            if rng.random() < 0.5:
                del node.attr[name]
    elif kind == 6:
        node = rng.choice(rng.choice(functions).node_def)
        node.input[:] = rng.sample(list(node.input), len(node.input))
        node.input.extend(["nowhere"] * rng.randrange(2))
    elif kind == 7:
        names = list(meta.signature_def)
        del meta.signature_def[rng.choice(names)]
    elif kind == 8:
        for signature in meta.signature_def.values():
            for ends in (signature.inputs, signature.outputs):
                for info in ends.values():
                    info.dtype = rng.randrange(30)
    elif kind == 9:
        content.meta_graphs.add().CopyFrom(meta)
    elif kind == 10:
        nodes = meta.object_graph_def.nodes
        nodes[rng.randrange(len(nodes))].Clear()
    else:
        meta.asset_file_def.add(filename=rng.choice(("../../x", "/etc/passwd", "")))
    write(folder / "saved_model.pb", content.SerializeToString())


def damage(rng, folder, good):
    """Change the bytes of a file."""
    damages.damage(rng, some_file(rng, folder))


def replace_file(rng, folder, good):
    """Put something else in the place of a file."""
    path = some_file(rng, folder)
    path.unlink()
    kind = rng.randrange(6)
    if kind == 0:
        os.mkfifo(path)
    elif kind == 1:
        path.symlink_to(path)
    elif kind == 2:
        path.symlink_to(rng.choice(("/dev/zero", "/dev/full", "/dev/stdin", "/")))
    elif kind == 3:
        path.mkdir()
    elif kind == 4:
        (folder / rng.choice(("saved_model.pbtxt", "saved_model.cpb"))).write_text("x")


def some_file(rng, folder):
    """A file of the model that is one, and no link out of the folder."""
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    return rng.choice([path for path in files if not path.is_symlink()])


def write(path, content):
    """Write what takes the place of a file, whatever an earlier change made of it."""
    if path.is_file() and not path.is_symlink():
        path.write_bytes(content)


def facts(rng, folder, good):
    """Change what is written beside it of its data."""
    path = folder.parents[1] / "export.json"
    document = json.loads(path.read_text())
    data = document["dataset"]
    key = rng.choice(list(data))
    data[key] = rng.choice(VALUES)
    if rng.random() < 0.2:
        document = rng.choice(([], None, "mnist", {"dataset": "mnits"}, {}))
    path.write_text(json.dumps(document))
    if rng.random() < 0.1:
        path.write_bytes(b"\xff\xfe{")
