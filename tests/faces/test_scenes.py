"""Faces that the other frames of a scene bear out."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from framekit.boxes import Face, Seen
from framekit.dataset.frames import Unreadable
from framekit.faces import scenes
from framekit.faces.detect import Settings
from framekit.faces.filter import Limits

PLACE = (0.2, 0.2, 0.4, 0.5)
ELSEWHERE = (0.6, 0.2, 0.8, 0.5)
CLEAR, FAINT = Face(PLACE, 0.9), Face(PLACE, 0.3)


def seen(*faces: Face) -> Seen:
    """Return what was seen, by score: below 0.7 it is faint."""
    return Seen([face for face in faces if face.score >= 0.7], [], [], [face for face in faces if face.score < 0.7])


def recorded(folder: Path, places: Sequence[tuple[str, float, int]]) -> list[Path]:
    """Return frames whose record says their time and scene."""
    known = {stem: {"time": time, "scene": scene} for stem, time, scene in places}
    (folder / ".frames.json").write_text(json.dumps({"video": "a.mkv", "frames": known}), encoding="utf-8")
    return [folder / f"{stem}.png" for stem, _, _ in places]


def look(
    monkeypatch: pytest.MonkeyPatch,
    found: Sequence[Path],
    results: Sequence[Seen | Unreadable],
    todo: Sequence[Path] | None = None,
    limits: Limits = Limits(),  # noqa: B008  # frozen
) -> dict[str, list[Face]]:
    """Return the faces of each frame by its stem, where a detector gives these results."""
    known = dict(zip(found, results, strict=True))
    monkeypatch.setattr(scenes, "find_faces", lambda paths, *_: ((path, known[path]) for path in paths))
    looked = scenes.find_in_scenes(found, found if todo is None else todo, Settings(), limits, 1)
    return {path.stem: [] if isinstance(one, Unreadable) else one.faces for path, one in looked}


def test_a_faint_face_counts_where_the_scene_shows_one_clearly(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    found = recorded(tmp_path, [("1", 0, 0), ("2", 1, 0), ("3", 2, 0)])
    faces = look(monkeypatch, found, [seen(CLEAR), seen(FAINT, Face(ELSEWHERE, 0.5)), seen()])
    assert faces == {"1": [CLEAR], "2": [FAINT], "3": []}


def test_another_scene_bears_nothing_out(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    found = recorded(tmp_path, [("1", 0, 0), ("2", 1, 1)])
    assert look(monkeypatch, found, [seen(CLEAR), seen(FAINT)])["2"] == []


def test_a_doubtful_face_bears_nothing_out(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    found = recorded(tmp_path, [("1", 0, 0), ("2", 1, 0)])
    assert look(monkeypatch, found, [seen(replace(CLEAR, score=0.72)), seen(FAINT)])["2"] == []


def test_a_face_on_its_way_is_expected_between(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    found = recorded(tmp_path, [("1", 0, 0), ("2", 1, 0), ("3", 4, 0)])
    between = Face((0.3, 0.2, 0.5, 0.5), 0.3)
    assert look(monkeypatch, found, [seen(CLEAR), seen(between), seen(Face(ELSEWHERE, 0.9))])["2"] == [between]


def test_a_face_that_is_there_is_not_doubled(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    found = recorded(tmp_path, [("1", 0, 0), ("2", 1, 0)])
    assert look(monkeypatch, found, [seen(CLEAR), seen(replace(CLEAR, score=0.8), FAINT)])["2"] == [
        replace(CLEAR, score=0.8)
    ]


def test_frames_without_a_record_are_looked_at_alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    found = [tmp_path / "1.png", tmp_path / "2.png"]
    assert look(monkeypatch, found, [seen(CLEAR), seen(FAINT)]) == {"1": [CLEAR], "2": []}


def test_a_damaged_record_leaves_frames_alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    found = recorded(tmp_path, [("1", 0, 0), ("2", 1, 0)])
    (tmp_path / ".frames.json").write_text("{", encoding="utf-8")
    assert look(monkeypatch, found, [seen(CLEAR), seen(FAINT)]) == {"1": [CLEAR], "2": []}


def test_what_is_done_already_changes_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    found = recorded(tmp_path, [("1", 0, 0), ("2", 1, 0), ("3", 2, 1)])
    assert look(monkeypatch, found, [seen(CLEAR), seen(FAINT), seen(CLEAR)], todo=found[1:2]) == {"2": [FAINT]}


def test_an_unreadable_frame_of_a_scene_is_passed_on(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    found = recorded(tmp_path, [("1", 0, 0), ("2", 1, 0), ("3", 2, 0)])
    broken = Unreadable(found[1], "broken")
    assert look(monkeypatch, found, [seen(CLEAR), broken, seen(FAINT)]) == {"1": [CLEAR], "2": [], "3": [FAINT]}


def test_no_more_faces_than_asked_for(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    found = recorded(tmp_path, [("1", 0, 0), ("2", 1, 0)])
    results = [seen(CLEAR), seen(FAINT, Face(ELSEWHERE, 0.9))]
    assert look(monkeypatch, found, results, limits=Limits(max_faces=1))["2"] == [Face(ELSEWHERE, 0.9)]
