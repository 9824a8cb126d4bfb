"""Which stems are taken in the folders of a tree, so that no frame ever overwrites another."""

import os
from collections.abc import Iterable
from pathlib import Path

from framekit import moves


class Stems:
    """The stems that are taken in each folder of a tree, so that no frame ever overwrites another."""

    def __init__(self, present: Iterable[Path]) -> None:
        """Start with these files: frames, or sidecars without their frame."""
        self.taken = {(path.parent, moves.stem_of(path.name).casefold()) for path in present}

    def reserve(self, wished: Path) -> Path:
        """Return the wished place, or `X_2.png`, `X_3.png` … if its stem is taken; from then on it is."""
        folder, stem, number = wished.parent, wished.stem, 1
        name = stem
        while (folder, name.casefold()) in self.taken:
            number += 1
            name = f"{stem}_{number}"
        self.taken.add((folder, name.casefold()))
        return wished if number == 1 else folder / f"{name}{wished.suffix}"


def visible_files(tree: Path, name: str = "") -> list[Path]:
    """Return the files below the tree, or those of this name, but for hidden ones and those in hidden folders."""
    found = []
    for folder, folders, names in os.walk(tree):
        folders[:] = [one for one in folders if not one.startswith(".")]
        found += [Path(folder, one) for one in names if not one.startswith(".") and name in ("", one)]
    return found
