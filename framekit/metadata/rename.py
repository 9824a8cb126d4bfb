"""Characters that a person renamed: everywhere now, and whenever something is generated again."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from framekit import console, errors
from framekit.arrange.folders import folder_name
from framekit.arrange.place import REPLACED, follow_factors
from framekit.arrange.placements import JOURNAL, placement, read_journal
from framekit.dataset import frames, move
from framekit.dataset.move import Stems, visible_files
from framekit.files import atomic, journal
from framekit.files.atomic import MOVE
from framekit.files.journal import Journal
from framekit.files.names import CHARACTERS, TAGS, nfc, sidecar
from framekit.files.tables import read_rows
from framekit.sidecars import corrections
from framekit.sidecars.corrections import WRITTEN
from framekit.sidecars.tags import TagRecord

RECORD = ".renamed.jsonl"
RENAMED = "renamed"  # key in sidecars: the mark of the renames after which they were written
Names = Mapping[str, str]


"""Old name -> new name."""


def read_renames(words: Sequence[str]) -> dict[str, str]:
    """Return old and new names: two words, or a table with lines `old,new`. Raises UsageError for anything else."""
    from framekit.sidecars.metadata import NOBODY, refuse_name  # not needed for --help, which must be fast

    if len(words) == 1 and (words[0].lower().endswith((".csv", ".tsv", ".txt")) or Path(words[0]).is_file()):
        rows = read_rows(Path(words[0]), "old,new", (2, 2), unique=True)
        names = {row.cells[0]: (row.cells[1], row.place) for row in rows}
    elif len(words) == 2:
        names = {nfc(words[0]): (nfc(words[1]), "--rename")}
    else:
        raise errors.UsageError("--rename needs an old and a new name, or a CSV file with lines old,new")
    for old, (new, where) in names.items():
        refuse_name(new, where)
        if old in NOBODY:
            raise errors.UsageError(f"{where}: {old or 'an empty name'} cannot be renamed, it stands for nobody")
    return {old: new for old, (new, _) in names.items()}


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


class Renames:
    """All renames of a dataset. What was written after some of them needs only those that came later."""

    def __init__(self, root: Path) -> None:
        """Read the record of the dataset."""
        self.batches = read_batches(root)
        self.marks = [""]
        for batch in self.batches:
            self.marks.append(atomic.digest([self.marks[-1], batch]))
        self.known: dict[int, dict[str, str]] = {}

    @property
    def mark(self) -> str:
        """Return what tells all these renames from those of another dataset; nothing without any."""
        return self.marks[-1]

    def since(self, mark: Any) -> dict[str, str]:
        """Return what becomes of a name that was written with this mark; one of another dataset counts as none."""
        start = self.marks.index(mark) if mark in self.marks else 0
        if start not in self.known:
            self.known[start] = composed(self.batches[start:])
        return self.known[start]


def remember(root: Path, names: Names) -> None:
    """Note a rename, unless it is the last one and was cut short."""
    last = list(journal.read_lines(root / RECORD))[-1:]
    if last != [{"names": {**names}}]:
        journal.append_line(root / RECORD, {"names": {**names}})


def finish(root: Path) -> None:
    """Note that the last rename was followed everywhere."""
    journal.append_line(root / RECORD, {"done": True})


def renamed(values: Iterable[str], names: Names) -> list[str]:
    """Return texts with old names replaced."""
    return [names.get(nfc(value), value) for value in values]


def rename_values(values: Mapping[str, Any], renames: Renames) -> dict[str, Any]:
    """Return the content of X.json with old names replaced; what was generated still counts as generated."""
    names, changed = renames.since(values.get(RENAMED)), dict(values)
    if not names:
        return changed
    edited, noted = corrections.edited_fields(values), corrections.noted_digests(values)
    for key in ("characters", "inferred", "tags"):
        if isinstance(changed.get(key), list):
            changed[key] = [names.get(nfc(one), one) if isinstance(one, str) else one for one in changed[key]]
            noted |= {} if key in edited else {key: corrections.digest(changed[key])}
    noted[RENAMED] = corrections.digest(renames.mark)
    rest = {key: value for key, value in changed.items() if key not in (RENAMED, WRITTEN)}
    return {**rest, RENAMED: renames.mark, WRITTEN: noted}


def rename_sidecars(frame: Path, renames: Renames, tagged: dict[Path, TagRecord]) -> None:
    """Replace old names in X.characters.json and X.png.tags; what a person corrected there still counts as such.

    Raises BadSidecar.
    """
    path = sidecar(frame, CHARACTERS)
    if path.exists():
        record = atomic.read_json(path)
        names, faces = renames.since(record.get(RENAMED)), record.get("faces")
        if names and isinstance(faces, list) and all(isinstance(face, dict) for face in faces):
            edited = corrections.is_edited(faces, (record.get(WRITTEN),))
            for face in faces:
                face["name"] = names.get(nfc(str(face.get("name"))), face.get("name"))
            record |= {RENAMED: renames.mark} | ({} if edited else {WRITTEN: corrections.digest(faces)})
            atomic.write_json(path, record)
    rename_tags(sidecar(frame, TAGS), renames, tagged)


def mark_of_tags(path: Path, record: TagRecord) -> str:
    """Return the mark of the renames after which a file of tags was written."""
    by = record.noted(path)
    return by.removeprefix(f"{RENAMED} ") if by.startswith(f"{RENAMED} ") else ""


def rename_tags(path: Path, renames: Renames, tagged: dict[Path, TagRecord]) -> None:
    """Replace old names among tags, in either form of the file; one that a person wrote is left to that person."""
    if not path.exists():
        return
    record = tagged.setdefault(path.parent, TagRecord(path.parent))
    text, names = atomic.read_text(path), renames.since(mark_of_tags(path, record))
    changed = renamed_tags(text, names)
    if changed != text and not record.is_edited(path):
        record.write(path, changed, f"{RENAMED} {renames.mark}")


def renamed_tags(text: str, names: Names) -> str:
    """Return the text of a file of tags with old names replaced; lines without them stay as they are."""
    lines = []
    for line in text.splitlines():
        head, colon, rest = line.partition(":")
        start, told = (f"{head}: ", rest) if colon and head.strip().lower() == "character" else ("", line)
        words = [word.strip() for word in told.split(",")]
        lines.append(start + ", ".join(renamed(words, names)) if renamed(words, names) != words else line)
    return "\n".join(lines) + "\n" * text.endswith("\n")


def rename_all(root: Path, found: Sequence[Path], words: Sequence[str]) -> list[tuple[Path, str]]:
    """Note a rename, and follow it in the sidecars; return those that could not be read."""
    remember(root, read_renames(words))
    renames = Renames(root)
    tagged: dict[Path, TagRecord] = {}
    unreadable: list[tuple[Path, str]] = []
    for frame in console.progress(found, len(found), "frame", "renaming"):
        try:
            rename_sidecars(frame, renames, tagged)
        except errors.BadSidecar as error:
            unreadable.append((frame, f"nobody was renamed there: {error}"))
    return unreadable


def rename_folders(root: Path, names: Names) -> int:
    """Move frames out of folders with an old name in theirs; return how many. A hand-sorted frame stays one."""
    by_folder = {folder_name(old): folder_name(new) for old, new in names.items()}

    def new_part(part: str) -> str:
        words = nfc(part).split("+")
        return "+".join(sorted(by_folder.get(word, word) for word in words)) if {*words} & {*by_folder} else part

    found = frames.find_frames(root, unusable=[])  # listed by the caller
    moving = {frame: Path(*map(new_part, frame.parent.relative_to(root).parts)) for frame in found}
    moving = {frame: folder for frame, folder in moving.items() if root / folder != frame.parent}
    if not moving:
        return 0
    origins = {one.place: (origin, one) for origin, one in read_journal(root).placed.items()}
    stems = Stems(visible_files(root))
    with Journal(root / JOURNAL) as journal:
        for frame, folder in moving.items():
            target = stems.reserve(root / folder / frame.name)
            origin, put = origins.get(frame, ("", None))
            if put:
                journal.append(placement(origin, target, root))
            move.place_frame(frame, target, MOVE, root / REPLACED)
            if put:
                journal.append(placement(origin, target, root, put.digests))
    follow_factors(root, {(frame.parent, root / folder) for frame, folder in moving.items()})
    move.remove_empty_folders(root)
    return len(moving)
