"""Extract the frames of each episode that differ from the one before, and remember the time of each.

    python extract_frames.py --src_dir videos --dst_dir dataset --prefix yamaS2 --pattern "my_favorite_anime_*.mp4"

Reads the videos below --src_dir; writes dataset/EP04/yamaS2_EP04_000001.png … and, in each episode folder, .frames.json
with the video, the settings, and for each frame its time in seconds, its number in the video, and its scene.
An episode that is there is finished and skipped; one that was interrupted is done anew.
"""

import os
import re
import subprocess
import sys
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from shutil import rmtree, which
from tempfile import TemporaryFile
from typing import IO, Any

import numpy as np

from framekit import episodes, frames, sidecar, stage

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


@dataclass(frozen=True)
class FrameSource:
    """Where a frame came from: time in seconds from the start, number in the video from 0, scene from 0."""

    time: float
    source_frame: int
    scene: int


@dataclass(frozen=True)
class Episode:
    """One video and the name of its folder and frames."""

    video: Path
    label: str
    prefix: str

    def stem(self, number: int) -> str:
        """Return the stem of its n-th frame, counted from 1."""
        return f"{self.prefix}_{self.label}_{number:06d}"


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


def read_ppm(stream: IO[bytes]) -> frames.Pixels | None:
    """Read the next frame of a PPM stream; None at its end, also if it ends within a frame."""
    header = [stream.readline() for _ in range(3)]
    if not header[2].endswith(b"\n"):
        return None
    width, height = map(int, header[1].split())
    raw = stream.read(width * height * 3)
    if len(raw) < width * height * 3:
        return None
    return np.frombuffer(raw, np.uint8).reshape(height, width, 3)


def decode(command: Sequence[str], log: IO[bytes]) -> Iterator[frames.Pixels]:
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


def write_png(path: Path, pixels: frames.Pixels) -> int:
    """Encode one frame and write it; return the number of bytes."""
    return path.write_bytes(frames.encode_png(pixels))


def write_frames(pixels: Iterator[frames.Pixels], folder: Path, episode: Episode, workers: int) -> int:
    """Write the frames as PNG files with `workers` encoders; return how many there were.

    At most 4 frames per encoder wait, so memory does not grow with the length of the video.
    """
    number = 0
    waiting: deque[Future[int]] = deque()
    with ThreadPoolExecutor(workers) as pool:
        for number, one in enumerate(stage.progress(pixels, None, "frame", episode.label), start=1):
            waiting.append(pool.submit(write_png, folder / f"{episode.stem(number)}.png", one))
            if len(waiting) > 4 * workers:
                waiting.popleft().result()
        for future in waiting:
            future.result()
    return number


def set_aside(folder: Path, reason: str) -> None:
    """Move an existing episode folder into .removed/<reason>/ under a free name; nothing is deleted."""
    shelf = folder.parent / sidecar.REMOVED / reason
    shelf.mkdir(parents=True, exist_ok=True)
    names = [folder.name, *(f"{folder.name}_{number}" for number in range(2, 10000))]
    free = next(shelf / name for name in names if not (shelf / name).exists())
    os.replace(folder, free)
    print(f"{folder} was set aside as {free}")


def episode_record(
    episode: Episode, settings: Settings, sources: Sequence[FrameSource], decoded: int
) -> dict[str, Any]:
    """Return the content of .frames.json."""
    return {
        "schema": 1,
        "video": episode.video.name,
        "episode": episode.label,
        "prefix": episode.prefix,
        "settings": {"mode": "mpdecimate", **asdict(settings)},
        "decoded": decoded,
        "frames": {episode.stem(number): asdict(source) for number, source in enumerate(sources, start=1)},
    }


def extract_episode(episode: Episode, folder: Path, settings: Settings, workers: int) -> tuple[int, int, str | None]:
    """Extract one episode into a hidden folder that gets its name when it is whole.

    Returns the number of kept frames, of decoded frames, and what ffmpeg complained about.
    """
    part = folder.with_name(f".{folder.name}.partial")
    rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    with TemporaryFile() as log:
        command = decode_command(find_ffmpeg(), episode.video, settings)
        kept = write_frames(decode(command, log), part, episode, workers)
        log.seek(0)
        text = log.read().decode(errors="replace")
    sources, decoded = frame_sources(text)
    damage = complaint(text)
    if kept == 0:
        rmtree(part)
        return 0, decoded, damage or "it has no frames"
    record = episode_record(episode, settings, sources[:kept], decoded)
    sidecar.write_json(part / sidecar.EPISODE_RECORD, record, indent=1)
    if folder.exists():
        finished = (folder / sidecar.EPISODE_RECORD).exists()
        set_aside(folder, "extracted_again" if finished else "unfinished")
    os.replace(part, folder)
    return kept, decoded, f"damaged, the {kept} frames up to there are kept: {damage}" if damage else None


def parser() -> stage.StageParser:
    """Return the command line."""
    options = stage.StageParser("extract_frames", __doc__ or "")
    options.shared("src_dir", "dst_dir", "redo", "limit", "workers", "config")
    options.needed.append("dst_dir")
    options.option("prefix", help="start of each frame's name (default: the name of --src_dir)")
    options.option("pattern", default="*", help="file names to take; a number where the first * stands is the episode")
    options.option("hi", type=int, default=Settings.hi, help="mpdecimate: a block that changed more keeps the frame")
    options.option("lo", type=int, default=Settings.lo, help="mpdecimate: a block that changed more counts as changed")
    options.option(
        "frac", type=stage.fraction, default=Settings.frac, help="mpdecimate: changed blocks to keep a frame"
    )
    options.option(
        "scene_threshold", type=stage.positive, default=Settings.scene_threshold, help="scdet score of a cut, 0 to 100"
    )
    return options


@stage.one_sentence
def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line."""
    args = parser().read(argv)
    settings = Settings(args.hi, args.lo, args.frac, args.scene_threshold)
    videos = episodes.find_videos(args.src_dir, args.pattern)
    if not videos:
        raise stage.Misuse(f"no video in {args.src_dir} fits --pattern {args.pattern}")
    labelled = list(episodes.label_episodes(videos, args.pattern).items())[: args.limit or None]
    prefix = sidecar.safe_name(args.prefix or args.src_dir.resolve().stem)
    kept = decoded = skipped = 0
    damaged: list[tuple[Path, str]] = []
    for label, video in labelled:
        folder = args.dst_dir / label
        if (folder / sidecar.EPISODE_RECORD).exists() and not args.redo:
            skipped += 1
            continue
        print(f"{video.name} -> {folder}", file=sys.stderr)
        workers = stage.worker_count(args.workers)
        new, seen, trouble = extract_episode(Episode(video, label, prefix), folder, settings, workers)
        kept, decoded = kept + new, decoded + seen
        if trouble:
            damaged.append((video, trouble))
    return stage.close(
        f"{stage.counted(kept, 'frame')} of {decoded} decoded kept, from"
        f" {stage.counted(len(labelled) - skipped, 'episode')}; {skipped} already done, in {args.dst_dir}",
        damaged,
    )


if __name__ == "__main__":
    raise SystemExit(main())
