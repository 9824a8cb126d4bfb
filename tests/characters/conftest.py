"""Detectors and descriptors that are drawn, so that the likeness of two faces is known."""

import numpy as np
import pytest

from framekit.characters import descriptors
from framekit.faces import detect
from framekit.faces.models import Detector, InWorker
from tests.characters.helpers import detect_drawn, embed_colour


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Replace the models by drawn ones; return the names of the detectors that were asked for."""
    names: list[str] = []

    def load(name: str, settings: detect.Settings) -> Detector:
        names.append(settings.model)
        return InWorker(detect_drawn)

    monkeypatch.setattr(detect, "load_detector", load)
    monkeypatch.setattr(
        descriptors, "load_one", lambda model, device: lambda crops: np.stack([embed_colour(one) for one in crops])
    )
    return names


@pytest.fixture
def drawn_detector(monkeypatch: pytest.MonkeyPatch) -> None:
    """Replace the detector only."""
    monkeypatch.setattr(detect, "load_detector", lambda name, settings: InWorker(detect_drawn))
