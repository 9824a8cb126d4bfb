"""Layers as a dataset of their own: each picture with its sidecars, and what it was made of.

`.layers.jsonl` notes the digest of each picture before it is written, and of each shot what its layers were made of: a
shot is done again when its figures, their names or the settings change. A picture that a person changed stays; one that
is no longer made goes to `.removed`.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from framekit import console
from framekit.boxes import Seen
from framekit.dataset import removed
from framekit.dataset.frames import open_pool
from framekit.errors import BadSidecar
from framekit.faces.crops import write_cuts
from framekit.files import atomic, journal
from framekit.files.names import CHARACTERS, sidecar
from framekit.files.paths import Root
from framekit.layers.cutting import KINDS, Frame, Layer, Making, Mask, is_named, layers_of, read_frame
from framekit.layers.shots import Shot, Videos, shots_of
from framekit.pixels.decode import Pixels
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


@dataclass(frozen=True)
class Todo:
    """A shot whose layers are to be made: its frames with their figures, and what they are made of.

    `is_whole` is False where sidecars of the shot are damaged: layers that are there then stay.
    """

    shot: Shot
    frames: Mapping[Path, Frame]
    made: str
    is_whole: bool


class Layers:
    """A folder of layers of the frames below `root`, and what its journal says."""

    def __init__(self, root: Path, target: Path, turn: Callable[[Path], AbstractContextManager[None]]) -> None:
        """Read the journal of `target`, if it is there; `turn` lets one of several processes write what they share."""
        self.root, self.target, self.turn = root, target, turn
        self.inside = Root(target).inside
        self.known: dict[str, dict[str, Any]] = {}
        self.own: dict[
            str, list[str]
        ] = {}  # digests of what was written, by the name of the picture, the last one last
        for record in journal.read_lines(target / JOURNAL):
            wrote = record.get("wrote")
            if not isinstance(wrote, dict) or not all(isinstance(one, str) for one in wrote.values()):
                continue
            self.remember(record)
        self.episodes = Episodes()

    def remember(self, record: dict[str, Any]) -> None:
        """Take a record of the journal."""
        for name, noted_digest in record["wrote"].items():
            self.own.setdefault(name, []).append(noted_digest)
        if isinstance(record.get("shot"), str):
            self.known[record["shot"]] = record

    def key(self, frame: Path) -> str:
        """Return how the journal names the shot that begins with a frame."""
        return frame.relative_to(self.root).with_suffix("").as_posix()

    def is_done(self, shot: Shot, made: str) -> bool:
        """Tell whether the layers of a shot are there, made of the same, and no other shot wrote them since."""
        record = self.known.get(self.key(shot.frames[0]))
        if record is None or record.get("of") != made:
            return False
        wrote: dict[str, str] = record["wrote"]
        if any(self.own[name][-1] != noted_digest for name, noted_digest in wrote.items()):
            return False
        return all((path := self.inside(name)) is not None and path.exists() for name in wrote)

    def write(self, todo: Todo, layers: Iterable[Layer], failed: Sequence[object], told: Written) -> None:
        """Write the layers of a shot, then note them; what was written before and is no longer made is set aside.

        `failed` grows while `layers` are made; with any, or where sidecars are damaged, what was there stays.
        """
        key = self.key(todo.shot.frames[0])
        before: Mapping[str, str] = self.known.get(key, {}).get("wrote", {})
        wrote: dict[str, str] = {}
        cuts: dict[Path, dict[str, Any]] = {}
        for layer in layers:
            path = self.target / layer.kind / layer.frame.parent.relative_to(self.root) / layer.name
            name = path.relative_to(self.target).as_posix()
            wrote[name] = digest_of(layer.content)
            if self.is_by_hand(path):
                told.by_hand += 1
            else:
                self.note({"wrote": {name: wrote[name]}})
                write_layer(path, layer)
                told.counts[layer.kind] += 1
            cuts[path] = self.source_of(layer.frame) | {"layer": dict(layer.cut)}
        if cuts:
            with self.turn(self.target):
                write_cuts(cuts, Episodes())
        if failed or not todo.is_whole:
            wrote = {**before, **wrote}
        else:
            self.set_aside(before.keys() - wrote.keys(), told)
        self.note({"shot": key, "of": "" if failed else todo.made, "wrote": wrote})

    def note(self, record: dict[str, Any]) -> None:
        """Add a record to the journal, unless it only repeats the last digest of a picture."""
        if "shot" not in record and all(self.own.get(name, [""])[-1] == one for name, one in record["wrote"].items()):
            return
        self.remember(record)
        journal.append_line(self.target / JOURNAL, record)

    def forget(self, shots: Sequence[Shot], there: Iterable[Path], told: Written) -> None:
        """Set aside the layers of shots that there are no longer: `shots` are all, `there` all frames."""
        now = {self.key(shot.frames[0]) for shot in shots}
        undecided = {self.key(frame) for frame in there} - {self.key(one) for shot in shots for one in shot.frames}
        gone = self.known.keys() - now - undecided
        made = {name for key in self.known.keys() - gone for name in self.known[key]["wrote"]}
        for key in sorted(gone):
            if self.known[key]["wrote"]:
                self.set_aside(self.known[key]["wrote"].keys() - made, told)
                self.note({"shot": key, "of": "", "wrote": {}})

    def set_aside(self, names: Iterable[str], told: Written) -> None:
        """Move pictures to `.removed`, but for those that a person changed."""
        for name in sorted(names):
            path = self.inside(name)
            if path is not None and path.is_file() and not self.is_by_hand(path):
                removed.remove(self.target, path, STALE)
                told.stale += 1

    def source_of(self, frame: Path) -> dict[str, Any]:
        """Return where a frame came from, nothing if its record is damaged."""
        try:
            return self.episodes.source_of(frame)
        except BadSidecar:
            return {}

    def is_by_hand(self, path: Path) -> bool:
        """Tell whether a person made or changed a picture of layers."""
        held = atomic.bytes_in(path)
        return held is not None and digest_of(held) not in self.own.get(path.relative_to(self.target).as_posix(), ())


def write_layer(path: Path, layer: Layer) -> None:
    """Write a picture of a layer and its sidecars; what a person corrected in these stays."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_faces(path, faces_record(OF_CROP, Seen(list(layer.faces), [], [])), overwrite=False)
    if is_named(layer) or sidecar(path, CHARACTERS).exists():
        named = [
            {"box": list(face.box), "name": name or UNKNOWN, "score": 1.0, "runner_up": None}
            for face, name in zip(layer.faces, layer.names, strict=True)
        ]
        write_names(path, names_record({"model": OF_CROP["model"], "references": ""}, named), overwrite=False)
    atomic.write_whole(path, layer.content)


@dataclass(frozen=True)
class Wanted:
    """What layers are made of besides the frames: `settings` for the journal, `making`, what `hides` the background in
    frames of a video, and the `videos`.
    """

    settings: Mapping[str, Any]
    making: Making
    hides: Callable[[Pixels], Mask]
    videos: Videos
    workers: int = 1


Failed = list[tuple[Path, str]]


def made_ahead(
    todo: Mapping[tuple[Path, ...], Todo], shots: Sequence[Shot], wanted: Wanted
) -> Iterator[tuple[Todo, list[Layer], Failed]]:
    """Yield the layers of each shot, made ahead by workers, and the frames that could not be read."""

    def make(one: Todo, near: Mapping[int, Pixels]) -> tuple[Todo, list[Layer], Failed]:
        failed: Failed = []
        made = [*layers_of(one.shot, one.frames, near, wanted.hides, wanted.making, failed)]
        return one, made, failed

    coming = ((todo[shot.frames], near) for shot, near in wanted.videos.around(shots))
    if wanted.workers <= 1:
        yield from (make(one, near) for one, near in coming)
        return
    waiting: deque[Future[tuple[Todo, list[Layer], Failed]]] = deque()
    with open_pool(wanted.workers, processes=False) as pool:
        try:
            for one, near in coming:
                waiting.append(pool.submit(make, one, near))
                if len(waiting) > wanted.workers:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:  # nobody waits for them where this was stopped
                future.cancel()


def write_layers(
    found: Sequence[Path],
    beyond: Sequence[Path],
    layers: Layers,
    wanted: Wanted,
    listed: list[tuple[Path, str]],
    there: Sequence[Path] = (),
) -> Written:
    """Write the layers of the shots of `found` that are not done.

    `beyond` are frames after these, of which the last shot may have some. With `there`, all frames of the dataset,
    layers of shots that are gone are set aside. Damaged sidecars and unreadable frames are added to `listed`.
    """
    told = Written()
    removed.finish_interrupted(layers.target)
    todo: dict[tuple[Path, ...], Todo] = {}
    every: list[Shot] = []
    named = set(found)
    for shot in shots_of([*found, *beyond]):
        if named.isdisjoint(shot.frames):
            continue
        damaged = len(listed)
        frames = frames_of(shot, listed)
        held = [(frame, number) for frame, number in zip(shot.frames, shot.numbers, strict=True) if frame in frames]
        if not held:
            continue
        own = Shot(tuple(frame for frame, _ in held), tuple(number for _, number in held), shot.scene)
        every.append(own)
        made = made_of(frames, wanted.settings)
        if layers.is_done(own, made):
            told.done += 1
        else:
            todo[own.frames] = Todo(own, frames, made, len(listed) == damaged)
    shots = [one.shot for one in todo.values()]
    for one, made_now, failed in console.progress(made_ahead(todo, shots, wanted), len(shots), "shot", "layers"):
        layers.write(one, made_now, failed, told)
        listed += failed
    if there:
        layers.forget(every, there, told)
    return told
