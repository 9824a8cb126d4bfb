"""Names of characters that a person changed: in a sidecar, once each, whatever dataset or tree they were changed in."""

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from framekit.files import atomic, journal
from framekit.files.names import CHARACTERS, METADATA, TAGS, nfc, sidecar
from framekit.sidecars import corrections
from framekit.sidecars.corrections import WRITTEN
from framekit.sidecars.metadata import folder_name, read_own
from framekit.sidecars.tags import TagRecord

RECORD = ".renamed.jsonl"
RENAMED = "renamed"  # key in sidecars: the marks of the renames after which they were written
MERGED = corrections.MERGED
NAMING = ("characters", "inferred", "tags")  # keys of X.json whose texts may be names
NAMES, UNDONE, DONE = "names", "undone", "done"  # keys in the record: what was begun, and that it was finished
# Keys in the note of a merge: texts before and after, the note of before, and that the merge could not be undone.
WAS, IS, BEFORE, LOST = "was", "is", "before", "lost"
Names = Mapping[str, str]  # old name -> new name
Texts = dict[str, list[Any]]  # texts of a sidecar that may be names, by the keys of NAMING and others


@dataclass(frozen=True)
class Step:
    """Names that were changed by one command. A merge notes in sidecars what it takes; its undoing gives that back."""

    names: Names
    is_merge: bool = False
    undoes: bool = False

    def record(self) -> dict[str, Any]:
        """Return the line of the journal."""
        return {UNDONE if self.undoes else NAMES: {**self.names}} | ({"merge": True} if self.is_merge else {})


def step_of(record: Mapping[str, Any]) -> Step | None:
    """Return the step that a line of the journal tells."""
    for key in (NAMES, UNDONE):
        names = record.get(key)
        if isinstance(names, dict) and all(isinstance(new, str) for new in names.values()):
            return Step(names, key == NAMES and record.get("merge") is True, key == UNDONE)
    return None


def read_steps(root: Path) -> list[Step]:
    """Return the renames of a dataset, and what was undone, in their order."""
    return [step for record in journal.read_lines(root / RECORD) if (step := step_of(record)) is not None]


def in_force(steps: Iterable[Step]) -> list[Step]:
    """Return the steps that hold: neither undone merges nor their undoing."""
    held: list[Step] = []
    for step in steps:
        held = without_merge(held, step.names) if step.undoes else [*held, step]
    return held


def without_merge(held: Sequence[Step], names: Names) -> list[Step]:
    """Return steps without the last merge of these names; given again and again, it is one."""
    others = [place for place, one in enumerate(held, 1) if one.is_merge and one.names != names]
    start = max(others, default=0)
    return [*held[:start], *(one for one in held[start:] if not one.is_merge)]


def read_batches(root: Path) -> list[Names]:
    """Return the renames of a dataset that hold, those of one command together, in their order."""
    return [step.names for step in in_force(read_steps(root))]


def composed(batches: Iterable[Names]) -> dict[str, str]:
    """Return what becomes of each name by one rename after the other."""
    names: dict[str, str] = {}
    for batch in batches:
        now = {old: names.get(old, old) for old in (*names, *batch)}
        names = {old: batch.get(name, name) for old, name in now.items()}
    return {old: new for old, new in names.items() if old != new}


class Renames:
    """All renames of a dataset, or of a tree. What was written after some of them needs only those that came later."""

    def __init__(self, root: Path | None) -> None:
        """Read the record of the dataset; there are none without one."""
        self.steps = read_steps(root) if root is not None else []
        self.places = {"": 0}  # mark -> number of steps; a mark stands for the renames that hold then
        self.mark = self.before = ""  # now, and before the last step
        held: list[Step] = []
        for number, step in enumerate(self.steps, 1):
            self.before = self.mark
            held = in_force([*held, step])
            self.mark = "" if step.undoes else self.mark
            for one in held if step.undoes else [step]:
                self.mark = atomic.digest([self.mark, one.names])
            self.places[self.mark] = number
        self.known: dict[int, dict[str, str]] = {}

    @property
    def has_merges(self) -> bool:
        """Tell whether there was a merge, be it undone."""
        return any(step.is_merge for step in self.steps)

    def steps_since(self, marks: Any) -> list[Step]:
        """Return what came after something was written with these marks; those of other datasets count as none.

        A merge that was undone since is left out.
        """
        taken: list[Step] = []
        for step in self.steps[self.start_of(marks) :]:
            taken = [*(without_merge(taken, step.names) if step.undoes else taken), step]
        return taken

    def start_of(self, marks: Any) -> int:
        """Return how many steps what was written with these marks has had."""
        held = marks.split() if isinstance(marks, str) else ()
        return max((self.places.get(mark, 0) for mark in held), default=0)

    def since(self, marks: Any) -> dict[str, str]:
        """Return what becomes of a name that was written with these marks, and that no undone merge took."""
        start = self.start_of(marks)
        if start not in self.known:
            self.known[start] = composed(step.names for step in self.steps_since(marks) if not step.undoes)
        return self.known[start]

    def concern(self, values: Mapping[str, Any]) -> bool:
        """Tell whether a sidecar is to change: by names, or since something was undone that it has had."""
        marks, has_had = values.get(RENAMED), bool({RENAMED, MERGED} & values.keys())
        return bool(self.since(marks)) or (has_had and any(step.undoes for step in self.steps_since(marks)))

    def added_to(self, marks: Any) -> str:
        """Return the marks of what was written with these, once it has all these renames; other datasets' stay.

        In one order, whichever renames came first: else the same content would count as changed.
        """
        held = marks.split() if isinstance(marks, str) else []
        others = [mark for mark in held if mark not in self.places]
        return " ".join(sorted([*others, self.mark] if self.mark else others))


NO_RENAMES = Renames(None)


def renamed(values: Iterable[str], names: Names) -> list[str]:
    """Return texts with old names replaced."""
    return [names.get(nfc(value), value) for value in values]


def rename_values(values: dict[str, Any], renames: Renames) -> dict[str, Any]:
    """Return the content of X.json with old names replaced; what was generated still counts as generated."""
    if not renames.concern(values):
        return values
    texts = {key: values[key] for key in NAMING if isinstance(values.get(key), list)}
    texts |= {key: [values[key]] for key in ("folder", "count") if isinstance(values.get(key), str | int)}
    now, merged = followed(texts, values.get(MERGED), renames.steps_since(values.get(RENAMED)), faces_in(values))
    changed = {key: value for key, value in values.items() if key not in (RENAMED, MERGED, WRITTEN)}
    edited, noted = corrections.edited_fields(values), corrections.noted_digests(values)
    for key, found in now.items():
        changed[key] = found if key in NAMING else found[0]
        if key in NAMING or changed[key] != values[key]:
            noted = with_edits(noted, key, changed[key], key in edited)
    ours = {RENAMED: renames.added_to(values.get(RENAMED)), MERGED: merged}
    for key, value in ours.items():
        noted = {name: digest for name, digest in noted.items() if name != key}
        noted |= {key: corrections.digest(value)} if value else {}
    return {**changed, **{key: value for key, value in ours.items() if value}, WRITTEN: noted}


def faces_in(values: Mapping[str, Any]) -> int:
    """Return of how many faces an X.json tells the place."""
    places = values.get("facepos")
    return len(places) if isinstance(places, list) else 0


def followed(texts: Texts, merged: Any, steps: Iterable[Step], faces: int = 0) -> tuple[Texts, Any]:
    """Return the texts of a sidecar after some steps, and its note of what merges took from it; None for nothing."""
    merged = merged if is_note(merged) else None
    for step in steps:
        merged = merged.get(BEFORE) if is_unknown(merged) else merged
        if step.undoes:
            texts, merged = given_back(texts, merged, step.names, faces)
            continue
        now = renamed_texts(texts, step.names)
        if not step.is_merge:
            merged = renamed_note(merged, step.names)
        elif taken := [key for key in texts if now[key] != texts[key]]:
            both = len({*map(str, texts.get("characters", ()))}) > len({*map(str, now.get("characters", ()))})
            taken += ["count"] if both and "count" in texts else []
            before = {BEFORE: merged} if merged else {}
            merged = {NAMES: {**step.names}, WAS: {key: texts[key] for key in taken},
                      IS: {key: now[key] for key in taken}, **before}  # fmt: skip
        texts = now
    return texts, merged


def is_note(merged: Any, deepest: int = 100) -> bool:
    """Tell whether a sidecar notes what merges took, as it is written here: texts before and after, of one length."""
    if not isinstance(merged, dict) or not isinstance(merged.get(NAMES), dict) or not deepest:
        return False
    was, now = merged.get(WAS), merged.get(IS)
    if not isinstance(was, dict) or not isinstance(now, dict) or was.keys() != now.keys():
        return False
    pairs = [(one, now[key]) for key, one in was.items()]
    is_whole = all(isinstance(one, list) and isinstance(two, list) and len(one) == len(two) for one, two in pairs)
    is_whole = is_whole and all(isinstance(one, str | int) for pair in pairs for held in pair for one in held)
    return is_whole and (BEFORE not in merged or is_note(merged[BEFORE], deepest - 1))


def is_unknown(merged: Any) -> bool:
    """Tell whether a sidecar still notes what an undone merge took: nothing tells which of its names these are."""
    return is_note(merged) and merged.get(LOST) is True


def renamed_texts(texts: Texts, names: Names) -> Texts:
    """Return the texts of a sidecar with old names replaced."""
    return {
        key: [
            one
            if not isinstance(one, str)
            else renamed_part(one, names)
            if key == "folder"
            else names.get(nfc(one), one)
            for one in held
        ]
        for key, held in texts.items()
    }


def renamed_note(merged: Any, names: Names) -> Any:
    """Return the note of what merges took as if they had taken it under the new names."""
    if merged is None:
        return None
    texts = {key: renamed_texts(merged[key], names) for key in (WAS, IS)}
    return merged | texts | ({BEFORE: renamed_note(merged[BEFORE], names)} if BEFORE in merged else {})


def given_back(texts: Texts, merged: Any, names: Names, faces: int) -> tuple[Texts, Any]:
    """Return the texts of a sidecar with what a merge of these names took; what cannot be told stays in the note."""
    if merged is None or merged[NAMES] != names:
        return texts, merged
    was, then, left = merged[WAS], merged[IS], dict[str, list[Any]]()
    now = {**texts}
    lost = len({*map(str, was.get("characters", ()))}) - len({*map(str, then.get("characters", ()))})
    for key in [key for key in was if key in texts]:
        if key == "count":
            is_less = texts[key] == [one - lost for one in was[key] if isinstance(one, int)]
            now[key] = was[key] if is_less else texts[key]
            continue
        found = corrections.restored(texts[key], was[key], then[key], faces if key == "characters" else 0)
        now[key], left = (texts[key], left | {key: was[key]}) if found is None else (found, left)
    now, before = given_back(now, merged.get(BEFORE), names, faces)
    if not left:
        return now, before
    kept = {NAMES: merged[NAMES], WAS: left, IS: {key: then[key] for key in left}, LOST: True}
    return now, kept | ({BEFORE: before} if before else {})


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
    if not renames.steps or not path.exists():
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
        faces = record.get("faces")
        is_named = isinstance(faces, list) and all(isinstance(face, dict) for face in faces)
        if is_named and renames.concern(record):
            changed = rename_faces(record, renames)
            if not atomic.write_over(path, atomic.json_text(record), seen):
                return rename_sidecars(frame, renames, tagged)  # a person saved it meanwhile
    return rename_tags(sidecar(frame, TAGS), renames, tagged) or changed


def rename_faces(record: dict[str, Any], renames: Renames) -> bool:
    """Replace old names in the content of X.characters.json, and tell whether there was any."""
    faces = record["faces"]
    edited = corrections.is_edited(faces, (record.get(WRITTEN),))
    seconds = [face["runner_up"] for face in faces if isinstance(face.get("runner_up"), dict)]
    inferred = record.get("inferred")
    texts = {"faces": [one.get("name") for one in faces], "seconds": [one.get("name") for one in seconds]}
    texts |= {"inferred": [*map(str, inferred)]} if isinstance(inferred, list) else {}
    now, merged = followed(texts, record.pop(MERGED, None), renames.steps_since(record.get(RENAMED)), len(faces))
    for one, name in zip([*faces, *seconds], [*now["faces"], *now["seconds"]], strict=True):
        one |= {"name": name} if "name" in one else {}
    record |= {"inferred": now["inferred"]} if "inferred" in now else {}
    marks = renames.added_to(record.pop(RENAMED, None))
    record |= ({RENAMED: marks} if marks else {}) | ({MERGED: merged} if merged else {})
    record |= {} if edited else {WRITTEN: corrections.digest(faces)}
    return now != texts


def marks_of_tags(path: Path, record: TagRecord) -> str:
    """Return the marks of the renames after which a file of tags was written."""
    by = record.noted(path)
    return by.removeprefix(f"{RENAMED} ") if by.startswith(f"{RENAMED} ") else ""


def rename_tags(path: Path, renames: Renames, tagged: dict[Path, TagRecord]) -> bool:
    """Replace old names among tags, in either form of the file, and tell whether there was any.

    A file that a person wrote is left to that person. A merge leaves all as they are, so that it can be undone: whoever
    reads them replaces the names.
    """
    if not path.exists():
        return False
    record = tagged.setdefault(path.parent, TagRecord(path.parent))
    seen = atomic.bytes_of(path)
    text, marks = atomic.read_text(path), marks_of_tags(path, record)
    if any(step.is_merge for step in renames.steps_since(marks)):
        return False
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


def was_cut_short(root: Path, step: Step) -> bool:
    """Tell whether a step is the last one that was begun, and was not followed everywhere yet."""
    last = None
    for record in journal.read_lines(root / RECORD):
        last = None if DONE in record else step_of(record) or last
    return last is not None and (last.names, last.undoes) == ({**step.names}, step.undoes)


def remember(root: Path, step: Step) -> None:
    """Note a step, unless it was noted before it was cut short."""
    if not was_cut_short(root, step):
        journal.append_line(root / RECORD, step.record())


def finish(root: Path, step: Step) -> None:
    """Note that a step was followed everywhere, unless that is noted."""
    if was_cut_short(root, step):
        journal.append_line(root / RECORD, {DONE: True})


def hand_over(tree: Path, root: Path) -> None:
    """Note the renames of a tree in the dataset that its frames go back to, whose other frames need them then."""
    steps, known = read_steps(tree), in_force(read_steps(root))
    held, new = in_force(steps), list[Step]()
    for step in [*(step for step in steps if step.undoes), *held]:
        is_held = step.names in [one.names for one in known]
        if step.undoes and is_held and step.names not in [one.names for one in held]:
            new, known = [*new, step], without_merge(known, step.names)
        elif not step.undoes and not is_held:
            new.append(step)
    for step in new:
        journal.append_line(root / RECORD, step.record())
        finish(root, step)
