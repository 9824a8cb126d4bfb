"""The journal of an arranged tree: which picture of the dataset was put where, and how its metadata was then."""

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from framekit import errors
from framekit.arrange.pictures import NO_PICTURE, Picture, noted_picture
from framekit.dataset import frames
from framekit.dataset.frames import LeftOut, relative_name
from framekit.dataset.history import LOG
from framekit.files import atomic, journal, names, paths
from framekit.files.names import nfc

JOURNAL = ".arranged.jsonl"
Key = tuple[str, str]  # origin and picture


class MetadataDigests(NamedTuple):
    """The digests of a frame's X.json in the tree and in the dataset; "" for none, or a damaged one."""

    tree: str = ""
    dataset: str = ""


NO_DIGESTS = MetadataDigests()


@dataclass(frozen=True)
class Placed:
    """A picture that was put into the tree: where, from where, and the digests of its metadata then.

    `origin` is its path in the dataset, `source` the way from the tree to that dataset; "" in journals of before.
    `by_hand` says that a person had chosen the place; `written` is the place as the journal says it.
    """

    place: Path
    digests: MetadataDigests = NO_DIGESTS
    origin: str = ""
    picture: Picture = NO_PICTURE
    source: str = ""
    by_hand: bool = False
    written: str = field(default="", compare=False)

    @property
    def key(self) -> Key:
        """Return what tells it from all others: two pictures may have had one origin, one after the other."""
        return self.origin, self.picture.key

    @property
    def is_copy(self) -> bool:
        """Tell whether its origin stayed in the dataset when it was placed."""
        return self.digests.dataset != ""

    def record(self, tree: Path, before: "Placed | None" = None, is_finished: bool = True) -> dict[str, Any]:
        """Return the line of the journal; a finished placement notes the digests of the metadata."""
        line: dict[str, Any] = {"frame": self.origin, "to": relative_name(self.place, tree)}
        if self.picture.key:
            line |= {"picture": self.picture.key, "file": self.picture.file}
        if self.source:
            line["source"] = self.source
        if self.by_hand:
            line["by_hand"] = True
        if before is not None and before.key != self.key:
            line["was"] = before.key
        return line | ({"metadata": self.digests} if is_finished else {})


@dataclass(frozen=True)
class Arranged:
    """What .arranged.jsonl says: the last placement of each picture, and the one that a kill may have cut short.

    `unfinished` is that placement, and the one before it.
    """

    placed: Mapping[Key, Placed]
    unfinished: tuple[Placed, Placed | None] | None = None

    def owners(self) -> dict[Path, Placed]:
        """Return what was put last at each place."""
        return {one.place: one for one in self.placed.values()}


def read_journal(tree: Path) -> Arranged:
    """Read the journal; records that would lead out of the tree are passed over.

    Each placement is two lines: one before anything moves, and one after, with the digests of the metadata. A line with
    `left` says that it was set aside.
    """
    placed: dict[Key, Placed] = {}
    latest: dict[str, Key] = {}
    unfinished: tuple[Placed, Placed | None] | None = None
    root = paths.Root(tree)
    for record in journal.read_lines(tree / JOURNAL):
        origin = nfc(record["frame"]) if isinstance(record.get("frame"), str) else None
        picture = noted_picture(record)
        if origin is None:
            continue
        key = (origin, picture.key) if picture.key else latest.get(origin, (origin, ""))
        was = former_key(record) or key
        before = placed.get(was)
        one = placement(record, root, before, picture)
        if one is None:
            continue
        for gone in {was, key}:
            placed.pop(gone, None)  # so that what was put last comes last
        unfinished = None
        if "left" not in record:
            placed[one.key], latest[one.origin] = one, one.key
            unfinished = None if "metadata" in record else (one, before)
    return Arranged(placed, unfinished)


def placement(record: Mapping[str, Any], root: paths.Root, before: Placed | None, picture: Picture) -> Placed | None:
    """Return the placement that a record tells; None for one that would lead out of the tree."""
    origin, written, noted, source = (record.get(name) for name in ("frame", "to", "metadata", "source"))
    if not isinstance(origin, str) or not isinstance(written, str):
        return None
    origin = nfc(origin)
    place = before.place if before and written == before.written else root.inside(written)
    if place is None or (before is None and root.inside(origin) is None):
        return None
    if isinstance(noted, list) and len(noted) == 2:
        digests = MetadataDigests(str(noted[0]), str(noted[1]))
    else:
        digests = before.digests if before else NO_DIGESTS
    by_hand = record.get("by_hand") is True
    return Placed(place, digests, origin, picture, source if isinstance(source, str) else "", by_hand, written)


def former_key(record: Mapping[str, Any]) -> Key | None:
    """Return the key under which a placement was known before; None if that did not change."""
    was = record.get("was")
    if isinstance(was, list) and len(was) == 2 and all(isinstance(part, str) for part in was):
        return was[0], was[1]
    return None


def metadata_digest(frame: Path) -> str:
    """Return the digest of a frame's X.json, "" if it is missing or damaged."""
    try:
        return atomic.digest(atomic.read_json(names.sidecar(frame, names.METADATA)))
    except errors.BadSidecar:
        return ""


def source_name(source: Path, tree: Path) -> str:
    """Return how the journal of a tree names a dataset: the way there, so that both may move together."""
    try:
        return Path(os.path.relpath(source.resolve(), tree.resolve())).as_posix()
    except ValueError:  # another drive
        return source.resolve().as_posix()


def comes_from(one: Placed, source: str, reads: Iterable[str]) -> bool:
    """Tell whether a frame was put there from this dataset; for older journals, whether the tree `reads` no other."""
    return one.source == source if one.source else {*reads} == {source}


def read_sources(tree: Path) -> set[str]:
    """Return the datasets that a tree was made from, as its history names them."""
    found = (record.get("reads") for record in journal.read_lines(tree / LOG))
    return {Path(os.path.normpath(one)).as_posix() for one in found if isinstance(one, str)}


def moved_by_hand(tree: Path) -> int:
    """Return how many frames of an arranged tree are where a person put them."""
    owners = read_journal(tree).owners()
    unusable: list[tuple[Path, str]] = []  # listed by the caller
    found = frames.find_frames(tree, unusable=unusable) if owners else []
    left_out = LeftOut(unusable)
    gone = {place.name for place in owners if place not in left_out and not place.exists()}
    noted = sum(path in owners and owners[path].by_hand for path in found)
    return noted + sum(path.name in gone for path in found if path not in owners)
