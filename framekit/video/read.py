"""The frames of a video, one after the other, with their times and scenes."""

from collections.abc import Collection, Generator, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from framekit import console
from framekit.errors import UsageError
from framekit.pixels.decode import Pixels
from framekit.video import stream
from framekit.video.damage import corrupt_frames
from framekit.video.ffmpeg import SMALL, Ffmpeg, View, decode, decode_command, find_ffmpeg, scan, with_graph_in_file
from framekit.video.sampling import Sampling, choose_frames, number_tree, scene_numbers, select_expression, within
from framekit.video.scenes import FrameLog, FrameSource, Passed, read_log
from framekit.video.settled import Fetch, settled
from framekit.video.small import SmallFrames
from framekit.video.stream import VideoStream


@dataclass(frozen=True)
class VideoFrame:
    """A frame of a video, (H, W, 3) uint8 RGB, and where it came from: time in seconds, frame number, scene."""

    pixels: Pixels
    source: FrameSource


def look(ffmpeg: Ffmpeg, video: Path, number: int | None = None) -> VideoStream | str:
    """Return the stream of a video that is read, or why none can be; `number` asks for one.

    Says on stderr which was chosen where there was a choice, and that colours will be wrong where they will.
    """
    if video.is_dir():
        return "it is a folder; rename it or take it away"
    if not video.is_file():
        return "it is no file but a pipe, a socket or a device; give the video itself"
    said = stream.banner(ffmpeg.path, video)
    streams = stream.read_banner(said)
    claimed = stream.choose_stream(streams, number)
    if claimed is None and video.stat().st_size == 0:
        return "it is empty; copy or download it again"
    listed = ", ".join(f"{one.number} ({one.width}x{one.height})" for one in streams)
    if claimed is None and number is not None and streams:
        return f"it has no video stream {number}; it has {listed}"
    if claimed is None and not streams and is_cut_mp4(video, said):
        return "it lacks its index, as an mp4 does whose download or recording was cut off; get it whole"
    if claimed is None and stream.ELSEWHERE in said:
        return "it is no video but a playlist, a list or another file; give the videos themselves"
    if claimed is None and stream.SILENT in said:
        return f"ffmpeg read nothing of it for {stream.PATIENCE:.0f} seconds; see whether its disk is there"
    if claimed is None:
        return "it has no video stream that ffmpeg can read"
    if claimed.hdr and not ffmpeg.zimg:
        return f"it is HDR and {ffmpeg.path} lacks the filter zscale; take an ffmpeg with libzimg"
    if number is None and sum(not one.still for one in streams) > 1:
        console.warn(f"{video.name}: video stream {claimed.number} is taken of {listed}; --video_stream takes another")
    if claimed.dolby_vision == 5:
        console.warn(
            f"{video.name} is Dolby Vision profile 5, whose colours come out wrong, green and purple;"
            " take a version of it in HDR10 or SDR"
        )
    return claimed


def is_cut_mp4(video: Path, said: str) -> bool:
    """Tell whether a file, of which ffmpeg `said` so, is an mp4 that lacks the index that stands at the end of most."""
    with video.open("rb") as file:
        begin = file.read(8)
    return begin[4:] == b"ftyp" and "moov atom not found" in said


def numbers_for(log: FrameLog, sampling: Sampling) -> list[int]:
    """Return the numbers of the frames that a mode takes which needs to know all scenes, from a scan of the video."""
    scenes = scene_numbers(log.scene_scores, sampling.scene_threshold)
    return choose_frames([float(time) for time in log.decoded], scenes, sampling)


@dataclass(frozen=True)
class TakenFrame:
    """A frame that a sampling takes: its pixels, its number in the video and its time in seconds."""

    pixels: Pixels
    number: int
    time: float


@dataclass(frozen=True)
class OpenVideo:
    """The frames that come of a video, what they are decoded by, ffmpeg's messages and the small frames of all."""

    frames: Iterator[TakenFrame]
    decoding: Generator[Pixels, None, None]
    messages: Path
    small: SmallFrames

    def end(self) -> FrameLog:
        """End ffmpeg if it still runs, and return what is known of all frames that were decoded."""
        self.decoding.close()
        self.small.read_on()
        return read_log(self.messages.read_bytes().decode(errors="replace"), self.small)


@contextmanager
def open_frames(
    ffmpeg: Ffmpeg,
    view: View,
    sampling: Sampling,
    scanned: FrameLog | None,
    corrupt: Collection[int] = (),
    beside: Path | None = None,
) -> Iterator[OpenVideo]:
    """Give the frames that a sampling takes, in order, and what ffmpeg says meanwhile.

    `scanned` is a scan of the video for the modes that need one; `corrupt` are numbers of frames to leave out.
    `beside` is the folder for what ffmpeg reads and says, which a kill leaves there; None is that of the system.
    The messages about a frame are there before it is.
    """
    numbers = numbers_for(scanned, sampling) if scanned is not None and sampling.needs_numbers else None
    with TemporaryDirectory(prefix=".ffmpeg-", dir=beside) as scratch:
        chosen = select_expression(sampling, view.picture.duration, numbers)
        whole = f"not({number_tree(sorted(corrupt))})" if corrupt else ""
        small = SmallFrames(Path(scratch, SMALL), view.picture.fps)
        command = decode_command(ffmpeg, view, sampling, "*".join(filter(None, (whole, chosen))), small.path)
        command = with_graph_in_file(command, ffmpeg.graph_file_option, Path(scratch))
        messages = Path(scratch, "messages.txt")
        with (
            messages.open("wb", buffering=0) as log,
            messages.open(errors="replace") as lines,
            closing(decode(command, view.size, log)) as pixels,
        ):
            passed = Passed(lines)
            fetch = Fetch(ffmpeg, view, passed, small, corrupt) if sampling.mode == "mpdecimate" else None
            coming = settled(passed.beside(pixels), small, fetch)
            taken = (TakenFrame(one, number, passed.time(number)) for number, one in coming)
            yield OpenVideo(taken, pixels, messages, small)


def read_frames(
    video: Path | str,
    sampling: Sampling | None = None,
    deinterlace: bool = False,
    crop_bars: bool = False,
    video_stream: int | None = None,
) -> Iterator[VideoFrame]:
    """Yield the frames of a video that differ from the one before, or those of another sampling, in order.

    The frames are those of extract_frames.py with the same options. One frame is held at a time; the video is decoded
    twice, since only what follows tells a cut from a flash. Raises UsageError for a video that cannot be read,
    and where nothing lies between the start and the end of the sampling.

    >>> import subprocess
    >>> from tempfile import TemporaryDirectory
    >>> from framekit.video.ffmpeg import find_ffmpeg
    >>> with TemporaryDirectory() as folder:
    ...     video = Path(folder, "drawn.mkv")
    ...     drawn = ["-f", "lavfi", "-i", "testsrc=size=160x90:rate=10:duration=1", "-c:v", "ffv1"]
    ...     done = subprocess.run([find_ffmpeg().path, "-v", "error", *drawn, str(video)], check=True)
    ...     taken = list(read_frames(video, Sampling(mode="interval", every_seconds=0.5)))
    >>> [(frame.pixels.shape, frame.source.time, frame.source.source_frame, frame.source.scene) for frame in taken]
    [((90, 160, 3), 0.0, 0, 0), ((90, 160, 3), 0.5, 5, 0)]
    """
    video, ffmpeg = Path(video), find_ffmpeg()
    if not video.exists():
        raise UsageError(f"{video} does not exist; give the path of a video")
    claimed = look(ffmpeg, video, video_stream)
    if isinstance(claimed, str):
        raise UsageError(f"{video}: {claimed}")
    wanted = within(sampling or Sampling(), claimed.duration, str(video))
    view = View(video, claimed, deinterlace)
    if crop_bars:
        view = replace(view, crop=stream.detect_bars(ffmpeg.path, video, claimed))
    scanned = scan(ffmpeg, view, wanted.end)
    scenes = scene_numbers(scanned.scene_scores, wanted.scene_threshold)
    corrupt = corrupt_frames(ffmpeg, view) if scanned.suspect else frozenset()
    with open_frames(ffmpeg, view, wanted, scanned, corrupt) as opened:
        for count, one in enumerate(opened.frames, start=1):
            yield VideoFrame(one.pixels, FrameSource(round(one.time, 6), one.number, scenes[one.number]))
            if count == wanted.max_frames:
                return
