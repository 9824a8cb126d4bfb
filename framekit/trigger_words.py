"""The words that stand for a character in captions."""

from pathlib import Path

from framekit.sidecar import BadSidecar, read_text
from framekit.stage import Misuse


def read_triggers(path: Path) -> dict[str, str]:
    """Read lines `character,trigger words`; # begins a remark. Raises Misuse for a line that is none."""
    try:
        lines = read_text(path, is_given=True).splitlines()
    except BadSidecar as error:
        raise Misuse(
            f"{path} cannot be read ({error}); --trigger_csv needs lines such as AobaKokona,kkn girl"
        ) from error
    found: dict[str, str] = {}
    for line in lines:
        name, comma, words = (part.strip() for part in line.partition(","))
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        if not (name and comma and words.replace(",", " ").strip()):
            raise Misuse(f"{path}: the line {line.strip()!r} should be a character, a comma, and its trigger words")
        if name in found:
            raise Misuse(f"{path} has two lines for {name}; keep one of them")
        found[name] = " ".join(words.replace(",", " ").split())
    return found
