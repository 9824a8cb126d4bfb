"""What the last run of a script on a folder was told, and what this one is not: rules that would end in silence."""

from argparse import Namespace
from collections.abc import Mapping
from typing import Any

from framekit import console
from framekit.cli.parser import StageParser
from framekit.dataset import history
from framekit.errors import UsageError

# Options that make no rule for what is written: folders, how much and how fast, what is printed or drawn beside it, and
# rules that stay without being told again.
NO_RULES = frozenset(
    "src_dir positional_src_dir dst_dir limit shard workers device batch_size redo dry_run overwrite_corrections report"
    " annotate check all command quiet verbose check_options general_description source_type tags_from_captions".split()
)
# Options of runs that do something else than to apply such rules.
OTHER_RUNS = frozenset("rename merge_names undo characters_from_folders valid_names flatten".split())


def tell_dropped(options: StageParser, given: Mapping[str, Any]) -> None:
    """Say which options the last run of a script had on the same folders, and this one has not."""
    command = given["command"]
    if command is None or is_other_run(options, given):
        return
    for words in reversed(history.commands_given(command.folder, f"{options.script}.py")):
        try:
            spelled = options.split_lists([options.our_word(word) for word in words])
            last = vars(options.parse_known_args(spelled, Namespace())[0])
        except UsageError:  # of an older release
            continue
        source = last["src_dir"] or last["positional_src_dir"]
        if not is_other_run(options, last) and source and source.resolve() == command.source.resolve():
            if dropped := " ".join(console.as_option(name, last[name]) for name in changed(options, last, given)):
                console.say(console.shown(f"without {dropped}, as the last run had it; add that to keep what it did"))
            return


def is_other_run(options: StageParser, values: Mapping[str, Any]) -> bool:
    """Tell whether a run has other options than rules."""
    return any(values.get(name) not in (None, options.get_default(name)) for name in OTHER_RUNS & values.keys())


def changed(options: StageParser, last: Mapping[str, Any], given: Mapping[str, Any]) -> list[str]:
    """Return the rules that the last run was given, and that have another value now."""
    return [
        name for name in options.options()
        if name not in NO_RULES | OTHER_RUNS and last[name] not in (options.get_default(name), given[name])
    ]  # fmt: skip
