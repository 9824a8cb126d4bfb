"""Which stream is taken, which frames are deinterlaced, whether bars are bars: on files that ffmpeg wrote."""

import os
import subprocess
from pathlib import Path

import numpy as np
import pytest

import extract_frames
from framekit.dataset.frames import find_frames
from framekit.pixels.decode import Pixels, read_pixels
from framekit.video import ffmpeg, stream
from framekit.video.ffmpeg import find_ffmpeg

MPEG2 = ("-c:v", "mpeg2video", "-b:v", "8M", "-pix_fmt", "yuv420p")
INTERLACED = ("-vf", "tinterlace=interleave_top,setfield=tff", *MPEG2, "-flags", "+ilme+ildct")


def source(size: str, rate: str = "24", duration: float = 1) -> list[str]:
    """Return the words for a moving test picture."""
    return ["-f", "lavfi", "-i", f"testsrc2=size={size}:rate={rate}:duration={duration}"]


def write(path: Path, *words: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    subprocess.run([find_ffmpeg().path, "-y", "-v", "error", *words, str(path)], check=True)
    return path


def taken(video: Path, folder: Path, *words: str, code: int = 0) -> list[Pixels]:
    """Extract the frames of a video and return them."""
    assert extract_frames.main(["--src_dir", str(video), "--dst_dir", str(folder), *words]) == code
    return [read_pixels(path) for path in find_frames(folder)] if folder.exists() else []


def two_streams(path: Path, *words: str) -> Path:
    """Write a small video stream and a large one."""
    maps = ["-map", "0:v", "-map", "1:v", "-c:v", "mpeg2video", *words]
    return write(path, *source("160x96"), *source("320x192"), *maps)


SECOND = ("-disposition:v:0", "0", "-disposition:v:1", "default")
FIRST = ("-disposition:v:0", "default", "-disposition:v:1", "0")
PROGRAMS = ("-program", "st=0:title=a", "-program", "st=1:title=b")


@pytest.mark.parametrize(
    ("name", "words", "width"),
    [("01.mkv", SECOND, 320), ("01.mkv", FIRST, 160), ("01.ts", (), 320), ("01.ts", PROGRAMS, 320)],
    ids=["default second", "default first", "no mark", "two programs"],
)
def test_the_stream_of_a_player_is_taken_and_told(
    tmp_path: Path, name: str, words: tuple[str, ...], width: int, capsys: pytest.CaptureFixture[str]
) -> None:
    video = two_streams(tmp_path / "videos" / name, *words)
    assert {one.shape[1] for one in taken(video, tmp_path / "out", "--max_frames", "2")} == {width}
    number = 1 if width == 320 else 0
    assert f"video stream {number} is taken of 0 (160x96), 1 (320x192)" in capsys.readouterr().err


def test_another_stream_can_be_asked_for(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    video = two_streams(tmp_path / "videos/01.mkv", *SECOND)
    frames = taken(video, tmp_path / "out", "--max_frames", "2", "--video_stream", "0")
    assert {one.shape[1] for one in frames} == {160}
    assert "is taken of" not in capsys.readouterr().err
    taken(video, tmp_path / "none", "--video_stream", "7", code=1)
    assert "it has no video stream 7; it has 0 (160x96), 1 (320x192)" in capsys.readouterr().err


@pytest.mark.parametrize("mark", [(), ("-disposition:v:0", "attached_pic")], ids=["unmarked", "marked"])
def test_a_large_cover_is_never_taken(tmp_path: Path, mark: tuple[str, ...]) -> None:
    maps = ["-map", "0:v", "-map", "1:v", "-c:v:0", "png", "-frames:v:0", "1", "-c:v:1", "mpeg2video", *mark]
    video = write(tmp_path / "videos/01.mkv", *source("640x640"), *source("160x96"), *maps)
    assert {one.shape[1] for one in taken(video, tmp_path / "out", "--max_frames", "2")} == {160}


def combs(pixels: Pixels) -> float:
    """Return the share of pixels, in percent, that stand out from both the line above and the one below alike."""
    luma = pixels[:, :, 1].astype(int)
    above, here, below = luma[:-2], luma[1:-1], luma[2:]
    return float((((here - above) * (here - below) > 100) & (abs(above - below) < 10)).mean() * 100)


@pytest.mark.parametrize("suffix", ["vob", "ts", "mkv"])
def test_a_video_that_turns_interlaced_has_no_combs(tmp_path: Path, suffix: str) -> None:
    plain = write(tmp_path / "p.m2v", *source("320x192", "30000/1001", 1), *MPEG2)
    woven = write(tmp_path / "i.m2v", *source("320x192", "60000/1001", 1), *INTERLACED)
    (tmp_path / "both.m2v").write_bytes(plain.read_bytes() + woven.read_bytes())
    copied = ["-fflags", "+genpts", "-f", "mpegvideo", "-i", str(tmp_path / "both.m2v"), "-c", "copy"]
    frames = taken(write(tmp_path / f"videos/01.{suffix}", *copied), tmp_path / "out", "--mode", "all")
    assert len(frames) == 60
    clean = max(combs(one) for one in frames[:30])
    assert max(combs(one) for one in frames[30:]) <= clean + 0.2
    raw = taken(write(tmp_path / "raw/01.mkv", *source("320x192", "60000/1001", 1), *INTERLACED), tmp_path / "raw_out")
    assert max(combs(one) for one in raw) <= clean + 0.2


def pulled_down(content: bytes) -> bytes:
    """Set the flags of 2:3 pulldown in an MPEG-2 stream without B frames, as DVDs of films have them."""
    stream_, place, number, top_first = bytearray(content), 0, 0, 1
    while (place := stream_.find(b"\x00\x00\x01", place)) >= 0:
        code, kind = stream_[place + 3], stream_[place + 4] >> 4
        if code == 0xB3:
            stream_[place + 7] = stream_[place + 7] & 0xF0 | 4
        if code == 0xB5 and kind == 1:
            stream_[place + 5] &= ~8
        if code == 0xB5 and kind == 8:
            repeat = number % 2
            stream_[place + 7] = stream_[place + 7] & ~0x83 | top_first << 7 | repeat << 1 | 1
            stream_[place + 8] |= 0x80
            top_first ^= repeat
            number += 1
        place += 4
    return bytes(stream_)


def test_soft_telecine_comes_out_as_its_film_frames_also_before_an_interlaced_part(tmp_path: Path) -> None:
    film = write(tmp_path / "film.m2v", *source("320x192", "24000/1001", 1), *MPEG2)
    woven = write(tmp_path / "i.m2v", *source("320x192", "60000/1001", 1), *INTERLACED)
    (tmp_path / "both.m2v").write_bytes(pulled_down(film.read_bytes()) + woven.read_bytes())
    copied = ["-fflags", "+genpts", "-f", "mpegvideo", "-i", str(tmp_path / "both.m2v"), "-c", "copy"]
    frames = taken(write(tmp_path / "videos/01.vob", *copied), tmp_path / "out", "--mode", "all")
    expected = taken(
        write(tmp_path / "film/01.mkv", "-fflags", "+genpts", "-i", str(film), "-c", "copy"),
        tmp_path / "plain",
        "--mode",
        "all",
    )
    assert len(frames) == len(expected) + 30
    assert all(np.array_equal(one, other) for one, other in zip(frames, expected, strict=False))
    clean = max(combs(one) for one in expected)
    assert max(combs(one) for one in frames) <= clean + 0.2


@pytest.mark.parametrize("opening", [0.2, 2.0])
def test_bars_that_do_not_last_are_not_cut(tmp_path: Path, opening: float) -> None:
    bars = f"drawbox=w=40:h=ih:color=black:t=fill:enable='gte(t,{opening})',"
    bars += f"drawbox=x=280:w=40:h=ih:color=black:t=fill:enable='gte(t,{opening})'"
    video = write(
        tmp_path / "videos/01.mkv", *source("320x180", "24", 13), "-vf", bars, "-c:v", "libx264", "-preset", "ultrafast"
    )
    assert {one.shape for one in taken(video, tmp_path / "out", "--crop_bars", "--mode", "keyframe")} == {(180, 320, 3)}


def test_dolby_vision_profile_5_is_told() -> None:
    banner = """  Stream #0:0[0x1](und): Video: hevc (Main 10), yuv420p10le(pc), 1920x1080, 24 fps (default)
      Side data:
        DOVI configuration record: version: 1.0, profile: 5, level: 6, rpu flag: 1, el flag: 0, bl flag: 1
"""
    assert [one.dolby_vision for one in stream.read_banner(banner)] == [5]


BROKEN = {
    "missing library": "echo 'error while loading shared libraries' >&2; exit 127",
    "nonsense": "echo hello",
    "endless nonsense": "exec yes",
    "too old": "echo 'ffmpeg version 3.4.8 Copyright'",
    "hanging": "sleep 30",
}


@pytest.mark.skipif(os.name == "nt", reason="the stand-in for ffmpeg is a shell script")
@pytest.mark.parametrize("case", [*BROKEN, "another machine's"])
def test_a_broken_ffmpeg_is_passed_over_with_a_line(
    case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    bundled = find_ffmpeg().path
    script = tmp_path / "ffmpeg"
    script.write_bytes(
        f"#!/bin/sh\n{BROKEN[case]}\n".encode() if case in BROKEN else b"\x7fELF\x02\x01\x01" + bytes(60)
    )
    script.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    if case == "hanging":
        monkeypatch.setattr(ffmpeg, "VERSION_PATIENCE", 2)
    assert find_ffmpeg().path == bundled
    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith(f"{script} does not run or is older than 4.4; ")
