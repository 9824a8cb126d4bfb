"""All frames of a dataset with what their sidecars say, in memory: read once, looked at again where files change."""

import hashlib
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from os import fsencode, scandir
from pathlib import Path
from threading import Lock, RLock
from typing import Any

from framekit.dataset import frames, move, removed
from framekit.desk.present import Now, Stamp, is_corrected, is_head, read_now, stamp_of
from framekit.errors import BadSidecar
from framekit.files import names
from framekit.files.names import nfc
from framekit.sidecars import kinds, metadata
from framekit.sidecars.episode import Episodes

MOMENT, PAUSE, PATIENCE, TURN = 0.002, 0.1, 1.0, 0.2  # s; chosen: a page asks for one picture after the other
NOISE = "noise"  # folder of heads that --cluster found like no others
Removed = tuple[str, Path, Path, dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Listed:
    """When a folder changed last, in ns, a digest of the names in it that are no sidecars, and the folders in it."""

    changed: int
    names: int
    folders: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Entry:
    """What is kept of a frame; `score` is that of its least certain face, `changed` the serial of its last change."""

    id: str
    path: Path
    episode: str = ""
    scene: int | None = None
    time: float | None = None
    names: tuple[str, ...] = ()
    faces: int = 0
    runners_up: tuple[str, ...] = ()
    score: float | None = None
    ratio: float = 0.0
    tags: tuple[str, ...] = ()
    source: str = ""
    is_corrected: bool = False
    problem: str = ""
    changed: int = 0
    stamp: Stamp | None = None  # None: not read yet


def id_of(root: Path, path: Path) -> str:
    """Return by what the page names a frame, which is never a path."""
    below = str(path).removeprefix(str(root))  # a third of the time of relative_to
    return hashlib.sha256(fsencode(below)).hexdigest()[:16]


def entry_of(entry: Entry, now: Now, stamp: Stamp) -> Entry:
    """Return an entry with what its frame is now."""
    source, corrected = now.known.source or (now.values or {}).get("source") or {}, is_corrected(now)
    source = source if isinstance(source, dict) else {}
    scores = [now.known.named.scores.get(face.box, 0.0) for face in now.faces] if not corrected else []
    told = (now.values or {}).get("source_type")
    return replace(
        entry,
        episode=sys.intern(str(source.get("episode") or "") or entry.path.parent.name),
        scene=metadata.scene_of(source),
        time=metadata.time_of(source),
        names=tuple(map(sys.intern, [*now.names, *now.others])),
        faces=len(now.faces),
        runners_up=tuple(sys.intern(now.known.named.runners_up.get(face.box, "")) for face in now.faces),
        score=min(scores, default=None),
        ratio=now.ratio,
        tags=tuple(sys.intern(kinds.same(tag)) for tag in now.tags),
        source=sys.intern(told if isinstance(told, str) else ""),
        is_corrected=corrected,
        problem="",
        stamp=stamp,
    )


def listed(folder: Path) -> Listed | None:
    """Return what a folder holds now, None if it is not there."""
    try:
        changed = folder.stat().st_mtime_ns
        with scandir(folder) as found:
            others = [one for one in found if not one.name.endswith(names.NAME_SUFFIXES)]
            held = [one for one in others if not names.is_ignored(one.name)]
            inside = tuple(sorted(one.name for one in held if one.is_dir(follow_symlinks=False)))
    except OSError:
        return None
    return Listed(changed, hash(frozenset(one.name for one in held)), inside)


def name_by_folder(root: Path, path: Path) -> str:
    """Return who a head is by its folder; nobody where that is called as --cluster made it."""
    folder = nfc(path.relative_to(root).parts[0])
    return metadata.UNKNOWN if metadata.is_unnamed(folder) or folder == NOISE else sys.intern(folder)


@dataclass
class Catalogue:
    """The frames of a dataset in natural order, and those that are removed.

    `serial` grows with each change that is noticed; whoever read at one serial has not seen what changed later.
    `by_folder`: these are heads in the folders of --cluster or of references, whose folder says who they are.
    """

    root: Path
    by_folder: bool = False
    serial: int = 1
    read_so_far: int | None = 0  # None: all are read, and those that come are read at once
    entries: dict[str, Entry] = field(default_factory=dict)
    unusable: list[tuple[Path, str]] = field(default_factory=list)
    folders: dict[Path, Listed] = field(default_factory=dict)
    gone: dict[str, int] = field(default_factory=dict)  # id -> serial at which a frame left
    episodes: Episodes = field(default_factory=Episodes)
    trash: tuple[move.Stamp | None, list[Removed]] | None = None
    lock: RLock = field(default_factory=RLock)
    asked: int = 0  # questions of the page under way
    answered: float = 0.0  # when the last one was answered, on the monotonic clock
    counting: Lock = field(default_factory=Lock)

    @property
    def indexed(self) -> int:
        """Return of how many frames the sidecars are read."""
        return len(self.entries) if self.read_so_far is None else min(self.read_so_far, len(self.entries))

    @contextmanager
    def at_once(self) -> Iterator[None]:
        """Let the reading of all sidecars wait for what is asked meanwhile."""
        with self.counting:
            self.asked += 1
        try:
            yield
        finally:
            with self.counting:
                self.asked, self.answered = self.asked - 1, time.monotonic()

    def is_asked(self) -> bool:
        """Tell whether a question is under way, or the next one is to be expected."""
        return self.asked > 0 or time.monotonic() - self.answered < PAUSE

    def find(self) -> None:
        """Find the frames; what they say is read later."""
        found = self.found()
        inside = [path for path in found if path.parent != self.root]
        self.by_folder = bool(inside) and all(map(is_head, inside))
        by_id = {id_of(self.root, path): path for path in (inside if self.by_folder else found)}
        self.entries = {id_: Entry(id_, path) for id_, path in by_id.items()}
        self.note_folders()

    def found(self) -> list[Path]:
        """Return the frames that are there now; beside folders of heads lie only their contact sheets."""
        self.unusable = []
        found = frames.find_frames(self.root, unusable=self.unusable)
        return [path for path in found if path.parent != self.root] if self.by_folder else found

    def note_folders(self) -> None:
        """Note when each folder changed last, also those without frames: what comes or goes changes its folder."""
        self.folders, waiting = {}, [self.root]
        while waiting:
            folder = waiting.pop()
            if (now := listed(folder)) is not None:
                self.folders[folder] = now
                waiting += [folder / name for name in now.folders]

    def note_own(self, folders: Iterable[Path]) -> None:
        """Note that sidecars in these folders changed by what the page itself wrote there, which was read already."""
        for folder in folders:
            if folder in self.folders:
                self.folders[folder] = replace(self.folders[folder], changed=folder.stat().st_mtime_ns)

    def read_all(self) -> None:
        """Read the sidecars of all frames that were not read yet."""
        turn = 0.0  # until when questions that never end do not count
        for number, id_ in enumerate([*self.entries], start=1):
            began = time.monotonic()
            while self.is_asked() and time.monotonic() > turn:
                time.sleep(MOMENT)
                if time.monotonic() - began > PATIENCE:
                    turn = time.monotonic() + TURN
            with self.lock:
                entry = self.entries.get(id_)
                if entry is not None and entry.stamp is None:
                    self.entries[id_] = self.read(entry)
            self.read_so_far = number
        self.read_so_far = None
        self.serial += 1
        self.removed()  # whoever asks for them first does not wait

    def read(self, entry: Entry) -> Entry:
        """Return an entry with what its sidecars say now; what cannot be read is its problem."""
        stamp = stamp_of(entry.path)
        try:
            found = entry_of(entry, read_now(entry.path, self.episodes), stamp)
            return (
                replace(found, names=(name_by_folder(self.root, entry.path),) * found.faces, score=None)
                if (self.by_folder)
                else found
            )
        except BadSidecar as error:
            return replace(entry, stamp=stamp, problem=str(error), episode=entry.path.parent.name)

    def look_again(self, ids: Iterable[str]) -> list[str]:
        """Look at the files of frames; return those that changed since they were read, which are read anew."""
        changed: list[str] = []
        with self.lock:
            for id_ in ids:
                entry = self.entries.get(id_)
                if entry is not None and entry.stamp is not None and stamp_of(entry.path) != entry.stamp:
                    changed.append(id_)
            self.note_changed(changed)
        return changed

    def note_changed(self, ids: Sequence[str]) -> None:
        """Read frames anew, at a new serial."""
        with self.lock:
            if ids:
                self.serial += 1
            for id_ in ids:
                entry = self.entries[id_]
                self.entries[id_] = replace(self.read(entry), changed=self.serial)

    def look_around(self) -> None:
        """Notice frames that came or went, and files that scripts wrote, in folders that changed."""
        with self.lock:
            now = {one: one.stat().st_mtime_ns for one in self.folders if one.is_dir()}
            touched = {one: listed(one) for one, held in self.folders.items() if now.get(one) != held.changed}
            if not touched:
                return
            self.episodes = Episodes()
            if any(held is None or held.names != self.folders[one].names for one, held in touched.items()):
                self.match(self.found())
                self.note_folders()
            else:
                self.folders |= {one: held for one, held in touched.items() if held is not None}
            self.look_again([one.id for one in self.entries.values() if one.path.parent in touched])

    def match(self, found: Sequence[Path]) -> None:
        """Take frames in that came, and drop those that went."""
        by_id = {id_of(self.root, path): path for path in found}
        came, went = by_id.keys() - self.entries.keys(), self.entries.keys() - by_id.keys()
        if not came and not went:
            return
        self.serial += 1
        self.gone |= dict.fromkeys(went, self.serial)
        held = self.entries
        fresh = {id_: replace(self.read(Entry(id_, by_id[id_])), changed=self.serial) for id_ in by_id if id_ in came}
        self.entries = {id_: held.get(id_) or fresh[id_] for id_ in by_id}

    def changed_since(self, serial: int) -> list[str]:
        """Return the frames that changed or went after a serial."""
        changed = [one.id for one in self.entries.values() if one.changed > serial]
        return changed + [id_ for id_, at in self.gone.items() if at > serial and id_ not in self.entries]

    def conflicts(self, ids: Iterable[str], serial: int) -> list[Entry]:
        """Return those frames whose files changed after a serial, or are not as they were read."""
        with self.lock:
            wanted = [*ids]
            self.look_again(wanted)
            return [one for id_ in wanted if (one := self.entries.get(id_)) is not None and one.changed > serial]

    def characters(self) -> Counter[str]:
        """Count the frames of each character."""
        return Counter(name for one in [*self.entries.values()] for name in {*one.names} if name not in metadata.NOBODY)

    def tags(self) -> Counter[str]:
        """Count the frames of each tag."""
        return Counter(tag for one in [*self.entries.values()] for tag in one.tags)

    def removed(self) -> list[Removed]:
        """Return (id, where it was, where it is, its line of the manifest) of each removed frame."""
        stamp = move.stamp(self.root / removed.MANIFEST)
        with self.lock:
            if self.trash is None or self.trash[0] != stamp:
                found = removed.removed_now(self.root)
                self.trash = (
                    stamp,
                    [(id_of(self.root, where), origin, where, record) for origin, where, record in found],
                )
            return self.trash[1]
