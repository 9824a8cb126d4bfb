"""The record of an extracted episode, .frames.json: which video, how it was sampled, and where each frame came from."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from framekit import errors
from framekit.files import atomic, names
from framekit.sidecars.episode import record_text
from framekit.video.sampling import Sampling, scene_numbers
from framekit.video.scenes import FrameSource


@dataclass(frozen=True)
class Episode:
    """One video and the name of its folder and frames."""

    video: Path
    label: str
    prefix: str

    def stem(self, number: int) -> str:
        """Return the stem of its n-th frame, counted from 1."""
        return f"{self.prefix}_{self.label}_{number:06d}"

    def frame_name(self, number: int, suffix: str) -> str:
        """Return the path of its n-th frame within the dataset."""
        return f"{self.label}/{self.stem(number)}.{suffix}"


def episode_record(
    episode: Episode,
    sampling: Sampling,
    scores: Sequence[float],
    sources: Sequence[FrameSource],
    dropped: Mapping[str, Any],
) -> dict[str, Any]:
    """Return the content of .frames.json."""
    by_stem = {episode.stem(number): asdict(source) for number, source in enumerate(sources, start=1)}
    settings = {name: value for name, value in asdict(sampling).items() if value != math.inf}
    return {
        "schema": 1,
        "video": episode.video.name,
        "episode": episode.label,
        "prefix": episode.prefix,
        "settings": settings,
        "decoded": len(scores),
        "frames": {stem: source for stem, source in by_stem.items() if stem not in dropped},
        "similar": {stem: source | dropped[stem] for stem, source in by_stem.items() if stem in dropped},
        "scene_scores": list(scores),
    }


def renumber_scenes(folder: Path, threshold: float) -> bool:
    """Give the frames of an extracted episode the scenes of another threshold, from the stored scores.

    Returns whether anything changed. Raises BadSidecar if the record is damaged.
    """
    record = atomic.read_json(folder / names.EPISODE_RECORD)
    settings, scores = record.get("settings"), record.get("scene_scores")
    if not isinstance(settings, dict) or not isinstance(scores, list) or settings.get("scene_threshold") == threshold:
        return False
    scenes = scene_numbers(scores, threshold)
    for source in [*record["frames"].values(), *record["similar"].values()]:
        source["scene"] = scenes[source["source_frame"]]
    changed = record | {"settings": settings | {"scene_threshold": threshold}}
    atomic.write_whole(folder / names.EPISODE_RECORD, record_text(changed))
    return True


def renumber_all(finished: Sequence[Path], threshold: float) -> tuple[int, list[tuple[Path, str]]]:
    """Renumber the scenes of finished episodes; return how many changed, and the folders whose record is damaged."""
    changed, damaged = 0, []
    for folder in finished:
        try:
            changed += renumber_scenes(folder, threshold)
        except errors.BadSidecar as error:
            damaged.append((folder, str(error)))
    return changed, damaged
