"""A run of a script: its lock, the history of commands, errors in one sentence, the closing line, the exit code."""

import errno
import gc
import hashlib
import os
import signal
import sys
import tempfile
from argparse import Namespace
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from threading import current_thread, main_thread
from types import FrameType

from framekit import console
from framekit.cli.parser import StageParser
from framekit.dataset import history
from framekit.errors import UsageError
from framekit.files.paths import links_followed

DONE, SOME_UNREADABLE, WRONG_USE = 0, 1, 2
BY_SIGNAL = 128  # and the signal's number, as shells have it: Ctrl-C is 130, a closed pipe 141
PIPE_CLOSED = BY_SIGNAL + 13
# What the world around may do to any file: what to say, and what to do about it.
FULL = ("the disk is full, it was not written", "make room")
FORBIDDEN = ("it may not be written or read", "give yourself the right to")
AWAY = ("it cannot be reached any more", "see whether its folder and disk are there")
REMEDIES = {
    **dict.fromkeys((errno.ENOSPC, errno.EDQUOT), FULL),
    **dict.fromkeys((errno.EACCES, errno.EPERM, errno.EROFS), FORBIDDEN),
    **dict.fromkeys((errno.ENOTDIR, errno.EEXIST), ("a file lies where a folder is needed", "give another folder")),
    errno.ENXIO: ("it is no file but a pipe, a socket or a device", "remove it"),
    errno.EISDIR: ("it is a folder where a file is needed", "rename or remove it"),
    errno.ENAMETOOLONG: ("its name, or the path to it, is too long", "shorten it"),
    errno.ELOOP: ("it is a link, and nothing is written through one", "remove the link"),
    **dict.fromkeys((errno.ENOENT, errno.EIO, errno.ESTALE, errno.ENOTCONN, errno.ENODEV), AWAY),
}
GO_ON = "what is written is whole, run the same command again to go on"
Main = Callable[..., int]  # takes the words of a command line, none for those of the process


def close(sentence: str, unreadable: Sequence[tuple[Path, str]] = ()) -> int:
    """Print what was unreadable, each once, then the closing line; return the exit code."""
    listed = list(dict.fromkeys(unreadable))
    for path, reason in listed:
        console.warn(f"unreadable: {path}: {reason}")
    console.say(console.shown(sentence + (f"; {len(listed)} unreadable, listed above" if listed else "")))
    return SOME_UNREADABLE if listed else DONE


def confirmed(question: str) -> bool:
    """Ask the person at the console; where nobody can answer, that is no."""
    try:
        return input(f"{console.shown(question)} [yes/no] ").strip().lower() in ("y", "yes")
    except EOFError:
        return False


@contextmanager
def gc_paused() -> Iterator[None]:
    """Let Python not look for cycles meanwhile: 100,000 frames have none, and the search takes a fifth of the time."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def script(parser: Callable[[], StageParser]) -> Callable[[Callable[[Namespace], int]], Main]:
    """Make `main(argv)` of a function that takes the parsed command line and returns the exit code.

    While it runs, its folder is locked; then its command is written beside the dataset. Wrong use and what the world
    does to files are one sentence and exit code 2; Ctrl-C, a request to end and a closed terminal are one sentence and
    128 + signal. Nothing stays behind in the process, so a notebook may call `main([...])` as often as it likes.
    """

    def decorate(function: Callable[[Namespace], int]) -> Main:
        @wraps(function)
        def main(argv: Sequence[str] | None = None) -> int:
            console.set_up_streams()
            options = parser()
            try:
                require_utf8(is_command=argv is None)
                args = options.read(argv)
                follows = "follow_links" in args and args.follow_links
                with stopped_by_signals(), links_followed(follows), locked_folder(options.script, args.command):
                    code = function(args)
                console.flush()
                if args.command is not None:
                    history.record_command(args.command)
            except (UsageError, OSError, KeyboardInterrupt) as error:
                return report_error(error)
            return code

        return main

    return decorate


@contextmanager
def stopped_by_signals() -> Iterator[None]:
    """Let a request to end, or the end of the terminal, stop the work as Ctrl-C does; under nohup it goes on.

    The first one counts: what is tidied up after it is not stopped by another.
    """

    def stop(number: int, _: FrameType | None) -> None:
        for heard in before:
            signal.signal(heard, signal.SIG_IGN)
        raise KeyboardInterrupt(number)

    known = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP", "SIGBREAK") if hasattr(signal, name)]
    in_charge = current_thread() is main_thread()  # no other thread may set a handler
    before = [number for number in known if in_charge and signal.getsignal(number) == signal.SIG_DFL]
    for number in before:
        signal.signal(number, stop)
    try:
        yield
    finally:
        for number in before:
            signal.signal(number, signal.SIG_DFL)


def require_utf8(is_command: bool) -> None:
    """Begin a command anew where Python takes names of files for something else than UTF-8, as LC_ALL=C may make it.

    Raises UsageError if this is none that could begin anew.
    """
    taken_for = sys.getfilesystemencoding()
    if taken_for == "utf-8":
        return
    if is_command:
        os.execv(sys.executable, [sys.executable, "-X", "utf8", *sys.orig_argv[1:]])
    raise UsageError(
        f"names of files are taken for {taken_for}, and so not found; set PYTHONUTF8=1 and start Python again"
    )


def report_error(error: BaseException) -> int:
    """Print an expected error as one sentence and return the exit code; raise any other again."""
    if isinstance(error, KeyboardInterrupt):
        console.warn(f"stopped; {GO_ON}")
        return BY_SIGNAL + int(error.args[0] if error.args else signal.SIGINT)
    if isinstance(error, BrokenPipeError):  # as with `| head`: nobody reads on, and nothing may be written at the end
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return PIPE_CLOSED
    if isinstance(error, OSError):
        if error.errno not in REMEDIES:
            raise error
        reason, remedy = REMEDIES[error.errno]
        told = error.filename2 if error.errno == errno.ENAMETOOLONG and error.filename2 else error.filename
        console.warn(f"{told or 'a file'}: {reason}; {remedy}; {GO_ON}")
    else:
        console.warn(str(error))
    return WRONG_USE


@contextmanager
def locked_folder(script: str, command: history.Command | None) -> Iterator[None]:
    """Let one process at a time run a script on a folder: a second one would take the first one's files for leftovers.

    Where nothing can be locked, all may run. Raises UsageError if another process has the folder.
    """
    file = None if command is None else open_lock(script, command.folder)
    try:
        if command is not None and file is not None and not lock(file):
            raise UsageError(
                f"{script}.py works on {command.folder} already, in another process; wait for its end, or stop it"
            )
        yield
    finally:
        if file is not None:
            os.close(file)


def open_lock(script: str, folder: Path) -> int | None:
    """Return the open lock file of a script on a folder; None where there can be none.

    The system lets go of it when the process ends, however it ends.
    """
    who = os.getuid() if hasattr(os, "getuid") else 0
    what = hashlib.sha256(f"{script}:{folder.resolve()}".encode(errors="surrogateescape")).hexdigest()[:24]
    path = Path(tempfile.gettempdir()) / f"anime-dataset-builder-{who}-{what}.lock"
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o600)
    except OSError:
        return None


def lock(file: int) -> bool:
    """Lock an open file for this process alone; False if another one has it."""
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(file, msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
