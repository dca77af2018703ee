"""How many threads compute: decided here, for trainings, children and runtimes.

A training computes each batch in parts (`share_batch`). Processes side by side share
the cores of the machine (`share_of_cores`), and a runtime that answers for a model file
has as many threads as were asked for (`runtime_variables`): both are told by
environment variables, which TensorFlow reads when it starts.
"""

from __future__ import annotations

import os
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


def share_batch(
    batch_size: int, *, splits_batches: bool, recorded: Parallelism | None = None
) -> Parallelism:
    """Choose in how many parts a batch is computed, and tell TensorFlow its threads.

    Args:
        batch_size: Images of a batch.
        splits_batches: As for `choose_parallelism`.
        recorded: What a run began with, to be taken over; chosen where `None`.

    Returns:
        What is used: TensorFlow hears of threads only before it has computed.
    """
    if recorded is not None:
        return use_threads(recorded)
    return use_threads(
        choose_parallelism(
            batch_size,
            splits_batches=splits_batches,
            cores=usable_cores(),
            **configured_threads(),
        )
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
        parts = max(
            parts
            for parts in range(1, cores + 1)
            if parts == 1
            or (batch_size % parts == 0 and batch_size >= parts * MIN_PART)
        )
        if not (intra_op_threads or inter_op_threads):
            intra, inter = cores // parts, parts
    return Parallelism(
        batch_parts=parts,
        intra_op_threads=intra_op_threads or intra,
        inter_op_threads=inter_op_threads or inter,
    )


def configured_threads() -> dict[str, int]:
    """The threads that TensorFlow was told of by a call or by a variable, else 0.

    Returns:
        `intra_op_threads` and `inter_op_threads`.
    """
    import tensorflow as tf

    told = tf.config.threading
    return {
        "intra_op_threads": told.get_intra_op_parallelism_threads()
        or _number(INTRA_OP),
        "inter_op_threads": told.get_inter_op_parallelism_threads()
        or _number(INTER_OP),
    }


def use_threads(parallelism: Parallelism) -> Parallelism:
    """Tell TensorFlow its threads, which it only hears before it has computed.

    Returns:
        The same with the threads that TensorFlow really uses.
    """
    import tensorflow as tf

    try:
        told = tf.config.threading
        told.set_intra_op_parallelism_threads(parallelism.intra_op_threads)
        told.set_inter_op_parallelism_threads(parallelism.inter_op_threads)
    except RuntimeError:  # TensorFlow has computed
        pass
    # TensorFlow's own default is a thread a core.
    used = {name: n or usable_cores() for name, n in configured_threads().items()}
    return replace(parallelism, **used)


def share_of_cores(processes: int) -> dict[str, str]:
    """The variables that let trainings share this machine; the user's own win.

    Args:
        processes: How many train side by side; one has all cores.

    Returns:
        What is to be set for each, by name; nothing of what is set already.
    """
    if processes == 1:
        return {}
    cores = max(1, usable_cores() // processes)
    names = (INTRA_OP, INTER_OP, OPENMP)
    return {name: str(cores) for name in names if name not in os.environ}


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
