"""Figures cut out: alpha of soft edges, and colours through which no background shines."""

import numpy as np
import pytest
from numpy.typing import NDArray

from framekit.layers.matting import cut_out
from framekit.pixels.decode import Pixels
from tests.conftest import GREEN, RED, plain

SIZE, MIDDLE, RADIUS = 120, 60, 30


def disc(soft: float = 1.0) -> NDArray[np.float64]:
    """Return alpha of a disc whose edge is `soft` px wide."""
    y, x = np.mgrid[:SIZE, :SIZE]
    return np.asarray(np.clip((RADIUS - np.hypot(x - MIDDLE, y - MIDDLE)) / soft + 0.5, 0, 1), np.float64)


def over(colour: tuple[int, int, int], ground: tuple[int, int, int], alpha: NDArray[np.float64]) -> Pixels:
    mixed = alpha[..., None] * np.array(colour) + (1 - alpha[..., None]) * np.array(ground)
    return np.asarray(np.rint(mixed), np.uint8)


def whole(pixels: Pixels, mask: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Return the cut-out as it lies in the frame."""
    found = cut_out(pixels, mask)
    left, top, right, bottom = found.place
    canvas = np.zeros((*mask.shape, 4), np.uint8)
    canvas[top:bottom, left:right] = found.rgba
    return canvas


# an edge of two pixels is wider than the band: a quarter of the background stays in its inner pixel
@pytest.mark.parametrize(("soft", "least", "most"), [(1.0, 215, 40), (1.5, 205, 50), (2.0, 188, 67)])
def test_a_red_disc_with_a_soft_edge_on_green_is_red_and_soft(soft: float, least: int, most: int) -> None:
    alpha = disc(soft)
    rgba = whole(over(RED, GREEN, alpha), alpha > 0.5)
    assert np.abs(rgba[..., 3] / 255 - alpha).mean() < np.abs((alpha > 0.5) - alpha).mean() / 2
    seen = rgba[rgba[..., 3] > 12]
    assert seen[:, 0].min() > least
    assert seen[:, 1].max() < most
    assert rgba[MIDDLE, MIDDLE].tolist() == [255, 0, 0, 255]
    assert rgba[0, 0].tolist() == [0, 0, 0, 0]


def test_the_place_is_that_of_what_is_seen() -> None:
    alpha = disc()
    found = cut_out(over(RED, GREEN, alpha), alpha > 0.5)
    assert found.rgba.shape[:2] == (found.place[3] - found.place[1], found.place[2] - found.place[0])
    assert all(
        abs(edge - (MIDDLE + sign * RADIUS)) <= 2 for edge, sign in zip(found.place, (-1, -1, 1, 1), strict=True)
    )
    assert found.rgba[..., 3].any(axis=0).all()
    assert found.rgba[..., 3].any(axis=1).all()


def test_a_mask_that_is_off_by_a_pixel_is_pulled_to_the_edge() -> None:
    alpha = disc()
    shifted = np.roll(alpha > 0.5, 1, axis=1)
    found = whole(over(RED, GREEN, alpha), shifted)[..., 3] / 255
    assert np.abs(found - alpha).mean() < 0.7 * np.abs(shifted - alpha).mean()


def test_a_strand_of_hair_of_one_pixel_stays() -> None:
    alpha = np.zeros((SIZE, SIZE))
    alpha[40:80, 40:80] = 1
    alpha[10:40, 60] = 1
    rgba = whole(over(RED, GREEN, alpha), alpha > 0.5)
    assert rgba[12:38, 60, 3].min() > 200
    assert rgba[12:38, 60, 0].min() > 200
    assert rgba[12:38, [55, 65], 3].max() == 0


def test_a_figure_that_the_frame_cuts_is_whole_up_to_its_edge() -> None:
    mask = np.zeros((60, 80), bool)
    mask[20:, :40] = True
    rgba = whole(over(RED, GREEN, mask.astype(float)), mask)
    assert (rgba[22:, :38, 3] == 255).all()
    assert rgba[22:, 0].tolist() == [[255, 0, 0, 255]] * 38
    assert rgba[-1, :38].tolist() == [[255, 0, 0, 255]] * 38


def test_a_mask_of_the_whole_frame_is_the_frame() -> None:
    pixels = plain(RED, 16, 9)
    found = cut_out(pixels, np.ones((9, 16), bool))
    assert found.place == (0, 0, 16, 9)
    assert np.array_equal(found.rgba[..., :3], pixels)
    assert (found.rgba[..., 3] == 255).all()


@pytest.mark.parametrize(("height", "width"), [(1, 1), (1, 9), (2, 2), (9, 2)])
def test_frames_of_a_few_pixels(height: int, width: int) -> None:
    mask = np.zeros((height, width), bool)
    mask[0, 0] = True
    found = cut_out(plain(RED, width, height), mask)
    assert found.rgba[0, 0, :3].tolist() == [255, 0, 0]
    assert found.rgba[0, 0, 3] > 100


@pytest.mark.parametrize("mask", [np.zeros((9, 16), bool), np.ones((16, 9), bool)])
def test_an_empty_mask_and_one_of_another_frame_are_refused(mask: NDArray[np.bool_]) -> None:
    with pytest.raises(ValueError, match="does not fit"):
        cut_out(plain(RED, 16, 9), mask)


def test_what_lies_far_from_the_edge_changes_nothing() -> None:
    alpha = disc()
    pixels = over(RED, GREEN, alpha)
    other = pixels.copy()
    other[:10] = (0, 0, 255)
    assert np.array_equal(whole(pixels, alpha > 0.5), whole(other, alpha > 0.5))
