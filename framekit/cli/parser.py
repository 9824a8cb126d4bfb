"""The command line of a script: its options, those that mean the same in every script, and its help."""

import argparse
import re
import shutil
import sys
import textwrap
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

from framekit import console
from framekit.cli.config import read_defaults
from framekit.cli.values import SHOWN_AS, count, given_path, number, parted, share, whole
from framekit.cli.words import hint, unknown_value
from framekit.dataset import history
from framekit.errors import UsageError
from framekit.files.paths import is_utf8

VERSION = "0.2.0"  # as in pyproject.toml, which is not there in a copy of a script with framekit
WIDTH = 80  # columns of a help that goes to no terminal
WIDEST = 100  # chosen: longer lines are hard to read
FOLDERS, RUN = "folders", "this run"  # titles of the groups that every script has
SHARED: dict[str, dict[str, Any]] = {
    "src_dir": {"type": Path, "help": "folder to read; may also be given without the option name"},
    "dst_dir": {"type": Path, "help": "folder to write"},
    "redo": {"action": "store_true", "help": "redo what is already done"},
    "dry_run": {"action": "store_true", "help": "report what would be done, write nothing"},
    "device": {"default": "auto", "help": "auto, cpu, cuda, directml or coreml; auto takes the first available"},
    "batch_size": {"type": count, "default": 0, "help": "frames per call of an ONNX model; 0 = chosen by the script"},
    "workers": {"type": count, "default": 0, "help": "parallel workers; 0 = one per core"},
    "limit": {"type": count, "default": 0, "help": "stop after so many frames, or episodes; 0 = no limit"},
    "shard": {
        "type": share,
        "help": "do the I-th of N parts of the work, others do the rest, on any machine: whole episodes, or scenes if"
        " these are fewer than N (names: whole folders)",
    },
    "follow_links": {"action": "store_true", "help": "use frames, videos and references that are links to elsewhere"},
    "overwrite_corrections": {"action": "store_true", "help": "replace what people corrected by hand"},
    "seed": {"type": int, "default": 0, "help": "random seed of what is drawn or shuffled"},
    "min_face_number": {"type": count, "default": 0, "help": "leave out frames with fewer faces"},
    "max_face_number": {"type": count, "default": 0, "help": "leave out frames with more faces; 0 = no limit"},
    "report": {"type": Path, "help": "HTML page to write about what is there and what becomes of it"},
    "annotate": {"type": Path, "help": "folder to write frames with boxes and names to, and contact sheets"},
    "config": {
        "type": Path,
        "action": "append",
        "metavar": "PATH",
        "help": "TOML file; its table [SCRIPT_NAME] sets defaults, the command line wins; repeated, the last file does",
    },
    "quiet": {"action": "store_true", "help": "print nothing but warnings and errors"},
    "verbose": {"action": "store_true", "help": "also print the options as they are, and how long it took"},
    "check_options": {"action": "store_true", "help": "check the command line and --config, then end"},
}
NAME = "NAME"  # stands for a choice where there are many
EVERYWHERE = ("help", "version")  # what ends the script at once
# Shared options that belong to no folder and no run: they stand in the group of the script that is open.
OF_THE_SCRIPT = {"seed", "min_face_number", "max_face_number", "report", "annotate"}
# What no other option makes useless, or only changes how fast a run is.
ALWAYS = {"src_dir", "config", "quiet", "verbose", "check_options", "workers", "device", "batch_size", "follow_links"}


class Listed(argparse.Action):
    """An option with several values: with commas or blanks between them, or the option repeated."""

    def __call__(self, parser: Any, namespace: argparse.Namespace, values: Any, option_string: Any = None) -> None:
        """Add values to those that were given before."""
        before = getattr(namespace, f"given_{self.dest}", [])
        given = [*before, *(values if isinstance(values, list) else [values])]
        setattr(namespace, f"given_{self.dest}", given)
        setattr(namespace, self.dest, given)


class Joined(Listed):
    """As Listed, for names that are joined with commas."""

    def __call__(self, parser: Any, namespace: argparse.Namespace, values: Any, option_string: Any = None) -> None:
        """Add names to those that were given before."""
        super().__call__(parser, namespace, values, option_string)
        setattr(namespace, self.dest, ",".join(getattr(namespace, self.dest)))


class Help(argparse.HelpFormatter):
    """Help that fits the terminal; commands in the description stay lines of their own."""

    def __init__(self, prog: str) -> None:
        """`prog` is the name of the script."""
        super().__init__(
            prog, max_help_position=28, width=min(shutil.get_terminal_size((WIDTH, 24)).columns, WIDEST) - 2
        )

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        """Wrap each paragraph; those that are indented are commands, broken before options where they are long."""
        parts = []
        for paragraph in text.strip().split("\n\n"):
            is_command = paragraph.startswith("    ")
            plain = " ".join(paragraph.split())
            if is_command:  # an option and its value stay in one line
                plain = re.sub(r"(--\w+) (?!-)", "\\1\0", plain)
            lines = textwrap.wrap(plain, width - 10 * is_command, break_long_words=False, break_on_hyphens=False)
            joined = "    " + " \\\n        ".join(lines) if is_command else "\n".join(lines)
            parts.append(joined.replace("\0", " "))
        return "\n\n".join(parts)


class StageParser(argparse.ArgumentParser):
    """An argument parser whose errors are one sentence, and which prints the default of each option.

    Options stand in groups: `group` opens one. `needed` are options that must be given, on the command line or by
    --config; `aliases` are older spellings that are accepted but not shown.
    """

    def __init__(self, script: str, doc: str, table: str = "") -> None:
        """`table` is that of the script in --config, by default of its name; `doc` is the script's docstring."""
        super().__init__(prog=f"{script}.py", description=doc, allow_abbrev=False, formatter_class=Help, add_help=False)
        self.script, self.table = script, table or script
        self.needed: list[str] = []
        self.redo_goes_on = False  # a --redo that was stopped goes on when it is given again
        self.aliases: dict[str, str] = {}
        self.only: dict[str, frozenset[str]] = {}
        self.useless: dict[str, frozenset[str]] = {}
        self.once: dict[str, Any] = {}
        self.partners: dict[str, tuple[str, Collection[str]]] = {}
        self.titled = {title: self.add_argument_group(title) for title in (FOLDERS, RUN)}
        self.current = FOLDERS
        run = self.titled[RUN]
        run.add_argument("-h", "--help", action="help", help="print this help")
        run.add_argument("--version", action="version", version=f"%(prog)s {VERSION}", help="print the version")
        self.shared("quiet", "verbose", "check_options")

    def error(self, message: str) -> NoReturn:
        """Raise UsageError instead of printing the whole usage."""
        raise UsageError(f"{self.prog}: {message}; {self.prog} --help lists the options")

    def group(self, title: str) -> None:
        """Open a group: the options added from now on stand below its title in the help."""
        self.titled[title] = self.add_argument_group(title)
        self.current = title
        self._action_groups.append(self._action_groups.pop(self._action_groups.index(self.titled[RUN])))

    def shared(self, *names: str) -> None:
        """Add options that mean the same in every script."""
        for name in names:
            if name == "src_dir":
                self.add_argument(
                    "positional_src_dir", nargs="?", type=given_path, metavar="SRC_DIR", help=argparse.SUPPRESS
                )
            title = FOLDERS if name.endswith("_dir") else self.current if name in OF_THE_SCRIPT else RUN
            self.add(title, name, needed=name == "src_dir", **SHARED[name])

    def option(self, name: str, needed: bool = False, aliases: Sequence[str] = (), **settings: Any) -> None:
        """Add `--name` to the open group; the help gets the default appended. `aliases` are older spellings of it."""
        self.aliases |= dict.fromkeys(aliases, name)
        self.add(self.current, name, needed, **settings)

    def add(self, title: str, name: str, needed: bool = False, **settings: Any) -> None:
        """Add `--name` to a group. A needed option may also come from --config."""
        self.needed += [name] * needed
        ours: dict[Any, Any] = {Path: given_path, int: whole, float: number}
        settings["type"] = ours.get(settings.get("type"), settings.get("type"))
        if settings.get("nargs") == "+":
            settings.setdefault("action", Listed)
        if "action" not in settings or settings["action"] in (Listed, Joined):
            settings.setdefault("metavar", shown_as(name, settings))
        if settings.get("metavar") == NAME and (listed := ", ".join(map(str, settings.get("choices", ())))):
            settings["help"] += f"; one of {listed}" if listed not in settings["help"] else ""
        default = settings.get("default")
        if isinstance(default, list):
            settings["help"] += f" (default: {' '.join(default)})"
        elif default is not None and default is not False and "%(default)" not in settings["help"]:
            settings["help"] += " (default: %(default)s)"
        if settings["type"] is None:
            del settings["type"]
        self.titled[title].add_argument(f"--{name}", **settings)

    def does_only(self, name: str, heeds: Iterable[str] = ()) -> None:
        """State that with --name the script does this alone, and heeds these options only; others are refused."""
        self.only[name] = frozenset({*heeds, name, *ALWAYS})

    def makes_useless(self, name: str, others: Iterable[str]) -> None:
        """State that --name leaves these options without use, which are then refused."""
        self.useless[name] = frozenset(others)

    def only_with(self, name: str, other: str, values: Collection[str] = ()) -> None:
        """State that --name has a use only with --other, or with one of these values of it."""
        self.partners[name] = other, values

    def needs_all(self, *names: str) -> None:
        """State that these options take all frames or episodes together, and so wait for a run without --shard."""
        self.once = {name: self.options()[name].default for name in names}

    def options(self) -> dict[str, argparse.Action]:
        """Return the options by their names without dashes."""
        return {
            action.dest: action for action in self._actions if action.option_strings and action.dest not in EVERYWHERE
        }

    def format_usage(self) -> str:
        """Return the usage: what must be given, and that there are options."""
        if self.usage:
            return f"usage: {self.prog} {self.usage}\n"
        needed = " ".join(f"--{name} {self.options()[name].metavar}" for name in self.needed)
        return f"usage: {self.prog} {needed} [options]\n"

    def format_help(self) -> str:
        """Return usage, description and options by groups, none of them wider than the terminal."""
        for name in self.needed:
            action = self.options()[name]
            action.help = f"{(action.help or '').removesuffix(' (needed)')} (needed)"
        formatter = self._get_formatter()
        formatter.add_text(self.description)
        for group in self._action_groups:
            formatter.start_section(group.title)
            formatter.add_arguments(group._group_actions)
            formatter.end_section()
        return f"{self.format_usage()}\n{formatter.format_help()}"

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        """Raise ArgumentError for a value that is not among the choices, naming the nearest."""
        if action.choices is not None and value not in action.choices:
            raise argparse.ArgumentError(action, unknown_value(action.dest, str(value), action.choices))

    def read(self, argv: Sequence[str] | None) -> argparse.Namespace:
        """Parse the command line over the defaults of --config; `command` is what the history keeps, None for nothing.

        Raises UsageError for unknown options, naming ours or the nearest, for options that others leave without use,
        and for words that are not UTF-8.
        """
        typed = list(sys.argv[1:] if argv is None else argv)
        for word in typed:
            if not is_utf8(word):  # neither the history of commands nor a config could name it
                self.error(f"{console.shown(word)} is not UTF-8; rename that folder or file")
        words = self.folder_first(self.split_lists([self.our_word(word) for word in typed]))
        args = self.over_config(words)
        if missing := [f"--{name}" for name in self.needed if getattr(args, name) is None]:
            self.error(f"{' and '.join(missing)} must be given")
        given = [word[2:].partition("=")[0] for word in words if word.startswith("--")]
        self.refuse_useless(vars(args), given)
        self.put_off(args, given)
        kept = without_shard([word for word in typed if word not in ("--quiet", "--verbose")])
        args.command = None if args.check_options else history.command_of(self.script, kept, vars(args))
        return args

    def over_config(self, words: Sequence[str]) -> argparse.Namespace:
        """Parse words over the defaults of --config; the folder may be given without the option name."""
        given, unknown = self.parse_known_args(words)
        if unknown:
            self.refuse(unknown[0])
        for config in given.config or ():
            self.set_defaults(**read_defaults(config, self.table, self.by_all_names()))
        args = self.parse_args(words)
        if getattr(args, "positional_src_dir", None) is not None:
            if given.src_dir is not None:
                self.error(f"--src_dir is given twice, as {given.src_dir} and as {args.positional_src_dir}")
            args.src_dir = args.positional_src_dir
        for name, action in self.options().items():
            if isinstance(action, Joined) and isinstance(getattr(args, name), list):  # from --config
                setattr(args, name, ",".join(getattr(args, name)))
        return args

    def our_word(self, word: str) -> str:
        """Return an option as it is spelled now, with underscores; other words as they are."""
        word = underscored(word)
        name, equals, value = word[2:].partition("=")
        return f"--{self.aliases[name]}{equals}{value}" if word.startswith("--") and name in self.aliases else word

    def by_all_names(self) -> dict[str, argparse.Action]:
        """Return the options by their names and older spellings."""
        known = self.options()
        return known | {alias: known[name] for alias, name in self.aliases.items()}

    def split_lists(self, words: Sequence[str]) -> list[str]:
        """Split the values of lists at commas, unless they are the path of something."""
        lists = {f"--{name}" for name, action in self.options().items() if isinstance(action, Listed)}
        split: list[str] = []
        current = ""
        for word in words:
            name, equals, value = word.partition("=")
            if word.startswith("--"):
                current = name
            if current in lists and equals and word.startswith("--"):
                split += [name, *parted(value)]
            else:
                split += parted(word) if current in lists and not word.startswith("--") else [word]
        return split

    def folder_first(self, words: list[str]) -> list[str]:
        """Move the folder that ends the command line behind a list of values to its beginning."""
        last = max((place for place, word in enumerate(words) if word.startswith("--")), default=-1)
        if last < 0:
            return words
        action = self.options().get(words[last][2:])
        has_folder = any(word.partition("=")[0] == "--src_dir" for word in words) or not words[0].startswith("-")
        if has_folder or not isinstance(action, Listed) or len(words) - last < 3 or not Path(words[-1]).is_dir():
            return words
        return [words[-1], *words[:-1]]

    def refuse(self, word: str) -> NoReturn:
        """Raise UsageError for a word that no option takes."""
        if word.startswith("-"):
            self.error(f"unknown option {word.partition('=')[0]}{hint(self.script, word, self.options())}")
        second = next((name for name in ("dst_dir", "ref_dir") if name in self.options()), None)
        advice = f"give a second folder as --{second} {word}" if second else "one folder is read"
        self.error(f"{word} is one word too many; {advice}, and put names with blanks in quotes")

    def refuse_useless(self, held: Mapping[str, Any], given: Sequence[str]) -> None:
        """Raise UsageError for options of the command line that would silently do nothing beside others."""
        defaults = {name: action.default for name, action in self.options().items()}
        for name in (*self.only, *self.useless):
            if held[name] in (None, False) or held[name] == defaults[name]:
                continue
            refused = [
                one
                for one in dict.fromkeys(given)
                if one in self.useless.get(name, ()) or (name in self.only and one not in self.only[name])
            ]
            if refused:
                these = " and ".join(f"--{one}" for one in refused)
                self.error(f"--{name} has no use for {these}; leave it out, or --{name}")
        for name, (other, values) in self.partners.items():
            value = held[other]
            if name in given and held[name] != defaults[name] and (value not in values if values else not value):
                self.error(f"--{name} has a use only with --{other} {' or '.join(values)}".rstrip())

    def put_off(self, held: argparse.Namespace, given: Collection[str]) -> None:
        """Leave what takes all together, as a --config may say it, to a run without --shard.

        Raises UsageError for such an option of the command line.
        """
        for name in self.once if getattr(held, "shard", None) else ():
            if name in given:
                self.error(f"--{name} takes all together: give it in a run without --shard when all shards are done")
            setattr(held, name, self.once[name])


def without_shard(words: Sequence[str]) -> list[str]:
    """Return the words of a command for the history of a dataset, where shards are one command."""
    kept: list[str] = []
    for word, before in zip(words, ["", *words], strict=False):
        if word.partition("=")[0] != "--shard" and before != "--shard":
            kept.append(word)
    return kept


def shown_as(name: str, settings: dict[str, Any]) -> str:
    """Return how the help shows the value of an option."""
    if choices := settings.get("choices"):
        joined = ",".join(map(str, choices))
        return f"{{{joined}}}" if len(name) + len(joined) < 40 else NAME
    return SHOWN_AS.get(settings["type"], "TEXT")


def underscored(word: str) -> str:
    """Accept `--src-dir` for `--src_dir`; values are left alone."""
    if not word.startswith("--") or len(word) == 2:
        return word
    name, equals, value = word.partition("=")
    return "--" + name[2:].replace("-", "_") + equals + value
