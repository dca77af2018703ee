"""Reports of exports, `export.json`, that are damaged or say what cannot be."""

from __future__ import annotations

import json
import shutil

from damages import change, damage, replace_file
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
        change(rng, document, VALUES)
    if rng.random() < 0.1:
        document = rng.choice(VALUES)
    report.write_text(json.dumps(document))
    if rng.random() < 0.2:
        rng.choice((damage, replace_file))(rng, report)
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
