"""What is told of videos that are cut or damaged: their beginning, gaps, corrupt frames, their end."""

import json
import subprocess
from itertools import pairwise
from pathlib import Path

import pytest

import extract_frames
from framekit.video.damage import missing
from framekit.video.ffmpeg import find_ffmpeg
from framekit.video.scenes import FrameLog

CODECS = {
    "h264": ("-c:v", "libx264", "-preset", "ultrafast", "-g", "24", "-threads", "1"),
    "mpeg2": ("-c:v", "mpeg2video", "-g", "12", "-b:v", "2M"),
    "wmv": ("-c:v", "wmv2", "-b:v", "2M"),
    "hevc": ("-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "keyint=24:log-level=none"),
}
PACKET = 188  # bytes of a transport stream


def drawn(path: Path, codec: str) -> Path:
    """Encode four seconds of moving pictures."""
    path.parent.mkdir(parents=True, exist_ok=True)
    source = ["-f", "lavfi", "-i", "testsrc2=size=320x180:rate=24:duration=4"]
    faststart = ["-movflags", "+faststart"] if path.suffix == ".mp4" else []
    command = [find_ffmpeg().path, "-y", "-v", "error", *source, *CODECS[codec], *faststart, str(path)]
    subprocess.run(command, check=True)
    return path


def extracted(video: Path, folder: Path, capsys: pytest.CaptureFixture[str]) -> tuple[int, str, list[float]]:
    """Extract all frames; return the exit code, what was said, and the times of the frames."""
    code = extract_frames.main(["--src_dir", str(video), "--dst_dir", str(folder), "--mode", "all"])
    [record] = folder.glob("*/.frames.json")
    frames = json.loads(record.read_text(encoding="utf-8"))["frames"]
    return code, capsys.readouterr().err, [source["time"] for source in frames.values()]


@pytest.mark.parametrize("codec", ["h264", "hevc"])
def test_a_recording_that_begins_within_a_group_is_whole_but_for_its_beginning(
    codec: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    video = drawn(tmp_path / "videos/01.ts", codec)
    content = video.read_bytes()
    video.write_bytes(content[len(content) // PACKET // 10 * PACKET :])
    code, said, times = extracted(video, tmp_path / "out", capsys)
    assert code == 0
    assert f"the first {times[0]:.2f} s cannot be decoded" in said
    assert times[0] > 0.2
    assert "unreadable" not in said


@pytest.mark.parametrize("codec", ["h264", "mpeg2", "hevc"])
def test_lost_packets_are_a_gap_with_its_times(codec: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    video = drawn(tmp_path / "videos/01.ts", codec)
    content = video.read_bytes()
    tenth = len(content) // PACKET // 10 * PACKET
    video.write_bytes(content[: tenth * 4] + content[tenth * 6 :])
    code, said, times = extracted(video, tmp_path / "out", capsys)
    assert code == 1
    before, after = max(pairwise(times), key=lambda pair: pair[1] - pair[0])
    assert after - before > 0.2
    assert f"{before + 1 / 24:.2f} to {after:.2f} s" in said
    assert "cannot be decoded" not in said
    assert "cut short" not in said


@pytest.mark.parametrize(("codec", "suffix"), [("h264", "mkv"), ("h264", "mp4"), ("mpeg2", "mkv"), ("hevc", "mp4")])
def test_a_truncated_end_is_told_with_its_time(
    codec: str, suffix: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    video = drawn(tmp_path / f"videos/01.{suffix}", codec)
    content = video.read_bytes()
    video.write_bytes(content[: len(content) * 6 // 10])
    code, said, times = extracted(video, tmp_path / "out", capsys)
    assert code == 1
    assert f"cut short, it ends at {times[-1] + 1 / 24:.1f}" in said.replace(
        f"{times[-1] + 1 / 24:.2f}", f"{times[-1] + 1 / 24:.1f}"
    )
    assert "of 4.0" in said
    assert "cannot be decoded" not in said


@pytest.mark.parametrize(("codec", "suffix"), [("h264", "avi"), ("mpeg2", "ts"), ("h264", "mkv")])
def test_frames_that_the_decoder_marks_corrupt_are_left_out_and_counted(
    codec: str, suffix: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    video = drawn(tmp_path / f"videos/01.{suffix}", codec)
    content = bytearray(video.read_bytes())
    for place in range(len(content) // 2, len(content) // 2 + 3000, 150):
        content[place] ^= 0x55
    video.write_bytes(content)
    code, said, times = extracted(video, tmp_path / "out", capsys)
    assert code == 1
    [record] = (tmp_path / "out").glob("*/.frames.json")
    decoded = json.loads(record.read_text(encoding="utf-8"))["decoded"]
    assert len(times) < decoded
    left_out = decoded - len(times)
    assert f"{left_out} frame{'s' if left_out > 1 else ''} that the decoder marks as corrupt left out" in said


@pytest.mark.parametrize(("codec", "suffix"), [("h264", "ts"), ("h264", "avi"), ("mpeg2", "mkv"), ("hevc", "mp4")])
def test_a_whole_video_is_not_complained_of(
    codec: str, suffix: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, said, times = extracted(drawn(tmp_path / f"videos/01.{suffix}", codec), tmp_path / "out", capsys)
    assert (code, len(times)) == (0, 96)
    assert len(said.splitlines()) == 1


@pytest.mark.parametrize("suffix", ["mkv", "ts"])
def test_an_end_of_zeros_is_told(suffix: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    video = drawn(tmp_path / f"videos/01.{suffix}", "hevc")
    content = video.read_bytes()
    whole = len(content) * 7 // 10
    video.write_bytes(content[:whole] + bytes(2**17))
    code, said, times = extracted(video, tmp_path / "out", capsys)
    assert (code, len(times) < 96) == (1, True)
    assert "cut short, it ends at" in said


def test_an_mp4_without_its_index_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    whole = drawn(tmp_path / "videos/01.mp4", "h264")
    video = tmp_path / "videos/02.mp4"
    command = [find_ffmpeg().path, "-v", "error", "-i", str(whole), "-c", "copy", str(video)]
    subprocess.run(command, check=True)
    video.write_bytes(video.read_bytes()[:-4000])
    code, said, times = extracted(whole.parent, tmp_path / "out", capsys)
    assert (code, len(times)) == (1, 96)
    assert "02.mp4: it lacks its index" in said


def test_packets_that_a_wmv_lacks_are_a_gap(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    video = drawn(tmp_path / "videos/01.wmv", "wmv")
    content = video.read_bytes()
    video.write_bytes(content[: len(content) * 4 // 10] + content[len(content) * 6 // 10 :])
    code, said, _ = extracted(video, tmp_path / "out", capsys)
    assert code == 1
    assert "damaged, nothing from " in said


def test_damage_outside_of_the_wanted_part_is_not_told() -> None:
    log = FrameLog(["0", "0.04", "0.08", "1.5", "1.54", "1.58"], [0.0] * 6, ("bad block",))
    assert missing(log, {4}, 1.62, False, (0.0, 0.1)).trouble == ""
    assert missing(log, {4}, 1.62, True, (1.7, 2.0)).trouble == ""
    assert missing(log, {4}, 1.62, True, (1.0, 2.0)).trouble.startswith("damaged, nothing from 0.12 to 1.50 s")


def test_a_varying_rate_is_no_gap_without_a_complaint() -> None:
    times = ["0", "0.04", "0.08", "1.5", "1.54"]
    whole = FrameLog(times, [0.0] * 5)
    assert missing(whole, (), 1.6, True).trouble == ""
    damaged = FrameLog(times, [0.0] * 5, ("bad block",))
    assert missing(damaged, (), 1.6, True).trouble == "damaged, nothing from 0.12 to 1.50 s"
    assert "ends at 1.54 of 9.00 s" in missing(damaged, {4}, 9.0, True).trouble
    assert "ends" not in missing(damaged, {4}, 9.0, False).trouble
