"""How many threads compute: decided here, for trainings, children and runtimes.

A training computes each batch in parts (`share_batch`). Processes side by side share
the cores of the machine (`share_of_cores`), and a runtime that answers for a model file
has as many threads as were asked for (`runtime_variables`): both are told by
environment variables, which TensorFlow reads when it starts.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import replace

from kerascnn.machine.computation import Parallelism
from kerascnn.machine.environment import usable_cores

# Fewer images leave a core less to compute than it costs to start it.
MIN_PART = 16

# Threads that share an operation, operations side by side, and threads of OpenMP, which
# some builds of oneDNN use.
INTRA_OP, INTER_OP, OPENMP = (
    "TF_NUM_INTRAOP_THREADS",
    "TF_NUM_INTEROP_THREADS",
    "OMP_NUM_THREADS",
)


Message = Callable[[str], None]

# What the user's calls had told TensorFlow before a training told it anything: one that
# comes later in the same process chooses as if it were the first.
_told_before: dict[str, int] = {}


def share_batch(
    batch_size: int,
    *,
    splits_batches: bool,
    recorded: Parallelism | None = None,
    message: Message,
) -> Parallelism:
    """Choose in how many parts a batch is computed, and tell TensorFlow its threads.

    Args:
        batch_size: Images of a batch.
        splits_batches: As for `choose_parallelism`.
        recorded: What a run began with, to be taken over; chosen where `None`.
        message: As for `use_threads`.

    Returns:
        What is used: TensorFlow hears of threads only before it has computed.
    """
    if recorded is not None:
        return use_threads(recorded, message)
    return use_threads(
        choose_parallelism(
            batch_size,
            splits_batches=splits_batches,
            cores=usable_cores(),
            **configured_threads(),
        ),
        message,
    )


def choose_parallelism(
    batch_size: int,
    *,
    splits_batches: bool,
    cores: int,
    intra_op_threads: int = 0,
    inter_op_threads: int = 0,
) -> Parallelism:
    """Choose in how many parts each batch is computed, and by how many threads.

    The operations of a small network are too short to be shared among cores: there each
    core computes a part of the batch alone, and an operation gets no more threads.

    Args:
        batch_size: Images of a batch.
        splits_batches: Whether the network gains by it, and is trained on one
            processor and no GPU.
        cores: Cores that there are.
        intra_op_threads: As TensorFlow was told before; 0 where it was not. Where it
            was told one of the two, the parts share the threads that there are.
        inter_op_threads: Likewise.

    Returns:
        A number of parts that divides the batch, 1 where nothing is gained, and the
        threads.
    """
    parts = 1
    intra, inter = cores, cores
    if splits_batches:
        parts = max(n for n in range(1, cores + 1) if can_split(batch_size, n))
        if not (intra_op_threads or inter_op_threads):
            intra, inter = cores // parts, parts
    return Parallelism(
        batch_parts=parts,
        intra_op_threads=intra_op_threads or intra,
        inter_op_threads=inter_op_threads or inter,
    )


def can_split(batch_size: int, parts: int) -> bool:
    """Whether a batch is computed in so many parts anywhere."""
    return parts == 1 or (batch_size % parts == 0 and batch_size >= parts * MIN_PART)


def configured_threads() -> dict[str, int]:
    """The threads that the user told TensorFlow of, by a call or a variable, else 0.

    Returns:
        `intra_op_threads` and `inter_op_threads`.
    """
    return _or_variables(_told_before or _told())


def use_threads(
    parallelism: Parallelism, message: Message = lambda text: None
) -> Parallelism:
    """Tell TensorFlow its threads, which it only hears before it has computed.

    Args:
        parallelism: What is wanted.
        message: Gets a line where TensorFlow keeps other threads.

    Returns:
        The same with the threads that TensorFlow really uses.
    """
    import tensorflow as tf

    if not _told_before:
        _told_before.update(_told())
    try:
        threading = tf.config.threading
        threading.set_intra_op_parallelism_threads(parallelism.intra_op_threads)
        threading.set_inter_op_parallelism_threads(parallelism.inter_op_threads)
    except RuntimeError:  # TensorFlow has computed
        pass
    # TensorFlow's own default is a thread a core.
    told = _or_variables(_told())
    used = replace(
        parallelism, **{name: n or usable_cores() for name, n in told.items()}
    )
    if used != parallelism:
        message(
            "TensorFlow keeps the threads that it began with in this process, "
            f"{_words(used)} instead of {_words(parallelism)}: the speed may differ, "
            "and the result is not bit-for-bit that of a new process."
        )
    return used


def _told() -> dict[str, int]:
    """What calls have told TensorFlow, those of trainings among them, else 0."""
    import tensorflow as tf

    threading = tf.config.threading
    return {
        "intra_op_threads": threading.get_intra_op_parallelism_threads(),
        "inter_op_threads": threading.get_inter_op_parallelism_threads(),
    }


def _or_variables(told: dict[str, int]) -> dict[str, int]:
    """The same, with what the variables say where no call has."""
    variables = {"intra_op_threads": INTRA_OP, "inter_op_threads": INTER_OP}
    return {name: n or _number(variables[name]) for name, n in told.items()}


def _words(parallelism: Parallelism) -> str:
    return (
        f"{parallelism.intra_op_threads} of an operation and "
        f"{parallelism.inter_op_threads} operations side by side"
    )


def share_of_cores(
    processes: int, variables: Mapping[str, str] = os.environ
) -> dict[str, str]:
    """The variables that let trainings share this machine; the user's own win.

    Args:
        processes: How many train side by side; one has all cores.
        variables: Those that the user has set.

    Returns:
        What is to be set for each, by name; nothing of what is set already.
    """
    if processes == 1:
        return {}
    cores = max(1, usable_cores() // processes)
    names = (INTRA_OP, INTER_OP, OPENMP)
    return {name: str(cores) for name in names if name not in variables}


def runtime_variables(threads: int | None) -> dict[str, str]:
    """The variables that give a runtime so many threads, one operation at a time.

    Args:
        threads: How many; the runtime's own number where `None`.
    """
    if threads is None:
        return {}
    return {INTRA_OP: str(threads), INTER_OP: "1", OPENMP: str(threads)}


def _number(variable: str) -> int:
    value = os.environ.get(variable, "")
    return int(value) if value.isdecimal() else 0
