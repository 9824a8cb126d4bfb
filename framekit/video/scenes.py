"""What ffmpeg reports of the frames that pass through its graph, and where scenes begin among them."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from framekit.pixels.decode import Pixels
from framekit.video.small import SmallFrames
from framekit.video.transitions import is_one_picture, transitions

SHOWN = re.compile(r"\[Parsed_showinfo_(?P<place>\d+) .*?\bn: *\d+ pts: *\S+ pts_time:(?P<time>-?[\d.]+)")
ERROR = re.compile(r"\[(?:error|fatal|panic)\](?! *Application provided invalid, non monotonically) *(.*)")
# Said as a warning, or without the level: where two threads speak at once a message loses what stands before it.
HINT = re.compile(
    r"corrupt decoded frame|[Pp]acket corrupt|corrupt input packet|size mismatch|File ended prematurely"
    r"|invalid as first byte of an EBML number|invalid undecodable NALU|freeing incomplete packet|concealing \d+ DC"
)
FLASH_SECONDS = 0.21  # 5 frames at 24 fps
FLASH_LIKENESS = 0.3  # of the change: the picture that comes back after a flash differs by less from the one before
LEAST = 4.0  # change of a picture, 0 to 100, that counts as one at all; --scene_threshold may be as low
SLOWEST = 0.125  # seconds that a drawing of movement is held, 3 frames at 24 fps; one held longer is a picture
STILL = 1.0  # change from a frame to the next, 0 to 100, of a picture that is held


@dataclass(frozen=True)
class FrameSource:
    """Where a frame came from: time in seconds from the start, number in the video from 0, scene from 0."""

    time: float
    source_frame: int
    scene: int


@dataclass(frozen=True)
class FrameLog:
    """The times of all decoded frames, as ffmpeg writes them, and their scores.

    A score tells how much like the beginning of a scene a frame is, 0 to 100. `errors` are ffmpeg's complaints, so many
    of them before the first frame; `hints` are words that may tell of damage.
    """

    decoded: list[str]
    scene_scores: list[float]
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


def read_log(log: str, small: SmallFrames) -> FrameLog:
    """Read ffmpeg's messages: the first showinfo of the graph sees every decoded frame.

    Frames are counted here, since ffmpeg counts from 0 again when the resolution changes.
    """
    shown: dict[int, list[str]] = {}
    for message in SHOWN.finditer(log):
        shown.setdefault(int(message["place"]), []).append(message["time"])
    decoded = shown[min(shown)] if shown else []
    errors = tuple(" ".join(found[1].split()) for line in log.splitlines() if (found := ERROR.search(line)))
    first = SHOWN.search(log)
    before = len(ERROR.findall(log, 0, first.start() if first else len(log)))
    scores = scene_scores([float(time) for time in decoded], small)
    return FrameLog(decoded, scores, errors, before, tuple(HINT.findall(log)))


class Passed:
    """The frames that went through ffmpeg's graph, as its messages tell line by line.

    `times` are those of all frames that were decoded so far, as ffmpeg writes them.
    """

    def __init__(self, lines: Iterable[str]) -> None:
        """Nothing is read yet."""
        self.lines = lines
        self.times: list[str] = []

    def numbers(self) -> Iterator[int]:
        """Yield the number of each frame that went through: the last showinfo of the graph sees these alone.

        Each is found after the one before: where recordings were joined, times come twice.
        """
        first, number = "", -1
        for line in self.lines:
            if (shown := SHOWN.search(line)) is None:
                continue
            first = first or shown["place"]
            if shown["place"] == first:
                self.times.append(shown["time"])
            else:
                number = self.times.index(shown["time"], number + 1)
                yield number

    def beside(self, pixels: Iterable[Pixels]) -> Iterator[tuple[int, Pixels]]:
        """Yield the number of each frame that went through, and its pixels; its message is there before it is."""
        numbers = self.numbers()
        for one in pixels:
            yield next(numbers), one
        for _ in numbers:  # what was decoded after the last one
            pass

    def time(self, number: int) -> float:
        """Return the time of a decoded frame in seconds."""
        return float(self.times[number])


def scene_scores(times: Sequence[float], small: SmallFrames) -> list[float]:
    """Return how much like the beginning of a scene each frame is, 0 to 100.

    At a cut much changes after little change, also where drawings are held for two or three frames; a gradual
    transition counts at its first mixed frame, with all that it changes. A flash after which the picture before comes
    back is none. Source of the score of cuts: ffmpeg's scdet.
    """
    changes = small.changes[: len(times)]
    slowest = max(1, round(SLOWEST * small.fps))
    earlier = [np.concatenate([np.zeros(steps), changes])[: len(changes)] for steps in range(1, slowest + 1)]
    scores = np.zeros(len(times))
    scores[: len(changes)] = np.maximum(changes - np.max(earlier, axis=0), 0)
    drop_flashes(scores, times, small)
    found = transitions(small, 0, len(changes) - 1, LEAST)
    for one in found:
        came = coming_of(one.start, small)
        by_cut = bool(scores[came] >= LEAST)
        before = came - 1 if by_cut else max((two.start for two in found if two.end <= one.start), default=-1)
        is_back = comes_back(small, before, one.start, one.end) and (by_cut or small.is_plain(one.start))
        if is_back and by_cut:
            scores[came] = 0.0
        elsewhere = small.is_plain(one.end) or (small.is_plain(one.start) and (by_cut or came == 0))
        scores[one.start + 1 : min(one.end, one.start + slowest) + 1] = 0.0
        if not (is_back or elsewhere or is_one_picture(small, one)):
            scores[one.start + 1] = one.change
    return [round(float(score), 2) for score in scores]


def drop_flashes(scores: NDArray[np.float64], times: Sequence[float], small: SmallFrames) -> None:
    """Set the scores of frames to 0 between which a flash comes and goes."""
    for number in np.flatnonzero(scores >= LEAST).tolist():
        for back in frames_within(times, number, FLASH_SECONDS):
            if back < len(small) and scores[number] > 0 and comes_back(small, number - 1, number, back):
                scores[number : back + 1] = 0.0
                break


def comes_back(small: SmallFrames, before: int, between: int, after: int) -> bool:
    """Tell whether a picture is shown again after another one."""
    if before < 0 or after - before > small.reach:
        return False
    return small.distance(before, after) <= FLASH_LIKENESS * small.distance(before, between)


def coming_of(number: int, small: SmallFrames) -> int:
    """Return the number of the frame with which a picture came that is held up to this one."""
    while number > 0 and small.changes[number] < STILL:
        number -= 1
    return number


def frames_within(times: Sequence[float], number: int, seconds: float) -> Iterator[int]:
    """Yield the numbers of the frames that follow one within some seconds."""
    for later in range(number + 1, len(times)):
        if times[later] - times[number] > seconds:
            return
        yield later


def complaint(log: FrameLog) -> str | None:
    """Return the first of ffmpeg's complaints, None if all went well.

    Its exit code says nothing: a video that is cut short or damaged in the middle ends with 0. Times that run back
    where recordings were joined are no damage.
    """
    more = f" (and {len(log.errors) - 1} more)" if len(log.errors) > 1 else ""
    return f"{log.errors[0]}{more}" if log.errors else None
