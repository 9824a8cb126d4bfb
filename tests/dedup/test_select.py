"""Which frames go: those of low quality, then those that resemble one that stays; the best of them stays."""

import doctest
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from PIL import Image

from framekit import dedup
from framekit.dedup import descriptors, select
from framekit.dedup.descriptors import DescribedFrames, Descriptors
from framekit.dedup.quality import OFF, Limits
from framekit.dedup.removal import Removal
from framekit.dedup.select import Settings, decide, similar_groups
from framekit.pixels.measure import Measures
from tests.conftest import listing, patchwork, save_frame
from tests.dedup.helpers import GOOD, clusters, unit

PLAIN = Settings(0.985, keep_best=False, limits=OFF)

BEST = replace(PLAIN, keep_best=True)


def described(vectors: Descriptors, measures: list[Measures] | None = None, folders: int = 1) -> DescribedFrames:
    """Return frames X_0001.png, … in as many folders EP01, …, all of them good unless measures are given."""
    count = len(vectors)
    places = np.array_split(np.arange(count), folders)
    paths = [Path(f"EP{number + 1:02d}/X_{row + 1:04d}.png") for number, rows in enumerate(places) for row in rows]
    return DescribedFrames(paths, vectors, measures or [GOOD] * count, [], np.zeros((count, 36, 64), np.uint8))


def gone(described: DescribedFrames, settings: Settings) -> dict[int, int]:
    return {one.row: one.resembles for one in decide(described, settings, ())}


def test_the_first_stays_if_asked_to() -> None:
    frames = described(unit(0, 1, 2), [GOOD, replace(GOOD, sharpness=900), GOOD])
    assert gone(frames, PLAIN) == {1: 0, 2: 0}


def test_the_sharpest_stays() -> None:
    frames = described(unit(0, 1, 2), [GOOD, replace(GOOD, sharpness=900), replace(GOOD, sharpness=700)])
    assert gone(frames, BEST) == {0: 1, 2: 1}


def test_one_without_subtitles_stays_if_it_is_about_as_sharp() -> None:
    frames = described(unit(0, 1), [replace(GOOD, sharpness=550, subtitle=0.02), GOOD])
    assert gone(frames, BEST) == {0: 1}


def test_bright_outlines_in_the_picture_do_not_hide_subtitles() -> None:
    frames = described(unit(0, 1), [replace(GOOD, sharpness=530, subtitle=0.0365), replace(GOOD, subtitle=0.0122)])
    assert gone(frames, BEST) == {0: 1}


def test_in_the_middle_of_a_fade_is_worse_than_subtitles() -> None:
    faded = replace(GOOD, sharpness=0.5 * GOOD.sharpness, upper_contrast=0.7 * GOOD.upper_contrast)
    frames = described(unit(0, 1), [faded, replace(GOOD, subtitle=0.05)])
    assert gone(frames, BEST) == {0: 1}


def test_of_equal_ones_the_first_stays() -> None:
    assert gone(described(unit(0, 0, 0)), BEST) == {1: 0, 2: 0}


def test_an_earlier_episode_stays_also_if_a_later_one_is_sharper() -> None:
    frames = described(unit(0, 1), [GOOD, replace(GOOD, sharpness=900)], folders=2)
    assert gone(frames, BEST) == {1: 0}


def brute_force(vectors: Descriptors, threshold: float) -> dict[int, int]:
    """Compare each row with all that stay before it; then name what it resembles most."""
    kept: list[int] = []
    for row in range(len(vectors)):
        if not any(vectors[other] @ vectors[row] >= threshold for other in kept):
            kept.append(row)
    gone = set(range(len(vectors))) - set(kept)
    return {row: max(kept, key=lambda other: float(vectors[other] @ vectors[row])) for row in gone}


@pytest.mark.parametrize("block", [1, 10, 10_000])
@pytest.mark.parametrize("seed", range(4))
def test_the_search_over_episodes_is_that_of_comparing_one_by_one(seed: int, block: int) -> None:
    frames = described(clusters(300, seed), folders=5)
    found = gone(frames, replace(PLAIN, thresh=0.95, block=block))
    assert found == brute_force(frames.rows, 0.95)
    assert 50 < len(found) < 250


@pytest.mark.parametrize("settings", [PLAIN, BEST], ids=["first", "best"])
@pytest.mark.parametrize("seed", range(4))
def test_each_frame_that_goes_resembles_one_that_stays_and_none_of_those_another(seed: int, settings: Settings) -> None:
    measures = [replace(GOOD, sharpness=float(value)) for value in np.random.default_rng(seed).uniform(100, 999, 300)]
    frames = described(clusters(300, seed), measures, folders=5)
    settings = replace(settings, thresh=0.95)
    found = gone(frames, settings)
    staying = [row for row in range(300) if row not in found]
    assert not set(found) & set(found.values())
    assert all(frames.rows[row] @ frames.rows[kept] >= 0.95 for row, kept in found.items())
    assert (frames.rows[staying] @ frames.rows[staying].T - 2 * np.eye(len(staying)) < 0.95).all()


@pytest.mark.parametrize("settings", [PLAIN, BEST], ids=["first", "best"])
def test_a_second_run_removes_nothing(settings: Settings) -> None:
    frames = described(clusters(200), folders=4)
    settings = replace(settings, thresh=0.95)
    found = gone(frames, settings)
    staying = [row for row in range(200) if row not in found]
    readable = [frames.readable[row] for row in staying]
    left = replace(described(frames.rows[staying]), readable=readable)
    assert gone(left, settings) == {}


def test_no_frame_goes_for_the_sake_of_one_that_goes() -> None:
    # 8° resembles 0° of the episode before and goes; 17° resembles 8° only, and stays
    paths = [Path("EP01/X_1.png"), Path("EP02/X_1.png"), Path("EP02/X_2.png")]
    assert gone(replace(described(unit(0, 8, 17)), readable=paths), PLAIN) == {1: 0}


def test_what_a_frame_resembles_is_the_most_similar_one_that_stays_also_a_later_one() -> None:
    assert gone(described(unit(0, 9, 11)), PLAIN) == {1: 2}


def test_a_frame_of_low_quality_goes_and_nothing_goes_for_its_sake() -> None:
    frames = described(unit(0, 1, 90), [replace(GOOD, sharpness=3), GOOD, GOOD])
    assert decide(frames, replace(PLAIN, limits=Limits()), ()) == [
        Removal(0, "blurred", detail="sharpness 3 < 15"),
    ]


def test_a_fade_goes() -> None:
    faded = replace(GOOD, upper_contrast=20, contrast=20)
    [removal] = decide(described(unit(0, 20), [GOOD, faded]), replace(PLAIN, limits=Limits()), ())
    assert (removal.row, removal.reason) == (1, "fade")


@pytest.mark.parametrize("limits", [OFF, Limits()])
def test_what_a_person_keeps_stays_whatever_it_is(limits: Limits) -> None:
    frames = described(unit(0, 0, 0), [GOOD, GOOD, replace(GOOD, sharpness=3)])
    protected = set(frames.readable[1:])
    assert decide(frames, replace(BEST, limits=limits), protected) == []


def test_groups_hold_the_frame_that_stays_first(tmp_path: Path) -> None:
    seeds = {"EP01/a": 1, "EP01/b": 2, "EP01/c": 1, "EP02/a": 3, "EP02/b": 1}
    paths = {name: save_frame(tmp_path / f"{name}.png", patchwork(seed, 160, 90)) for name, seed in seeds.items()}
    assert similar_groups(list(paths.values())) == [[paths["EP01/a"], paths["EP01/c"], paths["EP02/b"]]]
    assert listing(tmp_path / "EP01") == ["a.png", "b.png", "c.png"]


def test_the_best_of_a_group_stays_or_the_first(tmp_path: Path) -> None:
    sharp = patchwork(1, 640, 360)
    soft = np.asarray(Image.fromarray(sharp).resize((320, 180)).resize((640, 360)), np.uint8)
    paths = [save_frame(tmp_path / "a.png", soft), save_frame(tmp_path / "b.png", sharp)]
    assert similar_groups(paths, thresh=0.95) == [paths[::-1]]
    assert similar_groups(paths, thresh=0.95, keep_best=False) == [paths]


def test_nothing_and_unreadable_frames_are_in_no_group(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"torn")
    assert similar_groups([]) == similar_groups([tmp_path / "a.png"]) == []


@pytest.mark.parametrize("module", [descriptors, select], ids=lambda module: module.__name__)
def test_the_examples_of_the_documentation_are_true(module: ModuleType) -> None:
    found = doctest.testmod(module)
    assert (found.failed, found.attempted > 0) == (0, True)


def test_the_room_hands_on_its_public_names() -> None:
    assert (dedup.similar_groups, dedup.describe) == (select.similar_groups, descriptors.describe)
