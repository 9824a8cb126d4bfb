"""All that the sidecars of a frame say, read in one visit."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from framekit.boxes import Face
from framekit.files.atomic import read_json, read_text
from framekit.files.names import FACES, TAGS, sidecar
from framekit.sidecars.characters import Named, read_named
from framekit.sidecars.episode import Episodes
from framekit.sidecars.faces import count_people, faces_in


@dataclass(frozen=True)
class FrameSidecars:
    """What the sidecars of one frame say; what is missing is empty.

    `source` is where it came from, `people` how many a person detector saw, `tag_text` the text of X.png.tags.
    """

    frame: Path
    source: Mapping[str, Any]
    faces: Sequence[Face]
    people: int
    named: Named
    tag_text: str


def read_sidecars(frame: Path, episodes: Episodes) -> FrameSidecars:
    """Return what the sidecars of a frame say; `episodes` remembers the records of folders. Raises BadSidecar."""
    source = episodes.source_of(frame)
    path, tags = sidecar(frame, FACES), sidecar(frame, TAGS)
    detected = read_json(path) if path.exists() else {"faces": []}
    faces = faces_in(detected, path.name)
    named = read_named(frame)
    return FrameSidecars(frame, source, faces, count_people(detected), named, read_text(tags) if tags.exists() else "")
