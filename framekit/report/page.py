"""One page about a dataset: what is in it, how it is balanced, what it looks like, and how it was made."""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from framekit import htmlpage
from framekit.console import counted
from framekit.dataset import history
from framekit.htmlpage import (
    BLUE,
    GREY,
    Markup,
    bar,
    drawing,
    element,
    fragment,
    image,
    lines,
    rectangle,
    table,
)
from framekit.pixels.sheets import COLUMNS, mosaic, spread, thumb
from framekit.report import figures
from framekit.report.figures import BINS, SHOTS, Corrections, Episode
from framekit.sidecars.metadata import Metadata
from framekit.training import balance
from framekit.training.balance import Row

COLOURS = (GREY, BLUE, "#3fb38f", "#f2a93b", "#d9534f")  # of figures.SHOTS, in its order
WIDTH, HEIGHT = 720, 44  # px of an episode's chart
MOST_THUMBS = 2000  # on the page; about 4 kB each
MOST_FOLDERS = 400  # that have a sheet
MOST_REMOVED = 16  # thumbs of each reason


@dataclass(frozen=True)
class Sheet:
    """A contact sheet: the folder, how many frames are in it, and a JPEG."""

    name: str
    frames: int
    jpeg: bytes


def corrections(found: Corrections) -> Markup:
    """Return the section on corrections by hand."""
    fields = ", ".join(f"{name} {number}" for name, number in found.fields.items()) or "none"
    renames = "; ".join(f"{old} → {new}" for old, new in found.renames) or "none"
    return element("p", lines(
        f"Edited fields in {counted(found.files, 'metadata file')}: {fields}.",
        f"Frames moved by hand: {found.moved}.",
        f"Characters renamed: {renames}.",
    ))  # fmt: skip


def sheets(groups: Mapping[str, Sequence[Path]], most: int, workers: int) -> list[Sheet]:
    """Return a contact sheet of each group of frames, with at most `most` frames."""
    chosen = {name: spread(found, most) for name, found in groups.items()}
    with ThreadPoolExecutor(workers) as pool:
        made = pool.map(thumb, [frame for found in chosen.values() for frame in found])
        return [Sheet(name, len(groups[name]), mosaic([next(made) for _ in found])) for name, found in chosen.items()]


@dataclass(frozen=True)
class Report:
    """The content of a page."""

    title: str
    frames: int
    episodes: Sequence[Episode]
    combinations: Sequence[tuple[str, int]]
    folders: Sequence[Row]
    characters: Sequence[Row]
    tags: Mapping[str, Sequence[tuple[str, float]]]
    sheets: Sequence[Sheet]
    removed: Sequence[tuple[Sheet, str]]
    corrections: Corrections
    commands: Sequence[str]
    notes: Sequence[str] = field(default_factory=tuple)


def page(report: Report) -> str:
    """Return one self-contained HTML page without scripts."""
    size = [(report.frames, "frame"), (len(report.tags), "character"), (len(report.episodes), "episode")]
    removed = [sheet(one, reason) for one, reason in report.removed] or [element("p", "none")]
    sections: dict[str, list[Markup]] = {
        "Balance of folders": [balance_table(report.folders)],
        "Balance of characters": [balance_table(report.characters)],
        "Combinations of characters": [count_table(report.combinations)],
        "Sizes of shots over time": [key(), *map(strip, report.episodes)],
        "Tags of characters": [tag_cards(report.tags)],
        "Frames": [sheet(one, one.name) for one in report.sheets],
        "Removed frames": removed,
        "Corrected by hand": [corrections(report.corrections)],
        "Commands": [element("pre", "\n".join(report.commands))],
    }
    return htmlpage.page(
        report.title,
        element("p", ", ".join(counted(number, noun) for number, noun in size) + "."),
        *(element("p", note) for note in report.notes),
        *(fragment(element("h2", title), *content) for title, content in sections.items()),
    )


def balance_table(rows: Sequence[Row]) -> Markup:
    """Return the table of the balance; its bars show the shares before in grey, after in blue."""
    repeats = ["repeats"] * any(row.repeats for row in rows)
    longest = max((max(row.before, row.after) for row in rows if row.name != "all"), default=0.0) or 1.0
    cells = []
    for row in rows:
        both = (bar(row.before / longest, GREY), bar(row.after / longest)) if row.name != "all" else ()
        shares = (f"{row.before:.1%}", f"{row.after:.1%}")
        cells.append(
            (row.frames, row.weight, row.multiply, *[row.repeats] * len(repeats), *shares, row.name, fragment(*both))
        )
    heads = ("frames", "weight", "multiply", *repeats, "before", "after", "", "")
    return table(heads, cells, name_column=5 + len(repeats))


def count_table(counts: Sequence[tuple[str, int]]) -> Markup:
    """Return a table of names with their numbers of frames."""
    longest = max((number for _, number in counts), default=1)
    return table((), [(number, name, bar(number / longest)) for name, number in counts], name_column=1)


def key() -> Markup:
    """Return the legend of the colours of shot sizes."""
    below = ["", *(f" below {limit:.0%}" if limit < 1 else "" for _, limit in SHOTS[1:])]
    spans = [
        element("span", element("i", style=f"background:{colour}"), name + limit)
        for (name, _), colour, limit in zip(SHOTS, COLOURS, below, strict=True)
    ]
    return element("p", "height of the largest face, of the frame's height: ", *spans, class_="key")


def strip(episode: Episode) -> Markup:
    """Return a chart of an episode over time: frames of each shot size, stacked, in each of BINS parts."""
    tallest = max((sum(counts) for counts in episode.shots), default=1) or 1
    step = WIDTH / BINS
    shapes = []
    for place, counts in enumerate(episode.shots):
        bottom = float(HEIGHT)
        for number, colour in zip(counts, COLOURS, strict=True):
            if number:
                height = number / tallest * HEIGHT
                bottom -= height
                shapes.append(rectangle(place * step, bottom, step - 1, height, colour))
    minutes, seconds = divmod(round(episode.seconds), 60)
    label = f"{episode.name}: {counted(episode.frames, 'frame')} in {minutes}:{seconds:02d}"
    return fragment(element("p", label), drawing(WIDTH, HEIGHT, label, *shapes))


def tag_cards(tags: Mapping[str, Sequence[tuple[str, float]]]) -> Markup:
    """Return a card for each character with its most frequent tags."""
    cards = [
        element(
            "div",
            element("b", name),
            table((), [(f"{share:.0%}", tag, bar(share, width=50)) for tag, share in found], 1),
        )
        for name, found in tags.items()
    ]
    return element("div", *cards, class_="cards")


def sheet(one: Sheet, title: str) -> Markup:
    """Return a contact sheet with its title."""
    return element("section", element("p", f"{title}: {one.frames}"), image(one.jpeg) if one.jpeg else "")


def report_on(
    root: Path,
    described: Mapping[Path, Metadata],
    folders: Sequence[balance.Row],
    characters: Sequence[balance.Row],
    workers: int,
    running: history.Command | None = None,
) -> str:
    """Return the page on a dataset; `running` is the command that makes it."""
    groups: dict[str, list[Path]] = {}
    for frame in described:
        groups.setdefault(str(frame.parent.relative_to(root)), []).append(frame)
    shown = dict(sorted(groups.items(), key=lambda item: -len(item[1]))[:MOST_FOLDERS])
    shown = {name: shown[name] for name in groups if name in shown}
    most = max(COLUMNS // 2, min(3 * COLUMNS, MOST_THUMBS // max(1, len(shown))))
    roots = history.sources_of(root)
    removed = figures.removed_frames(roots)
    notes = [f"Each sheet shows at most {most} frames of its folder, evenly spread."]
    if len(shown) < len(groups):
        notes.append(f"The {len(groups) - len(shown)} smallest folders have no sheet.")
    return page(
        Report(
            title=f"Dataset {root.resolve().name}",
            frames=len(described),
            episodes=figures.episodes(described.values()),
            combinations=figures.combinations(described.values()).most_common(60),
            folders=folders,
            characters=characters,
            tags=figures.tags_of_characters(described.values()),
            sheets=sheets(shown, most, workers),
            removed=[(one, one.name) for one in sheets(removed, MOST_REMOVED, workers)],
            corrections=figures.corrections(root, described, roots),
            commands=history.commands_of(root, running),
            notes=notes,
        )
    )
