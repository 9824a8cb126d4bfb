"""What is read from ffmpeg's messages, and which changes count as cuts."""

import pytest

from framekit.video.scenes import FrameLog, FrameSource, complaint, frame_sources, read_log, scene_scores


def shown(position: int, number: int, time: str) -> str:
    return (
        f"[Parsed_showinfo_{position} @ 0x1] n:{number:4d} pts:{number:7d} pts_time:{time:7s} duration: 1 fmt:yuv420p\n"
    )


def changed(number: int, change: str) -> str:
    start = "[Parsed_metadata_1 @ 0x1] [info] "
    return f"{start}frame:{number}    pts:{number}       pts_time:{number}\n{start}lavfi.scd.mafd={change}\n"


def test_the_times_of_all_frames_and_of_survivors_are_read() -> None:
    log = "Stream #0:0: Video: h264\n"
    for number, time in enumerate(["0", "0.5", "1", "1.5"]):
        log += shown(2, number, time)
    log += shown(4, 0, "0") + shown(4, 1, "1")
    told = read_log(log)
    assert (told.decoded, told.passed, told.seconds) == (["0", "0.5", "1", "1.5"], ["0", "1"], 1.5)


def test_a_change_belongs_to_the_frame_that_is_told_next() -> None:
    log = shown(2, 0, "0") + changed(1, "23.456") + shown(2, 1, "1") + shown(4, 0, "0") + shown(2, 2, "2")
    assert read_log(log).changes == [0.0, 23.456, 0.0]


def test_frames_are_counted_on_when_ffmpeg_begins_anew_at_another_resolution() -> None:
    log = changed(0, "0.000") + shown(2, 0, "0") + changed(1, "5.000") + shown(2, 1, "1")
    log += changed(0, "0.000") + shown(2, 0, "2") + changed(1, "7.000") + shown(2, 1, "3")
    assert read_log(log) == FrameLog(["0", "1", "2", "3"], [], [0.0, 5.0, 0.0, 7.0])


@pytest.mark.parametrize("log", ["", "nothing here", shown(1, 0, "0")])
def test_messages_without_survivors_give_no_sources(log: str) -> None:
    assert frame_sources(read_log(log), [0]) == []


def test_the_source_of_a_survivor_is_the_frame_of_its_time() -> None:
    log = FrameLog(["0", "0.5", "1", "1.5"], ["0", "1", "1.5"], [0.0] * 4)
    expected = [FrameSource(0, 0, 0), FrameSource(1, 2, 1), FrameSource(1.5, 3, 1)]
    assert frame_sources(log, [0, 0, 1, 1]) == expected


SCORES: dict[str, tuple[list[float], list[float]]] = {
    "a cut between still pictures": ([0, 0, 40, 0, 0], [0, 0, 40, 0, 0]),
    "a cut in a moving picture": ([3, 3, 43, 3, 3], [0, 0, 40, 0, 0]),
    "a pan is none": ([3, 3, 3.2, 3, 3], [0, 0, 0, 0, 0]),
    "a fade is none": ([0, 4, 4, 4, 0], [0, 0, 0, 0, 0]),
    "a flash of one frame is none": ([0, 0, 60, 60, 0], [0, 0, 0, 0, 0]),
    "a flash of two frames is none": ([0, 0, 60, 0, 58, 0], [0, 0, 0, 0, 0, 0]),
    "a flash that hides a cut is one": ([0, 0, 60, 0, 30, 0], [0, 0, 60, 0, 30, 0]),
    "a flash that fades into the next picture": ([0, 0, 50, 9, 8, 8, 0], [0, 0, 41, 9, 0, 0, 0]),
    "two cuts with time between": ([0, 40, 0, 0, 0, 0, 0, 0, 40, 0], [0, 40, 0, 0, 0, 0, 0, 0, 40, 0]),
    "nothing": ([], []),
}


@pytest.mark.parametrize("case", SCORES)
def test_much_change_after_little_is_a_cut(case: str) -> None:
    changes, expected = SCORES[case]
    times = [number / 24 for number in range(len(changes))]
    found = scene_scores(times, [float(change) for change in changes])
    assert [score if score >= 2 else 0 for score in found] == pytest.approx(expected, abs=9)


def test_a_complaint_is_the_first_error_of_ffmpeg() -> None:
    damaged = "[h264 @ 0x1] [error] bad  block\n" + shown(1, 0, "0") + "\n[matroska @ 0x2] [error] ended\n"
    assert complaint(read_log(damaged)) == "bad block (and 1 more)"
    assert complaint(read_log("[in#0 @ 0x1] [fatal] no such file")) == "no such file"
    assert complaint(read_log("[warning] a word\n" + shown(1, 0, "0"))) is None
