"""What the tests of benchmarks and of their figure share."""

import pytest

from kerascnn.evaluation.benchmark import Measurement


@pytest.fixture(scope="session")
def measurement():
    """A model that was timed; tests change what matters to them."""
    return Measurement(
        file="a",
        format="tflite",
        runtime="x 1",
        size_bytes=100,
        load_s=0.1,
        latency_ms=2.0,
        latency_p95_ms=3.0,
        images_per_second={8: 100.0},
        peak_bytes=10,
        accuracy=0.99,
        images=1000,
    )
