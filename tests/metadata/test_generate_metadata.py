"""Joining all sidecars into X.json, and the corrections that stay there."""

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

import generate_metadata
from framekit.dataset import removed
from framekit.dataset.frames import find_frames
from framekit.dedup import descriptors
from framekit.metadata.join import describe_general
from tests.conftest import one_sentence, tree
from tests.helpers_dataset import (
    LONG_AGO,
    Box,
    add_faces,
    add_frame,
    add_json,
    add_names,
    add_text,
    age,
    correct,
    loaded,
    names_in,
    set_time,
)

HINATA: Box = (0.22, 0.42, 0.39, 0.70)
KOKONA: Box = (0.62, 0.15, 0.75, 0.37)
RECORD = {
    "video": "show.mkv",
    "prefix": "yamaS2",
    "episode": "EP04",
    "settings": {"crf": 1},
    "frames": {"yamaS2EP04_1": {"time": 12.5, "source_frame": 300, "scene": 7}},
}
STEM = "yamaS2EP04_1"


def add_hikers(folder: Path) -> Path:
    """Write the frame of the specification's example with everything that the steps before leave; return its path."""
    frame = add_frame(folder / f"{STEM}.png")
    add_faces(frame, HINATA, KOKONA)
    add_names(frame, {HINATA: "KuraueHinata", KOKONA: "AobaKokona"})
    add_text(frame, ".tags", "long_hair, looking_at_viewer\n")
    (folder / ".frames.json").write_text(json.dumps(RECORD), encoding="utf-8")
    return frame


def generate(folder: Path, *options: str) -> int:
    return generate_metadata.main(["--src_dir", str(folder), *options])


def fields_of(frame: Path) -> dict[str, Any]:
    """Return the fields of X.json without the note of what was written."""
    return {name: value for name, value in loaded(frame).items() if name != "written"}


# --- joining


def test_the_example_of_the_specification(tmp_path: Path) -> None:
    frame = add_hikers(tmp_path)
    assert generate(tmp_path, "--general_description", "anishot") == 0
    assert fields_of(frame) == {
        "schema": 1,
        "count": 2,
        "characters": ["KuraueHinata", "AobaKokona"],
        "general": "anishot yamaS2EP04",
        "facepos": ["fvp 42 70 fhp 22 39", "fvp 15 37 fhp 62 75"],
        "tags": ["long_hair", "looking_at_viewer"],
        "face_height_ratio": 0.28,
        "size": [8, 6],
        "source_type": "screenshots",
        "source": {
            "video": "show.mkv",
            "prefix": "yamaS2",
            "episode": "EP04",
            "time": 12.5,
            "source_frame": 300,
            "scene": 7,
        },
    }


def test_a_frame_of_which_nothing_is_known(tmp_path: Path) -> None:
    frame = add_frame(tmp_path / "x.png")
    assert generate(tmp_path) == 0
    assert fields_of(frame) == {
        "schema": 1,
        "count": 0,
        "characters": [],
        "general": "",
        "facepos": [],
        "tags": [],
        "face_height_ratio": 0.0,
        "size": [8, 6],
    }


def test_the_file_has_one_field_a_line(tmp_path: Path) -> None:
    frame = add_hikers(tmp_path)
    assert generate(tmp_path) == 0
    lines = frame.with_suffix(".json").read_text(encoding="utf-8").splitlines()
    assert len(lines) == len(loaded(frame))
    assert lines[2] == ' "characters": ["KuraueHinata", "AobaKokona"],'


@pytest.mark.parametrize(
    ("description", "record", "general"),
    [
        ("anishot", {}, "anishot"),
        ("", {"prefix": "yama", "episode": "EP04"}, "yamaEP04"),
        ("", {"prefix": None, "episode": "EP04"}, "EP04"),
        ("a b", {"prefix": "yama", "episode": None}, "a b yama"),
        ("", {}, ""),
    ],
)
def test_the_general_part(description: str, record: dict[str, Any], general: str) -> None:
    assert describe_general(description, record) == general


def test_names_follow_the_boxes_and_nameless_faces_are_unknown(tmp_path: Path) -> None:
    frame = add_frame(tmp_path / "x.png")
    add_faces(frame, HINATA, (0.4, 0.4, 0.5, 0.5), KOKONA)
    add_names(frame, {KOKONA: "AobaKokona", HINATA: "ood"})
    assert generate(tmp_path) == 0
    assert loaded(frame)["characters"] == ["ood", "unknown", "AobaKokona"]
    assert loaded(frame)["count"] == 3


def test_faces_that_nobody_named_are_unknown(tmp_path: Path) -> None:
    frame = add_frame(tmp_path / "x.png")
    add_faces(frame, HINATA, KOKONA)
    assert generate(tmp_path) == 0
    assert loaded(frame)["characters"] == ["unknown", "unknown"]


def test_the_four_lines_of_image_grabbers(tmp_path: Path) -> None:
    frame = add_frame(tmp_path / "x.png")
    lines = ["character: aoba_kokona, kuraue_hinata", "copyright: yama_no_susume", "artist: kit", "general: green_eyes"]
    add_text(frame, ".tags", "\n".join(lines))
    assert generate(tmp_path) == 0
    known = fields_of(frame)
    assert known["copyright"] == ["yama_no_susume"]
    assert known["artist"] == ["kit"]
    assert known["tags"] == ["green_eyes"]
    assert known["characters"] == ["aoba_kokona", "kuraue_hinata"]
    assert known["count"] == 2


def test_faces_win_over_the_characters_among_the_tags(tmp_path: Path) -> None:
    frame = add_frame(tmp_path / "x.png")
    add_faces(frame, HINATA)
    add_names(frame, {HINATA: "KuraueHinata"})
    add_text(frame, ".tags", "character: someone, other\ngeneral: hat")
    assert generate(tmp_path) == 0
    assert (loaded(frame)["characters"], loaded(frame)["count"]) == (["KuraueHinata"], 1)


def test_each_episode_has_its_own_record(tmp_path: Path) -> None:
    frame = add_hikers(tmp_path / "EP04")
    other = add_frame(tmp_path / "EP05" / f"{STEM}.png")
    (tmp_path / "EP05" / ".frames.json").write_text(json.dumps(RECORD | {"episode": "EP05"}), encoding="utf-8")
    assert generate(tmp_path) == 0
    assert [loaded(one)["source"]["episode"] for one in (frame, other)] == ["EP04", "EP05"]


def test_a_frame_that_the_record_does_not_know_has_no_source(tmp_path: Path) -> None:
    add_hikers(tmp_path)
    stranger = add_frame(tmp_path / "fan_art.png")
    assert generate(tmp_path, "--general_description", "anishot") == 0
    assert "source" not in loaded(stranger)
    assert loaded(stranger)["general"] == "anishot"


@pytest.mark.parametrize("options", [(), ("--overwrite_corrections",), ("--rename", "AobaKokona", "Kokona")])
def test_description_and_type_stay_when_they_are_not_given_again(tmp_path: Path, options: tuple[str, ...]) -> None:
    frames = [add_hikers(tmp_path), add_frame(tmp_path / "fan_art.png")]
    assert generate(tmp_path, "--general_description", "a show", "--source_type", "fanart") == 0
    frames.append(add_frame(tmp_path / "another.png"))  # the first one now, and nobody told about it
    assert generate(tmp_path, *options) == 0
    assert [loaded(one)["general"] for one in frames] == ["a show yamaS2EP04", "a show", "a show"]
    assert [loaded(one)["source_type"] for one in frames] == ["fanart"] * 3


def test_an_empty_description_drops_the_one_of_before(tmp_path: Path) -> None:
    frame = add_hikers(tmp_path)
    assert generate(tmp_path, "--general_description", "anishot", "--source_type", "fanart") == 0
    assert generate(tmp_path, "--general_description", "", "--source_type", "") == 0
    assert (loaded(frame)["general"], loaded(frame)["source_type"]) == ("yamaS2EP04", "screenshots")


def test_a_description_stays_when_the_episode_gets_another_name(tmp_path: Path) -> None:
    frame = add_hikers(tmp_path)
    assert generate(tmp_path, "--general_description", "anishot") == 0
    (tmp_path / ".frames.json").write_text(json.dumps(RECORD | {"episode": "EP05"}), encoding="utf-8")
    assert generate(tmp_path) == 0
    assert loaded(frame)["general"] == "anishot yamaS2EP05"


def test_new_frames_do_not_take_over_what_a_person_wrote_on_one(tmp_path: Path) -> None:
    first, second = add_frame(tmp_path / "1.png"), add_frame(tmp_path / "2.png")
    assert generate(tmp_path, "--general_description", "anishot") == 0
    correct(first, general="by hand", source_type="fanart")
    third = add_frame(tmp_path / "3.png")
    assert generate(tmp_path) == 0
    assert [loaded(one)["general"] for one in (first, second, third)] == ["by hand", "anishot", "anishot"]
    assert [loaded(one).get("source_type") for one in (first, second, third)] == ["fanart", None, None]


def test_screenshots_of_a_known_video_make_no_screenshots_of_others(tmp_path: Path) -> None:
    frame = add_hikers(tmp_path)
    assert generate(tmp_path) == 0
    stranger = add_frame(tmp_path / "zzz.png")
    assert generate(tmp_path) == 0
    assert loaded(frame)["source_type"] == "screenshots"
    assert "source_type" not in loaded(stranger)


def test_the_closing_line_counts_frames_that_were_renamed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    add_hikers(tmp_path)
    add_frame(tmp_path / "empty.png")
    assert generate(tmp_path) == 0
    capsys.readouterr()
    assert generate(tmp_path, "--rename", "AobaKokona", "Kokona") == 0
    assert "2 frames described; characters renamed in 1 frame, in" in capsys.readouterr().out


def test_a_rename_of_nobody_is_refused_and_not_remembered(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    add_hikers(tmp_path)
    assert generate(tmp_path) == 0
    before = tree(tmp_path)
    capsys.readouterr()
    assert generate(tmp_path, "--rename", "KuraueHinta", "Hinata") == 2
    said = one_sentence(capsys.readouterr().err)
    assert said == "--rename: nobody there is called KuraueHinta; did you mean KuraueHinata?"
    assert tree(tmp_path) == before


def test_of_a_table_those_are_renamed_who_are_met(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    frame = add_hikers(tmp_path)
    assert generate(tmp_path) == 0
    (tmp_path / "names.csv").write_text("KuraueHinta,Hinata\nAobaKokona,Kokona\n")
    assert generate(tmp_path, "--rename", str(tmp_path / "names.csv")) == 0
    assert loaded(frame)["characters"] == ["KuraueHinata", "Kokona"]
    said = capsys.readouterr()
    assert "nobody there is called KuraueHinta; did you mean KuraueHinata?" in said.out + said.err
    assert "characters renamed in 1 frame" in said.out
    assert generate(tmp_path, "--rename", "AobaKokona", "Kokona") == 0, "renamed before"


def test_a_name_that_only_a_removed_frame_has_is_met(tmp_path: Path) -> None:
    frame = add_hikers(tmp_path)
    assert generate(tmp_path) == 0
    removed.remove(tmp_path, frame, "similar")
    assert add_frame(tmp_path / "EP01/other.png", characters=["Aoba"]).exists()
    assert generate(tmp_path, "--rename", "AobaKokona", "Kokona") == 0
    removed.restore(tmp_path, [], ["similar"], dry_run=False)
    assert generate(tmp_path) == 0
    assert "Kokona" in loaded(frame)["characters"]


def test_two_characters_become_one_only_when_asked_for(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    frame = add_hikers(tmp_path)
    assert generate(tmp_path) == 0
    before = tree(tmp_path)
    capsys.readouterr()
    assert generate(tmp_path, "--rename", "AobaKokona", "KuraueHinata") == 2
    assert "is somebody there already" in one_sentence(capsys.readouterr().err)
    assert generate(tmp_path, "--rename", "AobaKokona", "kuraueHINATA") == 2  # one folder on many computers
    assert "KuraueHinata is somebody there already" in one_sentence(capsys.readouterr().err)
    table = tmp_path.parent / f"{tmp_path.name}.csv"
    table.write_text("AobaKokona,Somebody\nKuraueHinata,Somebody\n")
    assert generate(tmp_path, "--rename", str(table)) == 2
    assert "AobaKokona is to be Somebody too" in one_sentence(capsys.readouterr().err)
    assert tree(tmp_path) == before
    assert generate(tmp_path, "--rename", "AobaKokona", "KuraueHinata", "--merge_names") == 0
    assert loaded(frame)["characters"] == ["KuraueHinata", "KuraueHinata"]
    assert "1 frame had both names, see whether count is right there" in capsys.readouterr().out
    assert generate(tmp_path, "--rename", "KuraueHinata", "kuraueHINATA") == 0
    assert loaded(frame)["characters"] == ["kuraueHINATA", "kuraueHINATA"]


def test_the_closing_line_counts_names_read_from_folders(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    frame = add_hikers(tmp_path / "2_characters" / "AobaKokona" / "x")
    add_frame(tmp_path / "others" / "empty.png")
    assert generate(tmp_path) == 0
    capsys.readouterr()
    assert generate(tmp_path, "--characters_from_folders") == 0
    assert "2 frames described; characters read from folders in 1 frame, in" in capsys.readouterr().out
    assert loaded(frame)["characters"].count("AobaKokona") >= 1


def test_a_rename_reaches_runners_up_and_inferred_names(tmp_path: Path) -> None:
    frame = add_hikers(tmp_path)
    add_names(frame, {HINATA: "KuraueHinata", KOKONA: "unknown"})
    held = loaded(frame, ".characters.json")
    held["faces"][0]["runner_up"] = {"name": "AobaKokona", "score": 0.4}
    add_json(frame, ".characters.json", held | {"inferred": ["AobaKokona"]})
    assert generate(tmp_path) == 0
    assert generate(tmp_path, "--rename", "AobaKokona", "Kokona") == 0
    held = loaded(frame, ".characters.json")
    assert held["faces"][0]["runner_up"]["name"] == "Kokona"
    assert held["inferred"] == ["Kokona"]
    assert generate(tmp_path) == 0
    assert loaded(frame)["inferred"] == ["Kokona"]


# --- frames that moved


@pytest.mark.parametrize("other_record", [False, True])
def test_a_frame_that_left_its_episode_folder_keeps_source_and_general(tmp_path: Path, other_record: bool) -> None:
    frame = add_hikers(tmp_path / "EP04")
    assert generate(tmp_path, "--general_description", "anishot") == 0
    before = fields_of(frame)
    (tmp_path / "EP04").rename(tmp_path / "arranged")
    (tmp_path / "arranged" / ".frames.json").unlink()
    if other_record:
        other = RECORD | {"episode": "EP09", "frames": {"another": {"time": 1.0}}}
        (tmp_path / "arranged" / ".frames.json").write_text(json.dumps(other), encoding="utf-8")
    assert generate(tmp_path, "--general_description", "anishot") == 0
    assert fields_of(tmp_path / "arranged" / frame.name) == before


def test_a_moved_frame_keeps_its_source_when_corrections_are_dropped(tmp_path: Path) -> None:
    frame = add_hikers(tmp_path)
    assert generate(tmp_path) == 0
    (tmp_path / ".frames.json").unlink()
    assert generate(tmp_path, "--overwrite_corrections") == 0
    assert loaded(frame)["source"]["episode"] == "EP04"
    assert loaded(frame)["general"] == "yamaS2EP04"


# --- corrections


def test_a_corrected_field_survives_and_the_others_follow_the_sidecars(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    frame = add_hikers(tmp_path)
    assert generate(tmp_path) == 0
    correct(frame, characters=["KuraueHinata", "YukimuraAoi"], general="by hand")
    add_text(frame, ".tags", "hat\n")
    add_names(frame, {HINATA: "KuraueHinata", KOKONA: "unknown"})
    for _ in range(2):
        capsys.readouterr()
        assert generate(tmp_path, "--general_description", "anishot") == 0
        known = loaded(frame)
        assert known["characters"] == ["KuraueHinata", "YukimuraAoi"]
        assert known["general"] == "by hand"
        assert known["tags"] == ["hat"]
        assert "1 frame described; kept 2 hand-corrected fields in 1 file" in capsys.readouterr().out


def test_the_closing_line_counts_fields_and_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    frames = [add_frame(tmp_path / f"{n}.png") for n in range(4)]
    assert generate(tmp_path) == 0
    assert "4 frames described; 4 without" in capsys.readouterr().out
    correct(frames[0], count=1)
    correct(frames[2], count=3, tags=["hat"])
    assert generate(tmp_path) == 0
    assert "4 frames described; kept 3 hand-corrected fields in 2 files" in capsys.readouterr().out


def test_a_field_deleted_by_hand_stays_away(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    frame = add_hikers(tmp_path)
    assert generate(tmp_path) == 0
    held = loaded(frame)
    del held["tags"]
    frame.with_suffix(".json").write_text(json.dumps(held), encoding="utf-8")
    assert generate(tmp_path) == 0
    assert "tags" not in loaded(frame)
    assert "kept 1 hand-corrected field in 1 file" in capsys.readouterr().out


def test_a_field_added_by_hand_stays(tmp_path: Path) -> None:
    frame = add_hikers(tmp_path)
    assert generate(tmp_path) == 0
    correct(frame, rating="explicit")
    assert generate(tmp_path) == 0
    assert loaded(frame)["rating"] == "explicit"


def test_a_file_of_the_older_generation_keeps_its_fields(tmp_path: Path) -> None:
    frame = add_frame(tmp_path / "x.png")
    add_json(frame, ".json", {"count": "2", "characters": ["A", "B"], "fh_ratio": 0.4})
    add_text(frame, ".tags", "hat\n")
    assert generate(tmp_path) == 0
    known = loaded(frame)
    assert (known["count"], known["characters"], known["face_height_ratio"]) == (2, ["A", "B"], 0.4)
    assert "fh_ratio" not in known
    before = loaded(frame)
    assert generate(tmp_path) == 0
    assert loaded(frame) == before
    assert known["tags"] == ["hat"]


def test_another_layout_of_the_same_values_is_no_correction(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    frame = add_hikers(tmp_path)
    assert generate(tmp_path) == 0
    held = dict(sorted(loaded(frame).items(), reverse=True))
    frame.with_suffix(".json").write_text(json.dumps(held, indent=4), encoding="utf-8")
    assert generate(tmp_path) == 0
    assert "hand-corrected" not in capsys.readouterr().out


def test_corrections_can_be_dropped(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    frame = add_hikers(tmp_path)
    assert generate(tmp_path) == 0
    before = loaded(frame)
    correct(frame, count=9, tags=[])
    assert generate(tmp_path, "--overwrite_corrections") == 0
    assert loaded(frame) == before
    assert "hand-corrected" not in capsys.readouterr().out


def test_a_second_run_writes_nothing(tmp_path: Path) -> None:
    corrected, untouched = add_hikers(tmp_path), add_frame(tmp_path / "x.png")
    assert generate(tmp_path) == 0
    correct(corrected, count=9)
    assert generate(tmp_path) == 0
    age(tmp_path)
    before = tree(tmp_path)
    assert generate(tmp_path) == 0
    assert tree(tmp_path) == before
    assert untouched.with_suffix(".json").stat().st_mtime == LONG_AGO


def test_an_untouched_field_that_no_sidecar_gives_any_more_goes(tmp_path: Path) -> None:
    frame = add_frame(tmp_path / "x.png")
    add_text(frame, ".tags", "artist: kit\ngeneral: hat")
    assert generate(tmp_path) == 0
    assert loaded(frame)["artist"] == ["kit"]
    add_text(frame, ".tags", "hat")
    assert generate(tmp_path) == 0
    assert not loaded(frame).get("artist")


# --- damage


@pytest.mark.parametrize("text", ['{"count": 2,', '{"count": 2, "tags": ["a",]}', "", "[]", '{"count": 2} x'])
@pytest.mark.parametrize("options", [[], ["--overwrite_corrections"]], ids=["", "overwrite"])
def test_json_broken_by_hand_is_never_overwritten(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, options: list[str]
) -> None:
    broken, good = add_frame(tmp_path / "a.png"), add_frame(tmp_path / "b.png")
    path = set_time(add_text(broken, ".json", text), LONG_AGO)
    assert generate(tmp_path, *options) == 1
    assert path.read_text(encoding="utf-8") == text
    assert path.stat().st_mtime == LONG_AGO
    assert loaded(good)["count"] == 0
    said = capsys.readouterr()
    assert "unreadable: " in said.err
    assert "a.png" in said.err
    assert "1 frame described" in said.out
    assert "1 unreadable" in said.out


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("x.json", "{"),
        ("x.faces.json", "{"),
        ("x.faces.json", '{"faces": [{"box": [0.2, 0.2, 0.1, 0.1], "score": 1}]}'),
        ("x.characters.json", "{"),
        ("x.characters.json", "[]"),
        ("x.characters.json", '{"faces": [{}]}'),
        (".frames.json", "{"),
        ("x.png.tags", "caf\udce9"),
    ],
)
def test_the_damaged_file_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, text: str) -> None:
    frame = add_frame(tmp_path / "x.png")
    (tmp_path / name).write_bytes(text.encode(errors="surrogateescape"))
    before = tree(tmp_path)
    assert generate(tmp_path) == 1
    assert tree(tmp_path) == before
    assert name in capsys.readouterr().err.replace(f"{frame}:", "")


@pytest.mark.parametrize(
    "record", ['{"frames": [1]}', '{"frames": {"x": 3}}', '{"prefix": ["a"], "frames": {"x": {}}}', "{}"]
)
def test_a_record_of_another_shape_is_as_good_as_none(tmp_path: Path, record: str) -> None:
    frame = add_frame(tmp_path / "x.png")
    (tmp_path / ".frames.json").write_text(record, encoding="utf-8")
    assert generate(tmp_path) == 0
    assert loaded(frame)["count"] == 0


def test_half_a_character_in_a_name_is_listed_or_replaced(tmp_path: Path) -> None:
    frame = add_frame(tmp_path / "x.png")
    add_faces(frame, HINATA)
    text = json.dumps({"faces": [{"box": list(HINATA), "name": "a\ud83d"}]})  # escaped, so the file itself is ASCII
    add_text(frame, ".characters.json", text)
    assert generate(tmp_path) in (0, 1)


def test_no_half_written_file_is_left(tmp_path: Path) -> None:
    add_hikers(tmp_path)
    (tmp_path / ".0123456789abcdef.json.tmp").write_text("half")
    assert generate(tmp_path) == 0
    own = (f"{STEM}{end}" for end in (".png", ".png.tags", ".faces.json", ".characters.json", ".json"))
    assert names_in(tmp_path) == sorted([".frames.json", *own])


def test_a_missing_folder_is_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert generate(tmp_path / "nowhere") == 2
    assert "nowhere" in one_sentence(capsys.readouterr().err)


def test_nothing_but_metadata_is_written(tmp_path: Path) -> None:
    add_hikers(tmp_path / "dataset")
    shutil.copytree(tmp_path / "dataset", tmp_path / "before")
    assert generate(tmp_path / "dataset") == 0
    after = {name: content for name, (content, _) in tree(tmp_path / "dataset").items()}
    after.pop(f"{STEM}.json")
    assert after == {name: content for name, (content, _) in tree(tmp_path / "before").items()}


def test_inferred_names_are_noted_but_not_among_the_characters(tmp_path: Path) -> None:
    frame = add_frame(tmp_path / "x.png")
    add_faces(frame)
    add_json(frame, ".characters.json", {"faces": [], "inferred": ["Aoba"]})
    assert generate_metadata.main([str(tmp_path)]) == 0
    assert loaded(frame)["characters"] == []
    assert loaded(frame)["inferred"] == ["Aoba"]
    add_json(frame, ".characters.json", {"faces": []})
    assert generate_metadata.main([str(tmp_path)]) == 0
    assert "inferred" not in loaded(frame)


# --- who and how many


@pytest.mark.parametrize(
    ("source", "count"), [("auto", 2), ("faces", 2), ("characters", 1), ("tags", 3), ("people", 4), ("folder", 5)]
)
def test_the_number_of_people_comes_from_where_it_should(tmp_path: Path, source: str, count: int) -> None:
    frame = add_frame(tmp_path / "5_characters" / "x.png")
    add_faces(frame, HINATA, KOKONA)
    add_json(frame, ".faces.json", loaded(frame, ".faces.json") | {"people": [{"box": [0, 0, 1, 1], "score": 1}] * 4})
    add_names(frame, {HINATA: "KuraueHinata"})
    add_text(frame, ".tags", "2girls, 1boy, hat")
    assert generate(tmp_path, "--count_from", source) == 0
    assert loaded(frame)["count"] == count


def test_without_faces_the_tags_count(tmp_path: Path) -> None:
    frame = add_frame(tmp_path / "x.png")
    add_text(frame, ".tags", "2girls, hat, rating:explicit")
    assert generate(tmp_path) == 0
    known = loaded(frame)
    assert (known["count"], known["tags"], known["rating"]) == (2, ["2girls", "hat"], "explicit")


def test_fan_art_has_its_characters_from_its_tags_also_if_faces_were_seen(tmp_path: Path) -> None:
    frame = add_frame(tmp_path / "x.png")
    add_faces(frame, HINATA)
    add_text(frame, ".tags", "character: kuraue_hinata\ngeneral: hat")
    assert generate(tmp_path, "--source_type", "fanart") == 0
    known = loaded(frame)
    assert (known["count"], known["characters"], known["source_type"]) == (1, ["kuraue_hinata"], "fanart")


def test_the_size_is_that_of_the_upright_frame(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (9, 5)).save(tmp_path / "x.jpg", exif=exif)
    assert generate(tmp_path) == 0
    assert loaded(tmp_path / "x.jpg")["size"] == [5, 9]


def test_a_frame_that_is_no_image_is_listed_and_not_described(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "x.png").write_bytes(b"no image")
    assert generate(tmp_path) == 1
    assert "x.png: it cannot be decoded: no image of a known format" in capsys.readouterr().err
    assert not (tmp_path / "x.json").exists()


def test_frames_without_tags_or_faces_are_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in "abc":
        frame = add_frame(tmp_path / f"{name}.png")
    add_text(frame, ".tags", "")
    add_json(tmp_path / "b.png", ".png.json", {"tags": "1girl hat"})
    assert generate(tmp_path) == 0
    told = capsys.readouterr().out
    assert "1 without tags (tag_images.py finds them); 3 without faces (detect_faces.py finds them)" in told
    add_text(tmp_path / "a.png", ".tags", "hat")
    for name in "abc":
        add_faces(tmp_path / f"{name}.png")
    assert generate(tmp_path) == 0
    assert "finds them" not in capsys.readouterr().out


def test_a_pattern_that_fits_no_folder_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    add_frame(tmp_path / "Aoba" / "x.png")
    assert generate(tmp_path, "--characters_from_folders") == 0
    said = capsys.readouterr()
    assert one_sentence(said.err).startswith(
        "no folder fits --characters_from_folders */character/*, frames stand in folders such as Aoba; give a pattern"
    )
    assert "characters read from folders in 0 frames" in said.out
    assert generate(tmp_path, "--characters_from_folders", "character") == 0
    said = capsys.readouterr()
    assert (said.err, "characters read from folders in 1 frame" in said.out) == ("", True)


def test_folders_of_unnamed_groups_name_nobody(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    frame = add_frame(tmp_path / "cluster_001" / "x.png")
    assert generate(tmp_path, "--characters_from_folders", "character") == 1
    assert "the folder cluster_001 names nobody" in capsys.readouterr().err
    assert not frame.with_suffix(".json").exists()


def test_subtitles_are_told_as_they_were_measured(tmp_path: Path) -> None:
    subtitled, other = (add_hikers(tmp_path).with_name(name) for name in ("a.png", "b.png"))
    shutil.copy(tmp_path / f"{STEM}.png", subtitled)
    Image.effect_noise((64, 36), 50).convert("RGB").save(other)
    known = descriptors.describe_frames(find_frames(tmp_path), 1, keep=True)
    assert generate(tmp_path) == 0
    assert "text" not in loaded(subtitled)
    store = descriptors.read_store(tmp_path)
    store["a.png"] = replace(store["a.png"], measures=replace(store["a.png"].measures, text=60.0))
    descriptors.write_store(tmp_path, store)
    assert generate(tmp_path) == 0
    assert [loaded(frame).get("text") for frame in (subtitled, other)] == ["subtitles", None]
    (tmp_path / descriptors.STORE).unlink()  # what is not known stays as it was
    assert generate(tmp_path) == 0
    assert loaded(subtitled)["text"] == "subtitles"
    correct(subtitled, text="")
    descriptors.write_store(tmp_path, store)
    assert generate(tmp_path) == 0
    assert loaded(subtitled)["text"] == ""
    assert len(known.readable) == 3
