"""Which tags of all scores are taken: thresholds, the order, the rating."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import numpy as np

from framekit import errors
from framekit.files.names import nfc
from framekit.files.tables import ANY, read_rows
from framekit.tags.models import RECOMMENDED
from framekit.tags.taggers import ARTIST, CHARACTER, COPYRIGHT, GENERAL, RATING
from framekit.tags.vocabulary import KAOMOJI

MODES = ("fixed", "mcut", "recommended")
RATINGS = ("first", "last", "none")  # where the rating stands
LEAST_CHARACTER = 0.15  # minimum threshold that MCut gives characters; Source: SmilingWolf's own demo of the WD taggers
LINES = {CHARACTER: "character", COPYRIGHT: "copyright", ARTIST: "artist", GENERAL: "general"}
Scored = Mapping[str, tuple[int, float]]  # tag -> category and score, the highest score first


@dataclass(frozen=True)
class Thresholds:
    """A tag must score more than this, 0 to 1; `mcut` cuts each frame's scores at their largest gap instead.

    Source of the defaults: SmilingWolf's own demo of the WD taggers.
    """

    general: float = 0.35
    character: float = 0.85
    mcut: bool = False

    def of(self, category: int, scored: Scored) -> float:
        """Return the threshold of a category for the scores of one frame."""
        by_kind = self.general if category == GENERAL else self.character
        if not self.mcut:
            return float(np.float32(by_kind))
        cut = largest_gap([score for kind, score in scored.values() if kind == category])
        return cut if category == GENERAL else max(LEAST_CHARACTER, cut)


def largest_gap(scores: Sequence[float]) -> float:
    """Return the middle of the largest gap between scores; none of them is below 0.

    Source: maximum cut thresholding, Largeron, Moulin, Géry 2012.
    """
    ordered = [*sorted(scores, reverse=True), 0.0]
    upper, lower = max(pairwise(ordered), key=lambda pair: pair[0] - pair[1], default=(1.0, 1.0))
    return (upper + lower) / 2


def choose(scored: Scored, thresholds: Thresholds) -> dict[str, int]:
    """Return the tags above their threshold with their categories, the highest score first; no rating."""
    least = {category: thresholds.of(category, scored) for category in LINES}
    return {tag: kind for tag, (kind, score) in scored.items() if kind in least and score > least[kind]}


def rating_of(scored: Scored) -> str | None:
    """Return the rating with the highest score, None without ratings."""
    ratings = [(score, tag) for tag, (category, score) in scored.items() if category == RATING]
    return f"rating:{max(ratings)[1].removeprefix('rating:')}" if ratings else None


def thresholds_for(mode: str, taggers: Sequence[str], general: float, character: float) -> Thresholds:
    """Return the thresholds of one of MODES; those recommended for several taggers are averaged."""
    if mode != "recommended":
        return Thresholds(general, character, mode == "mcut")
    known = [RECOMMENDED.get(tagger, (general, character)) for tagger in taggers]
    return Thresholds(*(sum(values) / len(known) for values in zip(*known, strict=True)))


def floor_for(thresholds: Thresholds, floor: float, is_stored: bool) -> float:
    """Return the score above which scores are needed: `floor`, or less if a threshold is lower.

    Raises UsageError if scores that are stored do not reach so low.
    """
    needed = floor if thresholds.mcut else min(floor, thresholds.general, thresholds.character)
    if is_stored and needed < floor:
        raise errors.UsageError(
            f"a threshold of {needed:g} is below --floor {floor:g}, and no scores are stored below it; give the --floor"
            " of the run that stored them, or --redo"
        )
    return needed


@dataclass(frozen=True)
class TagRules:
    """What becomes of chosen tags.

    `replace` maps a tag to another, or to "" to drop it; `unwanted` are dropped; `implied` maps a tag to the tags that
    it implies, which are dropped beside it; `drop_overlap` drops a tag that is the end of a longer one; `first` come
    first if they are there; `rating` is one of RATINGS; `character_line` writes the four-line form.
    """

    replace: Mapping[str, str] = field(default_factory=dict)
    unwanted: frozenset[str] = frozenset()
    implied: Mapping[str, frozenset[str]] = field(default_factory=dict)
    drop_overlap: bool = False
    first: Sequence[str] = ()
    rating: str = "none"
    character_line: bool = False


def tidy(chosen: Mapping[str, int], rules: TagRules) -> dict[str, int]:
    """Return the tags that stay, with their categories, in order."""
    replaced: dict[str, int] = {}
    for tag, category in chosen.items():
        if new := rules.replace.get(tag, tag):
            replaced.setdefault(new, category)
    implied = frozenset().union(*(rules.implied.get(tag, frozenset()) for tag in replaced)) | rules.unwanted
    kept = [tag for tag in replaced if tag not in implied]
    if rules.drop_overlap:
        kept = without_overlap(kept)
    ordered = [*(tag for tag in rules.first if tag in kept), *(tag for tag in kept if tag not in rules.first)]
    return {tag: replaced[tag] for tag in ordered}


def without_overlap(tags: Sequence[str]) -> list[str]:
    """Drop each tag whose words are the last words of another: `hair` beside `long_hair`.

    Whole words only: `hat` stays beside `hatsune_miku`, `bow` beside `elbow_gloves`; and only the last ones, since
    `cat_ears` are no cat. Kaomoji, and names with an addition in brackets, have no words.
    """
    plain = [tag for tag in tags if tag not in KAOMOJI and not tag.endswith(")")]
    ends = {"_".join(words[start:]) for tag in plain for words in [tag.split("_")] for start in range(1, len(words))}
    return [tag for tag in tags if tag not in ends or tag not in plain]


def tag_text(scored: Scored, thresholds: Thresholds, rules: TagRules) -> str:
    """Return the text of X.png.tags: one line, or the four-line form with the characters in a line of their own."""
    tags = tidy(choose(scored, thresholds), rules)
    rating = [one for one in [rating_of(scored)] if one and rules.rating != "none" and one not in rules.unwanted]

    def line(wanted: Iterable[str]) -> str:
        front, back = (rating, []) if rules.rating == "first" else ([], rating)
        return ", ".join([*front, *wanted, *back])

    if not rules.character_line:
        return line(tag for tag, category in tags.items() if category in (GENERAL, CHARACTER)) + "\n"
    by_line = {name: [tag for tag, kind in tags.items() if kind == category] for category, name in LINES.items()}
    text = {name: line(of) if name == "general" else ", ".join(of) for name, of in by_line.items()}
    return "".join(f"{name}: {tags_}".rstrip() + "\n" for name, tags_ in text.items())


def split_tags(text: str | None) -> list[str]:
    """Return the tags in a text, separated by commas, with underscores."""
    return [underscored(nfc(tag)) for tag in (text or "").split(",") if tag.strip()]


def underscored(tag: str) -> str:
    """Return a tag that a person wrote, with underscores for blanks."""
    return "_".join(tag.split())


def read_tags(path: Path | None) -> list[str]:
    """Read a list of tags, one or more in a line; no list has none. Raises UsageError."""
    rows = read_rows(path, "tag", (1, ANY)) if path else []
    return [underscored(cell) for row in rows for cell in row.cells if cell]


def read_pairs(path: Path | None) -> dict[str, list[str]]:
    """Read rows `tag,other,…` of a table, with any number of others; no table has no rows. Raises UsageError."""
    found: dict[str, list[str]] = {}
    for row in read_rows(path, "tag or tag,other", (1, ANY)) if path else []:
        tag, *others = map(underscored, row.cells)
        found.setdefault(tag, []).extend(other for other in others if other)
    return found


def read_replacements(path: Path | None) -> dict[str, str]:
    """Read rows `old,new` or `old` of a table, which stands for no new tag; no table has no rows. Raises UsageError."""
    rows = read_rows(path, "old,new or old", (1, 2), unique=True) if path else []
    return {underscored(row.cells[0]): underscored("".join(row.cells[1:])) for row in rows}
