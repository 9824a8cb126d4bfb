"""Tags of frames on disk: scores written as they come, tags from the scores, corrections left alone."""

import json
import re
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass, field, replace
from itertools import groupby
from pathlib import Path

from framekit import console
from framekit.dataset import frames
from framekit.errors import UsageError
from framekit.files import atomic, names
from framekit.sidecars import corrections, kinds
from framekit.sidecars.corrections import held_text
from framekit.sidecars.tags import TagRecord, sort_tags
from framekit.tags import predict
from framekit.tags.models import MEASURED
from framekit.tags.select import TagRules, Thresholds, tag_text
from framekit.tags.store import FrameScores, merge, read_store, write_store
from framekit.tags.taggers import known_identity, load_tagger

PART_SECONDS = 10  # chosen: the work in seconds that a kill may cost; scores are written as often
# Extensions that other scripts own, or that would turn tags into frames.
TAKEN_EXTENSIONS = {names.METADATA, names.FACES, names.CHARACTERS, names.SOURCE, *frames.FRAME_SUFFIXES}


@dataclass(frozen=True)
class Scorer:
    """What scores frames: `name` has revision and floor; `is_fixed` if a frame's scores only depend on its file."""

    name: str
    score: Callable[[Sequence[Path]], predict.Scoring]
    is_fixed: bool


def at_once(_: Path) -> AbstractContextManager[None]:
    """Let nobody wait."""
    return nullcontext()


@dataclass(frozen=True)
class Wanted:
    """What is written: from the scores of which taggers, joined how, above which thresholds, tidied by which rules.

    `overwrite` also writes what a person has written or changed, `append` adds tags to all that is there. `turn` lets
    others wait who write into the same folder.
    """

    models: Sequence[str]
    merge: str
    thresholds: Thresholds
    rules: TagRules
    extension: str
    overwrite: bool
    append: bool = False
    turn: Callable[[Path], AbstractContextManager[None]] = at_once

    def by(self, models: Sequence[str]) -> str:
        """Return how the tags came about, for the record."""
        level = self.thresholds
        cut = "mcut" if level.mcut else f"general>{level.general:g} character>{level.character:g}"
        rules = rules_digest(self.rules)
        tidied = f" by rules {rules}" if rules != rules_digest(TagRules()) else ""
        return f"{cut} of {f' {self.merge} '.join(models)}{tidied}"


@dataclass
class Tally:
    """What became of the frames."""

    tagged: int = 0
    tags: int = 0
    empty: int = 0
    edited: int = 0
    unreadable: list[tuple[Path, str]] = field(default_factory=list)

    def add(self, other: "Tally") -> None:
        """Count what another part of the frames came to."""
        self.tagged += other.tagged
        self.tags += other.tags
        self.empty += other.empty
        self.edited += other.edited
        self.unreadable += other.unreadable


def rules_digest(rules: TagRules) -> str:
    """Return 12 hex digits that change with what becomes of chosen tags."""
    plain = json.dumps(asdict(rules), default=sorted, sort_keys=True)
    return corrections.digest(plain)


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
        if wanted.overwrite or wanted.append or not record.is_edited(names.sidecar(frame, wanted.extension))
    ]


def tagged_otherwise(done: Sequence[Path], taggers: Sequence[str], wanted: Wanted) -> list[str]:
    """Return a sentence for each way in which frames were tagged otherwise than is wanted; `taggers` are of --model.

    What a person or another program wrote is not counted.
    """
    kinds: Counter[tuple[str, str]] = Counter()
    now = Made.read(wanted.by([known_identity(tagger) for tagger in taggers])) if done else Made()
    for folder, members in groupby(done, key=lambda frame: frame.parent):
        record = TagRecord(folder)
        for frame in members:
            if noted := record.noted(names.sidecar(frame, wanted.extension)):
                kinds[Made.read(noted).differs(now)] += 1
    return [
        sentence
        for (how, remedy), number in kinds.items()
        if how
        for sentence in console.made_otherwise({how: number}, "tags", remedy)
    ]


@dataclass(frozen=True)
class Made:
    """How tags came about, as the record of a folder notes it: cut, models with what joins them, digest of rules."""

    cut: str = ""
    models: str = ""
    rules: str = ""

    @classmethod
    def read(cls, noted: str) -> "Made":
        """Take apart what `Wanted.by` notes."""
        cut, _, rest = noted.partition(" of ")
        models, _, rules = rest.partition(" by rules ")
        return cls(cut, re.sub(r"(?<=@[0-9a-f]{8}) above \S+", "", models), rules)

    def differs(self, now: "Made") -> tuple[str, str]:
        """Return how these tags were made otherwise than now, and the option that makes them anew; "" if they were not.

        A revision that is not known on both sides is not compared.
        """
        revision = re.compile(r"@[0-9a-f]{8}")
        plain, plain_now = revision.sub("", self.models), revision.sub("", now.models)
        if plain != plain_now:
            return f"of {plain}", "--redo"
        if len(revision.findall(self.models)) == len(revision.findall(now.models)) and self.models != now.models:
            return f"of other weights of {plain}", "--redo"
        if self.cut != now.cut:
            return f"with {self.cut}", "--rethreshold"
        return ("tidied by other rules", "--rethreshold") if self.rules != now.rules else ("", "")


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
        seen = atomic.bytes_in(path)
        if len(scored) < len(stores):
            tally.unreadable.append((frame, "it has no stored scores, or changed since; score it with --redo"))
        elif record.is_edited(path) and not (wanted.overwrite or wanted.append):
            tally.edited += 1
        else:
            joined = scored[0] if len(scored) == 1 else merge(scored, wanted.merge)
            text = tag_text(joined, wanted.thresholds, wanted.rules)
            if wanted.append and seen is not None:
                tally.add(append_tags(path, text, record, seen))
                continue
            if not record.write(path, text, wanted.by([store.model for store in stores]), seen):
                tally.edited += 1
                continue
            tally.tagged += 1
            tally.tags += text.count(",") + bool(text.strip())
            tally.empty += not text.strip()
    return tally


def append_tags(path: Path, text: str, record: TagRecord, seen: bytes) -> Tally:
    """Add the tags of a text that a file lacks to its end; what a person wrote still counts as theirs.

    `seen` are the bytes of the file when it was read.
    """
    held = held_text(path).rstrip().rstrip(",")
    known = {kinds.same(tag) for told in sort_tags(held).values() for tag in told}
    new = [tag for tag in text.strip().split(", ") if tag and kinds.same(tag) not in known]
    between = ", " if "," in held or not held else next((sign for sign in ("\n", " ") if sign in held), ", ")
    joined = between.join([*[held] * bool(held), *new]) + "\n"
    if not new:
        return Tally(tagged=1)
    if record.is_edited(path):
        written = atomic.write_over(path, joined, seen)
    else:
        written = record.write(path, joined, record.noted(path), seen)
    return Tally(tagged=1, tags=len(new)) if written else Tally(edited=1)


def write_all(todo: Sequence[Path], wanted: Wanted) -> Tally:
    """Write the tags of frames from the stored scores, folder by folder."""
    tally = Tally()
    for _, members in groupby(todo, key=lambda frame: frame.parent):
        part = list(members)
        with wanted.turn(part[0].parent):
            tally.add(write_tags(part, wanted))
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
    scored: Iterable[tuple[Path, FrameScores | frames.Unreadable]], model: str, wanted: Wanted, is_last: bool
) -> Tally:
    """Write scores as they come, those of the last tagger with tags of the frames, in a thread beside the tagger."""
    tally = Tally()
    written: list[Future[Tally]] = []

    def write(part: list[tuple[Path, FrameScores]]) -> Tally:
        with wanted.turn(part[0][0].parent):
            write_scores(part, model)
            return write_tags([frame for frame, _ in part], wanted) if is_last else Tally()

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


def load_scorer(model: str, found: Sequence[Path], device: str, batch_size: int, workers: int, floor: float) -> Scorer:
    """Load what scores frames: `measured`, or a tagger; `found` are all, also those that are done.

    Raises UsageError if it is unavailable.
    """
    if model == MEASURED:
        return Scorer(MEASURED, lambda todo: predict.measure_frames(todo, found, workers), is_fixed=False)
    tagger = load_tagger(model, device, for_many=True)
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
        is_last = len(names) == len(loaders)
        complete = replace(wanted, models=names)
        if is_last and len(missing) < len(todo):
            scored = set(todo) - set(missing)
            tally.add(write_all([frame for frame in todo if frame in scored], complete))
        part = tag_with(console.progress(scorer.score(missing), len(missing), "frame", name), name, complete, is_last)
        unreadable = {path for path, _ in part.unreadable}
        todo = [frame for frame in todo if frame not in unreadable]
        tally.add(part)
    return tally
