"""Figures travel with their frame: X.instances.json and the label picture, both of one version, of its own pixels."""

import errno
import os
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
from PIL import Image

from framekit.arrange.resize import Rewriter
from framekit.dataset import frames, move, removed
from framekit.dataset.edited import is_by_hand
from framekit.files import atomic, names
from framekit.sidecars.instances import is_corrected, read_figures
from tests.conftest import plain, save_frame, tree
from tests.helpers_dataset import LATER, LONG_AGO, add_figures, add_frame, add_json, labels, loaded, names_in, set_time

LITTLE = labels([1, 0], [1, 0])


def contents(folder: Path) -> dict[str, bytes]:
    return {name: content for name, (content, _) in tree(folder).items()}


def figures(folder: Path) -> dict[str, bytes]:
    """Return sidecars of figures and label pictures below a folder."""
    return {name: held for name, held in contents(folder).items() if ".masks" in name or "instances" in name}


def framed(path: Path, label: int = 1) -> Path:
    """Write a frame with figures."""
    frame = add_frame(path)
    add_figures(frame, label=label)
    return frame


def paint(frame: Path, mask: bytes = LITTLE, when: int = LATER) -> None:
    """Change the label picture as a person does."""
    names.mask_of(frame).write_bytes(mask)
    set_time(names.mask_of(frame), when)


def place(frame: Path, target: Path, how: atomic.Transport = atomic.MOVE) -> None:
    top = frame.parents[1]
    move.place_frame(frame, target, how, top / "trash")


def rewriting(largest: int) -> atomic.Transport:
    rewriter = Rewriter(largest)
    return atomic.Transport(
        atomic.COPY.frame, atomic.COPY.beside, keeps_source=True, rewrite=rewriter, size=rewriter.size
    )


WAYS = {"move": atomic.MOVE, "copy": atomic.COPY, "hardlink": atomic.HARDLINK, "symlink": atomic.SYMLINK}


def test_a_label_picture_is_a_file_of_its_frame(tmp_path: Path) -> None:
    frame = framed(tmp_path / "a/x.png")
    held = {*names_in(tmp_path / "a")}
    for found in (move.frame_files(frame), move.frame_files(frame, held)):
        assert found == [frame.with_suffix(".instances.json"), names.mask_of(frame), frame]
    assert move.file_at(names.mask_of(frame), frame, tmp_path / "b/y_2.jpg") == tmp_path / "b/.masks/y_2.png"


@pytest.mark.parametrize("way", WAYS)
def test_a_frame_takes_its_figures_along_whatever_it_is_called_then(tmp_path: Path, way: str) -> None:
    frame = framed(tmp_path / "a/x.png")
    before = contents(tmp_path / "a")
    place(frame, tmp_path / "b/c/y_2.png", WAYS[way])
    expected = {name.replace("x.", "y_2."): held for name, held in before.items()}
    assert contents(tmp_path / "b/c") == expected
    assert not is_corrected(tmp_path / "b/c/y_2.png")
    assert contents(tmp_path / "a") == ({} if way == "move" else before)
    assert (tmp_path / "a/.masks").exists() == (way != "move")
    assert names.mask_of(tmp_path / "b/c/y_2.png").stat().st_nlink == 1  # it is edited, and must not change elsewhere


def test_a_folder_of_label_pictures_stays_while_another_frame_needs_it(tmp_path: Path) -> None:
    one, other = framed(tmp_path / "a/x.png"), framed(tmp_path / "a/y.png")
    place(one, tmp_path / "b/x.png")
    assert names.mask_of(other).exists()
    place(other, tmp_path / "b/y.png")
    assert names_in(tmp_path / "a") == []
    assert names_in(tmp_path / "b/.masks") == ["x.png", "y.png"]


@pytest.mark.parametrize("way", ["move", "copy"])
@pytest.mark.parametrize("is_fresh", [True, False])
def test_a_kill_at_any_file_leaves_each_label_picture_with_its_own_frame(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: str, is_fresh: bool
) -> None:
    """A version of the target is there already, or not; whichever comes, none is mixed with the other."""
    for kill_at in range(9):
        top = tmp_path / str(kill_at)
        frame = framed(top / "a/x.png", label=2)
        if not is_fresh:
            framed(top / "b/x.png", label=7)
            for path in (top / "b").rglob("*.*"):
                set_time(path, LONG_AGO)
        wanted = {name: held for name, held in contents(top / "a").items() if "x" in name}
        real, done = os.replace, [0]

        def killed(source: Path, target: Path, real: Any = real, done: Any = done, at: int = kill_at) -> None:
            if done[0] == at:
                raise KeyboardInterrupt
            done[0] += 1
            real(source, target)

        with monkeypatch.context() as patch:
            patch.setattr(os, "replace", killed)
            try:
                place(frame, top / "b/x.png", WAYS[way])
            except KeyboardInterrupt:
                assert frame.exists()
        if frame.exists():
            place(frame, top / "b/x.png", WAYS[way])
        assert contents(top / "b") == wanted
        aside = set() if is_fresh else {"x.instances.json", ".masks/x.png"}
        assert {*contents(top / "trash")} == aside


CORRECTED: dict[str, Callable[[Path], object]] = {
    "painted": paint,
    "edited": lambda frame: set_time(
        add_json(
            frame,
            names.INSTANCES,
            loaded(frame, names.INSTANCES)
            | {"figures": [loaded(frame, names.INSTANCES)["figures"][0] | {"kept": False}]},
        ),
        LATER,
    ),
    "damaged": lambda frame: frame.with_suffix(names.INSTANCES).write_text("{"),
    "of another program": lambda frame: frame.with_suffix(names.INSTANCES).unlink(),
}


@pytest.mark.parametrize("change", CORRECTED)
def test_what_a_person_did_to_figures_is_known_by_both_files(tmp_path: Path, change: str) -> None:
    frame = framed(tmp_path / "x.png")
    files = [frame.with_suffix(names.INSTANCES), names.mask_of(frame)]
    assert [is_by_hand(path) for path in files] == [False, False]
    CORRECTED[change](frame)
    assert all(is_by_hand(path) for path in files if path.exists())


@pytest.mark.parametrize("change", ["painted", "edited"])
@pytest.mark.parametrize("way", ["move", "copy"])
@pytest.mark.parametrize("where", ["source", "target"])
def test_of_two_versions_the_corrected_stays_with_both_its_files(
    tmp_path: Path, change: str, way: str, where: str
) -> None:
    one, other = framed(tmp_path / "a/x.png", 2), framed(tmp_path / "b/x.png", 7)
    corrected = {"source": one, "target": other}[where]
    CORRECTED[change](corrected)
    for path in (*one.parent.rglob("*.*"), *other.parent.rglob("*.*")):
        set_time(path, LONG_AGO)
    newer = one if way == "copy" else {one: other, other: one}[corrected]
    for path in (newer.with_suffix(names.INSTANCES), names.mask_of(newer)):
        set_time(path, LATER)
    wanted = figures(corrected.parent)
    place(one, other, WAYS[way])
    assert figures(tmp_path / "b") == wanted
    assert is_corrected(other)
    lost = {"x.instances.json", ".masks/x.png"}
    assert {*figures(tmp_path / "trash")} == (set() if way == "copy" and where == "target" else lost)
    if way == "copy":
        place(one, other, WAYS[way])
        assert figures(tmp_path / "b") == wanted


def test_a_label_picture_that_a_kill_left_without_its_sidecar_gives_way(tmp_path: Path) -> None:
    one, other = framed(tmp_path / "a/x.png", 2), framed(tmp_path / "b/x.png", 7)
    one.with_suffix(names.INSTANCES).unlink()
    set_time(names.mask_of(one), LATER)
    wanted = figures(other.parent)
    place(one, other)
    assert figures(tmp_path / "b") == wanted


def test_a_label_picture_whose_sidecar_went_ahead_follows_it(tmp_path: Path) -> None:
    frame = framed(tmp_path / "a/x.png")
    wanted = figures(frame.parent)
    (tmp_path / "b").mkdir()
    frame.with_suffix(names.INSTANCES).rename(tmp_path / "b/x.instances.json")
    place(frame, tmp_path / "b/x.png")
    assert figures(tmp_path / "b") == wanted
    assert not (tmp_path / "trash").exists()


def test_labels_are_never_mixed_where_a_frame_is_written_smaller(tmp_path: Path) -> None:
    frame = save_frame(tmp_path / "a/x.png", plain((9, 9, 9), 16, 8))
    drawn = np.zeros((8, 16), np.uint8)
    drawn[:, 5:] = 3
    drawn[:, 11:] = 1
    add_figures(frame, labels(*drawn))
    target = tmp_path / "b/x.png"
    for _ in range(2):
        place(frame, target, rewriting(8))
        with Image.open(names.mask_of(target)) as held:
            assert held.size == (8, 4)
            assert held.mode == "L"
            assert np.asarray(held).tolist() == [[0, 0, 3, 3, 3, 1, 1, 1]] * 4
        assert not is_corrected(target)
        assert read_figures(target) == read_figures(frame)
        assert not (tmp_path / "trash").exists()


@pytest.mark.parametrize("mode", ["P", "1", "I;16", "RGB"])
def test_a_label_picture_keeps_its_form_where_it_is_made_smaller(tmp_path: Path, mode: str) -> None:
    frame = save_frame(tmp_path / "a/x.png", plain((9, 9, 9), 16, 8))
    add_figures(frame)
    image = Image.new(mode, (16, 8))
    if mode == "P":
        image.putpalette([0, 0, 0, 255, 0, 0, 0, 0, 255])
        image.putpixel((0, 0), 2)
    image.save(names.mask_of(frame))
    place(frame, tmp_path / "b/x.png", rewriting(8))
    with Image.open(tmp_path / "b/.masks/x.png") as held:
        assert held.mode == mode
        assert held.size == (8, 4)
    assert is_corrected(tmp_path / "b/x.png")  # painted before, painted now


def test_what_is_no_picture_stays_as_it_is(tmp_path: Path) -> None:
    frame = save_frame(tmp_path / "a/x.png", plain((9, 9, 9), 16, 8))
    add_figures(frame, b"no picture")
    place(frame, tmp_path / "b/x.png", rewriting(8))
    assert names.mask_of(tmp_path / "b/x.png").read_bytes() == b"no picture"


@pytest.mark.parametrize("is_painted", [False, True])
def test_a_tree_in_a_smaller_size_than_before_has_its_label_pictures_in_that(tmp_path: Path, is_painted: bool) -> None:
    frame = save_frame(tmp_path / "a/x.png", plain((9, 9, 9), 16, 8))
    add_figures(frame)
    target = tmp_path / "b/x.png"
    place(frame, target, rewriting(8))
    if is_painted:
        paint(target, labels(*[[5, 5, 5, 5, 0, 0, 0, 0]] * 4))
    for _ in range(2):
        place(frame, target, rewriting(4))
        with Image.open(names.mask_of(target)) as held:
            assert np.asarray(held).tolist() == [[5 if is_painted else 1] * 2 + [0] * 2] * 2
        assert is_corrected(target) == is_painted
    assert {*figures(tmp_path / "trash")} == (set() if is_painted else {"x.instances.json", ".masks/x.png"})


def test_what_is_painted_in_small_comes_back_in_the_size_of_its_frame(tmp_path: Path) -> None:
    frame = save_frame(tmp_path / "a/x.png", plain((9, 9, 9), 16, 8))
    add_figures(frame)
    target = tmp_path / "b/x.png"
    place(frame, target, rewriting(8))
    paint(target, labels(*[[5, 5, 0, 0, 0, 0, 0, 0]] * 4))
    place(target, frame)
    with Image.open(names.mask_of(frame)) as held:
        assert np.asarray(held).tolist() == [[5] * 4 + [0] * 12] * 8
    assert is_corrected(frame)
    assert ".masks/x.png" in contents(tmp_path / "trash")  # as it was painted
    assert figures(tmp_path / "b") == {}


def test_what_nobody_painted_in_small_does_not_replace_the_large_one(tmp_path: Path) -> None:
    frame = save_frame(tmp_path / "a/x.png", plain((9, 9, 9), 16, 8))
    add_figures(frame)
    wanted = figures(frame.parent)
    place(frame, tmp_path / "b/x.png", rewriting(8))
    place(tmp_path / "b/x.png", frame)
    assert figures(frame.parent) == wanted


@pytest.mark.parametrize("comes_with", [False, True])
def test_figures_of_replaced_pixels_never_stay_on_others(tmp_path: Path, comes_with: bool) -> None:
    old, new = framed(tmp_path / "b/x.png", 7), add_frame(tmp_path / "a/x.png", plain((1, 2, 3), 12, 6))
    set_time(old, LONG_AGO)
    if comes_with:
        add_figures(new, label=2)
    wanted = figures(new.parent)
    place(new, old, atomic.COPY)
    assert figures(tmp_path / "b") == wanted
    assert {*figures(tmp_path / "trash")} == {"x.instances.json", ".masks/x.png"}


@pytest.mark.parametrize("is_same_size", [True, False])
def test_corrected_figures_stay_with_a_new_version_of_their_picture_of_the_same_size(
    tmp_path: Path, is_same_size: bool
) -> None:
    old = framed(tmp_path / "b/x.png", 7)
    new = add_frame(tmp_path / "a/x.png", plain((1, 2, 3), 8 if is_same_size else 12, 6))
    add_figures(new, label=2)
    set_time(old, LONG_AGO)
    paint(old, labels(*[[4] * 8] * 6))
    wanted = figures((old if is_same_size else new).parent)
    place(new, old, atomic.COPY)
    assert figures(tmp_path / "b") == wanted


def test_a_removed_frame_takes_its_figures_along_and_brings_them_back(tmp_path: Path) -> None:
    frame, other = framed(tmp_path / "EP01/x.png", 3), framed(tmp_path / "EP01/y.png", 4)
    before = contents(tmp_path)
    removed.remove(tmp_path, frame, "similar")
    assert (tmp_path / ".removed/similar/EP01/.masks/x.png").exists()
    assert names.mask_of(other).exists()
    assert removed.restore(tmp_path, [], ["similar"], dry_run=False) == (1, [])
    assert {name: held for name, held in contents(tmp_path).items() if ".removed" not in name} == before
    removed.remove(tmp_path, frame, "similar")
    assert removed.purge(tmp_path, lambda _: True) == 1
    assert not (tmp_path / ".removed/similar").exists()
    assert names.mask_of(other).exists()


def test_a_folder_that_holds_only_an_empty_folder_of_label_pictures_is_empty(tmp_path: Path) -> None:
    (tmp_path / "a/.masks").mkdir(parents=True)
    (tmp_path / "b/.masks").mkdir(parents=True)
    (tmp_path / "b/.masks/.DS_Store").write_text("made again")
    (tmp_path / "c/.masks").mkdir(parents=True)
    (tmp_path / "c/.masks/x.png").write_bytes(LITTLE)
    move.remove_empty_folders(tmp_path)
    assert contents(tmp_path) == {"c/.masks/x.png": LITTLE}
    assert names_in(tmp_path) == ["c"]


LINKS: dict[str, Callable[[Path, Path], object]] = {
    "link": lambda masks, elsewhere: masks.symlink_to(elsewhere, target_is_directory=True),
    "file": lambda masks, _: masks.write_text("no folder"),
    "pipe": lambda masks, _: os.mkfifo(masks),
}


def test_a_folder_that_may_not_be_looked_into_is_told_and_no_frame_leaves_without_its_label_picture(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    frame = framed(tmp_path / "a/x.png")
    real = Path.lstat

    def closed(path: Path) -> os.stat_result:
        if path.parent.name == names.MASK_FOLDER:
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return real(path)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "lstat", closed)  # rights do not bind the superuser, as whom tests may run
        patch.setattr(frames, "access", lambda path, _: path.name != names.MASK_FOLDER)
        unusable: list[tuple[Path, str]] = []
        assert frames.find_frames(tmp_path / "a", unusable=unusable) == [frame]
        assert unusable == [(tmp_path / "a/.masks", frames.CLOSED_FOLDER)]
        with pytest.raises(PermissionError):
            place(frame, tmp_path / "b/x.png")
    assert frame.exists()
    assert names.mask_of(frame).exists()
    assert not (tmp_path / "b").exists()


@pytest.mark.parametrize("kind", LINKS)
def test_nothing_goes_through_what_a_stranger_put_in_place_of_the_folder(tmp_path: Path, kind: str) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "x.png").write_text("somebody's")
    frame = framed(tmp_path / "a/x.png")
    (tmp_path / "b").mkdir()
    LINKS[kind](tmp_path / "b/.masks", elsewhere)
    before = contents(tmp_path / "a")
    for how in (atomic.MOVE, atomic.COPY, rewriting(4)):
        with pytest.raises(OSError, match=r"is a link|is no folder"):
            place(frame, tmp_path / "b/x.png", how)
        assert contents(tmp_path / "a") == before
    assert contents(elsewhere) == {"x.png": b"somebody's"}


@pytest.mark.parametrize("kind", LINKS)
def test_what_lies_behind_a_link_is_no_label_picture(tmp_path: Path, kind: str) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "x.png").write_text("somebody's")
    frame = add_frame(tmp_path / "a/x.png")
    LINKS[kind](tmp_path / "a/.masks", elsewhere)
    unusable: list[tuple[Path, str]] = []
    assert frames.find_frames(tmp_path / "a", unusable=unusable) == [frame]
    assert [path for path, _ in unusable] == [tmp_path / "a/.masks"]
    removed.remove(tmp_path, frame, "similar")
    removed.purge(tmp_path, lambda _: True)
    assert contents(elsewhere) == {"x.png": b"somebody's"}
    assert os.path.lexists(tmp_path / "a/.masks")


def test_a_link_in_place_of_a_label_picture_is_moved_and_never_written_through(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere.png"
    elsewhere.write_bytes(LITTLE)
    frame, other = framed(tmp_path / "a/x.png", 2), framed(tmp_path / "b/x.png", 7)
    names.mask_of(frame).unlink()
    names.mask_of(frame).symlink_to(elsewhere)
    names.mask_of(other).unlink()
    names.mask_of(other).symlink_to(elsewhere)
    with pytest.raises(OSError, match="is a link"):
        place(frame, tmp_path / "c/x.png", atomic.COPY)
    place(frame, other)
    assert elsewhere.read_bytes() == LITTLE


def test_a_frame_put_where_it_is_keeps_its_figures(tmp_path: Path) -> None:
    frame = framed(tmp_path / "a/x.png")
    before = contents(tmp_path)
    for how in (atomic.MOVE, atomic.COPY, atomic.HARDLINK):
        place(frame, frame, how)
        assert contents(tmp_path) == before


@pytest.mark.parametrize("suffix", [".PNG", ".jpg"])
@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_suffix_and_unicode_form_of_the_frame_change_nothing(
    tmp_path: Path, suffix: str, form: Literal["NFC", "NFD"]
) -> None:
    name = unicodedata.normalize(form, "ガ")
    frame = add_frame(tmp_path / "a/x.png").rename(tmp_path / f"a/{name}{suffix}")
    add_figures(frame)
    place(frame, tmp_path / f"b/{name}{suffix}")
    assert names_in(tmp_path / "b/.masks") == [f"{name}.png"]
    assert names_in(tmp_path / "a") == []


def test_a_dataset_whose_folder_is_called_so_keeps_its_sidecars(tmp_path: Path) -> None:
    frame = add_frame(tmp_path / ".masks/x.png", count=1)
    place(frame, tmp_path / "b/x.png")
    assert {*contents(tmp_path)} == {"b/x.png", "b/x.json"}
