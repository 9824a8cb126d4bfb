"""PNG files of our own, decoded by ourselves: the same pixels as Pillow's, and everything else left to Pillow."""

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from framekit.errors import UnreadableFrame
from framekit.pixels.decode import read_own_png, read_pixels
from framekit.pixels.encode import encode_png
from tests.conftest import patchwork, plain, save_frame


def own(path: Path, seed: int = 1, width: int = 96, height: int = 54) -> Path:
    path.write_bytes(encode_png(patchwork(seed, width, height)))
    return path


@pytest.mark.parametrize(("width", "height"), [(96, 54), (1, 1), (1, 40), (301, 7)])
def test_own_files_give_the_pixels_that_pillow_gives(tmp_path: Path, width: int, height: int) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)
    (tmp_path / "x.png").write_bytes(encode_png(noise))
    pixels = read_own_png(tmp_path / "x.png")
    assert pixels is not None
    assert np.array_equal(pixels, np.asarray(Image.open(tmp_path / "x.png")))
    assert np.array_equal(pixels, noise)
    assert pixels.flags.writeable


def test_every_other_file_is_left_to_pillow(tmp_path: Path) -> None:
    others = [save_frame(tmp_path / f"x{suffix}", patchwork(1)) for suffix in (".png", ".jpg", ".bmp", ".webp")]
    Image.fromarray(patchwork(1)).convert("RGBA").save(tmp_path / "alpha.png")
    Image.fromarray(patchwork(1)).convert("P").save(tmp_path / "palette.png")
    Image.fromarray(patchwork(1)[..., 0].astype(np.uint16) * 257).save(tmp_path / "deep.png")
    Image.fromarray(patchwork(1)).save(tmp_path / "told.png", pnginfo=None, dpi=(72, 72))
    others += [tmp_path / f"{name}.png" for name in ("alpha", "palette", "deep", "told", "missing")]
    (tmp_path / "folder.png").mkdir()
    assert [read_own_png(path) for path in (*others, tmp_path / "folder.png")] == [None] * 10
    assert np.array_equal(read_pixels(others[0]), patchwork(1))


def test_a_file_cut_anywhere_is_unreadable_and_no_crash(tmp_path: Path) -> None:
    content = own(tmp_path / "x.png").read_bytes()
    for end in range(0, len(content) - 40, 7):
        (tmp_path / "x.png").write_bytes(content[:end])
        assert read_own_png(tmp_path / "x.png") is None
        with pytest.raises(UnreadableFrame):
            read_pixels(tmp_path / "x.png")


@pytest.mark.parametrize("place", [17, 24, 35, 45, 60, -20, -14])
def test_a_changed_byte_is_never_taken(tmp_path: Path, place: int) -> None:
    content = bytearray(own(tmp_path / "x.png").read_bytes())
    content[place] ^= 0x55
    (tmp_path / "x.png").write_bytes(content)
    assert read_own_png(tmp_path / "x.png") is None


def chunk(kind: bytes, held: bytes) -> bytes:
    return struct.pack(">I", len(held)) + kind + held + struct.pack(">I", zlib.crc32(kind + held))


def crafted(rows: bytes, width: int, height: int) -> bytes:
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    ("rows", "width", "height"),
    [
        (b"\x02" + bytes(6) + b"\x01" + bytes(6), 2, 2),  # another filter in the second row
        (b"\x02" + bytes(6), 2, 2),  # a row is missing
        (b"\x02" + bytes(6) + b"\x02" + bytes(7), 2, 2),  # a byte too many
        (bytes(50_000_000), 2, 2),  # a bomb: never inflated beyond what the header says
        (b"\x02", 100_000, 100_000),
    ],
)
def test_what_does_not_fit_its_header_is_left_to_pillow(tmp_path: Path, rows: bytes, width: int, height: int) -> None:
    (tmp_path / "x.png").write_bytes(crafted(rows, width, height))
    assert read_own_png(tmp_path / "x.png") is None


def test_garbage_with_a_right_checksum_is_left_to_pillow(tmp_path: Path) -> None:
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 2, 2, 8, 2, 0, 0, 0))
    (tmp_path / "x.png").write_bytes(b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", b"garbage") + chunk(b"IEND", b""))
    assert read_own_png(tmp_path / "x.png") is None
    with pytest.raises(UnreadableFrame):
        read_pixels(tmp_path / "x.png")


def test_a_plain_frame(tmp_path: Path) -> None:
    (tmp_path / "x.png").write_bytes(encode_png(plain((1, 2, 255))))
    assert np.array_equal(read_pixels(tmp_path / "x.png"), plain((1, 2, 255)))
