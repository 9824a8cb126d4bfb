"""What is measured of frames, and which of them are of low quality."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from framekit.dedup.quality import OFF, Limits, faded, flaw, has_subtitles, merit
from framekit.pixels.decode import Pixels
from framekit.pixels.measure import Measures, measure
from tests.conftest import BLACK, RED, WHITE, patchwork, plain
from tests.dedup.helpers import GOOD, unit


def with_subtitle(pixels: Pixels) -> Pixels:
    """Return a copy with two rows of bright letters with a dark outline where subtitles stand."""
    height, width = pixels.shape[:2]
    text: Pixels = pixels.copy()
    for row in (0.78, 0.88):
        top = round(row * height)
        for left in range(width // 4, 3 * width // 4, width // 40):
            text[top - 2 : top + height // 20 + 2, left - 2 : left + width // 80 + 2] = 0
            text[top : top + height // 20, left : left + width // 80] = 255
    return text


def test_a_plain_frame_has_neither_sharpness_nor_contrast() -> None:
    assert measure(plain((90, 90, 90), 640, 360)) == Measures(0.0, 0.0, 0.0, 90.0, 90.0, 0.0, 360.0)


def test_half_black_half_white() -> None:
    pixels = plain(BLACK, 640, 360)
    pixels[:, 320:] = 255
    measures = measure(pixels)
    assert (measures.contrast, measures.dark, measures.bright) == (127.5, 0, 255)


@pytest.mark.parametrize("size", [(320, 180), (1280, 720), (1920, 1080), (360, 640)])
def test_measures_hardly_depend_on_the_size(size: tuple[int, int]) -> None:
    measures, other = measure(patchwork(1, *size)), measure(patchwork(1, 640, 360))
    assert measures.contrast == pytest.approx(other.contrast, rel=0.1)
    assert measures.side == min(size)


def test_a_blurred_frame_is_less_sharp() -> None:
    import cv2

    pixels = patchwork(1, 640, 360)
    blurred = np.asarray(cv2.GaussianBlur(pixels, (0, 0), 8), np.uint8)
    assert measure(blurred).sharpness < Limits().min_sharpness < measure(pixels).sharpness


def test_subtitles_are_seen_and_change_nothing_above_them() -> None:
    pixels = (patchwork(1, 1280, 720) * 0.6).astype(np.uint8)
    clean, text = measure(pixels), measure(with_subtitle(pixels))
    assert clean.subtitle == 0
    assert text.subtitle > 0.01
    assert (clean.sharpness, clean.upper_contrast) == (text.sharpness, text.upper_contrast)
    assert merit(clean) > merit(text)


@pytest.mark.parametrize("size", [(1, 1), (2, 1), (1, 500), (12000, 40)])
def test_odd_sizes_are_measured(size: tuple[int, int]) -> None:
    measures = measure(plain(RED, *size))
    assert measures.side == min(size)
    assert measures.contrast == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize(
    ("changed", "found"),
    [
        ({}, None),
        ({"sharpness": 14.0}, ("blurred", "sharpness 14 < 15")),
        ({"contrast": 5.0}, ("flat", "contrast 5 < 6")),
        ({"bright": 39.0}, ("dark", "brightest percent 39 < 40")),
        ({"dark": 216.0}, ("bright", "darkest percent 216 > 215")),
        ({"side": 719.0}, ("small", "shorter side 719 < 720")),
        ({"sharpness": 15.0, "contrast": 6.0, "bright": 40.0, "dark": 215.0}, None),
    ],
)
def test_each_limit_has_a_reason(changed: dict[str, float], found: tuple[str, str] | None) -> None:
    assert flaw(replace(GOOD, **changed), Limits(min_size=720)) == found


def test_off_means_that_every_frame_is_good_enough() -> None:
    assert flaw(Measures(0, 0, 0, 255, 0, 1, 1), OFF) is None


@pytest.mark.parametrize("colour", [BLACK, WHITE, RED])
def test_one_colour_is_flat(colour: tuple[int, int, int]) -> None:
    found = flaw(measure(plain(colour, 320, 180)), Limits())
    assert found
    assert found[0] == "flat"


def test_a_night_scene_is_no_dark_frame() -> None:
    assert flaw(measure((patchwork(1, 1280, 720) * 0.3).astype(np.uint8)), Limits()) is None


def fades(*contrasts: float, degrees: float = 1.0, numbers: Sequence[int | None] | None = None) -> list[int]:
    measures = [replace(GOOD, upper_contrast=one) for one in contrasts]
    vectors = unit(*(degrees * place for place in range(len(contrasts))))
    return sorted(faded(measures, vectors, numbers or list(range(1, len(contrasts) + 1)), 0.7))


def test_frames_with_much_less_contrast_than_the_same_picture_nearby_are_in_a_fade() -> None:
    assert fades(50, 49, 36, 34, 10) == [3, 4]


def test_another_picture_nearby_does_not_count() -> None:
    assert fades(50, 20, degrees=60) == []


def test_far_away_does_not_count() -> None:
    assert fades(50, 20, numbers=[1, 9]) == [1]
    assert fades(50, 20, numbers=[1, 10]) == []


def test_frames_without_a_number_are_not_judged() -> None:
    assert fades(50, 20, numbers=[1, None]) == []


def test_a_dark_scene_beside_its_subtitled_sibling_is_no_fade() -> None:
    night = (patchwork(1, 1280, 720) * 0.15).astype(np.uint8)
    measures = [measure(with_subtitle(night)), measure(night)]
    assert measures[1].contrast < 0.7 * measures[0].contrast  # what the subtitle does to the whole frame
    assert faded(measures, unit(0, 1), [1, 2], 0.7) == {}


def with_line(pixels: Pixels, words: str) -> Pixels:
    """Return a copy with a line of subtitles."""
    height, width = pixels.shape[:2]
    image = Image.fromarray(pixels)
    letters, stroke = ImageFont.load_default(size=height * 0.055), max(1, height // 250)
    place = (width / 2, height * 0.93)
    ImageDraw.Draw(image).text(place, words, WHITE, letters, "ms", stroke_width=stroke, stroke_fill=BLACK)
    return np.asarray(image)


@pytest.mark.parametrize("size", [(640, 480), (1280, 720), (1920, 1080)])
def test_lines_of_subtitles_are_told_from_patches(size: tuple[int, int]) -> None:
    for seed in range(5):
        drawing = patchwork(seed, *size)
        assert has_subtitles(measure(with_line(drawing, "I told you not to come here alone.")))
        assert not has_subtitles(measure(drawing))
        assert not has_subtitles(measure(with_line(drawing, "Oh!")))
