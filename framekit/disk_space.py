"""How much an extraction will write, and whether the disk has that much room."""

import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from framekit.picture import Picture
from framekit.sampling import Sampling
from framekit.stage import Misuse

# Measured on drawn and on real footage in 1080p; grain takes most.
BYTES_PER_PIXEL = {"png": 0.5, "jpg": 0.25, "webp": 0.15}
MPDECIMATE_SHARE = 1 / 3  # of the frames, drawn on threes
NEW_SHARE = 0.5  # of the survivors that resemble no other
SECONDS_PER_SCENE, SECONDS_PER_KEYFRAME = 4.0, 2.0
SURELY_TOO_SMALL = 0.1  # of what is expected; estimates may be wrong, this much they are not


def expected_frames(sampling: Sampling, picture: Picture) -> float:
    """Return about how many frames of a video will be written."""
    seconds = max(0.0, min(sampling.end, picture.duration) - sampling.start)
    decoded = seconds * (picture.fps or 24.0)
    per_scene = min(sampling.frames_per_scene, decoded)
    spread = {
        "mpdecimate": decoded * MPDECIMATE_SHARE,
        "keyframe": seconds / SECONDS_PER_KEYFRAME,
        "scene": seconds / SECONDS_PER_SCENE * per_scene,
        "interval": seconds / sampling.every_seconds,
        "uniform": sampling.target_frames,
        "hybrid": seconds / SECONDS_PER_SCENE * per_scene + seconds / sampling.every_seconds,
        "all": decoded,
    }[sampling.mode]
    taken = min(spread, decoded) * (1.0 if sampling.remove_similar is None else NEW_SHARE)
    return min(taken, sampling.max_frames or taken)


def require_space(samplings: Sequence[Sampling], pictures: Sequence[Picture], suffix: str, folder: Path) -> None:
    """Say on stderr if the disk of `folder` may be too small for the episodes; raise Misuse if it surely is."""
    pairs = zip(samplings, pictures, strict=True)
    pixels = sum(expected_frames(one, it) * it.width * it.sar * it.height for one, it in pairs)
    needed = pixels * BYTES_PER_PIXEL[suffix]
    there = next(parent for parent in (folder.absolute(), *folder.absolute().parents) if parent.exists())
    free = shutil.disk_usage(there).free
    if free >= needed:
        return
    sizes = f"about {needed / 1e9:.1f} GB will be written and {folder} has room for {free / 1e9:.1f} GB"
    if free < needed * SURELY_TOO_SMALL:
        raise Misuse(f"{sizes}; make room, take another --dst_dir, or --format jpg, --limit or --max_frames")
    print(f"{sizes}; if the disk gets full, finished episodes stay and the same command goes on", file=sys.stderr)
