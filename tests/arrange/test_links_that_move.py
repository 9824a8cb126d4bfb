"""Links and copies that a person moved, while names of the dataset are swapped: files stay with their picture."""

from pathlib import Path

import pytest

import arrange_folders
from framekit.pixels import decode
from tests.conftest import patchwork
from tests.helpers_dataset import add_frame


def state(tree: Path) -> dict[str, tuple[str, str]]:
    """Return for each frame of a tree which picture it shows, and which the caption beside it is of."""
    known = {patchwork(number).tobytes(): f"{number}" for number in range(8)}
    found = [path for path in sorted(tree.rglob("*.png")) if ".removed" not in path.parts]
    return {
        path.relative_to(tree).as_posix(): (
            known[decode.read_pixels(path).tobytes()],
            path.with_suffix(".txt").read_text() if path.with_suffix(".txt").exists() else "",
        )
        for path in found
    }


def move_whole(tree: Path, here: str, there: str) -> None:
    """Move a picture with its files, as a person does."""
    (tree / there).parent.mkdir(exist_ok=True)
    for end in (".png", ".json", ".txt"):
        (tree / f"{here}{end}").rename(tree / f"{there}{end}")


@pytest.mark.parametrize("way", ["symlink", "hardlink", "copy"])
@pytest.mark.parametrize("renamed", [(), ("0", "1"), ("0", "2")], ids=["", "swapped", "others"])
@pytest.mark.parametrize("moves", [[("x", "x")], [("Aoba/0", "best/0")], [("Aoba/0", "Aoba/t"), ("Aoba/1", "Aoba/0"),
                                   ("Aoba/t", "Aoba/1")], [("Aoba/1", "away/1"), ("Aoba/0", "Aoba/1")]],
                         ids=["", "moved", "exchanged", "moved to another's place"])  # fmt: skip
def test_files_stay_with_their_picture_when_links_move_and_names_are_swapped(
    tmp_path: Path, way: str, renamed: tuple[str, ...], moves: list[tuple[str, str]]
) -> None:
    dataset, tree = tmp_path / "set", tmp_path / "tree"
    words = [str(dataset), "--dst_dir", str(tree), f"--{way}", "--format", "character"]
    for number in range(3):
        add_frame(dataset / f"{number}.png", patchwork(number), count=1, characters=["Aoba"], tags=[f"t{number}"])
    assert arrange_folders.main([*words, "--min_image_per_combination", "1"]) == 0
    for number in range(3):
        (tree / f"Aoba/{number}.txt").write_text(f"{number}")
    for here, there in moves if moves != [("x", "x")] else []:
        move_whole(tree, here, there)
    for end in (".png", ".json") if renamed else ():
        one, other = (dataset / f"{name}{end}" for name in renamed)
        one.rename(dataset / f"t{end}")
        other.rename(one)
        (dataset / f"t{end}").rename(other)
    for _ in range(3):
        assert arrange_folders.main([*words, "--min_image_per_combination", "1"]) == 0
        found = state(tree)
        assert all(picture == caption for picture, caption in found.values()), found
        assert sorted(picture for picture, _ in found.values()) == ["0", "1", "2"]
