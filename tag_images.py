"""Tag each frame with a WD tagger, or with what can be measured without any model.

    python tag_images.py --batch_size 16 --caption_extension ".tags" dataset

Reads the frames below --src_dir; writes X.png.tags beside each frame X.png: one line of booru tags with underscores,
separated by commas, highest score first. With --model measured nothing is downloaded, and X.faces.json is read too.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from framekit import detectors, faces, frames, measured, models, sidecar, stage

DEFAULT_MODEL = "wd-swinv2-tagger-v3"
MEASURED = "measured"
GENERAL, CHARACTER = 0, 4  # the tag categories in selected_tags.csv; 9 is the rating
# Extensions that other scripts own, or that would turn tags into frames.
TAKEN_EXTENSIONS = {".json", ".faces.json", ".characters.json", *frames.FRAME_SUFFIXES}

Tagger = Callable[[list[NDArray[np.float32]]], list[list[str]]]
"""From prepared inputs, (side, side, 3) each, to the tags of each."""


@dataclass(frozen=True)
class TagList:
    """The tags that a model knows: name and category of each output."""

    names: list[str]
    categories: NDArray[np.int64]


@dataclass(frozen=True)
class Prepare:
    """Turn pixels into a tagger's input of `side` px; picklable."""

    side: int

    def __call__(self, pixels: frames.Pixels) -> NDArray[np.float32]:
        """Return (side, side, 3) float32 BGR, 0 to 255."""
        return tagger_input(pixels, self.side)


def tagger_input(pixels: frames.Pixels, side: int) -> NDArray[np.float32]:
    """Pad to a white square, centred; resize bicubically; RGB to BGR; float32 from 0 to 255.

    Source: SmilingWolf's own demo of the WD taggers.
    """
    from PIL import Image

    height, width = pixels.shape[:2]
    longest = max(height, width)
    square = np.full((longest, longest, 3), 255, np.uint8)
    top, left = (longest - height) // 2, (longest - width) // 2
    square[top : top + height, left : left + width] = pixels
    resized = Image.fromarray(square).resize((side, side), Image.Resampling.BICUBIC)
    return np.asarray(resized, np.float32)[:, :, ::-1]


def read_tag_list(path: Path) -> TagList:
    """Read selected_tags.csv; its columns count, not the order of its rows. Raises Misuse if it is not one."""
    import pandas

    try:
        table = pandas.read_csv(path, keep_default_na=False)
        return TagList([str(name) for name in table["name"]], table["category"].to_numpy(np.int64))
    except (KeyError, ValueError, UnicodeDecodeError) as error:
        raise stage.Misuse(f"{path} is no tag list: it needs the columns name and category") from error


def select_tags(
    scores: NDArray[np.float32], tags: TagList, general_threshold: float, character_threshold: float
) -> list[str]:
    """Return the names of the tags above their threshold, highest score first."""
    least = np.where(tags.categories == CHARACTER, character_threshold, general_threshold).astype(np.float32)
    wanted = (scores > least) & np.isin(tags.categories, (GENERAL, CHARACTER))
    order = np.argsort(-scores, kind="stable")
    return [tags.names[index] for index in order if wanted[index]]


def load_tagger(
    model: str, device: str, general_threshold: float, character_threshold: float
) -> tuple[Tagger, int, int | None]:
    """Return the tagger, the side of its input in px, and its batch size if the file fixes one."""
    paths = models.locate(model, models.TAGGERS, ["model.onnx", "selected_tags.csv"])
    tags = read_tag_list(paths["selected_tags.csv"])
    session = models.open_session(paths["model.onnx"], device)
    expected = session.get_inputs()[0]
    shape = [*expected.shape, *[None] * 4]
    side, fixed = shape[1], shape[0] if isinstance(shape[0], int) else None
    if shape[1:5] != [side, side, 3, None] or not isinstance(side, int) or expected.type != "tensor(float)":
        raise stage.Misuse(f"{paths['model.onnx']} is no WD tagger: its input must be floats (batch, side, side, 3)")

    def tag(inputs: list[NDArray[np.float32]]) -> list[list[str]]:
        padding = [inputs[0]] * ((fixed or len(inputs)) - len(inputs))
        scores = np.asarray(session.run(None, {expected.name: np.stack(inputs + padding)})[0])[: len(inputs)]
        if scores.shape[1] != len(tags.names):
            raise stage.Misuse(
                f"{paths['model.onnx']} gives {scores.shape[1]} scores, but {paths['selected_tags.csv']} names"
                f" {len(tags.names)} tags; they must come from the same model"
            )
        return [select_tags(row, tags, general_threshold, character_threshold) for row in scores]

    return tag, side, fixed


def tag_in_batches(
    todo: Sequence[Path], tag: Tagger, side: int, batch_size: int, workers: int
) -> Iterator[tuple[Path, list[str] | frames.Unreadable]]:
    """Yield each frame with its tags, or why it is unreadable; decoding runs ahead in worker threads."""
    batch: list[tuple[Path, NDArray[np.float32]]] = []
    for frame, prepared in frames.map_frames(Prepare(side), todo, workers):
        if isinstance(prepared, frames.Unreadable):
            yield frame, prepared
            continue
        batch.append((frame, prepared))
        if len(batch) == batch_size:
            yield from zip([path for path, _ in batch], tag([ready for _, ready in batch]), strict=True)
            batch = []
    if batch:
        yield from zip([path for path, _ in batch], tag([ready for _, ready in batch]), strict=True)


def shrink_to_measure(pixels: frames.Pixels) -> frames.Pixels:
    """Reduce a frame to the size on which everything is measured."""
    return frames.shrink(pixels, measured.MEASURE_SIZE)


def known_faces(todo: Sequence[Path], workers: int) -> dict[Path, list[faces.Face] | frames.Unreadable]:
    """Return the faces of each frame: from its sidecar, else found by the embedded detector as detect_faces.py does."""
    found: dict[Path, list[faces.Face] | frames.Unreadable] = {}
    for frame in todo:
        try:
            noted = faces.read_faces(frame)
        except sidecar.BadSidecar as error:
            found[frame] = frames.Unreadable(frame, str(error))
            continue
        if noted is not None:
            found[frame] = noted
    missing = [frame for frame in todo if frame not in found]
    if missing:
        print(f"{stage.counted(len(missing), 'frame')} without X.faces.json: animeface looks for faces first")
    looks = detectors.find_faces(missing, detectors.Settings(), faces.Limits(), workers)
    found.update(stage.progress(looks, len(missing), "frame", "faces"))
    return found


def measure_frames(todo: Sequence[Path], workers: int) -> Iterator[tuple[Path, list[str] | frames.Unreadable]]:
    """Yield each frame with its measured tags, or why it is unreadable."""
    known = known_faces(todo, workers)
    for frame, pixels in frames.map_frames(shrink_to_measure, todo, workers):
        noted = known[frame]
        if isinstance(pixels, frames.Unreadable):
            yield frame, pixels
        elif isinstance(noted, frames.Unreadable):
            yield frame, noted
        else:
            yield frame, measured.measured_tags(pixels, noted)


def parser() -> stage.StageParser:
    """Return the command line."""
    options = stage.StageParser("tag_images", __doc__ or "")
    options.shared("src_dir", "redo", "limit", "workers", "device", "batch_size", "config")
    options.option(
        "model", default=DEFAULT_MODEL, help="measured, a WD tagger's name, a hub repository owner/name, or a folder"
    )
    options.option("general_threshold", type=stage.fraction, default=0.35, help="least score of a general tag")
    options.option("character_threshold", type=stage.fraction, default=0.85, help="least score of a character tag")
    options.option("caption_extension", default=sidecar.TAGS, help="ending of the files; .txt gives X.txt")
    return options


@stage.one_sentence
def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line."""
    args = parser().read(argv)
    extension = "." + args.caption_extension.lstrip(".")
    if extension == "." or extension.lower() in TAKEN_EXTENSIONS or Path(f"x{extension}").name != f"x{extension}":
        raise stage.Misuse(f"--caption_extension {extension} would overwrite other files; use .tags, .txt or .caption")
    found = frames.find_frames(args.src_dir, args.limit)
    todo = sidecar.pending(found, extension, args.redo)
    sidecar.clean_up((frame.parent for frame in found), extension)
    workers = stage.worker_count(args.workers)
    tagged: Iterator[tuple[Path, list[str] | frames.Unreadable]] = iter(())
    if todo and args.model == MEASURED:
        tagged = measure_frames(todo, workers)
    elif todo:
        tag, side, fixed = load_tagger(args.model, args.device, args.general_threshold, args.character_threshold)
        tagged = tag_in_batches(todo, tag, side, fixed or max(1, args.batch_size), workers)
    unreadable: list[tuple[Path, str]] = []
    tag_count = 0
    for frame, tags in stage.progress(tagged, len(todo), "frame"):
        if isinstance(tags, frames.Unreadable):
            unreadable.append((frame, tags.reason))
            continue
        sidecar.write_whole(sidecar.sidecar(frame, extension), ", ".join(tags) + "\n")
        tag_count += len(tags)
    done = len(todo) - len(unreadable)
    return stage.close(
        f"{stage.counted(done, 'frame')} tagged, {tag_count / max(1, done):.1f} tags each,"
        f" {len(found) - len(todo)} already done, in {args.src_dir}",
        unreadable,
    )


if __name__ == "__main__":
    raise SystemExit(main())
