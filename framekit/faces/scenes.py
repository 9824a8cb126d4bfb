"""Faces that one frame shows faintly and others of its scene clearly: they are looked for where they should be."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

from framekit import errors
from framekit.boxes import Box, Face, Seen, overlap
from framekit.dataset.frames import Unreadable
from framekit.faces.detect import Settings, find_faces
from framekit.faces.filter import Limits, same
from framekit.sidecars.episode import Episodes

SURE = 0.77  # minimum score of a face in one frame that says where one should be in another; chosen: none is false
SAME_PLACE = 0.4  # intersection over union of a faint face and the place where one should be; chosen


@dataclass(frozen=True)
class Shown:
    """A frame of a scene: its place in time, and what was seen."""

    frame: Path
    at: float
    seen: Seen | Unreadable

    @property
    def sure(self) -> list[Box]:
        """The boxes of the faces that leave no doubt, from left to right."""
        faces = [] if isinstance(self.seen, Unreadable) else self.seen.faces
        return [face.box for face in faces if face.score >= SURE]


def find_in_scenes(
    found: Sequence[Path],
    todo: Iterable[Path],
    settings: Settings,
    limits: Limits,
    workers: int,
    batch_size: int = 0,
) -> Iterator[tuple[Path, Seen | Unreadable]]:
    """Yield each frame of `todo` with what is seen in it, scene by scene.

    All frames of its scene among `found` are looked at with it, also those that are done, so that the result does not
    depend on what was done before. Raises UsageError if a detector is unavailable.
    """
    wanted = set(todo)
    scenes = [scene for scene in scenes_of(found) if any(frame in wanted for frame, _ in scene)]
    looks = find_faces([frame for scene in scenes for frame, _ in scene], settings, limits, workers, batch_size)
    for scene in scenes:
        times = [at for _, at in scene]
        shown = [Shown(frame, at, seen) for at, (frame, seen) in zip(times, islice(looks, len(scene)), strict=True)]
        for number, one in enumerate(shown):
            if one.frame in wanted:
                yield one.frame, with_expected(one, expected(shown, number), limits.max_faces)


def scenes_of(found: Sequence[Path]) -> list[list[tuple[Path, float]]]:
    """Return the frames of each scene with their times, in order of time; a frame of unknown scene is alone."""
    episodes = Episodes()
    scenes: dict[object, list[tuple[Path, float]]] = {}
    for frame in found:
        try:
            source = episodes.source_of(frame)
        except errors.BadSidecar:
            source = {}
        at, scene = source.get("time"), source.get("scene")
        if isinstance(at, int | float) and isinstance(scene, int):
            scenes.setdefault((frame.parent, source.get("video"), scene), []).append((frame, float(at)))
        else:
            scenes[frame] = [(frame, 0.0)]
    return [sorted(scene, key=lambda one: one[1]) for scene in scenes.values()]


def expected(shown: Sequence[Shown], number: int) -> list[Box]:
    """Return where faces should be in a frame of a scene: where the last one before and the next one shows them.

    Where both show as many, they are also expected on the way from one place to the other.
    """
    before = next((one for one in reversed(shown[:number]) if one.sure), None)
    after = next((one for one in shown[number + 1 :] if one.sure), None)
    places = [box for one in (before, after) if one for box in one.sure]
    if before and after and len(before.sure) == len(after.sure) and after.at > before.at:
        part = (shown[number].at - before.at) / (after.at - before.at)
        places += [between(one, other, part) for one, other in zip(before.sure, after.sure, strict=True)]
    return places


def between(one: Box, other: Box, part: float) -> Box:
    """Return the box at a part of the way from one box to another."""
    left, top, right, bottom = (start + (end - start) * part for start, end in zip(one, other, strict=True))
    return left, top, right, bottom


def with_expected(shown: Shown, places: Sequence[Box], max_faces: int) -> Seen | Unreadable:
    """Return what was seen in a frame, with the faint faces that lie where faces should be."""
    seen = shown.seen
    if isinstance(seen, Unreadable) or not places:
        return seen
    faces = list(seen.faces)
    for face in sorted(seen.faint, key=lambda face: -face.score):
        due = any(overlap(face.box, place) >= SAME_PLACE for place in places)
        if due and not any(same(face, other) for other in faces) and not 0 < max_faces <= len(faces):
            faces.append(face)
    return replace(seen, faces=sorted(faces, key=by_place), faint=())


def by_place(face: Face) -> Box:
    """Return what sorts faces from left to right."""
    return face.box
