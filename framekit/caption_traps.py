"""Traps in captions: what is missing, doubled, or read otherwise than it was meant."""

import re
from collections.abc import Collection
from pathlib import Path

from framekit.trap import Trap

WRITE_IT = "run prepare_training.py, or write one line"
BOM = b"\xef\xbb\xbf"
FOR_KOHYA = re.compile(r"\|\|\||;;;|\{[^{}]*\|[^{}]*\}")
A_FILE = re.compile(r"[^,\n]+\.(?:txt|json|ya?ml|md|toml|cfg|py)")


def caption_traps(image: Path, names: Collection[str], wanted: Collection[str], several_lines: bool) -> list[Trap]:
    """Return the traps in the caption of one image; `names` are those in its folder.

    `several_lines` says that all these trainers take a caption in each line.
    """
    caption = image.with_name(f"{image.stem}.txt")
    traps = beside(image, names, wanted)
    if caption.name not in names:
        return [*traps, missing(image, names, wanted)]
    content = caption.read_bytes()
    return [
        *traps,
        *(Trap(caption, reason, remedy) for reason, remedy in content_traps(content, wanted, several_lines)),
    ]


def missing(image: Path, names: Collection[str], wanted: Collection[str]) -> Trap:
    """Return the trap of a caption that is not there, or under a name that no trainer reads."""
    for name in (f"{image.name}.txt", f"{image.stem}.TXT", f"{image.stem}.Txt"):
        if name in names:
            return Trap(image.with_name(name), "no trainer reads a caption of this name", f"name it {image.stem}.txt")
    if image.stem.startswith("_") and "everydream2" in wanted:
        reason = "without a caption, a name that begins with _ stops EveryDream2"
    else:
        reason = "it has no caption; trainers take its file name, or none"
    return Trap(image, reason, WRITE_IT)


def beside(image: Path, names: Collection[str], wanted: Collection[str]) -> list[Trap]:
    """Return the traps of captions in other forms, which EveryDream2 merges and puts first."""
    found = [name for suffix in (".caption", ".yaml", ".yml") if (name := image.stem + suffix) in names]
    if "everydream2" not in wanted:
        return []
    reason = f"EveryDream2 merges it with {image.stem}.txt, whose first part is lost"
    return [Trap(image.with_name(name), reason, "remove one of them") for name in found]


def content_traps(content: bytes, wanted: Collection[str], several_lines: bool) -> list[tuple[str, str]]:
    """Return reason and remedy of each trap in the bytes of a caption."""
    if not content:
        return [("an empty file stops kohya, and EveryDream2 takes the file name", WRITE_IT)]
    traps = []
    if content.startswith(BOM):
        traps.append(("its byte order mark becomes part of the first tag", "save it as UTF-8 without BOM"))
        content = content[len(BOM) :]
    try:
        text = content.decode()
    except UnicodeDecodeError:
        return [*traps, ("it is not UTF-8, which stops kohya and is garbage elsewhere", "save it as UTF-8")]
    lines = text.splitlines()
    if not text.strip() or not lines[0].strip():
        return [*traps, ("its first line is blank, so there is no caption", WRITE_IT)]
    if len([line for line in lines if line.strip()]) > 1 and not several_lines:
        traps.append(
            (
                "kohya drops all lines but the first, EveryDream2 puts them into a tag",
                "make it one line, or turn enable_wildcard on",
            )
        )
    for line in lines if several_lines else lines[:1]:
        traps += line_traps(line, wanted)
    return traps


def line_traps(line: str, wanted: Collection[str]) -> list[tuple[str, str]]:
    """Return reason and remedy of each trap in one caption."""
    traps = []
    parts = [part.strip() for part in line.split(",")]
    if not parts[0] and "everydream2" in wanted:
        traps.append(("it begins with a comma, so EveryDream2 takes the file name", "remove the comma"))
    elif "" in parts:
        traps.append(("a doubled or last comma makes an empty tag", "remove the comma"))
    if "everydream2" in wanted and FOR_KOHYA.search(line):
        traps.append(("EveryDream2 trains |||, ;;; and {a|b} as text, they are for kohya", "prepare with --dst_dir"))
    if "everydream2" in wanted and (A_FILE.fullmatch(line.strip()) or is_file(line.strip())):
        traps.append(("EveryDream2 opens a caption that is the path of a file", "write words"))
    return traps


def is_file(text: str) -> bool:
    """Tell whether a text is the path of an existing file."""
    try:
        return "/" in text and Path(text).is_file()
    except (OSError, ValueError):
        return False
