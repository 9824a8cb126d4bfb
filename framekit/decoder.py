"""Run ffmpeg on a video: its surviving frames through a pipe, and from its messages where each came from."""

import math
import re
import subprocess
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from pathlib import Path
from shutil import which
from typing import IO, Any

import numpy as np

from framekit.frames import Pixels
from framekit.picture import Picture, deinterlaced, right_pixels
from framekit.sampling import Sampling

SHOWN = re.compile(r"\[Parsed_showinfo_(\d+) .*?\bn: *\d+ pts: *\S+ pts_time:(-?[\d.]+)")
SCORE = re.compile(r"\[Parsed_metadata_\d+ .*?\bframe:(\d+) .*\n.*lavfi\.scd\.score=([\d.]+)")
ERROR = re.compile(r"\[(?:error|fatal|panic)\] *(.*)")
MESSAGES = ("-nostdin", "-hide_banner", "-nostats", "-loglevel", "level+info")
LONGEST_ARGUMENT = 30_000  # characters; Windows takes 32,767 for the whole command


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


def ffmpeg_version(ffmpeg: str) -> tuple[int, int]:
    """Return (major, minor); builds without a number count as new."""
    banner = subprocess.run([ffmpeg, "-version"], capture_output=True, text=True, check=True).stdout
    version = re.match(r"ffmpeg version n?(\d+)\.(\d+)", banner)
    return (int(version[1]), int(version[2])) if version else (99, 0)


def passthrough_option(version: tuple[int, int]) -> dict[str, str]:
    """Return the option that keeps the times of frames as they are: it changed its name in ffmpeg 5.1."""
    return {"vsync": "0"} if version < (5, 1) else {"fps_mode": "passthrough"}


@dataclass(frozen=True)
class View:
    """A video, what its stream claims, and how to look at it; `crop` is (width, height, x, y) in stored pixels."""

    video: Path
    picture: Picture
    deinterlace: bool = False
    crop: tuple[int, int, int, int] | None = None


def watched(view: View) -> Any:
    """Return the graph of a video whose every decoded frame tells its time and its scene score.

    `V` passes over cover art, which `v` may pick.
    """
    import ffmpeg as graph

    stream = deinterlaced(graph.input(str(view.video.absolute()))["V"], view.picture, view.deinterlace)
    scored = stream.filter("scdet", threshold=100)
    return scored.filter("metadata", mode="print", key="lavfi.scd.score").filter("showinfo", checksum=0)


def scan(ffmpeg: str, view: View) -> tuple[list[float], list[float]]:
    """Decode a whole video and return the time and the scene score of each frame."""
    output = watched(view).output("-", format="null", **passthrough_option(ffmpeg_version(ffmpeg)))
    command = [str(word) for word in output.global_args(*MESSAGES).compile(cmd=ffmpeg)]
    log = subprocess.run(command, capture_output=True, check=False).stderr.decode(errors="replace")
    times = [float(time) for shown in shown_times(log)[:1] for time in shown]
    return times, scene_scores(log, len(times))


def decode_command(ffmpeg: str, view: View, sampling: Sampling, expression: str) -> list[str]:
    """Return the command that writes the chosen frames as PPM to a pipe and tells the times of all on stderr.

    `expression` is that of the select filter, "" for none.
    """
    chosen = watched(view)
    if expression:
        chosen = chosen.filter("select", expression)
    if sampling.mode == "mpdecimate":
        chosen = chosen.filter("mpdecimate", hi=sampling.hi, lo=sampling.lo, frac=sampling.frac)
    right = right_pixels(chosen.filter("showinfo", checksum=0), view.picture, crop=view.crop)
    options = {"format": "image2pipe", "vcodec": "ppm", **passthrough_option(ffmpeg_version(ffmpeg))}
    if sampling.end < math.inf:
        options["to"] = f"{sampling.end:.6f}"
    return [str(word) for word in right.output("pipe:", **options).global_args(*MESSAGES).compile(cmd=ffmpeg)]


def with_graph_in_file(command: Sequence[str], version: tuple[int, int], folder: Path) -> list[str]:
    """Return the command with its filter graph in a file of `folder` if it is too long for a command line."""
    words = list(command)
    place = words.index("-filter_complex")
    if len(words[place + 1]) > LONGEST_ARGUMENT:
        script = folder / "filters.txt"
        script.write_text(words[place + 1], encoding="utf-8")
        words[place : place + 2] = ["-filter_complex_script" if version < (7, 0) else "-/filter_complex", str(script)]
    return words


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


def decode(command: Sequence[str], log: IO[bytes]) -> Generator[Pixels, None, None]:
    """Run ffmpeg and yield its frames; its messages go to `log`, a broken end is told there too.

    Whoever takes no more frames ends it.
    """
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, bufsize=2**20) as process:
        assert process.stdout is not None
        try:
            while (pixels := read_ppm(process.stdout)) is not None:
                yield pixels
        except GeneratorExit:
            process.kill()
            raise
        finally:
            process.stdout.close()
        if process.wait() != 0:
            log.write(f"\n[error] ffmpeg ended with code {process.returncode}\n".encode())


def shown_times(log: str) -> list[list[str]]:
    """Return the times that each showinfo of the graph told, in the order of the graph."""
    shown: dict[int, list[str]] = {}
    for position, time in SHOWN.findall(log):
        shown.setdefault(int(position), []).append(time)
    return [shown[position] for position in sorted(shown)]


def scene_scores(log: str, decoded: int) -> list[float]:
    """Return the scene score of each decoded frame, 0 to 100; the first frame has none, which counts as 0."""
    told = {int(number): float(score) for number, score in SCORE.findall(log)}
    return [round(told.get(number, 0.0), 2) for number in range(decoded)]


def frame_sources(log: str, scenes: Sequence[int]) -> list[FrameSource]:
    """Return the source of each frame that went through, from ffmpeg's messages.

    The first showinfo of the graph sees every decoded frame, the last one those that went through; both tell the same
    times. `scenes` holds the scene of each decoded frame.
    """
    shown = shown_times(log)
    if len(shown) < 2:
        return []
    number = {time: index for index, time in reversed(list(enumerate(shown[0])))}
    return [FrameSource(round(float(time), 6), number[time], scenes[number[time]]) for time in shown[-1]]


def complaint(log: str) -> str | None:
    """Return the first error that ffmpeg told, None if all went well.

    Its exit code says nothing: a video that is cut short or damaged in the middle ends with 0.
    """
    errors = [match[1] for line in log.splitlines() if (match := ERROR.search(line))]
    return (
        " ".join(errors[0].split()) + (f" (and {len(errors) - 1} more)" if len(errors) > 1 else "") if errors else None
    )
