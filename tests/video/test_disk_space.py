"""How many frames an extraction is expected to write, and what happens where there is little room."""

import shutil
from pathlib import Path

import pytest

from framekit.errors import UsageError
from framekit.video.sampling import Sampling, expected_frames, require_space
from framekit.video.stream import VideoStream

EPISODE = VideoStream(1920, 1080, duration=1440.0, fps=24.0)


@pytest.mark.parametrize(
    ("sampling", "frames"),
    [
        (Sampling(), 1440 * 24 / 3),
        (Sampling(remove_similar=0.98), 1440 * 24 / 6),
        (Sampling(mode="all", end=100.0), 2400),
        (Sampling(mode="all", start=1400.0), 960),
        (Sampling(mode="interval", every_seconds=2.0), 720),
        (Sampling(mode="interval", every_seconds=0.001), 1440 * 24),
        (Sampling(mode="uniform", target_frames=77), 77),
        (Sampling(mode="scene", frames_per_scene=3), 1440 / 4 * 3),
        (Sampling(max_frames=50), 50),
    ],
)
def test_the_number_of_frames_follows_from_the_settings(sampling: Sampling, frames: float) -> None:
    assert expected_frames(sampling, EPISODE) == pytest.approx(frames)


def room(monkeypatch: pytest.MonkeyPatch, free: float) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(2**50, 0, int(free)))


def test_enough_room_is_not_worth_a_word(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    room(monkeypatch, 1e12)
    require_space([Sampling()], [EPISODE], "png", tmp_path / "not" / "yet")
    assert capsys.readouterr().err == ""


def test_little_room_is_said_and_far_too_little_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    room(monkeypatch, 9e9)
    require_space([Sampling()], [EPISODE], "png", tmp_path)
    assert "about 11.9 GB will be written" in capsys.readouterr().err
    require_space([Sampling()], [EPISODE], "jpg", tmp_path)
    assert capsys.readouterr().err == ""
    room(monkeypatch, 1e9)
    with pytest.raises(UsageError, match=r"room for 1\.0 GB; make room"):
        require_space([Sampling()], [EPISODE], "png", tmp_path)
    room(monkeypatch, 2e6)
    require_space([Sampling(max_frames=5)], [EPISODE], "jpg", tmp_path)
    assert "about 2.6 MB will be written" in capsys.readouterr().err
