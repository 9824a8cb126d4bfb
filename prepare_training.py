"""Write captions and the balance of folders for EveryDream2, kohya, OneTrainer and diffusers, and check them.

    python prepare_training.py --src_dir arranged --max_tag_number 15 --shuffle_tags

Reads the frames below --src_dir with their X.json; writes the caption X.txt beside each frame, and what each --trainer
needs: multiply.txt (EveryDream2), dataset_config.toml (kohya), … With --dst_dir each trainer gets a folder of its own
there. Run it again after corrections: captions follow X.json, but a caption, factor or config that a person edited
stays. --check writes nothing: it reads a prepared dataset as the trainers would and lists every problem.
"""

import argparse
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from framekit import console, errors
from framekit.cli import run
from framekit.cli.parser import StageParser, count, fraction, positive
from framekit.dataset import frames
from framekit.files import atomic
from framekit.sidecars import metadata
from framekit.trainers import kohya
from framekit.trainers.base import folder_in
from framekit.training import balance, captions, prepare
from framekit.training.prepare import describe, trainable

PARTS = {  # part -> default probability, what it is
    "count": (captions.CaptionRules.count, "number of people, such as 2people"),
    "character": (captions.CaptionRules.character, "characters"),
    "copyright": (captions.CaptionRules.copyright, "copyright, such as from yama_no_susume"),
    "general": (captions.CaptionRules.general, "general description"),
    "artist": (captions.CaptionRules.artist, "artist"),
    "rating": (captions.CaptionRules.rating, "rating, if it is explicit"),
    "facepos": (captions.CaptionRules.facepos, "face positions, such as fvp 42 70 fhp 22 39"),
    "tags": (captions.CaptionRules.tags, "tags"),
}

GROUPS = ("hair", "eyes", "outfit")  # of tags, see framekit/tag_groups.py


def add_caption_options(options: StageParser) -> None:
    """Add the options that decide what captions say."""
    for part, (probability, meaning) in PARTS.items():
        options.option(f"use_{part}_prob", type=fraction, default=probability, help=f"probability of the {meaning}")
    rules = captions.CaptionRules
    options.option("template", default=rules.template, help="order of the parts, and words around them")
    options.option("max_tag_number", type=count, default=rules.max_tag_number, help="tags per caption")
    options.option("shuffle_tags", action="store_true", help="shuffle the tags that don't count people")
    options.option("drop_groups", nargs="+", choices=GROUPS, help="leave these tags of named characters out")
    options.option(
        "prune_core_tags",
        type=fraction,
        default=0.0,
        help="leave out what a character has on this share of its own frames, 0.4 for example; 0 = off",
    )
    options.option("trigger_csv", type=Path, help="lines `character,trigger words`; these stand in captions instead")
    options.option("keep_underscores", action="store_true", help="keep the underscores of tags")
    options.option("escape_brackets", action="store_true", help="put a backslash before brackets")
    options.option(
        "face_position",
        choices=("tokens", "words", "none"),
        default="none",
        help="how face positions are said; tokens if only their probability is given",
    )
    options.option("keep_tokens_separator", default="", help="text before the tags that keeps kohya from shuffling")
    options.option(
        "captions_per_frame",
        type=count,
        default=1,
        help="captions drawn for each frame, for kohya and onetrainer",
    )
    options.option(
        "caption_inferred", action="store_true", help="name characters whom only their scene tells, see --propagate"
    )
    options.shared("seed")


def add_balance_options(options: StageParser) -> None:
    """Add the options that decide how often each folder is trained."""
    limits = balance.Limits
    options.option(
        "weight_csv", type=Path, help="lines `folder name or pattern,weight` (default: 1; sources at the top 3, 2, 5)"
    )
    options.option(
        "min_multiply",
        type=positive,
        default=limits.min_multiply,
        help="multiply of the least repeated folder",
    )
    options.option("max_multiply", type=positive, default=limits.max_multiply, help="largest multiply")
    options.option(
        "target_epoch_size",
        type=count,
        default=0,
        help="frames of an epoch, instead of --min_multiply; 0 = off",
    )
    options.option("max_repeats", type=count, default=limits.max_repeats, help="most repeats for kohya")
    options.option("reg_folders", nargs="+", default=["regularization"], help="top folders that are regularization")


def parser() -> StageParser:
    """Return the command line."""
    options = StageParser("prepare_training", __doc__ or "")
    options.shared("src_dir", "dst_dir", "limit", "workers", "overwrite_corrections", "config")
    options.option(
        "trainer",
        nargs="+",
        choices=kohya.TRAINERS,
        default=["everydream2", "kohya"],
        help="trainers to prepare for, all in one folder or, with --dst_dir, each in its own",
    )
    options.option(
        "kohya_form",
        choices=kohya.KOHYA_FORMS,
        default="config",
        help="dataset_config.toml, folders named REPEATS_NAME, or JSON for fine-tuning",
    )
    options.option("resolution", type=count, default=512, help="training resolution in px")
    options.shared("report")
    options.option("check", action="store_true", help="write nothing; list what these trainers would misread")
    add_caption_options(options)
    add_balance_options(options)
    return options


def caption_rules(args: argparse.Namespace, described: Mapping[Path, metadata.Metadata]) -> captions.CaptionRules:
    """Return the rules for captions that the command line asks for; core tags are told, and printed."""
    chances = {part: getattr(args, f"use_{part}_prob") for part in PARTS}
    if args.face_position != "none" and not chances["facepos"]:
        chances["facepos"] = 1.0
    core = captions.core_tags(described.values(), args.prune_core_tags) if args.prune_core_tags else {}
    if args.prune_core_tags:
        print(captions.core_table(core))
    return captions.CaptionRules(
        **chances,
        max_tag_number=args.max_tag_number,
        shuffle_tags=args.shuffle_tags,
        keep_underscores=args.keep_underscores,
        seed=args.seed,
        inferred=args.caption_inferred,
        template=captions.check_template(args.template),
        face_words=args.face_position == "words",
        escape_brackets=args.escape_brackets,
        left_out=frozenset(args.drop_groups or ()),
        triggers=captions.read_triggers(args.trigger_csv) if args.trigger_csv else {},
        core=core,
        separator=args.keep_tokens_separator.strip(),
    )


def check(root: Path, wanted: Sequence[str], resolution: int, workers: int) -> int:
    """Run --check."""
    from framekit.training.check import find_problems  # not needed for --help, which must be fast

    looked_at, found = find_problems(root, wanted, resolution, console.worker_count(workers))
    for problem in found:
        print(f"{problem.path}: {problem.reason}; {problem.remedy}")
    said = f"{console.counted(looked_at, 'frame')} read as {', '.join(wanted)} would"
    print(f"{said}, {console.counted(len(found), 'problem')}, in {root}")
    return run.SOME_UNREADABLE if found else run.DONE


@run.script(parser)
@run.gc_paused()
def main(args: argparse.Namespace) -> int:
    """Run the command line."""
    root = args.src_dir
    if args.resolution < 1 or args.max_repeats < 1 or args.captions_per_frame < 1:
        raise errors.UsageError("--resolution, --max_repeats and --captions_per_frame must be 1 or more")
    if args.report and not args.report.parent.is_dir():
        raise errors.UsageError(f"{args.report.parent} is not a folder; --report needs a file in one that is there")
    if args.check:
        return check(root, args.trainer, args.resolution, args.workers)
    places = prepare.destinations(root, args.dst_dir, args.trainer, args.kohya_form)
    weights = balance.read_weights(args.weight_csv) if args.weight_csv else []
    limits = balance.Limits(args.min_multiply, args.max_multiply, args.target_epoch_size, args.max_repeats)
    found, others = trainable(frames.find_frames(root, args.limit))
    described, unreadable = describe(found)
    rules = caption_rules(args, described)
    rules_there = {place: prepare.rules_for(place, rules, args.captions_per_frame) for place in places}
    atomic.clean_up([root], Path(prepare.RECORD).suffix)
    noted = prepare.read_record(root)
    counts = Counter(folder_in(root, frame) for frame in found)
    computed, deviation = balance.leaves_of(counts, weights, limits, {}, args.reg_folders)
    balanced, misread, written = computed, list[tuple[Path, str]](), dict[Path, str]()
    if not args.overwrite_corrections:
        factors, misread = prepare.factors_by_hand(root, computed, noted)
        balanced, deviation = balance.leaves_of(counts, weights, limits, factors, args.reg_folders)
        written = prepare.captions_by_hand(found, noted) if args.dst_dir else {}
    dataset = prepare.Dataset(root, described, computed, balanced, written)
    edited, hints = 0, list[str]()
    for place, fitting in rules_there.items():
        skipped_keys = {*prepare.read_record(place.root)} if args.limit else {frame.stem for frame, _ in unreadable}
        settings = kohya.KohyaSettings(args.resolution, fitting[0].separator, fitting[1] > 1)
        edited += prepare.prepare(place, dataset, fitting, settings, args.overwrite_corrections, skipped_keys)
        hints += prepare.how_to_train(place, settings)
    if balanced:
        named = [(folder_in(root, frame), known) for frame, known in described.items()]
        folder_rows, character_rows = balance.folder_rows(balanced, weights), balance.character_rows(balanced, named)
        print(balance.table("folder", folder_rows))
        print(balance.table("character", character_rows))
        print(*hints, sep="\n")
        if args.report:
            from framekit.report.page import report_on  # not needed for --help, which must be fast

            told = report_on(
                root, described, folder_rows, character_rows, console.worker_count(args.workers), args.command
            )
            atomic.write_whole(args.report, told)
            print(f"report: {args.report}, {args.report.stat().st_size / 2**20:.1f} MB")
    off = f", kohya's shares off by {deviation:.1%} at most" if "kohya" in args.trainer and balanced else ""
    return run.close(
        f"{console.counted(len(described), 'caption')}, {console.counted(len(balanced), 'folder')} balanced for"
        f" {', '.join(args.trainer)}{off}; kept {console.counted(edited, 'hand-edited file')},"
        f" in {', '.join(str(place.root) for place in places)}",
        unreadable + misread + others,
    )


if __name__ == "__main__":
    raise SystemExit(main())
