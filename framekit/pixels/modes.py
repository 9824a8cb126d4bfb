"""Images of any of Pillow's modes as 8-bit RGB, and formats that Pillow opens with optional packages only."""

from functools import cache
from importlib import import_module
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

WHITE = (255, 255, 255)
ALPHA = ("RGBA", "LA", "PA", "RGBa", "La")
# Suffix -> package that opens it, and the module that tells Pillow so.
PACKAGES = {
    **dict.fromkeys((".heic", ".heif", ".hif"), ("pillow-heif", "pillow_heif")),
    ".jxl": ("pillow-jxl-plugin", "pillow_jxl"),
}


def open_image(path: Path) -> Any:
    """Open an image file with Pillow. Raises what Pillow raises, with the remedy where a package is missing."""
    from PIL import Image, UnidentifiedImageError

    package, module = PACKAGES.get(path.suffix.lower(), ("", ""))
    is_known = not module or register(module)
    try:
        return Image.open(path)
    except UnidentifiedImageError as error:
        if not is_known:
            raise UnidentifiedImageError(f"it needs {package}: pip install {package}, or save it as .png") from error
        if path.suffix.lower() == ".avif" and ".avif" not in Image.registered_extensions():
            raise UnidentifiedImageError("it needs Pillow 11.3 or later: pip install -U pillow") from error
        raise


@cache
def register(module: str) -> bool:
    """Let Pillow open the formats of an optional package; tell whether it is installed."""
    try:
        loaded = import_module(module)
    except ImportError:
        return False
    if module == "pillow_heif":
        loaded.register_heif_opener()
    return True


def has_alpha(image: Any) -> bool:
    """Tell whether parts of an image may be transparent."""
    return image.mode in ALPHA or "transparency" in image.info


def lost_colours(image: Any) -> str:
    """Return the kind of colours of an image that Pillow's own conversion to RGB loses; empty if it keeps them."""
    if image.mode.startswith("I;16"):
        return "16-bit grey"
    return {"I": "32-bit grey", "F": "grey in decimal numbers", "CMYK": "CMYK", "LAB": "L*a*b*"}.get(image.mode, "")


def flatten_image(image: Any) -> Any:
    """Turn a Pillow image of any mode into mode RGB, transparent parts over white."""
    from PIL import Image

    if image.mode.startswith("I") or image.mode == "F":
        return Image.fromarray(scaled_grey(image)).convert("RGB")
    if image.mode in ("CMYK", "LAB"):
        return managed(image)
    if has_alpha(image):
        layer = image.convert("RGBA")
        ground = Image.new("RGBA", layer.size, (*WHITE, 255))
        return Image.alpha_composite(ground, layer).convert("RGB")
    return image if image.mode == "RGB" else image.convert("RGB")


def scaled_grey(image: Any) -> NDArray[np.uint8]:
    """Return grey of more than 8 bits in 8, where Pillow's own conversion clips; its transparent level is white.

    Whole numbers are of 16 bits, unless a TIFF of 32 says otherwise; decimal ones reach up to 1, 255 or 65535.
    """
    values = np.nan_to_num(np.asarray(image).astype(np.float64), posinf=0, neginf=0)
    brightest = float(values.max(initial=0))
    if image.mode == "F":
        most = next((limit for limit in (1.0, 255.0, 65535.0) if brightest <= limit), brightest)
    elif image.mode == "I" and image.format == "TIFF":
        most = next((limit for limit in (255.0, 65535.0) if brightest <= limit), brightest)
    else:
        most = 65535.0
    grey = (values.clip(0, most) * (255 / most) + 1e-9).astype(np.uint8)
    hidden = image.info.get("transparency")
    if isinstance(hidden, int):
        grey[values == hidden] = 255
    return grey


def managed(image: Any) -> Any:
    """Return an image in sRGB by its colour profile; one of CMYK without profile as Pillow converts it."""
    from PIL import ImageCms

    target = ImageCms.createProfile("sRGB")
    held = image.info.get("icc_profile")
    try:
        if held or image.mode == "LAB":
            source = ImageCms.ImageCmsProfile(BytesIO(held)) if held else ImageCms.createProfile("LAB")
            return ImageCms.profileToProfile(image, source, target, outputMode="RGB")
    except (ImageCms.PyCMSError, OSError):
        pass  # a damaged profile says nothing
    return image.convert("RGB")
