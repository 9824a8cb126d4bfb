"""JSON of other programs beside a frame: read for what it says of the tags, whatever its form.

Forms: what gallery-dl writes of any site; the API posts of Danbooru, Gelbooru, Moebooru, e621, Szurubooru, Philomena
and Sankaku; Hydrus' sidecars and API; Grabber; waifuc and imgutils with scores; tables of kohya.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from framekit.sidecars import kinds, tags
from framekit.sidecars.kinds import Told

DEEPEST = 4  # posts within what a site answers, within a list
WRAPPERS = "post posts data result results file metadata danbooru gelbooru e621 sankaku yandere konachan".split()
# Keys of tags of all kinds, and the ratings that Philomena has among them.
SETS = frozenset("tags tag tag_list tag_string tags_string all_tags keywords hashtags tag_names".split())
AMONG_TAGS = frozenset("safe suggestive sensitive questionable explicit".split())
TYPES = {0: kinds.GENERAL, 1: kinds.ARTIST, 2: kinds.ARTIST, 3: kinds.COPYRIGHT, 4: kinds.CHARACTER}  # others: meta
BY_HYDRUS = ("display_tags", "storage_tags")
OF_TAGS = ("tag", "meta", "lore", "medium")  # beginnings of keys whose tags are none of the picture
S_OF_DANBOORU = "sensitive"  # what other boorus call safe
LEAST_SCORE = 0.35  # of a tag with a score, 0 to 1; as tag_images.py has it by default
ART_SITES = frozenset("pixiv twitter deviantart artstation fanbox fantia bluesky skeb newgrounds".split())
UPLOADERS = ("user", "author", "creator")  # at boorus whoever uploaded it, at ART_SITES the artist
NAMES = ("name", "full_name", "username", "display_name")
ADDRESSES = ("source", "sources", "source_url", "post_url", "webpage_url", "url", "file_url")


def told_by(value: Any, frame: Path) -> Told:
    """Return what the JSON of another program beside a frame says: its tags by kind; nothing that it does not know."""
    post = post_in(value, frame, DEEPEST)
    if isinstance(post, list):
        return kinds.joined([told_by_tags(post, kinds.GENERAL)])
    if has_scores(post) and any(map(kinds.counts_people, post)):
        return told_by_tags(post, kinds.GENERAL)
    several = [told_by_kinds(post), told_by_artist(post)]
    for inner in (post[key] for key in WRAPPERS if isinstance(post.get(key), dict)):
        several.append({**told_by_kinds(inner), kinds.GENERAL: []})  # waifuc has tags of its own beside those of a post
    sets = [held for key, held in post.items() if key.lower() in SETS]
    rest = [one for held in sets for one in listed(told_by_tags(held, kinds.GENERAL))]
    known = {kinds.same(tag) for told in several for tags_ in told.values() for tag in tags_}
    others = kinds.nothing_told()
    for kind, tag in rest:
        if kind == kinds.GENERAL and tag in AMONG_TAGS:
            others[kinds.RATING].append(kinds.RATINGS[tag])
        elif kinds.same(tag) not in known:
            others[kind].append(tag)
    return kinds.joined([*several, others])


def address_in(value: Any, frame: Path) -> str:
    """Return where the picture comes from, as the JSON of another program says; nothing if it does not."""
    post = post_in(value, frame, DEEPEST)
    held = [post.get(key) for key in ADDRESSES] if isinstance(post, dict) else []
    flat = [one for found in held for one in (found if isinstance(found, list) else [found])]
    return next((" ".join(one.split()) for one in flat if isinstance(one, str) and one.startswith("http")), "")


def post_in(value: Any, frame: Path, deepest: int) -> Any:
    """Return the table that speaks of the frame, within what a site answered or a table of many; or a list of tags."""
    if isinstance(value, list):
        tables = [one for one in value if isinstance(one, dict) and "name" not in one and "names" not in one]
        if not tables:
            return value
        return post_in(tables[0], frame, deepest - 1) if len(tables) == 1 and deepest else {}
    if not isinstance(value, dict):
        return {}
    if not deepest or any(key.lower() in SETS or kinds.kind_of(key) in tags.TAG_LINES for key in value):
        return value
    own = [held for key, held in value.items() if isinstance(held, dict) and Path(key).stem == frame.stem]
    inner = own or [value[key] for key in WRAPPERS if isinstance(value.get(key), dict | list)]
    return post_in(inner[0], frame, deepest - 1) if inner else value


def told_by_kinds(post: Mapping[str, Any]) -> Told:
    """Return what the keys of single kinds say, such as `tag_string_artist`, `characters`, `rating`."""
    found = kinds.nothing_told()
    for key, held in post.items():
        kind = kinds.kind_of(key) if key.lower() not in SETS else ""
        if kind == kinds.RATING:
            rating = rating_in(held)
            found[kind] += [S_OF_DANBOORU if held == "s" and "tag_string" in post else rating] * bool(rating)
        elif kind in tags.TAG_LINES or (kind == kinds.META and key.lower().startswith(OF_TAGS)):
            found = kinds.joined([found, told_by_tags(held, kind)])
    if not found[kinds.RATING] and isinstance(post.get("x_restrict"), int):
        found[kinds.RATING].append("explicit" if post["x_restrict"] else "safe")
    return found


def rating_in(held: Any) -> str:
    """Return the rating that a value tells: a word or letter, or the best of several scores."""
    if isinstance(held, dict) and has_scores(held):
        held = max(held, key=lambda name: held[name])
    word = held.strip().lower().removeprefix("rating:") if isinstance(held, str) else ""
    return kinds.RATINGS.get(word, "")


def told_by_artist(post: Mapping[str, Any]) -> Told:
    """Return the artist, where whoever uploaded the picture made it."""
    found = kinds.nothing_told()
    if "x_restrict" in post or post.get("category") in ART_SITES:
        for held in (post.get(key) for key in UPLOADERS):
            names = [held.get(key) for key in NAMES] if isinstance(held, dict) else []
            found[kinds.ARTIST] += [one for one in names if isinstance(one, str) and one.strip()][:1]
    return kinds.joined([{kinds.ARTIST: found[kinds.ARTIST][:1]}])


def told_by_tags(held: Any, kind: str) -> Told:
    """Return the tags in a value of any form: a text, a list of texts or tables, a table of kinds, of scores."""
    found = kinds.nothing_told()
    if isinstance(held, str):
        return of_kind(tags.sort_tags(held), kind)
    if isinstance(held, list):
        for one in held:
            name, own = tag_in(one)
            kinds.take(found, kinds.spelled(name), own or kind)
    elif isinstance(held, dict) and has_scores(held):
        for name in sorted(held, key=lambda name: -held[name]):
            if held[name] >= LEAST_SCORE:
                kinds.take(found, kinds.spelled(name), kind)
    elif isinstance(held, dict):
        return kinds.joined(told_by_part(key, one, kind) for key, one in held.items())
    return found


def told_by_part(key: str, held: Any, kind: str) -> Told:
    """Return the tags in a part of a table: those of a kind as at e621, or of a service of Hydrus."""
    services = [held[one] for one in BY_HYDRUS if isinstance(held.get(one), dict)] if isinstance(held, dict) else []
    if services:
        return told_by_tags(services[0].get("0", []), kind)
    return told_by_tags(held, kinds.kind_of(key) or kind)


def of_kind(told: Told, kind: str) -> Told:
    """Return tags with those that have no kind of their own as of this kind."""
    if kind == kinds.GENERAL:
        return told
    found = kinds.nothing_told()
    for tag in told[kinds.GENERAL]:
        kinds.take(found, tag, kind)
    return kinds.joined([found, {**told, kinds.GENERAL: []}])


def tag_in(one: Any) -> tuple[str, str]:
    """Return the name of a tag in a list, and its kind if the list tells it; empty for what is none."""
    if isinstance(one, str):
        return one, ""
    if not isinstance(one, dict):
        return "", ""
    several = one.get("names")
    names = [one.get(key) for key in ("translated_name", "name", "tag", "tagName", "name_en")]
    names += several if isinstance(several, list) else []
    name = next((found for found in names if isinstance(found, str) and found.strip()), "")
    return name, type_of(next((one[key] for key in ("type", "category", "type_id") if key in one), None))


def type_of(told: Any) -> str:
    """Return the kind that the type of a tag tells, by its number or its name."""
    if isinstance(told, str) and not told.isdecimal():
        return kinds.kind_of(told)
    if isinstance(told, str | int) and not isinstance(told, bool):
        return TYPES.get(int(told), kinds.META)
    return ""


def has_scores(held: Mapping[str, Any]) -> bool:
    """Tell whether a table holds a score, 0 to 1, for each of its keys."""
    return bool(held) and all(
        isinstance(one, int | float) and not isinstance(one, bool) and 0 <= one <= 1 for one in held.values()
    )


def listed(told: Told) -> Iterable[tuple[str, str]]:
    """Return the tags of all kinds, each with its kind."""
    return [(kind, tag) for kind, found in told.items() for tag in found]
