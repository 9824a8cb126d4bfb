"""Where the frames of a dataset stand in an arranged tree: the journal, what people moved, and the way back."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from framekit import frames, metadata, moves, sidecar
from framekit.placements import JOURNAL, Placed, metadata_digest, read_journal, write_placement

REPLACED = f"{sidecar.REMOVED}/replaced"
FLATTENED = f"{sidecar.REMOVED}/flattened"


@dataclass(frozen=True)
class Standing:
    """A frame to arrange: its file, its path in the dataset (`origin`), where it was put, and where it stands now.

    `put.place` and `now` differ when a person moved it in the tree; `now` is None when it isn't there.
    """

    frame: Path
    origin: str
    put: Placed | None = None
    now: Path | None = None


def joined_metadata(frame: Path, other: Path | None, put: Placed | None) -> dict[str, Any]:
    """Return the content of X.json of a frame of the dataset that may also stand in the tree as `other`.

    Where only one of the two changed since it was placed, that one counts; where both did, the newer one with the
    corrections of both. Raises BadSidecar if it is missing or damaged.
    """
    places = [sidecar.sidecar(path, sidecar.METADATA) for path in dict.fromkeys((frame, other)) if path is not None]
    present = [path for path in places if path.exists()]
    if not present:
        raise sidecar.BadSidecar(f"no {places[0].name}; run generate_metadata.py")
    versions = [sidecar.read_json(path) for path in present]
    there, here = put.digests if put else ("", "")
    if len(versions) == 1 or versions[0] == versions[1] or sidecar.digest(versions[1]) == there == here:
        return versions[0]
    if sidecar.digest(versions[0]) == here:
        return versions[1]
    older, newer = sorted(zip([path.stat().st_mtime_ns for path in present], (0, 1), strict=True))
    return metadata.join_corrections(versions[newer[1]], versions[older[1]])


def bring(frame: Path, target: Path, keep_source: bool, shelf: Path, put: Placed | None = None) -> None:
    """Bring a frame with its sidecars to its target; where both have an X.json, their corrections are joined.

    `put` says that the frame was brought there before. Raises BadSidecar if an X.json is damaged; nothing moved then.
    """
    here, there = (sidecar.sidecar(path, sidecar.METADATA) for path in (frame, target))
    both = here.exists() and there.exists()
    if both:
        joined = joined_metadata(frame, target, put)
        if joined != sidecar.read_json(there):
            sidecar.write_whole(there, metadata.metadata_text(joined))
        if not keep_source:
            moves.shelve(here, shelf)
    same_frame = put is not None and put.place == target
    moves.place_frame(frame, target, keep_source, shelf, settled=here if both else None, same_frame=same_frame)


def standings(source: Path, tree: Path, limit: int = 0, moving: bool = False) -> list[Standing]:
    """Return the frames of `source` as they stand in the tree; source and tree may be the same folder.

    `moving` adds the frames that left the source for the tree before.
    """
    placed = read_journal(tree).placed
    found = frames.find_frames(source, limit)
    present = found if source == tree and not limit else frames.find_frames(tree) if tree.is_dir() else []
    origin_at = {one.place: origin for origin, one in placed.items()}
    if source == tree:
        return [standing_in_place(path, tree, placed, origin_at) for path in found]
    strays = {path.name: path for path in present if path not in origin_at}
    result = []
    for path in found:
        origin = path.relative_to(source).as_posix()
        put = placed.get(origin)
        now = None if put is None else put.place if put.place.exists() else strays.get(put.place.name)
        result.append(Standing(path, origin, put, now))
    origins = {one.origin for one in result}
    left = [path for path in present if moving and origin_at.get(path, "") in placed.keys() - origins]
    return result + [Standing(path, origin_at[path], placed[origin_at[path]], path) for path in left]


def standing_in_place(path: Path, tree: Path, placed: dict[str, Placed], origin_at: dict[Path, str]) -> Standing:
    """Return how a frame stands that is arranged in place: as put, at its origin, moved by hand, or new."""
    own = path.relative_to(tree).as_posix()
    origin = origin_at.get(path)
    if origin is None and own not in placed:
        gone = (other for other, one in placed.items() if one.place.name == path.name and not one.place.exists())
        origin = next((other for other in gone if not (tree / other).exists()), None)
    origin = origin or own
    return Standing(path, origin, placed.get(origin), path)


def finish_interrupted(source: Path, tree: Path, keep_source: bool) -> None:
    """Complete the last placement if a kill cut it short. The frame moves last, so it isn't at its target then."""
    unfinished = read_journal(tree).unfinished
    if unfinished is None:
        return
    origin, before, target = unfinished
    starts = [(before.place, False)] if before else []
    starts += [(start, keep_source)] if (start := moves.inside(source, origin)) else []
    for start, keep in starts:
        if start.exists() and start != target and not target.exists():
            try:
                bring(start, target, keep, tree / REPLACED, before)
            except sidecar.BadSidecar:
                return  # listed when its turn comes
    if target.exists():
        write_placement(origin, target, tree, before.digests if before else ("", ""))


def place(standing: Standing, target: Path, tree: Path, keep_source: bool) -> None:
    """Bring a frame to its target, noted before and after; a copy in the tree is moved there first.

    Raises BadSidecar if an X.json is damaged.
    """
    put = standing.put
    if put is None or target != put.place:
        write_placement(standing.origin, target, tree)
    if standing.now is not None and standing.now != target:
        bring(standing.now, target, False, tree / REPLACED, put)
    if standing.frame.exists() and standing.frame != target:
        bring(standing.frame, target, keep_source, tree / REPLACED, put)
    now = Placed(target, (metadata_digest(target), metadata_digest(standing.frame) if standing.frame != target else ""))
    if now != put:
        write_placement(standing.origin, target, tree, now.digests)


class Stems:
    """The stems that are taken in each folder of a tree, so that no frame ever overwrites another."""

    def __init__(self, present: Iterable[Path]) -> None:
        """Start with these files: frames, or sidecars without their frame."""
        self.taken = {(path.parent, moves.stem_of(path.name).casefold()) for path in present}

    def reserve(self, wished: Path) -> Path:
        """Return the wished place, or `X_2.png`, `X_3.png` … if its stem is taken; from then on it is."""
        place, number = wished, 1
        while (place.parent, place.stem.casefold()) in self.taken:
            number += 1
            place = wished.with_name(f"{wished.stem}_{number}{wished.suffix}")
        self.taken.add((place.parent, place.stem.casefold()))
        return place


def flatten(tree: Path, destination: Path) -> tuple[int, list[tuple[Path, str]]]:
    """Bring every frame of the tree back to where it came from, below `destination`.

    Returns how many there are, and those that stay because an X.json is damaged. A frame that is there already, byte
    for byte, gets the corrections of both; another frame of that name stays beside it.
    """
    standing = standings(tree, tree)
    stems = Stems(frames.find_frames(destination) if destination.is_dir() else [])
    damaged: list[tuple[Path, str]] = []
    for one in standing:
        target = moves.inside(destination, one.origin) or destination / one.frame.name
        if target == one.frame:
            continue
        if not (target.exists() and moves.same_file(one.frame, target)):
            target = stems.reserve(target)
        try:
            bring(one.frame, target, False, destination / REPLACED, one.put)
        except sidecar.BadSidecar as error:
            damaged.append((one.frame, str(error)))
    if not damaged:
        for path in [*visible_files(tree, sidecar.MULTIPLY), *filter(Path.exists, [tree / JOURNAL])]:
            moves.shelve(path, tree / FLATTENED / path.relative_to(tree).parent)
    moves.remove_empty_folders(tree)
    return len(standing) - len(damaged), damaged


def visible_files(tree: Path, name: str = "*") -> list[Path]:
    """Return the files of this name below the tree, those in hidden folders left out."""
    found = (path for path in tree.rglob(name) if path.is_file())
    return [path for path in found if not any(part.startswith(".") for part in path.relative_to(tree).parts)]
