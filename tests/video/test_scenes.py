"""What is read from ffmpeg's messages, and how alike small frames are."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from framekit.video.scenes import Passed, complaint, read_log, scene_scores
from framekit.video.settled import settled_frame
from framekit.video.small import BLOCK, HEIGHT, SIZE, WIDTH, SmallFrames
from framekit.video.transitions import transitions

FPS = 24


def shown(position: int, number: int, time: str) -> str:
    return (
        f"[Parsed_showinfo_{position} @ 0x1] n:{number:4d} pts:{number:7d} pts_time:{time:7s} duration: 1 fmt:yuv420p\n"
    )


def small_frames(frames: list[NDArray[np.uint8]], folder: Path = Path()) -> SmallFrames:
    """Return what is known of these small frames."""
    small = SmallFrames(folder / "small.grey", FPS)
    small.add(np.stack(frames).reshape(-1, SIZE)) if frames else None
    return small


def place(seed: int) -> NDArray[np.uint8]:
    """Draw a place of grey blocks."""
    blocks = np.random.default_rng(seed).integers(0, 256, (HEIGHT // 6, WIDTH // 8), np.uint8)
    return np.kron(blocks, np.ones((6, 8), np.uint8))


def crossfade(one: NDArray[np.uint8], other: NDArray[np.uint8], frames: int) -> list[NDArray[np.uint8]]:
    shares = [step / (frames + 1) for step in range(1, frames + 1)]
    return [np.round(one * (1 - share) + other * share).astype(np.uint8) for share in shares]


def test_the_times_of_all_frames_and_of_survivors_are_read() -> None:
    log = "Stream #0:0: Video: h264\n"
    for number, time in enumerate(["0", "0.5", "1", "1.5"]):
        log += shown(2, number, time)
        log += shown(4, number // 2, time) if number % 2 == 0 else ""
    passed = Passed(log.splitlines())
    assert list(passed.numbers()) == [0, 2]
    assert (passed.times, passed.time(3)) == (["0", "0.5", "1", "1.5"], 1.5)
    told = read_log(log, small_frames([]))
    assert (told.decoded, told.seconds, told.scene_scores) == (["0", "0.5", "1", "1.5"], 1.5, [0.0] * 4)


def test_where_times_come_twice_the_numbers_go_on() -> None:
    log = shown(2, 0, "0") + shown(4, 0, "0") + shown(2, 1, "1") + shown(2, 2, "0") + shown(4, 1, "0")
    assert list(Passed(log.splitlines()).numbers()) == [0, 2]


def test_frames_are_counted_on_when_ffmpeg_begins_anew_at_another_resolution() -> None:
    log = shown(2, 0, "0") + shown(2, 1, "1") + shown(2, 0, "2") + shown(2, 1, "3")
    assert read_log(log, small_frames([])).decoded == ["0", "1", "2", "3"]


@pytest.mark.parametrize("log", ["", "nothing here", shown(1, 0, "0")])
def test_messages_without_survivors_give_no_numbers(log: str) -> None:
    assert list(Passed(log.splitlines()).numbers()) == []


def test_small_frames_are_read_while_they_are_written(tmp_path: Path) -> None:
    frames = np.random.default_rng(1).integers(0, 256, (20 * BLOCK + 9, SIZE), np.uint8)
    whole, part = small_frames([*frames]), SmallFrames(tmp_path / "small.grey", FPS)
    part.read_on()
    assert len(part) == 0
    content = frames.tobytes()
    for upto in (SIZE // 2, 3 * SIZE + 5, BLOCK * SIZE + 1, len(content)):
        part.path.write_bytes(content[:upto])
        part.read_on()
        assert len(part) == upto // SIZE
    assert part.table[: len(part)] == pytest.approx(whole.table[: len(whole)], rel=1e-4, abs=0.1)
    expected = np.sqrt(np.mean((frames[300].astype(float) - frames[280]) ** 2))
    assert whole.distance(280, 300) == pytest.approx(expected, rel=1e-4)
    assert whole.distance(0, 300) == float("inf")


def test_a_crossfade_is_told_from_its_last_frame_before_to_its_first_after() -> None:
    small = small_frames([place(1)] * 10 + crossfade(place(1), place(2), 11) + [place(2)] * 10)
    [found] = transitions(small, 0, len(small) - 1, 4.0)
    change = np.abs(place(1).astype(float) - place(2)).mean() / 2.55
    assert (found.start, found.end) == (9, 21)
    assert found.change == pytest.approx(change, rel=0.1)
    assert transitions(small, 0, 12, 40.0) == []


def test_a_fade_to_black_settles_in_no_picture() -> None:
    black = np.zeros((HEIGHT, WIDTH), np.uint8)
    small = small_frames([place(1)] * 10 + crossfade(place(1), black, 9) + [black] * 9 + crossfade(black, place(2), 9))
    small.add(np.stack([place(2)] * 9).reshape(-1, SIZE))
    assert settled_frame(small, 15, 33) == 15
    assert settled_frame(small, 33, 46) == 39
    assert settled_frame(small, 33, 35) == 33


def test_movement_is_no_transition() -> None:
    assert transitions(small_frames([np.roll(place(3), -k // 2, axis=1) for k in range(60)]), 0, 59, 4.0) == []


def scores_of(frames: list[NDArray[np.uint8]]) -> list[int]:
    """Return the numbers of the frames that score as beginnings of scenes."""
    scores = scene_scores([number / FPS for number in range(len(frames))], small_frames(frames))
    return [number for number, score in enumerate(scores) if score >= 10]


def test_a_cut_after_movement_on_threes_counts() -> None:
    moving = [np.roll(place(1), -min(k // 3, 4) * (k // 3), axis=1) for k in range(24)]
    assert scores_of(moving + [np.zeros((HEIGHT, WIDTH), np.uint8)] * 9) == [24]


def test_without_frames_there_are_no_scores() -> None:
    assert scores_of([]) == []


def test_a_complaint_is_the_first_error_of_ffmpeg() -> None:
    damaged = "[h264 @ 0x1] [error] bad  block\n" + shown(1, 0, "0") + "\n[matroska @ 0x2] [error] ended\n"
    assert complaint(read_log(damaged, small_frames([]))) == "bad block (and 1 more)"
    assert complaint(read_log("[in#0 @ 0x1] [fatal] no such file", small_frames([]))) == "no such file"
    assert complaint(read_log("[warning] a word\n" + shown(1, 0, "0"), small_frames([]))) is None
