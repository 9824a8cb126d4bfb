"""The scores of a tagger on disk, one file for each folder and model, so that thresholds can change without it."""

import io
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from framekit.files import atomic
from framekit.tags.taggers import TagList

FLOOR = 0.05  # scores up to this are not kept; chosen: below every threshold in use, and 100 scores a frame, not 10,000
MERGES = ("union", "intersection", "mean")
Scores = dict[str, tuple[int, float]]  # tag -> category and score, the highest score first


@dataclass(frozen=True)
class FrameScores:
    """The scores of a frame, and the size of its file in bytes when it was scored."""

    size: int
    scores: Scores


@dataclass
class ScoreStore:
    """The scores of the frames of one folder by file name; `model` is the tagger with its revision, and the floor."""

    model: str
    frames: dict[str, FrameScores] = field(default_factory=dict)

    def of(self, frame: Path) -> Scores | None:
        """Return the scores of a frame; None if there are none or its file has another size since."""
        found = self.frames.get(frame.name)
        try:
            return found.scores if found and frame.stat().st_size == found.size else None
        except OSError:
            return None


def above_floor(row: NDArray[np.float32], tags: TagList, floor: float) -> Scores:
    """Return the scores of a row above the floor."""
    over = np.flatnonzero(row > np.float32(floor))
    order = over[np.argsort(-row[over], kind="stable")]
    values = zip(order.tolist(), tags.categories[order].tolist(), row[order].tolist(), strict=True)
    return {tags.names[index]: (category, score) for index, category, score in values}


def store_path(folder: Path, model: str) -> Path:
    """Return the hidden file that holds a model's scores of the frames of a folder."""
    return folder / f".scores-{re.sub('[^a-zA-Z0-9._-]', '_', model.partition('@')[0])[-60:]}.npz"


def as_lines(lines: Iterable[str]) -> NDArray[np.uint8]:
    """Return lines of text as bytes: a tenth of what numpy's own arrays of text take.

    A line end in the name of a frame is written as NUL, which no name holds.
    """
    return np.frombuffer("\n".join(line.replace("\n", "\0") for line in lines).encode(), np.uint8)


def from_lines(data: NDArray[np.uint8]) -> list[str]:
    """Return the lines of `as_lines`."""
    return [line.replace("\0", "\n") for line in data.tobytes().decode().split("\n")] if data.size else []


def read_store(folder: Path, model: str) -> ScoreStore:
    """Read a model's scores of a folder; none if the file is missing, damaged, or of another revision or floor.

    A name without a revision takes any.
    """
    try:
        with atomic.open_regular(store_path(folder, model)) as file, np.load(file, allow_pickle=False) as held:
            [scored_by] = from_lines(held["model"])
            if "@" in model and scored_by != model:
                return ScoreStore(model)
            names, tags = from_lines(held["frames"]), from_lines(held["names"])
            categories, counts = held["categories"].tolist(), held["counts"].tolist()
            which, scores, sizes = held["tags"].tolist(), held["scores"].tolist(), held["sizes"].tolist()
            ends = np.cumsum([0, *counts]).tolist()
            every = [(tags[tag], (categories[tag], score)) for tag, score in zip(which, scores, strict=True)]
            rows = zip(names, sizes, ends, ends[1:], strict=False)
            return ScoreStore(scored_by, {name: FrameScores(size, dict(every[a:b])) for name, size, a, b in rows})
    except (OSError, ValueError, KeyError, IndexError, EOFError, TypeError, BadZipFile):
        return ScoreStore(model)


def scored_names(folder: Path) -> set[str]:
    """Return the tags that taggers gave any score to frames of a folder, also those that stayed below a threshold."""
    found: set[str] = set()
    for path in sorted(folder.glob(".scores-*.npz")):
        try:
            with atomic.open_regular(path) as file, np.load(file, allow_pickle=False) as held:
                found.update(from_lines(held["names"]))
        except (OSError, ValueError, KeyError, EOFError, BadZipFile):
            continue  # it is written anew by the next run
    return found


def write_store(folder: Path, store: ScoreStore) -> None:
    """Write a model's scores of a folder, in the order of the names of frames: about 0.6 kB a frame."""
    names = sorted(store.frames)
    held = [store.frames[name] for name in names]
    known: dict[tuple[str, int], int] = {}
    for tag, (category, _) in chain.from_iterable(one.scores.items() for one in held):
        known.setdefault((tag, category), len(known))
    every = [(known[tag, category], score) for one in held for tag, (category, score) in one.scores.items()]
    buffer = io.BytesIO()
    np.savez_compressed(
        buffer,
        model=as_lines([store.model]),
        frames=as_lines(names),
        sizes=np.array([one.size for one in held], np.int64),
        counts=np.array([len(one.scores) for one in held], np.int64),
        names=as_lines(tag for tag, _ in known),
        categories=np.array([category for _, category in known], np.int16),
        tags=np.array([tag for tag, _ in every], np.uint32),
        scores=np.array([score for _, score in every], np.float32),
    )
    atomic.write_whole(store_path(folder, store.model), buffer.getvalue())


def merge(found: Iterable[Mapping[str, tuple[int, float]]], how: str) -> Scores:
    """Join the scores of several taggers for one frame by one of MERGES.

    `union` takes the highest score, `intersection` the lowest, `mean` the mean; a tag that one of them lacks has the
    score 0 there.
    """
    rows = list(found)
    joined: Scores = {}
    for tag in dict.fromkeys(chain.from_iterable(rows)):
        scores = [row[tag][1] if tag in row else 0.0 for row in rows]
        category = next(row[tag][0] for row in rows if tag in row)
        score = sum(scores) / len(scores) if how == "mean" else max(scores) if how == "union" else min(scores)
        if score > 0:
            joined[tag] = category, score
    return dict(sorted(joined.items(), key=lambda one: -one[1][1]))
