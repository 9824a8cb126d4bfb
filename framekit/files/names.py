"""The one list of files that may stand beside a frame, and their names."""

import os
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from fnmatch import fnmatch
from pathlib import Path
from unicodedata import category, normalize

TAGS, FACES, CHARACTERS, METADATA, CAPTION = ".tags", ".faces.json", ".characters.json", ".json", ".txt"
INSTANCES = ".instances.json"  # figures of a frame; their label picture is `mask_of` it
MASK_FOLDER = ".masks"  # in a dot-folder, because trainers read every picture that they see
SOURCE = ".source.json"  # JSON of another program, as it was found in the place of X.json
HIDDEN_METADATA = "_meta.json"  # of waifuc, in .X_meta.json
EPISODE_RECORD = ".frames.json"
MULTIPLY = "multiply.txt"
# Masks that trainers read beside a frame: pictures, but no frames. Source: OneTrainer; taggers' usual name.
MASKS = ("-masklabel.png", "-condlabel.png", ".mask.png")
# What trainers and taggers computed of the pixels: another picture under this name would be trained with it.
CACHES = (".npz", ".safetensors", ".npy", ".pt")
# Everything that belongs to frame X.png: ours, and what trainers and taggers put beside a frame.
STEM_SUFFIXES = (FACES, CHARACTERS, INSTANCES, SOURCE, METADATA, TAGS, CAPTION, ".caption", *CACHES, *MASKS)
NAME_SUFFIXES = (TAGS, ".txt", ".json", ".caption", ".npz", ".safetensors")
DOUBLE_SUFFIXES = tuple(suffix for suffix in STEM_SUFFIXES if suffix.count(".") == 2 and suffix not in MASKS)
# Caches that tell the size or the model: X_0640x0360_sd.npz, X_0640x0360_wan.safetensors, X_sd3_te.npz.
SIZED_CACHE = re.compile(r"_(?:\d{3,5}x\d{3,5}(?:_\w+)?|te_outputs|[a-z0-9]+_te)\.(?:npz|safetensors)")


def is_mask(name: str) -> bool:
    """Tell whether a file of this name is the mask of a frame, and so no frame itself."""
    return name.lower().endswith(MASKS)


def cache_stem(name: str) -> str:
    """Return the stem of the frame that a cache such as `X_0640x0360_sd.npz` was made of; "" for other files."""
    found = SIZED_CACHE.search(name) if name.endswith((".npz", ".safetensors")) else None
    return name[: found.start()] if found and found.end() == len(name) else ""


# What systems, devices and programs leave in folders for themselves; compared without letter case.
LEFTOVERS = frozenset(
    name.casefold()
    for name in (
        # NAS: Synology, QNAP and others
        *(
            "@eaDir",
            "@tmp",
            "#recycle",
            "#snapshot",
            "@Recycle",
            "@Recently-Snapshot",
            ".@__thumb",
            "@__thumb",
            "snapshot~",
        ),
        # macOS, also on other disks and in archives
        *("__MACOSX", ".DS_Store", ".AppleDouble", ".Spotlight-V100", ".Trashes", ".fseventsd", ".TemporaryItems"),
        *(".DocumentRevisions-V100", ".apdisk", "Network Trash Folder", "Temporary Items", "Icon\r"),
        # Windows
        *("Thumbs.db", "ehthumbs.db", "ehthumbs_vista.db", "desktop.ini", "$RECYCLE.BIN", "RECYCLER", "RECYCLED"),
        *("System Volume Information", "ZbThumbnail.info", "Picasa.ini"),
        # Linux, and programs that keep folders in step
        *("lost+found", ".directory", ".stversions", ".stfolder", ".dropbox.cache"),
    )
)
# Those that a system makes again by itself: a folder that holds nothing else counts as empty, and may be removed.
MADE_AGAIN = frozenset((".ds_store", "thumbs.db", "ehthumbs.db", "ehthumbs_vista.db", "desktop.ini"))
# Files of a half-known beginning or end: AppleDouble, trashes, locks of office programs, downloads that go on.
LEFTOVER_FORMS = re.compile(
    r"\._.*|\.trash.*|\.sync.*|\.nfs.*|\.fuse_hidden.*|~\$.*|~syncthing~.*|found\.\d\d\d"
    r"|.+\.(?:part|partial|crdownload|download|opdownload|tmp|temp|filepart|aria2|!qb|!ut|bc!)",
    re.IGNORECASE | re.DOTALL,
)


def is_leftover(name: str) -> bool:
    """Tell whether a file or folder is what a system, a device or a program left there for itself."""
    return name.casefold() in LEFTOVERS or LEFTOVER_FORMS.fullmatch(name) is not None


def is_ignored(name: str) -> bool:
    """Tell whether a file or folder below a folder that is read counts as not there: hidden, or left by a system."""
    return name.startswith(".") or is_leftover(name)


def walk(
    top: Path | str, onerror: Callable[[OSError], None] | None = None
) -> Iterator[tuple[str, list[str], list[str]]]:
    """Yield each folder below `top`, itself too, with the names of its folders and files, as `os.walk` does.

    What is ignored is left out, whatever `top` itself is called. A folder that is taken out of the list is not visited.
    """
    for folder, folders, names in os.walk(top, onerror=onerror):
        folders[:] = sorted(name for name in folders if not is_ignored(name))
        yield folder, folders, [name for name in names if not is_ignored(name)]


def sidecar(frame: Path, suffix: str) -> Path:
    """Return the path of a sidecar: `X.png.tags` for TAGS, `X<suffix>` for all others."""
    return frame.with_name((frame.name if suffix == TAGS else frame.stem) + suffix)


def mask_of(frame: Path) -> Path:
    """Return the path of the label picture of a frame's figures: 0 is background, 1 and up are figures."""
    return frame.parent / MASK_FOLDER / f"{frame.stem}.png"


def pending(frames: Sequence[Path], suffix: str, redo: bool) -> list[Path]:
    """Return the frames that have no such sidecar yet, or all of them."""
    return [frame for frame in frames if redo or not sidecar(frame, suffix).exists()]


def with_brackets_read(pattern: str, names: Iterable[str]) -> str:
    """Return a pattern of names for fnmatch in which brackets stand for themselves, if any of the names fits it so.

    Else it is returned as it is, and brackets are a choice of characters.
    """
    literal = pattern.replace("[", "[[]")
    return literal if literal != pattern and any(fnmatch(name.lower(), literal.lower()) for name in names) else pattern


def nfc(name: str) -> str:
    """Return a name as names are compared and written: in Unicode's composed form; macOS stores some decomposed."""
    return name if name.isascii() else normalize("NFC", name)


def has_control(text: str) -> bool:
    """Tell whether a text holds a control character, such as a line end, which no path has on purpose."""
    return any(category(sign) == "Cc" for sign in text)


def on_disk(path: Path) -> Path:
    """Return a path with its names in the Unicode form that they have on disk, where they are there in another one."""
    if str(path).isascii() or os.path.lexists(path):
        return path
    parent = on_disk(path.parent)
    try:
        held = os.listdir(parent)  # noqa: PTH208
    except OSError:
        return parent / path.name
    return parent / next((name for name in held if nfc(name) == nfc(path.name)), path.name)
