"""A tree is what its dataset is now: what left goes with all its files and comes back; pictures keep their files."""

import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

import arrange_folders
import detect_faces
import extract_frames
import generate_metadata
import prepare_training
import remove_similar
from framekit.dataset import frames, removed
from framekit.files import paths
from tests.conftest import one_sentence, patchwork, save_frame, tree, write_clip
from tests.helpers_dataset import add_frame, add_text, loaded

KNOWN: dict[str, Any] = {"count": 1, "characters": ["Aoba"], "n_faces": 1}
BESIDE = (".txt", ".png.tags", "-masklabel.png", "_0008x0006_sd.npz", ".npz")
WAYS = ("copy", "hardlink", "symlink")


def show(folder: Path, moments: Mapping[str, int], episode: str = "EP01", video: str = "Show 01.mkv") -> None:
    """Write an episode anew: its frames by stem with their moments, the record, and X.json of each."""
    place = folder / "set" / episode
    shutil.rmtree(place, ignore_errors=True)
    known = {stem: {"time": moment / 24, "source_frame": moment, "scene": 1} for stem, moment in moments.items()}
    for stem, moment in moments.items():
        source = {"video": video, "prefix": "s", "episode": episode, **known[stem]}
        add_frame(place / f"{stem}.png", patchwork(moment), **KNOWN, source=source, tags=[f"tag{moment}"])
    record = {"schema": 1, "video": video, "prefix": "s", "episode": episode, "frames": known}
    (place / ".frames.json").write_text(json.dumps(record))


def arrange(folder: Path, *options: str) -> int:
    words = ["--src_dir", str(folder / "set"), "--dst_dir", str(folder / "tree"), "--format", "character"]
    return arrange_folders.main([*words, "--min_image_per_combination", "1", *options])


def add_beside(frame: Path) -> dict[str, bytes]:
    """Write what people and trainers put beside a frame; return it by its ending."""
    for end in BESIDE:
        name = f"{frame.stem}{end}" if not end.startswith(".png") else f"{frame.name}{end[4:]}"
        frame.with_name(name).write_bytes(f"{frame.stem} {end}".encode())
    return beside(frame)


def frames_in(folder: Path) -> list[str]:
    """Return the frames below a folder by their paths; masks are none."""
    return sorted(path.relative_to(folder).as_posix() for path in frames.find_frames(folder))


def beside(frame: Path) -> dict[str, bytes]:
    """Return what lies beside a frame, but for X.json, by its ending."""
    found = [path for path in frame.parent.iterdir() if path.name.startswith(frame.stem) and path != frame]
    return {path.name[len(frame.stem) :]: path.read_bytes() for path in found if path.suffix != ".json"}


def hand_work(frame: Path, text: str = "by hand") -> dict[str, bytes]:
    """Correct a frame in the tree, and put everything beside it that can be there."""
    held = add_beside(frame)
    frame.with_suffix(".txt").write_text(text)
    known = loaded(frame)
    add_text(frame, ".json", json.dumps(known | {"note": text}))
    return held | {".txt": text.encode()}


def placed(folder: Path, name: str) -> Path:
    """Return the frame of this name in the tree."""
    (found,) = [folder / "tree" / one for one in frames_in(folder / "tree") if Path(one).name == name]
    return found


def trash(folder: Path) -> list[str]:
    """Return what is in the trash of the tree."""
    return sorted(name for name in tree(folder / "tree") if name.startswith(".removed/") and "manifest" not in name)


HALF = {f"s_{n}": 12 * (n - 1) for n in range(1, 9)}
WHOLE = {f"s_{n}": 24 * (n - 1) for n in range(1, 5)}


@pytest.mark.parametrize("way", WAYS)
def test_what_left_the_dataset_leaves_the_tree_and_comes_back(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], way: str
) -> None:
    show(tmp_path, {"s_1": 0, "s_2": 12})
    assert arrange(tmp_path, f"--{way}") == 0
    held = hand_work(tmp_path / "tree/Aoba/s_2.png")
    before = tree(tmp_path / "tree", hidden=False)
    for path in (tmp_path / "set/EP01").glob("s_2*"):
        path.rename(tmp_path / path.name)
    capsys.readouterr()
    assert arrange(tmp_path, f"--{way}") == 0
    assert "1 frame in 1 folder (0 new there), 1 set aside in .removed (1 gone), in" in capsys.readouterr().out
    assert frames_in(tmp_path / "tree") == ["Aoba/s_1.png"]
    assert sorted(path.name for path in (tmp_path / "tree/Aoba").iterdir()) == ["s_1.json", "s_1.png"]
    assert beside(tmp_path / "tree/.removed/gone/Aoba/s_2.png") == held
    for path in tmp_path.glob("s_2*"):
        path.rename(tmp_path / "set/EP01" / path.name)
    assert arrange(tmp_path, f"--{way}") == 0
    assert "2 frames in 1 folder (0 new there), 1 back from .removed, in" in capsys.readouterr().out
    after = tree(tmp_path / "tree", hidden=False)
    assert {name: one[0] for name, one in after.items()} == {name: one[0] for name, one in before.items()}
    assert beside(tmp_path / "tree/Aoba/s_2.png") == held
    assert loaded(tmp_path / "tree/Aoba/s_2.png")["note"] == "by hand"
    assert trash(tmp_path) == []
    assert arrange(tmp_path, f"--{way}") == 0
    assert "2 frames in 1 folder (0 new there), in" in capsys.readouterr().out


@pytest.mark.parametrize("way", WAYS)
def test_corrections_follow_their_picture_to_its_new_name_and_back(tmp_path: Path, way: str) -> None:
    show(tmp_path, HALF)
    assert arrange(tmp_path, f"--{way}") == 0
    held = {moment: hand_work(tmp_path / f"tree/Aoba/{stem}.png", f"moment {moment}") for stem, moment in HALF.items()}
    for moments in (WHOLE, HALF, dict(reversed(list(WHOLE.items()))), {"x": 12, "s_1": 24}, HALF):
        show(tmp_path, moments)
        for _ in range(2):
            assert arrange(tmp_path, f"--{way}") == 0
            assert frames_in(tmp_path / "tree") == sorted(f"Aoba/{stem}.png" for stem in moments)
            for stem, moment in moments.items():
                frame = tmp_path / f"tree/Aoba/{stem}.png"
                texts = {end: one for end, one in beside(frame).items() if end != ".txt"}
                assert (frame.with_suffix(".txt").read_text(), loaded(frame)["note"]) == (f"moment {moment}",) * 2
                assert texts.keys() == held[moment].keys() - {".txt"}
                assert set(texts.values()) <= set(held[moment].values())
                assert loaded(frame)["tags"] == [f"tag{moment}"]
                assert frame.read_bytes() == (tmp_path / f"set/EP01/{stem}.png").read_bytes()


def test_frames_that_a_person_exchanged_in_the_dataset_exchange_their_files(tmp_path: Path) -> None:
    for number, name in enumerate("abc"):
        add_frame(tmp_path / f"set/{name}.png", patchwork(number), **KNOWN)
    assert arrange(tmp_path) == 0
    for name in "abc":
        add_text(tmp_path / f"tree/Aoba/{name}.png", ".txt", f"of {name}")
    for old, new in (("a", "x"), ("b", "a"), ("c", "b"), ("x", "c")):
        for end in (".png", ".json"):
            (tmp_path / f"set/{old}{end}").rename(tmp_path / f"set/{new}{end}")
    for _ in range(2):
        assert arrange(tmp_path) == 0
        assert frames_in(tmp_path / "tree") == ["Aoba/a.png", "Aoba/b.png", "Aoba/c.png"]
        told = [(tmp_path / f"tree/Aoba/{name}.txt").read_text() for name in "abc"]
        assert told == ["of b", "of c", "of a"]
        for name in "abc":
            assert (tmp_path / f"tree/Aoba/{name}.png").read_bytes() == (tmp_path / f"set/{name}.png").read_bytes()


def test_another_picture_of_an_old_name_gets_nothing_of_the_old_one(tmp_path: Path) -> None:
    add_frame(tmp_path / "set/a.png", patchwork(1), **KNOWN)
    assert arrange(tmp_path) == 0
    held = hand_work(tmp_path / "tree/Aoba/a.png")
    add_frame(tmp_path / "set/a.png", patchwork(2), **KNOWN)
    assert arrange(tmp_path) == 0
    assert beside(tmp_path / "tree/Aoba/a.png") == {}
    assert "note" not in loaded(tmp_path / "tree/Aoba/a.png")
    assert beside(tmp_path / "tree/.removed/gone/Aoba/a.png") == held


def test_another_video_of_the_same_name_is_another_picture(tmp_path: Path) -> None:
    show(tmp_path, {"s1_1": 24}, video="01.mkv")
    assert arrange(tmp_path) == 0
    hand_work(tmp_path / "tree/Aoba/s1_1.png")
    show(tmp_path, {"s2_1": 24}, video="01.mkv")
    add_frame(tmp_path / "set/EP01/s2_1.png", patchwork(99), **KNOWN)
    assert arrange(tmp_path) == 0
    assert frames_in(tmp_path / "tree") == ["Aoba/s2_1.png"]
    assert beside(tmp_path / "tree/Aoba/s2_1.png") == {}


@pytest.mark.parametrize("way", WAYS)
def test_a_picture_that_was_retouched_keeps_its_files_but_no_caches(tmp_path: Path, way: str) -> None:
    pixels = patchwork(1, 64, 48)
    add_frame(tmp_path / "set/a.png", pixels, **KNOWN)
    show(tmp_path, {"s_1": 24})
    assert arrange(tmp_path, f"--{way}") == 0
    for name in ("a", "s_1"):
        hand_work(tmp_path / f"tree/Aoba/{name}.png")
    pixels = pixels.copy()
    pixels[:6, :6] = 255
    (tmp_path / "set/a.png").unlink()
    add_frame(tmp_path / "set/a.png", pixels)
    (tmp_path / "set/EP01/s_1.png").unlink()
    drawn = patchwork(24).copy()
    drawn[:1, :1] = 255
    add_frame(tmp_path / "set/EP01/s_1.png", drawn)
    assert arrange(tmp_path, f"--{way}") == 0
    for name in ("s_1",) if way == "symlink" else ("a", "s_1"):  # a link alone says nothing of what was there before
        frame = tmp_path / f"tree/Aoba/{name}.png"
        assert frame.with_suffix(".txt").read_text() == "by hand"
        assert frame.read_bytes() == next((tmp_path / "set").rglob(f"{name}.png")).read_bytes()
        if way != "symlink":
            assert set(beside(frame)) == {".txt", ".png.tags", "-masklabel.png"}


def test_frames_in_another_format_keep_their_files(tmp_path: Path) -> None:
    show(tmp_path, {"s_1": 0, "s_2": 48})
    assert arrange(tmp_path) == 0
    hand_work(tmp_path / "tree/Aoba/s_2.png")
    for stem, moment in (("s_1", 0), ("s_2", 48)):
        (tmp_path / f"set/EP01/{stem}.png").unlink()
        save_frame(tmp_path / f"set/EP01/{stem}.bmp", patchwork(moment))
    for _ in range(2):
        assert arrange(tmp_path) == 0
        found = {path.name for path in (tmp_path / "tree/Aoba").iterdir()}
        assert {"s_2.bmp", "s_2.bmp.tags", "s_2.txt", "s_2-masklabel.png", "s_1.bmp"} <= found
        assert not {name for name in found if name in ("s_1.png", "s_2.png", "s_2.png.tags")}
        assert (tmp_path / "tree/Aoba/s_2.bmp").read_bytes() == (tmp_path / "set/EP01/s_2.bmp").read_bytes()


def test_the_reason_is_that_of_the_dataset(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    show(tmp_path, {"s_1": 0, "s_2": 12, "s_3": 24})
    assert arrange(tmp_path) == 0
    removed.remove(tmp_path / "set", tmp_path / "set/EP01/s_2.png", "similar")
    removed.remove(tmp_path / "set", tmp_path / "set/EP01/s_3.png", "similar")
    manifest = tmp_path / "set/.removed/manifest.jsonl"
    first, second = map(json.loads, manifest.read_text().splitlines())
    manifest.write_text(json.dumps(first) + "\n" + json.dumps(second | {"reason": "../../../out"}) + "\n")
    capsys.readouterr()
    assert arrange(tmp_path) == 0
    assert "2 set aside in .removed (1 similar, 1 _.._.._out)" in capsys.readouterr().out
    assert (tmp_path / "tree/.removed/similar/Aoba/s_2.png").exists()
    assert {path.name for path in tmp_path.iterdir()} == {"set", "tree"}


def test_frames_that_the_options_leave_out_are_set_aside_and_come_back(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for number in range(3):
        add_frame(tmp_path / f"set/{number}.png", patchwork(number), **(KNOWN | {"n_faces": number}))
    assert arrange(tmp_path) == 0
    held = hand_work(tmp_path / "tree/Aoba/0.png")
    (tmp_path / "tree/Aoba/multiply.txt").write_text("2")
    capsys.readouterr()
    assert arrange(tmp_path, "--min_face_number", "1") == 0
    told = capsys.readouterr().out
    assert "1 left out for their number of faces, 1 set aside in .removed (1 face_number)" in told
    assert frames_in(tmp_path / "tree") == ["Aoba/1.png", "Aoba/2.png"]
    assert arrange(tmp_path) == 0
    assert beside(tmp_path / "tree/Aoba/0.png") == held


def test_the_weight_of_a_folder_comes_back_with_its_frames(tmp_path: Path) -> None:
    add_frame(tmp_path / "set/a.png", patchwork(1), **KNOWN)
    add_frame(tmp_path / "set/b.png", patchwork(2), **(KNOWN | {"characters": ["Hinata"]}))
    assert arrange(tmp_path) == 0
    (tmp_path / "tree/Hinata/multiply.txt").write_text("7\n")
    removed.remove(tmp_path / "set", tmp_path / "set/b.png", "similar")
    assert arrange(tmp_path) == 0
    assert not (tmp_path / "tree/Hinata").exists()
    removed.restore(tmp_path / "set", [], ["similar"], dry_run=False)
    assert arrange(tmp_path) == 0
    assert (tmp_path / "tree/Hinata/multiply.txt").read_text() == "7\n"


def test_a_frame_that_a_person_had_moved_leaves_and_comes_back_to_where_it_was(tmp_path: Path) -> None:
    show(tmp_path, {"s_1": 0, "s_2": 12})
    assert arrange(tmp_path) == 0
    (tmp_path / "tree/best").mkdir()
    for path in (tmp_path / "tree/Aoba").glob("s_2.*"):
        path.rename(tmp_path / "tree/best" / path.name)
    removed.remove(tmp_path / "set", tmp_path / "set/EP01/s_2.png", "similar")
    assert arrange(tmp_path) == 0
    assert frames_in(tmp_path / "tree") == ["Aoba/s_1.png"]
    removed.restore(tmp_path / "set", [], ["similar"], dry_run=False)
    for _ in range(2):
        assert arrange(tmp_path) == 0
        assert frames_in(tmp_path / "tree") == ["Aoba/s_1.png", "best/s_2.png"]


def test_what_a_person_put_into_the_tree_stays(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    show(tmp_path, {"s_1": 0, "s_2": 12})
    add_frame(tmp_path / "tree/Aoba/mine.png", patchwork(50), **KNOWN)
    assert arrange(tmp_path) == 0
    add_frame(tmp_path / "tree/other/s_2.png", patchwork(51), **KNOWN)
    (tmp_path / "tree/Aoba/s_2.png").unlink()
    removed.remove(tmp_path / "set", tmp_path / "set/EP01/s_2.png", "similar")
    before = tree(tmp_path / "tree", hidden=False)
    capsys.readouterr()
    assert arrange(tmp_path) == 0
    assert "2 put there by hand" in capsys.readouterr().out
    assert tree(tmp_path / "tree", hidden=False) == before


def test_a_frame_deleted_in_the_tree_stays_away_whatever_becomes_of_its_name(tmp_path: Path) -> None:
    show(tmp_path, HALF)
    assert arrange(tmp_path) == 0
    for path in (tmp_path / "tree/Aoba").glob("s_2.*"):
        path.unlink()
    for moments in (WHOLE, HALF):
        show(tmp_path, moments)
        assert arrange(tmp_path) == 0
    assert frames_in(tmp_path / "tree") == [f"Aoba/{stem}.png" for stem in sorted(HALF) if stem != "s_2"]


def test_a_frame_kept_by_name_stays(tmp_path: Path) -> None:
    show(tmp_path, {"s_1": 0, "s_2": 12})
    assert arrange(tmp_path) == 0
    removed.keep(tmp_path / "tree", tmp_path / "tree/Aoba/s_2.png")
    removed.remove(tmp_path / "set", tmp_path / "set/EP01/s_2.png", "similar")
    assert arrange(tmp_path) == 0
    assert frames_in(tmp_path / "tree") == ["Aoba/s_1.png", "Aoba/s_2.png"]


def test_what_the_trash_lost_is_placed_anew(tmp_path: Path) -> None:
    show(tmp_path, {"s_1": 0, "s_2": 12})
    assert arrange(tmp_path) == 0
    removed.remove(tmp_path / "set", tmp_path / "set/EP01/s_2.png", "similar")
    assert arrange(tmp_path) == 0
    shutil.rmtree(tmp_path / "tree/.removed")
    removed.restore(tmp_path / "set", [], ["similar"], dry_run=False)
    assert arrange(tmp_path) == 0
    assert frames_in(tmp_path / "tree") == ["Aoba/s_1.png", "Aoba/s_2.png"]


@pytest.mark.parametrize("options", [["--limit", "1"], ["--move"]], ids=str)
def test_nothing_leaves_where_frames_are_missing_for_another_reason(tmp_path: Path, options: list[str]) -> None:
    show(tmp_path, {"s_1": 0, "s_2": 12})
    assert arrange(tmp_path) == 0
    removed.remove(tmp_path / "set", tmp_path / "set/EP01/s_2.png", "similar")
    assert arrange(tmp_path, *options) == 0
    assert frames_in(tmp_path / "tree") == ["Aoba/s_1.png", "Aoba/s_2.png"]


def test_what_was_moved_into_the_tree_stays_when_others_are_copied_later(tmp_path: Path) -> None:
    show(tmp_path, {"s_1": 0, "s_2": 12})
    assert arrange(tmp_path, "--move") == 0
    show(tmp_path, {"t_1": 96}, "EP02", "Show 02.mkv")
    assert arrange(tmp_path) == 0
    assert frames_in(tmp_path / "tree") == ["Aoba/s_1.png", "Aoba/s_2.png", "Aoba/t_1.png"]


def test_two_datasets_may_share_a_tree(tmp_path: Path) -> None:
    show(tmp_path, {"s_1": 0, "s_2": 12})
    assert arrange(tmp_path) == 0
    (tmp_path / "set").rename(tmp_path / "first")
    show(tmp_path, {"s_1": 96}, video="Other.mkv")
    (tmp_path / "set").rename(tmp_path / "second")
    for name in ("second", "first", "second"):
        (tmp_path / name).rename(tmp_path / "x")
        (tmp_path / "x").rename(tmp_path / name)
        words = ["--src_dir", str(tmp_path / name), "--dst_dir", str(tmp_path / "tree"), "--format", "character"]
        assert arrange_folders.main([*words, "--min_image_per_combination", "1"]) == 0
        assert frames_in(tmp_path / "tree") == ["Aoba/s_1.png", "Aoba/s_1_2.png", "Aoba/s_2.png"]


@pytest.mark.parametrize("what", ["empty", "episode emptied"])
def test_a_dataset_that_is_not_there_empties_no_tree(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], what: str
) -> None:
    show(tmp_path, {"s_1": 0, "s_2": 12})
    assert arrange(tmp_path) == 0
    before = tree(tmp_path / "tree")
    shutil.rmtree(tmp_path / ("set" if what == "empty" else "set/EP01"))
    (tmp_path / "set").mkdir(exist_ok=True)
    capsys.readouterr()
    assert arrange(tmp_path) == 2
    assert "2 frames" in one_sentence(capsys.readouterr().err)
    assert tree(tmp_path / "tree") == before


def test_a_folder_that_cannot_be_read_empties_no_tree(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    show(tmp_path, {"s_1": 0})
    show(tmp_path, {"t_1": 96}, "EP02", "Show 02.mkv")
    assert arrange(tmp_path) == 0
    real = os.scandir

    def forbidden(path: Any = ".") -> Any:
        if str(path).endswith("EP02"):
            raise PermissionError(13, "Permission denied", str(path))
        return real(path)

    monkeypatch.setattr(os, "scandir", forbidden)
    capsys.readouterr()
    assert arrange(tmp_path) == 2
    assert "EP02" in one_sentence(capsys.readouterr().err)
    monkeypatch.undo()
    assert frames_in(tmp_path / "tree") == ["Aoba/s_1.png", "Aoba/t_1.png"]


def test_frames_that_are_passed_over_are_not_gone(tmp_path: Path) -> None:
    show(tmp_path, {"s_1": 0, "s_2": 12})
    assert arrange(tmp_path) == 0
    save_frame(tmp_path / "set/EP01/s_2.bmp", patchwork(50))  # both are listed: they would share their sidecars
    assert arrange(tmp_path) == 1
    assert frames_in(tmp_path / "tree") == ["Aoba/s_1.png", "Aoba/s_2.png"]


def test_a_dry_run_counts_and_writes_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    show(tmp_path, HALF)
    assert arrange(tmp_path) == 0
    show(tmp_path, WHOLE)
    before = tree(tmp_path)
    capsys.readouterr()
    assert arrange(tmp_path, "--dry_run") == 0
    assert "4 would be set aside in .removed (4 gone)" in capsys.readouterr().out
    assert tree(tmp_path) == before


def as_before(folder: Path) -> None:
    """Take out of the journal of the tree what older versions did not write there."""
    path = folder / "tree/.arranged.jsonl"
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    kept = [{name: line[name] for name in ("frame", "to", "metadata") if name in line} for line in lines]
    path.write_text("".join(json.dumps(line) + "\n" for line in kept))


def test_a_tree_of_an_older_version_is_followed_too(tmp_path: Path) -> None:
    show(tmp_path, HALF)
    assert arrange(tmp_path) == 0
    for stem, moment in HALF.items():
        hand_work(tmp_path / f"tree/Aoba/{stem}.png", f"moment {moment}")
    as_before(tmp_path)
    show(tmp_path, WHOLE)
    assert arrange(tmp_path) == 0
    assert frames_in(tmp_path / "tree") == [f"Aoba/{stem}.png" for stem in WHOLE]
    for stem, moment in WHOLE.items():
        assert (tmp_path / f"tree/Aoba/{stem}.txt").read_text() == f"moment {moment}"


@pytest.mark.parametrize("moments", [WHOLE, {"s_1": 0}], ids=["renumbered", "fewer"])
def test_flatten_follows_the_dataset_too(tmp_path: Path, moments: dict[str, int]) -> None:
    show(tmp_path, HALF)
    assert arrange(tmp_path) == 0
    for stem, moment in HALF.items():
        add_text(tmp_path / f"tree/Aoba/{stem}.png", ".txt", f"moment {moment}")
    show(tmp_path, moments)
    words = ["--src_dir", str(tmp_path / "tree"), "--flatten", "--dst_dir", str(tmp_path / "set")]
    assert arrange_folders.main(words) == 0
    assert frames_in(tmp_path / "set") == sorted(f"EP01/{stem}.png" for stem in moments)
    assert frames_in(tmp_path / "tree") == []
    for stem, moment in moments.items():
        assert (tmp_path / f"set/EP01/{stem}.txt").read_text() == f"moment {moment}"
    gone = list((tmp_path / "tree/.removed/gone/Aoba").glob("*.txt"))
    assert len(gone) == len(HALF) - len(moments)


@pytest.mark.parametrize(
    "options",
    [["--copy"], ["--move"], ["--hardlink"], ["--max_image_size", "9"], ["--limit", "1"], ["--levels", "episode"]],
)
def test_flatten_refuses_what_it_would_ignore(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], options: list[str]
) -> None:
    show(tmp_path, {"s_1": 0})
    assert arrange(tmp_path) == 0
    before = tree(tmp_path)
    capsys.readouterr()
    assert arrange_folders.main(["--src_dir", str(tmp_path / "tree"), "--flatten", *options]) == 2
    assert options[0] in one_sentence(capsys.readouterr().err)
    assert tree(tmp_path) == before


def test_flatten_takes_a_config_for_other_runs(tmp_path: Path) -> None:
    show(tmp_path, {"s_1": 0})
    assert arrange(tmp_path) == 0
    (tmp_path / "c.toml").write_text('[arrange_folders]\nformat = "episode"\nhardlink = true\n')
    words = ["--src_dir", str(tmp_path / "tree"), "--flatten", "--config", str(tmp_path / "c.toml")]
    assert arrange_folders.main(words) == 0


def test_the_whole_way_with_the_scripts(tmp_path: Path) -> None:
    """Extracted, arranged and captioned; then extracted again at half the rate, and cleared of similar frames."""
    drawn = [patchwork(number // 6, 160, 90) for number in range(48)]
    write_clip(tmp_path / "videos" / "show - 01.mp4", drawn)
    dataset, training = tmp_path / "set", tmp_path / "tree"
    extract = ["--src_dir", str(tmp_path / "videos"), "--dst_dir", str(dataset), "--prefix", "s", "--mode", "interval"]

    def run_rest() -> None:
        assert generate_metadata.main(["--src_dir", str(dataset)]) == 0
        assert arrange(tmp_path, "--format", "n_characters") == 0
        assert prepare_training.main(["--src_dir", str(training)]) == 0

    assert extract_frames.main([*extract, "--every_seconds", "0.25"]) == 0
    run_rest()
    moments = {path.stem: loaded(path)["source"]["source_frame"] for path in training.rglob("*.png")}
    assert len(moments) > 6
    for stem, moment in moments.items():
        (caption,) = training.rglob(f"{stem}.txt")
        caption.write_text(f"moment {moment}")
    assert extract_frames.main([*extract, "--every_seconds", "0.5", "--redo"]) == 0
    run_rest()
    found = frames_in(training)
    assert len(found) == len(frames_in(dataset)) < len(moments)
    for name in found:
        moment = loaded(training / name)["source"]["source_frame"]
        assert (training / name).with_suffix(".txt").read_text() == f"moment {moment}"
    assert remove_similar.main(["--src_dir", str(dataset), "--thresh", "0.5", "--no_filters"]) == 0
    run_rest()
    assert [Path(name).name for name in frames_in(training)] == [Path(name).name for name in frames_in(dataset)]
    captions = [path.stem for path in training.rglob("*.txt") if paths.REMOVED not in path.parts]
    assert {*captions} - {"multiply"} == {Path(name).stem for name in frames_in(dataset)}
    assert detect_faces.main(["--src_dir", str(dataset), "--model", "animeface", "--min_face_number", "9"]) in (0, 1)
