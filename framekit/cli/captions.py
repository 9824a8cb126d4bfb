"""The options of prepare_training.py that decide what captions say, and at which size frames are trained."""

import argparse
import re
from collections.abc import Mapping
from pathlib import Path

from framekit import console
from framekit.cli.parser import StageParser
from framekit.cli.values import count, fraction
from framekit.sidecars import metadata
from framekit.trainers.base import FAMILIES
from framekit.training import captions

GROUPS = ("hair", "eyes", "outfit")  # of tags, see framekit/tags/vocabulary.py


def add_caption_options(options: StageParser) -> None:
    """Add the options that decide what captions say."""
    options.group("captions")
    for part in captions.PARTS:
        name, meaning = f"use_{part.option or part.name}_prob", f"probability of the {part.help}"
        options.option(name, type=fraction, default=part.probability, help=meaning)
    rules = captions.CaptionRules
    options.option("template", default=captions.TEMPLATE, help="order of the parts, with any words around them")
    options.option(
        "count_words",
        choices=captions.COUNT_WORDS,
        default=rules.count_words,
        help="how captions count people: 2people; tags such as 1girl, solo where they agree with the count; or both",
    )
    options.option(
        "drop_episode", action="store_true", help="leave show and episode, such as yamaS2EP04, out of the general text"
    )
    options.option("max_tag_number", type=count, default=rules.max_tag_number, help="tags per caption")
    options.option("shuffle_tags", action="store_true", help="shuffle the tags that don't count people")
    options.option("drop_groups", nargs="+", choices=GROUPS, help="leave out these tags where a character is named")
    options.option(
        "prune_core_tags",
        type=fraction,
        default=0.0,
        help="leave out tags that a character has on this share of the frames where it is alone; 0 = off",
    )
    options.option(
        "trigger_csv", type=Path, help="CSV of `character,trigger words`: captions say these words instead of the name"
    )
    options.option("keep_underscores", action="store_true", help="keep the underscores of tags")
    options.option("escape_brackets", action="store_true", help="put a backslash before brackets, for prompts")
    options.option(
        "face_position",
        choices=("tokens", "words", "none"),
        default="none",
        help="how captions say where faces are; tokens if only --use_facepos_prob is given",
    )
    options.option(
        "keep_tokens_separator",
        default="",
        help="text before the tags, such as |||; kohya does not shuffle what stands before it",
    )
    options.option(
        "captions_per_frame",
        type=count,
        default=1,
        help="captions written for each frame, for kohya and onetrainer",
    )
    options.option(
        "caption_inferred",
        action="store_true",
        help="name characters inferred from their scene, see classify_characters.py --propagate",
    )
    options.shared("seed")


def resolution(text: str) -> int:
    """Argument type: px, or the name of a family of models; of a square either edge."""
    square = re.fullmatch(r"(\d+)\s*[x×,]\s*(\d+)", text.strip())
    number = square[1] if square and square[1] == square[2] else text.strip()
    if not number.isdecimal() and text.casefold() not in FAMILIES:
        hint = console.nearest(text, FAMILIES, "")
        raise argparse.ArgumentTypeError(f"{text} is no edge of a square in px, nor one of {', '.join(FAMILIES)}{hint}")
    return FAMILIES.get(text.casefold()) or int(number)


def triggers_of(path: Path, described: Mapping[Path, metadata.Metadata]) -> dict[str, str]:
    """Return the trigger words of a table; names that no frame has are told."""
    triggers = captions.read_triggers(path)
    for sentence in captions.unmet_triggers(triggers, described.values()):
        console.warn(sentence)
    return triggers


def caption_rules(args: argparse.Namespace, described: Mapping[Path, metadata.Metadata]) -> captions.CaptionRules:
    """Return the rules for captions that the command line asks for; core tags are counted, and printed."""
    chances = {part.name: getattr(args, f"use_{part.option or part.name}_prob") for part in captions.PARTS}
    if args.face_position != "none" and not chances["facepos"]:
        chances["facepos"] = 1.0
    core = captions.core_tags(described.values(), args.prune_core_tags) if args.prune_core_tags else {}
    if args.prune_core_tags:
        console.say(captions.core_table(core))
    return captions.CaptionRules(
        chances=chances,
        max_tag_number=args.max_tag_number,
        shuffle_tags=args.shuffle_tags,
        keep_underscores=args.keep_underscores,
        seed=args.seed,
        inferred=args.caption_inferred,
        template=captions.check_template(args.template),
        face_words=args.face_position == "words",
        escape_brackets=args.escape_brackets,
        left_out=frozenset(args.drop_groups or ()),
        triggers=triggers_of(args.trigger_csv, described) if args.trigger_csv else {},
        core=core,
        separator=args.keep_tokens_separator.strip(),
        captions_per_frame=args.captions_per_frame,
        count_words=args.count_words,
        drop_episode=args.drop_episode,
    )
