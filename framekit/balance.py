"""How often each folder of a tree is trained, so that folders of one level count alike, or as their weights say."""

import csv
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath

from framekit.stage import Misuse

Weights = Sequence[tuple[str, float]]
"""(folder name or pattern of the whole path, weight), in the order in which they are tried."""

MAX_WEIGHT = 1e6
LEAST_MULTIPLY = 0.0001  # EveryDream2 reads 0 as 1.0
# Sources that stand side by side at the top of a tree. Source: the older generation's default weights.
SOURCE_WEIGHTS: Weights = (("screenshots", 3.0), ("fanart", 2.0), ("regularization", 5.0))


def read_weights(path: Path) -> Weights:
    """Read `name or pattern,weight` lines. Raises Misuse for a line that isn't one."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = [[cell.strip() for cell in row] for row in csv.reader(file) if any(cell.strip() for cell in row)]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise Misuse(
            f"{path} cannot be read as CSV in UTF-8; --weight_csv needs lines such as 1_character,3"
        ) from error
    weights = []
    for row in rows:
        try:
            name, weight = row[0], float(*row[1:])
        except (TypeError, ValueError) as error:
            raise Misuse(
                f"{path}: the line {','.join(row)} should be a folder name or pattern, and a weight"
            ) from error
        if not 1 / MAX_WEIGHT <= weight <= MAX_WEIGHT:
            raise Misuse(f"{path}: the weight of {name} must be above 0, and at most {MAX_WEIGHT:g}")
        weights.append((name, weight))
    return weights


def weight_of(folder: PurePosixPath, weights: Weights) -> float:
    """Return the weight of a folder: by its name, else by the first pattern that fits its path, else its default.

    By default a source at the top has the weight of its kind, and any other folder 1.
    """
    for name, weight in weights:
        if name == folder.name:
            return weight
    default = dict(SOURCE_WEIGHTS).get(str(folder), 1.0)
    return next((weight for pattern, weight in weights if fnmatchcase(str(folder), pattern)), default)


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
    return {folder: factor(weight * scale, max_multiply) for folder, weight in per_frame.items()}


def factor(wanted: float, largest: float) -> float:
    """Return a factor as it is written: two decimals, below 1 four, so that small ones keep their proportion."""
    return max(LEAST_MULTIPLY, min(round(wanted, 2 if wanted >= 1 else 4), largest))


def epoch_shares(
    counts: Mapping[PurePosixPath, int], factors: Mapping[PurePosixPath, float]
) -> dict[PurePosixPath, float]:
    """Return the share of an epoch that each folder really gets with these factors or repeats."""
    total = sum(counts[folder] * factor for folder, factor in factors.items())
    return {folder: counts[folder] * factor / total for folder, factor in factors.items()}
