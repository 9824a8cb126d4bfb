"""What a trainer is given: captions, the balance of folders, the files of each trainer, and a check of them.

Enters: an arranged tree. Leaves: X.txt beside each frame, masks, and the files of the trainers.
Owns on disk: `X.txt`, `.prepared.json`, `.configs.json`, `.linked.json`, `.training_masks.json`, masks.
"""

from typing import TYPE_CHECKING

from framekit.lazy import hands_on

if TYPE_CHECKING:
    from framekit.training.captions import CaptionRules as CaptionRules
    from framekit.training.captions import caption as caption
    from framekit.training.check import find_problems as find_problems

__getattr__ = hands_on(__name__, {"CaptionRules": "captions", "caption": "captions", "find_problems": "check"})
