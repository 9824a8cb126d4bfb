"""Where one frame lies in another."""

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from framekit.pixels.decode import Pixels
from framekit.pixels.register import Looked, Place, looked, place_of, register
from tests.helpers_plates import painting

HEIGHT, WIDTH = 180, 320


def moved(x: float, y: float, zoom: float = 1.0, turn: float = 0.0) -> Place:
    """Return the place from a frame to the painting: its upper left corner, pixels a pixel, degrees."""
    angle = np.radians(turn)
    cosine, sine = zoom * np.cos(angle), zoom * np.sin(angle)
    return np.array([[cosine, -sine, x], [sine, cosine, y], [0, 0, 1]])


def view(place: Place, scene: NDArray[np.float32] | None = None) -> Pixels:
    """Return what a frame at this place shows of the painting."""
    shown = cv2.warpPerspective(
        painting() if scene is None else scene, place, (WIDTH, HEIGHT), flags=cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
    )
    return np.clip(np.round(shown), 0, 255).astype(np.uint8)


def seen(pixels: Pixels, hidden: tuple[int, int, int, int] = (0, 0, 0, 0)) -> Looked:
    """Return a frame as it is registered, whose rows and columns from … to are hidden."""
    mask = np.zeros(pixels.shape[:2], bool)
    mask[hidden[0] : hidden[1], hidden[2] : hidden[3]] = True
    return looked(pixels, mask)


def corners_off(found: Place | None, right: Place) -> float:
    """Return by how many pixels the worst corner is off."""
    assert found is not None
    corners = np.array([[0, WIDTH - 1, 0, WIDTH - 1], [0, 0, HEIGHT - 1, HEIGHT - 1], [1, 1, 1, 1]])
    return float(np.abs((found - right) @ corners).max())


@pytest.mark.parametrize(
    "second",
    [moved(63.4, 40), moved(50, 44.25), moved(55, 48, 0.9), moved(45, 36, 1.12), moved(52, 41, 1.0, 2.0)],
    ids=["pan", "tilt", "zoom in", "zoom out", "turn"],
)
def test_a_move_of_the_camera_is_found_below_a_tenth_of_a_pixel(second: Place) -> None:
    first = moved(50, 40)
    found = place_of(seen(view(first)), seen(view(second)), np.eye(3))
    assert corners_off(found, np.linalg.inv(second) @ first) < 0.1


def test_a_figure_that_moves_otherwise_is_not_followed() -> None:
    first, second = view(moved(50, 40)), view(moved(60, 40))
    figure = view(moved(0, 0), painting(1))[:, :120]
    first[:, 100:220], second[:, 140:260] = figure, figure
    found = place_of(seen(first, (0, 180, 92, 228)), seen(second, (0, 180, 132, 268)), np.eye(3))
    assert corners_off(found, moved(-10, 0)) < 0.1


def test_a_jump_by_half_a_frame_is_found() -> None:
    found = place_of(seen(view(moved(5, 40))), seen(view(moved(150, 50))), np.eye(3))
    assert corners_off(found, moved(-145, -10)) < 0.2


def test_a_shot_that_stands_still_is_exactly_there_under_noise() -> None:
    noise = np.random.default_rng(3).normal(0, 3, (2, HEIGHT, WIDTH, 3))
    one, other = (np.clip(view(moved(50, 40)) + part, 0, 255).astype(np.uint8) for part in noise)
    found = place_of(seen(one), seen(other), np.eye(3))
    assert found is not None
    assert np.array_equal(found, np.eye(3))


def test_another_background_a_fade_and_a_figure_over_all_have_no_place() -> None:
    first = seen(view(moved(50, 40)))
    assert place_of(first, seen(view(moved(50, 40), painting(9))), np.eye(3)) is None
    assert place_of(first, seen((view(moved(50, 40)) * 0.8).astype(np.uint8)), np.eye(3)) is None
    assert place_of(first, seen(view(moved(50, 40)), (0, 180, 0, 320)), np.eye(3)) is None


def test_two_planes_that_part_have_no_place() -> None:
    first, second = view(moved(50, 40)), view(moved(62, 40))
    near = painting(5)
    first[90:], second[90:] = view(moved(50, 40), near)[90:], view(moved(90, 40), near)[90:]
    assert place_of(seen(first), seen(second), np.eye(3)) is None


def test_a_long_pan_is_followed_from_frame_to_frame() -> None:
    scene = painting(0, 180, 1400)
    frames = [seen(view(moved(90.5 * number, 0), scene)) for number in range(10)]
    places = register(frames.__getitem__, 10, 4)
    for number, place in enumerate(places):
        assert corners_off(place, moved(-90.5 * (number - 4), 0)) < 0.4


def test_plain_colour_tells_no_motion_and_stays() -> None:
    frames = [seen(np.full((HEIGHT, WIDTH, 3), 90, np.uint8))] * 2
    places = register(frames.__getitem__, 2, 0)
    assert all(place is not None and np.array_equal(place, np.eye(3)) for place in places)
