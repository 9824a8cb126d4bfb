"""Names of characters that a person changed: in a sidecar, once each, whatever dataset or tree they were changed in."""

import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from framekit.files import atomic, journal
from framekit.files.names import CHARACTERS, METADATA, TAGS, nfc, sidecar
from framekit.sidecars import corrections
from framekit.sidecars.corrections import WRITTEN
from framekit.sidecars.metadata import folder_name, read_own
from framekit.sidecars.tags import TagRecord

RECORD = ".renamed.jsonl"
MOVING = "moving"  # key in the record: old path -> new path of frames whose folders are renamed
RENAMED = "renamed"  # key in sidecars: the marks of the renames after which they were written
NAMING = ("characters", "inferred", "tags")  # keys of X.json whose texts may be names
Names = Mapping[str, str]


"""Old name -> new name."""


def read_batches(root: Path) -> list[dict[str, str]]:
    """Return the renames of a dataset, those of one command together, in their order."""
    batches = []
    for record in journal.read_lines(root / RECORD):
        names = record.get("names")
        if isinstance(names, dict) and all(isinstance(new, str) for new in names.values()):
            batches.append(names)
    return batches


def composed(batches: Iterable[Names]) -> dict[str, str]:
    """Return what becomes of each name by one rename after the other."""
    names: dict[str, str] = {}
    for batch in batches:
        now = {old: names.get(old, old) for old in (*names, *batch)}
        names = {old: batch.get(name, name) for old, name in now.items()}
    return {old: new for old, new in names.items() if old != new}


def old_names_in(text: str, names: Names, known: Iterable[str]) -> list[str]:
    """Return the old names of renames that a text holds, but for those of who is `known` to be there.

    >>> old_names_in("1person, Sora, hat", {"Sora": "SoraMinato"}, ["SoraMinato"])
    ['Sora']
    """
    others = {*names} - {*known}
    return [name for name in sorted(others) if re.search(rf"(?<!\w){re.escape(name)}(?!\w)", nfc(text))]


class Renames:
    """All renames of a dataset, or of a tree. What was written after some of them needs only those that came later."""

    def __init__(self, root: Path | None) -> None:
        """Read the record of the dataset; there are none without one."""
        self.batches = read_batches(root) if root is not None else []
        self.places = {"": 0}  # mark -> number of batches
        self.mark = ""
        for number, batch in enumerate(self.batches, 1):
            self.mark = atomic.digest([self.mark, batch])
            self.places[self.mark] = number
        self.known: dict[int, dict[str, str]] = {}

    def since(self, marks: Any) -> dict[str, str]:
        """Return what becomes of a name that was written with these marks; those of other datasets count as none."""
        held = marks.split() if isinstance(marks, str) else ()
        start = max((self.places.get(mark, 0) for mark in held), default=0)
        if start not in self.known:
            self.known[start] = composed(self.batches[start:])
        return self.known[start]

    def added_to(self, marks: Any) -> str:
        """Return the marks of what was written with these, once it has all these renames; other datasets' stay."""
        held = marks.split() if isinstance(marks, str) else []
        others = [mark for mark in held if mark not in self.places]
        return " ".join([*others, self.mark] if self.mark else others)


NO_RENAMES = Renames(None)


def renamed(values: Iterable[str], names: Names) -> list[str]:
    """Return texts with old names replaced."""
    return [names.get(nfc(value), value) for value in values]


def rename_values(values: dict[str, Any], renames: Renames) -> dict[str, Any]:
    """Return the content of X.json with old names replaced; what was generated still counts as generated."""
    names = renames.since(values.get(RENAMED)) if renames.mark else {}
    if not names:
        return values
    changed = dict(values)
    edited, noted = corrections.edited_fields(values), corrections.noted_digests(values)
    for key in NAMING:
        if isinstance(changed.get(key), list):
            changed[key] = [names.get(nfc(one), one) if isinstance(one, str) else one for one in changed[key]]
            noted = with_edits(noted, key, changed[key], key in edited)
    if isinstance(changed.get("folder"), str):
        changed["folder"] = renamed_part(changed["folder"], names)
    marks = renames.added_to(values.get(RENAMED))
    noted[RENAMED] = corrections.digest(marks)
    rest = {key: value for key, value in changed.items() if key not in (RENAMED, WRITTEN)}
    return {**rest, RENAMED: marks, WRITTEN: noted}


def with_edits(noted: dict[str, str], key: str, value: Any, is_edited: bool) -> dict[str, str]:
    """Return the digests of fields such that a field with a new value still counts as edited, or still does not."""
    if not is_edited:
        return noted | {key: corrections.digest(value)}
    return {name: digest for name, digest in noted.items() if name != key or digest != corrections.digest(value)}


def renamed_part(part: str, names: Names) -> str:
    """Return the name of a folder such as `Aoba+Hinata` with old names replaced; one without them stays as it is."""
    by_folder = {folder_name(old): folder_name(new) for old, new in names.items()}
    words = nfc(part).split("+")
    return "+".join(sorted({by_folder.get(word, word) for word in words})) if {*words} & {*by_folder} else part


def rename_metadata(frame: Path, renames: Renames) -> None:
    """Replace old names in X.json, if there is one; it counts as old as it was, since nobody corrected anything.

    Raises BadSidecar.
    """
    path = sidecar(frame, METADATA)
    if not renames.mark or not path.exists():
        return
    before, seen = path.stat(), atomic.bytes_of(path)
    held = read_own(path)
    values = rename_values(held, renames)
    if values == held:
        return
    if not atomic.write_over(path, corrections.metadata_text(values), seen):
        rename_metadata(frame, renames)  # a person saved it meanwhile
        return
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def rename_sidecars(frame: Path, renames: Renames, tagged: dict[Path, TagRecord]) -> bool:
    """Replace old names in X.characters.json and X.png.tags, and tell whether there was any.

    What a person corrected there still counts as such. Raises BadSidecar.
    """
    path, changed = sidecar(frame, CHARACTERS), False
    if path.exists():
        seen = atomic.bytes_of(path)
        record = atomic.read_json(path)
        names, faces = renames.since(record.get(RENAMED)), record.get("faces")
        if names and isinstance(faces, list) and all(isinstance(face, dict) for face in faces):
            edited = corrections.is_edited(faces, (record.get(WRITTEN),))
            named = [one for face in faces for one in (face, face.get("runner_up")) if isinstance(one, dict)]
            for one in [one for one in named if nfc(str(one.get("name"))) in names]:
                one["name"], changed = names[nfc(one["name"])], True
            if isinstance(inferred := record.get("inferred"), list):
                record["inferred"] = renamed(map(str, inferred), names)
                changed |= record["inferred"] != inferred
            record[RENAMED] = renames.added_to(record.get(RENAMED))
            record |= {} if edited else {WRITTEN: corrections.digest(faces)}
            if not atomic.write_over(path, atomic.json_text(record), seen):
                return rename_sidecars(frame, renames, tagged)  # a person saved it meanwhile
    return rename_tags(sidecar(frame, TAGS), renames, tagged) or changed


def marks_of_tags(path: Path, record: TagRecord) -> str:
    """Return the marks of the renames after which a file of tags was written."""
    by = record.noted(path)
    return by.removeprefix(f"{RENAMED} ") if by.startswith(f"{RENAMED} ") else ""


def rename_tags(path: Path, renames: Renames, tagged: dict[Path, TagRecord]) -> bool:
    """Replace old names among tags, in either form of the file, and tell whether there was any.

    A file that a person wrote is left to that person.
    """
    if not path.exists():
        return False
    record = tagged.setdefault(path.parent, TagRecord(path.parent))
    seen = atomic.bytes_of(path)
    text, marks = atomic.read_text(path), marks_of_tags(path, record)
    changed = renamed_tags(text, renames.since(marks))
    if changed == text or record.is_edited(path):
        return False
    return record.write(path, changed, f"{RENAMED} {renames.added_to(marks)}", seen)


def renamed_tags(text: str, names: Names) -> str:
    """Return the text of a file of tags with old names replaced; lines without them stay as they are."""
    lines = []
    for line in text.splitlines():
        head, colon, rest = line.partition(":")
        start, told = (f"{head}: ", rest) if colon and head.strip().lower() == "character" else ("", line)
        words = [word.strip() for word in told.split(",")]
        lines.append(start + ", ".join(renamed(words, names)) if renamed(words, names) != words else line)
    return "\n".join(lines) + "\n" * text.endswith("\n")


def was_cut_short(root: Path, names: Names) -> bool:
    """Tell whether a rename is the last one that was begun, and was not followed everywhere yet."""
    noted = [line for line in journal.read_lines(root / RECORD) if MOVING not in line]
    return noted[-1:] == [{"names": {**names}}]


def remember(root: Path, names: Names) -> None:
    """Note a rename, unless it was noted before it was cut short."""
    if not was_cut_short(root, names):
        journal.append_line(root / RECORD, {"names": {**names}})


def note_moves(root: Path, by: str, moves: Mapping[str, str]) -> None:
    """Note which frames go where since their folders are renamed, before any does; `by` tells the rename.

    After a kill nothing else tells a frame that came to a folder from one that is still to leave it.
    """
    journal.append_line(root / RECORD, {MOVING: {**moves}, "by": by})


def noted_moves(root: Path, by: str) -> dict[str, str] | None:
    """Return the moves that a rename noted before it was cut short; None if it was not, or noted none."""
    for line in list(journal.read_lines(root / RECORD))[-1:]:
        held = line.get(MOVING)
        if line.get("by") == by and isinstance(held, dict):
            return {old: new for old, new in held.items() if isinstance(new, str)}
    return None


def finish(root: Path) -> None:
    """Note that the last rename was followed everywhere."""
    journal.append_line(root / RECORD, {"done": True})


def hand_over(tree: Path, root: Path) -> None:
    """Note the renames of a tree in the dataset that its frames go back to, whose other frames need them then."""
    known = read_batches(root)
    for batch in read_batches(tree):
        if batch not in known:
            journal.append_line(root / RECORD, {"names": batch})
            finish(root)
