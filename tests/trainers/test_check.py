"""--check: each problem that a trainer falls into is planted once, found, and told with its remedy."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import prepare_training
from framekit.pixels.decode import ORIENTATION
from tests.conftest import plain, save_frame
from tests.helpers_dataset import add_frame, correct

SIDE = 24  # of the frames; --resolution is as small


def check(root: Path, *trainers: str, each: bool = True) -> int:
    options = [*(["--trainer", *trainers] if trainers else []), *["--all"] * each]
    return prepare_training.main(
        ["--src_dir", str(root), "--check", "--resolution", str(SIDE), "--workers", "1", *options]
    )


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return a prepared dataset without problems: two frames in two folders."""
    for shade, name in enumerate(("a/x", "b/y")):
        add_frame(
            tmp_path / "set" / f"{name}.png",
            plain((90, 120, shade), SIDE, SIDE),
            count=1,
            characters=["Aoba"],
            tags=["hat"],
        )
    trainers = ["everydream2", "kohya", "onetrainer", "diffusers"]
    assert (
        prepare_training.main(["--src_dir", str(tmp_path / "set"), "--resolution", str(SIDE), "--trainer", *trainers])
        == 0
    )
    return tmp_path / "set"


def traps_of(root: Path, capsys: pytest.CaptureFixture[str], *trainers: str) -> list[str]:
    """Return the lines of --check --all but for the closing one; the exit code must fit."""
    capsys.readouterr()
    code = check(root, *trainers)
    *lines, closing = capsys.readouterr().out.splitlines()
    problems = [line for line in lines if "[advice: " not in line]
    assert code == (1 if problems else 0)
    assert f"{len(problems)} problem" in closing
    return lines


def test_what_is_prepared_has_no_problem(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert traps_of(root, capsys, "everydream2", "kohya", "onetrainer", "diffusers") == []


def write(name: str, content: bytes) -> Callable[[Path], Any]:
    return lambda root: (root / name).write_bytes(content)


def save(name: str, mode: str = "RGB", size: tuple[int, int] = (SIDE, SIDE), **options: Any) -> Callable[[Path], Any]:
    """Return what writes an image with its caption."""

    def plant(root: Path) -> None:
        Image.new(mode, size).save(root / name, **options)
        (root / name).with_suffix(".txt").write_text("hat\n")

    return plant


def turned(root: Path) -> None:
    exif = Image.Exif()
    exif[ORIENTATION] = 6
    save("a/t.jpg", exif=exif)(root)


def truncated(root: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (SIDE, SIDE, 3)).astype(np.uint8)
    Image.fromarray(noise).save(root / "a" / "t.jpg")
    (root / "a" / "t.jpg").write_bytes((root / "a" / "t.jpg").read_bytes()[:-300])
    (root / "a" / "t.txt").write_text("hat\n")


def edit_config(old: str, new: str) -> Callable[[Path], Any]:
    def plant(root: Path) -> None:
        path = root / "dataset_config.toml"
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new, 1))

    return plant


def both(*plants: Callable[[Path], Any]) -> Callable[[Path], Any]:
    return lambda root: [plant(root) for plant in plants]


def remove(*names: str) -> Callable[[Path], Any]:
    def plant(root: Path) -> None:
        for name in names:
            (root / name).unlink()

    return plant


def rename(old: str, new: str) -> Callable[[Path], Any]:
    return lambda root: (root / old).rename(root / new)


def rewrite(root: Path, change: Callable[[list[Any]], Any]) -> None:
    """Change OneTrainer's concepts."""
    path = root / "onetrainer_concepts.json"
    listed = json.loads(path.read_text())
    change(listed)
    path.write_text(json.dumps(listed))


def concept(**values: Any) -> Callable[[Path], Any]:
    """Return what changes the first concept."""
    return lambda root: rewrite(root, lambda listed: listed[0].update(values))


CONFIG_WITHOUT_SUBSETS = b"[general]\n[[datasets]]\nresolution = 512\nenable_bucket = true\n"
TRAPS: dict[str, tuple[Callable[[Path], Any], str, str]] = {
    "no caption": (remove("a/x.txt"), "a/x.png", "no caption"),
    "an underscore": (both(remove("a/x.txt"), rename("a/x.png", "a/_x.png")), "a/_x.png", "begins with _"),
    "a caption under the name of its frame": (rename("a/x.txt", "a/x.png.txt"), "a/x.png.txt", "(x.txt)"),
    "a caption in capitals": (rename("a/x.txt", "a/x.TXT"), "a/x.TXT", "(x.txt)"),
    "an empty caption": (write("a/x.txt", b""), "a/x.txt", "an empty file stops kohya"),
    "a blank caption": (write("a/x.txt", b"\n"), "a/x.txt", "first line is blank"),
    "a blank first line": (write("a/x.txt", b"\nhat\n"), "a/x.txt", "first line is blank"),
    "two lines": (write("a/x.txt", b"hat\ncap\n"), "a/x.txt", "kohya drops all lines but the first"),
    "a byte order mark": (write("a/x.txt", b"\xef\xbb\xbfhat\n"), "a/x.txt", "byte order mark"),
    "latin-1": (write("a/x.txt", b"caf\xe9\n"), "a/x.txt", "not UTF-8"),
    "UTF-16": (write("a/x.txt", "hat\n".encode("utf-16")), "a/x.txt", "not UTF-8"),
    "a comma in front": (write("a/x.txt", b", hat\n"), "a/x.txt", "begins with a comma"),
    "a comma at the end": (write("a/x.txt", b"hat,\n"), "a/x.txt", "empty tag"),
    "two commas": (write("a/x.txt", b"hat,, cap\n"), "a/x.txt", "empty tag"),
    "a separator of kohya's": (write("a/x.txt", b"hat ||| cap\n"), "a/x.txt", "for kohya"),
    "a wildcard of kohya's": (write("a/x.txt", b"{hat|cap}\n"), "a/x.txt", "for kohya"),
    "the name of a file": (write("a/x.txt", b"requirements.txt\n"), "a/x.txt", "path of a file"),
    "a second caption": (write("a/x.caption", b"cap\n"), "a/x.caption", "merges"),
    "a second caption in YAML": (write("a/x.yaml", b"main_prompt: cap\n"), "a/x.yaml", "merges"),
    "one stem": (save("a/x.jpg"), "a/x.png", "(x.jpg)"),
    "a truncated image": (truncated, "a/t.jpg", "cannot be decoded"),
    "no image": (both(save("a/t.png"), write("a/t.png", b"hello")), "a/t.png", "cannot be decoded"),
    "EXIF": (turned, "a/t.jpg", "EXIF turns it"),
    "alpha": (save("a/t.png", "RGBA"), "a/t.png", "transparent"),
    "too small": (save("a/t.png", size=(SIDE - 1, SIDE)), "a/t.png", "(23x24, below 24 px)"),
    "too long": (save("a/t.png", size=(SIDE * 5, SIDE)), "a/t.png", "too long for a bucket"),
    "a GIF": (save("a/t.gif"), "a/t.gif", ".gif: everydream2 and kohya"),
    "mixed letter case": (save("a/t.Png"), "a/t.Png", ".Png: kohya"),
    "jfif": (save("a/t.jfif", format="JPEG"), "a/t.jfif", ".jfif: kohya"),
    "an image named like a setting": (save("a/flip_p.png"), "a/flip_p.png", "a setting of EveryDream2"),
    "a mask": (save("a/x-masklabel.png"), "a/x-masklabel.png", "mask or thumbnail"),
    "a folder named like an image": (lambda root: (root / "a" / "t.png").mkdir(), "a/t.png", "stops kohya"),
    "a linked folder": (lambda root: (root / "a" / "loop").symlink_to(root), "a/loop", "linked folder"),
    "an archive": (write("more.zip", b"PK"), "more.zip", "not unpacked"),
    "factor 0": (write("a/multiply.txt", b"0"), "a/multiply.txt", "takes 0 for 1"),
    "a negative factor": (write("a/multiply.txt", b"-1"), "a/multiply.txt", "stops EveryDream2"),
    "a factor that is no number": (write("a/multiply.txt", b"nan"), "a/multiply.txt", "stops EveryDream2"),
    "a decimal comma": (write("a/multiply.txt", b"2,5"), "a/multiply.txt", "takes 1"),
    "an empty factor": (write("a/multiply.txt", b""), "a/multiply.txt", "takes 1"),
    "a factor with BOM": (write("a/multiply.txt", b"\xef\xbb\xbf2"), "a/multiply.txt", "takes 1"),
    "a factor above the leaves": (write("multiply.txt", b"2"), "multiply.txt", "directly in its folder only"),
    "a missing factor": (remove("a/multiply.txt"), "a", "no multiply.txt"),
    "a factor in capitals": (rename("a/multiply.txt", "a/Multiply.txt"), "a/Multiply.txt", "(multiply.txt)"),
    "a factor with two endings": (write("a/flip_p.txt.txt", b"0.5"), "a/flip_p.txt.txt", "(flip_p.txt)"),
    "settings that override": (write("a/local.yaml", b"multiply: 3\n"), "a/local.yaml", "overrides"),
    "a batch id with line end": (write("a/batch_id.txt", b"1\n"), "a/batch_id.txt", "batch id"),
    "too small an epoch": (
        both(write("a/multiply.txt", b"0.1"), write("b/multiply.txt", b"0.1")), "", "less than one frame",
    ),
    "kohya's cache": (write("a/metadata_cache.json", b"{}"), "a/metadata_cache.json", "sees no new frames"),
    "a broken config": (write("dataset_config.toml", b"[general"), "dataset_config.toml", "cannot read it"),
    "single brackets": (write("dataset_config.toml", b"[datasets]\n"), "dataset_config.toml", "double brackets"),
    "an unknown key": (edit_config("keep_tokens = 2", "recursive = true"), "dataset_config.toml", "(recursive in"),
    "a key at a wrong place": (edit_config("keep_tokens = 2", "is_reg = true"), "dataset_config.toml", "(is_reg in"),
    "repeats as a fraction": (edit_config("num_repeats = 1", "num_repeats = 1.5"), "dataset_config.toml", "(num_rep"),
    "no repeats": (edit_config("num_repeats = 1", "num_repeats = 0"), "dataset_config.toml", "drops"),
    "another caption": (edit_config('caption_extension = ".txt"', ""), "dataset_config.toml", "X.caption"),
    "no buckets": (edit_config("enable_bucket = true", ""), "dataset_config.toml", "enable_bucket"),
    "no resolution": (edit_config("resolution = 24", ""), "dataset_config.toml", "no resolution"),
    "a separator without shuffling": (
        edit_config("keep_tokens = 2", 'keep_tokens_separator = "|||"'), "dataset_config.toml", "unless captions",
    ),
    "too large a resolution": (
        edit_config("resolution = 24", "resolution = 2048"),
        "dataset_config.toml", "lies outside",
    ),
    "crops of faces": (
        edit_config("enable_bucket = true", "enable_bucket = true\nface_crop_aug_range = [1, 3]"),
        "dataset_config.toml", "_X_Y_WIDTH_HEIGHT",
    ),
    "two kinds of subsets": (
        edit_config("num_repeats = 1", 'num_repeats = 1\nmetadata_file = "/none.json"'),
        "dataset_config.toml", "share a",
    ),
    "masks that are not there": (
        edit_config("num_repeats = 1", 'num_repeats = 1\nconditioning_data_dir = "/none"'),
        "dataset_config.toml", "(/none)",
    ),
    "a folder that went": (edit_config("/b\"", "/c\""), "dataset_config.toml", "is not there"),
    "a relative folder": (edit_config('image_dir = "/', 'image_dir = "'), "dataset_config.toml", "not absolute"),
    "a folder that stands there twice": (edit_config("/b\"", "/a\""), "dataset_config.toml", "stands there twice"),
    "a folder that is not named": (lambda root: save_frame_in(root / "c"), "c", "does not name it"),
    "a concept that went": (
        lambda root: edit(root / "onetrainer_concepts.json", "/b\"", "/c\""), "onetrainer_concepts.json", "no folder",
    ),
    "no concepts": (remove("onetrainer_concepts.json"), "onetrainer_concepts.json", "no list of concepts"),
    "a frame without metadata": (lambda root: drop_line(root / "metadata.jsonl"), "a", "0 of 1"),
    "metadata without frame": (
        lambda root: edit(root / "metadata.jsonl", "y.png", "z.png"), "metadata.jsonl", "(b/z.png)",
    ),
    "a folder in place of a caption": (
        both(remove("a/x.txt"), lambda root: (root / "a" / "x.txt").mkdir()), "a/x.txt", "no file that can be read",
    ),
    "a caption that is a link to nothing": (
        both(remove("a/x.txt"), lambda root: (root / "a" / "x.txt").symlink_to("gone")), "a/x.txt", "no file that can",
    ),
    "NUL": (write("a/x.txt", b"hat\x00, cap\n"), "a/x.txt", "NUL"),
    "full-width commas": (write("a/x.txt", "hat，cap\n".encode()), "a/x.txt", "separate"),
    "Japanese commas": (write("a/x.txt", "hat、cap\n".encode()), "a/x.txt", "separate"),
    "150 tags": (
        write("a/x.txt", ", ".join(f"tag{number}" for number in range(150)).encode()), "a/x.txt", "than 225 tokens",
    ),
    "60 tags": (
        write("a/x.txt", ", ".join(f"tag{number}" for number in range(60)).encode()), "a/x.txt", "the 75 tokens",
    ),
    "the same picture": (
        lambda root: [shutil.copy(root / "a" / f"x{end}", root / "b" / f"z{end}") for end in (".png", ".txt")],
        "b/z.png", "(a/x.png)",
    ),
    "the same picture in another file": (
        lambda root: Image.open(root / "a" / "x.png").save(root / "b" / "z.bmp"), "b/z.bmp", "(a/x.png)",
    ),
    "a caption older than its metadata": (
        lambda root: correct(root / "a" / "x.png", tags=["cap"]), "a/x.txt", "was changed",
    ),
    "another name than in the metadata": (
        both(
            lambda root: add_frame(root / "c" / "h.png", plain((1, 2, 3), SIDE, SIDE), characters=["Hinata"]),
            write("a/x.txt", b"1person, Hinata, hat\n"),
        ),
        "a/x.txt", "(Hinata)",
    ),
    "another name than that of the folder": (
        both(
            lambda root: save_frame_in(root / "2_characters" / "Hinata+Kokona"),
            write("2_characters/Hinata+Kokona/n.txt", b"2people, Hinata Aoba\n"),
        ),
        "2_characters/Hinata+Kokona/n.txt", "(Aoba)",
    ),
    "captions that EveryDream2 drops": (write("a/cond_dropout.txt", b"4"), "a/cond_dropout.txt", "are dropped"),
    "a loss of 0": (write("a/loss_scale.txt", b"0"), "a/loss_scale.txt", "not trained"),
    "a chance above 1": (write("a/flip_p.txt", b"50"), "a/flip_p.txt", "between 0 and 1"),
    "a setting that is no number": (write("a/cond_dropout.txt", b"0,1"), "a/cond_dropout.txt", "as a number"),
    "a factor of 5000": (write("a/multiply.txt", b"5000"), "a/multiply.txt", "1000 times"),
    "repeats of 5000": (edit_config("num_repeats = 1", "num_repeats = 5000"), "dataset_config.toml", "1000 times"),
    "all captions dropped": (
        edit_config("keep_tokens = 2", "caption_dropout_rate = 1.0"), "dataset_config.toml", "are dropped",
    ),
    "all captions of a subset dropped": (
        edit_config("num_repeats = 1", "num_repeats = 1\ncaption_dropout_rate = 1"),
        "dataset_config.toml", "are dropped",
    ),
    "all tags dropped": (
        edit_config("keep_tokens = 2", "caption_tag_dropout_rate = 0.9"), "dataset_config.toml", "are dropped",
    ),
    "captions dropped every epoch": (
        edit_config("keep_tokens = 2", "caption_dropout_every_n_epochs = 1"), "dataset_config.toml", "are dropped",
    ),
    "regularization only": (
        lambda root: edit(root / "dataset_config.toml", "num_repeats = 1", "is_reg = true\nnum_repeats = 1"),
        "dataset_config.toml", "none is trained",
    ),
    "a large share for validation": (
        edit_config("enable_bucket = true", "enable_bucket = true\nvalidation_split = 0.9"),
        "dataset_config.toml", "for validation",
    ),
    "batches of 0": (
        edit_config("enable_bucket = true", "enable_bucket = true\nbatch_size = 0"), "dataset_config.toml", "so small",
    ),
    "a resolution of one number in a list": (
        edit_config("resolution = 24", "resolution = [24]"), "dataset_config.toml", "width and height",
    ),
    "a separator of lines": (write("a/x.txt", "hat\u2028, cap\n".encode()), "a/x.txt", "nobody sees"),
    "another separator of captions": (
        edit_config("keep_tokens = 2", 'shuffle_caption = true\ncaption_separator = ";"'),
        "dataset_config.toml", "are one tag",
    ),
    "a dataset without subsets": (
        lambda root: write("dataset_config.toml", CONFIG_WITHOUT_SUBSETS)(root), "dataset_config.toml", "no subsets",
    ),
    "a resolution that the frames lack": (
        edit_config("resolution = 24", "resolution = 40"), "a/x.png", "(24x24, below 40 px)",
    ),
    "a concept that is off": (concept(enabled=False), "onetrainer_concepts.json", "is not trained"),
    "a concept for validation": (concept(validation_concept=True), "onetrainer_concepts.json", "is not trained"),
    "a concept of another type": (concept(type="VALIDATION"), "onetrainer_concepts.json", "is not trained"),
    "a concept without loss": (concept(loss_weight=0), "onetrainer_concepts.json", "is not trained"),
    "no samples": (concept(balancing=0), "onetrainer_concepts.json", "less than one frame"),
    "repeats of half a frame": (
        concept(balancing=0.5, balancing_strategy="REPEATS"), "onetrainer_concepts.json", "less than one frame",
    ),
    "5000 samples of one frame": (concept(balancing=5000), "onetrainer_concepts.json", "1000 times"),
    "prompts from file names": (concept(text={"prompt_source": "filename"}), "onetrainer_concepts.json", "X.txt"),
    "tags that are dropped": (
        concept(text={"tag_dropout_enable": True, "tag_dropout_probability": 1.0}),
        "onetrainer_concepts.json", "tags are dropped",
    ),
    "another delimiter": (
        concept(text={"enable_tag_shuffling": True, "tag_delimiter": ";"}), "onetrainer_concepts.json", "are one tag",
    ),
    "a concept of all folders": (
        lambda root: rewrite(root, lambda listed: listed.append({"path": str(root), "include_subdirectories": True})),
        "onetrainer_concepts.json", "two concepts",
    ),
    "a doubled row": (
        lambda root: (root / "metadata.jsonl").write_text((root / "metadata.jsonl").read_text() * 2),
        "metadata.jsonl", "trains it twice",
    ),
    "a stale row": (
        lambda root: edit(root / "metadata.jsonl", "Aoba", "Hinata"), "metadata.jsonl", "caption beside it",
    ),
    "a factor that is a folder": (
        both(remove("a/multiply.txt"), lambda root: (root / "a" / "multiply.txt").mkdir()), "a", "no multiply.txt",
    ),
    "a batch id that is a folder": (
        both(lambda root: (root / "a" / "batch_id.txt").mkdir(), remove("a/x.txt")), "a/x.png", "no caption",
    ),
    "a row without text": (
        lambda root: edit(root / "metadata.jsonl", '"1person, Aoba, hat"', "null"), "metadata.jsonl", "missing",
    ),
    "a second list": (write("a/metadata.csv", b"file_name,text\n"), "a/metadata.csv", "second list"),
    "a name like a split": (
        both(remove("README.md"), rename("a/x.png", "a/x_test.png")), "a/x_test.png", "takes a word in its name",
    ),
    "damaged metadata": (write("metadata.jsonl", b"{"), "metadata.jsonl", "missing"),
}  # fmt: skip


def save_frame_in(folder: Path) -> None:
    save_frame(folder / "n.png", plain((1, 2, 3), SIDE, SIDE))
    (folder / "n.txt").write_text("hat\n")


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def drop_line(path: Path) -> None:
    path.write_text("".join(path.read_text().splitlines(keepends=True)[1:]))


@pytest.mark.parametrize("name", TRAPS)
def test_each_trap_is_found(root: Path, capsys: pytest.CaptureFixture[str], name: str) -> None:
    plant, where, told = TRAPS[name]
    plant(root)
    lines = traps_of(root, capsys, "everydream2", "kohya", "onetrainer", "diffusers")
    assert [line for line in lines if line.startswith(f"{root / where}: ") and told in line and "; " in line]


def test_captions_are_told_as_stale_until_they_are_written_again(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    add_frame(root / "b" / "y.png", plain((90, 120, 1), SIDE, SIDE), count=1, characters=["Aoba"], tags=["cap"])
    assert [line for line in traps_of(root, capsys, "kohya") if "X.json was changed" in line]
    add_frame(root / "c" / "z.png", plain((90, 120, 2), SIDE, SIDE), general="Aoba's room", tags=["sky"])
    prepare_training.main(["--src_dir", str(root), "--resolution", str(SIDE), "--trainer", "kohya"])
    assert traps_of(root, capsys, "kohya") == []
    shutil.copytree(root, root.with_name("copy"))  # times are those of the copy
    for path in root.with_name("copy").rglob("*.json"):
        path.touch()
    assert not [line for line in traps_of(root.with_name("copy"), capsys, "kohya") if "X.json was changed" in line]


def kohya_set(root: Path, folder: str) -> Path:
    save_frame_in(root / folder)
    return root


@pytest.mark.parametrize(
    ("folder", "told"),
    [
        ("1_character", "1 repeats of character"),
        ("2_characters", "2 repeats of characters"),
        ("others", "without repeats"),
        ("0_x", "less than 1 repeat"),
        ("3_x/below", "does not look into"),
        ("", "frames at the top"),
    ],
)
def test_folders_that_kohya_misreads_without_a_config(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], folder: str, told: str
) -> None:
    (line,) = traps_of(kohya_set(tmp_path / "set", folder), capsys, "kohya")
    assert told in line


def test_folders_with_repeats_in_their_name_are_fine(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert traps_of(kohya_set(tmp_path / "set", "3_AobaKokona"), capsys, "kohya") == []


@pytest.mark.parametrize(
    ("entries", "told"),
    [
        ('{"a/n.png": {"caption": "hat"}}', "no absolute path"),
        ('{"/none/n.png": {"caption": "hat"}}', "is not there"),
        ('{"FRAME": {"caption": "hat\\ncap"}}', "drops what follows"),
        ('{"FRAME": {"caption": "hat", "tags": ["cap"]}}', "must be texts"),
        ('{"FRAME": {}}', "no caption"),
        ('{"FRAME": {"caption": "hat", "train_resolution": [8, 8]}}', "fixes its bucket"),
        ('["FRAME"]', "object of objects"),
        ("{", "cannot read it"),
    ],
)
def test_metadata_for_fine_tuning_that_kohya_misreads(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], entries: str, told: str
) -> None:
    save_frame_in(tmp_path / "set" / "a")
    add_frame(tmp_path / "set" / "a" / "n.png", plain((1, 2, 3), SIDE, SIDE), count=1, tags=["hat"])
    options = ["--trainer", "kohya", "--kohya_form", "metadata", "--resolution", str(SIDE)]
    assert prepare_training.main(["--src_dir", str(tmp_path / "set"), *options]) == 0
    assert traps_of(tmp_path / "set", capsys, "kohya") == []
    frame = json.dumps(str((tmp_path / "set" / "a" / "n.png").absolute()))
    (tmp_path / "set" / "kohya_metadata_1.json").write_text(entries.replace('"FRAME"', frame))
    (line,) = traps_of(tmp_path / "set", capsys, "kohya")
    assert told in line


def test_traps_of_trainers_that_are_not_asked_for_are_none(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (root / "a" / "multiply.txt").write_bytes(b"0")
    (root / "dataset_config.toml").write_bytes(b"[general")
    assert traps_of(root, capsys, "onetrainer") == []


def test_masks_need_the_stems_of_the_frames(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    save_frame(root / ".masks" / "z.png", plain((255, 255, 255), SIDE, SIDE))
    edit_config("num_repeats = 1", f'num_repeats = 1\nconditioning_data_dir = "{root / ".masks"}"')(root)
    unpaired, mixed = traps_of(root, capsys, "kohya")
    assert "1 frames of" in unpaired
    assert "1 masks no frame" in unpaired
    assert "conditioning_data_dir share a dataset" in mixed  # the other folder has no masks


def test_masks_of_onetrainer_are_no_trap_for_it(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    save_frame(root / "a" / "x-masklabel.png", plain((255, 255, 255), SIDE, SIDE))
    assert traps_of(root, capsys, "onetrainer") == []


def test_several_captions_are_no_trap_for_those_who_take_them(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (root / "a" / "x.txt").write_bytes(b"hat\ncap\n")
    assert traps_of(root, capsys, "onetrainer") == []
    edit_config("keep_tokens = 2", "enable_wildcard = true")(root)
    assert traps_of(root, capsys, "kohya") == []


def test_hidden_folders_are_seen_by_nobody(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    save_frame(root / ".masks" / "x.png", plain((1, 2, 3), 3, 3))
    assert traps_of(root, capsys) == []


def test_an_empty_folder_is_a_problem(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (line,) = traps_of(tmp_path, capsys)
    assert "no frames" in line


def test_checking_writes_nothing(root: Path) -> None:
    before = sorted((path, path.stat().st_mtime_ns) for path in root.rglob("*"))
    check(root)
    assert sorted((path, path.stat().st_mtime_ns) for path in root.rglob("*")) == before


def test_each_kind_is_one_line_with_its_count_and_three_examples_worst_first(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for number in range(4):
        save(f"a/t{number}.png", size=(SIDE - 1, SIDE))(root)
        (root / "a" / f"t{number}.txt").write_bytes(b"hat,\n")
    (root / "b" / "y.txt").write_bytes(b"")
    capsys.readouterr()
    assert check(root, "everydream2", each=False) == 1
    *lines, closing = capsys.readouterr().out.splitlines()
    assert [line.split(":")[0] for line in lines] == [
        "stops training, 1 time",
        "misread, 4 times",
        "misread, 3 times",
        "advice, 4 times",
    ]
    assert lines[3].endswith(
        "a/t0.png (23x24, below 24 px), a/t1.png (23x24, below 24 px), a/t2.png (23x24, below 24 px), …"
    )
    assert closing == f"6 frames read as everydream2 would: 8 problems, 1 kind of advice (4), in {root}"


def test_advice_alone_is_no_failure(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    save("a/t.png", size=(SIDE - 1, SIDE))(root)
    capsys.readouterr()
    assert check(root, "everydream2", each=False) == 0
    assert ": 0 problems, 1 kind of advice (1), in " in capsys.readouterr().out
