"""The frames of a shot: kept ones, and those of the video around them."""

import json
from pathlib import Path

import numpy as np
import pytest

import extract_frames
from framekit.dataset.frames import find_frames
from framekit.files import atomic
from framekit.layers.shots import Shot, ShotFrames, find_video, neighbours, scenes_in, shots_of, with_neighbours
from framekit.pixels.decode import Pixels, read_pixels
from framekit.pixels.register import Mask
from framekit.video.ffmpeg import find_ffmpeg
from framekit.video.read import read_frames
from framekit.video.sampling import Sampling
from tests.conftest import CLIP_SCENES, patchwork, plain, save_frame

SCENES = [0] * 12 + [1] * 12 + [2] * 16  # of each frame of the clip


def all_clear(pixels: Pixels) -> Mask:
    """Return a mask that hides nothing."""
    return np.zeros(pixels.shape[:2], bool)


def of_frame(_: Path, pixels: Pixels) -> Mask:
    """Return the same for a kept frame."""
    return all_clear(pixels)


@pytest.fixture
def dataset(clip: Path, tmp_path: Path) -> Path:
    """Return a dataset of the clip."""
    assert extract_frames.main([str(clip), "--dst_dir", str(tmp_path / "data")]) == 0
    return tmp_path / "data"


def test_shots_are_the_scenes_of_the_record(dataset: Path) -> None:
    shots = shots_of(find_frames(dataset))
    assert [len(shot.frames) for shot in shots] == [CLIP_SCENES.count(scene) for scene in (0, 1, 2)]
    assert [shot.scene for shot in shots] == [0, 1, 2]
    assert shots[1].numbers == (12, 15, 18, 20)
    assert {shot.folder for shot in shots} == {path.parent for path in find_frames(dataset)}


def test_a_frame_without_a_record_is_a_shot_of_its_own(tmp_path: Path) -> None:
    frames = [save_frame(tmp_path / name, patchwork(1)) for name in ("a.png", "b.png")]
    assert shots_of(frames) == [Shot((frame,), (None,)) for frame in frames]
    (tmp_path / ".frames.json").write_text("{", encoding="utf-8")
    assert shots_of(frames) == [Shot((frame,), (None,)) for frame in frames]


def test_neighbours_stay_within_the_window_and_the_shot() -> None:
    assert neighbours([3], SCENES, 2) == [1, 2, 4, 5]
    assert neighbours([11, 12], SCENES, 2) == [9, 10, 13, 14]
    assert neighbours([0], SCENES, 100) == [*range(1, 12)]
    assert neighbours([3], SCENES, 0) == []
    assert neighbours([500], SCENES, 2) == []
    assert len(neighbours([7], SCENES, 100, most=4)) == 4


@pytest.mark.parametrize(
    "record",
    [
        {},
        {"scene_scores": "x", "settings": {"scene_threshold": 10}},
        {"scene_scores": [0, None], "settings": {"scene_threshold": 10}},
        {"scene_scores": [0, 1], "settings": {"scene_threshold": "high"}},
        {"scene_scores": [0, 1], "settings": []},
    ],
)
def test_a_record_that_tells_no_scenes_has_no_neighbours(record: dict[str, object]) -> None:
    assert scenes_in(record) == []


def test_the_video_is_found_under_its_name_or_another_but_never_elsewhere(clip: Path, dataset: Path) -> None:
    [path] = dataset.glob("*/.frames.json")
    record = atomic.read_json(path)
    assert find_video(record, [dataset, clip.parent]) == clip
    renamed = save_frame(dataset / "x" / "other.png", plain((0, 0, 0))).with_name("renamed.mkv")
    renamed.write_bytes(clip.read_bytes())
    assert find_video(record, [renamed.parent]) == renamed
    assert find_video(record, [dataset]) is None
    assert find_video({**record, "video": "../" + clip.name}, [clip.parent]) is None
    (renamed.parent / clip.name).write_bytes(b"another one")
    renamed.unlink()
    assert find_video(record, [renamed.parent]) is None


def test_neighbours_are_decoded_as_the_frames_were(clip: Path, dataset: Path) -> None:
    [path] = dataset.glob("*/.frames.json")
    shots = shots_of(find_frames(dataset))
    found = list(with_neighbours(shots, atomic.read_json(path), find_ffmpeg(), [clip.parent], 3))
    assert [shot for shot, _ in found] == shots
    every = [frame.pixels for frame in read_frames(clip, Sampling(mode="all"))]
    for shot, near in found:
        assert near
        assert not {*near} & {*shot.numbers}
        for number, pixels in near.items():
            assert SCENES[number] == shot.scene
            assert np.array_equal(pixels, every[number])


def test_without_the_video_or_a_window_there_are_the_kept_frames_alone(clip: Path, dataset: Path) -> None:
    [path] = dataset.glob("*/.frames.json")
    shots, record = shots_of(find_frames(dataset)), atomic.read_json(path)
    for folders, window in (([dataset], 3), ([clip.parent], 0)):
        found = with_neighbours(shots, record, find_ffmpeg(), folders, window)
        assert [(shot, {*near}) for shot, near in found] == [(shot, set()) for shot in shots]


def test_frames_of_another_size_than_the_video_are_reported(
    clip: Path, dataset: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    [path] = dataset.glob("*/.frames.json")
    for frame in find_frames(dataset):
        save_frame(frame, read_pixels(frame)[:40])
    found = list(
        with_neighbours(shots_of(find_frames(dataset)), atomic.read_json(path), find_ffmpeg(), [clip.parent], 3)
    )
    assert not any(near for _, near in found)
    assert "its frames are 160x90, those of the dataset 160x40" in capsys.readouterr().err


def test_kept_frames_and_neighbours_come_in_order_of_time_each_with_its_mask(tmp_path: Path) -> None:
    kept = [save_frame(tmp_path / f"{number}.png", patchwork(number)) for number in (4, 8)]
    asked: list[str] = []

    def mask(pixels: Pixels) -> Mask:
        asked.append("pixels")
        return pixels[..., 0] > 100

    def mask_of_frame(frame: Path, pixels: Pixels) -> Mask:
        asked.append(frame.stem)
        return pixels[..., 0] > 50

    near = {number: patchwork(number) for number in (2, 6, 9)}
    frames = ShotFrames(Shot(tuple(kept), (4, 8), 0), near, mask_of_frame, mask)
    assert len(frames) == 5
    for number, (pixels, hidden) in zip((2, 4, 6, 8, 9), frames, strict=True):
        assert np.array_equal(pixels, patchwork(number))
        assert np.array_equal(hidden, pixels[..., 0] > (50 if number in (4, 8) else 100))
    assert np.array_equal(frames[3][0], patchwork(8))
    assert asked == ["pixels", "4", "pixels", "8", "pixels"]
    assert [frames.number_of(frame) for frame in kept] == [1, 3]


def test_an_unreadable_frame_and_one_of_another_size_show_nothing(tmp_path: Path) -> None:
    kept = [save_frame(tmp_path / f"{number}.png", patchwork(number)) for number in (1, 2, 3)]
    kept[1].write_bytes(b"no picture")
    save_frame(kept[2], patchwork(3, 80, 54))
    frames = ShotFrames(Shot(tuple(kept), (None, None, None)), {}, of_frame, all_clear)
    assert [bool(hidden.all()) for _, hidden in frames] == [False, True, True]
    assert all(pixels.shape == (54, 96, 3) for pixels, _ in frames)


def test_a_record_of_numbers_that_are_none_is_as_without(tmp_path: Path) -> None:
    frame = save_frame(tmp_path / "a.png", patchwork(1))
    known = {"a": {"time": 1.0, "scene": 3, "source_frame": "7"}}
    (tmp_path / ".frames.json").write_text(json.dumps({"video": "a.mkv", "frames": known}), encoding="utf-8")
    assert shots_of([frame]) == [Shot((frame,), (None,), 3)]
