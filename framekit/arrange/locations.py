"""The frames of a dataset as they stand in a tree: each by its picture, then by its name."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from framekit import errors
from framekit.arrange.leave import Away, set_aside_before
from framekit.arrange.pictures import (
    NO_PICTURE,
    RETOUCHED,
    SAME_MOMENT,
    Picture,
    Pictures,
    look_alike,
    same_bytes,
)
from framekit.arrange.placements import Arranged, Key, Placed, read_journal
from framekit.arrange.places import Places, lead_of, leads
from framekit.dataset import frames, move
from framekit.dataset.frames import relative_name
from framekit.files import atomic, names


@dataclass(frozen=True)
class FrameLocation:
    """A frame to arrange: its file, its path in the dataset (`origin`), where it was put, and where it stands now.

    `put.place` and `now` differ when a person moved it in the tree; `now` is None when it isn't there, and `away` says
    where it is when it was set aside. `put.origin` and `origin` differ when its picture has another name in the dataset
    than it had.
    """

    frame: Path
    origin: str
    put: Placed | None = None
    now: Path | None = None
    picture: Picture = NO_PICTURE
    away: Away | None = None

    @property
    def other(self) -> Path | None:
        """Return the frame in the tree, or in its trash."""
        return self.now or (self.away.where if self.away else None)


@dataclass(frozen=True)
class Located:
    """The frames of a dataset as they stand in the tree, and those in the tree that are in the dataset no more.

    `by_hand` counts those in the tree that a person put there; what cannot be used, on either side, is `unusable`, with
    the reason, and stays as it is.
    """

    locations: Sequence[FrameLocation]
    left: Sequence[tuple[Placed, Path]] = ()
    by_hand: int = 0
    unusable: Sequence[tuple[Path, str]] = ()


def locate(source: Path, tree: Path, limit: int = 0, moving: bool = False) -> Located:
    """Return the frames of `source` as they stand in the tree; source and tree may be the same folder.

    `moving` adds the frames that left the source for the tree before.
    """
    arranged, pictures = read_journal(tree), Pictures()
    unusable: list[tuple[Path, str]] = []
    found = frames.find_frames(source, limit, unusable)
    if source == tree:
        left_out = frames.LeftOut(unusable)
        seen = {key: one for key, one in arranged.placed.items()
                if one.place not in left_out and tree / one.origin not in left_out}  # fmt: skip
        return Located(in_place(tree, found, Arranged(seen), pictures), unusable=unusable)
    away = set_aside_before(tree)
    # The place of what is away is free: another picture may have been moved there.
    places = Places(arranged, in_tree(tree, arranged, source, unusable), source, pictures)
    left_out = frames.LeftOut(unusable)
    arranged = Arranged({**{key: one.placed for key, one in away.items()}, **arranged.placed})
    match = Match(source, arranged, places, away)
    apart = {one.origin for one in arranged.placed.values() if one.place in left_out}
    locations = [one for one in match.all(found) if (one.put.origin if one.put else one.origin) not in apart]
    gone = [(one, now) for one in match.free.values() if (now := places.now(one)) is not None]
    if moving:
        locations += [FrameLocation(now, one.origin, one, now, one.picture) for one, now in gone]
    by_hand = len({*places.strays} - {*places.where.values()})
    return Located(locations, [(one, now) for one, now in gone if is_sure(one, now)], by_hand, unusable)


def in_tree(tree: Path, arranged: Arranged, source: Path | None, unusable: list[tuple[Path, str]]) -> list[Path]:
    """Return the frames in a tree, and the links to nothing that were put there, wherever a person moved them since.

    They lead to frames that left, or say the way from where they were. Others are added to `unusable`.
    """
    if not tree.is_dir():
        return []
    left_out: list[tuple[Path, str]] = []
    found, owners = frames.find_frames(tree, unusable=left_out), arranged.owners()
    links = [path for path, _ in left_out if path.is_symlink() and not path.exists()]
    known = {lead for one in arranged.placed.values() for lead in leads(one, source)} if links else set()
    links = [path for path in links if path in owners or lead_of(path, source) in known]
    unusable += [one for one in left_out if one[0] not in links]
    return found + links


def is_sure(one: Placed, now: Path) -> bool:
    """Tell whether a file in the tree is surely the one that was placed: there, or moved by a person as it is.

    A link is known by where it leads.
    """
    return (now == one.place and not one.by_hand) or now.is_symlink() or move.stamp(now) == one.picture.file


class Match:
    """Finds for each frame of a dataset what was put into the tree for its picture."""

    def __init__(self, source: Path, arranged: Arranged, places: Places, away: Mapping[Key, Away]) -> None:
        """Nothing is matched yet; `free` holds what is left."""
        self.source, self.places, self.pictures, self.away = source, places, places.pictures, away
        self.free = dict(arranged.placed)
        self.by_origin = grouped(arranged.placed.values(), lambda one: one.origin)

    def all(self, found: Sequence[Path]) -> list[FrameLocation]:
        """Return the locations of frames, in their order."""
        result: list[FrameLocation] = []
        opened: list[int] = []
        for path in found:
            origin = relative_name(path, self.source)
            known = self.by_origin.get(origin, [])
            picture = self.pictures.of(path, known[-1].picture if known else NO_PICTURE)
            put = next((one for one in known if one.picture == picture and one.key in self.free), None)
            result.append(self.location(path, origin, picture, put))
            if put is None:
                opened.append(len(result) - 1)
        if self.free:
            for place, put in self.matched(result, opened):
                one = result[place]
                result[place] = self.location(one.frame, one.origin, one.picture, put)
        return result

    def location(self, path: Path, origin: str, picture: Picture, put: Placed | None) -> FrameLocation:
        """Return the location of a frame that was put there as `put`, which is matched then."""
        if put is None:
            return FrameLocation(path, origin, None, None, picture)
        del self.free[put.key]
        now = self.places.now(put)
        return FrameLocation(path, origin, put, now, picture, self.away.get(put.key) if now is None else None)

    def seen(self, put: Placed) -> Path | None:
        """Return the file of what was placed, in the tree or in its trash."""
        away = self.away.get(put.key)
        return self.places.now(put) or (away.where if away else None)

    def matched(self, result: Sequence[FrameLocation], opened: Iterable[int]) -> Iterator[tuple[int, Placed]]:
        """Yield places in `result` with what was put there: by its file, then by its picture, then by its name."""
        by_file = grouped(self.free.values(), lambda one: one.picture.file)
        by_key = grouped(self.free.values(), lambda one: one.picture.key or self.moment_in(one))
        rounds: list[tuple[Callable[[FrameLocation], Sequence[Placed]], Callable[[FrameLocation, Placed], bool]]] = [
            (lambda one: by_file.get(one.picture.file, ()), self.same_file),
            (lambda one: by_key.get(one.picture.key, ()), self.same_picture),
            (lambda one: self.by_origin.get(one.origin, ()), self.same_name),
        ]
        left = list(opened)
        for known_to, is_it in rounds:
            still = []
            for place in left:
                one = result[place]
                known = (put for put in nearest_first(one, known_to(one)) if put.key in self.free)
                put = next((put for put in known if is_it(one, put)), None)
                if put is None:
                    still.append(place)
                else:
                    yield place, put
            left = still

    def same_file(self, one: FrameLocation, put: Placed) -> bool:
        """Tell whether a frame of the size and time that was placed is what was placed, whatever its name is now."""
        now = self.seen(put)
        if now is not None and now.is_symlink() and not now.exists():
            return True  # the name that it led to is gone
        return (put.key == (one.origin, one.picture.key)) or is_proven(one.frame, now)

    def same_picture(self, one: FrameLocation, put: Placed) -> bool:
        """Tell whether a frame that should be the picture that was placed looks like it, as far as anybody can see."""
        now = self.seen(put)
        if not one.picture.key:
            return False
        if now is None or now.is_symlink() or not one.picture.is_moment:
            return True
        return move.same_time(one.frame, now) or is_proven(one.frame, now) or look_alike(one.frame, now, SAME_MOMENT)

    def same_name(self, one: FrameLocation, put: Placed) -> bool:
        """Tell whether a frame that has the name of what was placed is a version of it."""
        now, before = self.seen(put), put.picture.key or self.moment_in(put)
        if now is None or now.is_symlink():
            return not before or put.picture.file == one.picture.file
        if (not before and move.same_time(one.frame, now)) or is_proven(one.frame, now):
            return True
        both_moments = one.picture.is_moment and Picture(before).is_moment
        return not both_moments and look_alike(one.frame, now, RETOUCHED)

    def moment_in(self, put: Placed) -> str:
        """Return the moment that the X.json of a placed frame tells, for older journals, which do not."""
        now = self.seen(put)
        if now is None:
            return ""
        try:
            source = atomic.read_json(names.sidecar(now, names.METADATA)).get("source")
        except errors.BadSidecar:
            return ""
        return self.places.pictures.moment_of(source) if isinstance(source, dict) else ""


def grouped(placed: Iterable[Placed], by: Callable[[Placed], object]) -> dict[object, list[Placed]]:
    """Return placements in groups."""
    groups: dict[object, list[Placed]] = {}
    for one in placed:
        groups.setdefault(by(one), []).append(one)
    return groups


def nearest_first(one: FrameLocation, known: Sequence[Placed]) -> Sequence[Placed]:
    """Return placements, first those of the same origin, then those from the same folder."""
    if len(known) < 2:
        return known
    folder = one.origin.rpartition("/")[0]
    return sorted(known, key=lambda put: (put.origin != one.origin, put.origin.rpartition("/")[0] != folder))


def is_proven(frame: Path, now: Path | None) -> bool:
    """Tell whether the files themselves say that they are one picture: hard links of one file, or the same bytes."""
    if now is None:
        return False
    try:
        return (not now.is_symlink() and frame.samefile(now)) or same_bytes(frame, now)
    except OSError:
        return False


def in_place(tree: Path, found: Sequence[Path], arranged: Arranged, pictures: Pictures) -> list[FrameLocation]:
    """Return how the frames of a tree that is its own dataset stand: as put, at their origin, moved by hand, or new."""
    owners = arranged.owners()
    present = {*found}
    places = Places(arranged, [path for path in found if path in owners], None, pictures)
    by_origin = {one.origin: one for one in places.missing}
    candidates = [path for path in found if path not in owners and relative_name(path, tree) not in by_origin]
    gone = [one for one in places.missing if tree / one.origin not in present]
    back = Places(Arranged({one.key: one for one in gone}), candidates, None, pictures)
    by_hand = {path: one for one in gone if (path := back.now(one)) is not None}
    locations = []
    for path in found:
        own = relative_name(path, tree)
        put = owners.get(path) or by_hand.get(path) or by_origin.get(own)
        picture = put.picture if put and put.picture.key else pictures.of(path)
        locations.append(FrameLocation(path, put.origin if put else own, put, path, picture))
    return locations
