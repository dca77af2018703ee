"""Where training in 16 bits loses on a CPU, said before it begins."""

from __future__ import annotations

from kerascnn.machine.environment import computes_bfloat16

# Images a second with mixed precision, as a share of those without it, where the
# processor has bfloat16: measured on an AMD EPYC with AVX-512 bf16, with each network's
# recipe. Of other networks nothing is known.
CPU_SPEED = {"alexnet": 1.2, "mobilenet": 0.3, "resnet18": 0.75, "vgg16": 1.13}


def mixed_precision_warning(model: str) -> str | None:
    """Say that mixed precision makes the training of a network slower on this CPU.

    Args:
        model: A name of `MODELS`.

    Returns:
        One line; `None` where it does not, or where nothing is known.
    """
    has_bfloat16 = computes_bfloat16()
    if has_bfloat16 is False:
        return (
            "This processor has no 16-bit arithmetic, so that mixed precision makes "
            "training slower. Leave --mixed-precision out, or train on a GPU."
        )
    speed = CPU_SPEED.get(model, 1.0)
    if not has_bfloat16 or speed >= 1:
        return None
    return (
        f"Mixed precision makes {model} slower on processors such as this one: "
        f"{speed:g} of the speed was measured. Leave --mixed-precision out, or train "
        "on a GPU."
    )
