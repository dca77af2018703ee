"""Unfinished runs whose checkpoint or other files are damaged, or say what cannot be.

What is gone on with all the same has to end as the good run does: nothing here changes
numbers to others that could be right, which nobody could tell.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import shutil
import signal
import struct
import tempfile
import zipfile
from pathlib import Path

import numpy as np
from damages import (
    change,
    damage,
    damage_headers,
    read_members,
    replace_file,
    write_members,
)

VALUES = (
    *(None, True, False, 0, 1, -1, 7, 2**64, 10**400, 1.5, 1e300, -0.0, "", "x", "5"),
    *("a\nb\x1b", "\ud800", "x" * 300, [], {}, [1] * 10, [[]], {"a": {}}),
)
# What a resumed run may write.
WRITES = (
    *(".lock", "README.md", "figures", "figures/curves.png", "history.csv"),
    *("steps.csv", "metrics.json", "model.keras", "test_predictions.npy"),
)


def prepare(models):
    """A run that was stopped in its second epoch, and the weights that it comes to."""
    from kerascnn.machine.tensorflow import load_tensorflow

    load_tensorflow()
    from kerascnn.errors import TrainingInterruptedError
    from kerascnn.machine.reporter import Reporter
    from kerascnn.runs.folder import Run
    from kerascnn.settings.config import TrainConfig
    from kerascnn.training.train import resume_training, train_model

    class Stop(Reporter):
        def steps(self, epoch, **progress):
            if epoch == "2/2":
                os.kill(os.getpid(), signal.SIGINT)

    few = {"limit": 192, "epochs": 2, "validation_fraction": 0.01, "early_stop": 2}
    config = TrainConfig(model="lenet", test=False, deterministic=True, **few)
    out = Path(tempfile.mkdtemp(dir=models))
    with contextlib.suppress(TrainingInterruptedError):
        train_model(config, out, name="stopped", reporter=Stop())
    whole = Run(shutil.copytree(out / "stopped", out / "whole"))
    return out / "stopped", resume_training(whole).load_model().get_weights()


def make(rng, folder, shared):
    """The run with something changed; to go on with it, or to list it."""
    stopped, _ = shared
    run = folder / "run"
    shutil.copytree(stopped, run)
    for _ in range(rng.choice((1, 1, 1, 2))):
        kinds = (state, state, arrays, arrays, archive, damaged, other, others, others)
        rng.choice(kinds)(rng, run)
    arguments = ["train", "--resume", str(run)]
    if rng.random() < 0.15:
        arguments = ["runs", "--out", str(folder)]
    if rng.random() < 0.1:
        arguments = ["evaluate", str(run)]
    if rng.random() < 0.2:
        arguments.append("--json")
    return arguments, b"", [run / name for name in WRITES]


def check(folder, arguments, code, shared):
    """What is wrong with a run that was gone on with."""
    from kerascnn.runs.folder import Run

    if code != 0 or arguments[0] != "train":
        return
    found = Run(folder / "run").load_model().get_weights()
    for mine, theirs in zip(found, shared[1], strict=True):
        if not np.allclose(mine, theirs, atol=1e-5):
            yield "it ended with other weights than the good run"
            return


def state(rng, run):
    """Change what a checkpoint says of itself."""
    members = read_members(path := some_checkpoint(rng, run))
    if members is None:
        return
    try:
        document = json.loads(bytes(np.load(io.BytesIO(members["state.npy"]))))
    except (KeyError, ValueError):
        return  # changed before
    change(rng, document, VALUES)
    text = json.dumps(document)
    if rng.random() < 0.1:
        text = rng.choice(("NaN", "[" * 100_000, text[:-9], f"[{text}]", "", "\udcff"))
    content = text.encode(errors="surrogateescape")
    members["state.npy"] = npy(np.frombuffer(content, np.uint8))
    write_members(path, members)


def arrays(rng, run):
    """Change an array, or what is said of it."""
    members = read_members(path := some_checkpoint(rng, run))
    if not members:
        return
    name = rng.choice(list(members))
    try:
        array = np.load(io.BytesIO(members[name]))
    except ValueError:
        return  # changed before
    kind = rng.randrange(10)
    if kind == 0:
        del members[name]
    elif kind == 1:
        members[rng.choice(("x.npy", "a\n\x1b.npy", "x", "../x.npy"))] = members[name]
    elif kind == 2:
        kinds = ("f2", "f8", ">f4", "i8", "u1", "c8", "U3", "S1", "O", "M8[s]")
        with np.errstate(all="ignore"):
            members[name] = npy(array.astype(rng.choice(kinds)))
    elif kind == 3:
        shape = rng.choice(((-1,), (1, *array.shape), (*array.shape, 1)))
        if array.reshape(shape).shape != array.shape:
            members[name] = npy(array.reshape(shape))
    elif kind == 4 and array.dtype.kind == "f":
        changed = array.copy()
        value = rng.choice((np.nan, np.inf, -np.inf))
        changed.flat[rng.randrange(array.size)] = value
        members[name] = npy(changed)
    elif kind == 5:
        members[name] = members[name][: rng.randrange(len(members[name]))]
    elif kind == 6:
        members[name] += rng.randbytes(rng.choice((1, 100, 10**6)))
    elif kind == 7:
        shape = rng.choice(("(10**12,)", "(1000000000000,)", "(-1,)", "(" * 5000, "()"))
        members[name] = header(f"'<f4', 'fortran_order': False, 'shape': {shape}, }}")
    elif kind == 8:
        members[name] = header(rng.choice(("'|O'", "[('a', '<f4')]", "'<f4'", "")))
    else:
        members[name] = rng.randbytes(rng.randrange(300))
    write_members(path, members)


def archive(rng, run):
    """Change the archive around the arrays."""
    members = read_members(path := some_checkpoint(rng, run))
    if members is None:
        return
    kind = rng.randrange(6)
    if kind == 0:
        method = (zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)
        write_members(path, members, rng.choice(method))
    elif kind == 1:
        members["bomb"] = bytes(10**7)
        write_members(path, members, zipfile.ZIP_DEFLATED)
    elif kind == 2:
        write_members(path, dict(rng.sample(list(members.items()), len(members))))
    elif kind == 3:
        path.write_bytes(rng.randbytes(rng.choice((1, 99))) + path.read_bytes())
    elif kind == 4:
        with zipfile.ZipFile(path, "a") as file:
            file.comment = rng.randbytes(99)
    else:
        damage_headers(rng, path)


def damaged(rng, run):
    """Change the bytes of a checkpoint."""
    damage(rng, some_checkpoint(rng, run))


def other(rng, run):
    """Put something else in the place of a checkpoint."""
    replace_file(rng, some_checkpoint(rng, run))


def others(rng, run):
    """Change a file of the run beside its checkpoint."""
    name = rng.choice(
        (
            *("config.json", "dataset.json", "environment.json", "history.csv"),
            *("steps.csv", "metrics.json", "test_predictions.npy"),
        )
    )
    path = run / name
    if path.suffix == ".json" and path.is_file() and rng.random() < 0.7:
        document = json.loads(path.read_text())
        change(rng, document, VALUES)
        path.write_text(json.dumps(document))
    elif path.suffix == ".csv" and rng.random() < 0.7:
        rows = ("epoch\n", "epoch,loss\n1,x\n", 'a\n"', "1,2,3\n" * 3, "\0", "é" * 99)
        path.write_text(rng.choice(rows), "latin-1")
    else:
        replace_file(rng, path)


def some_checkpoint(rng, run):
    return run / "checkpoint" / rng.choice(("state.npz", "state.npz", "best-1.npz"))


def npy(array):
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def header(text):
    """An array whose header goes on after its first key with a text."""
    text = f"{{'descr': {text}\n".encode()
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text + bytes(16)
