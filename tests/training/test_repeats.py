"""Whole repeats: as near to the wished shares as whole numbers allow, never 0, never above the limit."""

import itertools
import random
from pathlib import PurePosixPath

import pytest

from framekit.training import balance
from framekit.training.balance import whole_repeats


def found(factors: dict[str, float], counts: dict[str, int], most: int = 100) -> tuple[list[int], float]:
    """Return the repeats in the order of the folders, and the largest deviation."""
    repeats, deviation = whole_repeats(
        {PurePosixPath(name): factor for name, factor in factors.items()},
        {PurePosixPath(name): count for name, count in counts.items()},
        most,
    )
    return list(repeats.values()), round(deviation, 4)


def deviation_of(repeats: tuple[int, ...], factors: list[float], counts: list[int]) -> float:
    """Return the largest deviation of a share, by plain arithmetic."""
    wished = [factor * count for factor, count in zip(factors, counts, strict=True)]
    given = [factor * count for factor, count in zip(repeats, counts, strict=True)]
    pairs = zip(given, wished, strict=True)
    return max(abs((one / sum(given)) / (other / sum(wished)) - 1) for one, other in pairs)


def test_halves_become_whole_numbers_exactly() -> None:
    factors = {"a": 5.0, "b": 7.5, "c": 1.0, "d": 2.5}
    assert found(factors, {"a": 3, "b": 3, "c": 10, "d": 1}) == ([10, 15, 2, 5], 0.0)


def test_the_smallest_epoch_among_the_exact_ones() -> None:
    assert found({"a": 4.0, "b": 2.0}, {"a": 1, "b": 1}) == ([2, 1], 0.0)


def test_factors_far_below_1_never_become_0() -> None:
    assert found({"a": 0.01, "b": 0.03}, {"a": 5, "b": 5}) == ([1, 3], 0.0)


def test_the_largest_number_bounds_and_the_deviation_is_told() -> None:
    repeats, deviation = found({"a": 1.0, "b": 50.0}, {"a": 10, "b": 10}, most=10)
    assert repeats == [1, 10]
    assert deviation == round((1 / 11) / (1 / 51) - 1, 4)


def test_no_folders() -> None:
    assert whole_repeats({}, {}, 100) == ({}, 0.0)


@pytest.mark.parametrize("seed", range(12))
def test_no_other_whole_numbers_are_nearer(seed: int) -> None:
    chance = random.Random(seed)
    factors = [round(chance.uniform(0.2, 5), 2) for _ in range(3)]
    counts = [chance.randint(1, 60) for _ in range(3)]
    repeats, told = whole_repeats(
        {PurePosixPath(str(place)): factor for place, factor in enumerate(factors)},
        {PurePosixPath(str(place)): count for place, count in enumerate(counts)},
        8,
    )
    best = min(deviation_of(one, factors, counts) for one in itertools.product(range(1, 9), repeat=3))
    assert told == pytest.approx(deviation_of(tuple(repeats.values()), factors, counts))
    assert told <= best + 0.006


def told(counts: dict[str, int]) -> str:
    folders = {PurePosixPath(name): number for name, number in counts.items()}
    balanced, _ = balance.balance_folders(folders, [], balance.Limits(), {}, [])
    return balance.by_heart_in_words(balanced)


def test_frames_that_are_learnt_by_heart_are_told() -> None:
    assert told({"a": 100, "b": 100}) == ""
    assert told({"a": 380, "b": 20}) == ""
    assert told({"a": 399, "b": 1, "c": 3}).startswith("frames of 2 folders are trained over 20 times")
    expected = "frames of 1 folder are trained over 20 times as often as the average, those of b (1 frame) 67 times;"
    assert told({"a": 199, "b": 1}).startswith(expected)
