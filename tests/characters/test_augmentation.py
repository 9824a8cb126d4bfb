"""Changed views of a head."""

import numpy as np

from framekit.characters.recognise import jitter
from tests.conftest import patchwork, plain


def test_the_same_chance_gives_the_same_view() -> None:
    crop = patchwork(1, 64, 64)
    one, again = (jitter(crop, np.random.default_rng(7)) for _ in range(2))
    assert np.array_equal(one, again)
    assert one.shape == crop.shape
    assert not np.array_equal(one, crop)


def test_hair_keeps_its_colour() -> None:
    pink = plain((240, 120, 170), 32, 32)
    for seed in range(20):
        red, green, blue = jitter(pink, np.random.default_rng(seed)).reshape(-1, 3).mean(axis=0)
        assert red > blue > green


def test_only_some_views_are_mirrored_and_none_without_leave() -> None:
    half = plain((0, 0, 0), 32, 32)
    half[:, 16:] = 255
    sides = [bool(jitter(half, np.random.default_rng(seed), flip=True)[:, 20:].mean() > 60) for seed in range(30)]
    assert 5 < sum(sides) < 25
    assert all(jitter(half, np.random.default_rng(seed))[:, 20:].mean() > 60 for seed in range(30))
