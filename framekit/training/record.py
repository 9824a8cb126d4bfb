"""The record of what was written, by which a person's edits are told from our own texts."""

import os
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path

from framekit import console, errors
from framekit.dataset.frames import sidecar_trouble
from framekit.files import atomic
from framekit.files.names import nfc
from framekit.sidecars.corrections import digests_of, is_file_edited, text_digest
from framekit.sidecars.metadata import Metadata
from framekit.trainers.base import Text
from framekit.training import merge
from framekit.training.merge import Noted

MAX_RECORD_BYTES = 2**28  # 100,000 captions take 6 MB
RECORD = ".prepared.json"  # name of what was written -> digests of it
CONFIGS = ".configs.json"  # config -> its entries -> their keys -> digests of what was written there
DESCRIBED = "X.json"  # beside the configs: stem of each frame -> digest of the metadata that its caption was made from


def read_record(root: Path) -> dict[str, set[str]]:
    """Return the digests of what was written before. Raises UsageError if the record is damaged."""
    path = root / RECORD
    try:
        noted = atomic.read_json(path, MAX_RECORD_BYTES) if path.exists() else {}
        return {nfc(key): set(map(str, digests)) for key, digests in noted.items()}
    except (errors.BadSidecar, TypeError) as error:
        raise errors.damaged(error, path, "remove it, all existing captions then count as edited") from error


def write_record(root: Path, noted: Mapping[str, Iterable[str]]) -> None:
    """Write the digests down."""
    atomic.write_json(root / RECORD, {key: sorted(digests) for key, digests in sorted(noted.items())})


def read_configs(root: Path) -> dict[str, Noted]:
    """Return what was noted of each config, key by key. Raises UsageError if the record is damaged."""
    path = root / CONFIGS
    try:
        noted = atomic.read_json(path, MAX_RECORD_BYTES) if path.exists() else {}
        return {
            config: {
                name: {key: set(map(str, digests)) for key, digests in keys.items()} for name, keys in entries.items()
            }
            for config, entries in noted.items()
        }
    except (errors.BadSidecar, TypeError, AttributeError) as error:
        raise errors.damaged(error, path, "remove it, all that differs in configs then counts as edited") from error


def described(frames: Mapping[Path, Metadata]) -> Noted:
    """Return what to note of the metadata of frames when their captions are written."""
    found: dict[str, dict[str, set[str]]] = {}
    for frame, known in frames.items():
        found.setdefault(frame.stem, {}).setdefault("", set()).add(atomic.digest(asdict(known)))
    return found


def write_configs(
    root: Path, texts: Sequence[Text], edited: Collection[Path], before: Mapping[str, Noted], more: Mapping[str, Noted]
) -> None:
    """Write the configs that a person edited, renewed, and what is noted of all of them, and `more`.

    As in `OwnTexts`, what is about to be written is noted first, and a config that is saved meanwhile is renewed again.
    """
    renewed, own = merge.renew(texts, edited, before)
    own |= more
    while renewed:
        note_configs(root, {**before, **{config: joined(before.get(config, {}), own[config]) for config in own}})
        late = {path for path, one in renewed.items() if not atomic.write_over(path, one.content, one.seen)}
        renewed, again = merge.renew([text for text in texts if text.path in late], late, before)
        own |= again
    if own and {**before, **own} != before:
        note_configs(root, {**before, **own})


def note_configs(root: Path, noted: Mapping[str, Noted]) -> None:
    """Write down what was noted of configs."""
    held = {
        config: {name: {key: sorted(digests) for key, digests in keys.items()} for name, keys in entries.items()}
        for config, entries in sorted(noted.items())
    }
    atomic.write_json(root / CONFIGS, held)


def joined(first: Noted, second: Noted) -> Noted:
    """Return what was noted of a config twice."""
    return {
        name: {
            key: first.get(name, {}).get(key, set()) | second.get(name, {}).get(key, set())
            for key in {**first.get(name, {}), **second.get(name, {})}
        }
        for name in {**first, **second}
    }


def orphaned(noted: Mapping[str, set[str]], known: Iterable[str]) -> set[str]:
    """Return the digests of texts whose key is gone: a file with one of them is an own text under another name."""
    there = {*known}
    return set().union(*(digests for key, digests in noted.items() if key not in there))


def edited_files(texts: Iterable[Text], noted: Mapping[str, set[str]], orphans: set[str]) -> set[Path]:
    """Return the files of texts that hold something else than was written there."""
    return {text.path for text in texts if is_file_edited(text.path, own_digests(text, noted, orphans))}


def unusable_files(texts: Iterable[Text]) -> dict[Path, str]:
    """Return the files of texts that can be neither read nor replaced, with the reason: they stay as they are."""
    there = (text.path for text in texts if os.path.lexists(text.path))
    return {path: reason for path in there if (reason := sidecar_trouble(path))}


def own_digests(text: Text, noted: Mapping[str, set[str]], orphans: set[str]) -> set[str]:
    """Return the digests of all that we wrote, or would write, in the place of a text."""
    return noted.get(text.key, set()) | orphans | {text_digest(text.path, text.content)}


class OwnTexts:
    """Our texts in a folder while they are written, and the record of what is ours there, by which edits are told."""

    def __init__(self, root: Path, noted: Mapping[str, set[str]], orphans: set[str], overwrite: bool) -> None:
        """Take what was noted before; with `overwrite`, edits that are there now are lost."""
        self.root, self.noted, self.orphans, self.overwrite = root, noted, orphans, overwrite
        self.own: dict[str, set[str]] = {}

    def write(self, texts: Sequence[Text]) -> set[Path]:
        """Write the texts that changed, but for those that a person edited, also meanwhile; return the files of these.

        What is about to be written is noted first, so that after a kill it still counts as our own.
        """
        edited = edited_files(texts, self.noted, self.orphans)
        dropped = {path: digests_of(path) for path in edited if path.exists()} if self.overwrite else {}
        edited -= {*dropped}
        for text in texts:
            known = self.noted.get(text.key, set()) if text.path in edited else {text_digest(text.path, text.content)}
            if known:
                self.own.setdefault(text.key, set()).update(known)
        write_record(self.root, {key: self.own.get(key, set()) | self.noted.get(key, set())
                                 for key in {*self.own, *self.noted}})  # fmt: skip
        for text in console.progress(texts, len(texts), "file"):
            if text.path in edited or holds(text.path, text.content):
                continue
            ours = own_digests(text, self.noted, self.orphans).union(dropped.get(text.path, ()))
            if not atomic.write_unless(text.path, text.content, partial(is_file_edited, text.path, ours)):
                edited.add(text.path)
                self.own[text.key] |= self.noted.get(text.key, set())
        return edited

    def close(self, skipped_keys: Iterable[str]) -> None:
        """Note what is ours now; `skipped_keys` are keys of which texts were not written, and whose digests stay."""
        for key in skipped_keys:
            if key in self.noted:
                self.own.setdefault(key, set()).update(self.noted[key])
        write_record(self.root, self.own)


def holds(path: Path, content: str) -> bool:
    """Tell whether a file is there and holds exactly this text."""
    try:
        with atomic.open_regular(path) as file:
            return file.read() == content.encode()
    except FileNotFoundError:
        return False
