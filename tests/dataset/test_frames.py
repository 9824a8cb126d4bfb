"""Finding frames and decoding them to pixels, whatever stands in the file."""

import os
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image, features

from framekit.dataset.frames import Unreadable, find_frames, is_frame_name, map_frames
from framekit.errors import UnreadableFrame, UsageError
from framekit.pixels.decode import Pixels, read_pixels, shrink
from framekit.pixels.encode import encode_png
from tests.conftest import BLUE, GREEN, RED, WithoutRights, patchwork, plain, save_frame

A, B, C, D = (10, 20, 30), (200, 0, 0), (0, 200, 0), (0, 0, 200)


def touch(*paths: Path) -> None:
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def names_of(folder: Path, limit: int = 0) -> list[str]:
    return [path.relative_to(folder).as_posix() for path in find_frames(folder, limit)]


def saved(tmp_path: Path, image: Image.Image, name: str = "x.png", **options: Any) -> Path:
    image.save(tmp_path / name, **options)
    return tmp_path / name


def test_frames_come_in_natural_order_folder_by_folder(tmp_path: Path) -> None:
    touch(*(tmp_path / name for name in ("EP10/1.png", "EP2/10.png", "EP2/9.png", "z.png", "EP2/b/1.png")))
    assert names_of(tmp_path) == ["EP2/9.png", "EP2/10.png", "EP2/b/1.png", "EP10/1.png", "z.png"]


def test_order_does_not_depend_on_letter_case(tmp_path: Path) -> None:
    touch(*(tmp_path / name for name in ("b.png", "A.png", "C.png")))
    assert names_of(tmp_path) == ["A.png", "b.png", "C.png"]


def test_hidden_files_and_folders_are_left_out(tmp_path: Path) -> None:
    touch(*(tmp_path / name for name in (".removed/similar/1.png", ".EP01.partial/1.png", "EP01/.2.png", "EP01/1.png")))
    assert names_of(tmp_path) == ["EP01/1.png"]


def test_sidecars_are_no_frames(tmp_path: Path) -> None:
    touch(*(tmp_path / name for name in ("1.png", "1.png.tags", "1.faces.json", "1.txt", "multiply.txt")))
    assert names_of(tmp_path) == ["1.png"]


def test_a_link_to_a_folder_is_not_followed(tmp_path: Path) -> None:
    touch(tmp_path / "other/1.png")
    (tmp_path / "dataset").mkdir()
    (tmp_path / "dataset/loop").symlink_to(tmp_path / "dataset", target_is_directory=True)
    (tmp_path / "dataset/link").symlink_to(tmp_path / "other", target_is_directory=True)
    assert names_of(tmp_path / "dataset") == []


def test_limit_takes_the_first_frames(tmp_path: Path) -> None:
    touch(*(tmp_path / f"{number}.png" for number in range(1, 12)))
    assert names_of(tmp_path, 3) == ["1.png", "2.png", "3.png"]


def test_an_empty_folder_has_no_frames(tmp_path: Path) -> None:
    assert find_frames(tmp_path) == []


@pytest.mark.parametrize("missing", ["nowhere", "file.txt"])
def test_what_is_no_folder_is_refused_with_its_path(tmp_path: Path, missing: str) -> None:
    touch(tmp_path / "file.txt")
    with pytest.raises(UsageError, match=missing):
        find_frames(tmp_path / missing)


def left_out(folder: Path, used: list[str]) -> dict[str, str]:
    """Return what is left out below a folder, each with the reason, after a look at what is used."""
    unusable: list[tuple[Path, str]] = []
    found = find_frames(folder, unusable=unusable)
    assert [path.relative_to(folder).as_posix() for path in found] == used
    assert len({path for path, _ in unusable}) == len(unusable)
    return {path.relative_to(folder).as_posix(): reason for path, reason in unusable}


@pytest.mark.parametrize("other", ["1.jpg", "1.PNG", "1.webp"])
def test_all_frames_with_one_stem_are_left_out_and_the_rest_is_found(tmp_path: Path, other: str) -> None:
    touch(tmp_path / "a/1.png", tmp_path / "a" / other, tmp_path / "a/2.png", tmp_path / "b/1.png")
    touch(tmp_path / "c/x.gif", tmp_path / "c/x.png", tmp_path / "c/x.bmp")
    found = left_out(tmp_path, ["a/2.png", "b/1.png"])
    assert {*[*found][:2]} == {"a/1.png", f"a/{other}"}
    assert [*found][2:] == ["c/x.bmp", "c/x.gif", "c/x.png"]
    assert "1.png" in found[f"a/{other}"] and other in found["a/1.png"]
    assert found["c/x.bmp"] == "x.bmp and x.gif and x.png would share their sidecars; rename all but one of them"


def test_stems_that_differ_in_letter_case_only_are_left_out(tmp_path: Path) -> None:
    touch(tmp_path / "Frame.png", tmp_path / "frame.jpg")
    assert set(left_out(tmp_path, [])) == {"Frame.png", "frame.jpg"}


def test_a_frame_whose_metadata_would_be_the_faces_of_another_is_left_out(tmp_path: Path) -> None:
    touch(tmp_path / "1.png", tmp_path / "1.faces.png")  # 1.faces.json: faces of the first, metadata of the second
    assert "a frame and a sidecar at once" in left_out(tmp_path, ["1.png"])["1.faces.png"]


def test_names_that_are_not_utf8_are_left_out_and_so_are_the_frames_of_such_folders(tmp_path: Path) -> None:
    bad = os.fsdecode(b"\xff")
    touch(tmp_path / "1.png", tmp_path / f"{bad}.png", tmp_path / f"EP{bad}" / "1.png", tmp_path / f"EP{bad}/in/1.png")
    (tmp_path / f"no{bad}").mkdir()  # holds no frame, and so is nobody's business
    found = left_out(tmp_path, ["1.png"])
    assert set(found) == {f"{bad}.png", f"EP{bad}", f"EP{bad}/in"}
    assert all("not UTF-8; rename it" in reason for reason in found.values())


@pytest.mark.parametrize(("length", "is_used"), [(200, True), (227, True), (228, False), (251, False)])
def test_names_without_room_for_those_of_the_sidecars_are_left_out(tmp_path: Path, length: int, is_used: bool) -> None:
    name = "x" * length + ".png"
    touch(tmp_path / name)
    found = left_out(tmp_path, [name] * is_used)
    assert is_used or "too long" in found[name]
    if is_used:
        touch(tmp_path / ("x" * length + "_2.characters.json"), tmp_path / f"{name}.tags")


def test_what_is_no_file_is_left_out(tmp_path: Path) -> None:
    touch(tmp_path / "1.png")
    os.mkfifo(tmp_path / "pipe.png")  # reading it would never end
    (tmp_path / "gone.png").symlink_to("nowhere.png")
    (tmp_path / "round.png").symlink_to("round.png")
    (tmp_path / "empty.png").mkdir()
    touch(tmp_path / "full.png/2.png")
    (tmp_path / "link.png").symlink_to("1.png")
    found = left_out(tmp_path, ["1.png", "full.png/2.png", "link.png"])
    assert {name: reason.partition(";")[0] for name, reason in found.items()} == {
        "pipe.png": "it is no file",
        "gone.png": "it is a link that leads nowhere",
        "round.png": "it is a link that leads nowhere",
        "empty.png": "it is no file",
    }


def test_files_and_folders_that_may_not_be_read_are_left_out(tmp_path: Path, without_rights: WithoutRights) -> None:
    touch(tmp_path / "EP01/1.png", tmp_path / "EP01/2.png", tmp_path / "EP02/1.png")
    without_rights(tmp_path / "EP01/2.png", tmp_path / "EP02")
    found = left_out(tmp_path, ["EP01/1.png"])
    assert set(found) == {"EP01/2.png", "EP02"}
    assert all(reason.endswith("give yourself the right to") for reason in found.values())


def test_without_a_list_what_is_left_out_is_a_warning_of_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    touch(tmp_path / "1.png", tmp_path / os.fsdecode(b"a\n\xff.png"))
    assert names_of(tmp_path) == ["1.png"]
    assert capsys.readouterr().err == f"left out: {tmp_path}/a\\n\\udcff.png: its name is not UTF-8; rename it\n"


def test_one_stem_in_two_folders_is_fine(tmp_path: Path) -> None:
    touch(tmp_path / "EP01/1.png", tmp_path / "EP02/1.png")
    assert names_of(tmp_path) == ["EP01/1.png", "EP02/1.png"]


@pytest.mark.parametrize(
    ("name", "expected"),
    [("a.png", True), ("a.JPG", True), ("a.b.webp", True), ("a.avif", True)]
    + [(".a.png", False), ("a.png.tags", False), ("a", False), ("png", False), ("a.mp4", False)],
)
def test_which_names_are_frames(name: str, expected: bool) -> None:
    assert is_frame_name(name) is expected


def test_pixels_are_rgb_of_height_width_3(tmp_path: Path) -> None:
    pixels = read_pixels(save_frame(tmp_path / "x.png", plain(RED, 5, 3)))
    assert pixels.shape == (3, 5, 3)
    assert pixels.dtype == np.uint8
    assert tuple(pixels[0, 0]) == RED


@pytest.mark.parametrize(
    ("mode", "colour", "expected"),
    [
        ("RGBA", (0, 0, 0, 0), (255, 255, 255)),
        ("RGBA", (255, 0, 0, 255), (255, 0, 0)),
        ("RGBA", (255, 0, 0, 51), (255, 204, 204)),
        ("LA", (0, 0), (255, 255, 255)),
        ("LA", (0, 51), (204, 204, 204)),
        ("L", 7, (7, 7, 7)),
        ("1", 1, (255, 255, 255)),
    ],
)
def test_transparent_parts_lie_over_white(
    tmp_path: Path, mode: str, colour: tuple[int, ...] | int, expected: tuple[int, int, int]
) -> None:
    pixels = read_pixels(saved(tmp_path, Image.new(mode, (4, 4), colour)))
    assert pixels.shape == (4, 4, 3)
    assert np.abs(pixels.astype(int) - expected).max() <= 1


def test_a_palette_with_a_transparent_colour_lies_over_white(tmp_path: Path) -> None:
    image = Image.new("P", (2, 1))
    image.putpalette([*BLUE, *GREEN])
    image.putdata([0, 1])
    assert read_pixels(saved(tmp_path, image, transparency=0)).tolist() == [[[255, 255, 255], list(GREEN)]]


def test_a_palette_with_an_alpha_for_each_colour_lies_over_white(tmp_path: Path) -> None:
    image = Image.new("P", (2, 1))
    image.putpalette([0, 0, 0, *GREEN])
    image.putdata([0, 1])
    pixels = read_pixels(saved(tmp_path, image, transparency=bytes([51, 255])))
    assert np.abs(pixels.astype(int) - [[[204] * 3, GREEN]]).max() <= 1


def test_a_transparent_colour_of_an_rgb_png_lies_over_white(tmp_path: Path) -> None:
    image = Image.fromarray(np.array([[A, B]], np.uint8))
    assert read_pixels(saved(tmp_path, image, transparency=A)).tolist() == [[[255, 255, 255], list(B)]]


def test_16_bit_grey_is_scaled_and_not_clipped(tmp_path: Path) -> None:
    image = Image.fromarray(np.array([[0, 257, 32896, 65535]], np.uint16))
    assert read_pixels(saved(tmp_path, image))[0, :, 0].tolist() == [0, 1, 128, 255]


def test_16_bit_colour_is_reduced_to_8_bit(tmp_path: Path) -> None:
    assert cv2.imwrite(str(tmp_path / "x.png"), np.full((2, 2, 3), (0, 32896, 65535), np.uint16))
    assert read_pixels(tmp_path / "x.png")[0, 0].tolist() == [255, 128, 0]


def test_cmyk_becomes_the_colours_that_are_seen(tmp_path: Path) -> None:
    pixels = read_pixels(saved(tmp_path, Image.new("CMYK", (16, 16), (0, 255, 255, 0)), "x.jpg", quality=95))
    assert pixels.shape == (16, 16, 3)
    assert np.abs(pixels.astype(int) - RED).max() <= 12


@pytest.mark.parametrize(
    ("orientation", "expected"),
    [
        (1, [[A, B], [C, D]]),
        (2, [[B, A], [D, C]]),
        (3, [[D, C], [B, A]]),
        (4, [[C, D], [A, B]]),
        (5, [[A, C], [B, D]]),
        (6, [[C, A], [D, B]]),
        (7, [[D, B], [C, A]]),
        (8, [[B, D], [A, C]]),
    ],
)
def test_exif_orientation_is_applied(tmp_path: Path, orientation: int, expected: list[list[tuple[int, ...]]]) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    image = Image.fromarray(np.array([[A, B], [C, D]], np.uint8))
    assert read_pixels(saved(tmp_path, image, exif=exif)).tolist() == [[list(c) for c in row] for row in expected]


def test_a_rotated_jpeg_is_as_high_as_it_is_shown(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    image = Image.fromarray(np.concatenate([plain(RED, 16, 16), plain(BLUE, 16, 16)], axis=1))
    pixels = read_pixels(saved(tmp_path, image, "x.jpg", exif=exif, quality=95))
    assert pixels.shape == (32, 16, 3)
    assert pixels[4, 8, 0] > 200 > pixels[28, 8, 0]


def test_the_first_frame_of_an_animation_counts(tmp_path: Path) -> None:
    later = Image.fromarray(plain(BLUE))
    path = saved(tmp_path, Image.fromarray(plain(RED)), "x.gif", save_all=True, append_images=[later])
    assert tuple(read_pixels(path)[0, 0]) == RED


@pytest.mark.parametrize("name", ["第05話 ひなた.png", "100% #1 [x].png", "a b" + "c" * 200 + ".png"])
def test_any_file_name_can_be_read(tmp_path: Path, name: str) -> None:
    assert read_pixels(save_frame(tmp_path / name, plain(GREEN))).tolist() == plain(GREEN).tolist()


def cut(content: bytes) -> bytes:
    return content[: len(content) // 2]


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp", ".gif", ".bmp"])
def test_a_truncated_frame_is_unreadable(tmp_path: Path, suffix: str) -> None:
    path = save_frame(tmp_path / f"x{suffix}", np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8))
    path.write_bytes(cut(path.read_bytes()))
    with pytest.raises(UnreadableFrame):
        read_pixels(path)


@pytest.mark.skipif(not features.check("avif"), reason="this Pillow was built without AVIF")
def test_a_damaged_avif_is_unreadable(tmp_path: Path) -> None:
    path = save_frame(tmp_path / "x.avif", patchwork(1))
    content = path.read_bytes()
    assert content.count(b"iloc") == 1
    path.write_bytes(content.replace(b"iloc", b"free"))
    with pytest.raises(UnreadableFrame):
        read_pixels(path)


@pytest.mark.parametrize("content", [b"", b"not a frame", b"\x89PNG\r\n\x1a\n", b"GIF89a", b"\xff\xd8\xff\xe0"])
def test_what_is_no_frame_gives_its_reason_on_one_line(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.png").write_bytes(content)
    with pytest.raises(UnreadableFrame) as caught:
        read_pixels(tmp_path / "x.png")
    assert str(caught.value).strip()
    assert "\n" not in str(caught.value)


def test_a_frame_that_unpacks_to_a_bomb_is_unreadable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = save_frame(tmp_path / "x.png", plain(RED, 20, 20))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    with pytest.raises(UnreadableFrame, match="400 pixels"):
        read_pixels(path)


def test_a_missing_frame_is_unreadable(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFrame, match="No such file"):
        read_pixels(tmp_path / "x.png")


@pytest.mark.parametrize(
    ("width", "height", "side", "expected"),
    [
        (100, 50, 40, (20, 40)),
        (50, 100, 40, (40, 20)),
        (30, 20, 40, (20, 30)),
        (40, 40, 40, (40, 40)),
        (999, 1, 9, (1, 9)),
    ],
)
def test_shrink_limits_the_longer_side(width: int, height: int, side: int, expected: tuple[int, int]) -> None:
    assert shrink(plain(RED, width, height), side).shape[:2] == expected


def test_shrink_averages(tmp_path: Path) -> None:
    pixels = np.array([[[0] * 3, [100] * 3], [[100] * 3, [200] * 3]], np.uint8)
    assert shrink(pixels, 1).tolist() == [[[100, 100, 100]]]


def red_of(pixels: Pixels) -> int:
    return int(pixels[0, 0, 0])


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_mapped_frames_keep_their_order_and_unreadable_ones_their_place(tmp_path: Path, workers: int) -> None:
    paths = [save_frame(tmp_path / f"{number}.png", plain((number, 0, 0))) for number in range(30)]
    paths[7].write_bytes(b"broken")
    results = list(map_frames(red_of, paths, workers))
    assert [path for path, _ in results] == paths
    assert [result for _, result in results if not isinstance(result, Unreadable)] == [*range(7), *range(8, 30)]
    broken = results[7][1]
    assert isinstance(broken, Unreadable)
    assert broken.path == paths[7]
    assert broken.reason


def test_only_a_few_frames_per_worker_are_in_flight(tmp_path: Path) -> None:
    paths = [save_frame(tmp_path / f"{number}.png", plain(RED)) for number in range(40)]
    seen: list[int] = []
    results = map_frames(lambda pixels: seen.append(1), paths, 2)
    next(results)
    assert len(seen) <= 8
    assert len(list(results)) == 39


def test_frames_can_be_mapped_in_processes(tmp_path: Path) -> None:
    paths = [save_frame(tmp_path / f"{number}.png", patchwork(number)) for number in range(3)]
    assert list(map_frames(encode_png, paths, 2, processes=True)) == list(map_frames(encode_png, paths, 1))


def test_a_mistake_of_the_function_is_not_taken_for_a_broken_frame(tmp_path: Path) -> None:
    path = save_frame(tmp_path / "x.png", plain(RED))

    def mistaken(pixels: Pixels) -> int:
        raise ValueError("a bug")

    with pytest.raises(ValueError, match="a bug"):
        list(map_frames(mistaken, [path], 1))
