"""What each network is trained with where the user says nothing, tuned on MNIST.

`results/sweep.csv` has the runs that the learning rates were chosen from
(`tools/sweep.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from kerascnn.models import MODELS


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """How a network is trained.

    Attributes:
        image_size: Side of the square that images are brought to, in pixels.
        stem: The first layers, a name that the network knows.
        batch_size: Images a step.
        epochs: Passes over the training images.
        schedule: A name of `SCHEDULES`.
        warmup_epochs: Epochs in which the learning rate rises.
        learning_rates: By optimizer; others use their own row's.
    """

    image_size: int
    stem: str = "paper"
    batch_size: int
    epochs: int
    schedule: str = "one-cycle"
    warmup_epochs: float = 0.0
    learning_rates: Mapping[str, float] = field(default_factory=dict)


class Recipes(dict[str, Recipe]):
    """Recipes by network; a network without one gets what no tuning is needed for.

    Images of MNIST's size or, where the network asks for more, of its smallest; its
    default stem, and the learning rate of each optimizer's own row.
    """

    def __missing__(self, name: str) -> Recipe:
        row = MODELS[name]
        return Recipe(
            image_size=max(28, row.min_size),
            stem=row.stems[0],
            batch_size=64,
            epochs=3,
        )


RECIPES = Recipes(
    lenet=Recipe(
        image_size=28,
        batch_size=64,
        epochs=7,
        # In the sweep, which has an epoch at most, 0.05 was as good for AdaGrad; over
        # seven epochs 0.07 ends at 99.08% of the held-out images, 0.05 at 98.98%.
        learning_rates={"sgd": 0.05, "adagrad": 0.07},
    ),
    alexnet=Recipe(
        image_size=64,
        batch_size=64,
        epochs=3,
        # In the sweep, of 6,400 images, 0.003 to 0.03 were alike for SGD; on all images
        # 0.01 ends at 99.27% of the held-out ones, 0.003 at 98.87%.
        learning_rates={"sgd": 0.01, "adagrad": 0.001},
    ),
    vgg16=Recipe(
        image_size=32,
        batch_size=32,
        epochs=2,
        learning_rates={"sgd": 0.003, "adagrad": 0.0003},
    ),
    resnet18=Recipe(
        image_size=32,
        batch_size=64,
        epochs=3,
        # In the sweep, 0.01 and 0.03 were alike for AdaGrad; on all images 0.03 ended
        # at 99.03% of the held-out ones, 0.01 at 98.88%.
        learning_rates={"sgd": 0.01, "adagrad": 0.03},
    ),
    # With the paper's stem, eight blocks see maps of two pixels a side or one:
    # AdaGrad then ends at 98.24% after three epochs, in half of the time.
    mobilenet=Recipe(
        image_size=32,
        stem="small",
        batch_size=64,
        epochs=2,
        learning_rates={"sgd": 0.03, "adagrad": 0.03},
    ),
)
