"""Faces followed through a scene: they vote together, and frames without faces get the names around them."""

import numpy as np
import pytest

from framekit.boxes import Face
from framekit.characters.match import Acceptance, centroid_namer
from framekit.characters.show import Shown, inferred, link, name_scene, voted
from tests.characters.helpers import at, known


def shown(*faces: tuple[float, float]) -> Shown:
    """Return a frame with faces at these places across, looking at these angles."""
    boxes = [Face((x, 0.4, x + 0.1, 0.5), 0.9) for x, _ in faces]
    return Shown(boxes, at(*(angle for _, angle in faces)) if faces else np.empty((0, 2), np.float32))


@pytest.mark.parametrize(
    ("scene", "tracks"),
    [
        ([shown((0.1, 0)), shown((0.12, 25))], [[0], [0]]),  # overlap, and alike
        ([shown((0.1, 0)), shown((0.5, 25))], [[0], [1]]),  # elsewhere
        ([shown((0.1, 0)), shown((0.5, 10))], [[0], [0]]),  # elsewhere, but very much alike
        ([shown((0.1, 0)), shown((0.1, 60))], [[0], [1]]),  # another one in its place
        ([shown((0.1, 0)), shown(), shown((0.1, 5))], [[0], [], [0]]),  # missed once
        ([shown((0.1, 0)), shown(), shown(), shown((0.1, 5))], [[0], [], [], [1]]),  # gone too long
        ([shown((0.1, 0), (0.3, 40)), shown((0.1, 41), (0.3, 1))], [[0, 1], [1, 0]]),  # they change places
        ([shown((0.1, 0)), shown((0.1, 3), (0.14, 8))], [[0], [0, 1]]),  # one track, one face in a frame
        ([shown(), shown()], [[], []]),
    ],
)
def test_which_faces_are_one(scene: list[Shown], tracks: list[list[int]]) -> None:
    assert link(scene) == tracks


def test_the_frames_of_a_track_have_one_voice_each() -> None:
    scores = [np.array([[0.9, 0.1]]), np.array([[0.3, 0.5], [0.0, 1.0]])]
    first, second = voted([[0], [0, 1]], scores)
    assert first.tolist() == [pytest.approx([0.6, 0.3])]
    assert second.tolist() == [pytest.approx([0.6, 0.3]), [0.0, 1.0]]


def test_a_turned_frame_gets_the_name_of_its_scene() -> None:
    namer = centroid_namer(known(Aoba=[0], Hinata=[60]))
    scene = [shown((0.1, 2)), shown((0.11, 34)), shown((0.12, 4))]
    acceptance = Acceptance(0.9, 0.0)
    alone = [one[0].name for one in name_scene(scene, namer, acceptance, voting=False)]
    together = [one[0].name for one in name_scene(scene, namer, acceptance, voting=True)]
    assert alone == ["Aoba", "unknown", "Aoba"]
    assert together == ["Aoba"] * 3


def test_a_scene_without_faces_has_no_names() -> None:
    assert name_scene([shown(), shown()], centroid_namer(known(Aoba=[0])), Acceptance(), voting=True) == [[], []]


@pytest.mark.parametrize(
    ("names", "faceless", "expected"),
    [
        ([["A"], [], ["A", "B"]], [False, True, False], [[], ["A"], []]),
        ([["A"], [], ["B"]], [False, True, False], [[], [], []]),
        ([[], ["A"], []], [True, False, True], [[], [], []]),
        ([["A", "B"], [], [], ["B", "A"]], [False, True, False, False], [[], ["A", "B"], [], []]),
    ],
)
def test_who_must_be_on_a_faceless_frame(
    names: list[list[str]], faceless: list[bool], expected: list[list[str]]
) -> None:
    assert inferred(names, faceless) == expected
