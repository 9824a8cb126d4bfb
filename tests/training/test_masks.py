"""Masks for trainers: what each gets, that they follow the dataset, and that a person's masks stay."""

import io
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

import prepare_training
from framekit.files.atomic import read_toml
from framekit.files.names import INSTANCES, mask_of, sidecar
from framekit.sidecars.instances import Figure, write_instances
from tests.conftest import one_sentence, tree
from tests.helpers_dataset import LATER, add_text, frames_in, set_time
from tests.helpers_trainers import SIDE, add_known, check

GREY = 26  # of the background at its usual weight of 0.1
HALF = (0.0, 0.0, 0.5, 1.0)
ALL = "everydream2 kohya onetrainer diffusers ai-toolkit simpletuner musubi parquet webdataset".split()
# Where each trainer reads the mask of a/x.png, below its folder.
PLACES = {
    "kohya": "a/.training_masks/x.png",
    "onetrainer": "a/x-masklabel.png",
    "diffusers": "train/a/.training_masks/x.png",
    "ai-toolkit": "masks/a/x.png",
    "simpletuner": "masks/a/x.png",
}


def png(levels: NDArray[Any]) -> bytes:
    """Return grey levels as a PNG."""
    held = io.BytesIO()
    Image.fromarray(levels).save(held, "PNG")
    return held.getvalue()


def halves(left: int = 1, right: int = 0, side: int = SIDE) -> NDArray[np.uint8]:
    """Return a label picture with one label in its left half and another in its right one."""
    found = np.full((side, side), right, np.uint8)
    found[:, : side // 2] = left
    return found


def segment(frame: Path, labels: NDArray[np.uint8], **unused: bool) -> Path:
    """Write figures of a frame as the segmenter does: one for each label, `kept` or not; return the label picture."""
    figures = [
        Figure(int(label), HALF, 0.5, kept=unused.get(f"label{label}", True)) for label in np.unique(labels) if label
    ]
    write_instances(frame, {"model": "grabcut", "settings": {}}, figures, png(labels))
    return mask_of(frame)


def levels_of(mask: Path) -> list[list[int]]:
    """Return left and right level of each row of a mask, each pair once."""
    held = np.asarray(Image.open(mask).convert("L"))
    assert held.shape == (SIDE, SIDE)
    return np.unique(held[:, [0, -1]], axis=0).tolist()  # type: ignore[no-any-return]


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Return a dataset: a/x with a figure on the left, a/y where none was found, b/z where nobody looked."""
    root = tmp_path / "set"
    segment(add_known(root / "a" / "x.png"), halves())
    segment(add_known(root / "a" / "y.png"), halves(0, 0))
    add_known(root / "b" / "z.png")
    return root


def prepare(source: Path, *options: str, trainer: str = "kohya", code: int = 0) -> Path:
    """Prepare in place, or with --dst_dir for each trainer; return the folder of the trainer."""
    words = ["--src_dir", str(source), "--trainer", trainer, "--resolution", str(SIDE), *options]
    assert prepare_training.main(words) == code
    return source


def export(source: Path, trainer: str, *options: str, code: int = 0) -> Path:
    """Prepare with masks in a folder of the trainer's own; return that."""
    out = source.parent / "out"
    prepare(source, "--dst_dir", str(out), *(options or ["--masks"]), trainer=trainer, code=code)
    return out / trainer


def masks_in(root: Path) -> list[str]:
    """Return the masks below a folder, but for label pictures."""
    found = (path.relative_to(root).as_posix() for path in root.rglob("*.*") if path.is_file())
    return sorted(name for name in found if ".training_masks/" in name or name[:6] == "masks/" or "-masklabel" in name)


@pytest.mark.parametrize("trainer", PLACES)
def test_each_trainer_finds_its_masks_where_it_reads_them(
    source: Path, trainer: str, capsys: pytest.CaptureFixture[str]
) -> None:
    root = export(source, trainer)
    assert f"masks for {trainer}: 1 frame masked; trained wholly: 1 without a mask and 1 without a figure" in (
        capsys.readouterr().out
    )
    assert levels_of(root / PLACES[trainer]) == [[255, GREY]]
    for folder, stem in (("a/", "y"), ("b/", "z")):
        assert levels_of(root / PLACES[trainer].replace("a/", folder).replace("x", stem)) == [[255, 255]]
    assert len(masks_in(root)) == 3
    assert check(root, trainer, capsys) == []


def test_kohya_gets_a_folder_of_masks_for_each_subset(source: Path, capsys: pytest.CaptureFixture[str]) -> None:
    prepare(source, "--masks")
    (dataset,) = read_toml(source / "dataset_config.toml")["datasets"]
    assert {one["image_dir"]: one["conditioning_data_dir"] for one in dataset["subsets"]} == {
        str(source / name): str(source / name / ".training_masks") for name in ("a", "b")
    }
    assert "dataset_config.toml --masked_loss" in capsys.readouterr().out


def test_regularization_is_trained_like_all_else_where_kohya_has_masks(
    source: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    add_known(source / "regularization" / "r.png")
    prepare(source, "--masks")
    assert "is_reg" not in (source / "dataset_config.toml").read_text()
    assert check(source, "kohya", capsys) == []
    prepare(source)
    assert "is_reg = true" in (source / "dataset_config.toml").read_text()


def test_ai_toolkit_and_simpletuner_name_the_folders_of_masks(source: Path) -> None:
    yaml = pytest.importorskip("yaml")
    root = export(source, "ai-toolkit")
    job = yaml.safe_load((root / "ai_toolkit_job.yaml").read_text())
    listed = job["config"]["process"][0]["datasets"]
    assert [one["mask_path"] for one in listed] == [str(root / "masks" / name) for name in ("a", "b")]
    root = export(source, "simpletuner")
    entries = {one["id"]: one for one in json.loads((root / "multidatabackend.json").read_text())}
    assert entries["a"]["conditioning_data"] == "masks~~a"
    mask = entries["masks~~a"]
    assert (mask["dataset_type"], mask["conditioning_type"]) == ("conditioning", "mask")
    assert mask["instance_data_dir"] == str(root / "masks" / "a")
    assert all(mask[key] == entries["a"][key] for key in ("resolution", "crop", "crop_style", "crop_aspect"))


def test_simpletuner_seeks_a_mask_by_the_whole_name_of_its_frame(source: Path) -> None:
    with Image.open(source / "a" / "x.png") as image:
        image.save(source / "a" / "x.jpg", quality=95)
    (source / "a" / "x.png").unlink()
    held = np.asarray(Image.open(export(source, "simpletuner") / "masks" / "a" / "x.jpg").convert("L")).astype(int)
    assert abs(held[:, :8] - 255).max() <= 3 and abs(held[:, -8:] - GREY).max() <= 3


def test_onetrainer_is_told_to_switch_masks_on(source: Path, capsys: pytest.CaptureFixture[str]) -> None:
    export(source, "onetrainer", "--masks", "--mask_background", "0.25")
    assert "switch on masked_training, with unmasked_weight 0.25" in capsys.readouterr().out


def test_the_datasets_package_loads_a_column_of_masks(source: Path, tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets")
    datasets.disable_progress_bars()
    ways: dict[str, tuple[str, dict[str, str]]] = {
        "diffusers": ("mask", {"path": "imagefolder", "data_files": "train/**"}),
        "parquet": ("mask", {"path": "parquet", "data_files": "data/*"}),
        "webdataset": ("mask.png", {"path": "webdataset", "data_files": "train-*.tar"}),
    }
    for trainer, (column, given) in ways.items():
        root = export(source, trainer)
        files = {"train": str(root / given["data_files"])}
        rows = datasets.load_dataset(given["path"], data_files=files, cache_dir=str(tmp_path / trainer))["train"]
        assert sorted(row[column].getextrema() for row in rows) == [(GREY, 255), (255, 255), (255, 255)]
        assert {row[column].size for row in rows} == {(SIDE, SIDE)}


def test_files_that_hold_frames_are_written_again_when_a_mask_changes(source: Path) -> None:
    root = export(source, "webdataset")
    before = tree(root)
    export(source, "webdataset")
    assert tree(root) == before
    segment(source / "a" / "x.png", halves(0, 1))
    export(source, "webdataset")
    assert tree(root) != before


def test_a_dataset_without_any_figure_is_told(source: Path, capsys: pytest.CaptureFixture[str]) -> None:
    mask_of(source / "a" / "x.png").unlink()
    sidecar(source / "a" / "x.png", INSTANCES).unlink()
    prepare(source, "--masks")
    assert "no frame has a figure, so all are trained wholly; segment the dataset first" in capsys.readouterr().out


def test_figures_that_are_not_used_are_background(source: Path) -> None:
    segment(source / "a" / "x.png", halves(1, 2), label2=False)
    prepare(source, "--masks", "--mask_background", "0")
    assert levels_of(source / PLACES["kohya"]) == [[255, 0]]


def test_a_label_picture_that_a_person_painted_counts_as_it_is(source: Path) -> None:
    mask_of(source / "a" / "x.png").write_bytes(png(halves(0, 77)))
    mask_of(source / "b" / "z.png").parent.mkdir()
    mask_of(source / "b" / "z.png").write_bytes(png(halves(255, 0)))
    prepare(source, "--masks")
    assert levels_of(source / PLACES["kohya"]) == [[GREY, 255]]
    assert levels_of(source / "b/.training_masks/z.png") == [[255, GREY]]


@pytest.mark.parametrize("ending", ["-masklabel.png", ".mask.png"])
def test_a_mask_of_another_program_beside_a_frame_is_taken_as_it_is_and_stays(source: Path, ending: str) -> None:
    mine = source / "a" / f"x{ending}"
    mine.write_bytes(png(halves(100, 200)))
    for options in (["--masks"], ["--masks"], []):
        out = export(source, "onetrainer", *options, "--drop_episode")
        assert mine.read_bytes() == png(halves(100, 200))
        if options:
            assert levels_of(out / PLACES["onetrainer"]) == [[100, 200]]
    assert masks_in(out) == []


UNUSABLE = {
    "damaged": (b"mask", ".masks/x.png: it cannot be decoded"),
    "a painting": (png(np.full((SIDE, SIDE, 3), (9, 99, 199), np.uint8)), "its colours are no labels; save it"),
    "too deep": (png(halves().astype(np.uint16) * 1000), "more than 8 bits"),
    "another shape": (png(np.zeros((SIDE, SIDE // 2), np.uint8) + 1), f"it is 12x{SIDE}, its frame {SIDE}x{SIDE}"),
}


@pytest.mark.parametrize("what", UNUSABLE)
def test_label_pictures_that_cannot_be_used_are_listed_in_each_run(
    source: Path, capsys: pytest.CaptureFixture[str], what: str
) -> None:
    content, words = UNUSABLE[what]
    mask_of(source / "a" / "x.png").write_bytes(content)
    for _ in range(2):
        prepare(source, "--masks", code=1)
        told = capsys.readouterr()
        (line,) = [one for one in told.err.splitlines() if one.startswith("unreadable: ")]
        assert words in line and "x.png" in line and "trained wholly until then" in line
        assert " 1 with figures that cannot be read" in told.out
        assert levels_of(source / PLACES["kohya"]) == [[255, 255]]
    mask_of(source / "a" / "x.png").write_bytes(png(halves()))
    prepare(source, "--masks")
    assert levels_of(source / PLACES["kohya"]) == [[255, GREY]]


@pytest.mark.parametrize("trainer", ["parquet", "webdataset"])
def test_files_that_hold_frames_hold_those_whose_label_picture_is_damaged(
    source: Path, capsys: pytest.CaptureFixture[str], trainer: str
) -> None:
    mask_of(source / "a" / "x.png").write_bytes(b"mask")
    for _ in range(2):
        export(source, trainer, code=1)
        assert "it cannot be decoded" in capsys.readouterr().err
    assert prepare_training.main(["--src_dir", str(source.parent / "out"), "--check"]) == 0
    assert "3 frames read as" in capsys.readouterr().out


def test_links_and_lists_of_figures_that_are_wrong_are_listed(source: Path, capsys: pytest.CaptureFixture[str]) -> None:
    picture = mask_of(source / "a" / "x.png")
    picture.rename(source.parent / "elsewhere.png")
    picture.symlink_to(source.parent / "elsewhere.png")
    sidecar(source / "a" / "y.png", INSTANCES).write_text('{"figures": [{"label": 0}]}')
    figure = Figure(1, HALF, 0.5)
    write_instances(source / "b" / "z.png", {"model": "m", "settings": {}}, [figure], png(halves()))
    mask_of(source / "b" / "z.png").unlink()
    prepare(source, "--masks", code=1)
    lines = [one for one in capsys.readouterr().err.splitlines() if one.startswith("unreadable: ")]
    assert [line.split(": ", 1)[1].removeprefix(str(source))[:9] for line in lines] == [
        "/a/x.png:",
        "/a/y.png:",
        "/b/z.png:",
    ]
    for line, words in zip(lines, ("it is a link", "a label and a box", "it is gone, though figures"), strict=True):
        assert words in line


@pytest.mark.parametrize("trainer", PLACES)
def test_a_second_run_writes_no_mask_again(source: Path, trainer: str) -> None:
    root = export(source, trainer)
    before = {name: (root / name).stat() for name in masks_in(root)}
    noted = (root / ".training_masks.json").read_bytes()
    export(source, trainer)
    after = {name: (root / name).stat() for name in masks_in(root)}
    assert {name: (one.st_ino, one.st_mtime_ns) for name, one in after.items()} == {
        name: (one.st_ino, one.st_mtime_ns) for name, one in before.items()
    }
    assert (root / ".training_masks.json").read_bytes() == noted


@pytest.mark.parametrize("trainer", PLACES)
def test_masks_follow_the_dataset(source: Path, trainer: str, capsys: pytest.CaptureFixture[str]) -> None:
    root = export(source, trainer)
    set_time(segment(source / "a" / "x.png", halves(0, 1)), LATER)  # found anew
    segment(source / "b" / "z.png", halves())  # added
    for path in [*(source / "a").glob("y.*"), mask_of(source / "a" / "y.png")]:  # removed
        path.unlink()
    segment(add_known(source / "c" / "w.png"), halves())
    export(source, trainer)
    place = PLACES[trainer]
    assert levels_of(root / place) == [[GREY, 255]]
    assert len(masks_in(root)) == 3
    assert not [name for name in masks_in(root) if "y" in Path(name).name.replace("masklabel", "")]
    assert check(root, trainer, capsys) == []
    for name in ("x.png", "x.json", f"x{INSTANCES}", ".masks/x.png"):  # renamed
        (source / "a" / name).rename((source / "a" / name).with_name(Path(name).name.replace("x", "v", 1)))
    export(source, trainer)
    assert len(masks_in(root)) == 3
    assert check(root, trainer, capsys) == []
    set_time(segment(source / "a" / "v.png", halves(1, 1)), LATER)
    export(source, trainer)
    assert levels_of(root / place.replace("x", "v")) == [[255, 255]]
    assert len(frames_in(root)) - (3 if "masks" in place.split("/")[0] or "label" in place else 0) == 3


@pytest.mark.parametrize("trainer", PLACES)
def test_without_the_option_our_masks_vanish_and_those_of_a_person_stay(
    source: Path, trainer: str, capsys: pytest.CaptureFixture[str]
) -> None:
    plain = export(source, trainer, "--drop_episode")
    never = {name: content for name, (content, _) in tree(plain).items() if not name.endswith(".linked.json")}
    root = export(source, trainer)
    mine = root / PLACES[trainer]
    mine.write_bytes(png(halves(3, 4)))
    export(source, trainer)
    assert mine.read_bytes() == png(halves(3, 4))
    assert "kept 1 hand-edited file" in capsys.readouterr().out
    export(source, trainer, "--drop_episode")
    now = {name: content for name, (content, _) in tree(root).items() if not name.endswith(".linked.json")}
    assert now.pop(PLACES[trainer]) == png(halves(3, 4))
    assert now == never


def test_masks_lie_where_the_other_trainers_of_a_tree_see_none(
    source: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["--src_dir", str(source), "--resolution", str(SIDE), "--trainer"]
    shared = ["everydream2", "kohya", "diffusers", "musubi"]
    assert prepare_training.main([*words, *shared, "--masks"]) == 0
    said = capsys.readouterr().out
    assert "masks for kohya and diffusers: 1 frame masked" in said
    assert "everydream2 and musubi read no masks: whole frames are trained" in said
    assert frames_in(source) == ["a/x.png", "a/y.png", "b/z.png"]
    for trainer in shared:
        assert check(source, trainer, capsys) == []
    assert prepare_training.main([*words, "onetrainer", "--masks"]) == 2
    assert "give --dst_dir" in one_sentence(capsys.readouterr().err)


REFUSED = {
    "no trainer reads masks": (["--masks", "--trainer", "everydream2"], "everydream2 cannot read masks"),
    "JSON for fine-tuning": (["--masks", "--trainer", "kohya", "--kohya_form", "metadata"], "leave out --kohya_form"),
    "a weight without masks": (["--mask_background", "0.5"], "--masks"),
    "a weight above 1": (["--masks", "--mask_background", "2"], "is not between 0 and 1"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_masks_that_would_not_be_read_are_refused(source: Path, capsys: pytest.CaptureFixture[str], what: str) -> None:
    before = tree(source)
    options, words = REFUSED[what]
    assert prepare_training.main(["--src_dir", str(source), *options]) == 2
    assert words in capsys.readouterr().err
    assert tree(source) == before


def test_frames_without_metadata_have_a_mask_in_a_shared_tree(source: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (source / "a" / "x.json").unlink()
    prepare(source, "--masks", code=1)
    assert levels_of(source / PLACES["kohya"]) == [[255, GREY]]
    assert not [line for line in check(source, "kohya", capsys) if "mask" in line]


def test_a_limit_leaves_the_masks_of_other_frames(source: Path) -> None:
    prepare(source, "--masks")
    prepare(source, "--masks", "--limit", "1")
    assert len(masks_in(source)) == 3


def test_resized_frames_get_resized_masks(source: Path) -> None:
    segment(source / "a" / "x.png", halves(side=4 * SIDE))
    prepare(source, "--masks")
    assert levels_of(source / PLACES["kohya"]) == [[255, GREY]]


def test_a_mask_that_a_person_changed_follows_its_frame_to_another_folder(
    source: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    prepare(source, "--masks")
    (source / PLACES["kohya"]).write_bytes(png(halves(3, 4)))
    (source / "c").mkdir()
    for path in [*(source / "a").glob("x.*")]:
        path.rename(source / "c" / path.name)
    prepare(source, "--masks")
    assert levels_of(source / "c/.training_masks/x.png") == [[3, 4]]
    assert not (source / PLACES["kohya"]).exists()
    for path in [*(source / "c").glob("x.*")]:
        path.unlink()
    prepare(source, "--masks")
    assert (source / ".removed/stale/x.png").read_bytes() == png(halves(3, 4))
    assert not (source / "c").exists()
    assert check(source, "kohya", capsys) == []


def test_what_a_person_saves_meanwhile_stays(source: Path, saved_meanwhile: Any) -> None:
    prepare(source, "--masks")
    set_time(segment(source / "a" / "x.png", halves(0, 1)), LATER)
    mine = source / PLACES["kohya"]
    saved_meanwhile({mine: "mine"})
    prepare(source, "--masks")
    assert mine.read_text() == "mine"


def test_places_that_a_stranger_took_are_listed(source: Path, capsys: pytest.CaptureFixture[str]) -> None:
    away = source.parent / "away"
    away.mkdir()
    (source / "a" / ".training_masks").symlink_to(away)
    (source / "b" / ".training_masks" / "z.png").mkdir(parents=True)
    prepare(source, "--masks", code=1)
    said = capsys.readouterr().err
    assert "its folder .training_masks is a link" in said and "it is a folder where a file is needed" in said
    assert not list(away.iterdir())


def test_a_record_of_a_stranger_leads_nowhere(source: Path, capsys: pytest.CaptureFixture[str]) -> None:
    victim = add_text(source.parent / "v.png", ".txt", "v")
    noted = {"of": "", "state": "", "digests": []}
    (source / ".training_masks.json").write_text(json.dumps({"../v.txt": noted, "a/none/q.png": noted}))
    prepare(source, "--masks")
    prepare(source)
    assert victim.exists()
    (source / ".training_masks.json").write_text('{"a": 3}')
    assert prepare_training.main(["--src_dir", str(source), "--masks"]) == 2
    assert ".training_masks.json is damaged" in one_sentence(capsys.readouterr().err)


WRONG: dict[str, tuple[Callable[[Path], Any], str]] = {
    "size": (lambda mask: mask.write_bytes(png(halves(side=8))), "another size than its frame"),
    "damage": (lambda mask: mask.write_bytes(b"mask"), "a mask cannot be decoded"),
    "black": (lambda mask: mask.write_bytes(png(halves(0, 0))), "nothing of its frame is trained"),
}


@pytest.mark.parametrize("trainer", PLACES)
@pytest.mark.parametrize("what", WRONG)
def test_masks_that_trainers_would_misread_are_told(
    source: Path, capsys: pytest.CaptureFixture[str], trainer: str, what: str
) -> None:
    root = export(source, trainer)
    spoil, words = WRONG[what]
    spoil(root / PLACES[trainer])
    (line,) = check(root, trainer, capsys)
    assert line.startswith(f"{root / PLACES[trainer]}: ")
    assert words in line


@pytest.mark.parametrize("trainer", PLACES)
def test_masks_that_are_missing_or_too_many_are_told(
    source: Path, capsys: pytest.CaptureFixture[str], trainer: str
) -> None:
    root = export(source, trainer)
    mask = root / PLACES[trainer]
    shutil.copy(mask, mask.with_name(mask.name.replace("x", "q", 1)))
    (line,) = check(root, trainer, capsys)
    assert "mask" in line and ("masks no frame" in line or "a mask has no frame" in line)
    os.unlink(mask)  # noqa: PTH108
    lines = check(root, trainer, capsys)
    words = ("1 frames of", "a frame has no mask", "a mask that is not there")
    told = [line for line in lines if any(word in line for word in words)]
    assert len(told) == (trainer != "onetrainer")  # which trains such frames wholly


def test_masks_among_the_frames_are_told_to_those_who_would_train_them(
    source: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = export(source, "onetrainer")
    assert len([line for line in check(root, "everydream2", capsys) if "looks like a mask" in line]) == 3
