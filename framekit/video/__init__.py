"""From a video to frames: episode numbers, ffmpeg, colour, which frames are taken, scenes, the time of each.

Enters: video files. Leaves: frames with time, source frame number and scene.
Owns on disk: the frames of an episode while they are extracted; the record is written through sidecars/episode.
"""
