"""The balance of a tree, folder by folder and character by character, and the tables that show it."""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import PurePosixPath

import numpy as np
from numpy.typing import NDArray

from framekit.console import columns_of, counted, shortened, terminal_columns
from framekit.files.names import nfc
from framekit.sidecars.metadata import Metadata
from framekit.trainers.base import Folder, FolderBalance
from framekit.training.weights import Weights, weight_of

BAR = 30  # characters that the longest bar takes, and at least where names are long
LEAST_BAR = 5
LEAST_MULTIPLY = 0.0001  # EveryDream2 reads 0 as 1.0
MOST_CELLS = 2_000_000  # scales times folders that are tried; chosen: more gains less than a point in a share
BEYOND = 1.25  # times `most`: a scale a little too large, cut off, may still fit best; chosen
AS_GOOD = 0.005  # deviations that differ by less count as equal, and the smaller epoch wins; chosen
# A share may be so far off its wished one before more repeats, and a larger epoch, are worth it; chosen.
TARGET_DEVIATION = 0.05
# A factor so near to a whole number becomes whole: EveryDream2 draws fractions in a fixed order, and a folder of one
# frame comes out up to 4.5 % off. Chosen: less than half of that.
NEARLY_WHOLE = 0.02
ROUNDING = 1e-6  # of a sum of floats; generous
STEPS = 10_000  # of a factor; four decimals
OFTEN = 20  # times the average, from which a frame is learnt by heart rather than balanced; chosen
LIMITS = (100, 200, 500, 1000)  # of repeats, tried in turn, and told beside the chosen one


@dataclass(frozen=True)
class Limits:
    """What bounds the balance: smallest and largest multiply, frames in an epoch (0: any number), maximum repeats."""

    min_multiply: float = 1.0
    max_multiply: float = 100.0
    epoch_size: int = 0
    max_repeats: int = 1000


def balance_folders(
    counts: Mapping[Folder, int],
    weights: Weights,
    limits: Limits,
    by_hand: Mapping[Folder, float],
    reg_folders: Sequence[str],
) -> tuple[list[FolderBalance], float]:
    """Return the balance of each folder with frames, and how far kohya's whole repeats are off at most.

    Factors that a person wrote `by_hand` count as they are. Folders below `reg_folders` are regularization: kohya
    repeats them by itself as often as it needs, so they are left out of that deviation.
    """
    found = multiplies(counts, weights, limits.min_multiply, limits.max_multiply, limits.epoch_size)
    factors = {**found, **by_hand}
    after = epoch_shares(counts, factors)
    total = sum(counts.values())
    is_reg = {folder: folder.parts[:1] != () and nfc(folder.parts[0]) in map(nfc, reg_folders) for folder in factors}
    trained, deviation = fewest_repeats(
        {folder: factor for folder, factor in factors.items() if not is_reg[folder]},
        counts,
        limits.max_repeats,
    )
    repeats = trained | {folder: 1 for folder in factors if is_reg[folder]}
    balanced = [
        FolderBalance(
            folder, counts[folder], factor, repeats[folder], counts[folder] / total, after[folder], is_reg[folder]
        )
        for folder, factor in factors.items()
    ]
    return balanced, deviation


@dataclass(frozen=True)
class Row:
    """A line of a table of the balance; multiply and repeats are empty where they say nothing."""

    name: str
    frames: int
    weight: str
    multiply: str
    repeats: str
    before: float
    after: float


def folder_rows(balanced: Sequence[FolderBalance], weights: Weights, has_repeats: bool) -> list[Row]:
    """Return a row for each folder, those above before those below, which their indentation shows.

    Repeats are in it only if some trainer takes them.
    """
    nodes = sorted(
        {node for one in balanced for node in (one.folder, *one.folder.parents)}, key=lambda node: node.parts
    )
    by_folder = {one.folder: one for one in balanced}
    sums: dict[Folder, list[float]] = {node: [0, 0.0, 0.0] for node in nodes}
    for one in balanced:
        for node in (one.folder, *one.folder.parents):
            for place, value in enumerate((one.frames, one.before, one.after)):
                sums[node][place] += value
    rows = []
    for node in nodes:
        known = by_folder.get(node)
        frames, before, after = sums[node]
        name = "  " * max(0, len(node.parts) - 1) + (node.name or "all")
        weight = f"{weight_of(node, weights):g}" if node.parts else ""
        factor = f"{known.multiply:.4g}" if known else ""
        repeats = ("reg" if known.is_reg else str(known.repeats)) if known and has_repeats else ""
        rows.append(Row(name, int(frames), weight, factor, repeats, before, after))
    return rows


def character_rows(balanced: Sequence[FolderBalance], described: Iterable[tuple[Folder, Metadata]]) -> list[Row]:
    """Return a row for each character: how much of an epoch shows it, before and after."""
    factors = {one.folder: one.multiply for one in balanced}
    frames: Counter[str] = Counter()
    weighed: dict[str, float] = {}
    for folder, known in described:
        for name in {*known.characters} or {"nobody known"}:
            frames[name] += 1
            weighed[name] = weighed.get(name, 0.0) + factors.get(folder, 1.0)
    total = sum(one.frames for one in balanced) or 1
    epoch = sum(one.frames * one.multiply for one in balanced) or 1.0
    return [
        Row(name, count, "", f"{weighed[name] / count:.3g}", "", count / total, weighed[name] / epoch)
        for name, count in sorted(frames.items(), key=lambda item: (-item[1], item[0]))
    ]


def table(title: str, rows: Sequence[Row]) -> str:
    """Return rows as text: frames, weight, multiply, repeats, share of an epoch before and after, a bar; within the
    columns of the terminal.

    A column that says nothing is left out.
    """
    longest = max([row.after for row in rows if row.name != "all"], default=1.0) or 1.0
    columns = ["weight"] * any(row.weight not in ("", "1") for row in rows) + ["multiply"]
    columns += ["repeats"] * any(row.repeats for row in rows)
    heading = "  ".join(["frames", *columns, "before ", " after", ""])
    room = terminal_columns() - len(heading)
    name_room = max(1, room - LEAST_BAR - 2 if room > 6 * LEAST_BAR else room)
    longest_name = min(name_room, max((columns_of(row.name) for row in rows), default=0))
    bar_room = max(0, min(BAR, room - longest_name - 2))
    lines = [heading + title]
    for row in rows:
        bar = "" if row.name == "all" else "  " + "#" * round(bar_room * row.after / longest)
        cells = [f"{getattr(row, column):>{len(column)}}" for column in columns]
        name = shortened(row.name, name_room)
        line = "  ".join([f"{row.frames:6d}", *cells, f"{row.before:7.1%}", f"{row.after:6.1%}", name]) + bar
        lines.append(line.rstrip())
    return "\n".join(lines)


def shares(counts: Mapping[PurePosixPath, int], weights: Weights) -> dict[PurePosixPath, float]:
    """Return the share of each folder in an epoch, given how many frames it holds directly; they add up to 1.

    At each folder the share is split among its subfolders and, if it holds frames itself, its own frames, in
    proportion to their weights. Source: the older script generation, multiply.
    """
    filled = [folder for folder, count in counts.items() if count > 0]
    result: dict[PurePosixPath, float] = {}

    def split(node: PurePosixPath, share: float, below: Sequence[PurePosixPath]) -> None:
        depth = len(node.parts)
        children = sorted({PurePosixPath(*folder.parts[: depth + 1]) for folder in below if folder != node})
        parts = [(child, weight_of(child, weights)) for child in children]
        own = weight_of(node, weights) if node in below else 0.0
        total = own + sum(weight for _, weight in parts)
        if own:
            result[node] = share * own / total
        for child, weight in parts:
            split(child, share * weight / total, [folder for folder in below if is_within(folder, child)])

    if filled:
        split(PurePosixPath(), 1.0, filled)
    return result


def is_within(folder: PurePosixPath, parent: PurePosixPath) -> bool:
    """Tell whether a folder is `parent` or lies below it."""
    return folder.parts[: len(parent.parts)] == parent.parts


def multiplies(
    counts: Mapping[PurePosixPath, int],
    weights: Weights,
    min_multiply: float,
    max_multiply: float,
    epoch_size: int = 0,
) -> dict[PurePosixPath, float]:
    """Return EveryDream's factor of each folder: the least trained frame has `min_multiply`, none above the maximum.

    With an `epoch_size` the factors are scaled instead so that an epoch has so many frames.
    """
    per_frame = {folder: share / counts[folder] for folder, share in shares(counts, weights).items()}
    scale = epoch_size or min_multiply / min(per_frame.values(), default=1.0)
    factors = {}
    for folder, weight in per_frame.items():
        wanted = weight * scale
        changes = abs(round(wanted) - wanted) * counts[folder]
        factors[folder] = factor(wanted, max_multiply, not epoch_size or changes < 0.5)
    return with_whole_sum(factors, counts, max_multiply, epoch_size)


def factor(wanted: float, largest: float, may_be_whole: bool) -> float:
    """Return a factor as it is written: whole where nearly so, else two decimals, below 1 four to keep proportions."""
    if wanted >= 1 and may_be_whole and abs(round(wanted) / wanted - 1) <= NEARLY_WHOLE:
        return min(float(round(wanted)), largest)
    return max(LEAST_MULTIPLY, min(round(wanted, 2 if wanted >= 1 else 4), largest))


def with_whole_sum(
    factors: Mapping[PurePosixPath, float], counts: Mapping[PurePosixPath, int], largest: float, epoch_size: int
) -> dict[PurePosixPath, float]:
    """Return the factors so that an epoch, which is their sum rounded down, does not end just below a whole number.

    What lacks is given to the folder with most of an epoch, whose share hardly changes: to one with a fraction if there
    is any.
    """
    total = sum(counts[folder] * Fraction(one) for folder, one in factors.items())
    goal = epoch_size or round(total)
    lacks = float(goal - total)  # 0 only where a sum of floats is exact, else it may end below by rounding
    if lacks == 0 or not -ROUNDING < lacks < max(0.5, NEARLY_WHOLE * epoch_size):
        return dict(factors)
    most = max(factors, key=lambda folder: (factors[folder] % 1 > 0, counts[folder] * factors[folder], folder))
    changed = math.ceil((factors[most] + lacks / counts[most]) * STEPS + 1e-3) / STEPS
    return {**factors, most: changed} if changed <= largest else dict(factors)


def epoch_shares(
    counts: Mapping[PurePosixPath, int], factors: Mapping[PurePosixPath, float]
) -> dict[PurePosixPath, float]:
    """Return the share of an epoch that each folder really gets with these factors or repeats."""
    total = sum(counts[folder] * factor for folder, factor in factors.items())
    return {folder: counts[folder] * factor / total for folder, factor in factors.items()}


def whole_repeats(
    factors: Mapping[PurePosixPath, float], counts: Mapping[PurePosixPath, int], most: int
) -> tuple[dict[PurePosixPath, int], float]:
    """Return the repeats of each folder, from 1 to `most`, and the largest deviation of a share from the wished one.

    All factors are scaled alike and rounded; of all scales the one whose worst folder deviates least is taken. The
    deviation is a fraction of the wished share: 0.04 for 26 % instead of 25 %.
    """
    if not factors:
        return {}, 0.0
    wished = np.array(list(factors.values()))
    frames = np.array([counts[folder] for folder in factors], float)
    rows = np.clip(np.rint(scales(wished, most)[:, None] * wished), 1, most)
    rows = np.unique(rows, axis=0)
    deviations = np.abs(shares_of(rows, frames) / shares_of(wished[None], frames) - 1).max(axis=1)
    good = np.flatnonzero(deviations <= deviations.min() + AS_GOOD)
    best = good[np.argmin(rows[good] @ frames)]
    return dict(zip(factors, rows[best].astype(int).tolist(), strict=True)), float(deviations[best])


def fewest_repeats(
    factors: Mapping[PurePosixPath, float], counts: Mapping[PurePosixPath, int], most: int
) -> tuple[dict[PurePosixPath, int], float]:
    """Return repeats as `whole_repeats` does, by the lowest limit up to `most` that keeps the target of deviation."""
    found: tuple[dict[PurePosixPath, int], float] = ({}, 0.0)
    for limit in [*(one for one in LIMITS if one < most), most]:
        found = whole_repeats(factors, counts, limit)
        if found[1] <= TARGET_DEVIATION:
            break
    return found


def repeats_in_words(balanced: Sequence[FolderBalance], deviation: float, epoch_size: int) -> str:
    """Return how far whole repeats are off, how large that makes an epoch, and the numbers for other limits."""
    trained = [one for one in balanced if not one.is_reg]
    counts = {one.folder: one.frames for one in trained}
    frames = sum(one.frames * one.repeats for one in trained)
    largest = max((one.repeats for one in trained), default=0)
    words = f"shares off by {deviation:.1%} at most, repeats up to {largest}, {frames:,} frames an epoch"
    others = []
    for most in LIMITS:
        repeats, off = whole_repeats({one.folder: one.multiply for one in trained}, counts, most)
        size = sum(counts[folder] * number for folder, number in repeats.items())
        if abs(off - deviation) > AS_GOOD:
            others.append(f"{most}: {off:.1%}, {size:,} frames")
    words += f" (--max_repeats {'; '.join(others)})" if others else ""
    return words + ("; it has no --target_epoch_size" if epoch_size else "")


def by_heart_in_words(balanced: Sequence[FolderBalance]) -> str:
    """Return in which folders single frames take a large part of an epoch, and what to do; nothing where none do."""
    total = sum(one.frames for one in balanced)
    times = {one.folder: one.after / one.frames * total for one in balanced}
    often = sorted((one for one in balanced if times[one.folder] >= OFTEN), key=lambda one: -times[one.folder])
    if not often:
        return ""
    worst = often[0]
    return (
        f"frames of {counted(len(often), 'folder')} are trained over {OFTEN} times as often as the average, those of"
        f" {worst.folder} ({counted(worst.frames, 'frame')}) {times[worst.folder]:.0f} times;"
        " add frames there, or give it less weight with --weight_csv"
    )


def scales(wished: NDArray[np.float64], most: int) -> NDArray[np.float64]:
    """Return a scale for each way in which the scaled factors can round, also beyond `most`."""
    largest = BEYOND * most / wished.max()
    edges = ((np.arange(1, BEYOND * most + 1) - 0.5)[:, None] / np.unique(wished)[None]).ravel()
    edges = np.unique(np.append(edges[edges < largest], [0.0, largest]))
    middles = (edges[1:] + edges[:-1]) / 2
    tried = max(1, MOST_CELLS // len(wished))
    if len(middles) > tried:
        middles = middles[np.linspace(0, len(middles) - 1, tried).astype(int)]
    return middles


def shares_of(rows: NDArray[np.float64], frames: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the share of each folder in an epoch for each row of factors."""
    weighed = rows * frames
    return np.asarray(weighed / weighed.sum(axis=1, keepdims=True))
