"""What a face looks like, as numbers: the embedded colour-and-shape descriptor, and embeddings of ONNX models."""

import itertools
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from framekit.embedding_model import load_embedding_model
from framekit.frames import Pixels
from framekit.models import EMBEDDERS, locate

Vector = NDArray[np.float32]
Embedder = Callable[[Pixels], Vector]
"""From a square head crop, (side, side, 3) RGB, to a vector of length 1."""

EMBEDDED = "colour_shape"
CROP_SIDE = 96  # px of the embedded descriptor's crop
LAB_BINS = (6, 12, 12)  # lightness, a, b
COLOUR_WEIGHT = 0.6  # the rest is shape; hair colour says more about a drawn character than the outline


def unit(vector: NDArray[np.floating]) -> Vector:
    """Scale a vector to length 1; zeros stay zeros."""
    return np.asarray(vector / max(float(np.linalg.norm(vector)), 1e-9), np.float32)


def describe_head(crop: Pixels) -> Vector:
    """Return the embedded descriptor: a colour histogram and a histogram of gradients, weighted."""
    import cv2

    small = np.asarray(cv2.resize(crop, (CROP_SIDE, CROP_SIDE), interpolation=cv2.INTER_AREA), np.uint8)
    colour, shape = colour_histogram(small), gradient_histogram(small)
    return unit(np.concatenate([np.sqrt(COLOUR_WEIGHT) * colour, np.sqrt(1 - COLOUR_WEIGHT) * shape]))


def colour_histogram(crop: Pixels) -> Vector:
    """Return the square roots of a Lab histogram, length 1; the middle counts most, each pixel is shared among bins.

    With square roots the dot product is the Bhattacharyya coefficient, which no single colour dominates.
    """
    import cv2

    lab = cv2.cvtColor(crop.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
    scaled = np.stack([lab[..., 0] / 100, (lab[..., 1] + 60) / 120, (lab[..., 2] + 60) / 120], axis=-1)
    place = np.clip(scaled * LAB_BINS - 0.5, 0, np.array(LAB_BINS) - 1)
    weights = central_weights(crop.shape[0])
    histogram = np.zeros(np.prod(LAB_BINS), np.float64)
    lower = np.floor(place).astype(int)
    for corner in itertools.product((0, 1), repeat=3):
        share = np.abs(1 - np.array(corner) - (place - lower)).prod(axis=-1)
        index = np.minimum(lower + corner, np.array(LAB_BINS) - 1)
        flat = np.ravel_multi_index(tuple(np.moveaxis(index, -1, 0)), LAB_BINS)
        histogram += np.bincount(flat.ravel(), (weights * share).ravel(), len(histogram))
    return unit(np.sqrt(histogram / histogram.sum()))


def central_weights(side: int) -> NDArray[np.float64]:
    """Return (side, side) weights: 1 in the middle, about 0.4 at the edges, less in the corners."""
    offset = (np.arange(side) + 0.5) / side - 0.5
    return np.asarray(np.exp(-(((offset[None] / 0.45) ** 2 + (offset[:, None] / 0.5) ** 2) ** 2)), np.float64)


def gradient_histogram(crop: Pixels) -> Vector:
    """Return the HOG of the grey crop around its mean, length 1."""
    import cv2

    hog = cv2.HOGDescriptor((CROP_SIDE, CROP_SIDE), (24, 24), (12, 12), (12, 12), 9)
    values = np.asarray(hog.compute(cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY)), np.float32).ravel()
    return unit(values - values.mean())


def load_embedder(model: str, device: str) -> Embedder:
    """Return the embedded descriptor, or an ONNX embedding."""
    if model == EMBEDDED:
        return describe_head
    opened = load_embedding_model(locate(model, EMBEDDERS, ["model_feat.onnx"])["model_feat.onnx"], device)
    return lambda crop: unit(opened.embed([opened.prepare(crop)])[0])


@dataclass(frozen=True)
class Acceptance:
    """When the best name is good enough: its similarity, plus its lead over the next name times `margin_weight`."""

    unknown_below: float = 0.7
    margin_weight: float = 0.0

    def holds(self, similarity: float, runner_up: float | None) -> bool:
        """Tell whether a face with this best similarity, and this next best, gets the name."""
        lead = similarity - runner_up if runner_up is not None else 0.0
        return similarity + self.margin_weight * lead >= self.unknown_below


# colour_shape: on two sample shows 99 % of the right names pass, and 1 % of the faces whose character has no
# references. ccip: 1 - 2 x its own threshold of 0.17848. Source: deepghs/ccip_onnx
ACCEPTANCE = {EMBEDDED: Acceptance(0.74, 0.5), "ccip": Acceptance(0.643)}
