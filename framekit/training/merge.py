"""A config that a person changed, renewed key by key: what they changed stays, what we wrote follows the dataset."""

import copy
from collections.abc import Collection, Container, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from framekit import console
from framekit.files import atomic
from framekit.sidecars.corrections import digest, held_text, is_edited
from framekit.trainers.base import Text
from framekit.trainers.forms import Form, Table

Entries = Mapping[str, set[str]]  # key path -> digests of what we wrote there
Noted = Mapping[str, Entries]  # name of an entry of a list, empty outside of lists -> its key paths
Own = dict[str, dict[str, set[str]]]
OUTSIDE = ""
SHOWN = 6  # changes of a config that are told


@dataclass(frozen=True)
class Renewed:
    """The new content of a config that a person edited, and the bytes of its file that this was made from."""

    content: str
    seen: bytes | None


def renew(
    texts: Sequence[Text], edited: Collection[Path], noted: Mapping[str, Noted]
) -> tuple[dict[Path, Renewed], dict[str, Noted]]:
    """Return the content of each config that a person edited, and what to note of all; their changes are told.

    A config that cannot be read is left as it is, and told, too.
    """
    contents: dict[Path, Renewed] = {}
    own: dict[str, Noted] = {}
    for text in texts:
        if text.form is None:
            continue
        seen = atomic.bytes_in(text.path) if text.path in edited else None
        if seen is None:
            own[text.key] = entries_of(text, text.form)
            continue
        try:
            content, own[text.key], kept = renewed(text, text.form, held_text(text.path), noted.get(text.key, {}))
        except ValueError as error:
            own[text.key] = noted.get(text.key, {})
            console.warn(f"{text.path} cannot be read and is left as it is ({error}); correct or remove it")
            continue
        contents[text.path] = Renewed(content, seen)
        if kept:
            shown = [*kept[:SHOWN], *[f"{len(kept) - SHOWN} more"] * (len(kept) > SHOWN)]
            console.say(f"{text.path.name}: your changes stay: {', '.join(shown)}")
    return contents, own


def renewed(text: Text, form: Form, held: str, noted: Noted) -> tuple[str, Own, list[str]]:
    """Return a config's new content, what to note of it, and what of a person's changes was kept or lost.

    `held` is the content that a person left, `noted` what was noted when it was written last: with nothing noted, the
    entries of lists are ours if they lie in the dataset, and all other values a person's. Raises ValueError if the
    config cannot be read.
    """
    new, old = form.read(text.content), form.read(held)
    if not old:  # emptied, as good as deleted
        return text.content, entries_of(text, form), []
    merge = Merge(form, new, old, noted or assumed(form, new, old))
    values = merge.any(new, old, OUTSIDE, "")
    return form.write(values), merge.own, merge.kept


def entries_of(text: Text, form: Form) -> Own:
    """Return what to note of a config as it is written: the digest of each value by its place."""
    new = form.read(text.content)
    merge = Merge(form, new, type(new)(), {})
    merge.any(new, type(new)(), OUTSIDE, "")
    return merge.own


def assumed(form: Form, new: Any, old: Any) -> Noted:
    """Return what may have been noted for a config of which nothing was noted."""
    ours = dict(named(form, new))
    found: Own = {OUTSIDE: {}}
    for name, held in named(form, old):
        if name in ours or not Path(name).is_absolute():
            found[name] = {path: {digest(value)} for path, value in leaves(form, held, "")}
    for path, value in leaves(form, new, ""):
        found[OUTSIDE][path] = {digest(value)}
    return found


def leaves(form: Form, values: Any, path: str) -> Iterator[tuple[str, Any]]:
    """Yield the path of each value that stands outside of named entries."""
    if is_nested(form, values):
        inner = values.items() if isinstance(values, dict) else enumerate(unnamed(form, values))
        for key, value in inner:
            yield from leaves(form, value, f"{path}/{key}" if path else str(key))
    else:
        yield path, values


def is_nested(form: Form, value: Any) -> bool:
    """Tell whether a value holds values with places of their own: a table, or a list of tables."""
    return isinstance(value, dict) or (
        bool(form.names) and isinstance(value, list) and any(isinstance(one, dict) for one in value)
    )


def unnamed(form: Form, values: list[Any]) -> list[Any]:
    """Return the entries of a list that have no name, and are told apart by their order."""
    return [one for one in values if not name_of(form, one)]


def name_of(form: Form, entry: Any) -> str:
    """Return the name of an entry of a list; nothing for one that has none."""
    key = naming_key(form, entry)
    return form.called(entry[key]) if key else ""


def naming_key(form: Form, entry: Any) -> str:
    """Return the key by which an entry of a list is named; nothing for one that has none."""
    held = entry if isinstance(entry, dict) else {}
    return next((key for key in form.names if isinstance(held.get(key), str)), "")


def named(form: Form, values: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the named entries of all lists, with their names."""
    for value in values.values() if isinstance(values, dict) else values if isinstance(values, list) else ():
        if isinstance(value, dict) and isinstance(values, list) and (name := name_of(form, value)):
            yield name, value
        else:
            yield from named(form, value)


class Merge:
    """One merge: what is to be noted (`own`) and told (`kept`) gathers while values are joined."""

    def __init__(self, form: Form, new: Any, old: Any, noted: Noted) -> None:
        """Take a config as computed and as held, and what was noted of it."""
        self.form, self.noted = form, noted
        self.moved = {
            (key, one): name for name, entries in noted.items() for key in form.names for one in entries.get(key, ())
        }
        self.new = dict(named(form, new))
        self.old = {self.name(entry) for _, entry in named(form, old)}
        self.own: Own = {}
        self.kept: list[str] = []

    def name(self, entry: dict[str, Any]) -> str:
        """Return the name under which an entry of the held config is known, wherever the dataset lay then."""
        key = naming_key(self.form, entry)
        found = self.form.called(entry[key]) if key else ""
        if not key or found in self.new:
            return found
        places = [self.moved.get((key, digest(spelt))) for spelt in (entry[key], found)]
        return next(filter(None, places), found)

    def known(self, name: str, path: str) -> Container[str]:
        """Return the digests of what we wrote at a place."""
        return self.noted.get(name, {}).get(path, set())

    def note(self, name: str, path: str, value: Any) -> None:
        """Note a value that is written as computed."""
        self.own.setdefault(name, {}).setdefault(path, set()).add(digest(value))

    def stay(self, name: str, path: str, words: str) -> None:
        """Leave a place as a person left it: what was noted there stays, too."""
        if digests := self.noted.get(name, {}).get(path):
            self.own.setdefault(name, {}).setdefault(path, set()).update(digests)
        self.kept.append(f"{words} of {name}" if name else words)

    def any(self, new: Any, old: Any, name: str, path: str) -> Any:
        """Join a value of any kind."""
        if isinstance(old, dict) and isinstance(new, dict):
            return self.tables(new, old, name, path)
        if isinstance(old, list) and isinstance(new, list) and self.form.names:
            return self.lists(new, old, name, path)
        return new

    def tables(self, new: dict[str, Any], old: dict[str, Any], name: str, path: str) -> dict[str, Any]:
        """Join two tables key by key, in the order of the held one."""
        joined = copy.copy(old)
        joined.clear()
        naming = naming_key(self.form, old) if name else ""  # other spellings of a path are no change of the entry
        for key, held in old.items():
            place = f"{path}/{key}" if path else key
            if is_nested(self.form, held) and (key not in new or is_nested(self.form, new[key])):
                inner = self.any(new.get(key, type(held)()), held, name, place)
                if inner or key in new or not held:
                    joined[key] = inner
            elif key in new and (key == naming or held == new[key] or not is_edited(held, self.known(name, place))):
                joined[key] = new[key]
                self.note(name, place, new[key])
            elif key in new or is_edited(held, self.known(name, place)):
                joined[key] = held
                self.stay(name, place, f"{key} = {held}")
            if isinstance(joined, Table) and isinstance(new, Table) and key in new:
                joined.behind[key] = new.behind.get(key) or joined.behind.get(key, "")
        for key, value in new.items():
            if key not in old:
                self.missing(joined, new, key, value, name, path)
        return joined

    def missing(self, joined: dict[str, Any], new: dict[str, Any], key: str, value: Any, name: str, path: str) -> None:
        """Add a key that the held table lacks, unless a person removed it."""
        place = f"{path}/{key}" if path else key
        gone = [one for one in self.noted.get(name, {}) if one == place or one.startswith(f"{place}/")]
        if gone:
            for one in gone:
                self.stay(name, one, f"no {one}")
            return
        if is_nested(self.form, value):
            joined[key] = self.any(value, type(value)(), name, place)
        else:
            joined[key] = value
            self.note(name, place, value)
        if isinstance(joined, Table) and isinstance(new, Table):
            joined.above[key], joined.behind[key] = new.above.get(key, []), new.behind.get(key, "")

    def lists(self, new: list[Any], old: list[Any], name: str, path: str) -> list[Any]:
        """Join two lists of entries: by their names wherever they stand, those without a name by their order."""
        joined = []
        computed = unnamed(self.form, new)
        place = 0
        for held in old:
            called = self.name(held) if isinstance(held, dict) else ""
            if called in self.new:
                joined.append(self.tables(self.new[called], held, called, ""))
            elif called in self.noted and called:
                self.lost(called, held)
            elif called:
                joined.append(held)
                self.kept.append(called)
            else:
                twin = (
                    computed[place] if place < len(computed) else self.copied(held, computed, unnamed(self.form, old))
                )
                joined.append(self.any(twin, held, name, f"{path}/{place}"))
                place += 1
        for number, value in enumerate(computed[place:], start=place):
            if inner := self.any(value, type(value)(), name, f"{path}/{number}"):
                joined.append(inner)
        for value in new:
            called = name_of(self.form, value)
            if called and called not in self.old:
                self.missing_entry(joined, called, value)
        return joined

    def copied(self, held: Any, computed: list[Any], old: list[Any]) -> Any:
        """Return the lists that an entry shares with one of ours if it is a copy, such as one of another resolution.

        A copy names folders that the other names as well; folders that a person moved to it stand only there.
        """
        twin = type(held)()
        for one, first in zip(computed, old, strict=False):
            if self.names_in(held) & self.names_in(first):
                twin.update({key: value for key, value in one.items() if is_nested(self.form, value)})
                break
        return twin

    def names_in(self, values: Any) -> set[str]:
        """Return the names of all entries below a value."""
        return {self.name(entry) for _, entry in named(self.form, values)}

    def missing_entry(self, joined: list[Any], called: str, value: dict[str, Any]) -> None:
        """Add an entry that the held config lacks, unless a person removed it."""
        if called in self.noted:
            self.own[called] = {path: set(digests) for path, digests in self.noted[called].items()}
            self.kept.append(f"without {called}")
        else:
            joined.append(self.tables(value, type(value)(), called, ""))

    def lost(self, called: str, held: dict[str, Any]) -> None:
        """Tell what a person changed in an entry whose place is gone."""
        edited = [
            f"{path} = {value}"
            for path, value in leaves(self.form, held, "")
            if is_edited(value, self.known(called, path))
        ]
        self.kept += [f"dropped {one} of {called}, which is gone" for one in edited]
