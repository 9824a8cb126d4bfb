"""Near-duplicates and frames of low quality: descriptors, exact search, which of similar frames stays, openings.

Enters: frames. Leaves: which of them go, why, and which frame each resembles.
Owns on disk: `.descriptors.npz` in each folder of frames.

    from framekit.dataset.frames import find_frames
    from framekit.dedup import similar_groups

    for stays, *others in similar_groups(find_frames(Path("dataset"))):
        print(stays, "is resembled by", *others)
"""

from typing import TYPE_CHECKING

from framekit.lazy import hands_on

if TYPE_CHECKING:
    from framekit.dedup.descriptors import describe as describe
    from framekit.dedup.select import similar_groups as similar_groups

__getattr__ = hands_on(__name__, {"describe": "descriptors", "similar_groups": "select"})
