"""What a face looks like, as numbers: the embedded colour-and-shape descriptor, and embeddings of ONNX models."""

import itertools
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from framekit.boxes import HEAD_LIFT, HEAD_SCALE
from framekit.models.hub import HubModel, Known, locate
from framekit.models.onnx import load_embedding_model
from framekit.pixels.decode import Pixels

Vector = NDArray[np.float32]
Embedder = Callable[[Sequence[Pixels]], Vector]  # from N square head crops, RGB, to (N, D) rows of length 1
EMBEDDED = "colour_shape"
EDITION = "2"  # of the embedded descriptors; a change marks all earlier names as stale
TORCHVISION = "torchvision:"
BATCH = 8  # crops per call of a network
CROP_SIDE = 96  # px of the embedded descriptor's crop
LAB_BINS = (6, 12, 12)  # lightness, a, b
# How much balanced colours, their layout, and outlines count. Chosen on two sample shows; outlines and layout count
# less than they could there, since heads turn in real shows.
COLOUR_WEIGHT, LAYOUT_WEIGHT, SHAPE_WEIGHT = 0.4, 0.25, 0.35
BALANCE = 0.8  # 0 leaves colours as they are, 1 makes the mean of the face grey
FACE_RADIUS = 0.4  # of the crop's side; the disc lies lower than the middle by what the crop was lifted
LAYOUT_CELLS = 6  # across and down
LIGHTNESS_SHARE = 0.5  # weight of lightness in the layout; its colours have 1
# CCIP, `model_feat.onnx`: NCHW RGB at 384 px, normalised as CLIP; 768 numbers a face.
EMBEDDERS = {
    "ccip": HubModel(
        "deepghs/ccip_onnx",
        "ccip-caformer-24-randaug-pruned",
        "eb2acdd29af1703388d3d0c04221add322bc9110",
        "OpenRAIL",
        {"model_feat.onnx": "4ea118d16496274f4f6e08d3afc768cc592389e8f7f32f8732ce2215c228ac5f"},
    )
}


def face_disc() -> NDArray[np.bool_]:
    """Return where the face lies in a reduced crop, (CROP_SIDE, CROP_SIDE)."""
    place = np.arange(CROP_SIDE) - CROP_SIDE / 2
    down = place - CROP_SIDE * HEAD_LIFT / HEAD_SCALE
    return np.asarray(place[None] ** 2 + down[:, None] ** 2 < (FACE_RADIUS * CROP_SIDE) ** 2)


FACE_DISC = face_disc()


def unit(vector: NDArray[np.floating]) -> Vector:
    """Scale a vector to length 1; zeros stay zeros."""
    return np.asarray(vector / max(float(np.linalg.norm(vector)), 1e-9), np.float32)


def describe_head(crop: Pixels) -> Vector:
    """Return the embedded descriptor: balanced colours, where they are, and outlines, weighted."""
    small = reduced(crop)
    parts = colour_histogram(balanced(small)), colour_layout(small), gradient_histogram(small)
    weights = np.sqrt([COLOUR_WEIGHT, LAYOUT_WEIGHT, SHAPE_WEIGHT])
    return unit(np.concatenate([weight * part for weight, part in zip(weights, parts, strict=True)]))


def balanced(crop: Pixels) -> Pixels:
    """Take most of a scene's tint away, (CROP_SIDE, CROP_SIDE, 3): night and sunset pull skin from its usual colour.

    What lies in the middle of a head is mostly skin, in whatever light; its mean is moved towards grey.
    """
    means = crop[FACE_DISC].mean(axis=0) + 1.0
    return np.asarray(np.clip(crop * (means.mean() / means) ** BALANCE, 0, 255), np.uint8)


def colour_layout(crop: Pixels) -> Vector:
    """Return the Lab colours of a grid of cells, less their mean, length 1; the middle counts most."""
    import cv2

    size = (LAYOUT_CELLS, LAYOUT_CELLS)
    lab = cv2.cvtColor(crop.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
    cells = cv2.resize(lab, size, interpolation=cv2.INTER_AREA)
    weights = cv2.resize(central_weights(crop.shape[0]), size, interpolation=cv2.INTER_AREA)[..., None]
    return unit(((cells - cells.mean(axis=(0, 1))) * [LIGHTNESS_SHARE, 1.0, 1.0] * weights).ravel())


def reduced(crop: Pixels) -> Pixels:
    """Return a crop at the side of the embedded descriptor."""
    import cv2

    return np.asarray(cv2.resize(crop, (CROP_SIDE, CROP_SIDE), interpolation=cv2.INTER_AREA), np.uint8)


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


EMBEDDED_MODELS: dict[str, Callable[[Pixels], Vector]] = {
    EMBEDDED: describe_head,
    "colour": lambda crop: colour_histogram(balanced(reduced(crop))),
    "layout": lambda crop: colour_layout(reduced(crop)),
    "shape": lambda crop: gradient_histogram(reduced(crop)),
}


def load_one(model: str, device: str) -> Embedder:
    """Return the embedded descriptor or one of its halves, an ONNX embedding, or a backbone of torchvision."""
    if model in EMBEDDED_MODELS:
        describe = EMBEDDED_MODELS[model]
        return lambda crops: np.stack([describe(crop) for crop in crops])
    if model.startswith(TORCHVISION):
        from framekit.models.torchvision import load_backbone

        opened = load_backbone(model.removeprefix(TORCHVISION), device)
    else:
        opened = load_embedding_model(
            locate(model, Known(EMBEDDERS, list(EMBEDDED_MODELS)), ["model_feat.onnx"])["model_feat.onnx"], device
        )

    def embed(crops: Sequence[Pixels]) -> Vector:
        rows = [
            opened.embed([opened.prepare(crop) for crop in crops[start : start + BATCH]])
            for start in range(0, len(crops), BATCH)
        ]
        return np.stack([unit(row) for row in np.concatenate(rows)])

    return embed


def load_embedders(models: Sequence[str], device: str) -> Callable[[Sequence[Pixels]], list[Vector]]:
    """Return a function from square head crops to the rows (N, D) of each model."""
    loaded = [load_one(model, device) for model in models]
    return lambda crops: [embed(crops) for embed in loaded]
