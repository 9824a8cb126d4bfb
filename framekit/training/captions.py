"""From metadata to the caption that a trainer reads."""

import random
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from framekit.console import nearest
from framekit.errors import UsageError
from framekit.files.tables import ANY, read_rows
from framekit.sidecars.metadata import FACEPOS, Metadata
from framekit.tags.vocabulary import KAOMOJI, group_of, is_of_the_moment

NO_WORDS = "anime screenshot"  # an empty caption stops one trainer and makes another use the file name
TEMPLATE = "{count}, {characters}, {copyright}, {general}, {artist}, {rating}, {facepos}, {tags}"
FIELD = re.compile(r"\{(\w*)\}")
PARTS = ("count", "characters", "copyright", "general", "artist", "rating", "facepos", "tags")
# Where the middle of a face is, as a fraction of the width. Source: the older generation's plain captions.
AT_LEFT, AT_RIGHT = 0.38, 0.62
LEAST_FRAMES = 5  # of a character alone; with fewer, chance decides what is always there
CoreTags = Mapping[str, Mapping[str, float]]


@dataclass(frozen=True)
class CaptionRules:
    """The probability of each part, how they are joined, and how tags are chosen.

    `triggers` are the words that stand for a character, `core` its tags that are left out, `left_out` the groups of
    tags that are left out where a character is named. `separator` stands before the tags; `double_braces` is for a
    trainer that draws one of `{a|b}`. The defaults leave out face positions, which models fail to learn. Source: the
    older generation's author.
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
    template: str = TEMPLATE
    face_words: bool = False
    escape_brackets: bool = False
    left_out: frozenset[str] = frozenset()
    triggers: Mapping[str, str] = field(default_factory=dict)
    core: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    separator: str = ""
    double_braces: bool = False


def build_caption(known: Metadata, stem: str, rules: CaptionRules, number: int = 0) -> str:
    """Return one non-empty line, the parts as the template joins them.

    Chance depends on the seed, the frame's stem and the number of its caption only, so that another frame more or
    less changes nothing.
    """
    chance = random.Random(f"{rules.seed}:{stem}" + (f":{number}" if number else ""))
    general = ", ".join(clean_parts(known.general.split(",")))
    tags = ", ".join(choose_tags(wanted_tags(known, rules), rules, chance))
    texts = (
        (rules.count, people_words(known.count)),
        (rules.character, " ".join(clean_parts(names_in_words(known, rules)))),
        (rules.copyright, ", ".join(f"from {name}" for name in clean_parts(known.copyright))),
        (rules.general, general),
        (rules.artist, ", ".join(f"by {name}" for name in clean_parts(known.artist))),
        (rules.rating, "explicit" if known.rating == "explicit" else ""),
        (rules.facepos, face_positions(known.facepos, rules.face_words)),
        (rules.tags, tags),
    )
    drawn = [text if chance.random() < probability else "" for probability, text in texts]
    parts = {name: escaped(text, rules) for name, text in zip(PARTS, drawn, strict=True)}
    return fill(rules.template, parts, rules.separator) or escaped(general, rules) or NO_WORDS


def build_captions(known: Metadata, stem: str, rules: CaptionRules, number: int) -> str:
    """Return so many different captions at most, one a line, each drawn anew."""
    return "\n".join(dict.fromkeys(build_caption(known, stem, rules, one) for one in range(number)))


def fill(template: str, parts: Mapping[str, str], separator: str) -> str:
    """Return the template with its parts filled in; what stands between two commas goes if all its parts are empty."""
    fixed: list[str] = []
    loose: list[str] = []
    for segment in template.split(","):
        names = FIELD.findall(segment)
        if names and not any(parts[name] for name in names):
            continue
        text = " ".join(FIELD.sub(lambda found: parts[found[1]], segment).split()).strip(", ")
        (loose if loose or (separator and "tags" in names) else fixed).append(text)
    fixed, loose = [text for text in fixed if text], [text for text in loose if text]
    if fixed and loose:
        return f"{', '.join(fixed)} {separator} {', '.join(loose)}"
    return ", ".join(fixed or loose)


def check_template(template: str) -> str:
    """Return the template. Raises UsageError for a part that there isn't, or a brace that belongs to none."""
    for name in FIELD.findall(template):
        if name not in PARTS:
            hint = nearest(name, PARTS, "")
            raise UsageError(f"--template has no part {{{name}}}{hint}; it takes {', '.join(PARTS)}, each in braces")
    if "{" in FIELD.sub("", template) or "}" in FIELD.sub("", template) or not FIELD.search(template):
        raise UsageError(f"--template {template!r} needs parts in braces, such as {{count}}, {{characters}}, {{tags}}")
    return " ".join(template.split())


def people_words(count: int) -> str:
    """Return `1person`, `2people`; nothing for nobody."""
    return "" if count == 0 else "1person" if count == 1 else f"{count}people"


def names_in_words(known: Metadata, rules: CaptionRules) -> list[str]:
    """Return the characters, or the words that stand for them, each once."""
    names = [*known.characters, *(known.inferred if rules.inferred else [])]
    return [rules.triggers.get(name, name) for name in names]


def face_positions(positions: Sequence[str], in_words: bool) -> str:
    """Return the positions of faces as tokens, or as words for the place of each in the width."""
    if not in_words:
        return " ".join(clean_parts(positions))
    middles = [(int(found[3]) + int(found[4])) / 200 for one in positions if (found := FACEPOS.fullmatch(one))]
    words = ["at left" if x < AT_LEFT else "in the middle" if x < AT_RIGHT else "at right" for x in middles]
    return "face " + " and ".join(words) if words else ""


def clean_parts(texts: Iterable[str]) -> list[str]:
    """Make texts safe within a caption: a comma would split one, an empty one would become an empty tag."""
    return [clean for text in texts if (clean := " ".join(text.replace(",", " ").split()))]


def wanted_tags(known: Metadata, rules: CaptionRules) -> list[str]:
    """Return the tags without those that a named character stands for: its core tags, and the groups to leave out."""
    if not known.characters or not (rules.core or rules.left_out):
        return known.tags
    core = set().union(*(rules.core.get(name, {}) for name in known.characters))
    return [tag for tag in known.tags if tag not in core and group_of(tag) not in rules.left_out]


def choose_tags(tags: Sequence[str], rules: CaptionRules, chance: random.Random) -> list[str]:
    """Return the tags for a caption: people first, the rest in order or shuffled, cut to the number wanted."""
    words = tags if rules.keep_underscores else map(spaced, tags)
    unique = list(dict.fromkeys(clean_parts(words)))
    people = [tag for tag in unique if group_of(tag) == "people"]
    rest = [tag for tag in unique if tag not in people]
    if rules.shuffle_tags:
        chance.shuffle(rest)
    return (people + rest)[: rules.max_tag_number]


def spaced(tag: str) -> str:
    """Replace underscores by blanks, but not those of emoticons."""
    return tag if tag in KAOMOJI else tag.replace("_", " ").strip()


def escaped(text: str, rules: CaptionRules) -> str:
    """Put a backslash before brackets, and double braces, where the rules say so."""
    if rules.escape_brackets:
        text = re.sub(r"([\\()])", r"\\\1", text)
    return text.replace("{", "{{").replace("}", "}}") if rules.double_braces else text


def read_triggers(path: Path) -> dict[str, str]:
    """Read the trigger words of characters, `character,words`. Raises UsageError for a row without any."""
    found: dict[str, str] = {}
    for row in read_rows(path, "AobaKokona,kkn girl", (2, ANY), unique=True):
        name, *parts = row.cells
        found[name] = " ".join(" ".join(parts).split())
    return found


"""character -> core tag -> share of the frames on which the character is alone."""


def core_tags(described: Iterable[Metadata], share: float) -> CoreTags:
    """Return the tags that at least this share of a character's own frames have, most frequent first.

    A frame is a character's own if nobody else is named or counted on it. Tags of scene, camera and pose never count.
    Source: the older generation's core tags, 0.4 by default there.
    """
    frames: Counter[str] = Counter()
    counts: dict[str, Counter[str]] = {}
    for known in described:
        names = set(known.characters)
        if len(names) == 1 and known.count <= 1:
            (name,) = names
            frames[name] += 1
            counts.setdefault(name, Counter()).update(set(known.tags))
    return {
        name: {
            tag: number / frames[name]
            for tag, number in sorted(counts[name].items(), key=lambda item: (-item[1], item[0]))
            if number / frames[name] >= share and not is_of_the_moment(tag)
        }
        for name in sorted(frames)
        if frames[name] >= LEAST_FRAMES
    }


def core_table(core: CoreTags) -> str:
    """Return a line for each character with its core tags and how often it has them."""
    lines = [f"{name}: " + (", ".join(f"{tag} {share:.0%}" for tag, share in tags.items()) or "none")
             for name, tags in core.items()]  # fmt: skip
    return "\n".join(["core tags, left out of captions:", *(lines or ["no character has enough frames of its own"])])
