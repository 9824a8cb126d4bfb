import numpy as np

from framekit.figures.tracks import Shown
from framekit.layers.complete import complete
from framekit.pixels.decode import Pixels
from tests.helpers_shots import BLUE, RED, drawing, frame_of, paste, texture

GROUND = texture(180, 320, 1)
BEHIND, BEFORE = drawing(140, 90, RED, 2), drawing(120, 60, BLUE, 3)


def frame(behind: Pixels, at: int, before: int) -> Shown:
    """Return a frame with a figure at a column, and another one before it at another column."""
    pixels, labels = GROUND.copy(), np.zeros(GROUND.shape[:2], np.uint8)
    paste(pixels, labels, behind, (40, at), 1)
    paste(pixels, labels, BEFORE, (60, before), 2)
    return frame_of(pixels, labels)


def test_what_is_hidden_comes_from_a_frame_that_shows_it() -> None:
    frames = [frame(BEHIND, 100, 150), frame(BEHIND, 60, 240)]
    made = complete(frames, [[1, 2], [1, 2]], 0, 0)
    assert made is not None
    hidden = np.zeros((180, 320), bool)
    hidden[60:180, 150:190] = True
    assert (made.filled & hidden).sum() > 0.9 * hidden.sum()
    assert not (made.filled & ~hidden).any()
    assert made.sources == (1,)
    assert ((made.picture[..., 3] == 255) == made.filled).all()
    truth = np.zeros((180, 320, 3), np.uint8)
    truth[40:180, 100:190] = BEHIND
    assert np.abs(truth[made.filled].astype(int) - made.picture[made.filled][:, :3]).max() <= 8


def test_the_figure_in_front_lacks_nothing() -> None:
    frames = [frame(BEHIND, 100, 150), frame(BEHIND, 60, 240)]
    assert complete(frames, [[1, 2], [1, 2]], 0, 1) is None


def test_nothing_is_filled_where_no_other_frame_shows_it() -> None:
    frames = [frame(BEHIND, 100, 150), frame(BEHIND, 60, 110)]
    assert complete(frames, [[1, 2], [1, 2]], 0, 0) is None
    assert complete(frames[:1], [[1, 2]], 0, 0) is None


def test_nothing_comes_from_another_drawing_or_another_figure() -> None:
    frames = [frame(BEHIND, 100, 150), frame(drawing(140, 90, RED, 7), 60, 240)]
    assert complete(frames, [[1, 2], [1, 2]], 0, 0) is None
    frames[1] = frame(BEHIND, 60, 240)
    assert complete(frames, [[1, 2], [3, 2]], 0, 0) is None


def test_nothing_comes_from_a_drawing_that_differs_beside_what_is_hidden() -> None:
    changed = BEHIND.copy()
    changed[:, 40:] = np.roll(changed[:, 40:], 30, 0)
    assert complete([frame(BEHIND, 100, 150), frame(changed, 60, 240)], [[1, 2], [1, 2]], 0, 0) is None


def test_a_figure_that_touches_no_other_is_whole() -> None:
    frames = [frame(BEHIND, 20, 150), frame(BEHIND, 60, 240)]
    assert complete(frames, [[1, 2], [1, 2]], 0, 0) is None
