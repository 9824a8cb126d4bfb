"""One move of a frame as the record of actions notes it, done or undone; what is where it belongs stays."""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from framekit import errors
from framekit.boxes import FACE, Face, Seen
from framekit.dataset import move as moving
from framekit.dataset import removed
from framekit.faces import crops
from framekit.files import atomic, names, paths
from framekit.pixels import decode
from framekit.pixels.encode import encode_png
from framekit.sidecars.faces import OF_CROP, faces_record

LARGEST_CROP = 512  # px, side of a reference; larger heads are reduced


def moved(root: Path, outside: Mapping[str, Path], move: Mapping[str, Any], back: bool) -> None:
    """Carry a move out, or take it back.

    `move` has `frame`, a path in the dataset, and either `reason` for one that is set aside, with `is_back` for one
    that is brought back; or `into`, the path that it gets; or `reference`, the picture that its face in `box` becomes.
    """
    frame = paths.inside(root, move.get("frame"))
    if frame is None:
        return
    if "reference" in move:
        make_reference(frame, given_path(outside, "ref_dir"), move, back)
    elif "into" in move:
        into = paths.inside(root, move["into"])
        here, there = (into, frame) if back else (frame, into)
        if here is not None and there is not None and here.exists() and not there.exists():
            moving.place_frame(here, there, atomic.MOVE, root / removed.REPLACED)
            paths.remove_if_empty(here.parent)
    elif bool(move.get("is_back")) == back:
        if frame.exists():
            details = move.get("details")
            removed.remove(root, frame, str(move["reason"]), **(details if isinstance(details, dict) else {}))
    else:
        here_now = [one for one in removed.removed_now(root) if one[0] == frame]
        if here_now and not frame.exists():
            origin, where, _ = here_now[-1]
            removed.put_back(root, origin, where, removed.KEPT_BY_HAND if move.get("is_back") else removed.RESTORED)
        if (root / paths.REMOVED).is_dir():
            moving.remove_empty_folders(root / paths.REMOVED)


def given_path(outside: Mapping[str, Path], option: str) -> Path:
    """Return what an option of this run names. Raises UsageError where it was not given."""
    if option not in outside:
        raise errors.UsageError(f"this needs --{option}; start review.py with it")
    return outside[option]


def crop_of(frame: Path, face: Face) -> bytes:
    """Return the head of a face as PNG. Raises UnreadableFrame."""
    pixels = decode.read_pixels(frame)
    return encode_png(np.ascontiguousarray(decode.shrink(crops.crop_head(pixels, face), LARGEST_CROP)))


def make_reference(frame: Path, references: Path, move: Mapping[str, Any], back: bool) -> None:
    """Write the head of a face into the folder of its character with X.faces.json, or take both away.

    What is no longer as it was written stays. Raises UsageError for a record that leads outside, UnreadableFrame.
    """
    path = paths.inside(references, move["reference"])
    if path is None:
        raise errors.UsageError(f"{move['reference']!r} lies outside of {references}; nothing was done")
    beside, held = names.sidecar(path, names.FACES), atomic.bytes_in(path)
    if back:
        if held is not None and hashlib.sha256(held).hexdigest() == move.get("sha256"):
            beside.unlink(missing_ok=True)
            path.unlink()
            paths.remove_if_empty(path.parent)
        return
    if held is not None:
        return
    left, top, right, bottom = map(float, move["box"])
    face = Face((left, top, right, bottom), 1.0, str(move.get("label", FACE)))
    pixels = decode.read_pixels(frame)
    size = (pixels.shape[1], pixels.shape[0])
    ((_, inside),) = crops.faces_inside([face], crops.as_fractions(crops.head_square(face, size), size))
    path.parent.mkdir(parents=True, exist_ok=True)
    origin = {"frame": str(move["frame"]), "box": [*face.box]}
    record = faces_record(OF_CROP, Seen([inside], [], [])) | {"cropped_from": origin}
    atomic.write_whole(beside, atomic.json_text(record))
    atomic.write_whole(path, crop_of(frame, face))
