"""Odd videos: each gives frames, and the good episode beside it is done; what is none is one listed sentence."""

import subprocess
from pathlib import Path

import imageio_ffmpeg
import pytest

import extract_frames
from framekit.pixels.decode import read_pixels
from tests.conftest import clip_frames, write_clip
from tests.helpers_dataset import frames_in

LAVFI = "testsrc2=size=160x90:rate=24:duration=1"


def ffmpeg(path: Path, *words: str) -> None:
    """Make a video with ffmpeg's own test picture."""
    path.parent.mkdir(parents=True, exist_ok=True)
    command = [
        imageio_ffmpeg.get_ffmpeg_exe(),
        "-y",
        "-loglevel",
        "error",
        "-f",
        "lavfi",
        "-i",
        LAVFI,
        *words,
        str(path),
    ]
    subprocess.run(command, check=True)


ODD = {
    "yuv444p10.mkv": ["-c:v", "libx264", "-pix_fmt", "yuv444p10le"],
    "ffv1.mkv": ["-c:v", "ffv1"],
    "mpeg2.mpg": ["-c:v", "mpeg2video"],
    "mjpeg.avi": ["-c:v", "mjpeg"],
    "vp9.webm": ["-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8"],
    "grey.mkv": ["-c:v", "libx264", "-pix_fmt", "gray"],
    "one_frame.mp4": ["-frames:v", "1"],
    "odd_size.mkv": ["-vf", "scale=161:91", "-c:v", "ffv1"],
    "variable.mkv": ["-vf", "select='mod(n,5)'", "-fps_mode", "vfr", "-c:v", "libx264"],
    "late.mkv": ["-output_ts_offset", "100", "-c:v", "libx264"],
    "stream.ts": ["-c:v", "libx264"],
}


def extract(tmp_path: Path) -> int:
    write_clip(tmp_path / "videos" / "good - 02.mp4", clip_frames())
    return extract_frames.main(
        ["--src_dir", str(tmp_path / "videos"), "--dst_dir", str(tmp_path / "out"), "--prefix", "s"]
    )


@pytest.mark.parametrize("name", ODD)
def test_an_odd_video_gives_frames_and_the_other_is_done(tmp_path: Path, name: str) -> None:
    ffmpeg(tmp_path / "videos" / f"odd - 01.{name.split('.')[1]}", *ODD[name])
    assert extract(tmp_path) == 0
    found = frames_in(tmp_path / "out")
    assert any(path.startswith("EP01/") for path in found)
    assert any(path.startswith("EP02/") for path in found)
    height, width, _ = read_pixels(tmp_path / "out" / found[0]).shape
    assert abs(width / height - 16 / 9) < 0.02


def test_a_video_whose_size_changes_gives_frames_of_one_size(tmp_path: Path) -> None:
    parts = []
    for number, size in enumerate(("160x90", "320x180")):
        parts.append(tmp_path / f"{number}.ts")
        ffmpeg(parts[-1], "-vf", f"scale={size.replace('x', ':')}", "-c:v", "libx264", "-pix_fmt", "yuv420p")
    (tmp_path / "videos").mkdir()
    (tmp_path / "videos" / "odd - 01.ts").write_bytes(b"".join(part.read_bytes() for part in parts))
    assert extract(tmp_path) in (0, 1)
    shapes = {read_pixels(tmp_path / "out" / name).shape for name in frames_in(tmp_path / "out") if "EP01" in name}
    assert len(shapes) == 1


@pytest.mark.parametrize(
    "content", [b"", b"\x00" * 4096, b"#EXTM3U\n/etc/passwd\n", b"ffconcat version 1.0\nfile /etc/passwd\n"]
)
@pytest.mark.parametrize("suffix", ["mp4", "mkv"])
def test_what_is_no_video_is_listed_and_the_other_is_done(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: bytes, suffix: str
) -> None:
    (tmp_path / "videos").mkdir()
    (tmp_path / "videos" / f"bad - 01.{suffix}").write_bytes(content)
    assert extract(tmp_path) == 1
    said = capsys.readouterr().err
    assert f"bad - 01.{suffix}" in said
    assert "root:" not in said
    assert [name for name in frames_in(tmp_path / "out") if name.startswith("EP02/")]
