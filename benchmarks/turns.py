"""Contenders as the benchmarks see them: processes that take turns.

Each is a script `contender_KIND.py`, which waits between its turns; `contender.py` has
what they share.
"""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from machine import IMITATED

from kerascnn import MODELS
from kerascnn.machine.environment import instruction_set
from kerascnn.settings.recipes import RECIPES

if TYPE_CHECKING:
    import keras

HERE = Path(__file__).parent
NETWORKS = ("lenet", "alexnet", "vgg16", "resnet18", "mobilenet")
OPTIMIZERS = ("sgd", "adagrad")
TURN_S, QUICK_TURN_S = 2.0, 1.0
# The columns that say what was trained, and the same of who trained it how fast.
SETTING = ("instruction_set", "network", "optimizer", "sizes", "precision")
PLACE = (*SETTING, "contender", "turn")
# The environment that a plain script has; kerascnn's own settings are its own affair.
SETTINGS_OF_OTHERS = (
    "ATEN_",
    "DNNL_",
    "KERAS_",
    "MKL_",
    "OMP_",
    "ONEDNN_",
    "OPENBLAS_",
)
SETTINGS_OF_OTHERS += ("TF_", "TORCH", "XLA_")
PLAIN = {
    name: value
    for name, value in os.environ.items()
    if not name.startswith(SETTINGS_OF_OTHERS)
} | {"TF_CPP_MIN_LOG_LEVEL": "3", "PYTHONPATH": str(HERE.parent)}
# What lets this processor pass for an older one. Eigen's products, which TensorFlow
# takes without oneDNN, do not follow.
INSTRUCTION_SETS = {
    "native": {},
    "AVX2": {
        "ONEDNN_MAX_CPU_ISA": "AVX2",
        "ATEN_CPU_CAPABILITY": "avx2",
        "MKL_ENABLE_INSTRUCTIONS": "AVX2",
        "OPENBLAS_CORETYPE": "Haswell",
        "XLA_FLAGS": "--xla_cpu_max_isa=AVX2",
        # What was compiled for the processor itself is not for this one.
        "TORCHINDUCTOR_CACHE_DIR": f"{tempfile.gettempdir()}/torchinductor_avx2",
    },
}
# On an older one TensorFlow leaves oneDNN off, if nobody turns it on.
PLAIN_KERAS = {"native": {}, "AVX2": {"TF_ENABLE_ONEDNN_OPTS": "0"}}
# What contenders need that need not be installed.
PEERS = {"pytorch": "torch", "--backend jax": "jax"}


class ContenderError(Exception):
    """A contender ended before its time."""


@dataclass(frozen=True, kw_only=True)
class Setting:
    """What all contenders of a comparison train, and on which processor.

    Attributes:
        isa: A name of `INSTRUCTION_SETS`.
        network: A name of `NETWORKS`.
        optimizer: A name of `OPTIMIZERS`.
        sizes: `"common"`, batches of 128 images of 32x32 pixels, or `"recipe"`, those
            of the network's recipe.
        precision: `"float32"`, or `"bfloat16"` for the class of mixed precision.
    """

    isa: str = "native"
    network: str
    optimizer: str = "sgd"
    sizes: str = "common"
    precision: str = "float32"

    @property
    def batch_size(self) -> int:
        """Images of a step."""
        is_common = self.sizes == "common"
        return 128 if is_common else RECIPES[self.network].batch_size

    @property
    def image_size(self) -> int:
        """Pixels a side that the network sees."""
        return 32 if self.sizes == "common" else RECIPES[self.network].image_size

    @property
    def stem(self) -> str:
        """The network's first layers."""
        return "paper" if self.sizes == "common" else RECIPES[self.network].stem

    def columns(self) -> dict[str, str]:
        """The columns `SETTING` of a row."""
        return {
            "instruction_set": instruction_set_name(self.isa),
            "network": self.network,
            "optimizer": self.optimizer,
            "sizes": self.sizes,
            "precision": self.precision,
        }

    def build(self) -> keras.Model:
        """The network, of Keras's own layers, for gray images and 10 classes."""
        from kerascnn.machine.tensorflow import load_tensorflow

        load_tensorflow()
        entry, size = MODELS[self.network], self.image_size
        options = {"stem": self.stem} if len(entry.stems) > 1 else {}
        return entry.load()((size, size, 1), 10, **options)

    def arguments(self) -> list[str]:
        """What every contender's script is told."""
        return [
            *(self.network, self.optimizer, "--stem", self.stem),
            *("--image-size", str(self.image_size)),
            *("--batch-size", str(self.batch_size)),
        ]


class Contender:
    """A process that trains on demand; `name` is a script's kind and its options."""

    def __init__(self, name: str, setting: Setting) -> None:
        self.name = name
        self.setting = setting
        kind, *options = name.split()
        script = HERE / f"contender_{kind}.py"
        self.process = subprocess.Popen(
            [sys.executable, script, *setting.arguments(), *options],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=environment(setting.isa, kind),
        )
        self.start = self._read()
        self.steps = 2

    def turn(self, seconds: float) -> float:
        """Train for about so long; images per second."""
        print(self.steps, file=self.process.stdin, flush=True)
        answer = self._read()
        rate = answer["steps"] / answer["seconds"]
        self.steps = max(2, round(rate * seconds))
        return float(rate * self.setting.batch_size)

    def stop(self) -> None:
        """End it."""
        self.process.communicate()  # closes its input

    def _read(self) -> dict[str, Any]:
        line = self.process.stdout.readline() if self.process.stdout else ""
        if not line:
            self.stop()
            raise ContenderError(f"{self.name} ended early; run its script to see why.")
        answer: dict[str, Any] = json.loads(line)
        return answer


def take_turns(
    names: Iterable[str], setting: Setting, *, turns: int, seconds: float
) -> list[dict[str, Any]]:
    """Let contenders train turn by turn.

    Args:
        names: The contenders; one that ends early is left out with a line.
        setting: What they train.
        turns: How many of each.
        seconds: The length of a turn, about.

    Returns:
        A row for each turn: the columns `PLACE`, `images_per_second`, and, the same in
        all rows of a contender, `import_s`, `first_step_s` and `peak_mib`.
    """
    contenders = []
    for name in names:
        try:
            contender = Contender(name, setting)
            contender.turn(seconds / 2)  # warm, and it knows its pace
            contenders.append(contender)
        except ContenderError as error:
            print(error, flush=True)
    rows = [
        {
            **setting.columns(),
            "contender": contender.name,
            "turn": turn,
            "images_per_second": round(contender.turn(seconds), 2),
        }
        for turn in range(turns)
        for contender in contenders
    ]
    for contender in contenders:
        peak = peak_mib(contender.process.pid)
        once = {
            "import_s": round(contender.start["import_s"], 3),
            "first_step_s": round(contender.start["first_step_s"], 3),
            "peak_mib": "" if peak is None else round(peak),
        }
        contender.stop()
        for row in rows:
            if row["contender"] == contender.name:
                row |= once
    return rows


def installed(names: Iterable[str]) -> list[str]:
    """The contenders that can run here; of the others, a line is printed."""
    found = []
    for name in names:
        missing = [
            package
            for part, package in PEERS.items()
            if part in name and importlib.util.find_spec(package) is None
        ]
        if missing:
            print(f"{name} is left out: {missing[0]} is not installed.", flush=True)
        else:
            found.append(name)
    return found


def environment(isa: str, kind: str) -> dict[str, str]:
    """The variables of a contender's process."""
    return PLAIN | INSTRUCTION_SETS[isa] | (PLAIN_KERAS[isa] if kind == "keras" else {})


def instruction_set_name(isa: str) -> str:
    """The processor's own instruction set by its name, or that it imitates another."""
    return instruction_set() if isa == "native" else isa + IMITATED


def peak_mib(pid: int, proc: Path = Path("/proc")) -> float | None:
    """The most memory that a process and its children had, in MiB.

    Peaks of the children that are there are added, though they need not coincide;
    `None` where the system does not tell.
    """
    try:
        lines = (proc / str(pid) / "status").read_text().splitlines()
        fields = dict(line.split(":", 1) for line in lines)
        tasks = (proc / str(pid) / "task").iterdir()
        children = [
            child for task in tasks for child in (task / "children").read_text().split()
        ]
    except OSError:
        return None
    peak = int(fields.get("VmHWM", "0 kB").split()[0]) / 1024
    return peak + sum(peak_mib(int(child), proc) or 0.0 for child in children)
