"""Settings in a config.json that are of a wrong kind or size, or no settings at all."""

from __future__ import annotations

import json
import os
import shutil

from damages import replace_file

from kerascnn.data.facts import DatasetFacts
from kerascnn.runs.folder import create_run, list_runs
from kerascnn.settings.config import TrainConfig
from kerascnn.settings.config_file import ConfigFile

# What is trained after all is a few steps of a small network.
SMALL = {"limit": 64, "epochs": 1, "batch_size": 16, "validation_fraction": 0.001}
SMALL_WORDS = (
    *("--limit", "64", "--epochs", "1", "--batch-size", "16", "--no-test"),
    *("--validation-fraction", "0.001", "--image-size", "28", "--no-tensorboard"),
)
VALUES = (
    *(None, True, False, 0, 1, -1, 2, 0.5, 1.5, 1e308, -1e308, 5e-324, 10**12, 10**400),
    *(
        "",
        " ",
        "x",
        "0",
        "lenet",
        "LeNet",
        "LENET",
        "le-net",
        "a\nb",
        "\x1b[31m",
        "\ud800",
    ),
    *("七", "adam", "adma", "AdamW", "ftrl", "one_cycle", "cosine", "gpu", "x" * 10**6),
    *([], {}, [1], ["lenet"], [[]], {"a": 1}, {"": {}}, [None] * 1000, {"lenet": 1}),
)
OPTIONS = (
    *(
        "momentum",
        "nesterov",
        "beta_1",
        "beta_2",
        "epsilon",
        "weight_decay",
        "clipnorm",
    ),
    *("clipvalue", "global_clipnorm", "ns_steps", "rho", "learning_rate", "name", ""),
    *("use_ema", "stem", "alpha", "dropout", "initial_accumulator_value", "\n"),
)
OPTIMIZERS = ("sgd", "adagrad", "adam", "ftrl", "muon", "lion", "rmsprop", "adafactor")
TEXTS = (
    *(
        b"",
        b"\0",
        b"{",
        b"[]",
        b"null",
        b"1",
        b'"lenet"',
        b"\xff\xfe{",
        b"{}" * 2,
        b"NaN",
    ),
    *(
        b"[" * 10**6,
        b'{"a":' * 10**5,
        b'{"model": "lenet", "epochs": NaN}',
        b"x" * 10**6,
    ),
    *(b'{"model": "lenet", "epochs": 1e999}', b'{"model": "lenet", "seed": Infinity}'),
    b'{"model": "lenet", "epochs": ' + b"9" * 5000 + b"}",
    b'{"model": "lenet", "model": "vgg16", "epochs": 0}',
)


def prepare(models):
    """Nothing is shared."""


def make(rng, folder, shared):
    """A config.json with something changed, to train by or to go on with."""
    goes_on = rng.random() < 0.4
    asked = TrainConfig(
        model="lenet", optimizer=rng.choice(OPTIMIZERS), test=False, **SMALL
    )
    path = folder / "config.json"
    if goes_on:
        facts = DatasetFacts.from_table("mnist")
        path = create_run(asked, {}, folder, "run", dataset=facts).path / path.name
    document = json.loads(ConfigFile(asked, asked.resolve()).to_json())
    if rng.random() < 0.6:
        document = rng.choice((document["settings"], document["asked"]))
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        change(rng, document)
    path.write_text(json.dumps(document))
    if rng.random() < 0.15:
        path.write_bytes(rng.choice(TEXTS))
    if rng.random() < 0.05:
        replace_file(rng, path)
    if goes_on:
        words = ["--resume", str(path.parent)]
    else:
        words = ["--config", str(path), *SMALL_WORDS, "--out", str(folder / "runs")]
    return ["train", *words, *(["--json"] if rng.random() < 0.2 else [])], b"", []


def check(folder, arguments, code, shared):
    """A run that is left is finished or has diverged; or it was there, and still is."""
    goes_on = arguments[1] == "--resume"
    path = os.path.dirname(arguments[2])
    for run in list_runs(path if goes_on else os.path.join(path, "runs")):
        expected = {"finished"} if code == 0 else {"diverged"}
        if code != 0 and goes_on:
            expected.add("unfinished")
        if run.status not in expected:
            yield f"it ended with {code} and left a run that is {run.status}"
        (run.path / ".lock").unlink(missing_ok=True)
        if not goes_on or code == 0 or run.has("metrics.json"):  # or it diverged
            shutil.rmtree(run.path)
    if not goes_on and os.path.isdir(os.path.join(path, "runs")):
        os.rmdir(os.path.join(path, "runs"))


def change(rng, document):
    """Change one thing in a document of settings, wherever it is."""
    parts = [part for part in document.values() if isinstance(part, dict) and part]
    part = rng.choice([document, *parts, *parts])
    name = rng.choice(list(part) or ["model"])
    kind = rng.random()
    if kind < 0.7:
        part[name] = rng.choice(VALUES)
    elif kind < 0.8:
        part.pop(name, None)
    elif kind < 0.85:
        part[rng.choice(("epoch", "", "x" * 10**5, "\n", "lr", "schema"))] = 1
    else:
        options = {rng.choice(OPTIONS): rng.choice(VALUES) for _ in range(2)}
        for place in (document, *parts):  # alike in what was asked for and what it is
            place[rng.choice(("optimizer_options", "model_options"))] = options
