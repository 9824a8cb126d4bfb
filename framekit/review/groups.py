"""Groups of similar frames: which stayed, what went for it, and what another threshold would change."""

import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from framekit.dataset import removed
from framekit.dedup.descriptors import DescribedFrames, read_store
from framekit.dedup.select import SIMILAR, Settings, alike
from framekit.desk.catalogue import Removed
from framekit.desk.desk import Desk
from framekit.pixels.measure import VIEW

MOST_SHOWN = 200  # frames on either side of a preview


def groups(desk: Desk) -> list[tuple[str, list[Removed]]]:
    """Return (path of the frame that stayed, the frames that went for it), in the order of the dataset.

    A frame that went after others went for it hands them on to the one that it went for.
    """
    gone = {one[1].relative_to(desk.root).as_posix(): one for one in desk.catalogue.removed()}
    found: dict[str, list[Removed]] = {}
    for one in gone.values():
        if isinstance(kept := one[3].get("resembles"), str):
            seen = {kept}
            while kept in gone and isinstance(after := gone[kept][3].get("resembles"), str) and after not in seen:
                kept = after
                seen.add(kept)
            found.setdefault(kept, []).append(one)
    places = {one.path.relative_to(desk.root).as_posix(): number for number, one in enumerate(held_by(desk))}
    for members in found.values():
        members.sort(key=lambda one: -similarity_of(one))
    return sorted(found.items(), key=lambda one: (places.get(one[0], len(places)), one[0]))


def held_by(desk: Desk) -> list[Any]:
    """Return the frames that are there, as a list that no other thread changes."""
    return [*desk.catalogue.entries.values()]


def similarity_of(one: Removed) -> float:
    """Return how much a removed frame resembles the one that stayed, 0 where the manifest does not say."""
    value = one[3].get("similarity")
    return float(value) if isinstance(value, int | float) else 0.0


def threshold_of(desk: Desk) -> float:
    """Return the threshold that remove_similar.py removed with last, else its default."""
    told = [settings.get("similarity_threshold") for settings in settings_of(desk)]
    return next((float(one) for one in reversed(told) if isinstance(one, int | float)), Settings.thresh)


def settings_of(desk: Desk) -> Iterator[dict[str, Any]]:
    """Yield with which settings frames were removed as similar."""
    for _, _, _, record in desk.catalogue.removed():
        held = record.get("settings")
        if record["reason"] == SIMILAR and isinstance(held, dict):
            yield held


def preview(desk: Desk, folder: Path, threshold: float) -> dict[str, Any]:
    """Return what a threshold, 0 to 1, would change among the frames of a folder, by their stored descriptors.

    Frames that went for one of another folder stay gone while they resemble it enough; pans stay as they are.
    """
    stored, protected = read_store(folder), removed.kept_by_hand(desk.root)
    here = {one.path: one.id for one in held_by(desk) if one.path.parent == folder}
    went = {
        origin: (id_, record)
        for id_, origin, _, record in desk.catalogue.removed()
        if origin.parent == folder and record["reason"] == SIMILAR
    }
    elsewhere = {
        origin
        for origin, (_, record) in went.items()
        if (desk.root / str(record.get("resembles"))).parent != folder
        and isinstance(record.get("similarity"), int | float)
        and record["similarity"] >= threshold
    }
    compared = sorted(path for path in (here.keys() | went.keys()) - elsewhere if path.name in stored)
    known = [stored[path.name] for path in compared]
    rows = np.stack([one.vector for one in known]) if known else np.empty((0, 1), np.float32)
    views = np.empty((len(known), *VIEW[::-1]), np.uint8)
    keeps_best = next((held.get("keep") != "first" for held in settings_of(desk)), True)
    described = DescribedFrames(compared, rows, [one.measures for one in known], [], views)
    settings = Settings(threshold, keep_best=keeps_best)
    found = alike(described, np.arange(len(compared)), settings)
    going = {compared[one.row]: one for one in found if compared[one.row] not in protected}

    def shown(path: Path, id_: str, similarity: float) -> dict[str, Any]:
        return {"id": id_, "path": path.relative_to(desk.root).as_posix(), "similarity": similarity}

    back = [shown(path, id_, similarity_of((id_, path, path, record))) for path, (id_, record) in went.items()
            if path in compared and path not in going]  # fmt: skip
    more = [shown(path, here[path], round(one.similarity, 4)) for path, one in going.items() if path in here]
    script = f"python remove_similar.py {shlex.quote(str(desk.root))}"
    return {
        "kept": len(compared) - len(going),
        "gone": len(going) + len(elsewhere),
        "back": back[:MOST_SHOWN],
        "going": more[:MOST_SHOWN],
        "number_back": len(back),
        "number_going": len(more),
        "unknown": len(here.keys() | went.keys()) - len(compared) - len(elsewhere),
        "commands": [
            *([f"{script} --restore {SIMILAR}"] if back else []),
            f"{script} --similarity_threshold {round(threshold, 4):g}",
        ],
    }
