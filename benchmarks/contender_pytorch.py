"""PyTorch: the images are one tensor in memory, each step takes its own from it.

Products are in float32 throughout ("highest"), oneDNN is on, and with `--bfloat16` the
forward pass is under autocast, as PyTorch's manual has it.
"""

from __future__ import annotations

import time

import contender

parser = contender.parser()
parser.add_argument("--channels-last", action="store_true")
parser.add_argument("--compile", choices=("default", "max-autotune-no-cudagraphs"))
parser.add_argument("--update", choices=("foreach", "fused"))
options = parser.parse_args()

import torch  # noqa: E402
from networks_torch import BUILDERS  # noqa: E402
from torch.nn import functional  # noqa: E402

IMPORTED = time.perf_counter()
torch.set_float32_matmul_precision("highest")
torch.backends.mkldnn.set_flags(True)
torch.manual_seed(0)
layout = torch.channels_last if options.channels_last else torch.contiguous_format
size, batch_size = options.image_size, options.batch_size

images, labels = map(torch.from_numpy, contender.load_mnist(size))
labels = labels.long()
images = images.permute(0, 3, 1, 2).contiguous()
model = BUILDERS[options.network](size, options.stem)
model = model.to(memory_format=layout).train()
network = torch.compile(model, mode=options.compile) if options.compile else model
update = {options.update: True} if options.update else {}
optimizer = (
    torch.optim.SGD(model.parameters(), contender.LEARNING_RATE, momentum=0.9, **update)
    if options.optimizer == "sgd"
    else torch.optim.Adagrad(model.parameters(), contender.LEARNING_RATE, **update)
)


def take(batch: torch.Tensor) -> torch.Tensor:
    """The images of a batch in the layout, resized where they are smaller."""
    x = images[batch]
    if x.shape[2] != size:
        x = functional.interpolate(x, size=size, mode="bilinear")
    return x.contiguous(memory_format=layout)


def train(steps: int) -> float:
    """Train some steps, count what was right as the others do; how long it took."""
    started = time.perf_counter()
    correct = torch.zeros((), dtype=torch.int64)
    order = torch.randperm(len(images))
    for step in range(steps):
        start = step * batch_size % (len(images) - batch_size)
        batch = order[start : start + batch_size]
        optimizer.zero_grad(set_to_none=True)
        with torch.autocast("cpu", torch.bfloat16, enabled=options.bfloat16):
            logits = network(take(batch))
            loss = functional.cross_entropy(logits, labels[batch])
        loss.backward()
        optimizer.step()
        correct += (logits.detach().argmax(1) == labels[batch]).sum()
    correct.item()
    return time.perf_counter() - started


train(1)
contender.ready(IMPORTED, parameters=sum(p.numel() for p in model.parameters()))
for wanted in contender.orders():
    contender.say(seconds=train(wanted), steps=wanted)
