"""What each network is trained with where the user says nothing, tuned on MNIST.

`results/sweep.csv` has the runs that the learning rates were chosen from
(`tools/sweep.py`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from kerascnn.data import count_held_out
from kerascnn.data.sources import Survey
from kerascnn.models import MODELS

# For pictures, sizes are multiples of the first, and beyond the second the paper's stem
# is taken; an epoch has as many batches as the third, if they have no fewer images each
# than the fourth.
STRIDES, LARGEST_SMALL, BATCHES, LEAST_BATCH = 32, 48, 10, 16


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
        max_image_size: The largest size that is chosen for pictures.
        steps: Steps of a training on pictures, where there are few of them.
    """

    image_size: int
    stem: str = "paper"
    batch_size: int
    epochs: int
    schedule: str = "one-cycle"
    warmup_epochs: float = 0.0
    learning_rates: Mapping[str, float] = field(default_factory=dict)
    max_image_size: int = 96
    steps: int = 600

    def for_pictures(
        self,
        num_images: int,
        side: int,
        *,
        stems: Sequence[str],
        image_size: int | None = None,
        batch_size: int | None = None,
    ) -> Recipe:
        """The same for pictures of other sizes and numbers than MNIST's.

        Args:
            num_images: Pictures to train on.
            side: The middle of their shorter sides, in pixels.
            stems: The stems that the network knows.
            image_size: What is asked for, by which the stem is chosen.
            batch_size: What is asked for, by which rate and epochs are chosen.
        """
        if image_size is None:
            # Whole halvings are left by five strides of 2.
            fitting = STRIDES * math.ceil(side / STRIDES)
            image_size = max(self.image_size, min(fitting, self.max_image_size))
        stem = self.stem if image_size <= LARGEST_SMALL else stems[0]
        if batch_size is None:
            batch_size = self.batch_size
            while batch_size > LEAST_BATCH and num_images < BATCHES * batch_size:
                batch_size //= 2
            batch_size = max(1, min(batch_size, num_images))
        # Smaller batches have noisier gradients: at the rate of larger ones, LeNet-5 on
        # 208 letters fell back to guessing.
        scale = min(1, batch_size / self.batch_size)
        epochs = math.ceil(self.steps / max(1, num_images // batch_size))
        return replace(
            self,
            image_size=image_size,
            stem=stem,
            batch_size=batch_size,
            epochs=max(self.epochs, epochs),
            learning_rates={k: v * scale for k, v in self.learning_rates.items()},
        )


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


def count_training(survey: Survey, validation_fraction: float) -> int:
    """How many pictures there are to train on, without those for validation.

    Raises:
        ConfigError: A part to hold out that leaves nothing.
    """
    if survey.has_validation:
        return survey.num_train
    return survey.num_train - count_held_out(survey.num_train, validation_fraction)


RECIPES = Recipes(
    lenet=Recipe(
        image_size=28,
        batch_size=64,
        epochs=7,
        # In the sweep, which has an epoch at most, 0.05 was as good for AdaGrad; over
        # seven epochs 0.07 ends at 99.08% of the held-out images, 0.05 at 98.98%.
        learning_rates={"sgd": 0.05, "adagrad": 0.07},
        max_image_size=28,
        steps=1500,
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
        max_image_size=32,
        steps=300,
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
