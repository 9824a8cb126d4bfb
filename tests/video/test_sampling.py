"""Which frames of a video are taken: pure choices."""

import math

import pytest

from framekit.errors import UsageError
from framekit.video.sampling import (
    Sampling,
    choose_frames,
    number_tree,
    scene_numbers,
    select_expression,
    spread,
    within,
)


def evaluate(expression: str, n: int) -> bool:
    """Evaluate the few functions of ffmpeg's expressions that a number tree uses."""
    functions = {
        "eq": lambda a, b: a == b,
        "lt": lambda a, b: a < b,
        "between": lambda x, low, high: low <= x <= high,
        "choose": lambda condition, yes, no: yes if condition else no,
    }
    return bool(eval(expression.replace("if(", "choose("), {"__builtins__": {}}, functions | {"n": n}))  # noqa: S307


@pytest.mark.parametrize("numbers", [[], [3], [0, 1, 2], [1, 4, 9, 16, 25, 36], [5, 6, 7, 20, 21, 40]])
def test_a_number_tree_is_true_for_its_numbers_only(numbers: list[int]) -> None:
    tree = number_tree(numbers)
    assert [n for n in range(50) if evaluate(tree, n)] == numbers


def test_a_number_tree_of_many_numbers_is_not_deep() -> None:
    tree = number_tree(list(range(0, 20000, 2)))
    depth = deepest = 0
    for letter in tree:
        depth += (letter == "(") - (letter == ")")
        deepest = max(deepest, depth)
    assert deepest <= 16


@pytest.mark.parametrize(
    ("first", "count", "wanted", "expected"),
    [(0, 10, 1, [5]), (0, 10, 2, [2, 7]), (100, 4, 2, [101, 103]), (7, 3, 5, [7, 8, 9]), (0, 0, 3, [])],
)
def test_frames_are_spread_evenly(first: int, count: int, wanted: int, expected: list[int]) -> None:
    assert spread(first, count, wanted) == expected


def test_a_score_at_the_threshold_begins_a_scene() -> None:
    assert scene_numbers([0, 9.99, 10, 0, 50], 10) == [0, 0, 1, 1, 2]


def test_scene_takes_so_many_of_each_scene_within_the_span() -> None:
    times = [n / 10 for n in range(20)]
    scenes = [0] * 10 + [1] * 10
    assert choose_frames(times, scenes, Sampling(mode="scene", frames_per_scene=2)) == [2, 7, 12, 17]
    assert choose_frames(times, scenes, Sampling(mode="scene", frames_per_scene=1, start=0.5, end=1.5)) == [7, 12]


def test_hybrid_adds_one_frame_of_each_interval() -> None:
    times = [n / 10 for n in range(20)]
    sampling = Sampling(mode="hybrid", frames_per_scene=1, every_seconds=0.5)
    assert choose_frames(times, [0] * 20, sampling) == [0, 5, 10, 15]


@pytest.mark.parametrize(
    ("sampling", "expected"),
    [
        (Sampling(), ""),
        (Sampling(mode="all"), ""),
        (Sampling(mode="keyframe"), "eq(pict_type,PICT_TYPE_I)"),
        (Sampling(start=2, end=3), "gte(t,1.999999)*lt(t,3.000000)"),
    ],
)
def test_expressions_say_no_more_than_needed(sampling: Sampling, expected: str) -> None:
    assert select_expression(sampling, 0, None) == expected


def test_the_ends_of_a_video_can_be_left_out() -> None:
    fitted = within(Sampling(skip_opening=90, skip_ending=60, start=10), 1440, "x.mkv")
    assert (fitted.start, fitted.end) == (90, 1380)
    assert within(Sampling(), 0, "x.mkv").end == math.inf


@pytest.mark.parametrize(
    ("sampling", "duration"),
    [(Sampling(mode="uniform"), 0.0), (Sampling(skip_ending=5), 0.0), (Sampling(start=50), 40.0)],
)
def test_what_a_video_cannot_give_is_one_sentence(sampling: Sampling, duration: float) -> None:
    with pytest.raises(UsageError, match=r"x\.mkv"):
        within(sampling, duration, "x.mkv")
