"""Files of tags as other programs write them: which tags they hold, of which kind, and what is left out."""

import doctest

import pytest

from framekit.sidecars import tags
from framekit.sidecars.tags import parse_tags, sort_tags


def told(text: str) -> dict[str, list[str]]:
    """Return the kinds that a file of tags tells, without empty ones."""
    return {kind: found for kind, found in sort_tags(text).items() if found}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("artist:wlop, 1girl, solo", {"artist": ["wlop"], "general": ["1girl", "solo"]}),
        ("artist: wlop, 1girl, solo", {"artist": ["wlop"], "general": ["1girl", "solo"]}),
        ("artist:wlop 1girl, solo", {"artist": ["wlop"], "general": ["1girl", "solo"]}),
        ("artist: wlop 1girl solo", {"artist": ["wlop"], "general": ["1girl", "solo"]}),
        ("artist:wlop, long_hair, smile", {"artist": ["wlop"], "general": ["long_hair", "smile"]}),
        (
            "character:hatsune_miku, 1girl, solo, twintails",
            {"character": ["hatsune_miku"], "general": ["1girl", "solo", "twintails"]},
        ),
        (
            "1girl, character:hatsune_miku, creator:wlop, series:vocaloid, meta:highres, species:cat, rating:e, pool:3",
            {
                "general": ["1girl", "cat"],
                "character": ["hatsune_miku"],
                "artist": ["wlop"],
                "copyright": ["vocaloid"],
                "rating": ["explicit"],
                "meta": ["highres", "3"],
            },
        ),
        (
            "artist:wlop character:hatsune_miku 1girl solo",
            {"artist": ["wlop"], "character": ["hatsune_miku"], "general": ["1girl", "solo"]},
        ),
        ("1girl, oc:dawn, parody:mlp", {"general": ["1girl"], "character": ["dawn"], "copyright": ["mlp"]}),
        (
            "character:hatsune miku\ncreator:some one\nseries:vocaloid\n1girl\nlong hair",
            {
                "character": ["hatsune miku"],
                "artist": ["some one"],
                "copyright": ["vocaloid"],
                "general": ["1girl", "long hair"],
            },
        ),
    ],
)
def test_a_namespace_holds_for_its_one_tag(text: str, expected: dict[str, list[str]]) -> None:
    assert told(text) == expected
    assert told(text + "\r\n") == told("\ufeff" + text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "artist: wlop\ncharacter: hatsune_miku, kagamine_rin\ncopyright: vocaloid\ngeneral: 2girls, long_hair",
            {
                "artist": ["wlop"],
                "character": ["hatsune_miku", "kagamine_rin"],
                "copyright": ["vocaloid"],
                "general": ["2girls", "long_hair"],
            },
        ),
        (
            "character: hatsune_miku kagamine_rin\ncopyright: vocaloid\nartist: wlop\ngeneral: 2girls long_hair solo",
            {
                "artist": ["wlop"],
                "character": ["hatsune_miku", "kagamine_rin"],
                "copyright": ["vocaloid"],
                "general": ["2girls", "long_hair", "solo"],
            },
        ),
        (
            "character: character:hatsune_miku\ngeneral: 1girl, artist:wlop",
            {"character": ["hatsune_miku"], "artist": ["wlop"], "general": ["1girl"]},
        ),
        (
            "Characters: aoba kokona\nSeries: yama no susume\nTags: 1girl, long hair\nMeta: highres",
            {
                "character": ["aoba kokona"],
                "copyright": ["yama no susume"],
                "general": ["1girl", "long hair"],
                "meta": ["highres"],
            },
        ),
        (
            "character: aoba, hinata\n2girls, hat",
            {"character": ["aoba", "hinata"], "general": ["2girls", "hat"]},
        ),
        (
            "artist:\nwlop\n\ncharacter:\nmiku\n\ngeneral:\n1girl\nsolo",
            {"artist": ["wlop"], "character": ["miku"], "general": ["1girl", "solo"]},
        ),
        ("character:\nartist:\n1girl, hat", {"general": ["1girl", "hat"]}),
    ],
)
def test_a_head_holds_for_its_line(text: str, expected: dict[str, list[str]]) -> None:
    assert told(text) == expected


@pytest.mark.parametrize(
    "tag",
    [
        "re:zero",
        "nier:automata",
        "id:invaded",
        "gen:lock",
        ":d",
        ":3",
        "d:",
        "steins;gate",
        ";d",
        "fate/grand_order",
        "^_^",
    ],
)
def test_signs_within_a_tag_separate_nothing(tag: str) -> None:
    assert told(tag) == {"general": [tag]}
    assert told(f"{tag}, hat") == {"general": [tag, "hat"]}
    assert told(f"1girl {tag} long_hair") == {"general": ["1girl", tag, "long_hair"]}
    assert told(f"1girl\n{tag}\nlong hair") == {"general": ["1girl", tag, "long hair"]}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1girl solo long_hair", ["1girl", "solo", "long_hair"]),
        ("1girl solo smile", ["1girl", "solo", "smile"]),
        ("long_hair smile", ["long_hair", "smile"]),
        ("long hair, blue eyes", ["long hair", "blue eyes"]),
        ("looking at viewer", ["looking at viewer"]),
        ("1girl\nlooking at viewer\nlong hair", ["1girl", "looking at viewer", "long hair"]),
        ("solo focus\n1girl", ["solo focus", "1girl"]),
        ("2girls holding hands, smile", ["2girls holding hands", "smile"]),
        ("1girl; solo; long hair", ["1girl", "solo", "long hair"]),
        ("1girl\tsolo\tlong hair", ["1girl", "solo", "long hair"]),
        ("1girl | solo | long hair", ["1girl", "solo", "long hair"]),
        ("1girl，solo，long hair", ["1girl", "solo", "long hair"]),
        ("1girl、solo", ["1girl", "solo"]),
        ("1girl 1boy, hat", ["1girl", "1boy", "hat"]),
        ('"1girl", "long hair"', ["1girl", "long hair"]),
        ("1girl, id:5, page:3, other:full color", ["1girl"]),
        ("1girl solo long_hair, blue_eyes", ["1girl", "solo", "long_hair", "blue_eyes"]),
    ],
)
def test_separators_are_recognised_by_the_form_of_the_file(text: str, expected: list[str]) -> None:
    assert parse_tags(text) == {"character": [], "copyright": [], "artist": [], "general": expected, "rating": []}


@pytest.mark.parametrize(
    ("text", "tag"),
    [
        (r"hatsune_miku_\(append\)", "hatsune_miku_(append)"),
        (r"a_\\(b\\)", r"a_\(b\)"),
        ("don&#039;t", "don't"),
        ("don&#x27;t", "don't"),
        ("m&amp;m", "m&m"),
        ("m&amp;amp;m", "m&amp;m"),
        ("&lt;o&gt;_&lt;o&gt;", "<o>_<o>"),
        (r"\m/", r"\m/"),
        ("guns&notes", "guns&notes"),
    ],
)
def test_escapes_are_understood_once(text: str, tag: str) -> None:
    assert told(f"{text}, hat") == {"general": [tag, "hat"]}
    assert told(f"1girl {text} long_hair") == {"general": ["1girl", tag, "long_hair"]}


@pytest.mark.parametrize("tag", ["highres", "absurdres", "commentary_request", "bad_pixiv_id", "tagme", "md5_mismatch"])
def test_tags_about_the_file_are_none_of_the_picture(tag: str) -> None:
    assert parse_tags(f"1girl, {tag}, hat")["general"] == ["1girl", "hat"]
    assert parse_tags(f"1girl {tag} long_hair")["general"] == ["1girl", "long_hair"]


@pytest.mark.parametrize(
    "text",
    [
        "smile blush hat dress",
        "a girl with long hair stands in a wide field of flowers",
        "character:hatsune miku series:vocaloid",
        "https://example.org/1.png",
        '{"tags": ["1girl"]}',
        "rating:none",
        "['1girl', 'long_hair']",
        '<post id="1" tags="1girl long_hair"/>',
    ],
)
def test_what_is_unclear_is_no_tag(text: str) -> None:
    assert list(told(text)) == ["unclear"]
    assert not any(parse_tags(text).values())


def test_a_tag_that_counts_people_names_nobody() -> None:
    assert told("character: 1girl\nartist: solo\ngeneral: hat") == {"general": ["1girl", "solo", "hat"]}


def test_the_examples() -> None:
    assert doctest.testmod(tags).attempted > 0
    assert doctest.testmod(tags).failed == 0


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("long_hair: 0.93, 1girl:0.98, hat", ["long_hair", "1girl", "hat"]),
        ("(long hair:1.2), ((hat):0.9)", ["long hair", "(hat)"]),
        ("re:zero, 2:3, nier:automata", ["re:zero", "2:3", "nier:automata"]),
        ("#aoba #climbing", ["aoba", "climbing"]),
        ("1girl, 1girl, hat", ["1girl", "hat"]),
        (r"\(^o^)/, miku_\(append\), don\'t", [r"\(^o^)/", "miku_(append)", "don't"]),
    ],
)
def test_scores_weights_and_hash_signs_are_no_part_of_a_tag(text: str, expected: list[str]) -> None:
    assert told(text) == {"general": expected}


@pytest.mark.parametrize("text", ["<lora:aoba:0.8>", "A girl with long_hair stands there"])
def test_a_network_or_a_sentence_is_no_tag(text: str) -> None:
    assert told(text) == {"unclear": [text]}
