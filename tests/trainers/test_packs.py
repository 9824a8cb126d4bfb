"""Parquet and webdataset exports: read by the `datasets` package and by independent readers, and what goes wrong."""

import io
import json
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import prepare_training
from framekit.trainers import packs
from tests.conftest import one_sentence, tree
from tests.helpers_dataset import add_text
from tests.helpers_trainers import CAPTION, FOLDERS, KNOWN, SIDE, add_known, check, export, hard_dataset

FRAMES = sum(range(1, len(FOLDERS) + 1))
KINDS = ["parquet", "webdataset"]


def loaded(root: Path, kind: str, cache: Path) -> list[dict[str, Any]]:
    """Load what was exported with the `datasets` package; return a row for each frame, with the same keys."""
    datasets = pytest.importorskip("datasets")
    datasets.disable_progress_bars()
    if kind == "parquet":
        pytest.importorskip("pyarrow")
        found = datasets.load_dataset("parquet", data_dir=str(root / "data"), cache_dir=str(cache))
        return [dict(row) for row in found["train"]]
    found = datasets.load_dataset("webdataset", data_files=str(root / "train-*.tar"), cache_dir=str(cache))
    ending = next(name for name in found["train"].column_names if name in ("png", "jpg", "webp", "jpeg"))
    return [{"image": row[ending], "text": row["txt"], **row["json"]} for row in found["train"]]


def members(root: Path) -> dict[str, bytes]:
    """Return name and content of what is in all tar files."""
    found: dict[str, bytes] = {}
    for path in sorted(root.glob("train-*.tar")):
        with tarfile.open(path) as tar:
            found |= {f"{path.name}/{one.name}": tar.extractfile(one).read() for one in tar}  # type: ignore[union-attr]
    return found


@pytest.mark.parametrize("kind", KINDS)
def test_frames_captions_and_metadata_are_loaded(kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = export(hard_dataset(tmp_path / "set"), kind)
    rows = loaded(root, kind, tmp_path / "cache")
    assert len(rows) == len({row["file_name"] for row in rows}) == FRAMES
    assert {row["file_name"].rpartition("/")[0] for row in rows} == {row["folder"] for row in rows} == {*FOLDERS}
    for row in rows:
        assert row["image"].size == (SIDE, SIDE)
        assert (row["text"], row["characters"], row["count"], row["rating"]) == (CAPTION, ["Aoba"], 1, "safe")
        assert row["tags"] == KNOWN["tags"]
        assert isinstance(row["multiply"], float)
    assert check(root, kind, capsys) == []


def test_the_tar_files_have_a_caption_and_metadata_after_each_frame(tmp_path: Path) -> None:
    found = members(export(hard_dataset(tmp_path / "set"), "webdataset"))
    keys = [name.rpartition("/")[2].partition(".") for name in found]
    assert [ending for _, _, ending in keys] == ["png", "txt", "json"] * FRAMES
    assert len({key for key, _, _ in keys}) == FRAMES
    names = [json.loads(content)["file_name"] for name, content in found.items() if name.endswith(".json")]
    assert sorted(names) != names  # well mixed


def test_webdataset_itself_reads_them(tmp_path: Path) -> None:
    webdataset = pytest.importorskip("webdataset")
    root = export(hard_dataset(tmp_path / "set"), "webdataset")
    urls = [str(path) for path in root.glob("train-*.tar")]
    rows = list(webdataset.WebDataset(urls, shardshuffle=False).decode("pil").to_tuple("png", "txt", "json"))
    assert len(rows) == FRAMES
    assert {(image.size, text, meta["count"]) for image, text, meta in rows} == {((SIDE, SIDE), CAPTION, 1)}


@pytest.mark.parametrize("kind", KINDS)
def test_frames_that_readers_would_show_otherwise_become_png(kind: str, tmp_path: Path) -> None:
    source = tmp_path / "set"
    images = {
        "deep.png": Image.fromarray(np.full((8, 8), 100 * 257, np.uint16)),
        "print.jpg": Image.new("RGB", (8, 8), (100, 100, 100)).convert("CMYK"),
        "clear.png": Image.new("RGBA", (8, 8), (0, 0, 0, 0)),
        "old.gif": Image.new("RGB", (8, 8), (100, 100, 100)),
        "plain.jpg": Image.new("RGB", (8, 8), (100, 100, 100)),
    }
    for name, image in images.items():
        frame = add_known(source / "f.png")
        frame.with_suffix(".json").rename(source / f"{Path(name).stem}.json")
        frame.unlink()
        image.save(source / name)
    rows = loaded(export(source, kind), kind, tmp_path / "cache")
    shown = {Path(row["file_name"]).name: np.asarray(row["image"].convert("RGB")).mean() for row in rows}
    assert shown == pytest.approx(dict.fromkeys(images, 100) | {"clear.png": 255}, abs=3)


@pytest.mark.parametrize("kind", KINDS)
def test_a_second_run_writes_nothing_and_changes_show(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(packs, "MOST_BYTES", 300)
    source = hard_dataset(tmp_path / "set")
    root = export(source, kind)
    before = tree(root)
    assert len(before) > 3
    export(source, kind)
    assert tree(root) == before
    add_text(source / FOLDERS[0] / "f1_0.png", ".txt", "by hand\n")
    for path in (source / FOLDERS[5]).iterdir():
        path.unlink()
    export(source, kind)
    rows = loaded(root, kind, tmp_path / "cache")
    assert len(rows) == FRAMES - len(FOLDERS)
    assert [row["text"] for row in rows if row["folder"] == FOLDERS[0]] == ["by hand"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_damaged_frame_is_left_out_and_told(kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = tmp_path / "set"
    add_known(source / "x.png")
    broken = add_known(source / "y.png")
    whole = broken.read_bytes()
    broken.write_bytes(whole[:-30])
    words = ["--src_dir", str(source), "--dst_dir", str(tmp_path / "out"), "--trainer", kind]
    assert prepare_training.main(words) == 1
    assert "y.png" in capsys.readouterr().err
    assert len(loaded(tmp_path / "out" / kind, kind, tmp_path / "cache")) == 1
    broken.write_bytes(whole)
    assert prepare_training.main(words) == 0
    assert len(loaded(tmp_path / "out" / kind, kind, tmp_path / "cache2")) == 2


@pytest.mark.parametrize("kind", KINDS)
def test_it_needs_a_folder_of_its_own(kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    add_known(tmp_path / "set" / "x.png")
    before = tree(tmp_path)
    assert prepare_training.main(["--src_dir", str(tmp_path / "set"), "--trainer", kind]) == 2
    assert "--dst_dir" in one_sentence(capsys.readouterr().err)
    assert tree(tmp_path) == before


@pytest.mark.parametrize("kind", KINDS)
def test_each_trap_is_found(
    kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(packs, "MOST_BYTES", 300)
    root = export(hard_dataset(tmp_path / "set"), kind)
    files = list(root.rglob("train-*"))
    files[0].write_bytes(files[0].read_bytes()[:700])
    files[1].rename(files[1].with_name(files[1].name.replace("train-0", "train-9")))
    lines = check(root, kind, capsys)
    for name in ("pack-damaged", "pack-gone", "pack-strange"):
        assert [line for line in lines if f": {name}]" in line], name
    for path in root.rglob("train-*"):
        path.unlink()
    assert [line for line in check(root, kind, capsys) if ": pack-missing]" in line]


def test_a_frame_in_a_tar_file_without_caption_or_pixels_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = export(hard_dataset(tmp_path / "set"), "webdataset")
    (path,) = root.glob("train-*.tar")
    with tarfile.open(path, "w") as tar:
        for name, content in (("a.png", b"none"), ("a.txt", b" "), ("a.json", b"{}")):
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    lines = check(root, "webdataset", capsys)
    for name in ("pack-broken", "pack-no-caption"):
        assert [line for line in lines if f": {name}]" in line], name


def test_without_pyarrow_one_sentence_says_what_to_install(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    add_known(tmp_path / "set" / "x.png")
    monkeypatch.setitem(__import__("sys").modules, "pyarrow.parquet", None)
    words = ["--src_dir", str(tmp_path / "set"), "--dst_dir", str(tmp_path / "out"), "--trainer", "parquet"]
    assert prepare_training.main(words) == 2
    assert "requirements-parquet.txt" in one_sentence(capsys.readouterr().err)
