"""Compare the ways of naming faces, few-shot and open-set, on any folders of characters.

    python -m benchmarks.bench_characters --data FOLDER_PER_CHARACTER [--data …] [--model NAME …]
    python -m benchmarks.bench_characters --src_dir frames --truth EPISODES/truth [--model NAME …]

--data holds a folder of images per character; the largest face of each is taken. --src_dir holds frames with their
X.faces.json, and --truth says who they are, as for the sample show; shots and queries never come from one scene.
An episode draws k shots of each character and asks about all the rest; two characters are held out as impostors.
accuracy: best name right, among known ones, mean of the episodes and its 95 % interval. AUROC: known against impostors,
by strength. refused: share of impostors refused at the strength that loses 5 % of the known faces. named, right,
impostors: with the strength that the shots themselves calibrate. With --crowd, all faces that are asked about are
weighed together, as in classify_characters.py. The baselines are nearest centroid on a MobileNet (--model PATH.onnx)
and on colour histograms (`colour`). Methods that train run where torch and learn2learn are.
"""

import argparse
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.score_show import ShownFrame, matching, read_truths
from framekit.characters import calibrate, descriptors, references
from framekit.characters.descriptors import Vector
from framekit.characters.match import NAMERS, Acceptance, References, centroid_namer
from framekit.characters.recognise import CHANGES, METHODS, Choice, trained_maker, views_of
from framekit.characters.show import weigh
from framekit.characters.train import TRAINED
from framekit.dataset import frames
from framekit.faces import crops, detect
from framekit.pixels import decode
from framekit.sidecars import episode
from framekit.sidecars.faces import read_faces

IMPOSTORS = 2

SIDE = 160  # px of the crops that are kept


@dataclass(frozen=True)
class Labelled:
    """Heads with the name of each, and the scene or image that it comes from."""

    names: list[str]
    origins: list[str]
    crops: list[decode.Pixels]


@dataclass(frozen=True)
class Described:
    """Rows of heads: plain and mirrored, (N, 2, D), and changed ones, (N, changes, D)."""

    views: Vector
    jittered: Vector


@dataclass(frozen=True)
class Result:
    """What one episode came to; shares."""

    accuracy: float
    auroc: float
    refused: float
    named: float
    right: float
    impostors: float
    seconds: float


def heads_of_folders(folder: Path, workers: int) -> Labelled:
    """Return the head of the largest face of each image of a folder per character."""
    found = references.find_heads(references.find_references(folder, []), detect.Settings(), workers)
    crops = [decode.shrink(crop, SIDE) for crop in found.crops]
    return Labelled(found.names, [str(path) for path in found.paths], crops)


def heads_of_show(src_dir: Path, truth: Path) -> Labelled:
    """Return the heads of the faces of frames whose character the truth names."""
    truths = read_truths(truth)
    found = Labelled([], [], [])
    for frame in frames.find_frames(src_dir):
        seen = read_faces(frame) or []
        source = episode.Episodes().source_of(frame)
        told = truths[source["video"]]
        shown = ShownFrame("", 0, 0, told["frames"][source["source_frame"]] | {"size": told["size"]}, [], [])
        pixels = decode.read_pixels(frame) if seen else None
        for face in seen:
            if pixels is not None and (who := matching(face.box, shown)):
                found.names.append(who["name"])
                found.origins.append(f"{source['episode']} {source['scene']}")
                found.crops.append(decode.shrink(crops.crop_head(pixels, face), SIDE))
    return found


def describe(heads: Labelled, model: str) -> tuple[Described, float]:
    """Return the rows of all heads, and the seconds that 1,000 plain ones take."""
    embed = descriptors.load_one(model, "auto")
    numbers = np.random.default_rng(0)
    rows = np.stack([embed(views_of(crop, True, CHANGES["trained"], numbers)) for crop in heads.crops])
    some = heads.crops[:64]
    start = time.perf_counter()
    embed(some)
    return Described(rows[:, :2], rows[:, 2:]), (time.perf_counter() - start) / len(some) * 1000


def draw(heads: Labelled, shots: int, numbers: np.random.Generator) -> tuple[list[int], list[int], list[int]] | None:
    """Draw an episode: rows of shots, of queries of known characters, and of impostors; None if there are too few."""
    names, origins = np.array(heads.names), np.array(heads.origins)
    usable = [name for name in sorted(set(names)) if len(set(origins[names == name])) > 1]
    impostors = set(numbers.choice(usable, IMPOSTORS, replace=False)) if len(usable) > IMPOSTORS + 1 else set()
    chosen, queries = [], []
    for name in usable:
        if name in impostors:
            continue
        own = numbers.permutation(np.flatnonzero(names == name))
        taken = [row for place, row in enumerate(own) if place < shots]
        rest = [row for row in own if origins[row] not in set(origins[taken])]
        if len(taken) < shots or not rest:
            continue
        chosen += taken
        queries += rest
    foreign = [row for row in range(len(names)) if names[row] in impostors]
    return (chosen, queries, foreign) if queries and foreign else None


def run_episode(
    heads: Labelled, rows: Described, method: str, drawn: tuple[list[int], list[int], list[int]], crowd: bool
) -> Result:
    """Name the queries of one episode by its shots."""
    shots, queries, foreign = drawn
    names = np.array(heads.names)
    jittered = rows.jittered[shots]
    known = References([str(name) for name in names[shots]], rows.views[shots], jittered)
    if method not in TRAINED:
        known = References(known.names, known.vectors, jittered[:, : CHANGES["numpy"]])
    make = trained_maker(Choice(method=method)) if method in TRAINED else NAMERS.get(method, centroid_namer)
    start = time.perf_counter()
    namer = make(known)
    scores, strange = (namer.score(rows.views[which, 0]) for which in (queries, foreign))
    seconds = time.perf_counter() - start
    margin = calibrate.MARGIN_WEIGHT
    acceptance = Acceptance(0, margin)
    strength, other = acceptance.strength(scores), acceptance.strength(strange)
    least = calibrate.least_strength(calibrate.try_out(known, make, margin, method in TRAINED), None)
    found = weigh(known, rows.views[[*queries, *foreign], 0]) if crowd else None
    if found is not None:
        strength, other, least = found.strength[: len(queries)], found.strength[len(queries) :], found.least
        scores = found.scores[: len(queries)] if method == "linear" else scores
    right = np.array(namer.names)[scores.argmax(axis=1)] == names[queries]
    named = strength >= least
    return Result(
        accuracy=float(right.mean()),
        auroc=float((np.searchsorted(np.sort(other), strength) / len(other)).mean()),
        refused=float((other < np.quantile(strength, 0.05)).mean()),
        named=float(named.mean()),
        right=float(right[named].mean()) if named.any() else 1.0,
        impostors=float((other >= least).mean()),
        seconds=seconds,
    )


def print_row(model: str, method: str, shots: int, results: Sequence[Result], embedding: float) -> None:
    """Print a row of the table."""
    accuracy = np.array([one.accuracy for one in results])
    half = 1.96 * accuracy.std(ddof=1) / len(accuracy) ** 0.5 if len(accuracy) > 1 else 0.0

    def mean(name: str) -> float:
        return float(np.mean([getattr(one, name) for one in results]))

    print(
        f"| {Path(model).stem} | {method} | {shots} | {accuracy.mean():.1%} ± {half:.1%} | {mean('auroc'):.3f} |"
        f" {mean('refused'):.0%} | {mean('named'):.1%} | {mean('right'):.1%} | {mean('impostors'):.1%} |"
        f" {embedding:.1f} + {mean('seconds'):.2f} |",
        flush=True,
    )


def measure(heads: Labelled, args: Any) -> None:
    """Print the table."""
    print(f"{len(heads.names)} faces of {len(set(heads.names))} characters, {args.splits} episodes a row")
    print("| descriptor | method | shots | accuracy | AUROC | refused | named | right | impostors | s/1,000 + fit |")
    print("|---|---|---|---|---|---|---|---|---|---|")
    for model in args.model or ["colour_shape", "colour"]:
        rows, embedding = describe(heads, model)
        for method in args.method:
            for shots in args.shots:
                numbers = np.random.default_rng(shots)
                drawn = [one for _ in range(args.splits) if (one := draw(heads, shots, numbers)) is not None]
                if drawn:
                    results = [run_episode(heads, rows, method, one, args.crowd) for one in drawn]
                    print_row(model, method, shots, results, embedding)


def main() -> None:
    """Run the command line."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    options.add_argument("--data", type=Path, action="append", default=[])
    options.add_argument("--src_dir", type=Path)
    options.add_argument("--truth", type=Path)
    options.add_argument("--model", action="append")
    options.add_argument("--method", nargs="+", choices=METHODS, default=["centroid", "knn", "linear"])
    options.add_argument("--shots", type=int, nargs="+", default=[1, 5, 10])
    options.add_argument("--crowd", action="store_true")
    options.add_argument("--splits", type=int, default=20)
    options.add_argument("--workers", type=int, default=2)
    args = options.parse_args()
    for folder in args.data:
        print(folder.name)
        measure(heads_of_folders(folder, args.workers), args)
    if args.src_dir:
        print(args.src_dir.name)
        measure(heads_of_show(args.src_dir, args.truth), args)


if __name__ == "__main__":
    main()
