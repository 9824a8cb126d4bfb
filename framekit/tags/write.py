"""Tags of frames on disk: scores written as they come, tags from the scores, corrections left alone."""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from itertools import groupby
from pathlib import Path

from framekit import console
from framekit.dataset import frames
from framekit.errors import UsageError
from framekit.files import names
from framekit.sidecars.tags import TagRecord
from framekit.tags import predict
from framekit.tags.models import MEASURED
from framekit.tags.select import TagRules, Thresholds, tag_text
from framekit.tags.store import FrameScores, merge, read_store, write_store
from framekit.tags.taggers import load_tagger

PART_SECONDS = 10  # chosen: the work in seconds that a kill may cost; scores are written as often
# Extensions that other scripts own, or that would turn tags into frames.
TAKEN_EXTENSIONS = {names.METADATA, names.FACES, names.CHARACTERS, names.SOURCE, *frames.FRAME_SUFFIXES}


@dataclass(frozen=True)
class Scorer:
    """What scores frames: `name` has revision and floor; `is_fixed` if a frame's scores only depend on its file."""

    name: str
    score: Callable[[Sequence[Path]], predict.Scoring]
    is_fixed: bool


@dataclass(frozen=True)
class Wanted:
    """What is written: from the scores of which taggers, joined how, above which thresholds, tidied by which rules.

    `overwrite` also writes what a person has written or changed.
    """

    models: Sequence[str]
    merge: str
    thresholds: Thresholds
    rules: TagRules
    extension: str
    overwrite: bool

    def by(self, models: Sequence[str]) -> str:
        """Return how the tags came about, for the record."""
        level = self.thresholds
        cut = "mcut" if level.mcut else f"general>{level.general:g} character>{level.character:g}"
        return f"{cut} of {f' {self.merge} '.join(models)}"


@dataclass
class Tally:
    """What became of the frames."""

    tagged: int = 0
    tags: int = 0
    edited: int = 0
    unreadable: list[tuple[Path, str]] = field(default_factory=list)

    def add(self, other: "Tally") -> None:
        """Count what another part of the frames came to."""
        self.tagged += other.tagged
        self.tags += other.tags
        self.edited += other.edited
        self.unreadable += other.unreadable


def usable_extension(text: str) -> str:
    """Return --caption_extension with its dot. Raises UsageError if such files would overwrite others."""
    extension = "." + text.lstrip(".")
    if extension == "." or extension.lower() in TAKEN_EXTENSIONS or Path(f"x{extension}").name != f"x{extension}":
        raise UsageError(f"--caption_extension {extension} would overwrite other files; use .tags, .txt or .caption")
    return extension


def leave_edited(todo: Sequence[Path], wanted: Wanted) -> list[Path]:
    """Return the frames whose tags no person has written or changed."""
    return [
        frame
        for folder, members in groupby(todo, key=lambda frame: frame.parent)
        for record in [TagRecord(folder)]
        for frame in members
        if wanted.overwrite or not record.is_edited(names.sidecar(frame, wanted.extension))
    ]


def write_scores(part: Sequence[tuple[Path, FrameScores]], model: str) -> None:
    """Add the scores of frames of one folder to its store."""
    store = read_store(part[0][0].parent, model)
    store.frames.update({frame.name: scores for frame, scores in part})
    write_store(part[0][0].parent, store)


def write_tags(part: Sequence[Path], wanted: Wanted) -> Tally:
    """Write the tags of frames of one folder from the stored scores."""
    folder, tally = part[0].parent, Tally()
    stores, record = [read_store(folder, model) for model in wanted.models], TagRecord(folder)
    for frame in part:
        scored = [scores for store in stores if (scores := store.of(frame)) is not None]
        path = names.sidecar(frame, wanted.extension)
        if len(scored) < len(stores):
            tally.unreadable.append((frame, "it has no stored scores, or changed since; score it with --redo"))
        elif record.is_edited(path) and not wanted.overwrite:
            tally.edited += 1
        else:
            joined = scored[0] if len(scored) == 1 else merge(scored, wanted.merge)
            text = tag_text(joined, wanted.thresholds, wanted.rules)
            record.write(path, text, wanted.by([store.model for store in stores]))
            tally.tagged += 1
            tally.tags += text.count(",") + bool(text.strip())
    return tally


def write_all(todo: Sequence[Path], wanted: Wanted) -> Tally:
    """Write the tags of frames from the stored scores, folder by folder."""
    tally = Tally()
    for _, members in groupby(todo, key=lambda frame: frame.parent):
        tally.add(write_tags(list(members), wanted))
    return tally


def parts(
    scored: Iterable[tuple[Path, FrameScores | frames.Unreadable]], tally: Tally
) -> Iterator[list[tuple[Path, FrameScores]]]:
    """Yield scored frames of one folder, as many as come within PART_SECONDS; unreadable ones go to the tally."""
    part: list[tuple[Path, FrameScores]] = []
    started = time.monotonic()
    try:
        for frame, scores in scored:
            if part and (frame.parent != part[0][0].parent or time.monotonic() - started > PART_SECONDS):
                yield part
                part, started = [], time.monotonic()
            if isinstance(scores, frames.Unreadable):
                tally.unreadable.append((frame, scores.reason))
            else:
                part.append((frame, scores))
    except KeyboardInterrupt:  # the frames that are finished are kept
        if part:
            yield part
        raise
    if part:
        yield part


def tag_with(
    scored: Iterable[tuple[Path, FrameScores | frames.Unreadable]], model: str, wanted: Wanted | None
) -> Tally:
    """Write scores as they come, and the tags of these frames if `wanted`, both in a thread beside the tagger."""
    tally = Tally()
    written: list[Future[Tally]] = []

    def write(part: list[tuple[Path, FrameScores]]) -> Tally:
        write_scores(part, model)
        return write_tags([frame for frame, _ in part], wanted) if wanted else Tally()

    with ThreadPoolExecutor(1) as behind:
        for part in parts(scored, tally):
            written.append(behind.submit(write, part))
            if len(written) > 1:
                tally.add(written.pop(0).result())
    for coming in written:
        tally.add(coming.result())
    return tally


def without_scores(todo: Sequence[Path], model: str) -> list[Path]:
    """Return the frames that this model has not scored yet, or not as they are now."""
    return [
        frame
        for folder, members in groupby(todo, key=lambda frame: frame.parent)
        for store in [read_store(folder, model)]
        for frame in members
        if store.of(frame) is None
    ]


def load_scorer(model: str, device: str, batch_size: int, workers: int, floor: float) -> Scorer:
    """Load what scores frames: `measured`, or a tagger. Raises UsageError if it is unavailable."""
    if model == MEASURED:
        return Scorer(MEASURED, lambda todo: predict.measure_frames(todo, workers), is_fixed=False)
    tagger = load_tagger(model, device)
    name = f"{tagger.name} above {floor:g}"
    return Scorer(name, lambda todo: predict.score_frames(todo, tagger, batch_size, workers, floor), is_fixed=True)


def tag_frames(todo: Sequence[Path], loaders: Sequence[Callable[[], Scorer]], wanted: Wanted, redo: bool) -> Tally:
    """Score the frames that lack scores of a tagger, one tagger at a time; the last one writes the tags as it goes."""
    tally = Tally()
    names: list[str] = []
    for load in loaders:
        scorer = load()
        name = scorer.name
        names.append(name)
        missing = without_scores(todo, name) if scorer.is_fixed and not redo else todo
        complete = replace(wanted, models=names) if len(names) == len(loaders) else None
        if complete and len(missing) < len(todo):
            scored = set(todo) - set(missing)
            tally.add(write_all([frame for frame in todo if frame in scored], complete))
        part = tag_with(console.progress(scorer.score(missing), len(missing), "frame", name), name, complete)
        unreadable = {path for path, _ in part.unreadable}
        todo = [frame for frame in todo if frame not in unreadable]
        tally.add(part)
    return tally
