"""A dataset, model or table from a stranger: nothing outside is read or written, nothing runs, all is shown as text."""

import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import TensorProto, helper

import arrange_folders
import generate_metadata
import prepare_training
import remove_similar
import tag_images
from framekit.dataset import history
from framekit.errors import UsageError
from framekit.files import atomic, journal, names
from framekit.models import onnx
from tests.conftest import one_sentence, patchwork, save_frame, tree
from tests.helpers_dataset import add_frame

EVIL = "<img src=x onerror=alert(1)>"


class Boom:
    """Writes a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return (Path.touch, (self.path,))


def outside(tmp_path: Path) -> Path:
    """Return a folder beside the dataset with a secret in it."""
    save_frame(tmp_path / "outside" / "secret.png", patchwork(9))
    (tmp_path / "outside" / "secret.json").write_text('{"count": 1}')
    return tmp_path / "outside"


def run_all(tmp_path: Path) -> None:
    """Run what reads and writes a dataset without models."""
    source, made = str(tmp_path / "set"), str(tmp_path / "tree")
    assert remove_similar.main(["--src_dir", source, "--no_filters", "--workers", "1"]) in (0, 1)
    assert tag_images.main(["--src_dir", source, "--model", "measured", "--workers", "1"]) in (0, 1)
    assert generate_metadata.main(["--src_dir", source]) in (0, 1)
    assert arrange_folders.main(["--src_dir", source, "--dst_dir", made]) in (0, 1)
    if Path(made).is_dir():  # where no metadata could be read there is none
        words = ["--src_dir", made, "--report", str(tmp_path / "report.html"), "--workers", "1"]
        assert prepare_training.main(words) in (0, 1)


def test_links_planted_in_a_dataset_are_not_written_through(tmp_path: Path) -> None:
    secret = outside(tmp_path)
    before = tree(secret)
    frame = add_frame(tmp_path / "set" / "x.png", patchwork(1))
    (tmp_path / "set" / "linked").symlink_to(secret, target_is_directory=True)
    for suffix in (".json", ".png.tags", ".txt"):
        frame.with_name(f"x{suffix}").symlink_to(secret / "secret.json")
    run_all(tmp_path)
    assert tree(secret) == before
    assert frame.with_suffix(".txt").is_symlink()
    assert (
        "count" not in (tmp_path / "set" / "x.png.tags").read_text() or (tmp_path / "set" / "x.png.tags").is_symlink()
    )
    assert not any("secret" in path.name for path in (tmp_path / "tree").rglob("*"))


@pytest.mark.parametrize("how", ["--copy", "--hardlink", "--symlink"])
@pytest.mark.parametrize(
    "ending", [".txt", ".faces.json", ".characters.json", ".source.json", ".png.tags", ".png.json"]
)
def test_what_a_linked_sidecar_leads_to_never_comes_into_a_tree(
    tmp_path: Path, ending: str, how: str, capsys: pytest.CaptureFixture[str]
) -> None:
    secret = outside(tmp_path) / "secret.json"
    for stem in "xy":
        add_frame(tmp_path / "set" / f"{stem}.png", patchwork(ord(stem)))
    assert generate_metadata.main(["--src_dir", str(tmp_path / "set")]) == 0
    (tmp_path / "set" / f"x{ending}").symlink_to(secret)
    capsys.readouterr()
    assert arrange_folders.main(["--src_dir", str(tmp_path / "set"), "--dst_dir", str(tmp_path / "tree"), how]) == 1
    assert f"x.png: x{ending}: it is a link" in one_sentence(capsys.readouterr().err)
    made = [path for path in (tmp_path / "tree").rglob("*") if path.is_file()]
    assert any(path.name == "y.png" for path in made)
    assert not any(path.read_bytes() == secret.read_bytes() for path in made)


@pytest.mark.parametrize("name", [".tagged.jsonl", ".arranged.jsonl", ".removed", ".removed/manifest.jsonl"])
def test_a_planted_journal_or_shelf_is_not_written_through(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    secret = outside(tmp_path)
    (secret / "new").mkdir()
    before = tree(secret)
    for number in range(2):
        add_frame(tmp_path / "set" / f"{number}.png", patchwork(1))
    link = tmp_path / "set" / name
    link.parent.mkdir(exist_ok=True)
    link.symlink_to(secret / ("new" if name == ".removed" else "new.jsonl"))
    source = ["--src_dir", str(tmp_path / "set")]
    codes = [
        remove_similar.main([*source, "--no_filters", "--workers", "1"]),
        tag_images.main([*source, "--model", "measured", "--workers", "1"]),
        generate_metadata.main(source),
        arrange_folders.main([*source, "--move"]),
    ]
    assert 2 in codes
    assert "nothing is written through" in one_sentence(capsys.readouterr().err)
    assert tree(secret) == before


def test_a_temporary_file_that_is_a_link_is_not_written_through(tmp_path: Path) -> None:
    frame = add_frame(tmp_path / "set" / "x.png", patchwork(1))
    (tmp_path / "outside").write_text("secret")
    for suffix in (".json", ".txt", ".png.tags"):
        target = frame.with_name(f"x{suffix}")
        atomic.temporary(target).symlink_to(tmp_path / "outside")
    run_all(tmp_path)
    assert (tmp_path / "outside").read_text() == "secret"
    assert frame.with_name("x.json").exists()


def test_a_journal_with_another_name_in_a_backup_becomes_a_file_of_its_own(tmp_path: Path) -> None:
    journal.append_line(tmp_path / "journal", {"n": 1})
    (tmp_path / "backup").hardlink_to(tmp_path / "journal")
    journal.append_line(tmp_path / "journal", {"n": 2})
    assert list(journal.read_lines(tmp_path / "journal")) == [{"n": 1}, {"n": 2}]
    assert list(journal.read_lines(tmp_path / "backup")) == [{"n": 1}]


def test_manifests_and_records_that_lead_outside_move_nothing(tmp_path: Path) -> None:
    secret = outside(tmp_path)
    before = tree(secret)
    add_frame(tmp_path / "set" / "x.png", patchwork(1))
    trash = tmp_path / "set" / ".removed"
    trash.mkdir()
    lines = [
        {"frame": "../outside/new.png", "to": ".removed/similar/x.png", "reason": "similar"},
        {"frame": "x.png", "to": "../outside/secret.png", "reason": "similar"},
        {"frame": "y.png", "to": str(secret / "secret.png"), "reason": "similar"},
    ]
    (trash / "manifest.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    (tmp_path / "set" / history.LOG).write_text('{"command": "x", "reads": "../../../../etc"}\n')
    assert remove_similar.main(["--src_dir", str(tmp_path / "set"), "--restore"]) in (0, 1)
    run_all(tmp_path)
    assert tree(secret) == before


def test_reports_show_tags_and_names_as_text(tmp_path: Path) -> None:
    frame = add_frame(tmp_path / "set" / "x.png", patchwork(1))
    record = {"video": EVIL, "prefix": EVIL, "episode": EVIL, "frames": {"x": {"time": 1.0, "scene": 1}}}
    (tmp_path / "set" / ".frames.json").write_text(json.dumps(record))
    frame.with_name("x.png.tags").write_text(EVIL)
    run_all(tmp_path)
    assert tag_images.main(["--src_dir", str(tmp_path / "set"), "--model", "measured", "--summary"]) == 0
    pages = [tmp_path / "report.html", *tmp_path.rglob("tags_summary.html")]
    assert len(pages) == 2
    for page in pages:
        assert "<img src=x" not in page.read_text(encoding="utf-8")


def test_cells_of_tables_are_no_formulas(tmp_path: Path) -> None:
    frame = add_frame(tmp_path / "x.png", patchwork(1))
    frame.with_name("x.png.tags").write_text('=HYPERLINK("http://x"), @SUM(1), +1+1, =_=, hat')
    assert tag_images.main(["--src_dir", str(tmp_path), "--model", "measured", "--summary"]) == 0
    cells = [line.split(",")[0].strip('"') for line in (tmp_path / "tags_summary.csv").read_text().splitlines()]
    assert not [cell for cell in cells if cell[:1] in ("=", "@", "+", "-") and cell != "=_="]
    assert "=_=" in cells


@pytest.mark.parametrize("where", ["../secret.bin", "/etc/passwd"])
def test_a_model_cannot_read_files_outside_its_folder(tmp_path: Path, where: str) -> None:
    (tmp_path / "secret.bin").write_bytes(np.arange(4, dtype=np.float32).tobytes())
    weights = helper.make_tensor("w", TensorProto.FLOAT, [4], np.zeros(4, np.float32))
    weights.ClearField("float_data")
    weights.data_location = TensorProto.EXTERNAL
    for key, value in (("location", where), ("offset", "0"), ("length", "16")):
        entry = weights.external_data.add()
        entry.key, entry.value = key, value
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [4]) for name in "xy"]
    graph = helper.make_graph([helper.make_node("Add", ["x", "w"], ["y"])], "g", ends[:1], ends[1:], [weights])
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    (tmp_path / "m").mkdir()
    (tmp_path / "m" / "model.onnx").write_bytes(made.SerializeToString())
    with pytest.raises(UsageError, match=r"model\.onnx"):
        onnx.open_session(tmp_path / "m" / "model.onnx", "cpu")


def test_arrays_of_objects_are_not_unpickled(tmp_path: Path) -> None:
    add_frame(tmp_path / "set" / "x.png", patchwork(1))
    held = np.array([Boom(tmp_path / "boom")], dtype=object)
    np.savez(tmp_path / "set" / ".descriptors.npz", names=held, rows=held)
    (tmp_path / "set" / ".scores-measured.npz").write_bytes((tmp_path / "set" / ".descriptors.npz").read_bytes())
    run_all(tmp_path)
    assert not (tmp_path / "boom").exists()


def test_no_sidecar_is_a_pickle(tmp_path: Path) -> None:
    frame = add_frame(tmp_path / "set" / "x.png", patchwork(1))
    for suffix in (names.METADATA, names.FACES, names.CHARACTERS):
        names.sidecar(frame, suffix).write_bytes(pickle.dumps(Boom(tmp_path / "boom")))
    run_all(tmp_path)
    assert not (tmp_path / "boom").exists()


@pytest.mark.parametrize(
    "text",
    [
        '[generate_metadata]\n__class__ = "x"\n',
        "[__builtins__]\nx = 1\n",
        '[generate_metadata]\nconfig = "other.toml"\n',
        "[generate_metadata.deep]\nx = 1\n",
        "generate_metadata = 3\n",
        "[generate_metadata]\nlimit = true\n",
        "[generate_metadata]\nlimit = [1, 2]\n",
    ],
)
def test_surprising_keys_of_a_configuration_are_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str
) -> None:
    add_frame(tmp_path / "set" / "x.png")
    (tmp_path / "dataset.toml").write_text(text)
    words = ["--src_dir", str(tmp_path / "set"), "--config", str(tmp_path / "dataset.toml")]
    assert generate_metadata.main(words) == 2
    assert "dataset.toml" in one_sentence(capsys.readouterr().err)
