"""What X.json means, how its older forms are read, and how a person's corrections survive."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from framekit.errors import BadSidecar
from framekit.sidecars import corrections, metadata
from framekit.sidecars.corrections import merge_corrections
from framekit.sidecars.metadata import Metadata, facepos_of, metadata_from, upgraded
from framekit.sidecars.tags import parse_tags
from tests.helpers_dataset import add_frame, add_text


@pytest.mark.parametrize(
    ("box", "text"),
    [
        ((0.22, 0.42, 0.39, 0.70), "fvp 42 70 fhp 22 39"),
        ((0.62, 0.15, 0.75, 0.37), "fvp 15 37 fhp 62 75"),
        ((0.0, 0.0, 1.0, 1.0), "fvp 0 100 fhp 0 100"),
        ((0.104, 0.206, 0.304, 0.406), "fvp 21 41 fhp 10 30"),
    ],
)
def test_a_position_has_height_first_and_whole_percents(box: tuple[float, ...], text: str) -> None:
    assert facepos_of(box) == text


def test_a_position_written_is_a_position_read() -> None:
    text = facepos_of((0.22, 0.42, 0.39, 0.70))
    known = metadata_from({"facepos": [text]})
    assert known.facepos == ["fvp 42 70 fhp 22 39"]
    assert known.face_height_ratio == 0.28


def test_the_example_of_the_specification() -> None:
    known = metadata_from(
        {
            "count": 2,
            "characters": ["KuraueHinata", "AobaKokona"],
            "general": "anishot yamaS2EP04",
            "facepos": ["fvp 42 70 fhp 22 39", "fvp 15 37 fhp 62 75"],
            "tags": ["long_hair", "looking_at_viewer"],
        }
    )
    assert known == Metadata(
        count=2,
        characters=["KuraueHinata", "AobaKokona"],
        general="anishot yamaS2EP04",
        facepos=["fvp 42 70 fhp 22 39", "fvp 15 37 fhp 62 75"],
        tags=["long_hair", "looking_at_viewer"],
        face_count=2,
        face_height_ratio=0.28,
    )


def test_everything_that_newer_files_hold() -> None:
    known = metadata_from(
        {
            "count": 1,
            "copyright": ["show"],
            "artist": ["kit"],
            "rating": "explicit",
            "face_height_ratio": 0.3125,
            "facepos": ["fvp 0 50 fhp 0 50"],
            "source": {"episode": "EP04", "time": 3.5},
            "schema": 1,
            "whatever": {"a": 1},
        }
    )
    expected = Metadata(
        count=1,
        copyright=["show"],
        artist=["kit"],
        rating="explicit",
        facepos=["fvp 0 50 fhp 0 50"],
        face_count=1,
        face_height_ratio=0.3125,
        episode="EP04",
        time=3.5,
    )
    assert known == expected


def test_files_of_the_older_generation() -> None:
    known = metadata_from(
        {
            "count": "2",
            "n_faces": 3,
            "facepos": [[0.22, 0.42, 0.39, 0.70], [0.62, 0.15, 0.75, 0.37]],
            "fh_ratio": 0.2775,
            "characters": ["A"],
        }
    )
    expected = Metadata(2, ["A"], "", ["fvp 42 70 fhp 22 39", "fvp 15 37 fhp 62 75"], [], face_count=3)
    assert known == replace(expected, face_height_ratio=0.2775)


@pytest.mark.parametrize(
    ("fields", "count"),
    [
        ({"n_people": 4}, 4),
        ({"n_people": "4"}, 4),
        ({"count": 1, "n_people": 4}, 1),
        ({"n_faces": 3}, 3),
        ({"facepos": ["fvp 0 10 fhp 0 10"]}, 1),
        ({"facepos": ["fvp 0 10 fhp 0 10"], "n_faces": 0}, 0),
        ({}, 0),
        ({"count": " 5 "}, 5),
    ],
)
def test_the_number_of_people_is_taken_from_what_there_is(fields: dict[str, Any], count: int) -> None:
    assert metadata_from(fields).count == count


@pytest.mark.parametrize("value", [None, [], ""])
def test_a_field_that_a_person_emptied_is_empty(value: Any) -> None:
    emptied = dict.fromkeys(("characters", "facepos", "tags", "copyright", "artist"), value)
    assert metadata_from(emptied) == Metadata()


@pytest.mark.parametrize("name", ["unknown", "ood", "", "  "])
def test_names_that_stand_for_nobody_are_no_characters(name: str) -> None:
    assert metadata_from({"characters": ["A", name, "B"]}).characters == ["A", "B"]


@pytest.mark.parametrize("key", ["characters", "tags", "copyright", "artist"])
def test_one_text_stands_for_a_list(key: str) -> None:
    assert getattr(metadata_from({key: "red_hat, sky ,,"}), key) == ["red_hat", "sky"]


def test_white_space_in_texts_becomes_single_blanks() -> None:
    known = metadata_from({"general": " a\n\tb ", "tags": ["x\r\ny"], "characters": ["\u3000A  B"]})
    assert (known.general, known.tags, known.characters) == ("a b", ["x y"], ["A B"])


@pytest.mark.parametrize(
    ("positions", "ratio"),
    [([], 0.0), (["fvp 10 30 fhp 0 90"], 0.2), (["fvp 10 30 fhp 0 9", "fvp 0 45 fhp 0 9"], 0.45), (["left"], 0.0)],
)
def test_without_a_ratio_the_tallest_face_position_gives_it(positions: list[str], ratio: float) -> None:
    assert metadata_from({"facepos": positions}).face_height_ratio == ratio


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("count", -1),
        ("count", 1.5),
        ("count", True),
        ("count", "two"),
        ("count", [2]),
        ("n_faces", "many"),
        ("n_people", {}),
        ("characters", 3),
        ("characters", {"A": 1}),
        ("characters", ["A", None]),
        ("tags", [1]),
        ("tags", True),
        ("copyright", [["a"]]),
        ("artist", 0.5),
        ("facepos", {"a": 1}),
        ("facepos", [3]),
        ("facepos", [[0.1, 0.2, 0.3]]),
        ("facepos", [["a", "b", "c", "d"]]),
        ("facepos", [[True, False, True, True]]),
        ("face_height_ratio", "tall"),
        ("face_height_ratio", 1.5),
        ("face_height_ratio", -0.1),
        ("face_height_ratio", True),
    ],
)
def test_a_wrong_type_is_refused_and_its_key_named(key: str, value: Any) -> None:
    with pytest.raises(BadSidecar, match=key):
        metadata_from({key: value})


@pytest.mark.parametrize(("key", "value"), [("general", ["a"]), ("rating", 3)])
def test_a_text_of_a_wrong_type_is_refused_and_its_key_named(key: str, value: Any) -> None:
    with pytest.raises(BadSidecar, match=key):
        metadata_from({key: value})


def test_a_wrong_older_ratio_is_refused() -> None:
    with pytest.raises(BadSidecar, match="ratio"):
        metadata_from({"fh_ratio": 2})


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[]",
        '"x"',
        "",
        '{"count": NaN}',
        '{"facepos": [[0, 0, 1e999, 1]]}',
        '{"count": ' + "9" * 5000 + "}",
        '{"count": "' + "9" * 5000 + '"}',
        "[" * 100_000,
    ],
    ids=["open", "list", "text", "empty", "nan", "infinite", "long number", "long text", "deep"],
)
def test_a_hostile_or_broken_file_is_refused(tmp_path: Path, text: str) -> None:
    frame = add_frame(tmp_path / "x.png")
    add_text(frame, ".json", text)
    with pytest.raises(BadSidecar):
        metadata.read_metadata(frame)


def test_half_a_character_never_reaches_the_later_steps(tmp_path: Path) -> None:
    frame = add_frame(tmp_path / "x.png")
    add_text(frame, ".json", '{"general": "a \\ud83d b", "tags": ["\\udc00"]}')
    try:
        known = metadata.read_metadata(frame)
    except BadSidecar:
        return
    assert "".join([known.general, *known.tags]).encode().decode() == "".join([known.general, *known.tags])


def test_a_frame_without_metadata_names_the_script_to_run(tmp_path: Path) -> None:
    with pytest.raises(BadSidecar, match=r"no x\.json; run generate_metadata\.py"):
        metadata.read_metadata(add_frame(tmp_path / "x.png"))


def test_a_byte_order_mark_is_no_obstacle(tmp_path: Path) -> None:
    frame = add_frame(tmp_path / "x.png")
    add_text(frame, ".json", '\ufeff{"count": 3}')
    assert metadata.read_metadata(frame).count == 3


def test_one_line_of_tags_is_all_general() -> None:
    assert parse_tags("1girl, long_hair,  red_hat ,\n") == {
        "character": [],
        "copyright": [],
        "artist": [],
        "general": ["1girl", "long_hair", "red_hat"],
        "rating": [],
    }


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_four_lines_of_tags_are_told_apart(end: str) -> None:
    lines = ["character: aoba_kokona, kuraue_hinata", "copyright: yama_no_susume", "artist: kit", "general: 1girl, hat"]
    assert parse_tags(end.join(lines)) == {
        "character": ["aoba_kokona", "kuraue_hinata"],
        "copyright": ["yama_no_susume"],
        "artist": ["kit"],
        "general": ["1girl", "hat"],
        "rating": [],
    }


@pytest.mark.parametrize("general", ["green eyes, long hair", "long hair, eagle", "general, ear, lane", "re:zero, a"])
def test_no_letter_of_the_first_general_tag_is_lost(general: str) -> None:
    assert parse_tags(f"general: {general}")["general"] == general.split(", ")


@pytest.mark.parametrize("tag", [":d", "re:zero", "nier:automata", "artist_name", "general_(rank)", "d:"])
def test_a_colon_within_a_tag_is_part_of_it(tag: str) -> None:
    assert parse_tags(f"{tag}, hat")["general"] == [tag, "hat"]


@pytest.mark.parametrize("text", ["", "\n", "general:", "character:\ncopyright:\nartist:\ngeneral:", " , "])
def test_no_tags(text: str) -> None:
    assert parse_tags(text) == {"character": [], "copyright": [], "artist": [], "general": [], "rating": []}


def test_names_of_lines_in_any_letter_case_and_order() -> None:
    assert parse_tags("General : a\nCHARACTER:b") == {
        "character": ["b"],
        "copyright": [],
        "artist": [],
        "general": ["a"],
        "rating": [],
    }


@pytest.mark.parametrize(
    ("text", "rating", "general"),
    [
        ("rating:explicit, hat", ["explicit"], ["hat"]),
        ("hat, rating:general", ["general"], ["hat"]),
        ("rating: safe\ngeneral: hat", ["safe"], ["hat"]),
        ("rating:none, explicit", [], ["explicit"]),
    ],
)
def test_the_rating_is_no_tag(text: str, rating: list[str], general: list[str]) -> None:
    found = parse_tags(text)
    assert (found["rating"], found["general"]) == (rating, general)


@pytest.mark.parametrize(
    ("older", "newer"),
    [
        (
            {"n_people": 2, "character": "A, B", "fh_ratio": 0.4, "n_faces": 1, "general": "x"},
            {
                "count": 2,
                "characters": ["A", "B"],
                "face_height_ratio": 0.4,
                "n_faces": 1,
                "general": "x",
            },
        ),
        (
            {"count": "2", "facepos": [[0.22, 0.42, 0.39, 0.70]], "tags": "a, b"},
            {"count": 2, "facepos": ["fvp 42 70 fhp 22 39"], "face_height_ratio": 0.28, "tags": "a, b"},
        ),
        ({"count": "2", "characters": ["unknown", "A"]}, {"count": 2, "characters": ["unknown", "A"]}),
        ({"schema": 1, "count": "2"}, {"schema": 1, "count": "2"}),
        ({"count": "many"}, {"count": "many"}),
        ({"rating": "safe"}, {"rating": "safe"}),
    ],
)
def test_older_files_get_the_keys_of_today(older: dict[str, Any], newer: dict[str, Any]) -> None:
    assert upgraded(older) == newer
    assert upgraded(upgraded(older)) == newer


FRESH: dict[str, Any] = {"count": 2, "characters": ["A", "unknown"], "general": "g", "tags": ["hat"]}


def written(fields: dict[str, Any] = FRESH) -> dict[str, Any]:
    """Return what is read again after generate_metadata.py wrote these fields."""
    value: dict[str, Any] = json.loads(corrections.metadata_text(merge_corrections(None, fields)[0]))
    return value


def test_the_first_time_nothing_is_kept() -> None:
    merged, kept = merge_corrections(None, FRESH)
    assert kept == []
    assert {name: merged[name] for name in FRESH} == FRESH


def test_what_nobody_touched_follows_the_sidecars() -> None:
    merged, kept = merge_corrections(written(), FRESH | {"count": 3, "tags": []})
    assert kept == []
    assert (merged["count"], merged["tags"], merged["general"]) == (3, [], "g")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("count", 5),
        ("characters", ["A", "B"]),
        ("general", ""),
        ("tags", ["hat", "sky"]),
        ("count", "2"),
        ("tags", None),
    ],
)
def test_an_edited_field_stays_and_the_others_follow(name: str, value: Any) -> None:
    new = dict.fromkeys(FRESH, "fresh")
    merged, kept = merge_corrections(written() | {name: value}, new)
    assert kept == [name]
    assert {key: merged[key] for key in FRESH} == new | {name: value}


def test_a_deleted_field_stays_away() -> None:
    old = written()
    del old["tags"]
    merged, kept = merge_corrections(old, FRESH)
    assert kept == ["tags"]
    assert "tags" not in merged


def test_an_added_field_stays() -> None:
    merged, kept = merge_corrections(written() | {"rating": "explicit", "note": [1]}, FRESH)
    assert (merged["rating"], merged["note"], kept) == ("explicit", [1], [])


def test_a_field_that_a_person_added_is_not_taken_over_when_a_sidecar_brings_it() -> None:
    merged, kept = merge_corrections(written() | {"artist": ["kit"]}, FRESH | {"artist": ["someone"]})
    assert (merged["artist"], kept) == (["kit"], ["artist"])


def test_a_field_that_a_sidecar_brings_later_is_taken_up() -> None:
    merged, kept = merge_corrections(written(), FRESH | {"artist": ["kit"]})
    assert (merged["artist"], kept) == (["kit"], [])


def test_a_correction_taken_back_is_none() -> None:
    merged, kept = merge_corrections(written() | {"count": 2}, FRESH | {"count": 7})
    assert (merged["count"], kept) == (7, [])


def test_a_file_of_another_tool_is_all_correction() -> None:
    merged, kept = merge_corrections({"count": "3", "fh_ratio": 0.2}, FRESH)
    assert kept == ["count"]
    assert (merged["count"], merged["fh_ratio"], merged["general"]) == ("3", 0.2, "g")


def test_a_correction_survives_any_number_of_runs() -> None:
    held = written() | {"tags": ["corrected"]}
    for number in range(3):
        merged, kept = merge_corrections(held, FRESH | {"tags": [f"fresh{number}"], "count": number})
        held = json.loads(corrections.metadata_text(merged))
        assert (held["tags"], held["count"], kept) == (["corrected"], number, ["tags"])


def test_a_second_run_changes_nothing() -> None:
    first = written() | {"tags": ["corrected"]}
    second, _ = merge_corrections(first, FRESH)
    third, _ = merge_corrections(second, FRESH)
    assert first == second == third


@pytest.mark.parametrize("noted", [None, [], "x", {"count": ["?"]}, {"count": None}])
def test_a_damaged_note_of_what_was_written_keeps_everything(noted: Any) -> None:
    merged, kept = merge_corrections(written() | {"count": 9, "written": noted}, FRESH)
    assert merged["count"] == 9
    assert "count" in kept


def corrected(**fields: Any) -> dict[str, Any]:
    return written() | fields


@pytest.mark.parametrize(
    ("newer", "older", "expected"),
    [
        ({}, {}, FRESH),
        ({"count": 3}, {}, FRESH | {"count": 3}),
        ({}, {"count": 3}, FRESH | {"count": 3}),
        ({"count": 3}, {"tags": []}, FRESH | {"count": 3, "tags": []}),
        ({"count": 3}, {"count": 4}, FRESH | {"count": 3}),
        ({"note": "a"}, {"rating": "b"}, FRESH | {"note": "a", "rating": "b"}),
    ],
)
def test_two_versions_are_joined_with_the_corrections_of_both(
    newer: dict[str, Any], older: dict[str, Any], expected: dict[str, Any]
) -> None:
    joined = corrections.join_corrections(corrected(**newer), corrected(**older))
    assert {name: value for name, value in joined.items() if name != "written"} == expected


def test_what_was_generated_later_counts_and_corrections_of_the_older_version_stay_corrections() -> None:
    newer = merge_corrections(None, FRESH | {"general": "later", "tags": ["later"]})[0]
    joined = corrections.join_corrections(newer, corrected(tags=["by hand"]))
    assert (joined["general"], joined["tags"]) == ("later", ["by hand"])
    merged, kept = merge_corrections(joined, FRESH | {"general": "last"})
    assert (merged["general"], merged["tags"], kept) == ("last", ["by hand"], ["tags"])


def test_a_field_deleted_in_the_older_version_stays_away() -> None:
    older = written()
    del older["tags"]
    joined = corrections.join_corrections(written(), older)
    assert "tags" not in joined
    assert "tags" not in merge_corrections(joined, FRESH)[0]


@pytest.mark.parametrize("noted", ["x", [1], 3, {"count": ["?"]}, None])
@pytest.mark.parametrize("damaged", ["newer", "older"])
def test_a_damaged_note_does_not_stop_joining(noted: Any, damaged: str) -> None:
    versions = {"newer": written(), "older": written()}
    versions[damaged] |= {"written": noted}
    assert corrections.join_corrections(versions["newer"], versions["older"])["count"] == 2


def test_one_field_a_line_and_letters_of_all_scripts_readable() -> None:
    text = corrections.metadata_text({"count": 1, "characters": ["倉上ひなた"], "tags": ['"quoted"']})
    assert text == '{"count": 1,\n "characters": ["倉上ひなた"],\n "tags": ["\\"quoted\\""]}\n'
    assert json.loads(text) == {"count": 1, "characters": ["倉上ひなた"], "tags": ['"quoted"']}
