"""What a person edited by hand, in any file of ours; and how corrections in X.json survive a re-run."""

import errno
import json
from collections.abc import Container, Mapping, Sequence
from pathlib import Path
from typing import Any

from framekit.console import as_option
from framekit.files import atomic

ENCODED = json.JSONEncoder(ensure_ascii=False).encode
BOM = "\ufeff"  # some editors put it in front
MERGED = "merged"  # key in JSON sidecars: which names a merge made one, see sidecars/renames
WRITTEN = "written"  # key in JSON sidecars: the digest of what a script wrote last; in X.json one for each field


def is_edited(held: Any, digests: Container[Any]) -> bool:
    """Tell whether a person edited a value: whether it differs from everything that a script wrote there.

    `held` is what the file holds now, a text or a JSON value; `digests` are those noted when scripts wrote it. Where
    they are kept differs (in the sidecar itself, in a record of the folder), what "edited" means does not. With none
    noted, somebody else wrote the value, and it counts as edited. What differs in white space only is no edit.

        >>> is_edited(["AobaKokona"], {digest(["AobaKokona"])})
        False
        >>> is_edited(["KuraueHinata"], {digest(["AobaKokona"])})
        True
    """
    return digest(held) not in digests and atomic.digest(held) not in digests


def other_settings(record: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """Return the `settings` of a sidecar that are others now, as options; those that one side does not know are not."""
    held = record.get("settings")
    then = held if isinstance(held, dict) else {}
    return [as_option(name, then[name]) for name, value in now["settings"].items() if then.get(name, value) != value]


def digest(value: Any) -> str:
    """Return what to note of a value when it is written: the same for another one that differs in white space only."""
    return atomic.digest(plain(value))


def plain(value: Any) -> Any:
    """Return a JSON value as editors and other programs leave it: texts with single blanks, 1 instead of 1.0."""
    if isinstance(value, str):
        return " ".join(value.split())
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, list | tuple):
        return [plain(one) for one in value]
    return {name: plain(one) for name, one in value.items()} if isinstance(value, dict) else value


def text_digest(path: Path, text: str) -> str:
    """Return what to note of the whole text of a file when it is written, by the form that its name tells.

    JSON counts by its values, whatever the order of keys; of YAML, the indentation counts.
    """
    text = text.removeprefix(BOM)
    try:
        if path.suffix == ".json":
            return digest(atomic.parsed_json(text))
        if path.suffix == ".jsonl":
            return digest([atomic.parsed_json(line) for line in text.splitlines() if line.strip()])
    except ValueError:
        pass  # no JSON, such as what a person broke: it counts as text
    lines = [line for line in text.splitlines() if line.strip()]
    if path.suffix in (".yaml", ".yml"):
        return atomic.digest([line.rstrip() for line in lines])
    return atomic.digest("\n".join(map(plain, lines)))


def held_text(path: Path) -> str:
    """Return the text of a file that a person may have saved with any editor: without a byte order mark, with `\\n`.

    Bytes that are not UTF-8 are replaced.
    """
    return atomic.file_text(path, errors="replace").removeprefix(BOM)


def is_file_edited(path: Path, digests: Container[Any]) -> bool:
    """Tell whether a person edited the whole text of a file, as `is_edited` does; a missing file is not edited.

    `digests` are those that `text_digest` returned; older records hold those of exact texts. What is a link or no file
    at all is nothing that we wrote, and stays; so does what may not be read.
    """
    try:
        return not any(one in digests for one in digests_of(path))
    except FileNotFoundError:
        return False
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.ENXIO, errno.EISDIR, *atomic.CLOSED):
            return True
        raise


def digests_of(path: Path) -> tuple[str, ...]:
    """Return the digests of a file under which its text may have been noted. Raises FileNotFoundError."""
    text = held_text(path)
    tidy = "".join(f"{line.rstrip()}\n" for line in text.rstrip().splitlines())
    return text_digest(path, text), atomic.digest(text), atomic.digest(tidy)


def noted_digests(values: Mapping[str, Any]) -> dict[str, str]:
    """Return the digest of each field as it was generated; nothing for files of other origin."""
    noted = values.get(WRITTEN)
    return {str(name): str(digest_) for name, digest_ in noted.items()} if isinstance(noted, dict) else {}


def edited_fields(values: Mapping[str, Any]) -> set[str]:
    """Return the fields of X.json that a person changed, added or removed since they were generated."""
    noted = noted_digests(values)
    names = {*values, *noted} - {WRITTEN}
    return {name for name in names if name not in values or is_edited(values[name], (noted.get(name),))}


def merge_corrections(old: Mapping[str, Any] | None, new: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """Join freshly generated fields with what is in the file; return the file's new content and the kept fields.

    A field that a person changed, added or removed stays so; an unedited one that is no longer generated is dropped.
    """
    old = {} if old is None else old
    edited = edited_fields(old)
    kept = sorted(edited & set(new))
    merged = {name: old[name] for name in old if name != WRITTEN and (name in edited or name in new)}
    merged |= {name: value for name, value in new.items() if name not in kept}
    noted = {name: value for name, value in noted_digests(old).items() if name in edited}
    noted |= {name: digest(value) for name, value in new.items() if name not in kept}
    return {**merged, WRITTEN: noted}, kept


def join_corrections(newer: Mapping[str, Any], older: Mapping[str, Any]) -> dict[str, Any]:
    """Join two versions of one X.json: the newer one, with the corrections that only the older one has."""
    joined = {name: value for name, value in newer.items() if name != WRITTEN}
    noted, noted_before = noted_digests(newer), noted_digests(older)
    taken = edited_fields(older) - edited_fields(newer)
    if "characters" in taken and MERGED in older:
        taken |= {MERGED}
    for name in taken:
        joined.pop(name, None)
        noted.pop(name, None)
        if name in older:
            joined[name] = older[name]
        if name in noted_before:
            noted[name] = noted_before[name]
    return {**joined, WRITTEN: noted}


def restored(now: Sequence[Any], was: Sequence[Any], then: Sequence[Any], faces: int) -> list[Any] | None:
    """Return texts as they would be if no merge had made `then` of `was`; None if that cannot be told.

    What a person changed since stays: a name that they added is not one of those that the merge made. Where they took
    away one of two names that had become the same, both are back, if there are as many `faces`.
    """
    found = [[one] for one in now]
    for new in dict.fromkeys(after for old, after in zip(was, then, strict=True) if after != old):
        olds = [old for old, after in zip(was, then, strict=True) if after == new]
        places = [place for place, one in enumerate(now) if one == new]
        if len(places) > len(olds):
            places = [place for place in places if place < len(then) and then[place] == new]
        if len(places) == len(olds) or (len({*olds}) == 1 and len(places) < len(olds)):
            for place, old in zip(places, olds, strict=False):
                found[place] = [old]
        elif len(places) == 1 and faces in (0, len(then)) and same_texts(now, then):
            found[places[0]] = olds if faces else [*dict.fromkeys(olds)]
        elif places:
            return None
    return [one for held in found for one in held]


def same_texts(first: Sequence[Any], second: Sequence[Any]) -> bool:
    """Tell whether two lists hold the same texts, however often."""
    return all(one in second for one in first) and all(one in first for one in second)


def metadata_text(values: Mapping[str, Any]) -> str:
    """Return the JSON text with one field a line, which is easy to correct by hand."""
    lines = (f"{ENCODED(name)}: {ENCODED(value)}" for name, value in values.items())
    return "{" + ",\n ".join(lines) + "}\n"
