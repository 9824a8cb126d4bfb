"""Tags that are measured: for each of them a drawing in which it holds and one in which it doesn't."""

import numpy as np
import pytest

from framekit.boxes import Face
from framekit.pixels.decode import Pixels
from framekit.tags.measured import (
    bars,
    face_tags,
    hair_colour,
    is_one_hue,
    light_tags,
    measured_tags,
    people_tags,
    region,
)
from tests.conftest import BLACK, WHITE, patchwork, plain
from tests.helpers_dataset import MIDDLE, Box

SKIN = (255, 224, 200)

BROWN_HAIR, BLUE_EYES = (110, 70, 40), (40, 90, 210)

WALL = (120, 150, 160)

COLOURS = {
    "black": (30, 25, 35),
    "brown": (110, 70, 40),
    "white": (235, 235, 240),
    "grey": (140, 140, 145),
    "red": (200, 30, 30),
    "orange": (230, 110, 30),
    "blonde": (240, 210, 110),
    "green": (60, 160, 70),
    "aqua": (70, 200, 210),
    "blue": (50, 80, 200),
    "purple": (120, 60, 170),
    "pink": (240, 130, 190),
}

EYE_COLOURS = {
    "brown": (120, 70, 30),
    "red": (210, 20, 40),
    "orange": (230, 110, 10),
    "yellow": (230, 200, 20),
    "green": (40, 160, 60),
    "aqua": (30, 190, 200),
    "blue": (40, 90, 210),
    "purple": (120, 40, 180),
    "pink": (240, 60, 160),
}

Colour = tuple[int, int, int]


def face(box: Box = MIDDLE) -> Face:
    return Face(box, 0.9)


def fill(pixels: Pixels, box: Box, colour: Colour) -> None:
    """Paint a box, given as fractions, of the pixels."""
    height, width = pixels.shape[:2]
    left, right = round(box[0] * width), round(box[2] * width)
    pixels[round(box[1] * height) : round(box[3] * height), left:right] = colour


def portrait(hair: Colour = BROWN_HAIR, eyes: Colour | None = BLUE_EYES, ground: Colour = WALL) -> Pixels:
    """Draw a head whose face box is MIDDLE: skin, hair down to a tenth of the face, and two eyes."""
    pixels = plain(ground, 200, 200)
    fill(pixels, MIDDLE, SKIN)
    fill(pixels, (0.2, 0.1, 0.8, 0.3), hair)
    for left in (0.33, 0.57) if eyes else ():
        fill(pixels, (left, 0.45, left + 0.1, 0.53), eyes or SKIN)
    return pixels


@pytest.mark.parametrize(("number", "tag"), [(1, "solo"), (2, "multiple_people"), (3, "multiple_people")])
def test_the_number_of_faces(number: int, tag: str) -> None:
    assert people_tags([face((0.1 * n, 0, 0.1 * n + 0.1, 0.2)) for n in range(number)], others=False)[0] == tag


def test_without_a_face_there_is_nobody_unless_somebody_else_was_seen() -> None:
    assert measured_tags(plain(WALL), []) == ["no_humans"]
    assert measured_tags(plain(WALL), [], others=True) == []


@pytest.mark.parametrize(
    ("height", "tag"),
    [
        (1.0, "close-up"),
        (0.5, "close-up"),
        (0.49, "portrait"),
        (0.3, "portrait"),
        (0.29, "upper_body"),
        (0.12, "upper_body"),
        (0.11, "wide_shot"),
        (0.01, "wide_shot"),
    ],
)
def test_the_height_of_the_face_is_the_shot_size(height: float, tag: str) -> None:
    assert people_tags([face((0.0, 0.0, 0.1, height))], others=False)[1] == tag


def test_the_tallest_face_decides_on_the_shot_size() -> None:
    assert people_tags([face((0.0, 0.0, 0.1, 0.1)), face((0.5, 0.0, 0.6, 0.4))], others=False)[1] == "portrait"


@pytest.mark.parametrize("name", COLOURS)
def test_each_colour_of_hair_and_no_other(name: str) -> None:
    hair = [tag for tag in face_tags(portrait(COLOURS[name], eyes=None), face()) if tag.endswith("_hair")]
    assert hair == [f"{name}_hair"]


@pytest.mark.parametrize("name", EYE_COLOURS)
def test_each_colour_of_eyes_and_no_other(name: str) -> None:
    eyes = [tag for tag in face_tags(portrait(COLOURS["black"], EYE_COLOURS[name]), face()) if tag.endswith("_eyes")]
    assert eyes == [f"{name}_eyes"]


@pytest.mark.parametrize("eyes", [None, (40, 40, 40), (250, 250, 250)], ids=["closed", "dark", "white"])
def test_eyes_without_colour_have_no_tag(eyes: Colour | None) -> None:
    assert face_tags(portrait(eyes=eyes), face()) == ["brown_hair"]


@pytest.mark.parametrize("light", [(0.4, 0.48, 0.78), (1.0, 0.7, 0.45)], ids=["night", "sunset"])
def test_light_that_tints_the_skin_leaves_eyes_without_a_tag(light: tuple[float, float, float]) -> None:
    tinted = (portrait() * np.array(light)).astype(np.uint8)
    assert not [tag for tag in face_tags(tinted, face()) if tag.endswith("_eyes")]


def test_eyes_that_do_not_agree_have_no_tag() -> None:
    pixels = portrait(eyes=(40, 160, 60))
    fill(pixels, (0.57, 0.45, 0.67, 0.53), (240, 60, 160))
    assert face_tags(pixels, face()) == ["brown_hair"]


def test_a_lock_of_another_colour_beside_the_eyes_does_not_colour_them() -> None:
    pixels = portrait(COLOURS["orange"])
    fill(pixels, (0.25, 0.3, 0.3, 0.75), COLOURS["pink"])
    fill(pixels, (0.7, 0.3, 0.75, 0.75), COLOURS["pink"])
    assert face_tags(pixels, face()) == ["orange_hair", "blue_eyes"]


def test_a_blush_is_no_eye() -> None:
    pixels = portrait(eyes=None)
    fill(pixels, (0.3, 0.53, 0.45, 0.57), (250, 120, 150))
    assert face_tags(pixels, face()) == ["brown_hair"]


def test_hair_that_hangs_over_the_eyes_does_not_colour_them() -> None:
    pixels = portrait(COLOURS["purple"], eyes=None)
    fill(pixels, (0.30, 0.3, 0.34, 0.55), COLOURS["purple"])
    assert face_tags(pixels, face()) == ["purple_hair"]


def test_a_face_at_the_upper_edge_shows_no_fringe() -> None:
    touching = (0.25, 0.0, 0.75, 0.01)
    assert region(plain(WALL, 40, 40), face(touching), (0.0, -9.0, 1.0, -1.0)).size == 0
    assert hair_colour(np.zeros((0, 3), np.uint8)) is None
    assert measured_tags(plain(WALL, 40, 40), [face(touching)])[:2] == ["solo", "wide_shot"]


def test_each_face_has_its_colours_and_none_is_said_twice() -> None:
    left, right = portrait(COLOURS["orange"]), portrait(COLOURS["pink"])
    boxes = [face((0.125, 0.25, 0.375, 0.75)), face((0.625, 0.25, 0.875, 0.75))]
    tags = measured_tags(np.hstack([left, right]), boxes)
    assert tags == ["multiple_people", "close-up", "orange_hair", "blue_eyes", "pink_hair"]


def test_a_large_frame_has_the_tags_of_a_small_one() -> None:
    small = portrait(COLOURS["green"])
    large = small.repeat(8, axis=0).repeat(8, axis=1)
    assert (
        measured_tags(large, [face()])
        == measured_tags(small, [face()])
        == [
            "solo",
            "close-up",
            "green_hair",
            "blue_eyes",
        ]
    )


def said(pixels: Pixels, *names: str) -> list[str]:
    """Return those of these tags that hold."""
    return [tag for tag in light_tags(pixels) if tag in names]


@pytest.mark.parametrize("word", ["red", "green", "blue", "purple", "pink", "aqua", "orange", "blonde"])
def test_the_colour_of_more_than_half_of_the_picture_is_its_theme(word: str) -> None:
    pixels = plain(WHITE, 40, 40)
    theme = [f"{'yellow' if word == 'blonde' else word}_theme"]
    pixels[:21] = COLOURS[word]
    assert [tag for tag in light_tags(pixels) if tag.endswith("_theme")] == theme
    pixels[20:] = 255
    assert [tag for tag in light_tags(pixels) if tag.endswith("_theme")] == []


def test_red_has_hues_at_both_ends() -> None:
    pixels = plain(WHITE, 40, 40)
    pixels[:12], pixels[12:24] = (220, 20, 30), (220, 30, 20)
    assert "red_theme" in light_tags(pixels)


def test_monochrome_has_one_hue_or_none() -> None:
    pixels = plain((40, 60, 160), 40, 40)
    pixels[:20] = (90, 120, 230)
    assert "monochrome" in light_tags(pixels)
    assert said(plain((128, 128, 128)), "monochrome", "greyscale") == ["greyscale", "monochrome"]
    pixels[:2] = (220, 40, 30)  # a twentieth in another hue
    assert "monochrome" not in light_tags(pixels)


def test_one_hue_may_lie_around_red() -> None:
    assert is_one_hue(np.array([355.0, 2.0, 8.0, 350.0] * 10, np.float32))
    assert not is_one_hue(np.array([355.0, 200.0], np.float32))
    assert not is_one_hue(np.zeros(0, np.float32))


def test_blurry_has_no_edges_though_there_is_something_to_see() -> None:
    import cv2

    sharp = patchwork(1, 640, 360)
    blurred = np.asarray(cv2.GaussianBlur(sharp, (0, 0), 12), np.uint8)
    assert "blurry" not in light_tags(sharp)
    assert "blurry" in light_tags(blurred)
    assert "blurry" not in light_tags(plain(WALL, 640, 360))


@pytest.mark.parametrize(
    ("colour", "tags"),
    [
        (WALL, []),
        ((10, 20, 90), ["dark"]),
        ((60, 50, 70), []),
        ((255, 240, 200), ["bright"]),
        ((200, 190, 205), []),
        ((128, 128, 128), ["greyscale"]),
        ((128, 131, 128), ["greyscale"]),
        ((128, 132, 128), []),
        (BLACK, ["greyscale", "dark"]),
        (WHITE, ["greyscale", "bright"]),
    ],
)
def test_light_and_lack_of_colour(colour: Colour, tags: list[str]) -> None:
    assert said(plain(colour, 40, 40), "greyscale", "dark", "bright", "letterboxed") == tags


def letterboxed(top: int, bottom: int, colour: Colour = WALL, bar: Colour = BLACK) -> Pixels:
    """Draw a frame of 100 rows with bars of so many rows."""
    pixels = plain(colour, 40, 100)
    pixels[:top] = bar
    pixels[100 - bottom :] = bar
    return pixels


@pytest.mark.parametrize(
    ("top", "bottom", "tags"),
    [(12, 12, ["letterboxed"]), (3, 3, ["letterboxed"]), (2, 12, []), (12, 2, []), (12, 0, []), (0, 12, [])],
)
def test_bars_above_and_below(top: int, bottom: int, tags: list[str]) -> None:
    assert bars(letterboxed(top, bottom)) == (top, bottom)
    assert said(letterboxed(top, bottom), "letterboxed", "dark", "bright") == tags


def test_bars_are_not_black_to_the_bit() -> None:
    assert bars(letterboxed(12, 10, bar=(24, 20, 22))) == (12, 10)
    assert bars(letterboxed(12, 10, bar=(25, 20, 22))) == (0, 0)


def test_bars_do_not_count_as_dark() -> None:
    assert said(letterboxed(40, 40, (255, 240, 200)), "letterboxed", "dark", "bright") == ["letterboxed", "bright"]


def test_a_black_frame_is_no_letterbox() -> None:
    assert bars(plain(BLACK)) == (0, 0)
