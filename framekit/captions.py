"""From metadata to the caption that a trainer reads."""

import random
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from framekit.metadata import Metadata

# Emoticons that lose their meaning without the underscore. Source: the 19 of the WD taggers' own demo.
KAOMOJI = frozenset("0_0 (o)_(o) +_+ +_- ._. <o>_<o> <|>_<|> =_= >_< 3_3 6_9 >_o @_@ ^_^ o_o u_u x_x |_| ||_||".split())
PEOPLE_TAG = re.compile(r"\d+\+?(?:boy|girl|other)s?|solo|multiple_(?:boys|girls|people)")
NO_WORDS = "anime screenshot"  # an empty caption stops one trainer and makes another use the file name


@dataclass(frozen=True)
class CaptionRules:
    """The probability of each part, and how tags are chosen.

    The defaults leave out face positions, which models fail to learn. Source: the older generation's author.
    """

    count: float = 1.0
    character: float = 1.0
    copyright: float = 0.0
    general: float = 1.0
    artist: float = 1.0
    rating: float = 1.0
    facepos: float = 0.0
    tags: float = 1.0
    max_tag_number: int = 15
    shuffle_tags: bool = False
    keep_underscores: bool = False
    seed: int = 0
    inferred: bool = False


def build_caption(known: Metadata, stem: str, rules: CaptionRules) -> str:
    """Return one non-empty line: count, characters, copyright, general, artist, rating, face positions, tags.

    Chance depends on the seed and the frame's stem only, so that another frame more or less changes nothing.
    """
    chance = random.Random(f"{rules.seed}:{stem}")
    general = ", ".join(clean_parts(known.general.split(",")))
    parts = [
        (rules.count, people_words(known.count)),
        (rules.character, " ".join(clean_parts([*known.characters, *(known.inferred if rules.inferred else [])]))),
        (rules.copyright, ", ".join(f"from {name}" for name in clean_parts(known.copyright))),
        (rules.general, general),
        (rules.artist, ", ".join(f"by {name}" for name in clean_parts(known.artist))),
        (rules.rating, "explicit" if known.rating == "explicit" else ""),
        (rules.facepos, " ".join(clean_parts(known.facepos))),
        (rules.tags, ", ".join(choose_tags(known.tags, rules, chance))),
    ]
    drawn = [text for probability, text in parts if chance.random() < probability and text]
    return ", ".join(drawn) or general or NO_WORDS


def people_words(count: int) -> str:
    """Return `1person`, `2people`; nothing for nobody."""
    return "" if count == 0 else "1person" if count == 1 else f"{count}people"


def clean_parts(texts: Iterable[str]) -> list[str]:
    """Make texts safe within a caption: a comma would split one, an empty one would become an empty tag."""
    return [clean for text in texts if (clean := " ".join(text.replace(",", " ").split()))]


def choose_tags(tags: Sequence[str], rules: CaptionRules, chance: random.Random) -> list[str]:
    """Return the tags for a caption: people first, the rest in order or shuffled, cut to the number wanted."""
    words = tags if rules.keep_underscores else map(spaced, tags)
    unique = list(dict.fromkeys(clean_parts(words)))
    people = [tag for tag in unique if PEOPLE_TAG.fullmatch(tag.replace(" ", "_"))]
    rest = [tag for tag in unique if tag not in people]
    if rules.shuffle_tags:
        chance.shuffle(rest)
    return (people + rest)[: rules.max_tag_number]


def spaced(tag: str) -> str:
    """Replace underscores by blanks, but not those of emoticons."""
    return tag if tag in KAOMOJI else tag.replace("_", " ").strip()
