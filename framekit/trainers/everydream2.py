"""What EveryDream2 reads: multiply.txt in each folder of frames."""

import math
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path, PurePosixPath

from framekit.files import names
from framekit.files.names import MULTIPLY
from framekit.trainers.base import FolderBalance, Problem, Text

# Source: the loaders of EveryDream2 and kohya; EveryDream2's settings of a folder stand in text files of these names.
TRAINABLE = (".png", ".jpg", ".jpeg", ".webp", ".bmp")
SETTINGS = ("multiply", "flip_p", "cond_dropout", "loss_scale", "batch_id", "shuffle_tags")


def multiply_texts(root: Path, leaves: Sequence[FolderBalance]) -> list[Text]:
    """Return multiply.txt of each folder: a plain number that EveryDream2 reads as it is."""
    return [
        Text(root / leaf.folder / names.MULTIPLY, multiply_key(leaf.folder), f"{plain(leaf.multiply)}\n")
        for leaf in leaves
    ]


def factor_of(text: str) -> float:
    """Return the factor that a multiply.txt holds. Raises ValueError if it is none, or not above 0."""
    factor = float(text)
    if not 0 < factor < float("inf"):
        raise ValueError(f"{factor} is not above 0")
    return factor


def multiply_key(folder: PurePosixPath) -> str:
    """Return the name under which a folder's factor stands in the record."""
    return f"{folder}/{names.MULTIPLY}"


def plain(number: float) -> str:
    """Return a number without exponent."""
    return str(number) if number >= 0.001 else f"{number:.4f}"


def folder_problems(folder: Path, names: Collection[str], has_images: bool, wanted: Collection[str]) -> list[Problem]:
    """Return the problems in the settings of one folder, and in what kohya keeps there."""
    problems = []
    if "metadata_cache.json" in names and "kohya" in wanted:
        reason = "kohya believes it, and sees no new frames or captions"
        problems.append(Problem(folder / "metadata_cache.json", reason, "delete it"))
    if "everydream2" not in wanted:
        return problems
    for name in sorted(names):
        path = folder / name
        setting = name.lower().removesuffix(".txt").removesuffix(".txt")
        if name.lower().endswith(".txt") and setting in SETTINGS and name != f"{setting}.txt":
            problems.append(Problem(path, "EveryDream2 ignores a setting of this name", f"name it {setting}.txt"))
        elif name in ("local.yaml", "local.yml", "global.yaml", "global.yml"):
            reason = "it overrides or joins the settings and captions of its folder"
            problems.append(Problem(path, reason, "remove it, unless you mean it"))
        elif name == MULTIPLY:
            problems += multiply_problems(path, has_images)
        elif name == "batch_id.txt" and path.read_bytes()[-1:].isspace():
            problems.append(Problem(path, "the line end becomes part of the batch id", "remove it"))
    return problems


def multiply_problems(path: Path, has_images: bool) -> list[Problem]:
    """Return the problems in one multiply.txt."""
    plain = "write one plain number above 0"
    if not has_images:
        return [Problem(path, "it holds for frames directly in its folder only, and there are none", "remove it")]
    try:
        value = float(path.read_text(encoding="utf-8"))
    except (UnicodeDecodeError, ValueError):
        return [Problem(path, "EveryDream2 cannot read it as a number and takes 1", plain)]
    if value == 0:
        return [Problem(path, "EveryDream2 takes 0 for 1", f"{plain}, or begin the folder's name with a dot")]
    if value < 0 or not math.isfinite(value):
        return [Problem(path, f"{value:g} stops EveryDream2", plain)]
    return []


def epoch_problems(root: Path, filled: Mapping[Path, int]) -> list[Problem]:
    """Return the problems of factors that are missing, or too small together."""
    problems, total = [], 0.0
    with_factor = [folder for folder in filled if (folder / names.MULTIPLY).exists()]
    for folder, number in filled.items():
        if folder in with_factor:
            try:
                value = float((folder / names.MULTIPLY).read_text(encoding="utf-8"))
            except ValueError:
                value = 1.0
            total += number * (value if value > 0 and math.isfinite(value) else 1.0)
        else:
            total += number
            if with_factor:
                problems.append(Problem(folder, "it has no multiply.txt, so its frames count once", "prepare it again"))
    if total < 1:
        problems.append(Problem(root, "all factors together make less than one frame an epoch", "raise --min_multiply"))
    return problems
