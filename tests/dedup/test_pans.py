"""Pans: the frames between their ends go, as far as others show what they do."""

import json
from pathlib import Path

import numpy as np
import pytest

import remove_similar
from framekit.dedup import pans
from framekit.dedup.pans import shift_between
from framekit.files import names
from framekit.pixels.decode import Pixels
from framekit.pixels.measure import view_of
from framekit.sidecars.episode import record_text
from tests.conftest import listing, save_frame

WIDTH, STEP = 192, 9  # pixels; STEP from frame to frame, 3 cells of the view and a 21st of the width


def painting(seed: int = 1) -> Pixels:
    """Paint a place of blocks, two frames wide."""
    blocks = np.random.default_rng(seed).integers(0, 256, (9, 32, 3), np.uint8)
    return np.asarray(np.kron(blocks, np.ones((12, 12, 1), np.uint8)), np.uint8)


def panning(count: int, seed: int = 1) -> list[Pixels]:
    return [painting(seed)[:, step * STEP : step * STEP + WIDTH].copy() for step in range(count)]


def with_face(frames: list[Pixels], speed: int) -> list[Pixels]:
    """Draw a face into frames, at a place that moves over the screen by so many pixels a frame."""
    for step, pixels in enumerate(frames):
        left = 60 + step * speed
        pixels[30:70, left : left + 36] = (255, 224, 200)
        pixels[44:52, left + 6 : left + 30] = (20, 20, 60)
    return frames


def episode(folder: Path, frames: list[Pixels], scenes: list[int] | None = None) -> Path:
    """Write an episode and its record; return the dataset."""
    shown = {}
    for number, pixels in enumerate(frames, start=1):
        save_frame(folder / f"show_EP01_{number:06d}.png", pixels)
        scene = scenes[number - 1] if scenes else 0
        shown[f"show_EP01_{number:06d}"] = {"time": number / 8, "source_frame": 3 * number, "scene": scene}
    record = {"video": "1.mkv", "prefix": "show", "episode": folder.name, "frames": shown, "similar": {}}
    (folder / names.EPISODE_RECORD).write_text(record_text(record))
    return folder.parent


def left(dataset: Path, *words: str) -> list[int]:
    """Remove similar frames; return the numbers of those that stay."""
    assert remove_similar.main(["--src_dir", str(dataset), "--no_filters", *words]) == 0
    return [int(path.stem[-6:]) for path in sorted(dataset.glob("EP*/*.png"))]


def test_the_ends_of_a_pan_stay_and_what_shares_less_between(tmp_path: Path) -> None:
    dataset = episode(tmp_path / "EP01", panning(17))
    before = listing(dataset)
    assert left(dataset, "--pan_overlap", "0.8") == [1, 6, 11, 16, 17]
    lines = (dataset / ".removed" / "manifest.jsonl").read_text().splitlines()
    [first] = [line for line in map(json.loads, lines) if line["frame"].endswith("000002.png")]
    assert (first["reason"], first["resembles"]) == ("pan", "EP01/show_EP01_000001.png")
    assert first["similarity"] == pytest.approx(1 - STEP / WIDTH, abs=0.01)
    assert left(dataset, "--pan_overlap", "0.8") == [1, 6, 11, 16, 17]
    assert remove_similar.main(["--src_dir", str(dataset), "--restore", "pan"]) == 0
    assert [name for name in listing(dataset) if name.endswith(".png")] == [
        name for name in before if name.endswith(".png")
    ]


def test_another_overlap_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    dataset = episode(tmp_path / "EP01", panning(17))
    left(dataset)
    assert remove_similar.main(["--src_dir", str(dataset), "--no_filters", "--pan_overlap", "1"]) == 1
    assert "removed as pan with --pan_overlap 0.7" in capsys.readouterr().err


@pytest.mark.parametrize("words", [["--pan_overlap", "1"], []], ids=str)
def test_all_stay_where_no_scene_is_known_or_none_is_asked_for(tmp_path: Path, words: list[str]) -> None:
    dataset = episode(tmp_path / "EP01", panning(8))
    if not words:
        (dataset / "EP01" / names.EPISODE_RECORD).unlink()
    assert left(dataset, *words) == list(range(1, 9))


def test_a_pan_ends_with_its_scene(tmp_path: Path) -> None:
    dataset = episode(tmp_path / "EP01", panning(10), [0] * 5 + [1] * 5)
    assert left(dataset, "--pan_overlap", "0.5") == [1, 5, 6, 10]


def test_a_face_that_moves_in_a_pan_is_new(tmp_path: Path) -> None:
    still = episode(tmp_path / "a" / "EP01", with_face(panning(8), -STEP // 3))
    assert left(still) == list(range(1, 9))
    painted = episode(tmp_path / "b" / "EP01", with_face(panning(7), -STEP))
    assert left(painted) == [1, 7]


def test_a_figure_that_moves_on_plain_ground_is_new(tmp_path: Path) -> None:
    plain_ground = [np.full((108, WIDTH, 3), 90, np.uint8) for _ in range(8)]
    dataset = episode(tmp_path / "EP01", with_face(plain_ground, STEP))
    assert left(dataset) == list(range(1, 9))


def test_a_person_keeps_what_they_want(tmp_path: Path) -> None:
    dataset = episode(tmp_path / "EP01", panning(8))
    assert left(dataset) == [1, 8]
    assert remove_similar.main(["--src_dir", str(dataset), "--restore", "show_EP01_000004.png"]) == 0
    assert left(dataset) == [1, 4, 8]


def test_a_pan_that_two_episodes_show_stays_once(tmp_path: Path) -> None:
    dataset = episode(tmp_path / "EP01", panning(8))
    episode(tmp_path / "EP02", panning(8))
    assert left(dataset) == [1, 8]


def test_pictures_that_are_no_views_of_one_have_no_shift() -> None:
    one, other = view_of(painting(1)[:, :WIDTH]), view_of(painting(2)[:, :WIDTH])
    flat = np.full_like(one, 90)
    assert shift_between(one, other) is None
    assert shift_between(flat, flat) is None
    moved = shift_between(one, view_of(painting(1)[:, 12 : 12 + WIDTH]))
    assert moved is not None
    assert (moved.right, moved.down, moved.share) == pytest.approx((4.0, 0.0, 1 - 4 / 64), abs=0.05)


def test_the_camera_may_turn_but_not_back() -> None:
    there_and_back = [view_of(one) for one in [*panning(6), *panning(5)[::-1]]]
    found = [[row for row, _ in pan] for pan in pans.pans(np.stack(there_and_back), range(11))]
    assert found == [[0, 1, 2, 3, 4, 5], [5, 6, 7, 8, 9, 10]]


def test_a_second_run_finds_nothing_more(tmp_path: Path) -> None:
    """A face that blinks parts a pan; where that frame goes as similar to its neighbours, the pan is one again."""
    frames = [painting()[:, step * 3 : step * 3 + WIDTH].copy() for step in range(13)]
    frames[6][40:48, 80:90] = 255 - frames[6][40:48, 80:90]
    dataset = episode(tmp_path / "EP01", frames)
    words = ("--similarity_threshold", "0.8", "--keep", "first")
    once = left(dataset, *words)
    assert once == left(dataset, *words) == [1, 13]
