"""Run ffmpeg on a video: its surviving frames come through a pipe, its messages say where each came from."""

import math
import os
import re
import subprocess
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from pathlib import Path
from shutil import which
from tempfile import TemporaryDirectory
from threading import Thread
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from framekit import console
from framekit.errors import UsageError
from framekit.pixels.decode import Pixels
from framekit.video.sampling import Sampling
from framekit.video.scenes import FrameLog, read_log
from framekit.video.small import HEIGHT, WIDTH, SmallFrames
from framekit.video.stream import (
    OPENED,
    SILENT,
    TO_PIPE,
    Crop,
    VideoStream,
    Watch,
    deinterlaced,
    messages,
    opened,
    square_size,
    to_rgb,
)

MESSAGES = ("-nostdin", "-hide_banner", "-nostats", "-loglevel", "level+info")
LONGEST_ARGUMENT = 30_000  # characters; Windows takes 32,767 for the whole command
PIPE_BYTES = 2**20  # the most that Linux grants; fewer and larger reads
# Name of --hwaccel -> pixel format of a frame on that device, in the order that `auto` tries.
DEVICES = {"cuda": "cuda", "videotoolbox": "videotoolbox_vld", "qsv": "qsv", "vaapi": "vaapi"}
DOWNLOAD = "hwdownload,format=nv12|p010le|p016le|yuv420p|yuv420p10le|yuv444p|bgra"
TIMEOUT = 60  # seconds for the first frame of a device
VERSION_PATIENCE = 15  # seconds for ffmpeg to tell its version
OLDEST = (4, 4)  # the first with estdif
ROWS = 4  # of a frame for one of its small one, which are enough: reading them all takes most of the time
SMALL = "small.grey"  # the file of the small frames


@dataclass(frozen=True)
class View:
    """A video, what its stream claims, and how to look at it.

    `crop` is (width, height, x, y) in stored pixels; `device` decodes, None is the CPU.
    """

    video: Path
    picture: VideoStream
    deinterlace: bool = False
    crop: Crop | None = None
    device: str | None = None

    @property
    def size(self) -> tuple[int, int]:
        """Return width and height of the frames."""
        return square_size(self.picture, self.crop)


def watched(view: View, end: float = math.inf, start: float = 0.0) -> Any:
    """Return the graph that reports the time of each frame of a video from `start` to `end`, in seconds."""
    import ffmpeg as graph

    # A graph that begins anew where the resolution changes would lose the frames within it and count from 0 again.
    options = OPENED | {"reinit_filter": "0"} | ({} if view.device is None else {"hwaccel": view.device})
    if start > 0:
        options["ss"] = f"{start:.6f}"
    if end < math.inf:
        options["to"] = f"{end:.6f}"
    source = graph.input(str(view.video.absolute()), **options)[str(view.picture.number)]
    source = source.filter("scale", view.picture.width, view.picture.height)
    return deinterlaced(source, view.picture, view.deinterlace).filter("showinfo", checksum=0)


@dataclass(frozen=True)
class Ffmpeg:
    """The program, its version (major, minor), and whether it has the zscale filter."""

    path: str
    version: tuple[int, int]
    zimg: bool

    @property
    def passthrough(self) -> dict[str, str]:
        """Return the option that keeps the times of frames as they are: it changed its name in 5.1."""
        return {"vsync": "0"} if self.version < (5, 1) else {"fps_mode": "passthrough"}

    @property
    def graph_file_option(self) -> str:
        """Return the option that reads the filter graph from a file."""
        return "-filter_complex_script" if self.version < (7, 0) else "-/filter_complex"


def grey(frames: Any, height: int) -> Any:
    """Append the filters that make small frames of those of this height; they read every 2nd, 4th, … row."""
    while height >= 2 * ROWS * HEIGHT:
        frames, height = frames.filter("field", type="top"), (height + 1) // 2
    return frames.filter("scale", WIDTH, HEIGHT, flags="area", threads=1).filter("format", "gray")


def with_small(output: Any, view: View, frames: Any, small: Path, **options: Any) -> Any:
    """Return an output beside that of the small frames, to the file `small`."""
    import ffmpeg as graph

    made = grey(frames, view.picture.height).output(str(small), format="rawvideo", **options)
    return graph.merge_outputs(output, made)


def command_of(ffmpeg: Ffmpeg, output: Any) -> list[str]:
    """Return the words of a command."""
    return [str(word) for word in output.global_args(*MESSAGES).compile(cmd=ffmpeg.path)]


def scan(ffmpeg: Ffmpeg, view: View, end: float, beside: Path | None = None) -> FrameLog:
    """Decode a video up to `end`, in seconds, and return what is known of its frames.

    `beside` is the folder for their small ones, which a kill leaves there; None is that of the system.
    """
    made = grey(watched(view, end), view.picture.height)
    command = command_of(ffmpeg, made.output("pipe:", **TO_PIPE, **ffmpeg.passthrough))
    with TemporaryDirectory(prefix=".ffmpeg-", dir=beside) as scratch:
        small = SmallFrames(Path(scratch, SMALL), view.picture.fps)
        with small.path.open("wb") as kept:
            said = messages(command, kept)
        small.read_on()
    return read_log(said, small)


def decode_command(ffmpeg: Ffmpeg, view: View, sampling: Sampling, expression: str, small: Path) -> list[str]:
    """Return the command that writes the chosen frames to a pipe and reports the times of all on stderr.

    `expression` is that of the select filter, "" for none; small frames of all go to the file `small`.
    """
    frames = watched(view, sampling.end).filter_multi_output("split")
    chosen = frames[0]
    if expression:
        chosen = chosen.filter("select", expression)
    if sampling.mode == "mpdecimate":
        chosen = chosen.filter("mpdecimate", hi=sampling.hi, lo=sampling.lo, frac=sampling.frac)
    right = to_rgb(chosen.filter("showinfo", checksum=0), view.picture, view.crop, ffmpeg.zimg)
    output = right.output("pipe:", format="rawvideo", **ffmpeg.passthrough)
    return command_of(ffmpeg, with_small(output, view, frames[1], small, **ffmpeg.passthrough))


def fetch_command(ffmpeg: Ffmpeg, view: View, time: float, lead: float, small: Path) -> list[str]:
    """Return the command that writes the first frame from `time` on, in seconds, and its small one to `small`.

    It begins to decode at a key frame at least `lead` seconds before.
    """
    start = max(0.0, time - lead)
    frames = watched(view, start=start).filter("select", f"gte(t,{time - start:.6f})").filter_multi_output("split")
    one = ffmpeg.passthrough | {"frames:v": 1}
    output = to_rgb(frames[0], view.picture, view.crop, ffmpeg.zimg).output("pipe:", format="rawvideo", **one)
    return command_of(ffmpeg, with_small(output, view, frames[1], small, **one))


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
    """Run ffmpeg and yield its frames of (width, height) `size`; its messages go to `log`, a broken end too.

    Closing the generator ends ffmpeg. One that gives neither frames nor messages for a long time is ended.
    """
    planes = np.empty((3, size[1], size[0]), np.uint8)
    is_waited_for = True

    def sign() -> object:
        return os.fstat(log.fileno()).st_size if is_waited_for else object()

    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, bufsize=0, pipesize=PIPE_BYTES)
    assert process.stdout is not None
    with process.stdout as pipe, Watch(process, sign) as watch:
        while (pixels := read_planes(pipe, planes)) is not None:
            is_waited_for = False
            yield pixels
            is_waited_for = True
        code = process.wait()
    if watch.is_silent:
        log.write(SILENT.encode())
    elif code != 0:
        log.write(f"\n[error] ffmpeg ended with code {code}\n".encode())


def first_words(command: Sequence[str], most: int = 2**16) -> str:
    """Run a program and return at most so many bytes of what it prints, "" if it cannot run or hangs.

    A reader of its own, since what a script has started may hold the pipe open after the script was ended.
    """
    said: list[bytes] = []
    try:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    except OSError:
        return ""
    pipe = process.stdout
    assert pipe is not None
    reader = Thread(target=lambda: said.append(pipe.read(most)), daemon=True)
    reader.start()
    reader.join(VERSION_PATIENCE)
    whole = not reader.is_alive()
    process.kill()
    process.wait()
    if whole:
        pipe.close()
    return said[0].decode(errors="replace") if whole and said else ""


def find_ffmpeg() -> Ffmpeg:
    """Return the system's ffmpeg, else the one of imageio-ffmpeg; a system's that is broken or too old is reported.

    Raises UsageError if that does not run either.
    """
    path = which("ffmpeg")
    if path is not None and (found := usable(path)):
        return found
    from imageio_ffmpeg import get_ffmpeg_exe

    try:
        bundled = str(get_ffmpeg_exe())
    except RuntimeError:
        bundled = ""
    found = usable(bundled) if bundled else None
    if found is None:
        broken = " or ".join(one for one in (path, bundled) if one) or "imageio-ffmpeg's"
        raise UsageError(f"{broken} is no ffmpeg {OLDEST[0]}.{OLDEST[1]} or later that runs here; install ffmpeg")
    if path is not None:
        console.warn(f"{path} does not run or is older than {OLDEST[0]}.{OLDEST[1]}; {bundled} is taken")
    return found


def usable(path: str) -> Ffmpeg | None:
    """Return the ffmpeg at a path, None if it does not run, is something else, or is too old."""
    banner = first_words([path, "-version"])
    found = read_version(path, banner)
    return found if banner.startswith("ffmpeg version ") and found.version >= OLDEST else None


def read_version(path: str, banner: str) -> Ffmpeg:
    """Read what `ffmpeg -version` prints; builds without a number count as new."""
    version = re.match(r"ffmpeg version n?(\d+)\.(\d+)", banner)
    return Ffmpeg(path, (int(version[1]), int(version[2])) if version else (99, 0), "--enable-libzimg" in banner)


def decodes(ffmpeg: Ffmpeg, device: str, video: Path) -> bool:
    """Tell whether a device decodes the first frame of a video itself.

    Where it does not support the format ffmpeg falls back to the CPU; hwdownload makes that an error.
    """
    on_device = ["-hwaccel", device, "-hwaccel_output_format", DEVICES[device]]
    one_frame = ["-map", "0:V:0", "-frames:v", "1", "-vf", DOWNLOAD, "-f", "rawvideo", "-"]
    command = [ffmpeg.path, "-nostdin", "-v", "error", *on_device, *opened(video), *one_frame]
    try:
        tried = subprocess.run(command, capture_output=True, timeout=TIMEOUT, check=False)
    except subprocess.TimeoutExpired:
        return False
    return tried.returncode == 0 and len(tried.stdout) > 0


def choose_device(ffmpeg: Ffmpeg, wanted: str, video: Path) -> str | None:
    """Return the device that decodes the video, None for the CPU; one that fails is reported on stderr."""
    if wanted == "none":
        return None
    for device in DEVICES if wanted == "auto" else [wanted]:
        if decodes(ffmpeg, device, video):
            return device
    console.warn(f"--hwaccel {wanted} cannot decode {video.name}; the CPU does")
    return None
