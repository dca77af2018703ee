"""PyTorch: the images are one tensor in memory, each step takes its own from it."""

from __future__ import annotations

import time

import contender

options = contender.parse()

import torch  # noqa: E402
from networks_torch import BUILDERS  # noqa: E402

IMPORTED = time.perf_counter()
layout = torch.channels_last if options.channels_last else torch.contiguous_format

images, labels = map(torch.from_numpy, contender.load_mnist()[0])
images = images.permute(0, 3, 1, 2).contiguous()
torch.manual_seed(0)
model = BUILDERS[options.network]().to(memory_format=layout).train()
compiled = torch.compile(model) if options.compile else model
optimizer = (
    torch.optim.SGD(model.parameters(), contender.LEARNING_RATE, momentum=0.9)
    if options.optimizer == "sgd"
    else torch.optim.Adagrad(model.parameters(), contender.LEARNING_RATE)
)


def train(steps: int) -> float:
    """Train some steps, count what was right as the others do; how long it took."""
    started = time.perf_counter()
    correct = torch.zeros((), dtype=torch.int64)
    order = torch.randperm(len(images))
    for step in range(steps):
        start = step * contender.BATCH_SIZE % (len(images) - contender.BATCH_SIZE)
        batch = order[start : start + contender.BATCH_SIZE]
        logits = compiled(images[batch].contiguous(memory_format=layout))
        loss = torch.nn.functional.cross_entropy(logits, labels[batch])
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        correct += (logits.detach().argmax(1) == labels[batch]).sum()
    correct.item()
    return time.perf_counter() - started


train(1)
contender.ready(IMPORTED, parameters=sum(p.numel() for p in model.parameters()))
for wanted in contender.orders():
    contender.say(seconds=train(wanted), steps=wanted)
