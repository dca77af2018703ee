"""Where each way of computing a layer is faster than Keras's own, by instruction set.

`benchmarks/layer_ways.py` times all of them, and is what the rows rest on.
"""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Up to where, or from where on, a way gains; what is left out gains nowhere.

    Attributes:
        sliding_area: Pixels of a map up to which a convolution's gradient of its
            weights is a convolution of another shape.
        tap_area: Likewise, a matrix product for each tap.
        pixel_area: Likewise, of the images of a convolution to a single pixel that is
            one matrix product.
        separable_area: Likewise, where a product mixes a separable convolution's
            channels.
        separable_tap_area: Likewise, where the gradient of each channel's kernel is a
            sum for each tap as well.
        winograd_area: Likewise, by Winograd's method. Beyond it its transforms still
            cost less than they save, but what they keep for the gradient is 2.25 times
            the images.
        winograd_channels: Channels and filters from which on they do.
        winograd_wide: Filters from which on they do on maps beyond `wide_area`.
        wide_area: Pixels of a map.
        pooled_channels: Channels up to which convolution and pooling are one.
        pooled_filters: Likewise, filters. More than two vector registers hold are
            faster in oneDNN's own way.
        dense_units: Inputs and outputs from which on a dense layer's gradient is asked
            for as a stack of products.
        fuses_normalization: Whether normalization is one operation.
        computes_bfloat16: Whether layers compute in 16 bits, where they may: dense and
            separable ones as by the limits above, and convolutions by those below.
        bfloat16_terms: Products that are summed for a number of a convolution's
            output, from which on 16 bits gain.
        bfloat16_area: Pixels of its output from which on they do.
        bfloat16_wide_area: Likewise, from which on they gain more than Winograd's
            method in 32.
    """

    sliding_area: int = 0
    tap_area: int = 0
    pixel_area: int = 0
    separable_area: int = 0
    separable_tap_area: int = 0
    winograd_area: int = 0
    winograd_channels: int = 0
    winograd_wide: int = 0
    wide_area: int = 0
    pooled_channels: int = 0
    pooled_filters: int = 0
    dense_units: int = 10**9
    fuses_normalization: bool = False
    computes_bfloat16: bool = False
    bfloat16_terms: int = 0
    bfloat16_area: int = 0
    bfloat16_wide_area: int = 0


_BOTH = Limits(
    tap_area=9,
    pixel_area=4,
    separable_area=64,
    separable_tap_area=4,
    winograd_area=1024,
    winograd_channels=64,
    winograd_wide=128,
    wide_area=64,
    pooled_channels=4,
    pooled_filters=16,
    fuses_normalization=True,
)
# By a word of the instruction set's name; the first that fits is taken.
LIMITS: dict[str, Limits] = {
    # By reading, and not measured.
    "GPU": Limits(fuses_normalization=True),
    # On an EPYC with AVX-512 and bf16: a dense layer's gradient from 1.27 times as fast
    # on, in 16 bits 1.9; sliding gradients 1.04 at best.
    "AVX512": replace(
        _BOTH,
        dense_units=256,
        bfloat16_terms=49,
        bfloat16_area=36,
        bfloat16_wide_area=256,
    ),
    # Imitated on the same: a dense layer's gradient 0.99 to 1.01; sliding ones 1.17.
    "AVX2": replace(_BOTH, sliding_area=64),
    # Nothing was measured on AArch64, where oneDNN leaves backward passes to others.
}

# Parts of the names of instruction sets that multiply in bfloat16.
WITH_BFLOAT16 = ("BF16", "FP16", "AMX")


def limits_of(instruction_set: str, *, bfloat16: bool = False) -> Limits:
    """The limits of a processor; none of the ways gains where none was measured.

    Args:
        instruction_set: As `kerascnn.machine.environment.instruction_set` names it:
            `"AVX-512 with bf16"`, or `"AVX-512 with bf16, oneDNN up to AVX2"`, which is
            as if it had no more.
        bfloat16: Whether 16 bits are wanted, where the processor has them.
    """
    name = _usable(instruction_set)
    limits = next((row for word, row in LIMITS.items() if word in name), Limits())
    has_it = has_bfloat16(instruction_set) and limits != Limits()
    return replace(limits, computes_bfloat16=bfloat16 and has_it)


def has_bfloat16(instruction_set: str) -> bool:
    """Whether a processor multiplies in bfloat16, by the name of what it has."""
    return any(word in _usable(instruction_set) for word in WITH_BFLOAT16)


def _usable(instruction_set: str) -> str:
    """The name of what may be used: oneDNN may be told to leave some of it."""
    return instruction_set.rpartition("oneDNN up to ")[2].replace("-", "").upper()
