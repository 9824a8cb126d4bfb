"""A pipe, a device or a link in the place of any file of a dataset never hangs a script, and is said."""

import os
import shutil
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType

import pytest

import arrange_folders
import detect_faces
import generate_metadata
import prepare_training
import remove_similar
import tag_images
from framekit.dataset.frames import find_frames
from framekit.errors import BadSidecar
from framekit.files import atomic
from tests.conftest import one_sentence, patchwork
from tests.helpers_dataset import MIDDLE, add_faces, add_frame, add_names, add_text
from tests.helpers_tree import run_all

pytestmark = pytest.mark.skipif(os.name == "nt", reason="needs pipes with names")
SCRIPTS: dict[str, Callable[[Path], int]] = {
    "remove_similar": lambda show: remove_similar.main(["--src_dir", str(show / "frames"), "--workers", "1"]),
    "restore": lambda show: remove_similar.main(["--src_dir", str(show / "frames"), "--restore"]),
    "detect_faces": lambda show: detect_faces.main(["--src_dir", str(show / "frames"), "--workers", "1"]),
    "tag_images": lambda show: tag_images.main(["--src_dir", str(show / "frames"), "--model", "measured"]),
    "generate_metadata": lambda show: generate_metadata.main(["--src_dir", str(show / "frames")]),
    "rename": lambda show: generate_metadata.main(["--src_dir", str(show / "frames"), "--rename", "Aoba", "Sora"]),
    "from_folders": lambda show: generate_metadata.main(
        ["--src_dir", str(show / "training"), "--characters_from_folders"]
    ),
    "arrange": lambda show: arrange_folders.main(
        ["--src_dir", str(show / "frames"), "--dst_dir", str(show / "training")]
    ),
    "flatten": lambda show: arrange_folders.main(
        ["--src_dir", str(show / "training"), "--dst_dir", str(show / "frames"), "--flatten"]
    ),
    "prepare": lambda show: prepare_training.main(["--src_dir", str(show / "training")]),
    "trainers": lambda show: prepare_training.main(
        ["--src_dir", str(show / "training"), "--trainer", "onetrainer", "diffusers", "ai-toolkit", "simpletuner"]
    ),
    "export": lambda show: prepare_training.main(
        ["--src_dir", str(show / "training"), "--dst_dir", str(show / "export")]
    ),
    "check": lambda show: prepare_training.main(["--src_dir", str(show / "training"), "--check"]),
}
BESIDE = [".json", ".faces.json", ".characters.json", ".png.tags", ".txt", ".source.json", ".png.txt", "-masklabel.png"]
OF_FOLDERS = [
    ".frames.json", ".tagged.jsonl", ".descriptors.npz", ".scores-measured.npz", "multiply.txt", "cond_dropout.txt",
    "batch_id.txt", "zz.png", "zz.npz",
]  # fmt: skip
AT_TOP = [
    ".removed/manifest.jsonl", ".commands.jsonl", ".renamed.jsonl", ".arranged.jsonl", ".prepared.json",
    ".configs.json", "dataset_config.toml", "metadata.jsonl", "onetrainer_concepts.json", "multidatabackend.json",
    "ai_toolkit.yaml", "README.md",
]  # fmt: skip


@pytest.fixture
def in_time() -> Iterator[None]:
    """Fail where a test takes longer than 20 seconds: it waits for a pipe."""

    def fail(number: int, frame: FrameType | None) -> None:
        pytest.fail("it hangs")

    before = signal.signal(signal.SIGALRM, fail)
    signal.alarm(20)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@pytest.fixture
def show(tmp_path: Path, in_time: None) -> Path:
    """Return a folder with a dataset of two frames and the tree that was made of it."""
    for number, stem in enumerate("ab"):
        frame = add_frame(tmp_path / f"frames/EP01/{stem}.png", patchwork(number))
        add_faces(frame, MIDDLE)
        add_names(frame, {MIDDLE: "Aoba"})
        add_text(frame, ".tags", "solo")
    run_all(tmp_path)
    return tmp_path


def places(show: Path, root: str) -> list[Path]:
    """Return where a pipe may lie in the dataset or in the tree."""
    frame = find_frames(show / root)[0]
    beside = [frame.with_name(frame.stem + end) for end in BESIDE]
    return [*beside, *(frame.with_name(name) for name in OF_FOLDERS), *(show / root / name for name in AT_TOP)]


def a_pipe(path: Path) -> None:
    os.mkfifo(path)


def a_device(path: Path) -> None:
    path.symlink_to("/dev/zero")


@pytest.mark.parametrize("put", [a_pipe, a_device])
@pytest.mark.parametrize("root", ["frames", "training"])
@pytest.mark.parametrize("script", SCRIPTS)
def test_no_file_of_a_dataset_that_is_none_hangs_a_script(
    show: Path, script: str, root: str, put: Callable[[Path], None], capsys: pytest.CaptureFixture[str]
) -> None:
    for number, place in enumerate(places(show, root)):
        copy = show.parent / f"{show.name}-{number}"
        shutil.copytree(show, copy)
        there = copy / place.relative_to(show)
        there.unlink(missing_ok=True)
        there.parent.mkdir(exist_ok=True)
        put(there)
        capsys.readouterr()
        code = SCRIPTS[script](copy)
        said = capsys.readouterr().err
        assert code in (0, 1, 2), there
        if code == 2:
            one_sentence(said)
        shutil.rmtree(copy)


def test_a_sidecar_that_is_none_is_listed_and_the_rest_is_done(show: Path, capsys: pytest.CaptureFixture[str]) -> None:
    frame = show / "frames/EP01/a.png"
    frame.with_suffix(".json").unlink()
    os.mkfifo(frame.with_suffix(".json"))
    capsys.readouterr()
    assert SCRIPTS["generate_metadata"](show) == 1
    said = capsys.readouterr()
    assert "a.json is no file but a pipe, a socket or a device; remove it" in said.err
    assert "1 frame described" in said.out


def test_files_are_opened_only_where_they_are_files(tmp_path: Path, in_time: None) -> None:
    (tmp_path / "text").write_bytes(b"a\r\nb")
    (tmp_path / "link").symlink_to(tmp_path / "text")
    os.mkfifo(tmp_path / "pipe")
    assert atomic.file_text(tmp_path / "text") == "a\nb"
    assert atomic.read_text(tmp_path / "link", is_given=True) == "a\nb"
    for name in ("link", "pipe", ".", "missing"):
        with pytest.raises(OSError, match=r"link|pipe|directory"):
            atomic.open_regular(tmp_path / name)
    for name in ("link", "pipe"):
        with pytest.raises(BadSidecar, match=f"{name} is "):
            atomic.read_text(tmp_path / name)


def a_folder(path: Path) -> None:
    path.mkdir()


@pytest.mark.parametrize("put", [a_pipe, a_device, a_folder])
@pytest.mark.parametrize("script", ["prepare", "trainers", "export", "check"])
@pytest.mark.parametrize("name", ["a.txt", "multiply.txt", "dataset_config.toml", "metadata.jsonl"])
def test_a_text_of_ours_that_is_none_is_listed_and_the_rest_is_written(
    show: Path, script: str, name: str, put: Callable[[Path], None], capsys: pytest.CaptureFixture[str]
) -> None:
    a, b = find_frames(show / "training")
    trainers = ["everydream2", "kohya", "diffusers"]
    assert prepare_training.main([str(show / "training"), "--trainer", *trainers]) == 0
    place = {"a.txt": a.with_suffix(".txt"), "multiply.txt": a.parent / name}.get(name, show / "training" / name)
    place.unlink(missing_ok=True)
    put(place)
    b.with_suffix(".txt").unlink()
    capsys.readouterr()
    words = {"trainers": ["--trainer", *trainers], "check": ["--check", "--trainer", *trainers]}.get(script, [])
    words += ["--dst_dir", str(show / "export")] if script == "export" else []
    code = prepare_training.main([str(show / "training"), *words])
    said = capsys.readouterr()
    if (
        name in ("a.txt", "multiply.txt")
        or script == "trainers"
        or (name, script) == ("dataset_config.toml", "prepare")
    ):
        assert code == 1
        assert place.name in said.err + said.out
    else:
        assert code == (1 if script == "check" else 0)
    assert b.with_suffix(".txt").exists() == (script in ("prepare", "trainers"))
    assert not place.is_file()


@pytest.mark.parametrize("put", [a_pipe, a_device, a_folder])
@pytest.mark.parametrize(("script", "ending"), [("detect_faces", ".faces.json"), ("tag_images", ".png.tags")])
def test_a_sidecar_that_cannot_be_written_is_listed_and_the_others_are(
    show: Path, script: str, ending: str, put: Callable[[Path], None], capsys: pytest.CaptureFixture[str]
) -> None:
    a, b = (show / f"frames/EP01/{stem}{ending}" for stem in "ab")
    for path in (a, b):
        path.unlink()
    put(a)
    capsys.readouterr()
    assert SCRIPTS[script](show) == 1
    assert f"a.png: a{ending}: it is " in one_sentence(capsys.readouterr().err)
    assert b.is_file()
    assert not a.is_file()
