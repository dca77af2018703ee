"""The workers of a cluster, joined by TensorFlow: one strategy, numbers and texts.

What one worker has to know of another travels as TensorFlow's own sums over workers, on
the connections that sum gradients: there is no other. All workers call the same
functions in the same order.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import tensorflow as tf

# TensorFlow has no public way to set how it looks after workers, nor to ask for one.
from tensorflow.python.distribute import collective_all_reduce_strategy as collective
from tensorflow.python.eager import context

from kerascnn.errors import ClusterError, shown
from kerascnn.machine.cluster import Cluster

if TYPE_CHECKING:
    import keras
    import numpy.typing as npt

Value = TypeVar("Value")

# Times that a worker may not answer before it counts as lost, as TensorFlow has it.
TRIES = 3
# Numbers that are sent at once.
PIECE = 2**22
# What TensorFlow raises where a sum over workers does not come about.
LOST = (
    tf.errors.AbortedError,
    tf.errors.CancelledError,
    tf.errors.DeadlineExceededError,
    tf.errors.FailedPreconditionError,
    tf.errors.InternalError,
    tf.errors.UnavailableError,
)


class Workers:
    """The processes that train one network: this one alone.

    Attributes:
        strategy: What they compute with; as the settings say where `None`.
        count: How many there are.
        index: Which of them this process is; the first is the chief.
    """

    strategy: tf.distribute.Strategy | None = None
    count = 1
    index = 0

    @property
    def is_chief(self) -> bool:
        """Whether this process writes."""
        return self.index == 0

    def of_chief(self, make: Callable[[], Value]) -> Value:
        """What the chief makes; the others do not make it.

        Args:
            make: Gives plain values, as JSON has them.
        """
        return make()

    def highest(self, *numbers: float) -> tuple[float, ...]:
        """Of each number, the highest that a worker has."""
        return numbers

    def agree(self, what: Mapping[str, object]) -> None:
        """Refuse to go on with workers that differ.

        Args:
            what: Values by name, that are to be the same on all.

        Raises:
            ClusterError: With the first that differs, on all workers.
        """

    def take_variables(self, variables: list[keras.Variable]) -> None:
        """Let all workers have the values that the chief has."""

    @contextmanager
    def watched(self, progress: Callable[[], tuple[str, str]]) -> Iterator[None]:
        """Say in a line that other workers were lost within the block.

        Args:
            progress: Says how far the training had come, as in `"before the first
                step"`, and, in a sentence, how to go on.

        Raises:
            ClusterError: They were.
        """
        yield


ALONE = Workers()


class JoinedWorkers(Workers):
    """The workers of a cluster.

    Args:
        cluster: The cluster.
        gpus: GPUs of each worker; processors where it is 0.

    Raises:
        ClusterError: They did not come together.
    """

    def __init__(self, cluster: Cluster, gpus: int) -> None:
        self.cluster = cluster
        self.count = len(cluster.workers)
        self.index = cluster.index
        self._sums: dict[int, Callable[[npt.NDArray[np.int32]], tf.Tensor]] = {}
        tf.get_logger().setLevel("CRITICAL")  # what it logs is told in a line
        try:
            self.strategy = self.joined = _Strategy(cluster, gpus)
        except RuntimeError as error:
            if "program startup" in str(error):
                raise ClusterError(
                    "This process has computed with TensorFlow before, and can join no "
                    "workers any more. Train in a new one."
                ) from error
            raise ClusterError(
                f"{self._missing() or 'Another worker'} did not come within "
                f"{cluster.start_seconds:g} seconds. Start all workers, with the same "
                "--workers on each."
            ) from error
        except tf.errors.OpError as error:
            raise ClusterError(
                "The workers cannot come together: they do not name the same cluster, "
                "or the network stops them. Start all with the same --workers, and "
                "each with a number of its own."
            ) from error

    def of_chief(self, make: Callable[[], Value]) -> Value:
        """See `Workers`."""
        data = json.dumps(make()).encode() if self.is_chief else b""
        [size] = self._sum(np.array([len(data)], np.int32))
        padded = np.zeros(-(-int(size) // 4) * 4, np.uint8)
        padded[: len(data)] = np.frombuffer(data, np.uint8)
        value: Value = json.loads(self._sum(padded.view(np.int32)).tobytes()[:size])
        return value

    def highest(self, *numbers: float) -> tuple[float, ...]:
        """See `Workers`; the numbers have 32 bits on the way."""
        rows = self._rows(np.array(numbers, np.float32).view(np.int32))
        return tuple(rows.view(np.float32).max(axis=0).tolist())

    def agree(self, what: Mapping[str, object]) -> None:
        """See `Workers`."""
        data = json.dumps(what, default=str).encode()
        longest = int(self.highest(len(data))[0])
        padded = np.full(-(-longest // 4) * 4, ord(" "), np.uint8)
        padded[: len(data)] = np.frombuffer(data, np.uint8)
        chief, *others = (
            json.loads(row.tobytes()) for row in self._rows(padded.view(np.int32))
        )
        for index, other in enumerate(others, 1):
            for name, value in chief.items():
                if other.get(name) != value:
                    before, after = _differing(value, other.get(name))
                    raise ClusterError(
                        f"The {name} of {self.cluster.name(index)} is "
                        f"{shown(after)}, but the chief's is {shown(before)}. They "
                        "have to be the same on all workers."
                    )

    def take_variables(self, variables: list[keras.Variable]) -> None:
        """See `Workers`."""
        for variable in variables:
            value = np.asarray(variable)
            data = np.zeros(-(-value.nbytes // 4) * 4, np.uint8)
            if self.is_chief:
                data[: value.nbytes] = np.frombuffer(value.tobytes(), np.uint8)
            sent = self._sum(data.view(np.int32)).tobytes()[: value.nbytes]
            variable.assign(np.frombuffer(sent, value.dtype).reshape(value.shape))

    @contextmanager
    def watched(self, progress: Callable[[], tuple[str, str]]) -> Iterator[None]:
        """See `Workers`."""
        try:
            yield
        except LOST as error:
            raise self._error(error, *progress()) from error

    def _rows(self, own: npt.NDArray[np.int32]) -> npt.NDArray[np.int32]:
        """The numbers that each worker has, `(count, len(own))`."""
        rows = np.zeros((self.count, own.size), np.int32)
        rows[self.index] = own
        return self._sum(rows.ravel()).reshape(rows.shape)

    def _sum(self, numbers: npt.NDArray[np.int32]) -> npt.NDArray[np.int32]:
        """Sum whole numbers over all workers."""
        pieces = np.split(numbers, range(PIECE, numbers.size, PIECE))
        return np.concatenate([self._add(len(each))(each).numpy() for each in pieces])

    def _add(self, size: int) -> Callable[[npt.NDArray[np.int32]], tf.Tensor]:
        """The function that sums so many numbers."""
        if size not in self._sums:
            self._sums[size] = tf.function(
                self._add_here,
                input_signature=[tf.TensorSpec([size], tf.int32)],
                autograph=False,
            )
        return self._sums[size]

    def _add_here(self, numbers: tf.Tensor) -> tf.Tensor:
        """Sum them in the graph; of a worker's devices, the first has them."""
        strategy = self.joined
        devices = len(strategy.extended.worker_devices)

        def own() -> tf.Tensor:
            number = tf.distribute.get_replica_context().replica_id_in_sync_group
            return tf.where(number % devices == 0, numbers, 0)

        return strategy.reduce("SUM", strategy.run(own), axis=None)

    def _missing(self) -> str:
        """The workers that do not answer, by name."""
        found = [self.cluster.name(n) for n in range(self.count) if self._is_lost(n)]
        return ", ".join(found)

    def _is_lost(self, index: int) -> bool:
        if index == self.index:
            return False
        try:
            context.context().check_collective_ops_peer_health(
                f"/job:worker/replica:0/task:{index}", timeout_in_ms=1000
            )
        except tf.errors.OpError:
            return True
        return False

    def _error(self, error: tf.errors.OpError, when: str, again: str) -> ClusterError:
        """What to say of an error that TensorFlow raised in the middle of a sum."""
        if missing := self._missing():
            return ClusterError(
                f"Lost {missing} {when}. What it wrote last says why, if it could. "
                f"{again}"
            )
        return ClusterError(
            f"The workers ceased to compute together {when}: {shown(error.message)}. "
            f"{again}"
        )


class _Strategy(tf.distribute.MultiWorkerMirroredStrategy):  # type: ignore[misc]
    """TensorFlow's strategy, with a cluster's own patience."""

    def __init__(self, cluster: Cluster, gpus: int) -> None:
        resolver = tf.distribute.cluster_resolver.SimpleClusterResolver(
            tf.train.ClusterSpec({"worker": list(cluster.workers)}),
            task_type="worker",
            task_id=cluster.index,
            num_accelerators={"GPU": gpus},
            rpc_layer="grpc",
        )
        # Its coordination service would wait for ever for a worker that never comes,
        # and takes SIGTERM for itself.
        context.context().configure_coordination_service(service_type="")
        tf.distribute.Strategy.__init__(self, _Extended(self, cluster, resolver))


class _Extended(collective.CollectiveAllReduceExtended):  # type: ignore[misc]
    def __init__(self, strategy: _Strategy, cluster: Cluster, resolver: Any) -> None:
        self._check_health_initial_timeout = round(cluster.start_seconds)
        # Asked every half of the time; the tries share the other half.
        self._check_health_interval = cluster.lost_seconds / 2
        self._check_health_timeout = max(1, round(cluster.lost_seconds / 2 / TRIES))
        self._check_health_retry_limit = TRIES
        super().__init__(
            strategy,
            cluster_resolver=resolver,
            communication_options=tf.distribute.experimental.CommunicationOptions(),
        )

    def _stop_check_health_thread(self) -> None:
        """Do not wait for the thread, as TensorFlow does: it sleeps for long."""
        if getattr(self, "_check_health_thread", None):
            self._check_health_thread_should_stop.set()
            self._check_health_thread = None


def _differing(before: object, after: object) -> tuple[object, object]:
    """The parts in which two values differ, if both are objects of names."""
    if isinstance(before, dict) and isinstance(after, dict):
        name = next(n for n in {**before, **after} if before.get(n) != after.get(n))
        return {name: before.get(name)}, {name: after.get(name)}
    return before, after
