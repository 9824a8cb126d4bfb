"""Overlapping tiles of a frame, in which small faces are large, and the way back."""

from framekit.faces import Face, face_at

TILE_OVERLAP = 0.25  # of a tile's side, shared with the next one, so that no small face is cut by all
EDGE = 0.01  # of a tile's side; a face that ends nearer to an inner edge is cut by it


def views_of(size: tuple[int, int], tiles: int) -> list[tuple[int, int, int, int]]:
    """Return the whole frame of (width, height) px, then its overlapping tiles, as (left, top, right, bottom) in px."""
    whole = [(0, 0, *size)]
    if tiles < 2:
        return whole
    spans = []
    for length in size:
        side = length / (tiles - (tiles - 1) * TILE_OVERLAP)
        starts = [round(place * side * (1 - TILE_OVERLAP)) for place in range(tiles)]
        spans.append([(start, min(length, start + round(side))) for start in starts])
    return whole + [(left, top, right, bottom) for top, bottom in spans[1] for left, right in spans[0]]


def from_view(face: Face, view: tuple[int, int, int, int], size: tuple[int, int]) -> Face | None:
    """Return a face that was found in a view as it lies in the frame; None if an inner edge of the view cuts it."""
    outer = (view[0] == 0, view[1] == 0, view[2] == size[0], view[3] == size[1])
    gaps = (face.box[0], face.box[1], 1 - face.box[2], 1 - face.box[3])
    if any(gap < EDGE and not is_outer for gap, is_outer in zip(gaps, outer, strict=True)):
        return None
    width, height = view[2] - view[0], view[3] - view[1]
    left, right = ((view[0] + edge * width) / size[0] for edge in (face.box[0], face.box[2]))
    top, bottom = ((view[1] + edge * height) / size[1] for edge in (face.box[1], face.box[3]))
    return face_at(left, top, right, bottom, face.score, face.label)
