"""The script that extracts frames, on a drawn clip whose cuts and holds are known."""

import errno
import io
import json
import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import extract_frames
import remove_similar
from framekit.dataset import removed
from framekit.dataset.frames import find_frames
from framekit.dedup.descriptors import STORE, describe, read_store
from framekit.dedup.search import KeptDescriptors
from framekit.episodes import extract
from framekit.episodes.record import Episode, video_digest
from framekit.files import atomic, journal
from framekit.pixels import decode
from framekit.pixels.decode import read_pixels
from framekit.video import ffmpeg, read
from framekit.video.ffmpeg import Ffmpeg, decode_command, find_ffmpeg, read_planes
from framekit.video.sampling import Sampling
from framekit.video.stream import VideoStream
from tests.conftest import (
    BLACK,
    CLIP_CHANGES,
    CLIP_FPS,
    CLIP_FRAMES,
    CLIP_SCENES,
    SQUARE,
    clip_frames,
    listing,
    one_sentence,
    tree,
    write_clip,
)

HALF_A_FRAME = 0.5 / CLIP_FPS


def run(videos: Path, dataset: Path, *words: str) -> int:
    common = ["--src_dir", str(videos), "--dst_dir", str(dataset), "--prefix", "yamaS2", "--workers", "2"]
    return extract_frames.main([*common, *words])


def record_of(folder: Path) -> dict[str, Any]:
    record: dict[str, Any] = json.loads((folder / ".frames.json").read_text(encoding="utf-8"))
    return record


def expected_names(label: str) -> list[str]:
    return [f"yamaS2_{label}_{number:06d}.png" for number in range(1, len(CLIP_CHANGES) + 1)]


def frame_names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.glob("*.png"))


@pytest.fixture
def videos(tmp_path: Path, clip: Path) -> Path:
    """Return a folder with the drawn clip as the fourth episode."""
    (tmp_path / "videos").mkdir()
    (tmp_path / "videos/my_favorite_anime_04.mp4").write_bytes(clip.read_bytes())
    return tmp_path / "videos"


@pytest.fixture(scope="module")
def extracted(tmp_path_factory: pytest.TempPathFactory, clip: Path) -> Path:
    """Return the folder of the clip's frames, extracted once for the tests that only look."""
    folder = tmp_path_factory.mktemp("extracted")
    (folder / "videos").mkdir()
    (folder / "videos/my_favorite_anime_04.mp4").write_bytes(clip.read_bytes())
    assert run(folder / "videos", folder / "dataset", "--pattern", "my_favorite_anime_*.mp4") == 0
    return folder / "dataset"


def test_each_drawing_is_one_frame_with_the_name_of_its_episode(extracted: Path) -> None:
    assert frame_names(extracted / "EP04") == expected_names("EP04")


def test_nothing_else_is_left(extracted: Path) -> None:
    assert listing(extracted) == ["EP04"]
    assert listing(extracted / "EP04") == [STORE, ".frames.json", *expected_names("EP04")]


def test_the_times_are_those_at_which_the_drawings_change(extracted: Path) -> None:
    times = [source["time"] for source in record_of(extracted / "EP04")["frames"].values()]
    assert times == pytest.approx([number / CLIP_FPS for number in CLIP_CHANGES], abs=HALF_A_FRAME)


def test_the_source_frames_are_counted_from_0(extracted: Path) -> None:
    numbers = [source["source_frame"] for source in record_of(extracted / "EP04")["frames"].values()]
    assert numbers == CLIP_CHANGES


def test_the_scenes_follow_the_cuts(extracted: Path) -> None:
    scenes = [source["scene"] for source in record_of(extracted / "EP04")["frames"].values()]
    assert scenes == CLIP_SCENES


def test_the_record_says_where_the_frames_come_from(extracted: Path) -> None:
    record = record_of(extracted / "EP04")
    assert list(record["frames"]) == [name.removesuffix(".png") for name in expected_names("EP04")]
    assert (record["video"], record["episode"], record["prefix"]) == ("my_favorite_anime_04.mp4", "EP04", "yamaS2")
    assert record["decoded"] == CLIP_FRAMES
    assert len(record["scene_scores"]) == CLIP_FRAMES
    assert record["settings"] == {
        "mode": "mpdecimate",
        "hi": 12800,
        "lo": 3200,
        "frac": 0.33,
        "scene_threshold": 10.0,
        "frames_per_scene": 10,
        "every_seconds": 1.0,
        "target_frames": 500,
        "start": 0.0,
        "skip_opening": 0.0,
        "skip_ending": 0.0,
        "max_frames": 0,
        "remove_similar": None,
        "deinterlace": False,
        "video_stream": None,
        "crop_bars": False,
        "format": "png",
        "quality": 95,
    }


def test_the_record_knows_its_video_again(extracted: Path, clip: Path) -> None:
    record = record_of(extracted / "EP04")
    assert record["video_size"] == clip.stat().st_size
    assert record["video_digest"] == video_digest(clip)
    assert record["video_duration"] == pytest.approx(CLIP_FRAMES / CLIP_FPS, abs=HALF_A_FRAME)


def test_the_frames_hold_the_drawings_in_full_colour_range(extracted: Path) -> None:
    drawn = clip_frames()
    for name, number in zip(expected_names("EP04"), CLIP_CHANGES, strict=True):
        pixels = read_pixels(extracted / "EP04" / name)
        assert pixels.shape == drawn[number].shape
        assert np.abs(pixels.astype(int) - drawn[number]).max() <= 3


def test_times_of_a_video_with_a_variable_rate_are_true(tmp_path: Path) -> None:
    slower = "setpts=if(lt(N\\,20)\\,N/24\\,20/24+(N-20)/12)/TB"  # from frame 20 on, each frame lasts twice as long
    write_clip(tmp_path / "videos/05.mkv", clip_frames(), "-vf", slower, "-fps_mode", "passthrough")
    assert run(tmp_path / "videos", tmp_path / "dataset") == 0
    record = record_of(tmp_path / "dataset/EP05")
    expected = [n / 24 if n < 20 else 20 / 24 + (n - 20) / 12 for n in CLIP_CHANGES]
    assert [source["time"] for source in record["frames"].values()] == pytest.approx(expected, abs=0.002)
    assert [source["source_frame"] for source in record["frames"].values()] == CLIP_CHANGES
    assert [source["scene"] for source in record["frames"].values()] == CLIP_SCENES


def test_pixels_that_are_not_square_are_made_square(tmp_path: Path) -> None:
    write_clip(tmp_path / "videos/05.mkv", clip_frames()[:3], "-vf", "setsar=3/2")
    assert run(tmp_path / "videos", tmp_path / "dataset") == 0
    assert read_pixels(tmp_path / "dataset/EP05/yamaS2_EP05_000001.png").shape == (90, 240, 3)


def test_thresholds_no_change_reaches_keep_the_first_frame_only(videos: Path, tmp_path: Path) -> None:
    assert run(videos, tmp_path / "dataset", "--hi", "20000", "--lo", "20000") == 0  # black to white: 219 * 64 = 14016
    assert frame_names(tmp_path / "dataset/EP04") == expected_names("EP04")[:1]


def test_a_threshold_no_cut_reaches_gives_one_scene(videos: Path, tmp_path: Path) -> None:
    assert run(videos, tmp_path / "dataset", "--scene-threshold", "100") == 0
    assert {source["scene"] for source in record_of(tmp_path / "dataset/EP04")["frames"].values()} == {0}


def test_the_number_of_workers_does_not_matter(videos: Path, tmp_path: Path, extracted: Path) -> None:
    assert run(videos, tmp_path / "dataset", "--workers", "1") == 0
    ours, theirs = tree(tmp_path / "dataset"), tree(extracted)
    assert {name: content for name, (content, _) in ours.items()} == {
        name: content for name, (content, _) in theirs.items()
    }


@pytest.mark.parametrize("name", ["50% [off] 'quoted' 06.mp4", "第06話 ひなた.mp4", "a:b,c;d=06.mp4", "-i 06.mp4"])
def test_any_file_name_can_be_extracted(tmp_path: Path, clip: Path, name: str) -> None:
    (tmp_path / name).write_bytes(clip.read_bytes())
    assert run(tmp_path, tmp_path / "dataset") == 0
    assert frame_names(tmp_path / "dataset/EP06") == expected_names("EP06")


def test_a_file_name_that_is_no_utf8_is_extracted_or_refused(tmp_path: Path, clip: Path) -> None:
    try:
        Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9 06.mp4")).write_bytes(clip.read_bytes())
    except OSError:
        pytest.skip("this file system takes UTF-8 names only")
    assert run(tmp_path, tmp_path / "dataset") in (0, 1, 2)


@pytest.mark.parametrize(
    ("words", "first"),
    [
        (["--prefix", "../yama/S2"], "_yama_S2_EP04_000001.png"),
        (["--prefix", "100%d"], "100_d_EP04_000001.png"),
        (["--prefix", "ひなた"], "ひなた_EP04_000001.png"),
    ],
)
def test_a_prefix_never_leads_elsewhere(videos: Path, tmp_path: Path, words: list[str], first: str) -> None:
    assert run(videos, tmp_path / "dataset", *words) == 0
    assert frame_names(tmp_path / "dataset/EP04")[0] == first


@pytest.mark.parametrize("source", ["show", "show/04.mp4"])
def test_without_a_prefix_the_name_of_the_source_is_taken(tmp_path: Path, clip: Path, source: str) -> None:
    (tmp_path / "show").mkdir()
    (tmp_path / "show/04.mp4").write_bytes(clip.read_bytes())
    assert extract_frames.main(["--src_dir", str(tmp_path / source), "--dst_dir", str(tmp_path / "out")]) == 0
    assert frame_names(tmp_path / "out/EP04")[0] == f"{Path(source).stem}_EP04_000001.png"


def test_a_second_run_skips_what_is_done(videos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(videos, tmp_path / "dataset")
    told = capsys.readouterr().out
    assert told.startswith("14 frames kept of 40 decoded from 1 episode, 26 dropped by mpdecimate, ")
    assert "x real time; 0 already done" in told
    before = tree(tmp_path / "dataset")
    assert run(videos, tmp_path / "dataset") == 0
    assert tree(tmp_path / "dataset") == before
    assert "nothing new; 1 already done" in capsys.readouterr().out


def test_frames_that_were_set_aside_do_not_come_back(videos: Path, tmp_path: Path) -> None:
    run(videos, tmp_path / "dataset")
    (tmp_path / "dataset/EP04/yamaS2_EP04_000002.png").unlink()
    run(videos, tmp_path / "dataset")
    assert len(frame_names(tmp_path / "dataset/EP04")) == 13


def test_what_a_killed_run_left_is_replaced(videos: Path, tmp_path: Path, extracted: Path) -> None:
    leftover = tmp_path / "dataset/.EP04.partial"
    leftover.mkdir(parents=True)
    (leftover / "yamaS2_EP04_999999.png").write_bytes(b"half")
    assert run(videos, tmp_path / "dataset") == 0
    assert listing(tmp_path / "dataset") == ["EP04"]
    assert frame_names(tmp_path / "dataset/EP04") == expected_names("EP04")


def test_ctrl_c_leaves_no_episode_and_the_next_run_makes_it(
    videos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(path: Path, content: str) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(atomic, "write_whole", interrupted)
        assert run(videos, tmp_path / "dataset") == 130
    assert not (tmp_path / "dataset/EP04").exists()
    assert "stopped" in capsys.readouterr().err
    assert run(videos, tmp_path / "dataset") == 0
    assert listing(tmp_path / "dataset") == ["EP04"]


def test_a_folder_without_its_record_is_set_aside_and_not_deleted(videos: Path, tmp_path: Path) -> None:
    own = tmp_path / "dataset/EP04/my drawing.png"
    own.parent.mkdir(parents=True)
    own.write_bytes(b"mine")
    assert run(videos, tmp_path / "dataset") == 0
    assert frame_names(tmp_path / "dataset/EP04") == expected_names("EP04")
    assert (tmp_path / "dataset/.removed/unfinished/EP04/my drawing.png").read_bytes() == b"mine"


def test_redo_sets_the_old_frames_aside_each_time(videos: Path, tmp_path: Path) -> None:
    run(videos, tmp_path / "dataset")
    (tmp_path / "dataset/EP04/yamaS2_EP04_000001.json").write_text("corrected")
    for _ in range(2):
        assert run(videos, tmp_path / "dataset", "--redo") == 0
    aside = tmp_path / "dataset/.removed/extracted_again"
    assert listing(aside) == ["EP04", "EP04_2"]
    assert (aside / "EP04/yamaS2_EP04_000001.json").read_text() == "corrected"
    assert frame_names(tmp_path / "dataset/EP04") == expected_names("EP04")


def test_a_broken_video_is_reported_and_the_good_one_is_done(
    videos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = videos / "my_favorite_anime_03.mp4"
    broken.write_bytes(b"no video" * 100)
    assert run(videos, tmp_path / "dataset") == 1
    out, err = capsys.readouterr()
    [listed] = [line for line in err.splitlines() if line.startswith("unreadable: ")]
    assert str(broken) in listed
    assert len(listed.removeprefix(f"unreadable: {broken}: ")) > 5
    assert "14 frames" in out
    assert "1 unreadable" in out
    assert listing(tmp_path / "dataset") == ["EP04"]


@pytest.mark.parametrize("suffix", [".mkv", ".mp4"])
def test_a_video_that_is_cut_short_is_reported(tmp_path: Path, suffix: str, capsys: pytest.CaptureFixture[str]) -> None:
    video = write_clip(tmp_path / f"videos/05{suffix}", clip_frames(), "-movflags", "+faststart", "-g", "10")
    content = video.read_bytes()
    video.write_bytes(content[: len(content) * 3 // 4])
    assert run(tmp_path / "videos", tmp_path / "dataset") == 1
    assert f"unreadable: {video}: " in capsys.readouterr().err
    assert 0 < len(frame_names(tmp_path / "dataset/EP05")) < 14


def test_a_video_that_is_damaged_in_the_middle_is_reported(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    video = write_clip(tmp_path / "videos/05.mp4", clip_frames(), "-movflags", "+faststart", "-g", "10")
    content = bytearray(video.read_bytes())
    content[len(content) // 2 : len(content) // 2 + 400] = b"\x55" * 400
    video.write_bytes(content)
    assert run(tmp_path / "videos", tmp_path / "dataset") == 1
    assert f"unreadable: {video}: " in capsys.readouterr().err


def test_sound_without_frames_is_reported(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "videos").mkdir()
    words = ["-y", "-loglevel", "error", "-f", "lavfi", "-i", "sine=d=0.2", str(tmp_path / "videos/05.mkv")]
    subprocess.run([find_ffmpeg().path, *words], check=True)
    assert run(tmp_path / "videos", tmp_path / "dataset") == 1
    assert "05.mkv" in capsys.readouterr().err
    assert not (tmp_path / "dataset/EP05").exists()


@pytest.mark.parametrize(
    ("kind", "reason"), [("folder", "it is no file"), ("empty", "it is empty"), ("text", "it has no video stream")]
)
def test_what_is_no_video_is_one_sentence_and_the_others_go_on(
    videos: Path, tmp_path: Path, kind: str, reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    odd = videos / "my_favorite_anime_05.MP4"
    if kind == "folder":
        odd.mkdir()
    else:
        odd.write_text("no video" if kind == "text" else "")
    assert run(videos, tmp_path / "dataset") == 1
    assert f"unreadable: {odd}: {reason}" in capsys.readouterr().err
    assert listing(tmp_path / "dataset") == ["EP04"]


def test_hdr_needs_zscale(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    tags = ("-bsf:v", "h264_metadata=transfer_characteristics=16")
    write_clip(tmp_path / "videos/01.mkv", clip_frames()[:3], *tags)
    lacking = Ffmpeg(find_ffmpeg().path, (7, 0), zimg=False)
    monkeypatch.setattr(extract_frames, "find_ffmpeg", lambda: lacking)
    assert run(tmp_path / "videos", tmp_path / "dataset") == 1
    assert "it is HDR and" in capsys.readouterr().err


def test_a_full_disk_is_one_sentence_and_leaves_only_whole_episodes(
    videos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copy(next(videos.iterdir()), videos / "again - 05.mp4")
    room = [20]

    def write(path: Path, content: bytes) -> int:
        room[0] -= path.suffix == ".tmp" and ".png" in path.name
        if room[0] < 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        return len(Path(path).open("wb").write(content) * b"x")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_bytes", write)
        assert run(videos, tmp_path / "dataset", "--workers", "1") == 2
    sentence = one_sentence(capsys.readouterr().err.splitlines()[-1])
    assert "the disk is full" in sentence
    assert str(tmp_path / "dataset") in sentence
    assert listing(tmp_path / "dataset") == ["EP04"]
    assert run(videos, tmp_path / "dataset") == 0
    assert listing(tmp_path / "dataset") == ["EP04", "EP05"]


def test_a_killed_run_is_continued_without_doubles(tmp_path: Path, clip: Path) -> None:
    (tmp_path / "videos").mkdir()
    for number in range(1, 7):
        shutil.copy(clip, tmp_path / f"videos/show - {number:02d}.mp4")
    words = [sys.executable, extract_frames.__file__, str(tmp_path / "videos"), "--dst_dir", str(tmp_path / "dataset")]
    with subprocess.Popen([*words, "--workers", "1"], stderr=subprocess.PIPE) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if b"03.mp4" in line:
                process.kill()
                break
    done = [name for name in listing(tmp_path / "dataset") if not name.startswith(".")]
    assert 2 <= len(done) < 6
    before = {path: path.stat().st_mtime_ns for path in find_frames(tmp_path / "dataset")}
    assert subprocess.run(words, check=True, capture_output=True).returncode == 0
    assert listing(tmp_path / "dataset") == [f"EP{number:02d}" for number in range(1, 7)]
    assert len(find_frames(tmp_path / "dataset")) == 6 * len(CLIP_CHANGES)
    assert all(path.stat().st_mtime_ns == time for path, time in before.items())


def test_several_episodes_at_once_give_what_one_after_the_other_gives(videos: Path, tmp_path: Path) -> None:
    for number in (5, 6):
        shutil.copy(next(videos.iterdir()), videos / f"again - {number:02d}.mp4")
    for workers in ("1", "3"):
        words = [str(videos), "--dst_dir", str(tmp_path / workers), "--prefix", "x", "--remove_similar", "0.9"]
        assert extract_frames.main([*words, "--workers", workers]) == 0
    one, three = ({name: content for name, (content, _) in tree(tmp_path / w).items()} for w in ("1", "3"))
    assert one == three


def test_the_expression_for_episodes_wins(videos: Path, tmp_path: Path) -> None:
    words = ("--pattern", "my_favorite_anime_*.mp4", "--episode_pattern", r"anime_\d(\d)")
    shutil.move(videos / "my_favorite_anime_04.mp4", videos / "my_favorite_anime_17.mp4")
    assert run(videos, tmp_path / "dataset", *words) == 0
    assert listing(tmp_path / "dataset") == ["EP07"]


def test_a_device_that_is_missing_changes_nothing_but_a_line(
    videos: Path, tmp_path: Path, extracted: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(videos, tmp_path / "dataset", "--hwaccel", "qsv") == 0
    assert "--hwaccel qsv cannot decode" in capsys.readouterr().err
    assert frame_names(tmp_path / "dataset/EP04") == frame_names(extracted / "EP04")


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["--src_dir", "nowhere"], "nowhere does not exist"),
        (["--src_dir", "."], "no video in . fits --pattern *"),
        (["--src_dir", ".", "--hi", "much"], "much is no whole number; write one such as 512"),
        (["--src_dir", ".", "--scene_threshold", "0"], "0 is not above 0"),
        (["--src_dir", ".", "--prefixx", "a"], "did you mean --prefix?"),
    ],
)
def test_wrong_use_is_one_sentence(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    words: list[str],
    complaint: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert extract_frames.main(["--dst_dir", "dataset", *words]) == 2
    assert complaint in one_sentence(capsys.readouterr().err)
    assert listing(tmp_path) == []


def test_both_folders_must_be_given(capsys: pytest.CaptureFixture[str]) -> None:
    assert extract_frames.main([]) == 2
    assert "--dst_dir and --src_dir" in one_sentence(capsys.readouterr().err).replace(
        "--src_dir and --dst_dir", "--dst_dir and --src_dir"
    )


def test_two_videos_of_one_episode_are_refused_and_both_named(
    videos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (videos / "other - 04v2.mkv").touch()
    assert run(videos, tmp_path / "dataset") == 2
    said = one_sentence(capsys.readouterr().err)
    assert "my_favorite_anime_04.mp4" in said
    assert "other - 04v2.mkv" in said
    assert not (tmp_path / "dataset").exists()


def test_limit_takes_the_first_episodes(videos: Path, tmp_path: Path) -> None:
    for number in (10, 9):
        (videos / f"my_favorite_anime_{number}.mp4").write_bytes(b"never opened")
    assert run(videos, tmp_path / "dataset", "--limit", "1") == 0
    assert listing(tmp_path / "dataset") == ["EP04"]


def test_the_configuration_file_describes_the_dataset(videos: Path, tmp_path: Path) -> None:
    config = tmp_path / "dataset.toml"
    table = {
        "src_dir": str(videos),
        "dst_dir": str(tmp_path / "dataset"),
        "prefix": "yamaS2",
        "pattern": "*anime_*.mp4",
    }
    lines = [f"{key} = {json.dumps(value)}" for key, value in table.items()]
    config.write_text("\n".join(["[extract_frames]", *lines]), encoding="utf-8")
    assert extract_frames.main(["--config", str(config)]) == 0
    assert frame_names(tmp_path / "dataset/EP04") == expected_names("EP04")


def test_planes_become_pixels_frame_by_frame_also_from_short_reads() -> None:
    class Drops(io.BytesIO):
        def readinto(self, buffer: Any) -> int:
            return super().readinto(memoryview(buffer)[:4])

    planes = np.empty((3, 1, 2), np.uint8)
    stream = Drops(b"gGbBrR" + b"\n" * 6 + b"half")
    first, second = read_planes(stream, planes), read_planes(stream, planes)
    assert first is not None
    assert second is not None
    assert first.tolist() == [[list(b"rgb"), list(b"RGB")]]
    assert second.tolist() == [[[10, 10, 10]] * 2]
    assert read_planes(stream, planes) is None
    assert read_planes(stream, planes) is None


def test_the_settings_reach_the_filters() -> None:
    view = ffmpeg.View(Path("x.mkv"), VideoStream(160, 90))
    command = decode_command(find_ffmpeg(), view, Sampling(hi=1, lo=2, frac=0.5, end=7), "gte(t,1)", Path("small"))
    [graph] = [word for word in command if "mpdecimate" in word]
    assert "mpdecimate=frac=0.5:hi=1:lo=2" in graph
    assert "select=gte" in graph
    assert command[command.index("-to") + 1] == "7.000000"
    assert str(Path("x.mkv").absolute()) in command


def test_memory_does_not_grow_with_the_video(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn, written = [0], [0]

    def endless() -> Any:
        for pixels in clip_frames():
            drawn[0] += 1
            assert drawn[0] - written[0] <= extract.WAITING + 2
            yield pixels

    def write(path: Path, pixels: Any, quality: int) -> int:
        written[0] += 1
        return 0

    monkeypatch.setattr(extract, "write_frame", write)
    episode = Episode(Path("x.mkv"), "EP01", "x")
    coming = extract.compare(endless(), episode, None, "png", KeptDescriptors())
    with ThreadPoolExecutor(1) as pool:
        found = extract.write_frames(coming, tmp_path, episode, None, 0, extract.Encoding("png", 95), pool)
    assert (len(found.frames), found.similar) == (CLIP_FRAMES, {})


@pytest.mark.parametrize("thresh", ["0.8", "0.985"])
def test_one_pass_keeps_what_the_two_scripts_keep(videos: Path, tmp_path: Path, thresh: str) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    shutil.copy(next(videos.iterdir()), videos / "again - 05.mp4")
    assert extract_frames.main(["--src_dir", str(videos), "--dst_dir", str(two), "--prefix", "x"]) == 0
    assert remove_similar.main(["--src_dir", str(two), "--thresh", thresh, "--keep", "first", "--no_filters"]) == 0
    words = ["--src_dir", str(videos), "--dst_dir", str(one), "--prefix", "x", "--remove_similar", thresh]
    assert extract_frames.main(words) == 0
    names = [path.relative_to(two).as_posix() for path in find_frames(two)]
    assert [path.relative_to(one).as_posix() for path in find_frames(one)] == names
    dropped: dict[str, str] = {}
    for record in one.glob("EP*/.frames.json"):
        values = json.loads(record.read_text(encoding="utf-8"))
        dropped |= {f"{values['episode']}/{stem}.png": of["resembles"] for stem, of in values["similar"].items()}
    assert sorted(dropped) == sorted(record["frame"] for record in journal.read_lines(two / removed.MANIFEST))
    assert set(dropped.values()) <= set(names)
    assert dropped


def test_stored_descriptors_are_those_of_the_frames(extracted: Path) -> None:
    store = read_store(extracted / "EP04")
    assert list(store) == expected_names("EP04")
    for path in find_frames(extracted / "EP04"):
        assert store[path.name].size == path.stat().st_size
        assert np.array_equal(store[path.name].vector, describe(read_pixels(path)))


@pytest.mark.parametrize("more", [[], ["--remove_similar"], ["--format", "jpg"]])
def test_what_was_extracted_is_not_decoded_again_to_be_compared(
    videos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, more: list[str]
) -> None:
    words = ["--src_dir", str(videos), "--dst_dir", str(tmp_path / "one"), *more]
    assert extract_frames.main(words) == 0
    monkeypatch.setattr(decode, "read_pixels", lambda path: pytest.fail(f"{path} was decoded"))
    assert remove_similar.main(["--src_dir", str(tmp_path / "one")]) == 0


def test_one_pass_compares_with_the_episodes_that_are_there(videos: Path, tmp_path: Path) -> None:
    words = ["--src_dir", str(videos), "--dst_dir", str(tmp_path / "one"), "--prefix", "x", "--remove_similar"]
    assert extract_frames.main(words) == 0
    before = len(find_frames(tmp_path / "one"))
    shutil.copy(next(videos.iterdir()), videos / "again - 05.mp4")
    assert extract_frames.main(words) == 0
    assert len(find_frames(tmp_path / "one")) == before


def test_the_drawn_clip_is_what_these_tests_take_it_for() -> None:
    drawn = clip_frames()
    changes = [0, *(n for n in range(1, len(drawn)) if not np.array_equal(drawn[n], drawn[n - 1]))]
    assert (len(drawn), changes) == (CLIP_FRAMES, CLIP_CHANGES)
    assert tuple(drawn[0][0, 0]) == BLACK
    assert int((drawn[0] == 255).all(axis=2).sum()) == SQUARE**2


def numbers(dataset: Path) -> list[int]:
    """Return the source frames that were kept of EP04."""
    return [source["source_frame"] for source in record_of(dataset / "EP04")["frames"].values()]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--mode", "all"], list(range(CLIP_FRAMES))),
        (["--mode", "interval", "--every_seconds", "0.5"], [0, 12, 24, 36]),
        (["--mode", "interval", "--every_seconds", "0.5", "--start", "0.25"], [6, 18, 30]),
        (["--mode", "uniform", "--target_frames", "4"], [0, 11, 21, 31]),
        (["--mode", "all", "--start", "0.5", "--end", "0:00:00.75"], list(range(12, 18))),
        (["--mode", "all", "--skip_opening", "1.5"], list(range(36, CLIP_FRAMES))),
        (["--mode", "all", "--skip_ending", "1.52"], [0, 1, 2, 3]),
        (["--mode", "all", "--max_frames", "3"], [0, 1, 2]),
        (["--mode", "scene", "--frames_per_scene", "1000"], list(range(CLIP_FRAMES))),
    ],
    ids=str,
)
def test_modes_take_the_frames_that_they_promise(
    videos: Path, tmp_path: Path, words: list[str], expected: list[int]
) -> None:
    assert CLIP_FPS == 24
    assert run(videos, tmp_path / "dataset", *words) == 0
    assert numbers(tmp_path / "dataset") == expected
    assert len(find_frames(tmp_path / "dataset")) == len(expected)


def test_mode_scene_takes_the_same_number_of_each_scene(videos: Path, tmp_path: Path) -> None:
    assert run(videos, tmp_path / "dataset", "--mode", "scene", "--frames_per_scene", "2") == 0
    scenes = [source["scene"] for source in record_of(tmp_path / "dataset" / "EP04")["frames"].values()]
    assert scenes == sorted([*set(CLIP_SCENES)] * 2)


def test_mode_hybrid_is_scene_and_interval_together(videos: Path, tmp_path: Path) -> None:
    taken: dict[str, list[int]] = {}
    for mode in ("scene", "interval", "hybrid"):
        words = ["--mode", mode]
        words += ["--frames_per_scene", "1"] if mode != "interval" else []
        words += ["--every_seconds", "0.3"] if mode != "scene" else []
        assert run(videos, tmp_path / mode, *words) == 0
        taken[mode] = numbers(tmp_path / mode)
    assert taken["hybrid"] == sorted({*taken["scene"], *taken["interval"]})


def test_mode_keyframe_takes_the_i_frames(tmp_path: Path) -> None:
    (tmp_path / "videos").mkdir()
    write_clip(tmp_path / "videos/04.mkv", clip_frames(), "-g", "10", "-keyint_min", "10", "-sc_threshold", "0")
    assert run(tmp_path / "videos", tmp_path / "dataset", "--mode", "keyframe") == 0
    assert numbers(tmp_path / "dataset") == [0, 10, 20, 30]


@pytest.mark.parametrize("suffix", ["jpg", "webp"])
def test_frames_can_be_written_in_other_formats(videos: Path, tmp_path: Path, suffix: str) -> None:
    words = ["--format", suffix, "--quality", "80", "--remove_similar"]
    assert run(videos, tmp_path / "dataset", *words) == 0
    found = find_frames(tmp_path / "dataset")
    assert found
    assert {frame.suffix for frame in found} == {f".{suffix}"}
    assert read_pixels(found[0]).shape == clip_frames()[0].shape


def test_another_scene_threshold_needs_no_decoding(
    videos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(videos, tmp_path / "dataset") == 0
    monkeypatch.setattr(read, "decode", lambda *words: pytest.fail("it was decoded"))
    assert run(videos, tmp_path / "dataset", "--scene_threshold", "99") == 0
    record = record_of(tmp_path / "dataset" / "EP04")
    assert {source["scene"] for source in record["frames"].values()} == {0}
    assert record["settings"]["scene_threshold"] == 99
    assert "1 episode got the scenes of --scene_threshold 99" in capsys.readouterr().out
    assert run(videos, tmp_path / "dataset") == 0
    assert [source["scene"] for source in record_of(tmp_path / "dataset" / "EP04")["frames"].values()] == CLIP_SCENES


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["--start", "5", "--end", "4"], "--end must lie after --start"),
        (["--start", "1:00"], "is left"),
        (["--mode", "random"], "there is no random; it takes mpdecimate"),
        (["--start", "soon"], "soon is no time: use seconds or H:MM:SS"),
        (["--format", "jpg", "--quality", "0"], "--quality must be 1 to 100"),
        (["--quality", "50"], "--quality has a use only with --format jpg or webp"),
        (["--mode", "all", "--hi", "1"], "--hi has a use only with --mode mpdecimate"),
        (["--episode_pattern", "(["], "is no regular expression"),
        (["--episode_pattern", "x"], "has no group"),
    ],
)
def test_wrong_sampling_is_one_sentence(
    videos: Path, tmp_path: Path, words: list[str], complaint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(videos, tmp_path / "dataset", *words) == 2
    assert complaint in one_sentence(capsys.readouterr().err.splitlines()[-1])
    assert find_frames(tmp_path / "dataset") == [] if (tmp_path / "dataset").exists() else True
