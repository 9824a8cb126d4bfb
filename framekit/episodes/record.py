"""The record of an extracted episode, .frames.json: which video, how it was sampled, and where each frame came from."""

import hashlib
import math
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from framekit.console import as_option
from framekit.errors import UsageError
from framekit.files import atomic, names, paths
from framekit.sidecars.episode import record_text
from framekit.video.sampling import Sampling, scene_numbers, within
from framekit.video.scenes import FrameSource

PIECE = 2**16  # bytes
# Settings that decide which frames are taken in some modes only, or how they are written in some formats only.
USED_WHEN = {
    "hi": ("mpdecimate",),
    "lo": ("mpdecimate",),
    "frac": ("mpdecimate",),
    "frames_per_scene": ("scene", "hybrid"),
    "every_seconds": ("interval", "hybrid"),
    "target_frames": ("uniform",),
    "scene_threshold": ("scene", "hybrid"),
    "quality": ("jpg", "webp"),
}


@dataclass(frozen=True)
class Episode:
    """One video and the name of its folder and frames; its length in seconds, 0 if it states none.

    `looks` are the settings, besides the sampling, that decide what is in the files of its frames; `stream` is the
    number of the video stream that they are of.
    """

    video: Path
    label: str
    prefix: str
    duration: float = 0.0
    looks: Mapping[str, Any] = field(default_factory=dict)
    stream: int = 0

    def stem(self, number: int) -> str:
        """Return the stem of its n-th frame, counted from 1."""
        return f"{self.prefix}_{self.label}_{number:06d}"

    def frame_name(self, number: int, suffix: str) -> str:
        """Return the path of its n-th frame within the dataset."""
        return f"{self.label}/{self.stem(number)}.{suffix}"


def settings_of(sampling: Sampling, looks: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings as the record holds them; what has no end has no `end` there."""
    return {name: value for name, value in asdict(sampling).items() if value != math.inf} | dict(looks)


def episode_record(
    episode: Episode,
    sampling: Sampling,
    scores: Sequence[float],
    sources: Sequence[FrameSource],
    dropped: Mapping[str, Any],
) -> dict[str, Any]:
    """Return the content of .frames.json."""
    by_stem = {episode.stem(number): asdict(source) for number, source in enumerate(sources, start=1)}
    return {
        "schema": 1,
        "video": episode.video.name,
        "video_size": episode.video.stat().st_size,
        "video_digest": video_digest(episode.video),
        "video_duration": episode.duration,
        "video_stream": episode.stream,
        "episode": episode.label,
        "prefix": episode.prefix,
        "settings": settings_of(sampling, episode.looks),
        "decoded": len(scores),
        "frames": {stem: source for stem, source in by_stem.items() if stem not in dropped},
        "similar": {stem: source | dropped[stem] for stem, source in by_stem.items() if stem in dropped},
        "scene_scores": list(scores),
    }


def video_digest(video: Path) -> str:
    """Return 12 hex digits by which a video is known again under another name: of its begin, middle and end."""
    size = video.stat().st_size
    found = hashlib.sha256()
    with video.open("rb") as file:
        for place in (0, size // 2, max(0, size - PIECE)):
            file.seek(place)
            found.update(file.read(PIECE))
    return found.hexdigest()[:12]


def is_name(record: Mapping[str, Any], video: Path) -> bool:
    """Tell whether a record is of a video of this name, in whichever Unicode form."""
    return names.nfc(str(record.get("video"))) == names.nfc(video.name)


def is_of_name(record: Mapping[str, Any], video: Path) -> bool:
    """Tell whether a record is of the video of this name and size."""
    return is_name(record, video) and record.get("video_size") in (None, video.stat().st_size)


def is_of(record: Mapping[str, Any], video: Path) -> bool:
    """Tell whether a record is of this video: of its size, and of its name or, renamed, its content.

    A copy beside the video of the record is another one. Records of older versions know only the name.
    """
    name, size = record.get("video"), record.get("video_size")
    if size is None or is_name(record, video):
        return is_of_name(record, video)
    if size != video.stat().st_size or record.get("video_digest") != video_digest(video):
        return False
    return not (paths.usable_path(str(name)) and (video.parent / Path(str(name)).name).exists())


def other_settings(record: Mapping[str, Any], wanted: Sampling, looks: Mapping[str, Any], prefix: str) -> list[str]:
    """Return how a finished episode was extracted otherwise than is wanted now, such as `--mode all`; nothing if not.

    Only settings that matter, and that the record knows, are compared; `prefix` only if it was given.
    """
    known = record.get("settings")
    known = known if isinstance(known, dict) else {}
    duration = record.get("video_duration")
    if isinstance(duration, int | float) and duration > 0:
        with suppress(UsageError):  # nothing of it is wanted now: its start or end differs
            wanted = within(wanted, duration, str(record.get("video")))
    start, cut = max(wanted.start, wanted.skip_opening), wanted.skip_ending > 0 and not duration
    now = settings_of(wanted, looks) | {"start": start, "end": known.get("end") if cut else wanted.end}
    then = {"end": math.inf} | known | {"prefix": record.get("prefix")}
    now |= {"prefix": (prefix if then["prefix"] else "") or then["prefix"]}
    alike = (now["mode"], now.get("format"))
    ignored = {name for name, users in USED_WHEN.items() if not {*users}.intersection(alike)} | {"skip_opening"}
    ignored |= set() if cut else {"skip_ending"}
    differing = (name for name in now if name in then and name not in ignored and then[name] != now[name])
    return [as_option(name, then[name]) for name in differing]


def renumber_scenes(folder: Path, threshold: float) -> bool:
    """Give the frames of an extracted episode the scenes of another threshold, from the stored scores.

    Returns whether anything changed. Raises BadSidecar if the record is damaged.
    """
    path = folder / names.EPISODE_RECORD
    seen = atomic.bytes_in(path)
    record = atomic.read_json(path)
    settings, scores = record.get("settings"), record.get("scene_scores")
    if not isinstance(settings, dict) or not isinstance(scores, list) or settings.get("scene_threshold") == threshold:
        return False
    scenes = scene_numbers(scores, threshold)
    for source in [*record["frames"].values(), *record["similar"].values()]:
        source["scene"] = scenes[source["source_frame"]]
    changed = record | {"settings": settings | {"scene_threshold": threshold}}
    return atomic.write_over(path, record_text(changed), seen) or renumber_scenes(folder, threshold)


def renumber_all(finished: Sequence[Path], threshold: float) -> int:
    """Renumber the scenes of finished episodes, whose records can be read; return how many changed."""
    return sum(renumber_scenes(folder, threshold) for folder in finished)
