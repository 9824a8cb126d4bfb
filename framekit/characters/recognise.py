"""From reference heads to a recogniser: descriptors weighed, a method fitted, and its least strength calibrated."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from framekit import console
from framekit.boxes import Face
from framekit.characters import calibrate, descriptors
from framekit.characters.descriptors import Vector
from framekit.characters.match import NAMERS, Acceptance, Namer, References, centroid_namer
from framekit.characters.references import Heads
from framekit.characters.train import TRAINED, Head, read_head, require_training, save_head
from framekit.dataset import frames
from framekit.faces.crops import crop_head
from framekit.files import paths
from framekit.pixels import decode
from framekit.pixels.decode import Pixels

METHODS = (*NAMERS, *TRAINED)
CHANGES = {"numpy": 1, "trained": 12}  # changed views of each reference: for calibration, for training; chosen
MANY = 150  # references above which whole folds are held out, as one by one takes too long; chosen
CROPS_AT_A_TIME = 8  # crops from several frames that are embedded together: the batch of the networks
# Ranges from which a change is drawn evenly; judged by eye on night and sunset scenes, and on loosely placed boxes.
SCALE = (0.88, 1.14)  # factor of the size
TILT = (-6.0, 6.0)  # degrees
SHIFT = (-0.06, 0.06)  # fraction of the side, across and down
LIGHT = (0.65, 1.1)  # factor of all channels
TINT = (0.9, 1.1)  # factor of each channel


@dataclass(frozen=True)
class Choice:
    """How faces are compared: descriptors, method, thresholds (None: calibrated), mirrored references, seed."""

    models: Sequence[str] = (descriptors.EMBEDDED,)
    method: str = "knn"
    unknown_below: float | None = None
    margin_weight: float | None = None
    min_lead: float = Acceptance.min_lead
    flip: bool = True
    seed: int = 0

    @property
    def how(self) -> str:
        """Return what makes scores comparable, as sidecars and digests note it: `colour_shape knn`."""
        plain = ",".join(self.models)
        parts = [self.method] + ["no_flip"] * (not self.flip)
        return " ".join([plain, *parts, *([f"seed{self.seed}"] if self.method in TRAINED else [])])


@dataclass(frozen=True)
class Recogniser:
    """`embed` makes comparable rows (N, D) of head crops; `namer` scores them; `acceptance` decides."""

    embed: Callable[[Sequence[decode.Pixels]], Vector]
    namer: Namer
    acceptance: Acceptance
    references: References
    make: calibrate.NamerMaker
    quick: bool
    told: str


def views_of(crop: decode.Pixels, flip: bool, changes: int, numbers: np.random.Generator) -> list[decode.Pixels]:
    """Return a crop, its mirror image if `flip`, and so many changed ones."""
    mirrored = [np.ascontiguousarray(crop[:, ::-1])] if flip else []
    return [crop, *mirrored, *(jitter(crop, numbers, flip) for _ in range(changes))]


def describe_references(
    heads: Heads, embed: Callable[[Sequence[decode.Pixels]], list[Vector]], choice: Choice
) -> tuple[References, list[int]]:
    """Return the references as joined rows of all descriptors, and the width of each descriptor."""
    changes = CHANGES["trained" if choice.method in TRAINED else "numpy"]
    numbers = np.random.default_rng(choice.seed)
    looks = [embed(views_of(crop, choice.flip, changes, numbers)) for crop in heads.crops]
    rows = np.stack([np.concatenate(look, axis=1) for look in looks])
    plain = 2 if choice.flip else 1
    return References(heads.names, rows[:, :plain], rows[:, plain:]), [part.shape[1] for part in looks[0]]


def trained_maker(choice: Choice) -> calibrate.NamerMaker:
    """Return a maker that trains a head on the references that it gets."""

    def make(references: References) -> Namer:
        from framekit.characters.train import train_head

        head = train_head(references, choice.method, choice.seed, quiet=True)
        namer = centroid_namer(references.changed(head))
        return Namer(namer.names, lambda rows: namer.score(head(rows)))

    return make


def head_for(references: References, choice: Choice, path: Path) -> Head:
    """Return the trained head in a file, else train it and write the file."""
    from framekit.characters.train import train_head

    head = read_head(path)
    width = references.vectors.shape[-1]
    if head is None or head.down.shape[0] != width:
        head = train_head(references, choice.method, choice.seed)
        origin = {"method": choice.method, "models": list(choice.models), "seed": choice.seed, "flip": choice.flip}
        save_head(path, head, origin | {"characters": references.characters, "references": len(references.names)})
        console.say(f"trained {path}")
    return head


def recogniser_for(heads: Heads, choice: Choice, device: str, head_path: Path) -> Recogniser:
    """Return what names faces after these heads. Raises UsageError if a model or what trains it is unavailable."""
    if choice.method in TRAINED:
        require_training(choice.method)
    load = descriptors.load_embedders(choice.models, device)
    references, widths = describe_references(heads, load, choice)
    quick = choice.method in TRAINED or len(heads.names) > MANY
    fit = NAMERS.get(choice.method, centroid_namer)
    weights = calibrate.best_weights(references, widths, fit) if len(widths) > 1 else (1.0,)
    scale = calibrate.scale_of(widths, weights)
    references = references.changed(scale.__mul__)
    make = trained_maker(choice) if choice.method in TRAINED else fit
    acceptance, told = calibrated(references, make, choice, quick)
    if len(widths) > 1:
        told += ", weights " + " ".join(
            f"{name} {weight:g}" for name, weight in zip(choice.models, weights, strict=True)
        )
    adapt: Callable[[Vector], Vector] = lambda rows: rows  # noqa: E731
    if choice.method in TRAINED:
        adapt = head_for(references, choice, head_path)
    namer = fit(references.changed(adapt))
    embed = lambda crops: adapt(np.concatenate(load(crops), axis=1) * scale)  # noqa: E731
    return Recogniser(embed, namer, acceptance, references, make, quick, told)


def calibrated(
    references: References, make: calibrate.NamerMaker, choice: Choice, quick: bool
) -> tuple[Acceptance, str]:
    """Return when a name is good enough, and how that came about in words."""
    margin = calibrate.MARGIN_WEIGHT if choice.margin_weight is None else choice.margin_weight
    if choice.unknown_below is not None:
        return Acceptance(
            choice.unknown_below, margin, choice.min_lead
        ), f"unknown below {choice.unknown_below:g} as given"
    trials = calibrate.try_out(references, make, margin, quick)
    prior = calibrate.PRIORS.get((choice.models[0], choice.method)) if len(choice.models) == 1 else None
    least = calibrate.least_strength(trials, prior)
    told = f"calibrated on {len(references.names)} references"
    if not len(trials.impostors):
        told = "which a single character cannot calibrate"
    return Acceptance(least, margin, choice.min_lead), f"unknown below {least:g}, {told}"


def looks_of(
    wanted: Mapping[Path, Sequence[Face]], recogniser: Recogniser, workers: int
) -> Iterator[tuple[Path, Vector | frames.Unreadable]]:
    """Yield each frame, in order, with the rows (faces, D) of its faces; several frames are embedded together."""
    waiting: list[tuple[Path, list[decode.Pixels] | frames.Unreadable]] = []

    def embedded() -> Iterator[tuple[Path, Vector | frames.Unreadable]]:
        crops = [crop for _, own in waiting if not isinstance(own, frames.Unreadable) for crop in own]
        rows = recogniser.embed(crops) if crops else np.empty((0, 1), np.float32)
        start = 0
        for path, own in waiting:
            if isinstance(own, frames.Unreadable):
                yield path, own
                continue
            yield path, rows[start : start + len(own)]
            start += len(own)
        waiting.clear()

    count = 0
    for path, pixels in frames.map_frames(lambda pixels: pixels, list(wanted), workers):
        if isinstance(pixels, frames.Unreadable):
            waiting.append((path, pixels))
        else:
            waiting.append((path, [crop_head(pixels, face) for face in wanted[path]]))
            count += len(wanted[path])
        if count >= CROPS_AT_A_TIME:
            yield from embedded()
            count = 0
    yield from embedded()


def head_file(folder: Path, choice: Choice, digest: str) -> Path:
    """Return where the head that was trained on these references is kept: a hidden folder among them."""
    return folder / ".heads" / f"{paths.safe_name(choice.method)}-{digest}.safetensors"


def jitter(crop: Pixels, numbers: np.random.Generator, flip: bool = False) -> Pixels:
    """Return a square crop, (side, side, 3), changed at random; mirrored half of the time if `flip`."""
    import cv2

    side = crop.shape[0]
    turn = cv2.getRotationMatrix2D((side / 2, side / 2), numbers.uniform(*TILT), numbers.uniform(*SCALE))
    turn[:, 2] += numbers.uniform(*SHIFT, 2) * side
    moved = cv2.warpAffine(crop, turn, (side, side), borderMode=cv2.BORDER_REPLICATE)
    lit = moved * (numbers.uniform(*LIGHT) * numbers.uniform(*TINT, 3))
    changed = np.clip(lit, 0, 255).astype(np.uint8)
    return np.ascontiguousarray(changed[:, ::-1]) if flip and numbers.random() < 0.5 else changed
