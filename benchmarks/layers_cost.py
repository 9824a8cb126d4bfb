"""Seconds of processor time of each stage of the layers, and seconds and memory of the whole script."""

import os
import resource
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import numpy as np

from framekit.boxes import Face
from framekit.faces.scenes import scenes_of
from framekit.figures import find, tracks
from framekit.figures.features import bars_of, places_of
from framekit.figures.likelihood import figure_likelihood
from framekit.figures.look import as_png
from framekit.figures.models import EMBEDDED, Evidence, Look, Segmenter
from framekit.figures.separate import LONGER_SIDE, graph_cut
from framekit.layers.matting import cut_out
from framekit.layers.plates import make_plate
from framekit.pixels.decode import read_pixels, shrink
from framekit.sidecars import faces

SEASON = 12_000  # frames
FRAMES = 24  # of whole shots, that stages are measured on
EVERY = 0.1  # seconds between two looks at the memory of a run
MB = 2**20
ROOT = Path(__file__).resolve().parents[1]
Made = TypeVar("Made")


@dataclass(frozen=True)
class Stages:
    """Processor seconds by stage."""

    took: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))

    def __call__(self, stage: str, make: Callable[[], Made]) -> Made:
        """Return what `make` returns, and note how long it took."""
        began = time.process_time()
        made = make()
        self.took[stage].append(time.process_time() - began)
        return made


def stages(show: Path, models: Mapping[str, Callable[[], Segmenter]], few: int) -> None:
    """Print seconds of each stage on one core, on the first shots of a dataset that has faces."""
    frames = sorted(path for path in show.rglob("*.png") if not any(part.startswith(".") for part in path.parts[1:]))
    timed, cores = Stages(), os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(cores)})
    shots = [[frame for frame, _ in scene] for scene in scenes_of(frames)]
    step = max(1, len(frames) // FRAMES // 2)
    count = 0
    try:
        for shot in shots[::step]:
            count += shot_timed(shot, timed)
            if count >= FRAMES:
                break
        for name, load in models.items():
            segmenter = load()
            for frame in frames[:: max(1, len(frames) // few)][:few]:
                pixels, seen = read_pixels(frame), faces.read_faces(frame) or []
                ready = timed(f"{name}: prepare", lambda: segmenter.prepare(pixels))  # noqa: B023 called at once
                look = Look(shrink(pixels, LONGER_SIDE), seen)
                timed(f"{name}: the model", lambda: segmenter.evidence([ready], [look]))  # noqa: B023
    finally:
        os.sched_setaffinity(0, cores)
    print(f"processor seconds on one core, {count} frames of {show.name}, median and mean (times measured)")
    for stage, each in timed.took.items():
        print(f"  {stage:44s} {np.median(each):7.3f} {np.mean(each):7.3f} ({len(each)})", flush=True)


def shot_timed(shot: Sequence[Path], timed: Stages) -> int:
    """Time each stage on the frames of a shot, and return how many these are."""
    shown, whole = [], []
    for frame in shot:
        seen: Sequence[Face] = faces.read_faces(frame) or []
        pixels = timed("decode a frame", lambda: read_pixels(frame))  # noqa: B023 called at once
        small = timed("shrink it", lambda: shrink(pixels, LONGER_SIDE))  # noqa: B023
        look = Look(small, seen)
        if seen:
            places = places_of(seen, small.shape[:2])
            timed("(graph cut from faces alone)", lambda: graph_cut(small, places, bars_of(small)))  # noqa: B023
        kind = "with faces" if seen else "without faces"
        likely = timed(f"trees, {kind}", lambda: figure_likelihood(small, seen))  # noqa: B023
        found = timed(
            f"cut and share out, {kind}",
            lambda: find.find_figures(look, likely, Evidence(), EMBEDDED),  # noqa: B023
        )
        shown.append(tracks.Shown(small, found.labels, found.figures))
        whole.append(pixels)
    began = time.process_time()
    followed = tracks.follow(shown)
    steady = tracks.smooth(shown, followed)
    timed.took["follow and smooth, a frame"] += [(time.process_time() - began) / len(shot)] * len(shot)
    masks = []
    for pixels, labels in zip(whole, steady, strict=True):
        large = timed("enlarge labels", lambda: find.enlarged(labels, pixels.shape[:2]))  # noqa: B023
        timed("write labels as PNG", lambda: as_png(large))  # noqa: B023
        masks.append(large > 0)
        for label in range(1, int(large.max()) + 1):
            if (large == label).any():
                timed("cut out a figure", lambda: cut_out(pixels, large == label))  # noqa: B023
    began = time.process_time()
    make_plate(list(zip(whole, masks, strict=True)))
    timed.took["plate, a frame"] += [(time.process_time() - began) / len(shot)] * len(shot)
    return len(shot)


def children_of(pid: int) -> list[int]:
    """Return a process and all that it started, as far as they are running."""
    found = [pid]
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            found += [one for child in task.read_text().split() for one in children_of(int(child))]
        except OSError:
            continue  # it has ended
    return found


def memory_of(pid: int) -> int:
    """Return the bytes in memory of a process and its children."""
    total = 0
    for one in children_of(pid):
        try:
            total += int(Path(f"/proc/{one}/statm").read_text().split()[1]) * resource.getpagesize()
        except (OSError, IndexError):
            continue  # it has ended
    return total


def run_once(words: Sequence[str], cores: int) -> tuple[float, float, float, str]:
    """Run segment_characters.py on so many cores; return seconds, processor seconds, peak MB and its last line."""
    usable = sorted(os.sched_getaffinity(0))[:cores]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    began, peak = time.perf_counter(), 0
    command = [sys.executable, str(ROOT / "extras" / "segment_characters.py"), *words]
    started = subprocess.Popen(
        ["taskset", "-c", ",".join(map(str, usable)), *command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    ended = threading.Event()

    def watch() -> None:
        nonlocal peak
        while not ended.wait(EVERY):
            peak = max(peak, memory_of(started.pid))

    watcher = threading.Thread(target=watch)
    watcher.start()
    said, _ = started.communicate()
    ended.set()
    watcher.join()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    lines = said.decode(errors="replace").strip().splitlines()
    if started.returncode > 1:
        raise SystemExit("\n".join(lines))
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return time.perf_counter() - began, used, peak / MB, lines[-1] if lines else ""


def whole_run(show: Path, limit: int) -> None:
    """Print seconds and memory of the script on a copy of a dataset, and what a season would take.

    `limit` is how many frames get layers, 0 for all.
    """
    with tempfile.TemporaryDirectory() as folder:
        frames = Path(folder, "frames")
        shutil.copytree(show, frames, ignore=shutil.ignore_patterns("*.instances.json", ".masks"))
        count = sum(not any(part.startswith(".") for part in path.relative_to(frames).parts)
                    for path in frames.rglob("*.png"))  # fmt: skip
        some = min(limit or count, count)
        layers = ["--limit", str(some), "--layers", str(Path(folder, "layers"))]
        print("run                                frames  seconds  processor  peak MB  12,000 frames: as measured,"
              " hours of one core")  # fmt: skip
        for name, words, cores, number in (
            ("figures, one core, --workers 1", ["--workers", "1", "--redo"], 1, count),
            ("figures, two cores, its own workers", ["--redo"], 2, count),
            ("layers besides, two cores", layers, 2, some),
        ):
            wall, used, peak, last = run_once([str(frames), *words], cores)
            hours = SEASON / number / 3600
            print(f"{name:36s} {number:4d} {wall:8.1f} {used:10.1f} {peak:8.0f}  {hours * wall:6.2f} h", end="")
            print(f" {hours * used:6.2f} h\n    {last}", flush=True)
