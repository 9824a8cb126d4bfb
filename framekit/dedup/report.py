"""A page to judge the removal of similar frames with: the groups, the threshold, what was rejected and why."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from framekit.dataset import removed
from framekit.dedup import search
from framekit.dedup.descriptors import DescribedFrames
from framekit.dedup.pans import PAN
from framekit.dedup.removal import Removal
from framekit.files import atomic
from framekit.htmlpage import (
    BLUE,
    Markup,
    drawing,
    element,
    figure,
    fragment,
    link,
    page,
    path_from,
    picture,
    rectangle,
    row,
)
from framekit.pixels import sheets

MAX_GROUPS, MAX_MEMBERS, MAX_REJECTED, NEAREST = 500, 12, 60, 24  # what is shown; more would be too large a page
BINS = 60
WIDTH, HEIGHT = 720, 180  # px of the histogram
RED = "#d9534f"  # of the threshold
KEPT = "kept"
OPENS = "A click on a frame opens its file."


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


def histogram(similarities: NDArray[np.float32], thresh: float) -> Markup:
    """Return an SVG of how many frames have which similarity to the nearest frame that stays, 0.9 to 1 at least."""
    low = min(0.9, max(0.0, thresh - 0.05))
    counts, _ = np.histogram(np.clip(similarities, low, 1.0), BINS, (low, 1.0))
    tops = np.sqrt(counts) / max(1.0, float(np.sqrt(counts.max()))) * (HEIGHT - 40)
    step = WIDTH / BINS
    bars = [
        rectangle(
            place * step, HEIGHT - 20 - top, step - 1, top, BLUE, f"{low + place * (1 - low) / BINS:.4f}: {count}"
        )
        for place, (top, count) in enumerate(zip(tops.tolist(), counts.tolist(), strict=True))
    ]
    line = (thresh - low) / (1 - low) * WIDTH
    ticks = [
        element("text", f"{low + share * (1 - low):.3f}", x=f"{share * WIDTH:.0f}", y=HEIGHT - 4, text_anchor=anchor,
                fill="currentColor", font_size=12)
        for share, anchor in ((0.0, "start"), (0.5, "middle"), (1.0, "end"))
    ]  # fmt: skip
    above = int((similarities >= thresh).sum())
    mark = element(
        "text", f"threshold {thresh:g}", x=f"{line - 4:.1f}", y=12, text_anchor="end", fill=RED, font_size=12
    )
    cut = element("line", x1=f"{line:.1f}", x2=f"{line:.1f}", y1=0, y2=HEIGHT - 20, stroke=RED, stroke_width=2)
    explained = (
        f"{len(similarities) - above} frames are less similar than {thresh:g} to every other that stays, {above} more;"
        f" heights are square roots, everything below {low:g} stands in the first bar."
    )
    return fragment(
        drawing(WIDTH, HEIGHT, "histogram of similarities", *bars, *ticks, cut, mark), element("p", explained)
    )


class Figures:
    """The figures of a page; each thumbnail is made once."""

    def __init__(self, thumbnail: Callable[[str], bytes | None], place: Callable[[str], str]) -> None:
        """`thumbnail` returns a JPEG, None if the frame cannot be read; `place` the path of its file from the page."""
        self.picture = cache(lambda frame: link(place(frame), picture(thumbnail(frame), frame)))

    def of(self, frame: str, note: str) -> Markup:
        """Return one frame with its caption."""
        return figure(self.picture(frame), frame, note, kept=note == KEPT)

    def group(self, group: Group) -> Markup:
        """Return one group, the kept frame first, then the most doubtful ones."""
        members = sorted(group.members, key=lambda member: member[1])
        shown = [self.of(name, f"{score:.4f}") for name, score in members[:MAX_MEMBERS]]
        more = len(members) - MAX_MEMBERS
        rest = [figure(Markup(), f"and {more} more")] if more > 0 else []
        return row(self.of(group.kept, KEPT), *shown, *rest)

    def nearest(self, groups: Sequence[Group]) -> Markup:
        """Return the pairs that are only just similar."""
        pairs = sorted((score, group.kept, name) for group in groups for name, score in group.members)
        return row(*(element("div", self.of(kept, KEPT), self.of(name, f"{score:.4f}"))
                     for score, kept, name in pairs[:NEAREST]))  # fmt: skip

    def rejected(self, rejected: Sequence[Rejected]) -> Iterator[Markup]:
        """Yield the rejected frames, reason by reason."""
        for reason in sorted({one.reason for one in rejected}):
            those = [one for one in rejected if one.reason == reason]
            yield element("h3", f"{reason}: {len(those)}")
            yield row(*(self.of(one.frame, one.detail) for one in those[:MAX_REJECTED]))
            if len(those) > MAX_REJECTED:
                yield element("p", f"and {len(those) - MAX_REJECTED} more")


def report_page(
    title: str,
    groups: Sequence[Group],
    rejected: Sequence[Rejected],
    similarities: NDArray[np.float32],
    thresh: float,
    kept: int,
    figures: Figures,
) -> str:
    """Return one self-contained HTML page.

    `similarities` holds for each frame that of the most similar other frame that stays, -1 for none.
    """
    ordered = sorted(groups, key=lambda group: -len(group.members))
    similar = sum(len(group.members) for group in groups)
    rest = f"{similar} are similar to one of them, {len(rejected)} are rejected for another reason."
    parts = [element("p", f"{kept} frames stay, {rest}"), element("p", OPENS), histogram(similarities, thresh)]
    if groups:
        parts += [element("h2", "Closest to the threshold"), figures.nearest(ordered)]
        parts += [element("h2", f"{len(groups)} groups"), *map(figures.group, ordered[:MAX_GROUPS])]
        parts += [element("p", f"and {len(groups) - MAX_GROUPS} smaller groups")] * (len(groups) > MAX_GROUPS)
    if rejected:
        parts += [element("h2", "Rejected"), *figures.rejected(rejected)]
    return page(title, *parts)


def write_report(
    path: Path, root: Path, described: DescribedFrames, going: Sequence[Removal], thresh: float, will_move: bool
) -> None:
    """Write the page with the groups and the threshold; `will_move` tells whether what goes will be moved then."""
    names = [frame.relative_to(root).as_posix() for frame in described.readable]
    groups: dict[int, list[tuple[str, float]]] = {}
    for one in going:
        if one.resembles >= 0:
            groups.setdefault(one.resembles, []).append((names[one.row], one.similarity))
    gone = {one.row for one in going}
    staying = np.array([row for row in range(len(names)) if row not in gone], np.intp)
    nearest = [
        search.nearest_other(described.rows, staying),
        np.array([one.similarity for one in going if one.reason != PAN]),
    ]
    found = dict(zip(names, described.readable, strict=True))
    places = found | {names[one.row]: removed.place_for(root, names[one.row], one.reason)
                      for one in going if will_move}  # fmt: skip
    content = report_page(
        f"Similar frames of {root.resolve().name}",
        [Group(names[kept], tuple(members)) for kept, members in groups.items()],
        [Rejected(names[one.row], one.reason, one.detail) for one in going if one.resembles < 0],
        np.concatenate(nearest).astype(np.float32),
        thresh,
        len(staying),
        Figures(lambda name: sheets.thumbnail_of(found[name]), lambda name: path_from(path.parent, places[name])),
    )
    atomic.write_whole(path, content)
