"""A prepared dataset read as trainers would, and each problem that is in it.

What trainers do was taken from their code, and watched while their loaders ran: EveryDream2 of 2025-05, kohya's
sd-scripts 0.9.1 and 0.10, OneTrainer's and Hugging Face's formats. What one trainer alone misreads is in its own file.
"""

import hashlib
import itertools
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path

from framekit import console, errors
from framekit.arrange.folders import CHARACTER_OTHERS, folder_name
from framekit.dataset import frames
from framekit.files import atomic
from framekit.files.names import METADATA
from framekit.pixels import decode, modes
from framekit.pixels.decode import ORIENTATION
from framekit.sidecars import kinds
from framekit.sidecars.metadata import Metadata, read_metadata
from framekit.sidecars.read import unclear_tags
from framekit.sidecars.tags import is_run
from framekit.trainers.base import AGAIN, Kind, Look, PreparedTree, Problem, SeenFolder, Severity, Trainer
from framekit.training.record import DESCRIBED, read_configs

BOM = b"\xef\xbb\xbf"
NOT_FRAMES = re.compile(r"(?:^|[-_ .])(masks?|masklabel|conditioning|thumbs?|thumbnails?)(?:$|[-_ .])", re.IGNORECASE)
EXTREME = 4.0  # aspect ratio from which buckets cut off a large part; Source: EveryDream2's 4:1
LONGEST_DETAIL = 60  # characters of a tag that is told
EXAMPLES = 3  # of a kind in a summary
TOKENS, MOST_TOKENS = 75, 225  # of CLIP, and the most that kohya reads; Source: its --max_token_length
CHARACTERS = re.compile(r"\d+\+?_characters?")  # folder of the folders called after characters
PIECE = re.compile(r"\w+|[^\w\s]")  # each is one token at least
CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\u200b\ufeff]")
LABELS = {
    Severity.STOPS: "stops training",
    Severity.MISREADS: "misread",
    Severity.LOSES: "silently lost",
    Severity.ADVICE: "advice",
}

STOPS, MISREADS, LOSES, ADVICE = Severity
WRITE_IT = "run prepare_training.py, or write one line"
NO_FRAMES = Kind("no-frames", STOPS, "there are no frames in it", "name the folder that prepare_training.py wrote to")
NO_CAPTION = Kind("no-caption", MISREADS, "it has no caption; trainers take its file name, or none", WRITE_IT)
CAPTION_NAME = Kind("caption-name", MISREADS, "no trainer reads a caption of this name", "give it the name in brackets")
EMPTY = Kind("caption-empty", STOPS, "an empty file stops kohya, and EveryDream2 takes the file name", WRITE_IT)
BLANK = Kind("caption-blank", MISREADS, "its first line is blank, so there is no caption", WRITE_IT)
WITH_BOM = Kind(
    "caption-bom", MISREADS, "its byte order mark becomes part of the first tag", "save it as UTF-8 without BOM"
)
NOT_UTF8 = Kind(
    "caption-encoding", STOPS, "it is not UTF-8, which stops kohya and is garbage elsewhere", "save it as UTF-8"
)
SEVERAL_LINES = Kind(
    "caption-lines",
    LOSES,
    "kohya drops all lines but the first, EveryDream2 puts them into a tag",
    "make it one line, or turn enable_wildcard on",
)
NO_FILE = Kind("caption-no-file", STOPS, "it is no file that can be read, so there is no caption", WRITE_IT)
CONTROL = Kind("caption-control", MISREADS, "it holds NUL or another sign that nobody sees", "remove it")
WIDE_COMMA = Kind("caption-wide-comma", MISREADS, "、 or ， does not separate tags, they are one", "write , instead")
TOO_MANY_TOKENS = Kind(
    "caption-too-long", LOSES, f"no text encoder of these trainers reads more than {MOST_TOKENS} tokens", "shorten it"
)
MANY_TOKENS = Kind(
    "caption-long",
    ADVICE,
    f"it is longer than the {TOKENS} tokens that are read unless the trainer is told to read more",
    "shorten it, or set kohya's --max_token_length",
)
OTHER_NAME = Kind(
    "caption-other-name",
    MISREADS,
    "its caption names a character that its metadata or folder does not",
    "correct X.json or the caption, then arrange and prepare again",
)
STALE = Kind("caption-stale", MISREADS, "X.json was changed after its caption was written", AGAIN)
TAG_UNCLEAR = Kind(
    "tags-unclear",
    LOSES,
    "nobody can tell which tags this means in its file of tags, so none is in the caption",
    "separate tags by commas, then run generate_metadata.py",
)
TAG_MISREAD = Kind(
    "tags-misread",
    MISREADS,
    "X.json takes a tag that counts people for a name, or several tags for one",
    "correct X.json, or run generate_metadata.py and arrange again",
)
SAME_PICTURE = Kind("same-picture", MISREADS, "the same picture is trained under two names", "remove one of them")
EMPTY_TAG = Kind("empty-tag", MISREADS, "a doubled or last comma makes an empty tag", "remove the comma")
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
SAME_STEM = Kind("same-stem", MISREADS, "it shares its caption with another image", "rename one of them")
MASK = Kind("mask", MISREADS, "it looks like a mask or thumbnail, and is trained", "move it to a dot-folder")
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
    folders = list(visible_folders(root))
    images = [image for found in folders for image in found.images]
    if not images:
        return 0, [Problem(root, NO_FRAMES)]
    several_lines = all(trainer.takes_lines is not None and trainer.takes_lines(root) for trainer in wanted)
    walks = any(trainer.walks for trainer in wanted)
    lines: dict[Path, list[str]] = {}
    problems: list[Problem] = []
    for found in folders:
        problems += name_problems(found, wanted, root)
        for image in found.images:
            is_mask = walks and NOT_FRAMES.search(image.stem)  # listed as such; a caption would not mend it
            if is_mask or all(one.mask_ending and image.stem.endswith(one.mask_ending) for one in wanted):
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
    ]
    problems += [problem for trainer in wanted for problem in trainer.problems(tree)]
    by_path = sorted(dict.fromkeys(problems), key=lambda one: (frames.natural_key(one.path), one.kind.name, one.detail))
    return len(images), by_path


def visible_folders(root: Path) -> Iterator[SeenFolder]:
    """Yield each folder that trainers see, in order; hidden ones are skipped by all of them."""
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        seen = sorted(name for name in names if not name.startswith("."))
        images = tuple(Path(folder, name) for name in seen if Path(name).suffix.lower() in frames.FRAME_SUFFIXES)
        yield SeenFolder(Path(folder), images, frozenset([*seen, *folders]))


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


def read_lines(image: Path, found: SeenFolder, several_lines: bool) -> tuple[list[str], list[Problem]]:
    """Return the lines of an image's caption that are read, all of them or the first, and the problems in the file."""
    caption = image.with_name(f"{image.stem}.txt")
    if caption.name not in found.names:
        return [], [missing(image, found)]
    try:
        text, kinds = decoded(caption.read_bytes())
    except OSError as error:  # a folder, a link to nothing, a file that may not be read
        return [], [Problem(caption, NO_FILE, error.strerror or str(error))]
    lines = text.splitlines()
    if len([line for line in lines if line.strip()]) > 1 and not several_lines:
        kinds.append(SEVERAL_LINES)
    read = lines if several_lines else lines[:1]
    kinds += [kind for line in read for kind in line_kinds(line)]
    return read, [Problem(caption, kind) for kind in kinds]


def missing(image: Path, found: SeenFolder) -> Problem:
    """Return the problem of a caption that is not there, or under a name that no trainer reads."""
    for name in (f"{image.name}.txt", f"{image.stem}.TXT", f"{image.stem}.Txt"):
        if name in found.names:
            return Problem(image.with_name(name), CAPTION_NAME, f"{image.stem}.txt")
    return Problem(image, NO_CAPTION)


def decoded(content: bytes) -> tuple[str, list[Kind]]:
    """Return the text of a caption's file, empty if there is none to read, and the problems in its bytes."""
    if not content:
        return "", [EMPTY]
    kinds = [WITH_BOM] if content.startswith(BOM) else []
    try:
        text = content.removeprefix(BOM).decode()
    except UnicodeDecodeError:
        return "", [*kinds, NOT_UTF8]
    if not text.strip() or not text.splitlines()[0].strip():
        return "", [*kinds, BLANK]
    return text, kinds


def line_kinds(line: str) -> Iterator[Kind]:
    """Yield what any trainer misreads in one caption."""
    if has_empty_tag(line):
        yield EMPTY_TAG
    if CONTROLS.search(line):
        yield CONTROL
    if "，" in line or "、" in line:
        yield WIDE_COMMA
    tokens = len(PIECE.findall(line))
    if tokens > TOKENS:
        yield TOO_MANY_TOKENS if tokens > MOST_TOKENS else MANY_TOKENS


def tag_problems(images: Iterable[Path], described: Mapping[Path, Metadata]) -> Iterator[Problem]:
    """Yield what is unclear in the files of tags beside images, and what their metadata has misread of them."""
    for image in images:
        for tag in unclear_tags(image):
            yield Problem(image, TAG_UNCLEAR, " ".join(tag.split())[:LONGEST_DETAIL])
        known = described.get(image, Metadata())
        misread = [name for name in (*known.characters, *known.copyright, *known.artist) if kinds.counts_people(name)]
        misread += [tag for tag in known.tags if is_run(tag.split(), has_commas=True)]
        for tag in misread[:1]:
            yield Problem(image.with_suffix(METADATA), TAG_MISREAD, tag[:LONGEST_DETAIL])


def same_pictures(tree: PreparedTree) -> Iterator[Problem]:
    """Yield each image whose pixels are those of an earlier one."""
    first: dict[bytes, Path] = {}
    for image, seen in tree.looks.items():
        other = first.setdefault(seen.digest, image) if seen.digest else image
        if other is not image:
            yield Problem(image, SAME_PICTURE, other.relative_to(tree.root).as_posix())


def metadata_of(image: Path) -> Metadata | None:
    """Return the metadata beside an image, if there is any that can be read."""
    try:
        return read_metadata(image)
    except (errors.BadSidecar, OSError):
        return None


def name_mismatches(tree: PreparedTree, described: Mapping[Path, Metadata]) -> Iterator[Problem]:
    """Yield the captions that name a character whom the metadata or the folder of their frame does not."""
    said: dict[Path, list[set[str]]] = {}  # what names the characters of an image: its metadata, its folder
    for image in tree.lines:
        known = described.get(image, Metadata())
        in_folder = characters_of(image.parent.relative_to(tree.root).parts)
        named = [{*known.characters}] * (image in described) + [in_folder] * bool(in_folder)
        said[image] = [one | {*known.inferred} for one in named]
    names = sorted(set().union(*(one for listed in said.values() for one in listed)), key=len, reverse=True)
    if not names:
        return
    pattern = re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, names))})(?!\w)")
    for image, lines in tree.lines.items():
        known = described.get(image, Metadata())
        words = ", ".join([known.general, *known.tags, *known.copyright, *known.artist])  # may name anybody
        found = {name for line in lines for name in pattern.findall(line)} - {*pattern.findall(words)}
        wrong = {name for name in found for listed in said[image] if not {name, folder_name(name)} & listed}
        if wrong:
            yield Problem(image.with_suffix(".txt"), OTHER_NAME, ", ".join(sorted(wrong)))


def characters_of(folders: Sequence[str]) -> set[str]:
    """Return the characters that an arranged folder is called after, such as `2_characters/Aoba+Hinata`."""
    for number, name in itertools.pairwise(folders):
        if CHARACTERS.fullmatch(number) and name != CHARACTER_OTHERS:
            return {*name.split("+")}
    return set()


def stale_captions(root: Path, described: Mapping[Path, Metadata]) -> Iterator[Problem]:
    """Yield the captions that were made from other metadata than their frames have now."""
    noted = read_configs(root).get(DESCRIBED, {})
    for image, known in described.items():
        digests = noted.get(image.stem)
        if digests and atomic.digest(asdict(known)) not in digests[""]:
            yield Problem(image.with_suffix(".txt"), STALE)


def has_empty_tag(line: str) -> bool:
    """Tell whether a comma too many makes an empty tag; one in front is another problem."""
    parts = [part.strip() for part in line.split(",")]
    return bool(parts[0]) and "" in parts


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
