"""A removal: which frame goes, why, and which frame it resembles; carried out, and counted for the closing line."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from framekit import console
from framekit.dataset import removed
from framekit.dedup.descriptors import DescribedFrames
from framekit.files import paths


@dataclass(frozen=True)
class Removal:
    """A frame that goes, by its row, and the reason.

    `resembles` is the row of the kept frame that it resembles, -1 for none, `similarity` how much; `detail` is the
    figure behind any other reason.
    """

    row: int
    reason: str
    resembles: int = -1
    similarity: float = -1.0
    detail: str = ""


def carry_out(root: Path, described: DescribedFrames, going: Sequence[Removal], made: Mapping[str, Any]) -> None:
    """Move the frames that go to `.removed/`, each with a line in the manifest; `made` are settings by reasons."""
    names = [frame.relative_to(root).as_posix() for frame in described.readable]
    for one in console.progress(going, len(going), "move"):
        details: dict[str, str | float] = {"detail": one.detail} if one.detail else {}
        if one.resembles >= 0:
            details |= {"resembles": names[one.resembles], "similarity": round(one.similarity, 4)}
        held = {"settings": made[one.reason]} if one.reason in made else {}
        removed.remove(root, described.readable[one.row], one.reason, **details, **held)


def by_reason(going: Sequence[Removal]) -> str:
    """Return `3 flat, 12 similar`, "" if nothing goes."""
    counts = Counter(one.reason for one in going)
    return ", ".join(f"{count} {reason}" for reason, count in sorted(counts.items()))


def summary(root: Path, described: DescribedFrames, going: Sequence[Removal], dry_run: bool) -> str:
    """Return what the closing line says."""
    where = f"{'would go to' if dry_run else 'set aside in'} {root / paths.REMOVED}"
    kept = console.counted(len(described.readable) - len(going), "frame")
    return f"{kept} kept, {by_reason(going) or 'none'} {where}"
