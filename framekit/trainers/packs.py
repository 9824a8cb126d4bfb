"""What files that hold many frames have in common: a row for each frame, files of bounded size, nothing stale."""

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

from framekit.errors import BadSidecar, UnreadableFrame, UsageError, named, reason_of
from framekit.files import atomic
from framekit.pixels import decode, modes
from framekit.pixels.encode import encode_png
from framekit.trainers.base import AGAIN, Kind, Problem, Settings, Severity, TrainingTree, folder_in

INDEX = ".packed.json"  # name of a file -> digest of what is in it
MOST_BYTES = 2**29  # of frames in a file; chosen: as large as the `datasets` package makes them
AS_THEY_ARE = (".png", ".jpg", ".jpeg", ".webp")  # other formats become PNG
STOPS, MISREADS, LOSES, _ = Severity

NO_FILES = Kind("pack-missing", STOPS, "no file that holds frames is there", "prepare with this --trainer")
DAMAGED = Kind("pack-damaged", STOPS, "it cannot be read", AGAIN)
GONE = Kind("pack-gone", LOSES, "a file that holds frames is not there any more", AGAIN)
STRANGE = Kind("pack-strange", MISREADS, "another file lies among those that hold frames, and is read too", "move it")
NO_TEXT = Kind("pack-no-caption", MISREADS, "a frame has no caption", AGAIN)
BROKEN = Kind("pack-broken", STOPS, "a frame cannot be decoded", AGAIN)


@dataclass(frozen=True)
class Row:
    """A frame with all that is known of it, as plain values; `text` is its caption.

    `mask` makes the PNG of its mask and says why it is white, if somebody should know; `mask_of` changes when the mask
    does. Both are empty without masks.
    """

    frame: Path
    values: dict[str, Any]
    mask_of: str = ""
    mask: Callable[[], tuple[bytes, str]] | None = None


def rows_of(tree: TrainingTree) -> list[Row]:
    """Return the row of each frame: its name in the dataset, caption, metadata, and how often its folder is trained."""
    balance = {one.folder: one for one in tree.balance}
    rows = []
    for frame, caption in tree.captions.items():
        one = balance[folder_in(tree.source, frame)]
        values = {
            "file_name": frame.relative_to(tree.source).as_posix(),
            "text": caption.split("\n")[0],
            **asdict(tree.described[frame]),
            "folder": str(one.folder),
            "multiply": float(one.multiply),
            "repeats": one.repeats,
            "is_regularization": one.is_reg,
        }
        rows.append(Row(frame, values, *(tree.mask(frame) if tree.mask else ())))
    return rows


def image_bytes(frame: Path, suffixes: Sequence[str] = AS_THEY_ARE) -> tuple[bytes, str]:
    """Return a frame as its file is, with its suffix in lower case; as PNG if readers would show it otherwise.

    Raises UnreadableFrame with the reason.
    """
    suffix = frame.suffix.lower()
    is_plain = suffix in suffixes
    from PIL import Image

    try:
        with modes.open_image(frame) as image:
            image.load()
            turned = image.getexif().get(decode.ORIENTATION, 1) not in (0, 1)
            is_plain = is_plain and not (turned or modes.lost_colours(image) or modes.has_alpha(image))
    except (Image.DecompressionBombError, *decode.DECODER_ERRORS) as error:
        raise UnreadableFrame(" ".join(str(error).split()) or type(error).__name__) from error
    return (frame.read_bytes(), suffix) if is_plain else (encode_png(decode.read_pixels(frame)), ".png")


def in_files(rows: Sequence[Row]) -> list[list[Row]]:
    """Return the rows of each file, so that its frames take about MOST_BYTES."""
    held: list[list[Row]] = []
    size = MOST_BYTES
    for row in rows:
        if size >= MOST_BYTES:
            held.append([])
            size = 0
        held[-1].append(row)
        size += row.frame.stat().st_size
    return held


def write_files(
    tree: TrainingTree, pattern: str, files: Sequence[Sequence[Row]], write: Callable[[Path, Sequence[Row]], list[Any]]
) -> list[tuple[Path, str]]:
    """Write each file that changed, by `write`, whole or not at all; return the frames that it left out.

    `pattern` names a file by its number and how many there are. Files that were written before and are none of these
    any more are deleted: all of it is in the dataset.
    """
    root = tree.root
    try:
        before = atomic.read_json(root / INDEX) if (root / INDEX).exists() else {}
    except BadSidecar as error:
        raise UsageError(
            f"{root} holds a damaged {INDEX} ({reason_of(error, root / INDEX)}); remove the folder"
        ) from error
    now: dict[str, str] = {}
    left_out: list[tuple[Path, str]] = []
    for number, rows in enumerate(files):
        path = root / pattern.format(number=number, count=len(files))
        name = path.relative_to(root).as_posix()
        stats = [
            (row.values, row.frame.stat().st_size, row.frame.stat().st_mtime_ns, *[row.mask_of] * bool(row.mask_of))
            for row in rows
        ]
        now[name] = atomic.digest(stats)
        if before.get(name) == now[name] and path.exists():
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        part = atomic.part_of(path)
        with named(path):
            missing = write(part, rows)
        os.replace(part, path)
        left_out += missing
        if missing:
            now[name] = ""  # it is written again as soon as they can be read
    for name in {*own_names(root, pattern)} & (before.keys() - now.keys()):
        (root / name).unlink()
    if now != before:
        atomic.write_json(root / INDEX, now)
    return left_out


def own_names(root: Path, pattern: str) -> list[str]:
    """Return the names of all files that have the form of a pattern."""
    form = pattern.replace("{number:05d}", "*").replace("{count:05d}", "*")
    return sorted(path.relative_to(root).as_posix() for path in root.glob(form))


def read_files(
    root: Path, pattern: str, rows_in: Callable[[Path], Iterable[tuple[str, bytes, Any]]]
) -> tuple[int, list[Problem]]:
    """Return how many frames the files hold, and the problems; `rows_in` yields name, bytes and caption of each."""
    found = own_names(root, pattern)
    if not found:
        return 0, [Problem(root, NO_FILES)]
    try:
        noted = atomic.read_json(root / INDEX)
    except BadSidecar:
        noted = dict.fromkeys(found)
    problems = [Problem(root / name, GONE) for name in noted if name not in found]
    problems += [Problem(root / name, STRANGE) for name in found if name not in noted]
    count = 0
    for name in found:
        try:
            for frame, content, text in rows_in(root / name):
                count += 1
                problems += row_problems(root / name, frame, content, text)
        except decode.DECODER_ERRORS as error:
            problems.append(Problem(root / name, DAMAGED, " ".join(str(error).split())))
    return count, problems


def row_problems(path: Path, frame: str, content: bytes, text: Any) -> Iterator[Problem]:
    """Yield the problems of a frame in a file."""
    from PIL import Image

    if not isinstance(text, str) or not text.strip():
        yield Problem(path, NO_TEXT, frame)
    try:
        with Image.open(BytesIO(content)) as image:
            image.load()
    except (Image.DecompressionBombError, *decode.DECODER_ERRORS) as error:
        yield Problem(path, BROKEN, f"{frame}: {error}")


def needs_own_folder(settings: Settings) -> None:
    """Raise UsageError, since files that hold frames would lie among the frames."""
    raise UsageError("parquet and webdataset need --dst_dir, a folder for the files that hold the frames")
