"""What a person can do on the page: changes of sidecars, and all actions by name."""

from collections.abc import Callable, Mapping
from pathlib import PurePosixPath
from typing import Any

from framekit import console, errors
from framekit.boxes import face_at
from framekit.desk import corrected, moves
from framekit.desk.corrected import Texts
from framekit.desk.desk import Desk, box_in, checked_name, faces_in, ids_in, text_in, texts_in
from framekit.desk.journal import as_text
from framekit.desk.moved import given_path
from framekit.desk.present import Now
from framekit.files import atomic, names
from framekit.metadata.join import Rules
from framekit.sidecars import metadata
from framekit.training.weights import MAX_WEIGHT, with_weight

LONGEST_TEXT = 2000  # characters; chosen
MOST_FACES = 200  # on one frame; chosen


def act(desk: Desk, asked: Mapping[str, Any]) -> tuple[str, list[str]]:
    """Do what the page asks for; return what was done in words, and the frames that changed.

    Raises UsageError in one sentence, Conflict where the page has not read what is there now.
    """
    action = ACTIONS.get(str(asked.get("action")))
    if action is None:
        raise errors.UsageError("the page asks for something unknown; load it anew")
    return action(desk, asked)


def name_faces(desk: Desk, asked: Mapping[str, Any]) -> tuple[str, list[str]]:
    """Give faces a name."""
    name, chosen = checked_name(desk, asked), faces_in(desk, asked)
    if desk.catalogue.by_folder:
        return moves.sort_heads(desk, name, chosen, asked)
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
    if desk.catalogue.by_folder:
        return moves.sort_heads(desk, name, entries, asked)

    def correction(now: Now, rules: Rules) -> Texts:
        called, others = ([name if held == old else held for held in told] for told in (now.names, now.others))
        return corrected.with_names(now, called, rules, others)

    return desk.correct(f"called {old} {name}", dict.fromkeys(entries, correction), asked)


def change_tags(desk: Desk, asked: Mapping[str, Any]) -> tuple[str, list[str]]:
    """Add tags to frames, and take tags away."""
    add, remove = ([tag.replace(" ", "_") for tag in texts_in(asked, key)] for key in ("add", "remove"))
    if any("," in tag for tag in add) or not (add or remove):
        raise errors.UsageError("write each tag by itself, without a comma")
    entries = desk.entries_of(ids_in(asked))

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


def describe(desk: Desk, asked: Mapping[str, Any]) -> tuple[str, list[str]]:
    """Write what a person says of a frame."""
    [entry] = desk.entries_of([str(asked.get("id"))])
    text = text_in(asked, "text", LONGEST_TEXT)
    if not names.sidecar(entry.path, names.METADATA).exists():
        raise errors.UsageError(f"{entry.path.name} has no X.json yet; run generate_metadata.py first")
    return desk.correct(
        f"described {entry.path.name}", {entry: lambda now, _: corrected.with_description(now, text)}, asked
    )


def write_caption(desk: Desk, asked: Mapping[str, Any]) -> tuple[str, list[str]]:
    """Write the caption of a frame by hand."""
    [entry] = desk.entries_of([str(asked.get("id"))])
    text = text_in(asked, "text", LONGEST_TEXT)
    if not text:
        raise errors.UsageError("a caption must say something; trainers stop at an empty one")
    return desk.correct(
        f"wrote the caption of {entry.path.name}", {entry: lambda now, _: corrected.with_caption(now, text)}, asked
    )


def weigh(desk: Desk, asked: Mapping[str, Any]) -> tuple[str, list[str]]:
    """Set the weight of a folder in the table of weights."""
    path, weight, folder = given_path(desk.journal.outside, "weight_csv"), asked.get("weight"), asked.get("folder")
    if not isinstance(weight, int | float) or not isinstance(folder, str) or not 1 / MAX_WEIGHT <= weight <= MAX_WEIGHT:
        raise errors.UsageError(f"a weight must be a number above 0, and at most {MAX_WEIGHT:g}")
    with desk.catalogue.lock, desk.alone(False):
        held = atomic.bytes_in(path)
        text = with_weight(as_text(path, held) or "", PurePosixPath(folder), float(weight), desk.folders())
        what = f"gave {folder} weight {weight:g}"
        desk.journal.begin(what, [(path, held, text)], [])
    return what, []


ACTIONS: dict[str, Callable[[Desk, Mapping[str, Any]], tuple[str, list[str]]]] = {
    "name": name_faces,
    "rename": rename_character,
    "tags": change_tags,
    "boxes": correct_boxes,
    "describe": describe,
    "caption": write_caption,
    "weight": weigh,
    "reference": moves.make_references,
    "exchange": moves.keep_another,
    "aside": moves.set_aside,
    "restore": moves.bring_back,
}
