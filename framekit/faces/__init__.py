"""Anime faces: detectors behind one protocol, which boxes count, crops and drawings of them.

Enters: pixels. Leaves: faces, boxes as fractions of the frame with a score.
Owns on disk: folders of crops and annotated frames; X.faces.json is written through sidecars/faces.
"""

from typing import TYPE_CHECKING

from framekit.lazy import hands_on

if TYPE_CHECKING:
    from framekit.faces.crops import crop_head as crop_head
    from framekit.faces.detect import Settings as Settings
    from framekit.faces.detect import detect_faces as detect_faces
    from framekit.faces.detect import find_faces as find_faces
    from framekit.faces.filter import Limits as Limits

__getattr__ = hands_on(
    __name__,
    {"detect_faces": "detect", "find_faces": "detect", "Settings": "detect", "Limits": "filter", "crop_head": "crops"},
)
