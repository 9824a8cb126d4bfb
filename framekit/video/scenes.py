"""What ffmpeg reports of the frames that pass through its graph: their times, how much changed, what went wrong."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

SHOWN = re.compile(
    r"\[Parsed_metadata_\d+ .*?\blavfi\.scd\.mafd=(?P<change>[\d.]+)"
    r"|\[Parsed_showinfo_(?P<place>\d+) .*?\bn: *\d+ pts: *\S+ pts_time:(?P<time>-?[\d.]+)"
)
ERROR = re.compile(r"\[(?:error|fatal|panic)\](?! *Application provided invalid, non monotonically) *(.*)")
# Said as a warning, or without the level: where two threads speak at once a message loses what stands before it.
HINT = re.compile(
    r"corrupt decoded frame|[Pp]acket corrupt|corrupt input packet|size mismatch|File ended prematurely"
    r"|invalid as first byte of an EBML number|invalid undecodable NALU|freeing incomplete packet|concealing \d+ DC"
)
FLASH_SECONDS = 0.21  # 5 frames at 24 fps
FLASH_LIKENESS = 0.1  # of the change: back to the same picture changes as much as away from it


@dataclass(frozen=True)
class FrameSource:
    """Where a frame came from: time in seconds from the start, number in the video from 0, scene from 0."""

    time: float
    source_frame: int
    scene: int


@dataclass(frozen=True)
class FrameLog:
    """The times of all decoded frames and of those that went through, as ffmpeg writes them; the change to each.

    A change is the mean absolute difference of luma to the frame before, 0 to 100. Source: ffmpeg's scdet.
    `errors` are its complaints, so many of them before the first frame; `hints` are words that may tell of damage.
    """

    decoded: list[str]
    passed: list[str]
    changes: list[float]
    errors: tuple[str, ...] = ()
    errors_before: int = 0
    hints: tuple[str, ...] = ()

    @property
    def suspect(self) -> bool:
        """Tell whether something may be missing."""
        return bool(self.errors or self.hints)

    @property
    def seconds(self) -> float:
        """Return the length of the decoded part."""
        return float(self.decoded[-1]) - float(self.decoded[0]) if self.decoded else 0.0

    @property
    def scene_scores(self) -> list[float]:
        """Return the scene score of each decoded frame, 0 to 100."""
        return scene_scores([float(time) for time in self.decoded], self.changes)


def read_log(log: str) -> FrameLog:
    """Read ffmpeg's messages: the first showinfo of the graph sees every decoded frame, the last one the survivors.

    The change stands before the showinfo of its frame. Frames are counted here, since ffmpeg counts from 0 again when
    the resolution changes; before ffmpeg 9 the first frame has no change.
    """
    shown: dict[int, list[str]] = {}
    changes: list[float] = []
    change = 0.0
    for message in SHOWN.finditer(log):
        if message["change"]:
            change = float(message["change"])
            continue
        place = int(message["place"])
        shown.setdefault(place, []).append(message["time"])
        if place == min(shown):
            changes.append(change)
            change = 0.0
    places = sorted(shown)
    passed = shown[places[-1]] if len(places) > 1 else []
    errors = tuple(" ".join(found[1].split()) for line in log.splitlines() if (found := ERROR.search(line)))
    first = SHOWN.search(log)
    before = len(ERROR.findall(log, 0, first.start() if first else len(log)))
    return FrameLog(shown[places[0]] if places else [], passed, changes, errors, before, tuple(HINT.findall(log)))


def passed_times(lines: Iterable[str]) -> Iterator[str]:
    """Yield the times of the frames that went through, as ffmpeg writes them, from its messages line by line."""
    first = ""
    for line in lines:
        if (shown := SHOWN.search(line)) and shown["place"]:
            first = first or shown["place"]
            if shown["place"] != first:
                yield shown["time"]


def scene_scores(times: Sequence[float], changes: Sequence[float]) -> list[float]:
    """Return how much like a cut each frame is, 0 to 100: much change after little change.

    A flash is no cut: the picture before it comes back within FLASH_SECONDS, so the change back is as large as the
    change away. Source of the score: ffmpeg's scdet.
    """
    scores = [min(change, abs(change - before)) for change, before in zip(changes, [0.0, *changes], strict=False)]
    for number, change in enumerate(changes):
        for back in frames_within(times, number, FLASH_SECONDS):
            if abs(changes[back] - change) <= FLASH_LIKENESS * change and scores[number] > 0:
                scores[number] = scores[back] = 0.0
                break
    return [round(score, 2) for score in scores]


def frames_within(times: Sequence[float], number: int, seconds: float) -> Iterator[int]:
    """Yield the numbers of the frames that follow one within some seconds."""
    for later in range(number + 1, len(times)):
        if times[later] - times[number] > seconds:
            return
        yield later


def frame_sources(log: FrameLog, scenes: Sequence[int]) -> list[FrameSource]:
    """Return the source of each frame that went through; `scenes` holds the scene of each decoded frame.

    Both are in one order, so each is found after the one before: where recordings were joined, times come twice.
    """
    sources = []
    number = -1
    for time in log.passed:
        number = log.decoded.index(time, number + 1)
        sources.append(FrameSource(round(float(time), 6), number, scenes[number]))
    return sources


def complaint(log: FrameLog) -> str | None:
    """Return the first of ffmpeg's complaints, None if all went well.

    Its exit code says nothing: a video that is cut short or damaged in the middle ends with 0. Times that run back
    where recordings were joined are no damage.
    """
    more = f" (and {len(log.errors) - 1} more)" if len(log.errors) > 1 else ""
    return f"{log.errors[0]}{more}" if log.errors else None
