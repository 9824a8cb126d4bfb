"""Where the pictures of a tree stand now: where they were put, or where a person moved them."""

import os
from collections import Counter
from collections.abc import Callable, Collection, Hashable, Iterable, Mapping, Sequence
from pathlib import Path

from framekit.arrange.pictures import RETOUCHED, Pictures, digest_of, look_alike, same_bytes
from framekit.arrange.placements import Arranged, Key, Placed, metadata_digest
from framekit.dataset import frames, move
from framekit.dataset.move import Stamp
from framekit.files import journal, paths
from framekit.sidecars.renames import DONE, RECORD, Renames, renamed_part

FOLLOWED = "followed"  # key in the record of renames of a tree: dataset -> the last of its renames that was followed
MOVED = "moved"  # key in the record of renames: place -> where its frame stood before, and the marks of then
KeysOf = Callable[[Placed], Collection[Hashable]]
KeyOf = Callable[[Path], Hashable]
Fits = Callable[[Placed, Path], bool]


class Places:
    """The frames that are in a tree, each with what the journal says of it."""

    def __init__(self, arranged: Arranged, present: Iterable[Path], source: Path | None, pictures: Pictures) -> None:
        """`present` are the frames in the tree, `source` is the dataset that they come from, if it is known."""
        owners, by_file = arranged.owners(), known_files(arranged)
        self.source, self.pictures = source, pictures
        self.where: dict[Key, Path] = {}
        self.strays: list[Path] = []
        present = list(present)
        any_link = any(path.is_symlink() for path in present)
        by_lead = {lead: one for one in arranged.placed.values() for lead in leads(one, source)} if any_link else {}
        for path in present:
            owner = owners.get(path)
            if owner is None or is_another(path, owner, by_file) or self.is_another_link(path, owner, by_lead):
                self.strays.append(path)
            else:
                self.where[owner.key] = path
        self.missing = [one for one in arranged.placed.values() if one.key not in self.where]
        if self.missing and self.strays:
            self.where |= self.moved()

    def is_another_link(self, path: Path, owner: Placed, by_lead: Mapping[str, Placed]) -> bool:
        """Tell whether a person moved the link to another picture, with its X.json, to the place of `owner`.

        A link that alone was moved there is made anew: the files beside it are of the picture that belongs there.
        """
        lead = lead_of(path, self.source)
        other = by_lead.get(lead)
        if other is None or lead in leads(owner, self.source):
            return False
        held = metadata_digest(path)
        return held != owner.digests.tree or held == other.digests.tree

    def now(self, one: Placed) -> Path | None:
        """Return where a frame stands; None if it is not in the tree."""
        return self.where.get(one.key)

    def moved(self) -> dict[Key, Path]:
        """Return the frames that are not where they were put, and where a person moved them, surest first."""
        found: dict[Key, Path] = {}
        stamps = {path: move.stamp(path) for path in self.strays}
        digests: dict[Path, str] = {}

        def digest(path: Path) -> str:
            if path not in digests:
                digests[path] = digest_of(path, (stamps[path] or (0, 0))[0])
            return digests[path]

        def take(keys: KeysOf, key: KeyOf, sure: bool, fits: Fits = lambda one, path: True) -> None:
            missing = [one for one in reversed(self.missing) if one.key not in found]  # what was put last first
            taken = {*found.values()}
            free = [path for path in self.strays if path not in taken]
            found.update(pairs(missing, free, keys, key, fits) if not sure else only_pairs(missing, free, keys, key))

        take(lambda one: leads(one, self.source), lambda path: lead_of(path, self.source), sure=False)
        take(lambda one: [(one.place.name, one.picture.file)], lambda path: (path.name, stamps[path]), sure=False)
        take(lambda one: [one.picture.file], lambda path: stamps[path], sure=True)
        take(self.digests, digest, sure=True)
        take(lambda one: [one.place.name], lambda path: path.name, sure=False, fits=self.shows_origin)
        take(lambda one: [one.place.name], lambda path: path.name, sure=False, fits=self.is_as_large)
        return found

    def origin(self, one: Placed) -> Path | None:
        """Return the file in the dataset that a frame was made from, if it is there and still shows that picture."""
        path = paths.inside(self.source, one.origin) if self.source is not None else None
        if path is None or not path.is_file():
            return None
        picture = self.pictures.of(path, one.picture)
        return path if not one.picture.key or picture.key == one.picture.key else None

    def shows_origin(self, one: Placed, path: Path) -> bool:
        """Tell whether a file in the tree shows what the origin of a frame shows."""
        origin = self.origin(one)
        if origin is None:
            return False
        return origin.samefile(path) or same_bytes(origin, path) or look_alike(origin, path, RETOUCHED)

    def is_as_large(self, one: Placed, path: Path) -> bool:
        """Tell whether a file has the size that was placed, where no origin tells more; older journals note none."""
        found = move.stamp(path)
        return self.origin(one) is None and (
            not one.picture.key or (found is not None and found[0] == one.picture.file[0])
        )

    def digests(self, one: Placed) -> set[str]:
        """Return the digests that the file of a frame has wherever it is."""
        known = set() if one.picture.is_moment else {one.picture.key}
        origin = self.origin(one)
        return (known | ({digest_of(origin, origin.stat().st_size)} if origin else set())) - {""}


def known_files(arranged: Arranged) -> dict[Stamp, Placed]:
    """Return what was placed by the size and time of its file, as far as these tell one from all others."""
    files = Counter(one.picture.file for one in arranged.placed.values())
    return {
        one.picture.file: one for one in arranged.placed.values() if one.picture.key and files[one.picture.file] == 1
    }


def is_another(path: Path, owner: Placed, by_file: Mapping[Stamp, Placed]) -> bool:
    """Tell whether a person moved another picture to the place where `owner` had been put."""
    found = None if path.is_symlink() or not owner.picture.key else move.stamp(path)
    return found is not None and found != owner.picture.file and found in by_file


def leads(one: Placed, source: Path | None) -> set[str]:
    """Return what `lead_of` says of a link to the origin of a frame: its path, and the way there from its place."""
    if source is None:
        return set()
    origin = os.path.normpath(source.resolve() / one.origin)
    return {origin, os.path.relpath(origin, one.place.parent.resolve())}


def lead_of(path: Path, source: Path | None) -> str:
    """Return which file of the dataset a link leads to; what it says if it leads elsewhere, as after a move by hand."""
    if source is None or not path.is_symlink():
        return ""
    said = os.readlink(path)  # noqa: PTH115 - the text as it is
    there = os.path.normpath(path.parent.resolve() / said)
    return there if Path(there).is_relative_to(source.resolve()) else said


def pairs(missing: Iterable[Placed], free: Iterable[Path], keys: KeysOf, key: KeyOf, fits: Fits) -> dict[Key, Path]:
    """Return for each frame the first file of one of its keys that fits; no file is given twice."""
    files: dict[Hashable, list[Path]] = {}
    for path in free:
        files.setdefault(key(path), []).append(path)
    found: dict[Key, Path] = {}
    taken: set[Path] = set()
    for one in missing:
        known = [path for own in keys(one) for path in files.get(own, ())]
        for path in known:
            if path not in taken and fits(one, path):
                found[one.key] = path
                taken.add(path)
                break
    return found


def only_pairs(missing: Sequence[Placed], free: Iterable[Path], keys: KeysOf, key: KeyOf) -> dict[Key, Path]:
    """Return the frames and files that have a key which no other frame, and no other file, has."""
    ones = Counter(own for one in missing for own in keys(one))
    known = [(key(path), path) for path in free]
    files = Counter(own for own, _ in known)
    only = {own: path for own, path in known if files[own] == ones[own] == 1}
    return {one.key: only[own] for one in missing for own in keys(one) if own in only}


def read_moved(root: Path, source: str) -> dict[str, tuple[str, str]]:
    """Return for the places of frames whose folders were renamed where they stood before, and the marks of then.

    `source` is the dataset whose renames these were, "" for those of the folder itself.
    """
    stood: dict[str, tuple[str, str]] = {}
    left: set[str] = set()
    for record in journal.read_lines(root / RECORD):
        held = record.get(MOVED)
        pairs = [*held.items()] if isinstance(held, dict) else []
        moved = {now: tuple(map(str, one)) for now, one in pairs if isinstance(one, list) and len(one) == 2}
        known = {before: stood.get(before, (before, marks)) for before, marks in moved.values()}
        left = (left | {*known}) - {*moved}
        stood |= {now: known[before] for now, (before, _) in moved.items() if record.get("of") == source}
        if (FOLLOWED if source else DONE) in record:  # until then a kill may have left some where they stood
            stood = {now: one for now, one in stood.items() if now not in left}
    return stood


def renamed_homes(root: Path, held: Mapping[Path, str], renames: Renames, source: str) -> dict[Path, Path]:
    """Return the folders of frames with old names replaced in those of their parts that name characters, if others.

    `held` tells for each frame after which renames of `source`, "" for the folder itself, it stands where it does. A
    frame that stands where a rename brought it is seen from where it stood before, to which an undone merge leads back.
    """
    before, inside = read_moved(root, source), paths.Root(root)
    homes: dict[Path, Path] = {}
    for frame, marks in held.items():
        place = frames.relative_name(frame, root)
        stood, at = before.get(place, (place, marks))
        if inside.inside(stood) is None:
            continue
        folder = root.joinpath(*(renamed_part(part, renames.since(at)) for part in Path(stood).parent.parts))
        if folder != frame.parent:
            homes[frame] = folder
    return homes


def note_ways(
    root: Path, ways: Mapping[Path, Path], held: Mapping[Path, str], renames: Renames, source: str = ""
) -> None:
    """Note where frames go to that stand in renamed folders, before any does.

    After a kill in an exchange of names nothing else tells a frame that came to a folder from one that is to leave it.
    """
    moved = {
        frames.relative_name(target, root): (frames.relative_name(frame, root), held[frame])
        for frame, target in ways.items()
    }
    if moved:
        journal.append_line(root / RECORD, {MOVED: moved, "of": source})
