"""Files and folders that no script can use, through all scripts: each is listed, the rest is done, nothing is lost."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

import arrange_folders
import classify_characters
import detect_faces
import extract_frames
import generate_metadata
import prepare_training
import remove_similar
import tag_images
from tests.conftest import WithoutRights, one_sentence, patchwork, save_frame, tree
from tests.helpers_dataset import MIDDLE, add_faces, add_frame, add_text

NOT_UTF8 = os.fsdecode(b"\xe9.png")
# What is listed of the dataset below, and a word of the reason.
LISTED = {
    "EP01/1.jpg": "share",
    "EP01/1.png": "share",
    "EP01/A.webp": "share",
    "EP01/a.png": "share",
    f"EP01/{NOT_UTF8}": "UTF-8",
    f"EP01/{'x' * 245}.png": "too long",
    "EP01/pipe.png": "no file",
    "EP01/gone.png": "leads nowhere",
    "EP01/secret.png": "right",
    "EP02": "right",
    os.fsdecode(b"EP\xff"): "UTF-8",
}
SIDECARS = {"tags": [], "count": 1, "characters": ["Aoba"]}

Script = Callable[[Path, Path], int]
SCRIPTS: dict[str, Script] = {
    "remove_similar": lambda source, _: remove_similar.main([str(source)]),
    "detect_faces": lambda source, _: detect_faces.main([str(source), "--model", "lbp"]),
    "tag_images": lambda source, _: tag_images.main([str(source), "--model", "measured"]),
    "classify_characters": lambda source, other: classify_characters.main(
        [str(source), "--ref_dir", str(other.parent / "references"), "--model", "colour", "--workers", "1"]
    ),
    "generate_metadata": lambda source, _: generate_metadata.main([str(source)]),
    "arrange_folders": lambda source, other: arrange_folders.main([str(source), "--dst_dir", str(other)]),
    "arrange_folders --move": lambda source, other: arrange_folders.main(
        [str(source), "--dst_dir", str(other), "--move"]
    ),
    "arrange_folders in place": lambda source, _: arrange_folders.main([str(source), "--move"]),
    "prepare_training": lambda source, _: prepare_training.main([str(source)]),
    "prepare_training --dst_dir": lambda source, other: prepare_training.main(
        [str(source), "--dst_dir", str(other), "--trainer", "kohya"]
    ),
}


@pytest.fixture
def dataset(tmp_path: Path, without_rights: WithoutRights) -> Path:
    """Return three good frames, one with a line end in its name, among all that cannot be used."""
    root = tmp_path / "set"
    good = ["EP01/good.png", "EP01/line\nend.png", "EP03/good.png"]
    files = [name for name in LISTED if name.endswith((".png", ".jpg", ".webp"))]
    for number, name in enumerate([*good, *files, "EP02/hidden.png", os.fsdecode(b"EP\xff/1.png")]):
        if name not in ("EP01/pipe.png", "EP01/gone.png"):
            save_frame(root / name, patchwork(number))
    os.mkfifo(root / "EP01/pipe.png")
    (root / "EP01/gone.png").symlink_to("nowhere.png")
    for name in [*good, "EP01/1.png", "EP01/secret.png", "EP02/hidden.png"]:
        add_faces(add_frame(root / name, patchwork(len(name)), **SIDECARS), MIDDLE)
    add_faces(save_frame(tmp_path / "references/Aoba/1.png", patchwork(1)), MIDDLE)
    without_rights(root / "EP01/secret.png", root / "EP02")
    return root


def visible(root: Path) -> dict[str, bytes]:
    """Return the content of what was left out and of its sidecars."""
    left = ("EP01/1.", "EP01/a.", "EP01/A.", "EP01/secret.", "EP02/", "EP01/x", "EP01/\udce9", "EP\udcff")
    return {name: content for name, (content, _) in tree(root, hidden=False).items() if name.startswith(left)}


@pytest.mark.parametrize("script", SCRIPTS)
def test_all_that_cannot_be_used_is_listed_and_the_rest_is_done(
    dataset: Path, tmp_path: Path, script: str, capsys: pytest.CaptureFixture[str]
) -> None:
    before = visible(dataset)
    assert SCRIPTS[script](dataset, tmp_path / "out") == 1
    out, err = capsys.readouterr()
    lines = [line for line in err.splitlines() if line.startswith("unreadable: ")]
    assert len(lines) == len(LISTED)
    for name, word in LISTED.items():
        shown = name.encode(errors="backslashreplace").decode()
        assert any(line.startswith(f"unreadable: {dataset}/{shown}: ") and word in line for line in lines), name
    assert out.splitlines()[-1].endswith(f"{len(LISTED)} unreadable, listed above")
    assert visible(dataset) == before
    assert SCRIPTS[script](dataset, tmp_path / "out") == 1  # again: nothing counts as gone
    assert visible(dataset) == before


@pytest.mark.parametrize("closed", ["set/EP01/1.png.tags", "set/EP01/1.faces.json", "out/EP01/1.faces.json"])
def test_a_sidecar_that_may_not_be_read_keeps_its_frame_alone_where_it_is(
    tmp_path: Path, closed: str, without_rights: WithoutRights, capsys: pytest.CaptureFixture[str]
) -> None:
    for number in (1, 2):
        add_faces(add_frame(tmp_path / f"set/EP01/{number}.png", patchwork(number), **SIDECARS), MIDDLE)
    add_text(tmp_path / "set/EP01/1.png", ".png.tags", "hat\n")
    words = [str(tmp_path / "set"), "--dst_dir", str(tmp_path / "out")]
    if closed.startswith("out"):
        assert arrange_folders.main([*words, "--format", "episode"]) == 0
    sidecar = next((tmp_path / closed.split("/")[0]).rglob(Path(closed).name))
    without_rights(sidecar)
    capsys.readouterr()
    assert arrange_folders.main([*words, "--min_image_per_combination", "1"]) == 1
    out, err = capsys.readouterr()
    frame = sidecar.with_name("1.png")
    assert err == f"unreadable: {frame}: {sidecar.name}: it may not be read; give yourself the right to\n"
    assert "1 frame in 1 folder" in out


def test_shared_stems_mended_are_done_in_the_next_run(dataset: Path, capsys: pytest.CaptureFixture[str]) -> None:
    generate_metadata.main([str(dataset)])
    (dataset / "EP01/1.jpg").rename(dataset / "EP01/7.jpg")
    assert generate_metadata.main([str(dataset)]) == 1
    assert (dataset / "EP01/7.json").exists()
    assert "5 frames described" in capsys.readouterr().out


def test_a_frame_of_the_tree_that_got_a_twin_is_neither_moved_nor_gone(
    dataset: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arranged = tmp_path / "out"
    arrange_folders.main([str(dataset), "--dst_dir", str(arranged)])
    placed = next(arranged.rglob("good.png"))
    save_frame(placed.with_suffix(".jpg"), patchwork(50))
    add_frame(dataset / "EP01/good.png", patchwork(60), tags=[], count=0)
    before = tree(arranged)
    capsys.readouterr()
    assert arrange_folders.main([str(dataset), "--dst_dir", str(arranged)]) == 1
    out, err = capsys.readouterr()
    assert f"unreadable: {placed}: good.jpg and good.png" in err
    assert "by hand" not in out
    assert tree(arranged) == before


def test_flatten_leaves_what_it_cannot_use_where_it_is(dataset: Path, tmp_path: Path) -> None:
    arranged = tmp_path / "out"
    arrange_folders.main([str(dataset), "--dst_dir", str(arranged), "--move"])
    placed = next(arranged.rglob("good.png"))
    save_frame(placed.with_suffix(".jpg"), patchwork(50))
    assert arrange_folders.main([str(arranged), "--flatten", "--dst_dir", str(tmp_path / "flat")]) == 1
    assert placed.exists()
    assert placed.with_suffix(".jpg").exists()
    assert (arranged / ".arranged.jsonl").exists()


def test_captions_of_frames_that_cannot_be_used_for_now_stay_linked(dataset: Path, tmp_path: Path) -> None:
    words = [str(dataset), "--dst_dir", str(tmp_path / "out"), "--trainer", "kohya"]
    prepare_training.main(words)
    linked = tree(tmp_path / "out", hidden=False)
    save_frame(dataset / "EP03/good.jpg", patchwork(70))  # now good.png has a twin
    assert prepare_training.main(words) == 1
    assert {name for name in linked if name.endswith((".png", ".txt"))} <= {*tree(tmp_path / "out", hidden=False)}


@pytest.mark.parametrize(
    "script", ["remove_similar", "detect_faces", "tag_images", "generate_metadata", "arrange_folders"]
)
def test_a_dataset_that_may_not_be_read_is_listed_too(
    tmp_path: Path, script: str, without_rights: WithoutRights, capsys: pytest.CaptureFixture[str]
) -> None:
    save_frame(tmp_path / "set/1.png", patchwork(1))
    without_rights(tmp_path / "set")
    assert SCRIPTS[script](tmp_path / "set", tmp_path / "out") == 1
    assert f"unreadable: {tmp_path}/set: the folder cannot be read" in capsys.readouterr().err


def test_check_lists_what_trainers_cannot_open(dataset: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert prepare_training.main([str(dataset), "--check", "--all"]) == 1
    out = capsys.readouterr().out
    for name in ("pipe.png", "gone.png", "secret.png", "\\udce9.png"):
        assert f"{dataset}/EP01/{name}: no trainer can use it" in out
    assert f"{dataset}/EP02: no trainer can use it" in out


def test_references_that_cannot_be_used_are_listed(
    dataset: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    references = tmp_path / "references"
    for name in ("2.png", "2.jpg"):
        save_frame(references / "Aoba" / name, patchwork(1))
    os.mkfifo(references / "Aoba/pipe.png")
    for _ in range(2):  # the second run finds all done, and lists them too
        assert SCRIPTS["classify_characters"](dataset, tmp_path / "out") == 1
        err = capsys.readouterr().err
        assert err.count(f"unreadable: {references}/Aoba/") == 3
    (references / "Aoba/1.png").unlink()
    assert SCRIPTS["classify_characters"](dataset, tmp_path / "out") == 2
    assert "no reference of Aoba can be used" in capsys.readouterr().err


def test_videos_that_cannot_be_used_are_listed(
    clip: Path, tmp_path: Path, without_rights: WithoutRights, capsys: pytest.CaptureFixture[str]
) -> None:
    videos = tmp_path / "videos"
    for name in ("Show - 01.mp4", "Show - 02.mp4", os.fsdecode(b"\xff - 06.mp4")):
        videos.mkdir(exist_ok=True)
        (videos / name).write_bytes(clip.read_bytes())
    os.mkfifo(videos / "Show - 03.mp4")
    (videos / "Show - 04.mp4").symlink_to("nowhere.mp4")
    (videos / "Show - 07.mp4").mkdir()
    (videos / "Show - 08.mp4").mkdir()
    (videos / "more").mkdir()
    without_rights(videos / "Show - 02.mp4", videos / "Show - 08.mp4", videos / "more")
    assert extract_frames.main([str(videos), "--dst_dir", str(tmp_path / "out")]) == 1
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("unreadable: ")]
    assert len(lines) == 7
    assert sorted(path.name for path in (tmp_path / "out").iterdir() if path.is_dir()) == ["EP01"]


def test_a_dataset_whose_own_name_is_not_utf8_is_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = tmp_path / os.fsdecode(b"set\xff")
    save_frame(root / "1.png", patchwork(1))
    assert generate_metadata.main([str(root)]) == 2
    assert "set\\udcff is not UTF-8; rename that folder or file" in one_sentence(capsys.readouterr().err)


def test_how_long_a_name_may_be_is_said_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for number in range(3):
        add_frame(tmp_path / f"{number}.png", patchwork(number)).rename(tmp_path / f"{number}{'x' * 240}.png")
    assert generate_metadata.main([str(tmp_path)]) == 1
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 4
    assert said[-1] == "names of frames have 231 bytes at most; a Japanese character has three"
    assert not any("231" in line for line in said[:-1])
