"""A dataset read back: each frame with what its sidecars say."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from framekit import console
from framekit.boxes import Box, Face
from framekit.dataset.frames import find_frames
from framekit.errors import BadSidecar, MissingSidecar, UsageError
from framekit.files.atomic import read_text
from framekit.files.names import TAGS, sidecar
from framekit.sidecars.characters import read_names
from framekit.sidecars.episode import Episodes
from framekit.sidecars.faces import read_faces
from framekit.sidecars.metadata import Metadata, read_metadata
from framekit.sidecars.tags import parse_tags


@dataclass(frozen=True)
class DatasetFrame:
    """A frame of a dataset. Its sidecars are read when they are asked for; each raises BadSidecar if it is damaged."""

    path: Path
    episodes: Episodes

    @cached_property
    def metadata(self) -> Metadata:
        """The content of X.json. Raises BadSidecar also if there is none."""
        return read_metadata(self.path)

    @cached_property
    def source(self) -> dict[str, Any]:
        """Video, episode, time in seconds, source frame and scene; empty if nobody noted them."""
        return self.episodes.source_of(self.path)

    @cached_property
    def faces(self) -> list[Face] | None:
        """The faces, boxes as fractions of the frame; None if nobody looked for them."""
        return read_faces(self.path)

    @cached_property
    def names(self) -> dict[Box, str]:
        """The name of each face by its box; empty if nobody named them."""
        return dict(read_names(self.path))

    @cached_property
    def tags(self) -> dict[str, list[str]]:
        """The tags by their kind: general, character, copyright, artist, rating; empty lists if it was not tagged."""
        path = sidecar(self.path, TAGS)
        return parse_tags(read_text(path) if path.exists() else "")


def open_dataset(folder: Path | str, limit: int = 0) -> Iterator[DatasetFrame]:
    """Yield the frames of a dataset in natural order, the first so many if there is a limit.

    What `find_frames` leaves out is a warning. Raises UsageError if the folder is missing.

        >>> import json, tempfile
        >>> from PIL import Image
        >>> folder = Path(tempfile.mkdtemp())
        >>> Image.new("RGB", (64, 36)).save(folder / "a.png")
        >>> _ = (folder / "a.json").write_text(json.dumps({"count": 1, "characters": ["AobaKokona"], "tags": ["solo"]}))
        >>> [(frame.path.name, frame.metadata.characters, frame.faces) for frame in open_dataset(folder)]
        [('a.png', ['AobaKokona'], None)]
    """
    return described(find_frames(Path(folder), limit))


def described(found: Iterable[Path]) -> Iterator[DatasetFrame]:
    """Yield frames that were found, ready to be asked for their sidecars."""
    episodes = Episodes()
    for path in found:
        yield DatasetFrame(path, episodes)


@dataclass
class Unusable:
    """The frames whose metadata can't be used: those that have none yet, and others with the reason."""

    missing: list[Path] = field(default_factory=list)
    unreadable: list[tuple[Path, str]] = field(default_factory=list)

    def tell_missing(self, found: int, root: Path) -> None:
        """Say once how many of the frames that were found have no metadata yet, and what to do.

        Raises UsageError if none has any.
        """
        if self.missing and len(self.missing) == found:
            raise UsageError(f"no frame in {root} has an X.json yet; run generate_metadata.py --src_dir {root} first")
        if self.missing:
            number = console.counted(len(self.missing), "frame")
            words = f"left out: {number} without X.json yet, such as {self.missing[0]}"
            console.warn(console.shown(f"{words}; run generate_metadata.py --src_dir {root}"))


def with_metadata(found: Iterable[DatasetFrame]) -> tuple[dict[Path, Metadata], Unusable]:
    """Return the metadata of each frame, and the frames whose metadata can't be used."""
    known: dict[Path, Metadata] = {}
    unusable = Unusable()
    for frame in found:
        try:
            known[frame.path] = frame.metadata
        except MissingSidecar:
            unusable.missing.append(frame.path)
        except BadSidecar as error:
            unusable.unreadable.append((frame.path, str(error)))
    return known, unusable


def characters_in(found: Iterable[Path]) -> set[str]:
    """Return all characters that the metadata of frames name; a frame without usable metadata names none."""
    known, _ = with_metadata(described(found))
    return {name for one in known.values() for name in one.characters}
