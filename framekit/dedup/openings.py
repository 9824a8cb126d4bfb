"""Openings, endings and recaps: runs of frames that come back in other episodes at the same distance in time."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from framekit import errors
from framekit.dataset import removed
from framekit.dedup.descriptors import DescribedFrames
from framekit.dedup.removal import Removal
from framekit.files import atomic, names

KINDS = OPENING, ENDING = "opening", "ending"
SAME_VIDEO = "the same video"  # no part of an episode, but all of it
MOST = 0.8  # share of an episode's frames that another one shows, from which it is the same video; chosen
TOLERANCE = 0.5  # seconds by which the distance in time may vary within a run
LONGEST_GAP = 3.0  # seconds between two repeats of a run
SHORTEST = 5.0  # seconds; shorter runs are stock shots and flashbacks
FEWEST = 4  # frames of a run


@dataclass(frozen=True)
class Repeat:
    """A frame that shows what an earlier episode showed: episode and time in seconds of both."""

    episode: str
    time: float
    other: str
    other_time: float


@dataclass
class Section:
    """A part that episodes share: its kind, opening or ending, and (start, end) in seconds in each episode."""

    kind: str
    spans: dict[str, tuple[float, float]] = field(default_factory=dict)

    def covers(self, episode: str, time: float) -> bool:
        """Tell whether a moment lies in it."""
        start, end = self.spans.get(episode, (1.0, 0.0))
        return start - TOLERANCE <= time <= end + TOLERANCE

    def __str__(self) -> str:
        """Return one line for people, `opening: EP01 0:00-1:30, EP02 0:45-2:15`."""
        if self.kind == SAME_VIDEO:
            return f"{self.kind}: {', '.join(self.spans)}; remove one, unless you mean to keep the frames of both"
        return f"{self.kind}: " + ", ".join(
            f"{name} {clock(start)}-{clock(end)}" for name, (start, end) in self.spans.items()
        )


def clock(seconds: float) -> str:
    """Return minutes and seconds, `1:05`."""
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"


def runs(repeats: Iterable[Repeat]) -> list[list[Repeat]]:
    """Return the runs of repeats that keep their distance in time to one other episode, in order of time."""
    pairs: dict[tuple[str, str], list[Repeat]] = {}
    for one in repeats:
        pairs.setdefault((one.episode, one.other), []).append(one)
    found = []
    for members in pairs.values():
        by_distance = sorted(members, key=lambda one: one.time - one.other_time)
        for alike in split(by_distance, lambda one: one.time - one.other_time, TOLERANCE):
            in_time = sorted(alike, key=lambda one: one.time)
            found += split(in_time, lambda one: one.time, LONGEST_GAP)
    long = [run for run in found if len(run) >= FEWEST and run[-1].time - run[0].time >= SHORTEST]
    return sorted(long, key=lambda run: (run[0].episode, run[0].time))


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
    repeats: Sequence[Repeat], lengths: Mapping[str, float], counts: Mapping[str, int] | None = None
) -> list[Section]:
    """Return the openings and endings of a show: runs that come back in at least half of its episodes.

    `lengths` holds the seconds of each episode; what lies in the first half of its episode is an opening. Episodes that
    are the same video, by the number of their frames in `counts`, come last, and their repeats count for nothing else.
    """
    found: list[Section] = []
    same = same_videos(repeats, counts or {})
    for run in runs(one for one in repeats if not any({one.episode, one.other} <= two.spans.keys() for two in same)):
        here, there = (run[0].time, run[-1].time), (run[0].other_time, run[-1].other_time)
        episode, other = run[0].episode, run[0].other
        known = next((one for one in found if overlap(one.spans.get(other), there)), None)
        if known is None:
            kind = OPENING if sum(there) < lengths.get(other, 0.0) else ENDING
            known = Section(kind, {other: there})
            found.append(known)
        known.spans[other] = span_union(known.spans[other], there)
        known.spans[episode] = span_union(known.spans.get(episode, here), here)
    return [one for one in found if len(one.spans) >= max(2, len(lengths) / 2)] + same


def overlap(one: tuple[float, float] | None, other: tuple[float, float]) -> bool:
    """Tell whether two spans share a moment."""
    return one is not None and one[0] <= other[1] and other[0] <= one[1]


def span_union(one: tuple[float, float], other: tuple[float, float]) -> tuple[float, float]:
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

    def repeat(self, frame: str, other: str) -> Repeat | None:
        """Return the repeat that two relative paths stand for, None within one episode or without times."""
        here, there = (str(PurePosixPath(name).with_suffix("")) for name in (frame, other))
        episodes = PurePosixPath(frame).parent, PurePosixPath(other).parent
        if here not in self.times or there not in self.times or episodes[0] == episodes[1]:
            return None
        return Repeat(str(episodes[0]), self.times[here], str(episodes[1]), self.times[there])


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
        lengths[name.as_posix()] = max((times[(name / stem).as_posix()] for stem in record["frames"]), default=0.0)
    return Clock(times, lengths, resembled)


def find_sections(root: Path, described: DescribedFrames, going: Sequence[Removal]) -> tuple[list[Section], Clock]:
    """Return the openings and endings of a show, found in what goes and what was removed before; and its clock."""
    folders = sorted({frame.parent for frame in described.readable})
    clock = read_clock(root, folders)
    names = [frame.relative_to(root).as_posix() for frame in described.readable]
    pairs = [(names[one.row], names[one.resembles]) for one in going if one.resembles >= 0]
    pairs += [(str(line.get("frame")), str(line.get("resembles"))) for _, _, line in removed.removed_now(root)]
    repeats = [repeat for pair in (*pairs, *clock.resembled) if (repeat := clock.repeat(*pair))]
    return sections(repeats, clock.lengths, Counter(str(PurePosixPath(name).parent) for name in clock.times)), clock


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
