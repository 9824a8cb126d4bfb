"""Arranging by links, and with other pixels: no space, no time, and --flatten undoes it exactly."""

import os
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, features

import arrange_folders
from framekit.arrange.resize import fitting_size
from framekit.files import atomic
from framekit.pixels.decode import ORIENTATION, read_pixels
from tests.conftest import one_sentence, plain, tree
from tests.helpers_dataset import add_frame, add_text, correct, frames_in, loaded

KNOWN: dict[str, Any] = {"count": 1, "characters": ["Aoba"], "face_height_ratio": 0.3}

WAYS = ("copy", "hardlink", "symlink")


def add(folder: Path, name: str, **fields: Any) -> Path:
    frame = add_frame(folder / "set" / f"{name}.png", **(KNOWN | fields))
    add_text(frame, ".tags", "hat")
    return frame


def arrange(folder: Path, *options: str) -> int:
    words = ["--src_dir", str(folder / "set"), "--dst_dir", str(folder / "tree"), "--format", "character"]
    return arrange_folders.main([*words, "--min_image_per_combination", "1", *options])


def flatten(folder: Path, *options: str) -> int:
    return arrange_folders.main(["--src_dir", str(folder / "tree"), "--flatten", *options])


def test_a_hard_link_is_another_name_of_the_same_picture_and_its_sidecars_are_copies(tmp_path: Path) -> None:
    frame = add(tmp_path, "EP1/x")
    assert arrange(tmp_path, "--hardlink") == 0
    for name in ("x.png", "x.json", "x.png.tags"):
        placed = tmp_path / "tree" / "Aoba" / name
        assert placed.samefile(frame.with_name(name)) == (name == "x.png")
        assert placed.read_bytes() == frame.with_name(name).read_bytes()


def test_a_symlink_leads_to_the_frame_also_when_both_move(tmp_path: Path) -> None:
    add(tmp_path, "EP1/x")
    assert arrange(tmp_path, "--symlink") == 0
    link = tmp_path / "tree" / "Aoba" / "x.png"
    assert link.is_symlink()
    assert not link.with_name("x.json").is_symlink()
    (tmp_path / "elsewhere").mkdir()
    for name in ("set", "tree"):
        (tmp_path / name).rename(tmp_path / "elsewhere" / name)
    assert read_pixels(tmp_path / "elsewhere" / "tree" / "Aoba" / "x.png").shape == (6, 8, 3)


@pytest.mark.parametrize("way", WAYS)
def test_arranging_again_changes_nothing(tmp_path: Path, way: str, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("EP1/x", "EP2/x", "EP2/y"):
        add(tmp_path, name)
    assert arrange(tmp_path, f"--{way}") == 0
    before = tree(tmp_path)
    assert arrange(tmp_path, f"--{way}") == 0
    assert tree(tmp_path) == before
    assert "(0 new there)" in capsys.readouterr().out


@pytest.mark.parametrize("way", WAYS)
def test_flatten_into_the_dataset_undoes_it_exactly(tmp_path: Path, way: str) -> None:
    for name in ("EP1/x", "EP2/x", "EP2/y"):
        add(tmp_path, name)
    before = tree(tmp_path / "set")
    assert arrange(tmp_path, f"--{way}") == 0
    assert flatten(tmp_path, "--dst_dir", str(tmp_path / "set")) == 0
    after = {name: held for name, held in tree(tmp_path / "set").items() if not name.startswith(".removed")}
    assert after == before
    assert frames_in(tmp_path / "tree") == []
    assert not any(path.is_symlink() for path in (tmp_path / "set").rglob("*"))


@pytest.mark.parametrize("way", WAYS)
def test_flatten_of_the_tree_alone_gives_the_folders_of_the_dataset(tmp_path: Path, way: str) -> None:
    for name in ("EP1/x", "EP2/x", "EP2/y"):
        add(tmp_path, name)
    before = tree(tmp_path / "set")
    assert arrange(tmp_path, f"--{way}") == 0
    assert flatten(tmp_path) == 0
    assert frames_in(tmp_path / "tree") == frames_in(tmp_path / "set")
    assert tree(tmp_path / "set") == before
    for name in frames_in(tmp_path / "tree"):
        assert (tmp_path / "tree" / name).read_bytes() == (tmp_path / "set" / name).read_bytes()


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("where", ["set", "tree"])
def test_a_correction_moves_a_linked_frame(tmp_path: Path, way: str, where: str) -> None:
    frame = add(tmp_path, "EP1/x")
    assert arrange(tmp_path, f"--{way}") == 0
    correct(frame if where == "set" else tmp_path / "tree" / "Aoba" / "x.png", characters=["Hinata"])
    assert arrange(tmp_path, f"--{way}") == 0
    assert frames_in(tmp_path / "tree") == ["Hinata/x.png"]
    assert loaded(tmp_path / "tree" / "Hinata" / "x.png")["characters"] == ["Hinata"]
    assert frames_in(tmp_path / "set") == ["EP1/x.png"]
    assert (tmp_path / "tree" / "Hinata" / "x.png").read_bytes() == frame.read_bytes()


@pytest.mark.parametrize("way", WAYS)
def test_a_link_moved_by_hand_stays_there(tmp_path: Path, way: str) -> None:
    add(tmp_path, "EP1/x")
    assert arrange(tmp_path, f"--{way}") == 0
    (tmp_path / "tree" / "mine").mkdir()
    for path in list((tmp_path / "tree" / "Aoba").iterdir()):
        path.rename(tmp_path / "tree" / "mine" / path.name)
    assert arrange(tmp_path, f"--{way}") == 0
    assert frames_in(tmp_path / "tree") == ["mine/x.png"]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("call", range(1, 10))
def test_a_killed_arrangement_is_completed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: str, call: int
) -> None:
    for name in ("EP1/x", "EP2/x"):
        add(tmp_path, name)
    calls = 0

    def until_killed(name: str) -> Callable[..., Any]:
        real = getattr(os, name)

        def counted(*paths: Any, **options: Any) -> Any:
            nonlocal calls
            calls += 1
            if calls == call:
                raise KeyboardInterrupt
            return real(*paths, **options)

        return counted

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", until_killed("replace"))
        patch.setattr(os, "link", until_killed("link"))
        assert arrange(tmp_path, f"--{way}") in (0, 130)
    assert arrange(tmp_path, f"--{way}") == 0
    assert frames_in(tmp_path / "tree") == ["Aoba/x.png", "Aoba/x_2.png"]
    assert sorted(path.name for path in (tmp_path / "tree" / "Aoba").iterdir() if not path.name.endswith(".tmp")) == [
        "x.json", "x.png", "x.png.tags", "x_2.json", "x_2.png", "x_2.png.tags",
    ]  # fmt: skip
    assert flatten(tmp_path, "--dst_dir", str(tmp_path / "set")) == 0
    assert frames_in(tmp_path / "set") == ["EP1/x.png", "EP2/x.png"]


def test_moving_a_name_onto_another_name_of_the_same_file_keeps_one(tmp_path: Path) -> None:
    first, second = tmp_path / "a.png", tmp_path / "b.png"
    first.write_text("x")
    os.link(first, second)
    atomic.move_whole(first, second)
    assert (first.exists(), second.read_text()) == (False, "x")


def test_moving_a_file_onto_itself_keeps_it(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    path = tmp_path / "a" / "x.png"
    path.write_text("x")
    os.link(path, tmp_path / "other.png")
    (tmp_path / "b").symlink_to(tmp_path / "a", target_is_directory=True)
    atomic.move_whole(path, tmp_path / "b" / "x.png")
    assert path.read_text() == "x"


@pytest.mark.parametrize("options", [["--move", "--copy"], ["--hardlink", "--symlink"]])
def test_two_ways_are_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str], options: list[str]) -> None:
    add(tmp_path, "x")
    assert arrange(tmp_path, *options) == 2
    assert "exclude each other" in one_sentence(capsys.readouterr().err)


def test_frames_with_other_numbers_of_faces_are_left_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for number in range(4):
        add(tmp_path, f"{number}", n_faces=number)
    assert arrange(tmp_path, "--min_face_number", "1", "--max_face_number", "2") == 0
    assert frames_in(tmp_path / "tree") == ["Aoba/1.png", "Aoba/2.png"]
    assert "2 left out for their number of faces" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("size", "edge", "expected"),
    [
        ((1280, 720), "longer", (640, 360)),
        ((720, 1280), "longer", (360, 640)),
        ((1280, 720), "shorter", (1138, 640)),
        ((600, 300), "longer", (600, 300)),
        ((3000, 1), "longer", (640, 1)),
    ],
)
def test_the_edge_that_is_bounded(size: tuple[int, int], edge: str, expected: tuple[int, int]) -> None:
    assert fitting_size(*size, 640, edge) == expected


def save_image(folder: Path, name: str, image: Image.Image, **options: Any) -> Path:
    """Write a frame with metadata; return its path."""
    frame = add_frame(folder / "set" / "y.png", **KNOWN).with_name(name)
    (folder / "set" / "y.png").unlink()
    (folder / "set" / "y.json").rename(frame.with_suffix(".json"))
    image.save(frame, **options)
    return frame


@pytest.mark.parametrize("way", WAYS)
def test_large_frames_become_smaller_and_others_are_linked(tmp_path: Path, way: str) -> None:
    small = add(tmp_path, "small")
    large = add_frame(tmp_path / "set" / "large.png", plain((90, 120, 150), 40, 20), **KNOWN)
    before = tree(tmp_path / "set")
    assert arrange(tmp_path, f"--{way}", "--max_image_size", "16") == 0
    folder = tmp_path / "tree" / "Aoba"
    assert read_pixels(folder / "large.png").shape == (8, 16, 3)
    assert read_pixels(folder / "large.png").mean(axis=(0, 1)).tolist() == [90, 120, 150]
    assert (folder / "small.png").samefile(small) == (way != "copy")
    assert large.stat().st_mtime_ns == (folder / "large.png").stat().st_mtime_ns
    held = tree(tmp_path)
    assert arrange(tmp_path, f"--{way}", "--max_image_size", "16") == 0
    assert tree(tmp_path) == held
    assert arrange(tmp_path, f"--{way}", "--max_image_size", "12") == 0
    assert read_pixels(folder / "large.png").shape == (6, 12, 3)
    assert flatten(tmp_path, "--dst_dir", str(tmp_path / "set")) == 0
    after = {name: one for name, one in tree(tmp_path / "set").items() if not name.startswith(".removed")}
    assert after == before


def test_rewritten_frames_are_upright(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[ORIENTATION] = 6
    save_image(tmp_path, "t.jpg", Image.new("RGB", (8, 6), (200, 10, 10)), exif=exif)
    assert arrange(tmp_path, "--max_image_size", "100") == 0
    with Image.open(tmp_path / "tree" / "Aoba" / "t.jpg") as image:
        assert (image.size, image.getexif().get(ORIENTATION, 1)) == ((6, 8), 1)


def test_rewritten_frames_are_not_transparent(tmp_path: Path) -> None:
    save_image(tmp_path, "t.png", Image.new("RGBA", (8, 6), (200, 10, 10, 0)))
    assert arrange(tmp_path, "--max_image_size", "100") == 0
    with Image.open(tmp_path / "tree" / "Aoba" / "t.png") as image:
        assert image.mode == "RGB"
        assert np.asarray(image).min() == 255


def test_a_frame_that_cannot_be_decoded_is_listed_and_not_placed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    frame = add_frame(tmp_path / "set" / "t.png", plain((1, 2, 3), 40, 20), **KNOWN)
    frame.write_bytes(frame.read_bytes()[:-30])
    for options in ([], ["--max_image_size", "16"]):
        assert arrange(tmp_path, *options) == 1
        assert "t.png: it cannot be decoded: " in capsys.readouterr().err
        assert not (tmp_path / "tree" / "Aoba").exists()


@pytest.mark.parametrize("suffix", ".png .jpg .jpeg .jfif .webp .bmp .gif .tif .tiff .avif .GIF".split())
def test_frames_of_all_formats_become_smaller(suffix: str, tmp_path: Path) -> None:
    if suffix == ".avif" and not features.check("avif"):
        pytest.skip("this Pillow has no AVIF")
    frame = save_image(tmp_path, f"t{suffix}", Image.new("RGB", (40, 20), (200, 40, 90)))
    before = frame.read_bytes()
    assert arrange(tmp_path, "--max_image_size", "16") == 0
    with Image.open(tmp_path / "tree" / "Aoba" / f"t{suffix}") as image, Image.open(frame) as original:
        assert (image.size, image.format) == ((16, 8), original.format)
    shown = read_pixels(tmp_path / "tree" / "Aoba" / f"t{suffix}").mean(axis=(0, 1))
    assert shown == pytest.approx((200, 40, 90), abs=6)
    assert frame.read_bytes() == before
    held = tree(tmp_path / "tree")
    assert arrange(tmp_path, "--max_image_size", "16") == 0
    assert tree(tmp_path / "tree") == held


def test_frames_that_cannot_be_written_here_are_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    if find_spec("pillow_jxl"):
        pytest.skip("pillow-jxl-plugin is installed")
    for name in ("a", "b"):
        frame = add(tmp_path, name)
        frame.rename(frame.with_suffix(".jxl"))
    assert arrange(tmp_path, "--max_image_size", "16") == 0
    assert "2 frames such as" in (said := one_sentence(capsys.readouterr().err))
    assert ".jxl needs pillow-jxl-plugin" in said
    assert (tmp_path / "tree" / "Aoba" / "a.jxl").exists()


def test_grey_of_16_bits_is_written_in_8(tmp_path: Path) -> None:
    save_image(tmp_path, "t.png", Image.fromarray(np.full((6, 8), 100 * 257, np.uint16)))
    assert arrange(tmp_path, "--max_image_size", "100") == 0
    with Image.open(tmp_path / "tree" / "Aoba" / "t.png") as image:
        assert np.asarray(image.convert("RGB")).tolist() == [[[100] * 3] * 8] * 6


def test_moving_with_other_pixels_would_lose_the_originals(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    add(tmp_path, "x")
    assert arrange(tmp_path, "--move", "--max_image_size", "16") == 2
    assert "originals" in one_sentence(capsys.readouterr().err)
    assert frames_in(tmp_path / "set") == ["x.png"]
