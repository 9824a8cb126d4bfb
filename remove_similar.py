"""Set aside frames of low quality, and those that resemble a better one: in each episode, then across all.

    python remove_similar.py --src_dir dataset

Reads the frames below --src_dir; moves each frame that goes, with its sidecars, to .removed/<reason>/ and records
the reason and the frame it resembles in .removed/manifest.jsonl. Descriptors are stored in .descriptors.npz of each
folder, so that the next run decodes new frames only.
Nothing is deleted: --restore brings all frames back, or those of the reasons or names given.
"""

import argparse
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path

from framekit import console, errors
from framekit.cli import run
from framekit.cli.parser import StageParser
from framekit.cli.values import fraction
from framekit.dataset import frames, removed
from framekit.dedup import descriptors, quality
from framekit.dedup.fiftyone import reviewed
from framekit.dedup.openings import drop_sections, find_sections
from framekit.dedup.pans import OVERLAP, scenes_of
from framekit.dedup.removal import by_reason, carry_out, summary
from framekit.dedup.report import write_report
from framekit.dedup.select import REASONS, UNREADABLE, Settings, decide, made_with, removed_otherwise


def quality_options(options: StageParser) -> None:
    """Add the limits below which a frame is of low quality."""
    limits = quality.Limits()
    options.group("frames of low quality")
    options.option("no_filters", action="store_true", help="remove similar frames only; turns the limits below off")
    options.option(
        "min_sharpness",
        type=float,
        default=limits.min_sharpness,
        help="variance of the Laplacian below which a frame is blurred; 0 = off",
    )
    options.option(
        "min_contrast",
        type=float,
        default=limits.min_contrast,
        help="standard deviation, in grey levels, below which a frame is flat; 0 = off",
    )
    options.option(
        "min_bright",
        type=float,
        default=limits.min_bright,
        help="99th percentile of grey, below which a frame is dark; 0 = off",
    )
    options.option(
        "max_dark",
        type=float,
        default=limits.max_dark,
        help="1st percentile of grey, above which a frame is bright; 255 = off",
    )
    options.option(
        "fade_contrast",
        type=fraction,
        default=limits.fade_contrast,
        help="share of the contrast of the same picture nearby, below which a frame is part of a fade; 0 = off",
    )
    options.option(
        "min_size",
        type=float,
        default=limits.min_size,
        help="pixels of the shorter side, below which a frame is small; 0 = off",
    )


def parser() -> StageParser:
    """Return the command line."""
    options = StageParser("remove_similar", __doc__ or "")
    options.shared("src_dir", "dry_run", "limit", "follow_links", "workers", "device", "batch_size", "config")
    options.group("similar frames")
    options.option(
        "model",
        default=descriptors.EMBEDDED,
        help="thumbnail (embedded, no download), a hub repository or a local .onnx file that embeds images",
    )
    options.option(
        "similarity_threshold",
        aliases=("thresh",),
        type=fraction,
        nargs="+",
        metavar="0-1",
        help="similarity to a kept frame, 0 to 1, from which a frame is removed (default: that of the model, 0.985);"
        " with --dry_run, several are compared",
    )
    options.option(
        "max_compare_size", type=int, default=10000, help="kept frames compared at a time, which bounds the memory"
    )
    options.option(
        "keep",
        choices=("best", "first"),
        default="best",
        help="which of similar frames stays: the best (sharp, rich in contrast, no subtitles) or the first",
    )
    options.option(
        "pan_overlap",
        type=fraction,
        default=OVERLAP,
        help="share of the picture in common with a kept frame of its pan, above which a frame goes; 1 = off",
    )
    quality_options(options)
    options.option("drop_unreadable", action="store_true", help="set unreadable frames aside as well")
    options.option(
        "drop_opening", action="store_true", help="set all frames of openings aside; without it, each is kept once"
    )
    options.option(
        "drop_ending", action="store_true", help="set all frames of endings aside; without it, each is kept once"
    )
    options.group("looking, and bringing back")
    options.shared("report")
    options.option(
        "fiftyone",
        action="store_true",
        help="review the groups in the FiftyOne App first; its tags keep and remove are applied",
    )
    options.option(
        "restore", nargs="*", metavar="WHAT", help="bring back all removed frames, or those of these reasons or names"
    )
    options.option("purge", action="store_true", help="delete the removed frames for good, after asking")
    options.does_only("restore", ["dry_run"])
    options.does_only("purge", ["dry_run"])
    options.makes_useless("no_filters", [field.name for field in fields(quality.Limits)])
    return options


def manage_removed(root: Path, restore: Sequence[str] | None, purge: bool, dry_run: bool) -> int | None:
    """Do --restore or --purge and return the exit code; None if neither is given."""
    if restore is not None:
        restored, taken = removed.restore(root, restore, REASONS, dry_run)
        for where, reason in taken:
            console.warn(f"not restored: {where}: {reason}")
        verb = "would be restored" if dry_run else "restored"
        refused = f", {len(taken)} not" if taken else ""
        return run.close(f"{console.counted(restored, 'frame')} {verb}{refused}, in {root}")
    if purge and dry_run:
        count = len(list(removed.removed_now(root)))
        return run.close(f"{console.counted(count, 'removed frame')} would be deleted for good in {root}")
    if purge:
        count = removed.purge(root, run.confirmed)
        return run.close(f"{console.counted(count, 'removed frame')} deleted for good in {root}")
    return None


@run.script(parser, moves=lambda given: [given.src_dir])
def main(args: argparse.Namespace) -> int:
    """Run the command line."""
    root = args.src_dir
    if not root.is_dir():
        raise errors.UsageError(f"{root} is not a folder; --src_dir must name the folder that holds the frames")
    if not args.dry_run:
        removed.finish_interrupted(root)
    if (code := manage_removed(root, args.restore, args.purge, args.dry_run)) is not None:
        return code
    describer = descriptors.load_describer(args.model, args.device)
    threshs = args.similarity_threshold or [describer.threshold]
    if len(threshs) > 1 and not args.dry_run:
        raise errors.UsageError(
            "several values of --similarity_threshold are compared with --dry_run only; give one to remove frames"
        )
    if len(threshs) > 1 and (args.report or args.fiftyone or args.drop_opening or args.drop_ending):
        raise errors.UsageError(
            "several values of --similarity_threshold are only counted; give one for --report, --fiftyone,"
            " --drop_opening and --drop_ending"
        )
    names = [field.name for field in fields(quality.Limits)]
    limits = quality.OFF if args.no_filters else quality.Limits(*(float(getattr(args, name)) for name in names))
    best = args.keep == "best"
    settings = [Settings(thresh, max(1, args.max_compare_size), best, limits, args.pan_overlap) for thresh in threshs]
    unusable: list[tuple[Path, str]] = []
    found = frames.find_frames(root, args.limit, unusable)
    workers = console.worker_count(args.workers)
    described = descriptors.describe_frames(found, workers, not args.dry_run, describer, args.batch_size or 16)
    protected, scenes = removed.kept_by_hand(root), scenes_of(described.readable)
    if len(settings) > 1:
        for one in settings:
            going = decide(described, one, protected, scenes)
            kept = len(described.readable) - len(going)
            console.say(f"--similarity_threshold {one.thresh:g}: {kept} kept, {by_reason(going) or 'none removed'}")
        return run.close(
            f"{console.counted(len(described.readable), 'frame')} compared in {root}", unusable + described.unreadable
        )
    going = decide(described, settings[0], protected, scenes)
    found_sections, clock = find_sections(root, described, going)
    dropped = [one for one in found_sections if getattr(args, f"drop_{one.kind}", False)]
    going += drop_sections(root, described, going, dropped, clock)
    if args.fiftyone:
        going, tagged_keep = reviewed(root, described, going)
        for frame in tagged_keep if not args.dry_run else ():
            removed.keep(root, frame)
    if args.report:
        write_report(args.report, root, described, going, settings[0].thresh, not args.dry_run)
    made = made_with(settings[0], args.model)
    left = removed_otherwise(root, made)
    if not args.dry_run:
        carry_out(root, described, going, made)
        for frame, reason in described.unreadable if args.drop_unreadable else ():
            removed.remove(root, frame, UNREADABLE, detail=reason)
    for section in found_sections:
        console.say(str(section))
    return run.close(summary(root, described, going, args.dry_run), unusable + described.unreadable, left)


if __name__ == "__main__":
    raise SystemExit(main())
