"""Figures of a frame, each apart: found by their faces or by a segmenter, and followed through a shot.

Enters: pixels with the boxes of faces and people. Leaves: label pictures, figures with boxes, scores and tracks.
Owns on disk: nothing; X.instances.json and `.masks/` are written through sidecars/instances.
"""

from typing import TYPE_CHECKING

from framekit.lazy import hands_on

if TYPE_CHECKING:
    from framekit.figures.find import Found as Found
    from framekit.figures.find import find_figures as find_figures
    from framekit.figures.likelihood import figure_likelihood as figure_likelihood
    from framekit.figures.models import Look as Look
    from framekit.figures.segment import load_segmenter as load_segmenter

__getattr__ = hands_on(
    __name__,
    {
        "find_figures": "find",
        "Found": "find",
        "figure_likelihood": "likelihood",
        "Look": "models",
        "load_segmenter": "segment",
    },
)
