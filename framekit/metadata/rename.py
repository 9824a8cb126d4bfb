"""Characters renamed everywhere in a dataset: who is met there, who is not, and who would become one with another."""

from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path

from framekit import console, errors
from framekit.arrange.folders import characters_named
from framekit.dataset.removed import removed_now
from framekit.files.names import METADATA, nfc, sidecar
from framekit.files.tables import read_rows
from framekit.metadata.join import tag_lines
from framekit.sidecars import metadata
from framekit.sidecars.episode import Episodes
from framekit.sidecars.metadata import NOBODY, refuse_name
from framekit.sidecars.read import read_sidecars
from framekit.sidecars.renames import (
    NAMING,
    Names,
    Renames,
    Step,
    composed,
    in_force,
    read_steps,
    remember,
    rename_metadata,
    rename_sidecars,
    renamed,
    was_cut_short,
)
from framekit.sidecars.tags import TagRecord


def read_step(words: Sequence[str] | None, is_merge: bool, undoes: bool) -> Step:
    """Return the step with these old and new names: none, two words, or a table with lines `old,new`.

    Raises UsageError for anything else.
    """
    if not words:
        return Step({})
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
    return Step({old: new for old, (new, _) in names.items()}, is_merge, undoes)


def check_renames(root: Path, found: Sequence[Path], step: Step) -> tuple[list[str], bool]:
    """Return a sentence for each old name that nobody has, nor had before; and whether there is anything to rename.

    There is not where all that was done already, as when a command is given again.

    Raises UsageError where nobody at all would be renamed, where two characters would become one without a merge, and
    where nothing tells what a merge took that is to be undone.
    """
    names = step.names
    if not names or was_cut_short(root, step):
        return [], bool(names)
    if step.undoes:
        return [], check_undoing(root, names)
    known = read_steps(root)
    held, before = names_held(root, found), composed(one.names for one in in_force(known))
    unmet = [old for old, new in names.items() if old not in held and before.get(old) != new]
    sentences = [f"nobody there is called {old}{console.nearest(old, held, '')}" for old in unmet]
    if len(unmet) == len(names):
        raise errors.UsageError(f"--rename: {'; '.join(sentences)}")
    bearers = {one.casefold(): one for one in held if one not in names}  # new name, in whatever case -> who has it
    for old, new in names.items():
        bearer = bearers.setdefault(new.casefold(), old) if old in held else old
        if bearer != old and not step.is_merge:
            other = f"{bearer} is to be {new} too" if bearer in names else f"{bearer} is somebody there already"
            raise errors.UsageError(f"--rename: {other}; give another name, or --merge_names if {old} is the same one")
    merges = [{**one.names} for one in in_force(known) if one.is_merge]
    if merges and merges[-1] == {new: old for old, new in names.items()}:
        [*_, (new, old)] = names.items()
        sentences.append(
            f"all frames of {new} are called {old} now; --rename {old} {new} --undo instead gives back to each its own"
        )
    return sentences, not held.isdisjoint(names)


def check_undoing(root: Path, names: Names) -> bool:
    """Tell whether there is a merge of these names to undo; not where it was undone before.

    Raises UsageError where there was none, or none that was noted in sidecars, or where another one came after it.
    """
    steps = read_steps(root)
    held = in_force(steps)
    merges = [one.names for one in held if one.is_merge]
    words = ", ".join(f"{old} {new}" for old, new in names.items())
    if merges and merges[-1] == names:
        return True
    if names in merges:
        last = " ".join(f"{old} {new}" for old, new in merges[-1].items())
        raise errors.UsageError(f"--undo: another merge came after it; undo that first: --rename {last} --undo")
    if any(one.names == names for one in held):
        raise errors.UsageError(
            f"--undo: the rename {words} noted no merge, so which frames had which name cannot be known; rename the"
            " other way round, which gives the old name to all"
        )
    if any(one.undoes and one.names == names for one in steps):
        return False
    raise errors.UsageError(f"--undo: there was no --rename {words} --merge_names in {root}; give it as it was given")


def names_held(root: Path, found: Iterable[Path]) -> set[str]:
    """Return all texts of a dataset that may be names: in metadata, names, tags and folders, and of removed frames.

    Damaged files say none.
    """
    episodes, renames, held = Episodes(), Renames(root), set[str]()
    for frame, was in [*((frame, frame) for frame in found), *((now, was) for was, now, _ in removed_now(root))]:
        held |= characters_named(was.parent.relative_to(root))
        path = sidecar(frame, METADATA)
        try:
            values = metadata.read_own(path) if path.exists() else {}
            held |= {one for key in NAMING for one in metadata.texts(values, key)}
            known = read_sidecars(frame, episodes)
        except errors.BadSidecar:
            continue
        of_tags = tag_lines(known, renames).values()
        texts = [*known.named.inferred, *known.named.names.values()]
        held |= {*renamed(texts, renames.since(known.named.renamed)), *(one for told in of_tags for one in told)}
    return {nfc(one) for one in held} - {*NOBODY}


def rename_all(root: Path, found: Sequence[Path], step: Step) -> tuple[set[Path], list[tuple[Path, str]]]:
    """Note a step, and follow it in the sidecars; return the frames with an old name there, and the unreadable.

    Removed frames take part, since they may come back to a place where nobody generates anything anew.
    """
    remember(root, step)
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
