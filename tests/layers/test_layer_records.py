"""What is noted of layers, and what is refused before minutes of work."""

import json
from pathlib import Path

import pytest

from extras import segment_characters
from tests.conftest import patchwork, save_frame
from tests.helpers_dataset import add_faces, add_figures


@pytest.fixture
def frames(tmp_path: Path) -> Path:
    """Make two frames of two shots with a figure each."""
    folder = tmp_path / "frames"
    sources = {f"s{number}": {"time": 1.0 * number, "source_frame": number, "scene": number} for number in range(2)}
    for number, stem in enumerate(sources):
        frame = save_frame(folder / f"{stem}.png", patchwork(number, 96, 54))
        add_faces(frame, (0.1, 0.1, 0.3, 0.4))
        add_figures(frame)
    record = {"schema": 1, "video": "v.mkv", "episode": "EP01", "prefix": "s", "frames": sources}
    (folder / ".frames.json").write_text(json.dumps(record), encoding="utf-8")
    return folder


def test_layers_of_every_shot_know_where_they_come_from(frames: Path) -> None:
    layers = frames.with_name("layers")
    assert segment_characters.main([str(frames), "--layers", str(layers), "--quiet"]) == 0
    for kind, stems in (("characters", ["s0_1", "s1_1"]), ("composites", ["s0", "s1"])):
        record = json.loads((layers / kind / ".frames.json").read_text(encoding="utf-8"))
        assert sorted(record["frames"]) == stems
        assert [record["frames"][stem]["scene"] for stem in stems] == [0, 1]


@pytest.mark.parametrize(
    ("words", "message"),
    [(["--fill", "lamma"], "did you mean lama"), (["--video_dir", "nowhere"], "nowhere is not a folder")],
)
def test_what_is_wrong_with_layers_is_said_before_figures_are_found(
    frames: Path, capsys: pytest.CaptureFixture[str], words: list[str], message: str
) -> None:
    (frames / "s0.instances.json").unlink()
    assert segment_characters.main([str(frames), "--layers", str(frames.with_name("layers")), *words]) == 2
    assert message in capsys.readouterr().err
    assert not (frames / "s0.instances.json").exists()
