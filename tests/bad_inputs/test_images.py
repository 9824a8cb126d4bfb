"""Odd and broken images through every script that decodes them: listed or read, and the neighbours are done."""

import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageCms

import arrange_folders
import detect_faces
import generate_metadata
import prepare_training
import remove_similar
import tag_images
from tests.conftest import patchwork
from tests.helpers_dataset import add_frame, frames_in

NOISE = Image.fromarray(np.random.default_rng(0).integers(0, 255, (32, 48, 3)).astype(np.uint8))


def chunk(kind: bytes, content: bytes, wrong: int = 0) -> bytes:
    """Return a chunk of a PNG file, its checksum off by `wrong`."""
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content) ^ wrong)


def png(width: int, height: int, wrong_head: int = 0, wrong: int = 0) -> bytes:
    """Return a grey PNG of 48x32 px that may claim another size, or have wrong checksums."""
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0), wrong_head)
    body = chunk(b"IDAT", zlib.compress(b"\x00" + bytes(range(48)) + (b"\x00" + bytes(range(48))) * 31), wrong)
    return b"\x89PNG\r\n\x1a\n" + head + body + chunk(b"IEND", b"")


def saved(image: Image.Image, **options: Any) -> Callable[[Path], None]:
    return lambda path: image.save(path, **options)


def cut(image: Image.Image, **options: Any) -> Callable[[Path], None]:
    """Return what writes an image without its end."""

    def write(path: Path) -> None:
        image.save(path, **options)
        path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])

    return write


def written(content: bytes) -> Callable[[Path], Any]:
    return lambda path: path.write_bytes(content)


PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
BROKEN: dict[str, Callable[[Path], Any]] = {
    "truncated.png": cut(NOISE),
    "truncated.jpg": cut(NOISE, quality=95),
    "truncated.webp": cut(NOISE, lossless=True),
    "empty.png": written(b""),
    "text.png": written(b"<html>not found</html>"),
    "head.png": written(png(48, 32)[:20]),
    "checksum.png": written(png(48, 32, wrong_head=1)),
    "huge.png": written(png(60000, 60000)),
    "dangling.png": lambda path: path.symlink_to(path.parent / "nowhere.png"),
}
ODD: dict[str, Callable[[Path], Any]] = {
    "checksum_of_pixels.png": written(png(48, 32, wrong=1)),  # Pillow, and so the trainers, read it
    "jpeg.png": saved(NOISE, format="JPEG"),
    "animated.gif": saved(NOISE.convert("P"), save_all=True, append_images=[Image.new("P", (48, 32))]),
    "cmyk.jpg": saved(NOISE.convert("CMYK")),
    "sixteen.png": saved(Image.fromarray(np.arange(48 * 32, dtype=np.uint16).reshape(32, 48) * 40)),
    "palette.png": saved(NOISE.quantize(16), transparency=0),
    "alpha.png": saved(NOISE.convert("RGBA")),
    "grey_alpha.png": saved(NOISE.convert("LA")),
    "one_bit.png": saved(NOISE.convert("1")),
    "profile.jpg": saved(NOISE, icc_profile=PROFILE),
    "tiny.png": saved(Image.new("RGB", (1, 1))),
    "wide.png": saved(Image.new("RGB", (12000, 40), (90, 60, 30))),
    "upper.PNG": saved(NOISE),
    "tiff.tif": saved(NOISE),
}


def dataset(tmp_path: Path, name: str, make: Callable[[Path], Any]) -> tuple[Path, Path, Path]:
    """Write an odd image between two good ones; return it and these."""
    good = [add_frame(tmp_path / "set" / f"{stem}.png", patchwork(n)) for n, stem in enumerate("az")]
    make(tmp_path / "set" / f"m_{name}")
    return tmp_path / "set" / f"m_{name}", good[0], good[1]


SCRIPTS: dict[str, tuple[Callable[..., int], list[str], str]] = {
    "tag_images": (tag_images.main, ["--model", "measured", "--workers", "1"], ".png.tags"),
    "detect_faces": (detect_faces.main, ["--model", "animeface", "--workers", "1"], ".faces.json"),
}


@pytest.mark.parametrize("script", SCRIPTS)
@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_image_is_listed_and_its_neighbours_are_done(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], script: str, name: str
) -> None:
    bad, *good = dataset(tmp_path, name, BROKEN[name])
    main, words, suffix = SCRIPTS[script]
    assert main(["--src_dir", str(tmp_path / "set"), *words]) == 1
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert line.startswith(f"unreadable: {bad}: ")
    assert [frame.with_name(frame.stem + suffix).exists() for frame in good] == [True, True]


@pytest.mark.parametrize("script", SCRIPTS)
@pytest.mark.parametrize("name", ODD)
def test_an_odd_image_is_read(tmp_path: Path, capsys: pytest.CaptureFixture[str], script: str, name: str) -> None:
    dataset(tmp_path, name, ODD[name])
    main, words, suffix = SCRIPTS[script]
    assert main(["--src_dir", str(tmp_path / "set"), *words]) == 0
    assert capsys.readouterr().err == ""
    assert len([path for path in (tmp_path / "set").iterdir() if path.name.endswith((suffix, ".tags"))]) == 3


@pytest.mark.parametrize("name", [*BROKEN, *ODD])
def test_similar_removal_loses_no_image(tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str) -> None:
    bad, *good = dataset(tmp_path, name, {**BROKEN, **ODD}[name])
    words = ["--src_dir", str(tmp_path / "set"), "--no_filters", "--workers", "1"]
    assert remove_similar.main(words) == (1 if name in BROKEN else 0)
    assert (str(bad) in capsys.readouterr().err) == (name in BROKEN)
    assert all(path.is_symlink() or path.exists() for path in (bad, *good))


@pytest.mark.parametrize("name", [*BROKEN, *ODD])
def test_the_last_steps_place_nothing_that_ends_too_early_and_the_check_finds_what_is_broken(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    bad, *_ = dataset(tmp_path, name, {**BROKEN, **ODD}[name])
    source, tree = str(tmp_path / "set"), str(tmp_path / "tree")
    unusable = int(name in BROKEN)
    assert generate_metadata.main(["--src_dir", source]) == unusable
    arranged = arrange_folders.main(["--src_dir", source, "--dst_dir", tree])
    assert arranged == unusable
    assert len(frames_in(tmp_path / "tree")) >= 2
    assert any((tmp_path / "tree").rglob(bad.name)) != unusable
    capsys.readouterr()
    prepare_training.main(["--src_dir", source])
    capsys.readouterr()
    code = prepare_training.main(["--src_dir", source, "--check", "--all", "--resolution", "16"])
    said = capsys.readouterr().out
    if name in BROKEN:
        assert code == 1
        assert f"{bad}: {'no trainer can use it' if name == 'dangling.png' else 'it cannot be decoded'}" in said
    else:
        assert "cannot be decoded" not in said
