"""What is done of a build: read from the folders, where the files of each stage are the truth, and from its records."""

import os
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from framekit.build.launch import Ended
from framekit.build.stages import STAGES, Show
from framekit.console import counted, sized
from framekit.dataset.frames import is_frame_name, natural_key
from framekit.errors import BadSidecar
from framekit.files import names
from framekit.files.atomic import read_json, write_json
from framekit.files.paths import REMOVED

RECORDS = ".build"
SUFFIXES = {"faces": names.FACES, "characters": names.CHARACTERS, "tags": names.TAGS, "metadata": names.METADATA}


@dataclass
class Standing:
    """An episode: whether its extraction ended, its frames and their bytes, and for how many each stage is done."""

    is_extracted: bool = False
    frames: int = 0
    bytes: int = 0
    done: Counter[str] = field(default_factory=Counter)

    def add(self, other: "Standing") -> None:
        """Add the numbers of another episode."""
        self.frames += other.frames
        self.bytes += other.bytes
        self.done.update(other.done)


def read_episodes(show: Show, wanted: Sequence[str] = ()) -> dict[str, Standing]:
    """Return where each episode stands, by the names of their folders; `wanted` are episodes that may not be there."""
    found = {label: Standing() for label in wanted}
    trained = read_training(show.training)
    for folder, _, files in names.walk(show.frames) if show.frames.is_dir() else ():
        here = Path(folder)
        frames = [name for name in files if is_frame_name(name)]
        is_extracted = (here / names.EPISODE_RECORD).exists()
        if not frames and not is_extracted:
            continue
        one = found.setdefault(here.relative_to(show.frames).as_posix(), Standing())
        one.is_extracted = is_extracted
        there = {*files}
        for name in frames:
            one.frames += 1
            one.bytes += size_of(here / name)
            one.done.update(
                stage for stage, suffix in SUFFIXES.items() if names.sidecar(Path(name), suffix).name in there
            )
            one.done.update(trained.get(name, ()))
    for label, number in read_removed(show.frames / REMOVED).items():
        if label in found:
            found[label].done["similar"] += number
    return dict(sorted(found.items(), key=lambda item: natural_key(Path(item[0]))))


def size_of(path: Path) -> int:
    """Return the bytes of a file, 0 if it has gone."""
    try:
        return path.stat().st_size
    except OSError:
        return 0


def read_training(folder: Path) -> dict[str, list[str]]:
    """Return the last stages that are done for each frame of the tree, by its name."""
    found: dict[str, list[str]] = {}
    for _, _, files in names.walk(folder) if folder.is_dir() else ():
        there = {*files}
        for name in filter(is_frame_name, files):
            is_captioned = names.sidecar(Path(name), names.CAPTION).name in there
            found[name] = ["arrange", "prepare"] if is_captioned else ["arrange"]
    return found


def read_removed(trash: Path) -> Counter[str]:
    """Return how many frames of each episode were set aside; below each reason they lie as they did before."""
    found: Counter[str] = Counter()
    for folder, _, files in os.walk(trash):
        parts = Path(folder).relative_to(trash).parts
        if len(parts) > 1:
            found["/".join(parts[1:])] += sum(map(is_frame_name, files))
    return found


def write_record(show: Show, name: str, ended: Ended) -> None:
    """Write down how the last run of a stage ended; that of each shard has a file of its own.

    Without frames nothing is written: where a disk was lost, a new folder would hide it or be in its way.
    """
    if not show.frames.is_dir():
        return
    part = f".{show.shard.replace('/', '-of-')}" if show.shard and STAGES[name].is_shared else ""
    (show.dataset / RECORDS).mkdir(exist_ok=True)
    record = {"code": ended.code, "seconds": round(ended.seconds, 1), "ended": time.strftime("%Y-%m-%d %H:%M:%S")}
    write_json(show.dataset / RECORDS / f"{name}{part}.json", record | {"unreadable": list(ended.unreadable)})


def read_records(show: Show) -> dict[str, list[dict[str, Any]]]:
    """Return the records of each stage's last run, one for each shard."""
    found: dict[str, list[dict[str, Any]]] = {}
    for path in sorted((show.dataset / RECORDS).glob("*.json")):
        name = path.name.split(".")[0]
        try:
            record = read_json(path)
        except BadSidecar:
            continue
        if name in STAGES and isinstance(record.get("seconds"), int | float):
            found.setdefault(name, []).append(record)
    return found


def unreadable_in(label: str, name: str, records: Mapping[str, Sequence[Mapping[str, Any]]]) -> int:
    """Return how many files of an episode the last run of a stage listed as unreadable."""
    listed = [str(line) for record in records.get(name, ()) for line in record.get("unreadable", ())]
    return sum(f"/{label}/" in line.replace("\\", "/") for line in listed)


def table(show: Show, wanted: Mapping[str, Path]) -> list[list[str]]:
    """Return the rows of a table of episodes and stages, its head first; `wanted` are the videos of the episodes.

    Below the episodes stand all together, the seconds of each stage's last run, and when it ended.
    """
    episodes, records = read_episodes(show, list(wanted)), read_records(show)
    shown = [name for name in STAGES if name != "check" and (name != "characters" or show.references is not None)]
    rows = [["episode", "frames", "size", *shown]]
    whole = Standing(is_extracted=all(one.is_extracted for one in episodes.values()))
    for label, one in episodes.items():
        whole.add(one)
        rows.append([label, str(one.frames), sized(one.bytes), *(cell(one, name) for name in shown)])
        for place, name in enumerate(shown, start=3):
            listed = unreadable_in(label, name, records)
            rows[-1][place] += f", {listed} unreadable" if listed and rows[-1][place] != "done" else ""
    if len(episodes) > 1:
        rows.append(["all", str(whole.frames), sized(whole.bytes), *(cell(whole, name) for name in shown)])
    if records:
        runs = [records.get(name, []) for name in shown]
        spent = [f"{sum(one['seconds'] for one in run):.0f} s" if run else "" for run in runs]
        when = [max((str(one.get("ended")) for one in run), default="")[5:16] for run in runs]
        rows += [["last run", "", "", *spent], ["ended", "", "", *when]]
    return rows


def cell(one: Standing, name: str) -> str:
    """Return what the table says of a stage."""
    if name == "extract":
        return "done" if one.is_extracted else f"missing{f', {one.frames} there' if one.frames else ''}"
    number = one.done[name]
    if name == "similar":
        return f"{number} set aside" if number else "" if one.frames else "missing"
    if number and number >= one.frames:
        return "done"
    return f"{number} of {one.frames}" if number else "missing"


def progress_of(name: str, show: Show, episodes: int) -> str:
    """Return how far a stage is, in words for a bar: `120 of 289 frames`, "" for one that leaves no file a frame."""
    if name == "extract":
        ended = sum(one.is_extracted for one in read_episodes(show).values())
        return f"{ended} of {counted(episodes, 'episode')}"
    if name not in (*SUFFIXES, "arrange", "prepare"):
        return ""
    whole = Standing()
    for one in read_episodes(show).values():
        whole.add(one)
    return f"{whole.done[name]} of {counted(whole.frames, 'frame')}"
