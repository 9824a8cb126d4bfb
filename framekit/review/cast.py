"""The characters of a dataset: how many frames, faces and references each has, its tags, and whom it resembles."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from framekit.dataset import frames
from framekit.desk.catalogue import Entry
from framekit.desk.desk import Desk
from framekit.files import names
from framekit.review.balance import somebody
from framekit.sidecars.metadata import Metadata
from framekit.training import captions

CORE_SHARE = 0.4  # of a character's own frames. Source: anime_screenshot_pipeline, core tags
MOST_TAGS, MOST_OTHERS = 12, 6  # that are shown of a character


def characters(desk: Desk) -> list[dict[str, Any]]:
    """Return a line for each character of the dataset or the references, the most frequent first.

    Raises UsageError for a damaged table of trigger words.
    """
    references = reference_counts(desk.journal.outside.get("ref_dir"))
    table = desk.journal.outside.get("trigger_csv")
    triggers = captions.read_triggers(table) if table is not None else {}
    entries = [*desk.catalogue.entries.values()]
    told = [Metadata(characters=somebody(one.names), tags=[*one.tags], count=one.faces) for one in entries]
    core, others = captions.core_tags(told, CORE_SHARE), confused(entries)
    on_frames, faces, corrected = desk.catalogue.characters(), Counter[str](), Counter[str]()
    for one in entries:
        faces.update(somebody(one.names[: one.faces]))
        corrected.update({*somebody(one.names)} if one.is_corrected else ())
    known = [*dict.fromkeys([*(name for name, _ in on_frames.most_common()), *references])]
    return [
        {
            "name": name,
            "frames": on_frames[name],
            "faces": faces[name],
            "corrected": corrected[name],
            "references": references.get(name, 0),
            "trigger": triggers.get(name, ""),
            "core": [[tag, share] for tag, share in list(core.get(name, {}).items())[:MOST_TAGS]],
            "others": others.get(name, Counter()).most_common(MOST_OTHERS),
        }
        for name in known
    ]


def reference_counts(folder: Path | None) -> dict[str, int]:
    """Count the reference images of each character, by the names of the folders."""
    if folder is None or not folder.is_dir():
        return {}
    held = sorted(one for one in folder.iterdir() if one.is_dir() and not names.is_ignored(one.name))
    return {names.nfc(one.name): len(frames.find_frames(one, unusable=[], top=folder)) for one in held}


def confused(entries: Sequence[Entry]) -> dict[str, Counter[str]]:
    """Count for each character whom its faces resemble next, as the recogniser noted it."""
    found: dict[str, Counter[str]] = {}
    for one in entries:
        for name, other in zip(one.names, one.runners_up, strict=False):
            if other:
                found.setdefault(name, Counter())[other] += 1
    return found
