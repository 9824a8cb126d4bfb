"""Run the whole pipeline on a show and print the time of each stage and, where truth is given, its quality.

    python -m benchmarks.bench_pipeline --videos VIDEOS --references REFERENCES [--truth TRUTH] [--work DIR]

The limit beside the extraction is ffmpeg decoding the same videos with mpdecimate and writing nothing.
"""

import argparse
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import arrange_folders
import classify_characters
import detect_faces
import extract_frames
import generate_metadata
import prepare_training
import remove_similar
import tag_images
from benchmarks import score_show
from framekit.dataset import frames
from framekit.episodes import labels
from framekit.video.ffmpeg import find_ffmpeg


def decode_only(videos: Sequence[Path]) -> float:
    """Return the seconds that ffmpeg alone needs to decode and decimate the videos."""
    started = time.perf_counter()
    for video in videos:
        command = [find_ffmpeg().path, "-v", "error", "-nostdin", "-i", str(video), "-an"]
        decimate = ["-vf", "mpdecimate=hi=12800:lo=3200:frac=0.33", "-f", "null", "-"]
        subprocess.run(command + decimate, check=True)
    return time.perf_counter() - started


def stages(videos: Path, references: Path, work: Path) -> list[tuple[str, Callable[[Sequence[str]], int], list[str]]]:
    """Return name, main and arguments of each stage, with the models that need no download."""
    source, tree = str(work / "frames"), str(work / "training")
    return [
        ("extract", extract_frames.main, ["--src_dir", str(videos), "--dst_dir", source, "--prefix", "bench"]),
        ("similar", remove_similar.main, ["--src_dir", source]),
        ("faces", detect_faces.main, ["--src_dir", source]),
        ("characters", classify_characters.main, ["--src_dir", source, "--ref_dir", str(references)]),
        ("tags", tag_images.main, ["--src_dir", source, "--model", "measured"]),
        ("metadata", generate_metadata.main, ["--src_dir", source, "--general_description", "anishot"]),
        ("arrange", arrange_folders.main, ["--src_dir", source, "--dst_dir", tree]),
        ("prepare", prepare_training.main, ["--src_dir", tree]),
    ]


def measure(videos: Path, references: Path, truth: Path | None, work: Path) -> None:
    """Run all stages and print the table."""
    rows = []
    for name, main, argv in stages(videos, references, work):
        started = time.perf_counter()
        if main(argv) > 1:
            raise SystemExit(f"{name} failed")
        seconds = time.perf_counter() - started
        rows.append((name, seconds, len(frames.find_frames(work / "frames"))))
    limit = decode_only(labels.find_videos(videos, "*")[0])
    print(f"\n{'stage':12} {'seconds':>8} {'frames after':>13} {'frames/s':>9}")
    for name, seconds, left in rows:
        print(f"{name:12} {seconds:8.1f} {left:13d} {left / seconds:9.1f}")
    print(f"{'all':12} {sum(seconds for _, seconds, _ in rows):8.1f}")
    print(f"extract / ffmpeg decode + mpdecimate alone: {rows[0][1]:.1f} s / {limit:.1f} s = {rows[0][1] / limit:.2f}")
    if truth is not None:
        known = [folder.name for folder in references.iterdir() if folder.is_dir()]
        print(score_show.score(work / "frames", truth, known).report())


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    options.add_argument("--videos", type=Path, required=True)
    options.add_argument("--references", type=Path, required=True)
    options.add_argument("--truth", type=Path)
    options.add_argument("--work", type=Path, help="keep the dataset here (default: a temporary folder)")
    args = options.parse_args(argv)
    with TemporaryDirectory() as temporary:
        measure(args.videos, args.references, args.truth, args.work or Path(temporary))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
