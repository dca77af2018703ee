"""Model files that are damaged, or promise what they do not hold; runs of such."""

from __future__ import annotations

import io
import json
import shutil
import zipfile

import h5py
import numpy as np
from damages import (
    change,
    damage,
    damage_headers,
    read_members,
    replace_file,
    write_members,
)
from PIL import Image

# In the place of anything that a `.keras` file says of its layers.
VALUES = (
    *(None, True, 0, 1, -1, 2, 3, 7, 1000, 10**6, 10**18, 2**64, 10**400, 0.5, 1e300),
    *("", "x", "a\nb\x1b", "\ud800", "relu", "softmax", "float16", "string", "same"),
    *([], {}, [1] * 10, [None], [None, 28, 28, 3], [[]], {"class_name": "Dense"}),
)
LAYERS = (
    *("Dense", "Conv2D", "Flatten", "Lambda", "InputLayer", "Functional", "Sequential"),
    *("BatchNormalization", "Dropout", "LSTM", "Embedding", "Concatenate", "Resizing"),
    *("MultiHeadAttention", "ZeroPadding2D", "TextVectorization", "UpSampling2D", "x"),
)
SIZES = ("units", "filters", "kernel_size", "strides", "pool_size", "padding", "rate")


def prepare(models):
    """Good models by their suffixes, and the run of the first."""
    from kerascnn.machine.tensorflow import load_tensorflow

    load_tensorflow()
    return models, {
        ".keras": (models / "run" / "model.keras").read_bytes(),
        ".tflite": (models / "model.tflite").read_bytes(),
        ".onnx": onnx(),
    }


def onnx():
    """A small ONNX file of a classifier of digits, without the converter."""
    from onnx import TensorProto, helper

    pixels = helper.make_tensor_value_info(
        "image", TensorProto.FLOAT, [None, 28, 28, 1]
    )
    classes = helper.make_tensor_value_info("classes", TensorProto.FLOAT, [None, 10])
    weights = helper.make_tensor("weights", TensorProto.FLOAT, [784, 10], [0.0] * 7840)
    nodes = [
        helper.make_node("Flatten", ["image"], ["flat"]),
        helper.make_node("MatMul", ["flat", "weights"], ["sums"]),
        helper.make_node("Softmax", ["sums"], ["classes"]),
    ]
    graph = helper.make_graph(nodes, "digits", [pixels], [classes], [weights])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)])
    model.ir_version = 8
    return model.SerializeToString()


def make(rng, folder, shared):
    """A model with something changed, and a command that takes it."""
    models, good = shared
    suffix = rng.choice((".keras", ".keras", ".keras", ".tflite", ".onnx"))
    model = path = folder / f"model{suffix}"
    if suffix == ".keras" and rng.random() < 0.4:
        model = folder / "run"
        shutil.copytree(models / "run", model)
        path = model / "model.keras"
    shutil.copy(models / "export.json", folder)
    path.write_bytes(good[suffix])
    for _ in range(rng.choice((1, 1, 1, 2))):
        kinds = (damage, replace_file)
        if suffix == ".keras":
            kinds = (config, config, config, layer, weights, archive, *kinds)
        rng.choice(kinds)(rng, path)
    picture = folder / "zero.png"
    Image.new("L", (28, 28)).save(picture)
    few = ["--batch-size", "8", "--seconds", "0.1", "--limit", "50"]
    what = rng.random()
    if what < 0.1:
        arguments = ["benchmark", str(model), *few]
    elif what < 0.15 and model.is_dir():
        arguments = ["export", str(model), "--format", "keras", "--limit", "50"]
    elif what < 0.6:
        arguments = ["evaluate", str(model), "--no-figures"]
    else:
        arguments = ["predict", str(picture), "--model", str(model)]
    if arguments[0] != "export":
        arguments += ["--timeout", "60"]
        if rng.random() < 0.2:
            arguments.append("--json")
    export = folder / "run" / "export"
    written = ("README.md", "export.json", "model.keras", "model.keras.rejected")
    return arguments, b"", [export, *(export / name for name in written)]


def config(rng, path):
    """Change, remove or add something of the layers, at any depth."""
    members = parts(path)
    if members is None:
        return
    document = json.loads(members["config.json"])
    change(rng, document, VALUES)
    text = json.dumps(document)
    if rng.random() < 0.05:
        text = rng.choice(("NaN", "[" * 10**6, '{"a":' * 300, text[:-9], f"[{text}]"))
    write_members(path, members | {"config.json": text.encode()})


def layer(rng, path):
    """Change what a layer is, or how large."""
    members = parts(path)
    if members is None:
        return
    document = json.loads(members["config.json"])
    try:
        rows = document["config"]["layers"]
        rows = rng.choice((rows, rows[-1]["config"]["layers"]))
        row = rng.choice(rows)
        kind = rng.randrange(4)
        if kind == 0:
            row["class_name"] = rng.choice(LAYERS)
        elif kind == 1:
            known = [name for name in SIZES if name in row["config"]]
            size = rng.choice((0, 1, 100, 10**5, 10**9, 10**18, [10**5, 10**5]))
            row["config"][rng.choice(known or SIZES)] = size
            if rng.random() < 0.5:
                row.pop("build_config", None)
        elif kind == 2:
            rows.remove(row)
        else:
            rows.insert(rng.randrange(len(rows)), row)
    except (LookupError, TypeError):
        return  # changed before
    write_members(path, members | {"config.json": json.dumps(document).encode()})


def weights(rng, path):
    """Change an array of the weights."""
    members = parts(path)
    if members is None:
        return
    file = io.BytesIO(members["model.weights.h5"])
    try:
        with h5py.File(file, "r+") as store:
            paths = []
            store.visititems(
                lambda name, item: (
                    paths.append(name) if isinstance(item, h5py.Dataset) else None
                )
            )
            name = rng.choice(paths)
            values = store[name][()]
            kind = rng.randrange(9)
            if kind == 0:
                store[name][...] = rng.choice((np.nan, np.inf, -np.inf))
                return write_members(
                    path, members | {"model.weights.h5": flushed(store, file)}
                )
            del store[name]
            if kind == 1:
                store[name] = values[..., np.newaxis]
            elif kind == 2:
                store[name] = values.astype(rng.choice(("f8", "f2", "i4", "c8", "S3")))
            elif kind == 3:
                store[name] = h5py.SoftLink("/nowhere")
            elif kind == 4:
                store[name] = h5py.ExternalLink("/etc/passwd", "/a")
            elif kind == 5:
                shape = rng.choice(((10**9,), (10**6, 10**6), (10**5, 10**4)))
                store.create_dataset(name, shape, "f4", chunks=(100,) * len(shape))
            elif kind == 6:
                store.create_group(name)
            elif kind == 7:
                store.create_dataset(name, data=values.ravel(), compression="gzip")
            content = flushed(store, file)
    except (OSError, RuntimeError, IndexError):
        return  # changed before
    write_members(path, members | {"model.weights.h5": content})


def flushed(store, file):
    store.flush()
    return file.getvalue()


def archive(rng, path):
    """Change the archive around the parts."""
    members = parts(path)
    if members is None:
        return
    kind = rng.randrange(6)
    if kind == 0:
        methods = (zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)
        write_members(path, members, rng.choice(methods))
    elif kind == 1:
        members[rng.choice(list(members))] = bytes(10**8)
        write_members(path, members, zipfile.ZIP_DEFLATED)
    elif kind == 2:
        members[rng.choice(("assets/x", "../x", "/x", "a\n"))] = b"x"
        write_members(path, members)
    elif kind == 3:
        del members[rng.choice(list(members))]
        write_members(path, members)
    elif kind == 4:
        path.write_bytes(rng.randbytes(rng.choice((1, 99))) + path.read_bytes())
    else:
        damage_headers(rng, path)


def parts(path):
    """The parts of a `.keras` file; `None` where an earlier change left none."""
    members = read_members(path) or {}
    try:
        json.loads(members["config.json"])
        return members if "model.weights.h5" in members else None
    except (LookupError, ValueError, RecursionError):
        return None
