"""The captions of a prepared dataset and what they are made of: what trainers misread or lose of them."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from framekit import errors
from framekit.arrange.folders import character_level, characters_at, misplaced
from framekit.console import UNSEEN
from framekit.files import atomic
from framekit.files.names import CAPTION, METADATA, nfc
from framekit.sidecars import kinds
from framekit.sidecars.corrections import is_file_edited
from framekit.sidecars.metadata import Metadata, folder_name, read_metadata
from framekit.sidecars.read import unclear_tags
from framekit.sidecars.tags import is_run
from framekit.trainers.base import AGAIN, Kind, PreparedTree, Problem, SeenFolder, Severity
from framekit.training.captions import (
    TAG_THEM,
    WORDS_OF_SOURCES,
    is_unseen_in,
    old_names_in,
    renames_before,
    says_little,
)
from framekit.training.record import DESCRIBED, read_configs, read_record

STOPS, MISREADS, LOSES, ADVICE = Severity
BOM = b"\xef\xbb\xbf"
LONGEST_DETAIL = 60  # characters of a tag that is told
TOKENS, MOST_TOKENS = 75, 225  # of CLIP, and the most that kohya reads; Source: its --max_token_length
PIECE = re.compile(r"\w+|[^\w\s]")  # each is one token at least
WRITE_IT = "run prepare_training.py, or write one line"
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
METADATA_CONTROL = Kind(
    "metadata-control",
    ADVICE,
    "its metadata holds NUL or another sign that nobody sees; captions are written without it",
    "remove it",
)
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
OTHER_FOLDER = Kind(
    "folder-other-name",
    MISREADS,
    "it stands in a folder of other characters than its metadata names",
    "move it back, or give generate_metadata.py --characters_from_folders; then arrange and prepare again",
)
OTHER_NAME = Kind(
    "caption-other-name",
    MISREADS,
    "its caption names a character that its metadata or folder does not",
    "correct X.json or the caption, then arrange and prepare again",
)
BARE = Kind("caption-bare", ADVICE, "it holds nothing but the general text (no tags, no names)", TAG_THEM)
RENAMED = Kind("caption-renamed", MISREADS, "its caption holds a name that was renamed", "write the new name")
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
EMPTY_TAG = Kind("empty-tag", MISREADS, "a doubled or last comma makes an empty tag", "remove the comma")


def read_lines(image: Path, found: SeenFolder, several_lines: bool) -> tuple[list[str], list[Problem]]:
    """Return the lines of an image's caption that are read, all of them or the first, and the problems in the file."""
    caption = image.with_name(f"{image.stem}.txt")
    if caption.name not in found.names:
        return [], [missing(image, found)]
    try:
        with atomic.open_regular(caption) as file:
            text, kinds = decoded(file.read())
    except OSError as error:  # a folder, a link to nothing, a file that may not be read
        return [], [Problem(caption, NO_FILE, error.strerror or str(error))]
    lines = lines_of(text)
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
    if not text.strip() or not lines_of(text)[0].strip():
        return "", [*kinds, BLANK]
    return text, kinds


def lines_of(text: str) -> list[str]:
    """Return the lines of a caption's file as trainers read them: signs such as U+2028 end none."""
    return text.replace("\r\n", "\n").replace("\r", "\n").removesuffix("\n").split("\n")


def line_kinds(line: str) -> Iterator[Kind]:
    """Yield what any trainer misreads in one caption."""
    if has_empty_tag(line):
        yield EMPTY_TAG
    if UNSEEN.search(line):
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
        if is_unseen_in(known):
            yield Problem(image.with_suffix(METADATA), METADATA_CONTROL)
        misread = [name for name in (*known.characters, *known.copyright, *known.artist) if kinds.counts_people(name)]
        misread += [tag for tag in known.tags if is_run(tag.split(), has_commas=True)]
        for tag in misread[:1]:
            yield Problem(image.with_suffix(METADATA), TAG_MISREAD, tag[:LONGEST_DETAIL])


def metadata_of(image: Path) -> Metadata | None:
    """Return the metadata beside an image, if there is any that can be read."""
    try:
        return read_metadata(image)
    except (errors.BadSidecar, OSError):
        return None


def name_mismatches(tree: PreparedTree, described: Mapping[Path, Metadata]) -> Iterator[Problem]:
    """Yield the captions that name a character whom the metadata or the folder of their frame does not."""
    named = {one.relative_to(tree.root): known.characters for one, known in described.items()}
    yield from (Problem(tree.root / one, OTHER_FOLDER) for one in misplaced(named))
    rest = {image.relative_to(tree.root): list[str]() for image in tree.lines}
    level = character_level(rest | named)
    said: dict[Path, list[set[str]]] = {}  # what names the characters of an image: its metadata, or else its folder
    for image in tree.lines:
        known = described.get(image, Metadata())
        in_folder = None if level is None else characters_at(image.relative_to(tree.root), level)
        found = {*known.characters} if image in described else in_folder
        said[image] = [found | {*known.inferred}] if found is not None else []
    names = sorted(set().union(*(one for listed in said.values() for one in listed)), key=len, reverse=True)
    if not names:
        return
    pattern = re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, names))})(?!\w)")
    for image, lines in tree.lines.items():
        known = described.get(image, Metadata())
        words = ", ".join([known.general, *known.tags, *known.copyright, *known.artist])  # may name anybody
        found = {name for line in lines for name in pattern.findall(nfc(line))} - {*pattern.findall(words)}
        wrong = {name for name in found for listed in said[image] if not {name, folder_name(name)} & listed}
        if wrong:
            yield Problem(image.with_suffix(".txt"), OTHER_NAME, ", ".join(sorted(wrong)))


def renamed_names(
    root: Path, lines: Mapping[Path, Sequence[str]], described: Mapping[Path, Metadata]
) -> Iterator[Problem]:
    """Yield the captions that hold a name from before a rename."""
    names_now = renames_before(root)
    for image, read in lines.items() if names_now else ():
        known = described.get(image, Metadata())
        for old in old_names_in("\n".join(read), names_now, [*known.characters, *known.tags, known.general]):
            yield Problem(image.with_suffix(CAPTION), RENAMED, f"{old} is {names_now[old]} now")


def bare_captions(
    root: Path, lines: Mapping[Path, Sequence[str]], described: Mapping[Path, Metadata]
) -> Iterator[Problem]:
    """Yield the captions, but for those that a person wrote, that say nothing of their frame."""
    noted = read_record(root)
    for image, read in lines.items():
        if not read:
            continue
        path, known = image.with_suffix(CAPTION), described.get(image)
        if known is None:
            is_bare = {*read} <= {*WORDS_OF_SOURCES.values()}
        else:
            is_bare = says_little(known) and not is_file_edited(path, noted.get(nfc(image.stem), ()))
        if is_bare:
            yield Problem(path, BARE)


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
