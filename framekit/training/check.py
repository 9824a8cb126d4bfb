"""A prepared dataset read as trainers would, and each problem that is in it.

What trainers do was taken from their code, and watched while their loaders ran: EveryDream2 of 2025-05, kohya's
sd-scripts 0.9.1 and 0.10, OneTrainer's and Hugging Face's formats.
"""

import os
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from framekit import console, errors
from framekit.dataset import frames
from framekit.pixels import decode
from framekit.pixels.decode import ORIENTATION
from framekit.trainers import everydream2, kohya
from framekit.trainers.base import Problem
from framekit.trainers.diffusers import hf_problems
from framekit.trainers.everydream2 import SETTINGS, TRAINABLE, epoch_problems
from framekit.trainers.kohya import KOHYA_CONFIG, kohya_folder_problems
from framekit.trainers.onetrainer import CONCEPTS, concept_problems

IMAGES = frames.FRAME_SUFFIXES | {".jxl"}
WRITE_IT = "run prepare_training.py, or write one line"
BOM = b"\xef\xbb\xbf"
FOR_KOHYA = re.compile(r"\|\|\||;;;|\{[^{}]*\|[^{}]*\}")
A_FILE = re.compile(r"[^,\n]+\.(?:txt|json|ya?ml|md|toml|cfg|py)")
# Source: the lists in the loaders. EveryDream2 takes them in any letter case, kohya all-lower or ALL-UPPER only.
EVERYDREAM2 = frozenset(".jpg .jpeg .png .bmp .webp .jfif".split())
KOHYA = frozenset(TRAINABLE)
NOT_FRAMES = re.compile(r"(?:^|[-_ .])(masks?|masklabel|conditioning|thumbs?|thumbnails?)(?:$|[-_ .])", re.IGNORECASE)
EXTREME = 4.0  # aspect ratio from which buckets cut off a large part; Source: EveryDream2's 4:1


@dataclass(frozen=True)
class Found:
    """What lies in a folder that trainers walk: its images, and all its names."""

    folder: Path
    images: tuple[Path, ...]
    names: frozenset[str]


def visible_folders(root: Path) -> Iterator[Found]:
    """Yield each folder that trainers see, in order; hidden ones are skipped by all of them."""
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        seen = sorted(name for name in names if not name.startswith("."))
        images = tuple(Path(folder, name) for name in seen if Path(name).suffix.lower() in IMAGES)
        yield Found(Path(folder), images, frozenset([*seen, *folders]))


def find_problems(root: Path, wanted: Collection[str], resolution: int, workers: int) -> tuple[int, list[Problem]]:
    """Return how many images there are, and the problems for these trainers; each image is decoded once.

    Raises UsageError if there is no such folder.
    """
    if not root.is_dir():
        raise errors.UsageError(f"{root} is not a folder; --src_dir must name the prepared dataset")
    folders = list(visible_folders(root))
    images = [image for found in folders for image in found.images]
    several_lines = kohya.takes_several_lines(root, wanted)
    problems: list[Problem] = []
    for found in folders:
        problems += name_problems(found.folder, found.images, found.names, wanted, root)
        problems += everydream2.folder_problems(found.folder, found.names, bool(found.images), wanted)
        for image in found.images:
            if {*wanted} == {"onetrainer"} and image.stem.endswith("-masklabel"):
                continue
            problems += caption_problems(image, found.names, wanted, several_lines)
    problems += dataset_problems(root, {found.folder: len(found.images) for found in folders}, wanted)
    problems += looked_problems(images, wanted, resolution, workers)
    return len(images), sorted(problems, key=lambda problem: (frames.natural_key(problem.path), problem.reason))


def looked_problems(images: Sequence[Path], wanted: Collection[str], resolution: int, workers: int) -> list[Problem]:
    """Return the problems in what images hold."""
    problems: list[Problem] = []
    with ThreadPoolExecutor(workers) as pool:
        looks = pool.map(look, images)
        for image, seen in zip(images, console.progress(looks, len(images), "frame", "decoding"), strict=True):
            problems += pixel_problems(image, seen, wanted, resolution)
    return problems


def caption_problems(
    image: Path, names: Collection[str], wanted: Collection[str], several_lines: bool
) -> list[Problem]:
    """Return the problems in the caption of one image; `names` are those in its folder.

    `several_lines` says that all these trainers take a caption in each line.
    """
    caption = image.with_name(f"{image.stem}.txt")
    problems = beside(image, names, wanted)
    if caption.name not in names:
        return [*problems, missing(image, names, wanted)]
    content = caption.read_bytes()
    return [
        *problems,
        *(Problem(caption, reason, remedy) for reason, remedy in content_problems(content, wanted, several_lines)),
    ]


def missing(image: Path, names: Collection[str], wanted: Collection[str]) -> Problem:
    """Return the problem of a caption that is not there, or under a name that no trainer reads."""
    for name in (f"{image.name}.txt", f"{image.stem}.TXT", f"{image.stem}.Txt"):
        if name in names:
            return Problem(
                image.with_name(name), "no trainer reads a caption of this name", f"name it {image.stem}.txt"
            )
    if image.stem.startswith("_") and "everydream2" in wanted:
        reason = "without a caption, a name that begins with _ stops EveryDream2"
    else:
        reason = "it has no caption; trainers take its file name, or none"
    return Problem(image, reason, WRITE_IT)


def beside(image: Path, names: Collection[str], wanted: Collection[str]) -> list[Problem]:
    """Return the problems of captions in other forms, which EveryDream2 merges and puts first."""
    found = [name for suffix in (".caption", ".yaml", ".yml") if (name := image.stem + suffix) in names]
    if "everydream2" not in wanted:
        return []
    reason = f"EveryDream2 merges it with {image.stem}.txt, whose first part is lost"
    return [Problem(image.with_name(name), reason, "remove one of them") for name in found]


def content_problems(content: bytes, wanted: Collection[str], several_lines: bool) -> list[tuple[str, str]]:
    """Return reason and remedy of each problem in the bytes of a caption."""
    if not content:
        return [("an empty file stops kohya, and EveryDream2 takes the file name", WRITE_IT)]
    problems = []
    if content.startswith(BOM):
        problems.append(("its byte order mark becomes part of the first tag", "save it as UTF-8 without BOM"))
        content = content[len(BOM) :]
    try:
        text = content.decode()
    except UnicodeDecodeError:
        return [*problems, ("it is not UTF-8, which stops kohya and is garbage elsewhere", "save it as UTF-8")]
    lines = text.splitlines()
    if not text.strip() or not lines[0].strip():
        return [*problems, ("its first line is blank, so there is no caption", WRITE_IT)]
    if len([line for line in lines if line.strip()]) > 1 and not several_lines:
        problems.append(
            (
                "kohya drops all lines but the first, EveryDream2 puts them into a tag",
                "make it one line, or turn enable_wildcard on",
            )
        )
    for line in lines if several_lines else lines[:1]:
        problems += line_problems(line, wanted)
    return problems


def line_problems(line: str, wanted: Collection[str]) -> list[tuple[str, str]]:
    """Return reason and remedy of each problem in one caption."""
    problems = []
    parts = [part.strip() for part in line.split(",")]
    if not parts[0] and "everydream2" in wanted:
        problems.append(("it begins with a comma, so EveryDream2 takes the file name", "remove the comma"))
    elif "" in parts:
        problems.append(("a doubled or last comma makes an empty tag", "remove the comma"))
    if "everydream2" in wanted and FOR_KOHYA.search(line):
        problems.append(("EveryDream2 trains |||, ;;; and {a|b} as text, they are for kohya", "prepare with --dst_dir"))
    if "everydream2" in wanted and (A_FILE.fullmatch(line.strip()) or is_file(line.strip())):
        problems.append(("EveryDream2 opens a caption that is the path of a file", "write words"))
    return problems


def is_file(text: str) -> bool:
    """Tell whether a text is the path of an existing file."""
    try:
        return "/" in text and Path(text).is_file()
    except (OSError, ValueError):
        return False


@dataclass(frozen=True)
class Look:
    """What an image is once decoded: size as shown, whether EXIF turns it and parts are transparent, or the error."""

    width: int = 0
    height: int = 0
    is_turned: bool = False
    is_transparent: bool = False
    error: str = ""


def look(path: Path) -> Look:
    """Decode an image fully and return what it is."""
    from PIL import Image

    if (own := decode.read_own_png(path)) is not None:
        return Look(own.shape[1], own.shape[0])
    try:
        with Image.open(path) as image:
            image.load()
            transparent = image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info
            if transparent:
                transparent = image.convert("RGBA").getextrema()[3][0] < 255
            width, height = image.size
            return Look(width, height, image.getexif().get(ORIENTATION, 1) not in (0, 1), transparent)
    except (Image.DecompressionBombError, *decode.DECODER_ERRORS) as error:
        return Look(error=" ".join(str(error).split()) or type(error).__name__)


def pixel_problems(path: Path, seen: Look, wanted: Collection[str], resolution: int) -> list[Problem]:
    """Return the problems in one decoded image."""
    if seen.error:
        return [Problem(path, f"it cannot be decoded ({seen.error}), which stops the training", "replace or remove it")]
    problems = []
    if seen.is_turned and "kohya" in wanted:
        problems.append(
            Problem(path, "EXIF turns it, which kohya ignores", "save it upright, as --max_image_size does")
        )
    if seen.is_transparent:
        reason = "it has transparent parts; trainers show whatever colour lies under them"
        problems.append(Problem(path, reason, "save it on a plain ground"))
    if seen.width * seen.height < resolution * resolution:
        size = f"{seen.width}x{seen.height}"
        problems.append(Problem(path, f"{size} is below {resolution} px and gets enlarged", "replace or remove it"))
    if max(seen.width, seen.height) > EXTREME * min(seen.width, seen.height):
        reason = f"{seen.width}x{seen.height} is too long for a bucket, a large part is cut off"
        problems.append(Problem(path, reason, "crop it"))
    return problems


def name_problems(
    folder: Path, images: Iterable[Path], names: Collection[str], wanted: Collection[str], root: Path
) -> list[Problem]:
    """Return the problems in the names of images, folders and archives."""
    problems: list[Problem] = []
    walks = "everydream2" in wanted or "kohya" in wanted  # OneTrainer takes X-masklabel.png for the mask of X
    stems: dict[str, Path] = {}
    for image in images:
        problems += one_name(image, wanted)
        other = stems.setdefault(image.stem.casefold(), image)
        if other is not image:
            problems.append(Problem(image, f"it shares its caption with {other.name}", "rename one of them"))
        if walks and NOT_FRAMES.search(image.stem):
            problems.append(
                Problem(image, "it looks like a mask or thumbnail, and is trained", "move it to a dot-folder")
            )
    if walks and folder != root and NOT_FRAMES.search(folder.name) and stems:
        problems.append(
            Problem(folder, "its masks or thumbnails are trained", "rename it so that it begins with a dot")
        )
    for name in names:
        path, suffix = folder / name, Path(name).suffix.lower()
        if suffix == ".zip":
            problems.append(Problem(path, "archives are not unpacked, its frames are not trained", "unpack it"))
        elif suffix in EVERYDREAM2 and path.is_dir():
            problems.append(Problem(path, "a folder of this name stops kohya", "rename it"))
        elif path.is_symlink() and path.is_dir():
            problems.append(Problem(path, "EveryDream2 follows a linked folder, also in circles", "remove the link"))
    return problems


def one_name(image: Path, wanted: Collection[str]) -> list[Problem]:
    """Return the problems in the name of one image."""
    problems = []
    suffix = image.suffix
    blind = [name for name, known in (("everydream2", EVERYDREAM2), ("kohya", KOHYA))
             if name in wanted and suffix.lower() not in known]  # fmt: skip
    if "kohya" in wanted and suffix not in (suffix.lower(), suffix.upper()):
        blind = list(dict.fromkeys([*blind, "kohya"]))
    if blind:
        problems.append(
            Problem(image, f"{' and '.join(blind)} will not see a {suffix} file", "save it as .png or .jpg")
        )
    if image.stem.lower() in SETTINGS:
        reason = f"its caption {image.stem}.txt is a setting of EveryDream2 for the whole folder"
        problems.append(Problem(image, reason, "rename it"))
    return problems


def dataset_problems(root: Path, images: Mapping[Path, int], wanted: Collection[str]) -> list[Problem]:
    """Return the problems of the dataset as a whole; `images` says how many each folder holds directly."""
    filled = {folder: number for folder, number in images.items() if number}
    if not filled:
        return [Problem(root, "there are no frames in it", "name the folder that prepare_training.py wrote to")]
    problems = []
    if "everydream2" in wanted:
        problems += epoch_problems(root, filled)
    if "kohya" in wanted:
        if (root / KOHYA_CONFIG).exists():
            problems += kohya.config_problems(root / KOHYA_CONFIG, filled)
        else:
            problems += kohya_folder_problems(root, filled)
    if "onetrainer" in wanted:
        problems += concept_problems(root / CONCEPTS, filled)
    if "diffusers" in wanted:
        problems += hf_problems(root, filled)
    return problems
