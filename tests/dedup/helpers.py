"""Measures and descriptors that the tests of this room share."""

import numpy as np

from framekit.dedup.descriptors import Descriptors
from framekit.pixels.measure import Measures

# Nothing is wrong with it.
GOOD = Measures(sharpness=500, contrast=50, upper_contrast=50, dark=5, bright=240, subtitle=0, side=720)


def unit(*degrees: float) -> Descriptors:
    angles = np.radians(degrees)
    return np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)


def clusters(count: int, seed: int = 0) -> Descriptors:
    """Return unit vectors in few dimensions, so that some are similar to some, near and far apart in the order."""
    vectors = np.random.default_rng(seed).normal(size=(count, 5)).astype(np.float32)
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), np.float32)
