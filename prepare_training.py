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
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path

from framekit import console, errors
from framekit.arrange import mend
from framekit.arrange.folders import misplaced_in_words
from framekit.cli import run
from framekit.cli.captions import add_caption_options, caption_rules, resolution
from framekit.cli.last import tell_dropped
from framekit.cli.parser import StageParser
from framekit.cli.values import count, fraction, positive
from framekit.dataset import frames, read
from framekit.dataset.history import Command
from framekit.files import atomic
from framekit.files.names import nfc
from framekit.files.paths import without_parents
from framekit.metadata import join
from framekit.sidecars import metadata
from framekit.trainers import kohya, registry
from framekit.trainers.base import FAMILIES, Folder, Settings, folder_in
from framekit.training import balance, captions, prepare
from framekit.training.destinations import (
    Destination,
    destinations,
    how_to_train,
    resolution_of,
    rules_for,
    sizes_in_words,
    to_check,
)
from framekit.training.record import RECORD, read_record
from framekit.training.weights import Weights, kohya_weights, read_weights, unmet_weights, weights_for

# What is behind figures is still learned a little, so that it does not go wild. Source: the default of OneTrainer's
# unmasked_weight, and of mask_min_value on ai-toolkit's page.
MASK_BACKGROUND = 0.1


def add_balance_options(options: StageParser) -> None:
    """Add the options that decide how often each folder is trained."""
    limits = balance.Limits
    options.group("balance of folders")
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
    options.shared("src_dir", "dst_dir", "limit", "follow_links", "workers", "overwrite_corrections", "config")
    options.group("trainers")
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
    options.option(
        "resolution",
        type=resolution,
        help="training resolution in px, or a family of models: "
        + ", ".join(f"{name} {size}" for name, size in FAMILIES.items())
        + " (default: that of the trainer's models: 512 for everydream2, 640 for musubi, else 1024)",
    )
    options.option(
        "masks",
        action="store_true",
        help="write masks of the figures for trainers that read them, so that these are trained and not what is behind",
    )
    options.option(
        "mask_background", type=fraction, default=MASK_BACKGROUND, help="weight of what is no figure; 0 = not trained"
    )
    options.group("looking")
    options.shared("report")
    options.option("check", action="store_true", help="write nothing; list what these trainers would misread")
    options.option("all", action="store_true", help="with --check: list each problem, not each kind with examples")
    add_caption_options(options)
    add_balance_options(options)
    options.does_only("check", ["dst_dir", "trainer", "resolution", "all"])
    options.only_with("all", "check")
    options.only_with("mask_background", "masks")
    return options


def check(place: Destination, resolution: int, workers: int, each: bool) -> int:
    """Run --check on a prepared folder."""
    from framekit.training.check import find_problems, one_line, summary, verdict  # not needed for --help

    root, wanted = place.root, place.trainers
    looked_at, found = find_problems(root, wanted, resolution_of(place, resolution), console.worker_count(workers))
    for line in [one_line(problem) for problem in found] if each else summary(found, root):
        console.say(console.shown(line))
    number, words = verdict(found)
    names = ", ".join(trainer.name for trainer in wanted)
    console.say(f"{console.counted(looked_at, 'frame')} read as {names} would: {words}, in {root}")
    return run.SOME_UNREADABLE if number else run.DONE


def weights_of(given: Weights, counts: Mapping[Folder, int]) -> Weights:
    """Return the weights that were given, and those that kohya's repeats make, which is told."""
    weights = weights_for(given, counts)
    for sentence in unmet_weights(weights, counts):
        console.warn(sentence)
    repeats = kohya_weights(counts, weights)
    if repeats:
        console.say("kohya's repeats in the names of folders are kept as weights; --weight_csv changes them")
    return [*weights, *repeats]


@run.script(parser, moves=lambda given: {given.src_dir, given.dst_dir or given.src_dir})
@run.gc_paused()
def main(args: argparse.Namespace) -> int:
    """Run the command line."""
    root, target = (path and without_parents(path) for path in (args.src_dir, args.dst_dir))
    named = [registry.TRAINERS[name] for name in dict.fromkeys(args.trainer or ())]
    wanted = named or [registry.TRAINERS[name] for name in registry.DEFAULT]
    if args.resolution == 0 or args.max_repeats < 1 or args.captions_per_frame < 1:
        raise errors.UsageError("--resolution, --max_repeats and --captions_per_frame must be 1 or more")
    if args.report and not args.report.parent.is_dir():
        raise errors.UsageError(f"{args.report.parent} is not a folder; --report needs a file in one that is there")
    if args.check:
        checked = to_check(root, target, named or None)
        return max([check(place, args.resolution or 0, args.workers, args.all) for place in checked])
    tell_dropped(parser(), vars(args))
    background = args.mask_background if args.masks else None
    settings = Settings(args.resolution or 0, args.kohya_form, mask_background=background)
    places = destinations(root, target, wanted, settings)
    given = read_weights(args.weight_csv) if args.weight_csv else []
    limits = balance.Limits(args.min_multiply, args.max_multiply, args.target_epoch_size, args.max_repeats)
    fetched = mend.follow_hand(root) if root.is_dir() else 0
    unusable: list[tuple[Path, str]] = []
    found, others = prepare.trainable(frames.find_frames(root, args.limit, unusable), wanted)
    reading = console.progress(found, len(found), "frame", "reading")
    described, without = read.with_metadata(read.described(reading))
    without.tell_missing(len(found), root)
    tell_of_names(root, described)
    rules = caption_rules(args, described)
    fitting = [(place, rules_for(place, rules)) for place in places]
    atomic.clean_up([root], Path(RECORD).suffix)
    counts = Counter(folder_in(root, frame) for frame in found)
    weights = weights_of(given, counts)
    balance_with = partial(balance.balance_folders, counts, weights, limits, reg_folders=args.reg_folders)
    dataset = prepare.with_corrections(
        root, found, described, balance_with, target is not None, args.overwrite_corrections, args.workers
    )
    prepared: list[prepare.Prepared] = []
    for place, own_rules in fitting:
        some_unseen = args.limit or any(path.is_dir() for path, _ in unusable)
        skipped_keys = {nfc(frame.stem) for frame in [*without.missing, *dict(unusable + without.unreadable)]} | {
            *(read_record(place.root) if some_unseen else ())
        }
        done = prepare.prepare(place, dataset, own_rules, settings, args.overwrite_corrections, skipped_keys)
        prepared.append(done)
        others += done.left_out
    whole = [trainer.name for trainer in wanted if trainer.whole_repeats]
    if dataset.balanced:
        show_balance(dataset, weights, bool(whole), args.report, args.workers, args.command)
        console.say("\n".join(hints_for(places, prepared, not args.resolution)))
    for line in remarks(dataset, whole, args.target_epoch_size, prepared):
        console.say(line)
    edited = sum(done.edited for done in prepared)
    kept_words = f"; kept {console.counted(edited, 'hand-edited file')}" if edited else ""
    kept_words += f"; {mend.followed_words(fetched)}" if fetched else ""
    return run.close(
        f"{console.counted(len(described), 'caption')}, {console.counted(len(dataset.balanced), 'folder')} balanced for"
        f" {', '.join(trainer.name for trainer in wanted)}"
        f"{kept_words}, in {target or root}",
        [*unusable, *without.unreadable, *dataset.misread, *others],
        is_whole=not without.missing,
    )


def tell_of_names(root: Path, described: Mapping[Path, metadata.Metadata]) -> None:
    """Warn where frames stand in folders of others, or where sidecars say what the metadata does not."""
    named = {frame.relative_to(root): known.characters for frame, known in described.items()}
    if words := misplaced_in_words(named, root):
        console.warn(words)
    if unseen := [frame for frame, known in described.items() if captions.is_unseen_in(known)]:
        console.warn(
            f"{console.counted(len(unseen), 'frame')} with control characters in the metadata, such as"
            f" {unseen[0].relative_to(root)}; captions are written without them"
        )
    if behind := join.outdated(described, root):
        frames_have = f"{console.counted(len(behind), 'frame')} {'has' if len(behind) == 1 else 'have'}"
        console.warn(
            f"{frames_have} tags or names that are newer than the metadata, such as {behind[0].relative_to(root)}; run"
            f" generate_metadata.py --src_dir {root}, then this again"
        )


def hints_for(places: Sequence[Destination], prepared: Sequence[prepare.Prepared], with_sizes: bool) -> Iterator[str]:
    """Yield for each destination which frames have masks, which of its trainers read none, and how to start them."""
    for place, done in zip(places, prepared, strict=True):
        reading = [trainer.name for trainer in place.trainers if trainer.masks or trainer.pack]
        if done.masked:
            yield f"masks for {' and '.join(reading)}: {done.masked}"
        others = [trainer.name for trainer in place.trainers if trainer.name not in reading]
        if done.settings.mask_background is not None and others:
            yield f"{' and '.join(others)} {'reads' if len(others) == 1 else 'read'} no masks: whole frames are trained"
        yield from how_to_train(place, done.settings)
        if with_sizes:
            yield from sizes_in_words(place)


def remarks(
    dataset: prepare.Dataset, whole: Sequence[str], epoch_size: int, done: Sequence[prepare.Prepared]
) -> Iterator[str]:
    """Yield what is to be said of the balance and the captions; `whole` are trainers that take whole repeats."""
    if dataset.balanced and whole:
        words = balance.repeats_in_words(dataset.balanced, dataset.deviation, epoch_size)
        yield f"{' and '.join(whole)}: {words}"
    if by_heart := balance.by_heart_in_words(dataset.balanced):
        yield by_heart
    yield from dict.fromkeys(f"{one.renamed}; correct them" for one in done if one.renamed)
    if bare := max(one.bare for one in done):
        yield f"{captions.bare_in_words(bare)}; {captions.TAG_THEM}"


def show_balance(
    dataset: prepare.Dataset,
    weights: Weights,
    has_repeats: bool,
    report: Path | None,
    workers: int,
    command: Command | None,
) -> None:
    """Print the balance of folders and characters, and write the report if there is one to write."""
    named = [(folder_in(dataset.root, frame), known) for frame, known in dataset.described.items()]
    folder_rows = balance.folder_rows(dataset.balanced, weights, has_repeats)
    character_rows = balance.character_rows(dataset.balanced, named)
    console.say(balance.table("folder", folder_rows))
    console.say(balance.table("character", character_rows))
    if report:
        from framekit.report.page import report_on  # not needed for --help, which must be fast

        page = report_on(
            dataset.root, dataset.described, folder_rows, character_rows, report, console.worker_count(workers), command
        )
        atomic.write_whole(report, page)
        console.say(f"report: {report}, {report.stat().st_size / 2**20:.1f} MB")


if __name__ == "__main__":
    raise SystemExit(main())
