"""A run of a script: its lock, the history of commands, errors in one sentence, the closing line, the exit code."""

import errno
import gc
import hashlib
import os
import sys
import tempfile
from argparse import Namespace
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import wraps
from pathlib import Path

from framekit import console
from framekit.cli.parser import StageParser
from framekit.dataset import history
from framekit.errors import UsageError

DONE, SOME_UNREADABLE, WRONG_USE, INTERRUPTED, PIPE_CLOSED = 0, 1, 2, 130, 141  # the last two as shells have them
# What the world around may do to any file: what to say, and what to do about it.
FULL = ("the disk is full, it was not written", "make room")
FORBIDDEN = ("it may not be written or read", "give yourself the right to")
AWAY = ("it cannot be reached any more", "see whether its folder and disk are there")
REMEDIES = {
    **dict.fromkeys((errno.ENOSPC, errno.EDQUOT), FULL),
    **dict.fromkeys((errno.EACCES, errno.EPERM, errno.EROFS), FORBIDDEN),
    **dict.fromkeys((errno.ENOTDIR, errno.EEXIST), ("a file lies where a folder is needed", "give another folder")),
    errno.EISDIR: ("it is a folder where a file is needed", "rename or remove it"),
    errno.ELOOP: ("it is a link, and nothing is written through one", "remove the link"),
    **dict.fromkeys((errno.ENOENT, errno.EIO, errno.ESTALE, errno.ENOTCONN, errno.ENODEV), AWAY),
}
BEGIN_ANEW = "what is written is whole; the same command begins anew, without --redo it does only what is missing"
GO_ON = "what is written is whole, run the same command again to go on"
Main = Callable[..., int]  # takes the words of a command line, none for those of the process


def close(sentence: str, unreadable: Sequence[tuple[Path, str]] = ()) -> int:
    """Print what was unreadable, each once, then the closing line; return the exit code."""
    listed = list(dict.fromkeys(unreadable))
    for path, reason in listed:
        console.warn(console.shown(f"unreadable: {path}: {reason}"))
    console.say(console.shown(sentence + (f"; {len(listed)} unreadable, listed above" if listed else "")))
    return SOME_UNREADABLE if listed else DONE


def confirmed(question: str) -> bool:
    """Ask the person at the console; where nobody can answer, that is no."""
    try:
        return input(f"{question} [yes/no] ").strip().lower() in ("y", "yes")
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
    does to files are one sentence and exit code 2, Ctrl-C is 130. Nothing stays behind in the process, so a notebook
    may call `main([...])` as often as it likes.
    """

    def decorate(function: Callable[[Namespace], int]) -> Main:
        @wraps(function)
        def main(argv: Sequence[str] | None = None) -> int:
            options = parser()
            next_time = GO_ON
            try:
                args = options.read(argv)
                if getattr(args, "redo", False) and not options.redo_goes_on:
                    next_time = BEGIN_ANEW
                with locked_folder(options.script, args.command):
                    code = function(args)
                sys.stdout.flush()
            except (UsageError, OSError, KeyboardInterrupt) as error:
                return report_error(error, next_time)
            if args.command is not None:
                history.record_command(args.command)
            return code

        return main

    return decorate


def report_error(error: BaseException, next_time: str = GO_ON) -> int:
    """Print an expected error as one sentence and return the exit code; raise any other again.

    `next_time` says what the same command does then.
    """
    if isinstance(error, KeyboardInterrupt):
        print(f"stopped; {next_time}", file=sys.stderr)
        return INTERRUPTED
    if isinstance(error, BrokenPipeError):  # as with `| head`: nobody reads on, and nothing may be written at the end
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return PIPE_CLOSED
    if isinstance(error, OSError):
        if error.errno not in REMEDIES:
            raise error
        reason, remedy = REMEDIES[error.errno]
        print(f"{error.filename or 'a file'}: {reason}; {remedy}; {next_time}", file=sys.stderr)
    else:
        print(error, file=sys.stderr)
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
