"""Which group a tag belongs to, and how many people tags count."""

import pytest

from framekit.tags.vocabulary import group_of, is_of_the_moment, people_in


@pytest.mark.parametrize(
    ("tag", "group"),
    [
        ("1girl", "people"),
        ("6+boys", "people"),
        ("solo", "people"),
        ("multiple_girls", "people"),
        ("long_hair", "hair"),
        ("long hair", "hair"),
        ("twin_braids", "hair"),
        ("hair_between_eyes", "hair"),
        ("hair_ornament", "outfit"),
        ("blue_eyes", "eyes"),
        ("closed_eyes", ""),
        ("half-closed_eyes", ""),
        ("school_uniform", "outfit"),
        ("hat", "outfit"),
        ("chat", ""),
        ("hatsune_miku", ""),
        ("bear", ""),
        ("solo_focus", ""),
        ("looking_at_viewer", ""),
        ("", ""),
    ],
)
def test_the_group_of_a_tag(tag: str, group: str) -> None:
    assert group_of(tag) == group


@pytest.mark.parametrize(
    ("tags", "people"),
    [
        ([], 0),
        (["hat"], 0),
        (["1girl", "solo"], 1),
        (["solo"], 1),
        (["2girls", "1boy"], 3),
        (["2girls", "multiple_girls"], 2),
        (["multiple_girls", "1boy"], 3),
        (["multiple people"], 2),
        (["multiple_people", "3girls"], 3),
        (["6+girls"], 6),
        (["1girl", "3girls"], 3),
        (["1other"], 1),
        (["99999999999girls"], 99),
    ],
)
def test_people_that_tags_count(tags: list[str], people: int) -> None:
    assert people_in(tags) == people


@pytest.mark.parametrize("tag", ["smile", "upper_body", "simple_background", "2girls", "outdoors", "blue_sky"])
def test_tags_of_a_moment(tag: str) -> None:
    assert is_of_the_moment(tag)


@pytest.mark.parametrize("tag", ["blue_hair", "red_eyes", "hair_ornament", "glasses", "pointy_ears", "tail"])
def test_tags_of_a_character(tag: str) -> None:
    assert not is_of_the_moment(tag)
