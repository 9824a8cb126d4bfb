"""The frames of a shot: those kept in the dataset, and those of its video around them."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, overload

import numpy as np

from framekit import console, errors
from framekit.episodes.record import is_of
from framekit.faces.scenes import scenes_of
from framekit.files import paths
from framekit.layers.plates import Shown
from framekit.pixels.decode import Pixels, frame_size, read_pixels
from framekit.pixels.register import Mask
from framekit.sidecars.episode import Episodes
from framekit.video import stream
from framekit.video.ffmpeg import SMALL, Ffmpeg, View, decode, decode_command, find_ffmpeg, with_graph_in_file
from framekit.video.read import look
from framekit.video.sampling import Sampling, number_tree, scene_numbers, spread

MOST_NEIGHBOURS = 24  # frames of the video for a shot, at one time in memory: 150 MB of 1080p; chosen


@dataclass(frozen=True)
class Videos:
    """Where the videos of episodes are, None for nowhere, and how many frames around a kept one are looked at."""

    folder: Path | None = None
    window: int = 24

    def around(self, shots: Sequence["Shot"]) -> Iterator[tuple["Shot", dict[int, Pixels]]]:
        """Yield shots, episode by episode, each with frames of its video around the kept ones, by number."""
        if self.folder is None:
            yield from ((shot, {}) for shot in shots)
            return
        episodes, ffmpeg = Episodes(), find_ffmpeg()
        by_folder: dict[Path, list[Shot]] = {}
        for shot in shots:
            by_folder.setdefault(shot.folder, []).append(shot)
        for folder, own in by_folder.items():
            try:
                record = episodes.record_of(folder)
            except errors.BadSidecar:
                record = {}
            yield from with_neighbours(own, record, ffmpeg, [self.folder], self.window)


@dataclass(frozen=True)
class Shot:
    """The kept frames of one shot, in order of time, and the number of each in its video, None where unknown.

    `scene` is the number of the shot in its episode, None for a frame of which no record tells.
    """

    frames: tuple[Path, ...]
    numbers: tuple[int | None, ...]
    scene: int | None = None

    @property
    def folder(self) -> Path:
        """The folder of its episode."""
        return self.frames[0].parent


def shots_of(found: Sequence[Path]) -> list[Shot]:
    """Return the shots that frames belong to; a frame whose record is missing or damaged is a shot of its own."""
    episodes = Episodes()
    shots = []
    for scene in scenes_of(found):
        frames = [frame for frame, _ in scene]
        try:
            sources = [episodes.source_of(frame) for frame in frames]
        except errors.BadSidecar:
            sources = [{} for _ in frames]
        numbers = [whole(source.get("source_frame")) for source in sources]
        shots.append(Shot(tuple(frames), tuple(numbers), whole(sources[0].get("scene"))))
    return shots


def whole(value: Any) -> int | None:
    """Return a number of a record if it is one that counts something, else None."""
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def neighbours(kept: Sequence[int], scenes: Sequence[int], window: int, most: int = MOST_NEIGHBOURS) -> list[int]:
    """Return the numbers of at most `most` frames within `window` frames of kept ones, of the same scene, spread.

    `scenes` is the scene of each frame of the video, by its number.
    """
    near: set[int] = set()
    for number in kept:
        if number < len(scenes):
            around = range(max(0, number - window), min(len(scenes), number + window + 1))
            near.update(one for one in around if scenes[one] == scenes[number])
    others = sorted(near - {*kept})
    return [others[place] for place in spread(0, len(others), most)]


def scenes_in(record: Mapping[str, Any]) -> list[int]:
    """Return the scene of each frame of a video, as the record of its episode has it; nothing if that doesn't tell."""
    scores, settings = record.get("scene_scores"), record.get("settings")
    threshold = settings.get("scene_threshold") if isinstance(settings, dict) else None
    if not isinstance(scores, list) or not isinstance(threshold, int | float):
        return []
    return scene_numbers(scores, threshold) if all(isinstance(score, int | float) for score in scores) else []


def find_video(record: Mapping[str, Any], folders: Sequence[Path]) -> Path | None:
    """Return the video of an episode if one of the folders holds it, under its name or another; None if none does."""
    name = record.get("video")
    if not isinstance(name, str) or not paths.usable_path(name):
        return None
    named = [folder / Path(name).name for folder in folders]
    size = record.get("video_size")
    renamed = (path for folder in folders for path in sorted(folder.glob("*")) if size and path.is_file())
    alike = (path for path in renamed if path.stat().st_size == size)
    return next((path for path in chain(named, alike) if path.is_file() and is_of(record, path)), None)


def view_for(ffmpeg: Ffmpeg, video: Path, record: Mapping[str, Any], size: Sequence[int]) -> View | str:
    """Return how to look at a video so that its frames are as those of an episode, or why that cannot be.

    `size` is width and height of a kept frame.
    """
    settings = record.get("settings")
    settings = settings if isinstance(settings, dict) else {}
    claimed = look(ffmpeg, video, whole(record.get("video_stream")))
    if isinstance(claimed, str):
        return claimed
    view = View(video, claimed, settings.get("deinterlace") is True)
    if settings.get("crop_bars") is True:
        view = View(video, claimed, view.deinterlace, stream.detect_bars(ffmpeg.path, video, claimed))
    if view.size != tuple(size):
        return f"its frames are {view.size[0]}x{view.size[1]}, those of the dataset {size[0]}x{size[1]}"
    return view


def numbered(ffmpeg: Ffmpeg, view: View, numbers: Sequence[int]) -> Iterator[tuple[int, Pixels]]:
    """Yield the frames of a video of these numbers, which rise, with their numbers; one is held at a time."""
    if not numbers:
        return
    with TemporaryDirectory(prefix=".ffmpeg-") as scratch:
        command = decode_command(ffmpeg, view, Sampling(mode="all"), number_tree(numbers), Path(scratch, SMALL))
        command = with_graph_in_file(command, ffmpeg.graph_file_option, Path(scratch))
        with (
            Path(scratch, "messages.txt").open("wb", buffering=0) as log,
            closing(decode(command, view.size, log)) as coming,
        ):
            yield from zip(numbers, coming, strict=False)  # a video cut off has fewer


def with_neighbours(
    shots: Sequence[Shot], record: Mapping[str, Any], ffmpeg: Ffmpeg, folders: Sequence[Path], window: int
) -> Iterator[tuple[Shot, dict[int, Pixels]]]:
    """Yield the shots of one episode, each with frames of its video around the kept ones, by number; none without it.

    The video is read once, from its beginning to the last of them, and one shot is held at a time.
    """
    scenes, video = scenes_in(record), find_video(record, folders)
    wanted = [neighbours([n for n in shot.numbers if n is not None], scenes, window) for shot in shots]
    size = next((size for shot in shots for frame in shot.frames if (size := frame_size(frame))), None)
    if video is None and shots:
        console.warn(
            f"no video of {shots[0].folder.name} in {' or '.join(map(str, folders))}; its frames alone are used"
        )
    view = view_for(ffmpeg, video, record, size) if video and size and any(wanted) else None
    if isinstance(view, str):
        console.warn(f"{video}: {view}; the backgrounds of its frames come from these alone")
    order = sorted(range(len(shots)), key=lambda place: wanted[place][:1] or [-1])
    every = sorted({number for numbers in wanted for number in numbers}) if isinstance(view, View) else []
    coming = numbered(ffmpeg, view, every) if isinstance(view, View) else iter(())
    held: dict[int, Pixels] = {}
    for place in order:
        last = wanted[place][-1] if wanted[place] else -1
        while every and last >= 0 and max(held, default=-1) < last and (one := next(coming, None)):
            held[one[0]] = one[1]
        yield shots[place], {number: held[number] for number in wanted[place] if number in held}
        held = {number: pixels for number, pixels in held.items() if number > last}


@dataclass
class ShotFrames(Sequence[Shown]):
    """The frames of a shot in order of time, with what hides the background; kept ones are read when asked for.

    `near` are frames of its video by number; `mask_of_frame` tells what hides the background of a kept frame,
    `mask_of` of pixels that have no sidecar. A frame that is unreadable, or of another size, shows nothing.
    """

    shot: Shot
    near: Mapping[int, Pixels]
    mask_of_frame: Callable[[Path, Pixels], Mask]
    mask_of: Callable[[Pixels], Mask]
    order: list[Path | int] = field(init=False)
    masks: dict[int, Any] = field(init=False, default_factory=dict)
    size: tuple[int, int] = field(init=False)

    def __post_init__(self) -> None:
        """Put kept frames and others in order of their numbers; those of unknown number stay in their order."""
        kept = list(zip(self.shot.numbers, self.shot.frames, strict=True))
        last, placed = -1, []
        for number, frame in kept:
            last = last if number is None else number
            placed.append((last, 0, frame))
        others = [(number, 1, number) for number in self.near]
        self.order = [one for _, _, one in sorted([*placed, *others], key=lambda one: one[:2])]  # type: ignore[misc]
        sizes = (frame_size(frame) for frame in self.shot.frames)
        width, height = next((size for size in sizes if size), (16, 16))
        self.size = (height, width)

    def __len__(self) -> int:
        """Return the number of frames."""
        return len(self.order)

    @overload
    def __getitem__(self, place: int) -> Shown: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[Shown]: ...
    def __getitem__(self, place: int | slice) -> Shown | Sequence[Shown]:
        """Return the pixels of a frame and what hides the background in it."""
        if isinstance(place, slice):
            return [self[one] for one in range(len(self))[place]]
        one = self.order[place]
        try:
            pixels = self.near[one] if isinstance(one, int) else read_pixels(one)
            if pixels.shape[:2] == self.size and place not in self.masks:
                mask = self.mask_of(pixels) if isinstance(one, int) else self.mask_of_frame(one, pixels)
                self.masks[place] = np.packbits(mask)
        except errors.UnreadableFrame:
            pixels = np.zeros((0, 0, 3), np.uint8)
        if pixels.shape[:2] != self.size:
            return np.zeros((*self.size, 3), np.uint8), np.ones(self.size, bool)
        count = self.size[0] * self.size[1]
        return pixels, np.unpackbits(self.masks[place], count=count).reshape(self.size).astype(bool)

    def number_of(self, frame: Path) -> int:
        """Return the place of a kept frame among all."""
        return self.order.index(frame)
