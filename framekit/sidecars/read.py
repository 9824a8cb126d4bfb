"""All that the sidecars of a frame say, read in one visit."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from framekit.boxes import Face
from framekit.errors import BadSidecar
from framekit.files.atomic import read_json, read_json_value, read_text
from framekit.files.names import FACES, SOURCE, TAGS, sidecar
from framekit.sidecars import foreign, kinds
from framekit.sidecars.characters import Named, read_named
from framekit.sidecars.episode import Episodes
from framekit.sidecars.faces import count_people, faces_in
from framekit.sidecars.kinds import Told
from framekit.sidecars.tags import sort_tags


@dataclass(frozen=True)
class FrameSidecars:
    """What the sidecars of one frame say; what is missing is empty.

    `source` is where it came from, `people` how many a person detector saw, `tagged` the tags of X.png.tags;
    `told` is what files of other programs say, and `address` where on the net it came from. `missing` are the sidecars
    that no script has written yet: of faces, of tags if no other file tells any; `description` are the sentences of a
    caption, and `tags_from` says that tags come from there.
    """

    frame: Path
    source: Mapping[str, Any]
    faces: Sequence[Face]
    people: int
    named: Named
    tagged: Told
    told: Told = field(default_factory=kinds.nothing_told)
    address: str = ""
    missing: Sequence[str] = ()
    description: str = ""
    tags_from: str = ""

    @property
    def unclear(self) -> list[str]:
        """What the files of tags hold that is left out, since nobody can tell which tags it means."""
        return [*self.tagged[kinds.UNCLEAR], *self.told[kinds.UNCLEAR]]


def read_sidecars(frame: Path, episodes: Episodes) -> FrameSidecars:
    """Return what the sidecars of a frame say; `episodes` remembers the records of folders. Raises BadSidecar."""
    source = episodes.source_of(frame)
    path, tags = sidecar(frame, FACES), sidecar(frame, TAGS)
    detected = read_json(path) if path.exists() else {"faces": []}
    faces = faces_in(detected, path.name)
    named = read_named(frame)
    tagged = sort_tags(read_text(tags)) if tags.exists() else kinds.nothing_told()
    told, address = told_by_others(frame)
    missing = [FACES] * (not path.exists()) + [TAGS] * (not tags.exists() and not any(told.values()))
    return FrameSidecars(frame, source, faces, count_people(detected), named, tagged, told, address, missing)


def told_by_others(frame: Path) -> tuple[Told, str]:
    """Return what files of other programs beside a frame say, and the address in them; a damaged one says nothing.

    They are X.source.json, X.png.json, and lists of tags in X.tags or X.png.txt.
    """
    several: list[Told] = []
    address = ""
    stem, name = frame.stem, frame.name
    for path in map(frame.with_name, (f"{stem}{SOURCE}", f"{name}.json")):
        if path.exists():
            try:
                value = read_json_value(path)
            except BadSidecar as error:
                several.append({kinds.UNCLEAR: [str(error)]})
                continue
            several.append(foreign.told_by(value, frame))
            address = address or foreign.address_in(value, frame)
    for path in map(frame.with_name, (f"{stem}{TAGS}", f"{name}.txt")):
        if path.exists():
            try:
                several.append(sort_tags(read_text(path)))
            except BadSidecar as error:
                several.append({kinds.UNCLEAR: [str(error)]})
    return (kinds.joined(several), address) if several else (kinds.nothing_told(), "")


def unclear_tags(frame: Path) -> list[str]:
    """Return what `FrameSidecars.unclear` is, with the reason for a file that cannot be read.

    A frame whose name is too long for sidecars has none.
    """
    path = sidecar(frame, TAGS)
    try:
        own = sort_tags(read_text(path))[kinds.UNCLEAR] if path.exists() else []
        return [*own, *told_by_others(frame)[0][kinds.UNCLEAR]]
    except BadSidecar as error:
        return [str(error)]
    except OSError:
        return []
