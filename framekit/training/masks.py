"""Masks for trainers, made of the label pictures of figures: figures are white, all else is as grey as it weighs.

A mask that somebody else made beside a frame, X-masklabel.png or X.mask.png, is taken as it is. A frame without mask or
figure gets a white one: trainers want one for each frame, and one that is black teaches nothing.
"""

import hashlib
import os
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from io import BytesIO
from pathlib import Path

import numpy as np

from framekit import console, errors
from framekit.dataset import move
from framekit.dataset.frames import sidecar_trouble
from framekit.files import atomic, names, paths
from framekit.pixels import decode, labels
from framekit.pixels.encode import encode_frame
from framekit.sidecars import instances
from framekit.trainers.masks import frame_stem
from framekit.training.destinations import Destination
from framekit.training.links import STALE, aside
from framekit.training.record import MAX_RECORD_BYTES

RECORD = ".training_masks.json"  # path of a mask -> what it was made of, what became of it, digests of its bytes
FORM = 1  # of masks; another number makes all anew
BATCH = 256  # masks that are made before they are noted and written; chosen: a few MB at 1080p
QUALITY = 95  # of the few masks that are no PNG
MADE, NO_MASK, NO_FIGURE = STATES = ("made", "no mask", "no figure")  # what became of a mask; else why it is white
UNUSABLE = "unusable"  # counts those that are white for another reason
WHOLLY = "it is trained wholly until then"
OWN = ("-masklabel.png", ".mask.png")  # of the masks of others beside a frame, those that say what is trained


@dataclass
class Noted:
    """What is noted of a mask: what it was made of, what became of it, and digests of what was or may be written."""

    made_of: str = ""
    state: str = ""
    digests: set[str] = field(default_factory=set)


@dataclass
class Masked:
    """What became of the masks of a tree: how many of STATES and UNUSABLE, how many by hand, what was not used."""

    counts: Counter[str] = field(default_factory=Counter)
    kept: int = 0
    left_out: list[tuple[Path, str]] = field(default_factory=list)


def own_mask(frame: Path) -> Path | None:
    """Return the mask that somebody made beside a frame, if there is one."""
    beside = (frame.with_name(frame.stem + ending) for ending in OWN)
    return next((path for path in beside if os.path.lexists(path)), None)


def frame_weights(frame: Path, background: float) -> tuple[labels.Grey | None, str]:
    """Return the weights of a frame's pixels, (H, W), and which of STATES it has; weights only for the first.

    Raises UnreadableFrame or BadSidecar with the reason for what cannot be used.
    """
    if own := own_mask(frame):
        return labels.fitted(labels.read_grey(held(own)), *size_of(frame)), MADE
    figures = instances.read_figures(frame)
    picture = names.mask_of(frame)
    if not os.path.lexists(picture):
        if figures and any(figure.is_used for figure in figures):
            raise errors.UnreadableFrame(f"it is gone, though figures are listed; {labels.AGAIN}")
        return None, NO_MASK if figures is None else NO_FIGURE
    found = labels.read_labels(held(picture))
    unused = [figure.label for figure in figures or () if not figure.is_used]
    if not np.delete(np.bincount(found.ravel(), minlength=labels.WHITE + 1), [0, *unused]).any():
        return None, NO_FIGURE
    return labels.fitted(labels.weights_of(found, unused, background), *size_of(frame)), MADE


def held(path: Path) -> bytes:
    """Return the bytes of a picture. Raises UnreadableFrame with the remedy for what is none, such as a link."""
    if reason := sidecar_trouble(path):
        raise errors.UnreadableFrame(reason)
    return path.read_bytes()


def size_of(frame: Path) -> tuple[int, int]:
    """Return width and height of a frame as shown."""
    width, height = decode.frame_size(frame) or (1, 1)
    return width, height


def mask_file(weights: labels.Grey, suffix: str) -> bytes:
    """Return weights as the file of an image: grey where it is a PNG."""
    from PIL import Image

    if suffix.lower() != ".png":
        return encode_frame(np.dstack([weights] * 3), suffix.lower(), QUALITY)
    file = BytesIO()
    Image.fromarray(weights).save(file, "PNG")
    return file.getvalue()


def made_of(frame: Path, background: float) -> str:
    """Return a digest that changes when the mask of a frame has to be made anew."""
    own = own_mask(frame)
    looked_at = [frame, names.sidecar(frame, names.INSTANCES), names.mask_of(frame), *([own] if own else [])]
    return atomic.digest([FORM, background, own.name if own else "", *map(move.stamp, looked_at)])


def make(frame: Path, suffix: str, background: float) -> tuple[bytes, str]:
    """Return the mask of a frame as a file, and what became of it: a white one where there is none that can be used."""
    weights: labels.Grey | None = None
    try:
        weights, state = frame_weights(frame, background)
    except errors.BadSidecar as error:
        path = names.sidecar(frame, names.INSTANCES)
        state = f"{path.name}: {errors.reason_of(error, path)}; correct or remove it"
    except errors.UnreadableFrame as error:
        path = own_mask(frame) or names.mask_of(frame)
        state = f"{path.relative_to(frame.parent).as_posix()}: {error}"
    if weights is None:
        width, height = size_of(frame)
        weights = np.full((height, width), labels.WHITE, np.uint8)
    return mask_file(weights, suffix), state


def mask_for_files(background: float, frame: Path) -> tuple[str, Callable[[], tuple[bytes, str]]]:
    """Return what the mask of a frame is made of, and what makes its PNG, for files that hold frames with masks."""

    def png() -> tuple[bytes, str]:
        content, state = make(frame, ".png", background)
        return content, "" if state in STATES else f"{state}; {WHOLLY}"

    return made_of(frame, background), png


def read_noted(root: Path) -> dict[str, Noted]:
    """Return what was noted of the masks of a tree. Raises UsageError if the record is damaged."""
    path = root / RECORD
    try:
        known = atomic.read_json(path, MAX_RECORD_BYTES) if path.exists() else {}
        return {
            names.nfc(name): Noted(str(one["of"]), str(one["state"]), {*map(str, one["digests"])})
            for name, one in known.items() if paths.inside(root, name) is not None
        }  # fmt: skip
    except (errors.BadSidecar, TypeError, KeyError) as error:
        raise errors.damaged(error, path, "remove it, all masks that are there then count as a person's") from error


def write_noted(root: Path, noted: Mapping[str, Noted]) -> None:
    """Note what is known of the masks of a tree."""
    known = {
        name: {"of": one.made_of, "state": one.state, "digests": sorted(one.digests)}
        for name, one in sorted(noted.items())
    }
    if known or (root / RECORD).exists():
        atomic.write_json(root / RECORD, known)


def digest_at(path: Path) -> str | None:
    """Return the digest of a file's bytes; None if there is none."""
    content = atomic.bytes_in(path)
    return None if content is None else hashlib.sha256(content).hexdigest()[:12]


def is_edited(path: Path, noted: Noted) -> bool:
    """Tell whether what is in the place of a mask is not as it was written; what is not there is not edited."""
    return os.path.lexists(path) and (bool(sidecar_trouble(path)) or digest_at(path) not in noted.digests)


def trouble(mask: Path) -> str | None:
    """Return why a mask can be neither read nor replaced, None if it can: a link could lead anywhere."""
    if mask.parent.is_symlink():
        return f"its folder {mask.parent.name} is a link; put the folder itself there"
    return sidecar_trouble(mask) if os.path.lexists(mask) else None


class MaskTree:
    """The masks in a tree while they are written: `wanted` says of which frame each is, below the top `root`."""

    def __init__(self, place: Destination, placed: Mapping[Path, Path]) -> None:
        """Take the tree of trainers, and where each frame of the dataset stands in it."""
        self.root, self.is_own = place.root, place.is_own
        self.wanted = {
            trainer.masks.of(place.root, target): frame
            for trainer in place.trainers if trainer.masks for frame, target in placed.items()
        }  # fmt: skip
        self.keys = {mask: names.nfc(mask.relative_to(place.root).as_posix()) for mask in self.wanted}
        self.noted = read_noted(place.root)

    def write(self, background: float, workers: int) -> Masked:
        """Write each mask that is missing or outdated; those that a person made or changed stay."""
        self.follow_edited()
        clear_parts(self.wanted)
        gone = self.noted.keys() - {*self.keys.values()}
        orphans = {digest for key in gone for digest in self.noted[key].digests}  # ours, under another name now
        done = Masked()
        todo = []
        for mask, frame in self.wanted.items():
            noted = self.noted.setdefault(self.keys[mask], Noted(digests={*orphans}))
            if reason := trouble(mask):
                done.left_out.append((mask, reason))
                self.noted.pop(self.keys[mask])
            elif is_edited(mask, noted):
                done.kept += 1
                noted.made_of = noted.state = ""
            elif noted.made_of != made_of(frame, background) or not mask.exists():
                todo.append(mask)
        for begin in console.progress(range(0, len(todo), BATCH), -(-len(todo) // BATCH), "batch", "masks"):
            done.kept += self.write_batch(todo[begin : begin + BATCH], background, workers)
        write_noted(self.root, self.noted)
        for mask, frame in self.wanted.items():
            state = self.noted.get(self.keys[mask], Noted()).state
            if state in STATES:
                done.counts[state] += 1
            elif state:
                done.counts[UNUSABLE] += 1
                done.left_out.append((frame, f"{state}; {WHOLLY}"))
        return done

    def write_batch(self, masks: Collection[Path], background: float, workers: int) -> int:
        """Make and write masks; return how many a person saved meanwhile, which stay.

        What is about to be written is noted first, so that after a kill it still counts as our own.
        """
        stamps = [made_of(self.wanted[mask], background) for mask in masks]
        with ThreadPoolExecutor(workers) as pool:
            made = list(pool.map(lambda mask: make(self.wanted[mask], mask.suffix, background), masks))
        for mask, (content, _) in zip(masks, made, strict=True):
            noted = self.noted[self.keys[mask]]
            noted.made_of = ""
            noted.digests.add(hashlib.sha256(content).hexdigest()[:12])
        write_noted(self.root, self.noted)
        kept = 0
        for mask, stamp, (content, state) in zip(masks, stamps, made, strict=True):
            noted = self.noted[self.keys[mask]]
            mask.parent.mkdir(parents=True, exist_ok=True)
            if atomic.write_unless(mask, content, partial(is_edited, mask, noted)):
                noted.made_of, noted.state = stamp, state
                noted.digests = {hashlib.sha256(content).hexdigest()[:12]}
            else:
                kept += 1
        return kept

    def follow_edited(self) -> None:
        """Let masks that a person changed follow frames that stand in another folder now."""
        places: dict[str, list[Path]] = {}
        for mask in self.wanted:
            if self.keys[mask] not in self.noted:
                places.setdefault(mask.name, []).append(mask)
        for key in [*self.noted.keys() - {*self.keys.values()}]:
            old = paths.inside(self.root, key)
            if old is None or len(found := places.get(old.name, [])) != 1:
                continue
            if is_edited(old, self.noted[key]) and not os.path.lexists(found[0]):
                found[0].parent.mkdir(parents=True, exist_ok=True)
                atomic.move_whole(old, found[0])

    def drop(self, skipped: Collection[str]) -> None:
        """Delete the masks that are not wanted any more, but for those of `skipped` stems of frames.

        One that a person made or changed is set aside, since some trainers stop at a mask without a frame.
        """
        stale = {
            key: paths.inside(self.root, key) for key in sorted(self.noted.keys() - {*self.keys.values()})
        }  # fmt: skip
        clear_parts(filter(None, stale.values()))
        for key, path in stale.items():
            if self.wanted and names.nfc(frame_stem(key)) in skipped:
                continue
            noted = self.noted.pop(key)
            if path is None or not path.parent.is_dir():
                continue
            if not is_edited(path, noted):
                path.unlink(missing_ok=True)
            elif self.wanted:
                trash = (aside(self.root) if self.is_own else self.root / paths.REMOVED) / STALE
                console.say(f"{path}: its frame is gone, so your mask goes to {trash}")
                move.move_to_trash(path, trash)
            remove_empty(path.parent, self.root)
        if stale:
            write_noted(self.root, self.noted)
        if not self.noted and (self.root / RECORD).exists():
            (self.root / RECORD).unlink()


def clear_parts(masks: Iterable[Path]) -> None:
    """Delete what a killed run left half-written of masks."""
    for suffix, folder in {(mask.suffix, mask.parent) for mask in masks}:
        if folder.is_dir():
            atomic.clean_up([folder], suffix)


def remove_empty(folder: Path, root: Path) -> None:
    """Remove a folder below the top of a tree, and those above it, as long as they are empty."""
    while folder != root and not os.listdir(folder):  # noqa: PTH208
        folder.rmdir()
        folder = folder.parent


def in_words(done: Masked) -> str:
    """Return how many frames have which mask."""
    if not done.counts[MADE] + done.kept + done.counts[UNUSABLE]:
        return "no frame has a figure, so all are trained wholly; segment the dataset first"
    words = f"{console.counted(done.counts[MADE], 'frame')} masked"
    words += f", {done.kept} by hand" if done.kept else ""
    wholly = {"without a mask": done.counts[NO_MASK], "without a figure": done.counts[NO_FIGURE]}
    wholly["with figures that cannot be read"] = done.counts[UNUSABLE]
    listed = " and ".join(f"{number} {which}" for which, number in wholly.items() if number)
    return f"{words}; trained wholly: {listed}" if listed else words
