"""Which of two versions of a sidecar a person made, and which one stays."""

from collections.abc import Collection
from functools import lru_cache
from pathlib import Path

from framekit import errors
from framekit.dataset.frames import FRAME_SUFFIXES
from framekit.files import atomic, names, paths
from framekit.files.names import cache_stem, nfc
from framekit.sidecars import characters, corrections, faces, metadata
from framekit.sidecars.tags import TagRecord

PREPARED = ".prepared.json"
CAPTIONS = (names.CAPTION, ".caption")
OF_OTHERS = (names.SOURCE, *(f"{suffix}{names.METADATA}" for suffix in FRAME_SUFFIXES))
SET_ASIDE = "extracted_again"  # where the records of tags of an older extraction are
MAX_RECORD_BYTES = 2**28  # 100,000 captions take 6 MB
DEEPEST = 12  # folders above a frame in which its tree's record of captions is looked for; levels are nine


def is_by_hand(path: Path, known: Collection[str] = ()) -> bool:
    """Tell whether a person or another program made a sidecar, or changed it.

    `known` are the digests under which scripts noted what they wrote.
    """
    if path.name.endswith(names.FACES):
        return not characters.read_record(path) or faces.is_corrected(path)
    if path.name.endswith(names.CHARACTERS):
        record = characters.read_record(path)
        return corrections.is_edited(record.get("faces"), (record.get(corrections.WRITTEN),))
    if path.name.endswith(names.METADATA) and not path.name.endswith(OF_OTHERS):
        values = characters.read_record(path)
        return not values or metadata.is_foreign(values) or bool(corrections.edited_fields(values))
    if path.suffix in (names.TAGS, *CAPTIONS):
        return corrections.is_file_edited(path, known)
    return True


def stays(target: Path, source: Path, keeps_source: bool) -> bool:
    """Tell whether a file stays in its place where another version of it comes, which is newer or what a person made.

    What a person made stays against what a script wrote, whichever is newer. What comes from a dataset is there still.
    """
    is_older = source.stat().st_mtime_ns <= target.stat().st_mtime_ns
    if (is_older and keeps_source) or cache_stem(target.name):
        return is_older
    known = noted_digests(target) | noted_digests(source)
    by_hand = is_by_hand(target, known)
    return is_older if by_hand == is_by_hand(source, known) else by_hand


def noted_digests(path: Path) -> set[str]:
    """Return the digests under which scripts noted what they wrote to a file of tags, or to a caption."""
    name, folder = nfc(path.name), path.parent
    if path.suffix == names.TAGS:
        aside = folder.parent / paths.REMOVED / SET_ASIDE
        records = [folder, *sorted(aside.glob(f"{folder.name}*"))]
        return {digest for one in records for digest in tags_noted(one, stamp_of(one / ".tagged.jsonl")).get(name, ())}
    if path.suffix in CAPTIONS:
        record = next((one / PREPARED for one in [*path.parents][:DEEPEST] if (one / PREPARED).exists()), None)
        return set(captions_noted(record, stamp_of(record)).get(nfc(path.stem), ())) if record else set()
    return set()


def stamp_of(path: Path) -> tuple[int, int]:
    """Return size and time of change of a record, which tell it from what it was before."""
    found = path.stat() if path.exists() else None
    return (found.st_size, found.st_mtime_ns) if found else (0, 0)


@lru_cache(maxsize=64)
def tags_noted(folder: Path, _: tuple[int, int]) -> dict[str, dict[str, str]]:
    """Return the record of tags of a folder, read once as it is."""
    return TagRecord(folder).written


@lru_cache(maxsize=4)
def captions_noted(record: Path, _: tuple[int, int]) -> dict[str, list[str]]:
    """Return the digests of captions by the names of their frames, read once as they are; of a damaged record none."""
    try:
        held = atomic.read_json(record, MAX_RECORD_BYTES)
    except errors.BadSidecar:
        return {}
    return {nfc(name): [*map(str, one)] for name, one in held.items() if isinstance(one, list)}
