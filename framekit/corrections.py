"""What a person's corrections teach: faces with corrected names, as references."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from framekit import faces, frames, head_crops, metadata, name_record, sidecar, stage
from framekit.face_record import read_faces
from framekit.placements import CHARACTER_OTHERS, folder_name
from framekit.references import Heads, is_ood, refuse_name
from framekit.sidecar import BadSidecar

Corrected = Mapping[Path, Sequence[tuple[faces.Face, str]]]
"""Frames whose names a person corrected, with each face that got a usable name."""


def corrected_below(folder: Path | None, src_dir: Path) -> Corrected:
    """Return the corrected frames below a folder, an empty path for `src_dir`; none for None."""
    if folder is None:
        return {}
    root = src_dir if folder == Path() else folder
    learned = {}
    for frame in frames.find_frames(root):
        names = name_record.corrected_names(frame)
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


def name_by_folder(inside: Path, seen: Sequence[faces.Face], frame: Path) -> list[str]:
    """Return the name of the folder `1_character/NAME` to which a person moved a frame with one face, else nothing."""
    parts = inside.parts[:-1]
    places = [place for place, part in enumerate(parts[:-1]) if part == "1_character"]
    if not places or len(seen) != 1:
        return []
    name = parts[places[-1] + 1]
    try:
        own = metadata.read_metadata(frame).characters
    except BadSidecar:
        return []
    return [] if name in [CHARACTER_OTHERS, *map(folder_name, own)] else [name]


def told_by(corrected: Corrected) -> list[str]:
    """Return a digest of what corrected frames teach; nothing without any."""
    told = sorted([frame.name, name, *map(str, face.box)] for frame, own in corrected.items() for face, name in own)
    return [sidecar.digest(told)] if told else []


def is_usable(name: str) -> bool:
    """Tell whether a name in X.json can be that of a character."""
    try:
        refuse_name(name, Path(name))
    except stage.Misuse:
        return False
    return not is_ood(name)


def learned_heads(corrected: Corrected, workers: int) -> Heads:
    """Return the heads of corrected frames as references."""
    found = Heads([], [], [], [], [])
    for frame, pixels in frames.map_frames(lambda pixels: pixels, list(corrected), workers):
        if isinstance(pixels, frames.Unreadable):
            continue  # it is listed as a frame
        for face, name in corrected[frame]:
            found.names.append(name)
            found.paths.append(frame)
            found.crops.append(head_crops.crop_head(pixels, face))
    return found
