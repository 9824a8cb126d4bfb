"""A dataset under review: what was asked for is checked, done as one action under its lock, and noted to be undone."""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from framekit import console, errors
from framekit.dataset import removed
from framekit.desk.catalogue import Catalogue, Entry
from framekit.desk.corrected import Texts
from framekit.desk.journal import Journal, Record
from framekit.desk.present import LOOKED_AT, Now, read_now
from framekit.files import atomic, names
from framekit.metadata.join import Rules
from framekit.sidecars import metadata
from framekit.sidecars.renames import Renames
from framekit.trainers.base import Folder, folder_in

LONGEST_TAG = 100  # characters; chosen


CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f]")


class NeedsConsent(errors.UsageError):
    """A name that nobody has yet; `nearest` is the one that it resembles."""

    def __init__(self, name: str, nearest: str) -> None:
        """Say which name."""
        super().__init__(f"nobody is called {name} yet" + (f"; did you mean {nearest}?" if nearest else ""))
        self.nearest = nearest


class Conflict(errors.UsageError):
    """Frames whose files changed since the page read them."""

    def __init__(self, entries: Sequence[Entry]) -> None:
        """Say how many."""
        number = console.counted(len(entries), "frame")
        super().__init__(f"{number} changed since you looked, such as {entries[0].path.name}; look again, then repeat")
        self.entries = [*entries]


@dataclass
class Desk:
    """A dataset that is being reviewed; `alone` locks it, alone where frames move, as the scripts do."""

    catalogue: Catalogue
    journal: Journal
    alone: Callable[[bool], AbstractContextManager[Any]]

    @property
    def root(self) -> Path:
        """The folder of the dataset."""
        return self.catalogue.root

    def folders(self) -> Counter[Folder]:
        """Count the frames of each folder."""
        return Counter(folder_in(self.root, one.path) for one in self.catalogue.entries.values())

    def rules(self) -> Rules:
        """Return what holds for all frames when their metadata is joined."""
        return Rules(None, "auto", None, False, Renames(self.root), trash=self.root / removed.REPLACED)

    def entries_of(self, ids: Iterable[str]) -> list[Entry]:
        """Return frames by their ids. Raises UsageError for one that is not there."""
        found = [self.catalogue.entries.get(id_) for id_ in dict.fromkeys(ids)]
        if not found or None in found:
            raise errors.UsageError("a frame is no longer there; look again, then repeat" if found else "choose frames")
        return [one for one in found if one is not None]

    def refuse_conflicts(self, entries: Sequence[Entry], asked: Mapping[str, Any]) -> None:
        """Raise Conflict for frames whose files the page has not seen as they are."""
        serial = asked.get("serial")
        found = self.catalogue.conflicts([one.id for one in entries], serial if isinstance(serial, int) else 0)
        if found:
            raise Conflict(found)

    def correct(
        self, what: str, wanted: Mapping[Entry, Callable[[Now, Rules], Texts]], asked: Mapping[str, Any]
    ) -> tuple[str, list[str]]:
        """Correct the sidecars of frames as one action."""
        with self.catalogue.lock, self.alone(False):
            self.refuse_conflicts([*wanted], asked)
            rules, texts = self.rules(), list[tuple[Path, bytes | None, str]]()
            for entry, correction in wanted.items():
                now = read_now(entry.path, self.catalogue.episodes)
                made = correction(now, rules)
                held = [(path, atomic.bytes_of(path), text) for path, text in made.items()]
                texts += [one for one in held if one[1] is None or one[1].decode(errors="replace") != one[2]]
            if not texts:
                return "nothing changed", []
            self.catalogue.look_around()
            self.journal.begin(what, texts, [])
            changed = [one.id for one in wanted]
            self.catalogue.note_changed(changed)
            self.catalogue.note_own({self.root, *(path.parent for path, _, _ in texts)})
            return what, changed

    def move(self, what: str, moves: Sequence[Record]) -> tuple[str, list[str]]:
        """Set frames aside, or bring them back, as one action."""
        self.journal.begin(what, [], moves)
        self.catalogue.look_around()
        return what, []

    def step(self, back: bool) -> tuple[str, list[str]]:
        """Undo the last action, or do it again; return what that was, and the frames that changed."""
        with self.catalogue.lock, self.alone(self.journal.would_move(back)):
            record, stays = self.journal.step(back)
            self.catalogue.look_around()
            touched = {self.journal.place(file) for file in record["files"]}
            folders = {path.parent for path in touched}
            own = {
                names.sidecar(one.path, suffix): one.id
                for one in self.catalogue.entries.values()
                if one.path.parent in folders
                for suffix in LOOKED_AT
            }
            changed = list(dict.fromkeys(own[path] for path in touched if path in own))
            self.catalogue.note_changed(changed)
        return f"{record['what']}{'; ' if stays else ''}{stays}", changed


def ids_in(asked: Mapping[str, Any]) -> list[str]:
    """Return the ids of frames that the page sent. Raises UsageError."""
    value = asked.get("ids")
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise errors.UsageError("choose frames")
    return value


def clean(text: str) -> str:
    """Return a text as one line without control characters. Raises UsageError for one that cannot be written."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise errors.UsageError("a text holds half a character; write it anew") from error
    return metadata.one_line(CONTROLS.sub(" ", text))


def text_in(asked: Mapping[str, Any], key: str, longest: int) -> str:
    """Return a text that the page sent, as one line. Raises UsageError if it is none or too long."""
    value = asked.get(key)
    if not isinstance(value, str) or len(value) > longest:
        raise errors.UsageError(f"{key} must be a text of at most {longest} characters")
    return clean(value)


def texts_in(asked: Mapping[str, Any], key: str) -> list[str]:
    """Return a list of texts that the page sent. Raises UsageError."""
    value = asked.get(key, [])
    if not isinstance(value, list) or not all(isinstance(one, str) and len(one) <= LONGEST_TAG for one in value):
        raise errors.UsageError(f"{key} must be a list of texts of at most {LONGEST_TAG} characters")
    return [one for text in value if (one := clean(text))]


def checked_name(desk: Desk, asked: Mapping[str, Any], key: str = "name") -> str:
    """Return a name that faces may get. Raises NeedsConsent for a new one that nobody agreed to, or UsageError."""
    name = text_in(asked, key, metadata.LONGEST_NAME)
    if name in (metadata.UNKNOWN, metadata.OOD):
        return name
    metadata.refuse_name(name, "the new name")
    known = [*desk.catalogue.characters(), *reference_names(desk.journal.outside.get("ref_dir"))]
    if name not in known and asked.get("is_new") is not True:
        raise NeedsConsent(name, console.nearest_word(name, known))
    return name


def reference_names(references: Path | None) -> list[str]:
    """Return the names of the folders of references."""
    if references is None or not references.is_dir():
        return []
    return sorted(one.name for one in references.iterdir() if one.is_dir() and not names.is_ignored(one.name))


def faces_in(desk: Desk, asked: Mapping[str, Any]) -> dict[Entry, set[int]]:
    """Return the faces that the page chose, by their frame. Raises UsageError."""
    value = asked.get("faces")
    try:
        pairs = [(str(id_), int(index)) for id_, index in value or []]
    except (TypeError, ValueError, OverflowError) as error:
        raise errors.UsageError("choose faces") from error
    chosen: dict[Entry, set[int]] = {}
    for entry in desk.entries_of(id_ for id_, _ in pairs):
        chosen[entry] = {index for id_, index in pairs if id_ == entry.id}
        if not all(0 <= index < entry.faces for index in chosen[entry]):
            raise errors.UsageError(f"{entry.path.name} has no such face any more; look again, then repeat")
    return chosen


def box_in(value: Any) -> tuple[float, float, float, float]:
    """Return a box that the page drew. Raises UsageError."""
    if isinstance(value, list) and len(value) == 4 and all(metadata.is_fraction(edge) for edge in value):
        left, top, right, bottom = map(float, value)
        if right - left >= 0.001 and bottom - top >= 0.001:
            return left, top, right, bottom
    raise errors.UsageError("a box needs left, top, right and bottom as fractions of the frame")
