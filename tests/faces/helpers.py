"""What the tests of detectors share."""

from framekit.boxes import Face
from framekit.faces.models import Detector
from framekit.pixels.decode import Pixels


def faces_in(detector: Detector, pixels: Pixels) -> list[Face]:
    """Return what a detector finds in one frame."""
    [found] = detector.detect([detector.prepare(pixels)])
    return found
