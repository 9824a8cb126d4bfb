"""The faces of a dataset in groups: by who they are, or the least certain first."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from framekit.sidecars import metadata

EVERY = "all"


@dataclass(frozen=True)
class FaceAt:
    """A face by its frame and place there, from left to right; `score` says how sure its name is, 0 to 1."""

    frame: Path
    index: int
    name: str
    score: float | None


def grouped(faces: Sequence[FaceAt], by: str) -> dict[str, list[FaceAt]]:
    """Return faces by character, the most frequent first and nobody last; or by certainty, all in one group.

    >>> one, two = FaceAt(Path("a.png"), 0, "unknown", None), FaceAt(Path("a.png"), 1, "iku", 0.9)
    >>> list(grouped([one, two], "character"))
    ['iku', 'unknown']
    """
    if by == "certainty":
        return {EVERY: sorted(faces, key=lambda one: (one.score is None, one.score or 0.0))} if faces else {}
    found: dict[str, list[FaceAt]] = {}
    for one in faces:
        found.setdefault(one.name, []).append(one)
    return dict(sorted(found.items(), key=lambda one: (one[0] in metadata.NOBODY, -len(one[1]), one[0])))
