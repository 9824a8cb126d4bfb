"""Time of metadata, arrangement, captions and multiply on many tiny frames, beside a plain loop over files.

    python -m benchmarks.bench_prepare --frames 100000

Draws frames of 8x6 pixels with tags, faces and names, then runs the three scripts, each as a process of its own, and
the same work as one loop after another in which each step opens, changes and writes each file on its own, with
neither journal, nor digests, nor whole writes, as older scripts do it. Reports seconds and peak memory.
"""

import argparse
import json
import os
import random
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
CAST = [f"Character{number:02d}" for number in range(14)]
WORDS = [f"tag_{number}" for number in range(400)]
PER_EPISODE = 1000


def frame_bytes() -> bytes:
    """Return a tiny PNG."""
    import cv2
    import numpy as np

    return bytes(cv2.imencode(".png", np.full((6, 8, 3), 120, np.uint8))[1].tobytes())


def draw_dataset(root: Path, number: int) -> None:
    """Write so many frames with the sidecars of the steps before."""
    chance, content = random.Random(0), frame_bytes()
    for start in range(0, number, PER_EPISODE):
        episode = f"EP{start // PER_EPISODE:03d}"
        folder = root / episode
        folder.mkdir(parents=True)
        known = {}
        for place in range(start, min(start + PER_EPISODE, number)):
            stem = f"show_{episode}_{place:06d}"
            names = chance.sample(CAST, chance.choice([0, 1, 1, 1, 2, 2, 3]))
            boxes = [[round(0.1 + 0.3 * k, 2), 0.2, round(0.3 + 0.3 * k, 2), round(0.3 + chance.random() * 0.6, 3)]
                     for k in range(len(names))]  # fmt: skip
            faces = [{"box": box, "score": 0.9} for box in boxes]
            named = [{"box": box, "name": name, "score": 0.9, "runner_up": None}
                     for box, name in zip(boxes, names, strict=True)]  # fmt: skip
            (folder / f"{stem}.png").write_bytes(content)
            (folder / f"{stem}.png.tags").write_text(", ".join(chance.sample(WORDS, 20)) + "\n")
            (folder / f"{stem}.faces.json").write_text(json.dumps({"schema": 1, "faces": faces}))
            (folder / f"{stem}.characters.json").write_text(json.dumps({"schema": 1, "faces": named}))
            known[stem] = {"time": place / 24, "frame": place, "scene": place // 50}
        record = {"video": f"{episode}.mkv", "prefix": "show", "episode": episode, "frames": known}
        (folder / ".frames.json").write_text(json.dumps(record))


def plain_metadata(source: Path) -> None:
    """Write X.json from the sidecars, file after file."""
    for folder, _, names in os.walk(source):
        for name in names:
            if name.endswith(".png"):
                stem = Path(folder, name[:-4])
                faces = json.loads(Path(f"{stem}.faces.json").read_text())["faces"]
                named = json.loads(Path(f"{stem}.characters.json").read_text())["faces"]
                tags = Path(f"{stem}.png.tags").read_text().strip().split(", ")
                fields = {
                    "count": len(faces),
                    "characters": [one["name"] for one in named],
                    "general": f"anishot show{Path(folder).name}",
                    "facepos": [one["box"] for one in faces],
                    "fh_ratio": max((one["box"][3] - one["box"][1] for one in faces), default=0),
                    "tags": tags,
                }
                Path(f"{stem}.json").write_text(json.dumps(fields))


def plain_arrangement(source: Path, tree: Path) -> None:
    """Copy each frame with its sidecars into its folder."""
    for folder, _, names in os.walk(source):
        for name in names:
            if name.endswith(".png"):
                stem = Path(folder, name[:-4])
                known = json.loads(Path(f"{stem}.json").read_text())
                characters = sorted(set(known["characters"]))
                lower = min(int(100 * known["fh_ratio"]), 99) // 25 * 25
                target = tree / f"{len(characters)}_characters" / ("+".join(characters) or "character_others")
                target /= f"face_height_ratio_{lower}-{lower + 25}"
                target.mkdir(parents=True, exist_ok=True)
                for suffix in (".png", ".png.tags", ".faces.json", ".characters.json", ".json"):
                    shutil.copy2(f"{stem}{suffix}", target)


def plain_captions(tree: Path) -> None:
    """Write X.txt and multiply.txt."""
    counts: Counter[str] = Counter()
    for folder, _, names in os.walk(tree):
        for name in names:
            if name.endswith(".png"):
                counts[folder] += 1
                stem = Path(folder, name[:-4])
                known = json.loads(Path(f"{stem}.json").read_text())
                random.shuffle(known["tags"])
                parts = [
                    f"{known['count']}people",
                    " ".join(known["characters"]),
                    known["general"],
                    *known["tags"][:15],
                ]
                Path(f"{stem}.txt").write_text(", ".join(parts).replace("_", " "))
    for folder, number in counts.items():
        Path(folder, "multiply.txt").write_text(str(max(counts.values()) / number))


def run_script(words: Sequence[str]) -> tuple[float, int]:
    """Run one of our scripts as a process; return seconds and peak memory in MB. Raises CalledProcessError."""
    start = time.perf_counter()
    process = subprocess.Popen([sys.executable, str(ROOT / words[0]), *words[1:]], stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    if status:
        raise subprocess.CalledProcessError(os.waitstatus_to_exitcode(status), words[0])
    return time.perf_counter() - start, used.ru_maxrss // 1024


def timed(work: Callable[[], None]) -> float:
    """Return the seconds that some work takes."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def main() -> None:
    """Run the comparison."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    options.add_argument("--frames", type=int, default=100_000)
    options.add_argument("--place", choices=("copy", "hardlink"), default="hardlink")
    args = options.parse_args()
    with tempfile.TemporaryDirectory() as name:
        ours, tree, others = Path(name, "ours"), Path(name, "tree"), Path(name, "others")
        draw_dataset(ours, args.frames)
        draw_dataset(others, args.frames)
        steps = {
            "metadata": ["generate_metadata.py", "--src_dir", str(ours), "--general_description", "anishot"],
            "arrange": [
                "arrange_folders.py",
                "--src_dir",
                str(ours),
                "--dst_dir",
                str(tree),
                *([f"--{args.place}"] if args.place != "copy" else []),
            ],
            "prepare": ["prepare_training.py", "--src_dir", str(tree), "--shuffle_tags"],
        }
        plain: dict[str, Callable[[], None]] = {
            "metadata": lambda: plain_metadata(others),
            "arrange": lambda: plain_arrangement(others, Path(name, "plain")),
            "prepare": lambda: plain_captions(Path(name, "plain")),
        }
        print(f"{args.frames} frames; step, seconds, peak MB, seconds again, plain loop, ratio", flush=True)
        total = [0.0, 0.0]
        for step, words in steps.items():
            seconds, memory = run_script(words)
            again, _ = run_script(words)
            loop = timed(plain[step])
            total = [total[0] + seconds, total[1] + loop]
            print(f"{step:9s} {seconds:7.1f} {memory:6d} {again:7.1f} {loop:7.1f} {seconds / loop:5.2f}", flush=True)
        print(f"all       {total[0]:7.1f} {'':6} {'':7} {total[1]:7.1f} {total[0] / total[1]:5.2f}")
    print(f"this process: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024} MB")


if __name__ == "__main__":
    main()
