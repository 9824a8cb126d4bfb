"""What kind a tag is of: namespaces of boorus and their downloaders, ratings, and tags about the file."""

import html
import re
from collections.abc import Iterable, Mapping
from functools import lru_cache

from framekit.files.names import nfc

CHARACTER, COPYRIGHT, ARTIST, GENERAL = "character", "copyright", "artist", "general"
RATING, META, UNCLEAR = "rating", "meta", "unclear"
Told = dict[str, list[str]]  # kind -> what a file says of it

# Namespace -> kind. Source: Danbooru, Gelbooru, Moebooru, e621, Sankaku, Philomena and E-Hentai, their own categories;
# Hydrus, gallery-dl and Grabber as they write them. An unknown one is part of its tag: re:zero, nier:automata.
NAMESPACES = {
    name: kind
    for kind, words in {
        CHARACTER: "character char chara oc person cosplayer",
        COPYRIGHT: "copyright series serie parody parodies franchise",
        ARTIST: "artist creator circle studio",
        GENERAL: "general tag keyword hashtag feature descriptor species female male mixed",
        RATING: "rating safety",
        META: "meta metadata medium lore pool invalid contributor deprecated fault spoiler editor source sources url"
        " title page chapter volume id post md5 sha1 sha256 score fav favgroup user uploader approver commenter date"
        " year filename filetype parent language group other site booru site_name width height generator prompter comic"
        " fanfic art_pack reclass location subreddit director genre",
    }.items()
    for word in words.split()
    for name in (word,)
}
# Such a namespace stands before a number; else it is the beginning of a title, as in id:invaded.
BEFORE_NUMBERS = frozenset("page chapter volume id post score fav year date parent width height".split())
RATINGS = {
    **{word: word for word in "general safe sensitive questionable explicit".split()},
    "g": "general",
    "s": "safe",
    "q": "questionable",
    "e": "explicit",
    "suggestive": "sensitive",
    "sketchy": "questionable",
    "unsafe": "explicit",
    "mature": "questionable",
    "adult": "explicit",
    "r-18": "explicit",
    "r18": "explicit",
    "r-18g": "explicit",
    "r18g": "explicit",
}
# Tags about the file, the post or its text. Source: Danbooru's tag group "Metatags", Moebooru's faults.
ABOUT_THE_FILE = frozenset(
    "highres absurdres incredibly_absurdres lowres tagme translated partially_translated check_translation"
    " hard_translated commentary duplicate pixel-perfect_duplicate"
    " resolution_mismatch source_larger source_smaller md5_mismatch jpeg_artifacts image_sample scan_artifacts"
    " upscaled third-party_edit third-party_source paid_reward paid_reward_available variant_set revision bad_link"
    " hi_res absurd_res superabsurd_res annotated".split()
)
BAD_ID = re.compile(r"bad_(?:\w+_)?(?:id|link|source)|(?:\w+_)?commentary|\w+_request")
NO_ARTIST = frozenset(  # what e621 and Danbooru have among artists
    "conditional_dnp avoid_posting unknown_artist anonymous_artist banned_artist sound_warning epilepsy_warning"
    " third-party_edit unknown_artist_signature unknown".split()
)
PEOPLE = re.compile(r"\d+\+?(?:girl|boy|other)s?|multiple_(?:girls|boys|others|people)", re.IGNORECASE)
SOLO = "solo"
ENTITY = re.compile(r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z]\w{1,30});")
ESCAPED = re.compile(r"""(\\\([^\\()]*\)/)|\\([()\[\]'"])""")  # the arms of \(^o^)/ are none
SCORED = re.compile(r"(.*\S)\s*:\s*(?:0?\.\d+|1\.0+)")  # 1girl: 0.98, of taggers
WEIGHED = re.compile(r"\((.+):\s*\d*\.?\d+\)")  # (1girl:1.2), of prompts
NETWORK = re.compile(r"<\w+:.*>")  # <lora:name:0.8>, of prompts
ADDRESS = re.compile(r"(?:https?:)?//|www\.|data:", re.IGNORECASE)
LONGEST = 100  # characters of a general tag; chosen, Danbooru's longest are half of it
MOST_WORDS = 7  # of a general tag; chosen: more are a sentence, or tags without separators


def nothing_told() -> Told:
    """Return no tags of any kind."""
    return {kind: [] for kind in (CHARACTER, COPYRIGHT, ARTIST, GENERAL, RATING, META, UNCLEAR)}


def spelled(text: str) -> str:
    """Return a text with HTML entities and escaped brackets as the signs that they stand for, each understood once."""
    text = nfc(text)
    if "&" in text:
        text = ENTITY.sub(lambda found: sign(found[0]), text)
    return ESCAPED.sub(lambda found: found[1] or found[2], text) if "\\" in text else text


def without_score(tag: str) -> str:
    """Return a tag without the score that a tagger, or the weight that a prompt, gives it."""
    found = SCORED.fullmatch(tag) or WEIGHED.fullmatch(tag) if tag.endswith((")", *"0123456789")) else None
    return found[1] if found and not kind_of(found[1]) else tag


def sign(entity: str) -> str:
    """Return the sign of an HTML entity; a blank for one that would separate tags."""
    found = html.unescape(entity)
    return " " if found in (",", "\xa0") or not found.isprintable() else found


def kind_of(name: str) -> str:
    """Return the kind that a namespace, the head of a line or a key names, in any spelling; nothing for others."""
    word = name.strip().strip("\"'").lower().replace(" ", "_").replace("-", "_")
    for beginning in ("tag_string_", "tags_string_", "tags_", "tag_"):
        word = word.removeprefix(beginning) if len(word) > len(beginning) else word
    word = word.removesuffix("_tags").removesuffix("_tag").removesuffix("(s)")
    return NAMESPACES.get(word) or NAMESPACES.get(word.removesuffix("s"), "")


def split_namespace(tag: str) -> tuple[str, str]:
    """Return the kind that the namespace of a tag tells, nothing without one, and the tag without it."""
    head, colon, rest = tag.partition(":")
    kind = kind_of(head) if colon and not rest.startswith(("_", "/")) else ""
    if head.strip().lower() in BEFORE_NUMBERS and rest and not any(map(str.isdigit, rest)):
        kind = ""
    return (kind, rest.strip()) if kind else ("", tag)


def counts_people(tag: str) -> bool:
    """Tell whether a tag says how many people there are: it never names an artist, a character or a series."""
    return tag.lower() == SOLO or PEOPLE.fullmatch(tag.replace(" ", "_")) is not None


def is_about_the_file(tag: str) -> bool:
    """Tell whether a tag speaks of the file or the post, and not of the picture."""
    name = tag.lower().replace(" ", "_")
    return name in ABOUT_THE_FILE or BAD_ID.fullmatch(name) is not None


def take(found: Told, tag: str, kind: str = GENERAL) -> None:
    """Add a tag to those of its kind, which its namespace tells, else `kind`; what is no tag is unclear."""
    kind, name = sorted_in(tag, kind)
    if name:
        found[kind].append(name)


@lru_cache(maxsize=2**16)  # the same tags come up on frame after frame
def sorted_in(tag: str, kind: str) -> tuple[str, str]:
    """Return the kind of a tag, and the tag without its namespace; an empty one says nothing."""
    told, rest = split_namespace(unquoted(" ".join(tag.split())))
    kind = told or kind
    if kind == RATING and rest:
        rating = RATINGS.get(rest.lower(), "")
        return (RATING, rating) if rating else (UNCLEAR, tag)
    if (kind == GENERAL and is_about_the_file(rest)) or (kind == ARTIST and same(rest) in NO_ARTIST):
        return META, rest
    if kind in (CHARACTER, COPYRIGHT, ARTIST) and counts_people(rest):
        return GENERAL, rest
    return (UNCLEAR if kind != META and is_unclear(rest, kind) else kind), rest


def unquoted(tag: str) -> str:
    """Return a tag without the quotes around it, as in tables."""
    return tag[1:-1].strip() if len(tag) > 2 and tag[0] == tag[-1] == '"' else tag


def is_unclear(tag: str, kind: str) -> bool:
    """Tell whether a text cannot be a tag: an address, a sentence, no sign that anybody sees."""
    if ADDRESS.match(tag) or NETWORK.fullmatch(tag) or not tag.isprintable():
        return True
    return kind == GENERAL and (len(tag) > LONGEST or len(tag.split()) > MOST_WORDS)


def joined(several: Iterable[Mapping[str, list[str]]]) -> Told:
    """Return what several files say, each tag once, however it is spelt."""
    found = nothing_told()
    for told in several:
        for kind, tags in told.items():
            if not tags:
                continue
            known = {same(tag) for tag in found[kind]}
            for tag in tags:
                if same(tag) not in known:
                    known.add(same(tag))
                    found[kind].append(tag)
    return found


def same(tag: str) -> str:
    """Return what is the same for all spellings of a tag."""
    return tag.lower().replace(" ", "_")
