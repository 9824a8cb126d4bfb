"""From a video to frames: episode numbers, ffmpeg, colour, which frames are taken, scenes, the time of each.

Enters: video files. Leaves: frames with time, source frame number and scene.
Owns on disk: the frames of an episode while they are extracted; the record is written through sidecars/episode.

    from framekit.video import Sampling, read_frames

    for frame in read_frames(Path("episode 04.mkv"), Sampling(mode="interval", every_seconds=10)):
        print(frame.source.time, frame.source.scene, frame.pixels.shape)
"""

from typing import TYPE_CHECKING

from framekit.lazy import hands_on

if TYPE_CHECKING:
    from framekit.video.read import VideoFrame as VideoFrame
    from framekit.video.read import read_frames as read_frames
    from framekit.video.sampling import Sampling as Sampling

__getattr__ = hands_on(__name__, {"VideoFrame": "read", "read_frames": "read", "Sampling": "sampling"})
