"""A folder of frames: finding them, moving one with all it has, setting it aside and bringing it back.

Enters: a folder. Leaves: frames in natural order, decoded in parallel, with the unreadable ones listed.
Owns on disk: `.removed/` with its manifest, `.commands.jsonl`.
"""

from typing import TYPE_CHECKING

from framekit.lazy import hands_on

if TYPE_CHECKING:
    from framekit.dataset.frames import find_frames as find_frames
    from framekit.dataset.read import DatasetFrame as DatasetFrame
    from framekit.dataset.read import open_dataset as open_dataset

__getattr__ = hands_on(__name__, {"open_dataset": "read", "DatasetFrame": "read", "find_frames": "frames"})
