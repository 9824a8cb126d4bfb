"""Set aside frames that resemble an earlier one, within each episode and then across all of them.

    python remove_similar.py --src_dir dataset

Reads the frames below --src_dir; moves each frame that is similar to an earlier kept one, with its sidecars, to
.removed/similar/ and writes down the reason and the frame it resembles in .removed/manifest.jsonl. Descriptors stay
in .descriptors.npz of each folder, so that the next run decodes only new frames.
Nothing is deleted: --restore brings everything back.
"""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

from framekit import descriptors, frames, moves, sidecar, similarity, stage

REASON, RESTORED = "similar", "restored"
MANIFEST = f"{sidecar.REMOVED}/manifest.jsonl"
REPLACED = f"{sidecar.REMOVED}/replaced"


@dataclass(frozen=True)
class Removal:
    """A removed frame: where it was and is now, why, and which kept frame it resembles how much. Paths are relative."""

    frame: str
    to: str
    reason: str
    resembles: str
    similarity: float


def find_similar(
    readable: Sequence[Path], rows: similarity.Descriptors, thresh: float, block: int, root: Path
) -> list[Removal]:
    """Return what is to be removed, in the order of the frames."""
    names = [frame.relative_to(root).as_posix() for frame in readable]
    groups = [len(list(members)) for _, members in groupby(readable, key=lambda frame: frame.parent)]
    return [
        Removal(names[index], f"{sidecar.REMOVED}/{REASON}/{names[index]}", REASON, names[kept], round(score, 4))
        for index, kept, score in similarity.similar_frames(rows, groups, thresh, block)
    ]


def remove(removal: Removal, root: Path) -> None:
    """Write the removal down, then move the frame with its sidecars."""
    target = moves.free_target(root / removal.to)
    record = asdict(removal) | {"to": target.relative_to(root).as_posix()}
    moves.append_line(root / MANIFEST, record)
    moves.place_frame(root / removal.frame, target, False, root / REPLACED)


def removed_now(root: Path) -> Iterator[tuple[Path, Path]]:
    """Yield (where it was, where it is) of each frame that the manifest says is removed and that is still there."""
    latest: dict[str, Path | None] = {}
    for record in moves.read_lines(root / MANIFEST):
        origin = moves.inside(root, record.get("frame"))
        latest[str(record.get("to"))] = origin if record.get("reason") != RESTORED else None
    for name, origin in latest.items():
        where = moves.inside(root, name)
        if origin is not None and where is not None and where.exists():
            yield origin, where


def finish_interrupted(root: Path) -> None:
    """Complete the last move if a kill cut it short: the frame, which moves last, is not at its target yet."""
    last: dict[str, Any] = {}
    for record in moves.read_lines(root / MANIFEST):
        last = record
    here, there = moves.inside(root, last.get("frame")), moves.inside(root, last.get("to"))
    if here is None or there is None:
        return
    source, target = (there, here) if last.get("reason") == RESTORED else (here, there)
    if source.exists() and not target.exists():
        moves.place_frame(source, target, False, root / REPLACED)


def restore(root: Path, dry_run: bool) -> int:
    """Bring every removed frame back; one whose place is taken stays removed and is listed."""
    taken: list[tuple[Path, str]] = []
    restored = 0
    for origin, where in removed_now(root):
        if moves.stem_taken(origin):
            taken.append((where, f"{origin} is there again; rename one of them"))
            continue
        restored += 1
        if not dry_run:
            place = {"frame": origin.relative_to(root).as_posix(), "to": where.relative_to(root).as_posix()}
            moves.append_line(root / MANIFEST, place | {"reason": RESTORED})
            moves.place_frame(where, origin, False, root / REPLACED)
    if not dry_run:
        moves.remove_empty_folders(root / sidecar.REMOVED)
    verb = "would be restored" if dry_run else "restored"
    for where, reason in taken:
        print(f"not restored: {where}: {reason}")
    return stage.close(f"{stage.counted(restored, 'frame')} {verb}, {len(taken)} not, in {root}")


def parser() -> stage.StageParser:
    """Return the command line."""
    options = stage.StageParser("remove_similar", __doc__ or "")
    options.shared("src_dir", "dry_run", "limit", "workers", "config")
    options.option(
        "thresh",
        type=stage.fraction,
        default=similarity.THRESHOLD,
        help="frames at least this similar to a kept one are removed",
    )
    options.option(
        "max_compare_size", type=int, default=10000, help="kept frames compared at a time; bounds the memory"
    )
    options.option("restore", action="store_true", help="bring all removed frames back")
    return options


@stage.one_sentence
def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line."""
    args = parser().read(argv)
    root = args.src_dir
    if not root.is_dir():
        raise stage.Misuse(f"{root} is not a folder; --src_dir must name the folder that holds the frames")
    if not args.dry_run:
        finish_interrupted(root)
    if args.restore:
        return restore(root, args.dry_run)
    found = frames.find_frames(root, args.limit)
    workers = stage.worker_count(args.workers)
    readable, rows, unreadable = descriptors.describe_frames(found, workers, not args.dry_run)
    removals = find_similar(readable, rows, args.thresh, max(1, args.max_compare_size), root)
    if not args.dry_run:
        for removal in stage.progress(removals, len(removals), "move"):
            remove(removal, root)
    where = "would go to" if args.dry_run else "set aside in"
    return stage.close(
        f"{stage.counted(len(readable) - len(removals), 'frame')} kept, {len(removals)} similar {where}"
        f" {root / sidecar.REMOVED / REASON}",
        unreadable,
    )


if __name__ == "__main__":
    raise SystemExit(main())
