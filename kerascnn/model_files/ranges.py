"""What the numbers may be that models in files are run and checked with."""

from __future__ import annotations

from kerascnn.machine.ranges import Range, whole

# Images at a time, each with its pixels and what the layers make of it in memory.
BATCH_SIZE = whole(1, 100_000)
# No machine has more cores; runtimes fail in their own ways on more threads.
THREADS = whole(1, 1024)
# How long a model is timed.
SECONDS = Range(0, 3600, open_low=True)
# The largest difference of a probability, or share of images.
TOLERANCE = Range(0, 1)
# Bytes that a chip has.
MEMORY = whole(1, 2**40)
# The size of a page, in megabytes; browsers take no texts that are much larger.
MEGABYTES = Range(0, 500, open_low=True)
