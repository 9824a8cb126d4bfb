"""Find the frames of a dataset and decode them to pixels."""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import dataclass
from operator import itemgetter
from os import walk
from pathlib import Path
from struct import error as StructError
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from framekit.frame_names import Key, is_frame_name, natural_key, part_key, refuse_shared_stems, refuse_unusable_names
from framekit.own_png import read_own_png
from framekit.stage import Misuse

Pixels = NDArray[np.uint8]
"""Decoded frame: (H, W, 3) uint8 RGB."""

Result = TypeVar("Result")

WHITE = (255, 255, 255)
# What Pillow raises for damaged files, besides OSError and its children.
DECODER_ERRORS = (
    OSError,
    ValueError,
    SyntaxError,
    EOFError,
    IndexError,
    KeyError,
    OverflowError,
    RuntimeError,
    StructError,
)


@dataclass(frozen=True)
class Unreadable:
    """A frame that could not be decoded: expected, listed at the end, never a reason to stop."""

    path: Path
    reason: str


class UnreadableFrame(Exception):
    """Raised by `read_pixels`; the text is the reason."""


def find_frames(folder: Path, limit: int = 0) -> list[Path]:
    """Return all frames below `folder` in natural order; hidden files and folders and links to folders are left out.

    `limit` keeps the first frames only; 0 keeps all.
    Raises Misuse if there is no such folder, or if two frames of one folder would share their sidecars.
    """
    if not folder.is_dir():
        raise Misuse(f"{folder} is not a folder; --src_dir must name the folder that holds the frames")
    found: list[tuple[list[Key], Path]] = []
    for root, folders, names in walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        own = [name for name in names if is_frame_name(name)]
        if own:
            here = Path(root)
            refuse_unusable_names(here, own)
            refuse_shared_stems(here, own)
            above = natural_key(here.relative_to(folder))
            found += [([*above, part_key(name)], here / name) for name in own]
    found.sort(key=itemgetter(0))
    return [path for _, path in (found[:limit] if limit else found)]


def refuse_inside(target: Path, root: Path) -> None:
    """Raise Misuse if images that are to be written below `target` would lie among the frames below `root`."""
    if target.resolve().is_relative_to(root.resolve()):
        raise Misuse(f"{target} lies in {root}, where images would be taken for frames; give a folder beside it")


def read_pixels(path: Path) -> Pixels:
    """Decode one frame: EXIF rotation applied, alpha over white, 16 bit reduced to 8, first image of an animation.

    Raises UnreadableFrame with the reason.
    """
    from PIL import Image, ImageOps

    if (own := read_own_png(path)) is not None:
        return own
    try:
        with Image.open(path) as image:
            image.load()
            ImageOps.exif_transpose(image, in_place=True)
            return np.asarray(flatten_image(image), dtype=np.uint8)
    except (Image.DecompressionBombError, *DECODER_ERRORS) as error:
        raise UnreadableFrame(" ".join(str(error).split()) or type(error).__name__) from error


def flatten_image(image: Any) -> Any:
    """Turn a Pillow image of any mode into mode RGB, transparent parts over white."""
    from PIL import Image

    if image.mode.startswith("I"):  # 16 bit grey: Pillow's own conversion clips instead of scaling
        return Image.fromarray((np.asarray(image).clip(0, 65535) // 257).astype(np.uint8)).convert("RGB")
    if image.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in image.info:
        layer = image.convert("RGBA")
        ground = Image.new("RGBA", layer.size, (*WHITE, 255))
        return Image.alpha_composite(ground, layer).convert("RGB")
    return image if image.mode == "RGB" else image.convert("RGB")


def shrink(pixels: Pixels, longest_side: int) -> Pixels:
    """Reduce pixels so that the longer side has at most `longest_side` pixels; smaller ones stay as they are."""
    import cv2

    height, width = pixels.shape[:2]
    scale = longest_side / max(height, width)
    if scale >= 1:
        return pixels
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)


@dataclass(frozen=True)
class FrameTask:
    """Decode one frame and apply a function to its pixels; picklable if the function is."""

    function: Callable[[Pixels], Any]

    def __call__(self, path: Path) -> Any:
        """Return the function's result, or Unreadable."""
        try:
            return self.function(read_pixels(path))
        except UnreadableFrame as error:
            return Unreadable(path, str(error))


def map_frames(
    function: Callable[[Pixels], Result], paths: Sequence[Path], workers: int, processes: bool = False
) -> Iterator[tuple[Path, Result | Unreadable]]:
    """Yield (path, function(pixels) or Unreadable) in the given order, computed ahead by `workers`.

    Threads are enough for functions of OpenCV, numpy and Pillow, which let go of Python's lock;
    `processes` is for those which don't. Memory is bounded: at most 4 frames per worker are in flight.
    """
    task = FrameTask(function)
    if workers <= 1:
        yield from ((path, task(path)) for path in paths)
        return
    with open_pool(workers, processes) as pool:
        pending: deque[tuple[Path, Future[Any]]] = deque()
        for path in paths:
            pending.append((path, pool.submit(task, path)))
            if len(pending) >= 4 * workers:
                first, future = pending.popleft()
                yield first, future.result()
        for first, future in pending:
            yield first, future.result()


def open_pool(workers: int, processes: bool) -> Executor:
    """Return a pool of threads, or of freshly started processes (a fork would copy held locks)."""
    if processes:
        from concurrent.futures import ProcessPoolExecutor
        from multiprocessing import get_context

        return ProcessPoolExecutor(workers, mp_context=get_context("spawn"))
    return ThreadPoolExecutor(workers)
