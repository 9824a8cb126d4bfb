"""The demo draws its own show: here one short shot and one reference, and the real detector sees them."""

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import draw_show
import figures
import numpy as np
import pytest

import extract_frames
from framekit.faces.detect import Settings, load_detector
from framekit.faces.filter import reference_faces
from framekit.faces.models import Detector
from framekit.pixels.decode import Pixels

SHOT = draw_show.Shot(draw_show.paint_sky, 6, 3, (draw_show.Role(figures.SORA, 320, 186, 92, talks=True),), 300)


@pytest.fixture(scope="module")
def frames() -> list[Pixels]:
    """Return the frames of one short shot."""
    return list(draw_show.shot_frames(SHOT))


@pytest.fixture
def animeface_detector() -> Detector:
    """Return the real embedded detector, where the package has a build."""
    pytest.importorskip("animeface")
    return load_detector("animeface", Settings())


def test_a_shot_has_its_size_and_length(frames: list[Pixels]) -> None:
    assert [frame.shape for frame in frames] == [(360, 640, 3)] * 6
    assert {frame.dtype for frame in frames} == {np.dtype(np.uint8)}


def test_a_drawing_is_held_and_then_changes(frames: list[Pixels]) -> None:
    same = [np.array_equal(one, other) for one, other in pairwise(frames)]
    assert same == [True, True, False, True, True]


def test_drawing_twice_gives_the_same(frames: list[Pixels]) -> None:
    draw_show.compose.cache_clear()
    assert np.array_equal(next(draw_show.shot_frames(SHOT)), frames[0])


def test_a_pan_moves_the_place() -> None:
    still = replace(SHOT, roles=(), frames=2, hold=1)
    first, second = draw_show.shot_frames(replace(still, pan=2.0))
    assert np.array_equal(first[:, 2:], second[:, :-2]) or np.abs(first[:, 2:].astype(int) - second[:, :-2]).max() <= 1
    assert not np.array_equal(first, second)


def test_the_face_of_the_shot_is_found_where_it_was_drawn(frames: list[Pixels], animeface_detector: Detector) -> None:
    [[face]] = animeface_detector.detect([animeface_detector.prepare(frames[0])])
    assert face.score >= Settings().least("animeface")
    left, top, right, bottom = face.box
    assert left * 640 < 320 < right * 640
    assert top * 360 < 186 + 0.24 * 92 < bottom * 360  # the height of the eyes
    assert 0.8 * 92 < (right - left) * 640 < 2.4 * 92


@pytest.mark.parametrize("who", figures.CAST[:3], ids=[who.name for who in figures.CAST[:3]])
def test_the_face_of_each_first_reference_is_found(who: figures.Character, animeface_detector: Detector) -> None:
    [face, *_] = reference_faces(animeface_detector, draw_show.reference_frames(who)[0])
    assert face.score >= Settings().least("animeface")
    assert face.box[0] < 0.5 < face.box[2]


def test_references_are_square_and_differ() -> None:
    references = draw_show.reference_frames(figures.YUKI)
    assert [frame.shape for frame in references] == [(360, 360, 3)] * 4
    assert len({frame.tobytes() for frame in references}) == 4


def test_the_two_episodes_share_their_opening_and_nothing_else() -> None:
    first, second = draw_show.episodes("Title")
    assert first[:2] == second[:2]
    assert not {id(shot) for shot in first[2:]} & {id(shot) for shot in second[2:]}
    assert {shot.title for shot in first} == {"", "Title"}
    assert sum(shot.frames for shot in first) < 400


def test_one_shot_becomes_a_video_that_extract_frames_reads(tmp_path: Path, frames: list[Pixels]) -> None:
    (tmp_path / "videos").mkdir()
    other = np.full_like(frames[0], 20)
    draw_show.write_video(tmp_path / "videos/demo_show_01.mp4", [*frames, *[other] * 4])
    assert extract_frames.main(["--src_dir", str(tmp_path / "videos"), "--dst_dir", str(tmp_path / "dataset")]) == 0
    assert 2 <= len(list((tmp_path / "dataset/EP01").glob("*.png"))) <= 4
