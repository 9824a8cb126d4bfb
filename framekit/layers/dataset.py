"""Layers as a dataset of their own: each picture with its sidecars, and what it was made of.

`.layers.jsonl` notes of each shot what its layers were made of and the digests of what was written: a shot is done
again when its figures, their names or the settings change. A picture that a person changed stays; one that is no
longer made goes to `.removed`.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from framekit import console
from framekit.boxes import Seen
from framekit.dataset import removed
from framekit.errors import BadSidecar
from framekit.faces.crops import write_cuts
from framekit.files import atomic, journal
from framekit.layers.cutting import KINDS, Frame, Layer, Making, Mask, is_named, layers_of, read_frame
from framekit.layers.shots import Shot, Videos, shots_of
from framekit.pixels.decode import Pixels
from framekit.pixels.encode import encode_png
from framekit.sidecars.characters import names_record, write_names
from framekit.sidecars.corrections import digest
from framekit.sidecars.episode import Episodes
from framekit.sidecars.faces import OF_CROP, faces_record, write_faces
from framekit.sidecars.instances import digest_of, noted
from framekit.sidecars.metadata import UNKNOWN

JOURNAL = ".layers.jsonl"
STALE = "stale_layer"


@dataclass
class Written:
    """What a run wrote: pictures of each kind, shots that were done before, pictures that a person changed."""

    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(KINDS, 0))
    done: int = 0
    by_hand: int = 0
    stale: int = 0


def frames_of(shot: Shot, listed: list[tuple[Path, str]]) -> dict[Path, Frame]:
    """Return the frames of a shot that somebody looked at; those whose sidecars are damaged are added to `listed`."""
    held = {}
    for path in shot.frames:
        try:
            frame = read_frame(path)
        except BadSidecar as error:
            listed.append((path, str(error)))
            continue
        if frame is not None:
            held[path] = frame
    return held


def made_of(frames: Mapping[Path, Frame], settings: Mapping[str, Any]) -> str:
    """Return what changes when anything changes that the layers of a shot are made of."""
    each = []
    for path, frame in frames.items():
        figures = [noted(figure) for figure in frame.figures]
        names = [frame.names.get(face.box, "") for face in frame.faces]
        stamp = path.stat()
        each.append([path.name, stamp.st_size, digest_of(frame.mask), figures, names])
    return digest([each, dict(settings)])


class Layers:
    """A folder of layers of the frames below `root`, and what its journal says."""

    def __init__(self, root: Path, target: Path) -> None:
        """Read the journal of `target`, if it is there."""
        self.root, self.target = root, target
        self.known: dict[str, dict[str, Any]] = {}
        for record in journal.read_lines(target / JOURNAL):
            if isinstance(record.get("shot"), str) and isinstance(record.get("wrote"), dict):
                self.known[record["shot"]] = record
        self.episodes = Episodes()

    def key(self, shot: Shot) -> str:
        """Return how the journal names a shot: by its first frame."""
        return shot.frames[0].relative_to(self.root).with_suffix("").as_posix()

    def is_done(self, shot: Shot, made: str) -> bool:
        """Tell whether the layers of a shot are there, made of the same."""
        record = self.known.get(self.key(shot))
        return bool(
            record and record.get("of") == made and all((self.target / one).exists() for one in record["wrote"])
        )

    def write(self, shot: Shot, made: str, layers: Iterable[Layer], told: Written) -> None:
        """Write the layers of a shot, then note them; what was written before and is no longer made is set aside."""
        before: Mapping[str, str] = self.known.get(self.key(shot), {}).get("wrote", {})
        wrote: dict[str, str] = {}
        cuts: dict[Path, dict[str, Any]] = {}
        for layer in layers:
            path = self.target / layer.kind / layer.frame.parent.relative_to(self.root) / layer.name
            name = path.relative_to(self.target).as_posix()
            content = png_of(layer.pixels)
            if self.is_by_hand(path, before.get(name)):
                told.by_hand += 1
                wrote[name] = before.get(name, "")
            else:
                write_layer(path, layer, content)
                told.counts[layer.kind] += 1
                wrote[name] = digest_of(content)
            cuts[path] = self.source_of(layer.frame) | {"layer": dict(layer.cut)}
        write_cuts(cuts, Episodes())  # anew: they hold what they read first
        for name, content_digest in before.items():
            path = self.target / name
            if name not in wrote and path.exists() and not self.is_by_hand(path, content_digest):
                removed.remove(self.target, path, STALE)
                told.stale += 1
        record = {"shot": self.key(shot), "of": made, "wrote": wrote}
        journal.append_line(self.target / JOURNAL, record)
        self.known[self.key(shot)] = record

    def source_of(self, frame: Path) -> dict[str, Any]:
        """Return where a frame came from, nothing if its record is damaged."""
        try:
            return self.episodes.source_of(frame)
        except BadSidecar:
            return {}

    def is_by_hand(self, path: Path, noted_digest: str | None) -> bool:
        """Tell whether a person made or changed a picture of layers."""
        held = atomic.bytes_in(path)
        return held is not None and noted_digest is not None and digest_of(held) != noted_digest


def png_of(pixels: NDArray[np.uint8]) -> bytes:
    """Return RGB or RGBA pixels as a PNG file."""
    if pixels.shape[2] == 3:
        return encode_png(pixels)
    import cv2

    _, content = cv2.imencode(".png", cv2.cvtColor(pixels, cv2.COLOR_RGBA2BGRA))
    return content.tobytes()


def write_layer(path: Path, layer: Layer, content: bytes) -> None:
    """Write a picture of a layer and its sidecars; what a person corrected in these stays."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_faces(path, faces_record(OF_CROP, Seen(list(layer.faces), [], [])), overwrite=False)
    if is_named(layer):
        named = [
            {"box": list(face.box), "name": name or UNKNOWN, "score": 1.0, "runner_up": None}
            for face, name in zip(layer.faces, layer.names, strict=True)
        ]
        write_names(path, names_record({"model": OF_CROP["model"], "references": ""}, named), overwrite=False)
    atomic.write_whole(path, content)


@dataclass(frozen=True)
class Wanted:
    """What layers are made of besides the frames: `settings` for the journal, `making`, what `hides` the background in
    frames of a video, and the `videos`.
    """

    settings: Mapping[str, Any]
    making: Making
    hides: Callable[[Pixels], Mask]
    videos: Videos


def write_layers(found: Sequence[Path], layers: Layers, wanted: Wanted, listed: list[tuple[Path, str]]) -> Written:
    """Write the layers of all shots that are not done; frames with damaged sidecars are added to `listed`."""
    told = Written()
    todo: dict[tuple[Path, ...], tuple[dict[Path, Frame], str]] = {}
    shots: list[Shot] = []
    for shot in shots_of(found):
        frames = frames_of(shot, listed)
        held = [(frame, number) for frame, number in zip(shot.frames, shot.numbers, strict=True) if frame in frames]
        if not held:
            continue
        own = Shot(tuple(frame for frame, _ in held), tuple(number for _, number in held), shot.scene)
        made = made_of(frames, wanted.settings)
        if layers.is_done(own, made):
            told.done += 1
        else:
            todo[own.frames] = frames, made
            shots.append(own)
    for shot, near in console.progress(wanted.videos.around(shots), len(shots), "shot", "layers"):
        frames, made = todo[shot.frames]
        layers.write(shot, made, layers_of(shot, frames, near, wanted.hides, wanted.making), told)
    return told
