"""Which of two versions of a sidecar a person made, and which one stays."""

import os
from collections.abc import Collection
from functools import lru_cache
from pathlib import Path

from framekit import errors
from framekit.dataset.frames import FRAME_SUFFIXES
from framekit.files import atomic, names, paths
from framekit.files.names import cache_stem, nfc
from framekit.sidecars import characters, corrections, faces, instances, metadata
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
    if is_of_figures(path):
        return are_figures_by_hand(frame_of_figures(path))
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


def is_label_picture(path: Path) -> bool:
    """Tell whether a file lies where label pictures do."""
    return path.parent.name == names.MASK_FOLDER and path.name.endswith(".png")


def is_of_figures(path: Path) -> bool:
    """Tell whether a file is X.instances.json or a label picture."""
    return path.name.endswith(names.INSTANCES) or is_label_picture(path)


def frame_of_figures(path: Path) -> Path:
    """Return a frame, of whichever suffix, by X.instances.json or its label picture."""
    if is_label_picture(path):
        return path.parent.parent / path.name
    return path.with_name(f"{path.name.removesuffix(names.INSTANCES)}.png")


def are_figures_by_hand(frame: Path) -> bool:
    """Tell whether a person corrected the figures of a frame, or whether their files are not as ours are."""
    try:
        held = characters.read_record(names.sidecar(frame, names.INSTANCES))
        return not held or instances.is_corrected(frame)
    except errors.BadSidecar:
        return True  # the label picture cannot be read


def figures_stay(target: Path, source: Path, keeps_source: bool) -> bool:
    """Tell what `stays` does of the figures of two frames: X.instances.json and the label picture together.

    A label picture without its sidecar gives way: it is what a kill left.
    """
    has, comes = (os.path.lexists(names.sidecar(frame, names.INSTANCES)) for frame in (target, source))
    if has != comes:
        return has
    is_older = changed_last(source) <= changed_last(target)
    if is_older and keeps_source:
        return True
    by_hand = are_figures_by_hand(target)
    return is_older if by_hand == are_figures_by_hand(source) else by_hand


def changed_last(frame: Path) -> int:
    """Return when X.instances.json or the label picture of a frame changed last, in ns; 0 if there is neither."""
    found = (names.sidecar(frame, names.INSTANCES), names.mask_of(frame))
    return max((path.lstat().st_mtime_ns for path in found if os.path.lexists(path)), default=0)


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
