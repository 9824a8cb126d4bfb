"""What must hold for any input: no exception but the documented ones, and what is written is read back alike."""

import json
from pathlib import Path, PurePosixPath
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from framekit import errors
from framekit.arrange import folders
from framekit.episodes import labels
from framekit.files import paths
from framekit.sidecars import corrections, metadata
from framekit.sidecars.tags import parse_tags
from framekit.training import balance, captions

settings.register_profile(
    "steady", derandomize=True, deadline=None, max_examples=150, suppress_health_check=[HealthCheck.too_slow]
)


settings.load_profile("steady")


TEXT = st.text(max_size=30)

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=12,
)

KEYS = st.sampled_from(
    "count characters general facepos tags copyright artist rating n_faces n_people fh_ratio face_height_ratio source"
    " inferred source_type folder schema written".split()
)

KNOWN = st.builds(
    metadata.Metadata,
    count=st.integers(0, 99),
    characters=st.lists(TEXT.map(metadata.one_line).filter(bool), max_size=4),
    general=TEXT.map(metadata.one_line),
    facepos=st.lists(st.just("fvp 1 2 fhp 3 4"), max_size=3),
    tags=st.lists(TEXT.map(metadata.one_line).filter(bool), max_size=30),
    rating=st.sampled_from(["", "explicit", "general"]),
)

RULES = st.builds(
    captions.CaptionRules,
    chances=st.fixed_dictionaries({part.name: st.floats(0, 1) for part in captions.PARTS}),
    max_tag_number=st.integers(0, 20),
    shuffle_tags=st.booleans(),
    keep_underscores=st.booleans(),
    escape_brackets=st.booleans(),
    face_words=st.booleans(),
    left_out=st.frozensets(st.sampled_from(["hair", "eyes", "outfit"])),
)


@given(st.dictionaries(KEYS | TEXT, JSON, max_size=8))
def test_any_metadata_is_understood_or_refused(values: dict[str, Any]) -> None:
    try:
        known = metadata.metadata_from(values)
    except errors.BadSidecar as error:
        assert "\n" not in str(error)
    else:
        assert all(name and "\n" not in name for name in known.characters)
        assert 0 <= known.face_height_ratio <= 1


@given(st.dictionaries(KEYS, JSON, max_size=8), st.dictionaries(KEYS, JSON, max_size=8))
def test_corrections_survive_any_number_of_runs(new: dict[str, Any], edited: dict[str, Any]) -> None:
    new.pop(corrections.WRITTEN, None)
    edited.pop(corrections.WRITTEN, None)
    first, _ = corrections.merge_corrections(None, new)
    by_hand = {**first, **edited}
    again, _ = corrections.merge_corrections(by_hand, new)
    assert all(again[name] == value for name, value in edited.items())
    assert corrections.merge_corrections(again, new)[0] == again


@given(st.dictionaries(TEXT.filter(lambda text: text.isprintable()), JSON, max_size=6))
def test_metadata_written_is_metadata_read(values: dict[str, Any]) -> None:
    assert json.loads(corrections.metadata_text(values)) == values


@given(KNOWN, RULES, TEXT)
def test_any_caption_is_one_line_without_empty_tags(
    known: metadata.Metadata, rules: captions.CaptionRules, stem: str
) -> None:
    caption = captions.caption(known, rules, stem)
    assert caption.strip()
    assert len(caption.splitlines()) == 1
    assert all(part.strip() for part in caption.split(","))
    assert caption == captions.caption(known, rules, stem)


@given(st.lists(TEXT, max_size=4))
def test_any_characters_make_one_folder_that_leads_nowhere(names: list[str]) -> None:
    folder = folders.combination(names)
    assert PurePosixPath(folder).parts == (folder,)
    assert folder not in (".", "..")
    assert len(folder.encode()) <= 255
    assert not any(letter in folder for letter in '<>:"/\\|?*\x00\n')


@given(TEXT)
def test_any_text_makes_a_name_that_stays_what_it_is(text: str) -> None:
    assert paths.safe_name(paths.safe_name(text)) == paths.safe_name(text)


@given(st.text(max_size=60))
def test_any_name_of_a_video_has_an_episode_or_none(name: str) -> None:
    found = labels.claim_of(name)
    assert found is None or found.label


@given(st.text(max_size=200))
def test_any_tags_are_told_apart(text: str) -> None:
    found = parse_tags(text)
    assert all(tag == tag.strip() != "" and "," not in tag for tags in found.values() for tag in tags)


@given(JSON)
def test_no_path_of_a_journal_leads_outside(value: Any) -> None:
    path = paths.inside(Path("/nowhere/dataset"), value)
    assert path is None or Path("/nowhere/dataset") in path.resolve().parents


@given(
    st.dictionaries(
        st.text("abc/", min_size=1, max_size=6).map(PurePosixPath), st.integers(1, 500), min_size=1, max_size=8
    )
)
def test_shares_add_up_and_repeats_are_never_0(counts: dict[PurePosixPath, int]) -> None:
    counts = {folder: count for folder, count in counts.items() if not folder.is_absolute()}
    assert not counts or abs(sum(balance.shares(counts, []).values()) - 1) < 1e-9
    factors = balance.multiplies(counts, [], 1.0, 100.0)
    found, deviation = balance.whole_repeats(factors, counts, 20)
    assert all(1 <= number <= 20 for number in found.values())
    assert all(0 < factor <= 100 for factor in factors.values())
    assert deviation >= 0
