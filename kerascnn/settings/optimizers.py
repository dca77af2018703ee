"""The optimizers: Keras's own, by name, and the two update rules of the lab report.

Stochastic gradient descent with momentum, `v <- a v - e g; w <- w + v`, is
`keras.optimizers.SGD(learning_rate=e, momentum=a)`.

AdaGrad with r = 0 at first, `r <- r + g g; w <- w - e g / (d + sqrt(r))`, d = 1e-7, is
`keras.optimizers.Adagrad` with an accumulator that starts at 0. Keras adds its epsilon
inside the root, so d is given as `epsilon = d**2`: the two steps are the same where r
is 0, and elsewhere differ by a fraction of at most d / sqrt(r), or three tenths where
sqrt(r) is no larger than d.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from kerascnn.errors import ConfigError, UnknownNameError, shown
from kerascnn.machine.ranges import Range, whole
from kerascnn.registry import Entry, Registry

OptionValue = float | int | bool | None

# Options that every Keras optimizer takes.
COMMON_OPTIONS: Mapping[str, OptionValue] = {
    "weight_decay": None,
    "clipnorm": None,
    "clipvalue": None,
    "global_clipnorm": None,
}
# Keras takes one of them.
CLIPPING = ("clipnorm", "clipvalue", "global_clipnorm")

# Numbers that Keras takes, and that stay finite in 32 bits.
_SHARE = Range(0, 1, open_high=True)
_AMOUNT = Range(0, 1e6)
_POSITIVE = Range(0, 1e6, open_low=True)
_FACTOR = Range(-100, 100)
# What an option may be, whichever optimizer has it.
_RANGES: Mapping[str, Range] = {
    "adam_beta_1": _SHARE,
    "adam_beta_2": _SHARE,
    "adam_lr_ratio": _POSITIVE,
    "adam_weight_decay": _AMOUNT,
    "beta": _AMOUNT,
    "beta_1": _SHARE,
    "beta_2": _SHARE,
    "beta_2_decay": Range(-10, 0, open_high=True),
    "clip_threshold": _POSITIVE,
    "clipnorm": _POSITIVE,
    "clipvalue": _POSITIVE,
    "epsilon": _POSITIVE,
    "epsilon_1": _POSITIVE,
    "epsilon_2": _POSITIVE,
    "global_clipnorm": _POSITIVE,
    "initial_accumulator_value": _AMOUNT,
    "l1_regularization_strength": _AMOUNT,
    "l2_regularization_strength": _AMOUNT,
    "l2_shrinkage_regularization_strength": _AMOUNT,
    "learning_rate_power": Range(-10, 0),
    "momentum": _SHARE,
    "muon_a": _FACTOR,
    "muon_b": _FACTOR,
    "muon_c": _FACTOR,
    "ns_steps": whole(1, 100),
    "rho": _SHARE,
    "rms_rate": _POSITIVE,
    "warmup_steps": whole(0, 10_000_000),
    "weight_decay": _AMOUNT,
}


@dataclass(frozen=True, kw_only=True)
class OptimizerEntry(Entry):
    """An optimizer.

    Attributes:
        learning_rate: Used where no recipe and no user gives one.
        options: The optimizer's own options with the values that are used here.
        ranges: What they may be, where that is not what others of the name may be.
    """

    learning_rate: float
    options: Mapping[str, OptionValue] = field(default_factory=dict)
    ranges: Mapping[str, Range] = field(default_factory=dict)

    def check_options(self, options: Mapping[str, Any]) -> None:
        """Refuse an option that this optimizer does not have, or an odd value.

        Raises:
            ConfigError: With what this optimizer takes.
        """
        known = dict(self.options) | dict(COMMON_OPTIONS)
        for name, value in options.items():
            if name not in known:
                error = UnknownNameError(f"option of {self.name}", str(name), known)
                raise ConfigError(str(error)) from error
            if value is None and name not in self.options:
                continue
            label = f"{name} of {self.name}"
            if not isinstance(self.options.get(name), bool):
                self.range_of(name).check(label, value)
            elif not isinstance(value, bool):
                raise ConfigError(
                    f"{label} has to be true or false, but got {shown(value)}."
                )
        clipping = [name for name in CLIPPING if options.get(name) is not None]
        if len(clipping) > 1:
            raise ConfigError(
                f"{' and '.join(clipping)} are two ways to clip gradients. Choose one."
            )

    def range_of(self, option: str) -> Range:
        """What a number among the options may be."""
        return (dict(_RANGES) | dict(self.ranges)).get(option, Range(-1e6, 1e6))


_BETAS = {"beta_1": 0.9, "beta_2": 0.999, "epsilon": 1e-7}

OPTIMIZERS = Registry(
    "optimizer",
    OptimizerEntry(
        name="sgd",
        target="keras.optimizers:SGD",
        summary="Gradient descent with momentum, the report's first.",
        learning_rate=0.01,
        options={"momentum": 0.9, "nesterov": False},
    ),
    OptimizerEntry(
        name="adagrad",
        target="keras.optimizers:Adagrad",
        summary="AdaGrad as the report has it: r = 0 at first, d = 1e-7.",
        learning_rate=0.01,
        options={"initial_accumulator_value": 0.0, "epsilon": 1e-14},
    ),
    OptimizerEntry(
        name="adadelta",
        target="keras.optimizers:Adadelta",
        summary="Steps in the ratio of two running averages.",
        learning_rate=1.0,
        options={"rho": 0.95, "epsilon": 1e-7},
    ),
    OptimizerEntry(
        name="adafactor",
        target="keras.optimizers:Adafactor",
        summary="Adaptive, with the second moment kept by rows and columns.",
        learning_rate=0.01,
        options={
            "beta_2_decay": -0.8,
            "epsilon_1": 1e-30,
            "epsilon_2": 1e-3,
            "clip_threshold": 1.0,
            "relative_step": True,
        },
    ),
    OptimizerEntry(
        name="adam",
        target="keras.optimizers:Adam",
        summary="Running averages of the gradient and of its square.",
        learning_rate=0.001,
        options=_BETAS | {"amsgrad": False},
    ),
    OptimizerEntry(
        name="adamax",
        target="keras.optimizers:Adamax",
        summary="Adam with the largest gradient in place of the mean square.",
        learning_rate=0.002,
        options=_BETAS,
    ),
    OptimizerEntry(
        name="adamw",
        target="keras.optimizers:AdamW",
        summary="Adam with weight decay apart from the gradient.",
        learning_rate=0.001,
        options=_BETAS | {"weight_decay": 0.004, "amsgrad": False},
    ),
    OptimizerEntry(
        name="ftrl",
        target="keras.optimizers:Ftrl",
        summary="Follow the regularized leader, for sparse models.",
        learning_rate=0.05,
        options={
            "learning_rate_power": -0.5,
            "initial_accumulator_value": 0.1,
            "l1_regularization_strength": 0.0,
            "l2_regularization_strength": 0.0,
            "l2_shrinkage_regularization_strength": 0.0,
            "beta": 0.0,
        },
    ),
    OptimizerEntry(
        name="lamb",
        target="keras.optimizers:Lamb",
        summary="Adam scaled by layer, for large batches.",
        learning_rate=0.01,
        options=_BETAS,
    ),
    OptimizerEntry(
        name="lion",
        target="keras.optimizers:Lion",
        summary="The sign of a running average.",
        learning_rate=0.0003,
        options={"beta_1": 0.9, "beta_2": 0.99},
        ranges={"beta_1": Range(0, 1, open_low=True, open_high=True)},
    ),
    OptimizerEntry(
        name="muon",
        target="keras.optimizers:Muon",
        summary="Momentum made orthogonal; Adam for the vectors.",
        learning_rate=0.002,
        options={
            "adam_beta_1": 0.9,
            "adam_beta_2": 0.999,
            "adam_weight_decay": 0.004,
            "epsilon": 1e-7,
            "weight_decay": 0.004,
            "muon_a": 3.4445,
            "muon_b": -4.775,
            "muon_c": 2.0315,
            "adam_lr_ratio": 1,
            "momentum": 0.95,
            "ns_steps": 5,
            "nesterov": True,
            "rms_rate": 0.2,
        },
    ),
    OptimizerEntry(
        name="nadam",
        target="keras.optimizers:Nadam",
        summary="Adam with Nesterov's look ahead.",
        learning_rate=0.001,
        options=_BETAS,
    ),
    OptimizerEntry(
        name="rmsprop",
        target="keras.optimizers:RMSprop",
        summary="Divides by a running average of the squared gradient.",
        learning_rate=0.001,
        options={"rho": 0.9, "momentum": 0.0, "epsilon": 1e-7, "centered": False},
    ),
    OptimizerEntry(
        name="schedulefreeadamw",
        target="keras.optimizers:ScheduleFreeAdamW",
        summary="AdamW that averages its weights instead of a schedule.",
        learning_rate=0.0025,
        options={
            "beta_1": 0.9,
            "beta_2": 0.999,
            "epsilon": 1e-8,
            "warmup_steps": 0,
        },
    ),
)


def build_optimizer(
    name: str,
    learning_rate: float | None = None,
    *,
    ema: float | None = None,
    **options: OptionValue,
) -> Any:
    """Make a Keras optimizer.

    Args:
        name: A name of `OPTIMIZERS`.
        learning_rate: The table's where `None`.
        ema: Momentum of an exponential moving average of the weights, in `(0, 1)`;
            `None` keeps none.
        **options: The optimizer's own options, such as `momentum`.

    Returns:
        A `keras.optimizers.Optimizer`, not built yet.

    Raises:
        UnknownNameError: A name that is in no row.
        ConfigError: An option that this optimizer does not have, or a value that it
            cannot have.

    Example:
        >>> build_optimizer("sgd", 0.1, momentum=0.8).momentum
        0.8
    """
    entry = OPTIMIZERS[name]
    entry.check_options(options)
    averaging = {} if ema is None else {"use_ema": True, "ema_momentum": ema}
    rate = entry.learning_rate if learning_rate is None else learning_rate
    # Keras's SGD takes a momentum of 0.0, and refuses 0.
    values = {
        name: float(value)
        if type(value) is int and not entry.range_of(name).whole
        else value
        for name, value in (dict(entry.options) | options).items()
    }
    try:
        return entry.load()(learning_rate=rate, **values, **averaging)
    except (TypeError, ValueError) as error:
        raise ConfigError(
            f"Keras refuses the options of {entry.name}: {' '.join(str(error).split())}"
        ) from error
