"""The export for SimpleTuner, read by the rules of its local backend and validators, and each trap of its JSON."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import prepare_training
from tests.conftest import one_sentence, tree
from tests.helpers_trainers import CAPTION, FOLDERS, SIDE, add_known, check, export, hard_dataset, shares

BACKENDS = "multidatabackend.json"


def backends(root: Path) -> list[dict[str, Any]]:
    """Read and validate the entries as SimpleTuner does; even in a locale whose encoding is ASCII."""
    entries: list[dict[str, Any]] = json.loads((root / BACKENDS).read_text(encoding="ascii"))
    assert len({entry["id"] for entry in entries}) == len(entries)
    assert [entry["default"] for entry in entries if entry["dataset_type"] == "text_embeds"] == [True]
    return entries


def samples(entry: dict[str, Any]) -> list[tuple[str, str]]:
    """Return path and caption of each sample of an entry, as often as it is drawn."""
    assert entry["crop_aspect"] in ("square", "preserve")
    assert entry["crop_style"] in ("random", "corner", "center", "centre", "face")
    assert entry["resolution_type"] in ("pixel", "area", "pixel_area")
    found = [path for path in Path(entry["instance_data_dir"]).rglob("*.png") if path.is_file()]  # hidden ones too
    captions = [path.with_suffix(".txt").read_text(encoding="utf-8").splitlines()[0] for path in found]
    pairs = list(zip(map(str, found), captions, strict=True))
    return pairs + pairs * int(entry["repeats"])


def test_all_frames_are_drawn_with_their_captions_in_whole_shares(tmp_path: Path, capsys: Any) -> None:
    root = export(hard_dataset(tmp_path / "set"), "simpletuner")
    entries = [entry for entry in backends(root) if entry["dataset_type"] == "image"]
    assert len(entries) == len(FOLDERS)
    assert all((entry["resolution"], entry["minimum_image_size"]) == (SIDE, 0) for entry in entries)
    drawn = [samples(entry) for entry in entries]
    assert {caption for one in drawn for _, caption in one} == {CAPTION}
    assert len({path for one in drawn for path, _ in one}) == sum(range(1, len(FOLDERS) + 1))
    assert shares(sorted(map(len, drawn))) == pytest.approx([1 / 10, 1 / 10, *[1 / 5] * 4], abs=0.02)
    assert check(root, "simpletuner", capsys) == []


def test_caches_lie_beside_the_frames(tmp_path: Path) -> None:
    root = export(hard_dataset(tmp_path / "set"), "simpletuner")
    entries = backends(root)
    caches = [Path(str(entry.get("cache_dir_vae", entry.get("cache_dir")))) for entry in entries]
    assert len({*caches}) == len(entries)
    assert all(cache.is_relative_to(root / "cache") for cache in caches)


def test_regularization_is_told(tmp_path: Path) -> None:
    for folder in ("a", "regularization"):
        add_known(tmp_path / "set" / folder / "x.png")
    *entries, _ = backends(export(tmp_path / "set", "simpletuner"))
    assert [entry.get("is_regularisation_data", False) for entry in entries] == [False, True]


def test_several_captions_are_drawn_from(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    add_known(tmp_path / "set" / "a" / "x.png", tags=["hat", "sky", "tree", "house", "river"])
    options = ("--captions_per_frame", "3", "--shuffle_tags", "--max_tag_number", "3")
    root = export(tmp_path / "set", "simpletuner", *options)
    assert len((root / "frames" / "a" / "x.txt").read_text().splitlines()) > 1
    assert check(root, "simpletuner", capsys) == []


def test_what_was_set_aside_is_not_drawn(tmp_path: Path) -> None:
    gone = add_known(tmp_path / "set" / "x.png")
    add_known(tmp_path / "set" / "y.png")
    export(tmp_path / "set", "simpletuner")
    for path in (gone, gone.with_suffix(".json")):
        path.unlink()
    first, _ = backends(export(tmp_path / "set", "simpletuner"))
    assert [Path(path).name for path, _ in samples(first)] == ["y.png"]


def test_it_needs_a_tree_of_its_own(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    add_known(tmp_path / "set" / "x.png")
    before = tree(tmp_path)
    assert prepare_training.main(["--src_dir", str(tmp_path / "set"), "--trainer", "simpletuner"]) == 2
    assert "--dst_dir" in one_sentence(capsys.readouterr().err)
    assert tree(tmp_path) == before


def first(**values: Any) -> Callable[[list[dict[str, Any]]], Any]:
    return lambda entries: entries[0].update(values)


TRAPS: dict[str, Callable[[list[dict[str, Any]]], Any]] = {
    "simpletuner-id": lambda entries: entries[1].update(id=entries[0]["id"]),
    "simpletuner-text-embeds": lambda entries: entries.pop(),
    "simpletuner-no-folder": lambda entries: entries[0].pop("instance_data_dir"),
    "simpletuner-repeats": first(repeats=-1),
    "simpletuner-captions": first(caption_strategy="filename"),
    "simpletuner-excluded": first(minimum_image_size=SIDE + 1),
    "simpletuner-downsample": first(maximum_image_size=512),
    "simpletuner-crop-aspect": first(crop_aspect="wide"),
    "simpletuner-late": lambda entries: [one.update(start_epoch=3) for one in entries[:-1]],
    "simpletuner-disabled": first(disabled=True),
    "simpletuner-only_instance_prompt": first(only_instance_prompt=True),
    "simpletuner-probability": first(probability=0),
    "simpletuner-resolution": first(resolution=0),
    "simpletuner-all-reg": lambda entries: [one.update(is_regularisation_data=True) for one in entries[:-1]],
    "simpletuner-max_num_samples": first(max_num_samples=1),
    "simpletuner-delete_unwanted_images": first(delete_unwanted_images=True),
    "simpletuner-folder-gone": first(instance_data_dir="/nowhere at all"),
    "simpletuner-folder-twice": lambda entries: entries[0].update(instance_data_dir=entries[1]["instance_data_dir"]),
    "simpletuner-folder-unnamed": lambda entries: entries.pop(0),
}


@pytest.mark.parametrize("name", TRAPS)
def test_each_trap_is_found(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for folder in ("a", "b"):
        add_known(tmp_path / "set" / folder / "x.png")
    root = export(tmp_path / "set", "simpletuner")
    entries = backends(root)
    TRAPS[name](entries)
    (root / BACKENDS).write_text(json.dumps(entries))
    assert [line for line in check(root, "simpletuner", capsys) if f": {name}]" in line]


@pytest.mark.parametrize("values", [{"minimum_aspect_ratio": 1.1}, {"maximum_aspect_ratio": 0.9}])
def test_frames_of_another_shape_than_an_entry_takes_are_told(
    values: dict[str, float], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    add_known(tmp_path / "set" / "a" / "x.png")
    root = export(tmp_path / "set", "simpletuner")
    entries = backends(root)
    entries[0].update(values)
    (root / BACKENDS).write_text(json.dumps(entries))
    assert [line for line in check(root, "simpletuner", capsys) if "1 of a" in line and "excluded]" in line]


def test_the_same_frames_in_two_resolutions_are_none(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    add_known(tmp_path / "set" / "a" / "x.png")
    root = export(tmp_path / "set", "simpletuner")
    entries = backends(root)
    entries.append({**entries[0], "id": "larger", "resolution": 2 * SIDE})
    (root / BACKENDS).write_text(json.dumps(entries))
    assert not [line for line in check(root, "simpletuner", capsys) if "folder-twice" in line]


def test_thousands_of_repeats_are_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    add_known(tmp_path / "set" / "a" / "x.png")
    root = export(tmp_path / "set", "simpletuner")
    entries = backends(root)
    entries[0].update(repeats=5000)
    (root / BACKENDS).write_text(json.dumps(entries))
    assert [line for line in check(root, "simpletuner", capsys) if "repeats = 5000" in line]


@pytest.mark.parametrize("unit", ["pixel", "pixel_area", "area"])
def test_frames_that_are_too_small_for_an_entry_are_counted(
    unit: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    add_known(tmp_path / "set" / "a" / "x.png")
    root = export(tmp_path / "set", "simpletuner")
    entries = backends(root)
    least = {"pixel": (SIDE, SIDE + 1), "pixel_area": (SIDE, SIDE + 1), "area": (SIDE**2 / 1e6, SIDE**2 / 0.9e6)}[unit]
    for size, number in zip(least, (0, 1), strict=True):
        entries[0].update(resolution_type=unit, minimum_image_size=size)
        (root / BACKENDS).write_text(json.dumps(entries))
        assert len([line for line in check(root, "simpletuner", capsys) if "simpletuner-excluded" in line]) == number


def test_a_file_that_is_no_list_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    add_known(tmp_path / "set" / "a" / "x.png")
    root = export(tmp_path / "set", "simpletuner")
    for text in ("{}", "[1]", "["):
        (root / BACKENDS).write_text(text)
        assert [line for line in check(root, "simpletuner", capsys) if "simpletuner-unreadable" in line]
