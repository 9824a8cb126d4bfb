"""Figures and their edges against composed frames whose figures are known, and false figures on empty paintings."""

import random
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.composed import JPEG_QUALITY, Alpha, Composed, compose, painter_of, shots_of
from framekit.boxes import Face
from framekit.faces.detect import detect_faces
from framekit.figures import find
from framekit.figures.features import Mask, bars_of, places_of
from framekit.figures.likelihood import figure_likelihood
from framekit.figures.models import EMBEDDED, Evidence, Look, Segmenter
from framekit.figures.separate import LONGER_SIDE, Labels, graph_cut
from framekit.layers.matting import cut_out
from framekit.pixels.decode import Pixels, shrink
from framekit.pixels.sheets import one_sheet

POOR = 0.7  # intersection over union below which a frame counts as poor
BAND = 10  # px at 720p on either side of the true edge, in which errors of alpha are measured
SPREAD = 1.4  # px, of the Gaussian before gradients; Source: Rhemann et al. 2009, alphamatting.com
FOUND, PART = 0.5, 0.2  # IoU of a found figure with its true one; share of a true figure that counts as a part of it
WORST = 3  # frames on the sheet
FACES, TREES, DEFAULT, TRUTH = "graph cut from faces", "trees alone", "embedded default", "true mask"


@dataclass(frozen=True)
class Answer:
    """What a method says of a frame: (H, W) labels, 0 for background, and its alpha before matting, 0 to 1."""

    labels: Labels
    alpha: Alpha


@dataclass
class Sums:
    """What was counted of one method: IoU of frames, errors of alpha, what became of true figures."""

    all_found: list[float] = field(default_factory=list)
    any_found: list[float] = field(default_factory=list)
    errors: list[Sequence[float]] = field(default_factory=list)
    figures: dict[int, list[Sequence[int]]] = field(default_factory=lambda: defaultdict(list))


def apart(mask: Mask, least: int = find.MIN_SIZE) -> Labels:
    """Return a label for each connected part of a mask that is large enough; the rest has 255 and is no figure."""
    _, parts, sizes, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    large = np.flatnonzero(sizes[1:, cv2.CC_STAT_AREA] >= least / find.FULL * mask.size) + 1
    numbers = np.where(np.arange(len(sizes)) > 0, 255, 0).astype(np.uint8)
    numbers[large[:254]] = np.arange(1, len(large[:254]) + 1)
    return np.asarray(numbers[parts])


def of_mask(mask: Mask, shape: tuple[int, int]) -> Answer:
    """Return the answer of a method that gives one mask of a frame shrunk from `shape`."""
    large = find.enlarged(mask.astype(np.uint8), shape) > 0
    return Answer(apart(large), large.astype(np.float32))


def of_map(likely: Alpha, shape: tuple[int, int]) -> Answer:
    """Return the answer of a method that says how likely each place is a figure."""
    size = (shape[1], shape[0])
    large = np.asarray(cv2.resize(likely, size, interpolation=cv2.INTER_LINEAR), dtype=np.float32)
    return Answer(apart(large > 0.5), large)


def answers(pixels: Pixels, faces: Sequence[Face], models: Mapping[str, Segmenter]) -> dict[str, Answer]:
    """Return what each method says of a frame, in its size; of each model alone, and joined with the faces."""
    shape = (pixels.shape[0], pixels.shape[1])
    small = shrink(pixels, LONGER_SIDE)
    look = Look(small, faces)
    likely = figure_likelihood(small, find.heads_of(faces, ()))
    made: dict[str, Answer] = {}
    if faces:
        cut = graph_cut(small, places_of(faces, small.shape[:2]), bars_of(small))
        made[FACES] = of_mask(cut, shape)
        made[TREES] = of_map(likely, shape)

    def joined(evidence: Evidence, model: str) -> Answer:
        labels = find.enlarged(find.find_figures(look, likely, evidence, model).labels, shape)
        return Answer(labels, (labels > 0).astype(np.float32))

    made[DEFAULT] = joined(Evidence(), EMBEDDED)
    for name, segmenter in models.items():
        [told] = segmenter.evidence([segmenter.prepare(pixels)], [look])
        said = find.told_by(told)
        if said is not None:
            made[f"{name} alone"] = of_map(said, shape)
        made[f"{name} + faces"] = joined(told, name)
    return made


def iou(one: Mask, other: Mask) -> float:
    """Return the intersection over union of two masks, 1 if both are empty."""
    either = (one | other).sum()
    return float((one & other).sum() / either) if either else 1.0


def gradient(alpha: Alpha) -> Alpha:
    """Return how steep alpha is at each pixel."""
    smooth = cv2.GaussianBlur(alpha, (0, 0), SPREAD)
    down, across = np.gradient(smooth)
    return np.asarray(np.hypot(down, across), dtype=np.float32)


def edge_errors(alpha: Alpha, truth: Alpha) -> tuple[float, float]:
    """Return mean absolute error and 1000 × mean squared error of the gradient, in BAND around the true edge."""
    inside = (truth > 0.5).astype(np.uint8)
    reach = 2 * round(BAND * len(truth) / 720) + 1
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (reach, reach))
    near = cv2.dilate(inside, disc) > cv2.erode(inside, disc)
    off = np.abs(alpha - truth)[near]
    steep = (gradient(alpha) - gradient(truth))[near]
    return float(off.mean()), float((steep**2).mean() * 1000)


def cut_alpha(pixels: Pixels, labels: Labels) -> Alpha:
    """Return the alpha of all figures as they are cut out, one after the other."""
    left = np.ones(labels.shape, dtype=np.float32)
    for label in np.unique(labels[labels > 0]):
        cut = cut_out(pixels, labels == label)
        x, y, right, bottom = cut.place
        left[y:bottom, x:right] *= 1 - cut.rgba[..., 3].astype(np.float32) / 255
    return np.asarray(1 - left, dtype=np.float32)


def matched(labels: Labels, truths: Sequence[Mask]) -> tuple[int, int, int, int, int]:
    """Return how many figures are true; of them found, merged and split; and how many found figures are none.

    A true figure goes with the found one that has most of it. It is found if no other goes with that one and they
    agree, merged if another does, split if a second found one has a part of it too.
    """
    known = [int(label) for label in np.unique(labels) if 0 < label < 255]
    counts = np.array([[int((truth & (labels == label)).sum()) for label in known] for truth in truths])
    counts = counts.reshape(len(truths), len(known))
    sizes = np.array([truth.sum() for truth in truths])
    own = [int(row.argmax()) if row.size and row.max() >= PART * size else -1
           for row, size in zip(counts, sizes, strict=True)]  # fmt: skip
    merged = [place >= 0 and own.count(place) > 1 for place in own]
    found = [place >= 0 and not is_merged and iou(truth, labels == known[place]) >= FOUND
             for truth, place, is_merged in zip(truths, own, merged, strict=True)]  # fmt: skip
    split = [(row >= PART * size).sum() > 1 for row, size in zip(counts, sizes, strict=True)]
    false = sum(bool((column < PART * sizes).all() and column.sum() < (labels == label).sum() / 2)
                for column, label in zip(counts.T, known, strict=True))  # fmt: skip
    return len(truths), sum(found), sum(merged), sum(map(int, split)), false


def frames_of(composer: Any, art: Path, seeds: Sequence[int], every: int = 1) -> Iterator[tuple[str, Composed]]:
    """Yield the middle of each shot of these shows that has figures, or of every so-and-so-many, and its name."""
    painter = painter_of(composer, art)
    for seed in seeds:
        for number, shot in [*enumerate(shots_of(composer, painter, seed))][::every]:
            frame = compose(composer, painter, shot.scenes[len(shot.scenes) // 2], shot.template)
            if (frame.alpha > 0.5).any():
                yield f"{seed}/{number} {shot.template}", frame


def score(frame: Composed, made: Mapping[str, Answer], sums: dict[str, Sums], edges: bool) -> None:
    """Add what each method made of a frame to its sums, with `edges` what matting makes of it where faces are found."""
    truth = frame.alpha
    least = find.MIN_SIZE / find.FULL * truth.size
    seen = [alpha > 0.5 for alpha in frame.alphas if (alpha > 0.5).sum() >= least]
    for name, answer in made.items():
        agreed = iou(answer.labels > 0, truth > 0.5)
        sums[name].any_found.append(agreed)
        if frame.all_found:
            sums[name].all_found.append(agreed)
        if frame.all_found and edges:
            cut = cut_alpha(frame.pixels, answer.labels)
            sums[name].errors.append((*edge_errors(answer.alpha, truth), *edge_errors(cut, truth)))
        if 2 <= len(seen) <= 3:
            sums[name].figures[len(seen)].append(matched(answer.labels, seen))


def report(sums: Mapping[str, Sums]) -> None:
    """Print how far each method agrees with the truth, and what became of true figures."""
    print(f"{'':24s}{'all faces found':^36s}{'any face found':^36s}")
    print(f"{'IoU of a frame':24s}" + f"{'frames   mean median  < .7':>36s}" * 2)
    for name, one in sums.items():
        cells = ""
        for values in (one.all_found, one.any_found):
            every = np.array(values)
            cells += f"{len(every):17d} {every.mean():6.3f} {np.median(every):6.3f} {(every < POOR).mean():5.1%}"
        print(f"{name:24s}{cells}")
    print(f"\n{'figures':24s}{'':24s}   true  found merged  split  false")
    for name, one in sums.items():
        for count, rows in sorted(one.figures.items()):
            shots = f"{'two' if count == 2 else 'three'}-shots, {len(rows)} frames"
            print(f"{name:24s}{shots:24s}" + "".join(f"{value:7d}" for value in np.sum(rows, axis=0)))
    print(flush=True)


def report_edges(sums: Mapping[str, Sums]) -> None:
    """Print the errors of the alpha of each method, as it is and as it is cut out: mean of frames, and median."""
    print(f"alpha within {BAND} px       frames        as it is: error    gradient        cut out: error    gradient")
    for name, one in sums.items():
        means, medians = np.mean(one.errors, axis=0), np.median(one.errors, axis=0)
        cells = [f"{mean:10.3f} ({median:.3f})" for mean, median in zip(means, medians, strict=True)]
        print(f"{name:24s}{len(one.errors):6d}   " + "".join(cells))
    print(flush=True)


def with_truth(frame: Composed, made: dict[str, Answer]) -> dict[str, Answer]:
    """Return the answers with that of a segmenter that errs nowhere: what is left is the matting's."""
    own = np.zeros(frame.pixels.shape[:2], dtype=np.uint8)
    for number, alpha in enumerate(frame.alphas, 1):
        own[alpha > 0.5] = number
    return made | {TRUTH: Answer(own, (own > 0).astype(np.float32))}


def figures(frames: Iterator[tuple[str, Composed]], sheet: Path | None) -> None:
    """Print how methods find figures, and write the worst frames of the embedded default on a sheet."""
    sums: dict[str, Sums] = defaultdict(Sums)
    by_template: dict[str, list[float]] = defaultdict(list)
    worst: dict[str, list[tuple[float, str, Pixels]]] = {"any face": [], "all faces": []}
    total = faceless = 0
    for name, frame in frames:
        total += 1
        if not frame.found:
            faceless += 1
            continue
        made = answers(frame.pixels, frame.faces, {})
        score(frame, made, sums, edges=False)
        agreed = iou(made[DEFAULT].labels > 0, frame.alpha > 0.5)
        by_template[name.split()[-1]].append(agreed)
        row = (agreed, name, pictured(frame, made[DEFAULT].labels))
        for kind in worst if frame.all_found else ("any face",):
            worst[kind] = sorted([*worst[kind], row], key=lambda one: one[:2])[:WORST]
    print(f"{total} frames with figures, of {faceless} no face is found\n")
    report(sums)
    print(f"{DEFAULT}, by template: mean IoU (frames)")
    for template, values in sorted(by_template.items(), key=lambda one: float(np.mean(one[1]))):
        print(f"  {template:18s} {np.mean(values):.3f} ({len(values)})")
    for kind, rows in worst.items():
        print(f"worst where {kind} found: " + ", ".join(f"{name} {value:.3f}" for value, name, _ in rows), flush=True)
    listed = [(row, f"{kind} found, {name}: IoU {value:.3f}") for kind in worst for value, name, row in worst[kind]]
    if sheet is not None and listed:
        cv2.imwrite(str(sheet), one_sheet(listed, 1, listed[0][0].shape[1])[..., ::-1])


def edges(frames: Iterator[tuple[str, Composed]]) -> None:
    """Print the errors of alpha of each method, where all faces are found; those of a true mask are the matting's."""
    sums: dict[str, Sums] = defaultdict(Sums)
    for _, frame in frames:
        if frame.all_found:
            score(frame, with_truth(frame, answers(frame.pixels, frame.faces, {})), sums, edges=True)
    report_edges(sums)


def segmenters(frames: Iterator[tuple[str, Composed]], models: Mapping[str, Callable[[], Segmenter]], few: int) -> None:
    """Print how models do alone and joined with the faces on `few` frames, and the methods without them on the same."""
    sums: dict[str, Sums] = defaultdict(Sums)
    loaded = {name: load() for name, load in models.items()}
    for _, frame in islice((one for one in frames if one[1].found), few):
        score(frame, answers(frame.pixels, frame.faces, loaded), sums, edges=True)
    report(sums)
    report_edges(sums)


def pictured(frame: Composed, labels: Labels) -> Pixels:
    """Return a frame with its faces, what is true of it and what was found, beside each other."""
    marked = frame.pixels.copy()
    for face in frame.faces:
        edges = np.array(face.box) * np.array(marked.shape[1::-1] * 2)
        left, top, right, bottom = (int(edge) for edge in edges)
        cv2.rectangle(marked, (left, top), (right, bottom), (255, 0, 0), 4)
    ground = np.array((0, 160, 0), np.uint8)
    colours = np.array([(0, 0, 0), (255, 0, 0), (0, 0, 255), (255, 255, 0), (0, 255, 255), (255, 0, 255)], np.uint8)
    true = np.where(frame.alpha[..., None] > 0.5, frame.pixels, ground)
    tinted = (frame.pixels * 0.75 + colours[np.minimum(labels, 5)] * 0.25).astype(np.uint8)
    found = np.where(labels[..., None] > 0, tinted, ground)
    row = np.hstack([marked, true, found])
    return np.asarray(cv2.resize(row, (row.shape[1] // 2, row.shape[0] // 2), interpolation=cv2.INTER_AREA), np.uint8)


def paintings(composer: Any, art: Path, seed: int, count: int) -> Iterator[tuple[str, Pixels]]:
    """Yield parts of backgrounds at many zooms, blurs and tints, and their names."""
    painter, rng = painter_of(composer, art), random.Random(f"paintings/{seed}")
    names = [(name, kind) for kind in ("PAINTED", "DRAWN") for name in getattr(composer, f"{kind}_BACKDROPS")]
    for number in range(count):
        name, kind = names[number % len(names)]
        zoom = float(np.exp(rng.uniform(0, np.log(5))))
        place = (rng.random(), rng.random(), rng.choice((0.0, 0.0, 1.5, 4.0)), rng.random() < 0.5)
        scene = composer.Scene(composer.Backdrop(name, zoom, *place), tint=rng.choice(sorted(composer.TINTS)))
        pixels = np.asarray(painter.paint(scene).image.convert("RGB"))
        coded = cv2.imencode(".jpg", pixels[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])[1]
        decoded: NDArray[Any] | None = cv2.imdecode(coded, cv2.IMREAD_COLOR)
        assert decoded is not None
        yield f"{kind.lower()} {name} ×{zoom:.1f}", np.asarray(decoded[..., ::-1], dtype=np.uint8).copy()


def empty(
    composer: Any, art: Path, seeds: Sequence[int], count: int, models: Mapping[str, Callable[[], Segmenter]], few: int
) -> None:
    """Print in how many paintings without anybody no figure is found, `count` of each seed; with models in `few`."""
    shown = [one for seed in seeds for one in paintings(composer, art, seed, count)]
    free: dict[str, list[bool]] = defaultdict(list)
    wrong: list[str] = []
    seen = [detect_faces(pixels) for _, pixels in shown]
    for (name, pixels), faces in zip(shown, seen, strict=True):
        found = answers(pixels, faces, {})[DEFAULT].labels.max() if faces else 0
        free[name.split()[0]].append(not found)
        wrong += [name] if found else []
    for kind, each in [*free.items(), ("all", [one for own in free.values() for one in own])]:
        print(f"{DEFAULT}, {kind} backgrounds: no figure in {np.mean(each):.1%} of {len(each)}")
    print(f"a face is found in {sum(map(bool, seen))}; a figure in: {', '.join(wrong) or 'none'}", flush=True)
    for model, load in models.items():
        told: dict[str, list[bool]] = defaultdict(list)
        segmenter, step = load(), max(1, len(shown) // few)
        step += step % 3 == 0  # else always the same backgrounds, of which there are nine
        for (_, pixels), faces in [*zip(shown, seen, strict=True)][::step][:few]:
            for way, answer in answers(pixels, faces, {model: segmenter}).items():
                if way.startswith(model):
                    told[way].append(not ((answer.labels > 0) & (answer.labels < 255)).any())
        for way, each in told.items():
            print(f"{way}: no figure in {np.mean(each):.1%} of {len(each)}", flush=True)
