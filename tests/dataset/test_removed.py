"""What happens to the trash of removed frames: brought back by reason or name, or deleted after asking."""

import io
from collections.abc import Callable
from pathlib import Path

import pytest

import remove_similar
from framekit.dataset import removed
from framekit.dedup import select
from framekit.files import journal
from tests.conftest import BLACK, one_sentence, patchwork, plain, save_frame, tree

Answer = Callable[[str], None]


@pytest.fixture
def trash(tmp_path: Path) -> Path:
    """Return a dataset of which a plain frame and a similar one, with sidecars, were set aside."""
    for name, pixels in {
        "EP01/a_1": patchwork(1, 160, 90),
        "EP01/a_2": patchwork(1, 160, 90),
        "EP01/a_30": plain(BLACK, 160, 90),
        "EP02/b_1": patchwork(2, 160, 90),
    }.items():
        save_frame(tmp_path / f"{name}.png", pixels)
    (tmp_path / "EP01/a_2.json").write_text("mine")
    assert run(tmp_path) == 0
    assert sorted(reasons(tmp_path).items()) == [("EP01/a_2.png", "similar"), ("EP01/a_30.png", "flat")]
    return tmp_path


@pytest.fixture
def answer(monkeypatch: pytest.MonkeyPatch) -> Answer:
    def give(text: str) -> None:
        monkeypatch.setattr("sys.stdin", io.StringIO(text))

    return give


def run(folder: Path, *words: str) -> int:
    return remove_similar.main(["--src_dir", str(folder), "--workers", "1", *words])


def reasons(folder: Path) -> dict[str, str]:
    """Return the frames that are removed now, and why."""
    return {record["frame"]: record["reason"] for _, _, record in removed.removed_now(folder)}


@pytest.mark.parametrize(
    "words", [["flat"], ["a_30"], ["a_30.png"], ["EP01/a_30.png"], [".removed/flat/EP01/a_30.png"]]
)
def test_a_reason_or_a_name_brings_back_what_it_means(trash: Path, words: list[str]) -> None:
    assert run(trash, "--restore", *words) == 0
    assert reasons(trash) == {"EP01/a_2.png": "similar"}
    assert (trash / "EP01/a_30.png").exists()


def test_reasons_and_names_go_together(trash: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(trash, "--restore", "flat", "a_2")
    assert reasons(trash) == {}
    assert (trash / "EP01/a_2.json").read_text() == "mine"
    assert "2 frames restored" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("word", "remedy"),
    [
        ("flatt", "did you mean flat?"),
        ("A_30.png", "did you mean a_30.png?"),
        ("EP01/a_31.png", "the reasons are small"),  # another number is another frame, not a mistyped one
        ("§", "the reasons are small, flat, dark, blurred, bright, fade, pan, similar, opening, ending, face_number,"),
        ("restored", ""),
    ],
)
def test_a_word_that_is_no_reason_and_no_removed_frame_is_an_error(
    trash: Path, word: str, remedy: str, capsys: pytest.CaptureFixture[str]
) -> None:
    before = tree(trash)
    capsys.readouterr()
    assert run(trash, "--restore", "flat", word) == 2
    complaint = one_sentence(capsys.readouterr().err)
    assert f"--restore {word}: neither a reason nor a frame that was removed in {trash}" in complaint
    assert remedy in complaint
    assert tree(trash) == before


def test_a_frame_that_was_never_removed_is_said_to_be_there(trash: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(trash, "--restore", "EP02/b_1.png") == 2
    assert f"--restore EP02/b_1.png: it is in {trash}" in one_sentence(capsys.readouterr().err)


@pytest.mark.parametrize("word", [*select.REASONS, "of_an_extension"])
def test_a_known_reason_without_frames_restores_nothing(
    tmp_path: Path, word: str, capsys: pytest.CaptureFixture[str]
) -> None:
    frame = save_frame(tmp_path / "a.png", patchwork(1))
    removed.remove(tmp_path, frame, "of_an_extension")
    assert run(tmp_path, "--restore", "of_an_extension") == 0
    capsys.readouterr()
    assert run(tmp_path, "--restore", word) == 0
    assert "0 frames restored, in" in capsys.readouterr().out


def test_a_frame_that_is_back_already_may_be_named_again(trash: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(trash, "--restore", "EP01/a_30.png")
    capsys.readouterr()
    assert run(trash, "--restore", "EP01/a_30.png") == 0
    assert "0 frames restored, in" in capsys.readouterr().out


def test_each_reason_stands_once_in_the_list() -> None:
    assert len(set(select.REASONS)) == len(select.REASONS)
    assert not {removed.RESTORED, removed.KEPT_BY_HAND, removed.PURGED} & set(select.REASONS)


def test_a_named_frame_is_kept_from_then_on(trash: Path) -> None:
    run(trash, "--restore", "a_30", "a_2")
    run(trash)
    assert reasons(trash) == {}


def test_a_frame_of_a_reason_may_be_removed_again(trash: Path) -> None:
    run(trash, "--restore", "flat")
    run(trash)
    assert reasons(trash)["EP01/a_30.png"] == "flat"


def test_a_frame_that_the_next_settings_would_keep_comes_back_by_its_reason(trash: Path) -> None:
    run(trash, "--restore", "flat")
    run(trash, "--min_contrast", "0", "--min_bright", "0", "--min_sharpness", "0")
    assert (trash / "EP01/a_30.png").exists()


@pytest.mark.parametrize("text", ["", "\n", "no\n", "n\n", "YESS\n"])
def test_nothing_is_deleted_without_a_yes(
    trash: Path, answer: Answer, text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    before = tree(trash)
    answer(text)
    capsys.readouterr()
    assert run(trash, "--purge") == 2
    assert tree(trash) == before
    assert "nothing was deleted" in one_sentence(capsys.readouterr().err)


@pytest.mark.parametrize("text", ["yes\n", "Y\n"])
def test_after_a_yes_the_removed_frames_with_their_sidecars_are_deleted_and_nothing_else(
    trash: Path, answer: Answer, text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    stays = tree(trash, hidden=False)
    (trash / ".removed/similar/EP01/notes.txt").write_text("not a frame")
    answer(text)
    assert run(trash, "--purge") == 0
    assert "2 removed frames deleted for good" in capsys.readouterr().out
    assert tree(trash, hidden=False) == stays
    aside = [path.relative_to(trash / ".removed").as_posix() for path in (trash / ".removed").rglob("*.*")]
    assert sorted(aside) == ["manifest.jsonl", "similar/EP01/notes.txt"]
    assert reasons(trash) == {}


def test_what_was_purged_is_not_restored_and_its_name_is_free(trash: Path, answer: Answer) -> None:
    answer("yes\n")
    run(trash, "--purge")
    assert run(trash, "--restore") == 0
    assert not (trash / "EP01/a_2.png").exists()
    save_frame(trash / "EP01/a_2.png", patchwork(7, 160, 90))
    run(trash)
    assert (trash / "EP01/a_2.png").exists()


def test_the_question_says_how_many_and_where(trash: Path, answer: Answer, capsys: pytest.CaptureFixture[str]) -> None:
    answer("no\n")
    run(trash, "--purge")
    assert f"delete 2 removed frames in {trash / '.removed'} for good?" in capsys.readouterr().out


def test_nothing_to_purge_is_not_asked_about(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(tmp_path, "--purge") == 0
    assert capsys.readouterr().out.startswith("0 removed frames deleted for good")


def test_a_dry_run_purges_nothing(trash: Path, answer: Answer) -> None:
    before = tree(trash)
    answer("yes\n")
    run(trash, "--purge", "--dry_run")
    assert tree(trash) == before


def test_a_hostile_manifest_purges_nothing_outside(tmp_path: Path, answer: Answer) -> None:
    outside = save_frame(tmp_path / "mine.png", patchwork(1))
    dataset = tmp_path / "dataset"
    dataset.mkdir()
    for where in ("../mine.png", str(outside)):
        journal.append_line(dataset / removed.MANIFEST, {"frame": "EP01/x.png", "to": where, "reason": "similar"})
    answer("yes\n")
    run(dataset, "--purge")
    assert outside.exists()


@pytest.mark.parametrize("where", ["EP01/a_1.png", ".removed/../EP01/a_1.png"])
def test_a_manifest_that_names_a_frame_of_the_dataset_purges_none(trash: Path, answer: Answer, where: str) -> None:
    journal.append_line(trash / removed.MANIFEST, {"frame": "EP01/x.png", "to": where, "reason": "similar"})
    answer("yes\n")
    run(trash, "--purge")
    assert (trash / "EP01/a_1.png").exists()
