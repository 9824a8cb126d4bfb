"""Frames are brought to their places in a tree, and back; corrections made in both places are joined."""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from framekit import errors
from framekit.arrange.placements import (
    JOURNAL,
    FrameLocation,
    Placed,
    frame_locations,
    metadata_digest,
    placement,
    read_journal,
)
from framekit.dataset import frames, move
from framekit.dataset.move import Stems, visible_files
from framekit.files import atomic, journal, names, paths
from framekit.files.atomic import MOVE, Transport, move_whole
from framekit.files.journal import Journal
from framekit.files.names import METADATA, sidecar
from framekit.pixels import decode
from framekit.pixels.decode import ORIENTATION, Pixels
from framekit.pixels.encode import encode_frame
from framekit.sidecars import corrections

REPLACED = f"{paths.REMOVED}/replaced"
FLATTENED = f"{paths.REMOVED}/flattened"
EDGES = ("longer", "shorter")
FORMATS = {".png": ".png", ".jpg": ".jpg", ".jpeg": ".jpg", ".webp": ".webp"}  # suffix -> how it is encoded
QUALITY = 95  # of JPEG and WebP, as extract_frames.py writes them


def joined_metadata(frame: Path, other: Path | None, put: Placed | None) -> dict[str, Any]:
    """Return the content of X.json of a frame of the dataset that may also stand in the tree as `other`.

    Raises BadSidecar if it is missing or damaged.
    """
    return held_metadata(frame, other, put)[0]


def held_metadata(frame: Path, other: Path | None, put: Placed | None) -> tuple[dict[str, Any], tuple[str, str]]:
    """Return the content of X.json of a frame, and its digests in the tree (`other`) and in the dataset, "" for none.

    Where only one of the two changed since it was placed, that one counts; where both did, the newer one with the
    corrections of both. Raises BadSidecar if it is missing or damaged.
    """
    here = names.sidecar(frame, names.METADATA)
    there = names.sidecar(other, names.METADATA) if other is not None and other != frame else here
    if there == here or not (here.exists() and there.exists()):
        only = here if here.exists() else there
        if not only.exists():
            raise errors.BadSidecar(f"no {here.name}; run generate_metadata.py")
        values = atomic.read_json(only)
        return values, (atomic.digest(values), "")
    own = atomic.read_json(here)
    if here.samefile(there):
        return own, (atomic.digest(own), atomic.digest(own))
    placed = atomic.read_json(there)
    held = (atomic.digest(placed), atomic.digest(own))
    before = put.digests if put else ("", "")
    if own == placed or held[0] == before[0] == before[1]:
        return own, held
    if held[1] == before[1]:
        return placed, held
    is_newer = here.stat().st_mtime_ns > there.stat().st_mtime_ns
    newer, older = (own, placed) if is_newer else (placed, own)
    return corrections.join_corrections(newer, older), held


def bring(frame: Path, target: Path, how: Transport, trash: Path, put: Placed | None = None) -> None:
    """Bring a frame with its sidecars to its target; where both have an X.json, their corrections are joined.

    `put` says that the frame was brought there before. Raises BadSidecar if an X.json is damaged; nothing moved then.
    """
    here, there = (names.sidecar(path, names.METADATA) for path in (frame, target))
    both = here.exists() and there.exists()
    if both:
        joined = joined_metadata(frame, target, put)
        if joined != atomic.read_json(there):
            atomic.write_whole(there, corrections.metadata_text(joined))
        if not how.keeps_source:
            move.move_to_trash(here, trash)
    same_frame = put is not None and put.place == target
    move.place_frame(frame, target, how, trash, settled=here if both else None, same_frame=same_frame)


def finish_interrupted(source: Path, tree: Path, how: Transport) -> None:
    """Complete the last placement if a kill cut it short. The frame moves last, so it isn't at its target then."""
    unfinished = read_journal(tree).unfinished
    if unfinished is None:
        return
    origin, before, target = unfinished
    starts = [(before.place, MOVE)] if before else []
    starts += [(start, how)] if (start := paths.inside(source, origin)) else []
    for start, one in starts:
        if start.exists() and start != target and not target.exists():
            try:
                bring(start, target, one, tree / REPLACED, before)
            except errors.BadSidecar:
                return  # listed when its turn comes
    if target.exists():
        digests = before.digests if before else ("", "")
        journal.append_line(tree / JOURNAL, placement(origin, target, tree, digests))


class Placer:
    """Brings frames to their places in a tree, each noted before and after."""

    def __init__(self, tree: Path, how: Transport, journal: Journal) -> None:
        """`journal` is that of the tree."""
        self.tree, self.how, self.journal = tree, how, journal
        self.names: dict[Path, frozenset[str]] = {}
        self.made: set[Path] = set()

    def place(self, standing: FrameLocation, target: Path, held: tuple[str, str]) -> None:
        """Bring a frame to its target; a copy in the tree is moved there first.

        `held` are the digests of its X.json, in the tree and in the dataset. Raises BadSidecar if one is damaged.
        """
        put = standing.put
        if put is not None and target == put.place == standing.now != standing.frame and held == put.digests:
            self.refresh(standing.frame, target)
            return
        if put is None or target != put.place:
            self.journal.append(placement(standing.origin, target, self.tree))
        if put is None and standing.now is None and standing.frame != target:
            self.place_fresh(standing.frame, target)
            digests = (held[0], held[0] if self.how.keeps_source else "")
        else:
            self.place_again(standing, target)
            here = metadata_digest(standing.frame) if standing.frame != target else ""
            digests = (metadata_digest(target), here)
        if Placed(target, digests) != put:
            self.journal.append(placement(standing.origin, target, self.tree, digests))

    def place_fresh(self, frame: Path, target: Path) -> None:
        """Bring a frame that was never placed, and whose stem is free in its target's folder."""
        if target.parent not in self.made:
            target.parent.mkdir(parents=True, exist_ok=True)
            self.made.add(target.parent)
        move.place_fresh(frame, target, self.how, self.names_beside(frame))

    def names_beside(self, frame: Path) -> frozenset[str]:
        """Return the names in the folder of a frame of the dataset, which stay the same meanwhile."""
        folder = frame.parent
        if folder not in self.names:
            self.names[folder] = frozenset(path.name for path in folder.iterdir())
        return self.names[folder]

    def refresh(self, frame: Path, target: Path) -> None:
        """Bring what changed in the dataset to a frame whose place and metadata stay."""
        if frame.exists():
            metadata = sidecar(frame, METADATA)
            names = self.names_beside(frame) - {metadata.name}
            move.refresh_frame(frame, target, self.how, self.tree / REPLACED, names)

    def place_again(self, standing: FrameLocation, target: Path) -> None:
        """Bring a frame that is in the tree already, from there and from the dataset."""
        if standing.now is not None and standing.now != target:
            bring(standing.now, target, MOVE, self.tree / REPLACED, standing.put)
        if standing.frame.exists() and standing.frame != target:
            bring(standing.frame, target, self.how, self.tree / REPLACED, standing.put)


def flatten(tree: Path, destination: Path) -> tuple[int, list[tuple[Path, str]]]:
    """Bring every frame of the tree back to where it came from, below `destination`.

    Returns how many there are, and those that stay because an X.json is damaged. A frame that is there already, byte
    for byte, gets the corrections of both; another frame of that name stays beside it.
    """
    standing = frame_locations(tree, tree)
    stems = Stems(frames.find_frames(destination) if destination.is_dir() else [])
    damaged: list[tuple[Path, str]] = []
    for one in standing:
        target = paths.inside(destination, one.origin) or destination / one.frame.name
        if target == one.frame:
            continue
        if not is_back(one, target):
            target = stems.reserve(target)
        try:
            bring(one.frame, target, MOVE, destination / REPLACED, one.put)
        except errors.BadSidecar as error:
            damaged.append((one.frame, str(error)))
    if not damaged:
        for path in [*visible_files(tree, names.MULTIPLY), *filter(Path.exists, [tree / JOURNAL])]:
            move.move_to_trash(path, tree / FLATTENED / path.relative_to(tree).parent)
    move.remove_empty_folders(tree)
    return len(standing) - len(damaged), damaged


def follow_factors(tree: Path, left: Iterable[tuple[Path, Path]]) -> None:
    """Take the factors of folders that no frame is in any more along, or out of the way.

    `left` are the folders that frames were in, and where each of them is now.
    """
    now: dict[Path, set[Path]] = {}
    for old, new in left:
        now.setdefault(old, set()).add(new)
    for old, folders in sorted(now.items()):  # the first factor that comes to a folder stays there
        factor = old / names.MULTIPLY
        if factor.exists() and not any(frames.is_frame_name(path.name) for path in old.iterdir()):
            there = min(folders) / names.MULTIPLY
            if len(folders) == 1 and not there.exists():
                move_whole(factor, there)
            else:
                move.move_to_trash(factor, tree / REPLACED / old.relative_to(tree))


def is_back(one: FrameLocation, target: Path) -> bool:
    """Tell whether the frame is at its origin: byte for byte, or in the tree as it was rewritten from there."""
    if not target.exists():
        return False
    here, there = one.frame.stat(), target.stat()
    rewritten = one.put is not None and here.st_mtime_ns == there.st_mtime_ns and here.st_size != there.st_size
    return rewritten or move.same_file(one.frame, target)


def fitting_size(width: int, height: int, largest: int, edge: str) -> tuple[int, int]:
    """Return the size, in the same proportion, whose longer or shorter edge is `largest` at most."""
    measured = max(width, height) if edge == "longer" else min(width, height)
    scale = min(1.0, largest / measured)
    return max(1, round(width * scale)), max(1, round(height * scale))


def needs_rewriting(frame: Path, largest: int, edge: str) -> bool:
    """Tell whether a frame is too large, turned by EXIF, or transparent; not if it cannot be read or rewritten."""
    from PIL import Image

    if frame.suffix.lower() not in FORMATS:
        return False
    try:
        with Image.open(frame) as image:
            turned = image.getexif().get(ORIENTATION, 1) not in (0, 1)
            transparent = image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info
            width, height = image.size
            return turned or transparent or fitting_size(width, height, largest, edge) != image.size
    except (Image.DecompressionBombError, *decode.DECODER_ERRORS):
        return False


def shrunk(pixels: Pixels, largest: int, edge: str) -> Pixels:
    """Return pixels reduced to the fitting size, each an average of those it stands for."""
    import cv2

    size = fitting_size(pixels.shape[1], pixels.shape[0], largest, edge)
    if size == (pixels.shape[1], pixels.shape[0]):
        return pixels
    return np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)


@dataclass(frozen=True)
class Rewriter:
    """Writes frames whose `edge` is above `largest`, which are turned by EXIF, or transparent, as they should be."""

    largest: int
    edge: str = "longer"

    def __call__(self, frame: Path, target: Path) -> bool:
        """Write the frame to its target, with the time of the original; False if it may stay as it is."""
        if not needs_rewriting(frame, self.largest, self.edge):
            return False
        times = frame.stat()
        is_own = target.exists() and target.stat().st_mtime_ns == times.st_mtime_ns
        if is_own and not needs_rewriting(target, self.largest, self.edge):
            return True
        try:
            pixels = decode.read_pixels(frame)
        except errors.UnreadableFrame:
            return False
        small = shrunk(pixels, self.largest, self.edge)
        atomic.write_whole(target, encode_frame(small, FORMATS[frame.suffix.lower()], QUALITY))
        os.utime(target, ns=(times.st_atime_ns, times.st_mtime_ns))
        return True
