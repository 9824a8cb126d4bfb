"""The journal of an arranged tree: where each frame of the dataset was put, and how its metadata was then."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from framekit import journals, sidecar
from framekit.frame_names import relative_name

JOURNAL = ".arranged.jsonl"
CHARACTER_OTHERS = "character_others"  # the folder of rare, overlong and empty combinations of characters


OTHERS = "others"  # the folder of frames without characters
MAX_BYTES = 240  # file systems take 255 bytes
MAX_COMBINATION = 100  # characters of text in the name of a combination; Source: the older script generation


def combination(characters: Iterable[str]) -> str:
    """Return characters joined by `+`, sorted; `character_others` for none or too many."""
    joined = "+".join(sorted({folder_name(name) for name in characters}))
    short = len(joined) < MAX_COMBINATION and len(joined.encode()) <= MAX_BYTES
    return joined if joined and short else CHARACTER_OTHERS


@lru_cache(maxsize=2**14)
def folder_name(character: str) -> str:
    """Return the name of a character as it stands in folders; `+` and dots have meanings of their own there."""
    return sidecar.safe_name(character.replace(".", "").replace("+", " "))


@dataclass(frozen=True)
class Placed:
    """Where a frame was put in the tree, and the digests that X.json had then, there and in the dataset.

    `told` is the place as the journal tells it.
    """

    place: Path
    digests: tuple[str, str] = ("", "")
    told: str = field(default="", compare=False)


@dataclass(frozen=True)
class Journal:
    """What .arranged.jsonl says: the last placement of each frame, and the one that a kill may have cut short."""

    placed: dict[str, Placed]
    unfinished: tuple[str, Placed | None, Path] | None = None  # origin, where it was before, where it should be


def read_journal(tree: Path) -> Journal:
    """Read the journal; records that would lead out of the tree are passed over.

    Each placement is two lines: one before anything moves, and one after, with the digests of the metadata.
    """
    placed: dict[str, Placed] = {}
    unfinished: tuple[str, Placed | None, Path] | None = None
    root = journals.Root(tree)
    for record in journals.read_lines(tree / JOURNAL):
        origin = record.get("frame")
        before = placed.get(origin) if isinstance(origin, str) else None
        place = before.place if before and record.get("to") == before.told else root.inside(record.get("to"))
        if place is None or not isinstance(origin, str) or (before is None and root.inside(origin) is None):
            continue
        noted, told = record.get("metadata"), record["to"]
        if isinstance(noted, list) and len(noted) == 2:
            placed[origin], unfinished = Placed(place, (str(noted[0]), str(noted[1])), told), None
        else:
            placed[origin] = Placed(place, before.digests if before else ("", ""), told)
            unfinished = (origin, before, place)
    return Journal(placed, unfinished)


def metadata_digest(frame: Path) -> str:
    """Return the digest of a frame's X.json, "" if it is missing or damaged."""
    try:
        return sidecar.digest(sidecar.read_json(sidecar.sidecar(frame, sidecar.METADATA)))
    except sidecar.BadSidecar:
        return ""


def placement(origin: str, target: Path, tree: Path, digests: tuple[str, str] | None = None) -> dict[str, Any]:
    """Return a record of the journal; a finished placement notes the digests of the metadata."""
    record: dict[str, Any] = {"frame": origin, "to": relative_name(target, tree)}
    return record | ({"metadata": digests} if digests else {})
