"""Characters renamed everywhere in a dataset: who is met there, who is not, and who would become one with another."""

from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path

from framekit import console, errors
from framekit.arrange.folders import characters_named
from framekit.dataset.removed import removed_now
from framekit.files.names import METADATA, nfc, sidecar
from framekit.files.tables import read_rows
from framekit.sidecars import metadata
from framekit.sidecars.episode import Episodes
from framekit.sidecars.metadata import NOBODY, refuse_name
from framekit.sidecars.read import read_sidecars
from framekit.sidecars.renames import (
    NAMING,
    Names,
    Renames,
    composed,
    read_batches,
    remember,
    rename_metadata,
    rename_sidecars,
    was_cut_short,
)
from framekit.sidecars.tags import TagRecord


def read_renames(words: Sequence[str]) -> dict[str, str]:
    """Return old and new names: two words, or a table with lines `old,new`. Raises UsageError for anything else."""
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


def check_renames(root: Path, found: Sequence[Path], names: Names, merge: bool) -> tuple[list[str], bool]:
    """Return a sentence for each old name that nobody has, nor had before; and whether there is anything to rename.

    There is not where all that was done already, as when a command is given again.

    Raises UsageError where nobody at all would be renamed, or where two characters would become one, unless they are
    to `merge`.
    """
    if not names or was_cut_short(root, names):
        return [], bool(names)
    held, before = names_held(root, found), composed(read_batches(root))
    unmet = [old for old, new in names.items() if old not in held and before.get(old) != new]
    sentences = [f"nobody there is called {old}{console.nearest(old, held, '')}" for old in unmet]
    if len(unmet) == len(names):
        raise errors.UsageError(f"--rename: {'; '.join(sentences)}")
    known: dict[str, str] = {one: one for one in held if one not in names}  # new name -> who has it
    for old, new in names.items():
        if old in held and known.setdefault(new, old) != old and not merge:
            other = f"{new} is somebody there already" if known[new] == new else f"{known[new]} is to be {new} too"
            raise errors.UsageError(
                f"--rename: {other}, and {old} could not be told from them any more;"
                " give another name, or --merge_names if they are one"
            )
    return sentences, not held.isdisjoint(names)


def names_held(root: Path, found: Iterable[Path]) -> set[str]:
    """Return all texts of a dataset that may be names: in metadata, names, tags and folders, and of removed frames.

    Damaged files say none.
    """
    episodes, held = Episodes(), set[str]()
    for frame, was in [*((frame, frame) for frame in found), *((now, was) for was, now, _ in removed_now(root))]:
        held |= characters_named(was.parent.relative_to(root))
        path = sidecar(frame, METADATA)
        try:
            values = metadata.read_own(path) if path.exists() else {}
            held |= {one for key in NAMING for one in metadata.texts(values, key)}
            known = read_sidecars(frame, episodes)
        except errors.BadSidecar:
            continue
        told = [*known.tagged.values(), *known.told.values(), known.named.inferred, known.named.names.values()]
        held |= {one for texts in told for one in texts}
    return {nfc(one) for one in held} - {*NOBODY}


def rename_all(root: Path, found: Sequence[Path], names: Names) -> tuple[set[Path], list[tuple[Path, str]]]:
    """Note a rename, and follow it in the sidecars; return the frames with an old name there, and the unreadable.

    Removed frames take part, since they may come back to a place where nobody generates anything anew.
    """
    remember(root, names)
    renames = Renames(root)
    tagged: dict[Path, TagRecord] = {}
    changed: set[Path] = set()
    unreadable: list[tuple[Path, str]] = []
    for frame in console.progress(found, len(found), "frame", "renaming"):
        try:
            changed |= {frame} if rename_sidecars(frame, renames, tagged) else set()
        except errors.BadSidecar as error:
            unreadable.append((frame, f"nobody was renamed there: {error}"))
    for _, where, _ in removed_now(root):
        with suppress(errors.BadSidecar):  # who restores the frame is told
            rename_sidecars(where, renames, tagged)
            rename_metadata(where, renames)
    return changed, unreadable
