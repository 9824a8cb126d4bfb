"""The embedded descriptor, and the search, which must give what comparing all pairs one by one gives."""

import numpy as np
import pytest

from framekit.dedup import search
from framekit.dedup.descriptors import DIMENSIONS, Descriptors, describe
from framekit.dedup.search import QUERIES, first_similar
from framekit.pixels.decode import Pixels
from tests.conftest import BLACK, RED, WHITE, patchwork, plain
from tests.dedup.helpers import clusters, unit

THRESHOLD = 0.985  # the default of remove_similar


def similar(descriptors: Descriptors, threshold: float, block: int) -> list[tuple[int, int, float]]:
    """Compare all rows in their order."""
    return list(first_similar(descriptors, np.arange(len(descriptors)), threshold, block))


def likeness(one: Pixels, other: Pixels) -> float:
    return float(describe(one) @ describe(other))


def one_by_one(descriptors: Descriptors, threshold: float) -> list[tuple[int, int, float]]:
    """Compare each frame with every kept one before it."""
    kept: list[int] = []
    found = []
    for index in range(len(descriptors)):
        scores = [float(descriptors[index] @ descriptors[other]) for other in kept]
        if scores and max(scores) >= threshold:
            found.append((index, kept[int(np.argmax(scores))], max(scores)))
        else:
            kept.append(index)
    return found


@pytest.mark.parametrize("size", [(1, 1), (32, 18), (1920, 1080), (90, 160), (31, 17)])
def test_a_descriptor_has_length_1_whatever_the_size(size: tuple[int, int]) -> None:
    vector = describe(patchwork(1, *size))
    assert vector.shape == (DIMENSIONS,)
    assert vector.dtype == np.float32
    assert np.linalg.norm(vector) == pytest.approx(1, abs=1e-6)


def test_one_layout_in_two_sizes_is_similar() -> None:
    assert likeness(patchwork(1, 320, 180), patchwork(1, 640, 360)) > 0.999


@pytest.mark.parametrize("seed", range(5))
def test_noise_of_compression_changes_little(seed: int) -> None:
    pixels = patchwork(seed, 320, 180)
    noise = np.random.default_rng(seed).integers(-6, 7, pixels.shape)
    noisy = np.clip(pixels.astype(int) + noise, 0, 255).astype(np.uint8)
    assert likeness(pixels, noisy) > THRESHOLD


def test_a_fade_changes_little() -> None:
    pixels = patchwork(1, 320, 180)
    assert likeness(pixels, (pixels * 0.7).astype(np.uint8)) > THRESHOLD


@pytest.mark.parametrize("seed", range(5))
def test_another_layout_changes_much(seed: int) -> None:
    assert likeness(patchwork(seed, 320, 180), patchwork(seed + 100, 320, 180)) < 0.7


def test_mirrored_is_another_layout() -> None:
    pixels = patchwork(1, 320, 180)
    assert likeness(pixels, pixels[:, ::-1].copy()) < 0.7


@pytest.mark.parametrize(("one", "other"), [(BLACK, WHITE), (RED, WHITE), (BLACK, RED)])
def test_plain_frames_of_different_colours_differ(one: tuple[int, int, int], other: tuple[int, int, int]) -> None:
    assert likeness(plain(one), plain(other)) < THRESHOLD


def test_plain_frames_of_one_colour_are_similar_whatever_the_noise() -> None:
    rng = np.random.default_rng(0)
    one, other = (rng.integers(0, 3, (180, 320, 3), np.uint8) for _ in range(2))
    assert likeness(one, other) > THRESHOLD


@pytest.mark.parametrize("block", [1, 7, 1000])
@pytest.mark.parametrize("count", [0, 1, 2, QUERIES - 1, QUERIES, QUERIES + 1, 2 * QUERIES + 88])
def test_the_search_finds_what_comparing_one_by_one_finds(count: int, block: int) -> None:
    descriptors = clusters(count)
    expected = one_by_one(descriptors, 0.97)
    found = list(similar(descriptors, 0.97, block))
    assert [row[:2] for row in found] == [row[:2] for row in expected]
    assert [row[2] for row in found] == pytest.approx([row[2] for row in expected], abs=1e-5)


def test_enough_was_at_stake_in_that_comparison() -> None:
    removed = one_by_one(clusters(2 * QUERIES + 88), 0.97)
    assert 100 < len(removed) < 2 * QUERIES
    assert any(index - kept > QUERIES for index, kept, _ in removed)
    assert any(index // QUERIES == kept // QUERIES for index, kept, _ in removed)


def test_blocks_of_queries_do_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    descriptors = clusters(100)
    expected = [row[:2] for row in similar(descriptors, 0.97, 1000)]
    for queries in (1, 3, 100):
        monkeypatch.setattr(search, "QUERIES", queries)
        assert [row[:2] for row in similar(descriptors, 0.97, 7)] == expected


def test_a_frame_is_compared_with_kept_frames_only() -> None:
    # cos 10° = 0.985, cos 20° = 0.940: the second resembles the first; the third resembles the second, which is gone
    found = list(similar(unit(0, 10, 20), 0.98, 10))
    assert [row[:2] for row in found] == [(1, 0)]
    assert found[0][2] == pytest.approx(0.98481, abs=1e-5)


def test_the_kept_frame_it_resembles_most_is_named() -> None:
    assert [row[:2] for row in similar(unit(0, 30, 22, 8), 0.98, 10)] == [(2, 1), (3, 0)]


def test_equal_frames_leave_the_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "QUERIES", 2)
    assert [row[:2] for row in similar(unit(0, 0, 0, 0, 0), 0.98, 1)] == [(1, 0), (2, 0), (3, 0), (4, 0)]


def test_a_threshold_of_1_keeps_what_differs_at_all() -> None:
    assert list(similar(unit(0, 1, 2), 1.0, 10)) == []


def test_a_threshold_of_0_keeps_opposites() -> None:
    assert [row[:2] for row in similar(unit(0, 180, 80), 0.0, 10)] == [(2, 0)]
