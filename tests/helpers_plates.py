"""Pictures for tests of cameras and backgrounds."""

import cv2
import numpy as np
from numpy.typing import NDArray

from framekit.pixels.decode import Pixels


def painting(seed: int = 0, height: int = 300, width: int = 500) -> NDArray[np.float32]:
    """Return a smooth picture with something everywhere, (H, W, 3)."""
    noise = np.random.default_rng(seed).uniform(0, 255, (height, width, 3)).astype(np.float32)
    rough = cv2.GaussianBlur(noise, (0, 0), 4)
    return np.asarray((rough - rough.mean()) * 8 + 128, np.float32)


def painted(seed: int, height: int, width: int) -> Pixels:
    """Return such a picture as pixels."""
    return np.clip(np.round(painting(seed, height, width)), 0, 255).astype(np.uint8)
