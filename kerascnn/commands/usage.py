"""What the command line says of a line that it cannot take, in one place for all."""

from __future__ import annotations

import click

from kerascnn.errors import MAX_SHOWN, shortened

# What other programs and libraries call an option, for those who type it from habit.
SYNONYMS = {
    "lr": "learning-rate",
    "b": "batch-size",
    "bs": "batch-size",
    "batch": "batch-size",
    "num-epochs": "epochs",
    "optim": "optimizer",
    "optimiser": "optimizer",
    "size": "image-size",
    "img-size": "image-size",
    "wd": "optimizer-option",
    "weight-decay": "optimizer-option",
    "nesterov": "optimizer-option",
    "alpha": "model-option",
    "dropout": "model-option",
    "scheduler": "schedule",
    "warmup": "warmup-epochs",
    "val-split": "validation-fraction",
    "validation-split": "validation-fraction",
    "patience": "early-stop",
    "amp": "mixed-precision",
    "fp16": "mixed-precision",
    "gpu": "device",
    "output": "out",
    "output-dir": "out",
    "destination": "to",
    "cfg": "config",
    "quantization": "quantize",
    "top-k": "top",
    "weights": "model",
    "num-threads": "threads",
    "workers": "jobs",
    "time": "seconds",
    "plot": "figure",
    "dry-run": "plan",
}
MAX_WORDS = 600


def explain_usage(error: click.UsageError) -> str:
    """Say in one line, of a bounded length, what is wrong with a command line."""
    if isinstance(error, click.NoSuchOption) and error.ctx is not None:
        near = _nearest(error.option_name, _options(error.ctx.command))
        hint = f" Did you mean {near}?" if near else ""
        return f"No such option: {shortened(error.option_name, MAX_SHOWN)}.{hint}"
    words = shortened(" ".join(error.format_message().split()), MAX_WORDS)
    return words if words.endswith((".", "?", "!")) else f"{words}."


def _options(command: click.Command) -> list[str]:
    return [
        name
        for parameter in command.params
        for name in (*parameter.opts, *parameter.secondary_opts)
        if name.startswith("--")
    ]


def _nearest(given: str, options: list[str]) -> str | None:
    """The option that is meant: the same but for `_`, a synonym, or the nearest."""
    from difflib import get_close_matches  # only a wrong option pays for it

    word = given.lstrip("-").lower().replace("_", "-")[:MAX_SHOWN]
    for meant in (word, SYNONYMS.get(word)):
        if f"--{meant}" in options:
            return f"--{meant}"
    near = get_close_matches(f"--{word}", options, n=1)
    return near[0] if near else None
