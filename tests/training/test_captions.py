"""From metadata to the line that a trainer reads."""

import doctest
import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import prepare_training
from framekit.errors import UsageError
from framekit.sidecars.metadata import Metadata, metadata_from
from framekit.training import captions
from framekit.training.captions import (
    PARTS,
    TEMPLATE,
    CaptionRules,
    caption,
    check_template,
    choose_tags,
    people_words,
    read_triggers,
    several_captions,
    spaced,
)
from tests.helpers_dataset import add_frame

ALL = CaptionRules(chances={part.name: 1.0 for part in PARTS})

NONE = CaptionRules(chances={part.name: 0.0 for part in PARTS})


def chances(rules: CaptionRules, **changed: float) -> CaptionRules:
    """Return rules with other probabilities of some parts."""
    return replace(rules, chances={**rules.chances, **changed})


# The example of the specification.
HIKERS = metadata_from(
    {
        "count": 2,
        "characters": ["KuraueHinata", "AobaKokona"],
        "general": "anishot yamaS2EP04",
        "facepos": ["fvp 42 70 fhp 22 39", "fvp 15 37 fhp 62 75"],
        "tags": ["backpack", "outdoors", "long_hair", "looking_at_viewer"],
    }
)

HIKERS_HEAD = (
    "2people, KuraueHinata AobaKokona, anishot yamaS2EP04, fvp 42 70 fhp 22 39 fvp 15 37 fhp 62 75, backpack, outdoors"
)


def caption_of(rules: CaptionRules = ALL, stem: str = "x", **fields: Any) -> str:
    return caption(fields, rules, stem)


def parts_of(text: str) -> list[str]:
    return text.split(", ")


def test_the_example_to_the_letter() -> None:
    assert caption(HIKERS, ALL) == f"{HIKERS_HEAD}, long hair, looking at viewer"


def test_the_example_with_underscores_kept() -> None:
    rules = replace(ALL, keep_underscores=True)
    assert caption(HIKERS, rules) == f"{HIKERS_HEAD}, long_hair, looking_at_viewer"


def test_all_parts_in_their_order() -> None:
    known = Metadata(
        3, ["B", "A"], "anishot", ["fvp 1 2 fhp 3 4"], ["hat"], copyright=["show"], artist=["kit"], rating="explicit"
    )
    assert caption(known, ALL) == ("3people, B A, from show, anishot, by kit, explicit, fvp 1 2 fhp 3 4, hat")


def test_by_default_neither_copyright_nor_face_positions() -> None:
    known = Metadata(1, ["A"], "anishot", ["fvp 1 2 fhp 3 4"], ["hat"], copyright=["show"], artist=["kit"])
    assert caption(known, CaptionRules()) == "1person, A, anishot, by kit, hat"


def test_several_copyrights_and_artists_are_parts_of_their_own() -> None:
    assert caption_of(copyright=["a", "b"], artist=["c", "d"]) == "from a, from b, by c, by d"


@pytest.mark.parametrize(("count", "words"), [(0, ""), (1, "1person"), (2, "2people"), (11, "11people")])
def test_words_for_the_number_of_people(count: int, words: str) -> None:
    assert people_words(count) == words


@pytest.mark.parametrize("rating", ["general", "sensitive", "questionable", ""])
def test_only_the_rating_explicit_is_said(rating: str) -> None:
    assert caption_of(rating=rating, general="g") == "g"


def test_unknown_characters_are_not_named() -> None:
    assert caption_of(count=3, characters=["unknown", "A", "ood"]) == "3people, A"


@pytest.mark.parametrize(
    ("tag", "text"),
    [("long_hair", "long hair"), ("^_^", "^_^"), ("o_o", "o_o"), ("_hat_", "hat"), ("fate_(series)", "fate (series)")],
)
def test_underscores_become_blanks_but_not_in_emoticons(tag: str, text: str) -> None:
    assert spaced(tag) == text


@pytest.mark.parametrize("emoticon", ["(o)_(o)", "<o>_<o>", "<|>_<|>", "||_||", "|_|", ">_<", "0_0", "x_x"])
def test_emoticons_stay_in_captions(emoticon: str) -> None:
    assert caption_of(tags=[emoticon, "red_hat"]) == f"{emoticon}, red hat"


def test_underscores_of_characters_are_left_alone() -> None:
    assert caption_of(characters=["Aoba_Kokona"]) == "Aoba_Kokona"


@pytest.mark.parametrize("people", ["1girl", "2boys", "6+girls", "3others", "solo", "multiple_girls", "multiple girls"])
def test_people_tags_come_first(people: str) -> None:
    assert choose_tags(["hat", "sky", people], ALL, random.Random(0))[0] == people.replace("_", " ")


@pytest.mark.parametrize("other", ["girl_on_top", "tomboy", "solo_focus", "6+girls_hat"])
def test_other_tags_stay_where_they_are(other: str) -> None:
    assert choose_tags(["hat", other], replace(ALL, keep_underscores=True), random.Random(0)) == ["hat", other]


def test_people_tags_keep_their_order_and_survive_the_cut() -> None:
    rules = replace(ALL, max_tag_number=3)
    assert choose_tags(["hat", "1girl", "sky", "solo"], rules, random.Random(0)) == ["1girl", "solo", "hat"]


def test_by_default_15_tags() -> None:
    assert len(parts_of(caption_of(CaptionRules(), tags=[f"t{n}" for n in range(20)]))) == 15


def test_shuffled_tags_are_all_there_with_people_first() -> None:
    tags = [f"t{n}" for n in range(12)]
    chosen = choose_tags([*tags, "1girl"], replace(ALL, shuffle_tags=True), random.Random(1))
    assert chosen[0] == "1girl"
    assert chosen[1:] != tags
    assert sorted(chosen[1:]) == sorted(tags)


@pytest.mark.parametrize("tags", [["hat", "hat"], ["red_hat", "sky", "red_hat"], ["red_hat", "red hat"]])
def test_no_tag_is_said_twice(tags: list[str]) -> None:
    said = parts_of(caption_of(tags=tags))
    assert len(said) == len(set(said))


@pytest.mark.parametrize("part", [part.name for part in PARTS])
def test_probability_0_leaves_one_part_out(part: str) -> None:
    known = Metadata(1, ["A"], "g", ["fvp 1 2 fhp 3 4"], ["hat"], copyright=["c"], artist=["d"], rating="explicit")
    said = {
        "count": "1person",
        "characters": "A",
        "copyright": "from c",
        "general": "g",
        "artist": "by d",
        "rating": "explicit",
        "facepos": "fvp 1 2 fhp 3 4",
        "tags": "hat",
    }
    expected = ", ".join(text for name, text in said.items() if name != part)
    assert caption(known, chances(ALL, **{part: 0.0})) == expected


def test_a_half_probable_part_is_in_about_half_of_the_captions() -> None:
    rules = chances(NONE, count=1.0, tags=0.5)
    with_tags = sum("hat" in caption_of(rules, f"x{n}", count=1, tags=["hat"]) for n in range(400))
    assert 150 < with_tags < 250


def test_seed_and_stem_alone_decide() -> None:
    rules = replace(chances(ALL, tags=0.5, characters=0.5), shuffle_tags=True)
    once = [caption(HIKERS, rules, f"x{n}") for n in range(30)]
    without_the_tenth = [caption(HIKERS, rules, f"x{n}") for n in range(30) if n != 10]
    assert once[:10] + once[11:] == without_the_tenth
    assert len(set(once)) > 5


def test_another_seed_draws_anew() -> None:
    rules = replace(chances(ALL, tags=0.5), shuffle_tags=True)
    drawn = [[caption(HIKERS, replace(rules, seed=seed), f"x{n}") for n in range(20)] for seed in (0, 1)]
    assert drawn[0] != drawn[1]


def test_the_same_seed_shuffles_alike_and_another_one_anew() -> None:
    rules, tags = replace(ALL, shuffle_tags=True), [f"t{n}" for n in range(12)]
    first, again, other = (parts_of(caption_of(replace(rules, seed=seed), tags=tags)) for seed in (0, 0, 1))
    assert first == again
    assert first != other
    assert sorted(first) == sorted(other) == sorted(tags)


@pytest.mark.parametrize("fields", [{}, {"tags": []}, {"general": " , "}, {"characters": ["unknown"]}, {"tags": [""]}])
def test_a_caption_without_any_part_still_has_words(fields: dict[str, Any]) -> None:
    assert caption_of(**fields) == "anime image"


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("screenshots", "anime screenshot"),
        ("fanart", "anime fan art"),
        ("Regularization", "anime illustration"),
        ("key_visual, scan", "key visual scan"),
        (" ", "anime image"),
    ],
)
def test_the_words_for_nothing_are_those_of_the_source(source: str, words: str) -> None:
    assert caption_of(source_type=source) == words


def test_the_general_description_steps_in_when_nothing_was_drawn() -> None:
    assert caption_of(NONE, count=2, tags=["hat"], general="anishot") == "anishot"


@pytest.mark.parametrize("end", ["\n", "\r\n", "\u2028", "\x0b", "\x85"])
def test_a_caption_is_one_line(end: str) -> None:
    fields: dict[str, Any] = {
        "characters": [f"A{end}B"],
        "general": f"x{end}y",
        "tags": [f"red{end}hat"],
        "artist": [f"k{end}l"],
        "copyright": [f"s{end}t"],
        "facepos": [f"fvp 1 2{end}fhp 3 4"],
        "rating": "explicit",
    }
    text = caption_of(**fields)
    assert text.splitlines() == [text]
    assert text == "1person, A B, from s t, x y, by k l, explicit, fvp 1 2 fhp 3 4, red hat"


def test_a_comma_in_a_name_does_not_split_it() -> None:
    fields: dict[str, Any] = {"characters": ["Hinata, the climber"], "copyright": ["a,b"], "artist": ["c, d"]}
    assert caption_of(**fields) == "Hinata the climber, from a b, by c d"


@pytest.mark.parametrize(
    "fields",
    [
        {"general": "anishot,"},
        {"general": ", anishot"},
        {"general": "anishot,, rainy"},
        {"tags": ["hat", "", "sky"]},
        {"tags": ["hat", "_", "sky"]},
        {"tags": ["hat", ",", "sky"]},
        {"tags": ["hat,", "sky"]},
        {"tags": "hat, , sky,"},
        {"artist": ["", "kit"]},
        {"artist": [",", "kit"]},
        {"copyright": [","], "tags": ["hat"]},
        {"characters": [","], "tags": ["hat"]},
        {"facepos": "", "tags": ["hat"]},
    ],
    ids=str,
)
def test_no_caption_has_an_empty_tag(fields: dict[str, Any]) -> None:
    assert all(part.strip() not in ("", "by", "from") for part in caption_of(**fields).split(","))


def test_words_of_other_scripts_stay() -> None:
    assert caption_of(characters=["倉上ひなた"], tags=["山_登り"]) == "倉上ひなた, 山 登り"


def test_inferred_names_stand_in_captions_only_if_asked_for() -> None:
    known = Metadata(characters=["A"], inferred=["B"])
    assert caption(known, CaptionRules()) == "A"
    assert caption(known, CaptionRules(inferred=True)) == "A B"


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("{characters}, {count}, {tags}", "Aoba, 1person, hat"),
        ("a drawing of {characters}, {artist}, {tags}", "a drawing of Aoba, hat"),
        ("{characters} {count}, {tags}", "Aoba 1person, hat"),
        ("{artist}, in the style of {artist}, {characters}", "Aoba"),
        ("masterpiece, {tags}", "masterpiece, hat"),
        ("{tags}", "hat"),
    ],
)
def test_a_template_orders_the_parts(template: str, expected: str) -> None:
    known = Metadata(count=1, characters=["Aoba"], tags=["hat"])
    assert caption(known, CaptionRules(template=check_template(template))) == expected


@pytest.mark.parametrize("template", ["{character}", "{tags", "tags", "{}", "{tags}}", ""])
def test_a_template_that_is_none_is_one_sentence(template: str) -> None:
    with pytest.raises(UsageError, match="--template") as raised:
        check_template(template)
    assert "\n" not in str(raised.value)


def test_the_order_of_a_template_changes_no_chance() -> None:
    rules = chances(ALL, characters=0.5, tags=0.5)
    other = replace(
        rules, template="{tags}, {facepos}, {rating}, {artist}, {general}, {copyright}, {characters}, {count}"
    )
    for number in range(40):
        one = caption(HIKERS, rules, f"{number}")
        assert sorted(one.split(", ")) == sorted(caption(HIKERS, other, f"{number}").split(", "))


def test_a_separator_stands_before_the_tags() -> None:
    known = Metadata(count=1, characters=["Aoba"], tags=["hat", "cap"])
    assert caption(known, CaptionRules(separator="|||")) == "1person, Aoba ||| hat, cap"
    assert caption(replace(known, tags=[]), CaptionRules(separator="|||")) == "1person, Aoba"
    assert caption(Metadata(tags=["hat"]), CaptionRules(separator="|||")) == "hat"


def test_trigger_words_stand_for_characters() -> None:
    rules = CaptionRules(triggers={"Aoba": "kkn girl"})
    assert caption(Metadata(characters=["Aoba", "Hinata"]), rules) == "kkn girl Hinata"


def test_positions_of_faces_in_words() -> None:
    known = Metadata(facepos=["fvp 0 9 fhp 30 45", "fvp 0 9 fhp 40 60", "fvp 0 9 fhp 60 70"])
    rules = CaptionRules(chances={"facepos": 1.0}, face_words=True)
    assert caption(known, rules) == "face at left and in the middle and at right"


def test_brackets_get_a_backslash_if_asked_for() -> None:
    known = Metadata(characters=["Aoba (hat)"], tags=["a_(b)", ">_<"])
    assert caption(known, CaptionRules(escape_brackets=True)) == r"Aoba \(hat\), a \(b\), >_<"


@pytest.mark.parametrize(
    ("groups", "left"),
    [
        ("hair", "red hat, blue eyes, smile"),
        ("eyes", "red hat, long hair, smile"),
        ("outfit", "long hair, blue eyes, smile"),
    ],
)
def test_groups_of_tags_are_left_out_of_named_characters(groups: str, left: str) -> None:
    rules = CaptionRules(left_out=frozenset([groups]))
    tags = ["red_hat", "long_hair", "blue_eyes", "smile"]
    assert caption(Metadata(characters=["Aoba"], tags=tags), rules) == f"Aoba, {left}"
    assert caption(Metadata(tags=tags), rules) == "red hat, long hair, blue eyes, smile"


def test_several_captions_begin_with_the_one() -> None:
    rules = CaptionRules(shuffle_tags=True, captions_per_frame=4)
    known = Metadata(tags=list("abcdefgh"))
    lines = several_captions(known, rules, "x").split("\n")
    assert lines[0] == caption(known, rules, "x")
    assert len({*lines}) == 4
    assert several_captions(Metadata(tags=["a"]), rules, "x") == "a"


@pytest.mark.parametrize("content", ["Aoba", "Aoba,", ",kkn", "Aoba,kkn\nAoba,other", "Aoba, ,"])
def test_a_line_of_triggers_that_is_none_is_one_sentence(tmp_path: Path, content: str) -> None:
    (tmp_path / "t.csv").write_text(content)
    with pytest.raises(UsageError, match=r"t\.csv") as raised:
        read_triggers(tmp_path / "t.csv")
    assert "\n" not in str(raised.value)


def test_triggers_are_read(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("\ufeff# names\nAoba, kkn girl\n\nHinata,hnt,blonde\n", encoding="utf-8")
    assert read_triggers(tmp_path / "t.csv") == {"Aoba": "kkn girl", "Hinata": "hnt blonde"}


def test_the_example_of_the_public_name_runs() -> None:
    assert doctest.testmod(captions).failed == 0


def test_every_part_stands_in_the_default_template_and_has_an_option() -> None:
    assert [f"{{{part.name}}}" for part in PARTS] == TEMPLATE.split(", ")
    assert len({part.option or part.name for part in PARTS}) == len(PARTS)


@pytest.mark.parametrize("heading", ["character,trigger words", "Name,Token", "character_name;activation_word"])
def test_names_of_triggers_that_no_frame_has_are_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], heading: str
) -> None:
    add_frame(tmp_path / "set" / "x.png", characters=["SoraMinato"], inferred=["Yuki"])
    separator = ";" if ";" in heading else ","
    rows = [heading, *(f"{name}{separator}kkn" for name in ("SoraMinato", "Yuki", "Sora Minatto", "YUKI", "Zzz"))]
    (tmp_path / "t.csv").write_text("\n".join(rows))
    words = ["--src_dir", str(tmp_path / "set"), "--trigger_csv", str(tmp_path / "t.csv")]
    assert prepare_training.main(words) == 0
    said = capsys.readouterr()
    assert said.err.splitlines() == [
        "--trigger_csv: no frame has Sora Minatto; did you mean SoraMinato?",
        "--trigger_csv: no frame has YUKI; did you mean Yuki?",
        "--trigger_csv: no frame has Zzz",
    ]
    assert "is read as the names of the columns" in said.out


TWO = ["2girls", "multiple_girls", "hat"]


@pytest.mark.parametrize(
    ("words", "count", "tags", "text"),
    [
        ("people", 1, ["1girl", "solo", "hat"], "1person, Aoba, hat"),
        ("booru", 1, ["1girl", "solo", "hat"], "1girl, solo, Aoba, hat"),
        ("both", 1, ["1girl", "solo", "hat"], "1person, Aoba, 1girl, solo, hat"),
        ("people", 2, TWO, "2people, Aoba, hat"),
        ("booru", 2, TWO, "2girls, multiple girls, Aoba, hat"),
        ("people", 2, ["1girl", "solo", "hat"], "2people, Aoba, hat"),  # a corrected count
        ("booru", 2, ["1girl", "solo", "hat"], "2people, Aoba, hat"),
        ("both", 2, ["1girl", "solo", "hat"], "2people, Aoba, hat"),
        ("booru", 2, ["hat"], "2people, Aoba, hat"),
        ("people", 1, ["no_humans", "hat"], "1person, Aoba, hat"),
        ("booru", 0, ["no_humans", "hat"], "Aoba, no humans, hat"),
        ("people", 1, ["solo_focus", "hat"], "1person, Aoba, solo focus, hat"),
    ],
)
def test_people_are_counted_once(words: str, count: int, tags: list[str], text: str) -> None:
    rules = CaptionRules(count_words=words)
    assert caption_of(rules, count=count, characters=["Aoba"], tags=tags) == text


@pytest.mark.parametrize("rules", [CaptionRules(chances={"count": 0.0}), CaptionRules(template="{characters}, {tags}")])
def test_where_captions_count_nobody_tags_do(rules: CaptionRules) -> None:
    assert caption_of(rules, count=1, characters=["Aoba"], tags=["hat", "1girl", "solo"]) == "Aoba, 1girl, solo, hat"


@pytest.mark.parametrize(
    ("general", "text"),
    [
        ("anishot yamaS2EP04", "anishot"),
        ("yamaS2EP04", ""),
        ("anishot, by hand EP04", "anishot, by hand"),
        ("anishot yamaS2EP05", "anishot yamaS2EP05"),
    ],
)
def test_show_and_episode_are_left_out(general: str, text: str) -> None:
    known: dict[str, Any] = {"general": general, "source": {"prefix": "yamaS2", "episode": "EP04"}, "tags": ["hat"]}
    assert caption_of(CaptionRules(drop_episode=True), **known) == (f"{text}, hat" if text else "hat")
    assert caption_of(CaptionRules(), **known) == f"{general}, hat"
