"""A share of the work on one folder, --shard I/N: which episodes, or which scenes of one, a process takes.

A name alone decides, so that each of several processes, on any machine and whenever it starts, knows its own.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from framekit import console, errors
from framekit.dataset.frames import relative_name
from framekit.sidecars.episode import Episodes

DIGITS = re.compile(r"\d+")


@dataclass(frozen=True)
class Share:
    """One of `of` parts of the work: the `number`-th, counted from 1."""

    number: int
    of: int

    def __str__(self) -> str:
        """Return it as it is given, `2/3`."""
        return f"{self.number}/{self.of}"

    @property
    def mark(self) -> str:
        """Return it as it stands in names of files, `2of3`."""
        return f"{self.number}of{self.of}"

    def has(self, name: str) -> bool:
        """Tell whether what has this name is in this share.

        Episodes and scenes that are numbered one after the other go round, so that shares are equally large; whatever
        is added or removed meanwhile, each name stays in its share.

            >>> [name for name in ("EP01", "EP02", "EP03", "EP04") if Share(1, 2).has(name)]
            ['EP02', 'EP04']
        """
        rest = int.from_bytes(sha256(DIGITS.sub("", name).encode()).digest()[:8], "big")
        return (rest + sum(map(int, DIGITS.findall(name)))) % self.of == self.number - 1

    def tell(self, own: int, every: int, noun: str) -> None:
        """Say how much of the work this share is."""
        if own or not every:
            console.say(f"shard {self}: {own} of {console.counted(every, noun)}")
        else:
            console.say(f"shard {self} is empty: the {console.counted(every, noun)} here belong to other shards")


def own_episodes(
    share: Share | None, labelled: Mapping[str, Path], root: Path, unusable: list[tuple[Path, str]]
) -> dict[str, Path]:
    """Return the episodes of a share by their labels, all if there is none; `unusable` then lists its own only."""
    if share is None:
        return {**labelled}
    own = {label: path for label, path in labelled.items() if share.has(label)}
    share.tell(len(own), len(labelled), "episode")
    unusable[:] = own_unusable(share, unusable, root)
    return own


def own_frames(
    share: Share | None,
    found: list[Path],
    root: Path,
    unusable: list[tuple[Path, str]],
    whole_folders: bool = False,
) -> list[Path]:
    """Return the frames of a share, all if there is none; `unusable` then lists its own only.

    A share takes whole folders; where these are fewer than the shares, whole scenes, and frames of unknown scene each
    by itself, unless it takes `whole_folders` in any case.
    """
    if share is None:
        return found
    by_folder = whole_folders or len({frame.parent for frame in found}) >= share.of
    units = folders_of(found, root) if by_folder else scenes_of(found, root)
    own = [frame for frame, unit in units.items() if share.has(unit)]
    share.tell(len(own), len(found), "frame")
    unusable[:] = own_unusable(share, unusable, root)
    return own


def own_unusable(share: Share, listed: Iterable[tuple[Path, str]], root: Path) -> list[tuple[Path, str]]:
    """Return what a share lists of that which cannot be used, so that each path is listed by one."""
    return [(path, reason) for path, reason in listed if share.has(relative_name(path, root))]


def folders_of(found: Iterable[Path], root: Path) -> dict[Path, str]:
    """Return the name of each frame's folder."""
    return {frame: relative_name(frame, root).rpartition("/")[0] for frame in found}


def scenes_of(found: Iterable[Path], root: Path) -> dict[Path, str]:
    """Return a name of each frame's scene; of a frame whose scene is not known, a digest of its own."""
    episodes, units = Episodes(), {}
    for frame in found:
        try:
            scene = episodes.source_of(frame).get("scene")
        except errors.BadSidecar:  # who reads it lists it
            scene = None
        name = relative_name(frame, root)
        # numbers of other tools count every n-th frame, and would all go to one share
        units[frame] = sha256(name.encode()).hexdigest() if scene is None else f"{name.rpartition('/')[0]} {scene}"
    return units
