"""What counts as done: this video with these settings; seasons in one dataset; what would mix two videos is refused."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

import extract_frames
from tests.conftest import CLIP_CHANGES, clip_frames, listing, one_sentence, tree, write_clip


def run(videos: Path, dataset: Path, *words: str) -> int:
    common = ["--src_dir", str(videos), "--dst_dir", str(dataset), "--workers", "1"]
    return extract_frames.main([*common, *words])


def frame_names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.glob("*.png"))


def change_record(folder: Path, **changes: Any) -> None:
    """Change keys of the record of an episode; None takes one away."""
    path = folder / ".frames.json"
    record = json.loads(path.read_text(encoding="utf-8")) | changes
    path.write_text(json.dumps({key: value for key, value in record.items() if value is not None}), encoding="utf-8")


@pytest.fixture
def other_clip(tmp_path: Path) -> Path:
    """Return a clip of other drawings and of another size."""
    return write_clip(tmp_path / "other/other.mp4", clip_frames()[::-1][:20])


@pytest.fixture
def show(tmp_path: Path, clip: Path) -> Path:
    """Return a folder with the clip as the first episode of a show, and its frames in `dataset`."""
    (tmp_path / "videos").mkdir()
    shutil.copy(clip, tmp_path / "videos/Show S01E01.mp4")
    assert run(tmp_path / "videos", tmp_path / "dataset", "--prefix", "show") == 0
    return tmp_path


def test_a_second_season_has_folders_of_its_own(show: Path, other_clip: Path) -> None:
    shutil.copy(other_clip, show / "videos/Show S02E01.mp4")
    before = tree(show / "dataset")
    assert run(show / "videos", show / "dataset", "--prefix", "show") == 0
    assert listing(show / "dataset") == ["EP01", "S02EP01"]
    assert frame_names(show / "dataset/S02EP01")[0] == "show_S02EP01_000001.png"
    assert {name: held for name, held in tree(show / "dataset").items() if name in before} == before


def test_a_second_season_with_a_prefix_of_its_own(show: Path, other_clip: Path) -> None:
    (show / "second").mkdir()
    shutil.copy(other_clip, show / "second/Show S02E01.mp4")
    assert run(show / "second", show / "dataset", "--prefix", "showS2") == 0
    assert frame_names(show / "dataset/S02EP01")[0] == "showS2_S02EP01_000001.png"


@pytest.mark.parametrize("words", [[], ["--redo"], ["--prefix", "other"]])
def test_another_video_with_the_same_number_is_refused_before_any_work(
    show: Path, other_clip: Path, words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    (show / "second").mkdir()
    shutil.copy(other_clip, show / "second/Another - 01.mp4")
    shutil.copy(other_clip, show / "second/Another - 02.mp4")
    before = tree(show / "dataset")
    capsys.readouterr()
    assert run(show / "second", show / "dataset", *words) == 2
    said = one_sentence(capsys.readouterr().err)
    assert "Show S01E01.mp4" in said
    assert "Another - 01.mp4" in said
    assert tree(show / "dataset") == before


def test_a_copy_beside_the_video_is_another_video(show: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.copy(show / "videos/Show S01E01.mp4", show / "videos/Another - 01.mp4")
    assert run(show / "videos", show / "dataset", "--pattern", "Another*") == 2
    assert "holds the frames of another video" in one_sentence(capsys.readouterr().err.splitlines()[-1])


def test_another_file_of_the_same_name_is_another_video(show: Path, other_clip: Path) -> None:
    shutil.copy(other_clip, show / "videos/Show S01E01.mp4")
    assert run(show / "videos", show / "dataset", "--redo") == 2
    assert not (show / "dataset/.removed").exists()


def test_a_video_that_was_renamed_and_moved_is_the_same(show: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (show / "elsewhere").mkdir()
    shutil.move(show / "videos/Show S01E01.mp4", show / "elsewhere/renamed - 01.mp4")
    before = tree(show / "dataset")
    assert run(show / "elsewhere", show / "dataset") == 0
    assert "1 already done" in capsys.readouterr().out
    assert tree(show / "dataset") == before


def test_a_record_of_an_older_version_knows_its_video_by_name(
    show: Path, other_clip: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = {"mode": "mpdecimate", "hi": 12800, "lo": 3200, "frac": 0.33, "scene_threshold": 10.0}
    new = {"video_size": None, "video_digest": None, "video_duration": None}
    change_record(show / "dataset/EP01", settings=settings, **new)
    assert run(show / "videos", show / "dataset") == 0
    assert "1 already done" in capsys.readouterr().out
    (show / "second").mkdir()
    shutil.copy(other_clip, show / "second/Another - 01.mp4")
    assert run(show / "second", show / "dataset", "--redo") == 2


@pytest.mark.parametrize(
    ("first", "then", "told"),
    [
        ([], ["--mode", "all"], "--mode mpdecimate"),
        (["--mode", "interval", "--every_seconds", "0.5"], ["--mode", "interval"], "--every_seconds 0.5"),
        ([], ["--format", "jpg"], "--format png"),
        (["--format", "jpg", "--quality", "80"], ["--format", "jpg"], "--quality 80"),
        ([], ["--remove_similar", "0.9"], "no --remove_similar"),
        ([], ["--crop_bars"], "no --crop_bars"),
        ([], ["--video_stream", "0"], "no --video_stream"),
        (["--deinterlace"], [], "--deinterlace"),
        (["--skip_opening", "0.5"], ["--start", "0.75"], "--start 0.5"),
        ([], ["--end", "1"], "no --end"),
        ([], ["--skip_ending", "0.5"], "no --end"),
        ([], ["--max_frames", "3"], "no --max_frames"),
        ([], ["--prefix", "other"], "--prefix videos"),
        (["--mode", "scene"], ["--mode", "scene", "--scene_threshold", "50"], "--scene_threshold 10"),
    ],
)
def test_other_settings_are_told_and_done_only_with_redo(
    tmp_path: Path,
    clip: Path,
    first: list[str],
    then: list[str],
    told: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "videos").mkdir()
    shutil.copy(clip, tmp_path / "videos/01.mp4")
    assert run(tmp_path / "videos", tmp_path / "dataset", *first) == 0
    before = tree(tmp_path / "dataset")
    capsys.readouterr()
    assert run(tmp_path / "videos", tmp_path / "dataset", *then) == 1
    said = one_sentence(capsys.readouterr().err)
    assert f"EP01 was extracted with {told}" in said
    assert "--redo" in said
    assert tree(tmp_path / "dataset") == before
    assert run(tmp_path / "videos", tmp_path / "dataset", *then, "--redo") == 0
    assert run(tmp_path / "videos", tmp_path / "dataset", *then) == 0


@pytest.mark.parametrize(
    ("first", "then"),
    [
        ([], ["--config", "every_seconds = 7\ntarget_frames = 9\nframes_per_scene = 2\nquality = 50"]),
        (["--mode", "interval"], ["--config", "mode = 'interval'\nhi = 1\nlo = 1\nfrac = 0.5"]),
        (["--skip_opening", "0.5"], ["--start", "0.5"]),
        (["--skip_ending", "0.5"], ["--skip_ending", "0.5"]),
        (["--hwaccel", "auto"], []),
        ([], ["--scene_threshold", "50"]),
    ],
)
def test_settings_that_change_no_frame_do_not_count(
    tmp_path: Path, clip: Path, first: list[str], then: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "videos").mkdir()
    shutil.copy(clip, tmp_path / "videos/01.mp4")
    assert run(tmp_path / "videos", tmp_path / "dataset", *first) == 0
    capsys.readouterr()
    if then[:1] == ["--config"]:
        (tmp_path / "dataset.toml").write_text(f"[extract_frames]\n{then[1]}\n")
        then = ["--config", str(tmp_path / "dataset.toml")]
    assert run(tmp_path / "videos", tmp_path / "dataset", *then) == 0
    assert "1 already done" in capsys.readouterr().out


def test_the_table_comes_before_the_work_where_names_are_not_sure(
    tmp_path: Path, clip: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("Alpha.mp4", "Beta.mp4"):
        (tmp_path / "videos").mkdir(exist_ok=True)
        shutil.copy(clip, tmp_path / "videos" / name)
    assert run(tmp_path / "videos", tmp_path / "dataset") == 0
    first, *rows = capsys.readouterr().err.splitlines()
    assert "--episode_pattern" in first
    assert rows[:2] == ["  Alpha.mp4 -> EP01 (not sure)", "  Beta.mp4 -> EP02 (not sure)"]
    assert run(tmp_path / "videos", tmp_path / "dataset") == 0
    assert capsys.readouterr().err == ""


def test_a_video_between_others_stops_the_run_instead_of_renumbering(
    tmp_path: Path, clip: Path, other_clip: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "videos").mkdir()
    shutil.copy(clip, tmp_path / "videos/Beta.mp4")
    assert run(tmp_path / "videos", tmp_path / "dataset") == 0
    shutil.copy(other_clip, tmp_path / "videos/Alpha.mp4")
    before = tree(tmp_path / "dataset")
    capsys.readouterr()
    for words in ([], ["--redo"]):
        assert run(tmp_path / "videos", tmp_path / "dataset", *words) == 2
        said = capsys.readouterr().err.splitlines()[-1]
        assert "Beta.mp4 is extracted already, as EP01, and would be EP02 now" in said
    assert tree(tmp_path / "dataset") == before


def test_a_season_that_an_older_version_did_not_tell_apart_is_not_extracted_twice(
    show: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (show / "videos/Show S01E01.mp4").rename(show / "videos/Show S02E01.mp4")
    change_record(show / "dataset/EP01", video="Show S02E01.mp4", video_size=None, video_digest=None)
    assert run(show / "videos", show / "dataset") == 2
    assert "as EP01, and would be S02EP01 now" in capsys.readouterr().err
    assert run(show / "videos", show / "dataset", "--episode_pattern", r"E(\d+)") == 0
    assert len(frame_names(show / "dataset/EP01")) == len(CLIP_CHANGES)


def test_seasons_of_one_name_and_size_are_two_videos(tmp_path: Path, clip: Path) -> None:
    for season in (1, 2):
        (tmp_path / f"videos/Season {season}").mkdir(parents=True)
        shutil.copy(clip, tmp_path / f"videos/Season {season}/01.mp4")
        assert run(tmp_path / "videos", tmp_path / "dataset") == 0
        change_record(tmp_path / "dataset/EP01", video_size=None, video_digest=None, prefix=None)
    assert run(tmp_path / "videos", tmp_path / "dataset", "--prefix", "videos") == 0
    assert listing(tmp_path / "dataset") == ["EP01", "S02EP01"]


def test_a_better_copy_of_the_same_name_is_told_by_its_size(
    show: Path, other_clip: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    size = (show / "videos/Show S01E01.mp4").stat().st_size
    shutil.copy(other_clip, show / "videos/Show S01E01.mp4")
    capsys.readouterr()
    assert run(show / "videos", show / "dataset", "--redo") == 2
    said = one_sentence(capsys.readouterr().err)
    assert f"Show S01E01.mp4 of {size} bytes, than" in said
    assert f"Show S01E01.mp4 of {other_clip.stat().st_size} bytes; " in said


def test_a_short_special_does_not_stop_the_season(show: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_clip(show / "videos/Show S00E01.mp4", clip_frames()[:4])
    write_clip(show / "videos/Show S01E02.mp4", clip_frames())
    assert run(show / "videos", show / "dataset", "--prefix", "show", "--skip_opening", "0.5") == 1
    assert "Show S00E01.mp4 is left between 0.5 s and its end" in capsys.readouterr().err
    assert listing(show / "dataset") == ["EP01", "EP02"]
    assert run(show / "videos", show / "dataset", "--prefix", "show") == 1
    assert listing(show / "dataset") == ["EP01", "EP02", "S00EP01"]
    assert run(show / "videos", show / "dataset", "--prefix", "show", "--start", "0.5") == 1
    assert "EP01, S00EP01 were extracted with no --start" in capsys.readouterr().err
    assert run(show / "videos", show / "dataset", "--start", "50", "--redo") == 2


def test_a_dataset_that_is_a_file_is_refused(show: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(show / "videos", show / "videos/Show S01E01.mp4") == 2
    assert "is a file; name a folder" in one_sentence(capsys.readouterr().err)


def test_a_damaged_record_is_listed_and_its_episode_left_alone(show: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (show / "dataset/EP01/.frames.json").write_text("{")
    assert run(show / "videos", show / "dataset") == 1
    assert "unreadable: " in capsys.readouterr().err
    assert len(frame_names(show / "dataset/EP01")) == len(CLIP_CHANGES)
