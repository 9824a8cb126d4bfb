"""Each script killed at many moments: run again, it ends where an undisturbed run does, and corrections stay."""

import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import arrange_folders
import extract_frames
import generate_metadata
import prepare_training
from framekit.dataset import removed
from framekit.dataset.frames import find_frames, is_frame_name
from framekit.files import atomic, names
from framekit.pixels.decode import frame_size, read_pixels
from tests.conftest import patchwork, write_clip
from tests.helpers_dataset import MIDDLE, add_figures, add_frame, add_names, correct, labels
from tests.helpers_kills import run_killed

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")


def kill(tmp_path: Path, moments: int, script: str, *words: str) -> None:
    """Kill a script on copies of tmp_path/base; every result must be that of an undisturbed run."""
    run_killed(tmp_path, moments, script, *words)
    if moments:
        assert_own_masks(tmp_path / "work/root")


def number_of(frame: Path) -> int:
    """Return the number of the patchwork that a frame shows, whatever its size, by its first pixel."""
    first = read_pixels(frame)[0, 0].astype(int)
    return min(range(12), key=lambda number: int(abs(patchwork(number)[0, 0].astype(int) - first).sum()))


def draw_figures(frame: Path, is_painted: bool = False) -> None:
    """Give a frame a figure whose label tells which patchwork it shows; one that is painted has it at the right."""
    mask = add_figures(frame, label=number_of(frame) + 1)
    if is_painted:
        with Image.open(mask) as held:
            mask.write_bytes(labels(*np.asarray(held)[:, ::-1].tolist()))


def assert_own_masks(root: Path) -> None:
    """Assert that each label picture is that of the frame beside its folder, in that one's size; none is alone.

    Only datasets and trees have any. What gave way to another version lies in the trash without its frame.
    """
    for mask in root.rglob(f"{names.MASK_FOLDER}/*"):
        assert mask.relative_to(root).parts[0] in ("frames", "training", "small", "later"), mask
        if removed.REPLACED in mask.as_posix():
            continue
        frame = next((one for one in mask.parents[1].glob(f"{mask.stem}.*") if is_frame_name(one.name)), None)
        assert frame is not None, mask
        with Image.open(mask) as held:
            assert [*held.size] == frame_size(frame), mask
            assert np.asarray(held).max() == number_of(frame) + 1, mask


def add_faces(frame: Path) -> None:
    """Write X.faces.json as detect_faces.py does."""
    faces = [{"box": list(MIDDLE), "score": 0.9}]
    atomic.write_json(
        names.sidecar(frame, names.FACES),
        {"schema": 1, "model": "animeface", "threshold": 0.5, "faces": faces, "written": atomic.digest(faces)},
    )


@pytest.fixture
def base(tmp_path: Path) -> Path:
    """Return a folder with a small dataset: two episodes, faces, names, and a correction by hand."""
    for number in range(6):
        frame = add_frame(tmp_path / "base" / "frames" / f"EP0{1 + number % 2}" / f"f{number}.png", patchwork(number))
        add_faces(frame)
        add_names(frame, {MIDDLE: "Aoba" if number < 3 else "Hinata"})
        draw_figures(frame)
    for name, seed in (("Aoba", 0), ("Hinata", 3)):
        add_faces(add_frame(tmp_path / "base" / "references" / name / "1.png", patchwork(seed)))
    return tmp_path / "base"


@pytest.fixture
def described(base: Path) -> Path:
    """Return the dataset with X.json, one of them corrected."""
    for number, frame in enumerate(find_frames(base / "frames")):
        name = "Aoba" if number < 3 else "Hinata"
        frame.unlink()
        add_frame(frame, patchwork(number), count=1, characters=[name], tags=["hat"], general="anishot")
        draw_figures(frame)
    correct(base / "frames" / "EP01" / "f0.png", characters=["Kaede"])
    return base


def test_extract_frames(tmp_path: Path, moments: int) -> None:
    (tmp_path / "base").mkdir()
    drawn = [patchwork(number // 3, 160, 90) for number in range(12)]
    for episode in (1, 2):
        write_clip(tmp_path / "base" / "videos" / f"show - 0{episode}.mp4", drawn)
    kill(
        tmp_path, moments, "extract_frames", "--src_dir", "ROOT/videos", "--dst_dir", "ROOT/frames", "--prefix", "show"
    )


def test_extract_frames_again(tmp_path: Path, moments: int) -> None:
    drawn = [patchwork(number // 3, 160, 90) for number in range(12)]
    for episode in (1, 2):
        write_clip(tmp_path / "base" / "videos" / f"show - 0{episode}.mp4", drawn)
    words = ["--src_dir", str(tmp_path / "base/videos"), "--dst_dir", str(tmp_path / "base/frames"), "--prefix", "show"]
    assert extract_frames.main([*words, "--mode", "all"]) == 0
    frames = {number: tmp_path / f"base/frames/EP01/show_EP01_{number:06d}.png" for number in (2, 4, 7, 10)}
    for frame in frames.values():
        frame.with_suffix(".txt").write_text("by hand")
        draw_figures(frame, is_painted=True)
    removed.remove(tmp_path / "base/frames", frames[7], "dark")
    removed.keep(tmp_path / "base/frames", frames[10])
    words = ["--src_dir", "ROOT/videos", "--dst_dir", "ROOT/frames", "--prefix", "show", "--redo"]
    kill(tmp_path, moments, "extract_frames", *words)
    root = tmp_path / "work/root/frames"
    assert sorted(path.name for path in root.glob("EP01/*.txt")) == [f"show_EP01_00000{n}.txt" for n in (2, 3, 4)]
    assert sorted(path.name for path in root.glob("EP01/.masks/*")) == [f"show_EP01_00000{n}.png" for n in (2, 3, 4)]
    assert sorted(path.name for path in (root / ".removed/extracted_again").iterdir()) == ["EP01", "EP02"]
    assert removed.kept_by_hand(root) == {root / "EP01/show_EP01_000004.png"}


def test_remove_similar(base: Path, tmp_path: Path, moments: int) -> None:
    for number in range(4):
        draw_figures(add_frame(base / "frames" / "EP01" / f"again{number}.png", patchwork(number)))
    kill(tmp_path, moments, "remove_similar", "--src_dir", "ROOT/frames", "--no_filters", "--workers", "1")


def test_tag_images(base: Path, tmp_path: Path, moments: int) -> None:
    kill(tmp_path, moments, "tag_images", "--src_dir", "ROOT/frames", "--model", "measured", "--workers", "1")


def test_detect_faces(base: Path, tmp_path: Path, moments: int) -> None:
    for path in (base / "frames").rglob("*.faces.json"):
        path.unlink()
    kill(tmp_path, moments, "detect_faces", "--src_dir", "ROOT/frames", "--model", "animeface", "--workers", "1")


def test_classify_characters(base: Path, tmp_path: Path, moments: int) -> None:
    for path in (base / "frames").rglob("*.characters.json"):
        path.unlink()
    words = ["--src_dir", "ROOT/frames", "--ref_dir", "ROOT/references", "--model", "colour", "--workers", "1"]
    kill(tmp_path, moments, "classify_characters", *words)


def test_generate_metadata(described: Path, tmp_path: Path, moments: int) -> None:
    kill(tmp_path, moments, "generate_metadata", "--src_dir", "ROOT/frames", "--general_description", "other")


@pytest.mark.parametrize("way", ["copy", "hardlink", "symlink", "move"])
def test_arrange_folders(described: Path, tmp_path: Path, moments: int, way: str) -> None:
    words = ["--src_dir", "ROOT/frames", "--dst_dir", "ROOT/training", "--min_image_per_combination", "1"]
    kill(tmp_path, moments, "arrange_folders", *words, f"--{way}")


@pytest.fixture
def followed(described: Path) -> Path:
    """Return a tree whose dataset lost, renamed and exchanged frames, and in which a person worked."""
    words = ["--src_dir", str(described / "frames"), "--dst_dir", str(described / "training")]
    assert arrange_folders.main([*words, "--min_image_per_combination", "1"]) == 0
    tree, dataset = described / "training", described / "frames"
    for frame in find_frames(tree):
        frame.with_suffix(".txt").write_text(f"of {frame.stem}")
        frame.with_name(f"{frame.stem}-masklabel.png").write_bytes(b"mask")
    by_stem = {frame.stem: frame for frame in find_frames(tree)}
    (tree / "best/Hinata").mkdir(parents=True)
    by_stem["f5"].rename(tree / "best/Hinata/f5.png")  # the picture alone
    removed.remove(dataset, dataset / "EP02/f1.png", "similar")
    for old, new in (("f0", "x"), ("f2", "f0"), ("x", "f2")):
        for path in [*(dataset / "EP01").glob(f"{old}.*"), dataset / f"EP01/.masks/{old}.png"]:
            path.rename(path.with_name(new + path.name[len(old) :]))
    assert generate_metadata.main(["--src_dir", str(dataset), "--rename", "Hinata", "Kurae"]) == 0
    return described


@pytest.fixture
def in_use(followed: Path, way: str) -> Path:
    """Return a tree that was arranged `way` and prepared, with a factor, a caption, a mask and a cache by hand."""
    shutil.rmtree(followed / "training")
    removed.restore(followed / "frames", [], ["similar"], dry_run=False)
    correct(followed / "frames/EP02/f3.png", characters=["Aoba", "Kaede"], count=2)
    words = ["--src_dir", str(followed / "frames"), "--dst_dir", str(followed / "training"), f"--{way}"]
    assert arrange_folders.main([*words, "--min_image_per_combination", "1"]) == 0
    removed.remove(followed / "frames", followed / "frames/EP02/f1.png", "similar")
    tree = followed / "training"
    assert prepare_training.main([str(tree)]) == 0
    (followed / "exchange.csv").write_text("Aoba,Kurae\nKurae,Aoba\n")
    by_stem = {frame.stem: frame for frame in find_frames(tree)}
    by_stem["f3"].with_suffix(".txt").write_text("by hand")
    by_stem["f3"].with_name("multiply.txt").write_text("3.5")
    by_stem["f2"].with_suffix(".npz").write_bytes(b"latents")
    by_stem["f4"].with_name("f4-masklabel.png").write_bytes(b"mask")
    names.mask_of(by_stem["f0"]).unlink()
    by_stem["f0"].with_suffix(names.INSTANCES).unlink()
    draw_figures(by_stem["f0"], is_painted=True)
    return followed


@pytest.mark.parametrize("way", ["copy", "hardlink", "symlink"])
def test_arrange_folders_again(followed: Path, tmp_path: Path, moments: int, way: str) -> None:
    words = ["--src_dir", "ROOT/frames", "--dst_dir", "ROOT/training", "--min_image_per_combination", "1"]
    kill(tmp_path, moments, "arrange_folders", *words, f"--{way}")
    tree = tmp_path / "work/root/training"
    texts = {path.relative_to(tree).as_posix(): path.read_text() for path in tree.rglob("f?.txt")}
    assert texts.pop("best/Kurae/f5.txt") == "of f5"
    assert {Path(name).stem: text for name, text in texts.items() if ".removed" not in name} == {
        "f0": "of f2", "f2": "of f0", "f3": "of f3", "f4": "of f4"
    }  # fmt: skip
    assert [text for name, text in texts.items() if name.startswith(".removed/similar")] == ["of f1"]


def test_arrange_folders_with_frames_that_come_back(followed: Path, tmp_path: Path, moments: int) -> None:
    words = ["--src_dir", str(followed / "frames"), "--dst_dir", str(followed / "training")]
    assert arrange_folders.main([*words, "--min_image_per_combination", "1"]) == 0
    removed.restore(followed / "frames", [], ["similar"], dry_run=False)
    words = ["--src_dir", "ROOT/frames", "--dst_dir", "ROOT/training", "--min_image_per_combination", "1"]
    kill(tmp_path, moments, "arrange_folders", *words)
    assert len(list((tmp_path / "work/root/training").rglob("f1.txt"))) == 1


OTHER_FORMAT = ["--format", "character/n_characters", "--min_image_per_combination", "1"]
IN_PLACE = ["--move", "--format", "character", "--min_image_per_combination", "1"]
SEQUENCES = {
    "flatten": ["arrange_folders", "ROOT/training", "--dst_dir", "ROOT/frames", "--flatten"],
    "flatten in place": ["arrange_folders", "ROOT/training", "--flatten"],
    "other format": ["arrange_folders", "ROOT/frames", "--dst_dir", "ROOT/training", *OTHER_FORMAT],
    "arrange a tree in place": ["arrange_folders", "ROOT/training", *IN_PLACE],
    "arrange in place": ["arrange_folders", "ROOT/frames", *IN_PLACE],
    "shrink": [*"arrange_folders ROOT/frames --dst_dir ROOT/small --max_image_size 40".split(), *OTHER_FORMAT],
    "left out": [*"arrange_folders ROOT/frames --dst_dir ROOT/training --min_face_number 2".split()],
    "rename": ["generate_metadata", "ROOT/frames", "--rename", "Kaede", "Kae"],
    "exchange in a tree": ["generate_metadata", "ROOT/training", "--rename", "ROOT/exchange.csv"],
    "rename in a tree": ["generate_metadata", "ROOT/training", "--rename", "Aoba", "Kokona"],
    "names of folders": ["generate_metadata", "ROOT/training", "--characters_from_folders"],
    "restore": ["remove_similar", "ROOT/frames", "--restore"],
    "restore one": ["remove_similar", "ROOT/frames", "--restore", "f1"],
    "remove": ["remove_similar", "ROOT/training", "--no_filters", "--thresh", "0.1", "--workers", "1"],
    "prepare": ["prepare_training", "ROOT/training"],
    "prepare again": ["prepare_training", "ROOT/training", "--keep_underscores", "--trainer", "kohya", "everydream2"],
    "export": ["prepare_training", "ROOT/training", "--dst_dir", "ROOT/export", "--trainer", "kohya", "diffusers"],
    "tags anew": ["tag_images", "ROOT/frames", "--model", "measured", "--workers", "1", "--redo"],
}


@pytest.mark.parametrize("name", SEQUENCES)
@pytest.mark.parametrize("way", ["hardlink"])
def test_a_tree_in_use(in_use: Path, tmp_path: Path, moments: int, name: str) -> None:
    kill(tmp_path, moments, *SEQUENCES[name])


OTHERS = {
    "tag_images": ["tag_images", "ROOT/training", "--model", "measured", "--workers", "1"],
    "prepare_training": ["prepare_training", "ROOT/training"],
}


@pytest.mark.parametrize("other", OTHERS)
@pytest.mark.parametrize("name", ["rename in a tree", "other format", "remove", "arrange a tree in place"])
@pytest.mark.parametrize("way", ["copy"])
def test_whichever_script_starts_after_a_kill(
    in_use: Path, tmp_path: Path, moments: int, name: str, other: str
) -> None:
    kill(tmp_path, moments and max(2, moments // 2), *SEQUENCES[name], "--", *OTHERS[other])


ALL_TRAINERS = "everydream2 kohya onetrainer diffusers ai-toolkit simpletuner musubi parquet webdataset".split()
COLOURS = ["--ref_dir", "ROOT/references", "--model", "colour", "--workers", "1"]
MEASURED = ["tag_images", "ROOT/frames", "--model", "measured", "--workers", "1"]
DETECT = ["detect_faces", "ROOT/frames", "--model", "animeface", "--workers", "1"]
PREPARE = ["prepare_training", "ROOT/training"]
OPTIONS = {
    "purge": ["remove_similar", "ROOT/frames", "--purge"],
    "cluster": [*"classify_characters ROOT/frames --cluster ROOT/clusters --min_cluster 2 --workers 1".split()],
    "names anew": ["classify_characters", "ROOT/frames", *COLOURS,
                   *"--redo --overwrite_corrections --propagate --annotate ROOT/looked".split()],
    "accuracy": ["classify_characters", "ROOT/frames", *COLOURS, "--evaluate", "ROOT/confusion.png"],
    "crops": [*DETECT, "--redo", "--crops", "ROOT/crops", "--annotate", "ROOT/looked"],
    "append tags": [*MEASURED, "--redo", "--append_tags"],
    "tags over edited ones": [*MEASURED, "--redo", "--overwrite_corrections", "--summary"],
    "tags of captions": ["generate_metadata", "ROOT/frames", "--tags_from_captions", "--overwrite_corrections"],
    "merge names": ["generate_metadata", "ROOT/frames", "--rename", "Kaede", "Hinata", "--merge_names"],
    "merge names in a tree": ["generate_metadata", "ROOT/training", "--rename", "Aoba", "Kurae", "--merge_names"],
    "all trainers": [*PREPARE, "--dst_dir", "ROOT/export", "--trainer", *ALL_TRAINERS],
    "in place": [*PREPARE, *"--trainer everydream2 kohya onetrainer diffusers --kohya_form metadata".split(),
                 *"--drop_episode --overwrite_corrections --report ROOT/report.html".split()],
    "folders of kohya": [*PREPARE, "--dst_dir", "ROOT/export", "--trainer", "kohya", "--kohya_form", "folders"],
}  # fmt: skip


@pytest.fixture
def odd(in_use: Path) -> Path:
    """Return the tree in use, and in its dataset captions of another trainer, tags by hand, and a removed frame."""
    dataset = in_use / "frames"
    removed.remove(dataset, dataset / "EP01/f4.png", "similar")
    for name in ("f0", "f2"):
        (dataset / f"EP01/{name}.txt").write_text("Kaede, long hair, she stands on a hill.")
        (dataset / f"EP01/{name}.png.tags").write_text("red hat, Kaede\n")
    (dataset / "EP01/f0.png.tags").unlink()
    return in_use


@pytest.mark.parametrize("name", OPTIONS)
@pytest.mark.parametrize("way", ["hardlink"])
def test_options(odd: Path, tmp_path: Path, moments: int, name: str) -> None:
    kill(tmp_path, moments, *OPTIONS[name])


MERGES = {
    "undo": ["generate_metadata", "ROOT/frames", *"--rename Kurae Aoba --undo".split()],
    "undo in a tree": ["generate_metadata", "ROOT/training", *"--rename Kaede Aoba --undo".split()],
    "follow": ["arrange_folders", "ROOT/frames", "--dst_dir", "ROOT/training", *OTHER_FORMAT],
    "follow the undoing": ["arrange_folders", "ROOT/frames", "--dst_dir", "ROOT/training", *OTHER_FORMAT],
}


@pytest.mark.parametrize("name", MERGES)
@pytest.mark.parametrize("way", ["hardlink"])
def test_merged_names(in_use: Path, tmp_path: Path, moments: int, name: str) -> None:
    dataset, training = str(in_use / "frames"), str(in_use / "training")
    (in_use / "training/best/Kurae").mkdir(parents=True)
    (placed,) = (one for one in find_frames(in_use / "training") if one.stem == "f5")
    for path in placed.parent.glob("f5.*"):
        path.rename(in_use / "training/best/Kurae" / path.name)
    assert generate_metadata.main([training, "--rename", "Kaede", "Aoba", "--merge_names"]) == 0
    assert generate_metadata.main([dataset, "--rename", "Kurae", "Aoba", "--merge_names"]) == 0
    if name in ("undo", "follow the undoing"):
        assert arrange_folders.main([dataset, "--dst_dir", training, *OTHER_FORMAT]) == 0
    if name == "follow the undoing":
        assert generate_metadata.main([dataset, "--rename", "Kurae", "Aoba", "--undo"]) == 0
    kill(tmp_path, moments, *MERGES[name])
    root = tmp_path / "work/root/training"
    found = [path.parent.name for path in find_frames(root / "best") if path.stem == "f5"]
    assert found == ["Aoba" if name in ("undo", "follow") else "Kurae"]


def test_openings_and_what_cannot_be_read(base: Path, tmp_path: Path, moments: int) -> None:
    dataset = base / "frames"
    for episode in (8, 9):
        times = {}
        for number in range(20):
            frame = add_frame(dataset / f"EP0{episode}/s{episode}_{number:02d}.png", patchwork(
                900 + number if number < 15 else 100 * episode + number
            ))  # fmt: skip
            times[frame.stem] = {"time": number / 2}
        atomic.write_json(dataset / f"EP0{episode}/.frames.json", {"schema": 1, "frames": times})
    add_frame(dataset / "EP08/broken.png").write_bytes(b"no picture")
    words = "--no_filters --drop_opening --drop_ending --drop_unreadable --workers 1".split()
    kill(tmp_path, moments, "remove_similar", "ROOT/frames", *words)


def test_prepare_training(described: Path, tmp_path: Path, moments: int) -> None:
    (described / "frames" / "EP01" / "f0.txt").write_text("by hand\n")
    kill(tmp_path, moments, "prepare_training", "--src_dir", "ROOT/frames")


def test_prepare_training_elsewhere(described: Path, tmp_path: Path, moments: int) -> None:
    words = ["--src_dir", "ROOT/frames", "--dst_dir", "ROOT/export", "--trainer", "kohya", "diffusers"]
    kill(tmp_path, moments, "prepare_training", *words)


ALL_READING = "kohya onetrainer diffusers ai-toolkit simpletuner parquet webdataset".split()


@pytest.fixture
def segmented(described: Path) -> Path:
    """Return the dataset with label pictures of some frames, prepared with masks, one of which a person changed."""
    masks = ["--masks", "--limit", "2"]
    for number, frame in enumerate(sorted((described / "frames").rglob("*.png"))):
        if number % 3 == 0:
            names.mask_of(frame).unlink(missing_ok=True)
            names.sidecar(frame, names.INSTANCES).unlink(missing_ok=True)
    assert prepare_training.main([str(described / "frames"), *masks]) == 0
    shutil.copytree(described / "frames", described / "later")
    add_frame(described / "frames" / "EP01" / "f9.png", patchwork(9), count=1, tags=["hat"])
    (described / "later" / "EP01/.training_masks/f0.png").write_bytes(b"by hand")
    return described


MASKS = {
    "in place": ["ROOT/frames", "--masks"],
    "otherwise": ["ROOT/frames", "--masks", "--mask_background", "0"],
    "elsewhere": ["ROOT/frames", "--masks", "--dst_dir", "ROOT/export", "--trainer", *ALL_READING],
    "without": ["ROOT/later"],
}


@pytest.mark.parametrize("name", MASKS)
def test_prepare_training_with_masks(segmented: Path, tmp_path: Path, moments: int, name: str) -> None:
    kill(tmp_path, moments, "prepare_training", *MASKS[name], "--workers", "1")


def test_a_session_on_the_review_page(tmp_path: Path, base: Path, moments: int) -> None:
    frames = base / "frames"
    for number in range(6):
        Path(f"{frames / f'EP0{1 + number % 2}' / f'f{number}.png'}.tags").write_text("solo, long_hair\n")
    assert generate_metadata.main([str(frames), "--quiet"]) == 0
    removed.remove(frames, frames / "EP01/f4.png", "similar", resembles="EP01/f2.png", similarity=0.99)
    kill(tmp_path, moments, "tests.helpers_session", "ROOT")
