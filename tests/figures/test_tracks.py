from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from framekit.figures import tracks
from framekit.figures.tracks import Shown, flicker, follow, smooth
from framekit.pixels.decode import Pixels
from tests.helpers_shots import BLUE, GREEN, RED, drawing, frame_of, paste, texture

GROUND = texture(180, 320, 1)
ONE, OTHER, THIRD = drawing(100, 50, RED, 2), drawing(110, 46, BLUE, 3), drawing(100, 50, GREEN, 4)
Placed = tuple[Pixels, tuple[int, int], int]  # a figure, where, and its label


def shot(*frames: Sequence[Placed]) -> list[Shown]:
    """Return the frames of a shot, each with these figures."""
    made = []
    for placed in frames:
        pixels, labels = GROUND.copy(), np.zeros(GROUND.shape[:2], np.uint8)
        for figure, at, label in placed:
            paste(pixels, labels, figure, at, label)
        made.append(frame_of(pixels, labels))
    return made


def test_figures_that_change_sides_keep_their_tracks() -> None:
    frames = shot([(ONE, (60, 20), 1), (OTHER, (60, 220), 2)], [(OTHER, (60, 30), 1), (ONE, (60, 230), 2)])
    assert follow(frames) == [[1, 2], [2, 1]]


def test_two_that_look_alike_are_told_by_their_place() -> None:
    frames = shot([(ONE, (60, 20), 1), (ONE, (60, 220), 2)], [(ONE, (60, 210), 1), (ONE, (60, 50), 2)])
    assert follow(frames) == [[1, 2], [2, 1]]


def test_two_that_look_alike_are_told_by_their_place_while_the_camera_moves() -> None:
    wide = texture(180, 640, 1)
    frames = []
    for left in (0, 60, 120):
        pixels, labels = wide.copy(), np.zeros(wide.shape[:2], np.uint8)
        for label, column in ((1, 150), (2, 260)):
            paste(pixels, labels, ONE, (60, column), label if left < 100 else 3 - label)
        part = slice(None), slice(left, left + 320)
        frames.append(frame_of(np.ascontiguousarray(pixels[part]), np.ascontiguousarray(labels[part])))
    assert follow(frames) == [[1, 2], [1, 2], [2, 1]]


def test_a_figure_that_was_hidden_comes_back_with_its_track() -> None:
    both = [(ONE, (60, 20), 1), (OTHER, (60, 220), 2)]
    frames = shot(both, both[:1], both[:1], [(ONE, (60, 60), 1), (OTHER, (60, 200), 2)])
    assert follow(frames) == [[1, 2], [1], [1], [1, 2]]


def test_another_figure_in_the_same_place_is_another_track() -> None:
    frames = shot([(ONE, (60, 20), 1)], [(THIRD, (60, 20), 1)], [(ONE, (60, 20), 1)])
    assert follow(frames) == [[1], [2], [1]]


def test_no_track_is_given_twice_in_a_frame() -> None:
    frames = shot([(ONE, (60, 20), 1)], [(ONE, (60, 20), 1), (ONE, (60, 90), 2), (ONE, (60, 160), 3)])
    assert follow(frames) == [[1], [1, 2, 3]]


def test_names_tell_apart_what_looks_alike_and_join_what_does_not() -> None:
    alike = shot([(ONE, (60, 20), 1)], [(ONE, (60, 20), 1)])
    named = [replace(frame, names=[name]) for frame, name in zip(alike, ("hina", "iku"), strict=True)]
    assert follow(named) == [[1], [2]]
    changed = shot([(ONE, (60, 20), 1)], [(THIRD, (60, 30), 1)])
    assert follow(changed) == [[1], [2]]
    assert follow([replace(frame, names=["hina"]) for frame in changed]) == [[1], [1]]


def test_frames_without_figures() -> None:
    assert follow([]) == []
    assert follow(shot([], [(ONE, (60, 20), 1)], [])) == [[], [1], []]


def test_a_figure_without_pixels_is_told_by_its_box() -> None:
    frames = shot([(ONE, (60, 20), 1)], [(ONE, (60, 20), 1)])
    frames[1] = replace(frames[1], labels=np.zeros_like(frames[1].labels))
    assert len(follow(frames)[1]) == 1


def test_the_camera_is_told_by_the_background() -> None:
    wide = texture(180, 360, 1)
    empty = np.zeros((180, 320), np.uint8)
    one, other = (frame_of(np.ascontiguousarray(wide[:, left : left + 320]), empty) for left in (0, 16))
    right, down = tracks.camera_between(one, other)[:, 2]
    assert (right, down) == pytest.approx((-16 / 320, 0), abs=0.004)
    cut = frame_of(texture(180, 320, 9), empty)
    assert tracks.camera_between(one, cut).tolist() == [[1, 0, 0], [0, 1, 0]]


def bitten(frame: Shown, columns: slice = slice(62, 70)) -> Shown:
    """Return a frame whose figure lacks the last columns of its label."""
    labels = frame.labels.copy()
    labels[80:140, columns] = 0
    return replace(frame, labels=labels)


def still(count: int = 5) -> list[Shown]:
    return shot(*[[(ONE, (60, 20), 1)]] * count)


def test_a_mask_that_flickers_is_smoothed_by_its_neighbours() -> None:
    frames, truth = still(), still()[0].labels
    frames[2] = bitten(frames[2])
    followed = [[1]] * 5
    smoothed = smooth(frames, followed)
    assert all((labels == truth).all() for labels in smoothed)
    assert smoothed[2].dtype == np.uint8
    assert flicker(frames, followed) > 0.02
    assert flicker([replace(frame, labels=one) for frame, one in zip(frames, smoothed, strict=True)], followed) == 0


def test_tracks_and_not_labels_are_compared() -> None:
    frames = shot(*[[(ONE, (60, 20), label)] for label in (1, 2, 1, 3, 1)])
    frames[2] = bitten(frames[2])
    smoothed = smooth(frames, [[1]] * 5)
    assert [set(labels.ravel().tolist()) for labels in smoothed] == [{0, 1}, {0, 2}, {0, 1}, {0, 3}, {0, 1}]
    assert (smoothed[2] == still()[0].labels).all()


def test_what_a_person_corrected_stays_and_says_more() -> None:
    frames = still(3)
    frames[1] = replace(bitten(frames[1]), is_corrected=True)
    smoothed = smooth(frames, [[1]] * 3)
    assert (smoothed[1] == frames[1].labels).all()
    assert (smoothed[0] == smoothed[1]).all()


def test_another_drawing_changes_no_mask() -> None:
    frames = shot(*[[(drawing(100, 50, RED, 20 + number), (60, 20), 1)] for number in range(5)])
    frames[2] = bitten(frames[2])
    assert (smooth(frames, [[1]] * 5)[2] == frames[2].labels).all()
    assert flicker(frames, [[1]] * 5) < 0.02


def test_a_figure_that_a_frame_does_not_have_gets_no_pixels_of_it() -> None:
    frames = still()
    frames[2] = replace(frames[2], labels=np.zeros_like(frames[2].labels), figures=[])
    assert smooth(frames, [[1], [1], [], [1], [1]])[2].max() == 0


def test_one_frame_and_none() -> None:
    assert smooth([], []) == []
    frames = still(1)
    assert (smooth(frames, [[1]])[0] == frames[0].labels).all()
    assert flicker(frames, [[1]]) == 0
