"""Trained heads: how they change descriptors; their training, where torch and learn2learn are installed."""

from pathlib import Path

import numpy as np
import pytest

from framekit.characters.match import References, centroid_namer
from framekit.characters.train import TRAINED, Head, read_head, save_head

WIDTH = 16


def test_a_head_adds_a_low_rank_change_and_scales_to_length_one() -> None:
    head = Head(np.array([[1.0], [0.0]], np.float32), np.array([[0.0, 1.0]], np.float32))
    assert head(np.array([[[1.0, 0.0], [0.0, 1.0]]], np.float32)).tolist() == [
        [pytest.approx([0.5**0.5, 0.5**0.5]), [0.0, 1.0]]
    ]


def test_a_head_that_changes_nothing() -> None:
    rows = np.eye(WIDTH, dtype=np.float32)
    assert np.array_equal(Head.identity(WIDTH)(rows), rows)


def references_with_noise(seed: int = 0) -> References:
    """Return five characters that differ in 5 of 16 numbers; the others are noise."""
    numbers = np.random.default_rng(seed)
    names = [name for name in "abcde" for _ in range(3)]
    rows = np.zeros((15, 9, WIDTH), np.float32)
    for row, name in enumerate(names):
        rows[row, :, "abcde".index(name)] = 1
        rows[row, :, 5:] = numbers.normal(0, 0.45, (9, WIDTH - 5))
    rows /= np.linalg.norm(rows, axis=-1, keepdims=True)
    return References(names, rows[:, :2], rows[:, 2:])


def test_a_head_comes_back_from_its_file(tmp_path: Path) -> None:
    pytest.importorskip("safetensors")
    numbers = np.random.default_rng(0)
    head = Head(numbers.normal(size=(WIDTH, 3)).astype(np.float32), numbers.normal(size=(3, WIDTH)).astype(np.float32))
    path = tmp_path / ".heads/proto-x.safetensors"
    assert read_head(path) is None
    save_head(path, head, {"method": "proto"})
    again = read_head(path)
    assert again is not None
    assert np.array_equal(again.down, head.down)
    assert np.array_equal(again.up, head.up)
    assert path.with_suffix(".json").exists()
    path.write_bytes(path.read_bytes()[:50])
    assert read_head(path) is None


@pytest.mark.parametrize("method", TRAINED)
def test_training_finds_what_tells_characters_apart(method: str) -> None:
    pytest.importorskip("learn2learn")
    from framekit.characters.train import train_head

    references = references_with_noise()
    head, again = (train_head(references, method, seed=1, quiet=True) for _ in range(2))
    assert np.array_equal(head.up, again.up)
    assert not np.array_equal(head.up, train_head(references, method, seed=2, quiet=True).up)
    fresh = references_with_noise(seed=5)
    probes, truth = fresh.jittered.reshape(-1, WIDTH), np.array(fresh.names).repeat(fresh.jittered.shape[1])

    def lead(bend: Head) -> float:
        """Return how much nearer the right character is than the next one, on average."""
        namer = centroid_namer(references.changed(bend))
        scores = namer.score(bend(probes))
        right = np.array(namer.names)[None] == truth[:, None]
        return float((scores[right] - np.where(right, -1, scores).max(axis=1)).mean())

    assert lead(head) > 1.05 * lead(Head.identity(WIDTH))


def test_a_single_character_trains_nothing() -> None:
    pytest.importorskip("learn2learn")
    from framekit.characters.train import train_head

    references = References(["a"], np.ones((1, 2, WIDTH), np.float32), np.ones((1, 3, WIDTH), np.float32))
    assert not train_head(references, "proto", 0, quiet=True).up.any()
