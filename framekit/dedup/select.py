"""Which frames of a dataset are removed: those of low quality, then those that resemble a better or earlier one."""

import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from framekit.console import as_option, counted, worker_count
from framekit.dataset import removed
from framekit.dedup import openings, quality, search
from framekit.dedup.descriptors import THRESHOLD, THUMBNAIL, DescribedFrames, Describer, describe_frames
from framekit.dedup.pans import OVERLAP, PAN, panned
from framekit.dedup.quality import FADE, OFF, Limits, faded, flaw, merit
from framekit.dedup.removal import Removal

SIMILAR = "similar"
FACE_NUMBER = "face_number"  # too few or too many faces, see detect_faces.py
UNREADABLE, BY_HAND = "unreadable", "by_hand"
REASONS = (*quality.REASONS, PAN, SIMILAR, *openings.KINDS, FACE_NUMBER, UNREADABLE, BY_HAND)


@dataclass(frozen=True)
class Settings:
    """What decides which frames go.

    `thresh` is the similarity, 0 to 1, from which frames are similar; `block` the number of kept frames compared at a
    time, which bounds the memory; `keep_best` keeps the best of similar frames, else the first. `pan_overlap` is the
    share of the picture that frames of a pan may have in common, 1 for any.
    """

    thresh: float = THRESHOLD
    block: int = 10_000
    keep_best: bool = True
    limits: Limits = OFF
    pan_overlap: float = OVERLAP


def made_with(settings: Settings, model: str) -> dict[str, dict[str, Any]]:
    """Return by which options frames of each reason go, for the manifest."""
    by_limit = {reason: {name: getattr(settings.limits, name)} for reason, name in quality.LIMIT_OF.items()}
    keep = "best" if settings.keep_best else "first"
    by_likeness = {"similarity_threshold": settings.thresh, "model": model, "keep": keep}
    return {**by_limit, PAN: {"pan_overlap": settings.pan_overlap}, SIMILAR: by_likeness}


def removed_otherwise(root: Path, made: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Return a sentence for each way in which frames were removed that might stay now: with options less gentle.

    `made` is what `made_with` returns.
    """
    kinds: Counter[tuple[str, str]] = Counter()
    for _, _, record in removed.removed_now(root):
        reason, then = str(record.get("reason")), record.get("settings")
        if reason not in made or not isinstance(then, dict):
            continue
        if stays := [name for name, value in made[reason].items() if name in then and is_gentler(name, value, record)]:
            kinds[reason, " ".join(as_option(name, then[name]) for name in stays)] += 1
    return [
        f"{counted(number, 'frame')} {'was' if number == 1 else 'were'} removed as {reason} with {how}, and"
        f" {'stays' if number == 1 else 'stay'} so; remove_similar.py --src_dir {root} --restore {reason} brings"
        f" {'it' if number == 1 else 'them'} back, then give this command again"
        for (reason, how), number in kinds.items()
    ]


def is_gentler(name: str, value: Any, record: Mapping[str, Any]) -> bool:
    """Tell whether this value of an option might keep a frame that was removed, by its line of the manifest."""
    then = record["settings"][name]
    then = record.get("similarity", then) if name in ("similarity_threshold", "pan_overlap") else then
    if not isinstance(value, int | float) or not isinstance(then, int | float):
        return bool(value != then)
    return value > then if name in ("similarity_threshold", "pan_overlap", "max_dark") else value < then


def folders_of(frames: Sequence[Path]) -> Iterator[range]:
    """Yield the rows of each folder; the frames of one folder follow each other."""
    start = 0
    for _, members in groupby(frames, key=lambda frame: frame.parent):
        count = len(list(members))
        yield range(start, start + count)
        start += count


def number_in(frame: Path) -> int | None:
    """Return the number at the end of a frame's name, None without one."""
    found = re.search(r"(\d+)$", frame.stem)
    return int(found[1]) if found else None


def low_quality(described: DescribedFrames, limits: Limits) -> list[Removal]:
    """Return the frames that are of low quality by themselves, or part of a fade."""
    found = {}
    for row, measures in enumerate(described.measures):
        if flawed := flaw(measures, limits):
            reason, detail = flawed
            found[row] = Removal(row, reason, detail=detail)
    for rows in folders_of(described.readable):
        numbers = [number_in(described.readable[row]) for row in rows]
        part = slice(rows.start, rows.stop)
        for row, detail in faded(described.measures[part], described.rows[part], numbers, limits.fade_contrast).items():
            found.setdefault(rows.start + row, Removal(rows.start + row, FADE, detail=detail))
    return sorted(found.values(), key=lambda one: one.row)


def alike(described: DescribedFrames, rows: NDArray[np.intp], settings: Settings) -> list[Removal]:
    """Return the frames, among these rows, that resemble one that stays.

    Folder by folder, in their order or, with `keep_best`, the best frame of each folder first, each frame is compared
    with all that stay so far.
    """
    ordered = []
    for folder in folders_of([described.readable[row] for row in rows]):
        members = rows[folder.start : folder.stop]
        if settings.keep_best:
            merits = np.array([merit(described.measures[row]) for row in members])
            members = members[np.argsort(-merits, kind="stable")]
        ordered.append(members)
    every = np.concatenate(ordered) if ordered else rows
    found = search.similar_frames(described.rows, every, settings.thresh, settings.block)
    return [Removal(row, SIMILAR, kept, score) for row, kept, score in found]


def decide(
    described: DescribedFrames,
    settings: Settings,
    protected: Collection[Path],
    scenes: Mapping[Path, int] | None = None,
) -> list[Removal]:
    """Return what is to be removed, in the order of the frames; the `protected` frames, kept by a person, all stay.

    `scenes` are those of the frames that come from a video, which may show pans.
    """

    def without_protected(found: Iterable[Removal]) -> list[Removal]:
        return [one for one in found if described.readable[one.row] not in protected]

    going = without_protected(low_quality(described, settings.limits))
    rows = np.setdiff1d(np.arange(len(described.readable)), [one.row for one in going])
    found: dict[int, Removal] = {}
    is_new = True
    while is_new:  # frames between which others went may be a pan by that
        moved = panned(described.readable, described.views, rows.tolist(), scenes or {}, settings.pan_overlap)
        moved = without_protected(moved)
        rows = np.setdiff1d(rows, [one.row for one in moved])
        again = without_protected(alike(described, rows, settings)) if moved or not found else []
        rows = np.setdiff1d(rows, [one.row for one in again])
        is_new = bool(moved or again)
        found |= {one.row: one for one in (*moved, *again)}
    for row, one in found.items():
        kept = one.resembles
        while kept in found:  # it went later, such as the end of a pan that another episode shows too
            kept = found[kept].resembles
        going.append(replace(found[row], resembles=kept))
    return sorted(going, key=lambda one: one.row)


def similar_groups(
    paths: Iterable[Path | str], thresh: float = THRESHOLD, keep_best: bool = True, describer: Describer = THUMBNAIL
) -> list[list[Path]]:
    """Return the groups of similar frames: first the frame that stays, then those that resemble it, in natural order.

    `thresh` is a similarity from 0 to 1. The best frame of a group stays, in sharpness, contrast and lack of subtitles;
    without `keep_best` the first. The frames of one folder should follow each other, as `find_frames` returns them: an
    earlier folder wins over a later one. Frames without a similar one are in no group, and neither are unreadable ones.
    Nothing is written; stored descriptors of a folder are used.

    >>> from tempfile import TemporaryDirectory
    >>> from PIL import Image
    >>> with TemporaryDirectory() as folder:
    ...     frames = [Path(folder, f"{number}.png") for number in range(3)]
    ...     for frame, left in zip(frames, (20, 20, 100), strict=True):
    ...         drawing = Image.new("RGB", (160, 90), "navy")
    ...         drawing.paste("white", (left, 10, left + 40, 80))
    ...         drawing.save(frame)
    ...     groups = similar_groups(frames, thresh=0.98)
    >>> [[frame.name for frame in group] for group in groups]
    [['0.png', '1.png']]
    """
    described = describe_frames([Path(path) for path in paths], worker_count(0), False, describer)
    groups: dict[int, list[int]] = {}
    for one in decide(described, Settings(thresh, keep_best=keep_best), ()):
        groups.setdefault(one.resembles, [one.resembles]).append(one.row)
    return [[described.readable[row] for row in rows] for _, rows in sorted(groups.items())]
