"""Reference images: one folder per character, the largest face of each, and what corrected frames add."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from framekit import boxes, console, errors
from framekit.arrange.folders import CHARACTER_OTHERS
from framekit.dataset import frames
from framekit.errors import BadSidecar
from framekit.faces import crops, detect, filter
from framekit.faces.detect import Settings
from framekit.faces.models import DETECTORS, EMBEDDED, Detector
from framekit.files import atomic
from framekit.files.names import FACES, is_ignored, nfc, sidecar
from framekit.files.paths import leads_out
from framekit.pixels import decode
from framekit.sidecars import characters, metadata
from framekit.sidecars.faces import BY_HAND, read_faces
from framekit.sidecars.metadata import OOD, folder_name, is_ood, is_unnamed, refuse_name

# Frames whose names a person corrected, each with its faces that got a usable name.
Corrected = Mapping[Path, Sequence[tuple[boxes.Face, str]]]


@dataclass(frozen=True)
class Heads:
    """Heads of usable references: name, file and crop of each; remarks on doubtful ones; unreadable files."""

    names: list[str]
    paths: list[Path]
    crops: list[decode.Pixels]
    remarks: list[str]
    unreadable: list[tuple[Path, str]]

    def joined(self, other: "Heads") -> "Heads":
        """Return the heads of both."""
        return Heads(
            self.names + other.names,
            self.paths + other.paths,
            self.crops + other.crops,
            self.remarks + other.remarks,
            self.unreadable + other.unreadable,
        )


# Minimum scores of a face: a reference shows one, so that a doubtful one is right more often, first of the usual
# search, then of a patient one. Chosen.
REFERENCE_SCORE, PATIENT_SCORE = 0.5, 0.35


@dataclass(frozen=True)
class FindFaces:
    """Find the faces of a reference, the largest first; picklable, so that it can run in another process."""

    detector: Detector
    least: float

    def __call__(self, pixels: decode.Pixels) -> tuple[decode.Pixels, list[boxes.Face]]:
        """Return the pixels with their faces."""
        return pixels, filter.reference_faces(self.detector, pixels, self.least)


def find_references(folder: Path, unusable: list[tuple[Path, str]]) -> dict[str, list[Path]]:
    """Return the reference images of each character; folders whose names differ in Unicode form only are one.

    Adds what cannot be used to `unusable`, with the reason.

    Raises UsageError for a name that can't be used, for a character without any image, and if no group of faces has a
    name yet.
    """
    if not folder.is_dir():
        raise errors.UsageError(f"{folder} is not a folder; --ref_dir must hold one folder of images per character")
    found: dict[str, list[Path]] = {}
    spelled: dict[str, str] = {}
    folders = sorted(path for path in folder.iterdir() if path.is_dir() and not is_ignored(path.name))
    unnamed = [path.name for path in folders if is_unnamed(path.name)]
    if unnamed:
        words = f"{console.counted(len(unnamed), 'folder')} such as {unnamed[0]} still called as --cluster made them"
        if len(unnamed) == sum(not is_ood(path.name) for path in folders):
            raise errors.UsageError(f"{folder} holds only {words}; rename them to the names of their characters")
        unusable.append((folder, f"{words}, left out; rename them to the names of their characters, or delete them"))
    for sub in folders:
        if is_unnamed(sub.name):
            continue
        name = nfc(sub.name)
        refuse_name(name, sub)
        if leads_out(sub, folder):
            raise errors.UsageError(f"{sub}: {frames.OUT_OF_FOLDER}")
        left_out: list[tuple[Path, str]] = []
        images = frames.find_frames(sub, unusable=left_out, top=folder)
        unusable += left_out
        other = spelled.setdefault(name.casefold(), name)
        if other != name:
            raise errors.UsageError(
                f"{folder} holds {other} and {name}, which are one on many disks; join or rename them"
            )
        if not images and left_out:
            reasons = ", ".join(f"{path.relative_to(folder)}: {reason}" for path, reason in left_out)
            raise errors.UsageError(f"no reference of {name} can be used ({reasons})")
        if not images:
            raise errors.UsageError(f"{sub} holds no image; add references of this character or remove the folder")
        found.setdefault(name, []).extend(images)
    if not found:
        raise errors.UsageError(f"{folder} holds no folders; it needs one folder of images per character")
    return found


def references_digest(references: Mapping[str, Sequence[Path]], how: str) -> str:
    """Return 12 hex digits that change with any reference image, name, or way of comparing."""
    sums = {
        name: sorted(hashlib.sha256(path.read_bytes()).hexdigest() for path in paths)
        for name, paths in references.items()
    }
    return atomic.digest([how, sums])


def detector_of(found: Sequence[Path]) -> str:
    """Return the detector that found the faces, as the first sound sidecar says, so that references are cropped alike.

    Only a known name is taken from a sidecar, since somebody else may have written it. Raises UsageError for another.
    """
    named = (
        characters.read_record(sidecar(frame, FACES)).get("model") for frame in found if known_faces(frame) is not None
    )
    model = next((name for name in named if name is not None), EMBEDDED)
    first = str(model).split(",")[0]
    if first in ("crop", BY_HAND):
        return EMBEDDED
    if first != EMBEDDED and first not in DETECTORS:
        raise errors.UsageError(
            f"the faces were found with {model}; give --face_model the detector to find those of the references with"
        )
    return first


def find_heads(references: Mapping[str, Sequence[Path]], settings: Settings, workers: int) -> Heads:
    """Return the head of the largest face of each reference; an X.faces.json beside it is trusted."""
    found = Heads([], [], [], [], [])
    owner = {path: name for name, paths in references.items() for path in paths}
    known = {path: seen for path in owner if (seen := known_faces(path)) is not None}
    asked = [path for path in owner if path not in known]
    looked: dict[Path, tuple[decode.Pixels, list[boxes.Face]] | frames.Unreadable] = {}
    for path, pixels in frames.map_frames(lambda pixels: pixels, list(known), workers):
        looked[path] = pixels if isinstance(pixels, frames.Unreadable) else (pixels, known[path])
    looked.update(search_faces(asked, settings, REFERENCE_SCORE, workers))
    faceless = [path for path in asked if not isinstance(look := looked[path], frames.Unreadable) and not look[1]]
    if settings.models[0] == EMBEDDED:
        for path, look in search_faces(faceless, replace(settings, patient=True), PATIENT_SCORE, workers).items():
            if not isinstance(look, frames.Unreadable):  # of doubtful ones the likeliest, not the largest
                looked[path] = look[0], sorted(look[1], key=lambda face: face.score, reverse=True)[:1]
    for path, name in owner.items():
        look = looked[path]
        if isinstance(look, frames.Unreadable):
            found.unreadable.append((path, look.reason))
            continue
        pixels, seen = look
        if not seen:
            found.remarks.append(f"no face found in reference {path}: not used; crop it to the head or replace it")
            continue
        if len(seen) > 1 and seen[1].score >= settings.least(settings.models[0]):
            found.remarks.append(f"{len(seen)} faces in reference {path}: the largest is taken; crop it to be sure")
        found.names.append(OOD if is_ood(name) else name)
        found.paths.append(path)
        found.crops.append(crops.crop_head(pixels, seen[0]))
    return found


def search_faces(
    paths: Sequence[Path], settings: Settings, least: float, workers: int
) -> dict[Path, tuple[decode.Pixels, list[boxes.Face]] | frames.Unreadable]:
    """Return the pixels of references with their faces, the largest first; `least` is the minimum score, 0 to 1."""
    if not paths:
        return {}
    name = settings.models[0]
    detector = detect.load_detector(name, settings)
    find = FindFaces(detector, min(least, settings.least(name)))
    looks = frames.map_frames(find, list(paths), workers, detect.needs_processes([detector]))
    return dict(console.progress(looks, len(paths), "reference"))


def known_faces(path: Path) -> list[boxes.Face] | None:
    """Return the faces in the sidecar beside a reference, the largest first; None if it is missing or damaged."""
    try:
        seen = read_faces(path)
    except BadSidecar:
        return None
    return sorted(seen, key=boxes.area, reverse=True) if seen is not None else None


def refuse_faceless(references: Mapping[str, Sequence[Path]], heads: Heads) -> None:
    """Raise UsageError if a character has no usable reference."""
    for name, images in references.items():
        if (OOD if is_ood(name) else name) not in heads.names:
            reasons = {path: reason for path, reason in heads.unreadable if path in images}
            if reasons and len(reasons) == len(images):
                path, reason = next(iter(reasons.items()))
                raise errors.UsageError(f"no reference of {name} can be read ({path.name}: {reason})")
            raise errors.UsageError(
                f"no face was found in any reference of {name}; crop them to the head or add others"
            )


def corrected_below(folder: Path | None, src_dir: Path, unusable: list[tuple[Path, str]]) -> Corrected:
    """Return the corrected frames below a folder, each face with its name if that is usable.

    An empty path stands for `src_dir`; None gives none. Frames that cannot be used are added to `unusable`.
    """
    if folder is None:
        return {}
    root = src_dir if folder == Path() else folder
    learned = {}
    for frame in frames.find_frames(root, unusable=unusable):
        names = characters.corrected_names(frame)
        try:
            seen = read_faces(frame) or []
        except BadSidecar:
            continue
        if names is None:
            names = name_by_folder(frame.relative_to(root), seen, frame)
        pairs = [(face, name) for face, name in zip(seen, names, strict=False) if is_usable(name)]
        if pairs and len(names) == len(seen):
            learned[frame] = pairs
    return learned


def name_by_folder(inside: Path, seen: Sequence[boxes.Face], frame: Path) -> list[str]:
    """Return the name of the folder `1_character/NAME` to which a person moved a frame with one face; else nothing."""
    parts = inside.parts[:-1]
    places = [place for place, part in enumerate(parts[:-1]) if part == "1_character"]
    if not places or len(seen) != 1:
        return []
    name = nfc(parts[places[-1] + 1])
    try:
        own = metadata.read_metadata(frame).characters
    except BadSidecar:
        return []
    return [] if name in [CHARACTER_OTHERS, *map(folder_name, own)] else [name]


def corrections_digest(corrected: Corrected) -> list[str]:
    """Return a digest of the names and boxes of corrected frames; nothing without any."""
    rows = sorted([frame.name, name, *map(str, face.box)] for frame, own in corrected.items() for face, name in own)
    return [atomic.digest(rows)] if rows else []


def is_usable(name: str) -> bool:
    """Return whether a name in X.json can be that of a character."""
    try:
        refuse_name(name, Path(name))
    except errors.UsageError:
        return False
    return not is_ood(name)


def learned_heads(corrected: Corrected, workers: int) -> Heads:
    """Return the heads of corrected frames as references."""
    found = Heads([], [], [], [f"learned from {console.counted(len(corrected), 'corrected frame')}"], [])
    for frame, pixels in frames.map_frames(lambda pixels: pixels, list(corrected), workers):
        if isinstance(pixels, frames.Unreadable):
            continue  # it is listed as a frame
        for face, name in corrected[frame]:
            found.names.append(name)
            found.paths.append(frame)
            found.crops.append(crops.crop_head(pixels, face))
    return found
