"""Folders by characters and size of the face: their names, corrections that move frames, and the way back."""

import json
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from unicodedata import category

import pytest

import arrange_folders
from framekit.arrange import folders
from framekit.arrange.folders import Rules
from framekit.errors import UsageError
from tests.conftest import one_sentence, plain, save_frame, tree
from tests.helpers_dataset import (
    LATER,
    LONG_AGO,
    MIDDLE,
    add_faces,
    add_frame,
    add_json,
    add_names,
    add_text,
    age,
    correct,
    frames_in,
    loaded,
    set_time,
)

ALL_LEVELS = tuple(folders.LEVELS)

ANY_NUMBER = ("--min_image_per_combination", "1")

BY_CHARACTER = ("--levels", "character", *ANY_NUMBER)

AOBA: dict[str, Any] = {"characters": ["Aoba"]}

HINATA: dict[str, Any] = {"characters": ["Hinata"]}


def arrange(src: Path, dst: Path, *options: str) -> int:
    return arrange_folders.main(["--src_dir", str(src), "--dst_dir", str(dst), *options])


def by_character(tmp_path: Path, *options: str) -> int:
    """Arrange dataset in arranged, one level only."""
    return arrange(tmp_path / "dataset", tmp_path / "arranged", *BY_CHARACTER, *options)


def in_place(tmp_path: Path, *options: str) -> int:
    return arrange(tmp_path / "dataset", tmp_path / "dataset", "--move", *BY_CHARACTER, *options)


def flatten(folder: Path, *options: str) -> int:
    return arrange_folders.main(["--src_dir", str(folder), "--flatten", *options])


def arranged(tmp_path: Path) -> list[str]:
    return frames_in(tmp_path / "arranged")


def add(tmp_path: Path, name: str, fields: dict[str, Any], shade: int = 90) -> Path:
    """Write dataset/<name>.png of this grey with X.json, both old; return its path."""
    frame = add_frame(tmp_path / "dataset" / f"{name}.png", plain((shade, shade, shade), 8, 6), **fields)
    set_time(frame.with_suffix(".json"), LONG_AGO)
    return set_time(frame, LONG_AGO + shade)


def add_all_sidecars(frame: Path) -> list[str]:
    """Write every file that can stand beside a frame; return their names, the frame's included."""
    add_faces(frame, MIDDLE)
    add_names(frame, {MIDDLE: "Aoba"})
    for suffix in (".tags", ".txt"):
        add_text(frame, suffix, f"of {frame.stem}\n")
    return [frame.stem + end for end in (".characters.json", ".faces.json", ".json", ".png", ".png.tags", ".txt")]


def journal(folder: Path) -> list[dict[str, str]]:
    return [json.loads(line) for line in (folder / ".arranged.jsonl").read_text(encoding="utf-8").splitlines()]


def write_journal(folder: Path, records: Iterable[Any]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    lines = (json.dumps(record) for record in records)
    (folder / ".arranged.jsonl").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def carry(frame: Path, folder: Path) -> Path:
    """Move a frame with all its files as a person does with a file manager; return its new path."""
    folder.mkdir(parents=True, exist_ok=True)
    for path in sorted(frame.parent.iterdir()):
        if path.is_file() and path.name.startswith(f"{frame.stem}."):
            path.rename(folder / path.name)
    return folder / frame.name


def leaf(fields: dict[str, Any], levels: Iterable[str] = ALL_LEVELS, **rules: Any) -> str:
    described = folders.describe(fields, Rules(tuple(levels), **rules))
    return folders.leaf_folder(described, tuple(levels), set()).as_posix()


@pytest.mark.parametrize(
    ("number", "folder"),
    [
        (0, "others"),
        (1, "1_character"),
        (2, "2_characters"),
        (5, "5_characters"),
        (6, "6+_characters"),
        (9, "6+_characters"),
    ],
)
def test_the_number_of_characters(number: int, folder: str) -> None:
    assert leaf({"characters": [f"c{n}" for n in range(number)]}, ["n_characters"]) == folder


def test_the_number_is_of_different_known_characters() -> None:
    fields = {"characters": ["Aoba", "unknown", "Aoba", "ood"], "count": 4}
    assert leaf(fields, ["n_characters", "character"]) == "1_character/Aoba"
    assert leaf({"characters": ["unknown", "ood"]}, ["n_characters", "character"]) == "others/character_others"


@pytest.mark.parametrize(
    ("largest", "number", "folder"),
    [(3, 3, "3+_characters"), (3, 2, "2_characters"), (1, 1, "1+_characters"), (9, 8, "8_characters")],
)
def test_the_largest_number_is_an_option(largest: int, number: int, folder: str) -> None:
    fields = {"characters": [f"c{n}" for n in range(number)]}
    assert leaf(fields, ["n_characters"], max_character_number=largest) == folder


@pytest.mark.parametrize(
    ("names", "folder"),
    [
        (["Aoba"], "Aoba"),
        (["Hinata", "Aoba"], "Aoba+Hinata"),
        (["Hinata", "Aoba", "Hinata"], "Aoba+Hinata"),
        (["Dr. Who"], "Dr Who"),
        (["A+B", "C"], "A B+C"),
        (["倉上ひなた"], "倉上ひなた"),
        (["a" * 99], "a" * 99),
        (["a" * 100], "character_others"),
        (["a" * 50, "b" * 48], f"{'a' * 50}+{'b' * 48}"),
        (["a" * 50, "b" * 49], "character_others"),
        ([], "character_others"),
    ],
)
def test_characters_are_sorted_and_joined(names: list[str], folder: str) -> None:
    assert leaf({"characters": names}, ["character"]) == folder


@pytest.mark.parametrize(
    ("ratio", "folder"),
    [(0, "0-25"), (0.2499, "0-25"), (0.25, "25-50"), (0.499, "25-50"), (0.5, "50-75"), (0.75, "75-100"), (1, "75-100")],
)
def test_the_height_of_the_largest_face(ratio: float, folder: str) -> None:
    assert leaf({"face_height_ratio": ratio}, ["face_height_ratio"]) == f"face_height_ratio_{folder}"


@pytest.mark.parametrize(
    ("ratio", "step", "folder"),
    [(0.25, 10, "20-30"), (0.3, 10, "30-40"), (1.0, 30, "90-100"), (0.5, 100, "0-100"), (0.55, 5, "55-60")],
)
def test_the_range_of_heights_is_an_option(ratio: float, step: int, folder: str) -> None:
    assert (
        leaf({"face_height_ratio": ratio}, ["face_height_ratio"], face_ratio_range=step)
        == f"face_height_ratio_{folder}"
    )


@pytest.mark.parametrize(
    ("level", "fields", "folder"),
    [
        ("n_faces", {"n_faces": 0}, "0_faces"),
        ("n_faces", {"n_faces": 1}, "1_face"),
        ("n_faces", {"facepos": ["fvp 0 1 fhp 0 1"] * 2}, "2_faces"),
        ("n_faces", {"n_faces": 7}, "6+_faces"),
        ("n_people", {"count": 0}, "0_people"),
        ("n_people", {"count": 1}, "1_person"),
        ("n_people", {"count": "3"}, "3_people"),
        ("n_people", {"count": 6}, "6+_people"),
        ("episode", {"source": {"episode": "EP04"}}, "EP04"),
        ("episode", {"source": {"episode": "../EP04"}}, "_EP04"),
        ("episode", {}, "no_episode"),
        ("scene", {"source": {"scene": 12}}, "scene_0012"),
        ("scene", {"source": {"scene": "../x"}}, "no_scene"),
        ("scene", {}, "no_scene"),
        ("rating", {"rating": "general"}, "general"),
        ("rating", {"rating": "../x"}, "_x"),
        ("rating", {}, "no_rating"),
        ("source", {"source_type": "fanart"}, "fanart"),
        ("source", {}, "no_source"),
    ],
)
def test_the_other_levels(level: str, fields: dict[str, Any], folder: str) -> None:
    assert leaf(fields, [level]) == folder


def test_levels_nest_in_the_order_of_the_format() -> None:
    fields = {"characters": ["B", "A"], "face_height_ratio": 0.3, "count": 2, "n_faces": 2}
    assert leaf(fields) == (
        "2_characters/A+B/face_height_ratio_25-50/2_faces/2_people/no_episode/no_scene/no_rating/no_source"
    )
    assert leaf(fields, ["face_height_ratio", "character"]) == "face_height_ratio_25-50/A+B"


@pytest.mark.parametrize(
    ("text", "levels"),
    [("n_characters/character", ("n_characters", "character")), ("/episode/", ("episode",)), ("", ())],
)
def test_the_format_is_split_into_levels(text: str, levels: tuple[str, ...]) -> None:
    assert folders.parse_levels(text) == levels


def test_an_unknown_level_is_one_sentence_with_the_nearest() -> None:
    with pytest.raises(UsageError, match=r"no level characters; did you mean .*character"):
        folders.parse_levels("n_faces/characters")


def test_combinations_of_too_few_frames_are_rare() -> None:
    rules = Rules(("character",))
    described = {
        Path(f"{n}.png"): folders.describe({"characters": ["A"] if n < 3 else ["A", "B"]}, rules) for n in range(5)
    }
    assert folders.rare_combinations(described, 3) == {"A+B"}
    assert folders.rare_combinations(described, 2) == set()


def test_rare_combinations_go_to_the_others(tmp_path: Path) -> None:
    for n in range(3):
        add(tmp_path, f"a{n}", AOBA)
    add(tmp_path, "b", {"characters": ["Hinata", "Aoba"], "face_height_ratio": 0.6})
    assert arrange(tmp_path / "dataset", tmp_path / "arranged", "--min_image_per_combination", "2") == 0
    assert arranged(tmp_path) == [
        *(f"1_character/Aoba/face_height_ratio_0-25/a{n}.png" for n in range(3)),
        "2_characters/character_others/face_height_ratio_50-75/b.png",
    ]


def test_by_default_a_combination_needs_10_frames(tmp_path: Path) -> None:
    for n in range(10):
        add(tmp_path, f"a{n}", AOBA)
    for n in range(9):
        add(tmp_path, f"b{n}", HINATA)
    assert arrange(tmp_path / "dataset", tmp_path / "arranged") == 0
    folders = {Path(name).parts[:2] for name in arranged(tmp_path)}
    assert folders == {("1_character", "Aoba"), ("1_character", "character_others")}


def test_the_example_of_the_specification(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    frame = add(tmp_path, "x", AOBA | {"face_height_ratio": 0.28})
    assert arrange(tmp_path / "dataset", tmp_path / "arranged", *ANY_NUMBER) == 0
    assert arranged(tmp_path) == ["1_character/Aoba/face_height_ratio_25-50/x.png"]
    assert frame.exists()
    said = capsys.readouterr().out
    assert "1 frame in 1 folder (1 new there), in" in said


@pytest.mark.parametrize("move", [[], ["--move"]], ids=["copy", "move"])
def test_all_sidecars_travel_with_their_frame(tmp_path: Path, move: list[str]) -> None:
    frame = add(tmp_path, "x", AOBA)
    names = add_all_sidecars(frame)
    before = {name: (frame.parent / name).read_bytes() for name in names}
    assert by_character(tmp_path, *move) == 0
    after = tree(tmp_path / "arranged" / "Aoba")
    assert {name: content for name, (content, _) in after.items()} == before
    assert sorted(path.name for path in (tmp_path / "dataset").glob("*")) == ([] if move else sorted(names))


def test_equal_names_from_two_episodes_never_overwrite(tmp_path: Path) -> None:
    shades = {"EP1/0001": 10, "EP2/0001": 20, "EP10/0001": 30, "EP1/0001_2": 40}
    for name, shade in shades.items():
        frame = add(tmp_path, name, AOBA | {"tags": [name]}, shade)
        add_text(frame, ".tags", name)
    before = {path.read_bytes() for path in (tmp_path / "dataset").rglob("*.png")}
    for _ in range(2):
        assert by_character(tmp_path) == 0
        placed = [tmp_path / "arranged" / name for name in arranged(tmp_path)]
        assert len(placed) == 4
        assert {path.read_bytes() for path in placed} == before
        for path in placed:
            assert loaded(path)["tags"] == [(path.parent / f"{path.name}.tags").read_text()]


@pytest.mark.parametrize("name", ["X", "x"])
def test_stems_that_would_share_sidecars_are_kept_apart(tmp_path: Path, name: str) -> None:
    add(tmp_path, "EP1/x", AOBA)
    frame = add(tmp_path, f"EP2/{name}", AOBA)
    frame.rename(frame.with_suffix(".jpg"))
    assert by_character(tmp_path) == 0
    placed = {path.name for path in (tmp_path / "arranged" / "Aoba").iterdir()}
    assert placed == {"x.png", "x.json", f"{name}_2.jpg", f"{name}_2.json"}


def test_copying_again_changes_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("EP1/0001", "EP2/0001"):
        add_all_sidecars(add(tmp_path, name, AOBA, 10 if "1/" in name else 20))
    assert by_character(tmp_path) == 0
    before = tree(tmp_path)
    capsys.readouterr()
    assert by_character(tmp_path) == 0
    assert tree(tmp_path) == before
    assert "2 frames in 1 folder (0 new there), in" in capsys.readouterr().out


def test_a_new_episode_joins_the_tree(tmp_path: Path) -> None:
    add(tmp_path, "EP1/0001", AOBA, 10)
    assert by_character(tmp_path) == 0
    add(tmp_path, "EP2/0001", AOBA, 20)
    add(tmp_path, "EP2/0002", HINATA, 30)
    assert by_character(tmp_path) == 0
    assert arranged(tmp_path) == ["Aoba/0001.png", "Aoba/0001_2.png", "Hinata/0002.png"]


def test_a_sidecar_that_changed_in_the_dataset_follows(tmp_path: Path) -> None:
    frame = add(tmp_path, "x", AOBA)
    set_time(add_text(frame, ".tags", "old"), LONG_AGO)
    assert by_character(tmp_path) == 0
    set_time(add_text(frame, ".tags", "new"), LATER)
    assert by_character(tmp_path) == 0
    assert (tmp_path / "arranged" / "Aoba" / "x.png.tags").read_text() == "new"
    assert [path.read_text() for path in (tmp_path / "arranged" / ".removed").rglob("x.png.tags*")] == ["old"]


def test_a_sidecar_edited_in_the_tree_stays(tmp_path: Path) -> None:
    frame = add(tmp_path, "x", AOBA)
    set_time(add_text(frame, ".txt", "dataset"), LONG_AGO)
    assert by_character(tmp_path) == 0
    edited = set_time(add_text(tmp_path / "arranged" / "Aoba" / "x.png", ".txt", "edited"), LATER)
    assert by_character(tmp_path) == 0
    assert edited.read_text() == "edited"
    assert frame.with_suffix(".txt").read_text() == "dataset"


@pytest.mark.parametrize("text", ["{", '{"count": "many"}'])
def test_a_frame_without_usable_metadata_is_listed_and_left(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str
) -> None:
    add(tmp_path, "good", AOBA)
    bad = add_frame(tmp_path / "dataset" / "bad.png")
    add_text(bad, ".json", text)
    assert by_character(tmp_path) == 1
    assert arranged(tmp_path) == ["Aoba/good.png"]
    assert f"unreadable: {bad}: " in capsys.readouterr().err


def test_the_folders_of_the_dataset_can_stay_above(tmp_path: Path) -> None:
    add(tmp_path, "EP1/x", AOBA)
    add(tmp_path, "y", AOBA)
    assert by_character(tmp_path, "--keep_src_structure") == 0
    assert arranged(tmp_path) == ["Aoba/y.png", "EP1/Aoba/x.png"]


def test_the_first_frames_only(tmp_path: Path) -> None:
    for name in ("EP10", "EP2", "EP1"):
        add(tmp_path, name, AOBA)
    assert by_character(tmp_path, "--limit", "2") == 0
    assert arranged(tmp_path) == ["Aoba/EP1.png", "Aoba/EP2.png"]


def test_a_correction_in_the_dataset_moves_the_frame(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    names = add_all_sidecars(add(tmp_path, "x", AOBA))
    add(tmp_path, "y", AOBA)
    assert by_character(tmp_path) == 0
    correct(tmp_path / "dataset" / "x.png", **HINATA)
    capsys.readouterr()
    assert by_character(tmp_path) == 0
    assert arranged(tmp_path) == ["Aoba/y.png", "Hinata/x.png"]
    assert sorted(path.name for path in (tmp_path / "arranged" / "Hinata").iterdir()) == sorted(names)
    assert loaded(tmp_path / "arranged" / "Hinata" / "x.png")["characters"] == ["Hinata"]
    assert "2 frames in 2 folders (0 new there, 1 moved)" in capsys.readouterr().out


def test_a_correction_in_the_tree_moves_the_frame(tmp_path: Path) -> None:
    add(tmp_path, "x", AOBA)
    add(tmp_path, "y", AOBA)
    assert by_character(tmp_path) == 0
    correct(tmp_path / "arranged" / "Aoba" / "x.png", **HINATA)
    for _ in range(2):
        assert by_character(tmp_path) == 0
        assert arranged(tmp_path) == ["Aoba/y.png", "Hinata/x.png"]
        assert loaded(tmp_path / "arranged" / "Hinata" / "x.png")["characters"] == ["Hinata"]


@pytest.mark.parametrize(("wrong", "right"), [("dataset", "dataset"), ("arranged/Aoba", "arranged/Hinata")])
def test_a_correction_taken_back_moves_the_frame_back(tmp_path: Path, wrong: str, right: str) -> None:
    add(tmp_path, "x", AOBA)
    add(tmp_path, "y", AOBA)
    assert by_character(tmp_path) == 0
    correct(tmp_path / wrong / "x.png", **HINATA)
    assert by_character(tmp_path) == 0
    assert arranged(tmp_path) == ["Aoba/y.png", "Hinata/x.png"]
    age(tmp_path)
    correct(tmp_path / right / "x.png", **AOBA)
    assert by_character(tmp_path) == 0
    assert arranged(tmp_path) == ["Aoba/x.png", "Aoba/y.png"]


def test_corrections_of_different_fields_in_both_places_are_joined(tmp_path: Path) -> None:
    frame = add(tmp_path, "x", AOBA | {"tags": ["hat"], "count": 1})
    assert by_character(tmp_path) == 0
    correct(tmp_path / "arranged" / "Aoba" / "x.png", tags=["by hand"])
    correct(frame, **HINATA)
    set_time(frame.with_suffix(".json"), LATER + 1)
    for _ in range(2):
        assert by_character(tmp_path) == 0
        known = loaded(tmp_path / "arranged" / "Hinata" / "x.png")
        assert (known["characters"], known["tags"], known["count"]) == (["Hinata"], ["by hand"], 1)


def test_metadata_of_another_tool_is_copied_to_the_byte(tmp_path: Path) -> None:
    frame = add(tmp_path, "x", AOBA)
    set_time(add_text(frame, ".json", '{\n  "n_faces":1, "characters" : [ "Aoba" ]\n}'), LONG_AGO)
    assert by_character(tmp_path) == 0
    before = tree(tmp_path)
    assert by_character(tmp_path) == 0
    assert tree(tmp_path) == before


@pytest.mark.parametrize("where", ["dataset", "arranged/Aoba"])
def test_a_folder_that_a_correction_emptied_is_gone(tmp_path: Path, where: str) -> None:
    add(tmp_path, "x", AOBA)
    assert by_character(tmp_path) == 0
    correct(tmp_path / where / "x.png", **HINATA)
    assert by_character(tmp_path) == 0
    assert not (tmp_path / "arranged" / "Aoba").exists()


def test_a_correction_moves_a_frame_that_had_to_be_renamed(tmp_path: Path) -> None:
    first = add(tmp_path, "EP1/x", AOBA, 10)
    second = add(tmp_path, "EP2/x", AOBA, 20)
    assert by_character(tmp_path) == 0
    correct(second, **HINATA)
    assert by_character(tmp_path) == 0
    assert (tmp_path / "arranged" / "Aoba" / "x.png").read_bytes() == first.read_bytes()
    assert (tmp_path / "arranged" / "Hinata" / "x.png").read_bytes() == second.read_bytes()
    assert arranged(tmp_path) == ["Aoba/x.png", "Hinata/x.png"]


def test_a_correction_after_moving_to_another_folder_moves_the_frame(tmp_path: Path) -> None:
    add(tmp_path, "x", AOBA)
    assert by_character(tmp_path, "--move") == 0
    correct(tmp_path / "arranged" / "Aoba" / "x.png", **HINATA)
    assert by_character(tmp_path, "--move") == 0
    assert arranged(tmp_path) == ["Hinata/x.png"]


def test_a_frame_moved_by_hand_stays_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    add(tmp_path, "x", AOBA)
    add(tmp_path, "y", AOBA)
    assert by_character(tmp_path) == 0
    carry(tmp_path / "arranged" / "Aoba" / "x.png", tmp_path / "arranged" / "favourites")
    for _ in range(2):
        capsys.readouterr()
        assert by_character(tmp_path) == 0
        assert arranged(tmp_path) == ["Aoba/y.png", "favourites/x.png"]
        assert "1 moved and 0 deleted by hand" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["x", "y"])
def test_a_frame_deleted_by_hand_stays_out(tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str) -> None:
    for one in ("x", "y"):
        add(tmp_path, one, AOBA)
    assert by_character(tmp_path) == 0
    for path in (tmp_path / "arranged" / "Aoba").glob(f"{name}.*"):
        path.unlink()
    left = ["Aoba/y.png"] if name == "x" else ["Aoba/x.png"]
    for _ in range(2):
        capsys.readouterr()
        assert by_character(tmp_path) == 0
        assert arranged(tmp_path) == left
        assert "0 moved and 1 deleted by hand" in capsys.readouterr().out
    assert (tmp_path / "dataset" / f"{name}.png").exists()


def test_what_a_deleted_frame_left_behind_is_not_taken_for_another_frame(tmp_path: Path) -> None:
    add(tmp_path, "EP1/x", AOBA | {"tags": ["first"]}, 10)
    add(tmp_path, "EP1/y", AOBA)
    assert by_character(tmp_path) == 0
    (tmp_path / "arranged" / "Aoba" / "x.png").unlink()
    correct(tmp_path / "arranged" / "Aoba" / "x.png", note="later than the other frame's")
    second = add(tmp_path, "EP2/x", AOBA | {"tags": ["second"]}, 20)
    assert by_character(tmp_path) == 0
    placed = next(path for path in (tmp_path / "arranged").rglob("x*.png") if path.read_bytes() == second.read_bytes())
    assert loaded(placed)["tags"] == ["second"]


def test_damage_that_a_deleted_frame_left_behind_stops_nothing(tmp_path: Path) -> None:
    add(tmp_path, "EP1/x", AOBA, 10)
    add(tmp_path, "EP1/y", AOBA)
    assert by_character(tmp_path) == 0
    (tmp_path / "arranged" / "Aoba" / "x.png").unlink()
    add_text(tmp_path / "arranged" / "Aoba" / "x.png", ".json", "{")
    add(tmp_path, "EP2/x", AOBA, 20)
    assert by_character(tmp_path) in (0, 1)


def test_a_frame_that_a_person_put_into_the_tree_stays(tmp_path: Path) -> None:
    add(tmp_path, "x", AOBA)
    assert by_character(tmp_path) == 0
    own = add_frame(tmp_path / "arranged" / "Aoba" / "mine.png", **HINATA)
    before = own.read_bytes()
    assert by_character(tmp_path) == 0
    assert arranged(tmp_path) == ["Aoba/mine.png", "Aoba/x.png"]
    assert own.read_bytes() == before


def test_moving_leaves_nothing_behind(tmp_path: Path) -> None:
    frame = add(tmp_path, "EP1/x", AOBA)
    before = frame.read_bytes()
    assert by_character(tmp_path, "--move") == 0
    assert frames_in(tmp_path / "dataset") == []
    assert (tmp_path / "arranged" / "Aoba" / "x.png").read_bytes() == before


def test_moving_in_place(tmp_path: Path) -> None:
    add(tmp_path, "EP1/x", AOBA)
    add(tmp_path, "y", HINATA)
    assert in_place(tmp_path) == 0
    assert frames_in(tmp_path / "dataset") == ["Aoba/x.png", "Hinata/y.png"]
    before = tree(tmp_path)
    assert in_place(tmp_path) == 0
    assert tree(tmp_path) == before


def test_moving_in_place_without_a_destination(tmp_path: Path) -> None:
    add(tmp_path, "x", AOBA)
    assert arrange_folders.main([str(tmp_path / "dataset"), "--move", *BY_CHARACTER]) == 0
    assert frames_in(tmp_path / "dataset") == ["Aoba/x.png"]


@pytest.mark.parametrize("spelling", ["{tmp}/dataset", "other/../dataset", "dataset/"])
def test_in_place_however_the_folder_is_spelt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, spelling: str) -> None:
    monkeypatch.chdir(tmp_path)
    Path("other").mkdir()
    add(tmp_path, "EP1/x", AOBA)
    add(tmp_path, "y", HINATA)
    for _ in range(2):
        assert arrange(Path("dataset"), Path(spelling.format(tmp=tmp_path)), "--move", *BY_CHARACTER) == 0
        assert frames_in(tmp_path / "dataset") == ["Aoba/x.png", "Hinata/y.png"]


def test_in_place_a_correction_moves_the_frame(tmp_path: Path) -> None:
    add(tmp_path, "x", AOBA)
    add(tmp_path, "y", AOBA)
    assert in_place(tmp_path) == 0
    correct(tmp_path / "dataset" / "Aoba" / "x.png", **HINATA)
    assert in_place(tmp_path) == 0
    assert frames_in(tmp_path / "dataset") == ["Aoba/y.png", "Hinata/x.png"]


def test_in_place_a_frame_moved_by_hand_stays_there(tmp_path: Path) -> None:
    add(tmp_path, "x", AOBA)
    add(tmp_path, "y", AOBA)
    assert in_place(tmp_path) == 0
    carry(tmp_path / "dataset" / "Aoba" / "x.png", tmp_path / "dataset" / "favourites")
    assert in_place(tmp_path) == 0
    assert frames_in(tmp_path / "dataset") == ["Aoba/y.png", "favourites/x.png"]


def test_moving_onto_equal_names_keeps_both(tmp_path: Path) -> None:
    shades = [10, 20, 30]
    for number, shade in enumerate(shades):
        add(tmp_path, f"EP{number}/x", AOBA, shade)
    before = {path.read_bytes() for path in (tmp_path / "dataset").rglob("*.png")}
    assert in_place(tmp_path) == 0
    assert {path.read_bytes() for path in (tmp_path / "dataset").rglob("*.png")} == before
    assert len(before) == 3


def test_flatten_after_copying_brings_everything_back(tmp_path: Path) -> None:
    for name in ("EP1/x", "EP2/x", "y"):
        add_all_sidecars(add(tmp_path, name, AOBA, 10 * len(name)))
    before = tree(tmp_path / "dataset")
    assert by_character(tmp_path) == 0
    assert flatten(tmp_path / "arranged") == 0
    assert tree(tmp_path / "arranged", hidden=False) == before
    assert tree(tmp_path / "dataset") == before


def test_flatten_into_the_dataset_after_copying_changes_nothing_there(tmp_path: Path) -> None:
    for name in ("EP1/x", "EP2/x"):
        add_all_sidecars(add(tmp_path, name, AOBA, 10 if "1/" in name else 20))
    before = tree(tmp_path / "dataset")
    assert by_character(tmp_path) == 0
    assert flatten(tmp_path / "arranged", "--dst_dir", str(tmp_path / "dataset")) == 0
    assert tree(tmp_path / "dataset", hidden=False) == before
    assert arranged(tmp_path) == []


@pytest.mark.parametrize("options", [["--move"], []], ids=["another folder", "in place"])
def test_flatten_after_moving_brings_everything_back(tmp_path: Path, options: list[str]) -> None:
    for name in ("EP1/x", "EP2/x", "y"):
        add_all_sidecars(add(tmp_path, name, AOBA, 10 * len(name) + ("2/" in name)))
    before = tree(tmp_path / "dataset")
    assert (by_character(tmp_path, *options) if options else in_place(tmp_path)) == 0
    where = tmp_path / ("arranged" if options else "dataset")
    assert tree(where, hidden=False) != before
    assert flatten(where, "--dst_dir", str(tmp_path / "dataset")) == 0
    assert tree(tmp_path / "dataset", hidden=False) == before


def test_flatten_brings_back_a_sidecar_corrected_in_the_tree(tmp_path: Path) -> None:
    frame = add(tmp_path, "EP1/x", AOBA)
    assert by_character(tmp_path) == 0
    correct(tmp_path / "arranged" / "Aoba" / "x.png", note="by hand")
    assert flatten(tmp_path / "arranged", "--dst_dir", str(tmp_path / "dataset")) == 0
    assert loaded(frame)["note"] == "by hand"
    assert loaded(frame)["characters"] == ["Aoba"]


def test_flatten_keeps_a_sidecar_corrected_in_the_dataset(tmp_path: Path) -> None:
    frame = add(tmp_path, "EP1/x", AOBA)
    assert by_character(tmp_path) == 0
    correct(frame, note="by hand")
    assert flatten(tmp_path / "arranged", "--dst_dir", str(tmp_path / "dataset")) == 0
    assert loaded(frame)["note"] == "by hand"


def test_flatten_brings_frames_moved_by_hand_back_too(tmp_path: Path) -> None:
    for name in ("EP1/x", "EP2/x"):
        add(tmp_path, name, AOBA, 10 if "1/" in name else 20)
    before = tree(tmp_path / "dataset")
    assert by_character(tmp_path) == 0
    carry(tmp_path / "arranged" / "Aoba" / "x_2.png", tmp_path / "arranged" / "favourites")
    assert flatten(tmp_path / "arranged") == 0
    assert tree(tmp_path / "arranged", hidden=False) == before


def test_flatten_beside_another_frame_of_that_name_keeps_both(tmp_path: Path) -> None:
    frame = add(tmp_path, "x", AOBA, 10)
    assert by_character(tmp_path, "--move") == 0
    other = add(tmp_path, "x", HINATA, 20).read_bytes()
    assert flatten(tmp_path / "arranged", "--dst_dir", str(tmp_path / "dataset")) == 0
    assert frames_in(tmp_path / "dataset") == ["x.png", "x_2.png"]
    assert frame.read_bytes() == other
    assert loaded(frame)["characters"] == ["Hinata"]
    assert loaded(frame.with_name("x_2.png"))["characters"] == ["Aoba"]


def test_flatten_beside_a_frame_of_that_stem_does_not_share_its_sidecars(tmp_path: Path) -> None:
    add(tmp_path, "x", AOBA, 10)
    assert by_character(tmp_path, "--move") == 0
    other = add(tmp_path, "x", HINATA, 20)
    other.rename(other.with_suffix(".jpg"))
    assert flatten(tmp_path / "arranged", "--dst_dir", str(tmp_path / "dataset")) == 0
    (back,) = frames_in(tmp_path / "dataset")
    assert loaded(tmp_path / "dataset" / back)["characters"] == ["Aoba"]
    assert loaded(other)["characters"] == ["Hinata"]


def test_flatten_keeps_both_of_two_frames_that_only_look_alike_from_outside(tmp_path: Path) -> None:
    # Of one size in bytes and with one time, as they come out of an archive.
    for shade in (10, 20):
        frame = add(tmp_path, "x", AOBA, shade)
        save_frame(frame.with_suffix(".bmp"), plain((shade, shade, shade), 8, 6))
        frame.unlink()
        set_time(frame.with_suffix(".bmp"), LONG_AGO)
        assert shade == 20 or by_character(tmp_path, "--move") == 0
    before = {path.read_bytes() for path in tmp_path.rglob("*.bmp")}
    assert flatten(tmp_path / "arranged", "--dst_dir", str(tmp_path / "dataset")) == 0
    assert {path.read_bytes() for path in tmp_path.rglob("*.bmp")} == before
    assert len(before) == 2


def test_flatten_lists_metadata_broken_by_hand_and_goes_on(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    frame = add(tmp_path, "EP1/x", AOBA)
    add(tmp_path, "EP1/y", AOBA)
    assert by_character(tmp_path) == 0
    add_text(frame, ".json", "{")
    assert flatten(tmp_path / "arranged", "--dst_dir", str(tmp_path / "dataset")) == 1
    assert "x.json" in capsys.readouterr().err
    assert frame.with_suffix(".json").read_text() == "{"
    assert not (tmp_path / "arranged" / "Aoba" / "y.png").exists()


def test_flatten_takes_factors_and_journal_out_of_the_way(tmp_path: Path) -> None:
    add(tmp_path, "x", AOBA)
    assert by_character(tmp_path) == 0
    (tmp_path / "arranged" / "Aoba" / "multiply.txt").write_text("2.0\n")
    assert flatten(tmp_path / "arranged") == 0
    assert list(tree(tmp_path / "arranged", hidden=False)) == ["x.json", "x.png"]
    assert not (tmp_path / "arranged" / "Aoba").exists()
    kept = {Path(name).name for name in tree(tmp_path / "arranged")}
    assert {"multiply.txt", ".arranged.jsonl"} <= kept


def test_arrange_flatten_arrange_is_one_arrange(tmp_path: Path) -> None:
    for number, name in enumerate(("EP1/x", "EP2/x", "EP2/y")):
        add_all_sidecars(add(tmp_path, name, AOBA if number < 2 else HINATA, 10 * number))
    assert in_place(tmp_path) == 0
    once = tree(tmp_path / "dataset", hidden=False)
    assert flatten(tmp_path / "dataset") == 0
    assert in_place(tmp_path) == 0
    assert tree(tmp_path / "dataset", hidden=False) == once


def test_a_flatten_that_a_kill_cut_short_is_completed(tmp_path: Path) -> None:
    for name, fields in (("EP1/x", AOBA), ("EP2/x", HINATA), ("EP2/y", AOBA)):
        add(tmp_path, name, fields, 10 * len(fields["characters"][0]))
    before = tree(tmp_path / "dataset")
    assert by_character(tmp_path) == 0
    carry(tmp_path / "arranged" / "Aoba" / "x.png", tmp_path / "arranged" / "EP1")
    carry(tmp_path / "arranged" / "Hinata" / "x.png", tmp_path / "arranged" / "EP2")
    assert flatten(tmp_path / "arranged") == 0
    assert tree(tmp_path / "arranged", hidden=False) == before


def test_flatten_of_what_was_never_arranged_changes_nothing(tmp_path: Path) -> None:
    add(tmp_path, "EP1/x", AOBA)
    before = tree(tmp_path)
    assert flatten(tmp_path / "dataset") == 0
    assert tree(tmp_path) == before


@pytest.mark.parametrize("move", [[], ["--move"]], ids=["copy", "move"])
def test_a_dry_run_writes_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str], move: list[str]) -> None:
    add(tmp_path, "x", AOBA)
    add(tmp_path, "y", HINATA)
    before = tree(tmp_path)
    assert by_character(tmp_path, *move, "--dry_run") == 0
    assert tree(tmp_path) == before
    assert not (tmp_path / "arranged").exists()
    assert "2 frames would be in 2 folders (2 new there)" in capsys.readouterr().out


def test_a_dry_run_of_a_second_run_writes_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("x", "y"):
        add(tmp_path, name, AOBA)
    assert by_character(tmp_path) == 0
    correct(tmp_path / "dataset" / "x.png", **HINATA)
    (tmp_path / "arranged" / "empty").mkdir()
    before = tree(tmp_path)
    capsys.readouterr()
    assert by_character(tmp_path, "--dry_run") == 0
    assert tree(tmp_path) == before
    assert (tmp_path / "arranged" / "empty").exists()
    assert "2 frames would be in 2 folders (0 new there, 1 moved)" in capsys.readouterr().out


def test_a_dry_run_of_flatten_writes_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    add(tmp_path, "x", AOBA)
    assert by_character(tmp_path) == 0
    before = tree(tmp_path)
    assert flatten(tmp_path / "arranged", "--dry_run") == 0
    assert tree(tmp_path) == before
    assert "1 frame would be back in" in capsys.readouterr().out


@pytest.mark.parametrize("arrived", range(6))
@pytest.mark.parametrize("move", [[], ["--move"]], ids=["copy", "move"])
def test_a_first_placement_that_a_kill_cut_short_is_completed(tmp_path: Path, move: list[str], arrived: int) -> None:
    names = add_all_sidecars(add(tmp_path, "x", AOBA))
    add(tmp_path, "y", AOBA)
    expected = {name: (tmp_path / "dataset" / name).read_bytes() for name in names}
    write_journal(tmp_path / "arranged", [{"frame": "x.png", "to": "Aoba/x.png"}])
    (tmp_path / "arranged" / "Aoba").mkdir()
    for name in [name for name in names if name != "x.png"][:arrived]:
        (shutil.move if move else shutil.copy2)(tmp_path / "dataset" / name, tmp_path / "arranged" / "Aoba" / name)
    assert by_character(tmp_path, *move) == 0
    assert arranged(tmp_path) == ["Aoba/x.png", "Aoba/y.png"]
    for name, content in expected.items():
        assert (tmp_path / "arranged" / "Aoba" / name).read_bytes() == content


@pytest.mark.parametrize("arrived", range(6))
def test_a_correction_that_a_kill_cut_short_is_completed(tmp_path: Path, arrived: int) -> None:
    names = add_all_sidecars(add(tmp_path, "x", AOBA))
    add(tmp_path, "a", AOBA)
    assert by_character(tmp_path) == 0
    correct(tmp_path / "dataset" / "x.png", **HINATA)
    write_journal(tmp_path / "arranged", [*journal(tmp_path / "arranged"), {"frame": "x.png", "to": "Hinata/x.png"}])
    (tmp_path / "arranged" / "Hinata").mkdir()
    for name in [name for name in names if name != "x.png"][:arrived]:
        shutil.move(tmp_path / "arranged" / "Aoba" / name, tmp_path / "arranged" / "Hinata" / name)
    assert by_character(tmp_path) == 0
    assert arranged(tmp_path) == ["Aoba/a.png", "Hinata/x.png"]
    assert sorted(path.name for path in (tmp_path / "arranged" / "Hinata").iterdir()) == sorted(names)
    assert loaded(tmp_path / "arranged" / "Hinata" / "x.png")["characters"] == ["Hinata"]


@pytest.mark.parametrize("arrived", range(6))
def test_a_placement_in_place_that_a_kill_cut_short_is_completed(tmp_path: Path, arrived: int) -> None:
    names = add_all_sidecars(add(tmp_path, "x", AOBA))
    add(tmp_path, "y", AOBA)
    write_journal(tmp_path / "dataset", [{"frame": "x.png", "to": "Aoba/x.png"}])
    (tmp_path / "dataset" / "Aoba").mkdir()
    for name in [name for name in names if name != "x.png"][:arrived]:
        shutil.move(tmp_path / "dataset" / name, tmp_path / "dataset" / "Aoba" / name)
    assert in_place(tmp_path) == 0
    assert frames_in(tmp_path / "dataset") == ["Aoba/x.png", "Aoba/y.png"]
    assert set(names) <= {path.name for path in (tmp_path / "dataset" / "Aoba").iterdir()}


def test_a_torn_last_line_of_the_journal_is_passed_over(tmp_path: Path) -> None:
    add(tmp_path, "x", AOBA)
    add(tmp_path, "y", HINATA)
    assert by_character(tmp_path) == 0
    with (tmp_path / "arranged" / ".arranged.jsonl").open("a", encoding="utf-8") as file:
        file.write('{"frame": "y.png", "to": "Els')
    correct(tmp_path / "dataset" / "x.png", **HINATA)
    for _ in range(2):
        assert by_character(tmp_path) == 0
        assert arranged(tmp_path) == ["Hinata/x.png", "Hinata/y.png"]


@pytest.mark.parametrize("dst", ["dataset/arranged", "."])
def test_folders_inside_one_another_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str], dst: str) -> None:
    add(tmp_path, "x", AOBA)
    before = tree(tmp_path)
    assert arrange(tmp_path / "dataset", tmp_path / dst, *ANY_NUMBER) == 2
    assert "--dst_dir" in one_sentence(capsys.readouterr().err)
    assert tree(tmp_path) == before


@pytest.mark.parametrize("move", [[], ["--move"]], ids=["copy", "move"])
def test_a_destination_linked_into_the_dataset_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], move: list[str]
) -> None:
    add(tmp_path, "x", AOBA)
    (tmp_path / "dataset" / "sub").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "dataset" / "sub")
    assert arrange(tmp_path / "dataset", tmp_path / "link", *ANY_NUMBER, *move) == 2
    assert one_sentence(capsys.readouterr().err)


@pytest.mark.parametrize(
    "options",
    [
        ["--levels", "n_character/nonsense"],
        ["--face_ratio_folder_range", "0"],
        ["--face_ratio_folder_range", "101"],
        ["--max_character_number", "0"],
    ],
)
def test_wrong_values_are_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str], options: list[str]) -> None:
    add(tmp_path, "x", AOBA)
    before = tree(tmp_path)
    assert arrange(tmp_path / "dataset", tmp_path / "arranged", *options) == 2
    assert options[0] in one_sentence(capsys.readouterr().err)
    assert tree(tmp_path) == before


def test_copying_in_place_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    add(tmp_path, "x", AOBA)
    assert arrange(tmp_path / "dataset", tmp_path / "dataset") == 2
    assert "--move" in one_sentence(capsys.readouterr().err)


@pytest.mark.parametrize("options", [[], ["--flatten"], ["--flatten", "--dry_run"]])
def test_a_missing_folder_is_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], options: list[str]
) -> None:
    assert arrange(tmp_path / "nowhere", tmp_path / "arranged", *options) == 2
    assert "nowhere" in one_sentence(capsys.readouterr().err)


HOSTILE_NAMES = [
    "../../x",
    "..",
    ".",
    "/etc/x",
    "a/b",
    "a\\b",
    "C:\\x",
    "CON",
    "nul.txt",
    "~",
    ".hidden",
    "x" * 300,
    "あ" * 99,
    "a\x00b",
    "a\x1b[31mb",
    "a\u2028b",
    "a\ud800b",
    '*?<>|"',
    " ",
    "+",
    "-rf",
    "con+aux",
]


@pytest.mark.parametrize("name", HOSTILE_NAMES, ids=ascii)
def test_a_hostile_character_never_leads_outside(tmp_path: Path, name: str) -> None:
    src, dst = tmp_path / "a" / "b" / "dataset", tmp_path / "a" / "b" / "arranged"
    frame = add_frame(src / "x.png")
    add_json(frame, ".json", {"characters": [name], "source": {"episode": name}})
    status = arrange(src, dst, "--format", "character/episode", *ANY_NUMBER)
    assert status in (0, 1)
    found = list(tmp_path.rglob("x.png"))
    assert len(found) == 2 - status
    assert all(path.is_relative_to(src) or path.is_relative_to(dst) for path in tmp_path.rglob("x.*"))
    for path in dst.rglob("x.png"):
        folders = path.relative_to(dst).parts[:-1]
        assert len(folders) == 2
        assert all(not part.startswith(".") and len(part.encode()) <= 255 for part in folders)
        assert not {category(letter) for part in folders for letter in part} & {"Cc", "Cs", "Zl", "Zp"}
        assert not {part.split(".")[0].casefold() for part in folders} & {"con", "aux", "nul"}


@pytest.mark.parametrize(
    "names",
    [["あ" * 32, "い" * 32, "う" * 33], [chr(0x3042 + n) * 9 for n in range(10)]],
    ids=["three long names", "ten short names"],
)
def test_a_combination_of_long_names_in_another_script_still_makes_a_folder(tmp_path: Path, names: list[str]) -> None:
    add(tmp_path, "x", {"characters": names})
    assert by_character(tmp_path) == 0
    assert len(arranged(tmp_path)) == 1


def test_a_linked_folder_within_the_dataset_does_not_lead_outside(tmp_path: Path) -> None:
    add(tmp_path, "x", AOBA)
    add_frame(tmp_path / "victim" / "v.png", **HINATA)
    before = tree(tmp_path / "victim")
    (tmp_path / "dataset" / "Aoba").symlink_to(tmp_path / "victim", target_is_directory=True)
    assert in_place(tmp_path) in (0, 1, 2)
    assert tree(tmp_path / "victim") == before
    assert len(frames_in(tmp_path / "dataset")) == 1


HOSTILE_RECORDS = [
    {"frame": "x.png", "to": "../victim/x.png"},
    {"frame": "x.png", "to": "{tmp}/victim/x.png"},
    {"frame": "../victim/v.png", "to": "Aoba/v.png"},
    {"frame": "{tmp}/victim/v.png", "to": "Aoba/v.png"},
    {"frame": "../victim/v.png", "to": "x.png"},
    {"frame": "x.png", "to": "."},
    {"frame": "x.png", "to": ""},
    {"frame": "x.png", "to": "a\x00b"},
    {"frame": "a\x00b", "to": "Aoba/v.png"},
    {"frame": "x.png", "to": 3},
    {"frame": None, "to": None},
    {"frame": ["x.png"], "to": ["y"]},
    ["x.png"],
    "x.png",
    None,
]


def lay_problem(tmp_path: Path, where: str, record: Any) -> None:
    """Write a dataset with a stranger's journal, and sidecars without a frame where its records may point to."""
    add(tmp_path, "x", AOBA)
    add_frame(tmp_path / "victim" / "v.png", **HINATA)
    (tmp_path / where / "Aoba").mkdir(parents=True)
    add_json(tmp_path / where / "Aoba" / "v.png", ".json", HINATA)
    if isinstance(record, dict):
        record = {key: item.format(tmp=tmp_path) if isinstance(item, str) else item for key, item in record.items()}
    write_journal(tmp_path / where, [record])


@pytest.mark.parametrize("record", HOSTILE_RECORDS, ids=ascii)
@pytest.mark.parametrize(
    ("where", "options"),
    [
        ("arranged", []),
        ("arranged", ["--move"]),
        ("arranged", ["--move", "--keep_src_structure"]),
        ("arranged", ["--flatten"]),
        ("dataset", ["--move"]),
        ("dataset", ["--move", "--keep_src_structure"]),
        ("dataset", ["--flatten"]),
    ],
    ids=str,
)
def test_a_hostile_journal_never_leads_outside(tmp_path: Path, record: Any, where: str, options: list[str]) -> None:
    lay_problem(tmp_path, where, record)
    before = tree(tmp_path / "victim")
    if "--flatten" in options:
        status = flatten(tmp_path / where)
    else:
        status = arrange(tmp_path / "dataset", tmp_path / where, *BY_CHARACTER, *options)
    assert status in (0, 1, 2)
    assert tree(tmp_path / "victim") == before
    assert {path.name for path in tmp_path.iterdir()} <= {"dataset", "arranged", "victim"}
    assert [path.parent.name for path in tmp_path.rglob("v.png")] == ["victim"]
    assert list(tmp_path.rglob("x.png"))


@pytest.mark.parametrize("options", [[], ["--dry_run"]])
def test_frames_without_metadata_are_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], options: list[str]
) -> None:
    for name in "abc":
        add_frame(tmp_path / "dataset" / f"{name}.png")
    command = f"run generate_metadata.py --src_dir {tmp_path / 'dataset'}"
    assert by_character(tmp_path, *options) == 2
    assert (
        one_sentence(capsys.readouterr().err)
        == f"no frame in {tmp_path / 'dataset'} has an X.json yet; {command} first"
    )
    assert not (tmp_path / "arranged").exists()
    add(tmp_path, "d", AOBA)
    assert by_character(tmp_path, *options) == 1
    said = capsys.readouterr()
    assert one_sentence(said.err).startswith("left out: 3 frames without X.json yet, such as ")
    assert "unreadable" not in said.out


def test_why_frames_are_in_character_others_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for number, fields in enumerate([AOBA, AOBA, HINATA, {"characters": []}, {"characters": ["unknown"]}]):
        add(tmp_path, f"{number}", fields, 20 * number)
    add(tmp_path, "many", {"characters": [f"{'A' * 40}{n}" for n in range(3)]}, 200)
    assert arrange(tmp_path / "dataset", tmp_path / "arranged", "--min_image_per_combination", "2") == 0
    assert (
        "4 in character_others (1 in combinations of fewer than 2 frames, see --min_image_per_combination;"
        " 2 with nobody known; 1 with too many names for a folder), in"
    ) in capsys.readouterr().out
    assert arrange(tmp_path / "dataset", tmp_path / "other", "--format", "episode") == 0
    assert "character_others" not in capsys.readouterr().out
