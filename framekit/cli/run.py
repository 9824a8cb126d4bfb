"""A run of a script: its lock, the history of commands, errors in one sentence, the closing line, the exit code."""

import errno
import gc
import os
import signal
import sys
import time
from argparse import Namespace
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from functools import wraps
from pathlib import Path
from threading import Thread, current_thread, main_thread
from types import FrameType
from typing import Any

from framekit import console
from framekit.cli.locks import locked_folders, refuse_moving
from framekit.cli.parser import StageParser
from framekit.dataset import history
from framekit.dataset.frames import LONGEST, TOO_LONG
from framekit.dataset.share import Share
from framekit.errors import UsageError
from framekit.files import atomic
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
BEGIN_ANEW = "what is written is whole; the same command begins anew, without --redo it does only what is missing"
GO_ON = "what is written is whole, run the same command again to go on"
Main = Callable[..., int]  # takes the words of a command line, none for those of the process


def close(
    sentence: str, unreadable: Sequence[tuple[Path, str]] = (), otherwise: Sequence[str] = (), is_whole: bool = True
) -> int:
    """Print what an earlier run made otherwise, what was unreadable, each once, and the closing line.

    Return the exit code. What was left out for another reason, which was told before, makes a run that is not whole.
    """
    for left in otherwise:
        console.warn(console.shown(left))
    listed = list(dict.fromkeys((path, reason.removeprefix(f"{path.name}: ")) for path, reason in unreadable))
    for path, reason in listed:
        console.warn(f"unreadable: {path}: {reason}")
    if any(reason == TOO_LONG for _, reason in listed):
        console.warn(LONGEST)
    console.say(console.shown(sentence + (f"; {len(listed)} unreadable, listed above" if listed else "")))
    return SOME_UNREADABLE if listed or otherwise or not is_whole else DONE


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


def script(
    parser: Callable[[], StageParser],
    moves: Callable[[Namespace], Iterable[Path]] = lambda _: (),
    at_end: Callable[[Namespace], None] = lambda _: None,
    holds: bool = True,
) -> Callable[[Callable[[Namespace], int]], Main]:
    """Make `main(argv)` of a function that takes the parsed command line and returns the exit code.

    While it runs, its folder is locked, and those in which it `moves` frames are its alone; what a killed script left
    on its way there is brought to its end first. Then its command is written beside the dataset, and what `at_end`
    writes comes last of all, so that until then a script that is killed is known to be. One that does not hold its
    folder lets others work there: it locks it for each step itself, and its command is none that made the dataset.
    Wrong use and what the world does to files are one sentence and exit code 2; Ctrl-C, a request to end and a closed
    terminal are one sentence and 128 + signal. Nothing stays behind in the process, so a notebook may call
    `main([...])` as often as it likes.
    """

    def decorate(function: Callable[[Namespace], int]) -> Main:
        @wraps(function)
        def main(argv: Sequence[str] | None = None) -> int:
            console.set_up_streams()
            options = parser()
            next_time = GO_ON
            try:
                require_utf8(is_command=argv is None)
                args = options.read(argv)
                if args.check_options:
                    return DONE
                follows = "follow_links" in args and args.follow_links
                heard = voice(args.quiet, args.verbose)
                if getattr(args, "redo", False) and not options.redo_goes_on:
                    next_time = BEGIN_ANEW
                with (
                    stopped_by_signals(),
                    heard,
                    links_followed(follows),
                    writing_share(getattr(args, "shard", None)),
                    locked(options.script, args, moves) if holds else nullcontext(),
                ):
                    console.detail(told_options(vars(args)))
                    started = time.perf_counter()
                    code = function(args)
                    console.detail(f"took {time.perf_counter() - started:.1f} s")
                console.flush()
                if holds and args.command is not None:
                    history.record_command(args.command)
                at_end(args)
            except (UsageError, OSError, KeyboardInterrupt) as error:
                return report_error(error, next_time)
            return code

        return main

    return decorate


@contextmanager
def locked(script: str, given: Namespace, moves: Callable[[Namespace], Iterable[Path]]) -> Iterator[None]:
    """Lock the folders of a command, and finish the moves there that were cut short; one that writes nothing does not.

    Raises UsageError if a script that moves frames works there.
    """
    named = [folder for name in ("src_dir", "dst_dir") if (folder := getattr(given, name, None)) is not None]
    share = atomic.WRITER.mark
    if given.command is None:
        refuse_moving(named)
        yield
        return
    folders = {given.command.folder.resolve(): False} | {folder.resolve(): True for folder in moves(given)}
    folders = {
        folder: alone for folder, alone in folders.items() if folder != given.src_dir.resolve() or folder.is_dir()
    }
    with locked_and_mended(script, folders, share):
        yield


@contextmanager
def locked_and_mended(script: str, folders: Mapping[Path, bool], share: str = "") -> Iterator[None]:
    """Lock folders as `locked_folders` does, and finish the moves there that were cut short. Raises UsageError."""
    with locked_folders(script, folders, share) as notes:
        if not notes:
            yield
            return
    from framekit.arrange.mend import finish_moves  # rarely needed

    refused: list[UsageError] = []
    try:
        with locked_folders(script, dict.fromkeys(folders, True)) as notes:
            finish_moves(notes, [*folders])
    except UsageError as error:
        refused.append(error)
    with locked_folders(script, folders, share) as notes:
        if notes and refused:  # else another share finished the moves meanwhile
            raise refused[0]
        yield


@contextmanager
def writing_share(share: Share | None) -> Iterator[None]:
    """Let names of what is being written tell the share of this run, if it does one."""
    before = atomic.WRITER.mark
    atomic.WRITER.mark = share.mark if share else ""
    try:
        yield
    finally:
        atomic.WRITER.mark = before


@contextmanager
def voice(quiet: bool, verbose: bool) -> Iterator[None]:
    """Let the script say as much as --quiet and --verbose ask for."""
    os.environ.setdefault("OPENCV_LOG_LEVEL", "OFF")  # its messages about files would stand between ours
    before = console.VOICE.quiet, console.VOICE.verbose
    console.VOICE.quiet, console.VOICE.verbose = quiet, verbose
    try:
        yield
    finally:
        console.VOICE.quiet, console.VOICE.verbose = before


def told_options(given: Mapping[str, Any]) -> str:
    """Return the options as they are, with those of --config and the defaults, one a line."""
    hidden = {"command", "positional_src_dir", "quiet", "verbose", "check_options"}
    held = {name: value for name, value in given.items() if name not in hidden and not name.startswith("given_")}
    return "\n".join(console.shown(f"{console.as_option(name, value)}") for name, value in sorted(held.items()))


def stop_with_input() -> None:
    """Let the script end, as by a signal, when its standard input is closed, if whoever started it wants that.

    So it never outlives the program that started it, however that ends, on any system.
    """
    if not os.environ.get(console.ENDS_WITH_INPUT):
        return

    def wait() -> None:
        while os.read(0, 1024):
            pass
        os.kill(os.getpid(), signal.SIGTERM)

    Thread(target=wait, daemon=True).start()


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
    stop_with_input()
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


def report_error(error: BaseException, next_time: str = GO_ON) -> int:
    """Print an expected error as one sentence and return the exit code; raise any other again.

    `next_time` says what the same command does then.
    """
    if isinstance(error, KeyboardInterrupt):
        console.warn(f"stopped; {next_time}")
        return BY_SIGNAL + int(error.args[0] if error.args else signal.SIGINT)
    if isinstance(error, BrokenPipeError) or (isinstance(error, OSError) and error.filename == console.OUTPUT):
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # what could not be printed must not be tried again at the end
    if isinstance(error, BrokenPipeError):  # as with `| head`: nobody reads on
        return PIPE_CLOSED
    if isinstance(error, OSError):
        if error.errno not in REMEDIES:
            raise error
        reason, remedy = REMEDIES[error.errno]
        told = error.filename2 if error.errno == errno.ENAMETOOLONG and error.filename2 else error.filename
        console.warn(f"{told or 'a file'}: {reason}; {remedy}; {next_time}")
    else:
        console.warn(str(error))
    return WRONG_USE
