"""Where training in 16 bits gains nothing on a CPU, or loses: said before it begins."""

from __future__ import annotations

from collections.abc import Mapping

from kerascnn.machine.environment import computes_bfloat16
from kerascnn.settings.config import TrainSettings

# Images a second by Keras's policy, where all layers compute in 16 bits, as a share of
# those in 32: where that loses on a processor that has bfloat16, an AMD EPYC with
# AVX-512. Of other networks nothing is known.
POLICY_SPEED = {"mobilenet": 0.3, "resnet18": 0.75}


def mixed_precision_warning(
    settings: TrainSettings, layer_plan: Mapping[str, str]
) -> str | None:
    """Say that mixed precision brings nothing on this CPU, or loses.

    Args:
        settings: Those of a training in mixed precision.
        layer_plan: Which way its layers are computed.

    Returns:
        One line; `None` where some layers gain, or where nothing is known.
    """
    if settings.fast_layers:
        if any("bfloat16" in way for way in layer_plan.values()):
            return None
        return (
            f"No layer of {settings.model} is known to gain by 16 bits on this "
            "processor: mixed precision changes nothing."
        )
    has_bfloat16 = computes_bfloat16()
    if has_bfloat16 is False:
        return (
            "This processor has no 16-bit arithmetic, so that mixed precision makes "
            "training slower. Leave --mixed-precision out, or train on a GPU."
        )
    speed = POLICY_SPEED.get(settings.model)
    if not has_bfloat16 or speed is None:
        return None
    return (
        f"In 16 bits throughout, {settings.model} is slower on processors such as this "
        f"one: {speed:g} of the speed was measured. Leave --no-fast-layers out."
    )
