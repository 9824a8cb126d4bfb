"""Backgrounds put together from the frames that show them."""

import tracemalloc

import numpy as np
import pytest
from numpy.typing import NDArray

from framekit.layers import plates
from framekit.layers.plates import Shown, chosen_frames, grown, make_plate, masked_median, view_of
from framekit.pixels.decode import Pixels
from framekit.pixels.register import Place
from tests.conftest import patchwork
from tests.helpers_plates import painted

HEIGHT, WIDTH = 90, 160
FIGURE = (200, 30, 30)


def walked(background: Pixels, left: int, width: int = 40) -> Shown:
    """Return a frame in which a figure stands from a column on, and its mask."""
    pixels, hidden = background.copy(), np.zeros(background.shape[:2], bool)
    pixels[20:, left : left + width], hidden[20:, left : left + width] = FIGURE, True
    return pixels, hidden


def test_what_a_walking_figure_hides_is_as_other_frames_show_it() -> None:
    background = patchwork(1, WIDTH, HEIGHT)
    frames = [walked(background, left) for left in (0, 30, 60, 90)]
    plate = make_plate(frames)
    assert plate is not None
    assert plate.seen.all()
    assert np.array_equal(plate.pixels, background)
    assert plate.share_seen == 1
    assert all(place is not None and np.array_equal(place, np.eye(3)) for place in plate.places)


def test_what_no_frame_shows_is_a_hole() -> None:
    background = patchwork(1, WIDTH, HEIGHT)
    plate = make_plate([walked(background, left) for left in (40, 50, 60)])
    assert plate is not None
    assert np.array_equal(~plate.seen, grown(walked(background, 60, 20)[1]))
    assert not plate.pixels[~plate.seen].any()
    assert plate.share_seen == pytest.approx(plate.seen.mean())


def test_a_mask_that_misses_in_one_frame_leaves_no_ghost() -> None:
    background = patchwork(1, WIDTH, HEIGHT)
    frames = [walked(background, left) for left in (0, 30, 60, 90, 110)]
    frames[2][1][:] = False
    plate = make_plate(frames)
    assert plate is not None
    assert np.array_equal(plate.pixels, background)


def test_a_pan_gives_a_wider_plate_out_of_which_each_frame_is_cut() -> None:
    scene = painted(2, 180, 440)
    starts = (0, 60, 120)
    frames = [walked(scene[:, start : start + 320], left) for start, left in zip(starts, (100, 100, 20), strict=True)]
    plate = make_plate(frames)
    assert plate is not None
    assert plate.pixels.shape == scene.shape
    assert plate.seen.all()
    assert np.array_equal(plate.pixels, scene)
    for number, start in enumerate(starts):
        shown = view_of(plate, number)
        assert shown is not None
        assert np.array_equal(shown[0], scene[:, start : start + 320])
        assert not shown[1].any()


def test_a_pan_beyond_the_bound_keeps_the_frames_nearest_to_its_middle() -> None:
    scene = painted(3, 180, 1900)
    clear = np.zeros((180, 320), bool)
    plate = make_plate([(scene[:, start : start + 320], clear) for start in range(0, 1541, 154)])
    assert plate is not None
    assert plate.pixels.shape[1] == 4 * 154 + 320
    assert [place is not None for place in plate.places] == [False] * 3 + [True] * 5 + [False] * 3
    assert view_of(plate, 0) is None


def test_frames_of_a_fade_have_no_place_even_in_the_middle() -> None:
    background = patchwork(4, WIDTH, HEIGHT)
    dark = (background * 0.5).astype(np.uint8)
    clear = np.zeros((HEIGHT, WIDTH), bool)
    plate = make_plate([(background, clear), (background, clear), (dark, clear), (background, clear)])
    assert plate is not None
    assert [place is None for place in plate.places] == [False, False, True, False]
    assert np.array_equal(plate.pixels, background)


def test_without_frames_or_background_there_is_no_plate() -> None:
    assert make_plate([]) is None
    assert make_plate([(patchwork(1), np.ones((54, 96), bool))] * 2) is None


def test_the_median_takes_only_what_is_clear() -> None:
    stack = np.array([10, 20, 30, 255], np.uint8).reshape(4, 1, 1, 1).repeat(3, axis=3)
    for clear, median in (([1, 1, 1, 1], 25), ([1, 1, 1, 0], 20), ([0, 1, 0, 1], 138), ([0, 0, 0, 1], 255)):
        found, seen = masked_median(stack, np.array(clear, bool).reshape(4, 1, 1))
        assert found.tolist() == [[[median] * 3]]
        assert seen.all()
    found, seen = masked_median(stack, np.zeros((4, 1, 1), bool))
    assert not found.any()
    assert not seen.any()


def test_of_many_frames_those_are_taken_that_show_what_is_rarely_seen() -> None:
    clear = {number: np.ones((9, 16), bool) for number in range(100)}
    for number, mask in clear.items():
        mask[:, 8:] = number in (37, 38, 71)
    places: list[Place | None] = [np.eye(3)] * 100
    used = chosen_frames(clear, places, (90, 160), (90, 160))
    assert len(used) == plates.MOST_FRAMES
    assert {37, 38, 71} <= {*used}
    assert used == sorted(used)
    assert used[0] < 5
    assert used[-1] > 90


class Counted(list[Shown]):
    """Frames made when they are read."""

    def __init__(self, background: Pixels, count: int) -> None:
        super().__init__()
        self.background, self.length = background, count

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, number: object) -> Shown:  # type: ignore[override]
        return walked(self.background, int(number) * 2, 200)  # type: ignore[call-overload]


def test_memory_does_not_grow_with_the_length_of_a_shot(monkeypatch: pytest.MonkeyPatch) -> None:
    background = patchwork(6, 640, 360)
    bytes_of_frame: int = background.nbytes

    def peak(count: int) -> int:
        tracemalloc.start()
        assert make_plate(Counted(background, count)) is not None
        top = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return top

    monkeypatch.setattr(plates, "MOST_FRAMES", 8)
    assert peak(40) < 30 * bytes_of_frame
    assert peak(40) - peak(16) < 12 * bytes_of_frame


def test_masks_grow_by_a_share_of_the_height() -> None:
    mask: NDArray[np.bool_] = np.zeros((200, 200), bool)
    mask[100, 100] = True
    assert np.argwhere(grown(mask)).min(axis=0).tolist() == [98, 98]
