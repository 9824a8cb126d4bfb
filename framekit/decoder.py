"""Run ffmpeg on a video: its surviving frames through a pipe, and from its messages where each came from."""

import re
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from shutil import which
from typing import IO

import numpy as np

from framekit.frames import Pixels

SHOWN = re.compile(r"\[Parsed_showinfo_(\d+) .*?\bn: *\d+ pts: *\S+ pts_time:(-?[\d.]+)")
ERROR = re.compile(r"\[(?:error|fatal|panic)\] *(.*)")
CUT = re.compile(r"lavfi\.scd\.score: *[\d.]+, *lavfi\.scd\.time: *([\d.]+)")


@dataclass(frozen=True)
class Settings:
    """What decides which frames are kept. Source of hi, lo, frac: the specification's ffmpeg command.

    On the sample show, scdet's 10 finds 78 of 78 cuts and no false one.
    """

    hi: int = 64 * 200
    lo: int = 64 * 50
    frac: float = 0.33
    scene_threshold: float = 10.0
    remove_similar: float | None = None


@dataclass(frozen=True)
class FrameSource:
    """Where a frame came from: time in seconds from the start, number in the video from 0, scene from 0."""

    time: float
    source_frame: int
    scene: int


def find_ffmpeg() -> str:
    """Return the system's ffmpeg, else the one of imageio-ffmpeg."""
    found = which("ffmpeg")
    if found is None:
        from imageio_ffmpeg import get_ffmpeg_exe

        found = str(get_ffmpeg_exe())
    return found


def passthrough_option(ffmpeg: str) -> dict[str, str]:
    """Return the option that keeps the times of frames as they are: it changed its name in ffmpeg 5.1."""
    banner = subprocess.run([ffmpeg, "-version"], capture_output=True, text=True, check=True).stdout
    version = re.match(r"ffmpeg version n?(\d+)\.(\d+)", banner)
    old = version is not None and (int(version[1]), int(version[2])) < (5, 1)
    return {"vsync": "0"} if old else {"fps_mode": "passthrough"}


def decode_command(ffmpeg: str, video: Path, settings: Settings) -> list[str]:
    """Return the command that writes the surviving frames as PPM to a pipe and tells the times of all on stderr."""
    import ffmpeg as graph

    decoded = graph.input(str(video.absolute())).video
    decoded = decoded.filter("scdet", threshold=settings.scene_threshold).filter("showinfo", checksum=0)
    survivors = decoded.filter("mpdecimate", hi=settings.hi, lo=settings.lo, frac=settings.frac)
    square = survivors.filter("showinfo", checksum=0).filter("scale", "trunc(iw*sar+0.5)", "ih").filter("setsar", "1")
    options = {"format": "image2pipe", "vcodec": "ppm", "pix_fmt": "rgb24", **passthrough_option(ffmpeg)}
    messages = ("-nostdin", "-hide_banner", "-nostats", "-loglevel", "level+info")
    output = square.output("pipe:", **options).global_args(*messages)
    return [str(word) for word in output.compile(cmd=ffmpeg)]


def read_ppm(stream: IO[bytes]) -> Pixels | None:
    """Read the next frame of a PPM stream; None at its end, also if it ends within a frame."""
    header = [stream.readline() for _ in range(3)]
    if not header[2].endswith(b"\n"):
        return None
    width, height = map(int, header[1].split())
    raw = stream.read(width * height * 3)
    if len(raw) < width * height * 3:
        return None
    return np.frombuffer(raw, np.uint8).reshape(height, width, 3)


def decode(command: Sequence[str], log: IO[bytes]) -> Iterator[Pixels]:
    """Run ffmpeg and yield its frames; its messages go to `log`, a broken end is told there too."""
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, bufsize=2**20) as process:
        assert process.stdout is not None
        try:
            while (pixels := read_ppm(process.stdout)) is not None:
                yield pixels
        finally:
            process.stdout.close()
            if process.wait() != 0:
                log.write(f"\n[error] ffmpeg ended with code {process.returncode}\n".encode())


def frame_sources(log: str) -> tuple[list[FrameSource], int]:
    """Read ffmpeg's messages: the source of each surviving frame, and how many frames were decoded.

    The first showinfo of the graph sees every decoded frame, the last one the survivors; both tell the same times.
    """
    shown: dict[int, list[str]] = {}
    for position, time in SHOWN.findall(log):
        shown.setdefault(int(position), []).append(time)
    if len(shown) < 2:
        return [], sum(map(len, shown.values()))
    every, survivors = shown[min(shown)], shown[max(shown)]
    number = {time: index for index, time in reversed(list(enumerate(every)))}
    cuts = [float(time) for time in CUT.findall(log)]
    sources = [
        FrameSource(round(float(time), 6), number[time], sum(cut <= float(time) for cut in cuts)) for time in survivors
    ]
    return sources, len(every)


def complaint(log: str) -> str | None:
    """Return the first error that ffmpeg told, None if all went well.

    Its exit code says nothing: a video that is cut short or damaged in the middle ends with 0.
    """
    errors = [match[1] for line in log.splitlines() if (match := ERROR.search(line))]
    return (
        " ".join(errors[0].split()) + (f" (and {len(errors) - 1} more)" if len(errors) > 1 else "") if errors else None
    )
