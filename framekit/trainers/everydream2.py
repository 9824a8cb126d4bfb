"""EveryDream2: multiply.txt in each folder of frames, a caption beside each frame."""

import math
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from framekit.files.atomic import file_text
from framekit.files.names import MULTIPLY, nfc
from framekit.trainers.base import (
    AGAIN,
    CORRECT,
    HALF,
    MANY,
    Folder,
    FolderBalance,
    Kind,
    PreparedTree,
    Problem,
    SeenFolder,
    Severity,
    Text,
    Trainer,
    TrainingTree,
    plain,
)

# Source: EveryDream2's loader of 2025-05, in any letter case.
SUFFIXES = frozenset(".jpg .jpeg .png .bmp .webp .jfif".split())
# Source: the same; a folder's settings stand in text files of these names.
SETTINGS = ("multiply", "flip_p", "cond_dropout", "loss_scale", "batch_id", "shuffle_tags")
LOCAL_SETTINGS = ("local.yaml", "local.yml", "global.yaml", "global.yml")
OTHER_CAPTIONS = (".caption", ".yaml", ".yml")
FOR_KOHYA = re.compile(r"\|\|\||;;;|\{[^{}]*\|[^{}]*\}")
A_FILE = re.compile(r"[^,\n]+\.(?:txt|json|ya?ml|md|toml|cfg|py)")

PLAIN = "write one plain number above 0"
NO_NUMBER = Kind("multiply-no-number", Severity.MISREADS, "EveryDream2 cannot read it as a number and takes 1", PLAIN)
ZERO = Kind(
    "multiply-zero",
    Severity.MISREADS,
    "EveryDream2 takes 0 for 1",
    f"{PLAIN}, or begin the folder's name with a dot",
)
NEGATIVE = Kind("multiply-negative", Severity.STOPS, "a factor below 0 or without end stops EveryDream2", PLAIN)
NO_FRAMES = Kind(
    "multiply-without-frames",
    Severity.LOSES,
    "it applies to frames directly in its folder only, and there are none",
    "remove it",
)
NO_FACTOR = Kind("multiply-missing", Severity.MISREADS, "it has no multiply.txt, so its frames count once", AGAIN)
SMALL_EPOCH = Kind(
    "multiply-small-epoch",
    Severity.LOSES,
    "all factors together make less than one frame an epoch",
    "raise --min_multiply",
)
SETTING_NAME = Kind(
    "setting-name", Severity.LOSES, "EveryDream2 ignores a setting of this name", "give it the name in brackets"
)
OVERRIDES = Kind(
    "setting-overrides",
    Severity.MISREADS,
    "it overrides or joins the settings and captions of its folder",
    "remove it, unless you mean it",
)
BATCH_ID = Kind("batch-id", Severity.MISREADS, "the line end becomes part of the batch id", "remove the line end")
NAMED_LIKE_SETTING = Kind(
    "named-like-setting", Severity.MISREADS, "its caption is a setting of EveryDream2 for the whole folder", "rename it"
)
DROPS_CAPTIONS = Kind(
    "cond-dropout", Severity.MISREADS, "half of the captions of its folder or more are dropped", "write less than 0.5"
)
NO_LOSS = Kind("loss-scale", Severity.LOSES, "its folder is not trained, or trained away from", "write 1, or remove it")
NO_CHANCE = Kind("flip-p", Severity.MISREADS, "a chance lies between 0 and 1", CORRECT)
NO_SETTING = Kind("setting-no-number", Severity.MISREADS, "EveryDream2 cannot read it as a number", CORRECT)
TOO_MANY = Kind("multiply-many", Severity.MISREADS, f"its frames are trained more than {MANY} times an epoch", CORRECT)
UNDERSCORE = Kind(
    "underscore",
    Severity.STOPS,
    "without a caption, a name that begins with _ stops EveryDream2",
    "run prepare_training.py, or write one line",
)
MERGED = Kind(
    "merged-caption",
    Severity.MISREADS,
    "EveryDream2 merges it with the .txt, whose first part is lost",
    "remove one of them",
)
COMMA = Kind(
    "caption-begins-with-comma",
    Severity.MISREADS,
    "it begins with a comma, so EveryDream2 takes the file name",
    "remove the comma",
)
KOHYA_SYNTAX = Kind(
    "kohya-syntax",
    Severity.MISREADS,
    "EveryDream2 trains |||, ;;; and {a|b} as text, they are for kohya",
    "prepare with --dst_dir",
)
FILE_PATH = Kind(
    "caption-is-a-path", Severity.MISREADS, "EveryDream2 opens a caption that is the path of a file", "write words"
)
LINKED = Kind(
    "linked-folder", Severity.MISREADS, "EveryDream2 follows a linked folder, also in circles", "remove the link"
)


def multiply_texts(root: Path, balance: Sequence[FolderBalance]) -> list[Text]:
    """Return multiply.txt of each folder: a plain number that EveryDream2 reads as it is."""
    return [Text(root / one.folder / MULTIPLY, multiply_key(one.folder), f"{plain(one.multiply)}\n") for one in balance]


def multiply_key(folder: Folder) -> str:
    """Return the name under which a folder's factor stands in the record."""
    return nfc(f"{folder}/{MULTIPLY}")


def read_factor(path: Path) -> tuple[float, Kind | None]:
    """Return the factor of a multiply.txt as EveryDream2 takes it, and what it misreads, if anything."""
    try:
        factor = float(file_text(path))
    except (OSError, ValueError):  # bytes that are no UTF-8 too
        return 1.0, NO_NUMBER
    if factor == 0:
        return 1.0, ZERO
    if factor < 0 or not math.isfinite(factor):
        return 1.0, NEGATIVE
    return factor, None


def setting_problem(path: Path) -> Kind | None:
    """Return what is wrong with the number in a setting of a folder, if anything."""
    if path.name == MULTIPLY:
        factor, wrong = read_factor(path)
        return wrong or (TOO_MANY if factor > MANY else None)
    if path.name not in NUMBERS:
        return None
    try:
        number = float(file_text(path))
    except (OSError, ValueError):
        return NO_SETTING
    is_wrong, kind = NUMBERS[path.name]
    return kind if is_wrong(number) else None


def ends_in_space(path: Path) -> bool:
    """Tell whether a file ends in white space; one that may not be read does not."""
    try:
        return file_text(path, "replace")[-1:].isspace()
    except OSError:
        return False


# setting -> when its number is wrong, NaN included, and what follows
NUMBERS: dict[str, tuple[Callable[[float], bool], Kind]] = {
    "cond_dropout.txt": (lambda number: not 0 <= number < HALF, DROPS_CAPTIONS),
    "loss_scale.txt": (lambda number: not 0 < number < math.inf, NO_LOSS),
    "flip_p.txt": (lambda number: not 0 <= number <= 1, NO_CHANCE),
}


def problems(tree: PreparedTree) -> list[Problem]:
    """Return what EveryDream2 misreads in a prepared tree."""
    found = epoch_problems(tree)
    for folder in tree.folders:
        found += [*folder_problems(folder), *image_problems(folder)]
    for image, lines in tree.lines.items():
        found += [Problem(image.with_suffix(".txt"), kind) for line in lines for kind in line_problems(line)]
    return found


def folder_problems(found: SeenFolder) -> Iterator[Problem]:
    """Yield the problems in the settings of one folder, and its links to folders."""
    for name in sorted(found.names):
        path = found.folder / name
        setting = name.lower().removesuffix(".txt").removesuffix(".txt")
        if path.is_symlink() and path.is_dir():
            yield Problem(path, LINKED)
        elif name.lower().endswith(".txt") and setting in SETTINGS and name != f"{setting}.txt":
            yield Problem(path, SETTING_NAME, f"{setting}.txt")
        elif name in LOCAL_SETTINGS:
            yield Problem(path, OVERRIDES)
        elif name == MULTIPLY and not found.images:
            yield Problem(path, NO_FRAMES)
        elif wrong := setting_problem(path):
            yield Problem(path, wrong)
        elif name == "batch_id.txt" and path.is_file() and ends_in_space(path):
            yield Problem(path, BATCH_ID)


def image_problems(found: SeenFolder) -> Iterator[Problem]:
    """Yield the problems in the names of images, and in captions of other forms beside them, which it puts first."""
    for image in found.images:
        if image.stem.lower() in SETTINGS:
            yield Problem(image, NAMED_LIKE_SETTING, f"{image.stem}.txt")
        if image.stem.startswith("_") and f"{image.stem}.txt" not in found.names:
            yield Problem(image, UNDERSCORE)
        for name in (image.stem + suffix for suffix in OTHER_CAPTIONS):
            if name in found.names:
                yield Problem(found.folder / name, MERGED)


def line_problems(line: str) -> Iterator[Kind]:
    """Yield what EveryDream2 misreads in one caption."""
    if line.lstrip().startswith(","):
        yield COMMA
    if FOR_KOHYA.search(line):
        yield KOHYA_SYNTAX
    if A_FILE.fullmatch(line.strip()) or is_file(line.strip()):
        yield FILE_PATH


def is_file(text: str) -> bool:
    """Tell whether a text is the path of an existing file."""
    try:
        return "/" in text and Path(text).is_file()
    except (OSError, ValueError):
        return False


def epoch_problems(tree: PreparedTree) -> list[Problem]:
    """Return the problems of factors that are missing, or too small together."""
    filled = tree.filled
    factors = {folder: read_factor(folder / MULTIPLY)[0] for folder in filled if (folder / MULTIPLY).is_file()}
    found = [Problem(folder, NO_FACTOR) for folder in filled if factors and folder not in factors]
    if filled and sum(number * factors.get(folder, 1.0) for folder, number in filled.items()) < 1:
        found.append(Problem(tree.root, SMALL_EPOCH))
    return found


def texts(tree: TrainingTree) -> list[Text]:
    """Return multiply.txt of each folder, as computed: what a person wrote there instead stays."""
    return multiply_texts(tree.root, tree.computed)


TRAINER = Trainer(
    "everydream2",
    texts=texts,
    problems=problems,
    start=lambda root, settings: f'"data_root": "{root}"',
    sees=lambda suffix: suffix.lower() in SUFFIXES,
    walks=True,
    family="sd15",
)
