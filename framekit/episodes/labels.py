"""Episode numbers from the names of video files."""

import os
import re
import unicodedata
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatch, translate
from itertools import takewhile
from pathlib import Path

from framekit import console
from framekit.dataset.frames import NO_UTF8, closed_folder, file_trouble, is_empty, linked_folders, natural_key
from framekit.errors import UsageError
from framekit.files.names import nfc, walk, with_brackets_read
from framekit.files.paths import is_utf8

VIDEO_SUFFIXES = frozenset(
    ".mkv .mp4 .m4v .avi .mov .webm .wmv .flv .ogv .ogm .mpg .mpeg .ts .m2ts .mts .vob .3gp .rmvb".split()
)
# Numbers that are no episodes: dates, sizes, years, codecs, bit depths, channels, rates, sums of release groups, …
NOISE = re.compile(
    r"(?<!\d)(?:(?:19|20)\d\d[-._]?(?:0[1-9]|1[0-2])[-._]?(?:0[1-9]|[12]\d|3[01])|\d{1,2}[-.]\d{1,2}[-.](?:19|20)\d\d)"
    r"(?!\d)|\b(?:\d{3,4}\s?[x×]\s?\d{3,4}|\d{3,4}[pi]\d*|(?:19|20)\d\d|[xh][. ]?26[45]|av1|hevc\d*|avc|vp[89]"
    r"|mpe?g-?\d|divx\s?\d|hdr10\+?|(?:main|ma|hi)\s?\d{1,3}p{0,2}|yuv\w+|\d+-?bits?|\d+(?:\.\d+)?\s?(?:fps|k?hz|[kmg]b(?:ps)?)"
    r"|\d\s?ch|(?:aac|ddp?|e-?ac-?3|ac-?3|flac|pcm|dts|opus|truehd)\d*(?:\.\d)?(?:x\d)?|[12567]\.[01]|[0-9a-f]{8}|mp[34]|10le"
    r"|[248]k|[23]d|(?:bd|dvd)\d+|(?:tvdb|tmdb|imdb|anidb|mal)(?:id)?[-= ]?\w*\d+|v\d)\b",
    re.IGNORECASE,
)
# Words whose number counts something else than episodes.
OTHER_COUNTS = re.compile(
    r"\b(?:vol(?:ume)?|part|pt|dis[ck]|cd|cour|ver(?:sion)?|chapter|movie|film|no)\b[\s.#]*\d+(?:\.\d+)?\b",
    re.IGNORECASE,
)
NUMBER = r"(\d{1,4}(?:\.\d(?!\d))?[a-d]?)"
KANJI = "〇一二三四五六七八九十"
ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth")
SEASON = re.compile(
    rf"\bs(?P<a>\d{{1,2}})(?![\w.])|\b(?P<b>\d{{1,2}})(?:st|nd|rd|th)[\s-]+season\b|第\s?(?P<c>\d{{1,2}}|[{KANJI}]+)\s?[期季]"
    r"|\b(?:season|saison|staffel|temporada|сезон)[\s-]?(?P<d>\d{1,2})\b|\b(?P<e>\d{1,2})\s?сезон"
    rf"|\b(?P<f>{'|'.join(ORDINALS)})\s+season\b",
    re.IGNORECASE,
)
DISC = re.compile(r"(?:dis[ck]|cd|dvd|bd|blu-?ray|vol(?:ume)?|part)\W*\d*", re.IGNORECASE)  # a folder within a season's
WITH_SEASON = (
    re.compile(rf"\bs(\d{{1,4}})[\s._-]*ep?[\s._]?{NUMBER}(?!\d)", re.IGNORECASE),
    re.compile(r"(?<![\w.])(\d{1,2})[x×](\d{2,3}[a-d]?)(?:v\d)?(?!\w)", re.IGNORECASE),
)
SURE = [
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        rf"{NUMBER}\s?[話话集回화회]",
        rf"(?:\b(?:ep(?:isodes?|isodio|s)?|épisode|folge|серия|эпизод|tập)|#)[\s.:#]*{NUMBER}(?!\d)",
        rf"\be{NUMBER}(?!\d)",
        rf"(?<![\w.]){NUMBER}\s?\(?(?:of|von|из)\s?\d+\b",
    )
]
KINDS = "ncop|nced|op|ed|sp|ova|oad|special|pv|cm"
NUMBERED_SPECIAL = re.compile(
    rf"\b({KINDS})[\s.)-]*(?:ep(?:isode)?[\s.]*)?(\d{{1,2}}[a-d]?)(?:v\d)?\b(?!\s*-\s*\d)", re.IGNORECASE
)
SPECIAL = re.compile(rf"\b({KINDS})(?:v\d)?\b", re.IGNORECASE)
WITHOUT_CREDITS = re.compile(r"\b(?:creditless|clean|textless|nc)[\s-]*(op|ed)(?:ening|ing|nding)?\b", re.IGNORECASE)
BETWEEN_DASHES = re.compile(
    rf"\(?{NUMBER}(?:v\d)?\)?(?:\s+(?:end|fin|final|uncensored|raw)|\s*\([^)]*\))*", re.IGNORECASE
)
BARE = re.compile(rf"(?<![\w.]){NUMBER}(?:v\d)?(?!\w|\.\w)", re.IGNORECASE)
RANGE = re.compile(r"(?<![\w.])(\d{1,4})[-~&+](\d{1,4})(?!\w|\.\d)")
GLUED = re.compile(r"(?<=[^\W\d_])(\d{2,4})$")


@dataclass(frozen=True)
class Claim:
    """What a name says of its episode: the label, and whether a form that means nothing else says so."""

    label: str
    is_sure: bool


@dataclass(frozen=True)
class Numbered:
    """The videos of a run by their labels, in the order of these; `unsure` are labels of which the names say little."""

    labels: dict[str, Path]
    unsure: set[str]


def find_videos(source: Path, pattern: str) -> tuple[list[Path], list[tuple[Path, str]]]:
    """Return the videos below a folder, or the one file, whose name fits the pattern, in natural order.

    Also returns what can't be used or looked into with the reason, such as an empty folder that is named like a video.
    Raises UsageError if there is no such folder, or nothing in it fits.
    """
    if source.is_file():
        return [source], []
    if not source.is_dir():
        raise UsageError(f"{source} does not exist; --src_dir must name the folder with the videos")
    unusable: list[tuple[Path, str]] = []
    there: list[Path] = []
    for root, folders, names in walk(source, lambda error: unusable.append(closed_folder(error))):
        unusable.extend(linked_folders(Path(root), folders, source))
        there += [Path(root, name) for name in (*names, *folders) if Path(name).suffix.lower() in VIDEO_SUFFIXES]
    there = [path for path in there if not path.is_dir() or is_empty(path)]
    wanted = folded(with_brackets_read(pattern, (folded(path.name) for path in there)))
    fitting = [path for path in there if fnmatch(folded(path.name), wanted)]
    reasons = {path: file_trouble(path, source) if is_utf8(str(path)) else NO_UTF8 for path in fitting}
    unusable += [(path, reason) for path, reason in reasons.items() if reason]
    usable = [path for path, reason in reasons.items() if not reason]
    if not fitting and not unusable:
        held = f"; it holds {console.counted(len(there), 'other')}, such as {there[0].name}" if there else ""
        tried = " (its brackets were read as they stand, and as a choice of characters)" if "[" in pattern else ""
        raise UsageError(f"no video in {source} fits --pattern {pattern}{tried}{held}")
    return sorted(usable, key=lambda path: natural_key(path.relative_to(source))), unusable


def folded(name: str) -> str:
    """Return a name as names are compared: in one letter case and one Unicode form."""
    return nfc(name).lower()


def episode_label(number: str, season: int | None = None) -> str:
    """Return `EP04` for `4` or `04`, `EP12.5` for `12.5`, `EP05a` for `5A`; in season 2 `S02EP04`."""
    whole, rest = re.fullmatch(r"(\d+)(.*)", number.lower()).groups()  # type: ignore[union-attr]
    return f"{season_label(season)}EP{int(whole):02d}{rest}"


def season_label(season: int | None) -> str:
    """Return how labels of a season begin: nothing for the first one, and where none is told."""
    return "" if season in (None, 1) else f"S{season:02d}"


def season_in(text: str) -> int | None:
    """Return the season that a name tells, None if it tells none."""
    told = next((word for word in found.groups() if word), "") if (found := SEASON.search(text)) else ""
    if told.lower() in ORDINALS:
        return ORDINALS.index(told.lower()) + 1
    return int(told) if told.isdecimal() else kanji_number(told) if told else None


def season_of(stem: str, folder: str = "") -> int | None:
    """Return the season that the name of a video tells, else the one that its folder tells, else None."""
    names = (re.sub(r"[\[\]【】{}]", " ", unicodedata.normalize("NFKC", name)) for name in (stem, folder))
    return next((season for name in names if (season := season_in(spaced(name))) is not None), None)


def folder_of(video: Path) -> str:
    """Return the name of the folder of a video, or of the one above if it is that of a disc."""
    above = Path(os.path.abspath(video)).parent  # noqa: PTH100 - a link would lead to a folder of another name
    return above.parent.name if DISC.fullmatch(above.name) else above.name


def label_from_pattern(name: str, pattern: str, folder: str = "") -> str | None:
    """Return the label if the text that the pattern's first `*` stands for is a number.

    The name or the folder may tell the season.

    The brackets of the pattern are read already.
    """
    first, star, rest = unicodedata.normalize("NFC", pattern).partition("*")
    if not star:
        return None
    fixed, tail = translate(first).removesuffix(r"\Z").removesuffix(r"\z"), translate(rest)
    match = re.match(f"{fixed}{NUMBER}(?:v\\d)?{tail}", unicodedata.normalize("NFC", name), re.IGNORECASE)
    if not match:
        return None
    told = WITH_SEASON[0].search(name)
    return episode_label(match[1], int(told[1]) if told else season_of(Path(name).stem, folder))


def label_from_expression(name: str, wanted: re.Pattern[str] | None) -> str | None:
    """Return the label that the first group of a regular expression finds in a name, None if it finds no number."""
    found = wanted.search(name) if wanted else None
    number = re.fullmatch(NUMBER, found[1] or "", re.IGNORECASE) if found else None
    return episode_label(number[1]) if number else None


def claim_of(stem: str, folder: str = "", common: Collection[str] = ()) -> Claim | None:
    """Return what a file name such as `[Group] Title 2 - 05v2 (1080p)` says of its episode, None if it says nothing.

    What stands in brackets counts only if nothing else does. A name without a season has that of its `folder`.
    `common` are numbers that all names hold, such as those of a title: each counts only if there is no other.
    """
    opened = re.sub(r"[\[\]【】{}]", " ", unicodedata.normalize("NFKC", stem))
    outside = re.sub(r"\[[^\]]*\]|【[^】]*】|\{[^}]*\}", " ", unicodedata.normalize("NFKC", stem))
    season = season_of(stem, folder)
    return claim_in(spaced(outside), season, common) or claim_in(spaced(opened), season, common)


def spaced(text: str) -> str:
    """Return a name with blanks between its words, and without the numbers that are no episodes."""
    text = NOISE.sub(" ", text.replace("_", " ")).strip()
    if " " not in text:
        return text.replace(".", " ")
    if re.search(r"\w\.\w+\.", text):  # dots for blanks, and blanks where NOISE was
        text = re.sub(r"(?<!\d)\.|\.(?!5\b)", " ", text)
    return text


def claim_in(text: str, season: int | None, common: Collection[str]) -> Claim | None:
    """Return what a name without brackets says, by the surest form in it."""
    for form in WITH_SEASON:
        if found := form.search(text):
            return Claim(episode_label(found[2], int(found[1])), is_sure=True)
    if found := re.search(rf"第([{KANJI}]+)[話话集回]", text):
        return Claim(episode_label(str(kanji_number(found[1])), season), is_sure=True)
    if found := SURE[0].search(text):
        return Claim(episode_label(found[1], season), is_sure=True)
    text = SEASON.sub(" ", WITHOUT_CREDITS.sub(r"NC\1", text))
    if special := NUMBERED_SPECIAL.search(text):
        number = episode_label(special[2]).removeprefix("EP")
        return Claim(f"{season_label(season)}{special[1].upper()}{number}", is_sure=True)
    for form in SURE[1:]:
        if found := form.search(text):
            return Claim(episode_label(found[1], season), is_sure=True)
    text = RANGE.sub(lambda both: both[1] if 0 < int(both[2]) - int(both[1]) < 4 else both[0], text)
    counted = OTHER_COUNTS.sub(" ", text)
    if weak := weak_number(counted, common) or weak_number(text, common):
        return Claim(episode_label(weak[0], season), weak[1])
    if special := SPECIAL.search(text):
        return Claim(f"{season_label(season)}{special[1].upper()}01", is_sure=False)
    return None


def weak_number(text: str, common: Collection[str]) -> tuple[str, bool] | None:
    """Return the number that is probably the episode, and whether it stands alone between dashes or as the whole name.

    Between dashes the first wins, since titles follow; else one with a zero before it, the last in two digits or more.
    """
    first, *later = (part.strip() for part in re.split(r"(?:^|\s)[-–—~]+(?=\s)", f" {text.strip(' -')} "))
    alone = [found[1] for part in later if (found := BETWEEN_DASHES.fullmatch(part))]
    alone = alone or [found[1] for found in [BETWEEN_DASHES.fullmatch(first)] if found]
    if own := uncommon(alone, common):
        return own[0], len(own) == 1
    begun = [found[1] for part in later if (found := BARE.match(part.lstrip("(")))]
    bare = uncommon(BARE.findall(text) or GLUED.findall(text.strip()), common)
    padded = [number for number in bare if re.match(r"0\d", number)]
    likely = padded or uncommon(begun[:1], common) or [number for number in bare if len(number) > 1] or bare
    return (likely[-1], False) if likely else None


def uncommon(numbers: Sequence[str], common: Collection[str]) -> Sequence[str]:
    """Return the numbers that not all names hold; all of them if there are no such."""
    return [number for number in numbers if number not in common] or numbers


def numbers_in_all(stems: Sequence[str]) -> set[str]:
    """Return the numbers that stand in each of several names."""
    held = [set(BARE.findall(spaced(unicodedata.normalize("NFKC", stem)))) for stem in stems]
    return set.intersection(*held) if len(held) > 1 else set()


def kanji_number(text: str) -> int:
    """Return the number below 100 that is written 五, 十二 or 二十四."""
    tens, ten, ones = text.rpartition("十")
    value = (KANJI.index(tens[-1]) if tens else 1) * 10 if ten else 0
    return value + (KANJI.index(ones[-1]) if ones else 0)


def label_episodes(videos: Sequence[Path], pattern: str, wanted: re.Pattern[str] | None = None) -> Numbered:
    """Give each video its label, in the order of the labels; a video without any number gets the next free one.

    What the regular expression `wanted` finds wins over `pattern`, and that over all that names usually say.
    Raises UsageError if two videos claim the same episode.
    """
    claimed: dict[str, Path] = {}
    unnumbered, unsure = [], set()
    pattern = with_brackets_read(pattern, (video.name for video in videos))
    common = numbers_in_all([video.stem for video in videos])
    for video in videos:
        folder = folder_of(video)
        given = label_from_expression(video.name, wanted) or label_from_pattern(video.name, pattern, folder)
        claim = Claim(given, is_sure=True) if given else claim_of(video.stem, folder, common)
        if claim is None:
            unnumbered.append(video)
        elif claim.label in claimed:
            raise UsageError(
                f"{claimed[claim.label]} and {video} both claim to be {claim.label};"
                " rename one or give --episode_pattern"
            )
        else:
            claimed[claim.label] = video
            unsure |= set() if claim.is_sure else {claim.label}
    free = dict(zip((label for label in numbered_labels() if label not in claimed), unnumbered, strict=False))
    labels = dict(sorted((claimed | free).items(), key=lambda item: natural_key(Path(item[0]))))
    return Numbered(labels, unsure | free.keys() if free or not is_one_series(claimed) else set())


def is_one_series(claimed: Mapping[str, Path]) -> bool:
    """Tell whether the names of several videos differ in their numbers alone, which follow each other more or less."""
    stems = [unicodedata.normalize("NFKC", video.stem) for video in claimed.values()]
    first = re.sub(r"\d+$", "", shared_start(stems))
    last = re.sub(r"\d+$", "", shared_start([stem[len(first) :][::-1] for stem in stems]))
    numbers = [stem[len(first) : len(stem) - len(last)] for stem in stems]
    if len(stems) < 2 or not all(number.isdecimal() for number in numbers):
        return False
    labels = [
        episode_label(number, season_of(video.stem, folder_of(video)))
        for number, video in zip(numbers, claimed.values(), strict=True)
    ]
    counts = [*map(int, numbers)]
    return labels == [*claimed] and max(counts) - min(counts) < 3 * len(counts)


def shared_start(texts: Sequence[str]) -> str:
    """Return what all texts begin with."""
    same = takewhile(lambda signs: len({*signs}) == 1, zip(*texts, strict=False))
    return "".join(signs[0] for signs in same)


def numbered_labels() -> Iterable[str]:
    """Yield EP01, EP02, …"""
    return (episode_label(str(number)) for number in range(1, 10000))


def tell_unsure(numbered: Numbered) -> None:
    """Print which video becomes which episode if the names don't surely tell."""
    if numbered.unsure:
        console.warn("the names don't surely tell the episodes; stop and give --episode_pattern if a number is wrong:")
    for label, video in numbered.labels.items() if numbered.unsure else ():
        console.warn(f"  {video.name} -> {label}{' (not sure)' if label in numbered.unsure else ''}")
