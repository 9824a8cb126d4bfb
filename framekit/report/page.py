"""One page about a dataset: what is in it, how it is balanced, what it looks like, and how it was made."""

import base64
import html
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from framekit.dataset import history
from framekit.pixels.sheets import COLUMNS, mosaic, spread, thumb
from framekit.report import figures
from framekit.report.figures import BINS, SHOTS, Corrections, Episode
from framekit.sidecars.metadata import Metadata
from framekit.training import balance
from framekit.training.balance import Row

COLOURS = ("#9aa0a6", "#5b8def", "#3fb38f", "#f2a93b", "#d9534f")  # of the sizes of shots
WIDTH, HEIGHT = 720, 44  # px of an episode's strip
STYLE = """
:root{color-scheme:light dark}
body{font:15px/1.45 system-ui,sans-serif;max-width:1180px;margin:1.5em auto;padding:0 1em}
h2{margin-top:2em;border-bottom:1px solid #8886}table{border-collapse:collapse}
td,th{padding:2px 10px 2px 0;text-align:right;white-space:nowrap;font-variant-numeric:tabular-nums}
td:last-child,th:last-child,td.t{text-align:left}td.t{white-space:pre}
.b{display:block;height:7px;margin:1px 0;background:#5b8def;border-radius:2px}.o{background:#9aa0a6}
svg{width:100%;max-width:760px;height:auto;display:block}.key span{margin-right:1em}
.key i{display:inline-block;width:12px;height:12px;margin-right:4px;border-radius:2px}
.cards{display:grid;grid-template-columns:repeat(auto-fill,minmax(250px,1fr));gap:16px}
section.sheet{content-visibility:auto;contain-intrinsic-size:auto 240px;margin:0 0 18px}
section.sheet img{max-width:100%;border-radius:4px;display:block}
pre{white-space:pre-wrap;overflow-wrap:anywhere;background:#8882;padding:10px;border-radius:4px}
.wide{overflow-x:auto}
"""
MOST_THUMBS = 2000  # on the page; about 4 kB each
MOST_FOLDERS = 400  # that have a sheet
MOST_REMOVED = 16  # thumbs of each reason


@dataclass(frozen=True)
class Sheet:
    """A contact sheet: the folder, how many frames are in it, and a JPEG."""

    name: str
    frames: int
    jpeg: bytes


def corrections(found: Corrections) -> str:
    """Return what people corrected."""
    fields = ", ".join(f"{name} {number}" for name, number in found.fields.items()) or "none"
    renames = "; ".join(f"{old} is now {new}" for old, new in found.renames) or "none"
    return (
        f"<p>Fields in {found.files} files of metadata: {html.escape(fields)}.<br>Frames moved by hand: {found.moved}."
        f"<br>Characters renamed: {html.escape(renames)}.</p>"
    )


def sheets(groups: Mapping[str, Sequence[Path]], most: int, workers: int) -> list[Sheet]:
    """Return a contact sheet of each group of frames, of at most so many thumbs."""
    chosen = {name: spread(found, most) for name, found in groups.items()}
    with ThreadPoolExecutor(workers) as pool:
        made = pool.map(thumb, [frame for found in chosen.values() for frame in found])
        return [Sheet(name, len(groups[name]), mosaic([next(made) for _ in found])) for name, found in chosen.items()]


@dataclass(frozen=True)
class Report:
    """All that a page shows."""

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
    told = "".join(f"<p>{html.escape(note)}</p>" for note in report.notes)
    parts = [
        f"<h1>{html.escape(report.title)}</h1><p>{report.frames} frames, {len(report.tags)} characters,"
        f" {len(report.episodes)} episodes.</p>{told}",
        "<h2>Balance of folders</h2>" + balance_table(report.folders),
        "<h2>Balance of characters</h2>" + balance_table(report.characters),
        "<h2>Combinations of characters</h2>" + count_table(report.combinations),
        "<h2>Sizes of shots over time</h2>" + key() + "".join(map(strip, report.episodes)),
        "<h2>Tags of characters</h2>" + tag_cards(report.tags),
        "<h2>Frames</h2>" + "".join(sheet(one, "") for one in report.sheets),
        "<h2>Set aside</h2>" + ("".join(sheet(one, reason) for one, reason in report.removed) or "<p>nothing</p>"),
        "<h2>Corrected by hand</h2>" + corrections(report.corrections),
        "<h2>Commands</h2><pre>" + html.escape("\n".join(report.commands)) + "</pre>",
    ]
    head = '<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'
    return (
        f'<!doctype html><html lang="en"><head>{head}<title>{html.escape(report.title)}</title>'
        f"<style>{STYLE}</style></head><body>{''.join(parts)}</body></html>\n"
    )


def bar(share: float, longest: float, kind: str = "b") -> str:
    """Return a bar whose length is a share of the longest."""
    return f'<span class="{kind}" style="width:{round(200 * share / longest) if longest else 0}px"></span>'


def balance_table(rows: Sequence[Row]) -> str:
    """Return rows of the balance with bars: before in grey, after in blue."""
    longest = max((max(row.before, row.after) for row in rows if row.name != "all"), default=1.0)
    head = "".join(f"<th>{name}</th>" for name in ("frames", "weight", "multiply", "repeats", "before", "after", ""))
    lines = []
    for row in rows:
        both = f"{bar(row.before, longest, 'b o')}{bar(row.after, longest)}" if row.name != "all" else ""
        cells = (str(row.frames), row.weight, row.multiply, row.repeats, f"{row.before:.1%}", f"{row.after:.1%}")
        told = "".join(f"<td>{html.escape(cell)}</td>" for cell in cells)
        lines.append(f'<tr>{told}<td class="t">{html.escape(row.name)}</td><td>{both}</td></tr>')
    return f'<div class="wide"><table><tr>{head}<th></th></tr>{"".join(lines)}</table></div>'


def count_table(counts: Sequence[tuple[str, int]]) -> str:
    """Return names with how many frames they have."""
    longest = max((number for _, number in counts), default=1)
    lines = [
        f'<tr><td>{number}</td><td class="t">{html.escape(name)}</td><td>{bar(number, longest)}</td></tr>'
        for name, number in counts
    ]
    return f'<div class="wide"><table>{"".join(lines)}</table></div>'


def key() -> str:
    """Return what the colours of shots mean."""
    below = [""] + [f" below {limit:.0%}" if limit < 1 else "" for _, limit in SHOTS[1:]]
    spans = [
        f'<span><i style="background:{colour}"></i>{name}{limit}</span>'
        for (name, _), colour, limit in zip(SHOTS, COLOURS, below, strict=True)
    ]
    return f'<p class="key">height of the largest face: {"".join(spans)}</p>'


def strip(episode: Episode) -> str:
    """Return an SVG of an episode's time: how many frames of each size of shot stand in each part of it."""
    tallest = max((sum(counts) for counts in episode.shots), default=1) or 1
    step = WIDTH / BINS
    rects = []
    for place, counts in enumerate(episode.shots):
        bottom = float(HEIGHT)
        for number, colour in zip(counts, COLOURS, strict=True):
            if number:
                tall = number / tallest * HEIGHT
                bottom -= tall
                rects.append(
                    f'<rect x="{place * step:.1f}" y="{bottom:.1f}" width="{step - 1:.1f}" height="{tall:.1f}"'
                    f' fill="{colour}"/>'
                )
    minutes, seconds = divmod(round(episode.seconds), 60)
    told = f"{html.escape(episode.name)}: {episode.frames} frames in {minutes}:{seconds:02d}"
    return f'<p>{told}</p><svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{told}">{"".join(rects)}</svg>'


def tag_cards(tags: Mapping[str, Sequence[tuple[str, float]]]) -> str:
    """Return a card for each character with its most frequent tags."""
    cards = []
    for name, found in tags.items():
        lines = [
            f'<tr><td>{share:.0%}</td><td class="t">{html.escape(tag)}</td><td>{bar(share / 4, 1)}</td></tr>'
            for tag, share in found
        ]
        cards.append(f"<div><b>{html.escape(name)}</b><table>{''.join(lines)}</table></div>")
    return f'<div class="cards">{"".join(cards)}</div>'


def sheet(one: Sheet, reason: str) -> str:
    """Return a contact sheet with its title."""
    title = html.escape(f"{reason}: {one.frames}" if reason else f"{one.name}: {one.frames}")
    image = f'<img alt="" decoding="async" src="data:image/jpeg;base64,{base64.b64encode(one.jpeg).decode()}">'
    return f'<section class="sheet"><p>{title}</p>{image if one.jpeg else ""}</section>'


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
    notes = [f"Sheets show {most} frames of a folder at most, evenly spread."]
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
