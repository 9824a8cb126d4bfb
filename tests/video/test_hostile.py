"""What is named like a video and leads elsewhere, and children that hang."""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

import extract_frames
from framekit.video import ffmpeg, stream
from framekit.video.ffmpeg import find_ffmpeg
from tests.conftest import one_sentence, plain, save_frame

HLS = "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:3\n#EXTINF:3,\n{secret}\n"
DASH = (
    '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" mediaPresentationDuration="PT2S">'
    '<Period><AdaptationSet><Representation id="1" mimeType="video/mp4" bandwidth="1"><BaseURL>{secret}</BaseURL>'
    "</Representation></AdaptationSet></Period></MPD>"
)
SDP = "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 5004 RTP/AVP 96\n"
LISTS = {
    "playlist": HLS + "#EXT-X-ENDLIST\n",
    "endless playlist": HLS,
    "list": "ffconcat version 1.0\nfile '{secret}'\n",
    "DASH": DASH,
    "session": SDP + "a=rtpmap:96 H264/90000\n",
    "AviSynth": 'DirectShowSource("{secret}")\n',
}


def draw(video: Path) -> Path:
    video.parent.mkdir(parents=True, exist_ok=True)
    drawn = ["-f", "lavfi", "-i", "testsrc2=size=96x54:rate=12:duration=1"]
    subprocess.run([find_ffmpeg().path, "-y", "-v", "error", *drawn, str(video)], check=True)
    return video


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".ts"])
@pytest.mark.parametrize("kind", LISTS)
def test_a_list_that_is_named_like_a_video_leads_nowhere(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], kind: str, suffix: str
) -> None:
    secret = draw(tmp_path / "elsewhere/secret.ts")
    draw(tmp_path / "videos/Show - 02.mp4")
    (tmp_path / f"videos/Show - 01{suffix}").write_text(LISTS[kind].format(secret=secret))
    words = ["--src_dir", str(tmp_path / "videos"), "--dst_dir", str(tmp_path / "frames"), "--mode", "all"]
    assert extract_frames.main(words) == 1
    assert f"Show - 01{suffix}: it " in capsys.readouterr().err
    assert not (tmp_path / "frames/EP01").exists()
    assert len(list((tmp_path / "frames/EP02").glob("*.png"))) == 12


def test_a_picture_is_no_video(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    save_frame(tmp_path / "x.png", plain((1, 2, 3)))
    (tmp_path / "x.png").rename(tmp_path / "Show - 01.mp4")
    assert extract_frames.main(["--src_dir", str(tmp_path), "--dst_dir", str(tmp_path / "frames")]) == 1
    assert "it is no video but a playlist, a list or another file" in capsys.readouterr().err


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs pipes with names")
def test_a_pipe_given_as_the_video_is_refused_at_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    os.mkfifo(tmp_path / "Show - 01.mp4")
    words = ["--src_dir", str(tmp_path / "Show - 01.mp4"), "--dst_dir", str(tmp_path / "frames")]
    assert extract_frames.main(words) == 2
    one_sentence(capsys.readouterr().err)


def child(code: str) -> list[str]:
    return [sys.executable, "-c", f"import sys, time\n{code}"]


def test_a_child_that_says_nothing_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "PATIENCE", 0.8)
    hangs = child("print('begun', file=sys.stderr, flush=True); time.sleep(60)")
    began = time.monotonic()
    said = stream.messages(hangs)
    assert time.monotonic() - began < 20
    assert said.startswith("begun")
    assert said.endswith(stream.SILENT)


def test_a_child_that_speaks_now_and_then_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "PATIENCE", 1.5)
    speaks = child("for n in range(5):\n time.sleep(0.6)\n print(n, file=sys.stderr, flush=True)")
    assert stream.messages(speaks).split() == ["0", "1", "2", "3", "4"]


FRAME = "sys.stdout.buffer.write(bytes(12)); sys.stdout.flush()"
SPEAK = "sys.stderr.write('.'); sys.stderr.flush()"


@pytest.mark.parametrize(
    ("code", "wait", "count", "is_ended"),
    [
        (f"{FRAME}; time.sleep(60)", 0, 1, True),
        (f"for n in range(5): {SPEAK}; time.sleep(0.5)\n{FRAME}", 0, 1, False),
        (f"{FRAME}; {FRAME}", 2.5, 2, False),
    ],
    ids=["hangs", "speaks and drops", "waits for us"],
)
def test_frames_come_until_the_child_hangs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: str, wait: float, count: int, is_ended: bool
) -> None:
    monkeypatch.setattr(stream, "PATIENCE", 1.2)
    with (tmp_path / "log").open("wb", buffering=0) as log:
        frames = 0
        for _ in ffmpeg.decode(child(code), (2, 2), log):
            frames += 1
            time.sleep(wait)
    assert frames == count
    assert (tmp_path / "log").read_text().endswith(stream.SILENT) == is_ended


def test_a_video_that_is_not_read_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    draw(tmp_path / "Show - 01.mp4")
    silent: Callable[..., str] = lambda *_: stream.SILENT  # noqa: E731
    monkeypatch.setattr(stream, "banner", silent)
    assert extract_frames.main(["--src_dir", str(tmp_path), "--dst_dir", str(tmp_path / "frames")]) == 1
    assert "ffmpeg read nothing of it for 120 seconds; see whether its disk is there" in capsys.readouterr().err
