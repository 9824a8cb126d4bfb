"""Tags that a character nearly always has: who trains a name wants it to stand for them."""

from collections import Counter
from collections.abc import Iterable, Mapping

from framekit.metadata import Metadata
from framekit.tag_groups import is_of_the_moment

LEAST_FRAMES = 5  # of a character alone; with fewer, chance decides what is always there

CoreTags = Mapping[str, Mapping[str, float]]
"""character -> core tag -> share of the frames on which the character is alone."""


def core_tags(described: Iterable[Metadata], share: float) -> CoreTags:
    """Return the tags that at least this share of a character's own frames have, most frequent first.

    A frame is a character's own if nobody else is named or counted on it. Tags of scene, camera and pose never count.
    Source: the older generation's core tags, 0.4 by default there.
    """
    frames: Counter[str] = Counter()
    counts: dict[str, Counter[str]] = {}
    for known in described:
        names = set(known.characters)
        if len(names) == 1 and known.count <= 1:
            (name,) = names
            frames[name] += 1
            counts.setdefault(name, Counter()).update(set(known.tags))
    return {
        name: {
            tag: number / frames[name]
            for tag, number in sorted(counts[name].items(), key=lambda item: (-item[1], item[0]))
            if number / frames[name] >= share and not is_of_the_moment(tag)
        }
        for name in sorted(frames)
        if frames[name] >= LEAST_FRAMES
    }


def core_table(core: CoreTags) -> str:
    """Return a line for each character with its core tags and how often it has them."""
    lines = [f"{name}: " + (", ".join(f"{tag} {share:.0%}" for tag, share in tags.items()) or "none")
             for name, tags in core.items()]  # fmt: skip
    return "\n".join(["core tags, left out of captions:", *(lines or ["no character has enough frames of its own"])])
