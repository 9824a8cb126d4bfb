"""Compare the one-pass extraction with its limit and with the specification's way, side by side on one video.

    python benchmarks/bench_extract.py [--video FILE] [--seconds 60]

Without --video it draws a 1080p clip: drawings held on twos and threes, grain, pans, cuts. Rows: ffmpeg decoding with
mpdecimate and writing nothing (the limit); extract_frames.py --remove_similar; the specification's ffmpeg command with
PNG files, then a similarity pass over them. Peak memory is that of the process and its children.
"""

import argparse
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import extract_frames  # noqa: E402
import remove_similar  # noqa: E402
from framekit import frames  # noqa: E402
from framekit.ffmpeg_build import find_ffmpeg  # noqa: E402

WIDTH, HEIGHT, FPS = 1920, 1080, 24
MPDECIMATE = "mpdecimate=hi=64*200:lo=64*50:frac=0.33"


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
    held, pan = int(rng.choice((2, 3, 3, 24))), seed % 4 == 3
    for number in range(4 * FPS):
        step = number // held
        drawing = place[:, number * 3 : number * 3 + WIDTH].copy() if pan else place[:, :WIDTH].copy()
        centre = (700 + 12 * step % 500, 500)
        cv2.ellipse(drawing, centre, (220, 300), 0, 0, 360, (210, 220, 250), -1, cv2.LINE_AA)
        cv2.ellipse(drawing, (centre[0], 620), (60, 10 + 25 * (step % 2)), 0, 0, 360, (60, 60, 160), -1, cv2.LINE_AA)
        yield drawing


def draw_clip(path: Path, seconds: int) -> None:
    """Write the drawn clip: H.264, with film grain of 1.5 grey levels."""
    size = ["-f", "rawvideo", "-pix_fmt", "bgr24", "-s", f"{WIDTH}x{HEIGHT}", "-r", str(FPS), "-i", "pipe:"]
    coding = ["-c:v", "libx264", "-preset", "veryfast", "-crf", "20", "-pix_fmt", "yuv420p", "-y", str(path)]
    grain = np.random.default_rng(0).normal(0, 1.5, (4, HEIGHT, WIDTH, 1)).astype(np.float32)
    command = [find_ffmpeg().path, "-v", "error", *size, *coding]
    with subprocess.Popen(command, stdin=subprocess.PIPE) as process:
        assert process.stdin is not None
        for seed in range(max(1, seconds // 4)):
            for number, drawing in enumerate(draw_drawings(seed)):
                process.stdin.write(np.clip(drawing + grain[number % 4], 0, 255).astype(np.uint8).tobytes())


def ffmpeg(*words: str) -> None:
    """Run ffmpeg."""
    subprocess.run([find_ffmpeg().path, "-v", "error", "-nostdin", *words], check=True)


def timed(work: Callable[[], object]) -> float:
    """Return the seconds that a call takes."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def specification(video: Path, folder: Path) -> tuple[float, float]:
    """Run the specification's command and a similarity pass over its frames; return the seconds of each."""
    folder.mkdir()
    filters = f"{MPDECIMATE},setpts=N/FRAME_RATE/TB"
    words = ["-i", str(video), "-filter:v", filters, "-qscale:v", "1", "-qmin", "1", str(folder / "x_%d.png")]
    return timed(lambda: ffmpeg(*words)), timed(lambda: remove_similar.main(["--src_dir", str(folder)]))


def compare(video: Path, work: Path) -> None:
    """Run the three ways and print the table."""
    limit = timed(lambda: ffmpeg("-i", str(video), "-an", "-vf", MPDECIMATE, "-f", "null", "-"))
    words = ["--src_dir", str(video), "--dst_dir", str(work / "one"), "--remove_similar"]
    ours = timed(lambda: extract_frames.main(words))
    kept = len(frames.find_frames(work / "one"))
    written, compared = specification(video, work / "two")
    peak = max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)) / 1024
    print(f"\n{'way':55} {'seconds':>8} {'over limit':>11}")
    rows = (
        ("ffmpeg decode + mpdecimate, nothing written (limit)", limit),
        (f"extract_frames.py --remove_similar ({kept} frames kept)", ours),
        ("specification's command", written),
        ("specification's command + similarity pass", written + compared),
    )
    for name, seconds in rows:
        print(f"{name:55} {seconds:8.1f} {seconds / limit:10.2f}x")
    print(f"one pass is {(written + compared) / ours:.1f} times as fast; peak memory of one process {peak:.0f} MB")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    options.add_argument("--video", type=Path, help="a real video instead of the drawn one")
    options.add_argument("--seconds", type=int, default=60, help="length of the drawn clip")
    args = options.parse_args(argv)
    with TemporaryDirectory() as temporary:
        video = args.video or Path(temporary) / "drawn - 01.mkv"
        if args.video is None:
            draw_clip(video, args.seconds)
        compare(video, Path(temporary))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
