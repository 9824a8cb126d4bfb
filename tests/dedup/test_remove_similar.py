"""The script that sets similar frames aside, and brings them back."""

import json
import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import remove_similar
from framekit.dedup.descriptors import STORE
from framekit.files import journal
from tests.conftest import listing, one_sentence, patchwork, save_frame, tree

SIMILAR = Path(".removed/similar")


def run(folder: Path, *words: str) -> int:
    return remove_similar.main(["--src_dir", str(folder), "--workers", "1", "--keep", "first", "--no_filters", *words])


def manifest(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / ".removed/manifest.jsonl").read_text("utf-8").splitlines()]


def shown(folder: Path) -> list[str]:
    """Return the frames that are not set aside."""
    return [name for name in tree(folder, hidden=False) if name.endswith((".png", ".jpg"))]


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    """Return two episodes: EP01/b and EP02/a are EP01/a with other noise, EP02/c is EP02/b; some have sidecars."""
    layouts = {"EP01/a": 1, "EP01/b": 1, "EP01/c": 2, "EP02/a": 1, "EP02/b": 3, "EP02/c": 3, "EP02/d": 4}
    for number, (name, seed) in enumerate(layouts.items()):
        pixels = patchwork(seed, 160, 90).astype(int) + np.random.default_rng(number).integers(-3, 4, (90, 160, 3))
        save_frame(tmp_path / f"{name}.png", np.clip(pixels, 0, 255).astype(np.uint8))
    for name in ("EP01/b.png.tags", "EP01/b.faces.json", "EP01/b.json", "EP01/a.json", "EP02/c.txt"):
        (tmp_path / name).write_text(f"of {name}")
    for number, path in enumerate(sorted(tmp_path.rglob("*.*"))):
        os.utime(path, ns=(10**18 + number, 10**18 + number))
    return tmp_path


REMOVED = ["EP01/b", "EP02/a", "EP02/c"]


def test_frames_similar_to_an_earlier_one_are_set_aside_also_across_episodes(dataset: Path) -> None:
    before = tree(dataset)
    assert run(dataset) == 0
    assert shown(dataset) == ["EP01/a.png", "EP01/c.png", "EP02/b.png", "EP02/d.png"]
    after = tree(dataset / SIMILAR)
    assert {name: before[name] for name in after} == after
    assert [name for name in after if name.endswith(".png")] == [f"{name}.png" for name in REMOVED]


def test_sidecars_travel_with_their_frame(dataset: Path) -> None:
    run(dataset)
    assert listing(dataset / SIMILAR / "EP01") == [
        "b.faces.json",
        "b.json",
        "b.png",
        "b.png.tags",
    ]
    assert listing(dataset / "EP01") == [STORE, "a.json", "a.png", "c.png"]


def test_the_reason_and_the_frame_it_resembles_are_written_down(dataset: Path) -> None:
    run(dataset)
    records = manifest(dataset)
    likeness = [record.pop("similarity") for record in records]
    assert records == [
        {"frame": f"{name}.png", "to": f".removed/similar/{name}.png", "reason": "similar", "resembles": f"{kept}.png"}
        for name, kept in zip(REMOVED, ["EP01/a", "EP01/a", "EP02/b"], strict=True)
    ]
    assert all(0.985 <= value <= 1 for value in likeness)


def test_the_closing_line_counts(dataset: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(dataset)
    closing = capsys.readouterr().out
    assert "4 frames kept, 3 similar set aside in" in closing
    assert str(dataset / ".removed") in closing


def test_a_second_run_removes_nothing(dataset: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(dataset)
    before = tree(dataset)
    assert run(dataset) == 0
    assert tree(dataset) == before
    assert "4 frames kept, none set aside" in capsys.readouterr().out


@pytest.mark.parametrize("size", ["1", "2", "10000", "0"])
def test_the_block_size_does_not_matter(dataset: Path, size: str) -> None:
    run(dataset, "--max_compare_size", size)
    assert [record["frame"] for record in manifest(dataset)] == [f"{name}.png" for name in REMOVED]


def test_the_threshold_is_an_option(dataset: Path) -> None:
    run(dataset, "--thresh", "1")
    assert len(shown(dataset)) == 7


def test_limit_looks_at_the_first_frames_only(dataset: Path) -> None:
    run(dataset, "--limit", "3")
    assert [record["frame"] for record in manifest(dataset)] == ["EP01/b.png"]


def test_the_order_of_episodes_is_natural(tmp_path: Path) -> None:
    for name in ("EP10/a", "EP2/a"):
        save_frame(tmp_path / f"{name}.png", patchwork(1))
    run(tmp_path)
    assert shown(tmp_path) == ["EP2/a.png"]


def test_an_unreadable_frame_is_listed_and_stays(dataset: Path, capsys: pytest.CaptureFixture[str]) -> None:
    broken = dataset / "EP01/b.png"
    broken.write_bytes(broken.read_bytes()[:500])
    assert run(dataset) == 1
    out, err = capsys.readouterr()
    assert broken.exists()
    assert str(broken) in err
    assert err.count("\n") == 1
    assert "1 unreadable" in out
    assert [record["frame"] for record in manifest(dataset)] == ["EP02/a.png", "EP02/c.png"]


def test_an_empty_folder_is_fine(tmp_path: Path) -> None:
    assert run(tmp_path) == 0
    assert listing(tmp_path) == []


def test_a_frame_that_was_removed_before_does_not_hide_another_of_its_name(dataset: Path) -> None:
    run(dataset)
    first = (dataset / SIMILAR / "EP01/b.png").read_bytes()
    content = save_frame(dataset / "EP01/b.png", patchwork(1, 160, 90)).read_bytes()
    run(dataset)
    assert "EP01/b.png" not in shown(dataset)
    aside = {path.read_bytes() for path in (dataset / ".removed").rglob("*.png")}
    assert {first, content} <= aside


def test_a_frame_whose_name_is_no_utf8_is_listed(dataset: Path) -> None:
    try:
        (dataset / "EP01/b.png").rename(os.fsdecode(os.fsencode(dataset) + b"/EP01/b\xe9.png"))
    except OSError:
        pytest.skip("this file system takes UTF-8 names only")
    assert run(dataset) == 1


@pytest.mark.parametrize("words", [[], ["--restore"]])
def test_a_dry_run_writes_nothing_at_all(dataset: Path, words: list[str]) -> None:
    if words:
        run(dataset)
    before, folders = tree(dataset), sorted(path for path in dataset.rglob("*"))
    times = [path.stat().st_mtime_ns for path in folders]
    assert run(dataset, "--dry_run", *words) == 0
    assert tree(dataset) == before
    assert sorted(path for path in dataset.rglob("*")) == folders
    assert [path.stat().st_mtime_ns for path in folders] == times


def test_a_dry_run_says_what_would_be_done(dataset: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(dataset, "--dry-run")
    assert "4 frames kept, 3 similar would go to" in capsys.readouterr().out
    run(dataset)
    run(dataset, "--dry-run", "--restore")
    assert "3 frames would be restored, in" in capsys.readouterr().out


def test_a_dry_run_does_not_finish_what_was_interrupted(dataset: Path) -> None:
    interrupt_at(dataset, 2)
    before = tree(dataset)
    run(dataset, "--dry_run")
    assert tree(dataset) == before


def test_restore_brings_everything_back_byte_by_byte(dataset: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = tree(dataset)
    run(dataset)
    assert run(dataset, "--restore") == 0
    assert tree(dataset, hidden=False) == before
    assert "3 frames restored, in" in capsys.readouterr().out
    assert [name for name in tree(dataset) if name.startswith(".removed")] == [".removed/manifest.jsonl"]


def test_restore_twice_is_restore_once(dataset: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(dataset)
    run(dataset, "--restore")
    before = tree(dataset)
    assert run(dataset, "--restore") == 0
    assert tree(dataset) == before
    assert "0 frames restored" in capsys.readouterr().out


def test_what_was_restored_can_be_removed_and_restored_again(dataset: Path) -> None:
    before = tree(dataset)
    for _ in range(2):
        run(dataset)
        assert len(shown(dataset)) == 4
        run(dataset, "--restore")
        assert tree(dataset, hidden=False) == before


def test_restore_where_nothing_was_removed(dataset: Path) -> None:
    before = tree(dataset)
    assert run(dataset, "--restore") == 0
    assert tree(dataset) == before


@pytest.mark.parametrize("taken", ["b.png", "b.jpg"])
def test_a_frame_whose_place_is_taken_stays_removed_and_is_listed(
    dataset: Path, taken: str, capsys: pytest.CaptureFixture[str]
) -> None:
    run(dataset)
    mine = save_frame(dataset / "EP01" / taken, patchwork(9)).read_bytes()
    run(dataset, "--restore")
    assert (dataset / "EP01" / taken).read_bytes() == mine
    assert (dataset / SIMILAR / "EP01/b.png").exists()
    out = capsys.readouterr().out
    assert "2 frames restored, 1 not" in out
    assert "EP01/b.png is there again" in out


def test_a_name_that_was_removed_twice_is_accounted_for_twice(
    dataset: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(dataset)
    save_frame(dataset / "EP01/b.png", patchwork(1, 160, 90))
    run(dataset)
    assert sorted(path.name for path in (dataset / SIMILAR / "EP01").glob("*.png")) == ["b.png", "b_2.png"]
    capsys.readouterr()
    run(dataset, "--restore")
    assert "3 frames restored, 1 not" in capsys.readouterr().out


def test_a_removed_frame_that_is_gone_is_not_restored(dataset: Path) -> None:
    run(dataset)
    (dataset / SIMILAR / "EP02/c.png").unlink()
    assert run(dataset, "--restore") == 0
    assert "EP02/c.png" not in shown(dataset)
    assert "EP01/b.png" in shown(dataset)


def test_sidecars_written_meanwhile_win_over_older_ones_and_both_stay(dataset: Path) -> None:
    run(dataset)
    (dataset / "EP01/b.json").write_text("newer")
    run(dataset, "--restore")
    assert (dataset / "EP01/b.json").read_text() == "newer"
    assert "of EP01/b.json" in [path.read_text() for path in (dataset / ".removed/replaced").iterdir()]


def interrupt_at(folder: Path, number: int, *words: str) -> int:
    """Run until just before the number-th file would be moved, counted from 0, and be killed there."""
    real, done = os.replace, [0]

    def killed(source: Path, target: Path) -> None:
        if done[0] == number:
            raise KeyboardInterrupt
        done[0] += 1
        real(source, target)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "replace", killed)
        return run(folder, *words)


@pytest.mark.parametrize("number", range(7))
def test_a_killed_run_is_completed_by_the_next(
    dataset: Path, tmp_path_factory: pytest.TempPathFactory, number: int
) -> None:
    whole = tmp_path_factory.mktemp("whole") / "dataset"
    shutil.copytree(dataset, whole)
    run(whole)
    assert interrupt_at(dataset, number) == 130
    assert run(dataset) == 0
    ignored = (".removed/manifest.jsonl", f"EP01/{STORE}", f"EP02/{STORE}")
    assert {name: value for name, value in tree(dataset).items() if name not in ignored} == {
        name: value for name, value in tree(whole).items() if name not in ignored
    }


@pytest.mark.parametrize("number", range(7))
def test_a_killed_restore_is_completed_by_the_next(dataset: Path, number: int) -> None:
    before = tree(dataset)
    run(dataset)
    assert interrupt_at(dataset, number, "--restore") == 130
    assert run(dataset, "--restore") == 0
    assert tree(dataset, hidden=False) == before


@pytest.mark.parametrize("number", range(7))
def test_a_killed_run_loses_nothing_when_it_is_restored(dataset: Path, number: int) -> None:
    before = tree(dataset)
    interrupt_at(dataset, number)
    assert run(dataset, "--restore") == 0
    assert tree(dataset, hidden=False) == before


def test_a_move_that_stopped_between_sidecar_and_frame_is_completed(dataset: Path) -> None:
    record = {"frame": "EP01/b.png", "to": ".removed/similar/EP01/b.png", "reason": "similar"}
    journal.append_line(dataset / ".removed/manifest.jsonl", record)
    (dataset / SIMILAR / "EP01").mkdir(parents=True)
    (dataset / "EP01/b.faces.json").rename(dataset / SIMILAR / "EP01/b.faces.json")
    run(dataset)
    assert listing(dataset / SIMILAR / "EP01") == [
        "b.faces.json",
        "b.json",
        "b.png",
        "b.png.tags",
    ]


def test_a_new_frame_where_the_last_removed_one_was_is_no_interrupted_move(dataset: Path) -> None:
    run(dataset)
    assert manifest(dataset)[-1]["frame"] == "EP02/c.png"
    new = save_frame(dataset / "EP02/c.png", patchwork(50, 160, 90)).read_bytes()  # extracted again, and like no other
    run(dataset)
    assert (dataset / "EP02/c.png").exists()
    assert (dataset / "EP02/c.png").read_bytes() == new


def test_a_torn_line_of_the_manifest_is_no_trouble(dataset: Path) -> None:
    run(dataset)
    path = dataset / ".removed/manifest.jsonl"
    path.write_bytes(path.read_bytes()[:-20])
    assert run(dataset) == 0
    assert run(dataset, "--restore") == 0
    assert "EP01/b.png" in shown(dataset)
    assert "EP02/a.png" in shown(dataset)


HOSTILE = [
    {"frame": "../stolen.png", "to": ".removed/similar/EP01/b.png", "reason": "similar"},
    {"frame": "EP01/b.png", "to": "../outside/secret.png", "reason": "similar"},
    {"frame": "EP01/b.png", "to": "../../x", "reason": "restored"},
    {"frame": "/etc/x.png", "to": "/etc/passwd", "reason": "similar"},
    {"frame": "link/x.png", "to": ".removed/similar/EP01/b.png", "reason": "similar"},
    {"frame": "", "to": ".", "reason": "similar"},
    {"frame": None, "to": 3},
    {"frame": ["EP01/b.png"], "to": {"a": 1}, "reason": ["restored"]},
    {"frame": "EP01/b.png\x00", "to": "\x00"},
    {"frame": "x" * 5000, "to": ".removed/similar/EP01/b.png", "reason": "similar"},
    {"frame": "new.png", "to": "x" * 5000, "reason": "similar"},
    {"frame": "\ud800.png", "to": "\ud800", "reason": "similar"},
    {},
]


@pytest.mark.parametrize("words", [[], ["--restore"], ["--restore", "--dry_run"]], ids=["run", "restore", "dry"])
@pytest.mark.parametrize("record", HOSTILE, ids=range(len(HOSTILE)))
def test_a_hostile_manifest_never_leads_outside(tmp_path: Path, record: dict[str, Any], words: list[str]) -> None:
    folder = tmp_path / "dataset"
    save_frame(folder / "EP01/b.png", patchwork(1))
    save_frame(folder / SIMILAR / "EP01/b.png", patchwork(2))
    save_frame(tmp_path / "outside/secret.png", patchwork(3))
    (folder / "link").symlink_to(tmp_path / "outside", target_is_directory=True)
    (folder / ".removed/manifest.jsonl").write_text(json.dumps(record) + "\n")
    before = tree(tmp_path / "outside")
    assert run(folder, *words) == (0 if words else 1)  # the linked folder is listed
    assert tree(tmp_path / "outside") == before
    assert listing(tmp_path) == ["dataset", "outside"]
    assert len(list(folder.rglob("*.png"))) == 2


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["--thresh", "1.5"], "1.5 is not between 0 and 1"),
        (["--treshold", "0.9"], "did you mean --thresh?"),
        (["--max-compare-size", "many"], "invalid int value"),
    ],
)
def test_wrong_use_is_one_sentence(
    dataset: Path, words: list[str], complaint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    before = tree(dataset)
    assert run(dataset, *words) == 2
    assert complaint in one_sentence(capsys.readouterr().err)
    assert tree(dataset) == before


@pytest.mark.parametrize("words", [[], ["--restore"]])
def test_a_missing_folder_is_one_sentence(tmp_path: Path, words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(tmp_path / "nowhere", *words) == 2
    assert "nowhere is not a folder" in one_sentence(capsys.readouterr().err)
    assert listing(tmp_path) == []


def test_two_frames_with_one_stem_are_listed_and_stay(dataset: Path, capsys: pytest.CaptureFixture[str]) -> None:
    save_frame(dataset / "EP01/b.jpg", patchwork(1))
    assert run(dataset) == 1
    assert capsys.readouterr().err.count("b.jpg and b.png would share their sidecars") == 2
    assert {"b.jpg", "b.png"} <= {path.name for path in (dataset / "EP01").iterdir()}
