"""YOLO detectors in .pt files and backbones of torchvision, where torch is installed."""

import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from framekit.errors import UsageError
from framekit.faces.yolo import load_yolo
from framekit.pixels.decode import Pixels
from tests.conftest import patchwork
from tests.faces.helpers import faces_in

if importlib.util.find_spec("ultralytics") is None:  # importing it here would patch Pillow for all tests
    pytest.skip("make test-train installs it", allow_module_level=True)


def save_checkpoint(path: Path, classes: int = 1, **extra: Any) -> Path:
    """Write a YOLO of random weights as ultralytics does."""
    import torch
    from ultralytics.nn.tasks import DetectionModel

    torch.manual_seed(0)
    model = DetectionModel("yolov8n.yaml", nc=classes, verbose=False)
    model.names = dict.fromkeys(range(classes), "face")
    torch.save({"model": model.half(), "ema": None, "epoch": -1, **extra}, path)
    return path


def test_a_pt_file_runs_like_the_network_in_it(tmp_path: Path) -> None:
    import torch

    detect = load_yolo(str(save_checkpoint(tmp_path / "x.pt")), "cpu", 0.001, 0.7)
    pixels: Pixels = patchwork(1, 320, 180)
    ground, _ = detect.prepare(pixels)
    assert ground.shape == (384, 640, 3)
    batch = (ground.transpose(2, 0, 1)[None] / 255).astype(np.float32)
    held = torch.load(tmp_path / "x.pt", weights_only=False)["model"].float().eval()
    with torch.no_grad():
        expected = held(torch.from_numpy(batch))[0].numpy()
    assert detect.run(batch) == pytest.approx(expected, abs=1e-4)
    assert all(face.label == "face" for face in faces_in(detect, pixels))


def test_broken_images_stay_unreadable_beside_ultralytics(tmp_path: Path) -> None:
    from framekit.errors import UnreadableFrame
    from framekit.pixels.decode import read_pixels

    load_yolo(str(save_checkpoint(tmp_path / "x.pt")), "cpu", 0.3, 0.7)
    (tmp_path / "broken.png").write_bytes(b"broken")
    with pytest.raises(UnreadableFrame):
        read_pixels(tmp_path / "broken.png")


class Evil:
    """Something that would run a command when it is unpickled."""

    def __reduce__(self) -> Any:
        import os

        return os.mkdir, ("opened",)


def test_a_pt_file_that_would_run_something_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    save_checkpoint(tmp_path / "x.pt", evil=Evil())
    with pytest.raises(UsageError, match=r"names \w+\.mkdir, which is no layer: not opened"):
        load_yolo(str(tmp_path / "x.pt"), "cpu", 0.3, 0.7)
    assert not (tmp_path / "opened").exists()


@pytest.mark.parametrize("content", [b"", b"no archive", b"PK\x03\x04broken"])
def test_a_damaged_pt_file_is_one_sentence(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.pt").write_bytes(content)
    with pytest.raises(UsageError, match=r"x\.pt") as caught:
        load_yolo(str(tmp_path / "x.pt"), "cpu", 0.3, 0.7)
    assert "\n" not in str(caught.value)


def test_a_backbone_loses_its_last_layer() -> None:
    import torchvision

    from framekit.models.torchvision import embedding_of

    model = embedding_of(torchvision.models.get_model("mobilenet_v3_small", weights=None), "cpu")
    rows = model.embed([model.prepare(patchwork(seed, 64, 64)) for seed in range(2)])
    assert rows.shape == (2, 576)
    assert not np.array_equal(rows[0], rows[1])


def test_an_unknown_backbone_and_missing_weights_are_one_sentence(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from framekit.models.torchvision import load_backbone

    with pytest.raises(UsageError, match="torchvision has no model resnet51"):
        load_backbone("resnet51", "cpu")
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")
    with pytest.raises(UsageError, match="connect once, or copy a filled TORCH_HOME"):
        load_backbone("resnet18", "cpu")
