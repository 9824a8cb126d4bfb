"""True times, frame numbers and scenes on videos that make them hard: each drawn frame tells its own number."""

import json
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import extract_frames
from framekit.pixels.decode import Pixels, read_pixels
from framekit.video import settled
from framekit.video.ffmpeg import Ffmpeg, View, fetch_command, find_ffmpeg
from framekit.video.read import read_frames
from framekit.video.sampling import Sampling

WIDTH, HEIGHT, FPS = 160, 96, 24

HALF_A_FRAME = 0.5 / FPS

H264 = ("-c:v", "libx264", "-preset", "veryfast", "-qp", "8", "-pix_fmt", "yuv420p", "-threads", "1")


def numbered(number: int) -> Pixels:
    """Draw a frame that shows its number, 0 to 255, as 8 columns of black or white."""
    bits = [(number >> bit) & 1 for bit in range(8)]
    row = np.repeat(np.array(bits, np.uint8) * 200 + 25, WIDTH // 8)
    return np.broadcast_to(row[None, :, None], (HEIGHT, WIDTH, 3))


def number_shown(pixels: Pixels) -> int:
    """Read the number of a frame."""
    columns = pixels[HEIGHT // 2, WIDTH // 16 :: WIDTH // 8, 1] > 127
    return int(sum(int(bit) << place for place, bit in enumerate(columns[:8])))


def encode(path: Path, frames: Sequence[Pixels], *options: str, filters: str = "") -> Path:
    """Encode frames as H.264 with more options."""
    path.parent.mkdir(parents=True, exist_ok=True)
    height, width = frames[0].shape[:2]
    source = ["-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{width}x{height}", "-r", str(FPS), "-i", "-"]
    graph = ["-vf", filters] if filters else []
    command = [find_ffmpeg().path, "-y", "-v", "error", *source, *graph, *H264, *options, str(path)]
    subprocess.run(command, input=b"".join(one.tobytes() for one in frames), check=True)
    return path


def copy(source: Path, target: Path, *before: str, after: Sequence[str] = ()) -> Path:
    """Copy a video's stream into another file."""
    command = [find_ffmpeg().path, "-y", "-v", "error", *before, "-i", str(source), "-c", "copy", *after, str(target)]
    subprocess.run(command, check=True)
    return target


def extract(video: Path, folder: Path, *words: str) -> dict[str, Any]:
    """Extract a video alone and return its record."""
    assert extract_frames.main(["--src_dir", str(video), "--dst_dir", str(folder), *words]) == 0
    [path] = folder.glob("*/.frames.json")
    record: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return record


def told(record: dict[str, Any], name: str) -> list[Any]:
    """Return one field of all frames."""
    return [source[name] for source in record["frames"].values()]


def numbers_shown(folder: Path) -> list[int]:
    return [number_shown(read_pixels(path)) for path in sorted(folder.glob("*/*.png"))]


@pytest.mark.parametrize("suffix", ["mkv", "mp4", "ts"])
def test_with_b_frames_each_frame_has_its_own_time_and_number(tmp_path: Path, suffix: str) -> None:
    video = encode(tmp_path / f"01.{suffix}", [numbered(number) for number in range(40)], "-bf", "3", "-g", "12")
    record = extract(video, tmp_path / "out", "--mode", "all")
    assert numbers_shown(tmp_path / "out") == told(record, "source_frame") == list(range(40))
    assert told(record, "time") == pytest.approx([number / FPS for number in range(40)], abs=HALF_A_FRAME)


@pytest.mark.parametrize("suffix", ["mkv", "ts"])
def test_a_start_offset_is_not_part_of_the_times(tmp_path: Path, suffix: str) -> None:
    plain = encode(tmp_path / "plain.mkv", [numbered(number) for number in range(20)], "-bf", "2")
    video = copy(plain, tmp_path / f"01.{suffix}", after=("-output_ts_offset", "5"))
    record = extract(video, tmp_path / "out", "--mode", "all", "--start", "0.25")
    assert told(record, "source_frame") == list(range(6, 20)) == numbers_shown(tmp_path / "out")
    assert told(record, "time") == pytest.approx([number / FPS for number in range(6, 20)], abs=HALF_A_FRAME)


def test_an_edit_list_is_followed_as_a_player_does(tmp_path: Path) -> None:
    plain = encode(tmp_path / "plain.mp4", [numbered(number) for number in range(48)], "-g", "24", "-bf", "0")
    video = copy(plain, tmp_path / "01.mp4", "-ss", "1.5")
    record = extract(video, tmp_path / "out", "--mode", "all")
    assert numbers_shown(tmp_path / "out") == list(range(36, 48))
    assert told(record, "time") == pytest.approx([number / FPS for number in range(12)], abs=HALF_A_FRAME)


def varying(path: Path, frames: Sequence[Pixels]) -> tuple[Path, list[float]]:
    """Encode frames whose second half is shown three times as long; return the video and the times."""
    half = len(frames) // 2
    expression = f"setpts='if(lt(N,{half}),N,{half}+(N-{half})*3)/{FPS}/TB'"
    passthrough = [word for name, value in find_ffmpeg().passthrough.items() for word in (f"-{name}", value)]
    times = [number / FPS if number < half else (half + (number - half) * 3) / FPS for number in range(len(frames))]
    return encode(path, frames, *passthrough, filters=expression), times


def test_times_at_a_variable_rate_are_true_and_choose_the_frames(tmp_path: Path) -> None:
    video, times = varying(tmp_path / "01.mkv", [numbered(number) for number in range(48)])
    assert told(extract(video, tmp_path / "all", "--mode", "all"), "time") == pytest.approx(times, abs=0.002)
    record = extract(video, tmp_path / "part", "--mode", "interval", "--every_seconds", "0.5", "--start", "1")
    assert told(record, "time") == pytest.approx([1.0, 1.5, 2.0, 2.5, 3.0, 3.5], abs=0.13)
    assert numbers_shown(tmp_path / "part") == told(record, "source_frame")
    late = extract(video, tmp_path / "late", "--mode", "all", "--start", "2", "--end", "3")
    assert [time for time in times if time + 0.002 >= 2 and time < 3] == pytest.approx(told(late, "time"), abs=0.002)


def test_the_end_stops_the_decoder(tmp_path: Path) -> None:
    video = encode(tmp_path / "01.mkv", [numbered(number) for number in range(96)])
    record = extract(video, tmp_path / "out", "--mode", "all", "--end", "1")
    assert told(record, "source_frame") == list(range(24))
    assert record["decoded"] <= 30


def test_a_change_of_resolution_goes_on_counting(tmp_path: Path) -> None:
    small = encode(tmp_path / "a.ts", [numbered(number) for number in range(10)])
    large = [np.kron(numbered(number), np.ones((2, 2, 1), np.uint8)) for number in range(10, 20)]
    encode(tmp_path / "b.ts", large, "-output_ts_offset", str(10 / FPS))
    (tmp_path / "01.ts").write_bytes(small.read_bytes() + (tmp_path / "b.ts").read_bytes())
    record = extract(tmp_path / "01.ts", tmp_path / "out", "--mode", "all")
    assert numbers_shown(tmp_path / "out") == told(record, "source_frame") == list(range(20))
    assert {read_pixels(path).shape for path in (tmp_path / "out").glob("*/*.png")} == {(HEIGHT, WIDTH, 3)}


def place(seed: int) -> Pixels:
    """Draw a place of large coloured blocks."""
    blocks = np.random.default_rng(seed).integers(0, 256, (6, 10, 3), np.uint8)
    return np.kron(blocks, np.ones((16, 16, 1), np.uint8))


def mixed(one: Pixels, other: Pixels, share: float) -> Pixels:
    return np.round(one * (1 - share) + other * share).astype(np.uint8)


BLACK, WHITE = np.zeros((HEIGHT, WIDTH, 3), np.uint8), np.full((HEIGHT, WIDTH, 3), 255, np.uint8)

A, B, C = place(1), place(2), place(3)


def crossfade(one: Pixels, other: Pixels, frames: int = 12) -> list[Pixels]:
    """Return the mixed frames of a crossfade."""
    return [mixed(one, other, step / (frames + 1)) for step in range(1, frames + 1)]


OUT, IN, OTHER = crossfade(A, BLACK), crossfade(BLACK, A), crossfade(BLACK, B)

SHOTS: dict[str, tuple[list[Pixels], list[int]]] = {
    "cuts": ([A] * 15 + [B] * 20 + [C] * 7 + [A] * 10, [15, 35, 42]),
    "a fade to black and in again": ([A] * 10 + OUT + [BLACK] * 2 + IN + [A] * 9, []),
    "a fade to black and into another picture": ([A] * 10 + OUT + [BLACK] * 4 + OTHER + [B] * 9, [26]),
    "a fade to black and a cut": ([A] * 10 + OUT + [BLACK] * 4 + [B] * 9, [26]),
    "a fade in at the beginning and out at the end": ([BLACK] * 3 + IN + [A] * 9 + OUT + [BLACK] * 9, []),
    "a crossfade": ([A] * 10 + crossfade(A, B) + [B] * 10, [10]),
    "a short and a long crossfade": (
        [A] * 10 + crossfade(A, B, 4) + [B] * 10 + crossfade(B, C, 30) + [C] * 10,
        [10, 24],
    ),
    "the light goes out": ([A] * 10 + crossfade(A, mixed(A, BLACK, 0.5)) + [mixed(A, BLACK, 0.5)] * 10, []),
    "a flash of one frame": ([A] * 12 + [WHITE] + [A] * 12, []),
    "a flash of two frames": ([A] * 12 + [WHITE] * 2 + [A] * 12, []),
    "a flash that fades back": ([A] * 12 + [WHITE] * 2 + crossfade(WHITE, A, 6) + [A] * 12, []),
    "a flash into another picture": ([A] * 12 + [mixed(B, WHITE, (6 - k) / 6) for k in range(6)] + [B] * 12, [12]),
    "a pan": ([np.roll(A, -k, axis=1) for k in range(30)], []),
    "a crossfade into a pan": (
        [A] * 12 + [mixed(A, np.roll(B, -k, axis=1), min(1.0, (k + 1) / 13)) for k in range(30)],
        [12],
    ),
    "faster and faster on twos": ([np.roll(A, -min(k // 2, 8) * (k // 2), axis=1) for k in range(30)], []),
}


@pytest.mark.parametrize("case", SHOTS)
def test_scenes_begin_at_the_cuts_and_nowhere_else(tmp_path: Path, case: str) -> None:
    frames, cuts = SHOTS[case]
    record = extract(encode(tmp_path / "01.mkv", frames), tmp_path / "out", "--mode", "all")
    scenes = told(record, "scene")
    assert [number for number in range(1, len(scenes)) if scenes[number] != scenes[number - 1]] == cuts


def test_cuts_are_found_at_a_variable_rate(tmp_path: Path) -> None:
    video, _ = varying(tmp_path / "01.mkv", [A] * 10 + [B] * 22 + [C] * 8)
    scenes = told(extract(video, tmp_path / "out", "--mode", "all"), "scene")
    assert scenes == [0] * 10 + [1] * 22 + [2] * 8


SETTLING = [A] * 12 + crossfade(A, B, 9) + [B] * 30 + crossfade(B, C, 9) + [C] * 30
HELD = range(21, 51), range(60, 90)  # frames that show B and C alone


@pytest.mark.parametrize("suffix", ["mkv", "mp4", "ts"])
@pytest.mark.parametrize("words", [[], ["--remove_similar"], ["--hi", "100", "--lo", "50", "--frac", "0.1"]], ids=str)
def test_a_picture_that_came_by_a_crossfade_is_taken_where_it_has_settled(
    tmp_path: Path, suffix: str, words: list[str]
) -> None:
    video = encode(tmp_path / f"01.{suffix}", SETTLING, "-bf", "2", "-g", "250")
    record = extract(video, tmp_path / "out", *words)
    numbers = told(record, "source_frame")
    assert [sum(number in held for number in numbers) for held in HELD] == [1, 1]
    assert told(record, "time") == pytest.approx([number / FPS for number in numbers], abs=HALF_A_FRAME)
    for frame, number in zip(sorted((tmp_path / "out").glob("*/*.png")), numbers, strict=True):
        assert np.abs(read_pixels(frame).astype(int) - SETTLING[number]).mean() < 7
    seen = list(read_frames(video, Sampling(**{name: record["settings"][name] for name in ("hi", "lo", "frac")})))
    if "--remove_similar" not in words:
        assert [(one.source.source_frame, one.source.scene) for one in seen] == [
            (number, scene) for number, scene in zip(numbers, told(record, "scene"), strict=True)
        ]


def test_a_frame_that_is_not_found_again_is_not_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    video = encode(tmp_path / "01.mkv", SETTLING)
    right = extract(video, tmp_path / "right")

    def elsewhere(ffmpeg: Ffmpeg, view: View, time: float, lead: float, small: Path) -> list[str]:
        return fetch_command(ffmpeg, view, 0.1, lead, small)

    monkeypatch.setattr(settled, "fetch_command", elsewhere)
    record = extract(video, tmp_path / "out")
    assert len(record["frames"]) == len(right["frames"])
    assert all(number not in held for number in told(record, "source_frame") for held in HELD)
