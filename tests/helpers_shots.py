"""Small painted shots: a ground, and figures on it."""

from collections.abc import Sequence

import numpy as np

from framekit.figures.tracks import Labels, Shown
from framekit.pixels.decode import Pixels
from framekit.sidecars.instances import Figure

RED, GREEN, BLUE = (210, 40, 40), (40, 200, 60), (40, 60, 220)


def texture(height: int, width: int, seed: int, contrast: float = 40) -> Pixels:
    """Return a picture of soft spots, (height, width, 3)."""
    import cv2

    spots = np.random.default_rng(seed).normal(0, 1, (height, width, 3)).astype(np.float32)
    soft = cv2.GaussianBlur(spots, (0, 0), 2)
    return np.asarray(np.clip(120 + contrast * soft / soft.std(), 0, 255), np.uint8)


def drawing(height: int, width: int, colour: tuple[int, int, int], seed: int) -> Pixels:
    """Return a figure of one colour with spots in it, (height, width, 3)."""
    spots = texture(height, width, seed, 25).astype(int) - 120
    return np.asarray(np.clip(np.array(colour) + spots, 0, 255), np.uint8)


def paste(frame: Pixels, labels: Labels, figure: Pixels, at: tuple[int, int], label: int) -> None:
    """Put a figure into a frame and its labels, its upper left corner at this row and column; what is out is cut."""
    row, column = at
    inside = figure[max(0, -row) : len(frame) - row, max(0, -column) : frame.shape[1] - column]
    part = slice(max(0, row), max(0, row) + len(inside)), slice(max(0, column), max(0, column) + inside.shape[1])
    frame[part], labels[part] = inside, label


def frame_of(pixels: Pixels, labels: Labels, names: Sequence[str] = (), is_corrected: bool = False) -> Shown:
    """Return a frame whose figures are those of its labels."""
    height, width = labels.shape
    figures = []
    for label in sorted(set(labels.ravel().tolist()) - {0}):
        rows, columns = np.nonzero(labels == label)
        box = columns.min() / width, rows.min() / height, (columns.max() + 1) / width, (rows.max() + 1) / height
        figures.append(Figure(label, tuple(map(float, box)), float((labels == label).mean())))  # type: ignore[arg-type]
    return Shown(pixels, labels, figures, names, is_corrected)
