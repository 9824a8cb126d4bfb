"""From videos to the folders of a dataset: episode numbers, what is done, several at once, the record of each.

Enters: video files. Leaves: a folder of frames for each episode, and its record.
Owns on disk: the frames of an episode while they are extracted; the record is written through sidecars/episode.

    from framekit.episodes import find_videos, label_episodes

    videos, unusable = find_videos(Path("videos"), "*")
    print(label_episodes(videos, "*").labels)
"""

from typing import TYPE_CHECKING

from framekit.lazy import hands_on

if TYPE_CHECKING:
    from framekit.episodes.labels import find_videos as find_videos
    from framekit.episodes.labels import label_episodes as label_episodes

__getattr__ = hands_on(__name__, {"find_videos": "labels", "label_episodes": "labels"})
