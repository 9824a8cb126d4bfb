"""Find the frames of a dataset and decode them to pixels."""

import os
import re
import signal
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import BrokenExecutor, Executor, Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from operator import itemgetter
from os import R_OK, X_OK, access, scandir, sep
from pathlib import Path
from stat import S_ISLNK, S_ISREG
from threading import Thread
from typing import Any, TypeVar

from framekit import console
from framekit.errors import BadSidecar, UnreadableFrame, UsageError
from framekit.files import atomic
from framekit.files.names import (
    DOUBLE_SUFFIXES,
    MASK_FOLDER,
    METADATA,
    NAME_SUFFIXES,
    STEM_SUFFIXES,
    is_ignored,
    is_leftover,
    is_mask,
    nfc,
    sidecar,
    walk,
)
from framekit.files.paths import is_utf8, leads_out
from framekit.pixels import decode
from framekit.pixels.decode import Pixels
from framekit.pixels.modes import PACKAGES

Result = TypeVar("Result")
FRAME_SUFFIXES = frozenset([*".png .jpg .jpeg .jfif .webp .bmp .gif .tif .tiff .avif".split(), *PACKAGES])
HIDING = tuple(suffix.rpartition(".")[0] for suffix in DOUBLE_SUFFIXES)  # such stems look like sidecars
# File systems allow 255 bytes; sidecars need room, and so does a number in a tree or in the trash (`_12`, `.12`).
MAX_NAME_BYTES = 255 - max(map(len, (*STEM_SUFFIXES, *NAME_SUFFIXES))) - 8
TOO_LONG = "its name is too long for its sidecars; shorten it"
LONGEST = f"names of frames have {MAX_NAME_BYTES} bytes at most; a Japanese character has three"
MAX_FOLDER_BYTES = 4095 - 256  # Linux allows 4095 bytes for a whole path, others fewer
NO_FILE = "it is no file; remove it"
LINKED = "it is a link, which could lead anywhere; put the file itself there"
A_FOLDER = "it is a folder where a file is needed; rename or remove it"
OUT_OF_FOLDER = "it is a link out of its folder; put what it leads to there, or give --follow_links for files of yours"
CLOSED_FOLDER = "the folder may not be read; give yourself the right to"
NO_FOLDER = "it is no folder; remove it"
LINKED_FOLDER = "it is a link to a folder elsewhere, which is not looked into; put the folder itself there, or name it"
NO_UTF8 = "its name is not UTF-8; rename it"
DIGITS = re.compile(r"(\d+)")
Key = list[tuple[int, int, str]]


@dataclass(frozen=True)
class Unreadable:
    """A frame that could not be decoded: expected, listed at the end, never a reason to stop."""

    path: Path
    reason: str


def find_frames(
    folder: Path | str, limit: int = 0, unusable: list[tuple[Path, str]] | None = None, top: Path | None = None
) -> list[Path]:
    """Return all frames below `folder` in natural order.

    Hidden files and folders, and what systems leave for themselves, are left out.

    `limit` keeps the first frames only; 0 keeps all. What cannot be used is left out too, and added to `unusable` with
    the reason: folders that cannot be read, files that are none or may not be read, links that lead out of `top`,
    which is the folder itself if none is given, names that no sidecar could have, and frames of one folder that would
    share their sidecars. Without that list each is a warning. Raises UsageError if there is no such folder.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise UsageError(f"{folder} is not a folder; --src_dir must name the folder that holds the frames")
    found: list[tuple[list[Key], Path]] = []
    left_out: list[tuple[Path, str]] = []
    for root, folders, names in walk(folder, lambda error: left_out.append(closed_folder(error))):
        tell_twins(root, folders)
        here = Path(root)
        left_out.extend((here / name, NO_FILE) for name in filter(is_frame_name, folders) if is_empty(here / name))
        left_out.extend(linked_folders(here, folders, top or folder))
        own = [name for name in names if is_frame_name(name)]
        if own and not is_utf8(relative_name(here, folder)):
            left_out.append((here, f"{NO_UTF8}; its frames are left out"))
        elif own and len(os.fsencode(root)) > MAX_FOLDER_BYTES:
            left_out.append((here, "the path to its frames is too long for their sidecars; move it up, or shorten it"))
        elif own:
            shared = sharing_stems(own)
            left_out.extend(closed_masks(here))
            above = natural_key(here.relative_to(folder))
            for name in own:
                path = here / name
                reason = name_trouble(name) or file_trouble(path, top or folder) or shared.get(name)
                if reason:
                    left_out.append((path, reason))
                else:
                    found.append(([*above, part_key(name)], path))
    found.sort(key=itemgetter(0))
    left_out.sort(key=lambda one: natural_key(one[0].relative_to(folder)))
    if unusable is not None:
        unusable += left_out
    else:
        for path, reason in left_out:
            console.warn(f"left out: {path}: {reason}")
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
    `processes` is for those which don't.
    """
    return map_ahead(FrameTask(function), paths, workers, processes)


def map_ahead(
    task: Callable[[Path], Result], paths: Sequence[Path], workers: int, processes: bool = False
) -> Iterator[tuple[Path, Result]]:
    """Yield (path, task(path)) in the given order, computed ahead by `workers`, as `map_frames` does.

    Memory is bounded: at most 4 frames per worker are in flight.
    """
    if workers <= 1:
        yield from ((path, task(path)) for path in paths)
        return
    pending: deque[tuple[Path, Future[Any]]] = deque()
    with open_pool(max(1, min(workers, len(paths))), processes) as pool:
        try:
            for path in paths:
                pending.append((path, pool.submit(task, path)))
                if len(pending) >= 4 * workers:
                    first, future = pending.popleft()
                    yield first, future.result()
            for first, future in pending:
                yield first, future.result()
        except (BrokenExecutor, BrokenPipeError) as error:
            raise UsageError(
                "a worker was ended from outside, as systems do that run out of memory; give fewer --workers"
            ) from error
        finally:
            for _, future in pending:  # nobody waits for them where this was stopped
                future.cancel()


def open_pool(workers: int, processes: bool) -> Executor:
    """Return a pool of threads, or of freshly started processes (a fork would copy held locks).

    Raises UsageError if Python cannot be started anew, as that of another user may be.
    """
    if processes:
        from concurrent.futures import ProcessPoolExecutor
        from multiprocessing import get_context, spawn

        python = os.fsdecode(spawn.get_executable() or sys.executable)
        if not access(python, X_OK):
            raise UsageError(f"{python} may not be started by this user, so no worker can; give --workers 1")
        with signals_blocked():  # what starts inherits that: here a helper of multiprocessing, which then lifts it
            pool = ProcessPoolExecutor(workers, mp_context=get_context("spawn"), initializer=begin_worker)
        with signals_blocked():
            for _ in range(workers):
                pool.submit(os.getpid)
        return pool
    return ThreadPoolExecutor(workers)


@contextmanager
def signals_blocked() -> Iterator[None]:
    """Let signals that end a process wait meanwhile; on Windows nothing can."""
    if sys.platform == "win32":
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGINT, signal.SIGTERM, signal.SIGHUP))
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def begin_worker() -> None:
    """Let this process end when the one that started it does, however that ends, and only then."""
    for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK"):  # a terminal sends them to workers too
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    Thread(target=end_with_parent, daemon=True).start()


def end_with_parent() -> None:
    """Wait for the end of the parent process and end this one."""
    from multiprocessing import parent_process

    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


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
    """Tell whether a file of this name counts as a frame; the mask of a frame does not."""
    suffix = f".{name.rpartition('.')[2].lower()}"
    return "." in name and suffix in FRAME_SUFFIXES and not is_ignored(name) and not is_mask(name)


def closed_folder(error: OSError) -> tuple[Path, str]:
    """Return a folder that cannot be looked into, and why."""
    return Path(error.filename), f"the folder cannot be read ({error.strerror}); give yourself the right to"


def is_empty(folder: Path) -> bool:
    """Tell whether a folder holds nothing but what systems leave; one that cannot be read may hold anything."""
    try:
        with scandir(folder) as held:
            return all(is_leftover(one.name) for one in held)
    except OSError:
        return False


def linked_folders(here: Path, folders: Iterable[str], top: Path) -> list[tuple[Path, str]]:
    """Return the folders that are links out of `top`, which nobody looks into, with the reason."""
    links = (here / name for name in folders if (here / name).is_symlink())
    return [(path, LINKED_FOLDER) for path in links if not path.resolve().is_relative_to(top.resolve())]


def closed_masks(folder: Path) -> list[tuple[Path, str]]:
    """Return the folder of label pictures in a folder, with the reason, if nobody looks into it."""
    masks = folder / MASK_FOLDER
    if masks.is_symlink():
        return [(masks, LINKED)]
    if not os.path.lexists(masks) or (masks.is_dir() and access(masks, R_OK | X_OK)):
        return []
    return [(masks, CLOSED_FOLDER if masks.is_dir() else NO_FOLDER)]


def file_trouble(path: Path, top: Path | None = None) -> str | None:
    """Return why a file cannot be read whatever it holds, None if it can.

    It is none, its rights forbid it, or it is a link out of the folder `top`.
    """
    try:
        mode = path.lstat().st_mode
        if S_ISLNK(mode):
            mode = path.stat().st_mode
            if top is not None and leads_out(path, top) and not is_described(path.resolve()):
                return OUT_OF_FOLDER
    except OSError as error:
        if path.is_symlink():
            return "it is a link that leads nowhere; remove it, or put the file back"
        return f"it cannot be read ({error.strerror}); give yourself the right to"
    if not S_ISREG(mode):  # reading from a pipe or a device may never end
        return NO_FILE
    return None if access(path, R_OK) else "it may not be read; give yourself the right to"


def sidecar_trouble(path: Path) -> str | None:
    """Return why a file beside a frame cannot be used whatever it holds, None if it can; a link leads anywhere."""
    if path.is_symlink():
        return LINKED
    return A_FOLDER if path.is_dir() else file_trouble(path)


def with_usable(found: Iterable[Path], suffix: str, unusable: list[tuple[Path, str]]) -> list[Path]:
    """Return the frames whose sidecar of this suffix, if there is one, can be read and replaced; list the others."""
    usable = []
    for frame in found:
        path = sidecar(frame, suffix)
        if reason := sidecar_trouble(path) if os.path.lexists(path) else None:
            unusable.append((frame, f"{path.name}: {reason}"))
        else:
            usable.append(frame)
    return usable


def is_described(frame: Path) -> bool:
    """Tell whether a frame belongs to a dataset of ours, as those do that the links of an arranged tree lead to."""
    try:
        return isinstance(atomic.read_json(sidecar(frame, METADATA)).get("written"), dict)
    except BadSidecar:
        return False


def name_trouble(name: str) -> str | None:
    """Return why no sidecars can stand beside a frame of this name, None if they can."""
    if not is_utf8(name):
        return NO_UTF8
    if len(name.encode()) > MAX_NAME_BYTES:
        return TOO_LONG
    if name.rpartition(".")[0].lower().endswith(HIDING):
        return "it would be taken for a frame and a sidecar at once; rename it"
    return None


def sharing_stems(names: Iterable[str]) -> dict[str, str]:
    """Return the frames of one folder whose stems differ in letter case or Unicode form at most, with the reason."""
    by_stem: dict[str, list[str]] = {}
    for name in names:
        by_stem.setdefault(nfc(name.rpartition(".")[0]).casefold(), []).append(name)
    return {
        name: f"{' and '.join(sorted(alike))} would share their sidecars; rename all but one of them"
        for alike in by_stem.values() if len(alike) > 1 for name in alike
    }  # fmt: skip


class LeftOut:
    """What a walk could not use: these files, and all below these folders. It is there, whoever looks for it."""

    def __init__(self, unusable: Iterable[tuple[Path, str]]) -> None:
        """`unusable` is what `find_frames` filled."""
        self.paths = {path for path, _ in unusable}

    def __contains__(self, path: Path) -> bool:
        """Tell whether a path was left out."""
        return bool(self.paths) and not self.paths.isdisjoint((path, *path.parents))
