"""Reference images: one folder per character, the largest face of each, and what corrected frames add."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from framekit import detectors, faces, frames, head_crops, sidecar, stage
from framekit.face_record import read_faces
from framekit.naming import OOD
from framekit.sidecar import BadSidecar

UNKNOWN = "unknown"
LONGEST_NAME = 100  # characters; longer ones don't fit into folder names of several characters
MEANINGFUL = "+,/\\"  # characters that separate names in folders and captions


@dataclass(frozen=True)
class Heads:
    """Heads of references that can be used: name, file and crop of each; what is said of others; unreadable files."""

    names: list[str]
    paths: list[Path]
    crops: list[frames.Pixels]
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


@dataclass(frozen=True)
class FindFaces:
    """Find the faces of a reference, the largest first; picklable, so that it can run in another process."""

    detect: faces.Detector

    def __call__(self, pixels: frames.Pixels) -> tuple[frames.Pixels, list[faces.Face]]:
        """Return the pixels with their faces."""
        return pixels, faces.reference_faces(self.detect, pixels)


def is_ood(name: str) -> bool:
    """Tell whether a reference folder holds people to ignore."""
    return name == OOD or name.startswith("noise")


def refuse_name(name: str, where: Path) -> None:
    """Raise Misuse for a character's name that cannot be used in folders and captions."""
    if name == UNKNOWN or any(sign in name for sign in MEANINGFUL) or not name.strip():
        raise stage.Misuse(f"{where}: this name has a meaning of its own or holds + or a comma; rename the folder")
    if name != sidecar.safe_name(name) and len(name) <= LONGEST_NAME:
        raise stage.Misuse(f"{where}: no folder can have this name everywhere; call it {sidecar.safe_name(name)}")
    if len(name) > LONGEST_NAME:
        raise stage.Misuse(f"{where}: this name has {len(name)} characters; {LONGEST_NAME} at most, rename the folder")


def find_references(folder: Path) -> dict[str, list[Path]]:
    """Return the reference images of each character. Raises Misuse for an empty folder or a name that can't be used."""
    if not folder.is_dir():
        raise stage.Misuse(f"{folder} is not a folder; --ref_dir must hold one folder of images per character")
    found: dict[str, list[Path]] = {}
    spelled: dict[str, str] = {}
    for sub in sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith(".")):
        refuse_name(sub.name, sub)
        images = frames.find_frames(sub)
        other = spelled.setdefault(sub.name.casefold(), sub.name)
        if other != sub.name:
            raise stage.Misuse(
                f"{folder} holds {other} and {sub.name}, which are one on many disks; join or rename them"
            )
        if not images:
            raise stage.Misuse(f"{sub} holds no image; add references of this character or remove the folder")
        found[sub.name] = images
    if not found:
        raise stage.Misuse(f"{folder} holds no folders; it needs one folder of images per character")
    return found


def references_digest(references: Mapping[str, Sequence[Path]], how: str) -> str:
    """Return 12 hex digits that change with any reference image, name, or way of comparing."""
    sums = {
        name: sorted(hashlib.sha256(path.read_bytes()).hexdigest() for path in paths)
        for name, paths in references.items()
    }
    return sidecar.digest([how, sums])


def find_heads(references: Mapping[str, Sequence[Path]], settings: detectors.Settings, workers: int) -> Heads:
    """Return the head of the largest face of each reference; an X.faces.json beside it is believed, e.g. of crops."""
    found = Heads([], [], [], [], [])
    owner = {path: name for name, paths in references.items() for path in paths}
    known = {path: seen for path in owner if (seen := known_faces(path)) is not None}
    asked = [path for path in owner if path not in known]
    looked: dict[Path, tuple[frames.Pixels, list[faces.Face]] | frames.Unreadable] = {}
    for path, pixels in frames.map_frames(lambda pixels: pixels, list(known), workers):
        looked[path] = pixels if isinstance(pixels, frames.Unreadable) else (pixels, known[path])
    if asked:
        detect = detectors.load_detector(settings.models[0], settings)
        looks = frames.map_frames(FindFaces(detect), asked, workers, detectors.needs_processes([detect]))
        looked.update(stage.progress(looks, len(asked), "reference"))
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
        found.crops.append(head_crops.crop_head(pixels, seen[0]))
    return found


def known_faces(path: Path) -> list[faces.Face] | None:
    """Return the faces that a sidecar beside a reference tells of, the largest first; None without a usable one."""
    try:
        seen = read_faces(path)
    except BadSidecar:
        return None
    return sorted(seen, key=faces.area, reverse=True) if seen is not None else None


def refuse_faceless(references: Mapping[str, Sequence[Path]], heads: Heads) -> None:
    """Raise Misuse if a character has no usable reference."""
    for name in references:
        if (OOD if is_ood(name) else name) not in heads.names:
            raise stage.Misuse(f"no face was found in any reference of {name}; crop them to the head or add others")
