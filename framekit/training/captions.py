"""From metadata to the caption that a trainer reads."""

import random
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from framekit.console import UNSEEN, counted, nearest, without_unseen
from framekit.dataset.history import sources_of
from framekit.errors import UsageError
from framekit.files.names import nfc
from framekit.files.tables import ANY, read_rows
from framekit.sidecars.metadata import FACEPOS, Metadata, metadata_from
from framekit.sidecars.renames import Names, composed, read_batches
from framekit.tags.vocabulary import KAOMOJI, NO_HUMANS, group_of, is_of_the_moment, people_in

# What a caption says where there is nothing else to say, by the type of the source: an empty one stops one trainer, and
# makes another use the file name.
WORDS_OF_SOURCES = {
    "": "anime image",
    "screenshots": "anime screenshot",
    "fanart": "anime fan art",
    "regularization": "anime illustration",
}
FIELD = re.compile(r"\{(\w*)\}")
TAG_THEM = "run tag_images.py, then generate_metadata.py and the scripts after it again"
# Where the middle of a face is, as a fraction of the width. Source: anime_screenshot_pipeline, plain captions.
AT_LEFT, AT_RIGHT = 0.38, 0.62
LEAST_FRAMES = 5  # of a character alone; chosen: with fewer, chance decides which tags are always there
COUNT_WORDS = ("people", "booru", "both")
CoreTags = Mapping[str, Mapping[str, float]]  # character -> core tag -> share of the frames where it is alone


@dataclass(frozen=True)
class CaptionRules:
    """The probabilities of parts, how they are joined, and how tags are chosen.

    `chances` are probabilities from 0 to 1 by the name of a part, for those that don't have the default of `PARTS`.
    `triggers` are the words that stand for a character, `core` its tags that are left out, `left_out` the groups of
    tags that are left out where a character is named. `count_words` says how people are counted: in our words, by tags
    such as `1girl` where these know, or by both. `drop_episode` leaves the word for show and episode out of the general
    text. `separator` stands before the tags; `double_braces` is for a
    trainer that draws one of `{a|b}`.
    """

    chances: Mapping[str, float] = field(default_factory=dict)
    max_tag_number: int = 15
    shuffle_tags: bool = False
    keep_underscores: bool = False
    seed: int = 0
    inferred: bool = False
    template: str = ""  # all parts, in the order of PARTS
    face_words: bool = False
    escape_brackets: bool = False
    left_out: frozenset[str] = frozenset()
    triggers: Mapping[str, str] = field(default_factory=dict)
    core: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    separator: str = ""
    double_braces: bool = False
    captions_per_frame: int = 1
    count_words: str = COUNT_WORDS[0]
    drop_episode: bool = False

    @property
    def counts_in_words(self) -> bool:
        """Whether captions say how many people there are, so that tags need not say it too."""
        return self.chances.get("count", 1.0) > 0 and "{count}" in (self.template or TEMPLATE)


def caption(
    metadata: Metadata | Mapping[str, Any], rules: CaptionRules | None = None, stem: str = "", number: int = 0
) -> str:
    """Return the caption of a frame from its metadata, or from the content of its X.json: one non-empty line.

    Chance depends on the seed, the frame's stem and the number of its caption only, so that another frame more or
    less changes nothing. Raises BadSidecar for a key of X.json that cannot be understood.

    >>> caption({"count": 1, "characters": ["Aoba"], "tags": ["long_hair", "smile"]})
    '1person, Aoba, long hair, smile'
    >>> caption({"count": 1, "characters": ["Aoba"], "tags": ["smile"]}, CaptionRules(chances={"count": 0}))
    'Aoba, smile'
    """
    rules = rules or CaptionRules()
    known = metadata if isinstance(metadata, Metadata) else metadata_from(metadata)
    chance = random.Random(f"{rules.seed}:{stem}" + (f":{number}" if number else ""))
    texts = {part.name: escaped(part.words(known, rules, chance), rules) for part in PARTS}
    drawn = {
        part.name: texts[part.name] if chance.random() < rules.chances.get(part.name, part.probability) else ""
        for part in PARTS
    }
    written = fill(rules.template or TEMPLATE, drawn, rules.separator) or texts["general"]
    return " ".join(without_unseen(written).split()) or words_of_source(known)


def words_of_source(known: Metadata) -> str:
    """Return what a caption says where there is nothing else to say.

    >>> words_of_source(Metadata(source_type="fanart"))
    'anime fan art'
    """
    kind = known.source_type.casefold()
    return WORDS_OF_SOURCES.get(kind) or ", ".join(clean_parts([spaced(known.source_type)])) or WORDS_OF_SOURCES[""]


def bare_in_words(number: int) -> str:
    """Return how many captions say little."""
    verb = "holds" if number == 1 else "hold"
    return f"{counted(number, 'caption')} {verb} nothing but the general text (no tags, no names)"


def says_little(known: Metadata) -> bool:
    """Tell whether metadata have nothing for a caption but the general text: no tags, and no names."""
    return not (known.tags or known.characters or known.inferred or known.artist or known.description)


def several_captions(known: Metadata, rules: CaptionRules, stem: str) -> str:
    """Return the different ones of as many captions as the rules ask for, one a line, each drawn anew."""
    return "\n".join(dict.fromkeys(caption(known, rules, stem, one) for one in range(rules.captions_per_frame)))


def parts_to_keep(text: str, known: Metadata, rules: CaptionRules) -> int:
    """Return how many parts of a caption must keep their place when a trainer shuffles: those up to the last name.

    A part is what stands between two commas. At least the first is kept, and of several lines the one that needs most.

    >>> parts_to_keep("1person, Aoba, smile", metadata_from({"characters": ["Aoba"]}), CaptionRules())
    2
    """
    names = clean_parts([*names_in_words(known, rules), *known.characters])
    words = [re.compile(rf"(?<!\w){re.escape(escaped(name, rules))}(?!\w)", re.IGNORECASE) for name in names]
    kept = 1
    for parts in (line.split(",") for line in nfc(text).splitlines()):
        for word in words:
            kept = max(kept, next((number for number, part in enumerate(parts, 1) if word.search(part)), 0))
    return kept


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
    known = [part.name for part in PARTS]
    for name in FIELD.findall(template):
        if name not in known:
            hint = nearest(name, known, "")
            raise UsageError(f"--template has no part {{{name}}}{hint}; it takes {', '.join(known)}, each in braces")
    if "{" in FIELD.sub("", template) or "}" in FIELD.sub("", template) or not FIELD.search(template):
        raise UsageError(f"--template {template!r} needs parts in braces, such as {{count}}, {{characters}}, {{tags}}")
    return " ".join(template.split())


def people_words(count: int) -> str:
    """Return `1person`, `2people`; nothing for nobody."""
    return "" if count == 0 else "1person" if count == 1 else f"{count}people"


def count_in_words(known: Metadata, rules: CaptionRules) -> str:
    """Return how many people there are: `2people`, or the tags that count them, if these agree and that is wanted."""
    counting = [tag for tag in known.tags if group_of(tag) == "people"]
    if rules.count_words != "booru" or people_in(counting) != known.count:
        return people_words(known.count)
    return ", ".join(clean_parts(counting if rules.keep_underscores else map(spaced, counting)))


def general_text(known: Metadata, rules: CaptionRules) -> str:
    """Return the general text, without the word for show and episode if that is dropped.

    >>> general_text(Metadata(general="anishot yamaS2EP04", episode="EP04"), CaptionRules(drop_episode=True))
    'anishot'
    """
    parts = clean_parts(known.general.split(","))
    if rules.drop_episode and known.episode:
        parts = [" ".join(word for word in part.split() if not word.endswith(known.episode)) for part in parts]
    return ", ".join(filter(None, parts))


def is_unseen_in(known: Metadata) -> bool:
    """Tell whether metadata holds signs that nobody sees, which captions are written without."""
    lists = (known.characters, known.inferred, known.tags, known.copyright, known.artist)
    return bool(
        UNSEEN.search(
            "".join([known.general, known.rating, known.description, *(text for one in lists for text in one)])
        )
    )


def names_in_words(known: Metadata, rules: CaptionRules) -> list[str]:
    """Return the characters, or the words that stand for them, each once."""
    names = dict.fromkeys([*known.characters, *(known.inferred if rules.inferred else [])])
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
    return [clean for text in texts if (clean := " ".join(without_unseen(text).replace(",", " ").split()))]


def wanted_tags(known: Metadata, rules: CaptionRules) -> list[str]:
    """Return the tags without those that say again, or otherwise, what the caption says before.

    That are those that count people, and of a named character its core tags, and the groups to leave out.
    """
    tags = known.tags
    if rules.counts_in_words:
        doubled = rules.count_words != "both" or people_in(tags) not in (0, known.count)
        tags = [tag for tag in tags if not (doubled and group_of(tag) == "people")]
        tags = [tag for tag in tags if not (known.count and tag == NO_HUMANS)]
    if not known.characters or not (rules.core or rules.left_out):
        return tags
    core = set().union(*(rules.core.get(name, {}) for name in known.characters))
    return [tag for tag in tags if tag not in core and group_of(tag) not in rules.left_out]


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


def named(word: str, names: Iterable[str]) -> str:
    """Return names as parts of a caption, each after a word."""
    return ", ".join(f"{word} {name}" for name in clean_parts(names))


@dataclass(frozen=True)
class Part:
    """A part of the caption: its name in templates, its default probability, its words, and what it is.

    Its option is `--use_NAME_prob`, or has the name `option`.
    """

    name: str
    probability: float
    words: Callable[[Metadata, CaptionRules, random.Random], str]
    help: str
    option: str = ""


# In the order in which chance draws them. Face positions are left out by default: models fail to learn them.
PARTS = (
    Part("count", 1.0, lambda known, rules, chance: count_in_words(known, rules), "number of people, such as 2people"),
    Part(
        "characters",
        1.0,
        lambda known, rules, chance: " ".join(clean_parts(names_in_words(known, rules))),
        "characters",
        option="character",
    ),
    Part(
        "copyright",
        0.0,
        lambda known, rules, chance: named("from", known.copyright),
        "copyright, such as from yama_no_susume",
    ),
    Part(
        "general",
        1.0,
        lambda known, rules, chance: general_text(known, rules),
        "general description",
    ),
    Part("artist", 1.0, lambda known, rules, chance: named("by", known.artist), "artist"),
    Part(
        "rating",
        1.0,
        lambda known, rules, chance: "explicit" if known.rating == "explicit" else "",
        "rating, if it is explicit",
    ),
    Part(
        "facepos",
        0.0,
        lambda known, rules, chance: face_positions(known.facepos, rules.face_words),
        "face positions, such as fvp 42 70 fhp 22 39",
    ),
    Part(
        "tags",
        1.0,
        lambda known, rules, chance: ", ".join(choose_tags(wanted_tags(known, rules), rules, chance)),
        "tags",
    ),
    Part("description", 1.0, lambda known, rules, chance: known.description.strip(" ,"), "sentences of a description"),
)
TEMPLATE = ", ".join(f"{{{part.name}}}" for part in PARTS)


def read_triggers(path: Path) -> dict[str, str]:
    """Read the trigger words of characters, `character,words`. Raises UsageError for a row without any."""
    found: dict[str, str] = {}
    for row in read_rows(path, "AobaKokona,kkn girl", (2, ANY), unique=True):
        name, *parts = row.cells
        found[name] = " ".join(" ".join(parts).split())
    return found


def old_names_in(text: str, names: Names, known: Iterable[str]) -> list[str]:
    """Return the old names of renames that a text holds, but for those of who is `known` to be there.

    >>> old_names_in("1person, Sora, hat", {"Sora": "SoraMinato"}, ["SoraMinato"])
    ['Sora']
    """
    others = {*names} - {*known}
    return [name for name in sorted(others) if re.search(rf"(?<!\w){re.escape(name)}(?!\w)", nfc(text))]


def renames_before(root: Path) -> Names:
    """Return what became of each name that was changed in a dataset, or in the folders that it was made from."""
    return composed(batch for folder in sources_of(root) for batch in read_batches(folder))


def unmet_triggers(triggers: Mapping[str, str], described: Iterable[Metadata]) -> list[str]:
    """Return a sentence for each name of a table of trigger words that no frame has, with the nearest one."""
    held = {name for known in described for name in (*known.characters, *known.inferred)}
    return [f"--trigger_csv: no frame has {name}{nearest(name, held, '')}" for name in triggers if name not in held]


def core_tags(described: Iterable[Metadata], share: float) -> CoreTags:
    """Return the tags that at least this share of a character's own frames have, most frequent first.

    A frame is a character's own if nobody else is named or counted on it. Tags of scene, camera and pose never count.
    Source: anime_screenshot_pipeline, core tags, 0.4 by default there.
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
