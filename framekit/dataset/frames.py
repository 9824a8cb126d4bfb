"""Find the frames of a dataset and decode them to pixels."""

import re
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import dataclass
from operator import itemgetter
from os import sep
from pathlib import Path
from typing import Any, TypeVar

from framekit import console
from framekit.errors import UnreadableFrame, UsageError
from framekit.files.names import DOUBLE_SUFFIXES, is_ignored, nfc, walk
from framekit.pixels import decode
from framekit.pixels.decode import Pixels
from framekit.pixels.modes import PACKAGES

Result = TypeVar("Result")
FRAME_SUFFIXES = frozenset([*".png .jpg .jpeg .jfif .webp .bmp .gif .tif .tiff .avif".split(), *PACKAGES])
HIDING = tuple(suffix.rpartition(".")[0] for suffix in DOUBLE_SUFFIXES)  # such stems look like sidecars
DIGITS = re.compile(r"(\d+)")
Key = list[tuple[int, int, str]]


"""Decoded frame: (H, W, 3) uint8 RGB."""


@dataclass(frozen=True)
class Unreadable:
    """A frame that could not be decoded: expected, listed at the end, never a reason to stop."""

    path: Path
    reason: str


def find_frames(folder: Path | str, limit: int = 0) -> list[Path]:
    """Return all frames below `folder` in natural order.

    Hidden files and folders, what systems leave for themselves, and links to folders are left out.

    `limit` keeps the first frames only; 0 keeps all.
    Raises UsageError if there is no such folder, or if two frames of one folder would share their sidecars.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise UsageError(f"{folder} is not a folder; --src_dir must name the folder that holds the frames")
    found: list[tuple[list[Key], Path]] = []
    for root, folders, names in walk(folder):
        tell_twins(root, folders)
        own = [name for name in names if is_frame_name(name)]
        if own:
            here = Path(root)
            refuse_unusable_names(here, own)
            refuse_shared_stems(here, own)
            above = natural_key(here.relative_to(folder))
            found += [([*above, part_key(name)], here / name) for name in own]
    found.sort(key=itemgetter(0))
    return [path for _, path in (found[:limit] if limit else found)]


def tell_twins(folder: str, names: Sequence[str]) -> None:
    """Warn of folders side by side whose names look the same: they are one on other disks."""
    seen: dict[str, str] = {}
    for name in () if all(map(str.isascii, names)) else names:
        if seen.setdefault(nfc(name), name) != name:
            console.warn(f"{folder} holds two folders called {nfc(name)}, in two Unicode forms; join them")


def refuse_inside(target: Path, root: Path) -> None:
    """Raise UsageError if images that are to be written below `target` would lie among the frames below `root`."""
    if target.resolve().is_relative_to(root.resolve()):
        raise UsageError(f"{target} lies in {root}, where images would be taken for frames; give a folder beside it")


@dataclass(frozen=True)
class FrameTask:
    """Decode one frame and apply a function to its pixels; picklable if the function is."""

    function: Callable[[Pixels], Any]

    def __call__(self, path: Path) -> Any:
        """Return the function's result, or Unreadable."""
        try:
            return self.function(decode.read_pixels(path))
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


def natural_key(path: Path) -> list[Key]:
    """Sort key that puts `EP2` before `EP10`, folder by folder."""
    return [part_key(part) for part in path.parts]


def part_key(part: str) -> Key:
    """Return the sort key of a name: its numbers as numbers."""
    pieces = DIGITS.split(part.casefold())
    return [(0, int(piece), "") if piece.isdecimal() else (1, 0, piece) for piece in pieces]


def relative_name(path: Path, root: Path) -> str:
    """Return a path below `root`, as text with slashes, composed: `paths.inside` finds it in the form on disk."""
    text = str(path)
    return nfc((text if root == Path() else text[len(str(root)) :].lstrip(sep)).replace(sep, "/"))


def is_frame_name(name: str) -> bool:
    """Tell whether a file of this name counts as a frame."""
    return "." in name and not is_ignored(name) and f".{name.rpartition('.')[2].lower()}" in FRAME_SUFFIXES


def is_utf8(text: str) -> bool:
    """Tell whether a name can be written into a sidecar or a journal."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def closed_folder(error: OSError) -> tuple[Path, str]:
    """Return a folder that cannot be looked into, and why."""
    return Path(error.filename), f"the folder cannot be read ({error.strerror}); give yourself the right to"


def refuse_unusable_names(folder: Path, names: Iterable[str]) -> None:
    """Raise UsageError for a name that no sidecar could be written for: not UTF-8, or like the stem of a sidecar."""
    for name in names:
        try:
            name.encode()
        except UnicodeEncodeError as error:
            raise UsageError(f"the name of {str(folder / name)!a} is not UTF-8; rename it") from error
        if name.rpartition(".")[0].lower().endswith(HIDING):
            raise UsageError(f"{folder / name} would be taken for a frame and a sidecar at once; rename it")


def refuse_shared_stems(folder: Path, names: Iterable[str]) -> None:
    """Raise UsageError if two frames in one folder have the same stem, whatever its letter case and Unicode form."""
    seen: dict[str, str] = {}
    for name in names:
        other = seen.setdefault(nfc(name.rpartition(".")[0]).casefold(), name)
        if other is not name:
            first, second = sorted((other, name))
            raise UsageError(f"{first} and {second} in {folder} would share their sidecars; rename one of them")
