"""Episode numbers from the names of video files."""

import re
from collections.abc import Iterable, Sequence
from fnmatch import fnmatch, translate
from pathlib import Path

from framekit.dataset.frames import natural_key, refuse_unusable_names
from framekit.errors import UsageError

VIDEO_SUFFIXES = frozenset(
    ".mkv .mp4 .m4v .avi .mov .webm .wmv .flv .ogv .ogm .mpg .mpeg .ts .m2ts .mts .vob .3gp .rmvb".split()
)
# Numbers that are no episodes: resolutions, years, codecs, bit depths, channels, sample rates, release groups' sums.
NOISE = re.compile(
    r"\b(?:\d{3,4}[pi]|\d{3,4}x\d{3,4}|(?:19|20)\d\d|[xh][. ]?26[45]|av1|hevc|avc|\d+-?bits?|\d+fps|\d+khz"
    r"|(?:aac|ddp?|e?ac-?3|flac|dts|opus)\d*(?:\.\d)?|[257]\.1|[0-9a-f]{8}|mp[34]|10le|hi10p?|4k|2k)\b",
    re.IGNORECASE,
)
NUMBER = r"(\d{1,4}(?:\.5)?)"
# From the surest form to the weakest; a number in two digits wins over a bare one, the last over the first.
FORMS = [
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        rf"\bs\d{{1,2}}\s?e{NUMBER}(?!\d)",
        rf"第\s?{NUMBER}\s?[話话集回]",
        rf"(?:\bepisode|\bep|\be|#)[\s.]?{NUMBER}(?!\d)",
        rf"-\s\(?{NUMBER}(?:v\d)?\)?(?!\w)",
        rf"(?<![\w.]){NUMBER}(?:v\d)?(?![\w.])",
    )
]
KINDS = "ncop|nced|op|ed|sp|ova|oad|special|pv"
NUMBERED_SPECIAL = re.compile(rf"\b({KINDS})[\s.-]*(\d{{1,2}})(?:v\d)?\b", re.IGNORECASE)
SPECIAL = re.compile(rf"\b({KINDS})\b", re.IGNORECASE)


def find_videos(source: Path, pattern: str) -> list[Path]:
    """Return the videos below a folder, or the one file, whose name fits the pattern, in natural order.

    An empty folder that is named like a video is returned too, so that it can be reported.
    """
    if source.is_file():
        return [source]
    if not source.is_dir():
        raise UsageError(f"{source} does not exist; --src_dir must name the folder with the videos")
    visible = (
        path for path in source.rglob("*")
        if not any(part.startswith(".") for part in path.relative_to(source).parts)
    )  # fmt: skip
    named = [p for p in visible if fnmatch(p.name.lower(), pattern.lower()) and p.suffix.lower() in VIDEO_SUFFIXES]
    fitting = [path for path in named if path.is_file() or (path.is_dir() and not any(path.iterdir()))]
    for path in fitting:
        refuse_unusable_names(path.parent, [path.name])
    return sorted(fitting, key=lambda path: natural_key(path.relative_to(source)))


def episode_label(number: str) -> str:
    """Return `EP04` for `4` or `04`, `EP12.5` for `12.5`."""
    whole, dot, half = number.partition(".")
    return f"EP{int(whole):02d}{dot}{half}"


def label_from_pattern(name: str, pattern: str) -> str | None:
    """Return the label if the text that the pattern's first `*` stands for is a number."""
    first, star, rest = pattern.partition("*")
    if not star:
        return None
    fixed, tail = translate(first).removesuffix(r"\Z").removesuffix(r"\z"), translate(rest)
    match = re.match(f"{fixed}{NUMBER}(?:v\\d)?{tail}", name, re.IGNORECASE)
    return episode_label(match[1]) if match else None


def label_from_name(stem: str) -> str | None:
    """Return the label that a file name such as `[Group] Title 2 - 05v2 (1080p)` claims, or None.

    What stands in brackets counts only if nothing else does.
    """
    outside = re.sub(r"\[[^\]]*\]", " ", stem)
    return label_from_text(outside) or label_from_text(re.sub(r"[\[\]]", " ", stem))


def label_from_text(text: str) -> str | None:
    """Return the label that a name without brackets claims, or None."""
    text = NOISE.sub(" ", text.replace("_", " ")).strip()
    if " " not in text:
        text = text.replace(".", " ")
    elif re.search(r"\w\.\w+\.", text):  # dots for blanks, and blanks where NOISE was
        text = re.sub(r"(?<!\d)\.|\.(?!5\b)", " ", text)
    if special := NUMBERED_SPECIAL.search(text):
        return f"{special[1].upper()}{int(special[2]):02d}"
    for form in FORMS:
        if found := form.findall(text):
            return episode_label(([number for number in found if len(number) > 1] or found)[-1])
    if special := SPECIAL.search(text):
        return f"{special[1].upper()}01"
    return None


def label_from_expression(name: str, wanted: re.Pattern[str] | None) -> str | None:
    """Return the label that the first group of a regular expression finds in a name, None if it finds no number."""
    found = wanted.search(name) if wanted else None
    number = re.fullmatch(NUMBER, found[1] or "") if found else None
    return episode_label(number[1]) if number else None


def label_episodes(videos: Sequence[Path], pattern: str, wanted: re.Pattern[str] | None = None) -> dict[str, Path]:
    """Give each video its label, in the order of the labels; a video without any number gets the next free one.

    What the regular expression `wanted` finds wins over `pattern`, and that over all that names usually say.
    Raises UsageError if two videos claim the same episode.
    """
    claimed: dict[str, Path] = {}
    unnumbered = []
    for video in videos:
        label = (
            label_from_expression(video.name, wanted)
            or label_from_pattern(video.name, pattern)
            or label_from_name(video.stem)
        )
        if label is None:
            unnumbered.append(video)
        elif label in claimed:
            raise UsageError(
                f"{claimed[label]} and {video} both claim to be {label}; rename one or give --episode_pattern"
            )
        else:
            claimed[label] = video
    free = (label for label in numbered_labels() if label not in claimed)
    claimed.update(zip(free, unnumbered, strict=False))
    return dict(sorted(claimed.items(), key=lambda item: natural_key(Path(item[0]))))


def numbered_labels() -> Iterable[str]:
    """Yield EP01, EP02, …"""
    return (episode_label(str(number)) for number in range(1, 10000))
