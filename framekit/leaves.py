"""The balance of a tree, folder by folder and character by character, and the tables that show it."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from framekit import balance
from framekit.metadata import Metadata
from framekit.repeats import whole_repeats

Folder = PurePosixPath
BAR = 30  # characters that the longest bar takes


@dataclass(frozen=True)
class Leaf:
    """A folder with frames, as it is trained: `multiply` for trainers that repeat by fractions, `repeats` for kohya.

    `before` is the share of an epoch that its frames alone would give it, `after` the one by `multiply`.
    """

    folder: Folder
    frames: int
    multiply: float
    repeats: int
    before: float
    after: float
    is_reg: bool = False


@dataclass(frozen=True)
class Limits:
    """What bounds the balance: least and largest multiply, frames of an epoch (0: what comes out), most repeats."""

    min_multiply: float = 1.0
    max_multiply: float = 100.0
    epoch_size: int = 0
    max_repeats: int = 100


def leaves_of(
    counts: Mapping[Folder, int],
    weights: balance.Weights,
    limits: Limits,
    by_hand: Mapping[Folder, float],
    reg_folders: Sequence[str],
) -> tuple[list[Leaf], float]:
    """Return the balance of each folder with frames, and how far kohya's whole repeats are off at most.

    Factors that a person wrote `by_hand` count as they are. Folders below `reg_folders` are regularization: kohya
    repeats them by itself as often as it needs, so they are left out of that deviation.
    """
    found = balance.multiplies(counts, weights, limits.min_multiply, limits.max_multiply, limits.epoch_size)
    factors = {**found, **by_hand}
    after = balance.epoch_shares(counts, factors)
    total = sum(counts.values())
    is_reg = {folder: folder.parts[:1] != () and folder.parts[0] in reg_folders for folder in factors}
    trained, deviation = whole_repeats(
        {folder: factor for folder, factor in factors.items() if not is_reg[folder]}, counts, limits.max_repeats
    )
    repeats = trained | {folder: 1 for folder in factors if is_reg[folder]}
    leaves = [
        Leaf(folder, counts[folder], factor, repeats[folder], counts[folder] / total, after[folder], is_reg[folder])
        for folder, factor in factors.items()
    ]
    return leaves, deviation


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


def folder_rows(leaves: Sequence[Leaf], weights: balance.Weights) -> list[Row]:
    """Return a row for each folder, those above before those below, which their indentation shows."""
    nodes = sorted(
        {node for leaf in leaves for node in (leaf.folder, *leaf.folder.parents)}, key=lambda node: node.parts
    )
    by_folder = {leaf.folder: leaf for leaf in leaves}
    sums: dict[Folder, list[float]] = {node: [0, 0.0, 0.0] for node in nodes}
    for leaf in leaves:
        for node in (leaf.folder, *leaf.folder.parents):
            for place, value in enumerate((leaf.frames, leaf.before, leaf.after)):
                sums[node][place] += value
    rows = []
    for node in nodes:
        one = by_folder.get(node)
        frames, before, after = sums[node]
        name = "  " * max(0, len(node.parts) - 1) + (node.name or "all")
        weight = f"{balance.weight_of(node, weights):g}" if node.parts else ""
        factors = (f"{one.multiply:g}", "reg" if one.is_reg else str(one.repeats)) if one else ("", "")
        rows.append(Row(name, int(frames), weight, *factors, before, after))
    return rows


def character_rows(leaves: Sequence[Leaf], described: Iterable[tuple[Folder, Metadata]]) -> list[Row]:
    """Return a row for each character: how much of an epoch shows it, before and after."""
    factors = {leaf.folder: leaf.multiply for leaf in leaves}
    frames: Counter[str] = Counter()
    weighed: dict[str, float] = {}
    for folder, known in described:
        for name in {*known.characters} or {"nobody known"}:
            frames[name] += 1
            weighed[name] = weighed.get(name, 0.0) + factors.get(folder, 1.0)
    total = sum(leaf.frames for leaf in leaves) or 1
    epoch = sum(leaf.frames * leaf.multiply for leaf in leaves) or 1.0
    return [
        Row(name, count, "", f"{weighed[name] / count:.3g}", "", count / total, weighed[name] / epoch)
        for name, count in sorted(frames.items(), key=lambda item: (-item[1], item[0]))
    ]


def table(title: str, rows: Sequence[Row]) -> str:
    """Return rows as text: frames, weight, multiply, kohya's repeats, share of an epoch before and after, a bar."""
    longest = max([row.after for row in rows if row.name != "all"], default=1.0) or 1.0
    lines = [f"frames  weight  multiply  repeats  before   after  {title}"]
    for row in rows:
        bar = "" if row.name == "all" else "  " + "#" * round(BAR * row.after / longest)
        shares = f"{row.before:6.1%}  {row.after:6.1%}"
        lines.append(
            f"{row.frames:6d}  {row.weight:>6}  {row.multiply:>8}  {row.repeats:>7}  {shares}  {row.name}{bar}"
        )
    return "\n".join(lines)
