"""Reports of exports, `export.json`, that are damaged or say what cannot be."""

from __future__ import annotations

import json
import os
import shutil

from PIL import Image

# In the place of anything that a report says.
VALUES = (
    *(None, True, 0, -1, 2**64, 10**400, 1.5, "", "x", "a\nb\x1b", "\ud800"),
    *("../../x", "/dev/zero", "x" * 300, "\0", [], {}, [1] * 10, [[]], {"path": 1}),
    *([28, 28, 2], [0, 0, 0], [10**6, 10**6, 1], "mnits", "cifar10", "tflite", "int8"),
)


def prepare(models):
    """The folder of a good run and its exports."""
    return models


def make(rng, folder, shared):
    """A report with something changed, and a command that reads it."""
    shutil.copytree(shared / "run", folder / "run")
    export = folder / "run" / "export"
    export.mkdir()
    for name in ("model.tflite", "export.json"):
        shutil.copy(shared / name, export)
    report = export / "export.json"
    document = json.loads(report.read_text())
    for _ in range(rng.choice((1, 1, 2, 5))):
        change(rng, document)
    if rng.random() < 0.1:
        document = rng.choice(VALUES)
    report.write_text(json.dumps(document))
    if rng.random() < 0.2:
        damage(rng, report)
    if rng.random() < 0.02:  # converts in another process
        arguments = ["export", str(folder / "run"), "--format", "keras", "--limit", "9"]
        return arguments, b"", [export / "model.keras", export / "README.md", report]
    picture = folder / "zero.png"
    Image.new("L", (28, 28)).save(picture)
    model = export / "model.tflite"
    arguments = ["predict", str(picture), "--model", str(model)]
    if rng.random() < 0.2:
        arguments.append("--json")
    return arguments, b"", []


def change(rng, document):
    """Change, remove or add something, at any depth."""
    parent = document
    while True:
        keys = list(parent) if isinstance(parent, dict) else list(range(len(parent)))
        if not keys:
            return
        key = rng.choice(keys)
        if isinstance(parent[key], dict | list) and rng.random() < 0.7:
            parent = parent[key]
            continue
        break
    kind = rng.randrange(4)
    if kind == 0:
        del parent[key]
    elif kind == 1 and isinstance(parent, dict):
        parent[str(rng.choice(VALUES))] = parent.pop(key)
    else:
        parent[key] = rng.choice(VALUES)


def damage(rng, path):
    """Put other bytes, or no file at all, in its place."""
    content = path.read_bytes()
    path.unlink()
    kind = rng.randrange(8)
    if kind == 0:
        os.mkfifo(path)
    elif kind == 1:
        path.symlink_to(rng.choice(("/dev/zero", "/dev/full", path, "/")))
    elif kind == 2:
        path.mkdir()
    elif kind == 3:
        path.write_text(rng.choice(("[", '{"a":')) * 100_000)
    elif kind == 4:
        path.write_bytes(rng.randbytes(200))
    elif kind == 5:
        path.write_bytes(content[: rng.randrange(len(content))])
    elif kind == 6:
        number = rng.choice(("NaN", "1e999", "9" * 5000))
        path.write_text(content.decode().replace("28", number, 1))
