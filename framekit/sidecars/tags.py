"""Which tags were written by whom: what a person wrote or changed is never overwritten."""

from pathlib import Path

from framekit.files import atomic, journal
from framekit.files.names import nfc
from framekit.sidecars import corrections

RECORD = ".tagged.jsonl"
TAG_LINES = ("character", "copyright", "artist", "general")
RATINGS = ("general", "safe", "sensitive", "questionable", "explicit")


class TagRecord:
    """What tag_images.py wrote in a folder: one line a file with a digest of its text, and how it came about."""

    def __init__(self, folder: Path) -> None:
        """Read the record of a folder; a missing one is empty."""
        self.path = folder / RECORD
        self.written: dict[str, dict[str, str]] = {}
        for line in journal.read_lines(self.path):
            self.written.setdefault(nfc(str(line.get("file"))), {})[str(line.get("digest"))] = str(line.get("by"))

    def is_edited(self, path: Path) -> bool:
        """Tell whether a person wrote or changed a file of tags; a missing one is not edited."""
        return corrections.is_file_edited(path, self.written.get(nfc(path.name), {}))

    def write(self, path: Path, text: str, by: str) -> None:
        """Note a text, then write it: after a kill in between, the old text still counts as our own."""
        known = self.written.setdefault(nfc(path.name), {})
        found = atomic.digest(text)
        if known.get(found) != by:
            journal.append_line(self.path, {"file": path.name, "digest": found, "by": by})
            known[found] = by
        atomic.write_whole(path, text)


def parse_tags(text: str) -> dict[str, list[str]]:
    """Split the text of X.png.tags into its lines `character`, `copyright`, `artist`, `general`; and the `rating`.

    The one-line form, without such beginnings, is all `general`. A rating stands in a line of its own, or is a tag such
    as `rating:explicit`.
    """
    found: dict[str, list[str]] = {name: [] for name in (*TAG_LINES, "rating")}
    for line in nfc(text).splitlines():
        head, colon, rest = line.partition(":")
        name = head.strip().lower() if colon else ""
        words = rest if name in TAG_LINES else line
        for tag in filter(None, (word.strip() for word in words.split(","))):
            rating = rating_in(tag)
            found["rating" if rating else name if name in TAG_LINES else "general"].append(rating or tag)
    return found


def rating_in(tag: str) -> str:
    """Return the rating that a tag such as `rating:explicit` tells; nothing for other tags."""
    head, colon, rest = tag.partition(":")
    word = rest.strip().lower()
    return word if colon and head.strip().lower() == "rating" and word in RATINGS else ""
