"""The stages of a build: which run, what they wait for, and the words of their commands."""

from pathlib import Path

import pytest

from framekit.build import stages
from framekit.build.stages import STAGES, Show, chosen_stages, waits_for, words_of
from framekit.errors import UsageError
from tests.conftest import one_sentence

SHOW = Show(Path("videos"), Path("references"), Path("dataset"))
BARE = Show(Path("videos"), None, Path("dataset"))


def words(name: str, **told: object) -> str:
    return " ".join(words_of(name, Show(Path("v"), Path("r"), Path("d"), **told)))  # type: ignore[arg-type]


def test_all_stages_run_and_names_only_with_references() -> None:
    assert chosen_stages(SHOW) == [*STAGES]
    assert chosen_stages(BARE) == [name for name in STAGES if name != "characters"]


def test_some_run_in_their_order_or_all_from_one_on() -> None:
    assert chosen_stages(SHOW, ["tags", "extract"]) == ["extract", "tags"]
    assert chosen_stages(SHOW, resume_from="arrange") == ["arrange", "prepare", "check"]


def test_an_unknown_stage_names_the_nearest() -> None:
    with pytest.raises(UsageError, match="there is no stage faecs; did you mean faces"):
        chosen_stages(SHOW, ["faecs"])


def test_names_without_references_are_refused() -> None:
    with pytest.raises(UsageError) as caught:
        chosen_stages(BARE, ["characters"])
    one_sentence(str(caught.value))


def test_each_stage_waits_for_what_it_reads_also_through_others() -> None:
    assert waits_for("metadata", SHOW) == {"extract", "similar", "faces", "characters", "tags"}
    assert waits_for("extract", SHOW) == set()


def test_tags_wait_for_faces_only_where_they_read_them() -> None:
    assert "faces" in waits_for("tags", SHOW)
    by_file = Show(Path("v"), None, Path("d"), (), (), {"tag_images": {"model": "wd-swinv2-tagger-v3"}})
    assert waits_for("tags", by_file) == {"extract", "similar"}
    both = Show(Path("v"), None, Path("d"), (), (), {}, {"tag_images": {"model": ["measured", "wd"]}})
    assert "faces" in waits_for("tags", both)


def test_what_is_said_replaces_the_defaults_of_a_build() -> None:
    assert words("extract") == "extract_frames.py --src_dir v --dst_dir d/frames --prefix show"
    assert words("extract", settings={"extract_frames": {"prefix": "yama"}}).endswith(" --prefix yama")
    configs = [Path("a.toml"), Path("b.toml")]
    by_file = words("extract", configs=configs, tables={"extract_frames": {"prefix": "yama"}})
    assert by_file == "extract_frames.py --src_dir v --dst_dir d/frames --config a.toml --config b.toml"
    assert "--config" not in words("tags", configs=configs, tables={"extract_frames": {"prefix": "yama"}})


@pytest.mark.parametrize("way", stages.WAYS)
def test_another_way_of_arranging_replaces_links(way: str) -> None:
    assert words("arrange").endswith(" --hardlink")
    assert words("arrange", settings={"arrange_folders": {way: True}}).count("link") == way.count("link")


def test_trainers_with_a_folder_of_their_own_get_one_and_are_checked() -> None:
    assert "--dst_dir" not in words("prepare", trainers=["kohya"])
    assert words("prepare", trainers=["kohya", "musubi"]).endswith("--trainer kohya musubi --dst_dir d/export")
    assert words("check", trainers=["musubi"]) == (
        "prepare_training.py --src_dir d/training --trainer musubi --dst_dir d/export --check"
    )
    said = {"prepare_training": {"resolution": "sdxl", "max_tag_number": 9}}
    assert words("check", settings=said) == "prepare_training.py --src_dir d/training --resolution sdxl --check"


def test_a_shard_goes_to_the_stages_that_can_be_shared() -> None:
    shared = [name for name in STAGES if "--shard 2/3" in words(name, shard="2/3")]
    assert shared == ["extract", "faces", "characters", "tags", "metadata"]


def test_another_folder_than_that_of_the_build_is_refused() -> None:
    other = Show(Path("v"), None, Path("d"), (), (), {"tag_images": {"src_dir": "elsewhere"}})
    with pytest.raises(UsageError, match=r"src_dir in \[tag_images\] is elsewhere, and d.frames by \[build\]"):
        stages.refuse_other_folders(other)
    stages.refuse_other_folders(Show(Path("v"), None, Path("d"), (), (), {"tag_images": {"src_dir": "d/frames"}}))


def test_values_are_typed_so_that_they_are_read_back() -> None:
    typed = stages.as_words({"redo": True, "move": False, "end": None, "trainer": ["a", "b"], "x": "-dashed", "y": 0})
    assert typed == ["--redo", "--trainer", "a", "b", "--x=-dashed", "--y", "0"]


@pytest.mark.parametrize(
    ("word", "posix", "powershell"),
    [
        ("a b", "'a b'", "'a b'"),
        ("it's", "'it'\"'\"'s'", "'it''s'"),
        ("a,b", "a,b", "'a,b'"),
        ("--set", "--set", "--set"),
        ("--x=a.b", "--x=a.b", "'--x=a.b'"),
        ("$HOME", "'$HOME'", "'$HOME'"),
        ("", "''", "''"),
        ("D:\\show", "'D:\\show'", "D:\\show"),
        ("桜", "桜", "桜"),
    ],
)
def test_commands_are_quoted_for_their_shell(word: str, posix: str, powershell: str) -> None:
    assert stages.quoted(["python", word], powershell=True) == f"python {powershell}"
    if word != "桜":  # shlex puts it in quotes, which does no harm
        assert stages.quoted(["python", word], powershell=False) == f"python {posix}"


def test_folders_that_are_missing_are_told_before_the_start(tmp_path: Path) -> None:
    (tmp_path / "v").mkdir()
    for show, wanted in (
        (Show(tmp_path / "no", None, tmp_path / "d"), ["extract"]),
        (Show(tmp_path / "v", tmp_path / "no", tmp_path / "d"), ["extract", "characters"]),
        (Show(tmp_path / "v", None, tmp_path / "d"), ["faces"]),
    ):
        with pytest.raises(UsageError) as caught:
            stages.require_folders(show, wanted)
        assert str(tmp_path) in one_sentence(str(caught.value))
    stages.require_folders(Show(tmp_path / "v", None, tmp_path / "d"), ["extract"])


def test_shards_run_what_can_be_shared_and_say_what_one_runs_for_all() -> None:
    every = [*STAGES]
    assert stages.shared_part(every) == (["extract"], ["similar"])
    rest = chosen_stages(SHOW, resume_from="faces")
    assert stages.shared_part(rest) == (["faces", "characters", "tags", "metadata"], ["arrange", "prepare", "check"])
    with pytest.raises(UsageError, match="needs the whole show"):
        stages.shared_part(["similar"])
