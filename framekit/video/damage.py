"""What is missing of a damaged video: its beginning, parts in the middle, its end, and frames that are corrupt."""

import math
import os
import re
from collections.abc import Collection
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from statistics import median

from framekit import console
from framekit.video.ffmpeg import MESSAGES, Ffmpeg, View
from framekit.video.scenes import FrameLog
from framekit.video.stream import messages, opened, passed_over

DECODED = re.compile(r"corrupt decoded frame|decoder -> .*?pts_time:")
CUT = re.compile(r"ended prematurely|partial file|[Tt]runcat|[Pp]acket mismatch")
GAP = 1.8  # times the usual distance between frames; pulldown has 1.5
SHORT = 0.5  # seconds that a video may end before its container; sound often lasts longer
TOLD = 5  # gaps that a message names
WHOLE = (0.0, math.inf)
STREAMED = (".ts", ".m2ts", ".mts", ".vob", ".mpg", ".mpeg")  # tell no length; others have zeros at their end at times
ZEROS = 2**16  # bytes


def is_unfinished(video: Path) -> bool:
    """Tell whether the end of a video is zeros, as a download leaves it that has reserved its place."""
    if video.suffix.lower() not in STREAMED or video.stat().st_size < ZEROS:
        return False
    with video.open("rb") as file:
        file.seek(-ZEROS, os.SEEK_END)
        return not any(file.read())


def corrupt_frames(ffmpeg: Ffmpeg, view: View) -> frozenset[int]:
    """Decode a video and return the numbers of the frames that the decoder marks as corrupt.

    With -debug_ts the decoder reports each frame right after the mark, where other messages come in any order.
    """
    video = ["-debug_ts", *opened(view.video), "-map", f"0:{view.picture.number}"]
    options = [word for name, value in ffmpeg.passthrough.items() for word in (f"-{name}", value)]
    text = messages([ffmpeg.path, *MESSAGES, *video, *options, *passed_over()])
    numbers, number, marked = set(), 0, False
    for line in text.splitlines():
        if (found := DECODED.search(line)) is None:
            continue
        if found[0].startswith("corrupt"):
            marked = True
            continue
        if marked:
            numbers.add(number)
        number, marked = number + 1, False
    return frozenset(numbers)


@dataclass(frozen=True)
class Missing:
    """What is missing of a video, in seconds: its beginning, parts (from, to) of its middle, the time of its end.

    `corrupt` counts frames that were left out; `end` is 0 where nothing is missing there, `length` 0 if unknown.
    """

    beginning: float = 0.0
    gaps: tuple[tuple[float, float], ...] = ()
    corrupt: int = 0
    end: float = 0.0
    length: float = 0.0

    @property
    def trouble(self) -> str:
        """Return what the list of problems says, "" if nothing but the beginning is missing."""
        parts = []
        if self.gaps:
            told = ", ".join(f"{start:.2f} to {stop:.2f} s" for start, stop in self.gaps[:TOLD])
            more = f" and in {len(self.gaps) - TOLD} more places" if len(self.gaps) > TOLD else ""
            parts.append(f"damaged, nothing from {told}{more}")
        if self.corrupt:
            parts.append(f"{console.counted(self.corrupt, 'frame')} that the decoder marks as corrupt left out")
        if self.end:
            of = f" of {self.length:.2f}" if self.length > self.end else ""
            parts.append(f"cut short, it ends at {self.end:.2f}{of} s")
        return "; ".join(parts)


def missing(
    log: FrameLog, corrupt: Collection[int], length: float, to_the_end: bool, wanted: tuple[float, float] = WHOLE
) -> Missing:
    """Return what is missing of a video of `length` seconds, 0 if unknown, from what ffmpeg reported.

    Distances between frames count only where ffmpeg complained, since they may vary. `to_the_end`: it was read so far.
    Only what lies in the `wanted` part, from one time to another, is told.
    """
    times = [float(time) for time in log.decoded]
    left_out = sum(wanted[0] <= times[number] < wanted[1] for number in corrupt if number < len(times))
    good = [time for number, time in enumerate(times) if number not in corrupt]
    if not log.suspect or not good:
        return Missing(corrupt=left_out)
    steps = [after - before for before, after in pairwise(times) if after > before]
    step = median(steps) if steps else 0.0
    pairs = pairwise(good)
    lost = ((before + step, after) for before, after in pairs if after - before > GAP * step + 1e-3)
    gaps = tuple((start, stop) for start, stop in lost if stop > wanted[0] and start < wanted[1])
    last = good[-1] + step
    cut = any(CUT.search(word) for word in (*log.errors, *log.hints)) or max(times) > good[-1] or length - last > SHORT
    first = next(number for number in range(len(times)) if number not in corrupt)
    return Missing(
        beginning=good[0] if wanted[0] < good[0] > GAP * step and (log.errors_before or 0 in corrupt) else 0.0,
        gaps=gaps,
        corrupt=left_out - sum(wanted[0] <= time for time in times[:first]),
        end=last if to_the_end and cut else 0.0,
        length=length,
    )
