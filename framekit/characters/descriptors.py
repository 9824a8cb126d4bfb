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
EDITION = "3"  # of the embedded descriptors; a change marks all earlier names as stale
TORCHVISION = "torchvision:"
BATCH = 8  # crops per call of a network
CROP_SIDE = 96  # px of the embedded descriptor's crop
LAB_BINS = (6, 12, 12)  # lightness, a, b
# How much colours, their layout, and outlines count. Chosen on heads of 11 characters, turned and redrawn by
# benchmarks/restyle.py, and checked on 11 others; docs/measured.md has both.
COLOUR_WEIGHT, LAYOUT_WEIGHT, SHAPE_WEIGHT = 0.47, 0.06, 0.47
# Where colours are counted, each by itself: centre across and down, reach across and down, all as shares of the crop's
# side, and how steeply the weight falls. Eyes lie in a band, hair above, clothes below.
REGIONS = {
    "whole": (0.5, 0.5, 0.45, 0.5, 4),
    "hair": (0.5, 0.22, 0.28, 0.16, 2),
    "eyes": (0.5, 0.58, 0.26, 0.09, 4),
    "collar": (0.5, 0.93, 0.3, 0.1, 2),
}
BALANCE = 0.8  # 0 leaves colours as they are, 1 makes the mean of the face grey
FACE_RADIUS = 0.4  # of the crop's side; the disc lies lower than the middle by what the crop was lifted
LAYOUT_CELLS = 9  # across and down
EDGE_CELLS, EDGE_ANGLES = 4, 9  # of the coarse outlines: cells across and down, directions
LINE_BLUR = 1.0  # px; lines thinner than this count little, as they differ from one artist to the next
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
    """Return the embedded descriptor: balanced colours of hair, eyes and clothes, where they are, and outlines."""
    small = reduced(crop)
    even = balanced(small)
    parts = colour_histograms(even), colour_layout(small), outlines(even)
    weights = np.sqrt([COLOUR_WEIGHT, LAYOUT_WEIGHT, SHAPE_WEIGHT])
    return unit(np.concatenate([weight * part for weight, part in zip(weights, parts, strict=True)]))


def balanced(crop: Pixels) -> Pixels:
    """Take most of a scene's tint away, (CROP_SIDE, CROP_SIDE, 3): night and sunset pull skin from its usual colour.

    What lies in the middle of a head is mostly skin, in whatever light; its mean is moved towards grey.
    """
    means = crop[FACE_DISC].mean(axis=0) + 1.0
    return np.asarray(np.clip(crop * (means.mean() / means) ** BALANCE, 0, 255), np.uint8)


def region(across: float, down: float, width: float, height: float, power: int) -> NDArray[np.float64]:
    """Return the weight of each pixel in a region of a reduced crop, (CROP_SIDE, CROP_SIDE)."""
    place = (np.arange(CROP_SIDE) + 0.5) / CROP_SIDE
    far = ((place[None] - across) / width) ** 2 + ((place[:, None] - down) / height) ** 2
    return np.asarray(np.exp(-(far ** (power / 2))), np.float64)


WEIGHTS = np.stack([region(*place) for place in REGIONS.values()])


def lab(crop: Pixels) -> Vector:
    """Return a crop in CIE L*a*b*: lightness 0 to 100, a and b about -100 to 100."""
    import cv2

    return np.asarray(cv2.cvtColor(crop.astype(np.float32) / 255, cv2.COLOR_RGB2LAB), np.float32)


def colour_layout(crop: Pixels) -> Vector:
    """Return the Lab colours of a grid of cells, less their mean, length 1; the middle counts most."""
    import cv2

    size = (LAYOUT_CELLS, LAYOUT_CELLS)
    cells = cv2.resize(lab(crop), size, interpolation=cv2.INTER_AREA)
    weights = cv2.resize(WEIGHTS[0], size, interpolation=cv2.INTER_AREA)[..., None]
    return unit(((cells - cells.mean(axis=(0, 1))) * [LIGHTNESS_SHARE, 1.0, 1.0] * weights).ravel())


def reduced(crop: Pixels) -> Pixels:
    """Return a crop at the side of the embedded descriptor."""
    import cv2

    return np.asarray(cv2.resize(crop, (CROP_SIDE, CROP_SIDE), interpolation=cv2.INTER_AREA), np.uint8)


def colour_histograms(crop: Pixels) -> Vector:
    """Return the square roots of the Lab histogram of each region, length 1; each pixel is shared among bins.

    With square roots the dot product is the Bhattacharyya coefficient, which no single colour dominates.
    """
    colours = lab(crop)
    scaled = np.stack([colours[..., 0] / 100, (colours[..., 1] + 60) / 120, (colours[..., 2] + 60) / 120], axis=-1)
    place = np.clip(scaled * LAB_BINS - 0.5, 0, np.array(LAB_BINS) - 1)
    lower = np.floor(place).astype(int)
    histograms = np.zeros((len(WEIGHTS), np.prod(LAB_BINS)), np.float64)
    for corner in itertools.product((0, 1), repeat=3):
        share = np.abs(1 - np.array(corner) - (place - lower)).prod(axis=-1)
        index = np.minimum(lower + corner, np.array(LAB_BINS) - 1)
        flat = np.ravel_multi_index(tuple(np.moveaxis(index, -1, 0)), LAB_BINS).ravel()
        for histogram, weights in zip(histograms, WEIGHTS, strict=True):
            histogram += np.bincount(flat, (weights * share).ravel(), len(histogram))
    return unit(np.concatenate([unit(np.sqrt(one)) for one in histograms]))


def outlines(crop: Pixels) -> Vector:
    """Return where colours change, and in which direction: HOG of the colours, and coarse edges of all; length 1."""
    return unit(np.concatenate([colour_hog(crop), coarse_edges(crop)]))


def colour_hog(crop: Pixels) -> Vector:
    """Return the HOG of the two colour channels around its mean, length 1; grey lines leave no trace in it."""
    import cv2

    half = CROP_SIDE // 2
    hog = cv2.HOGDescriptor((CROP_SIDE, CROP_SIDE), (half, half), (half // 2,) * 2, (half // 2,) * 2, EDGE_ANGLES)
    channels = np.clip(lab(crop)[..., 1:] + 128, 0, 255).astype(np.uint8)
    values = [np.asarray(hog.compute(np.ascontiguousarray(channels[..., one]))).ravel() for one in (0, 1)]
    return unit(np.concatenate([unit(value - value.mean()) for value in values]))


def coarse_edges(crop: Pixels) -> Vector:
    """Return how strong edges of each direction are in each cell, less the mean of all cells, length 1.

    Unlike HOG it is not evened out locally: strong outlines count more than hatching.
    """
    import cv2

    colours = cv2.GaussianBlur(lab(crop), (0, 0), LINE_BLUR) * np.array([LIGHTNESS_SHARE, 1, 1], np.float32)
    across, down = cv2.Sobel(colours, cv2.CV_32F, 1, 0), cv2.Sobel(colours, cv2.CV_32F, 0, 1)
    angle = np.arctan2(down, across) % np.pi / np.pi * EDGE_ANGLES
    lower = np.floor(angle).astype(int)
    strength, rest = np.hypot(across, down), angle - lower
    maps = np.zeros((2, EDGE_ANGLES, *angle.shape), np.float32)
    for step, share in ((0, 1 - rest), (1, rest)):
        np.put_along_axis(maps[step], (lower[None] + step) % EDGE_ANGLES, (strength * share)[None], axis=0)
    rows = np.tensordot(POOLING, maps[0] + maps[1], (1, 1))  # (cells down, angles, x, channels)
    cells = np.sqrt(np.tensordot(POOLING, rows, (1, 2)))  # (cells across, cells down, angles, channels)
    return unit((cells - cells.mean(axis=(0, 1), keepdims=True)).ravel())


def pooling() -> Vector:
    """Return how much each row of a reduced crop counts in each row of cells, (EDGE_CELLS, CROP_SIDE)."""
    centres, reach = (np.arange(EDGE_CELLS) + 0.5) * CROP_SIDE / EDGE_CELLS, CROP_SIDE / EDGE_CELLS / 2
    weights = np.exp(-(((np.arange(CROP_SIDE)[None] - centres[:, None]) / reach) ** 2) / 2)
    return np.asarray(weights / weights.sum(axis=1, keepdims=True), np.float32)


POOLING = pooling()
EMBEDDED_MODELS: dict[str, Callable[[Pixels], Vector]] = {
    EMBEDDED: describe_head,
    "colour": lambda crop: colour_histograms(balanced(reduced(crop))),
    "layout": lambda crop: colour_layout(reduced(crop)),
    "shape": lambda crop: outlines(balanced(reduced(crop))),
}


def joined(models: Sequence[str], alone: bool = False) -> list[str]:
    """Return models with the embedded descriptor, which makes each better, unless they are wanted alone or hold it.

    >>> joined(["ccip"]), joined(["colour", "ccip"]), joined(["ccip"], alone=True)
    (['colour_shape', 'ccip'], ['colour', 'ccip'], ['ccip'])
    """
    return list(models) if alone or set(models) & set(EMBEDDED_MODELS) else [EMBEDDED, *models]


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
