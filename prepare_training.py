"""Write captions and the balance of folders for EveryDream2, kohya and other trainers, and check them.

    python prepare_training.py --src_dir arranged --max_tag_number 15 --shuffle_tags

Reads the frames below --src_dir with their X.json; writes the caption X.txt beside each frame, and what each --trainer
needs: multiply.txt (EveryDream2), dataset_config.toml (kohya), … With --dst_dir each trainer gets a folder of its own
there. Run it again after corrections: captions follow X.json, but a caption, factor or config that a person edited
stays, in configs key by key. --check writes nothing: it reads a prepared dataset as the trainers would and lists
every problem.
"""

import argparse
from collections import Counter
from collections.abc import Mapping
from functools import partial
from pathlib import Path

from framekit import console, errors
from framekit.arrange import mend
from framekit.arrange.folders import misplaced_in_words
from framekit.cli import run
from framekit.cli.parser import StageParser, count, fraction, positive
from framekit.dataset import frames, read
from framekit.dataset.history import Command
from framekit.files import atomic
from framekit.files.names import nfc
from framekit.metadata import join
from framekit.sidecars import metadata
from framekit.trainers import kohya, registry
from framekit.trainers.base import Settings, folder_in
from framekit.training import balance, captions, prepare
from framekit.training.destinations import Destination, destinations, how_to_train, rules_for, to_check
from framekit.training.record import RECORD, read_record

GROUPS = ("hair", "eyes", "outfit")  # of tags, see framekit/tags/vocabulary.py


def add_caption_options(options: StageParser) -> None:
    """Add the options that decide what captions say."""
    for part in captions.PARTS:
        name, meaning = f"use_{part.option or part.name}_prob", f"probability of the {part.help}"
        options.option(name, type=fraction, default=part.probability, help=meaning)
    rules = captions.CaptionRules
    options.option("template", default=captions.TEMPLATE, help="order of the parts, with any words around them")
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


def add_balance_options(options: StageParser) -> None:
    """Add the options that decide how often each folder is trained."""
    limits = balance.Limits
    options.option(
        "weight_csv",
        type=Path,
        help="CSV of `folder or pattern,weight` (default: 1; top folders screenshots 3, fanart 2, regularization 5)",
    )
    options.option(
        "min_multiply",
        type=positive,
        default=limits.min_multiply,
        help="smallest multiply",
    )
    options.option("max_multiply", type=positive, default=limits.max_multiply, help="largest multiply")
    options.option(
        "target_epoch_size",
        type=count,
        default=0,
        help="frames in an epoch, replaces --min_multiply; 0 = off",
    )
    options.option(
        "max_repeats",
        type=count,
        default=limits.max_repeats,
        help="maximum num_repeats for kohya; above 100 only where shares are more than 5 %% off",
    )
    options.option(
        "reg_folders", nargs="+", default=["regularization"], help="top folders that hold regularization images"
    )


def parser() -> StageParser:
    """Return the command line."""
    options = StageParser("prepare_training", __doc__ or "")
    options.shared("src_dir", "dst_dir", "limit", "workers", "overwrite_corrections", "config")
    options.option(
        "trainer",
        nargs="+",
        choices=tuple(registry.TRAINERS),
        help="trainers to prepare for, all in one folder or, with --dst_dir, each in its own"
        f" (default: {' '.join(registry.DEFAULT)}; with --check those that the folder was exported for)",
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
    options.option("all", action="store_true", help="with --check: list each problem, not each kind with examples")
    add_caption_options(options)
    add_balance_options(options)
    return options


def caption_rules(args: argparse.Namespace, described: Mapping[Path, metadata.Metadata]) -> captions.CaptionRules:
    """Return the rules for captions that the command line asks for; core tags are counted, and printed."""
    chances = {part.name: getattr(args, f"use_{part.option or part.name}_prob") for part in captions.PARTS}
    if args.face_position != "none" and not chances["facepos"]:
        chances["facepos"] = 1.0
    core = captions.core_tags(described.values(), args.prune_core_tags) if args.prune_core_tags else {}
    if args.prune_core_tags:
        print(captions.core_table(core))
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
        triggers=captions.read_triggers(args.trigger_csv) if args.trigger_csv else {},
        core=core,
        separator=args.keep_tokens_separator.strip(),
        captions_per_frame=args.captions_per_frame,
    )


def check(place: Destination, resolution: int, workers: int, each: bool) -> int:
    """Run --check on a prepared folder."""
    from framekit.training.check import find_problems, one_line, summary, verdict  # not needed for --help

    root, wanted = place.root, place.trainers
    looked_at, found = find_problems(root, wanted, resolution, console.worker_count(workers))
    for line in [one_line(problem) for problem in found] if each else summary(found, root):
        print(console.shown(line))
    number, words = verdict(found)
    names = ", ".join(trainer.name for trainer in wanted)
    print(f"{console.counted(looked_at, 'frame')} read as {names} would: {words}, in {root}")
    return run.SOME_UNREADABLE if number else run.DONE


@run.script(parser)
@run.gc_paused()
def main(args: argparse.Namespace) -> int:
    """Run the command line."""
    root, named = args.src_dir, [registry.TRAINERS[name] for name in dict.fromkeys(args.trainer or ())]
    wanted = named or [registry.TRAINERS[name] for name in registry.DEFAULT]
    if args.resolution < 1 or args.max_repeats < 1 or args.captions_per_frame < 1:
        raise errors.UsageError("--resolution, --max_repeats and --captions_per_frame must be 1 or more")
    if args.report and not args.report.parent.is_dir():
        raise errors.UsageError(f"{args.report.parent} is not a folder; --report needs a file in one that is there")
    if args.check:
        checked = to_check(root, args.dst_dir, named or None)
        return max([check(place, args.resolution, args.workers, args.all) for place in checked])
    settings = Settings(args.resolution, args.kohya_form)
    places = destinations(root, args.dst_dir, wanted, settings)
    weights = balance.read_weights(args.weight_csv) if args.weight_csv else []
    limits = balance.Limits(args.min_multiply, args.max_multiply, args.target_epoch_size, args.max_repeats)
    fetched = mend.follow_hand(root) if root.is_dir() else 0
    unusable: list[tuple[Path, str]] = []
    found, others = prepare.trainable(frames.find_frames(root, args.limit, unusable), wanted)
    reading = console.progress(found, len(found), "frame", "reading")
    described, unreadable = read.with_metadata(read.described(reading))
    tell_of_names(root, described)
    rules = caption_rules(args, described)
    fitting = [(place, rules_for(place, rules)) for place in places]
    atomic.clean_up([root], Path(RECORD).suffix)
    counts = Counter(folder_in(root, frame) for frame in found)
    weights = balance.weights_for(weights, counts)
    balance_with = partial(balance.balance_folders, counts, weights, limits, reg_folders=args.reg_folders)
    dataset = prepare.with_corrections(
        root, found, described, balance_with, args.dst_dir is not None, args.overwrite_corrections
    )
    edited, hints = 0, []
    for place, own_rules in fitting:
        if any(trainer.pack for trainer in place.trainers):
            others += prepare.pack(place, dataset, own_rules, settings)
            hints += how_to_train(place, settings)
            continue
        some_unseen = args.limit or any(path.is_dir() for path, _ in unusable)
        skipped_keys = {nfc(frame.stem) for frame, _ in unusable + unreadable} | {
            *(read_record(place.root) if some_unseen else ())
        }
        kept, fit = prepare.prepare(place, dataset, own_rules, settings, args.overwrite_corrections, skipped_keys)
        edited += kept
        hints += how_to_train(place, fit)
    balanced, whole = dataset.balanced, [trainer.name for trainer in wanted if trainer.whole_repeats]
    if balanced:
        show_balance(dataset, weights, bool(whole), args.report, args.workers, args.command)
        print(*hints, sep="\n")
    if balanced and whole:
        words = balance.repeats_in_words(balanced, dataset.deviation, args.target_epoch_size)
        print(f"{' and '.join(whole)}: {words}")
    if by_heart := balance.by_heart_in_words(balanced):
        print(by_heart)
    kept_words = f"; kept {console.counted(edited, 'hand-edited file')}" if edited else ""
    kept_words += f"; {mend.followed_words(fetched)}" if fetched else ""
    return run.close(
        f"{console.counted(len(described), 'caption')}, {console.counted(len(balanced), 'folder')} balanced for"
        f" {', '.join(trainer.name for trainer in wanted)}"
        f"{kept_words}, in {args.dst_dir or root}",
        [*unusable, *unreadable, *dataset.misread, *others],
    )


def tell_of_names(root: Path, described: Mapping[Path, metadata.Metadata]) -> None:
    """Warn where frames stand in folders of others, or where sidecars say what the metadata does not."""
    named = {frame.relative_to(root): known.characters for frame, known in described.items()}
    if words := misplaced_in_words(named, root):
        console.warn(words)
    if behind := join.outdated(described, root):
        frames_have = f"{console.counted(len(behind), 'frame')} {'has' if len(behind) == 1 else 'have'}"
        console.warn(
            f"{frames_have} tags or names that are newer than the metadata, such as {behind[0].relative_to(root)}; run"
            f" generate_metadata.py --src_dir {root}, then this again"
        )


def show_balance(
    dataset: prepare.Dataset,
    weights: balance.Weights,
    has_repeats: bool,
    report: Path | None,
    workers: int,
    command: Command | None,
) -> None:
    """Print the balance of folders and characters, and write the report if there is one to write."""
    named = [(folder_in(dataset.root, frame), known) for frame, known in dataset.described.items()]
    folder_rows = balance.folder_rows(dataset.balanced, weights)
    character_rows = balance.character_rows(dataset.balanced, named)
    print(balance.table("folder", folder_rows, has_repeats))
    print(balance.table("character", character_rows, has_repeats))
    if report:
        from framekit.report.page import report_on  # not needed for --help, which must be fast

        page = report_on(
            dataset.root, dataset.described, folder_rows, character_rows, report, console.worker_count(workers), command
        )
        atomic.write_whole(report, page)
        print(f"report: {report}, {report.stat().st_size / 2**20:.1f} MB")


if __name__ == "__main__":
    raise SystemExit(main())
