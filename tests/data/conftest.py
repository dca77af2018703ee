"""Real photographs for tests."""

from pathlib import Path

import matplotlib
import numpy as np
import pytest
from PIL import Image


@pytest.fixture(scope="session")
def photos():
    """Thirty different parts of a photograph that matplotlib brings."""
    path = Path(matplotlib.get_data_path(), "sample_data", "grace_hopper.jpg")
    rng = np.random.default_rng(0)
    found = []
    with Image.open(path) as image:
        while len(found) < 30:
            x, y = rng.integers(0, (image.width - 180, image.height - 240))
            part = image.crop((x, y, x + 180, y + 240))
            if np.asarray(part.convert("L")).std() > 40:
                found.append(part)
    return found
