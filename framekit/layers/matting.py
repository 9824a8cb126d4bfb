"""Figures cut out: alpha of their edge by closed-form matting, and its colours without the background."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from framekit.pixels.decode import Pixels

HEIGHT = 1080  # px, of the frames that lengths are stated for; others have them in proportion
# Half the width in px of the band along a mask's edge in which alpha is open. Chosen on composed frames with known
# alpha: of 1 to 3, 1 has the least error of composites for exact masks, masks off by about 1 px, and those of ISNet.
# Where masks are off by 1.5 px or more, 3 is better; in wide bands outlines of cels become soft, and strands fade.
BAND = 1.0
# Weight of the mask itself in the band; chosen there: least error of alpha and its gradient.
TRUST = 0.1
# Regularisation of colours from 0 to 1 in a window. Source: Levin et al. 2008, as implemented by most.
EPSILON = 1e-5
# At most, and the relative residual to stop at; chosen: a figure at 1080p took 0.2 to 0.5 s.
STEPS, PRECISION = 200, 1e-3
# Widths in px of the two passes for the colours of the edge. Source: Forte and Pitié 2021; chosen smaller than theirs
# (90 and 6): outlines are narrower than that.
REACHES = (15, 3)
Around = tuple[int, int, int, int]  # (left, top, right, bottom) in px


@dataclass(frozen=True)
class CutOut:
    """A figure by itself: (h, w, 4) uint8 RGBA with straight alpha, and where it lies in the frame in px.

    Colours are those of the figure alone; where alpha is 0 far from it, they are 0.
    """

    rgba: NDArray[np.uint8]
    place: Around


def cut_out(pixels: Pixels, mask: NDArray[np.bool_]) -> CutOut:
    """Cut the figure of a (H, W) bool mask out of a frame. Raises ValueError for an empty mask or another shape."""
    if mask.shape != pixels.shape[:2] or not mask.any():
        raise ValueError(f"a mask of {mask.shape} with {int(mask.sum())} px does not fit pixels of {pixels.shape}")
    scale = pixels.shape[0] / HEIGHT
    reaches = [max(3, round(reach * scale)) for reach in REACHES]
    radius = max(1, round(BAND * scale))
    left, top, right, bottom = box_around(mask, radius + reaches[0] + 1)
    colours = pixels[top:bottom, left:right].astype(np.float32) / np.float32(255)
    alpha = edge_alpha(colours, mask[top:bottom, left:right], radius)
    own = edge_colours(colours, alpha, reaches)
    rgba = np.dstack([np.where(alpha[..., None] >= 1, colours, own), alpha])
    tight = box_around(alpha > 0, 0)
    crop = rgba[tight[1] : tight[3], tight[0] : tight[2]]
    place = (left + tight[0], top + tight[1], left + tight[2], top + tight[3])
    return CutOut(np.asarray(np.rint(crop * 255), np.uint8), place)


def box_around(mask: NDArray[np.bool_], margin: int) -> Around:
    """Return the box around what is true, `margin` px wider on each side where there is room."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    height, width = mask.shape
    return (
        max(0, int(columns[0]) - margin),
        max(0, int(rows[0]) - margin),
        min(width, int(columns[-1]) + 1 + margin),
        min(height, int(rows[-1]) + 1 + margin),
    )


def edge_alpha(colours: NDArray[np.float32], mask: NDArray[np.bool_], radius: int) -> NDArray[np.float32]:
    """Return alpha, 0 to 1: that of the mask, and in `radius` px on either side of its edge what the colours tell.

    `colours` are (H, W, 3) from 0 to 1. Where the mask meets the edge of the frame, it stays as it is.
    """
    import cv2

    solid = mask.astype(np.uint8)
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))
    inner = cv2.erode(solid, disc, borderType=cv2.BORDER_REPLICATE)
    unknown = np.asarray(cv2.dilate(solid, disc, borderType=cv2.BORDER_REPLICATE) > inner)
    alpha = mask.astype(np.float32)
    if unknown.any() and min(mask.shape) >= 3:
        alpha[unknown] = np.clip(solved(colours, mask, unknown), 0, 1)
    return alpha


def solved(colours: NDArray[np.float32], mask: NDArray[np.bool_], unknown: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return alpha of the unknown pixels, row by row, that is smooth where colours lie on a line.

    Source: Levin, Lischinski, Weiss: A Closed-Form Solution to Natural Image Matting, 2008; with the mask, blurred by a
    pixel, as a weak prior.
    """
    from scipy import sparse
    from scipy.sparse.linalg import cg

    rows, columns, weights = matting_laplacian(colours, unknown)
    count = int(unknown.sum())
    number = np.full(unknown.size, -1)
    number[unknown.ravel()] = np.arange(count)
    within = unknown.ravel()[columns]
    matrix = sparse.csr_matrix(
        (weights[within], (number[rows[within]], number[columns[within]])), shape=(count, count)
    ) + TRUST * sparse.identity(count)
    pull = -weights[~within] * mask.ravel()[columns[~within]]
    prior = softened(mask)[unknown].astype(np.float64)
    target = np.bincount(number[rows[~within]], pull, minlength=count) + TRUST * prior
    scaling = sparse.diags(1 / matrix.diagonal())
    alpha, _ = cg(matrix, target, x0=prior, rtol=PRECISION, maxiter=STEPS, M=scaling)
    return np.asarray(alpha, np.float64)


def softened(mask: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Return a mask with an edge as soft as drawings have it, in which strands that a pixel's blur would fade stay."""
    import cv2

    solid = mask.astype(np.float32)
    cross = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (3, 3))
    strands = solid - cv2.morphologyEx(solid, cv2.MORPH_OPEN, cross, borderType=cv2.BORDER_REPLICATE)
    return np.asarray(np.maximum(cv2.GaussianBlur(solid, (0, 0), 1.0), strands), np.float32)


def matting_laplacian(
    colours: NDArray[np.float32], unknown: NDArray[np.bool_]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """Return the entries of the matting Laplacian in the rows of unknown pixels: row, column, weight.

    Pixels are numbered row by row. Only windows of 3 x 3 px with an unknown pixel count, whole ones.
    """
    import cv2

    width = unknown.shape[1]
    touched = cv2.dilate(unknown.astype(np.uint8), np.ones((3, 3), np.uint8))[1:-1, 1:-1]
    down, across = np.nonzero(touched)
    steps = np.add.outer(np.arange(3) * width, np.arange(3)).ravel()
    windows = (down * width + across)[:, None] + steps  # (K, 9), from the upper left pixel of each
    seen = colours.reshape(-1, 3)[windows].astype(np.float64)
    centred = seen - seen.mean(axis=1, keepdims=True)
    spread = centred.transpose(0, 2, 1) @ centred / 9 + np.eye(3) * EPSILON / 9
    alike = (1 + centred @ np.linalg.inv(spread) @ centred.transpose(0, 2, 1)) / 9
    weights = (np.eye(9) - alike).ravel()
    rows, columns = np.repeat(windows, 9, axis=1).ravel(), np.tile(windows, (1, 9)).ravel()
    open_rows = unknown.ravel()[rows]
    return rows[open_rows], columns[open_rows], weights[open_rows]


def edge_colours(colours: NDArray[np.float32], alpha: NDArray[np.float32], reaches: list[int]) -> NDArray[np.float32]:
    """Return the colours of the figure, (H, W, 3) from 0 to 1: where it is transparent, without what lies behind it.

    Source: Forte and Pitié: Approximate Fast Foreground Colour Estimation, 2021.
    """
    import cv2

    share = alpha[..., None]
    own: NDArray[Any] = colours
    behind: NDArray[Any] = colours
    for reach in reaches:
        figure, ground = cv2.blur(alpha, (reach, reach))[..., None], cv2.blur(1 - alpha, (reach, reach))[..., None]
        mean = cv2.blur(own * share, (reach, reach)) / np.maximum(figure, 1e-6)
        behind = cv2.blur(behind * (1 - share), (reach, reach)) / np.maximum(ground, 1e-6)
        own = np.clip(mean + share * (colours - share * mean - (1 - share) * behind), 0, 1)
    return np.asarray(own, np.float32)
