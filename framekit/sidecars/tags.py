"""Files of tags: read in all forms that other programs write; what a person wrote or changed is never overwritten."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from framekit.files import atomic, journal
from framekit.files.names import nfc
from framekit.sidecars import corrections, kinds
from framekit.sidecars.kinds import Told

RECORD = ".tagged.jsonl"
TAG_LINES = (kinds.CHARACTER, kinds.COPYRIGHT, kinds.ARTIST, kinds.GENERAL)


class TagRecord:
    """What tag_images.py wrote in a folder: one line a file with a digest of its text, and how it came about."""

    def __init__(self, folder: Path) -> None:
        """Read the record of a folder; a missing one is empty."""
        self.path = folder / RECORD
        self.written: dict[str, dict[str, str]] = {}
        for line in journal.read_lines(self.path):
            self.written.setdefault(nfc(str(line.get("file"))), {})[str(line.get("digest"))] = str(line.get("by"))

    def is_edited(self, path: Path) -> bool:
        """Tell whether a person wrote or changed a file of tags; a missing one is not edited."""
        return corrections.is_file_edited(path, self.written.get(nfc(path.name), {}))

    def noted(self, path: Path) -> str:
        """Return how a file of tags came about, nothing if a person wrote or changed it."""
        known = self.written.get(nfc(path.name), {})
        by = (
            (known.get(one) for one in corrections.digests_of(path)) if path.is_file() and not path.is_symlink() else ()
        )
        return next((one for one in by if one is not None), "")

    def write(self, path: Path, text: str, by: str, seen: bytes | None) -> bool:
        """Note a text, then write it: after a kill in between, the old text still counts as our own.

        A file that no longer holds the bytes that were `seen` was saved meanwhile, and stays; tell whether it was
        written.
        """
        known = self.written.setdefault(nfc(path.name), {})
        found = corrections.text_digest(path, text)
        if known.get(found) != by:
            journal.append_line(self.path, {"file": path.name, "digest": found, "by": by})
            known[found] = by
        return atomic.write_over(path, text, seen)


# Words that stand alone in no booru tag with underscores: a line that holds one is a tag of several words, or a text.
LITTLE_WORDS = frozenset(
    "a an the and or of on in at to with by from for is are her his its their over under between behind through"
    " against around own into up out as".split()
)
FEW_WORDS = 4  # of a tag on a line of its own without a little word; chosen
WIDE_COMMA, LIST_COMMA = "，", "、"
SPACED = re.compile(r"(?<=\S);(?=\s|$)|\s\|\s|\t")  # separators of files without commas; steins;gate is one tag
MARKUP = re.compile(r"""=["']|</|/>""")
LOOSE_HEAD = re.compile(r"(?<!\S)([^\s:]+):\s+(?=\S)")


def parse_tags(text: str) -> dict[str, list[str]]:
    """Split the text of X.png.tags into `character`, `copyright`, `artist`, `general`, and the `rating`.

    All forms that downloaders write are understood: with commas, with blanks, a tag a line, in lines that begin with
    their kind; a namespace such as `artist:` holds for its one tag. Tags about the file are left out, and so is what
    is unclear, see `sort_tags`.

        >>> parse_tags("artist:wlop 1girl long_hair highres")["general"]
        ['1girl', 'long_hair']
    """
    found = sort_tags(text)
    return {kind: found[kind] for kind in (*TAG_LINES, kinds.RATING)}


def sort_tags(text: str) -> Told:
    """Split the text of a file of tags by kinds, as `parse_tags`, with what is about the file, and what is unclear."""
    found = kinds.nothing_told()
    plain = kinds.spelled(text.removeprefix("\ufeff")).replace(WIDE_COMMA, ",")
    lines = [line for line in map(str.strip, plain.splitlines()) if line]
    if is_code("\n".join(lines)):
        found[kinds.UNCLEAR].append("it holds JSON or markup and no list of tags")
        return found
    if len(lines) == 1 and "," not in lines[0]:
        lines = [lines[0].replace(LIST_COMMA, ",")]
    heads = [kinds.split_namespace(line) for line in lines]
    opened = [bool(kind) and not rest and not below for (kind, rest), (below, _) in pairwise(heads)]
    in_sections = sum(opened) > 1 and all(not rest for kind, rest in heads if kind)
    section = kinds.GENERAL
    form = Form(any("," in line for line in lines), len(lines) == 1)
    for line, (kind, rest) in zip(lines, heads, strict=True):
        if kind and not rest:
            section = kind if in_sections else section
        elif kind and is_head(line, kind, rest, all(kind for kind, _ in heads) and len(lines) > 1):
            form.sort(rest, kind, found)
        else:
            form.sort(line, section, found)
    return {kind: [*dict.fromkeys(tags)] for kind, tags in found.items()}


def is_code(text: str) -> bool:
    """Tell whether a text is JSON or markup, by how it begins and ends, and by what it holds."""
    first, held, last = text[:1], text[1:-1], text[-1:]
    if first in ("{", "["):
        return last in ("}", "]") and ('"' in held or "'" in held)
    return first == "<" and last == ">" and MARKUP.search(held) is not None


def is_head(line: str, kind: str, rest: str, all_have: bool) -> bool:
    """Tell whether the namespace at the beginning of a line holds for all tags of the line, not for the first alone.

    It does where a blank follows, or where all lines have one; but no line of artists holds another namespace, or a
    tag that counts people.
    """
    if kind == kinds.GENERAL:
        return True
    others = [word.strip() for word in re.split(r"[,\s]", rest) if word.strip()]
    if any(kinds.counts_people(word) or kinds.split_namespace(word)[0] not in ("", kind) for word in others):
        return False
    return all_have or line.partition(":")[2][:1].isspace()


@dataclass(frozen=True)
class Form:
    """How tags are separated in a file: whether any line has commas, and whether there is one line only."""

    commas: bool
    one_line: bool

    def sort(self, line: str, kind: str, found: Told) -> None:
        """Add the tags of a line, without its head, to those of their kinds."""
        parts = line.split(",") if self.commas else SPACED.split(line)
        for part in map(kinds.without_score, filter(None, map(str.strip, parts))):
            if " " not in part and "\t" not in part:
                kinds.take(found, part, kind)
                continue
            words = LOOSE_HEAD.sub(close_head, part).split()
            if is_run(words, self.commas):
                for word in words:
                    kinds.take(found, kinds.without_score(word), kind)
            elif all(word.startswith("#") and len(word) > 1 for word in words):
                for word in words:
                    kinds.take(found, word[1:], kind)
            elif not self.commas and len(parts) == 1 and self.is_unclear(words, kind):
                found[kinds.UNCLEAR].append(part)
            else:
                kinds.take(found, part, kind)

    def is_unclear(self, words: Sequence[str], kind: str) -> bool:
        """Tell whether a line without separators may be one tag as well as several."""
        named = [bool(kinds.split_namespace(word)[0]) for word in words]
        if sum(named) > 1:
            return True
        is_text = not LITTLE_WORDS.isdisjoint(word.lower() for word in words)
        if is_text and any("_" in word for word in words):
            return True
        most = 2 if self.one_line else FEW_WORDS
        return kind == kinds.GENERAL and not named[0] and not is_text and len(words) > most


def close_head(found: re.Match[str]) -> str:
    """Return a namespace without the blank after it; other words with a colon as they are."""
    return f"{found[1]}:" if kinds.kind_of(found[1]) else found[0]


def is_run(words: Sequence[str], has_commas: bool) -> bool:
    """Tell whether words are tags separated by blanks, as boorus write them: with underscores instead of blanks.

    Words with underscores tell it, and several that all count people. Without commas, one that counts people does,
    too, or one about the file, or namespaces behind the first word.
    """
    if len(words) < 2 or not LITTLE_WORDS.isdisjoint(word.lower() for word in words):
        return False
    if any("_" in word and any(map(str.isalnum, word)) for word in words):
        return True
    if all(map(kinds.counts_people, words)):
        return True
    named = [bool(kinds.split_namespace(word)[0]) for word in words]
    if has_commas:
        return named[0] and any(map(kinds.counts_people, words[1:]))
    if all(named) or (named.count(True) == 1 and not named[0]):
        return True
    people = [word for word in words if kinds.counts_people(word)]
    return any(word.lower() != kinds.SOLO or len(words) > 2 for word in people) or any(
        map(kinds.is_about_the_file, words)
    )
