"""Which frames of a dataset are removed, and why: worthless ones, then those that resemble a better or earlier one."""

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from framekit.dedup import search
from framekit.dedup.descriptors import DescribedFrames
from framekit.dedup.quality import Limits, faded, flaw, merit

SIMILAR = "similar"
UNREADABLE, BY_HAND = "unreadable", "by_hand"


@dataclass(frozen=True)
class Removal:
    """A frame that goes: its row, why, the row of the kept frame that it resembles, -1 for none, how much; a figure."""

    row: int
    reason: str
    resembles: int = -1
    similarity: float = -1.0
    detail: str = ""


@dataclass(frozen=True)
class Settings:
    """What decides: the similarity from which frames are similar, kept frames compared at a time, who stays, limits."""

    thresh: float
    block: int
    keep_best: bool
    limits: Limits


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


def worthless(described: DescribedFrames, limits: Limits) -> list[Removal]:
    """Return the frames that are worth nothing by themselves or lie in the middle of a fade."""
    found = {}
    for row, measures in enumerate(described.measures):
        if told := flaw(measures, limits):
            found[row] = Removal(row, told[0], detail=told[1])
    for rows in folders_of(described.readable):
        numbers = [number_in(described.readable[row]) for row in rows]
        part = slice(rows.start, rows.stop)
        for row, detail in faded(described.measures[part], described.rows[part], numbers, limits.fade_contrast).items():
            found.setdefault(rows.start + row, Removal(rows.start + row, "fade", detail=detail))
    return sorted(found.values(), key=lambda one: one.row)


def alike(described: DescribedFrames, rows: NDArray[np.intp], settings: Settings) -> list[Removal]:
    """Return the frames, among these rows, that resemble one that stays.

    Folder by folder, the best frame of a folder first if `keep_best`, else in their order, each frame is compared with
    all that stay until then.
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


def decide(described: DescribedFrames, settings: Settings, protected: Collection[Path]) -> list[Removal]:
    """Return what is to be removed, in the order of the frames; what a person decided to keep is `protected`."""
    bad = [one for one in worthless(described, settings.limits) if described.readable[one.row] not in protected]
    rows = np.setdiff1d(np.arange(len(described.readable)), [one.row for one in bad])
    again = [one for one in alike(described, rows, settings) if described.readable[one.row] not in protected]
    return sorted([*bad, *again], key=lambda one: one.row)
