"""What can be measured in a frame: sharpness, contrast, brightness, subtitles."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from framekit.pixels.decode import Pixels

HEIGHT = 360  # px to which frames are scaled first, so that measures of different sizes compare
SUBTITLE_ROWS = (0.7, 0.97)  # of the height: where subtitles stand
INK, OUTLINE = 200, 70  # grey levels: subtitles are bright with a dark outline
OUTLINE_REACH = 5  # pixels, at HEIGHT rows
THICK = 9  # pixels, at HEIGHT rows: what is as wide and high is no stroke of a letter
LINE = 12  # rows of a line of subtitles
VIEW = (64, 36)  # columns, rows of the grey view of a frame
View = NDArray[np.uint8]


@dataclass(frozen=True)
class Measures:
    """Measures of a frame, in grey levels from 0 to 255.

    sharpness: variance of the Laplacian above the subtitles; contrast: standard deviation; upper_contrast: the same
    above the subtitles; dark, bright: the 1st and the 99th percentile; subtitle: share of the lower band that is bright
    beside dark; side: pixels of the shorter side; text: edges of thin bright strokes beside dark ones, in a row of the
    lower band, where a line of it has most.
    """

    sharpness: float
    contrast: float
    upper_contrast: float
    dark: float
    bright: float
    subtitle: float
    side: float
    text: float = 0.0


def view_of(pixels: Pixels) -> View:
    """Return a frame in grey, (36, 64) uint8, whatever its shape."""
    import cv2

    rows = 4 * VIEW[1]  # 4 a cell are enough
    thin = cv2.resize(pixels[:: max(1, len(pixels) // rows)], VIEW, interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.cvtColor(thin, cv2.COLOR_RGB2GRAY), np.uint8)


def measure(pixels: Pixels) -> Measures:
    """Return the measures of a frame."""
    import cv2

    height, width = pixels.shape[:2]
    size = (max(1, round(width * HEIGHT / height)), HEIGHT)
    thin = pixels[:: max(1, height // HEIGHT)]
    grey = np.asarray(cv2.cvtColor(cv2.resize(thin, size, interpolation=cv2.INTER_AREA), cv2.COLOR_RGB2GRAY))
    first, last = (round(HEIGHT * share) for share in SUBTITLE_ROWS)
    band = grey[first:last]
    reached = np.ones((OUTLINE_REACH, OUTLINE_REACH), np.uint8)
    outlined = np.asarray(cv2.dilate((band < OUTLINE).astype(np.uint8), reached), np.uint8)
    upto = np.cumsum(np.bincount(grey.ravel(), minlength=256)) / grey.size  # ten times as fast as np.percentile
    dark, bright = np.searchsorted(upto, (0.01, 0.99))
    return Measures(
        sharpness=float(cv2.Laplacian(grey[:first], cv2.CV_32F).var()),
        contrast=float(grey.std()),
        upper_contrast=float(grey[:first].std()),
        dark=float(dark),
        bright=float(bright),
        subtitle=float(((band > INK) & (outlined > 0)).mean()),
        side=float(min(height, width)),
        text=edges_of_text((band > INK).astype(np.uint8), outlined),
    )


def edges_of_text(ink: NDArray[np.uint8], outlined: NDArray[np.uint8]) -> float:
    """Return how many edges of thin strokes a row has, where LINE rows have most; (H, W), 1 where there is ink."""
    import cv2

    thick = cv2.morphologyEx(ink, cv2.MORPH_OPEN, np.ones((THICK, THICK), np.uint8))
    thick = cv2.dilate(thick, np.ones((OUTLINE_REACH, OUTLINE_REACH), np.uint8))
    thin = (ink > 0) & (outlined > 0) & (np.asarray(thick) == 0)
    edges = np.abs(np.diff(thin.astype(np.int8), axis=1)).sum(axis=1)
    return float(np.convolve(edges, np.full(LINE, 1 / LINE), "valid").max())
