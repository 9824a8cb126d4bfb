"""From a video to frames: ffmpeg, colour, which frames are taken, where pictures settle, scenes, the time of each.

Enters: video files. Leaves: frames with time, source frame number and scene.
Owns on disk: what ffmpeg says and the small frames, in a folder that goes with the pass over the video.

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
