"""What is in a dataset, as numbers: episodes, shots over time, tags of characters, removals, corrections."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from framekit import errors
from framekit.arrange.folders import combination
from framekit.arrange.placements import moved_by_hand
from framekit.dataset.removed import removed_now
from framekit.files import atomic, journal
from framekit.files.names import EPISODE_RECORD, METADATA, sidecar
from framekit.sidecars.corrections import edited_fields
from framekit.sidecars.metadata import Metadata, read_own
from framekit.sidecars.renames import RECORD

BINS = 60  # of the time of an episode
# Share of the frame height that the largest face takes. Source: the four folders of face_height_ratio.
SHOTS = (("no face", 0.0), ("wide", 0.15), ("medium", 0.3), ("close", 0.5), ("very close", 1.01))
MOST_TAGS = 15  # of a character


@dataclass(frozen=True)
class Episode:
    """An episode, and its frames counted by shot size in each of BINS equal parts of its time: `shots[part][size]`.

    `seconds` is its length if that `is_length`, else the time of its last frame.
    """

    name: str
    frames: int
    seconds: float
    shots: Sequence[Sequence[int]]
    is_length: bool = False


@dataclass(frozen=True)
class Corrections:
    """Corrections by hand: edited fields of X.json by name, files with any, frames moved, characters renamed."""

    fields: Mapping[str, int]
    files: int
    moved: int
    renames: Sequence[tuple[str, str]]


def shot_size(known: Metadata) -> int:
    """Return the index in SHOTS of a frame's shot size."""
    if known.face_count == 0:
        return 0
    return next(place for place, (_, limit) in enumerate(SHOTS) if place and known.face_height_ratio < limit)


def episode_lengths(roots: Iterable[Path]) -> dict[str, float]:
    """Return the length in seconds that the video of each episode states, by the name of the episode."""
    found = {}
    for root in roots:
        for path in sorted(root.glob(f"*/{EPISODE_RECORD}")):
            try:
                record = atomic.read_json(path)
            except errors.BadSidecar:
                continue
            if isinstance(length := record.get("video_duration"), int | float) and length > 0:
                found[str(record.get("episode"))] = float(length)
    return found


def episodes(described: Iterable[Metadata], lengths: Mapping[str, float]) -> list[Episode]:
    """Return the episodes of a dataset, by name; frames without a time count in the first part.

    `lengths` are those of their videos in seconds, as far as they are known.
    """
    by_name: dict[str, list[Metadata]] = {}
    for known in described:
        by_name.setdefault(known.episode or "no episode", []).append(known)
    found = []
    for name, frames in sorted(by_name.items()):
        last = max((known.time or 0.0 for known in frames), default=0.0)
        length = max(last, lengths.get(name, 0.0)) or 1.0
        bins = [[0] * len(SHOTS) for _ in range(BINS)]
        for known in frames:
            bins[min(BINS - 1, int((known.time or 0.0) / length * BINS))][shot_size(known)] += 1
        found.append(Episode(name, len(frames), length, bins, name in lengths))
    return found


def combinations(described: Iterable[Metadata]) -> Counter[str]:
    """Return how many frames each combination of characters has."""
    return Counter(combination(known.characters) if known.characters else "nobody known" for known in described)


def is_alone(known: Metadata) -> bool:
    """Tell whether a frame shows one character and nobody else."""
    return len(dict.fromkeys(known.characters)) == 1 and max(known.count, known.face_count) <= 1


def tags_of_characters(described: Iterable[Metadata]) -> dict[str, list[tuple[str, float]]]:
    """Return each character's most frequent tags, each with its share of the frames that show the character alone.

    Tags of a group are of everybody in it. Tags that are as frequent stand as they came.
    """
    frames: Counter[str] = Counter()
    tags: dict[str, Counter[str]] = {}
    for known in described:
        for name in known.characters if is_alone(known) else ():
            frames[name] += 1
            tags.setdefault(name, Counter()).update(list(dict.fromkeys(known.tags)))
    return {
        name: [(tag, number / count) for tag, number in tags[name].most_common(MOST_TAGS)]
        for name, count in sorted(frames.items(), key=lambda item: (-item[1], item[0]))
    }


def removed_frames(roots: Sequence[Path]) -> dict[str, list[Path]]:
    """Return the removed frames by reason, the most frequent reason first."""
    found: dict[str, list[Path]] = {}
    for root in roots:
        for _, where, record in removed_now(root):
            found.setdefault(str(record.get("reason")), []).append(where)
    return dict(sorted(found.items(), key=lambda item: -len(item[1])))


def corrections(root: Path, frames: Iterable[Path], roots: Sequence[Path]) -> Corrections:
    """Return what was corrected by hand: metadata of these frames, their places below `root`, names of characters."""
    fields: Counter[str] = Counter()
    files = 0
    for frame in frames:
        try:
            edited = edited_fields(read_own(sidecar(frame, METADATA)))
        except errors.BadSidecar:
            continue
        fields.update(edited)
        files += bool(edited)
    renames = [
        pair
        for one in roots
        for record in journal.read_lines(one / RECORD)
        if isinstance(names := record.get("names"), dict)
        for pair in names.items()
    ]
    return Corrections(dict(fields.most_common()), files, moved_by_hand(root), list(dict.fromkeys(renames)))
