"""The record of an extracted episode, .frames.json: which video, how it was sampled, and where each frame came from."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from framekit import sidecar
from framekit.frame_log import FrameSource
from framekit.sampling import Sampling, scene_numbers


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


def record_text(record: Mapping[str, Any]) -> str:
    """Return the JSON text of .frames.json with one frame a line."""

    def text(value: Any) -> str:
        if not isinstance(value, dict):
            return json.dumps(value, ensure_ascii=False)
        lines = (f"{json.dumps(name)}: {json.dumps(one, ensure_ascii=False)}" for name, one in value.items())
        return "{\n  " + ",\n  ".join(lines) + "}" if value else "{}"

    return "{" + ",\n ".join(f"{json.dumps(name)}: {text(value)}" for name, value in record.items()) + "}\n"


def renumber_scenes(folder: Path, threshold: float) -> bool:
    """Give the frames of an extracted episode the scenes of another threshold, from the stored scores.

    Returns whether anything changed. Raises BadSidecar if the record is damaged.
    """
    record = sidecar.read_json(folder / sidecar.EPISODE_RECORD)
    settings, scores = record.get("settings"), record.get("scene_scores")
    if not isinstance(settings, dict) or not isinstance(scores, list) or settings.get("scene_threshold") == threshold:
        return False
    scenes = scene_numbers(scores, threshold)
    for source in [*record["frames"].values(), *record["similar"].values()]:
        source["scene"] = scenes[source["source_frame"]]
    changed = record | {"settings": settings | {"scene_threshold": threshold}}
    sidecar.write_whole(folder / sidecar.EPISODE_RECORD, record_text(changed))
    return True


def renumber_all(finished: Sequence[Path], threshold: float) -> tuple[int, list[tuple[Path, str]]]:
    """Renumber the scenes of finished episodes; return how many changed, and the folders whose record is damaged."""
    changed, damaged = 0, []
    for folder in finished:
        try:
            changed += renumber_scenes(folder, threshold)
        except sidecar.BadSidecar as error:
            damaged.append((folder, str(error)))
    return changed, damaged
