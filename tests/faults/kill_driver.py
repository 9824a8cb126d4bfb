"""Kills a script before its n-th file operation, runs it to its end, and compares with an undisturbed run.

    python tests/faults/kill_driver.py BASE WORK MOMENTS SCRIPT WORDS… [-- OTHER WORDS…]…

BASE is a folder to start from; in WORDS, ROOT stands for its copy. MOMENTS are as many kills, evenly spread; 0 kills
before each operation. Behind each kill of one run stands a double kill: that of the run which goes on. Other scripts
run between the kill and the same command again, and after it; then only files in sight are compared. Each run is a
process of its own, forked from this one, which has imported the scripts. Prints a line for each moment whose result
differs, exit code 1 then.
"""

import importlib
import json
import os
import random
import shutil
import signal
import sys
import traceback
from pathlib import Path
from typing import Any

# Audit events of what changes a disk. Source: docs.python.org, Audit events table
CHANGES = frozenset(
    f"os.{name}" for name in ("rename", "link", "symlink", "remove", "rmdir", "mkdir", "utime", "truncate", "chmod")
)
WRITING = os.O_WRONLY | os.O_RDWR
REDOING = ".extracting_again.json"  # what extract_frames.py --redo began with
FOLDER = "folder"
MASKS = ".masks"
HISTORY = ("written", "renamed")  # keys that tell when a file was written
LAST = (".lock", ".commands.jsonl")  # what a script sees to when its work is done
ARRANGED, MANIFEST, TAGGED, RENAMED = ".arranged.jsonl", "manifest.jsonl", ".tagged.jsonl", ".renamed.jsonl"
REVIEWED, LAYERS = ".review.jsonl", ".layers.jsonl"
LOADED_LATER = ("cv2", "PIL.Image", "framekit.training.check", "framekit.report.page")  # once, not in each fork
LOADED_FOR = {"--cluster": "sklearn.cluster"}  # takes seconds
Command = tuple[str, list[str]]


def visible(root: Path) -> dict[str, object]:
    """Return what `held` does of the files in sight, and of label pictures, but for the history in X.json."""
    found = {}
    for name, value in held(root).items():
        if value != FOLDER and not any(part.startswith(".") and part != MASKS for part in Path(name).parts):
            path = root / name
            is_ours = path.suffix == ".json" and path.is_file()
            values = json.loads(path.read_bytes()) if is_ours else {}
            found[name] = {key: one for key, one in values.items() if key not in HISTORY} if is_ours else value
    return found


def held(root: Path) -> dict[str, object]:
    """Return what each path below a folder is: bytes of files, and which are names of one file; what journals say.

    Journals tell a story that a kill makes longer: what counts is what they say in the end. Archives of numpy hold the
    time at which they were written.
    """
    first: dict[int, str] = {}
    found: dict[str, object] = {}
    for path in sorted(root.rglob("*")):
        name = path.relative_to(root).as_posix()
        if path.is_symlink():
            found[name] = f"link to {os.readlink(path)}"  # noqa: PTH115
        elif path.is_file():
            content = told(path) if path.suffix == ".jsonl" else b"" if path.suffix == ".npz" else path.read_bytes()
            found[name] = content, first.setdefault(path.stat().st_ino, name)
        else:
            found[name] = FOLDER
    return found


def told(journal: Path) -> object:
    """Return what a journal says in the end."""
    from framekit.arrange.placements import read_journal
    from framekit.files.journal import read_lines

    records = [*read_lines(journal)]
    if journal.name == ARRANGED:
        arranged = read_journal(journal.parent)
        placed: dict[object, object] = {
            key: (one.place.relative_to(journal.parent), one.digests, one.source, one.by_hand)
            for key, one in arranged.placed.items()
        }
        return placed | {"finished": arranged.unfinished is None}
    if journal.name == MANIFEST:
        return {(record.get("to") or record.get("frame")): record for record in records}
    if journal.name == TAGGED:
        return {str(record.get("file", record)): record for record in records}
    if journal.name == RENAMED:
        moved = {now: before for record in records for now, before in record.get("moved", {}).items()}
        return {"steps": [record for record in records if "moved" not in record], "moved": moved}
    if journal.name == LAYERS:
        return {str(record["shot"]): record for record in records if record.get("shot") and record["wrote"]}
    if journal.name == REVIEWED:
        begun = [record for record in records if "finished" not in record]
        return [{name: value for name, value in record.items() if name != "time"} for record in begun]
    return records


def run(command: Command, kill_at: int, log: Path) -> tuple[int, int]:
    """Run a script in a fork; return its exit code (-9 if killed) and how many file operations it made.

    It is killed before the n-th of these, 0 kills never.
    """
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        said = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(said, 1)
        os.dup2(said, 2)
        answer, asked = os.pipe()
        os.write(asked, b"yes\n")
        os.dup2(answer, 0)
        code = 3
        try:
            code = run_counted(command, kill_at, writer)
        except Exception:  # noqa: BLE001 - whatever it is, the parent compares
            traceback.print_exc()
        os._exit(code)
    os.close(writer)
    with os.fdopen(reader, "rb") as pipe:
        operations = int(pipe.read() or b"0")
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), operations


def run_counted(command: Command, kill_at: int, writer: int) -> int:
    """Run a script in this process, counting file operations; tell the number through a pipe."""
    from framekit.files.journal import Journal

    operations = 0

    def count() -> None:
        nonlocal operations
        operations += 1
        if operations == kill_at:
            os.kill(os.getpid(), signal.SIGKILL)

    def hook(event: str, given: tuple[Any, ...]) -> None:
        if event in CHANGES or (event == "open" and isinstance(given[2], int) and given[2] & WRITING):
            count()

    append = Journal.append

    def counted(self: Journal, record: dict[str, Any]) -> None:
        count()  # writing to an open file is no event
        append(self, record)

    setattr(Journal, "append", counted)  # noqa: B010
    script, words = command
    main = importlib.import_module(script).main
    sys.addaudithook(hook)
    code: int = main(words)
    os.write(writer, b" " + str(operations).encode())
    sys.stdout.flush()
    return code


def commands_in(words: list[str], root: Path) -> list[Command]:
    """Return the commands of a line, which `--` parts."""
    commands: list[Command] = []
    for word in ["--", *words]:
        if word == "--":
            commands.append(("", []))
        elif not commands[-1][0]:
            commands[-1] = (word, [])
        else:
            commands[-1][1].append(word.replace("ROOT", str(root)))
    return commands


class Trial:
    """One script that is killed, and what runs after it."""

    def __init__(self, base: Path, work: Path, commands: list[Command]) -> None:
        """Run all undisturbed; raises RuntimeError if that fails."""
        self.base, self.root, self.log = base, work / "root", work / "log"
        self.killed, self.others = commands[0], commands[1:]
        self.start_again()
        self.code, self.operations = run(self.killed, 0, self.log)
        self.later = [run(one, 0, self.log)[0] for one in self.rest()]
        if not {self.code, *self.later} <= {0, 1}:
            raise RuntimeError(f"undisturbed: {self.code} {self.later} {self.log.read_text()}")
        self.look = visible if self.others else held
        self.expected = self.look(self.root)

    def rest(self) -> list[Command]:
        """Return what runs after a run that was not killed."""
        return [*self.others, self.killed, *self.others] if self.others else []

    def start_again(self) -> None:
        """Make a fresh copy of the base, with its hard links."""
        shutil.rmtree(self.root, ignore_errors=True)
        known: dict[int, str] = {}

        def copy(source: str, target: str) -> None:
            inode = os.lstat(source).st_ino
            if inode in known:
                os.link(known[inode], target)
            else:
                known[inode] = shutil.copy2(source, target, follow_symlinks=False)

        shutil.copytree(self.base, self.root, symlinks=True, copy_function=copy)

    def has_begun(self) -> bool:
        """Tell whether the killed script changed anything yet."""
        before, now = held(self.base), held(self.root)
        return any(before.get(name) != now.get(name) and not name.endswith(LAST) for name in now)

    def failure(self, places: list[int]) -> str:
        """Kill one run after the other at these operations, then run to the end; return what differs, "" if nothing."""
        self.start_again()
        codes = [run(self.killed, place, self.log)[0] for place in places]
        is_redone = self.killed[0] == "extract_frames" and "--redo" in self.killed[1]
        over = is_redone and self.has_begun() and not [*self.root.rglob(REDOING)]  # it would begin again
        over |= self.killed[1][-1].endswith("exchange.csv") and codes[-1] == self.code  # it would exchange back
        over |= "--cluster" in self.killed[1] and (self.root / "clusters").is_dir()  # it would refuse that folder
        said = self.log.read_text() if codes[-1] != -signal.SIGKILL else ""
        between = [run(one, 0, self.log)[0] for one in self.others]
        again = codes[-1] if over else run(self.killed, 0, self.log)[0]
        said += self.log.read_text()
        later = [run(one, 0, self.log)[0] for one in self.others]
        found = self.look(self.root)
        differing = sorted(
            f"{name} {'missing' if name not in found else 'new' if name not in self.expected else 'other'}"
            for name in found.keys() | self.expected.keys() if found.get(name) != self.expected.get(name)
            and not (over and name.endswith(LAST))
        )  # fmt: skip
        # what the run before had set aside as unreadable is not listed again
        if not differing and (over or again in (0, self.code)) and max([0, *between, *later]) < 2:
            return ""
        journals = [name for line in differing if (name := line.rpartition(" ")[0]).endswith(".jsonl")]
        texts = [f"{name}: {differences(found.get(name), self.expected.get(name))}" for name in journals]
        return "\n".join([f"killed at {places}: {codes}, then {again}; {differing[:12]}", said[-800:], *texts])


def differences(found: Any, expected: Any) -> object:
    """Return the entries that two dicts do not share; two other values as they are."""
    values = [one[0] if isinstance(one, tuple) else one for one in (found, expected)]
    if not all(isinstance(one, dict) for one in values):
        return values
    first, second = ({str(key): str(value) for key, value in one.items()} for one in values)
    return {
        key: (first.get(key), second.get(key)) for key in first.keys() | second.keys()
        if first.get(key) != second.get(key)
    }  # fmt: skip


def main() -> int:
    """Run the command line."""
    base, work, moments, *words = sys.argv[1:]
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
    commands = commands_in(words, Path(work) / "root")
    for script, _ in commands:
        importlib.import_module(script)
    for module in (*LOADED_LATER, *(module for word, module in LOADED_FOR.items() if word in words)):
        importlib.import_module(module)
    trial = Trial(Path(base), Path(work), commands)
    number = min(int(moments) or trial.operations, trial.operations)
    singles = sorted({1 + place * trial.operations // number for place in range(number)}) if number else []
    chance = random.Random(0)
    places = [[one] for one in singles]
    places += [[one, chance.randint(1, trial.operations)] for one in singles[:: 1 if len(singles) > 20 else 2]]
    failures = [failure for one in places if (failure := trial.failure(one))]
    print("\n".join(failures[:6]))
    print(f"{words[0]}: {trial.operations} operations, {len(places)} times killed, {len(failures)} failures")
    return 1 if failures else 0


if __name__ == "__main__":
    raise SystemExit(main())
