"""Where a frame came from, as the record of its episode says: video, time, scene."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from framekit.files import atomic, names


class Episodes:
    """The .frames.json of episode folders; each is read once."""

    def __init__(self) -> None:
        """Begin without any; a run has its own, so that nothing is remembered after it."""
        self.records: dict[Path, Mapping[str, Any]] = {}

    def record_of(self, folder: Path) -> Mapping[str, Any]:
        """Return the record of a folder; empty if there is none. Raises BadSidecar."""
        if folder not in self.records:
            path = folder / names.EPISODE_RECORD
            self.records[folder] = atomic.read_json(path) if path.exists() else {}
        return self.records[folder]

    def source_of(self, frame: Path) -> dict[str, Any]:
        """Return video, prefix, episode, time, source frame and scene of a frame; empty if its record doesn't know it.

        Raises BadSidecar if the record is damaged.
        """
        record = self.record_of(frame.parent)
        known = record.get("frames")
        own = known.get(names.nfc(frame.stem)) if isinstance(known, dict) else None
        if not isinstance(own, dict):
            return {}
        return {name: record.get(name) for name in ("video", "prefix", "episode")} | own


def record_text(record: Mapping[str, Any]) -> str:
    """Return the JSON text of .frames.json with one frame a line."""

    def text(value: Any) -> str:
        if not isinstance(value, dict):
            return json.dumps(value, ensure_ascii=False)
        lines = (f"{json.dumps(name)}: {json.dumps(one, ensure_ascii=False)}" for name, one in value.items())
        return "{\n  " + ",\n  ".join(lines) + "}" if value else "{}"

    return "{" + ",\n ".join(f"{json.dumps(name)}: {text(value)}" for name, value in record.items()) + "}\n"
