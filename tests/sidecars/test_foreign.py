"""JSON of other programs beside a frame: recognised by its keys, and read for what it says."""

from pathlib import Path
from typing import Any

import pytest

from framekit.sidecars.foreign import address_in, told_by
from framekit.sidecars.metadata import is_foreign

FRAME = Path("X.png")
MIKU = {"character": ["hatsune_miku"], "copyright": ["vocaloid"], "artist": ["wlop"], "general": ["1girl", "long_hair"]}
FLAT = "1girl hatsune_miku highres long_hair vocaloid wlop"

# Shortened from what these programs and sites write.
FORMS: dict[str, tuple[Any, dict[str, list[str]]]] = {
    "few keys": (
        {"tags": "1girl long_hair solo", "rating": "safe", "source": "https://x"},
        {"general": ["1girl", "long_hair", "solo"], "rating": ["safe"]},
    ),
    "danbooru": (
        {"id": 1, "md5": "a", "rating": "s", "tag_string": FLAT, "tag_string_general": "1girl long_hair",
         "tag_string_character": "hatsune_miku", "tag_string_copyright": "vocaloid", "tag_string_artist": "wlop",
         "tag_string_meta": "highres", "tag_count": 6, "tag_count_general": 2, "score": 5},
        {**MIKU, "rating": ["sensitive"], "meta": ["highres"]},
    ),
    "gallery-dl of danbooru": (
        {"category": "danbooru", "subcategory": "post", "tags": FLAT.split(), "tags_artist": ["wlop"],
         "tags_character": ["hatsune_miku"], "tags_copyright": ["vocaloid"], "tags_general": ["1girl", "long_hair"],
         "tags_meta": ["highres"], "tag_string": FLAT, "rating": "g", "extension": "png"},
        {**MIKU, "rating": ["general"], "meta": ["highres"]},
    ),
    "gallery-dl of gelbooru": (
        {"category": "gelbooru", "id": 1, "tags": FLAT, "tags_artist": "wlop", "tags_character": "hatsune_miku",
         "tags_copyright": "vocaloid", "tags_general": "1girl long_hair", "tags_metadata": "highres",
         "rating": "explicit"},
        {**MIKU, "rating": ["explicit"], "meta": ["highres"]},
    ),
    "gelbooru": (
        {"id": 1, "tags": "1girl don&#039;t_look long_hair tagme", "rating": "questionable", "owner": "danbooru"},
        {"general": ["1girl", "don't_look", "long_hair"], "rating": ["questionable"], "meta": ["tagme"]},
    ),
    "gelbooru's answer": (
        {"@attributes": {"limit": 1}, "post": [{"id": 1, "tags": "1girl long_hair", "rating": "general"}]},
        {"general": ["1girl", "long_hair"], "rating": ["general"]},
    ),
    "moebooru": (
        {"id": 1, "tags": "bikini long_hair", "author": "who_uploaded_it", "rating": "q"},
        {"general": ["bikini", "long_hair"], "rating": ["questionable"]},
    ),
    "e621": (
        {"post": {"id": 1, "rating": "e", "tags": {
            "general": ["solo"], "artist": ["wlop", "conditional_dnp"], "copyright": ["vocaloid"],
            "character": ["hatsune_miku"], "species": ["cat"], "invalid": ["x"], "meta": ["hi_res"],
            "lore": ["y_(lore)"], "contributor": ["z"]}}},
        {"character": ["hatsune_miku"], "copyright": ["vocaloid"], "artist": ["wlop"], "general": ["solo", "cat"],
         "rating": ["explicit"], "meta": ["conditional_dnp", "x", "hi_res", "y_(lore)", "z"]},
    ),
    "gallery-dl of pixiv": (
        {"category": "pixiv", "id": 1, "title": "t", "count": 3, "user": {"id": 2, "name": "WLOP", "account": "w"},
         "tags": ["初音ミク", "VOCALOID"], "rating": "R-18", "x_restrict": 1},
        {"artist": ["WLOP"], "general": ["初音ミク", "VOCALOID"], "rating": ["explicit"]},
    ),
    "pixiv, translated": (
        {"id": 1, "user": {"name": "A"}, "x_restrict": 0,
         "tags": [{"name": "初音ミク", "translated_name": "Hatsune Miku"},
                  {"name": "女の子", "translated_name": None}]},
        {"artist": ["A"], "general": ["Hatsune Miku", "女の子"], "rating": ["safe"]},
    ),
    "gallery-dl of nhentai": (
        {"category": "nhentai", "gallery_id": 1, "count": 23, "title": "t", "artist": ["a b"], "characters": ["c"],
         "parody": ["p"], "tags": ["x y", "z"]},
        {"character": ["c"], "copyright": ["p"], "artist": ["a b"], "general": ["x y", "z"]},
    ),
    "hydrus": (
        ["character:samus aran", "creator:foo bar", "series:metroid", "blue hair", "page:3"],
        {"character": ["samus aran"], "copyright": ["metroid"], "artist": ["foo bar"], "general": ["blue hair"],
         "meta": ["3"]},
    ),
    "hydrus in a table": (
        {"tags": ["character:samus aran", "blue hair"]},
        {"character": ["samus aran"], "general": ["blue hair"]},
    ),
    "hydrus' answer": (
        {"metadata": [{"file_id": 1, "hash": "ab", "tags": {
            "6c": {"name": "my tags", "type": 5, "storage_tags": {"0": ["1girl"], "2": ["deleted"]},
                   "display_tags": {"0": ["character:samus aran", "1girl"]}},
            "61": {"name": "all known tags", "display_tags": {"0": ["1girl"]}}}}]},
        {"character": ["samus aran"], "general": ["1girl"]},
    ),
    "szurubooru": (
        {"id": 1, "safety": "unsafe", "tags": [{"names": ["miku", "m"], "category": "character"},
                                                {"names": ["1girl"], "category": "default"}]},
        {"character": ["miku"], "general": ["1girl"], "rating": ["explicit"]},
    ),
    "sankaku": (
        {"id": 1, "tags": [{"name": "miku", "type": 4}, {"name": "wlop", "type": 1}, {"name": "hat", "type": 0},
                           {"name": "big", "type": 9}]},
        {"character": ["miku"], "artist": ["wlop"], "general": ["hat"], "meta": ["big"]},
    ),
    "philomena": (
        {"id": 1, "tags": ["artist:foo", "safe", "oc:bar", "pony", "spoiler:s1"]},
        {"character": ["bar"], "artist": ["foo"], "general": ["pony"], "rating": ["safe"], "meta": ["s1"]},
    ),
    "waifuc": (
        {"danbooru": {"id": 1, "tag_string": "x", "tag_string_artist": "wlop", "rating": "e"}, "filename": "1.png",
         "tags": {"1girl": 0.99, "long_hair": 0.8, "noise": 0.1}},
        {"artist": ["wlop"], "general": ["1girl", "long_hair"], "rating": ["explicit"]},
    ),
    "imgutils": (
        {"rating": {"general": 0.9, "explicit": 0.1}, "general": {"1girl": 0.99}, "character": {"miku": 0.9}},
        {"character": ["miku"], "general": ["1girl"], "rating": ["general"]},
    ),
    "scores": ({"solo": 0.8, "1girl": 0.99, "hat": 0.2}, {"general": ["1girl", "solo"]}),
    "kohya": ({"a/X.png": {"caption": "c", "tags": "1girl, long hair"}, "Y": {"tags": "2girls"}},
              {"general": ["1girl", "long hair"]}),
    "grabber": (
        {"general": "1girl long_hair", "character": "hatsune_miku", "copyright": "vocaloid", "artist": "wlop"}, MIKU,
    ),
    "booru wizard": ({"Title": "", "Source": "a", "Rating": "Safe", "Tags": ["1girl"]},
                     {"general": ["1girl"], "rating": ["safe"]}),
    "taggui": ({"version": 1, "rating": 0.4, "markings": [{"label": "face", "rect": [1, 2, 3, 4]}]}, {}),
    "labelme": ({"version": "5.0", "flags": {}, "shapes": [{"label": "face"}], "imagePath": "X.png"}, {}),
    "openpose": ({"version": 1.3, "people": [{"pose_keypoints_2d": []}]}, {}),
    "civitai": ({"description": "", "activation text": "miku", "preferred weight": 0.7}, {}),
}  # fmt: skip


@pytest.mark.parametrize("form", FORMS)
def test_json_of_other_programs_is_read_for_what_it_says(form: str) -> None:
    value, expected = FORMS[form]
    assert is_foreign(value)
    assert {kind: tags for kind, tags in told_by(value, FRAME).items() if tags} == expected


@pytest.mark.parametrize(
    "value",
    [
        {"count": 1, "characters": ["A"], "tags": ["solo"]},
        {"characters": ["A"]},
        {"general": "anishot"},
        {"n_people": 1, "character": "A, B", "general": "x", "tags": "a, b"},
        {"fh_ratio": 0.4, "filename": "X.png", "tags": "a"},
        {"schema": 1, "tags": ["a"], "id": 5, "url": "u"},
        {"tags": ["a"], "written": {"tags": "0"}},
        {},
    ],
)
def test_our_own_metadata_is_not_foreign_whatever_a_person_added(value: Any) -> None:
    assert not is_foreign(value)


@pytest.mark.parametrize(
    "value",
    [
        {"tags": {"a": {"b": {"c": {"d": {"e": [3, None, {"x": 1}]}}}}}, "rating": ["x"], "artist": {"x": None}},
        {"character": [None, 3, {"name": {}}], "id": [], "tags": None},
        {"tags": [{"name": "", "type": "x"}, {"names": [3]}, []], "user": "u", "x_restrict": True},
        [{"tags": "a"}, {"tags": "b"}],
        [[["x"]]],
        3,
        None,
    ],
)
def test_odd_values_say_nothing_and_stop_nothing(value: Any) -> None:
    told = told_by(value, FRAME)
    assert not any(told[kind] for kind in ("character", "copyright", "artist", "general"))
    assert address_in(value, FRAME) == ""


@pytest.mark.parametrize(
    ("value", "address"),
    [
        ({"tags": "a", "source": "https://x/1"}, "https://x/1"),
        ({"tags": "a", "sources": ["https://x/2", "https://x/3"], "file_url": "https://f"}, "https://x/2"),
        ({"tags": "a", "source": "a book", "file_url": "https://f"}, "https://f"),
        ({"post": {"tags": "a", "source": "https://x/4"}}, "https://x/4"),
        ({"tags": "a", "source": {"video": "a.mkv"}}, ""),
    ],
)
def test_where_the_picture_comes_from(value: Any, address: str) -> None:
    assert address_in(value, FRAME) == address
