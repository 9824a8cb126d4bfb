"""Quality of references: accuracy on held-out ones, a confusion matrix, mislabelled and duplicate images."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from framekit.characters.calibrate import NamerMaker, held_out
from framekit.characters.match import Acceptance, References
from framekit.characters.show import distinct
from framekit.console import counted
from framekit.pixels.decode import Pixels
from framekit.sidecars.metadata import OOD, UNKNOWN

Z95 = 1.96  # standard deviations of a 95 % interval; source: the normal distribution
SAME = 0.995  # cosine of two references above which they are reported as one drawing; chosen, not measured
MIN_REFERENCES = 5  # references per character to ask for; the sample shows were measured with 3 to 5
PER_MISS = 2  # references to ask for per held-out one that got a wrong name; chosen, not measured
MOST = 20  # references per character beyond which no more are asked for; the range the README recommends
CELL, LETTERS = 48, 20  # px of the drawn matrix: side of a cell, height of letters; three digits fit
BLUES = ((247, 251, 255), (8, 48, 107))  # RGB of the shares 0 and 1; source: the ends of matplotlib's Blues


def wilson(right: int, count: int) -> tuple[float, float]:
    """Return the 95 % interval of a share. Source: Wilson 1927, score interval."""
    if not count:
        return 0.0, 1.0
    share, square = right / count, Z95**2 / count
    centre = (share + square / 2) / (1 + square)
    half = Z95 / (1 + square) * np.sqrt(share * (1 - share) / count + square / (4 * count))
    return max(0.0, float(centre - half)), min(1.0, float(centre + half))


@dataclass(frozen=True)
class Evaluation:
    """Names that held-out references got: rows of `confusion` are true names, columns the given ones, then unknown."""

    names: list[str]
    confusion: NDArray[np.int_]
    suspicious: list[tuple[Path, str, str]]
    duplicates: list[tuple[Path, Path, float]]
    needs: dict[str, int]
    looks: dict[str, int]

    @property
    def counts(self) -> tuple[int, int, int]:
        """How many were named right, how many refused, of how many."""
        return int(np.trace(self.confusion)), int(self.confusion[:, -1].sum()), int(self.confusion.sum())


def evaluate(
    references: References, paths: Sequence[Path], make: NamerMaker, acceptance: Acceptance, quick: bool
) -> Evaluation:
    """Name each reference by the others; those that are alone in their folder can't be judged."""
    names = [name for name in references.characters if name != OOD]
    place = {name: row for row, name in enumerate(names)}
    confusion = np.zeros((len(names), len(names) + 1), int)
    suspicious = []
    known = references.characters
    for row, scores in held_out(references, make, quick):
        guess, name = known[int(scores.argmax())], references.names[row]
        accepted = acceptance.strength(scores[None])[0] >= acceptance.unknown_below
        confusion[place[name], place[guess] if accepted and guess != OOD else -1] += 1
        if guess != name and accepted:
            suspicious.append((paths[row], name, guess))
    looks = {name: looks_of(references, name) for name in names}
    doubled = duplicates(references, paths)
    return Evaluation(names, confusion, suspicious, doubled, needs(references, names, confusion), looks)


def looks_of(references: References, name: str) -> int:
    """Return how many looks the references of a character show; framings of one drawing are one look."""
    rows = references.vectors[np.array(references.names) == name, 0]
    return len(distinct(rows / np.maximum(1e-9, np.linalg.norm(rows, axis=1, keepdims=True)))[0])


def duplicates(references: References, paths: Sequence[Path]) -> list[tuple[Path, Path, float]]:
    """Return the pairs of references that are nearly one drawing, also where one is mirrored."""
    plain = references.vectors[:, 0]
    alike = np.max([plain @ references.vectors[:, view].T for view in range(references.vectors.shape[1])], axis=0)
    pairs = np.argwhere(np.triu(alike / np.maximum(1e-9, np.outer(*[np.linalg.norm(plain, axis=1)] * 2)), 1) > SAME)
    return [(paths[one], paths[other], float(alike[one, other])) for one, other in pairs if paths[one] != paths[other]]


def needs(references: References, names: Sequence[str], confusion: NDArray[np.int_]) -> dict[str, int]:
    """Return how many more references a character should get: up to 5, and 2 for each one that was not named right."""
    wanted = {}
    for row, name in enumerate(names):
        own = references.names.count(name)
        missed = int(confusion[row].sum() - confusion[row, row])
        more = max(MIN_REFERENCES - own, PER_MISS * missed)
        if more > 0 and own < MOST:
            wanted[name] = min(more, MOST - own)
    return wanted


def report(found: Evaluation) -> list[str]:
    """Return the evaluation as lines of text."""
    right, refused, count = found.counts
    low, high = wilson(right, count)
    share = right / count if count else 0.0
    lines = [
        f"held-out references named right: {right} of {count} = {share:.1%} (95 % interval {low:.1%} to {high:.1%}),"
        f" {refused} unknown, {count - right - refused} wrong; frames of a show are harder"
    ]
    for row, name in enumerate(found.names):
        given = [
            f"{number} {other}"
            for other, number in zip([*found.names, UNKNOWN], found.confusion[row].tolist(), strict=True)
            if number
        ]
        lines.append(f"  {name}: {', '.join(given) or 'a single reference, which cannot be held out'}")
    lines += [f"mislabelled? {path} lies in {name} and looks like {guess}" for path, name, guess in found.suspicious]
    lines += [f"nearly the same drawing: {one} and {other}" for one, other, _ in found.duplicates]
    for row, name in enumerate(found.names):
        judged = int(found.confusion[row].sum())
        if judged >= 2 * found.looks[name] and judged > 1:
            looks = counted(found.looks[name], "look")
            lines.append(f"{name}: {judged} references show {looks}; turned heads and other light tell more")
    missed = found.confusion.sum(axis=1) - np.diag(found.confusion)
    for name, number in found.needs.items():
        why = int(missed[found.names.index(name)])
        reason = f"{why} held-out got another name or none" if why else f"{MIN_REFERENCES} are recommended"
        lines.append(f"{name} needs {counted(number, 'more reference')}: {reason}")
    return lines


def confusion_picture(found: Evaluation) -> Pixels:
    """Draw the confusion matrix: rows are the true names, columns the given ones; the darker, the larger its share."""
    from PIL import Image, ImageDraw, ImageFont

    font = ImageFont.load_default(LETTERS)
    columns = [*found.names, UNKNOWN]
    title = 2 * LETTERS
    margin = title + 16 + round(max(font.getlength(name) for name in columns))
    size = (margin + CELL * len(columns) + 16, margin + CELL * max(1, len(found.names)) + 16)
    image = Image.new("RGB", size, "white")
    draw = ImageDraw.Draw(image)
    upright(image, "true name", (0, margin, title, size[1]), font)
    draw.text(((margin + size[0]) / 2, LETTERS), "predicted name", font=font, fill="black", anchor="mm")
    for place, name in enumerate(columns):
        upright(image, name, (margin + place * CELL, title, margin + (place + 1) * CELL, margin - 8), font)
    for row, name in enumerate(found.names):
        draw.text((margin - 8, margin + row * CELL + CELL / 2), name, font=font, fill="black", anchor="rm")
        total = max(1, int(found.confusion[row].sum()))
        for column, number in enumerate(found.confusion[row].tolist()):
            left, top = margin + column * CELL, margin + row * CELL
            share = number / total
            fill = tuple(round(light + share * (dark - light)) for light, dark in zip(*BLUES, strict=True))
            draw.rectangle((left, top, left + CELL - 2, top + CELL - 2), fill=fill)
            if number:
                ink = "white" if share > 0.5 else "black"
                draw.text((left + CELL / 2 - 1, top + CELL / 2 - 1), str(number), font=font, fill=ink, anchor="mm")
    return np.asarray(image)


def upright(image: Any, text: str, area: tuple[int, int, int, int], font: Any) -> None:
    """Write text from below to above into an area (left, top, right, bottom) of a Pillow image."""
    from PIL import Image, ImageDraw

    left, top, right, bottom = area
    label = Image.new("RGB", (bottom - top, right - left), "white")
    centre, anchor = ((bottom - top) / 2, "mm") if left == 0 else (0, "lm")
    ImageDraw.Draw(label).text((centre, (right - left) / 2), text, font=font, fill="black", anchor=anchor)
    image.paste(label.rotate(90, expand=True), (left, top))
