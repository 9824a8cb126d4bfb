"""From pixels to image files."""

from pathlib import Path

import numpy as np
import pytest

from framekit.pixels.decode import read_pixels
from framekit.pixels.encode import encode_frame, encode_png

SIZES = [(1, 1), (1, 7), (7, 1), (7, 11), (90, 160), (501, 700), (3, 90_000)]


@pytest.mark.parametrize("size", SIZES)
def test_png_keeps_every_pixel_and_the_order_of_colours(tmp_path: Path, size: tuple[int, int]) -> None:
    pixels = np.random.default_rng(3).integers(0, 256, (*size, 3), np.uint8)
    (tmp_path / "x.png").write_bytes(encode_png(pixels))
    assert np.array_equal(read_pixels(tmp_path / "x.png"), pixels)


def test_png_of_pixels_that_are_not_contiguous_is_right(tmp_path: Path) -> None:
    pixels = np.random.default_rng(4).integers(0, 256, (8, 10, 3), np.uint8)[::2, ::-1]
    (tmp_path / "x.png").write_bytes(encode_png(pixels))
    assert np.array_equal(read_pixels(tmp_path / "x.png"), pixels)


def test_opencv_and_pillow_read_the_same(tmp_path: Path) -> None:
    import cv2

    pixels = np.random.default_rng(5).integers(0, 256, (9, 5, 3), np.uint8)
    read = cv2.imdecode(np.frombuffer(encode_png(pixels), np.uint8), cv2.IMREAD_COLOR)
    assert read is not None
    assert np.array_equal(cv2.cvtColor(read, cv2.COLOR_BGR2RGB), pixels)


def test_a_flat_frame_makes_a_small_file() -> None:
    assert len(encode_png(np.full((720, 1280, 3), 77, np.uint8))) < 30_000


@pytest.mark.parametrize("suffix", [".jpg", ".webp"])
def test_quality_decides_on_size_and_colours_keep_their_order(tmp_path: Path, suffix: str) -> None:
    pixels = np.zeros((64, 64, 3), np.uint8)
    pixels[:, :32] = (200, 30, 60)
    pixels[::3] += np.random.default_rng(6).integers(0, 40, (22, 64, 3), np.uint8)
    small, large = encode_frame(pixels, suffix, 10), encode_frame(pixels, suffix, 95)
    assert len(small) < len(large)
    (tmp_path / f"x{suffix}").write_bytes(large)
    assert np.abs(read_pixels(tmp_path / f"x{suffix}")[1, 10].astype(int) - (200, 30, 60)).max() <= 25
