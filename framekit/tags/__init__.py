"""Booru tags: taggers, the scores they give, which tags are written, and the vocabulary of the field.

Enters: pixels. Leaves: scores of tags, and the tags of a frame.
Owns on disk: `.scores-*.npz` and `.tagged.jsonl` in each folder of frames; X.png.tags goes through sidecars/tags.
"""

from typing import TYPE_CHECKING

from framekit.lazy import hands_on

if TYPE_CHECKING:
    from framekit.tags.predict import tag as tag
    from framekit.tags.select import TagRules as TagRules
    from framekit.tags.select import Thresholds as Thresholds
    from framekit.tags.taggers import load_tagger as load_tagger

__getattr__ = hands_on(
    __name__, {"tag": "predict", "load_tagger": "taggers", "Thresholds": "select", "TagRules": "select"}
)
