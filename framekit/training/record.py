"""The record of what was written, by which a person's edits are told from our own texts."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from framekit import console, errors
from framekit.files import atomic
from framekit.files.names import nfc
from framekit.sidecars.corrections import is_file_edited, text_digest
from framekit.sidecars.metadata import Metadata
from framekit.trainers.base import Text
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
        raise errors.UsageError(
            f"{path} is damaged ({error}); remove it, all existing captions then count as edited"
        ) from error


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
        raise errors.UsageError(
            f"{path} is damaged ({error}); remove it, all that differs in configs then counts as edited"
        ) from error


def described(frames: Mapping[Path, Metadata]) -> Noted:
    """Return what to note of the metadata of frames when their captions are written."""
    found: dict[str, dict[str, set[str]]] = {}
    for frame, known in frames.items():
        found.setdefault(frame.stem, {}).setdefault("", set()).add(atomic.digest(asdict(known)))
    return found


def write_configs(
    root: Path, contents: Mapping[Path, str], before: Mapping[str, Noted], own: Mapping[str, Noted]
) -> None:
    """Write the configs that a person edited, renewed, and what is noted of all of them.

    As in `write_own`, what is about to be written is noted first.
    """
    if contents:
        note_configs(root, {**before, **{config: joined(before.get(config, {}), own[config]) for config in own}})
    for path, content in contents.items():
        atomic.write_whole(path, content)
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
    return {
        text.path for text in texts
        if is_file_edited(text.path, noted.get(text.key, set()) | orphans | {text_digest(text.path, text.content)})
    }  # fmt: skip


def write_own(
    texts: Sequence[Text], edited: Collection[Path], root: Path, noted: Mapping[str, set[str]], skipped_keys: set[str]
) -> None:
    """Write the texts that changed, but for the edited ones, and note their digests.

    What is about to be written is noted first, so that after a kill it still counts as our own. `skipped_keys` are keys
    whose texts are not written this time and whose digests stay.
    """
    stays = {*skipped_keys, *(text.key for text in texts if text.path in edited)}
    own = {key: set(noted[key]) for key in stays if key in noted}
    for text in texts:
        if text.path not in edited:
            own.setdefault(text.key, set()).add(text_digest(text.path, text.content))
    write_record(root, {key: own.get(key, set()) | noted.get(key, set()) for key in {*own, *noted}})
    for text in console.progress(texts, len(texts), "file"):
        if text.path not in edited and not holds(text.path, text.content):
            atomic.write_whole(text.path, text.content)
    write_record(root, own)


def holds(path: Path, content: str) -> bool:
    """Tell whether a file is there and holds exactly this text."""
    try:
        with atomic.open_regular(path) as file:
            return file.read() == content.encode()
    except FileNotFoundError:
        return False
