"""Which frames a person wants to see, and in which order."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from framekit.dedup.descriptors import Described, read_store
from framekit.dedup.quality import merit
from framekit.desk.catalogue import Entry
from framekit.sidecars import kinds, metadata

SMALL, LARGE = 0.15, 0.4  # height of the largest face as a fraction of the frame's; chosen: a full figure, a portrait
SIZES: dict[str, Callable[[float], bool]] = {
    "small": lambda ratio: 0 < ratio < SMALL,
    "medium": lambda ratio: SMALL <= ratio <= LARGE,
    "large": lambda ratio: ratio > LARGE,
}
NONE, SEVERAL = "none", "several"  # characters of a frame without any, or with two or more
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
            low = self.text.casefold()
            add(lambda one: low in one.path.name.casefold())

    def of(self, entries: Iterable[Entry]) -> list[Entry]:
        """Return the entries that pass, in their order."""
        return [one for one in entries if all(test(one) for test in self.tests)]


def shows(entry: Entry, name: str) -> bool:
    """Tell whether a frame shows a character, or `unknown`, `none` or `several` of them."""
    if name in (NONE, SEVERAL):
        known = [one for one in entry.names if one not in metadata.NOBODY]
        return len(known) > 1 if name == SEVERAL else not known
    return name in entry.names


class Descriptions:
    """What remove_similar.py stored of the frames of each folder, read once."""

    def __init__(self) -> None:
        """Begin without any."""
        self.folders: dict[Any, dict[str, Described]] = {}

    def of(self, entry: Entry) -> Described | None:
        """Return what is stored of a frame, None if it was never compared."""
        folder = entry.path.parent
        if folder not in self.folders:
            self.folders[folder] = read_store(folder)
        return self.folders[folder].get(entry.path.name)


def in_order(entries: list[Entry], sort: str, stored: Descriptions, to: Entry | None = None) -> list[Entry]:
    """Return entries in the wanted order: of time, the least certain first, the sharpest, the largest face, alike."""
    if sort == "confidence":
        return sorted(entries, key=lambda one: (one.score is None, one.score or 0.0))
    if sort == "face":
        return sorted(entries, key=lambda one: -one.ratio)
    if sort == "sharpness":
        merits = {one.id: merit(found.measures) if (found := stored.of(one)) else None for one in entries}
        return sorted(entries, key=lambda one: (merits[one.id] is None, -(merits[one.id] or 0.0)))
    if sort == "similar" and to is not None and (wanted := stored.of(to)):
        held = {one.id: found.vector for one in entries if (found := stored.of(one))}
        likeness = {id_: float(np.dot(vector, wanted.vector)) for id_, vector in held.items()}
        return sorted(entries, key=lambda one: -likeness.get(one.id, -2.0))
    return entries
