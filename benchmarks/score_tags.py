"""Score the colours that `tag_images.py --model measured` gives to hair and eyes on composed shows with truth.

    python -m benchmarks.score_tags DATASET TRUTH [DATASET TRUTH …]

DATASET is one as it is after generate_metadata.py. What colours the characters have was judged by eye from their
references; where two words fit, both are right.
"""

import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from benchmarks.score_show import matching, read_truths, shown_frames
from framekit.boxes import Face
from framekit.dataset import frames
from framekit.pixels import decode
from framekit.tags import measured

COLOURS = {  # character -> hair, eyes
    "cirno": ("blue aqua", "blue aqua"),
    "eileen": ("red pink", "blue"),
    "elly": ("blonde orange", "red"),
    "iku": ("purple blue", "red"),
    "kurumi": ("blonde orange", "yellow orange brown"),
    "lucy": ("black", "brown red black"),
    "marisa": ("blonde orange", "yellow orange brown"),
    "reimu": ("black brown", "red brown orange"),
    "sylvie": ("orange red brown", "blue aqua"),
    "wriggle": ("green aqua", "green aqua"),
    "youmu": ("white grey", "blue grey"),
}


def count_colours(dataset: Path, truth: Path) -> tuple[Counter[tuple[str, str, str]], Counter[tuple[str, str]]]:
    """Count (light, hair or eyes, right, wrong or none) of all found faces, and (character and part, wrong word)."""
    by_stem = {frame.stem: frame for frame in frames.find_frames(dataset)}
    counts: Counter[tuple[str, str, str]] = Counter()
    wrong: Counter[tuple[str, str]] = Counter()
    for shown in shown_frames(dataset, read_truths(truth)):
        pixels = decode.shrink(decode.read_pixels(by_stem[shown.stem]), measured.MEASURE_SIZE)
        for box in shown.boxes:
            real = matching(box, shown)
            if real is None or real["name"] not in COLOURS or real["covered"] > 0.3 or shown.truth["transition"]:
                continue
            light = "day" if shown.truth["tint"] == "day" else "tinted"
            tags = measured.face_tags(pixels, Face(box, 1.0))
            for part, right in zip(("hair", "eyes"), COLOURS[real["name"]], strict=True):
                given = [tag.removesuffix(f"_{part}") for tag in tags if tag.endswith(f"_{part}")]
                verdict = "none" if not given else "right" if given[0] in right.split() else "wrong"
                counts[light, part, verdict] += 1
                if verdict == "wrong":
                    wrong[f"{real['name']} {part}", given[0]] += 1
    return counts, wrong


def score(dataset: Path, truth: Path) -> str:
    """Return how often hair and eyes of a found face got a word, and the right one, by day and by night."""
    counts, wrong = count_colours(dataset, truth)
    lines = [f"{dataset}"]
    for light in ("day", "tinted"):
        for piece in ("hair", "eyes"):
            told = {verdict: counts[light, piece, verdict] for verdict in ("right", "wrong", "none")}
            worded = told["right"] + told["wrong"]
            share = told["right"] / max(1, worded)
            lines.append(
                f"  {light:7} {piece}: {worded} of {sum(told.values())} got a colour, {share:.1%} of these right"
            )
    lines.append("  most often wrong: " + ", ".join(f"{who} {word} {n}" for (who, word), n in wrong.most_common(12)))
    return "\n".join(lines)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line."""
    words = [Path(word) for word in (sys.argv[1:] if argv is None else argv)]
    for dataset, truth in zip(words[::2], words[1::2], strict=True):
        print(score(dataset, truth), flush=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
