"""Traps in images: names that trainers skip or misread, and pixels that stop them or train wrongly."""

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path

from framekit import frames, own_png
from framekit.frame_size import ORIENTATION
from framekit.trainers import SETTINGS, TRAINABLE
from framekit.trap import Trap

# Source: the lists in the loaders. EveryDream2 takes them in any letter case, kohya all-lower or ALL-UPPER only.
EVERYDREAM2 = frozenset(".jpg .jpeg .png .bmp .webp .jfif".split())
KOHYA = frozenset(TRAINABLE)
NOT_FRAMES = re.compile(r"(?:^|[-_ .])(masks?|masklabel|conditioning|thumbs?|thumbnails?)(?:$|[-_ .])", re.IGNORECASE)
EXTREME = 4.0  # aspect ratio from which buckets cut off a large part; Source: EveryDream2's 4:1


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

    if (own := own_png.read_own_png(path)) is not None:
        return Look(own.shape[1], own.shape[0])
    try:
        with Image.open(path) as image:
            image.load()
            transparent = image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info
            if transparent:
                transparent = image.convert("RGBA").getextrema()[3][0] < 255
            width, height = image.size
            return Look(width, height, image.getexif().get(ORIENTATION, 1) not in (0, 1), transparent)
    except (Image.DecompressionBombError, *frames.DECODER_ERRORS) as error:
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
