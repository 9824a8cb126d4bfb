"""The TOML for musubi-tuner, read by the rules of its config_utils.py and datasources.py, and each trap of it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import prepare_training
from framekit.files.atomic import read_toml
from tests.helpers_dataset import add_text
from tests.helpers_trainers import CAPTION, FOLDERS, SIDE, add_known, check, export, hard_dataset, shares

CONFIG = "musubi_dataset.toml"
IMAGES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".avif")


def datasets(root: Path) -> list[dict[str, Any]]:
    """Read the datasets as musubi-tuner does, with what they inherit."""
    config = read_toml(root / CONFIG)
    assert {*config} == {"general", "datasets"}
    listed = [{**config["general"], **one} for one in config["datasets"]]
    assert len({one["cache_directory"] for one in listed}) == len(listed)
    return listed


def items(one: dict[str, Any], folder: str = "image_directory", suffixes: tuple[str, ...] = IMAGES) -> list[str]:
    """Return the caption of each item of a dataset, as often as it is trained."""
    named = (*suffixes, *map(str.upper, suffixes))
    found = [path for path in Path(one[folder]).iterdir() if path.suffix in named and not path.name.startswith(".")]
    texts = [path.with_suffix(one["caption_extension"]).read_text(encoding="utf-8").strip() for path in found]
    assert texts
    return texts * one["num_repeats"] if "num_repeats" in one else texts


def test_all_frames_are_trained_with_their_captions_in_whole_shares(tmp_path: Path, capsys: Any) -> None:
    root = export(hard_dataset(tmp_path / "set"), "musubi")
    listed = datasets(root)
    assert len(listed) == len(FOLDERS)
    assert all((one["resolution"], one["enable_bucket"]) == ([SIDE, SIDE], True) for one in listed)
    trained = [items(one) for one in listed]
    assert {caption for one in trained for caption in one} == {CAPTION}
    assert shares(sorted(map(len, trained))) == pytest.approx([1 / 10, 1 / 10, *[1 / 5] * 4], abs=0.02)
    assert check(root, "musubi", capsys) == []


def test_it_can_share_a_tree_with_others(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = hard_dataset(tmp_path / "set")
    words = ["--src_dir", str(source), "--trainer", "kohya", "musubi", "--resolution", str(SIDE)]
    assert prepare_training.main(words) == 0
    assert f"musubi: --dataset_config {source / CONFIG}" in capsys.readouterr().out
    assert sum(map(len, map(items, datasets(source)))) >= sum(range(1, len(FOLDERS) + 1))
    assert check(source, "musubi", capsys) == []


def add_clip(path: Path, caption: str = CAPTION) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"clip")
    if caption:
        add_text(path, ".txt", caption + "\n")
    return path


@pytest.mark.parametrize("is_own", [True, False])
def test_clips_of_the_dataset_are_listed_as_videos(
    is_own: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = tmp_path / "set"
    add_known(source / "a" / "x.png")
    add_clip(source / "clips" / "run.mp4")
    add_clip(source / ".removed" / "gone.mp4")
    if is_own:
        root = export(source, "musubi")
    else:
        root = source
        assert prepare_training.main(["--src_dir", str(source), "--trainer", "musubi", "--resolution", str(SIDE)]) == 0
    image, video = datasets(root)
    assert items(image) == [CAPTION]
    assert items(video, "video_directory", (".mp4", ".mkv")) == [CAPTION]
    assert video["frame_extraction"] in ("head", "chunk", "slide", "uniform", "full")
    assert all(number % 4 == 1 for number in video["target_frames"])
    assert check(root, "musubi", capsys) == []


def change(old: str, new: str) -> Callable[[str], str]:
    def changed(text: str) -> str:
        assert old in text
        return text.replace(old, new)

    return changed


TRAPS: dict[str, Callable[[str], str]] = {
    "musubi-unreadable": lambda text: text + "\n[",
    "musubi-form": lambda text: text.replace("[[datasets]]", "[datasets]", 1).split("[[datasets]]")[0],
    "musubi-key": change("batch_size = 1", "batch_size = 1\nkeep_tokens = 1"),
    "musubi-value": change("batch_size = 1", "batch_size = 0"),
    "musubi-num_repeats": change("num_repeats = ", "num_repeats = 500"),
    "musubi-no-folder": change("image_directory", "control_directory"),
    "musubi-cache": change(".musubi_cache/b", ".musubi_cache/a"),
    "musubi-captions": change('caption_extension = ".txt"', ""),
    "musubi-no-resolution": change(f"resolution = [{SIDE}, {SIDE}]", ""),
    "musubi-no-buckets": change("enable_bucket = true", "enable_bucket = false"),
    "musubi-target-frames": change("[1, 25]", "[1, 24]"),
    "musubi-clips-unnamed": lambda text: text[: text.rindex("[[datasets]]")],
    "musubi-no-clips": change("/clips", "/a"),
    "musubi-folder-gone": change("/set/a", "/set/nowhere"),
    "musubi-folder-twice": change("/set/a", "/set/b"),
    "musubi-folder-unnamed": change("/set/a", "/set/b"),
}


@pytest.mark.parametrize("name", TRAPS)
def test_each_trap_is_found(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = tmp_path / "set"
    for folder in ("a", "b"):
        add_known(source / folder / "x.png")
    add_clip(source / "clips" / "run.mp4")
    assert prepare_training.main(["--src_dir", str(source), "--trainer", "musubi", "--resolution", str(SIDE)]) == 0
    path = source / CONFIG
    path.write_text(TRAPS[name](path.read_text(encoding="utf-8")), encoding="utf-8")
    assert [line for line in check(source, "musubi", capsys) if f": {name}]" in line]


def test_a_whole_number_of_frames_per_second_and_missing_captions_are_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = tmp_path / "set"
    add_known(source / "a" / "x.png")
    add_clip(source / "clips" / "run.mp4", "")
    assert prepare_training.main(["--src_dir", str(source), "--trainer", "musubi", "--resolution", str(SIDE)]) == 0
    path = source / CONFIG
    path.write_text(path.read_text().replace("# source_fps = 23.976", "source_fps = 24"))
    lines = check(source, "musubi", capsys)
    assert [line for line in lines if "source_fps = 24" in line and "musubi-value" in line]
    assert [line for line in lines if "run.mp4" in line and "musubi-clip-caption" in line]
