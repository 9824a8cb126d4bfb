"""Paths, Pillow images and arrays as pixels."""

import doctest
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from framekit.errors import UnreadableFrame
from framekit.pixels import as_pixels, decode, read_pixels
from tests.conftest import RED, WHITE, patchwork, plain


def test_pixels_stay_as_they_are_and_paths_are_read(tmp_path: Path) -> None:
    pixels = patchwork(1)
    Image.fromarray(pixels).save(tmp_path / "x.png")
    assert as_pixels(pixels) is pixels
    assert np.array_equal(as_pixels(str(tmp_path / "x.png")), pixels)
    assert np.array_equal(as_pixels(tmp_path / "x.png"), read_pixels(tmp_path / "x.png"))


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        (Image.new("RGB", (4, 2), RED), plain(RED, 4, 2)),
        (Image.new("RGBA", (4, 2), (*RED, 0)), plain(WHITE, 4, 2)),
        (Image.new("L", (4, 2), 7), plain((7, 7, 7), 4, 2)),
        (Image.new("I;16", (4, 2), 257), plain((1, 1, 1), 4, 2)),
    ],
    ids=["RGB", "RGBA", "L", "I;16"],
)
def test_pillow_images_of_any_mode(image: Image.Image, expected: decode.Pixels) -> None:
    assert np.array_equal(as_pixels(image), expected)


def test_a_rotated_image_is_turned_and_stays_as_it_was() -> None:
    image = Image.new("RGB", (4, 2), RED)
    image.getexif()[decode.ORIENTATION] = 6
    assert as_pixels(image).shape == (4, 2, 3)
    assert image.size == (4, 2)


@pytest.mark.parametrize("image", [np.zeros((4, 4), np.uint8), np.zeros((4, 4, 3)), np.zeros((0, 4, 3), np.uint8), 3])
def test_anything_else_is_a_value_error(image: object) -> None:
    with pytest.raises(ValueError, match=r"uint8 RGB|not a int"):
        as_pixels(image)  # type: ignore[arg-type]


def test_a_damaged_file_is_unreadable(tmp_path: Path) -> None:
    Image.fromarray(patchwork(1)).save(tmp_path / "x.jpg")
    (tmp_path / "x.jpg").write_bytes((tmp_path / "x.jpg").read_bytes()[:-600])
    with pytest.raises(UnreadableFrame):
        as_pixels(tmp_path / "x.jpg")
    with pytest.raises(UnreadableFrame):
        as_pixels(Image.open(tmp_path / "x.jpg"))


def test_the_example_runs() -> None:
    assert doctest.testmod(decode) == doctest.TestResults(failed=0, attempted=3)
