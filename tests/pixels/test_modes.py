"""Images of all modes become the 8-bit RGB that they mean, and formats that need a package say so."""

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image, ImageCms

from framekit.errors import UnreadableFrame
from framekit.pixels import read_pixels
from framekit.pixels.modes import PACKAGES, lost_colours

RAMP = np.arange(0, 256, dtype=np.uint8).reshape(16, 16)  # what each image below shows, in grey


def save(path: Path, image: Image.Image, **options: Any) -> Path:
    image.save(path, **options)
    return path


GREYS: dict[str, tuple[Any, str]] = {
    "I;16.png": (RAMP.astype(np.uint16) * 257, "16-bit grey"),
    "I;16.tif": (RAMP.astype(np.uint16) * 257, "16-bit grey"),
    "32-bit of 16.tif": (RAMP.astype(np.int32) * 257, "32-bit grey"),
    "32-bit of 8.tif": (RAMP.astype(np.int32), "32-bit grey"),
    "32-bit.tif": (RAMP.astype(np.int32) * 2**22, "32-bit grey"),
    "F to 1.tif": (RAMP.astype(np.float32) / 255, "grey in decimal numbers"),
    "F to 255.tif": (RAMP.astype(np.float32), "grey in decimal numbers"),
    "F to 65535.tif": (RAMP.astype(np.float32) * 257, "grey in decimal numbers"),
    "L.png": (RAMP, ""),
}


@pytest.mark.parametrize("name", GREYS)
def test_grey_of_any_depth_is_scaled(name: str, tmp_path: Path) -> None:
    values, lost = GREYS[name]
    path = save(tmp_path / name, Image.fromarray(values))
    assert np.abs(read_pixels(path).astype(int) - RAMP[..., None]).max() <= 1
    with Image.open(path) as image:
        assert lost_colours(image) == lost


@pytest.mark.parametrize("suffix", [".png", ".tif"])
@pytest.mark.parametrize("channels", [3, 4])
def test_colours_of_16_bits_are_scaled(suffix: str, channels: int, tmp_path: Path) -> None:
    values = np.dstack([RAMP.astype(np.uint16) * 257] * 3 + [np.full_like(RAMP, 255).astype(np.uint16) * 257])
    cv2.imwrite(str(tmp_path / f"x{suffix}"), values[..., :channels])
    assert np.abs(read_pixels(tmp_path / f"x{suffix}").astype(int) - RAMP[..., None]).max() <= 1


def test_a_dark_16_bit_grey_stays_dark(tmp_path: Path) -> None:
    path = save(tmp_path / "x.png", Image.fromarray(np.full((4, 4), 200, np.uint16)))
    assert read_pixels(path).max() == 0


def with_palette() -> Image.Image:
    image = Image.new("P", (2, 1))
    image.putpalette([200, 40, 90, 10, 20, 30])
    image.putpixel((1, 0), 1)
    return image


HIDDEN: dict[str, tuple[Image.Image, dict[str, Any]]] = {
    "RGBA.png": (Image.fromarray(np.array([[[200, 40, 90, 255], [10, 20, 30, 0]]], np.uint8)), {}),
    "P.png": (with_palette(), {"transparency": 1}),
    "P.gif": (with_palette(), {"transparency": 1}),
    "RGB.png": (with_palette().convert("RGB"), {"transparency": (10, 20, 30)}),
}


@pytest.mark.parametrize("name", HIDDEN)
def test_transparent_parts_are_white(name: str, tmp_path: Path) -> None:
    image, options = HIDDEN[name]
    path = save(tmp_path / name, image, **options)
    assert read_pixels(path).tolist() == [[[200, 40, 90], [255, 255, 255]]]


def test_transparent_grey_is_white(tmp_path: Path) -> None:
    path = save(tmp_path / "x.png", Image.fromarray(np.array([[[90, 255], [10, 0]]], np.uint8), "LA"))
    assert read_pixels(path)[0, :, 0].tolist() == [90, 255]
    path = save(tmp_path / "y.png", Image.fromarray(np.array([[90 * 257, 10]], np.uint16)), transparency=10)
    assert read_pixels(path)[0, 0, 0] == 90


@pytest.mark.parametrize("suffix", [".jpg", ".tif"])
def test_cmyk_shows_its_colours(suffix: str, tmp_path: Path) -> None:
    path = save(tmp_path / f"x{suffix}", Image.new("RGB", (16, 16), (200, 40, 90)).convert("CMYK"))
    assert read_pixels(path).mean(axis=(0, 1)) == pytest.approx((200, 40, 90), abs=6)
    with Image.open(path) as image:
        assert lost_colours(image) == "CMYK"


def test_lab_is_converted_by_its_profile(tmp_path: Path) -> None:
    srgb, lab = ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB")
    image = ImageCms.profileToProfile(Image.new("RGB", (4, 4), (200, 40, 90)), srgb, lab, outputMode="LAB")
    assert image is not None
    assert read_pixels(save(tmp_path / "x.tif", image)).mean(axis=(0, 1)) == pytest.approx((200, 40, 90), abs=4)


@pytest.mark.parametrize("suffix", PACKAGES)
def test_a_format_that_needs_a_package_says_which(suffix: str, tmp_path: Path) -> None:
    package, module = PACKAGES[suffix]
    if find_spec(module):
        pytest.skip(f"{package} is installed")
    (tmp_path / f"x{suffix}").write_bytes(b"\0\0\0\x18ftypheic")
    with pytest.raises(UnreadableFrame, match=f"pip install {package}"):
        read_pixels(tmp_path / f"x{suffix}")


@pytest.mark.parametrize("suffix", PACKAGES)
def test_a_format_is_read_where_its_package_is_installed(suffix: str, tmp_path: Path) -> None:
    module = pytest.importorskip(PACKAGES[suffix][1])
    if hasattr(module, "register_heif_opener"):
        module.register_heif_opener()
    path = save(tmp_path / f"x{suffix}", Image.new("RGB", (64, 64), (200, 40, 90)), quality=95)
    assert read_pixels(path).mean(axis=(0, 1)) == pytest.approx((200, 40, 90), abs=4)
