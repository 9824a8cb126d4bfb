"""One page about a dataset: what is in it, how it is balanced, what it looks like, and how it was made."""

from collections.abc import Iterable, Mapping, Sequence
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
    breakable,
    drawing,
    element,
    figure,
    fragment,
    lines,
    link,
    path_from,
    picture,
    rectangle,
    row,
    table,
)
from framekit.pixels.sheets import spread, thumbnail_of
from framekit.report import figures
from framekit.report.figures import BINS, SHOTS, Corrections, Episode
from framekit.sidecars.metadata import Metadata
from framekit.training import balance
from framekit.training.balance import Row

SEVERAL = "A frame counts for each character on it, so that shares may sum to more than 100 %."
ALONE = "Shares of the frames that show the character alone: tags of a group are of everybody in it."
COLOURS = (GREY, BLUE, "#3fb38f", "#f2a93b", "#d9534f")  # of figures.SHOTS, in its order
WIDTH, HEIGHT = 720, 44  # px of an episode's chart
MOST_THUMBS = 2000  # on the page; about 4 kB each
MOST_FOLDERS = 400  # that have a sheet
FEWEST_SHOWN, MOST_SHOWN = 4, 24  # of a folder
MOST_REMOVED = 16  # thumbs of each reason


@dataclass(frozen=True)
class Sheet:
    """Some of the frames of a folder: its name, how many frames are in it, each one's path from the page and a JPEG."""

    name: str
    frames: int
    thumbs: Sequence[tuple[str, bytes | None]]


def corrections(found: Corrections) -> Markup:
    """Return the section on corrections by hand."""
    fields = ", ".join(f"{name} {number}" for name, number in found.fields.items()) or "none"
    renames = "; ".join(f"{old} → {new}" for old, new in found.renames) or "none"
    return element("p", lines(
        f"Edited fields in {counted(found.files, 'metadata file')}: {fields}.",
        f"Frames moved by hand: {found.moved}.",
        f"Characters renamed: {renames}.",
    ))  # fmt: skip


def sheets(groups: Mapping[str, Sequence[Path]], most: int, workers: int, folder: Path) -> list[Sheet]:
    """Return a contact sheet of each group of frames, with at most `most` frames, for a page in `folder`."""
    chosen = {name: spread(found, most) for name, found in groups.items()}
    with ThreadPoolExecutor(workers) as pool:
        made = pool.map(thumbnail_of, [frame for found in chosen.values() for frame in found])
        return [
            Sheet(name, len(groups[name]), [(path_from(folder, frame), next(made)) for frame in found])
            for name, found in chosen.items()
        ]


@dataclass(frozen=True)
class Report:
    """The content of a page; `named` is how many characters there are."""

    title: str
    frames: int
    named: int
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
    size = [(report.frames, "frame"), (report.named, "character"), (len(report.episodes), "episode")]
    removed = [sheet(one, reason) for one, reason in report.removed] or [element("p", "none")]
    beside: dict[str, list[Markup]] = {
        "Balance of folders": [balance_key(), balance_table(report.folders)],
        "Balance of characters": [
            element("p", SEVERAL),
            balance_key(),
            balance_table(report.characters),
        ],
        "Combinations of characters": [
            element("p", "Bars: frames with exactly these characters."),
            count_table(report.combinations),
        ],
    }
    sections: dict[str, list[Markup]] = {
        "Sizes of shots over time": [key(), columns(map(strip, report.episodes))],
        "Tags of characters": [element("p", ALONE), tag_cards(report.tags)],
        "Frames": [columns(sheet(one, one.name) for one in report.sheets)],
        "Removed frames": removed,
        "Corrected by hand": [corrections(report.corrections)],
        "Commands": [element("pre", "\n".join(report.commands))],
    }
    return htmlpage.page(
        report.title,
        element("p", ", ".join(counted(number, noun) for number, noun in size) + "."),
        *(element("p", note) for note in report.notes),
        element("div", *(element("div", *headed(*one)) for one in beside.items()), class_="side"),
        *(fragment(*headed(*one)) for one in sections.items()),
    )


def headed(title: str, content: Sequence[Markup]) -> list[Markup]:
    """Return the content of a section below its title."""
    return [element("h2", title), *content]


def columns(parts: Iterable[Markup]) -> Markup:
    """Return parts side by side where the screen is wide."""
    return element("div", *parts, class_="columns")


def coloured(*named: tuple[str, str]) -> list[Markup]:
    """Return words, each behind a square of its colour."""
    return [element("span", element("i", style=f"background:{colour}"), words) for words, colour in named]


def balance_key() -> Markup:
    """Return the legend of the bars of a balance."""
    named = coloured(("before: share of the frames", GREY), ("after: share of what is trained", BLUE))
    return element("p", *named, class_="key")


def balance_table(rows: Sequence[Row]) -> Markup:
    """Return the table of the balance; its bars show the shares before in grey, after in blue."""
    repeats = ["repeats"] * any(row.repeats for row in rows)
    longest = max((max(one.before, one.after) for one in rows if one.name != "all"), default=0.0) or 1.0
    cells = []
    for one in rows:
        both = (bar(one.before / longest, GREY), bar(one.after / longest)) if one.name != "all" else ()
        shares = (f"{one.before:.1%}", f"{one.after:.1%}")
        name = breakable(one.name)
        cells.append(
            (name, fragment(*both), *shares, one.frames, one.weight, one.multiply, *[one.repeats] * len(repeats))
        )
    heads = ("name", "", "before", "after", "frames", "weight", "multiply", *repeats)
    return element("div", table(heads, cells, name_column=0), class_="stacked")


def count_table(counts: Sequence[tuple[str, int]]) -> Markup:
    """Return a table of names with their numbers of frames."""
    longest = max((number for _, number in counts), default=1)
    return table((), [(breakable(name), number, bar(number / longest)) for name, number in counts], name_column=0)


def key() -> Markup:
    """Return the legend of the colours of shot sizes."""
    below = ["", *(f" below {limit:.0%}" if limit < 1 else "" for _, limit in SHOTS[1:])]
    named = [(name + limit, colour) for (name, _), colour, limit in zip(SHOTS, COLOURS, below, strict=True)]
    return element("p", "height of the largest face, of the frame's height: ", *coloured(*named), class_="key")


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
    span = " in" if episode.is_length else ", the last at"
    label = f"{episode.name}: {counted(episode.frames, 'frame')}{span} {minutes}:{seconds:02d}"
    return element("div", element("p", label), drawing(WIDTH, HEIGHT, label, *shapes))


def tag_cards(tags: Mapping[str, Sequence[tuple[str, float]]]) -> Markup:
    """Return a card for each character with its most frequent tags."""
    cards = [
        element(
            "div",
            element("b", name),
            table((), [(tag, f"{share:.0%}", bar(share)) for tag, share in found], 0),
        )
        for name, found in tags.items()
    ]
    return element("div", *cards, class_="cards")


def sheet(one: Sheet, title: str) -> Markup:
    """Return the frames of a folder with its title and how many are shown; each leads to its file."""
    shown = len(one.thumbs)
    several = f"{shown} of {one.frames} shown" if shown < one.frames else counted(one.frames, "frame")
    figures = (figure(link(path, picture(jpeg, f"{title}: {Path(path).name}")), Path(path).name)
               for path, jpeg in one.thumbs)  # fmt: skip
    return element("section", element("h3", breakable(title), f": {several}"), row(*figures))


def report_on(
    root: Path,
    described: Mapping[Path, Metadata],
    folders: Sequence[balance.Row],
    characters: Sequence[balance.Row],
    target: Path,
    workers: int,
    running: history.Command | None = None,
) -> str:
    """Return the page on a dataset, for the file `target`; `running` is the command that makes it."""
    groups: dict[str, list[Path]] = {}
    for frame in described:
        groups.setdefault(str(frame.parent.relative_to(root)), []).append(frame)
    shown = dict(sorted(groups.items(), key=lambda item: -len(item[1]))[:MOST_FOLDERS])
    shown = {name: shown[name] for name in groups if name in shown}
    most = max(FEWEST_SHOWN, min(MOST_SHOWN, MOST_THUMBS // max(1, len(shown))))
    roots = history.sources_of(root)
    removed = figures.removed_frames(roots)
    notes = ["A click on a frame opens its file."]
    if len(shown) < len(groups):
        notes.append(f"The {len(groups) - len(shown)} smallest folders have no sheet.")
    return page(
        Report(
            title=f"Training set of {root.resolve().name}",
            frames=len(described),
            named=len({name for known in described.values() for name in known.characters}),
            episodes=figures.episodes(described.values(), figures.episode_lengths(roots)),
            combinations=figures.combinations(described.values()).most_common(60),
            folders=folders,
            characters=characters,
            tags=figures.tags_of_characters(described.values()),
            sheets=sheets(shown, most, workers, target.parent),
            removed=[(one, one.name) for one in sheets(removed, MOST_REMOVED, workers, target.parent)],
            corrections=figures.corrections(root, described, roots),
            commands=history.commands_of(root, running),
            notes=notes,
        )
    )
