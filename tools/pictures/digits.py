"""Handwritten digits of the UCI set, 8x8, as scikit-learn has them.

    python tools/pictures/digits.py FOLDER

The file has no writers. They come one after another in it, so the first half is for
training and the second for testing. A writer may have digits in both, where they meet.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from corpus import new_folder, save
from PIL import Image
from sklearn.datasets import load_digits


def main(folder: Path) -> None:
    """Write the digits, 898 for training and 899 for testing, in the file's order."""
    new_folder(folder)
    images, labels = load_digits(return_X_y=True)
    pixels = np.rint(images.reshape(-1, 8, 8) / 16 * 255).astype(np.uint8)
    for index, (image, label) in enumerate(zip(pixels, labels, strict=True)):
        part = "train" if index < len(labels) // 2 else "test"
        save(Image.fromarray(image), folder, part, str(label), f"{index:04}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
