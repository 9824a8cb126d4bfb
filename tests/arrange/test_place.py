"""What happens to a frame on its way into a tree."""

from pathlib import Path

import pytest

from framekit.arrange.locations import FrameLocation
from framekit.arrange.place import Change, change_of
from framekit.arrange.placements import NO_DIGESTS, MetadataDigests, Placed

FRAME, HERE, THERE = Path("set/x.png"), Path("tree/a/x.png"), Path("tree/b/x.png")
NOTED, EDITED = MetadataDigests("1", "1"), MetadataDigests("2", "1")


@pytest.mark.parametrize(
    ("put", "now", "target", "digests", "change"),
    [
        (None, None, HERE, NO_DIGESTS, Change.NEW),
        (None, FRAME, HERE, NO_DIGESTS, Change.MOVED),  # in place, never arranged
        (None, None, FRAME, NO_DIGESTS, Change.MOVED),  # it belongs where it is
        (Placed(HERE, NOTED), HERE, HERE, NOTED, Change.UNCHANGED),
        (Placed(HERE, NOTED), HERE, HERE, EDITED, Change.MOVED),
        (Placed(HERE, NOTED), HERE, THERE, NOTED, Change.MOVED),
        (Placed(HERE, NOTED), THERE, HERE, NOTED, Change.MOVED),  # a person moved it
        (Placed(HERE, NOTED), None, HERE, NOTED, Change.MOVED),  # a person deleted it
        (Placed(FRAME, NOTED), FRAME, FRAME, NOTED, Change.MOVED),  # arranged in place
    ],
)
def test_what_happens_to_a_frame(
    put: Placed | None, now: Path | None, target: Path, digests: MetadataDigests, change: Change
) -> None:
    assert change_of(FrameLocation(FRAME, "x.png", put, now), target, digests) is change
