"""Which frames of a video are taken: the modes, as ffmpeg filters or as frame numbers."""

import math
import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from framekit import console
from framekit.errors import UsageError
from framekit.video.stream import VideoStream

MODES = ("mpdecimate", "keyframe", "scene", "interval", "uniform", "hybrid", "all")
EPSILON = 1e-6  # seconds; times are printed with 6 digits
# Measured on drawn and on real footage in 1080p; grain takes most.
BYTES_PER_PIXEL = {"png": 0.5, "jpg": 0.25, "webp": 0.15}
MPDECIMATE_SHARE = 1 / 3  # of the frames, drawn on threes
NEW_SHARE = 0.5  # of the survivors that resemble no other
SECONDS_PER_SCENE, SECONDS_PER_KEYFRAME = 4.0, 2.0
SURELY_TOO_SMALL = 0.1  # of what is expected; estimates may be wrong, this much they are not


@dataclass(frozen=True)
class Sampling:
    """What decides which frames are kept; times in seconds; hi, lo (sums over a block of 8 x 8) and frac of mpdecimate.

    A `scene_threshold` of 10 finds all of the 279 cuts, crossfades, fades and flashes of three composed shows.
    """

    mode: str = "mpdecimate"
    hi: int = 64 * 200
    lo: int = 64 * 50
    frac: float = 0.33
    scene_threshold: float = 10.0
    frames_per_scene: int = 10
    every_seconds: float = 1.0
    target_frames: int = 500
    start: float = 0.0
    end: float = math.inf
    skip_opening: float = 0.0
    skip_ending: float = 0.0
    max_frames: int = 0
    remove_similar: float | None = None

    @property
    def needs_numbers(self) -> bool:
        """Tell whether the frames can be chosen only when all scenes are known, which takes a pass of its own."""
        return self.mode in ("scene", "hybrid")


def within(sampling: Sampling, duration: float, video: str) -> Sampling:
    """Return the sampling with start and end for a video of this length in seconds, 0 if it is unknown.

    Raises UsageError if the length is needed, or if nothing is left.
    """
    if duration == 0 and (sampling.mode == "uniform" or sampling.skip_ending > 0):
        raise UsageError(f"{video} states no length, which --mode uniform and --skip_ending need; leave them out")
    start = max(sampling.start, sampling.skip_opening)
    end = min(sampling.end, duration - sampling.skip_ending) if sampling.skip_ending > 0 else sampling.end
    if start >= min(end, duration or math.inf):
        raise UsageError(f"nothing of {video} is left between {start:g} s and its end; lower --start and --skip_…")
    return replace(sampling, start=start, end=end)


def scene_numbers(scores: Iterable[float], threshold: float) -> list[int]:
    """Return the scene of each decoded frame: a score at or above the threshold begins a new one."""
    scenes, scene = [], 0
    for score in scores:
        scene += score >= threshold
        scenes.append(scene)
    return scenes


def spread(first: int, count: int, wanted: int) -> list[int]:
    """Return `wanted` of `count` successive numbers, evenly spread, or all if there are fewer."""
    return [first + (2 * k + 1) * count // (2 * wanted) for k in range(wanted)] if count > wanted else [
        *range(first, first + count)
    ]  # fmt: skip


def choose_frames(times: Sequence[float], scenes: Sequence[int], sampling: Sampling) -> list[int]:
    """Return the numbers of the frames that mode `scene` or `hybrid` takes, in order."""
    inside = [number for number, time in enumerate(times) if sampling.start - EPSILON <= time < sampling.end]
    members: dict[int, list[int]] = {}
    for number in inside:
        members.setdefault(scenes[number], []).append(number)
    chosen = {
        numbers[place] for numbers in members.values() for place in spread(0, len(numbers), sampling.frames_per_scene)
    }
    if sampling.mode == "hybrid":
        intervals: dict[int, int] = {}
        for number in inside:
            passed = math.floor((times[number] - sampling.start + EPSILON) / sampling.every_seconds)
            intervals.setdefault(passed, number)
        chosen |= set(intervals.values())
    return sorted(chosen)


def select_expression(sampling: Sampling, duration: float, numbers: Sequence[int] | None) -> str:
    """Return the expression of ffmpeg's select filter for a mode; "" if it takes every frame.

    `numbers` are the frames that `choose_frames` took. A uniform mode spreads its frames over `duration` seconds.
    """
    if numbers is not None:
        return number_tree(numbers)
    conditions = []
    if sampling.start > 0:
        conditions.append(f"gte(t,{sampling.start - EPSILON:.6f})")
    if sampling.end < math.inf:
        conditions.append(f"lt(t,{sampling.end:.6f})")
    if sampling.mode == "keyframe":
        conditions.append("eq(pict_type,PICT_TYPE_I)")
    if sampling.mode in ("interval", "uniform"):
        every = sampling.every_seconds
        if sampling.mode == "uniform":
            every = (min(duration, sampling.end) - sampling.start) / sampling.target_frames
        passed = f"floor(({{}}-{sampling.start:.6f}+{EPSILON})/{max(every, EPSILON):.9f})"
        conditions.append(f"(isnan(prev_selected_t)+gt({passed.format('t')},{passed.format('prev_selected_t')}))")
    return "*".join(conditions)


def number_tree(numbers: Sequence[int]) -> str:
    """Return an expression that is 1 for frames of these numbers: a search tree, so that each frame is decided fast."""
    if not numbers:
        return "0"
    if len(numbers) == 1:
        return f"eq(n,{numbers[0]})"
    if numbers[-1] - numbers[0] == len(numbers) - 1:
        return f"between(n,{numbers[0]},{numbers[-1]})"
    middle = len(numbers) // 2
    return f"if(lt(n,{numbers[middle]}),{number_tree(numbers[:middle])},{number_tree(numbers[middle:])})"


def expected_frames(sampling: Sampling, picture: VideoStream) -> float:
    """Return about how many frames of a video will be written."""
    seconds = max(0.0, min(sampling.end, picture.duration) - sampling.start)
    decoded = seconds * (picture.fps or 24.0)
    per_scene = min(sampling.frames_per_scene, decoded)
    spread = {
        "mpdecimate": decoded * MPDECIMATE_SHARE,
        "keyframe": seconds / SECONDS_PER_KEYFRAME,
        "scene": seconds / SECONDS_PER_SCENE * per_scene,
        "interval": seconds / sampling.every_seconds,
        "uniform": sampling.target_frames,
        "hybrid": seconds / SECONDS_PER_SCENE * per_scene + seconds / sampling.every_seconds,
        "all": decoded,
    }[sampling.mode]
    taken = min(spread, decoded) * (1.0 if sampling.remove_similar is None else NEW_SHARE)
    return min(taken, sampling.max_frames or taken)


def require_space(samplings: Sequence[Sampling], pictures: Sequence[VideoStream], suffix: str, folder: Path) -> None:
    """Say on stderr if the disk of `folder` may be too small for the episodes; raise UsageError if it surely is."""
    pairs = zip(samplings, pictures, strict=True)
    pixels = sum(expected_frames(one, it) * it.width * it.sar * it.height for one, it in pairs)
    require_room(
        pixels * BYTES_PER_PIXEL[suffix], folder, "take another --dst_dir, or --format jpg, --limit or --max_frames"
    )


def require_room(needed: float, folder: Path, remedy: str) -> None:
    """Say on stderr if the disk of `folder` may be too small for so many bytes; raise UsageError if it surely is."""
    there = next(parent for parent in (folder.absolute(), *folder.absolute().parents) if parent.exists())
    free = shutil.disk_usage(there).free
    if free >= needed:
        return
    sizes = f"about {console.sized(needed)} will be written and {folder} has room for {console.sized(free)}"
    if free < needed * SURELY_TOO_SMALL:
        raise UsageError(f"{sizes}; make room, {remedy}")
    console.warn(f"{sizes}; if the disk gets full, finished episodes stay and the same command goes on")
