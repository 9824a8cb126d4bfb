"""A recogniser made of references: which descriptors and method it uses, its fit, its threshold, its trained head."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from framekit import console
from framekit.boxes import Face
from framekit.characters import calibrate, descriptors
from framekit.characters.descriptors import Vector
from framekit.characters.match import NAMERS, Acceptance, NamedFace, Namer, References, centroid_namer, name_faces
from framekit.characters.references import (
    Corrected,
    Heads,
    corrections_digest,
    find_heads,
    find_references,
    learned_heads,
    references_digest,
    refuse_faceless,
)
from framekit.characters.train import TRAINED, Head, read_head, require_training, save_head
from framekit.faces.crops import crop_head
from framekit.faces.detect import Settings
from framekit.faces.models import EMBEDDED
from framekit.files import paths
from framekit.pixels.decode import Pixels, as_pixels

if TYPE_CHECKING:
    from framekit.pixels.decode import Image

METHODS = (*NAMERS, *TRAINED)
CHANGES = {"numpy": 1, "trained": 12}  # changed views of each reference: for calibration, for training; chosen
MANY = 150  # references above which whole folds are held out, as one by one takes too long; chosen
# Ranges from which a change is drawn evenly; judged by eye on night and sunset scenes, and on loosely placed boxes.
SCALE = (0.88, 1.14)  # factor of the size
TILT = (-6.0, 6.0)  # degrees
SHIFT = (-0.06, 0.06)  # fraction of the side, across and down
LIGHT = (0.65, 1.1)  # factor of all channels
TINT = (0.9, 1.1)  # factor of each channel


@dataclass(frozen=True)
class Choice:
    """How faces are compared: the options of classify_characters.py of these names.

    `models` are descriptors, weighted by cross-validation if there are several; `method` is one of METHODS; None of
    `unknown_below` calibrates it on the references; `flip` mirrors references too.
    """

    models: Sequence[str] = (descriptors.EMBEDDED,)
    method: str = "linear"
    unknown_below: float | None = None
    margin_weight: float | None = None
    min_lead: float = Acceptance.min_lead
    flip: bool = True
    seed: int = 0

    @property
    def how(self) -> str:
        """Return descriptors and method as sidecars and digests note them, e.g. `colour_shape knn`."""
        plain = ",".join(self.models)
        parts = [self.method] + ["no_flip"] * (not self.flip)
        return " ".join([plain, *parts, *([f"seed{self.seed}"] if self.method in TRAINED else [])])


@dataclass(frozen=True)
class Recogniser:
    """What names faces: `recogniser.name(image, faces)` gives each face of an image its name, score and runner-up.

    `load_recogniser` makes it. `embed` turns head crops into rows (N, D), `namer` scores them, `acceptance` decides.
    `make` fits a namer to other references, for evaluation; `quick` holds those out in folds, not one by one.
    `adapted` references are rows as `embed` gives them; `by_crowd` tells that faces of a show tell who is unknown,
    since nobody chose a threshold.
    """

    embed: Callable[[Sequence[Pixels]], Vector]
    namer: Namer
    acceptance: Acceptance
    heads: Heads
    references: References
    make: calibrate.NamerMaker
    quick: bool
    calibration: str
    adapted: References
    by_crowd: bool

    @property
    def remarks(self) -> list[str]:
        """What a person should know: references that are doubtful or not used, and how thresholds were found."""
        return [*self.heads.remarks, self.calibration]

    def name(self, image: "Image", faces: Sequence[Face]) -> list[NamedFace]:
        """Name the faces of one image, each by itself, in the order given; see `load_recogniser`.

        `image` is a path, a PIL image, or an (H, W, 3) uint8 RGB array; boxes are fractions of its width and height.
        Raises UnreadableFrame for a damaged file, ValueError for another image.
        """
        pixels = as_pixels(image)
        if not faces:
            return []
        looks = self.embed([crop_head(pixels, face) for face in faces])
        scores = self.namer.score(looks)
        return name_faces(faces, scores, self.namer, self.acceptance, self.acceptance.strength(scores))


def views_of(crop: Pixels, flip: bool, changes: int, numbers: np.random.Generator) -> list[Pixels]:
    """Return a crop, its mirror image if `flip`, and `changes` randomly changed copies."""
    mirrored = [np.ascontiguousarray(crop[:, ::-1])] if flip else []
    return [crop, *mirrored, *(jitter(crop, numbers, flip) for _ in range(changes))]


def describe_references(
    heads: Heads, embed: Callable[[Sequence[Pixels]], list[Vector]], choice: Choice
) -> tuple[References, list[int]]:
    """Return the references as joined rows of all descriptors, and the width of each descriptor."""
    changes = CHANGES["trained" if choice.method in TRAINED else "numpy"]
    numbers = np.random.default_rng(choice.seed)
    looks = [embed(views_of(crop, choice.flip, changes, numbers)) for crop in heads.crops]
    rows = np.stack([np.concatenate(look, axis=1) for look in looks])
    plain = 2 if choice.flip else 1
    return References(heads.names, rows[:, :plain], rows[:, plain:]), [part.shape[1] for part in looks[0]]


def trained_maker(choice: Choice) -> calibrate.NamerMaker:
    """Return a function that trains a head on references and fits centroids to them."""

    def make(references: References) -> Namer:
        from framekit.characters.train import train_head

        head = train_head(references, choice.method, choice.seed, quiet=True)
        namer = centroid_namer(references.changed(head))
        return Namer(namer.names, lambda rows: namer.score(head(rows)))

    return make


def head_for(references: References, choice: Choice, path: Path) -> Head:
    """Return the trained head in a file; train it and write the file if there is none that fits."""
    from framekit.characters.train import train_head

    head = read_head(path)
    width = references.vectors.shape[-1]
    if head is None or head.down.shape[0] != width:
        head = train_head(references, choice.method, choice.seed)
        origin = {"method": choice.method, "models": list(choice.models), "seed": choice.seed, "flip": choice.flip}
        save_head(path, head, origin | {"characters": references.characters, "references": len(references.names)})
        console.say(f"trained {path}")
    return head


def load_recogniser(
    folder: Path | str,
    choice: Choice = Choice(),
    face_model: str = EMBEDDED,
    device: str = "auto",
    corrected: Corrected | None = None,
    workers: int = 1,
) -> Recogniser:
    """Return a recogniser of the characters in `folder`, which holds one folder of reference images for each.

    The largest face of each image counts; `face_model` finds it, as in detect_faces.py. `corrected` frames of a
    dataset are references too; `framekit.characters.references.corrected_below` finds them. Trained methods keep
    what they learned in `folder`/.heads. Raises UsageError for a folder without usable references, or if a model or
    what trains it is unavailable.

    >>> import tempfile
    >>> from pathlib import Path
    >>> from PIL import Image
    >>> from framekit.characters import load_recogniser
    >>> from framekit.faces import detect_faces
    >>> from framekit.faces.animeface import drawn_face
    >>> image = Image.fromarray(drawn_face())
    >>> folder = Path(tempfile.mkdtemp())
    >>> (folder / "Aoba").mkdir()
    >>> image.save(folder / "Aoba" / "1.png")
    >>> recogniser = load_recogniser(folder)
    >>> [face] = recogniser.name(image, detect_faces(image))
    >>> face.name, round(face.score, 3), face.runner_up
    ('Aoba', 0.908, None)
    """
    folder, corrected = Path(folder), corrected or {}
    unusable: list[tuple[Path, str]] = []
    images = find_references(folder, unusable)
    heads = find_heads(images, Settings(face_model, device), workers)
    heads.unreadable.extend(unusable)
    refuse_faceless(images, heads)
    if corrected:
        heads = heads.joined(learned_heads(corrected, workers))
    return fit(heads, choice, device, head_file(folder, choice, comparison_digest(images, choice, corrected)))


def fit(heads: Heads, choice: Choice, device: str, head_path: Path) -> Recogniser:
    """Return a recogniser fitted to these heads. Raises UsageError if a model or what trains it is unavailable."""
    if choice.method in TRAINED:
        require_training(choice.method)
    load = descriptors.load_embedders(choice.models, device)
    references, widths = describe_references(heads, load, choice)
    quick = choice.method in TRAINED or len(heads.names) > MANY
    fitted = NAMERS.get(choice.method, centroid_namer)
    weights = calibrate.best_weights(references, widths, fitted) if len(widths) > 1 else (1.0,)
    scale = calibrate.scale_of(widths, weights)
    references = references.changed(scale.__mul__)
    make = trained_maker(choice) if choice.method in TRAINED else fitted
    acceptance, calibration = calibrated(references, make, choice, quick)
    if len(widths) > 1:
        calibration += ", weights " + " ".join(
            f"{name} {weight:g}" for name, weight in zip(choice.models, weights, strict=True)
        )
    adapt: Callable[[Vector], Vector] = lambda rows: rows  # noqa: E731
    if choice.method in TRAINED:
        adapt = head_for(references, choice, head_path)
    adapted = references.changed(adapt)
    namer = fitted(adapted)
    embed = lambda crops: adapt(np.concatenate(load(crops), axis=1) * scale)  # noqa: E731
    by_crowd = choice.unknown_below is None and choice.margin_weight is None
    return Recogniser(embed, namer, acceptance, heads, references, make, quick, calibration, adapted, by_crowd)


def calibrated(
    references: References, make: calibrate.NamerMaker, choice: Choice, quick: bool
) -> tuple[Acceptance, str]:
    """Return when a name is good enough, and a sentence on how that was found."""
    margin = calibrate.MARGIN_WEIGHT if choice.margin_weight is None else choice.margin_weight
    if choice.unknown_below is not None:
        given = Acceptance(choice.unknown_below, margin, choice.min_lead)
        return given, f"unknown below {choice.unknown_below:g} as given"
    trials = calibrate.try_out(references, make, margin, quick)
    prior = calibrate.PRIORS.get((choice.models[0], choice.method)) if len(choice.models) == 1 else None
    least = calibrate.least_strength(trials, prior)
    origin = f"calibrated on {len(references.names)} references"
    if not len(trials.impostors):
        is_lower = prior is None and least < calibrate.DEFAULT_THRESHOLD
        origin = "as the references of a single character" if is_lower else "the default, as a single character"
        origin += " resemble each other" if is_lower else " cannot calibrate it"
    return Acceptance(least, margin, choice.min_lead), f"unknown below {least:g}, {origin}"


def comparison_digest(images: Mapping[str, Sequence[Path]], choice: Choice, corrected: Corrected) -> str:
    """Return 12 hex digits that change with references, corrections, or how faces are compared."""
    return references_digest(images, " ".join([choice.how, descriptors.EDITION, *corrections_digest(corrected)]))


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
