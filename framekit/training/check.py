"""A prepared dataset read as trainers would, and each problem that is in it.

What trainers do was taken from their code, and watched while their loaders ran: EveryDream2 of 2025-05, kohya's
sd-scripts 0.9.1 and 0.10, OneTrainer's and Hugging Face's formats. What one trainer alone misreads is in its own file.
"""

import hashlib
import os
import re
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from framekit import console, errors
from framekit.dataset import frames
from framekit.files.names import is_ignored, is_leftover, walk
from framekit.files.paths import is_utf8
from framekit.pixels import decode, modes
from framekit.pixels.decode import ORIENTATION
from framekit.trainers.base import Kind, Look, PreparedTree, Problem, SeenFolder, Severity, Trainer
from framekit.training.check_captions import (
    bare_captions,
    metadata_of,
    name_mismatches,
    read_lines,
    renamed_names,
    stale_captions,
    tag_problems,
)

NOT_FRAMES = re.compile(r"(?:^|[-_ .])(masks?|masklabel|conditioning|thumbs?|thumbnails?)(?:$|[-_ .])", re.IGNORECASE)
EXTREME = 4.0  # aspect ratio from which buckets cut off a large part; Source: EveryDream2's 4:1
EXAMPLES = 3  # of a kind in a summary
LABELS = {
    Severity.STOPS: "stops training",
    Severity.MISREADS: "misread",
    Severity.LOSES: "silently lost",
    Severity.ADVICE: "advice",
}

STOPS, MISREADS, LOSES, ADVICE = Severity
NO_FRAMES = Kind("no-frames", STOPS, "there are no frames in it", "name the folder that prepare_training.py wrote to")
SAME_PICTURE = Kind("same-picture", MISREADS, "the same picture is trained under two names", "remove one of them")
BROKEN = Kind("broken", STOPS, "it cannot be decoded, which stops the training", "replace or remove it")
TRANSPARENT = Kind(
    "transparent",
    MISREADS,
    "it has transparent parts; trainers show whatever colour lies under them",
    "save it on a plain ground",
)
LOST_COLOURS = Kind(
    "colours",
    MISREADS,
    "trainers convert its colours wrongly, grey of 16 bits becomes nearly white",
    "arrange with --max_image_size or prepare with --dst_dir, which convert it",
)
TOO_SMALL = Kind(
    "below-resolution", ADVICE, "it is below the training resolution and gets enlarged", "replace or remove it"
)
TOO_LONG = Kind("too-long", LOSES, "it is too long for a bucket, a large part is cut off", "crop it")
UNUSABLE = Kind("unusable", STOPS, "no trainer can use it", "do so, or move it away")
SAME_STEM = Kind("same-stem", MISREADS, "it shares its caption with another image", "rename one of them")
MASK = Kind("mask", MISREADS, "it looks like a mask or thumbnail, and is trained", "move it to a dot-folder")
LEFTOVER = Kind(
    "left-by-system", MISREADS, "the thumbnails or remains of a NAS or system in it are trained", "remove that folder"
)
MASKS = Kind("mask-folder", MISREADS, "its masks or thumbnails are trained", "rename it so that it begins with a dot")
ARCHIVE = Kind("archive", LOSES, "archives are not unpacked, its frames are not trained", "unpack it")
UNSEEN = Kind("unseen-suffix", LOSES, "a trainer will not see a file with this suffix", "save it as .png or .jpg")


def find_problems(root: Path, wanted: Sequence[Trainer], resolution: int, workers: int) -> tuple[int, list[Problem]]:
    """Return how many images there are, and the problems for these trainers; each image is decoded once.

    Raises UsageError if there is no such folder.
    """
    if not root.is_dir():
        raise errors.UsageError(f"{root} is not a folder; --src_dir must name the prepared dataset")
    packs = [trainer.pack.read(root) for trainer in wanted if trainer.pack]
    if packs:
        return sum(number for number, _ in packs), [problem for _, found in packs for problem in found]
    folders = list(visible_folders(root, wanted))
    images = [image for found in folders for image in found.images]
    problems = [Problem(path, UNUSABLE, reason) for found in folders for path, reason in found.unusable]
    if not images:
        return 0, [Problem(root, NO_FRAMES), *problems]
    several_lines = all(trainer.takes_lines is not None and trainer.takes_lines(root) for trainer in wanted)
    walks = any(trainer.walks for trainer in wanted)
    lines: dict[Path, list[str]] = {}
    problems += left_by_systems(root) if walks else ()
    for found in folders:
        problems += name_problems(found, wanted, root)
        for image in found.images:
            if walks and NOT_FRAMES.search(image.stem):  # listed as such; a caption would not mend it
                continue
            lines[image], more = read_lines(image, found, several_lines)
            problems += more
    tree = PreparedTree(root, folders, lines, look_at(images, workers))
    resolution = max((trainer.resolution(root) for trainer in wanted), default=0) or resolution
    problems += [problem for image, seen in tree.looks.items() for problem in pixel_problems(image, seen, resolution)]
    described = {image: known for image in lines if (known := metadata_of(image))}
    problems += [
        *tag_problems(lines, described),
        *same_pictures(tree),
        *name_mismatches(tree, described),
        *stale_captions(root, described),
        *bare_captions(root, lines, described),
        *renamed_names(root, lines, described),
    ]
    problems += [problem for trainer in wanted for problem in trainer.problems(tree)]
    by_path = sorted(dict.fromkeys(problems), key=lambda one: (frames.natural_key(one.path), one.kind.name, one.detail))
    return len(images), by_path


def visible_folders(root: Path, wanted: Sequence[Trainer]) -> Iterator[SeenFolder]:
    """Yield each folder that trainers see, in order; hidden ones are skipped by most of them.

    What all of these trainers know for masks is no image of it.
    """
    tops = {trainer.masks.top if trainer.masks else "" for trainer in wanted}
    endings = tuple({trainer.mask_ending for trainer in wanted})
    closed: list[tuple[Path, str]] = []
    for folder, folders, names in walk(root, lambda error: closed.append(frames.closed_folder(error))):
        if Path(folder) == root and len(tops) == 1:
            folders[:] = [name for name in folders if name not in tops]
        seen = sorted(names)
        alike = [Path(folder, name) for name in seen if Path(name).suffix.lower() in frames.FRAME_SUFFIXES]
        if "" not in endings:
            alike = [path for path in alike if not path.stem.endswith(endings)]
        reasons = {path: frames.file_trouble(path) if is_utf8(str(path)) else frames.NO_UTF8 for path in alike}
        images = tuple(path for path, reason in reasons.items() if not reason)
        unusable = tuple((path, reason) for path, reason in reasons.items() if reason)
        yield SeenFolder(Path(folder), images, frozenset([*seen, *folders]), unusable)
    for path, reason in closed:
        yield SeenFolder(path, (), frozenset(), ((path, reason),))


def left_by_systems(root: Path) -> Iterator[Problem]:
    """Yield the folders with images that systems left among those of a dataset, which trainers take for part of it."""
    for folder, folders, _ in os.walk(root):
        for name in sorted(filter(is_leftover, folders)):
            held = (one for _, _, names in os.walk(Path(folder, name)) for one in names)
            if not name.startswith(".") and any(Path(one).suffix.lower() in frames.FRAME_SUFFIXES for one in held):
                yield Problem(Path(folder, name), LEFTOVER)
        folders[:] = [name for name in folders if not is_ignored(name)]


def name_problems(found: SeenFolder, wanted: Sequence[Trainer], root: Path) -> Iterator[Problem]:
    """Yield the problems in the names of images, folders and archives."""
    walks = any(trainer.walks for trainer in wanted)
    stems: dict[str, Path] = {}
    for image in found.images:
        blind = [trainer.name for trainer in wanted if not trainer.sees(image.suffix)]
        if blind:
            yield Problem(image, UNSEEN, f"{image.suffix}: {' and '.join(blind)}")
        other = stems.setdefault(image.stem.casefold(), image)
        if other is not image:
            yield Problem(image, SAME_STEM, other.name)
        if walks and NOT_FRAMES.search(image.stem):
            yield Problem(image, MASK)
    if walks and found.images and found.folder != root and NOT_FRAMES.search(found.folder.name):
        yield Problem(found.folder, MASKS)
    for name in sorted(found.names):
        if name.lower().endswith(".zip"):
            yield Problem(found.folder / name, ARCHIVE)


def same_pictures(tree: PreparedTree) -> Iterator[Problem]:
    """Yield each image whose pixels are those of an earlier one."""
    first: dict[bytes, Path] = {}
    for image, seen in tree.looks.items():
        other = first.setdefault(seen.digest, image) if seen.digest else image
        if other is not image:
            yield Problem(image, SAME_PICTURE, other.relative_to(tree.root).as_posix())


def look_at(images: Sequence[Path], workers: int) -> dict[Path, Look]:
    """Decode each image and return what it is."""
    with ThreadPoolExecutor(workers) as pool:
        looks = console.progress(pool.map(look, images), len(images), "frame", "decoding")
        return dict(zip(images, looks, strict=True))


def look(path: Path) -> Look:
    """Decode an image fully and return what it is."""
    from PIL import Image

    if (own := decode.read_own_png(path)) is not None:
        return Look(own.shape[1], own.shape[0], digest=digest_of(own.shape[1], own.shape[0], own.tobytes()))
    try:
        with modes.open_image(path) as image:
            image.load()
            lost = modes.lost_colours(image)
            transparent = modes.has_alpha(image) and not lost
            if transparent:
                transparent = image.convert("RGBA").getextrema()[3][0] < 255
            turned = image.getexif().get(ORIENTATION, 1) not in (0, 1)
            width, height = image.size
            pixels = modes.flatten_image(image).tobytes()
            return Look(width, height, turned, transparent, "", digest_of(width, height, pixels), lost)
    except (Image.DecompressionBombError, *decode.DECODER_ERRORS) as error:
        return Look(error=" ".join(str(error).split()) or type(error).__name__)


def digest_of(width: int, height: int, pixels: bytes) -> bytes:
    """Return what is the same for the same pixels in RGB."""
    return hashlib.blake2b(f"{width}x{height}:".encode() + pixels, digest_size=16).digest()


def pixel_problems(path: Path, seen: Look, resolution: int) -> Iterator[Problem]:
    """Yield the problems in one decoded image."""
    size = f"{seen.width}x{seen.height}"
    if seen.error:
        yield Problem(path, BROKEN, seen.error)
        return
    if seen.is_transparent:
        yield Problem(path, TRANSPARENT)
    if seen.lost_colours:
        yield Problem(path, LOST_COLOURS, seen.lost_colours)
    if seen.width * seen.height < resolution * resolution:
        yield Problem(path, TOO_SMALL, f"{size}, below {resolution} px")
    if max(seen.width, seen.height) > EXTREME * min(seen.width, seen.height):
        yield Problem(path, TOO_LONG, size)


def one_line(problem: Problem) -> str:
    """Return a problem with its remedy as one line."""
    kind = problem.kind
    detail = f" ({problem.detail})" if problem.detail else ""
    return f"{problem.path}: {kind.reason}{detail}; {kind.remedy} [{LABELS[kind.severity]}: {kind.name}]"


def summary(problems: Sequence[Problem], root: Path) -> list[str]:
    """Return a line for each kind of problem, worst kinds first: how often, what happens, the remedy, and examples."""
    by_kind: dict[Kind, list[Problem]] = {}
    for problem in problems:
        by_kind.setdefault(problem.kind, []).append(problem)
    ordered = sorted(by_kind.items(), key=lambda item: (item[0].severity, -len(item[1]), item[0].name))
    return [
        f"{LABELS[kind.severity]}, {console.counted(len(found), 'time')}: {kind.reason}; {kind.remedy}: "
        + ", ".join([*(example(one, root) for one in found[:EXAMPLES]), *["…"] * (len(found) > EXAMPLES)])
        for kind, found in ordered
    ]


def example(problem: Problem, root: Path) -> str:
    """Return where a problem is, below the top of the tree, and what is special about it."""
    path = problem.path.relative_to(root) if problem.path.is_relative_to(root) else problem.path
    return f"{path} ({problem.detail})" if problem.detail else str(path)


def verdict(problems: Sequence[Problem]) -> tuple[int, str]:
    """Return how many problems there are without advice, and the words for both."""
    advice = [problem for problem in problems if problem.kind.severity is ADVICE]
    number = len(problems) - len(advice)
    kinds = len({problem.kind for problem in advice})
    words = console.counted(number, "problem")
    return number, words + (f", {kinds} {'kind' if kinds == 1 else 'kinds'} of advice ({len(advice)})" if kinds else "")
