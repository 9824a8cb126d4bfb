"""Run ffmpeg on a video: its surviving frames come through a pipe, its messages tell where each came from."""

import math
import subprocess
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from framekit.conversion import deinterlaced, right_pixels, square_size
from framekit.ffmpeg_build import Ffmpeg
from framekit.frame_log import FrameLog, read_log
from framekit.frames import Pixels
from framekit.picture import Crop, Picture
from framekit.sampling import Sampling

MESSAGES = ("-nostdin", "-hide_banner", "-nostats", "-loglevel", "level+info")
LONGEST_ARGUMENT = 30_000  # characters; Windows takes 32,767 for the whole command
PIPE_BYTES = 2**20  # the most that Linux grants; fewer and larger reads


@dataclass(frozen=True)
class View:
    """A video, what its stream claims, and how to look at it.

    `crop` is (width, height, x, y) in stored pixels; `device` decodes, None is the processor.
    """

    video: Path
    picture: Picture
    deinterlace: bool = False
    crop: Crop | None = None
    device: str | None = None

    @property
    def size(self) -> tuple[int, int]:
        """Return width and height of the frames."""
        return square_size(self.picture, self.crop)


def watched(view: View, end: float) -> Any:
    """Return the graph of a video whose every frame up to `end`, in seconds, tells its time and how much it changed.

    `V` passes over cover art, which `v` may pick.
    """
    import ffmpeg as graph

    options = {} if view.device is None else {"hwaccel": view.device}
    if end < math.inf:
        options["to"] = f"{end:.6f}"
    source = graph.input(str(view.video.absolute()), **options)["V"]
    scored = deinterlaced(source, view.picture, view.deinterlace).filter("scdet", threshold=100)
    return scored.filter("metadata", mode="print", key="lavfi.scd.mafd").filter("showinfo", checksum=0)


def scan(ffmpeg: Ffmpeg, view: View, end: float) -> FrameLog:
    """Decode a video up to `end` and return what is told of its frames."""
    output = watched(view, end).output("-", format="null", **ffmpeg.passthrough)
    command = [str(word) for word in output.global_args(*MESSAGES).compile(cmd=ffmpeg.path)]
    return read_log(subprocess.run(command, capture_output=True, check=False).stderr.decode(errors="replace"))


def decode_command(ffmpeg: Ffmpeg, view: View, sampling: Sampling, expression: str) -> list[str]:
    """Return the command that writes the chosen frames to a pipe and tells the times of all on stderr.

    `expression` is that of the select filter, "" for none.
    """
    chosen = watched(view, sampling.end)
    if expression:
        chosen = chosen.filter("select", expression)
    if sampling.mode == "mpdecimate":
        chosen = chosen.filter("mpdecimate", hi=sampling.hi, lo=sampling.lo, frac=sampling.frac)
    right = right_pixels(chosen.filter("showinfo", checksum=0), view.picture, view.crop, ffmpeg.zimg)
    output = right.output("pipe:", format="rawvideo", **ffmpeg.passthrough)
    return [str(word) for word in output.global_args(*MESSAGES).compile(cmd=ffmpeg.path)]


def with_graph_in_file(command: Sequence[str], option: str, folder: Path) -> list[str]:
    """Return the command with its filter graph in a file of `folder`, read by `option`, if it is too long."""
    words = list(command)
    place = words.index("-filter_complex")
    if len(words[place + 1]) > LONGEST_ARGUMENT:
        script = folder / "filters.txt"
        script.write_text(words[place + 1], encoding="utf-8")
        words[place : place + 2] = [option, str(script)]
    return words


def read_planes(stream: IO[bytes], planes: NDArray[np.uint8]) -> Pixels | None:
    """Read the next frame from a stream of planar green, blue, red; None at its end, also if it ends within a frame.

    `planes`, (3, H, W), is overwritten with each frame.
    """
    import cv2

    rest = planes.data.cast("B")
    while rest:
        count = stream.readinto(rest)  # type: ignore[attr-defined]
        if not count:
            return None
        rest = rest[count:]
    green, blue, red = planes
    return np.asarray(cv2.merge([red, green, blue]), dtype=np.uint8)


def decode(command: Sequence[str], size: tuple[int, int], log: IO[bytes]) -> Generator[Pixels, None, None]:
    """Run ffmpeg and yield its frames of (width, height) `size`; its messages go to `log`, a broken end is told there.

    Whoever takes no more frames ends it.
    """
    planes = np.empty((3, size[1], size[0]), np.uint8)
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, bufsize=0, pipesize=PIPE_BYTES) as process:
        assert process.stdout is not None
        try:
            while (pixels := read_planes(process.stdout, planes)) is not None:
                yield pixels
        except GeneratorExit:
            process.kill()
            raise
        finally:
            process.stdout.close()
        if process.wait() != 0:
            log.write(f"\n[error] ffmpeg ended with code {process.returncode}\n".encode())
