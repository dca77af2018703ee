"""Train networks on a corpus, five seeds each, and keep what their tests give.

    python tools/pictures/measure.py FOLDER NETWORK ... --init-from RUN ... -- OPTIONS

Each network is trained from random weights, and also from the weights of a RUN of the
same network. What follows `--` goes to `kerascnn train`. Rows go to
`results/pictures/runs.csv`; what is there is not done again, and a training that was
stopped goes on.
"""

from __future__ import annotations

import argparse
import json
import shlex
import sys
from pathlib import Path

from corpus import RESULTS, Row, add_row, command

from kerascnn import open_run

TABLE = RESULTS / "runs.csv"
SEEDS = range(5)
SCRATCH = "random"


def main(words: list[str], table: Path = TABLE) -> None:
    """Fill in the rows that are missing."""
    own, _, options = shlex.join(words).partition(" -- ")
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("networks", nargs="+")
    parser.add_argument("--init-from", nargs="*", default=[], metavar="RUN", type=Path)
    parser.add_argument("--out", default="saved_models", type=Path)
    given = parser.parse_args(shlex.split(own))
    starts = [(network, None) for network in given.networks]
    for run in given.init_from:
        starts.append((open_run(run).settings.model, run))
    for network, start in starts:
        for seed in SEEDS:
            key = {
                **{"corpus": given.folder.resolve().name, "network": network},
                "start": open_run(start).settings.dataset if start else SCRATCH,
                **{"options": options, "seed": seed},
            }
            place = (given.folder, network, start, shlex.split(options), seed)
            add_row(table, key, lambda place=place: measure(*place, given.out))


def measure(
    folder: Path,
    network: str,
    start: Path | None,
    options: list[str],
    seed: int,
    out: Path,
) -> Row:
    """Train one network, or go on with it, and evaluate it on the test part."""
    words = [
        folder.resolve().name,
        network,
        *(["from", start.name] if start else []),
        *options,
    ]
    run = out / "-".join([*(word.strip("-") for word in words), str(seed)])
    if (run / "config.json").exists():
        trained = kerascnn("train", "--resume", str(run))
    else:
        origin = ["--init-from", str(start)] if start else []
        place = ["--name", run.name, "--out", str(out)]
        data = ["--dataset", str(folder), "--seed", str(seed)]
        trained = kerascnn("train", network, *data, *origin, *options, *place)
    tested = kerascnn("evaluate", str(run), "--no-figures")
    return {
        "training_images": trained["training_images"],
        "test_images": tested["images"],
        "image_size": trained["settings"]["image_size"],
        "epochs": trained["epochs"],
        "accuracy": f"{tested['accuracy']:.4f}",
        "macro_f1": f"{tested['f1']:.4f}",
        "seconds": f"{trained['seconds']:.0f}",
    }


def kerascnn(*words: str) -> Row:
    """What a command of kerascnn says as JSON."""
    return json.loads(command(sys.executable, "-m", "kerascnn", *words, "--json"))


if __name__ == "__main__":
    main(sys.argv[1:])
