"""Small changes to a head as scenes bring them: framing, tilt, light; hair keeps its colour, which tells who it is."""

import numpy as np

from framekit.frames import Pixels

# Ranges from which a change is drawn evenly; judged by eye on night and sunset scenes, and on loosely placed boxes.
SCALE = (0.88, 1.14)
TILT = (-6.0, 6.0)  # degrees
SHIFT = (-0.06, 0.06)  # of the side
LIGHT = (0.65, 1.1)
TINT = (0.9, 1.1)  # of each channel


def jitter(crop: Pixels, numbers: np.random.Generator, flip: bool = False) -> Pixels:
    """Return a square crop, (side, side, 3), changed at random; mirrored half of the time if `flip`."""
    import cv2

    side = crop.shape[0]
    turn = cv2.getRotationMatrix2D((side / 2, side / 2), numbers.uniform(*TILT), numbers.uniform(*SCALE))
    turn[:, 2] += numbers.uniform(*SHIFT, 2) * side
    moved = cv2.warpAffine(crop, turn, (side, side), borderMode=cv2.BORDER_REPLICATE)
    lit = moved * (numbers.uniform(*LIGHT) * numbers.uniform(*TINT, 3))
    changed = np.clip(lit, 0, 255).astype(np.uint8)
    return np.ascontiguousarray(changed[:, ::-1]) if flip and numbers.random() < 0.5 else changed
