"""The frame at which a picture has settled, in place of one that mpdecimate took from the middle of a transition.

mpdecimate compares with the last frame that it let through. So of a crossfade it takes frames on the way, and the
picture itself no more, once what is left of the way changes too little.
"""

from collections import deque
from collections.abc import Callable, Collection, Iterator
from contextlib import closing
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from framekit.pixels.decode import Pixels
from framekit.video.ffmpeg import SMALL, Ffmpeg, View, decode, fetch_command
from framekit.video.scenes import LEAST, Passed
from framekit.video.small import SIZE, SmallFrames
from framekit.video.transitions import transitions

LATER = 2  # frames after the end of a transition, which movement may hide
SHARE_LATER = 0.1  # of the length of a transition, likewise
VISIBLE = 1.0  # grey levels, root mean square, by which a frame differs from the settled one
SAME = 2.0  # grey levels, mean, up to which two small frames are of one frame, decoded twice
LEADS = (0.0, 10.0)  # seconds before a frame where decoding begins; the second where an index leads astray


@dataclass(frozen=True)
class Fetch:
    """Decodes single frames of a video that is being read, by their numbers; None if one is not found again."""

    ffmpeg: Ffmpeg
    view: View
    passed: Passed
    small: SmallFrames
    corrupt: Collection[int]

    def __call__(self, number: int) -> Pixels | None:
        """Return the pixels of a frame, known by its small one."""
        if number in self.corrupt or number == 0:
            return None
        between = (self.passed.time(number - 1) + self.passed.time(number)) / 2
        with self.small.path.open("rb") as file:
            file.seek(number * SIZE)
            wanted = np.frombuffer(file.read(SIZE), np.uint8).astype(np.int16)
        for lead in LEADS:
            with TemporaryDirectory(prefix=".ffmpeg-", dir=self.small.path.parent) as scratch:
                small = Path(scratch, SMALL)
                command = fetch_command(self.ffmpeg, self.view, between, lead, small)
                with (
                    Path(scratch, "messages.txt").open("wb", buffering=0) as log,
                    closing(decode(command, self.view.size, log)) as coming,
                ):
                    found = list(coming)
                content = small.read_bytes() if small.exists() else b""
            seen = np.frombuffer(content, np.uint8).astype(np.int16)
            if found and len(seen) == len(wanted) and np.abs(seen - wanted).mean() <= SAME:
                return found[0]
        return None


def settled_frame(small: SmallFrames, number: int, following: int) -> int:
    """Return the frame that shows the settled picture of one from the middle of a transition, else that one itself.

    `following` is the next frame that is taken: the picture must settle before it.
    """
    last = min(following - 1, number + small.reach, len(small) - 1)
    if last <= number + 1 or small.changes[number + 1] < LEAST / small.reach:
        return number
    for one in transitions(small, max(0, number - small.reach), last, LEAST):
        if one.start < number < one.end < last:
            later = max(LATER, round(SHARE_LATER * (one.end - one.start)))
            found = min(one.end + later, last)
            if not small.is_plain(found) and small.distance(number, found) >= VISIBLE:
                return found
    return number


def settled(
    taken: Iterator[tuple[int, Pixels]], small: SmallFrames, fetch: Callable[[int], Pixels | None] | None
) -> Iterator[tuple[int, Pixels]]:
    """Yield frames with their numbers, the settled one in place of one from the middle of a transition.

    What follows a frame decides, so one is held back, more only while ffmpeg has not written their small frames yet.
    Without `fetch` all frames stay what they are.
    """
    waiting: deque[tuple[int, Pixels]] = deque()
    end: tuple[int, Pixels] | None = None
    for one in chain(taken, [end]):
        small.read_on()
        if one is not None:
            waiting.append(one)
        while waiting and (one is None or (len(waiting) > 1 and len(small) > waiting[1][0])):
            number, pixels = waiting.popleft()
            found = settled_frame(small, number, waiting[0][0] if waiting else len(small)) if fetch else number
            again = fetch(found) if fetch and found != number else None
            yield (number, pixels) if again is None else (found, again)
