"""What a person can do that moves frames: set them aside, bring them back, keep another, make references of faces."""

import hashlib
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from framekit import console, errors
from framekit.boxes import Face
from framekit.dataset import removed
from framekit.dataset.move import free_target, stem_taken
from framekit.desk.catalogue import NOISE, Entry
from framekit.desk.desk import Desk, faces_in, ids_in, text_in
from framekit.desk.journal import Record
from framekit.desk.moved import crop_of, given_path
from framekit.desk.present import read_now
from framekit.files import paths
from framekit.sidecars import metadata

BY_HAND = "by_hand"  # the reason of frames that a person sets aside


def set_aside(desk: Desk, asked: Mapping[str, Any]) -> tuple[str, list[str]]:
    """Move frames to .removed, with a reason."""
    reason = text_in({"reason": BY_HAND, **asked}, "reason", 40)
    taken = (removed.RESTORED, removed.KEPT_BY_HAND, removed.PURGED, Path(removed.REPLACED).name)
    is_word = re.fullmatch(r"[\w-]+", reason) and reason == paths.safe_name(reason)
    if not is_word or reason in taken or (desk.root / paths.REMOVED / reason).is_file():
        raise errors.UsageError("the reason must be one word that can be the name of a folder")
    with desk.catalogue.lock, desk.alone(True):
        entries = desk.entries_of(ids_in(asked))
        desk.refuse_conflicts(entries, asked)
        moves = [{"frame": one.path.relative_to(desk.root).as_posix(), "reason": reason} for one in entries]
        return desk.move(f"set {console.counted(len(moves), 'frame')} aside as {reason}", moves)


def bring_back(desk: Desk, asked: Mapping[str, Any]) -> tuple[str, list[str]]:
    """Bring removed frames back, to be kept from then on."""
    wanted = {*ids_in(asked)}
    with desk.catalogue.lock, desk.alone(True):
        found = [(origin, record) for id_, origin, _, record in desk.catalogue.removed() if id_ in wanted]
        if len(found) != len(wanted) or not found:
            raise errors.UsageError("a removed frame is no longer there; look again, then repeat")
        for origin, _ in found:
            if stem_taken(origin):
                raise errors.UsageError(f"{origin.name} is there again; rename one of them")
        moves = [
            {"frame": origin.relative_to(desk.root).as_posix(), "reason": record["reason"], "is_back": True}
            for origin, record in found
        ]
        return desk.move(f"brought {console.counted(len(moves), 'frame')} back", moves)


def keep_another(desk: Desk, asked: Mapping[str, Any]) -> tuple[str, list[str]]:
    """Bring a removed frame back and set the one that was kept for it aside instead."""
    with desk.catalogue.lock, desk.alone(True):
        found = [one for one in desk.catalogue.removed() if one[0] == asked.get("id")]
        if not found:
            raise errors.UsageError("a removed frame is no longer there; look again, then repeat")
        _, origin, _, record = found[0]
        kept = paths.inside(desk.root, record.get("resembles"))
        held = next((one for one in desk.catalogue.entries.values() if one.path == kept), None)
        if held is None:
            raise errors.UsageError("the frame that was kept is no longer there; bring this one back instead")
        if stem_taken(origin):
            raise errors.UsageError(f"{origin.name} is there again; rename one of them")
        desk.refuse_conflicts([held], asked)
        name = origin.relative_to(desk.root).as_posix()
        details = {"resembles": name} | {key: record[key] for key in ("similarity",) if key in record}
        back = {"frame": name, "reason": record["reason"], "is_back": True}
        aside = {
            "frame": held.path.relative_to(desk.root).as_posix(),
            "reason": record["reason"],
            "details": details,
        }
        return desk.move(f"kept {origin.name} in place of {held.path.name}", [back, aside])


def folder_of(name: str) -> str:
    """Return the folder of heads of somebody; nobody known is noise."""
    return NOISE if name == metadata.UNKNOWN else name


def sort_heads(desk: Desk, name: str, entries: Iterable[Entry], asked: Mapping[str, Any]) -> tuple[str, list[str]]:
    """Move heads that --cluster grouped into the folder of a character, which names them."""
    with desk.catalogue.lock, desk.alone(True):
        wanted = [one for one in entries if name_folder(desk, one) != folder_of(name)]
        desk.refuse_conflicts(wanted, asked)
        taken: set[Path] = set()
        moves: list[Record] = []
        for one in wanted:
            target = free_target(desk.root / folder_of(name) / one.path.name)
            while target in taken:
                target = free_target(target.with_name(f"{target.stem}_2{target.suffix}"))
            taken.add(target)
            into = target.relative_to(desk.root).as_posix()
            moves.append({"frame": one.path.relative_to(desk.root).as_posix(), "into": into})
        if not moves:
            return "nothing changed", []
        return desk.move(f"put {console.counted(len(moves), 'head')} into {folder_of(name)}", moves)


def name_folder(desk: Desk, entry: Entry) -> str:
    """Return the folder below the dataset in which a head lies."""
    return entry.path.relative_to(desk.root).parts[0]


def make_references(desk: Desk, asked: Mapping[str, Any]) -> tuple[str, list[str]]:
    """Copy the heads of faces into the folders of references of their characters."""
    references = given_path(desk.journal.outside, "ref_dir")
    chosen = faces_in(desk, asked)
    with desk.catalogue.lock, desk.alone(False):
        desk.refuse_conflicts([*chosen], asked)
        moves = [reference_of(desk, entry, index, references) for entry, own in chosen.items() for index in sorted(own)]
        moves = [one for one in moves if not (references / one["reference"]).exists()]
        if not moves:
            return "nothing changed", []
        return desk.move(f"made {console.counted(len(moves), 'face')} references", moves)


def reference_of(desk: Desk, entry: Entry, index: int, references: Path) -> Record:
    """Return how one face becomes a reference. Raises UsageError for one that has no name."""
    now = read_now(entry.path, desk.catalogue.episodes)
    face: Face = now.faces[index]
    name = entry.names[index]
    if name in metadata.NOBODY:
        raise errors.UsageError(f"a face of {entry.path.name} has no name yet; name it, then make it a reference")
    own = entry.path.relative_to(desk.root)
    file = paths.safe_name("_".join([*own.parts[:-1], own.stem]))
    place = f"{name}/{file}_{index + 1}.png"
    if paths.inside(references, place) is None:
        raise errors.UsageError(f"{references / name} leads outside of {references}; make it a folder of its own")
    digest = hashlib.sha256(crop_of(entry.path, face)).hexdigest()
    record = {"frame": own.as_posix(), "box": [*face.box], "label": face.label}
    return record | {"reference": place, "sha256": digest}
