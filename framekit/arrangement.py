"""Where the frames of a dataset stand in an arranged tree: the journal, what people moved, and the way back."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from framekit import frames, metadata, moves, sidecar

JOURNAL = ".arranged.jsonl"
REPLACED = f"{sidecar.REMOVED}/replaced"
FLATTENED = f"{sidecar.REMOVED}/flattened"


@dataclass(frozen=True)
class Standing:
    """A frame to arrange: its file, its path in the dataset (`origin`), where it was put, and where it stands now.

    `put` and `now` differ when a person moved it in the tree; `now` is None when it isn't there.
    """

    frame: Path
    origin: str
    put: Path | None = None
    now: Path | None = None


def joined_metadata(frame: Path, other: Path | None) -> dict[str, Any]:
    """Return the content of X.json of a frame that may stand in two places, with the corrections of both.

    Raises BadSidecar if it is missing or damaged.
    """
    places = [sidecar.sidecar(path, sidecar.METADATA) for path in dict.fromkeys((frame, other)) if path is not None]
    present = sorted((path for path in places if path.exists()), key=lambda path: path.stat().st_mtime_ns)
    if not present:
        raise sidecar.BadSidecar(f"no {places[0].name}; run generate_metadata.py")
    versions = [sidecar.read_json(path) for path in present]
    return versions[0] if len(versions) == 1 else metadata.join_corrections(versions[1], versions[0])


def bring(frame: Path, target: Path, keep_source: bool, shelf: Path) -> None:
    """Bring a frame to its target like `moves.place_frame`, but join the corrections of two X.json."""
    here, there = (sidecar.sidecar(path, sidecar.METADATA) for path in (frame, target))
    if here.exists() and there.exists():
        joined = metadata.metadata_text(joined_metadata(frame, target))
        if there.read_bytes() != joined.encode():
            sidecar.write_whole(there, joined)
    moves.place_frame(frame, target, keep_source, shelf)


def read_journal(tree: Path) -> list[tuple[str, Path]]:
    """Return (path in the dataset, place in the tree) of each placement, oldest first; none leads out of the tree."""
    lines = ((record.get("frame"), moves.inside(tree, record.get("to"))) for record in moves.read_lines(tree / JOURNAL))
    return [(origin, where) for origin, where in lines if isinstance(origin, str) and where is not None]


def standings(source: Path, tree: Path, limit: int = 0) -> list[Standing]:
    """Return the frames of `source` as they stand in the tree; source and tree may be the same folder."""
    placed = dict(read_journal(tree))
    found = frames.find_frames(source, limit)
    present = found if source == tree and not limit else frames.find_frames(tree) if tree.is_dir() else []
    origin_at = {place: origin for origin, place in placed.items()}
    strays = {path.name: path for path in present if path not in origin_at}
    if source == tree:
        gone = {place.name: origin for origin, place in placed.items() if not place.exists()}
        own = ((path, origin_at.get(path) or gone.get(path.name)) for path in found)
        return [
            Standing(path, origin or path.relative_to(tree).as_posix(), placed.get(origin or ""), path)
            for path, origin in own
        ]
    result = []
    for path in found:
        origin = path.relative_to(source).as_posix()
        put = placed.get(origin)
        now = None if put is None else put if put.exists() else strays.get(put.name)
        result.append(Standing(path, origin, put, now))
    return result


def finish_interrupted(source: Path, tree: Path, keep_source: bool) -> str | None:
    """Complete the last placement if a kill cut it short; return its origin, None if nothing was ever placed."""
    journal = read_journal(tree)
    if not journal:
        return None
    origin, target = journal[-1]
    earlier = [place for other, place in journal[:-1] if other == origin and place != target]
    starts = [(place, False) for place in earlier[-1:]] + [(source / origin, keep_source)]
    for start, keep in starts:
        if start.exists() and start != target and not target.exists() and moves.frame_files(target):
            bring(start, target, keep, tree / REPLACED)
    return origin


class Stems:
    """The stems that are taken in each folder of a tree, so that no frame ever overwrites another."""

    def __init__(self, present: Sequence[Path]) -> None:
        """Start with the frames that are there."""
        self.taken = {self.key(path) for path in present}

    @staticmethod
    def key(path: Path) -> tuple[Path, str]:
        """Return what two frames that would share sidecars have in common."""
        return path.parent, path.stem.casefold()

    def reserve(self, wished: Path) -> Path:
        """Return the wished place, or `X_2.png`, `X_3.png` … if its stem is taken; from then on it is."""
        place, number = wished, 1
        while self.key(place) in self.taken:
            number += 1
            place = wished.with_name(f"{wished.stem}_{number}{wished.suffix}")
        self.taken.add(self.key(place))
        return place


def place(standing: Standing, target: Path, tree: Path, keep_source: bool) -> None:
    """Write the placement down, then bring the frame to its target; a copy in the tree is moved there first."""
    if target != standing.put:
        moves.append_line(tree / JOURNAL, {"frame": standing.origin, "to": target.relative_to(tree).as_posix()})
    if standing.now is not None and standing.now != target:
        bring(standing.now, target, False, tree / REPLACED)
    if standing.frame.exists() and standing.frame != target:
        bring(standing.frame, target, keep_source, tree / REPLACED)


def flatten(tree: Path, destination: Path) -> int:
    """Bring every frame of the tree back to where it came from, below `destination`; return how many there were.

    A frame that is there already, byte for byte, gets the newer sidecars; another frame of that name stays beside it.
    """
    standing = standings(tree, tree)
    for one in standing:
        origin = moves.inside(destination, one.origin) or destination / one.frame.name
        if origin.exists() and origin != one.frame and not moves.same_file(one.frame, origin):
            origin = moves.free_target(origin)
        if origin != one.frame:
            bring(one.frame, origin, False, destination / REPLACED)
    for multiply in [*tree.rglob(sidecar.MULTIPLY), tree / JOURNAL]:
        relative = multiply.relative_to(tree)
        if multiply.exists() and not any(part.startswith(".") for part in relative.parts[:-1]):
            moves.shelve(multiply, tree / FLATTENED / relative.parent)
    moves.remove_empty_folders(tree)
    return len(standing)
