"""Compare the removal of similar frames with its peers: quality against truth, then time and memory at scale.

    python -m benchmarks.bench_similar --dataset DATASET TRUTH [--dataset …] [--peer_python PYTHON] [--mobilenet FILE]

DATASET holds folders EPxx with .frames.json as `extract_frames.py` writes them, TRUTH one JSON file per video as the
sample show has it. PYTHON is an environment with imagededup; its CNN has random weights unless PRETRAINED is set, so
that it needs no download, and then only its time means anything. Every method decodes the frames itself, but the second
row takes the descriptors that extract_frames.py stored.

Each method ends in groups. Two frames form a pair if they are in one group. Pairs of one drawing should be together,
pairs of two layouts should not; pairs of one layout with another drawing, and frames of transitions or plain frames,
count neither way. Precision, recall and F1 are of pairs; lost layouts and repeats are of the frames that stay.
"""

import argparse
import json
import resource
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.score_show import read_truths
from framekit.dataset import frames
from framekit.dedup import descriptors, quality, search
from framekit.dedup.select import Settings, decide

SIZES = ((1_000, 4), (10_000, 4), (100_000, 4), (100_000, 1))  # frames, frames of one drawing

PEER = """
import json, os, sys, time, torchvision
from imagededup import methods
name, folder = sys.argv[1:]
if name == "CNN" and not os.environ.get("PRETRAINED"):
    untrained = torchvision.models.mobilenet_v3_small
    torchvision.models.mobilenet_v3_small = lambda weights: untrained(weights=None)
method = getattr(methods, name)(verbose=False)
started = time.perf_counter()
similar = method.find_duplicates(encoding_map=method.encode_images(image_dir=folder, recursive=True))
groups, gone = {}, set()
for path in sorted(similar):
    if path not in gone:
        groups[path] = [other for other in similar[path] if other not in gone and other not in groups]
        gone.update(groups[path])
print("RESULT" + json.dumps([time.perf_counter() - started, groups]))
"""


@dataclass(frozen=True)
class Shown:
    """What the truth says of a frame; layout is None where it does not count."""

    drawing: str
    layout: str | None
    episode: str


@dataclass(frozen=True)
class Grouped:
    """The result of a method: kept frame -> frames that resemble it; frames rejected otherwise; seconds."""

    groups: Mapping[str, Sequence[str]]
    seconds: float


def read_shown(dataset: Path, truth: Path) -> dict[str, Shown]:
    """Return what each frame of a dataset shows, by its path."""
    truths = read_truths(truth)
    shown = {}
    for record_path in sorted(dataset.glob("EP*/.frames.json")):
        record = json.loads(record_path.read_text(encoding="utf-8"))
        for stem, source in record["frames"].items():
            told = truths[record["video"]]["frames"][source["source_frame"]]
            counts = told["layout"] if not told["transition"] and told["kind"] not in ("black", "white") else None
            path = record_path.with_name(f"{stem}.png")
            shown[str(path)] = Shown(told["drawing"], counts, record_path.parent.name)
    return shown


def ours(dataset: Path, settings: Settings, model: str = descriptors.EMBEDDED, stored: bool = False) -> Grouped:
    """Run our own removal, decoding included unless descriptors are `stored`; nothing is moved."""
    started = time.perf_counter()
    describer = descriptors.load_describer(model, "cpu")
    if not stored:
        describer = replace(describer, store=".no_descriptors.npz")
    described = descriptors.describe_frames(frames.find_frames(dataset), 2, False, describer)
    going = decide(described, settings, ())
    groups: dict[str, list[str]] = {}
    gone = {one.row for one in going}
    for row, frame in enumerate(described.readable):
        if row not in gone:
            groups[str(frame)] = []
    for one in going:
        if one.resembles >= 0:
            groups[str(described.readable[one.resembles])].append(str(described.readable[one.row]))
    return Grouped(groups, time.perf_counter() - started)


def peer(python: str, name: str, dataset: Path) -> Grouped:
    """Run a method of imagededup in its own environment, with its own defaults, the first of similar frames kept."""
    done = subprocess.run([python, "-c", PEER, name, str(dataset)], capture_output=True, text=True, check=True)
    seconds, groups = json.loads(done.stdout.partition("RESULT")[2])
    return Grouped(
        {str(dataset / kept): [str(dataset / one) for one in members] for kept, members in groups.items()}, seconds
    )


def score(grouped: Grouped, shown: Mapping[str, Shown]) -> str:
    """Return one line of figures."""
    label: dict[str, int] = {}
    for number, (first, members) in enumerate(grouped.groups.items()):
        label |= dict.fromkeys((first, *members), number)
    counted = [frame for frame, one in shown.items() if one.layout is not None]
    group = np.array([label.get(frame, -1 - place) for place, frame in enumerate(counted)])
    drawing, layout = (
        np.unique([getattr(shown[frame], name) for frame in counted], return_inverse=True)[1]
        for name in ("drawing", "layout")
    )
    upper = np.triu(np.ones((len(counted), len(counted)), bool), 1)
    together = (group[:, None] == group[None]) & upper
    same, other = (drawing[:, None] == drawing[None]) & upper, (layout[:, None] != layout[None]) & upper
    right, wrong, missed = int((together & same).sum()), int((together & other).sum()), int((same & ~together).sum())
    precision, recall = right / max(1, right + wrong), right / max(1, right + missed)
    kept = [frame for frame in grouped.groups if shown[frame].layout is not None]
    lost = {shown[frame].layout for frame in counted} - {shown[frame].layout for frame in kept}
    repeats = sum(count - 1 for count in Counter(shown[frame].drawing for frame in kept).values())
    inside = sum(count - 1 for count in Counter((shown[f].drawing, shown[f].episode) for f in kept).values())
    merged = sum(
        shown[frame].layout is not None and shown[frame].layout != shown[first].layout
        for first in kept
        for frame in grouped.groups[first]
    )
    harmonic = 2 * precision * recall / max(1e-9, precision + recall)
    return (
        f"{len(grouped.groups):6} {len(lost):6} {inside:6} {repeats - inside:6} {repeats / max(1, len(kept)):7.1%}"
        f" {merged:7} {precision:9.3f} {recall:7.3f} {harmonic:6.3f} {grouped.seconds:8.1f}"
    )


def compare_quality(dataset: Path, truth: Path, python: str | None, mobilenet: Path | None) -> None:
    """Print a table of all methods for one show."""
    shown = read_shown(dataset, truth)
    plain = Settings(descriptors.THRESHOLD, 10_000, False, quality.OFF)
    default = replace(plain, keep_best=True, limits=quality.Limits())
    ways: dict[str, Callable[[], Grouped]] = {
        "ours: filters, best kept": lambda: ours(dataset, default),
        "the same, descriptors stored": lambda: ours(dataset, default, stored=True),
    }
    for thresh in (0.95, 0.97, descriptors.THRESHOLD, 0.995):
        ways[f"ours: first kept, --thresh {thresh:g}"] = lambda thresh=thresh: ours(  # type: ignore[misc]
            dataset, replace(plain, thresh=thresh)
        )
    if mobilenet:
        ways["MobileNet, greedy at 0.985 (v1)"] = lambda: ours(dataset, plain, str(mobilenet))
    for name in ("PHash", "DHash", "CNN") if python else ():
        ways[f"imagededup {name}"] = lambda name=name: peer(str(python), name, dataset)  # type: ignore[misc]
    layouts = {one.layout for one in shown.values() if one.layout}
    print(f"\n{dataset}: {len(shown)} frames, {len(layouts)} layouts; repeats within an episode and across")
    print(f"{'':34} {'kept':>6} {'lost':>6} {'within':>6} {'across':>6} {'share':>7} {'merged':>7}", end="")
    print(f" {'precision':>9} {'recall':>7} {'F1':>6} {'seconds':>8}")
    for name, way in ways.items():
        print(f"{name:34} {score(way(), shown)}", flush=True)


def synthetic(count: int, copies: int) -> descriptors.Descriptors:
    """Return `count` unit vectors: drawings far from each other, each in so many noisy copies in a row."""
    rng = np.random.default_rng(count)
    rows = np.empty((count, descriptors.DIMENSIONS), np.float32)
    for start in range(0, count, 1000):
        part = rng.standard_normal((1000 // copies, descriptors.DIMENSIONS), np.float32).repeat(copies, axis=0)
        part += 0.05 * rng.standard_normal(part.shape, np.float32)
        rows[start : start + 1000] = part / np.linalg.norm(part, axis=1, keepdims=True)
    return rows


def brute_force(rows: descriptors.Descriptors, thresh: float) -> list[int]:
    """Return the removed rows, each compared with every kept one by itself."""
    kept: list[int] = []
    gone: list[int] = []
    for row in range(len(rows)):
        alike = bool(kept) and float((rows[kept] @ rows[row]).max()) >= thresh
        (gone if alike else kept).append(row)
    return gone


def measure_size(count: int, copies: int) -> None:
    """Print time and peak memory of the search among `count` synthetic descriptors, in this process alone."""
    rows = synthetic(count, copies)
    started = time.perf_counter()
    found = {row for row, _, _ in search.similar_frames(rows, np.arange(count), descriptors.THRESHOLD, 10_000)}
    seconds = time.perf_counter() - started
    planted = {row for row in range(count) if row % copies}
    expected = planted if count > 10_000 else set(brute_force(rows, descriptors.THRESHOLD))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{count:8} {len(found):8} {seconds:9.1f} {peak:9.0f} {'yes' if found == expected else 'NO':>9}", flush=True)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    options.add_argument("--dataset", nargs=2, type=Path, action="append", default=[], metavar=("DATASET", "TRUTH"))
    options.add_argument("--peer_python", help="Python of an environment with imagededup")
    options.add_argument("--mobilenet", type=Path, help="ONNX file of a MobileNet embedding, v1's method")
    options.add_argument("--size", type=int, nargs=2, help=argparse.SUPPRESS)
    args: Any = options.parse_args(argv)
    if args.size:
        measure_size(*args.size)
        return 0
    for dataset, truth in args.dataset:
        compare_quality(dataset, truth, args.peer_python, args.mobilenet)
    print(
        f"\n{'frames':>8} {'similar':>8} {'seconds':>9} {'peak MB':>9} {'exact':>9}   (search among descriptors)",
        flush=True,
    )
    for count, copies in SIZES:
        subprocess.run(
            [sys.executable, "-m", "benchmarks.bench_similar", "--size", str(count), str(copies)], check=True
        )
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
