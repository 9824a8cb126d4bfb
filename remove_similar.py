"""Set aside frames that are worth nothing, and those that resemble a better one: in each episode, then across all.

    python remove_similar.py --src_dir dataset

Reads the frames below --src_dir; moves each frame that goes, with its sidecars, to .removed/<reason>/ and writes down
the reason and the frame it resembles in .removed/manifest.jsonl. Descriptors stay in .descriptors.npz of each folder,
so that the next run decodes only new frames.
Nothing is deleted: --restore brings everything back, or what it names.
"""

import argparse
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import fields
from pathlib import Path

from framekit import console, errors
from framekit.cli import run
from framekit.cli.parser import StageParser, fraction
from framekit.dataset import frames, removed
from framekit.dedup import descriptors, quality
from framekit.dedup.descriptors import DescribedFrames
from framekit.dedup.fiftyone import reviewed
from framekit.dedup.openings import drop_sections, find_sections
from framekit.dedup.report import write_report
from framekit.dedup.select import UNREADABLE, Removal, Settings, decide
from framekit.files import paths


def parser() -> StageParser:
    """Return the command line."""
    options = StageParser("remove_similar", __doc__ or "")
    options.shared("src_dir", "dry_run", "limit", "workers", "device", "batch_size", "config")
    options.option(
        "model",
        default=descriptors.EMBEDDED,
        help="thumbnail (embedded), a hub repository or a local .onnx file that embeds pictures",
    )
    options.option(
        "thresh",
        type=fraction,
        nargs="+",
        help="frames at least this similar to a kept one are removed (default: that of the model, 0.985); several with"
        " --dry_run are compared",
    )
    options.option(
        "max_compare_size", type=int, default=10000, help="kept frames compared at a time; bounds the memory"
    )
    options.option(
        "keep",
        choices=("best", "first"),
        default="best",
        help="which of similar frames stays: the sharpest without subtitles, or the first",
    )
    limits = quality.Limits()
    options.option("no_filters", action="store_true", help="remove similar frames only; turns off the limits below")
    options.option("min_sharpness", type=float, default=limits.min_sharpness, help="blurred below it; 0 = off")
    options.option("min_contrast", type=float, default=limits.min_contrast, help="flat below it; 0 = off")
    options.option("min_bright", type=float, default=limits.min_bright, help="dark if the brightest percent is below")
    options.option("max_dark", type=float, default=limits.max_dark, help="bright if the darkest percent is above")
    options.option(
        "fade_contrast",
        type=fraction,
        default=limits.fade_contrast,
        help="a fade has less than this share of the contrast of the same picture nearby; 0 = off",
    )
    options.option("min_size", type=float, default=limits.min_size, help="pixels of the shorter side; 0 = off")
    options.option("drop_unreadable", action="store_true", help="set unreadable frames aside too")
    options.option("drop_opening", action="store_true", help="set openings aside, which are kept once otherwise")
    options.option("drop_ending", action="store_true", help="set endings aside, which are kept once otherwise")
    options.shared("report")
    options.option(
        "fiftyone", action="store_true", help="look at the groups in the FiftyOne App first, tag keep/remove"
    )
    options.option(
        "restore", nargs="*", metavar="WHAT", help="bring back all removed frames, or these reasons or frames"
    )
    options.option("purge", action="store_true", help="delete the removed frames for good, after asking")
    return options


def compare_thresholds(described: DescribedFrames, settings: Sequence[Settings], protected: Collection[Path]) -> None:
    """Print how many frames would go at each threshold."""
    for one in settings:
        counts = Counter(removal.reason for removal in decide(described, one, protected))
        told = ", ".join(f"{count} {reason}" for reason, count in sorted(counts.items()))
        print(f"--thresh {one.thresh:g}: {len(described.readable) - counts.total()} kept, {told or 'none removed'}")


def manage_removed(root: Path, restore: Sequence[str] | None, purge: bool, dry_run: bool) -> int | None:
    """Do --restore or --purge and return the exit code; None if neither is asked for."""
    if restore is not None:
        restored, taken = removed.restore(root, restore, dry_run)
        for where, reason in taken:
            print(f"not restored: {where}: {reason}")
        verb = "would be restored" if dry_run else "restored"
        return run.close(f"{console.counted(restored, 'frame')} {verb}, {len(taken)} not, in {root}")
    if purge and not dry_run:
        return run.close(
            f"{console.counted(removed.purge(root, run.confirmed), 'removed frame')} deleted for good in {root}"
        )
    return None


@run.script(parser)
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
    threshs = args.thresh or [describer.threshold]
    if len(threshs) > 1 and not args.dry_run:
        raise errors.UsageError(
            "several values of --thresh are compared with --dry_run only; give one to remove frames"
        )
    names = [field.name for field in fields(quality.Limits)]
    limits = quality.OFF if args.no_filters else quality.Limits(*(float(getattr(args, name)) for name in names))
    best = args.keep == "best"
    settings = [Settings(thresh, max(1, args.max_compare_size), best, limits) for thresh in threshs]
    found = frames.find_frames(root, args.limit)
    workers = console.worker_count(args.workers)
    described = descriptors.describe_frames(found, workers, not args.dry_run, describer, args.batch_size or 16)
    protected = removed.kept_by_hand(root)
    if len(settings) > 1:
        compare_thresholds(described, settings, protected)
        return run.close(
            f"{console.counted(len(described.readable), 'frame')} compared in {root}", described.unreadable
        )
    going = decide(described, settings[0], protected)
    found_sections, clock = find_sections(root, described, going)
    dropped = [one for one in found_sections if getattr(args, f"drop_{one.kind}")]
    going += drop_sections(root, described, going, dropped, clock)
    if args.fiftyone:
        going, kept = reviewed(root, described, going)
        for frame in kept if not args.dry_run else ():
            removed.keep(root, frame)
    if args.report:
        write_report(args.report, root, described, going, settings[0].thresh)
    if not args.dry_run:
        carry_out(root, described, going)
        for frame, reason in described.unreadable if args.drop_unreadable else ():
            removed.remove(root, frame, UNREADABLE, detail=reason)
    for section in found_sections:
        print(section.told())
    return run.close(summary(root, described, going, args.dry_run), described.unreadable)


def carry_out(root: Path, described: DescribedFrames, going: Sequence[Removal]) -> None:
    """Move what goes, with a line in the manifest each."""
    names = [frame.relative_to(root).as_posix() for frame in described.readable]
    for one in console.progress(going, len(going), "move"):
        told: dict[str, str | float] = {"detail": one.detail} if one.detail else {}
        if one.resembles >= 0:
            told |= {"resembles": names[one.resembles], "similarity": round(one.similarity, 4)}
        removed.remove(root, described.readable[one.row], one.reason, **told)


def summary(root: Path, described: DescribedFrames, going: Sequence[Removal], dry_run: bool) -> str:
    """Return what the closing line says."""
    counts = Counter(one.reason for one in going)
    told = ", ".join(f"{count} {reason}" for reason, count in sorted(counts.items()))
    where = f"{'would go to' if dry_run else 'set aside in'} {root / paths.REMOVED}"
    kept = console.counted(len(described.readable) - len(going), "frame")
    return f"{kept} kept, {told} {where}" if going else f"{kept} kept, none {where}"


if __name__ == "__main__":
    raise SystemExit(main())
