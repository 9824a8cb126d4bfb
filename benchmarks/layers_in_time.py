"""What layers take from several frames of a shot: tracks, flicker of masks, effects and completed figures.

Constants of the library were chosen on seeds 1 to 5; others are for measuring.
"""

import random
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from framekit.figures import tracks
from framekit.figures.tracks import Flags, Labels, Shown
from framekit.layers import complete, effects
from framekit.pixels.decode import Pixels
from framekit.sidecars.instances import Figure

SIZE = (960, 540)
MIN_AREA = 0.002  # of the frame: a figure that shows less of itself is none
FAULTS = (0.0, 0.2)  # shares of figures that a segmenter misses, and of those of which it cuts a part off
QUALITY = 85  # of JPEG, for the noise of a video
ROUGH = 3 / 720  # of the height: how far borders of rough masks wander
Lines = dict[tuple[Any, ...], list[Sequence[float]]]  # what was counted, by kind


@dataclass(frozen=True)
class Truth:
    """A frame of a composed shot: what it shows, its plate, whose each label is, and each figure whole (RGBA)."""

    pixels: Pixels
    plate: Pixels
    labels: Labels
    bodies: Sequence[str]  # of labels 1, 2, …
    whole: Sequence[Pixels]


def paint(painter: Any, scene: Any) -> Truth:
    """Paint a scene with its truth; actors are in order from back to front."""
    from PIL import Image

    labels = np.zeros(painter.size[::-1], np.uint8)
    whole = []
    for number, actor in enumerate(scene.actors, 1):
        _, x, y, width, height = painter.place(actor, scene.view)
        sprite = painter.library.scaled(actor.body, actor.expression, actor.mirrored, width, height)
        layer = Image.new("RGBA", painter.size)
        layer.paste(sprite, (x, y))
        whole.append(np.asarray(layer))
        labels[whole[-1][..., 3] > 127] = number
    pixels, plate = (np.asarray(painter.paint(one).image) for one in (scene, replace(scene, actors=())))
    return Truth(pixels, plate, labels, [f"{a.body}-{n}" for n, a in enumerate(scene.actors)], whole)


def shots_of(compose: Any, painter: Any, seed: int, frames: int) -> Iterator[tuple[str, list[Any]]]:
    """Yield the kind of each shot of a seed, and its scenes: as many as a dataset has frames of it."""
    rng = random.Random(f"layers/{seed}")
    bodies = [look for looks in compose.EPISODE_LOOKS.values() for look in looks]
    full = [look for name in sorted(compose.FULL_FIGURES) for look in compose.EPISODE_LOOKS[name]]
    part = [number / (frames - 1) for number in range(frames)]
    named = {look[0]: look for look in bodies}

    def standing(look: Any, face: float, x: float, y: float = 0.36, mirrored: bool = False) -> Any:
        return painter.stand(compose.Actor(look[0], look[1][0], face, x, y, mirrored))

    def acted(actor: Any, **changes: Any) -> Any:
        return replace(actor, expression=rng.choice(named[actor.body][1]), **changes)

    def ground(zoom: float = 1.0) -> Any:
        return compose.Backdrop(rng.choice((*compose.PAINTED_BACKDROPS, "room")), zoom)

    scene, view, place = compose.Scene, compose.View, ground()
    one, other = rng.sample(full, 2)
    stays, walks = standing(one, 0.15, rng.uniform(0.4, 0.6)), standing(other, 0.16, 0.0)
    yield "passing", [scene(place, (acted(stays), acted(walks, x=0.05 + 0.9 * t))) for t in part]
    cast = [standing(look, 0.12, x) for look, x in zip(rng.sample(full, 3), (0.19, 0.5, 0.81), strict=True)]
    order, place = painter.arrange(cast), ground()
    yield "three", [scene(place, tuple(acted(actor) for actor in order)) for _ in part]
    cast = [standing(look, 0.17, x) for look, x in zip(rng.sample(full, 2), (0.24, 0.78), strict=True)]
    base = scene(ground(1.4), painter.arrange(cast))
    yield "pan", [replace(base, view=view(1.25, 0.2 * t - 0.1, -0.04)) for t in part]
    look, flip, place = rng.choice(bodies), rng.random() < 0.5, ground()
    twin, second = standing(look, 0.15, 0.25), standing(look, 0.15, 0.65, mirrored=flip)
    yield "twins", [scene(place, (acted(twin), acted(second, x=0.65 + 0.2 * t))) for t in part]
    actor, place = standing(rng.choice(full), 0.17, rng.uniform(0.42, 0.58)), ground()
    pulls = [(actor.x - 0.5) * (1 - 1 / (1 + t)) for t in part]
    yield "zoom", [scene(place, (actor,), view(1 + t, pull, 0.0)) for t, pull in zip(part, pulls, strict=True)]
    one, other = rng.sample(full, 2)
    hides, walks, place = standing(one, 0.3, 0.5, 0.5), standing(other, 0.08, 0.0, 0.5), ground()
    yield "hidden", [scene(place, (acted(walks, x=0.1 + 0.8 * t), acted(hides))) for t in part]
    turns = [standing(look, 0.15, x) for look, x in ((one, 0.4), (other, 0.45), (one, 0.42), (other, 0.4))]
    yield "exchange", [scene(place, (acted(actor),)) for actor in turns]


def figure_of(own: Flags, label: int) -> Figure:
    """Return a figure of this label with the box of its pixels."""
    rows, columns = (np.flatnonzero(own.any(axis)) for axis in (1, 0))
    height, width = own.shape
    box = (columns[0] / width, rows[0] / height, (columns[-1] + 1) / width, (rows[-1] + 1) / height)
    return Figure(label, box, float(own.mean()))


def as_video(pixels: Pixels) -> Pixels:
    """Return pixels with the noise of compression."""
    import cv2

    return np.asarray(cv2.imdecode(cv2.imencode(".jpg", pixels, [1, QUALITY])[1], 1), np.uint8)


def shown(truth: Truth, rng: random.Random, faults: float = 0.0) -> tuple[Shown, list[str]]:
    """Return a frame with its figures in any order, and whose each is; `faults` as in FAULTS."""
    order = [n for n in range(1, len(truth.bodies) + 1) if (truth.labels == n).mean() >= MIN_AREA]
    order = [n for n in order if rng.random() >= faults]
    rng.shuffle(order)
    labels = np.zeros_like(truth.labels)
    figures = []
    for label, number in enumerate(order, 1):
        own = truth.labels == number
        if rng.random() < faults:
            rows, columns = np.nonzero(own)
            own[int(np.quantile(rows, rng.uniform(0.4, 0.8))) :] = False
            own[:, : int(np.quantile(columns, rng.uniform(0, 0.4)))] = False
        labels[own] = label
        figures.append(figure_of(own, label))
    return Shown(as_video(truth.pixels), labels, figures), [truth.bodies[number - 1] for number in order]


def true_tracks(whose: Sequence[Sequence[str]]) -> list[list[int]]:
    """Return the right track of each figure."""
    numbers = {body: number for number, body in enumerate(sorted({one for bodies in whose for one in bodies}), 1)}
    return [[numbers[body] for body in bodies] for bodies in whose]


def switches(followed: Sequence[Sequence[int]], whose: Sequence[Sequence[str]]) -> tuple[int, int, int]:
    """Return how often a figure's track is not its last one, out of how often, and how many tracks hold two figures."""
    last: dict[str, int] = {}
    held: dict[int, set[str]] = {}
    changed = seen = 0
    for own, bodies in zip(followed, whose, strict=True):
        for track, body in zip(own, bodies, strict=True):
            changed += body in last and last[body] != track
            seen += body in last
            last[body] = track
            held.setdefault(track, set()).add(body)
    return changed, seen, sum(len(bodies) > 1 for bodies in held.values())


def measure_tracks(shots: Callable[[int], Iterator[tuple[str, list[Truth]]]], seed: int) -> Lines:
    """Return id switches, out of how many, tracks of two figures and seconds, by kind of shot and faults."""
    lines: Lines = {}
    rng = random.Random(seed)
    for frames in (4, 7):
        for kind, truths in shots(frames):
            for faults in FAULTS:
                pairs = [shown(truth, rng, faults) for truth in truths]
                start = time.perf_counter()
                followed = tracks.follow([frame for frame, _ in pairs])
                seconds = (time.perf_counter() - start) / len(pairs)
                counted = switches(followed, [bodies for _, bodies in pairs])
                lines.setdefault((kind, f"{faults:.0%} faults"), []).append((*counted, seconds))
    return lines


def rough(own: Flags, rng: np.random.Generator) -> Flags:
    """Return a mask whose border wanders, with bites and bumps, as segmenters leave it."""
    import cv2

    height, width = own.shape
    pixels = ROUGH * height
    cells = rng.normal(0, pixels, (2, height // 24, width // 24)).astype(np.float32)
    off = [cv2.resize(one, (width, height), interpolation=cv2.INTER_CUBIC) for one in cells]
    columns, rows = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    mask = np.asarray(cv2.remap(own.astype(np.uint8), columns + off[0], rows + off[1], cv2.INTER_NEAREST))
    edges = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)[0]
    points = np.concatenate([edge[:, 0] for edge in edges]) if edges else np.zeros((0, 2), int)
    for place in rng.permutation(len(points))[:6]:
        x, y = map(int, points[place])
        cv2.circle(mask, (x, y), int(rng.uniform(1, 4) * pixels), int(rng.random() < 0.5), -1)
    return mask > 0


def grabbed(pixels: Pixels, own: Flags) -> Flags:
    """Return what a graph cut finds between the inside and the outside of a figure, with its errors."""
    import cv2

    known, whole = np.full(own.shape, cv2.GC_BGD, np.uint8), own.astype(np.uint8)
    far, near = (np.ones((side, side), np.uint8) for side in (len(own) // 20, len(own) // 50))
    known[cv2.dilate(whole, far) > 0] = cv2.GC_PR_BGD
    known[cv2.erode(whole, near) > 0] = cv2.GC_PR_FGD
    known[cv2.erode(whole, far) > 0] = cv2.GC_FGD
    cv2.grabCut(pixels, known, None, np.zeros((1, 65)), np.zeros((1, 65)), 2, cv2.GC_INIT_WITH_MASK)  # type: ignore[call-overload]
    return np.asarray(known % 2 == 1)


def with_masks(frame: Shown, masks: Sequence[Flags]) -> Shown:
    """Return a frame whose figures have these masks."""
    labels = np.zeros_like(frame.labels)
    for figure, mask in zip(frame.figures, masks, strict=True):
        labels[mask] = figure.label
    return replace(frame, labels=labels)


def mean_iou(found: Sequence[Labels], truths: Sequence[Labels]) -> float:
    """Return the intersection over union of figures with those of the truth, averaged over figures and frames."""
    each = []
    for one, other in zip(found, truths, strict=True):
        for label in range(1, int(other.max()) + 1):
            either = ((one == label) | (other == label)).sum()
            each.append(((one == label) & (other == label)).sum() / either)
    return float(np.mean(each))


def measure_flicker(shots: Callable[[int], Iterator[tuple[str, list[Truth]]]], seed: int) -> Lines:
    """Return flicker before, after and of the truth, mean IoU before and after, and seconds, by kind of shot."""
    lines: Lines = {}
    rng = np.random.default_rng(seed)
    for kind, truths in shots(6):
        if kind in ("hidden", "exchange"):  # hardly one border that stays
            continue
        pairs = [shown(truth, random.Random(seed)) for truth in truths]
        frames, followed = [frame for frame, _ in pairs], true_tracks([bodies for _, bodies in pairs])
        for how in ("rough", "graph cut"):
            noisy = []
            for frame in frames:
                owns = [frame.labels == figure.label for figure in frame.figures]
                masks = [rough(own, rng) if how == "rough" else grabbed(frame.pixels, own) for own in owns]
                noisy.append(with_masks(frame, masks))
            start = time.perf_counter()
            smoothed = tracks.smooth(noisy, followed)
            seconds = (time.perf_counter() - start) / len(frames)
            after = [replace(frame, labels=labels) for frame, labels in zip(noisy, smoothed, strict=True)]
            levels = [tracks.flicker(one, followed) for one in (noisy, after, frames)]
            right = [frame.labels for frame in frames]
            ious = [mean_iou([frame.labels for frame in one], right) for one in (noisy, after)]
            lines.setdefault((kind, how), []).append((*levels, *ious, seconds))
    return lines


def add_effect(pixels: Pixels, rng: random.Random, kind: str) -> tuple[Pixels, NDArray[np.float32]]:
    """Return pixels with a glow, beam or flames before them, and the light that screen adds, (H, W, 3) 0 to 1.

    Glows and beams are added or screened, flames screened.
    """
    import cv2

    height, width = pixels.shape[:2]
    columns, rows = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    x, y = rng.uniform(0.1, 0.9) * width, rng.uniform(0.1, 0.6) * height
    colour = np.array([rng.uniform(0.2, 1.0) for _ in range(3)])
    if kind == "glow":
        strength = np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / (2 * (rng.uniform(0.06, 0.2) * height) ** 2))
    elif kind == "beam":
        angle = rng.uniform(0, np.pi)
        off = np.abs((columns - x) * np.sin(angle) - (rows - y) * np.cos(angle))
        strength = np.exp(-((off / (rng.uniform(0.015, 0.05) * height)) ** 2))
    else:
        noise = np.random.default_rng(rng.randrange(2**32)).random((height // 20, width // 20)).astype(np.float32)
        wild = np.clip(cv2.resize(noise, (width, height), interpolation=cv2.INTER_CUBIC) - 0.25, 0, 1)
        wild = wild * np.clip(1 - np.hypot(columns - x, 0.6 * (rows - y)) / (0.25 * height), 0, 1)
        strength, colour = (wild > 0.15) * np.minimum(1, 0.4 + wild), np.array([1.0, 0.6, 0.15])
    light = rng.uniform(0.4, 0.95) * strength[..., None] * colour / colour.max()
    before = pixels / 255
    screened = kind == "flames" or rng.random() < 0.5
    lit = 1 - (1 - before) * (1 - light) if screened else np.minimum(1, before + light)
    return np.rint(lit * 255).astype(np.uint8), ((lit - before) / np.maximum(1 - before, 1 / 255)).astype(np.float32)


def out_of_place(picture: NDArray[np.uint8], rng: random.Random, pixels: float) -> NDArray[np.uint8]:
    """Return a picture that is shifted by up to so many pixels."""
    import cv2

    by = np.array([[1, 0, rng.uniform(-pixels, pixels)], [0, 1, rng.uniform(-pixels, pixels)]], np.float32)
    how = cv2.INTER_NEAREST if picture.ndim == 2 else cv2.INTER_LINEAR
    size = picture.shape[1], picture.shape[0]
    return np.asarray(cv2.warpAffine(picture, by, size, flags=how, borderMode=cv2.BORDER_REPLICATE), np.uint8)


def measure_effects(shots: Callable[[int], Iterator[tuple[str, list[Truth]]]], seed: int, sheet: list[Pixels]) -> Lines:
    """Return, by kind of effect: found or not, share of it found, share found that is none, errors, and seconds.

    The errors are of its light, 0 to 1, and of the frame that it gives back, in grey levels. "none" has no effect,
    "unmasked" figures instead that nobody found. The plate is up to a pixel out of place, the labels two.
    """
    lines: Lines = {}
    rng = random.Random(seed)
    for shot, truths in shots(3):
        for kind in ("none", "unmasked", "glow", "beam", "flames") if shot not in ("hidden", "exchange") else ():
            truth, light = truths[1], np.zeros(truths[1].pixels.shape, np.float32)
            lit = truth.pixels
            if kind not in ("none", "unmasked"):
                lit, light = add_effect(truth.pixels, rng, kind)
            frame, plate = as_video(lit), as_video(out_of_place(truth.plate, rng, 1))
            labels = out_of_place(truth.labels, rng, 2) if kind != "unmasked" else np.zeros_like(truth.labels)
            strength = (light * (255 - truth.plate)).max(2)  # in grey levels
            true = (strength >= effects.STRONG / 2) & (labels == 0) & (truth.labels == 0)
            if kind not in ("none", "unmasked") and true.mean() < effects.MIN_AREA:
                continue  # figures hide it
            start = time.perf_counter()
            effect = effects.find_effect(frame, plate, np.ones(labels.shape, bool), labels)
            seconds = time.perf_counter() - start
            counted = [0.0] * 4
            if effect is not None:
                alpha = effect.picture[..., 3:] / 255
                found = alpha[..., 0] > 2 / 255
                both = (found & true)[..., None] & (truth.plate < 230)  # before white, light is not to be seen
                off = np.abs(effect.picture[..., :3] / 255 * alpha - light)[both]
                again = np.abs(effects.laid_over(effect, plate).astype(int) - frame)[found]
                counted = [(found & true).sum() / max(1, true.sum()), (found & (strength < 1)).sum() / found.sum()]
                counted += [off.mean() if off.size else 0.0, again.mean()]
                sheet.append(np.hstack([frame, on_checks(effect.picture), effects.laid_over(effect, plate)]))
            lines.setdefault((kind,), []).append((effect is not None, *counted, seconds))
    return lines


def measure_completion(
    shots: Callable[[int], Iterator[tuple[str, list[Truth]]]], seed: int, sheet: list[Pixels]
) -> Lines:
    """Return, by kind of shot and mask: pixels hidden, filled of these, filled wrongly, error and seconds a figure.

    The error of what is filled is in grey levels.
    """
    lines: Lines = {}
    noise = np.random.default_rng(seed)
    for kind, truths in shots(6):
        if kind in ("zoom", "exchange"):
            continue
        pairs = [shown(truth, random.Random(seed)) for truth in truths]
        followed = true_tracks([bodies for _, bodies in pairs])
        exact = [frame for frame, _ in pairs]
        wild = [with_masks(one, [rough(one.labels == figure.label, noise) for figure in one.figures]) for one in exact]
        for masks, frames in (("exact", exact), ("rough", wild)):
            for number, (frame, (_, bodies)) in enumerate(zip(frames, pairs, strict=True)):
                for place, body in enumerate(bodies):
                    whole = truths[number].whole[truths[number].bodies.index(body)]
                    inside = whole[..., 3] > 127
                    hidden = inside & (exact[number].labels != place + 1)
                    start = time.perf_counter()
                    made = complete.complete(frames, followed, number, place)
                    seconds = time.perf_counter() - start
                    if made is None and hidden.mean() < MIN_AREA / 2:
                        continue
                    filled = made.filled if made else np.zeros_like(hidden)
                    off = np.abs(whole[..., :3].astype(int) - (made.picture[..., :3] if made else 0))[filled & hidden]
                    counts = int(hidden.sum()), int((filled & hidden).sum()), int((filled & ~inside).sum())
                    error = float(off.mean()) if off.size else 0.0
                    lines.setdefault((kind, masks), []).append((*counts, error, seconds))
                    if made:
                        own = frame.labels == frame.figures[place].label
                        alone = np.dstack([frame.pixels, own * np.uint8(255)])
                        both = np.where(made.filled[..., None], made.picture, alone)
                        sheet.append(np.hstack([frame.pixels, on_checks(alone), on_checks(both), on_checks(whole)]))
    return lines


def on_checks(picture: Pixels) -> Pixels:
    """Return an RGBA picture on a checkerboard."""
    alpha = picture[..., 3:] / 255
    board = (np.indices(picture.shape[:2]).sum(0) // 16 % 2 * 60 + 80)[..., None]
    return np.asarray(board * (1 - alpha) + picture[..., :3] * alpha, np.uint8)


TITLES = {
    "tracks": "id switches, of, tracks of two figures, seconds a frame",
    "flicker": "flicker before, after, of the truth, mean IoU before, after, seconds a frame",
    "effects": "found, share of it, share that is none, error of light, grey levels of the frame, seconds",
    "completion": "pixels hidden, filled of these, filled wrongly, grey levels, seconds a figure",
}


def report(what: str, lines: Lines) -> None:
    """Print what was counted: whole numbers in sum, others on average."""
    print(f"{what}: {TITLES[what]}")
    for kind, rows in lines.items():
        columns = list(zip(*rows, strict=True))
        values = [
            str(sum(column)) if all(isinstance(one, int) for one in column) else f"{np.mean(column):.4f}"
            for column in columns
        ]
        print(f"  {' '.join(kind):22} {len(rows):4} × {'  '.join(values)}")


def measure(what: str, compose: Any, art: Path, seeds: Sequence[int], sheets: Path | None) -> None:
    """Print what is measured of one of TITLES on shots of these seeds, and write pictures of it."""
    library = compose.Library(art / "portraits", art / "sprites")
    painter = compose.Painter(library, SIZE)
    lines: Lines = {}
    sheet: list[Pixels] = []
    for seed in seeds:

        def shots(frames: int, seed: int = seed) -> Iterator[tuple[str, list[Truth]]]:
            for kind, scenes in shots_of(compose, painter, seed, frames):
                yield kind, [paint(painter, scene) for scene in scenes]

        counted = {
            "tracks": lambda: measure_tracks(shots, seed),  # noqa: B023 called before the next seed
            "flicker": lambda: measure_flicker(shots, seed),  # noqa: B023
            "effects": lambda: measure_effects(shots, seed, sheet),  # noqa: B023
            "completion": lambda: measure_completion(shots, seed, sheet),  # noqa: B023
        }[what]()
        for kind, rows in counted.items():
            lines.setdefault(kind, []).extend(rows)
    report(what, lines)
    if sheets:
        write_sheet(sheets / f"{what}.png", sheet)


def write_sheet(path: Path, rows: Sequence[Pixels]) -> None:
    """Write up to sixteen rows of pictures, at half size."""
    import cv2

    if rows:
        chosen = rows[:: max(1, len(rows) // 16)][:16]
        sheet = np.vstack([row[::2, ::2] for row in chosen])
        cv2.imwrite(str(path), cv2.cvtColor(sheet, cv2.COLOR_RGB2BGR))
