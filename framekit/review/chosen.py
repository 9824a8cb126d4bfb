"""Which frames a person wants to see, and in which order."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from framekit.dataset import move
from framekit.dedup.descriptors import STORE, read_store
from framekit.dedup.quality import merit
from framekit.desk.catalogue import Entry
from framekit.files.names import nfc
from framekit.sidecars import kinds, metadata

SMALL, LARGE = 0.15, 0.4  # height of the largest face as a fraction of the frame's; chosen: a full figure, a portrait
SIZES: dict[str, Callable[[float], bool]] = {
    "small": lambda ratio: 0 < ratio < SMALL,
    "medium": lambda ratio: SMALL <= ratio <= LARGE,
    "large": lambda ratio: ratio > LARGE,
}
NONE, SEVERAL = "/none", "/several"  # instead of names, which hold no slash: nobody is there, or two or more
SORTS = ("time", "confidence", "sharpness", "face", "similar")


@dataclass(frozen=True)
class Filter:
    """What frames must have; what is empty says nothing."""

    episode: str = ""
    scene: int | None = None
    characters: Sequence[str] = ()
    tags: Sequence[str] = ()
    without: Sequence[str] = ()
    face: str = ""
    source: str = ""
    corrected: str = ""
    problem: str = ""
    text: str = ""
    listed: frozenset[Path] = frozenset()  # frames that --check lists
    tests: list[Callable[[Entry], bool]] = field(default_factory=list, init=False, compare=False)

    def __post_init__(self) -> None:
        """Make one test of each thing that is asked for."""
        add = self.tests.append
        if self.episode:
            add(lambda one: one.episode == self.episode)
        if self.scene is not None:
            add(lambda one: one.scene == self.scene)
        for name in self.characters:
            add(lambda one, name=name: shows(one, name))  # type: ignore[misc]
        if self.tags:
            wanted = {*map(kinds.same, self.tags)}
            add(lambda one: wanted.issubset(one.tags))
        if self.without:
            unwanted = {*map(kinds.same, self.without)}
            add(lambda one: unwanted.isdisjoint(one.tags))
        if self.face in SIZES:
            add(lambda one: SIZES[self.face](one.ratio))
        if self.source:
            add(lambda one: one.source == self.source)
        if self.corrected:
            add(lambda one: one.is_corrected == (self.corrected == "yes"))
        if self.problem == "check":
            add(lambda one: one.path in self.listed)
        elif self.problem:
            add(lambda one: bool(one.problem))
        if self.text:
            low = nfc(self.text).casefold()
            add(lambda one: low in nfc(one.path.name).casefold())

    def of(self, entries: Iterable[Entry]) -> list[Entry]:
        """Return the entries that pass, in their order."""
        return [one for one in entries if all(test(one) for test in self.tests)]


def shows(entry: Entry, name: str) -> bool:
    """Tell whether a frame shows a character, or `unknown`, `none` or `several` of them."""
    if name in (NONE, SEVERAL):
        known = [one for one in entry.names if one not in metadata.NOBODY]
        return len(known) > 1 if name == SEVERAL else not entry.names
    return name in entry.names


class Descriptions:
    """What remove_similar.py stored of the frames: how good each is, and how much it resembles another one.

    The descriptors of all frames would fill the memory: they are read folder by folder.
    """

    def __init__(self) -> None:
        """Begin without any."""
        self.merits: dict[Path, tuple[move.Stamp | None, dict[str, float]]] = {}
        self.alike: tuple[Any, dict[Path, dict[str, float]]] = (None, {})

    def merit_of(self, entry: Entry) -> float | None:
        """Return how good a frame is by itself, None if it was never compared."""
        return self.merits_in(entry.path.parent).get(entry.path.name)

    def merits_in(self, folder: Path) -> dict[str, float]:
        """Return how good the frames of a folder are by their names, read anew where that changed."""
        now = move.stamp(folder / STORE)
        if folder not in self.merits or self.merits[folder][0] != now:
            self.merits[folder] = now, {name: merit(one.measures) for name, one in read_store(folder).items()}
        return self.merits[folder][1]

    def likeness(self, entries: Iterable[Entry], to: Entry) -> dict[Path, dict[str, float]]:
        """Return by folder and name how much frames resemble another one, -1 to 1, if they were ever compared."""
        folders = sorted({one.path.parent for one in entries} | {to.path.parent})
        now = to.path, [(folder, move.stamp(folder / STORE)) for folder in folders]
        if self.alike[0] != now:
            found = {}
            if (wanted := read_store(to.path.parent).get(to.path.name)) is not None:
                row = wanted.vector
                for folder in folders:
                    found[folder] = {name: float(np.dot(one.vector, row)) for name, one in read_store(folder).items()}
            self.alike = now, found
        return self.alike[1]


def in_order(entries: list[Entry], sort: str, stored: Descriptions, to: Entry | None = None) -> list[Entry]:
    """Return entries in the wanted order: of time, the least certain first, the sharpest, the largest face, alike."""
    if sort == "confidence":
        return sorted(entries, key=lambda one: (one.score is None, one.score or 0.0))
    if sort == "face":
        return sorted(entries, key=lambda one: -one.ratio)
    if sort == "sharpness":
        merits = {one.id: stored.merit_of(one) for one in entries}
        return sorted(entries, key=lambda one: (merits[one.id] is None, -(merits[one.id] or 0.0)))
    if sort == "similar" and to is not None:
        likeness = stored.likeness(entries, to)
        return sorted(entries, key=lambda one: -likeness.get(one.path.parent, {}).get(one.path.name, -2.0))
    return entries
