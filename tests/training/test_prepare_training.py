"""Captions, factors and kohya's config: the bytes that trainers read, and the edits that stay."""

import json
from pathlib import Path, PurePosixPath
from typing import Any

import pytest

import arrange_folders
import generate_metadata
import prepare_training
from framekit.files import atomic
from framekit.files.atomic import read_toml
from tests.conftest import one_sentence, tree
from tests.helpers_dataset import MIDDLE, add_faces, add_frame, add_json, add_names, add_text, correct, names_in

AOBA: dict[str, Any] = {"count": 1, "characters": ["Aoba"], "general": "anishot", "tags": ["long_hair"]}

CAPTION = "1person, Aoba, anishot, long hair\n"


def prepare(folder: Path, *options: str) -> int:
    return prepare_training.main(["--src_dir", str(folder), *options])


def add(folder: Path, name: str = "x", **fields: Any) -> Path:
    """Write a frame with X.json, of Aoba unless fields say otherwise; return its path."""
    return add_frame(folder / f"{name}.png", **(AOBA | fields))


def caption_of(frame: Path) -> str:
    return frame.with_suffix(".txt").read_bytes().decode()


def factors(root: Path) -> dict[str, float]:
    """Return what is in each multiply.txt by its folder."""
    found = {path.parent.relative_to(root).as_posix(): path.read_text() for path in root.rglob("multiply.txt")}
    return {folder: float(text) for folder, text in found.items()}


def subsets(root: Path) -> list[dict[str, Any]]:
    """Return kohya's subsets."""
    (dataset,) = read_toml(root / "dataset_config.toml")["datasets"]
    found: list[dict[str, Any]] = dataset["subsets"]
    return found


def repeats(root: Path) -> dict[str, int]:
    """Return kohya's repeats by folder."""
    return {Path(one["image_dir"]).relative_to(root).as_posix(): one["num_repeats"] for one in subsets(root)}


def test_a_caption_is_one_line_of_utf8_without_a_mark(tmp_path: Path) -> None:
    frame = add(tmp_path, characters=["倉上ひなた"], general="a\nb")
    assert prepare(tmp_path) == 0
    assert frame.with_suffix(".txt").read_bytes() == "1person, 倉上ひなた, a b, long hair\n".encode()


def test_the_example_of_the_specification(tmp_path: Path) -> None:
    frame = add_frame(
        tmp_path / "x.png",
        count=2,
        characters=["KuraueHinata", "AobaKokona"],
        general="anishot yamaS2EP04",
        facepos=["fvp 42 70 fhp 22 39", "fvp 15 37 fhp 62 75"],
        tags=["backpack", "outdoors"],
    )
    assert prepare(tmp_path, "--use_facepos_prob", "1") == 0
    assert caption_of(frame) == (
        "2people, KuraueHinata AobaKokona, anishot yamaS2EP04,"
        " fvp 42 70 fhp 22 39 fvp 15 37 fhp 62 75, backpack, outdoors\n"
    )


@pytest.mark.parametrize(
    ("options", "caption"),
    [
        ([], "1person, Aoba, anishot, by kit, long hair, red hat"),
        (["--keep_underscores"], "1person, Aoba, anishot, by kit, long_hair, red_hat"),
        (["--max_tag_number", "1"], "1person, Aoba, anishot, by kit, long hair"),
        (["--max_tag_number", "0"], "1person, Aoba, anishot, by kit"),
        (["--use_count_prob", "0"], "Aoba, anishot, by kit, long hair, red hat"),
        (["--use_character_prob", "0"], "1person, anishot, by kit, long hair, red hat"),
        (["--use_copyright_prob", "1"], "1person, Aoba, from show, anishot, by kit, long hair, red hat"),
        (["--use_general_prob", "0"], "1person, Aoba, by kit, long hair, red hat"),
        (["--use_artist_prob", "0"], "1person, Aoba, anishot, long hair, red hat"),
        (["--use_tags_prob", "0"], "1person, Aoba, anishot, by kit"),
        (["--use-tags-prob", "0"], "1person, Aoba, anishot, by kit"),
    ],
)
def test_options_choose_the_parts(tmp_path: Path, options: list[str], caption: str) -> None:
    frame = add(tmp_path, copyright=["show"], artist=["kit"], tags=["long_hair", "red_hat"])
    assert prepare(tmp_path, *options) == 0
    assert caption_of(frame) == f"{caption}\n"


def test_another_frame_changes_no_caption(tmp_path: Path) -> None:
    frames = [add(tmp_path, f"{n}", tags=[f"t{k}" for k in range(9)]) for n in range(1, 9)]
    options = ("--shuffle_tags", "--use_character_prob", "0.5")
    assert prepare(tmp_path, *options) == 0
    before = [caption_of(frame) for frame in frames]
    assert len(set(before)) == 8
    add(tmp_path, "0")
    assert prepare(tmp_path, *options) == 0
    assert [caption_of(frame) for frame in frames] == before
    assert prepare(tmp_path, *options, "--seed", "1") == 0
    assert [caption_of(frame) for frame in frames] != before


@pytest.mark.parametrize("others", [None, '["1girl"]'])
def test_frames_without_metadata_are_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], others: str | None
) -> None:
    for name in "abc":
        frame = add_frame(tmp_path / f"{name}.png")
        if others:
            add_text(frame, ".json", others)
    command = f"run generate_metadata.py --src_dir {tmp_path}"
    assert prepare(tmp_path) == 2
    assert one_sentence(capsys.readouterr().err) == f"no frame in {tmp_path} has an X.json yet; {command} first"
    good = add(tmp_path, "good")
    assert prepare(tmp_path) == 1
    said = capsys.readouterr()
    sentence = f"left out: 3 frames without X.json yet, such as {tmp_path / 'a.png'}; {command}"
    assert one_sentence(said.err) == sentence
    assert "unreadable" not in said.out
    assert caption_of(good) == CAPTION


@pytest.mark.parametrize("text", ["{", '{"count": 1, "tags": 3}'])
def test_a_frame_without_usable_metadata_is_listed_and_the_others_are_done(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str
) -> None:
    good, bad = add(tmp_path, "good"), add_frame(tmp_path / "bad.png")
    add_text(bad, ".json", text)
    assert prepare(tmp_path) == 1
    assert caption_of(good) == CAPTION
    assert not bad.with_suffix(".txt").exists()
    said = capsys.readouterr()
    assert f"unreadable: {bad}: " in said.err
    assert "1 caption, 1 folder balanced" in said.out
    assert "1 unreadable" in said.out


@pytest.mark.parametrize("name", ["1.txt", "multiply.txt", "dataset_config.toml"])
def test_a_folder_in_place_of_a_file_is_listed_and_the_rest_is_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    add(tmp_path, "1")
    add(tmp_path, "2")
    (tmp_path / name).mkdir()
    assert prepare(tmp_path) == 1
    assert f"{tmp_path / name}: it is a folder where a file is needed" in one_sentence(capsys.readouterr().err)
    made = {path.name for path in tmp_path.iterdir() if path.is_file()}
    assert {"1.txt", "2.txt", "multiply.txt", "dataset_config.toml"} - made == {name}


@pytest.mark.parametrize("name", ["multiply", "flip_p"])
def test_a_frame_named_like_a_file_of_the_trainer_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    add(tmp_path, name)
    assert prepare(tmp_path) in (1, 2)
    assert f"{name}.png" in capsys.readouterr().err


def test_a_second_run_writes_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    add(tmp_path / "a")
    add(tmp_path / "b", "y")
    assert prepare(tmp_path) == 0
    before = tree(tmp_path)
    assert prepare(tmp_path) == 0
    after = tree(tmp_path)
    assert after.pop(".prepared.json")[0] == before.pop(".prepared.json")[0]
    assert after == before
    assert "2 captions, 2 folders balanced" in capsys.readouterr().out


def test_an_edited_caption_stays_and_is_counted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    edited, other = add(tmp_path), add(tmp_path, "y")
    assert prepare(tmp_path) == 0
    assert "hand-edited" not in capsys.readouterr().out
    add_text(edited, ".txt", "by hand\n")
    for tags in (["hat"], ["cap"]):
        correct(edited, tags=tags)
        correct(other, tags=tags)
        assert prepare(tmp_path) == 0
        assert caption_of(edited) == "by hand\n"
        assert caption_of(other) == f"1person, Aoba, anishot, {tags[0]}\n"
        assert "kept 1 hand-edited file," in capsys.readouterr().out


def test_a_correction_changes_the_caption(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    frame = add(tmp_path)
    assert prepare(tmp_path) == 0
    for names in (["Hinata"], ["Aoba"], ["Hinata"]):
        correct(frame, characters=names)
        assert prepare(tmp_path) == 0
        assert caption_of(frame) == f"1person, {names[0]}, anishot, long hair\n"
    assert "hand-edited" not in capsys.readouterr().out


def test_other_options_change_the_captions(tmp_path: Path) -> None:
    frame = add(tmp_path)
    for _ in range(2):
        assert prepare(tmp_path, "--keep_underscores") == 0
        assert caption_of(frame) == "1person, Aoba, anishot, long_hair\n"
        assert prepare(tmp_path) == 0
        assert caption_of(frame) == CAPTION


def test_a_caption_that_was_there_before_stays(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    frame = add(tmp_path)
    add_text(frame, ".txt", "from another tool")
    assert prepare(tmp_path) == 0
    assert caption_of(frame) == "from another tool"
    assert "kept 1 hand-edited file," in capsys.readouterr().out


def test_edits_can_be_dropped(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    frame = add(tmp_path)
    assert prepare(tmp_path) == 0
    before = {name: content for name, (content, _) in tree(tmp_path).items()}
    add_text(frame, ".txt", "by hand")
    (tmp_path / "multiply.txt").write_text("7")
    (tmp_path / "dataset_config.toml").write_text("# by hand")
    capsys.readouterr()
    assert prepare(tmp_path, "--overwrite_corrections") == 0
    assert {name: content for name, (content, _) in tree(tmp_path).items()} == before
    assert "hand-edited" not in capsys.readouterr().out


def test_other_line_ends_are_no_edit(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    frame = add(tmp_path)
    assert prepare(tmp_path) == 0
    frame.with_suffix(".txt").write_bytes(CAPTION.replace("\n", "\r\n").encode())
    correct(frame, characters=["Hinata"])
    assert prepare(tmp_path) == 0
    assert caption_of(frame) == "1person, Hinata, anishot, long hair\n"
    assert "hand-edited" not in capsys.readouterr().out


def test_a_deleted_caption_is_written_again(tmp_path: Path) -> None:
    frame = add(tmp_path)
    assert prepare(tmp_path) == 0
    frame.with_suffix(".txt").unlink()
    assert prepare(tmp_path) == 0
    assert caption_of(frame) == CAPTION


def test_captions_in_other_folders_are_still_known(tmp_path: Path) -> None:
    frame = add(tmp_path / "a")
    assert prepare(tmp_path) == 0
    (tmp_path / "a").rename(tmp_path / "b")
    moved = tmp_path / "b" / frame.name
    correct(moved, characters=["Hinata"])
    assert prepare(tmp_path) == 0
    assert caption_of(moved) == "1person, Hinata, anishot, long hair\n"


@pytest.mark.parametrize("first", ["a", "b"])
def test_frames_of_one_name_in_two_folders_are_told_apart(tmp_path: Path, first: str) -> None:
    one, other = add(tmp_path / "a", general="one"), add(tmp_path / "b", general="other")
    assert prepare(tmp_path) == 0
    corrected = one if first == "a" else other
    correct(corrected, characters=["Hinata"])
    assert prepare(tmp_path) == 0
    assert caption_of(one) == f"1person, {'Hinata' if first == 'a' else 'Aoba'}, one, long hair\n"
    assert caption_of(other) == f"1person, {'Hinata' if first == 'b' else 'Aoba'}, other, long hair\n"


def test_metadata_that_was_broken_for_a_while_changes_its_caption_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    add(tmp_path / "a", general="one")
    frame = add(tmp_path / "b", general="other")
    assert prepare(tmp_path) == 0
    held = frame.with_suffix(".json").read_text()
    add_text(frame, ".json", "{")
    assert prepare(tmp_path) == 1
    add_text(frame, ".json", held)
    correct(frame, characters=["Hinata"])
    capsys.readouterr()
    assert prepare(tmp_path) == 0
    assert caption_of(frame) == "1person, Hinata, other, long hair\n"
    assert "hand-edited" not in capsys.readouterr().out


def test_a_frame_that_gets_its_own_name_back_still_has_its_caption(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    add(tmp_path / "dataset" / "EP1", general="one")
    frame = add(tmp_path / "dataset" / "EP2", general="two")
    arranged = tmp_path / "arranged"
    folders = ["--src_dir", str(tmp_path / "dataset"), "--dst_dir", str(arranged), "--format", "character"]
    options = ["--min_image_per_combination", "1"]
    assert arrange_folders.main([*folders, *options]) == 0
    assert prepare(arranged) == 0
    assert caption_of(arranged / "Aoba" / "x_2.png") == "1person, Aoba, two, long hair\n"
    correct(frame, characters=["Hinata"])
    assert arrange_folders.main([*folders, *options]) == 0
    capsys.readouterr()
    assert prepare(arranged) == 0
    assert caption_of(arranged / "Hinata" / "x.png") == "1person, Hinata, two, long hair\n"
    assert "hand-edited" not in capsys.readouterr().out


@pytest.mark.parametrize("call", range(1, 9))
def test_a_killed_run_takes_nothing_for_an_edit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], call: int
) -> None:
    frames = [add(tmp_path, f"{n}") for n in range(3)]
    assert prepare(tmp_path) == 0
    calls = 0

    def write_until_killed(path: Path, content: str | bytes, is_edited: Any) -> bool:
        nonlocal calls
        calls += 1
        if calls == call:
            raise KeyboardInterrupt
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return True

    with monkeypatch.context() as patch:
        patch.setattr(atomic, "write_unless", write_until_killed)
        assert prepare(tmp_path, "--keep_underscores", "--min_multiply", "2") in (0, 130)
    capsys.readouterr()
    assert prepare(tmp_path, "--max_tag_number", "0") == 0
    assert [caption_of(frame) for frame in frames] == ["1person, Aoba, anishot\n"] * 3
    assert factors(tmp_path) == {".": 1.0}
    assert "hand-edited" not in capsys.readouterr().out


@pytest.mark.parametrize("text", ["{", "[]", '{"x": 3}'])
def test_a_damaged_record_is_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str) -> None:
    frame = add(tmp_path)
    (tmp_path / ".prepared.json").write_text(text)
    assert prepare(tmp_path) == 2
    assert ".prepared.json" in one_sentence(capsys.readouterr().err)
    assert not frame.with_suffix(".txt").exists()


WEIGHTS = "1_character,3\nclass1,4\n*class2,6\n"


def add_worked_example(root: Path) -> None:
    """Write the worked example of the older script generation: four folders, and weights.csv beside the root."""
    for folder, number in {
        "1_character/class1": 3,
        "1_character/class2": 3,
        "others/class1": 10,
        "others/class3": 1,
    }.items():
        for n in range(number):
            add(root / folder, f"{PurePosixPath(folder).name}_{n}")
    (root.parent / "weights.csv").write_text(WEIGHTS, encoding="utf-8")


def test_the_worked_example_of_the_balance(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    root = tmp_path / "arranged"
    add_worked_example(root)
    assert prepare(root, "--weight_csv", str(tmp_path / "weights.csv")) == 0
    assert factors(root) == {
        "1_character/class1": 5.0,
        "1_character/class2": 7.5,
        "others/class1": 1.0,
        "others/class3": 2.5,
    }
    # Whole numbers for kohya in the same proportion.
    assert repeats(root) == {
        "1_character/class1": 10,
        "1_character/class2": 15,
        "others/class1": 2,
        "others/class3": 5,
    }
    said = capsys.readouterr().out
    assert "kohya: shares off by 0.0% at most, repeats up to 15" in said
    table = [line.split() for line in said.splitlines()]
    assert table[:4] == [
        ["frames", "weight", "multiply", "repeats", "before", "after", "folder"],
        ["17", "100.0%", "100.0%", "all"],
        ["6", "3", "35.3%", "75.0%", "1_character", "#" * 30],
        ["3", "4", "5", "10", "17.6%", "30.0%", "class1", "#" * 12],
    ]


def test_kohya_never_repeats_more_often_than_wished(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = tmp_path / "arranged"
    add_worked_example(root)
    assert prepare(root, "--weight_csv", str(tmp_path / "weights.csv"), "--max_repeats", "6") == 0
    assert max(repeats(root).values()) <= 6
    assert "kohya's shares off by 0.0% at most" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("resolution", "least", "most"), [(512, 256, 1024), (1024, 256, 2048), (768, 256, 1536), (200, 192, 448)]
)
def test_buckets_go_up_to_twice_the_resolution(tmp_path: Path, resolution: int, least: int, most: int) -> None:
    add(tmp_path)
    assert prepare(tmp_path, "--resolution", str(resolution)) == 0
    (dataset,) = read_toml(tmp_path / "dataset_config.toml")["datasets"]
    assert (dataset["min_bucket_reso"], dataset["max_bucket_reso"]) == (least, most)


def test_factors_stand_only_in_folders_with_frames(tmp_path: Path) -> None:
    add(tmp_path / "a" / "b")
    add(tmp_path / "c", "y")
    (tmp_path / "empty").mkdir()
    add(tmp_path / ".removed", "z")
    assert prepare(tmp_path) == 0
    assert factors(tmp_path) == {"a/b": 1.0, "c": 1.0}


def test_frames_at_the_top_have_a_factor_too(tmp_path: Path) -> None:
    add(tmp_path)
    add(tmp_path / "a", "y")
    assert prepare(tmp_path) == 0
    assert factors(tmp_path) == {".": 1.0, "a": 1.0}


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ([], {"a": 1.0, "b": 4.0}),
        (["--min_multiply", "0.5"], {"a": 0.5, "b": 2.0}),
        (["--max_multiply", "3"], {"a": 1.0, "b": 3.0}),
        (["--min_multiply", "0.0001"], {"a": 0.0001, "b": 0.0004}),
        (["--target_epoch_size", "20"], {"a": 2.5, "b": 10.0}),
    ],
)
def test_the_limits_of_factors(tmp_path: Path, options: list[str], expected: dict[str, float]) -> None:
    for n in range(4):
        add(tmp_path / "a", f"{n}")
    add(tmp_path / "b", "y")
    assert prepare(tmp_path, *options) == 0
    assert factors(tmp_path) == expected
    assert all(one["num_repeats"] >= 1 for one in subsets(tmp_path))


@pytest.mark.parametrize(("text", "number"), [("4", 4), ("3.6\n", 18), (" 0.2 ", 1), ("2e0", 2)])
def test_an_edited_factor_stays_and_reaches_kohya(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, number: int
) -> None:
    add(tmp_path / "a")
    add(tmp_path / "b", "y")
    assert prepare(tmp_path) == 0
    (tmp_path / "a" / "multiply.txt").write_text(text)
    for n in range(2):
        capsys.readouterr()
        add(tmp_path / "b", f"new{n}")
        assert prepare(tmp_path) == 0
        assert (tmp_path / "a" / "multiply.txt").read_text() == text
        assert repeats(tmp_path)["a"] == number
        assert "kept 1 hand-edited file," in capsys.readouterr().out


@pytest.mark.parametrize(
    "content", [b"", b"abc", b"0", b"-1", b"nan", b"inf", b"2,5", b"2 # x", b"\xef\xbb\xbf2", b"\xff"]
)
def test_an_edited_factor_that_the_trainer_would_misread_is_listed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: bytes
) -> None:
    add(tmp_path / "a")
    assert prepare(tmp_path) == 0
    path = tmp_path / "a" / "multiply.txt"
    path.write_bytes(content)
    assert prepare(tmp_path) == 1
    assert path.read_bytes() == content
    assert f"unreadable: {path}: " in capsys.readouterr().err
    assert repeats(tmp_path) == {"a": 1}


def test_the_factor_of_a_renamed_folder_is_no_edit(tmp_path: Path) -> None:
    add(tmp_path / "Aoba", "0")
    for n in range(4):
        add(tmp_path / "Hinata", f"h{n}")
    assert prepare(tmp_path) == 0
    assert factors(tmp_path) == {"Aoba": 4.0, "Hinata": 1.0}
    (tmp_path / "Aoba").rename(tmp_path / "AobaKokona")
    add(tmp_path / "AobaKokona", "1")
    assert prepare(tmp_path) == 0
    assert factors(tmp_path) == {"AobaKokona": 2.0, "Hinata": 1.0}


@pytest.mark.parametrize("line", ["class1", "class1,0", "class1,nan", "class1,-1", "class1,x"])
def test_wrong_weights_are_one_sentence_and_nothing_is_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], line: str
) -> None:
    add(tmp_path / "arranged")
    (tmp_path / "weights.csv").write_text(f"{line}\n")
    before = tree(tmp_path)
    assert prepare(tmp_path / "arranged", "--weight_csv", str(tmp_path / "weights.csv")) == 2
    assert "class1" in one_sentence(capsys.readouterr().err)
    assert tree(tmp_path) == before


def test_the_config_holds_what_kohya_needs(tmp_path: Path) -> None:
    for folder in ("a/b", "c"):
        add(tmp_path / folder, folder.replace("/", "_"))
    assert prepare(tmp_path, "--resolution", "768") == 0
    config = read_toml(tmp_path / "dataset_config.toml")
    assert config["general"]["caption_extension"] == ".txt"
    (dataset,) = config["datasets"]
    assert dataset["enable_bucket"] is True
    assert dataset["resolution"] == 768
    assert [set(one) for one in dataset["subsets"]] == [{"image_dir", "num_repeats"}] * 2
    assert all(type(one["num_repeats"]) is int for one in dataset["subsets"])
    assert [one["image_dir"] for one in dataset["subsets"]] == [str(tmp_path / "a" / "b"), str(tmp_path / "c")]


def test_folders_are_absolute_although_the_dataset_was_given_relatively(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(tmp_path / "arranged" / "a")
    monkeypatch.chdir(tmp_path)
    assert prepare(Path("arranged")) == 0
    assert [one["image_dir"] for one in subsets(Path("arranged"))] == [str(tmp_path / "arranged" / "a")]


@pytest.mark.parametrize(
    "name",
    ["it's", '"quoted"', "倉上ひなた", "back\\slash", "a\nb", "del\x7f", "[1]", "# a = 1", "tab\t", "\u2028"],
    ids=ascii,
)
def test_any_folder_name_survives_the_config(tmp_path: Path, name: str) -> None:
    add(tmp_path / name)
    assert prepare(tmp_path) == 0
    assert [one["image_dir"] for one in subsets(tmp_path)] == [str(tmp_path / name)]


def test_an_edited_config_stays_and_is_counted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    add(tmp_path)
    assert prepare(tmp_path) == 0
    path = tmp_path / "dataset_config.toml"
    path.write_text(path.read_text() + "# by hand\n")
    add(tmp_path / "new", "y")
    capsys.readouterr()
    assert prepare(tmp_path) == 0
    assert path.read_text().endswith("# by hand\n")
    assert [Path(one["image_dir"]).name for one in subsets(tmp_path)] == [tmp_path.name, "new"]
    assert "kept 1 hand-edited file," in capsys.readouterr().out


def test_the_config_follows_the_folders(tmp_path: Path) -> None:
    add(tmp_path / "a")
    assert prepare(tmp_path) == 0
    add(tmp_path / "b", "y")
    assert prepare(tmp_path) == 0
    assert repeats(tmp_path) == {"a": 1, "b": 1}


def test_nothing_but_its_own_files_is_written(tmp_path: Path) -> None:
    frame = add(tmp_path / "a")
    add_json(frame, ".faces.json", {"faces": []})
    before = {name: content for name, (content, _) in tree(tmp_path).items()}
    assert prepare(tmp_path) == 0
    after = {name: content for name, (content, _) in tree(tmp_path).items()}
    assert {name: content for name, content in after.items() if name in before} == before
    assert set(after) - set(before) == {
        "a/x.txt",
        "a/multiply.txt",
        "dataset_config.toml",
        ".configs.json",
        ".prepared.json",
    }
    assert json.loads(after[".prepared.json"])


def test_leftovers_of_a_killed_run_are_cleaned_up(tmp_path: Path) -> None:
    add(tmp_path)
    for name in (".0123456789abcdef.txt.tmp", ".0123456789abcdef.toml.tmp"):
        (tmp_path / name).write_text("half")
    assert prepare(tmp_path) == 0
    assert names_in(tmp_path) == sorted(
        [".configs.json", ".prepared.json", "dataset_config.toml", "multiply.txt", "x.json", "x.png", "x.txt"]
    )


def test_an_empty_dataset_is_done(tmp_path: Path) -> None:
    assert prepare(tmp_path) == 0


@pytest.mark.parametrize(
    "options",
    [
        ["--use_tags_prob", "1.5"],
        ["--min_multiply", "0"],
        ["--max_multiply", "nan"],
        ["--max_tag_number", "-1"],
        ["--resolution", "0"],
        ["--use_tag_prob", "1"],
    ],
)
def test_wrong_values_are_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str], options: list[str]) -> None:
    add(tmp_path)
    before = tree(tmp_path)
    assert prepare(tmp_path, *options) == 2
    assert options[0] in one_sentence(capsys.readouterr().err)
    assert tree(tmp_path) == before


def test_captions_that_say_little_are_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sentence = "nothing but the general text (no tags, no names)"
    for number, key in enumerate(["facepos", "tags", "characters", "artist", "facepos", "facepos"]):
        fields: dict[str, Any] = {key: ["fvp 1 2 fhp 3 4"]}
        frame = add_frame(tmp_path / f"{number}.png", count=1, general="anishot", **fields)
    assert prepare(tmp_path) == 0
    assert f"3 captions hold {sentence}; run tag_images.py" in capsys.readouterr().out
    frame.with_suffix(".txt").write_text("by hand\n")
    assert prepare(tmp_path) == 0
    assert f"2 captions hold {sentence}" in capsys.readouterr().out
    assert prepare(tmp_path, "--check", "--all") == 1  # the frames are one picture
    listed = [line for line in capsys.readouterr().out.splitlines() if sentence in line]
    assert [Path(line.split(":")[0]).name for line in listed] == ["0.txt", "4.txt"]
    assert all("[advice: caption-bare]" in line for line in listed)


@pytest.mark.parametrize("trainer", ["kohya", "parquet"])
def test_exported_captions_that_say_little_are_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], trainer: str
) -> None:
    pytest.importorskip("pyarrow" if trainer == "parquet" else "PIL")
    for name in "ab":
        add_frame(tmp_path / "set" / f"{name}.png", source_type="fanart")
    add_text(tmp_path / "set" / "b.png", ".txt", "by hand\n")
    words = ["--trainer", trainer, "--dst_dir", str(tmp_path / "out")]
    assert prepare(tmp_path / "set", *words) == 0
    assert "1 caption holds nothing but the general text (no tags, no names)" in capsys.readouterr().out
    if trainer == "kohya":
        prepare(tmp_path / "set", *words, "--check", "--all")
        assert "a.txt: it holds nothing but the general text" in capsys.readouterr().out


def test_paths_in_configs_go_no_way_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    add(tmp_path / "set")
    (tmp_path / "other").mkdir()
    monkeypatch.chdir(tmp_path / "other")
    assert prepare(Path("../set"), "--trainer", "kohya") == 0
    assert prepare(Path("../set"), "--trainer", "kohya", "onetrainer", "--dst_dir", "../out") == 0
    assert repeats(tmp_path / "set") == {".": 1}
    texts = [path.read_text() for path in tmp_path.rglob("*") if path.suffix in (".toml", ".json")]
    assert not [text for text in texts if ".." in text]


@pytest.mark.parametrize(
    ("words", "size"),
    [([], 1024), (["640"], 640), (["sd15"], 512), (["SDXL"], 1024), (["768x768"], 768), (["768, 768"], 768)],
)
def test_the_resolution_is_that_of_a_family_of_models(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str], size: int
) -> None:
    add(tmp_path)
    assert prepare(tmp_path, *["--resolution"] * bool(words), *words) == 0
    assert read_toml(tmp_path / "dataset_config.toml")["datasets"][0]["resolution"] == size
    told = "kohya: 1024 px, as for sdxl, illustrious, sd3, flux; --resolution sets another" in capsys.readouterr().out
    assert told == (not words)


@pytest.mark.parametrize("words", ["sdlx", "768x512", "-1", "0", ""])
def test_a_resolution_that_is_none_is_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], words: str
) -> None:
    add(tmp_path)
    assert prepare(tmp_path, f"--resolution={words}") == 2
    said = one_sentence(capsys.readouterr().err)
    assert words != "sdlx" or "did you mean sdxl?" in said


def test_each_trainer_has_the_resolution_of_its_models(tmp_path: Path) -> None:
    add(tmp_path / "set")
    words = ["--trainer", "kohya", "musubi", "--dst_dir", str(tmp_path / "out")]
    assert prepare(tmp_path / "set", *words) == 0
    assert read_toml(tmp_path / "out/kohya/dataset_config.toml")["datasets"][0]["resolution"] == 1024
    assert read_toml(next((tmp_path / "out/musubi").glob("*.toml")))["general"]["resolution"] == [640, 640]


def test_everydream2_alone_shows_nothing_of_kohya(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("Aoba/a", "Aoba/b", "Hinata/c"):
        add(tmp_path / "set", name)
    page = tmp_path / "report.html"
    assert prepare(tmp_path / "set", "--trainer", "everydream2", "--report", str(page)) == 0
    told = capsys.readouterr().out + page.read_text()
    assert "repeats" not in told
    assert "kohya" not in told
    assert " px" not in told.split("<html")[0]


@pytest.mark.parametrize("is_arranged", [False, True])
def test_captions_by_hand_that_hold_a_renamed_name_are_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], is_arranged: bool
) -> None:
    source = root = tmp_path / "set"
    for name in "ab":
        frame = add(source, name)
        add_faces(frame, MIDDLE)
        add_names(frame, {MIDDLE: "Aoba"})
    if is_arranged:
        root = tmp_path / "tree"
        words = ["--src_dir", str(source), "--dst_dir", str(root), "--format", "n_people"]
        assert arrange_folders.main(words) == 0
    assert prepare(root) == 0
    (caption,) = root.rglob("a.txt")
    caption.write_text("1person, Aoba, at home\n")
    assert generate_metadata.main(["--src_dir", str(source), "--rename", "Aoba", "Hinata"]) == 0
    if is_arranged:
        assert arrange_folders.main(words) == 0
    capsys.readouterr()
    assert prepare(root) == 0
    path = caption.relative_to(root)
    sentence = (
        f"1 hand-edited caption still holds a name that was renamed, such as {path} (Aoba is Hinata now); correct them"
    )
    assert sentence in capsys.readouterr().out
    prepare(root, "--check", "--all")
    listed = [line for line in capsys.readouterr().out.splitlines() if "caption-renamed" in line]
    assert listed == [f"{caption}: its caption holds a name that was renamed (Aoba is Hinata now); write the new name"
                      " [misread: caption-renamed]"]  # fmt: skip
    caption.write_text("1person, Hinata, at home\n")
    assert prepare(root) == 0
    assert "renamed" not in capsys.readouterr().out
