"""Set aside frames that are worth nothing, and those that resemble a better one: in each episode, then across all.

    python remove_similar.py --src_dir dataset

Reads the frames below --src_dir; moves each frame that goes, with its sidecars, to .removed/<reason>/ and writes down
the reason and the frame it resembles in .removed/manifest.jsonl. Descriptors stay in .descriptors.npz of each folder,
so that the next run decodes only new frames.
Nothing is deleted: --restore brings everything back, or what it names.
"""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import fields
from pathlib import Path

import numpy as np

from framekit import arguments, descriptors, frames, quality, removed, sidecar, similar_report, similarity, stage
from framekit.descriptors import DescribedFrames
from framekit.openings import Clock, Section, read_clock, sections
from framekit.removal import SIMILAR, Removal, Settings, decide

UNREADABLE, BY_HAND = "unreadable", "by_hand"


def parser() -> stage.StageParser:
    """Return the command line."""
    options = stage.StageParser("remove_similar", __doc__ or "")
    options.shared("src_dir", "dry_run", "limit", "workers", "device", "batch_size", "config")
    options.option(
        "model",
        default=descriptors.EMBEDDED,
        help="thumbnail (embedded), a hub repository or a local .onnx file that embeds pictures",
    )
    options.option(
        "thresh",
        type=arguments.fraction,
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
        type=arguments.fraction,
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


def find_sections(root: Path, described: DescribedFrames, going: Sequence[Removal]) -> tuple[list[Section], Clock]:
    """Return the openings and endings of a show, seen in what is and was removed; and when its frames were shown."""
    folders = sorted({frame.parent for frame in described.readable})
    clock = read_clock(root, folders)
    names = [frame.relative_to(root).as_posix() for frame in described.readable]
    pairs = [(names[one.row], names[one.resembles]) for one in going if one.reason == SIMILAR]
    pairs += [(str(line.get("frame")), str(line.get("resembles"))) for _, _, line in removed.removed_now(root)]
    repeats = [repeat for pair in (*pairs, *clock.resembled) if (repeat := clock.repeat(*pair))]
    return sections(repeats, clock.lengths), clock


def drop_sections(
    root: Path, described: DescribedFrames, going: Sequence[Removal], dropped: Sequence[Section], clock: Clock
) -> list[Removal]:
    """Return the removals of all other frames that lie in the sections."""
    gone = {one.row for one in going}
    found = []
    for row, frame in enumerate(described.readable):
        name = frame.relative_to(root)
        time = clock.times.get(name.with_suffix("").as_posix(), -1.0)
        for section in dropped if row not in gone else ():
            if section.covers(name.parent.as_posix(), time):
                found.append(Removal(row, section.kind))
                break
    return found


def reviewed(root: Path, described: DescribedFrames, going: Sequence[Removal]) -> tuple[list[Removal], list[Path]]:
    """Show the groups in FiftyOne; return the removals as the person left them, and the frames to keep from now on."""
    from framekit.fiftyone_review import Reviewed, review

    by_row = {one.row: one for one in going}
    groups = {one.row: one.resembles for one in going if one.resembles >= 0}
    shown = [
        Reviewed(
            frame,
            row not in by_row,
            by_row[row].reason if row in by_row else "",
            by_row[row].similarity if row in by_row else 1.0,
            described.readable[groups.get(row, row)].relative_to(root).as_posix(),
        )
        for row, frame in enumerate(described.readable)
        if row in by_row or row in groups.values()
    ]
    tags = review(shown, f"similar frames of {root.name}")
    kept = [frame for frame, tag in tags.items() if tag == "keep"]
    staying = [one for one in going if tags.get(described.readable[one.row]) != "keep"]
    also = [
        Removal(row, BY_HAND)
        for row, frame in enumerate(described.readable)
        if tags.get(frame) == "remove" and row not in by_row
    ]
    return sorted([*staying, *also], key=lambda one: one.row), kept


def write_report(path: Path, root: Path, described: DescribedFrames, going: Sequence[Removal], thresh: float) -> None:
    """Write the page with the groups and the threshold."""
    names = [frame.relative_to(root).as_posix() for frame in described.readable]
    groups: dict[int, list[tuple[str, float]]] = {}
    for one in going:
        if one.resembles >= 0:
            groups.setdefault(one.resembles, []).append((names[one.row], one.similarity))
    gone = {one.row for one in going}
    staying = np.array([row for row in range(len(names)) if row not in gone], np.intp)
    nearest = [similarity.nearest_other(described.rows, staying), np.array([one.similarity for one in going])]
    found = dict(zip(names, described.readable, strict=True))
    page = similar_report.report_page(
        f"Similar frames of {root.resolve().name}",
        [similar_report.Group(names[kept], tuple(members)) for kept, members in groups.items()],
        [similar_report.Rejected(names[one.row], one.reason, one.detail) for one in going if one.resembles < 0],
        np.concatenate(nearest).astype(np.float32),
        thresh,
        len(staying),
        lambda name: similar_report.thumbnail_of(found[name]),
    )
    sidecar.write_whole(path, page)


def compare_thresholds(described: DescribedFrames, settings: Sequence[Settings], protected: Collection[Path]) -> None:
    """Print how many frames would go at each threshold."""
    for one in settings:
        counts = Counter(removal.reason for removal in decide(described, one, protected))
        told = ", ".join(f"{count} {reason}" for reason, count in sorted(counts.items()))
        print(f"--thresh {one.thresh:g}: {len(described.readable) - counts.total()} kept, {told or 'none removed'}")


def manage_shelf(root: Path, restore: Sequence[str] | None, purge: bool, dry_run: bool) -> int | None:
    """Do --restore or --purge and return the exit code; None if neither is asked for."""
    if restore is not None:
        restored, taken = removed.restore(root, restore, dry_run)
        for where, reason in taken:
            print(f"not restored: {where}: {reason}")
        verb = "would be restored" if dry_run else "restored"
        return stage.close(f"{stage.counted(restored, 'frame')} {verb}, {len(taken)} not, in {root}")
    if purge and not dry_run:
        return stage.close(f"{stage.counted(removed.purge(root), 'removed frame')} deleted for good in {root}")
    return None


@stage.one_sentence
def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line."""
    args = parser().read(argv)
    root = args.src_dir
    if not root.is_dir():
        raise stage.Misuse(f"{root} is not a folder; --src_dir must name the folder that holds the frames")
    if not args.dry_run:
        removed.finish_interrupted(root)
    if (code := manage_shelf(root, args.restore, args.purge, args.dry_run)) is not None:
        return code
    describer = descriptors.load_describer(args.model, args.device)
    threshs = args.thresh or [describer.threshold]
    if len(threshs) > 1 and not args.dry_run:
        raise stage.Misuse("several values of --thresh are compared with --dry_run only; give one to remove frames")
    names = [field.name for field in fields(quality.Limits)]
    limits = quality.OFF if args.no_filters else quality.Limits(*(float(getattr(args, name)) for name in names))
    best = args.keep == "best"
    settings = [Settings(thresh, max(1, args.max_compare_size), best, limits) for thresh in threshs]
    found = frames.find_frames(root, args.limit)
    workers = stage.worker_count(args.workers)
    described = descriptors.describe_frames(found, workers, not args.dry_run, describer, args.batch_size or 16)
    protected = removed.kept_by_hand(root)
    if len(settings) > 1:
        compare_thresholds(described, settings, protected)
        return stage.close(
            f"{stage.counted(len(described.readable), 'frame')} compared in {root}", described.unreadable
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
    return stage.close(summary(root, described, going, args.dry_run), described.unreadable)


def carry_out(root: Path, described: DescribedFrames, going: Sequence[Removal]) -> None:
    """Move what goes, with a line in the manifest each."""
    names = [frame.relative_to(root).as_posix() for frame in described.readable]
    for one in stage.progress(going, len(going), "move"):
        told: dict[str, str | float] = {"detail": one.detail} if one.detail else {}
        if one.resembles >= 0:
            told |= {"resembles": names[one.resembles], "similarity": round(one.similarity, 4)}
        removed.remove(root, described.readable[one.row], one.reason, **told)


def summary(root: Path, described: DescribedFrames, going: Sequence[Removal], dry_run: bool) -> str:
    """Return what the closing line says."""
    counts = Counter(one.reason for one in going)
    told = ", ".join(f"{count} {reason}" for reason, count in sorted(counts.items()))
    where = f"{'would go to' if dry_run else 'set aside in'} {root / sidecar.REMOVED}"
    kept = stage.counted(len(described.readable) - len(going), "frame")
    return f"{kept} kept, {told} {where}" if going else f"{kept} kept, none {where}"


if __name__ == "__main__":
    raise SystemExit(main())
