"""Who is shown: descriptors of heads, references, matching and its calibration, shows, clusters, evaluation.

Enters: faces and a folder of references. Leaves: a name for each face, `unknown`, or `ood`.
Owns on disk: `.heads/` beside the references; X.characters.json is written through sidecars/characters.
"""

from typing import TYPE_CHECKING

from framekit.lazy import hands_on

if TYPE_CHECKING:
    from framekit.characters.match import NamedFace as NamedFace
    from framekit.characters.recognise import Choice as Choice
    from framekit.characters.recognise import Recogniser as Recogniser
    from framekit.characters.recognise import load_recogniser as load_recogniser

__getattr__ = hands_on(
    __name__,
    {"load_recogniser": "recognise", "Recogniser": "recognise", "Choice": "recognise", "NamedFace": "match"},
)
