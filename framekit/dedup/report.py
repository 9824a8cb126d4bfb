"""A page to judge the removal of similar frames with: the groups, the threshold, what was rejected and why."""

import base64
import html
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from framekit.dedup import search
from framekit.dedup.descriptors import DescribedFrames
from framekit.dedup.removal import Removal
from framekit.files import atomic
from framekit.htmlpage import STYLE
from framekit.pixels import sheets

MAX_GROUPS, MAX_MEMBERS, MAX_REJECTED, NEAREST = 500, 12, 60, 24  # what is shown; more would be too large a page
BINS = 60
WIDTH, HEIGHT = 720, 180  # of the histogram


@dataclass(frozen=True)
class Group:
    """A kept frame and the removed ones that resemble it, with their similarity; paths relative to the dataset."""

    kept: str
    members: tuple[tuple[str, float], ...]


@dataclass(frozen=True)
class Rejected:
    """A frame that goes without resembling another: why, and the figure."""

    frame: str
    reason: str
    detail: str


def histogram(similarities: NDArray[np.float32], thresh: float) -> str:
    """Return an SVG of how many frames have which similarity to the nearest frame that stays, 0.9 to 1 at least."""
    low = min(0.9, max(0.0, thresh - 0.05))
    counts, _ = np.histogram(np.clip(similarities, low, 1.0), BINS, (low, 1.0))
    tops = np.sqrt(counts) / max(1.0, float(np.sqrt(counts.max()))) * (HEIGHT - 40)
    step = WIDTH / BINS
    bars = "".join(
        f'<rect x="{place * step:.1f}" y="{HEIGHT - 20 - top:.1f}" width="{step - 1:.1f}" height="{top:.1f}"'
        f' fill="#4a7fc1"><title>{low + place * (1 - low) / BINS:.4f}: {count}</title></rect>'
        for place, (top, count) in enumerate(zip(tops.tolist(), counts.tolist(), strict=True))
    )
    line = (thresh - low) / (1 - low) * WIDTH
    ticks = "".join(
        f'<text x="{share * WIDTH:.0f}" y="{HEIGHT - 4}" text-anchor="{anchor}" fill="currentColor" font-size="12">'
        f"{low + share * (1 - low):.3f}</text>"
        for share, anchor in ((0.0, "start"), (0.5, "middle"), (1.0, "end"))
    )
    above = int((similarities >= thresh).sum())
    label = f'<text x="{line - 4:.1f}" y="12" text-anchor="end" fill="#c33" font-size="12">threshold {thresh:g}</text>'
    return (
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="histogram of similarities">{bars}{ticks}'
        f'<line x1="{line:.1f}" x2="{line:.1f}" y1="0" y2="{HEIGHT - 20}" stroke="#c33" stroke-width="2"/>'
        f"{label}</svg><p>{len(similarities) - above} frames are less similar than {thresh:g} to every other that"
        f" stays, {above} more; heights are square roots, everything below {low:g} stands in the first bar.</p>"
    )


class Page:
    """The figures of a page; each thumbnail is made once."""

    def __init__(self, thumbnail: Callable[[str], bytes | None]) -> None:
        """`thumbnail` returns a JPEG, None if the frame cannot be read."""
        self.thumbnail = thumbnail
        self.images: dict[str, str] = {}

    def figure(self, frame: str, told: str, kept: bool = False) -> str:
        """Return one frame with its caption."""
        if frame not in self.images:
            content = self.thumbnail(frame)
            self.images[frame] = (
                f'<img alt="" src="data:image/jpeg;base64,{base64.b64encode(content).decode()}">'
                if content
                else '<div class="none">unreadable</div>'
            )
        caption = f"{html.escape(frame)}<br>{html.escape(told)}"
        kind = ' class="kept"' if kept else ""
        return f"<figure{kind}>{self.images[frame]}<figcaption>{caption}</figcaption></figure>"

    def group(self, group: Group) -> str:
        """Return one group, the kept frame first, then the most doubtful ones."""
        members = sorted(group.members, key=lambda member: member[1])
        shown = "".join(self.figure(name, f"{score:.4f}") for name, score in members[:MAX_MEMBERS])
        more = len(members) - MAX_MEMBERS
        rest = f"<figure><figcaption>and {more} more</figcaption></figure>" if more > 0 else ""
        return f'<div class="row">{self.figure(group.kept, "kept", kept=True)}{shown}{rest}</div>'

    def nearest(self, groups: Sequence[Group]) -> str:
        """Return the pairs that are only just similar."""
        pairs = [(score, group.kept, name) for group in groups for name, score in group.members]
        shown = "".join(
            f'<div class="pair">{self.figure(kept, "kept", kept=True)}{self.figure(name, f"{score:.4f}")}</div>'
            for score, kept, name in sorted(pairs)[:NEAREST]
        )
        return f'<div class="row">{shown}</div>'

    def rejected(self, rejected: Sequence[Rejected]) -> str:
        """Return the rejected frames, reason by reason."""
        parts = []
        for reason in sorted({one.reason for one in rejected}):
            those = [one for one in rejected if one.reason == reason]
            shown = "".join(self.figure(one.frame, one.detail) for one in those[:MAX_REJECTED])
            rest = f"<p>and {len(those) - MAX_REJECTED} more</p>" if len(those) > MAX_REJECTED else ""
            parts.append(f'<h3>{html.escape(reason)}: {len(those)}</h3><div class="row">{shown}</div>{rest}')
        return "".join(parts)


def report_page(
    title: str,
    groups: Sequence[Group],
    rejected: Sequence[Rejected],
    similarities: NDArray[np.float32],
    thresh: float,
    kept: int,
    thumbnail: Callable[[str], bytes | None],
) -> str:
    """Return one self-contained HTML page.

    `similarities` holds for each frame that of the most similar other frame that stays, -1 for none.
    """
    page = Page(thumbnail)
    ordered = sorted(groups, key=lambda group: -len(group.members))
    similar = sum(len(group.members) for group in groups)
    parts = [
        f"<h1>{html.escape(title)}</h1><p>{kept} frames stay, {similar} are similar to one of them,"
        f" {len(rejected)} are rejected for another reason.</p>",
        histogram(similarities, thresh),
    ]
    if groups:
        parts += ["<h2>Closest to the threshold</h2>", page.nearest(ordered), f"<h2>{len(groups)} groups</h2>"]
        parts += [page.group(group) for group in ordered[:MAX_GROUPS]]
        parts += [f"<p>and {len(groups) - MAX_GROUPS} smaller groups</p>"] if len(groups) > MAX_GROUPS else []
    if rejected:
        parts += ["<h2>Rejected</h2>", page.rejected(rejected)]
    head = '<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'
    return (
        f'<!doctype html><html lang="en"><head>{head}<title>{html.escape(title)}</title><style>{STYLE}</style></head>'
        f"<body>{''.join(parts)}</body></html>\n"
    )


def write_report(path: Path, root: Path, described: DescribedFrames, going: Sequence[Removal], thresh: float) -> None:
    """Write the page with the groups and the threshold."""
    names = [frame.relative_to(root).as_posix() for frame in described.readable]
    groups: dict[int, list[tuple[str, float]]] = {}
    for one in going:
        if one.resembles >= 0:
            groups.setdefault(one.resembles, []).append((names[one.row], one.similarity))
    gone = {one.row for one in going}
    staying = np.array([row for row in range(len(names)) if row not in gone], np.intp)
    nearest = [search.nearest_other(described.rows, staying), np.array([one.similarity for one in going])]
    found = dict(zip(names, described.readable, strict=True))
    page = report_page(
        f"Similar frames of {root.resolve().name}",
        [Group(names[kept], tuple(members)) for kept, members in groups.items()],
        [Rejected(names[one.row], one.reason, one.detail) for one in going if one.resembles < 0],
        np.concatenate(nearest).astype(np.float32),
        thresh,
        len(staying),
        lambda name: sheets.thumbnail_of(found[name]),
    )
    atomic.write_whole(path, page)
