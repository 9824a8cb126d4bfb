"""animeface's search: what its windows see, and that it agrees with the package that its networks come from."""

import numpy as np
import pytest

from benchmarks import package_animeface
from framekit.boxes import Face, overlap
from framekit.faces import animeface, windows
from framekit.faces.animeface import AnimeFace, drawn_face, load_judges
from framekit.pixels.decode import Pixels

pytest.importorskip("animeface")
RANDOM = np.random.default_rng(3)


def on_ground(size: int, place: tuple[int, int] = (200, 80)) -> Pixels:
    """Return a plain frame of 640 x 360 px with the drawn face at a size in px."""
    import cv2

    pixels = np.full((360, 640, 3), (180, 200, 230), np.uint8)
    drawing = cv2.resize(drawn_face(), (size, size), interpolation=cv2.INTER_AREA)
    pixels[place[1] : place[1] + size, place[0] : place[0] + size] = drawing
    return pixels


@pytest.mark.parametrize("size", [120, 168, 240])
def test_it_finds_the_face_that_the_package_finds(size: int) -> None:
    [ours] = [face for face in AnimeFace()(on_ground(size)) if face.score >= animeface.MIN_SCORE]
    [theirs] = package_animeface.detect(on_ground(size))
    assert overlap(ours.box, theirs.box) > 0.5


def test_it_finds_a_face_too_small_for_the_package() -> None:
    pixels = on_ground(80)
    assert all(face.score < package_animeface.MIN_SCORE for face in package_animeface.detect(pixels))
    assert AnimeFace()(pixels)[0].score >= animeface.MIN_SCORE


def test_a_mirrored_frame_has_the_mirrored_faces() -> None:
    pixels = on_ground(168)
    [found], [mirrored] = (
        [face for face in AnimeFace()(np.ascontiguousarray(one)) if face.score >= animeface.MIN_SCORE]
        for one in (pixels, pixels[:, ::-1])
    )
    assert mirrored.box == pytest.approx((1 - found.box[2], found.box[1], 1 - found.box[0], found.box[3]), abs=0.01)


def test_a_mirrored_network_answers_for_mirrored_windows() -> None:
    small = RANDOM.uniform(0, 255, (32, 34)).astype(np.float32)
    seen = windows.level_of(small, windows.USUAL)
    mirrored = windows.level_of(np.ascontiguousarray(small[:, ::-1]), windows.USUAL)
    here, there = (level.windows(np.array([0]), np.array([place])) for level, place in ((seen, 2), (mirrored, 0)))
    network = load_judges(False, False).looks[0].first
    assert here @ network.mirrored().hidden == pytest.approx(there @ network.hidden, abs=1e-4)


def test_cells_compare_halves_and_diagonals() -> None:
    small = np.zeros((32, 32), np.float32)
    small[:, :16] = 255
    differences = windows.cell_differences(small)
    assert differences[:, 0, 0].tolist() == pytest.approx([0, 0, 0, 0], abs=1e-6)
    above, left, falling, rising = differences[:, 0, 6]
    assert (above, left) == (pytest.approx(0, abs=1e-6), pytest.approx(1))
    assert falling < -0.5 < 0.5 < rising


def test_plain_frames_and_small_ones_have_no_windows_to_judge() -> None:
    assert windows.search(np.full((200, 300), 127, np.uint8), load_judges(True, False)) == []
    assert windows.search(np.zeros((20, 30), np.uint8), load_judges(True, False)) == []


def test_windows_that_agree_are_one_face_and_the_more_the_surer() -> None:
    one = [0.1, 0.1, 0.3, 0.4, 0.9]
    other = [0.6, 0.1, 0.8, 0.4, 0.5]
    faces = windows.agreeing(np.array([one, one, one, other]))
    assert [face.box for face in faces] == [tuple(one[:4]), tuple(other[:4])]
    assert faces[0].score == pytest.approx(2.7 / (2.7 + windows.HALF_SURE), abs=1e-4)
    assert faces[1].score == pytest.approx(0.5 / (0.5 + windows.HALF_SURE), abs=1e-4)


def test_small_faces_need_more_agreement() -> None:
    large, small = (windows.agreeing(np.array([[0.1, 0.1, 0.1 + size, 0.1 + size, 0.9]] * 9)) for size in (0.2, 0.07))
    assert large[0].score > 0.6 > 0.4 > small[0].score


def test_an_overlapping_face_with_less_agreement_goes() -> None:
    strong, weak = [0.1, 0.1, 0.3, 0.3, 0.9], [0.2, 0.15, 0.4, 0.35, 0.9]
    assert [face.box for face in windows.agreeing(np.array([strong, weak, strong]))] == [tuple(strong[:4])]


def test_pattern_full_frames_take_bounded_memory() -> None:
    many = np.repeat([[0.1, 0.1, 0.3, 0.3, 0.9]], 3 * windows.MOST, axis=0)
    [face] = windows.agreeing(many)
    assert isinstance(face, Face)
