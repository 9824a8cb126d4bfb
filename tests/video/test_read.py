"""Frames of a video as an iterator, for notebooks: the frames, times and scenes of the script."""

import doctest
import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest

import extract_frames
from framekit import video
from framekit.dataset.frames import find_frames
from framekit.errors import UsageError
from framekit.pixels.decode import read_pixels
from framekit.video import read
from framekit.video.ffmpeg import View, find_ffmpeg
from framekit.video.read import look, open_frames, read_frames
from framekit.video.sampling import Sampling


@pytest.mark.parametrize(
    "sampling",
    [
        Sampling(),
        Sampling(mode="all", start=0.5, end=1.0),
        Sampling(mode="scene", frames_per_scene=2),
        Sampling(mode="interval", every_seconds=0.3, max_frames=3),
    ],
    ids=lambda sampling: sampling.mode,
)
def test_the_frames_are_those_of_the_script(clip: Path, tmp_path: Path, sampling: Sampling) -> None:
    words = ["--mode", sampling.mode, "--start", str(sampling.start), "--max_frames", str(sampling.max_frames)]
    words += ["--frames_per_scene", str(sampling.frames_per_scene)] if sampling.mode == "scene" else []
    words += ["--every_seconds", str(sampling.every_seconds)] if sampling.mode == "interval" else []
    words += ["--end", str(sampling.end)] if sampling.end < 100 else []
    assert extract_frames.main(["--src_dir", str(clip), "--dst_dir", str(tmp_path), *words]) == 0
    found = list(read_frames(clip, sampling))
    [record] = tmp_path.glob("*/.frames.json")
    assert [asdict(frame.source) for frame in found] == list(json.loads(record.read_text())["frames"].values())
    written = [read_pixels(path) for path in find_frames(tmp_path)]
    assert all(np.array_equal(frame.pixels, pixels) for frame, pixels in zip(found, written, strict=True))


def test_a_reader_may_stop_at_any_frame(clip: Path) -> None:
    frames = read_frames(clip)
    assert next(frames).source.source_frame == 0
    frames.close()  # type: ignore[attr-defined]


@pytest.mark.parametrize(("name", "reason"), [("missing.mkv", "does not exist"), ("empty.mkv", "it is empty")])
def test_a_video_that_cannot_be_read_is_one_sentence(tmp_path: Path, name: str, reason: str) -> None:
    (tmp_path / "empty.mkv").touch()
    with pytest.raises(UsageError, match=reason):
        next(read_frames(tmp_path / name))


def test_the_example_of_the_documentation_is_true() -> None:
    found = doctest.testmod(read)
    assert (found.failed, found.attempted > 0) == (0, True)


def test_the_room_hands_on_its_public_names() -> None:
    assert (video.read_frames, video.VideoFrame, video.Sampling) == (read_frames, read.VideoFrame, Sampling)


def test_what_ffmpeg_says_lies_with_the_unfinished_episode_where_the_next_run_removes_it(
    clip: Path, tmp_path: Path
) -> None:
    ffmpeg = find_ffmpeg()
    claimed = look(ffmpeg, clip)
    assert not isinstance(claimed, str)
    with open_frames(ffmpeg, View(clip, claimed), Sampling(), None, beside=tmp_path) as opened:
        next(opened.frames)
        assert opened.messages.parent.parent == opened.small.path.parent.parent == tmp_path
        opened.end()
    assert not list(tmp_path.iterdir())
