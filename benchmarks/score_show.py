"""Score a dataset against the truth files of a composed show; used by the benchmark and by the tests.

    python -m benchmarks.score_show dataset ../shared/data/episodes/truth

Reads X.json of each frame, for its source and faces, and truth/*.json as ../shared/data/README.md describes them. The
command needs no more than extract_frames.py has written: it tells of frames and scenes.
"""

import argparse
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from framekit.dataset import frames
from framekit.files import atomic, names
from framekit.sidecars import metadata
from framekit.video.sampling import scene_numbers

VISIBLE = 0.5  # a face counts as one to be found if at least this share of it can be seen


@dataclass(frozen=True)
class ShownFrame:
    """A frame of the dataset beside what the truth says of it."""

    stem: str
    time: float
    fps: float
    truth: dict[str, Any]
    names: list[str]
    boxes: list[tuple[float, float, float, float]]


@dataclass(frozen=True)
class Score:
    """Counts over all frames; faces are matched by their centre."""

    frames: int
    layouts: int
    layouts_lost: int
    repeated_drawings: int
    largest_time_error: float  # in frames
    faces_to_find: int
    faces_found: int
    false_faces: int
    known_faces: int
    known_named: int
    named_right: int
    impostors: int
    impostors_named: int

    def report(self) -> str:
        """Return the figures as lines of text."""
        return "\n".join(
            (
                f"frames kept             {self.frames}",
                f"layouts lost            {self.layouts_lost} of {self.layouts}",
                f"repeats of a drawing    {self.repeated_drawings}",
                f"largest time error      {self.largest_time_error:.3f} frames",
                f"faces found             {self.faces_found} of {self.faces_to_find}, {self.false_faces} false",
                f"known faces named       {self.known_named} of {self.known_faces} = {self.named_share:.1%}",
                f"names that are right    {self.named_right} of {self.known_named} = {self.right_share:.1%}",
                f"impostors with a name   {self.impostors_named} of {self.impostors} = {self.impostor_share:.1%}",
            )
        )

    @property
    def named_share(self) -> float:
        """Share of the known characters' faces that got a name."""
        return self.known_named / max(1, self.known_faces)

    @property
    def right_share(self) -> float:
        """Share of those names that are right."""
        return self.named_right / max(1, self.known_named)

    @property
    def impostor_share(self) -> float:
        """Share of the faces of characters without references that got a name."""
        return self.impostors_named / max(1, self.impostors)


def read_truths(folder: Path) -> dict[str, dict[str, Any]]:
    """Return the truth of each episode by the name of its video."""
    truths = (json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.json")))
    return {truth["file"]: truth for truth in truths if "file" in truth}


def read_boxes(frame: Path) -> list[tuple[float, float, float, float]]:
    """Return the boxes of a frame's faces sidecar."""
    found = atomic.read_json(names.sidecar(frame, names.FACES))["faces"]
    return [tuple(face["box"]) for face in found]


def shown_frames(dataset: Path, truths: dict[str, dict[str, Any]]) -> Iterator[ShownFrame]:
    """Yield each frame of the dataset with its truth."""
    for frame in frames.find_frames(dataset):
        values = atomic.read_json(names.sidecar(frame, names.METADATA))
        source, truth = values["source"], truths[values["source"]["video"]]
        told = truth["frames"][source["source_frame"]]
        yield ShownFrame(
            frame.stem,
            source["time"],
            truth["fps"],
            told | {"size": truth["size"], "tint": truth["shots"][told["shot"]]["tint"]},
            values["characters"],
            read_boxes(frame),
        )


def matching(box: Sequence[float], shown: ShownFrame) -> dict[str, Any] | None:
    """Return the character of the truth whose face holds the centre of a box."""
    width, height = shown.truth["size"]
    x, y = (box[0] + box[2]) / 2 * width, (box[1] + box[3]) / 2 * height
    for character in shown.truth["characters"]:
        left, top, across, down = character["face"]
        if left <= x <= left + across and top <= y <= top + down:
            return dict(character)
    return None


def score(dataset: Path, truth_folder: Path, references: Sequence[str]) -> Score:
    """Compare a dataset, as it is after generate_metadata.py, with the truth; `references` are the known names."""
    truths = read_truths(truth_folder)
    every = {frame["layout"] for truth in truths.values() for frame in truth["frames"] if frame["layout"]}
    shown = list(shown_frames(dataset, truths))
    steady = [one.truth["drawing"] for one in shown if not one.truth["transition"]]
    seen = [(name, matching(box, one)) for one in shown for name, box in zip(one.names, one.boxes, strict=True)]
    named = [(name, real["name"]) for name, real in seen if real]
    known = [(name, real) for name, real in named if real in references]
    impostors = [name for name, real in named if real not in references]
    visible = [
        (one, face) for one in shown for face in one.truth["characters"]
        if face["inside"] * (1 - face["covered"]) * face["alpha"] >= VISIBLE
    ]  # fmt: skip
    return Score(
        frames=len(shown),
        layouts=len(every),
        layouts_lost=len(every - {one.truth["layout"] for one in shown}),
        repeated_drawings=len(steady) - len(set(steady)),
        largest_time_error=max(abs(one.time * one.fps - one.truth["frame"]) for one in shown),
        faces_to_find=len(visible),
        faces_found=sum(any(matching(box, one) == face for box in one.boxes) for one, face in visible),
        false_faces=len(seen) - len(named),
        known_faces=len(known),
        known_named=sum(name not in metadata.NOBODY for name, _ in known),
        named_right=sum(name == real for name, real in known),
        impostors=len(impostors),
        impostors_named=sum(name not in metadata.NOBODY for name in impostors),
    )


TOLERANCE = 2  # frames by which a scene may begin beside the truth, before a transition or after it


@dataclass(frozen=True)
class FrameScore:
    """How well frames and scenes were extracted; counts over all episodes that are in the dataset.

    `steady_lost` are layouts of which only frames in the middle of a transition are there; `true_by_kind` holds for
    each kind of transition how many scenes begin with one and how many of these were found.
    """

    frames: int
    layouts: int
    layouts_lost: int
    steady_lost: int
    scenes: int
    scenes_found: int
    scenes_right: int
    true_by_kind: dict[str, tuple[int, int]]
    frames_elsewhere: int

    def report(self) -> str:
        """Return the figures as lines of text."""
        true = sum(count for count, _ in self.true_by_kind.values())
        kinds = ", ".join(f"{kind} {found} of {count}" for kind, (count, found) in sorted(self.true_by_kind.items()))
        return "\n".join(
            (
                f"frames                          {self.frames}",
                f"layouts lost                    {self.layouts_lost} of {self.layouts}",
                f"layouts without a steady frame  {self.steady_lost}",
                f"beginnings of scenes found      {self.scenes_found} of {true} ({kinds})",
                f"beginnings that are right       {self.scenes_right} of {self.scenes}",
                f"frames in another shot's scene  {self.frames_elsewhere}",
            )
        )


def true_beginnings(truth: dict[str, Any]) -> list[tuple[str, range]]:
    """Return the kind of transition and the frames at which a scene may begin, for each shot but the first."""
    return [
        (
            shot["transition"],
            range(shot["start"] - TOLERANCE, shot["start"] + shot["transition_frames"] + TOLERANCE + 1),
        )
        for shot in truth["shots"][1:]
    ]


def score_frames(dataset: Path, truth_folder: Path) -> FrameScore:
    """Compare the records and frames of a dataset, as extract_frames.py wrote it, with the truth."""
    truths = read_truths(truth_folder)
    every: set[str] = set()
    there: dict[str, bool] = {}  # layout -> whether a steady frame is there
    by_kind: dict[str, tuple[int, int]] = {}
    frames_there = scenes = right = elsewhere = 0
    for path in sorted(dataset.glob(f"*/{names.EPISODE_RECORD}")):
        record = atomic.read_json(path)
        truth = truths[record["video"]]
        every |= {frame["layout"] for frame in truth["frames"] if frame["layout"]}
        numbers = scene_numbers(record["scene_scores"], record["settings"]["scene_threshold"])
        begun = [number for number in range(1, len(numbers)) if numbers[number] != numbers[number - 1]]
        windows = true_beginnings(truth)
        for kind, window in windows:
            count, found = by_kind.get(kind, (0, 0))
            by_kind[kind] = count + 1, found + any(number in window for number in begun)
        scenes += len(begun)
        right += sum(any(number in window for number in begun) for _, window in windows)
        shots = [frame["shot"] for frame in truth["frames"]]
        owners = {scene: Counter(shot for shot, one in zip(shots, numbers, strict=False) if one == scene)
                  for scene in {*numbers}}  # fmt: skip
        for frame in frames.find_frames(path.parent):
            source = record["frames"][frame.stem]
            told = truth["frames"][source["source_frame"]]
            frames_there += 1
            elsewhere += owners[source["scene"]].most_common(1)[0][0] != told["shot"]
            if told["layout"]:
                there[told["layout"]] = there.get(told["layout"], False) or told["transition"] is None
    return FrameScore(
        frames=frames_there,
        layouts=len(every),
        layouts_lost=len(every - there.keys()),
        steady_lost=sum(not steady for steady in there.values()),
        scenes=scenes,
        scenes_found=sum(found for _, found in by_kind.values()),
        scenes_right=right,
        true_by_kind=by_kind,
        frames_elsewhere=elsewhere,
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    options.add_argument(
        "dataset", type=Path, help="folder of frames, as extract_frames.py or remove_similar.py left it"
    )
    options.add_argument("truth", type=Path, help="folder of the truth files")
    args = options.parse_args(argv)
    print(score_frames(args.dataset, args.truth).report())
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
