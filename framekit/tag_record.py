"""Which tags were written by whom: what a person wrote or changed is never overwritten."""

from pathlib import Path

from framekit import journals, sidecar

RECORD = ".tagged.jsonl"


class TagRecord:
    """What tag_images.py wrote in a folder: one line a file with a digest of its text, and how it came about."""

    def __init__(self, folder: Path) -> None:
        """Read the record of a folder; a missing one is empty."""
        self.path = folder / RECORD
        self.written: dict[str, dict[str, str]] = {}
        for line in journals.read_lines(self.path):
            self.written.setdefault(str(line.get("file")), {})[str(line.get("digest"))] = str(line.get("by"))

    def is_own(self, path: Path) -> bool:
        """Tell whether a file holds what was written here, or is not there."""
        try:
            text = path.read_text(encoding="utf-8", errors="replace")
        except FileNotFoundError:
            return True
        return sidecar.digest(text) in self.written.get(path.name, {})

    def write(self, path: Path, text: str, by: str) -> None:
        """Note a text, then write it: after a kill in between, the old text still counts as our own."""
        known = self.written.setdefault(path.name, {})
        found = sidecar.digest(text)
        if known.get(found) != by:
            journals.append_line(self.path, {"file": path.name, "digest": found, "by": by})
            known[found] = by
        sidecar.write_whole(path, text)
