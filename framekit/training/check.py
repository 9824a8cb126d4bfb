"""A prepared dataset read as trainers would, and each trap that is in it.

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
from framekit.trainers.base import Trap
from framekit.trainers.diffusers import hf_traps
from framekit.trainers.everydream2 import SETTINGS, TRAINABLE, epoch_traps
from framekit.trainers.kohya import KOHYA_CONFIG, kohya_folder_traps
from framekit.trainers.onetrainer import CONCEPTS, concept_traps

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


def find_traps(root: Path, wanted: Collection[str], resolution: int, workers: int) -> tuple[int, list[Trap]]:
    """Return how many images there are, and the traps for these trainers; each image is decoded once.

    Raises Misuse if there is no such folder.
    """
    if not root.is_dir():
        raise errors.Misuse(f"{root} is not a folder; --src_dir must name the prepared dataset")
    folders = list(visible_folders(root))
    images = [image for found in folders for image in found.images]
    several_lines = kohya.takes_several_lines(root, wanted)
    traps: list[Trap] = []
    for found in folders:
        traps += name_traps(found.folder, found.images, found.names, wanted, root)
        traps += everydream2.folder_traps(found.folder, found.names, bool(found.images), wanted)
        for image in found.images:
            if {*wanted} == {"onetrainer"} and image.stem.endswith("-masklabel"):
                continue
            traps += caption_traps(image, found.names, wanted, several_lines)
    traps += dataset_traps(root, {found.folder: len(found.images) for found in folders}, wanted)
    traps += looked_traps(images, wanted, resolution, workers)
    return len(images), sorted(traps, key=lambda trap: (frames.natural_key(trap.path), trap.reason))


def looked_traps(images: Sequence[Path], wanted: Collection[str], resolution: int, workers: int) -> list[Trap]:
    """Return the traps in what images hold."""
    traps: list[Trap] = []
    with ThreadPoolExecutor(workers) as pool:
        looks = pool.map(look, images)
        for image, seen in zip(images, console.progress(looks, len(images), "frame", "decoding"), strict=True):
            traps += pixel_traps(image, seen, wanted, resolution)
    return traps


def caption_traps(image: Path, names: Collection[str], wanted: Collection[str], several_lines: bool) -> list[Trap]:
    """Return the traps in the caption of one image; `names` are those in its folder.

    `several_lines` says that all these trainers take a caption in each line.
    """
    caption = image.with_name(f"{image.stem}.txt")
    traps = beside(image, names, wanted)
    if caption.name not in names:
        return [*traps, missing(image, names, wanted)]
    content = caption.read_bytes()
    return [
        *traps,
        *(Trap(caption, reason, remedy) for reason, remedy in content_traps(content, wanted, several_lines)),
    ]


def missing(image: Path, names: Collection[str], wanted: Collection[str]) -> Trap:
    """Return the trap of a caption that is not there, or under a name that no trainer reads."""
    for name in (f"{image.name}.txt", f"{image.stem}.TXT", f"{image.stem}.Txt"):
        if name in names:
            return Trap(image.with_name(name), "no trainer reads a caption of this name", f"name it {image.stem}.txt")
    if image.stem.startswith("_") and "everydream2" in wanted:
        reason = "without a caption, a name that begins with _ stops EveryDream2"
    else:
        reason = "it has no caption; trainers take its file name, or none"
    return Trap(image, reason, WRITE_IT)


def beside(image: Path, names: Collection[str], wanted: Collection[str]) -> list[Trap]:
    """Return the traps of captions in other forms, which EveryDream2 merges and puts first."""
    found = [name for suffix in (".caption", ".yaml", ".yml") if (name := image.stem + suffix) in names]
    if "everydream2" not in wanted:
        return []
    reason = f"EveryDream2 merges it with {image.stem}.txt, whose first part is lost"
    return [Trap(image.with_name(name), reason, "remove one of them") for name in found]


def content_traps(content: bytes, wanted: Collection[str], several_lines: bool) -> list[tuple[str, str]]:
    """Return reason and remedy of each trap in the bytes of a caption."""
    if not content:
        return [("an empty file stops kohya, and EveryDream2 takes the file name", WRITE_IT)]
    traps = []
    if content.startswith(BOM):
        traps.append(("its byte order mark becomes part of the first tag", "save it as UTF-8 without BOM"))
        content = content[len(BOM) :]
    try:
        text = content.decode()
    except UnicodeDecodeError:
        return [*traps, ("it is not UTF-8, which stops kohya and is garbage elsewhere", "save it as UTF-8")]
    lines = text.splitlines()
    if not text.strip() or not lines[0].strip():
        return [*traps, ("its first line is blank, so there is no caption", WRITE_IT)]
    if len([line for line in lines if line.strip()]) > 1 and not several_lines:
        traps.append(
            (
                "kohya drops all lines but the first, EveryDream2 puts them into a tag",
                "make it one line, or turn enable_wildcard on",
            )
        )
    for line in lines if several_lines else lines[:1]:
        traps += line_traps(line, wanted)
    return traps


def line_traps(line: str, wanted: Collection[str]) -> list[tuple[str, str]]:
    """Return reason and remedy of each trap in one caption."""
    traps = []
    parts = [part.strip() for part in line.split(",")]
    if not parts[0] and "everydream2" in wanted:
        traps.append(("it begins with a comma, so EveryDream2 takes the file name", "remove the comma"))
    elif "" in parts:
        traps.append(("a doubled or last comma makes an empty tag", "remove the comma"))
    if "everydream2" in wanted and FOR_KOHYA.search(line):
        traps.append(("EveryDream2 trains |||, ;;; and {a|b} as text, they are for kohya", "prepare with --dst_dir"))
    if "everydream2" in wanted and (A_FILE.fullmatch(line.strip()) or is_file(line.strip())):
        traps.append(("EveryDream2 opens a caption that is the path of a file", "write words"))
    return traps


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


def pixel_traps(path: Path, seen: Look, wanted: Collection[str], resolution: int) -> list[Trap]:
    """Return the traps in one decoded image."""
    if seen.error:
        return [Trap(path, f"it cannot be decoded ({seen.error}), which stops the training", "replace or remove it")]
    traps = []
    if seen.is_turned and "kohya" in wanted:
        traps.append(Trap(path, "EXIF turns it, which kohya ignores", "save it upright, as --max_image_size does"))
    if seen.is_transparent:
        reason = "it has transparent parts; trainers show whatever colour lies under them"
        traps.append(Trap(path, reason, "save it on a plain ground"))
    if seen.width * seen.height < resolution * resolution:
        size = f"{seen.width}x{seen.height}"
        traps.append(Trap(path, f"{size} is below {resolution} px and gets enlarged", "replace or remove it"))
    if max(seen.width, seen.height) > EXTREME * min(seen.width, seen.height):
        reason = f"{seen.width}x{seen.height} is too long for a bucket, a large part is cut off"
        traps.append(Trap(path, reason, "crop it"))
    return traps


def name_traps(
    folder: Path, images: Iterable[Path], names: Collection[str], wanted: Collection[str], root: Path
) -> list[Trap]:
    """Return the traps in the names of images, folders and archives."""
    traps: list[Trap] = []
    walks = "everydream2" in wanted or "kohya" in wanted  # OneTrainer takes X-masklabel.png for the mask of X
    stems: dict[str, Path] = {}
    for image in images:
        traps += one_name(image, wanted)
        other = stems.setdefault(image.stem.casefold(), image)
        if other is not image:
            traps.append(Trap(image, f"it shares its caption with {other.name}", "rename one of them"))
        if walks and NOT_FRAMES.search(image.stem):
            traps.append(Trap(image, "it looks like a mask or thumbnail, and is trained", "move it to a dot-folder"))
    if walks and folder != root and NOT_FRAMES.search(folder.name) and stems:
        traps.append(Trap(folder, "its masks or thumbnails are trained", "rename it so that it begins with a dot"))
    for name in names:
        path, suffix = folder / name, Path(name).suffix.lower()
        if suffix == ".zip":
            traps.append(Trap(path, "archives are not unpacked, its frames are not trained", "unpack it"))
        elif suffix in EVERYDREAM2 and path.is_dir():
            traps.append(Trap(path, "a folder of this name stops kohya", "rename it"))
        elif path.is_symlink() and path.is_dir():
            traps.append(Trap(path, "EveryDream2 follows a linked folder, also in circles", "remove the link"))
    return traps


def one_name(image: Path, wanted: Collection[str]) -> list[Trap]:
    """Return the traps in the name of one image."""
    traps = []
    suffix = image.suffix
    blind = [name for name, known in (("everydream2", EVERYDREAM2), ("kohya", KOHYA))
             if name in wanted and suffix.lower() not in known]  # fmt: skip
    if "kohya" in wanted and suffix not in (suffix.lower(), suffix.upper()):
        blind = list(dict.fromkeys([*blind, "kohya"]))
    if blind:
        traps.append(Trap(image, f"{' and '.join(blind)} will not see a {suffix} file", "save it as .png or .jpg"))
    if image.stem.lower() in SETTINGS:
        reason = f"its caption {image.stem}.txt is a setting of EveryDream2 for the whole folder"
        traps.append(Trap(image, reason, "rename it"))
    return traps


def dataset_traps(root: Path, images: Mapping[Path, int], wanted: Collection[str]) -> list[Trap]:
    """Return the traps of the dataset as a whole; `images` says how many each folder holds directly."""
    filled = {folder: number for folder, number in images.items() if number}
    if not filled:
        return [Trap(root, "there are no frames in it", "name the folder that prepare_training.py wrote to")]
    traps = []
    if "everydream2" in wanted:
        traps += epoch_traps(root, filled)
    if "kohya" in wanted:
        if (root / KOHYA_CONFIG).exists():
            traps += kohya.config_traps(root / KOHYA_CONFIG, filled)
        else:
            traps += kohya_folder_traps(root, filled)
    if "onetrainer" in wanted:
        traps += concept_traps(root / CONCEPTS, filled)
    if "diffusers" in wanted:
        traps += hf_traps(root, filled)
    return traps
