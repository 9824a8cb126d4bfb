"""Odd inputs of remove_similar.py: strange pictures, strange names, strange moments; and its other options."""

import json
import os
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import helper
from PIL import Image

import remove_similar
from framekit.dataset import frames
from framekit.dedup import descriptors
from framekit.dedup.descriptors import STORE, read_store
from framekit.pixels import decode
from framekit.pixels.decode import Pixels
from tests.conftest import BLACK, listing, one_sentence, patchwork, plain, save_frame, tree
from tests.helpers_dataset import save_model


def run(folder: Path, *words: str) -> int:
    return remove_similar.main(["--src_dir", str(folder), "--workers", "1", *words])


def removed(folder: Path) -> dict[str, str]:
    """Return why each frame was removed."""
    path = folder / ".removed/manifest.jsonl"
    lines = path.read_text("utf-8").splitlines() if path.exists() else []
    return {record["frame"]: record["reason"] for record in map(json.loads, lines)}


def test_one_frame_stays(tmp_path: Path) -> None:
    save_frame(tmp_path / "a.png", patchwork(1, 160, 90))
    assert run(tmp_path) == 0
    assert removed(tmp_path) == {}


def test_one_hundred_equal_frames_leave_one(tmp_path: Path) -> None:
    content = save_frame(tmp_path / "EP01/x_000.png", patchwork(1, 160, 90)).read_bytes()
    for number in range(1, 100):
        (tmp_path / f"EP01/x_{number:03d}.png").write_bytes(content)
    assert run(tmp_path) == 0
    assert Counter(removed(tmp_path).values()) == {"similar": 99}
    assert (tmp_path / "EP01/x_000.png").exists()


def test_only_black_frames_leave_none_and_say_why(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("a", "b"):
        save_frame(tmp_path / f"EP01/{name}.png", plain(BLACK, 160, 90))
    assert run(tmp_path) == 0
    assert "0 frames kept, 2 flat set aside" in capsys.readouterr().out
    assert run(tmp_path, "--restore") == 0
    assert run(tmp_path, "--no_filters") == 0
    assert removed(tmp_path)["EP01/b.png"] == "similar"


def turned(pixels: Pixels) -> Image.Image:
    """Return a picture that lies on its side, with the EXIF tag that says so."""
    image = Image.fromarray(np.rot90(pixels).copy())
    image.getexif()[0x0112] = 6
    return image


def deep(pixels: Pixels) -> Image.Image:
    grey = pixels.mean(axis=2)
    return Image.fromarray((grey * 257).astype(np.uint16))


KINDS: dict[str, Callable[[Pixels], Image.Image]] = {
    "grey": lambda pixels: Image.fromarray(pixels).convert("L"),
    "palette": lambda pixels: Image.fromarray(pixels).quantize(64),
    "rgba": lambda pixels: Image.fromarray(pixels).convert("RGBA"),
    "one_bit": lambda pixels: Image.fromarray(pixels).convert("1"),
    "16_bit": deep,
    "exif": turned,
    "large": lambda pixels: Image.fromarray(pixels).resize((1600, 900), Image.Resampling.NEAREST),
}


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_of_picture_is_compared_as_it_is_seen(tmp_path: Path, kind: str) -> None:
    pixels = patchwork(1, 160, 90)
    image = KINDS[kind](pixels)
    image.save(tmp_path / "b.png", exif=image.getexif())
    seen = decode.read_pixels(tmp_path / "b.png")
    save_frame(tmp_path / "a.png", seen if kind != "large" else pixels)
    save_frame(tmp_path / "c.png", patchwork(2, 160, 90))
    assert run(tmp_path, "--keep", "first") == 0
    assert removed(tmp_path) == {"b.png": "similar"}


def test_a_frame_turned_by_exif_resembles_the_upright_one(tmp_path: Path) -> None:
    save_frame(tmp_path / "a.png", patchwork(1, 160, 90))
    image = turned(patchwork(1, 160, 90))
    image.save(tmp_path / "b.png", exif=image.getexif())
    assert run(tmp_path, "--keep", "first") == 0
    assert removed(tmp_path) == {"b.png": "similar"}


@pytest.mark.parametrize("size", [(1, 1), (2, 2), (12000, 40), (40, 12000), (3, 500)])
def test_any_size_is_compared(tmp_path: Path, size: tuple[int, int]) -> None:
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        save_frame(tmp_path / f"{name}.png", patchwork(seed, *size))
    assert run(tmp_path, "--no_filters") == 0
    assert removed(tmp_path)["b.png"] == "similar"


def test_small_frames_go_if_asked(tmp_path: Path) -> None:
    save_frame(tmp_path / "a.png", patchwork(1, 160, 90))
    save_frame(tmp_path / "b.png", patchwork(2, 160, 120))
    assert run(tmp_path, "--min_size", "100") == 0
    assert removed(tmp_path) == {"a.png": "small"}


@pytest.mark.parametrize("name", ["山のススメ 第04話 ①", "x" * 220, "a b'c\"d", "-rf", "100%d", "naïve\u0301"])
def test_any_name_travels_there_and_back(tmp_path: Path, name: str) -> None:
    save_frame(tmp_path / "EP01/a.png", patchwork(1, 160, 90))
    save_frame(tmp_path / f"EP02/{name}.png", patchwork(1, 160, 90))
    (tmp_path / f"EP02/{name}.txt").write_text("of it")
    before = tree(tmp_path)
    assert run(tmp_path, "--keep", "first") == 0
    assert list(removed(tmp_path)) == [f"EP02/{name}.png"]
    assert run(tmp_path, "--restore") == 0
    assert tree(tmp_path, hidden=False) == before


@pytest.mark.skipif(sys.platform == "win32", reason="symbolic links need rights there")
def test_links_that_lead_outside_are_not_followed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    outside = tmp_path / "outside"
    save_frame(outside / "b.png", patchwork(1, 160, 90))
    dataset = tmp_path / "dataset"
    save_frame(dataset / "EP01/a.png", patchwork(1, 160, 90))
    (dataset / "EP02").symlink_to(outside, target_is_directory=True)
    before = tree(outside)
    assert run(dataset) == 1
    assert "EP02: it is a link to a folder elsewhere" in capsys.readouterr().err
    assert tree(outside) == before
    assert removed(dataset) == {}


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written_is_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in "ab":
        save_frame(tmp_path / f"EP01/{name}.png", patchwork(1, 160, 90))
    before = tree(tmp_path)
    (tmp_path / "EP01").chmod(0o555)
    try:
        assert run(tmp_path) == 2
        assert str(tmp_path) in one_sentence(capsys.readouterr().err)
    finally:
        (tmp_path / "EP01").chmod(0o755)
    assert tree(tmp_path, hidden=False) == before


def test_a_frame_that_vanishes_is_listed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, seed in (("a", 1), ("b", 2), ("c", 1)):
        save_frame(tmp_path / f"EP01/{name}.png", patchwork(seed, 160, 90))
    find = frames.find_frames

    def vanishing(root: Path, limit: int = 0, unusable: list[tuple[Path, str]] | None = None) -> list[Path]:
        found = find(root, limit, unusable)
        (root / "EP01/b.png").unlink()
        return found

    monkeypatch.setattr(frames, "find_frames", vanishing)
    assert run(tmp_path) == 1
    assert "EP01/b.png" in capsys.readouterr().err
    assert removed(tmp_path) == {"EP01/c.png": "similar"}


def test_a_frame_that_vanishes_before_it_is_moved_is_no_trouble(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, seed in (("a", 1), ("b", 1), ("c", 1), ("d", 2)):
        save_frame(tmp_path / f"EP01/{name}.png", patchwork(seed, 160, 90))
    describe = descriptors.describe_frames

    def vanishing(*words: Any) -> descriptors.DescribedFrames:
        found = describe(*words)
        (tmp_path / "EP01/b.png").unlink()
        return found

    monkeypatch.setattr(descriptors, "describe_frames", vanishing)
    assert run(tmp_path) == 0
    monkeypatch.undo()
    assert run(tmp_path) == 0
    assert [path.name for path in frames.find_frames(tmp_path)] == ["a.png", "d.png"]
    assert run(tmp_path, "--restore") == 0
    assert [path.name for path in frames.find_frames(tmp_path)] == ["a.png", "c.png", "d.png"]


def test_unreadable_frames_are_set_aside_if_asked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    save_frame(tmp_path / "EP01/a.png", patchwork(1, 160, 90))
    broken = save_frame(tmp_path / "EP01/b.png", patchwork(2, 160, 90))
    broken.write_bytes(broken.read_bytes()[:300])
    assert run(tmp_path, "--drop_unreadable") == 1
    assert "EP01/b.png" in capsys.readouterr().err
    assert removed(tmp_path) == {"EP01/b.png": "unreadable"}
    assert run(tmp_path) == 0


def test_several_thresholds_are_compared_and_nothing_is_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, pixels in (("a", patchwork(1, 160, 90)), ("b", patchwork(1, 160, 90) // 8 * 7), ("c", patchwork(2))):
        save_frame(tmp_path / f"EP01/{name}.png", pixels)
    before = tree(tmp_path)
    assert run(tmp_path, "--thresh", "0.9999", "0.985", "--dry_run") == 0
    out = capsys.readouterr().out
    assert "--thresh 0.9999: 3 kept, none removed" in out
    assert "--thresh 0.985: 2 kept, 1 similar" in out
    assert tree(tmp_path) == before


def test_several_thresholds_need_a_dry_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    save_frame(tmp_path / "EP01/a.png", patchwork(1, 160, 90))
    assert run(tmp_path, "--thresh", "0.9", "0.985") == 2
    assert "--dry_run" in one_sentence(capsys.readouterr().err)


def test_only_new_frames_are_decoded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, seed in (("EP01/a", 1), ("EP01/b", 2), ("EP02/a", 3)):
        save_frame(tmp_path / f"{name}.png", patchwork(seed, 160, 90))
    run(tmp_path)
    save_frame(tmp_path / "EP03/a.png", patchwork(2, 160, 90))
    save_frame(tmp_path / "EP02/a.png", patchwork(4, 320, 180))  # another picture now, of another size
    read: list[str] = []
    real = decode.read_pixels

    def reading(path: Path) -> Pixels:
        read.append(path.relative_to(tmp_path).as_posix())
        return real(path)

    monkeypatch.setattr(decode, "read_pixels", reading)
    run(tmp_path)
    assert sorted(read) == ["EP02/a.png", "EP03/a.png"]
    assert removed(tmp_path) == {"EP03/a.png": "similar"}


def test_adding_an_episode_gives_what_a_run_from_scratch_gives(tmp_path: Path) -> None:
    grown, whole = tmp_path / "grown", tmp_path / "whole"
    for episode in (1, 2, 3):
        for number in range(6):
            for dataset in (grown, whole):
                seed = number + 2 * episode
                save_frame(dataset / f"EP{episode:02d}/x_{number}.png", patchwork(seed, 160, 90))
        run(grown)
    run(whole)
    assert tree(grown, hidden=False).keys() == tree(whole, hidden=False).keys()
    assert removed(grown) == removed(whole)
    assert removed(whole)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 torn", b"[]"])
def test_a_damaged_store_is_made_again(tmp_path: Path, content: bytes) -> None:
    for name, seed in (("a", 1), ("b", 1)):
        save_frame(tmp_path / f"EP01/{name}.png", patchwork(seed, 160, 90))
    (tmp_path / "EP01" / STORE).write_bytes(content)
    assert run(tmp_path) == 0
    assert removed(tmp_path) == {"EP01/b.png": "similar"}
    assert sorted(read_store(tmp_path / "EP01")) == ["a.png", "b.png"]


def test_a_store_of_another_shape_is_made_again(tmp_path: Path) -> None:
    save_frame(tmp_path / "EP01/a.png", patchwork(1, 160, 90))
    np.savez(tmp_path / "EP01/.descriptors.npz", names=["a.png"], sizes=[1], vectors=np.ones((1, 3), np.float32))
    assert read_store(tmp_path / "EP01") == {}
    assert run(tmp_path) == 0
    assert list(read_store(tmp_path / "EP01")) == ["a.png"]


def with_edition(store: Path, edition: str | None) -> None:
    """Turn the vectors of a store around, and give it another edition, None for none at all."""
    with np.load(store, allow_pickle=False) as held:
        arrays = {name: held[name] for name in held.files}
    arrays["vectors"] = -arrays["vectors"]
    arrays.pop("edition", None)
    if edition is not None:
        arrays["edition"] = np.array(edition)
    np.savez(store, allow_pickle=False, **arrays)


@pytest.mark.parametrize("edition", [None, "0", "another"])
def test_a_store_of_another_edition_is_made_again_though_its_width_is_the_same(
    tmp_path: Path, edition: str | None
) -> None:
    save_frame(tmp_path / "EP01/a.png", patchwork(1, 160, 90))
    assert run(tmp_path) == 0
    fresh = (tmp_path / "EP01" / STORE).read_bytes()
    with_edition(tmp_path / "EP01" / STORE, edition)
    assert read_store(tmp_path / "EP01") == {}
    assert run(tmp_path) == 0
    assert (tmp_path / "EP01" / STORE).read_bytes() == fresh


def test_a_store_of_this_edition_is_taken_as_it_is(tmp_path: Path) -> None:
    save_frame(tmp_path / "EP01/a.png", patchwork(1, 160, 90))
    assert run(tmp_path) == 0
    with_edition(tmp_path / "EP01" / STORE, descriptors.EDITION)
    stored = (tmp_path / "EP01" / STORE).read_bytes()
    assert run(tmp_path) == 0
    assert (tmp_path / "EP01" / STORE).read_bytes() == stored


@pytest.mark.parametrize("batch", ["n", 1])
def test_an_onnx_model_that_sees_the_mean_colour_only(tmp_path: Path, batch: int | str) -> None:
    # its embedding is the mean of each channel: a mirrored frame is the same to it
    node = helper.make_node("ReduceMean", ["input"], ["output"], axes=[2, 3], keepdims=0)
    model = save_model(tmp_path / "mean.onnx", [batch, 3, 8, 8], [node])
    pixels = patchwork(1, 160, 90)
    reddish = pixels.copy()
    reddish[..., 1:] //= 4
    dataset = tmp_path / "dataset"
    for name, shown in (("a", pixels), ("b", pixels[:, ::-1]), ("c", reddish)):
        save_frame(dataset / f"EP01/{name}.png", np.ascontiguousarray(shown))
    assert run(dataset, "--model", str(model), "--keep", "first") == 0
    assert removed(dataset) == {"EP01/b.png": "similar"}
    stores = [name for name in listing(dataset / "EP01") if name.endswith(".npz")]
    assert len(stores) == 1
    assert stores != [STORE]  # other descriptors never mix with the embedded ones


def test_a_model_that_embeds_no_pictures_is_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = save_model(tmp_path / "flat.onnx", ["n", 7], [helper.make_node("Identity", ["input"], ["output"])])
    save_frame(tmp_path / "dataset/a.png", patchwork(1, 160, 90))
    assert run(tmp_path / "dataset", "--model", str(model)) == 2
    assert "embeds no images" in one_sentence(capsys.readouterr().err)
