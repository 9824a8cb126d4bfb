"""Scores on disk, and the scores of several taggers joined."""

from pathlib import Path

import numpy as np
import pytest

from framekit.tags.store import FrameScores, ScoreStore, above_floor, merge, read_store, store_path, write_store
from framekit.tags.taggers import CHARACTER, GENERAL, TagList
from tests.helpers_dataset import add_frame

MODEL = "tagger@0123abcd above 0.05"

TAGS = TagList(["1girl", "^_^", "カタカナ", "someone_(show)"], np.array([0, 0, 0, 4]))


def test_scores_above_the_floor_highest_first() -> None:
    row = np.array([0.05, 0.9, 0.051, 0.95], np.float32)
    found = above_floor(row, TAGS, 0.05)
    assert list(found) == ["someone_(show)", "^_^", "カタカナ"]
    assert found["^_^"] == (GENERAL, float(np.float32(0.9)))


def test_what_is_written_is_read_exactly(tmp_path: Path) -> None:
    numbers = np.random.default_rng(1)
    store = ScoreStore(MODEL)
    for place in range(50):
        scores = above_floor(numbers.random(4, np.float32), TAGS, 0.05)
        store.frames[f"フレーム {place}.png"] = FrameScores(place, scores)
    store.frames["none.png"] = FrameScores(7, {})
    write_store(tmp_path, store)
    assert read_store(tmp_path, MODEL) == store
    assert [list(one.scores) for one in read_store(tmp_path, MODEL).frames.values()] == [
        list(one.scores) for _, one in sorted(store.frames.items())
    ]


def test_an_empty_store(tmp_path: Path) -> None:
    write_store(tmp_path, ScoreStore(MODEL))
    assert read_store(tmp_path, MODEL) == ScoreStore(MODEL)


def test_a_season_takes_little_room(tmp_path: Path) -> None:
    numbers = np.random.default_rng(1)
    tags = TagList([f"tag_number_{place}" for place in range(8000)], np.zeros(8000, np.int64))
    store = ScoreStore(MODEL)
    for place in range(500):
        row = np.zeros(8000, np.float32)
        row[numbers.choice(2000, 100, replace=False)] = numbers.random(100, np.float32) * 0.9 + 0.06
        store.frames[f"{place}.png"] = FrameScores(1, above_floor(row, tags, 0.05))
    write_store(tmp_path, store)
    assert store_path(tmp_path, MODEL).stat().st_size < 500 * 700


@pytest.mark.parametrize("other", ["tagger@99999999 above 0.05", "tagger@0123abcd above 0.1"])
def test_scores_of_another_revision_or_floor_do_not_count(tmp_path: Path, other: str) -> None:
    write_store(tmp_path, ScoreStore(MODEL, {"x.png": FrameScores(1, {"1girl": (GENERAL, 0.5)})}))
    assert read_store(tmp_path, other) == ScoreStore(other)
    assert read_store(tmp_path, "tagger").model == MODEL


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 torn", b"[]"])
def test_a_damaged_store_is_empty(tmp_path: Path, content: bytes) -> None:
    store_path(tmp_path, MODEL).write_bytes(content)
    assert read_store(tmp_path, MODEL) == ScoreStore(MODEL)


def test_a_store_of_a_stranger_with_wrong_numbers_is_empty(tmp_path: Path) -> None:
    text = np.frombuffer(MODEL.encode(), np.uint8)
    np.savez(
        store_path(tmp_path, MODEL),
        model=text,
        frames=np.frombuffer(b"x.png", np.uint8),
        sizes=[1],
        counts=[1],
        names=text,
        categories=[0],
        tags=[5],
        scores=[0.5],
    )
    assert read_store(tmp_path, MODEL) == ScoreStore(MODEL)


def test_a_frame_that_changed_has_no_scores(tmp_path: Path) -> None:
    frame = add_frame(tmp_path / "x.png")
    store = ScoreStore(MODEL, {"x.png": FrameScores(frame.stat().st_size, {"1girl": (GENERAL, 0.5)})})
    assert store.of(frame) == {"1girl": (GENERAL, 0.5)}
    frame.write_bytes(frame.read_bytes() + b"more")
    assert store.of(frame) is None
    frame.unlink()
    assert store.of(frame) is None
    assert store.of(tmp_path / "y.png") is None


ONE = {"a": (GENERAL, 0.9), "b": (GENERAL, 0.5), "c": (CHARACTER, 0.9)}

OTHER = {"b": (GENERAL, 0.75), "a": (GENERAL, 0.25), "d": (GENERAL, 0.5)}


@pytest.mark.parametrize(
    ("how", "expected"),
    [
        ("union", {"a": 0.9, "c": 0.9, "b": 0.75, "d": 0.5}),
        ("intersection", {"b": 0.5, "a": 0.25}),
        ("mean", {"b": 0.625, "a": 0.575, "c": 0.45, "d": 0.25}),
    ],
)
def test_two_taggers_are_joined(how: str, expected: dict[str, float]) -> None:
    joined = merge([ONE, OTHER], how)
    assert {tag: score for tag, (_, score) in joined.items()} == pytest.approx(expected)
    assert list(joined) == list(expected)
    assert joined.get("c", (CHARACTER, 0))[0] == CHARACTER
