"""Small grey frames of a video, written beside its pass: how alike any two frames are that lie near each other."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

WIDTH, HEIGHT = 64, 36  # at half of it, slow zooms are as linear as crossfades
SIZE = WIDTH * HEIGHT  # bytes of a frame
REACH_SECONDS = 2.0  # how far apart frames are compared; longer crossfades are rare in broadcast animation
MOST_REACH = 120  # frames
USUAL_RATE = 24.0  # frames per second, where a video states none
BLOCK = 16  # frames that are added at a time
PER_CENT = 2.55  # grey levels
STANDS_OUT = 8  # grey levels from the median
FAINT = 6.0  # grey levels of contrast below which a frame is plain, as for remove_similar.py
PLAIN = 0.1  # share of the pixels that may stand out of a plain frame: two lines of subtitles are 0.06

Numbers = NDArray[np.intp]
Values = NDArray[np.float32]


class SmallFrames:
    """What is known of the small frames of a video so far: products of frames that lie near, means, changes.

    Products are means over the pixels of grey levels around 128; from them follows how far any frame lies off the line
    between two others, without the frames themselves: 0.2 kB a frame instead of 2.3.
    """

    def __init__(self, path: Path, fps: float) -> None:
        """Start without any; `path` is the file that ffmpeg writes them to, `fps` the rate of the video, 0 if unknown.

        Nothing is read yet.
        """
        self.path = path
        self.fps = fps or USUAL_RATE
        self.reach = int(min(MOST_REACH, max(8, round(REACH_SECONDS * self.fps))))
        self.count = 0
        # Products by distance, mean, share of the pixels that stand out, change to the frame before.
        self.table = np.zeros((1024, self.reach + 4), np.float32)
        self.recent = np.empty((0, SIZE), np.float32)

    def __len__(self) -> int:
        """Return how many frames were read."""
        return self.count

    def read_on(self) -> None:
        """Read the frames that ffmpeg has written since."""
        if not self.path.exists():
            return
        with self.path.open("rb") as file:
            whole = BLOCK
            while whole == BLOCK:  # what ends within a frame is read again from its beginning
                file.seek(self.count * SIZE)
                content = file.read(BLOCK * SIZE)
                whole = len(content) // SIZE
                self.add(np.frombuffer(content, np.uint8, whole * SIZE).reshape(whole, SIZE))

    def add(self, frames: NDArray[np.uint8]) -> None:
        """Add frames, (N, SIZE)."""
        if not len(frames):
            return
        new = frames.astype(np.float32) - 128
        known = np.concatenate([self.recent, new])
        # Not by matrix products: their threads wait for each other longer than these small ones take.
        products = np.einsum("ik,jk->ij", new, known) / SIZE
        places = len(self.recent) + np.arange(len(new))[:, None] - np.arange(self.reach + 1)
        rows = np.take_along_axis(products, np.maximum(places, 0), axis=1) * (places >= 0)
        before = known[len(self.recent) - 1 : -1] if len(self.recent) else np.concatenate([new[:1], new[:-1]])
        while self.count + len(new) > len(self.table):
            self.table = np.concatenate([self.table, np.zeros_like(self.table)])
        part = self.table[self.count : self.count + len(new)]
        part[:, :-3], part[:, -3] = rows, new.mean(axis=1)
        part[:, -2] = (np.abs(new - np.median(new, axis=1, keepdims=True)) > STANDS_OUT).mean(axis=1)
        part[:, -1] = np.abs(new - before).mean(axis=1) / PER_CENT
        self.recent = known[-self.reach :]
        self.count += len(new)

    @property
    def changes(self) -> Values:
        """Return the mean absolute difference of each frame to the one before, 0 to 100, as ffmpeg's scdet has it."""
        return self.table[: self.count, -1]

    def product(self, one: Numbers, other: Numbers) -> Values:
        """Return the mean products of frames of these numbers, at most `reach` apart."""
        return np.asarray(self.table[np.maximum(one, other), np.abs(one - other)])

    def covariance(self, one: Numbers, other: Numbers) -> Values:
        """Return the covariances of frames of these numbers; that of a frame with itself is its variance."""
        return np.asarray(self.product(one, other) - self.table[one, -3] * self.table[other, -3])

    def distance(self, one: int, other: int) -> float:
        """Return the root mean square difference of two frames, in grey levels; infinite if they lie too far apart."""
        if abs(one - other) > self.reach:
            return float("inf")
        first, second = np.array([one]), np.array([other])
        square = self.product(first, first) + self.product(second, second) - 2 * self.product(first, second)
        return float(np.sqrt(max(square[0], 0.0)))

    def are_plain(self, numbers: Numbers) -> NDArray[np.bool_]:
        """Tell which frames are black, white or of another single colour, but for subtitles."""
        faint = self.covariance(numbers, numbers) < FAINT * FAINT
        return np.asarray(faint | (self.table[numbers, -2] <= PLAIN))

    def is_plain(self, number: int) -> bool:
        """Tell whether a frame is black, white or of another single colour, but for subtitles."""
        return bool(self.are_plain(np.array([number]))[0])

    def contrast(self, number: int) -> float:
        """Return the standard deviation of a frame, in grey levels."""
        one = np.array([number])
        return float(np.sqrt(max(self.covariance(one, one)[0], 0.0)))
