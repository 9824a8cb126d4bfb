"""Which tags of all scores are taken, and what becomes of them."""

from pathlib import Path

import pytest

from framekit.errors import UsageError
from framekit.sidecars.tags import parse_tags
from framekit.tags.select import TagRules, Thresholds, choose, largest_gap, read_pairs, tag_text, tidy, without_overlap
from framekit.tags.taggers import ARTIST, CHARACTER, COPYRIGHT, GENERAL, META, RATING
from framekit.tags.vocabulary import KAOMOJI

# What a WD tagger gives for a frame of a girl with a witch's hat at night; scores made up, tags real.
SCORED = {
    "sensitive": (RATING, 0.96),
    "1girl": (GENERAL, 0.99),
    "solo": (GENERAL, 0.97),
    "kirisame_marisa": (CHARACTER, 0.93),
    "hat": (GENERAL, 0.92),
    "witch_hat": (GENERAL, 0.91),
    "blonde_hair": (GENERAL, 0.9),
    "long_hair": (GENERAL, 0.8),
    "hair": (GENERAL, 0.6),
    "^_^": (GENERAL, 0.5),
    "touhou": (COPYRIGHT, 0.9),
    "some_artist": (ARTIST, 0.9),
    "highres": (META, 0.9),
    "night": (GENERAL, 0.3),
    "alice_margatroid": (CHARACTER, 0.4),
    "general": (RATING, 0.04),
}

LEVELS = Thresholds(0.35, 0.85)

IN_ORDER = "1girl, solo, kirisame_marisa, hat, witch_hat, blonde_hair, long_hair, hair, ^_^"


def text(rules: TagRules, thresholds: Thresholds = LEVELS) -> str:
    return tag_text(SCORED, thresholds, rules).strip()


def test_each_category_has_its_threshold() -> None:
    assert text(TagRules()) == IN_ORDER
    assert text(TagRules(), Thresholds(0.95, 0.3)) == "1girl, solo, kirisame_marisa, alice_margatroid"


@pytest.mark.parametrize(
    ("scores", "cut"),
    [
        ([], 1.0),
        ([0.9], 0.45),
        ([0.9, 0.8, 0.2, 0.1], 0.5),
        ([0.1, 0.2, 0.9, 0.8], 0.5),
        ([0.5, 0.5, 0.5], 0.25),
    ],
)
def test_the_largest_gap(scores: list[float], cut: float) -> None:
    assert largest_gap(scores) == pytest.approx(cut)


def test_mcut_cuts_each_category_of_a_frame_at_its_largest_gap() -> None:
    # general: 0.3 -> 0 is 0.3, all others less: 0.15; character: 0.93 -> 0.4 is 0.53: 0.665
    assert text(TagRules(), Thresholds(0.9, 0.9, mcut=True)) == f"{IN_ORDER}, night"


def test_mcut_takes_no_character_below_its_floor() -> None:
    scored = {"someone": (CHARACTER, 0.14)}
    assert choose(scored, Thresholds(0, 0, mcut=True)) == {}


def test_replacing_really_replaces_and_only_that_tag() -> None:
    rules = TagRules(replace={"witch_hat": "pointy_hat", "blonde_hair": "", "night": "dark"})
    assert text(rules) == "1girl, solo, kirisame_marisa, hat, pointy_hat, long_hair, hair, ^_^"


def test_two_tags_that_become_one_stand_once_where_the_surer_stood() -> None:
    assert text(TagRules(replace={"witch_hat": "hat"})).count("hat") == 1


def test_unwanted_tags_go_whether_they_were_given_or_replaced() -> None:
    rules = TagRules(replace={"hat": "headwear"}, unwanted=frozenset(["headwear", "solo", "hair"]))
    assert text(rules) == "1girl, kirisame_marisa, witch_hat, blonde_hair, long_hair, ^_^"


def test_what_is_implied_goes() -> None:
    rules = TagRules(implied={"witch_hat": frozenset(["hat"]), "night": frozenset(["1girl"])})
    assert text(rules) == IN_ORDER.replace("hat, witch_hat", "witch_hat")


def test_tags_that_come_first_do_so_in_their_order_and_only_if_they_are_there() -> None:
    rules = TagRules(first=["solo", "absent", "1girl", "^_^"])
    assert text(rules).startswith("solo, 1girl, ^_^, kirisame_marisa, hat")
    assert "absent" not in text(rules)


@pytest.mark.parametrize(
    ("tags", "left"),
    [
        (["hair", "long_hair"], ["long_hair"]),
        (["long_hair", "very_long_hair", "hair"], ["very_long_hair"]),
        (["hat", "hatsune_miku"], ["hat", "hatsune_miku"]),
        (["bow", "elbow_gloves"], ["bow", "elbow_gloves"]),
        (["bow", "hair_bow"], ["hair_bow"]),
        (["tie", "untied"], ["tie", "untied"]),
        (["ear", "bear"], ["ear", "bear"]),
        (["cat", "cat_ears", "catgirl"], ["cat", "cat_ears", "catgirl"]),
        (["dress", "dress_shirt"], ["dress", "dress_shirt"]),
        (["shirt", "dress_shirt"], ["dress_shirt"]),
        (["fate", "saber_(fate)"], ["fate", "saber_(fate)"]),
        (["o", "^_^", "o_o", "+_+", "_"], ["o", "^_^", "o_o", "+_+", "_"]),
        (["hat", "hat"], ["hat", "hat"]),
        ([], []),
    ],
)
def test_overlap_is_of_whole_last_words(tags: list[str], left: list[str]) -> None:
    assert without_overlap(tags) == left


@pytest.mark.parametrize("tag", sorted(KAOMOJI))
def test_emoticons_pass_through_all_rules(tag: str) -> None:
    rules = TagRules(drop_overlap=True, first=["x"])
    assert list(tidy({tag: GENERAL, "x": GENERAL, "x_x": GENERAL}, rules)) == ["x", *dict.fromkeys([tag, "x_x"])]


@pytest.mark.parametrize(
    ("where", "expected"),
    [("first", "rating:sensitive, " + IN_ORDER), ("last", IN_ORDER + ", rating:sensitive"), ("none", IN_ORDER)],
)
def test_the_rating_stands_first_last_or_nowhere(where: str, expected: str) -> None:
    assert text(TagRules(rating=where)) == expected


def test_an_unwanted_rating_goes() -> None:
    assert text(TagRules(rating="first", unwanted=frozenset(["rating:sensitive"]))) == IN_ORDER


def test_the_four_line_form_is_what_everything_reads() -> None:
    written = tag_text(SCORED, LEVELS, TagRules(character_line=True, rating="last"))
    assert parse_tags(written) == {
        "character": ["kirisame_marisa"],
        "copyright": ["touhou"],
        "artist": ["some_artist"],
        "general": IN_ORDER.replace("kirisame_marisa, ", "").split(", "),
        "rating": ["sensitive"],
    }
    assert written.splitlines()[0] == "character: kirisame_marisa"


def test_the_four_line_form_without_any_tag() -> None:
    assert tag_text({}, LEVELS, TagRules(character_line=True)) == "character:\ncopyright:\nartist:\ngeneral:\n"


def test_rules_are_read_with_blanks_remarks_and_byte_order_mark(tmp_path: Path) -> None:
    path = tmp_path / "rules.csv"
    path.write_text("\ufeff# mine\nlong hair, very long hair\n\nhat,\nwitch_hat,hat,headwear\nsolo\n", encoding="utf-8")
    assert read_pairs(path) == {
        "long_hair": ["very_long_hair"],
        "hat": [],
        "witch_hat": ["hat", "headwear"],
        "solo": [],
    }
    assert read_pairs(None) == {}


def test_a_missing_file_of_rules_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"none\.csv cannot be read"):
        read_pairs(tmp_path / "none.csv")
