"""Runs of frames that come back in other episodes."""

import json
from pathlib import Path

import numpy as np

from framekit.dedup.openings import Repeat, Section, Shown, read_clock, runs, sections


def repeats(episode: str, start: float, other: str, other_start: float, seconds: float = 10) -> list[Repeat]:
    """Return two repeats a second."""
    return [Repeat(episode, start + step / 2, other, other_start + step / 2) for step in range(round(2 * seconds) + 1)]


LENGTHS = {"EP01": 100.0, "EP02": 100.0, "EP03": 100.0}


def test_a_run_keeps_its_distance_in_time() -> None:
    [run] = runs(repeats("EP02", 5, "EP01", 0))
    assert (run[0].time, run[-1].time) == (5, 15)


def test_a_jump_in_the_distance_splits_a_run() -> None:
    two = [*repeats("EP02", 5, "EP01", 0), *repeats("EP02", 60, "EP01", 80)]
    assert [run[0].time for run in runs(two)] == [5, 60]


def test_a_pause_splits_a_run() -> None:
    two = [*repeats("EP02", 0, "EP01", 0), *repeats("EP02", 20, "EP01", 20)]
    assert [(run[0].time, run[-1].time) for run in runs(two)] == [(0, 10), (20, 30)]


def test_short_runs_and_sparse_ones_are_stock_shots() -> None:
    assert runs(repeats("EP02", 5, "EP01", 0, seconds=4)) == []
    assert runs([Repeat("EP02", time, "EP01", time) for time in (0, 2.5, 5)]) == []


def test_the_opening_and_the_ending_of_a_show() -> None:
    found = sections(
        [
            *repeats("EP02", 5, "EP01", 0),
            *repeats("EP03", 0, "EP01", 0),
            *repeats("EP02", 90, "EP01", 88, seconds=8),
            *repeats("EP03", 85, "EP01", 88, seconds=8),
        ],
        LENGTHS,
        {},
    )
    assert [one.kind for one in found] == ["opening", "ending"]
    assert found[0].spans == {"EP01": (0, 10), "EP02": (5, 15), "EP03": (0, 10)}
    assert found[1].spans == {"EP01": (88, 96), "EP02": (90, 98), "EP03": (85, 93)}


def test_what_is_quoted_at_another_distance_is_another_run() -> None:
    quoted = [Repeat("EP02", 12 + step / 24, "EP01", 12.5 + step / 24) for step in range(48)]
    held = [Repeat("EP02", 5 + step / 8, "EP01", 5 + step // 3 * 3 / 8) for step in range(9)]
    assert [(run[0].time, run[-1].time) for run in runs([*repeats("EP02", 0, "EP01", 0), *held, *quoted])] == [(0, 10)]


def test_a_section_lasts_until_the_next_picture_comes() -> None:
    """Held, faded and flat frames before and after the repeats are of it, if both episodes show them."""
    found = repeats("EP02", 6, "EP01", 1)
    of_it = [Shown(one.time, ("EP01", one.other_time)) for one in found]
    held = Shown(16.5, ("EP01", 11.0))
    shown = {
        "EP01": [Shown(0, plain=True), Shown(0.5, plain=True), *(Shown(one.other_time) for one in found),
                 Shown(11.6, plain=True), Shown(13), Shown(14, plain=True)],
        "EP02": [Shown(4), Shown(4.8, plain=True), Shown(5, plain=True), *of_it, held, Shown(16.6, plain=True),
                 Shown(18), Shown(19)],
    }  # fmt: skip
    [section] = sections(found, {"EP01": 100.0, "EP02": 100.0}, shown)
    assert section.spans == {"EP01": (0, 13), "EP02": (5, 18)}


def test_a_fade_that_only_one_episode_shows_is_not_of_a_section() -> None:
    """The fade at the end of what comes before, in both episodes, resembles nothing in the other one."""
    found = repeats("EP02", 6, "EP01", 1)
    this, other = np.array([1, 0], np.float32), np.array([0, 1], np.float32)
    shown = {
        "EP01": [Shown(0.5, None, True, this), *(Shown(one.other_time) for one in found)],
        "EP02": [Shown(5.5, None, True, other), *(Shown(one.time, ("EP01", one.other_time)) for one in found)],
    }
    [section] = sections(found, {"EP01": 11.5, "EP02": 16.5}, shown)
    assert section.spans == {"EP01": (1, 11.5), "EP02": (6, 16.5)}


def test_what_comes_back_in_few_episodes_is_a_flashback() -> None:
    lengths = {f"EP{number:02d}": 100.0 for number in range(1, 7)}
    assert sections(repeats("EP02", 5, "EP01", 0), lengths, {}) == []


def test_an_opening_that_only_later_episodes_have() -> None:
    [found] = sections(repeats("EP03", 5, "EP02", 1), LENGTHS, {})
    assert found.spans == {"EP02": (1, 11), "EP03": (5, 15)}


def test_a_section_covers_its_frames_and_not_the_next_one() -> None:
    section = Section("opening", {"EP01": (10, 20)})
    assert [section.covers("EP01", time) for time in (9.95, 10, 19.95, 20)] == [False, True, True, False]
    assert not section.covers("EP02", 15)
    assert not section.covers("EP01", -1)


def test_what_is_told_of_a_section() -> None:
    assert str(Section("ending", {"EP01": (65.2, 130), "EP02": (0, 8.96)})) == "ending: EP01 1:05-2:10, EP02 0:00-0:09"


def test_the_clock_knows_kept_and_dropped_frames(tmp_path: Path) -> None:
    record = {
        "frames": {"x_1": {"time": 1.5}, "x_3": {"time": 7.0}},
        "similar": {"x_2": {"time": 2.5, "resembles": "EP01/x_9.png"}},
    }
    (tmp_path / "EP02").mkdir()
    (tmp_path / "EP02/.frames.json").write_text(json.dumps(record))
    clock = read_clock(tmp_path, [tmp_path / "EP02", tmp_path / "none"])
    assert clock.times == {"EP02/x_1": 1.5, "EP02/x_2": 2.5, "EP02/x_3": 7.0}
    assert clock.lengths == {"EP02": 7.0}
    assert clock.resembled == [("EP02/x_2.png", "EP01/x_9.png")]
    assert clock.repeat("EP02/x_2.png", "EP01/x_9.png") is None  # its time is not known
    assert clock.repeat("EP02/x_2.png", "EP02/x_1.png") is None  # one episode


def test_a_repeat_by_names(tmp_path: Path) -> None:
    for episode, time in (("EP01", 3.0), ("EP02", 8.0)):
        (tmp_path / episode).mkdir()
        (tmp_path / episode / ".frames.json").write_text(json.dumps({"frames": {"x_1": {"time": time}}}))
    clock = read_clock(tmp_path, [tmp_path / "EP01", tmp_path / "EP02"])
    assert clock.repeat("EP02/x_1.png", "EP01/x_1.jpg") == Repeat("EP02", 8.0, "EP01", 3.0)


def test_a_video_that_is_there_twice_has_neither_opening_nor_ending() -> None:
    twice = [Repeat("EP02", float(second), "EP01", float(second)) for second in range(100)]
    [same] = sections(twice, {"EP01": 100.0, "EP02": 100.0}, {}, {"EP01": 110, "EP02": 105})
    assert str(same).startswith("the same video: EP01, EP02; remove one")
    assert not same.covers("EP01", 50.0)
    opening = [Repeat("EP03", second / 2, "EP01", second / 2) for second in range(40)]
    found = sections([*twice, *opening], {"EP01": 100.0, "EP02": 100.0, "EP03": 100.0}, {}, dict.fromkeys("ab", 9) | {
        "EP01": 110, "EP02": 105, "EP03": 100,
    })  # fmt: skip
    assert [one.kind for one in found] == ["opening", "the same video"]
