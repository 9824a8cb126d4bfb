"""Moving a frame with all its sidecars so that nothing is ever lost."""

import errno
import os
from pathlib import Path
from typing import Any

import pytest

from framekit.dataset import move
from framekit.files import atomic, journal, paths
from framekit.files.journal import append_line, read_lines
from tests.conftest import tree
from tests.helpers_dataset import add_frame

ALL = ["x.faces.json", "x.characters.json", "x.json", "x.txt", "x.caption", "x.npz"]


ALL += ["x.png.tags", "x.png.txt", "x.png.json", "x.png"]


def write(path: Path, content: str = "", time: float | None = None) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)
    if time is not None:
        os.utime(path, (time, time))
    return path


def contents(folder: Path) -> dict[str, str]:
    return {name: content.decode() for name, (content, _) in tree(folder).items()}


def write_all(folder: Path) -> Path:
    for name in ALL:
        write(folder / name, name)
    return folder / "x.png"


def test_all_files_of_a_frame_with_the_frame_last(tmp_path: Path) -> None:
    write(tmp_path / "xy.json")
    write(tmp_path / "x.jpg.tags")
    found = move.frame_files(write_all(tmp_path))
    assert sorted(path.name for path in found) == sorted(ALL)
    assert found[-1].name == "x.png"


@pytest.mark.parametrize("name", ALL)
def test_each_file_keeps_its_ending_under_a_new_name(name: str) -> None:
    expected = name.replace("x", "y_2", 1).replace("png", "jpg") if "png" in name else name.replace("x", "y_2", 1)
    found = move.file_at(Path("a") / name, Path("a/x.png"), Path("b/y_2.jpg"))
    assert found == Path("b") / expected


def test_a_free_target_is_taken_as_it_is(tmp_path: Path) -> None:
    assert move.free_target(tmp_path / "x.png") == tmp_path / "x.png"


@pytest.mark.parametrize("there", ["x.png", "x.jpg", "x.JPG"])
def test_a_stem_that_is_there_is_not_taken_again(tmp_path: Path, there: str) -> None:
    write(tmp_path / there)
    assert move.free_target(tmp_path / "x.png") == tmp_path / "x_2.png"


def test_numbers_go_on_until_one_is_free(tmp_path: Path) -> None:
    write(tmp_path / "x.png")
    write(tmp_path / "x_2.jpg")
    assert move.free_target(tmp_path / "x.png") == tmp_path / "x_3.png"


def test_dots_in_a_stem_are_no_suffix(tmp_path: Path) -> None:
    write(tmp_path / "Ver. 2 - 05.png")
    assert move.free_target(tmp_path / "Ver. 2 - 05.png").name == "Ver. 2 - 05_2.png"
    assert not move.stem_taken(tmp_path / "Ver.png")


def way(keep_source: bool) -> atomic.Transport:
    return atomic.COPY if keep_source else atomic.MOVE


@pytest.mark.parametrize("keep_source", [False, True])
def test_a_frame_goes_with_all_its_sidecars(tmp_path: Path, keep_source: bool) -> None:
    frame = write_all(tmp_path / "a")
    before = tree(tmp_path / "a")
    move.place_frame(frame, tmp_path / "b/c/x.png", way(keep_source), tmp_path / "trash")
    assert tree(tmp_path / "b/c") == before
    assert tree(tmp_path / "a") == (before if keep_source else {})
    assert not (tmp_path / "trash").exists()


def test_a_renamed_frame_renames_its_sidecars(tmp_path: Path) -> None:
    frame = write(tmp_path / "a/x.png", "frame")
    write(tmp_path / "a/x.png.tags", "tags")
    write(tmp_path / "a/x.faces.json", "faces")
    move.place_frame(frame, tmp_path / "b/y.png", atomic.MOVE, tmp_path / "trash")
    assert contents(tmp_path) == {"b/y.png": "frame", "b/y.png.tags": "tags", "b/y.faces.json": "faces"}


@pytest.mark.parametrize("keep_source", [False, True])
@pytest.mark.parametrize("kill_at", range(len(ALL)))
def test_a_kill_at_any_file_loses_nothing_and_a_second_run_finishes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kill_at: int, keep_source: bool
) -> None:
    frame = write_all(tmp_path / "a")
    before = tree(tmp_path / "a")
    real_replace, done = os.replace, [0]

    def killed(source: Path, target: Path) -> None:
        if done[0] == kill_at:
            raise KeyboardInterrupt
        done[0] += 1
        real_replace(source, target)

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", killed)
        with pytest.raises(KeyboardInterrupt):
            move.place_frame(frame, tmp_path / "b/x.png", way(keep_source), tmp_path / "trash")
    halfway = {**tree(tmp_path / "a"), **tree(tmp_path / "b", hidden=False)}
    assert {name: halfway.get(name) for name in ALL} == before
    assert frame.exists()
    move.place_frame(frame, tmp_path / "b/x.png", way(keep_source), tmp_path / "trash")
    assert tree(tmp_path / "b") == before
    assert tree(tmp_path / "a") == (before if keep_source else {})


@pytest.mark.parametrize(("source_time", "stays"), [(2000, "source"), (1000, "there")])
def test_of_two_versions_the_newer_stays_and_the_older_goes_to_the_shelf(
    tmp_path: Path, source_time: float, stays: str
) -> None:
    source = write(tmp_path / "a/x.json", "source", source_time)
    target = write(tmp_path / "b/x.json", "there", 1500)
    move.settle(source, target, atomic.move_whole, False, tmp_path / "trash")
    goes = "there" if stays == "source" else "source"
    assert contents(tmp_path) == {"b/x.json": stays, "trash/x.json": goes}


def test_a_copy_of_an_older_version_changes_nothing(tmp_path: Path) -> None:
    source = write(tmp_path / "a/x.json", "source", 1000)
    target = write(tmp_path / "b/x.json", "there", 1500)
    move.settle(source, target, atomic.copy_whole, True, tmp_path / "trash")
    assert contents(tmp_path) == {"a/x.json": "source", "b/x.json": "there"}


def test_equal_files_are_one(tmp_path: Path) -> None:
    source, target = write(tmp_path / "a/x.json", "same", 1000), write(tmp_path / "b/x.json", "same", 1500)
    move.settle(source, target, atomic.move_whole, False, tmp_path / "trash")
    assert contents(tmp_path) == {"b/x.json": "same"}


def test_a_frame_put_where_it_is_stays(tmp_path: Path) -> None:
    frame = write_all(tmp_path)
    before = tree(tmp_path)
    for keep_source in (True, False):
        move.place_frame(frame, frame, way(keep_source), tmp_path / "trash")
        assert tree(tmp_path) == before


def test_two_versions_of_equal_size_and_time_both_stay(tmp_path: Path) -> None:
    source = write(tmp_path / "a/x.json", '{"count": 1}', 1000)  # unpacked from an archive: whole seconds
    target = write(tmp_path / "b/x.json", '{"count": 2}', 1000)
    move.settle(source, target, atomic.move_whole, False, tmp_path / "trash")
    assert sorted(contents(tmp_path).values()) == ['{"count": 1}', '{"count": 2}']


def test_the_shelf_keeps_every_version(tmp_path: Path) -> None:
    for content in "abc":
        move.move_to_trash(write(tmp_path / "x.json", content), tmp_path / "trash")
    assert contents(tmp_path) == {"trash/x.json": "a", "trash/x.json.2": "b", "trash/x.json.3": "c"}


def test_a_move_to_another_disk_copies_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = write(tmp_path / "a/x.png", "frame", 1000)
    real_replace = os.replace

    def other_disk(one: Path, other: Path) -> None:
        if one == source:
            raise OSError(errno.EXDEV, "other disk")
        real_replace(one, other)

    monkeypatch.setattr(os, "replace", other_disk)
    (tmp_path / "b").mkdir()
    atomic.move_whole(source, tmp_path / "b/x.png")
    assert tree(tmp_path) == {"b/x.png": (b"frame", 1000 * 10**9)}


def test_a_move_that_is_not_allowed_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def forbidden(one: Path, other: Path) -> None:
        raise PermissionError(errno.EACCES, "not yours")

    monkeypatch.setattr(os, "replace", forbidden)
    with pytest.raises(PermissionError):
        atomic.move_whole(write(tmp_path / "x.png"), tmp_path / "y.png")
    assert contents(tmp_path) == {"x.png": ""}


def test_what_is_appended_is_read(tmp_path: Path) -> None:
    journal = tmp_path / ".removed/manifest.jsonl"
    records: list[dict[str, Any]] = [{"frame": "ひなた\u2028.png"}, {"n": 2}]
    for record in records:
        append_line(journal, record)
    assert list(read_lines(journal)) == records
    assert len(journal.read_bytes().split(b"\n")) == 3


def test_a_torn_line_costs_only_itself(tmp_path: Path) -> None:
    journal = tmp_path / "manifest.jsonl"
    journal.write_bytes(b'{"n": 1}\n{"n": 2, "fra')
    append_line(journal, {"n": 3})
    assert list(read_lines(journal)) == [{"n": 1}, {"n": 3}]


@pytest.mark.parametrize(
    "line",
    [b"", b"[1]", b"null", b"\xff\xfe", b"{", b"[" * 200_000, b'{"n": ' + b"9" * 5000 + b"}"],
    ids=["empty", "list", "null", "no utf-8", "cut", "deep", "long number"],
)
def test_a_line_that_is_no_record_is_passed_over(tmp_path: Path, line: bytes) -> None:
    journal = tmp_path / "manifest.jsonl"
    journal.write_bytes(b'{"n": 1}\n' + line + b'\n{"n": 2}\n')
    assert list(read_lines(journal)) == [{"n": 1}, {"n": 2}]


def test_a_missing_journal_is_empty(tmp_path: Path) -> None:
    assert list(journal.read_lines(tmp_path / "manifest.jsonl")) == []


@pytest.mark.parametrize("relative", ["a.png", "EP01/a.png", ".removed/similar/a.png", "a/../b.png", "..a", "ひ.png"])
def test_a_path_below_the_folder_is_taken(tmp_path: Path, relative: str) -> None:
    assert paths.inside(tmp_path, relative) == tmp_path / relative


@pytest.mark.parametrize(
    "relative",
    ["..", "../x", "a/../../x", "/etc/passwd", "", ".", "a/..", "a\x00b", "link/x", "\ud800"]
    + [None, 1, ["a"], {"a": 1}],
)
def test_a_path_that_leads_elsewhere_is_not_taken(tmp_path: Path, relative: object) -> None:
    (tmp_path / "dataset").mkdir()
    (tmp_path / "dataset/link").symlink_to(tmp_path, target_is_directory=True)
    assert paths.inside(tmp_path / "dataset", relative) is None


def test_empty_folders_are_removed_and_others_stay(tmp_path: Path) -> None:
    (tmp_path / "a/b/c").mkdir(parents=True)
    write(tmp_path / "d/e/x.txt")
    (tmp_path / "d/f").mkdir()
    move.remove_empty_folders(tmp_path)
    assert sorted(path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*")) == ["d", "d/e", "d/e/x.txt"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a full device")
def test_a_full_disk_is_told_with_the_note_that_was_to_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    frame = add_frame(tmp_path / "x.png")
    opened = Path.open

    def full(path: Path, mode: str = "r", **options: Any) -> Any:
        return opened(Path("/dev/full"), "w", **options) if path.name == move.NOTE else opened(path, mode, **options)

    monkeypatch.setattr(Path, "open", full)
    with pytest.raises(OSError, match="No space left") as caught, move.noted(frame, tmp_path / "to/x.png"):
        pass
    assert caught.value.filename == str(tmp_path / move.NOTE)
    assert not (tmp_path / move.NOTE).exists()
    assert frame.exists()
