"""Compare the one-pass extraction with its limit and with two passes, side by side on one video.

    python -m benchmarks.bench_extract [--video FILE] [--seconds 120] [--rounds 3] [--brief]

Without --video it draws a 1080p clip: drawings held on twos and threes, grain, pans, cuts; one frame in five survives
mpdecimate. Rows: ffmpeg decoding with mpdecimate and writing nothing; the same while PNG files of the kept frames are
written, by our encoder in threads (the limit, the fastest that compresses) and by ffmpeg's without compression;
extract_frames.py with and without --remove_similar; a quarter of the video, which takes the same memory; without
--brief a plain ffmpeg command that writes PNG files, and a similarity pass over them. Memory is the peak of the
largest process.
"""

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray

from framekit.dataset import frames
from framekit.pixels.decode import Pixels
from framekit.pixels.encode import encode_png
from framekit.video.ffmpeg import command_of, decode, find_ffmpeg
from framekit.video.stream import probe, square_size, to_rgb

ROOT = Path(__file__).resolve().parents[1]


WIDTH, HEIGHT, FPS = 1920, 1080, 24

DECODING, LIMIT = "ffmpeg decode + mpdecimate, nothing written", "the same, PNG files by our encoder (limit)"

STORED, ONE_PASS = "the same, PNG files without compression", "extract_frames.py --remove_similar"

QUARTER = "the same, first quarter of the video"

COMMAND, PASS = "plain ffmpeg command, PNG files", "similarity pass over its frames"

MPDECIMATE = "mpdecimate=hi=64*200:lo=64*50:frac=0.33"

WAITING = 8  # frames that wait to be written


def draw_drawings(seed: int) -> Iterator[NDArray[np.uint8]]:
    """Yield the drawings of one shot of 4 s, each with how it is held: a figure that moves over a place, or a pan."""
    import cv2

    rng = np.random.default_rng(seed)
    place = cv2.resize(
        rng.integers(40, 220, (9, 24, 3), np.uint8), (WIDTH * 3 // 2, HEIGHT), interpolation=cv2.INTER_CUBIC
    )
    for _ in range(40):
        corner = rng.integers(0, (WIDTH * 3 // 2 - 300, HEIGHT - 200))
        far, colour = corner + rng.integers(60, 300, 2), rng.integers(0, 255, 3)
        cv2.rectangle(place, corner.tolist(), far.tolist(), colour.tolist(), -1)
    hair = rng.integers(0, 255, 3).tolist()
    held, pan = int(rng.choice((2, 3, 3, 24, 24))), seed % 4 == 3
    for number in range(4 * FPS):
        step = number // held
        drawing = place[:, number * 3 : number * 3 + WIDTH].copy() if pan else place[:, :WIDTH].copy()
        centre = (800 + 24 * abs(step % 16 - 8), 500)
        cv2.ellipse(drawing, centre, (340, 420), 0, 0, 360, hair, -1, cv2.LINE_AA)
        cv2.ellipse(drawing, centre, (220, 300), 0, 0, 360, (210, 220, 250), -1, cv2.LINE_AA)
        cv2.ellipse(drawing, (centre[0], 620), (60, 10 + 25 * (step % 2)), 0, 0, 360, (60, 60, 160), -1, cv2.LINE_AA)
        yield drawing


def draw_clip(path: Path, seconds: int) -> None:
    """Write the drawn clip: H.264, with film grain of 1.5 grey levels."""
    import cv2

    size = ["-f", "rawvideo", "-pix_fmt", "bgr24", "-s", f"{WIDTH}x{HEIGHT}", "-r", str(FPS), "-i", "pipe:"]
    coding = ["-c:v", "libx264", "-preset", "veryfast", "-crf", "20", "-pix_fmt", "yuv420p", "-y", str(path)]
    grain = np.random.default_rng(0).normal(0, 1.5, (4, HEIGHT, WIDTH, 1)).round().astype(np.int16)
    grain = np.repeat(grain, 3, axis=3)
    command = [find_ffmpeg().path, "-v", "error", *size, *coding]
    with subprocess.Popen(command, stdin=subprocess.PIPE) as process:
        assert process.stdin is not None
        for seed in range(max(1, seconds // 4)):
            for number, drawing in enumerate(draw_drawings(seed)):
                process.stdin.write(cv2.add(drawing, grain[number % 4], dtype=cv2.CV_8U).tobytes())


def right_colours(video: Path) -> tuple[Any, tuple[int, int]]:
    """Return ffmpeg's graph from a video to the frames that mpdecimate keeps, in RGB, and their size."""
    import ffmpeg as graph

    found = find_ffmpeg()
    picture = probe(found.path, video)[0]
    kept = graph.input(str(video)).video.filter("mpdecimate", hi=64 * 200, lo=64 * 50, frac=0.33)
    return to_rgb(kept, picture, zimg=found.zimg), square_size(picture, None)


def encode_kept(video: Path, folder: Path) -> None:
    """Write the frames of a video that mpdecimate keeps as PNG files, and nothing else."""
    found = find_ffmpeg()
    frames_kept, size = right_colours(video)
    output = frames_kept.output("pipe:", format="rawvideo", **found.passthrough)
    waiting: deque[Future[int]] = deque()

    def write(number: int, pixels: Pixels) -> int:
        return (folder / f"{number}.png").write_bytes(encode_png(pixels))

    with ThreadPoolExecutor(os.cpu_count()) as pool, (folder / "messages").open("wb") as log:
        for number, pixels in enumerate(decode(command_of(found, output), size, log)):
            waiting.append(pool.submit(write, number, pixels))
            if len(waiting) > WAITING:
                waiting.popleft().result()


def run(*words: str) -> tuple[float, float]:
    """Run a program; return its seconds and the peak memory, in MB, of the largest of it and its children."""
    started = time.perf_counter()
    process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"{' '.join(words)} failed")
    return time.perf_counter() - started, usage.ru_maxrss / 1024


def ways(video: Path, work: Path) -> dict[str, Callable[[], tuple[float, float]]]:
    """Return what is compared, by name."""
    ffmpeg = [find_ffmpeg().path, "-v", "error", "-nostdin", "-y"]
    extract = [sys.executable, str(ROOT / "extract_frames.py"), "--redo", "--src_dir", str(video)]
    kept = right_colours(video)[0].filter("format", "rgb24")
    stored = kept.output(str(work / "stored" / "%d.png"), compression_level=0, pred="none", **find_ffmpeg().passthrough)
    coded = f"encode_kept(Path({str(video)!r}), Path({str(work / 'coded')!r}))"
    images = ["-filter:v", f"{MPDECIMATE},setpts=N/FRAME_RATE/TB", "-qscale:v", "1", "-qmin", "1"]
    compare = [sys.executable, str(ROOT / "remove_similar.py"), "--src_dir", str(work / "plain")]
    for name in ("plain", "coded", "stored"):
        shutil.rmtree(work / name, ignore_errors=True)
        (work / name).mkdir()
    quarter = str(probe(ffmpeg[0], video)[0].duration / 4)
    one = [*extract, "--dst_dir", str(work / "one"), "--remove_similar"]
    return {
        DECODING: lambda: run(*ffmpeg, "-i", str(video), "-an", "-vf", MPDECIMATE, "-f", "null", "-"),
        LIMIT: lambda: run(sys.executable, "-c", f"from benchmarks.bench_extract import *; {coded}"),
        STORED: lambda: run(*command_of(find_ffmpeg(), stored)),
        ONE_PASS: lambda: run(*one),
        "extract_frames.py, all survivors written": lambda: run(*extract, "--dst_dir", str(work / "all")),
        QUARTER: lambda: run(*one[:-2], str(work / "quarter"), "--remove_similar", "--end", quarter),
        COMMAND: lambda: run(*ffmpeg, "-i", str(video), *images, str(work / "plain" / "x_%d.png")),
        PASS: lambda: run(*compare),
    }


def compare(video: Path, work: Path, rounds: int, brief: bool) -> None:
    """Run all ways in turn, `rounds` times, and print the table of their medians; `brief`: without the slow ones."""
    rows: dict[str, list[tuple[float, float]]] = {}
    for _ in range(rounds):
        for name, way in ways(video, work).items():
            if not brief or name not in (COMMAND, PASS):
                rows.setdefault(name, []).append(way())
    seconds = {name: statistics.median(one[0] for one in runs) for name, runs in rows.items()}
    memory = {name: max(one[1] for one in runs) for name, runs in rows.items()}
    kept, written = (len(frames.find_frames(work / folder)) for folder in ("one", "all"))
    print(f"\n{written} frames survive mpdecimate, {kept} of them resemble no other")
    print(f"{'way':48} {'seconds':>8} {'over limit':>11} {'MB':>6}")
    for name in rows:
        print(f"{name:48} {seconds[name]:8.1f} {seconds[name] / seconds[LIMIT]:10.2f}x {memory[name]:6.0f}")
    if not brief:
        two_passes = seconds[COMMAND] + seconds[PASS]
        print(f"one pass is {two_passes / seconds[ONE_PASS]:.1f} times as fast as command and pass")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    options.add_argument("--video", type=Path, help="a real video instead of the drawn one")
    options.add_argument("--seconds", type=int, default=120, help="length of the drawn clip")
    options.add_argument("--rounds", type=int, default=3, help="how often each way runs; the median counts")
    options.add_argument("--brief", action="store_true", help="without the plain command and the similarity pass")
    args = options.parse_args(argv)
    with TemporaryDirectory() as temporary:
        video = args.video or Path(temporary) / "drawn - 01.mkv"
        if args.video is None:
            # In a process of its own: a program started by a large one counts that one's memory as its own peak.
            drawing = get_context("spawn").Process(target=draw_clip, args=(video, args.seconds))
            drawing.start()
            drawing.join()
        compare(video, Path(temporary), args.rounds, args.brief)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
