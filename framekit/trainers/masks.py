"""Where trainers read masks, and what is wrong with those that are there."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from framekit.dataset.frames import is_frame_name
from framekit.pixels import decode
from framekit.trainers.base import AGAIN, Kind, Look, MaskPlace, PreparedTree, Problem, Severity

FOLDER = ".training_masks"  # beside the frames: no trainer that shares a tree looks into hidden folders
TOP = "masks"  # in the tree of a trainer that also looks into those
ENDING = "-masklabel"  # of OneTrainer's masks, which lie among the frames
REMEDY = f"{AGAIN} with --masks, or make it anew"

NO_MASK = Kind("mask-missing", Severity.MISREADS, "a frame has no mask, as all others have", REMEDY)
NO_PICTURE = Kind("mask-unreadable", Severity.STOPS, "a mask cannot be decoded", REMEDY)
OTHER_SIZE = Kind(
    "mask-size", Severity.STOPS, "a mask has another size than its frame: kohya stops, others squeeze it", REMEDY
)
NO_FRAME = Kind("mask-without-frame", Severity.ADVICE, "a mask has no frame", "remove it")
NO_MASKS = Kind("kohya-no-masks", Severity.STOPS, "conditioning_data_dir is not there, which stops kohya", REMEDY)
UNPAIRED = Kind(
    "kohya-unpaired-masks",
    Severity.STOPS,
    "frames without a mask, or masks without a frame, stop kohya",
    "give each frame one mask of its stem",
)
NOTHING = Kind("mask-black", Severity.LOSES, "a mask is black, so nothing of its frame is trained", REMEDY)


def beside_hidden(root: Path, frame: Path) -> Path:
    """Return the mask of a frame in a hidden folder beside it."""
    return frame.parent / FOLDER / f"{frame.stem}.png"


def below_top(root: Path, frame: Path) -> Path:
    """Return the mask of a frame of `frames/NAME`: of the same stem in `masks/NAME`."""
    return root / TOP / frame.parent.name / f"{frame.stem}.png"


def below_top_named(root: Path, frame: Path) -> Path:
    """Return the mask of a frame of `frames/NAME`: of the same name, suffix included, in `masks/NAME`."""
    return root / TOP / frame.parent.name / frame.name


def among_frames(root: Path, frame: Path) -> Path:
    """Return the mask of a frame beside it, X-masklabel.png."""
    return frame.with_name(f"{frame.stem}{ENDING}.png")


HIDDEN = MaskPlace(beside_hidden)
APART = MaskPlace(below_top, TOP)
APART_NAMED = MaskPlace(below_top_named, TOP)
AMONG = MaskPlace(among_frames)


def frame_stem(mask: str) -> str:
    """Return the stem of the frame that a mask of this name belongs to."""
    return Path(mask).stem.removesuffix(ENDING)


@dataclass(frozen=True)
class MasksFound:
    """The masks of a folder of frames, by the stems of their frames; `needs_all`: of all frames, and no others."""

    folder: Path
    masks: Mapping[str, Path]
    needs_all: bool = True


def masks_in(folder: Path, ending: str = "") -> dict[str, Path]:
    """Return the masks in a folder by the stems of their frames: all images, or those whose stem has this ending."""
    found = sorted(folder.iterdir()) if folder.is_dir() else []
    return {
        path.stem.removesuffix(ending): path for path in found
        if (is_frame_name(path.name) or ending) and path.stem.endswith(ending) and not path.name.startswith(".")
    }  # fmt: skip


def mask_problems(trees: Sequence[MasksFound], looks: Mapping[Path, Look]) -> Iterator[Problem]:
    """Yield the problems of masks: missing, without a frame, of another size, damaged, or black."""
    by_folder: dict[Path, dict[str, Look]] = {}
    for frame, look in looks.items():
        by_folder.setdefault(frame.parent.resolve(), {})[frame.stem] = look
    for one in trees:
        frames = by_folder.get(one.folder.resolve(), {})
        if one.needs_all:
            yield from (Problem(one.folder, NO_MASK, stem) for stem in sorted(frames.keys() - one.masks.keys()))
        for stem, mask in one.masks.items():
            if stem in frames:
                yield from picture_problems(mask, frames[stem])
            else:
                yield Problem(mask, NO_FRAME)


def picture_problems(mask: Path, frame: Look) -> Iterator[Problem]:
    """Yield what is wrong with the picture of a mask."""
    from PIL import Image

    try:
        with Image.open(mask) as image:
            image.load()
            brightest = image.convert("RGB").getextrema()[0][1]
    except (Image.DecompressionBombError, *decode.DECODER_ERRORS) as error:
        yield Problem(mask, NO_PICTURE, decode.reason_of(error))
        return
    if frame.width and image.size != (frame.width, frame.height):
        yield Problem(mask, OTHER_SIZE, f"{image.size[0]}x{image.size[1]}, {frame.width}x{frame.height}")
    if not brightest:
        yield Problem(mask, NOTHING)


def subset_problems(path: Path, subsets: Iterable[Mapping[str, Any]], looks: Mapping[Path, Look]) -> list[Problem]:
    """Return the problems of the masks of kohya's subsets: one of the stem and size of each frame, and no other."""
    found = []
    for one in subsets:
        folder, place = (Path(str(one.get(key, "."))) for key in ("image_dir", "conditioning_data_dir"))
        if "conditioning_data_dir" not in one or not folder.is_dir():
            continue
        if not place.is_dir():
            found.append(Problem(path, NO_MASKS, str(place)))
            continue
        held = masks_in(place)
        frames = {image.stem for image in folder.iterdir() if is_frame_name(image.name)}
        paired = {stem: mask for stem, mask in held.items() if stem in frames}
        found += mask_problems([MasksFound(folder, paired, False)], looks)
        if frames != held.keys():
            bare, lone = len(frames - paired.keys()), len(held) - len(paired)
            found.append(Problem(place, UNPAIRED, f"{bare} frames of {folder} have no mask, {lone} masks no frame"))
    return found


def problems_apart(paired: Sequence[tuple[Any, Any]], tree: PreparedTree) -> Iterator[Problem]:
    """Yield the problems of masks in folders of their own; `paired` are folders of frames and of masks, if any."""
    named = [
        (Path(folder), Path(masks)) for folder, masks in paired if isinstance(folder, str) and isinstance(masks, str)
    ]
    yield from mask_problems([MasksFound(folder, masks_in(masks)) for folder, masks in named], tree.looks)


def problems_among(tree: PreparedTree) -> Iterator[Problem]:
    """Yield the problems of masks that lie among frames; a frame without one is trained as a whole."""
    found = [MasksFound(folder, masks_in(folder, ENDING), needs_all=False) for folder in tree.filled]
    yield from mask_problems(found, tree.looks)
