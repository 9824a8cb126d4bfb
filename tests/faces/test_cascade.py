"""Cascades of OpenCV as face detectors."""

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

import detect_faces
from framekit.boxes import Face
from framekit.errors import UsageError
from framekit.faces.cascade import MIN_SCORE, Cascade
from framekit.files.atomic import read_json
from tests.conftest import one_sentence, patchwork, plain, save_frame

REAL = Path(cv2.__file__).parent / "data/haarcascade_frontalface_default.xml"


class Seen:
    """A classifier that sees two windows in each frame, and remembers what it was shown."""

    def __init__(self) -> None:
        self.shapes: list[tuple[int, ...]] = []

    def empty(self) -> bool:
        return False

    def detectMultiScale2(self, grey: Any, scaleFactor: float, minNeighbors: int) -> Any:
        self.shapes.append(grey.shape)
        return [(16, 9, 32, 18), (80, 45, 16, 9)], [4, 1]


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> Seen:
    fake = Seen()
    monkeypatch.setattr(cv2, "CascadeClassifier", lambda path: fake)
    return fake


def test_boxes_are_fractions_and_scores_count_windows(seen: Seen) -> None:
    found = Cascade(Path("x.xml"), 160)(patchwork(1, 320, 180))
    assert seen.shapes == [(90, 160)]
    assert found == [Face((0.1, 0.1, 0.3, 0.3), 0.8), Face((0.5, 0.5, 0.6, 0.6), 0.5)]


def test_a_frame_that_is_small_enough_is_not_shrunk(seen: Seen) -> None:
    Cascade(Path("x.xml"), 640)(patchwork(1, 160, 90))
    assert seen.shapes == [(90, 160)]


def test_the_script_keeps_what_enough_windows_saw(seen: Seen, tmp_path: Path) -> None:
    save_frame(tmp_path / "x.png", patchwork(1, 160, 90))
    assert detect_faces.main([str(tmp_path), "--model", "some.XML", "--workers", "2"]) == 0
    record = read_json(tmp_path / "x.faces.json")
    assert record["faces"] == [{"box": [0.1, 0.1, 0.3, 0.3], "score": 0.8}]
    assert (record["model"], record["threshold"]) == ("some.XML", MIN_SCORE)


def test_a_real_cascade_finds_no_face_on_a_wall() -> None:
    assert Cascade(REAL, 640)(plain((120, 150, 160), 320, 180)) == []


def test_a_real_cascade_runs_in_several_threads(tmp_path: Path) -> None:
    for number in range(6):
        save_frame(tmp_path / f"{number}.png", np.ascontiguousarray(patchwork(number, 320, 180)))
    assert detect_faces.main([str(tmp_path), "--model", str(REAL), "--workers", "3"]) == 0
    assert len(list(tmp_path.glob("*.faces.json"))) == 6


@pytest.mark.parametrize("content", [None, b"", b"<xml>no cascade</xml>", b"\xff\xfe"])
def test_a_file_that_is_no_cascade_is_one_sentence(
    tmp_path: Path, content: bytes | None, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "x.xml"
    if content is not None:
        path.write_bytes(content)
    reason = "does not exist" if content is None else "is no cascade of OpenCV"
    with pytest.raises(UsageError, match=reason):
        Cascade(path, 640)
    capfd.readouterr()
    save_frame(tmp_path / "dataset/x.png", patchwork(1, 160, 90))
    assert detect_faces.main([str(tmp_path / "dataset"), "--model", str(path)]) == 2
    assert f"x.xml {reason}" in one_sentence(capfd.readouterr().err.strip().splitlines()[-1])


def test_a_cascade_joins_a_detector_that_needs_processes(tmp_path: Path) -> None:
    pytest.importorskip("animeface")
    for number in range(2):
        save_frame(tmp_path / f"{number}.png", plain((120, 150, 160), 160, 90))
    assert detect_faces.main([str(tmp_path), "--model", f"animeface,{REAL}", "--workers", "2"]) == 0
    assert read_json(tmp_path / "0.faces.json")["threshold"] == [0.7, MIN_SCORE]
