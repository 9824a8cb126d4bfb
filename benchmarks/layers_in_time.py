"""Measure what layers do over the frames of a shot, on composed shots of known figures and effects."""

import argparse
import importlib.util
import random
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from framekit.layers import tracks
from framekit.layers.tracks import Labels, Shown
from framekit.pixels.decode import Pixels
from framekit.sidecars.instances import Figure

MIN_AREA = 0.002  # of the frame: a figure that shows less of itself is none


@dataclass(frozen=True)
class Truth:
    """A frame of a composed shot: what it shows, the plate behind, whose each label is, and each figure whole (RGBA)."""

    pixels: Pixels
    plate: Pixels
    labels: Labels
    bodies: Sequence[str]  # of labels 1, 2, …
    whole: Sequence[Pixels]


def load_composer(path: Path) -> Any:
    """Load compose_episodes.py, which draws shots."""
    spec = importlib.util.spec_from_file_location("compose_episodes", path)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def paint(painter: Any, scene: Any) -> Truth:
    """Paint a scene with its truth; actors are in order from back to front."""
    from PIL import Image

    width, height = painter.size
    labels = np.zeros((height, width), np.uint8)
    whole = []
    for number, actor in enumerate(scene.actors, 1):
        _, x, y, w, h = painter.place(actor, scene.view)
        sprite = painter.library.scaled(actor.body, actor.expression, actor.mirrored, w, h)
        layer = Image.new("RGBA", painter.size)
        layer.paste(sprite, (x, y))
        whole.append(np.asarray(layer))
        labels[whole[-1][..., 3] > 127] = number
    bare = replace(scene, actors=())
    return Truth(
        np.asarray(painter.paint(scene).image),
        np.asarray(painter.paint(bare).image),
        labels,
        [f"{actor.body}-{number}" for number, actor in enumerate(scene.actors)],
        whole,
    )


def shots_of(compose: Any, painter: Any, seed: int, frames: int) -> Iterator[tuple[str, list[Any]]]:
    """Yield scenes of shots of one seed, as many frames of each as a dataset has, and what happens in each."""
    rng = random.Random(f"layers/{seed}")
    bodies = [(looks[0], looks[1]) for all_ in compose.EPISODE_LOOKS.values() for looks in all_]
    full = [look for name in sorted(compose.FULL_FIGURES) for look in compose.EPISODE_LOOKS[name]]

    def standing(look: Any, face: float, x: float, y: float = 0.36, mirrored: bool = False) -> Any:
        return painter.stand(compose.Actor(look[0], look[1][0], face, x, y, mirrored))

    def acted(actor: Any, look: Any) -> Any:
        return replace(actor, expression=rng.choice(look[1]))

    def ground(zoom: float = 1.0) -> Any:
        return compose.Backdrop(rng.choice((*compose.PAINTED_BACKDROPS, "room")), zoom)

    part = [k / (frames - 1) for k in range(frames)]
    one, other = rng.sample(full, 2)
    stays, walks = standing(one, 0.15, rng.uniform(0.4, 0.6)), standing(other, 0.16, 0.0)
    place = ground()
    yield "passing", [
        compose.Scene(place, (acted(stays, one), replace(acted(walks, other), x=0.05 + 0.9 * t, y=walks.y + 0.008 * (k % 2))))
        for k, t in enumerate(part)
    ]
    three = rng.sample(full, 3)
    place = ground()
    cast = painter.arrange([standing(look, 0.12, x) for look, x in zip(three, (0.19, 0.5, 0.81), strict=True)])
    looks = {look[0]: look for look in three}
    yield "three", [compose.Scene(place, tuple(acted(actor, looks[actor.body]) for actor in cast)) for _ in part]
    two = rng.sample(full, 2)
    cast = [standing(look, 0.17, x) for look, x in zip(two, (0.24, 0.78), strict=True)]
    base = compose.Scene(ground(1.4), painter.arrange(cast))
    yield "pan", [replace(base, view=compose.View(1.25, 0.2 * t - 0.1, -0.04)) for t in part]
    (look,) = rng.sample(bodies, 1)
    cast = [standing(look, 0.15, x, mirrored=flip) for x, flip in ((0.25, False), (0.65, rng.random() < 0.5))]
    place = ground()
    yield "twins", [
        compose.Scene(place, (acted(cast[0], look), replace(acted(cast[1], look), x=0.65 + 0.2 * t))) for t in part
    ]
    (look,) = rng.sample(full, 1)
    actor, place = standing(look, 0.17, rng.uniform(0.42, 0.58)), ground()
    yield "zoom", [
        compose.Scene(place, (actor,), compose.View(1 + t, (actor.x - 0.5) * (1 - 1 / (1 + t)), 0.0)) for t in part
    ]
    one, other = rng.sample(full, 2)
    hides, walks, place = standing(one, 0.3, 0.5, 0.5), standing(other, 0.08, 0.0, 0.5), ground()
    yield "exchange", [
        compose.Scene(place, (acted(standing(look, 0.15, x), look),))
        for look, x in ((one, 0.4), (other, 0.45), (one, 0.42), (other, 0.4))
    ]
    yield "hidden", [compose.Scene(place, (replace(acted(walks, other), x=0.1 + 0.8 * t), acted(hides, one))) for t in part]


def shown(truth: Truth, rng: random.Random, faults: float = 0.0) -> tuple[Shown, list[str]]:
    """Return a frame with its figures in any order, and whose each is.

    `faults` is the share of figures that are missed, and of those that lose all below or beside a line.
    """
    order = [n for n in range(1, len(truth.bodies) + 1) if (truth.labels == n).mean() >= MIN_AREA]
    order = [n for n in order if rng.random() >= faults]
    rng.shuffle(order)
    labels = np.zeros_like(truth.labels)
    figures = []
    for label, number in enumerate(order, 1):
        own = truth.labels == number
        if rng.random() < faults:
            rows, columns = np.nonzero(own)
            line = rng.uniform(0.4, 0.8)
            own[int(np.quantile(rows, line)) :] = False
            own[:, : int(np.quantile(columns, rng.uniform(0, 0.4)))] = False
        labels[own] = label
        figures.append(figure_of(own, label))
    return Shown(truth.pixels, labels, figures), [truth.bodies[number - 1] for number in order]


def figure_of(own: Any, label: int) -> Figure:
    """Return a figure of this label with the box of its pixels."""
    rows, columns = (np.flatnonzero(own.any(axis)) for axis in (1, 0))
    height, width = own.shape
    box = columns[0] / width, rows[0] / height, (columns[-1] + 1) / width, (rows[-1] + 1) / height
    return Figure(label, box, float(own.mean()))


def switches(followed: Sequence[Sequence[int]], whose: Sequence[Sequence[str]]) -> tuple[int, int, int]:
    """Return how often a figure's track differs from its last one, how many tracks hold two figures, and of how many."""
    last: dict[str, int] = {}
    changed = seen = 0
    held: dict[int, set[str]] = {}
    for tracks_, bodies in zip(followed, whose, strict=True):
        for track, body in zip(tracks_, bodies, strict=True):
            changed += body in last and last[body] != track
            seen += body in last
            last[body] = track
            held.setdefault(track, set()).add(body)
    return changed, sum(len(bodies) > 1 for bodies in held.values()), seen


def measure_tracks(compose: Any, painter: Any, seeds: Sequence[int], frames: int, faults: float) -> None:
    """Print id switches by kind of shot."""
    totals: dict[str, list[float]] = {}
    for seed in seeds:
        rng = random.Random(seed)
        for kind, scenes in shots_of(compose, painter, seed, frames):
            pairs = [shown(paint(painter, scene), rng, faults) for scene in scenes]
            start = time.perf_counter()
            followed = tracks.follow([frame for frame, _ in pairs])
            seconds = time.perf_counter() - start
            counted = switches(followed, [bodies for _, bodies in pairs])
            total = totals.setdefault(kind, [0, 0, 0, 0, 0])
            for place, value in enumerate((*counted, seconds, len(pairs))):
                total[place] += value
    for kind, (changed, mixed, seen, seconds, count) in totals.items():
        print(f"{kind:8} switches {changed:.0f} of {seen:.0f}, tracks of two figures {mixed:.0f}, {seconds / count:.3f} s a frame")


def rough(own: Any, rng: np.random.Generator, pixels: float) -> Any:
    """Return a mask whose border wanders by so many pixels, with bites and bumps, as segmenters leave it."""
    import cv2

    height, width = own.shape
    cells = rng.normal(0, pixels, (2, height // 24, width // 24)).astype(np.float32)
    off = [cv2.resize(one, (width, height), interpolation=cv2.INTER_CUBIC) for one in cells]
    columns, rows = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    mask = cv2.remap(own.astype(np.uint8), columns + off[0], rows + off[1], cv2.INTER_NEAREST)
    (edges,) = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)[:1]
    points = np.concatenate([edge[:, 0] for edge in edges]) if edges else np.zeros((0, 2), int)
    for place in rng.permutation(len(points))[:6]:
        x, y = map(int, points[place])
        cv2.circle(mask, (x, y), int(rng.uniform(1, 4) * pixels), int(rng.random() < 0.5), -1)
    return mask > 0


def with_masks(frame: Shown, masks: Sequence[Any]) -> Shown:
    """Return a frame whose figures have these masks."""
    labels = np.zeros_like(frame.labels)
    for figure, mask in zip(frame.figures, masks, strict=True):
        labels[mask] = figure.label
    return replace(frame, labels=labels)


def mean_iou(labels: Sequence[Labels], truths: Sequence[Labels]) -> float:
    """Return the intersection over union of figures with those of the truth, averaged over figures and frames."""
    found = []
    for one, other in zip(labels, truths, strict=True):
        for label in range(1, int(other.max()) + 1):
            either = ((one == label) | (other == label)).sum()
            found.append(((one == label) & (other == label)).sum() / either)
    return float(np.mean(found))


def add_effect(pixels: Pixels, rng: random.Random, kind: str) -> tuple[Pixels, Any]:
    """Return pixels with a glow, beam or flames before them, and the light of these, (H, W, 3) 0 to 1.

    Glows and beams are added or screened, flames screened.
    """
    import cv2

    height, width = pixels.shape[:2]
    columns, rows = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    x, y = rng.uniform(0.1, 0.9) * width, rng.uniform(0.1, 0.6) * height
    colour = np.array([rng.uniform(0.2, 1.0) for _ in range(3)], np.float32)
    colour /= colour.max()
    if kind == "glow":
        strength = np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / (2 * (rng.uniform(0.06, 0.2) * height) ** 2))
    elif kind == "beam":
        angle = rng.uniform(0, np.pi)
        off = np.abs((columns - x) * np.sin(angle) - (rows - y) * np.cos(angle))
        strength = np.exp(-((off / (rng.uniform(0.015, 0.05) * height)) ** 2))
    else:
        noise = np.random.default_rng(rng.randrange(2**32)).random((height // 20, width // 20)).astype(np.float32)
        strength = cv2.resize(noise, (width, height), interpolation=cv2.INTER_CUBIC)
        strength = np.clip(strength - 0.25, 0, 1) * np.clip(1 - np.hypot(columns - x, 0.6 * (rows - y)) / (0.25 * height), 0, 1)
        strength = (strength > 0.15) * np.minimum(1, 0.4 + strength)
        colour = np.array([1.0, 0.6, 0.15], np.float32)
    light = (rng.uniform(0.4, 0.95) * strength[..., None] * colour).astype(np.float32)
    before = pixels.astype(np.float32) / 255
    lit = 1 - (1 - before) * (1 - light) if kind == "fire" or rng.random() < 0.5 else np.minimum(1, before + light)
    return np.rint(lit * 255).astype(np.uint8), (lit - before) / np.maximum(1 - before, 1 / 255)
