"""The journal of an arranged tree: where each frame of the dataset was put, and how its metadata was then."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from framekit import errors
from framekit.dataset import frames
from framekit.dataset.frames import LeftOut, relative_name
from framekit.files import atomic, journal, names, paths
from framekit.files.names import nfc, on_disk

JOURNAL = ".arranged.jsonl"


class MetadataDigests(NamedTuple):
    """The digests of a frame's X.json in the tree and in the dataset; "" for none, or a damaged one."""

    tree: str = ""
    dataset: str = ""


NO_DIGESTS = MetadataDigests()


@dataclass(frozen=True)
class Placed:
    """Where a frame was put in the tree, and the digests of its metadata then; `written` is what the journal says."""

    place: Path
    digests: MetadataDigests = NO_DIGESTS
    written: str = field(default="", compare=False)


@dataclass(frozen=True)
class Journal:
    """What .arranged.jsonl says: the last placement of each frame, and the one that a kill may have cut short."""

    placed: dict[str, Placed]
    unfinished: tuple[str, Placed | None, Path] | None = None  # origin, where it was before, where it should be


def read_journal(tree: Path) -> Journal:
    """Read the journal; records that would lead out of the tree are passed over.

    Each placement is two lines: one before anything moves, and one after, with the digests of the metadata.
    """
    placed: dict[str, Placed] = {}
    unfinished: tuple[str, Placed | None, Path] | None = None
    root = paths.Root(tree)
    for record in journal.read_lines(tree / JOURNAL):
        origin = nfc(record["frame"]) if isinstance(record.get("frame"), str) else None
        before = placed.get(origin) if origin is not None else None
        place = before.place if before and record.get("to") == before.written else root.inside(record.get("to"))
        if place is None or origin is None or (before is None and root.inside(origin) is None):
            continue
        noted, written = record.get("metadata"), record["to"]
        if isinstance(noted, list) and len(noted) == 2:
            placed[origin], unfinished = Placed(place, MetadataDigests(str(noted[0]), str(noted[1])), written), None
        else:
            placed[origin] = Placed(place, before.digests if before else NO_DIGESTS, written)
            unfinished = (origin, before, place)
    return Journal(placed, unfinished)


def metadata_digest(frame: Path) -> str:
    """Return the digest of a frame's X.json, "" if it is missing or damaged."""
    try:
        return atomic.digest(atomic.read_json(names.sidecar(frame, names.METADATA)))
    except errors.BadSidecar:
        return ""


def placement(origin: str, target: Path, tree: Path, digests: MetadataDigests | None = None) -> dict[str, Any]:
    """Return a record of the journal; a finished placement notes the digests of the metadata."""
    record: dict[str, Any] = {"frame": origin, "to": relative_name(target, tree)}
    return record | ({"metadata": digests} if digests else {})


@dataclass(frozen=True)
class FrameLocation:
    """A frame to arrange: its file, its path in the dataset (`origin`), where it was put, and where it stands now.

    `put.place` and `now` differ when a person moved it in the tree; `now` is None when it isn't there.
    """

    frame: Path
    origin: str
    put: Placed | None = None
    now: Path | None = None


def frame_locations(
    source: Path, tree: Path, unusable: list[tuple[Path, str]], limit: int = 0, moving: bool = False
) -> list[FrameLocation]:
    """Return the frames of `source` as they stand in the tree; source and tree may be the same folder.

    `moving` adds the frames that left the source for the tree before. What cannot be used, on either side, stays as it
    is, and is added to `unusable` with the reason.
    """
    found = frames.find_frames(source, limit, unusable)
    present = frames.find_frames(tree, unusable=unusable) if source != tree and tree.is_dir() else found
    left_out = LeftOut(unusable)
    placed = read_journal(tree).placed
    origin_at = {one.place: origin for origin, one in placed.items()}
    if source == tree:
        gone = Gone(tree, placed, left_out)
        return [location_in_place(path, tree, placed, origin_at, gone) for path in found]
    strays = {path.name: path for path in present if path not in origin_at}
    result = []
    for path in found:
        origin = frames.relative_name(path, source)
        put = placed.get(origin)
        if put is not None and put.place in left_out:
            continue
        now = None if put is None else put.place if put.place.exists() else strays.get(put.place.name)
        result.append(FrameLocation(path, origin, put, now))
    left_source = placed.keys() - {one.origin for one in result} if moving else set()
    left = [path for path in present if origin_at.get(path, "") in left_source]
    return result + [FrameLocation(path, origin_at[path], placed[origin_at[path]], path) for path in left]


class Gone:
    """Frames that are neither where they were put nor where they came from: a person moved them, or deleted them."""

    def __init__(self, tree: Path, placed: Mapping[str, Placed], left_out: LeftOut) -> None:
        """`placed` says where each frame of the tree was put; those that are `left_out` are not gone."""
        self.tree, self.placed = tree, placed
        self.origins: dict[str, list[str]] = {}
        for origin, one in placed.items():
            if one.place in left_out or tree / origin in left_out:
                continue
            self.origins.setdefault(one.place.name, []).append(origin)

    def origin_of(self, name: str) -> str | None:
        """Return the origin of a frame of this name that is gone."""
        known = self.origins.get(name, [])
        gone = (origin for origin in known if not self.placed[origin].place.exists())
        return next((origin for origin in gone if not on_disk(self.tree / origin).exists()), None)


def location_in_place(
    path: Path, tree: Path, placed: Mapping[str, Placed], origin_at: Mapping[Path, str], gone: Gone
) -> FrameLocation:
    """Return how a frame stands that is arranged in place: as put, at its origin, moved by hand, or new."""
    own = frames.relative_name(path, tree)
    origin = origin_at.get(path)
    if origin is None and own not in placed:
        origin = gone.origin_of(path.name)
    origin = origin or own
    return FrameLocation(path, origin, placed.get(origin), path)


def moved_by_hand(tree: Path) -> int:
    """Return how many frames of an arranged tree are not where they were put, but elsewhere in it."""
    placed = read_journal(tree).placed
    unusable: list[tuple[Path, str]] = []  # listed by the caller
    found = frames.find_frames(tree, unusable=unusable) if placed else []
    left_out = LeftOut(unusable)
    put = {one.place for one in placed.values()}
    gone = {place.name for place in put if place not in left_out and not place.exists()}
    return sum(path.name in gone for path in found if path not in put)
