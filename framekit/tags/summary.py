"""How often each tag occurs, with which characters, and where the rare ones are: for people to look at."""

import csv
import io
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from framekit import console, errors
from framekit.files import atomic, names
from framekit.files.names import CHARACTERS, sidecar
from framekit.htmlpage import Markup, bar, element, figure, link, page, picture, row, table
from framekit.pixels.sheets import thumbnail_of
from framekit.sidecars.metadata import UNKNOWN
from framekit.sidecars.tags import parse_tags
from framekit.tags.vocabulary import KAOMOJI

COMMON, RARE, RARE_SHOWN, CHARACTERS_SHOWN = 300, 2, 48, 12  # tags listed; a rare one occurs so often at most
PRINTED = 15
FORMULA = ("=", "+", "-", "@")  # beginnings of what spreadsheets run; Source: OWASP, CSV Injection
LEGEND = "Bars: share of the frames that have the tag. Columns: how many of these show the character."


@dataclass
class TagUse:
    """Where a tag occurs: how often, in the first frames, and how often beside each character."""

    count: int = 0
    frames: list[Path] = field(default_factory=list)
    characters: Counter[str] = field(default_factory=Counter)


def tag_uses(tagged: Mapping[Path, Sequence[str]], named: Mapping[Path, Sequence[str]]) -> dict[str, TagUse]:
    """Return the uses of each tag, the most frequent first."""
    uses: dict[str, TagUse] = {}
    for frame, tags in tagged.items():
        for tag in dict.fromkeys(tags):
            use = uses.setdefault(tag, TagUse())
            use.count += 1
            use.frames += [frame] * (len(use.frames) < RARE)
            use.characters.update(set(named.get(frame, ())))
    return dict(sorted(uses.items(), key=lambda one: (-one[1].count, one[0])))


def read_tagged(found: Sequence[Path], extension: str) -> dict[Path, list[str]]:
    """Return the tags of each frame that has readable ones."""
    tagged = {}
    for frame in found:
        try:
            lines = parse_tags(atomic.read_text(names.sidecar(frame, extension)))
        except errors.BadSidecar:
            continue
        tagged[frame] = [tag for tags in lines.values() for tag in tags]
    return tagged


def read_named(found: Sequence[Path]) -> dict[Path, list[str]]:
    """Return the names in X.characters.json of each frame, as far as it can be read."""
    named = {}
    for frame in found:
        try:
            held = atomic.read_json(sidecar(frame, CHARACTERS)).get("faces")
        except errors.BadSidecar:
            continue
        faces = held if isinstance(held, list) else []
        names = [str(face.get("name")) for face in faces if isinstance(face, dict)]
        named[frame] = [name for name in names if name != UNKNOWN]
    return named


def cell(text: str) -> str:
    """Return text as a cell that no spreadsheet takes for a formula, with an apostrophe before what looks like one."""
    return f"'{text}" if text[:1] in FORMULA and text not in KAOMOJI else text


def summary_csv(uses: Mapping[str, TagUse], total: int) -> str:
    """Return the table: tag, count, share of the frames, and how often it stands beside each character."""
    buffer = io.StringIO()
    table = csv.writer(buffer, lineterminator="\n")
    table.writerow(["tag", "count", "share", "characters"])
    for tag, use in uses.items():
        beside = " ".join(f"{name}:{count}" for name, count in use.characters.most_common())
        table.writerow([cell(tag), use.count, f"{use.count / max(1, total):.4f}", cell(beside)])
    return buffer.getvalue()


def frequency_table(uses: Mapping[str, TagUse], total: int) -> Markup:
    """Return a row for each common tag: how many frames have it, and how many of those show each character."""
    every: Counter[str] = Counter()
    for use in uses.values():
        every.update(use.characters)
    names = [name for name, _ in every.most_common(CHARACTERS_SHOWN)]
    rows = [
        [tag, use.count, bar(use.count / max(1, total)), *(use.characters[name] or "" for name in names)]
        for tag, use in list(uses.items())[:COMMON]
    ]
    return table(["tag", "frames", "", *names], rows, name_column=0)


def rare_figure(name: str, jpeg: bytes | None, words: str) -> Markup:
    """Return a frame, which leads to its file, with its tag."""
    return figure(link(name, picture(jpeg, f"{name}: {words}")), words, name)


def rare_figures(uses: Mapping[str, TagUse], root: Path) -> Markup:
    """Return a frame for each rare tag: often a mistake of the tagger."""
    rare = [(tag, use) for tag, use in uses.items() if use.count <= RARE][:RARE_SHOWN]
    shown = []
    for tag, use in rare:
        frame = use.frames[0]
        shown.append(rare_figure(frame.relative_to(root).as_posix(), thumbnail_of(frame), f"{tag}: {use.count}"))
    return row(*shown)


def summary_page(uses: Mapping[str, TagUse], total: int, root: Path) -> str:
    """Return one self-contained HTML page."""
    rare = sum(use.count <= RARE for use in uses.values())
    parts = [element("p", f"{len(uses)} tags in {total} frames. {LEGEND}"), frequency_table(uses, total)]
    parts += [element("p", f"and {len(uses) - COMMON} more, in tags_summary.csv")] * (len(uses) > COMMON)
    parts += [element("h2", f"{rare} rare tags"), rare_figures(uses, root)]
    return page(f"Tags of {root.resolve().name}", *parts)


def write_summary(root: Path, found: Sequence[Path], extension: str) -> None:
    """Print the most frequent tags, and write tags_summary.csv and tags_summary.html."""
    tagged = read_tagged(found, extension)
    uses = tag_uses(tagged, read_named(found))
    for tag, use in list(uses.items())[:PRINTED]:
        console.say(f"{use.count:6} {use.count / max(1, len(tagged)):6.1%}  {tag}")
    atomic.write_whole(root / "tags_summary.csv", summary_csv(uses, len(tagged)))
    atomic.write_whole(root / "tags_summary.html", summary_page(uses, len(tagged), root))
