"""What a person can do on the page, as changes of sidecars and moves of frames."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from framekit import console, errors
from framekit.boxes import face_at
from framekit.dataset import removed
from framekit.dataset.move import stem_taken
from framekit.desk import corrected
from framekit.desk.catalogue import Catalogue, Entry
from framekit.desk.corrected import Texts
from framekit.desk.journal import Journal, Record
from framekit.desk.present import Now, read_now
from framekit.files import atomic, names, paths
from framekit.metadata.join import Rules
from framekit.sidecars import metadata
from framekit.sidecars.renames import Renames

BY_HAND = "by_hand"  # the reason of frames that a person sets aside
LONGEST_TAG, LONGEST_TEXT = 100, 2000  # characters; chosen
MOST_FACES = 200  # on one frame; chosen


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
    references: Path | None = None

    @property
    def root(self) -> Path:
        """The folder of the dataset."""
        return self.catalogue.root

    def rules(self) -> Rules:
        """Return what holds for all frames when their metadata is joined."""
        return Rules(None, "auto", None, False, Renames(self.root), trash=self.root / removed.REPLACED)

    def entries_of(self, ids: Iterable[str]) -> list[Entry]:
        """Return frames by their ids. Raises UsageError for one that is not there."""
        found = [self.catalogue.entries.get(id_) for id_ in dict.fromkeys(ids)]
        if not found or None in found:
            raise errors.UsageError("a frame is no longer there; look again, then repeat" if found else "choose frames")
        return [one for one in found if one is not None]

    def act(self, asked: Mapping[str, Any]) -> tuple[str, list[str]]:
        """Do what the page asks for; return what was done in words, and the frames that changed.

        Raises UsageError in one sentence, Conflict where the page has not read what is there now.
        """
        action = ACTIONS.get(str(asked.get("action")))
        if action is None:
            raise errors.UsageError("the page asks for something unknown; load it anew")
        return action(self, asked)

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
        source = self.journal.done if back else self.journal.undone
        moves = bool(source and source[-1]["moves"])
        with self.catalogue.lock, self.alone(moves):
            record = self.journal.step(back)
            self.catalogue.look_around()
            touched = {self.root / file["path"] for file in record["files"]}
            own = {
                names.sidecar(one.path, suffix): one.id
                for one in self.catalogue.entries.values()
                for suffix in (names.METADATA, names.CHARACTERS, names.FACES, names.TAGS)
            }
            changed = list(dict.fromkeys(own[path] for path in touched if path in own))
            self.catalogue.note_changed(changed)
        return str(record["what"]), changed


def text_in(asked: Mapping[str, Any], key: str, longest: int) -> str:
    """Return a text that the page sent, as one line. Raises UsageError if it is none or too long."""
    value = asked.get(key)
    if not isinstance(value, str) or len(value) > longest:
        raise errors.UsageError(f"{key} must be a text of at most {longest} characters")
    return metadata.one_line(value)


def texts_in(asked: Mapping[str, Any], key: str) -> list[str]:
    """Return a list of texts that the page sent. Raises UsageError."""
    value = asked.get(key, [])
    if not isinstance(value, list) or not all(isinstance(one, str) and len(one) <= LONGEST_TAG for one in value):
        raise errors.UsageError(f"{key} must be a list of texts of at most {LONGEST_TAG} characters")
    return [one for text in value if (one := metadata.one_line(text))]


def checked_name(desk: Desk, asked: Mapping[str, Any], key: str = "name") -> str:
    """Return a name that faces may get. Raises NeedsConsent for a new one that nobody agreed to, or UsageError."""
    name = text_in(asked, key, metadata.LONGEST_NAME)
    if name in (metadata.UNKNOWN, metadata.OOD):
        return name
    metadata.refuse_name(name, "the new name")
    known = [*desk.catalogue.characters(), *reference_names(desk.references)]
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
    except (TypeError, ValueError) as error:
        raise errors.UsageError("choose faces") from error
    chosen: dict[Entry, set[int]] = {}
    for entry in desk.entries_of(id_ for id_, _ in pairs):
        chosen[entry] = {index for id_, index in pairs if id_ == entry.id}
        if not all(0 <= index < entry.faces for index in chosen[entry]):
            raise errors.UsageError(f"{entry.path.name} has no such face any more; look again, then repeat")
    return chosen


def name_faces(desk: Desk, asked: Mapping[str, Any]) -> tuple[str, list[str]]:
    """Give faces a name."""
    name, chosen = checked_name(desk, asked), faces_in(desk, asked)
    number = console.counted(sum(map(len, chosen.values())), "face")

    def correction(wanted: set[int]) -> Callable[[Now, Rules], Texts]:
        return lambda now, rules: corrected.with_names(
            now, [name if index in wanted else held for index, held in enumerate(now.names)], rules
        )

    return desk.correct(f"named {number} {name}", {one: correction(own) for one, own in chosen.items()}, asked)


def rename_character(desk: Desk, asked: Mapping[str, Any]) -> tuple[str, list[str]]:
    """Give all faces of a character another name, which joins two if somebody has it."""
    old, name = text_in(asked, "from", metadata.LONGEST_NAME), checked_name(desk, asked, "to")
    entries = [one for one in desk.catalogue.entries.values() if old in one.names]
    if not entries or old in metadata.NOBODY:
        raise errors.UsageError(f"no face is called {old}")

    def correction(now: Now, rules: Rules) -> Texts:
        return corrected.with_names(now, [name if held == old else held for held in now.names], rules)

    return desk.correct(f"called {old} {name}", dict.fromkeys(entries, correction), asked)


def change_tags(desk: Desk, asked: Mapping[str, Any]) -> tuple[str, list[str]]:
    """Add tags to frames, and take tags away."""
    add, remove = ([tag.replace(" ", "_") for tag in texts_in(asked, key)] for key in ("add", "remove"))
    if any("," in tag for tag in add) or not (add or remove):
        raise errors.UsageError("write each tag by itself, without a comma")
    entries = desk.entries_of(map(str, asked.get("ids") or []))

    def correction(now: Now, rules: Rules) -> Texts:
        return corrected.with_tags(now, add, remove, rules)

    words = " ".join([*(f"+{tag}" for tag in add), *(f"-{tag}" for tag in remove)])
    what = f"tagged {console.counted(len(entries), 'frame')} {words}"
    return desk.correct(what, dict.fromkeys(entries, correction), asked)


def correct_boxes(desk: Desk, asked: Mapping[str, Any]) -> tuple[str, list[str]]:
    """Take the faces of a frame as a person drew them."""
    [entry] = desk.entries_of([str(asked.get("id"))])
    value = asked.get("faces")
    if not isinstance(value, list) or len(value) > MOST_FACES:
        raise errors.UsageError(f"a frame has at most {MOST_FACES} faces")
    drawn = [one if isinstance(one, dict) else {} for one in value]
    named = [(one.get("box"), checked_name(desk, {"is_new": asked.get("is_new"), **one})) for one in drawn]

    def correction(now: Now, rules: Rules) -> Texts:
        held = {face.box: face for face in now.faces}
        seen = []
        for box, name in named:
            face = face_at(*box_in(box), 1.0)
            seen.append((held.get(face.box, face), name))
        return corrected.with_faces(now, seen, rules)

    return desk.correct(f"corrected the faces of {entry.path.name}", {entry: correction}, asked)


def box_in(value: Any) -> tuple[float, float, float, float]:
    """Return a box that the page drew. Raises UsageError."""
    if isinstance(value, list) and len(value) == 4 and all(metadata.is_fraction(edge) for edge in value):
        left, top, right, bottom = map(float, value)
        if right - left >= 0.001 and bottom - top >= 0.001:
            return left, top, right, bottom
    raise errors.UsageError("a box needs left, top, right and bottom as fractions of the frame")


def describe(desk: Desk, asked: Mapping[str, Any]) -> tuple[str, list[str]]:
    """Write what a person says of a frame."""
    [entry] = desk.entries_of([str(asked.get("id"))])
    text = text_in(asked, "text", LONGEST_TEXT)
    if not names.sidecar(entry.path, names.METADATA).exists():
        raise errors.UsageError(f"{entry.path.name} has no X.json yet; run generate_metadata.py first")
    return desk.correct(
        f"described {entry.path.name}", {entry: lambda now, _: corrected.with_description(now, text)}, asked
    )


def set_aside(desk: Desk, asked: Mapping[str, Any]) -> tuple[str, list[str]]:
    """Move frames to .removed, with a reason."""
    reason = text_in({"reason": BY_HAND, **asked}, "reason", 40)
    if (
        not reason
        or reason != paths.safe_name(reason)
        or reason in (removed.RESTORED, removed.KEPT_BY_HAND, removed.PURGED)
    ):
        raise errors.UsageError("the reason must be one word that can be the name of a folder")
    with desk.catalogue.lock, desk.alone(True):
        entries = desk.entries_of(map(str, asked.get("ids") or []))
        desk.refuse_conflicts(entries, asked)
        moves = [{"frame": one.path.relative_to(desk.root).as_posix(), "reason": reason} for one in entries]
        return desk.move(f"set {console.counted(len(moves), 'frame')} aside as {reason}", moves)


def bring_back(desk: Desk, asked: Mapping[str, Any]) -> tuple[str, list[str]]:
    """Bring removed frames back, to be kept from then on."""
    wanted = {*map(str, asked.get("ids") or [])}
    with desk.catalogue.lock, desk.alone(True):
        found = [(origin, record) for id_, origin, _, record in desk.catalogue.removed() if id_ in wanted]
        if len(found) != len(wanted) or not found:
            raise errors.UsageError("a removed frame is no longer there; look again, then repeat")
        for origin, _ in found:
            if stem_taken(origin):
                raise errors.UsageError(f"{origin.name} is there again; rename one of them")
        moves = [
            {"frame": origin.relative_to(desk.root).as_posix(), "reason": record["reason"], "is_back": True}
            for origin, record in found
        ]
        return desk.move(f"brought {console.counted(len(moves), 'frame')} back", moves)


ACTIONS: dict[str, Callable[[Desk, Mapping[str, Any]], tuple[str, list[str]]]] = {
    "name": name_faces,
    "rename": rename_character,
    "tags": change_tags,
    "boxes": correct_boxes,
    "describe": describe,
    "aside": set_aside,
    "restore": bring_back,
}
