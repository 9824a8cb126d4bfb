"""Invented parts of backgrounds."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from onnx import helper

from framekit.errors import UsageError
from framekit.layers.inpaint import apart, load_fill, texture
from tests.conftest import patchwork
from tests.helpers_dataset import save_model
from tests.helpers_segmenters import save_fill

HEIGHT, WIDTH = 135, 240


def holed(top: int = 50, bottom: int = 90, left: int = 100, right: int = 140) -> NDArray[np.bool_]:
    """Return a mask with one hole."""
    holes = np.zeros((HEIGHT, WIDTH), bool)
    holes[top:bottom, left:right] = True
    return holes


def stripes() -> NDArray[np.uint8]:
    """Return upright stripes of 8 px, light and dark, over a floor."""
    columns = np.arange(WIDTH) // 8 % 2 * 160 + 40
    pixels = np.repeat(np.tile(columns, (HEIGHT, 1))[..., None], 3, axis=2).astype(np.uint8)
    pixels[110:] = (90, 60, 40)
    return pixels


def test_stripes_go_on_through_a_hole() -> None:
    right, holes = stripes(), holed()
    pixels = np.where(holes[..., None], 0, right).astype(np.uint8)
    filled = texture(pixels, holes)
    assert np.array_equal(filled[~holes], right[~holes])
    off = np.abs(filled[holes].astype(int) - right[holes])
    assert off.mean() < 12  # a smear is off by 80
    assert (off > 60).mean() < 0.08


def test_what_was_in_a_hole_does_not_matter_and_the_result_is_always_the_same() -> None:
    pixels, holes = patchwork(1, WIDTH, HEIGHT), holed()
    other = np.where(holes[..., None], 255 - pixels, pixels).astype(np.uint8)
    assert np.array_equal(texture(pixels, holes), texture(other, holes))


def test_nothing_and_everything_to_fill() -> None:
    pixels = patchwork(1, WIDTH, HEIGHT)
    for holes in (np.zeros((HEIGHT, WIDTH), bool), np.ones((HEIGHT, WIDTH), bool)):
        filled = texture(pixels, holes)
        assert np.array_equal(filled, pixels)
        assert filled is not pixels


def test_the_middle_of_a_large_hole_is_filled() -> None:
    pixels, holes = np.full((270, 480, 3), 120, np.uint8), np.zeros((270, 480), bool)
    pixels[::8, ::8] = 180
    holes[40:, 140:360] = True
    filled = texture(np.where(holes[..., None], 0, pixels).astype(np.uint8), holes)
    assert filled[holes].min() > 100


def test_a_hole_that_vanishes_in_small_pictures_is_filled() -> None:
    pixels, holes = np.full((720, 1280, 3), 120, np.uint8), np.zeros((720, 1280), bool)
    pixels[300:302, 500:502], holes[300:302, 500:502] = 255, True
    assert np.abs(texture(pixels, holes).astype(int) - 120).max() <= 1


@pytest.mark.parametrize("shape", [(16, 16), (20, 400), (300, 24), (7, 9), (1, 1)])
def test_small_and_narrow_pictures_are_filled(shape: tuple[int, int]) -> None:
    pixels, holes = np.full((*shape, 3), 120, np.uint8), np.zeros(shape, bool)
    holes[: shape[0] // 2 + 1, : shape[1] // 3 + 1] = True
    pixels[holes] = 0
    filled = texture(pixels, holes)
    assert filled.shape == pixels.shape
    if not holes.all():
        assert np.abs(filled.astype(int) - 120).max() <= 3


def test_a_line_too_thin_for_a_level_is_filled_beside_a_large_hole() -> None:
    pixels = np.full((540, 960, 3), 120, np.uint8)
    holes = np.zeros((540, 960), bool)
    holes[200:300, 300:400] = holes[:, 800] = True
    pixels[holes] = 0
    assert np.abs(texture(pixels, holes).astype(int) - 120).max() <= 1


def test_holes_near_to_each_other_are_one() -> None:
    holes = holed(10, 20, 10, 20) | holed(10, 20, 22, 30) | holed(100, 130, 150, 200)
    assert [int(one.sum()) for one in apart(holes)] == [180, 1500]


@pytest.mark.parametrize("unit", [1.0, 255.0], ids=["0 to 1", "0 to 255"])
def test_a_model_paints_holes_alone(tmp_path: Path, unit: float) -> None:
    fill = load_fill(str(save_fill(tmp_path / "fill.onnx", unit)), "cpu")
    pixels, holes = patchwork(3, WIDTH, HEIGHT), holed() | holed(5, 15, 5, 25)
    filled = fill(np.where(holes[..., None], 0, pixels).astype(np.uint8), holes)
    assert np.array_equal(filled[~holes], pixels[~holes])
    assert np.abs(filled[holes].astype(int) - 128)[np.newaxis].mean() < 12
    assert np.abs(filled[60:80, 110:130].astype(int) - 128).max() <= 1


def test_a_model_of_another_layout_is_refused(tmp_path: Path) -> None:
    path = save_model(tmp_path / "other.onnx", [1, 3, 8, 8], [helper.make_node("Identity", ["input"], ["output"])])
    with pytest.raises(UsageError, match=r"other\.onnx fills no holes: its inputs must be an image"):
        load_fill(str(path), "cpu")


def test_an_unknown_name_says_what_there_is() -> None:
    with pytest.raises(UsageError, match="there is no model lamma; did you mean lama"):
        load_fill("lamma", "cpu")


@pytest.mark.parametrize("shape", [(6, 900), (900, 6), (1, 1), (1, 300)])
def test_a_narrow_picture_is_filled_at_once(shape: tuple[int, int]) -> None:
    holes = np.zeros(shape, bool)
    holes[:, shape[1] // 3 : shape[1] // 2] = True
    filled = texture(np.full((*shape, 3), 90, np.uint8), holes)
    assert (filled == 90).all()
