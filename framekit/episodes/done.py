"""Which episodes of a dataset are done: this video with these settings. What would mix two videos is refused."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from framekit.dataset import removed
from framekit.episodes.record import is_of, is_of_name, other_settings, settings_of
from framekit.errors import BadSidecar, UsageError
from framekit.files import atomic, names, paths
from framekit.sidecars.characters import read_record
from framekit.video.sampling import Sampling

AGAIN = ".extracting_again.json"  # in the dataset while --redo runs: what it began with
EXTRACTED_AGAIN = "extracted_again"
Records = Mapping[str, Mapping[str, Any]]  # by the name of the episode's folder


@dataclass(frozen=True)
class Standing:
    """How the episodes of a run stand: those to extract, the finished ones, and the ones extracted otherwise.

    `otherwise` says how, such as `--mode all`; `damaged` are folders whose record can't be read, with the reason.
    """

    todo: dict[str, Path] = field(default_factory=dict)
    finished: list[Path] = field(default_factory=list)
    otherwise: dict[str, str] = field(default_factory=dict)
    damaged: list[tuple[Path, str]] = field(default_factory=list)


@dataclass(frozen=True)
class Wanted:
    """The settings of a run: which frames, what is in their files, and the start of their names if it was given."""

    sampling: Sampling
    looks: Mapping[str, Any]
    prefix: str = ""


def standing(
    dataset: Path, labelled: Mapping[str, Path], unsure: Collection[str], wanted: Wanted, own: Collection[str]
) -> Standing:
    """Look at what a dataset holds of these videos, and which of its `own` episodes a run has to extract.

    Raises UsageError if it is no folder, if a folder of it holds another video than it would get, or if a video lies
    under another label.
    """
    if dataset.exists() and not dataset.is_dir():
        raise UsageError(f"--dst_dir {dataset} is a file; name a folder")
    records, damaged = read_records(dataset, own)
    refuse_renumbered(labelled, records, unsure, dataset)
    refuse_other_videos(labelled, records, dataset)
    found = Standing(damaged=damaged)
    for label in own:
        video = labelled[label]
        if label not in records:
            if dataset / label not in dict(damaged):
                found.todo[label] = video
            continue
        differing = other_settings(records[label], wanted.sampling, wanted.looks, wanted.prefix)
        if differing:
            found.otherwise[label] = " ".join(differing)
        else:
            found.finished.append(dataset / label)
    return found


def read_records(dataset: Path, labels: Collection[str]) -> tuple[dict[str, dict[str, Any]], list[tuple[Path, str]]]:
    """Return the record of each episode folder of a dataset, and those of the labels whose record is damaged."""
    records: dict[str, dict[str, Any]] = {}
    damaged = []
    for path in sorted(dataset.glob(f"*/{names.EPISODE_RECORD}")):
        label = path.parent.name
        try:
            records[label] = atomic.read_json(path)
        except BadSidecar as error:
            damaged += [(path.parent, str(error))] if label in labels else []
    return {label: record for label, record in records.items() if not names.is_ignored(label)}, damaged


def refuse_renumbered(labelled: Mapping[str, Path], records: Records, unsure: Collection[str], dataset: Path) -> None:
    """Raise UsageError if a video that is extracted would get another number now."""
    for label, video in labelled.items():
        if label in records and is_of(records[label], video):
            continue
        known = is_of if label in unsure else is_of_name
        for held, record in records.items():
            its_own = held in labelled and is_of(record, labelled[held])
            if held != label and not its_own and known(record, video):
                raise UsageError(
                    f"{video} is extracted already, as {held}, and would be {label} now; rename it or give"
                    f" --episode_pattern so that its number stays, or move {dataset / held} away"
                )


def refuse_other_videos(labelled: Mapping[str, Path], records: Records, dataset: Path) -> None:
    """Raise UsageError if a folder holds the frames of another video than it would get."""
    mixed = [label for label, video in labelled.items() if label in records and not is_of(records[label], video)]
    if mixed:
        label = mixed[0]
        held, video = records[label], labelled[label]
        size = held.get("video_size")
        sizes = [
            f" of {one} bytes" if size and held.get("video") == video.name else ""
            for one in (size, video.stat().st_size)
        ]
        more = f" (and {len(mixed) - 1} more such)" if len(mixed) > 1 else ""
        raise UsageError(
            f"{dataset / label} holds the frames of another video, {held.get('video')}{sizes[0]}, than"
            f" {video}{sizes[1]}{more}; tell the season in name or folder (S02E01, Season 2), give another --dst_dir,"
            " or move that folder away"
        )


def told_otherwise(found: Standing) -> list[str]:
    """Return a sentence for the episodes that were extracted with other settings, one for each kind."""
    kinds: dict[str, list[str]] = {}
    for label, how in found.otherwise.items():
        kinds.setdefault(how, []).append(label)
    return [
        f"{', '.join(labels)} {'was' if len(labels) == 1 else 'were'} extracted with {how}, and left so; add --redo to"
        " the command to extract with the settings of now, corrections come along"
        for how, labels in kinds.items()
    ]


@dataclass(frozen=True)
class Again:
    """What a --redo began with: where the old frames of each episode go, and which of them a person decided to keep."""

    aside: dict[str, Path]
    kept: dict[str, list[str]]


def begin_again(dataset: Path, labels: Collection[str], wanted: Wanted) -> Again:
    """Note what is extracted again, so that the same command, given after a kill, goes on instead of beginning anew."""
    settings = settings_of(wanted.sampling, wanted.looks) | {"prefix": wanted.prefix}
    noted = read_record(dataset / AGAIN)
    if noted.get("settings") != settings:
        noted = {}
    aside, kept = dict_in(noted, "aside"), dict_in(noted, "kept")
    for label in labels:
        folder = dataset / label
        if label not in aside:
            target = removed.free_aside(folder, EXTRACTED_AGAIN) if folder.exists() else None
            aside[label] = target.relative_to(dataset).as_posix() if target else ""
            kept[label] = removed.frames_kept(dataset, folder)
    if any((dataset / label).exists() for label in labels):
        atomic.write_json(dataset / AGAIN, {"settings": settings, "aside": aside, "kept": kept})
    places = {label: paths.inside(dataset, name) for label, name in aside.items()}
    return Again({label: place for label, place in places.items() if place}, kept)


def dict_in(values: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Return a JSON object within another, empty if there is none."""
    held = values.get(name)
    return dict(held) if isinstance(held, dict) else {}


def left_to_do(dataset: Path, labelled: Mapping[str, Path], again: Again) -> dict[str, Path]:
    """Return the videos that a --redo has still to extract: after a stop, those that it had not finished."""

    def is_finished(label: str) -> bool:
        gone = label not in again.aside or again.aside[label].exists()
        return gone and (dataset / label / names.EPISODE_RECORD).exists()

    return {label: video for label, video in labelled.items() if not is_finished(label)}


def end_again(dataset: Path) -> None:
    """Forget what a --redo began with: it is done."""
    (dataset / AGAIN).unlink(missing_ok=True)
