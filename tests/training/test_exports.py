"""Folders for trainers: what each gets, that frames are not copied, and that edits and moves are followed."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

import prepare_training
from framekit.files import atomic
from framekit.files.atomic import read_toml
from tests.conftest import one_sentence, plain, tree
from tests.helpers_dataset import add_frame, add_text, correct, frames_in, names_in, set_time

KNOWN: dict[str, Any] = {"count": 1, "characters": ["Aoba"], "tags": ["long_hair", "red_hat", "sky", "tree"]}

ALL = ("everydream2", "kohya", "onetrainer", "diffusers")


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Return a dataset with 3 frames in one folder and 1 in another."""
    for name in ("a/x", "a/y", "a/z", "b/w"):
        add_frame(tmp_path / "set" / f"{name}.png", plain((90, 120, 150), 24, 24), **KNOWN)
    return tmp_path / "set"


def export(source: Path, *options: str) -> Path:
    """Prepare for trainers in a folder of their own; return it."""
    out = source.parent / "out"
    assert prepare_training.main(["--src_dir", str(source), "--dst_dir", str(out), *options]) == 0
    return out


def test_each_trainer_gets_a_folder_with_the_same_files_under_another_name(source: Path) -> None:
    before = tree(source)
    out = export(source, "--trainer", *ALL)
    assert names_in(out) == sorted(ALL)
    for trainer in ("everydream2", "kohya", "onetrainer", "diffusers/train"):
        assert frames_in(out / trainer) == frames_in(source)
        assert (out / trainer / "a" / "x.png").samefile(source / "a" / "x.png")
        assert (out / trainer / "a" / "x.txt").read_text() == "1person, Aoba, long hair, red hat, sky, tree\n"
    assert tree(source) == before
    assert (out / "everydream2" / "b" / "multiply.txt").read_text() == "3.0\n"
    assert not list((out / "kohya").rglob("multiply.txt"))
    (dataset,) = read_toml(out / "kohya" / "dataset_config.toml")["datasets"]
    found = {one["image_dir"]: one["num_repeats"] for one in dataset["subsets"]}
    assert found == {str(out / "kohya" / "a"): 1, str(out / "kohya" / "b"): 3}


def test_a_second_export_writes_nothing(source: Path) -> None:
    out = export(source, "--trainer", *ALL)
    before = tree(out)
    export(source, "--trainer", *ALL)
    after = tree(out)
    for trainer in ALL:
        for record in (".prepared.json", ".linked.json"):
            assert after.pop(f"{trainer}/{record}")[0] == before.pop(f"{trainer}/{record}")[0]
    assert after == before


def test_where_files_cannot_have_two_names_they_are_copied(source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> None:
        raise OSError(atomic.NO_LINKS[0], "no")

    monkeypatch.setattr(os, "link", refuse)
    out = export(source, "--trainer", "everydream2")
    assert (out / "everydream2" / "a" / "x.png").read_bytes() == (source / "a" / "x.png").read_bytes()
    before = (out / "everydream2" / "a" / "x.png").stat().st_ino
    export(source, "--trainer", "everydream2")
    assert (out / "everydream2" / "a" / "x.png").stat().st_ino == before


SPLIT_NAMES = (
    "test/val_1",
    "dev/x_test",
    "Aoba/train-1",
    "Aoba/train~-1",
    "Aoba/eval",
    "2 validation 3/m.training.9",
    "[Subs] Show/[Subs] Show_EP01",
    "train/validation",
)


def loaded(cache: Path, *names: str, **given: Any) -> list[tuple[str, tuple[int, int]]]:
    """Return caption and size of each row that datasets loads; all must be in one split."""
    datasets = pytest.importorskip("datasets")
    datasets.disable_progress_bars()
    found = datasets.load_dataset(*names, **given, cache_dir=str(cache))
    assert list(found) == ["train"]
    return sorted((row["text"], row["image"].size) for row in found["train"])


@pytest.mark.parametrize("where", ["out", "a test [1] folder"])
@pytest.mark.parametrize("own", [True, False])
def test_the_datasets_package_loads_any_names(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], where: str, own: bool
) -> None:
    source, out = tmp_path / "set" if own else tmp_path / where, tmp_path / where
    for number, name in enumerate(SPLIT_NAMES):
        add_frame(source / f"{name}.png", plain((90, 120, 150), 24 + number, 24), count=number, tags=[f"tag{number}"])
    options = ["--dst_dir", str(out)] if own else []
    assert prepare_training.main(["--src_dir", str(source), *options, "--trainer", "diffusers"]) == 0
    root = out / "diffusers" if own else source
    expected = sorted(
        (
            ", ".join([*[f"{number}people" if number > 1 else "1person"] * (number > 0), f"tag{number}"]),
            (24 + number, 24),
        )
        for number in range(len(SPLIT_NAMES))
    )
    (call,) = [line for line in capsys.readouterr().out.splitlines() if line.startswith("diffusers: ")]
    arguments = json.loads(call[call.index("{") : call.rindex("}") + 1])
    assert loaded(tmp_path / "1", "imagefolder", data_files=arguments) == expected
    if "[" not in where:
        assert loaded(tmp_path / "2", str(root)) == expected
        if own:
            assert loaded(tmp_path / "3", "imagefolder", data_dir=str(root)) == expected
            assert loaded(tmp_path / "4", "imagefolder", data_dir=str(root / "train")) == expected
    status = prepare_training.main(["--src_dir", str(root), "--trainer", "diffusers", "--check", "--resolution", "8"])
    said = capsys.readouterr().out
    assert status == 0 and ("for a split" in said) == (not own)
    (root / "README.md").unlink()
    status = prepare_training.main(["--src_dir", str(root), "--trainer", "diffusers", "--check", "--resolution", "8"])
    said = capsys.readouterr().out
    assert status == 1 and ("silently lost" in said) == (not own)


def test_weights_are_a_column(source: Path, tmp_path: Path) -> None:
    out = export(source, "--trainer", "diffusers")
    rows = [json.loads(line) for line in (out / "diffusers" / "train" / "metadata.jsonl").read_text().splitlines()]
    assert [(row["file_name"], row["multiply"]) for row in rows] == [
        ("a/x.png", 1.0), ("a/y.png", 1.0), ("a/z.png", 1.0), ("b/w.png", 3.0)
    ]  # fmt: skip


def test_a_card_of_somebody_else_stays(source: Path) -> None:
    (source / "README.md").write_text("mine")
    assert prepare_training.main(["--src_dir", str(source), "--trainer", "diffusers"]) == 0
    assert (source / "README.md").read_text() == "mine"


def test_concepts_of_onetrainer_are_whole_samples_whose_sum_is_the_epoch(source: Path) -> None:
    add_frame(source / "b" / "v.png", **KNOWN)
    out = export(source, "--trainer", "onetrainer")
    first, second = json.loads((out / "onetrainer" / "onetrainer_concepts.json").read_text())
    assert (first["path"], first["balancing"], first["balancing_strategy"]) == (
        str(out / "onetrainer" / "a"), 3, "SAMPLES",
    )  # fmt: skip
    assert (second["balancing"], second["include_subdirectories"]) == (3, False)
    assert second["text"]["prompt_source"] == "sample"


def test_a_wished_epoch_is_met_by_onetrainer_and_everydream2(source: Path) -> None:
    for number in range(7):
        add_frame(source / f"c{number}" / "v.png", **KNOWN)
    out = export(source, "--trainer", "onetrainer", "everydream2", "--target_epoch_size", "44")
    listed = json.loads((out / "onetrainer" / "onetrainer_concepts.json").read_bytes().decode("ascii"))
    assert sum(one["balancing"] for one in listed) == 44
    assert all(type(one["balancing"]) is int and one["balancing"] in (4, 5) for one in listed)
    factors = [float(path.read_text()) for path in sorted((out / "everydream2").rglob("multiply.txt"))]
    frames = [3, *[1] * 8]
    assert int(sum(factor for factor, number in zip(factors, frames, strict=True) for _ in range(number))) == 44


def test_folders_of_kohya_have_whole_repeats_in_their_name(source: Path, capsys: pytest.CaptureFixture[str]) -> None:
    add_frame(source / "regularization" / "r.png", **KNOWN)
    out = export(source, "--trainer", "kohya", "--kohya_form", "folders")
    assert frames_in(out / "kohya") == [
        "reg/1_regularization/r.png", "train/1_a/x.png", "train/1_a/y.png", "train/1_a/z.png", "train/3_b/w.png",
    ]  # fmt: skip
    assert (out / "kohya" / "train" / "3_b" / "w.txt").exists()
    assert f"--train_data_dir={out / 'kohya' / 'train'}" in capsys.readouterr().out
    assert not (out / "kohya" / "dataset_config.toml").exists()


def test_a_path_becomes_one_name(source: Path) -> None:
    add_frame(source / "1_character" / "Aoba" / "v.png", **KNOWN)
    out = export(source, "--trainer", "kohya", "--kohya_form", "folders")
    assert [name for name in names_in(out / "kohya" / "train") if name.endswith("_1_character~Aoba")]


def test_repeats_that_change_move_frames_with_their_edited_captions(source: Path) -> None:
    options = ("--trainer", "kohya", "--kohya_form", "folders")
    out = export(source, *options)
    add_text(out / "kohya" / "train" / "3_b" / "w.png", ".txt", "by hand\n")
    add_frame(source / "b" / "v.png", **KNOWN)
    add_frame(source / "b" / "u.png", **KNOWN)
    export(source, *options)
    assert names_in(out / "kohya" / "train") == ["1_a", "1_b"]
    assert (out / "kohya" / "train" / "1_b" / "w.txt").read_text() == "by hand\n"


def test_metadata_for_fine_tuning_in_the_form_of_both_releases(source: Path) -> None:
    out = export(source, "--trainer", "kohya", "--kohya_form", "metadata")
    root = out / "kohya"
    assert json.loads((root / "kohya_metadata_3.json").read_text()) == {
        str(root / "b" / "w.png"): {"caption": "1person, Aoba, long hair, red hat, sky, tree"}
    }
    config = read_toml(root / "dataset_config.toml")
    (dataset,) = config["datasets"]
    assert [(Path(one["metadata_file"]).name, one["num_repeats"]) for one in dataset["subsets"]] == [
        ("kohya_metadata_1.json", 1), ("kohya_metadata_3.json", 3),
    ]  # fmt: skip
    assert "caption_extension" not in config["general"]


def test_regularization_is_told_to_kohya(source: Path) -> None:
    add_frame(source / "regularization" / "r.png", **KNOWN)
    assert prepare_training.main(["--src_dir", str(source)]) == 0
    (dataset,) = read_toml(source / "dataset_config.toml")["datasets"]
    assert [Path(one["image_dir"]).name for one in dataset["subsets"] if one.get("is_reg")] == ["regularization"]
    assert (source / "regularization" / "multiply.txt").read_text() == "15.0\n"


def test_captions_and_factors_edited_in_the_dataset_reach_every_trainer(source: Path) -> None:
    assert prepare_training.main(["--src_dir", str(source)]) == 0
    add_text(source / "a" / "x.png", ".txt", "by hand\n")
    (source / "b" / "multiply.txt").write_text("2")
    out = export(source, "--trainer", *ALL)
    for trainer in ("everydream2", "kohya", "onetrainer", "diffusers/train"):
        assert (out / trainer / "a" / "x.txt").read_text() == "by hand\n"
    assert (out / "everydream2" / "b" / "multiply.txt").read_text() == "2.0\n"
    rows = [json.loads(line) for line in (out / "diffusers" / "train" / "metadata.jsonl").read_text().splitlines()]
    assert {row["text"] for row in rows if row["file_name"] == "a/x.png"} == {"by hand"}
    (dataset,) = read_toml(out / "kohya" / "dataset_config.toml")["datasets"]
    assert [one["num_repeats"] for one in dataset["subsets"]] == [1, 2]


def test_a_caption_edited_in_the_folder_of_a_trainer_stays(source: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = export(source)
    edited = add_text(out / "kohya" / "a" / "x.png", ".txt", "by hand\n")
    correct(source / "a" / "x.png", characters=["Hinata"])
    export(source)
    assert edited.read_text() == "by hand\n"
    assert (out / "everydream2" / "a" / "x.txt").read_text() == "1person, Hinata, long hair, red hat, sky, tree\n"
    assert "kept 1 hand-edited file," in capsys.readouterr().out


@pytest.mark.parametrize("options", [[], ["--dst_dir"]])
def test_an_edited_caption_stands_in_lists_of_captions_too(source: Path, options: list[str]) -> None:
    words = [*options, str(source.parent / "out")] if options else []
    root = source.parent / "out" / "diffusers" / "train" if options else source
    for _ in range(2):
        assert prepare_training.main(["--src_dir", str(source), "--trainer", "diffusers", *words]) == 0
        add_text(root / "a" / "x.png", ".txt", "by hand\n")
    rows = [json.loads(line) for line in (root / "metadata.jsonl").read_text().splitlines()]
    assert {row["file_name"]: row["text"] for row in rows}["a/x.png"] == "by hand"


def test_a_caption_edited_in_an_export_follows_its_frame_to_another_folder(source: Path) -> None:
    for number, frame in enumerate(sorted(source.rglob("*.png"))):
        set_time(frame, 1_700_000_000 + number)
    out = export(source, "--trainer", "kohya", "diffusers")
    (out / "kohya/a/x.txt").write_text("x by hand")
    (out / "diffusers/train/b/w.txt").write_text("w by hand")
    (source / "c").mkdir()
    for path in source.glob("a/x.*"):
        path.rename(source / "c" / path.name)
    for old, new in (("b/w", "b/v"), ("a/y", "b/w"), ("b/v", "a/y")):  # these two change places
        for suffix in (".png", ".json"):
            (source / f"{old}{suffix}").rename(source / f"{new}{suffix}")
    export(source, "--trainer", "kohya", "diffusers")
    assert frames_in(out / "kohya") == frames_in(source) == ["a/y.png", "a/z.png", "b/w.png", "c/x.png"]
    assert (out / "kohya/c/x.txt").read_text() == "x by hand"
    assert (out / "diffusers/train/a/y.txt").read_text() == "w by hand"
    assert (out / "diffusers/train/b/w.txt").read_text() != "w by hand"
    before = tree(out, hidden=False)
    export(source, "--trainer", "kohya", "diffusers")
    assert tree(out, hidden=False) == before


def test_a_frame_that_left_the_dataset_is_set_aside_and_comes_back(source: Path) -> None:
    out = export(source, "--trainer", "kohya") / "kohya"
    add_text(out / "a" / "x.png", ".txt", "by hand\n")
    (source / "a" / "x.png").rename(source.parent / "x.png")
    (source / "a" / "x.json").rename(source.parent / "x.json")
    export(source, "--trainer", "kohya")
    assert "a/x.png" not in frames_in(out)
    assert (out.parent / ".removed" / "kohya" / "stale" / "a" / "x.png").exists()
    assert not list(out.rglob(".*/**/*.png"))  # some trainers walk hidden folders, too
    (source.parent / "x.png").rename(source / "a" / "x.png")
    (source.parent / "x.json").rename(source / "a" / "x.json")
    export(source, "--trainer", "kohya")
    assert (out / "a" / "x.txt").read_text() == "by hand\n"
    assert not (out.parent / ".removed" / "kohya" / "stale" / "a" / "x.png").exists()


@pytest.mark.parametrize("by_hand", [False, True])
def test_the_factor_of_an_emptied_folder_goes_unless_a_person_wrote_it(source: Path, by_hand: bool) -> None:
    out = export(source, "--trainer", "everydream2") / "everydream2"
    factor = out / "a" / "multiply.txt"
    if by_hand:
        factor.write_text("9\n")
    (source / "a").rename(source / "c")
    export(source, "--trainer", "everydream2")
    assert factor.exists() == by_hand
    assert (out / "c" / "multiply.txt").exists()


@pytest.mark.parametrize("below", ["", "deeper"])
def test_a_file_in_place_of_the_folder_is_one_sentence(
    source: Path, capsys: pytest.CaptureFixture[str], below: str
) -> None:
    file = source.parent / "file"
    file.write_text("x")
    options = ["--src_dir", str(source), "--dst_dir", str(file / below), "--trainer", "kohya", "parquet"]
    assert prepare_training.main(options) == 2
    assert str(file) in capsys.readouterr().err


def test_frames_that_a_person_added_to_an_export_stay(source: Path) -> None:
    out = export(source, "--trainer", "everydream2") / "everydream2"
    add_frame(out / "a" / "mine.png")
    export(source, "--trainer", "everydream2")
    assert (out / "a" / "mine.png").exists()


@pytest.mark.parametrize("call", range(1, 12))
def test_a_killed_export_is_completed(source: Path, monkeypatch: pytest.MonkeyPatch, call: int) -> None:
    options = ("--trainer", "kohya", "--kohya_form", "folders")
    out = export(source, *options)
    add_text(out / "kohya" / "train" / "3_b" / "w.png", ".txt", "by hand\n")
    add_frame(source / "b" / "v.png", **KNOWN)
    add_frame(source / "b" / "u.png", **KNOWN)
    calls, replace = 0, os.replace

    def replace_until_killed(*paths: Any) -> None:
        nonlocal calls
        calls += 1
        if calls == call:
            raise KeyboardInterrupt
        replace(*paths)

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", replace_until_killed)
        assert prepare_training.main(["--src_dir", str(source), "--dst_dir", str(out), *options]) in (0, 130)
    export(source, *options)
    assert names_in(out / "kohya" / "train") == ["1_a", "1_b"]
    assert (out / "kohya" / "train" / "1_b" / "w.txt").read_text() == "by hand\n"
    assert len(frames_in(out / "kohya")) == 6
    assert not [path for path in out.rglob("*") if path.name.endswith(".tmp")]


def test_several_captions_for_those_who_take_them(source: Path) -> None:
    options = ["--captions_per_frame", "3", "--shuffle_tags", "--keep_tokens_separator", "|||"]
    correct(source / "a" / "x.png", tags=["hat", "a{b}", "sky", "tree"])
    out = export(source, "--trainer", *ALL, *options)
    lines = (out / "kohya" / "a" / "x.txt").read_text().splitlines()
    assert len(lines) == 3 == len(set(lines))
    assert all(line.startswith("1person, Aoba ||| ") and "a{{b}}" in line for line in lines)
    others = (out / "onetrainer" / "a" / "x.txt").read_text().splitlines()
    assert len(others) == 3
    assert all("|||" not in line and "a{b}" in line for line in others)
    assert len((out / "everydream2" / "a" / "x.txt").read_text().splitlines()) == 1
    general = read_toml(out / "kohya" / "dataset_config.toml")["general"]
    assert (general["keep_tokens_separator"], general["shuffle_caption"], general["enable_wildcard"]) == (
        "|||", True, True,
    )  # fmt: skip


@pytest.mark.parametrize("options", [["--captions_per_frame", "2"], ["--keep_tokens_separator", "|||"]])
def test_what_one_trainer_would_misread_is_refused_in_a_shared_folder(
    source: Path, capsys: pytest.CaptureFixture[str], options: list[str]
) -> None:
    before = tree(source)
    assert prepare_training.main(["--src_dir", str(source), *options]) == 2
    assert "--dst_dir" in one_sentence(capsys.readouterr().err)
    assert tree(source) == before


@pytest.mark.parametrize("where", ["set/out", ".", "set"])
def test_an_export_among_the_frames_is_refused(source: Path, capsys: pytest.CaptureFixture[str], where: str) -> None:
    out = source.parent / where
    assert prepare_training.main(["--src_dir", str(source), "--dst_dir", str(out)]) == 2
    assert "lies in" in one_sentence(capsys.readouterr().err)


def test_folders_of_kohya_need_a_place(source: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert prepare_training.main(["--src_dir", str(source), "--kohya_form", "folders"]) == 2
    assert "--dst_dir" in one_sentence(capsys.readouterr().err)


def test_a_list_of_trainers_may_stand_in_the_configuration(source: Path) -> None:
    config = source.parent / "set.toml"
    config.write_text('[prepare_training]\ntrainer = ["onetrainer"]\n')
    assert prepare_training.main(["--src_dir", str(source), "--config", str(config)]) == 0
    assert (source / "onetrainer_concepts.json").exists()
    assert not (source / "dataset_config.toml").exists()


def test_a_folder_named_train_in_the_dataset_is_one_folder_among_others(source: Path) -> None:
    add_frame(source / "train" / "t.png", **KNOWN)
    assert prepare_training.main(["--src_dir", str(source), "--trainer", "diffusers"]) == 0
    rows = [json.loads(line) for line in (source / "metadata.jsonl").read_text().splitlines()]
    assert sorted(row["file_name"] for row in rows) == ["a/x.png", "a/y.png", "a/z.png", "b/w.png", "train/t.png"]


def checked(capsys: pytest.CaptureFixture[str], *options: str) -> list[str]:
    """Run a check; return the words before the verdict, one for each folder that was read."""
    capsys.readouterr()
    assert prepare_training.main(["--check", "--resolution", "8", *options]) == 0
    return [
        line.partition(" would: 0 problems")[0] for line in capsys.readouterr().out.splitlines() if "0 prob" in line
    ]


@pytest.mark.parametrize("trainer", [*ALL, "ai-toolkit", "simpletuner", "musubi", "webdataset"])
def test_a_check_knows_whose_export_it_reads(
    source: Path, trainer: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for frame in source.rglob("*.png"):
        add_frame(frame, plain((90, 120, 100 + ord(frame.stem)), 24, 24))
    out, expected = export(source, "--trainer", trainer), [f"4 frames read as {trainer}"]
    assert checked(capsys, "--src_dir", str(out / trainer)) == expected
    assert checked(capsys, "--src_dir", str(out)) == expected
    assert checked(capsys, "--src_dir", str(source), "--dst_dir", str(out)) == expected
    assert checked(capsys, "--src_dir", str(source), "--dst_dir", str(out), "--trainer", trainer) == expected
    monkeypatch.chdir(out / trainer)
    assert checked(capsys, "--src_dir", ".") == expected


def test_a_check_reads_each_export_beside_others(source: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for frame in source.rglob("*.png"):
        add_frame(frame, plain((90, 120, 100 + ord(frame.stem)), 24, 24))
    out = export(source, "--trainer", "kohya", "onetrainer")
    assert checked(capsys, "--src_dir", str(out)) == ["4 frames read as kohya", "4 frames read as onetrainer"]


def test_a_dataset_called_like_a_trainer_is_no_export(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    add_frame(tmp_path / "kohya" / "a" / "x.png", plain((90, 120, 150), 24, 24), **KNOWN)
    assert prepare_training.main(["--src_dir", str(tmp_path / "kohya")]) == 0
    assert checked(capsys, "--src_dir", str(tmp_path / "kohya")) == ["1 frame read as everydream2, kohya"]
