"""An ffmpeg whose script was killed: it ends, also where it only looks."""

import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO

import pytest

from framekit.video import damage, ffmpeg, stream
from framekit.video.ffmpeg import Ffmpeg, View, find_ffmpeg

FRAMES = 3000
LOOKS: dict[str, Callable[[Ffmpeg, View], object]] = {
    "scenes": lambda found, view: ffmpeg.scan(found, view, float("inf")),
    "corrupt frames": damage.corrupt_frames,
    "black bars": lambda found, view: stream.detect_bars(found.path, view.video, view.picture),
}


@pytest.mark.parametrize("look", LOOKS)
def test_a_pass_that_keeps_nothing_ends_where_nobody_waits_for_it(
    look: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found, video = find_ffmpeg(), tmp_path / "01.mkv"
    drawn = ["-f", "lavfi", "-i", f"testsrc2=size=64x36:rate=24:duration={FRAMES / 24}", "-c:v", "mpeg4"]
    subprocess.run([found.path, "-v", "error", *drawn, str(video)], check=True)
    [picture] = stream.probe(found.path, video)
    commands: list[Sequence[str]] = []

    def note(command: Sequence[str], kept: IO[bytes] | None = None) -> str:
        commands.append(command)
        return ""

    for module in (damage, ffmpeg, stream):
        monkeypatch.setattr(module, "messages", note)
    LOOKS[look](found, View(video, picture))
    words = [*commands[-1]]
    words.insert(words.index("-i"), "-re")  # as slow as it is watched: two minutes
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        assert process.stdout is not None
        assert process.stdout.read(1)
        process.stdout.close()
        try:
            process.wait(timeout=20)
        finally:
            process.kill()


def test_what_such_a_pass_writes_is_read_away(tmp_path: Path) -> None:
    found, video = find_ffmpeg(), tmp_path / "01.mkv"
    drawn = ["-f", "lavfi", "-i", "testsrc2=size=64x36:rate=240:duration=50", "-c:v", "rawvideo"]
    subprocess.run([found.path, "-v", "error", *drawn, str(video)], check=True)
    [picture] = stream.probe(found.path, video)
    assert len(ffmpeg.scan(found, View(video, picture), float("inf")).decoded) == 240 * 50
