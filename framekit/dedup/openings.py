"""Openings, endings and recaps: runs of frames that come back in other episodes at the same distance in time."""

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from posixpath import dirname, splitext
from statistics import mode

from framekit import errors
from framekit.dataset import removed
from framekit.dedup.descriptors import DescribedFrames, Descriptors
from framekit.dedup.pans import PAN
from framekit.dedup.quality import FADE_LIKENESS
from framekit.dedup.removal import Removal
from framekit.files import atomic, names

KINDS = OPENING, ENDING = "opening", "ending"
SAME_VIDEO = "the same video"  # no part of an episode, but all of it
MOST = 0.8  # share of an episode's frames that another one shows, from which it is the same video; chosen
# Seconds by which the distance in time varies within a run: drawings on threes, of which either frame may be the kept
# one, and a frame more. What two episodes quote half a second off is another run.
SPREAD = 8 / 24
HALF_A_FRAME = 0.02  # seconds; times are those of frames
LONGEST_GAP = 3.0  # seconds between two repeats of a run
SHORTEST = 5.0  # seconds; shorter runs are stock shots and flashbacks
FEWEST = 4  # frames of a run
Span = tuple[float, float]  # start and end in seconds


@dataclass(frozen=True)
class Repeat:
    """A frame that shows what an earlier episode showed: episode and time in seconds of both."""

    episode: str
    time: float
    other: str
    other_time: float

    @property
    def distance(self) -> float:
        """Return how much later it comes than in the earlier episode, in seconds."""
        return self.time - self.other_time


@dataclass(frozen=True)
class Shown:
    """A frame of an episode: when it is shown, in seconds, and what it resembles, as episode and time.

    One that went for itself, such as part of a fade, is `plain`; its descriptor tells whether another episode shows it
    too.
    """

    time: float
    resembled: tuple[str, float] | None = None
    plain: bool = False
    descriptor: Descriptors | None = None


@dataclass
class Section:
    """A part that episodes share: its kind, opening or ending, and (start, end) in seconds in each episode.

    It ends when the first frame comes that is not of it.
    """

    kind: str
    spans: dict[str, Span] = field(default_factory=dict)

    def covers(self, episode: str, time: float) -> bool:
        """Tell whether a moment lies in it."""
        start, end = self.spans.get(episode, (1.0, 0.0))
        return start - HALF_A_FRAME <= time < end - HALF_A_FRAME

    def __str__(self) -> str:
        """Return one line for people, `opening: EP01 0:00-1:30, EP02 0:45-2:15`."""
        if self.kind == SAME_VIDEO:
            return f"{self.kind}: {', '.join(self.spans)}; remove one, unless you mean to keep the frames of both"
        return f"{self.kind}: " + ", ".join(
            f"{name} {clock(start)}-{clock(end)}" for name, (start, end) in self.spans.items()
        )


def clock(seconds: float) -> str:
    """Return minutes and seconds, `1:05`, rounded."""
    return f"{round(seconds) // 60}:{round(seconds) % 60:02d}"


def runs(repeats: Iterable[Repeat]) -> list[list[Repeat]]:
    """Return the runs of repeats that keep their distance in time to one other episode, in order of time."""
    pairs: dict[tuple[str, str], list[Repeat]] = {}
    for one in repeats:
        pairs.setdefault((one.episode, one.other), []).append(one)
    found = []
    for members in pairs.values():
        for alike in by_distance(members):
            in_time = sorted(alike, key=lambda one: one.time)
            found += split(in_time, lambda one: one.time, LONGEST_GAP)
    long = [run for run in found if len(run) >= FEWEST and run[-1].time - run[0].time >= SHORTEST]
    return sorted(long, key=lambda run: (run[0].episode, run[0].time))


def by_distance(members: Iterable[Repeat]) -> list[list[Repeat]]:
    """Group repeats of two episodes by their distance in time: again and again the most that lie within SPREAD."""
    left = sorted(members, key=lambda one: one.distance)
    groups = []
    while left:
        distances = [one.distance for one in left]
        ends = [bisect_right(distances, distance + SPREAD) for distance in distances]
        start = max(range(len(left)), key=lambda place: ends[place] - place)
        groups.append(left[start : ends[start]])
        left = left[:start] + left[ends[start] :]
    return groups


def split(members: Sequence[Repeat], value: Callable[[Repeat], float], gap: float) -> list[list[Repeat]]:
    """Split a sequence, ordered by `value`, where it jumps by more than `gap`."""
    parts: list[list[Repeat]] = []
    for one in members:
        if parts and value(one) - value(parts[-1][-1]) <= gap:
            parts[-1].append(one)
        else:
            parts.append([one])
    return parts


def same_videos(repeats: Sequence[Repeat], counts: Mapping[str, int]) -> list[Section]:
    """Return the episodes that show the same from beginning to end; `counts` holds the frames of each."""
    times: dict[tuple[str, str], set[float]] = {}
    for one in repeats:
        times.setdefault((one.episode, one.other), set()).add(one.time)
    pairs = [pair for pair, shared in times.items() if len(shared) >= max(FEWEST, MOST * counts.get(pair[0], 0))]
    found: list[Section] = []
    for episode, other in pairs if counts else ():
        known = next((one for one in found if {episode, other} & one.spans.keys()), None)
        if known is None:
            known = Section(SAME_VIDEO)
            found.append(known)
        known.spans |= dict.fromkeys((other, episode), (0.0, 0.0))
    return found


def sections(
    repeats: Sequence[Repeat],
    lengths: Mapping[str, float],
    shown: Mapping[str, Sequence[Shown]],
    counts: Mapping[str, int] | None = None,
) -> list[Section]:
    """Return the openings and endings of a show: runs that come back in at least half of its episodes.

    `lengths` holds the seconds of each episode, `shown` its frames in order of time; what lies in the first half of its
    episode is an opening. Episodes that are the same video, by the number of their frames in `counts`, come last, and
    their repeats count for nothing else.
    """
    found: list[Section] = []
    same = same_videos(repeats, counts or {})
    for run in runs(one for one in repeats if not any({one.episode, one.other} <= two.spans.keys() for two in same)):
        here, there = spans_of(run, lengths, shown)
        episode, other = run[0].episode, run[0].other
        known = next((one for one in found if overlap(one.spans.get(other), there)), None)
        if known is None:
            kind = OPENING if sum(there) < lengths.get(other, 0.0) else ENDING
            known = Section(kind, {other: there})
            found.append(known)
        known.spans[other] = span_union(known.spans[other], there)
        known.spans[episode] = span_union(known.spans.get(episode, here), here)
    return [one for one in found if len(one.spans) >= max(2, len(lengths) / 2)] + same


def spans_of(run: Sequence[Repeat], lengths: Mapping[str, float], shown: Mapping[str, Sequence[Shown]]) -> list[Span]:
    """Return from when to when both episodes of a run show the same: as far as no frame of either is another one."""
    distance = mode(round(one.distance, 2) for one in run)  # that of drawings that are not held
    start, end = run[0].time, run[-1].time
    spans = {run[0].episode: (start, end), run[0].other: (start - distance, end - distance)}

    def belongs(one: Shown, twin: Shown | None) -> bool:
        if one.resembled is None:
            return one.plain and look_alike(one, twin)
        first, last = spans.get(one.resembled[0], (1.0, 0.0))
        return first - SPREAD <= one.resembled[1] <= last + SPREAD

    reached = {}
    for name, other, shift in ((run[0].episode, run[0].other, -distance), (run[0].other, run[0].episode, distance)):
        frames, others = shown.get(name, ()), shown.get(other, ())
        of_it = [belongs(one, at(others, one.time + shift)) for one in frames]
        reached[name] = reach([one.time for one in frames], of_it, spans[name], lengths[name])
    before = min(spans[name][0] - reached[name][0] for name in spans)
    after = min(reached[name][1] - spans[name][1] for name in spans)
    return [(first - before, last + after) for first, last in spans.values()]


def at(shown: Sequence[Shown], time: float) -> Shown | None:
    """Return the frame that is shown at a time, None before the first one."""
    place = bisect_right(shown, time + HALF_A_FRAME, key=lambda one: one.time)
    return shown[place - 1] if place else None


def look_alike(one: Shown, other: Shown | None) -> bool:
    """Tell whether two frames show the same, whatever their contrast; yes where that is not known."""
    if other is None or one.descriptor is None or other.descriptor is None:
        return other is not None
    return float(one.descriptor @ other.descriptor) >= FADE_LIKENESS


def reach(times: Sequence[float], of_it: Sequence[bool], span: Span, length: float) -> Span:
    """Return a span with the frames before and after that are `of_it`, to the moment when the next one comes."""
    first = bisect_left(times, span[0] - HALF_A_FRAME)
    while first > 0 and of_it[first - 1]:
        first -= 1
    after = bisect_right(times, span[1] + HALF_A_FRAME)
    while after < len(times) and of_it[after]:
        after += 1
    if not times:
        return span
    start = times[first] if first < len(times) else span[0]
    return min(start, span[0]), max(times[after] if after < len(times) else length, span[1])


def overlap(one: Span | None, other: Span) -> bool:
    """Tell whether two spans share a moment."""
    return one is not None and one[0] <= other[1] and other[0] <= one[1]


def span_union(one: Span, other: Span) -> Span:
    """Return the span that covers both."""
    return min(one[0], other[0]), max(one[1], other[1])


@dataclass(frozen=True)
class Clock:
    """When each frame of a dataset is shown, in seconds, by its path without suffix; the length of each episode.

    `resembled` holds pairs of frames, dropped and kept, that extraction found similar.
    """

    times: Mapping[str, float]
    lengths: Mapping[str, float]
    resembled: Sequence[tuple[str, str]]

    def moment(self, frame: str) -> tuple[str, float] | None:
        """Return the episode and the time of a frame, by its relative path; None without a time."""
        time = self.times.get(splitext(frame)[0])
        return None if time is None else (episode_of(frame), time)

    def repeat(self, frame: str, other: str) -> Repeat | None:
        """Return the repeat that two relative paths stand for, None within one episode or without times."""
        here, there = self.moment(frame), self.moment(other)
        return Repeat(*here, *there) if here and there and here[0] != there[0] else None

    def shown(self, resembled: Mapping[str, str], descriptors: Mapping[str, Descriptors]) -> dict[str, list[Shown]]:
        """Return the frames of each episode in order of time.

        `resembled` says of the frames that go which kept one they resemble, "" if they went for themselves;
        `descriptors` are those of the frames that are there. Both go by relative path.
        """
        held = {splitext(name)[0]: row for name, row in descriptors.items()}
        gone = {splitext(name)[0]: other for name, other in resembled.items()}
        found: dict[str, list[Shown]] = {}
        for name, time in sorted(self.times.items(), key=lambda item: item[1]):
            other = gone.get(name)
            one = Shown(time, self.moment(other) if other else None, other == "", held.get(name))
            found.setdefault(episode_of(name), []).append(one)
        return found


def episode_of(frame: str) -> str:
    """Return the folder of a frame, by its relative path."""
    return dirname(frame) or "."


def read_clock(root: Path, folders: Iterable[Path]) -> Clock:
    """Read the times of the frames of all episodes, and what was dropped while they were extracted."""
    times: dict[str, float] = {}
    lengths: dict[str, float] = {}
    resembled = []
    for folder in folders:
        try:
            record = atomic.read_json(folder / names.EPISODE_RECORD)
        except errors.BadSidecar:
            continue
        name = folder.relative_to(root)
        for kind in ("frames", "similar"):
            for stem, source in record.get(kind, {}).items():
                times[(name / stem).as_posix()] = float(source["time"])
                if kind == "similar":
                    resembled.append(((name / f"{stem}.png").as_posix(), str(source["resembles"])))
        last = max((times[(name / stem).as_posix()] for stem in record["frames"]), default=0.0)
        stated = record.get("video_duration")
        lengths[name.as_posix()] = max(last, stated if isinstance(stated, int | float) else 0.0)
    return Clock(times, lengths, resembled)


def find_sections(root: Path, described: DescribedFrames, going: Sequence[Removal]) -> tuple[list[Section], Clock]:
    """Return the openings and endings of a show, found in what goes and what was removed before; and its clock."""
    folders = sorted({frame.parent for frame in described.readable})
    clock = read_clock(root, folders)
    names = [frame.relative_to(root).as_posix() for frame in described.readable]
    gone = [
        (str(line.get("frame")), line.get("resembles"), line.get("reason")) for *_, line in removed.removed_now(root)
    ]
    gone += [(names[one.row], names[one.resembles] if one.resembles >= 0 else "", one.reason) for one in going]
    resembled = {name: "" if reason == PAN else str(other or "") for name, other, reason in gone}
    resembled |= dict(clock.resembled)
    repeats = [repeat for pair in resembled.items() if pair[1] and (repeat := clock.repeat(*pair))]
    shown = clock.shown(resembled, dict(zip(names, described.rows, strict=True)))
    return sections(repeats, clock.lengths, shown, Counter(dirname(name) for name in clock.times)), clock


def drop_sections(
    root: Path, described: DescribedFrames, going: Sequence[Removal], dropped: Sequence[Section], clock: Clock
) -> list[Removal]:
    """Return the removals of the frames that lie in the sections and stay otherwise."""
    gone = {one.row for one in going}
    found = []
    for row, frame in enumerate(described.readable):
        name = frame.relative_to(root)
        time = clock.times.get(name.with_suffix("").as_posix(), -1.0)
        for section in dropped if row not in gone else ():
            if section.covers(name.parent.as_posix(), time):
                found.append(Removal(row, section.kind))
                break
    return found
