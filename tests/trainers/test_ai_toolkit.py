"""The export for ai-toolkit, read by the rules of its config.py and data_loader.py, and each trap of its job."""

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

import prepare_training
from framekit.trainers.ai_toolkit import read_job, write_job, yaml_text
from tests.conftest import one_sentence, tree
from tests.helpers_trainers import CAPTION, FOLDERS, SIDE, add_known, check, export, hard_dataset, shares

JOB = "ai_toolkit_job.yaml"


def replaced(match: re.Match[str]) -> str:
    assert match[1] in os.environ, f"{match[1]} not set"
    return os.environ[match[1]]


def job_of(root: Path) -> dict[str, Any]:
    """Read the job as ai-toolkit does: variables replaced, YAML, [name] replaced."""
    text = re.sub(r"\$\{([^}]+)\}", replaced, (root / JOB).read_text(encoding="utf-8"))
    job: dict[str, Any] = yaml.safe_load(text)
    assert {"job", "config"} <= {*job}
    assert job["config"]["name"]
    return job


def frames_read(entry: dict[str, Any]) -> list[tuple[str, str]]:
    """Return path and caption of each frame that an entry gives, hidden folders too, as often as it does."""
    found = []
    for folder, _, names in os.walk(entry["folder_path"]):
        for name in names:
            if name.lower().endswith((".jpg", ".jpeg", ".png", ".webp")) and not name.startswith("."):
                path = Path(folder, name)
                text = path.with_suffix(f".{entry['caption_ext'].lstrip('.')}").read_text(encoding="utf-8")
                found.append((str(path), text.strip()))
    assert found, f"no images found in {entry['folder_path']}"
    return found * int(entry["num_repeats"])


def test_all_frames_are_read_with_their_captions_in_whole_shares(tmp_path: Path, capsys: Any) -> None:
    root = export(hard_dataset(tmp_path / "set"), "ai-toolkit")
    (process,) = job_of(root)["config"]["process"]
    assert len(process["datasets"]) == len(FOLDERS)
    assert all(entry["resolution"] == [SIDE] for entry in process["datasets"])
    read = [frames_read(entry) for entry in process["datasets"]]
    assert {caption for one in read for _, caption in one} == {CAPTION}
    assert len({path for one in read for path, _ in one}) == sum(range(1, len(FOLDERS) + 1))
    wished = [1 / 10, 1 / 10, *[1 / 5] * 4]  # `a` shares its fifth with the folder in it
    assert shares(sorted(map(len, read))) == pytest.approx(wished, abs=0.02)
    assert check(root, "ai-toolkit", capsys) == []


def test_entries_to_paste_are_those_of_the_job(tmp_path: Path) -> None:
    root = export(hard_dataset(tmp_path / "set"), "ai-toolkit")
    pasted = yaml.safe_load((root / "ai_toolkit_datasets.yaml").read_text(encoding="utf-8"))
    assert pasted["datasets"] == job_of(root)["config"]["process"][0]["datasets"]


def test_the_job_says_what_ai_toolkit_needs(tmp_path: Path) -> None:
    add_known(tmp_path / "set" / "a" / "x.png")
    root = export(tmp_path / "set", "ai-toolkit", "--resolution", "1024")
    (process,) = job_of(root)["config"]["process"]
    assert process["type"] == "sd_trainer"
    assert process["model"]["is_xl"] is True
    assert {"training_folder", "network", "train", "sample", "save"} <= {*process}
    assert process["sample"]["prompts"] == [CAPTION]
    assert process["sample"]["width"] == 1024
    assert process["train"]["noise_scheduler"] == process["sample"]["sampler"]


def test_regularization_is_told(tmp_path: Path) -> None:
    for folder in ("a", "regularization"):
        add_known(tmp_path / "set" / folder / "x.png")
    (process,) = job_of(export(tmp_path / "set", "ai-toolkit"))["config"]["process"]
    assert [entry.get("is_reg", False) for entry in process["datasets"]] == [False, True]


def test_nothing_that_was_set_aside_is_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = tmp_path / "set"
    gone = add_known(source / "x.png")
    add_known(source / "y.png")
    export(source, "ai-toolkit")
    for path in (gone, gone.with_suffix(".json")):
        path.unlink()
    root = export(source, "ai-toolkit")
    assert [path for path in tree(root.parent) if path.endswith("x.png")] == [".removed/ai-toolkit/stale/x.png"]
    (process,) = job_of(root)["config"]["process"]
    assert [Path(path).name for entry in process["datasets"] for path, _ in frames_read(entry)] == ["y.png"]
    assert check(root, "ai-toolkit", capsys) == []


def test_it_needs_a_tree_of_its_own(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    add_known(tmp_path / "set" / "x.png")
    before = tree(tmp_path)
    assert prepare_training.main(["--src_dir", str(tmp_path / "set"), "--trainer", "ai-toolkit"]) == 2
    assert "--dst_dir" in one_sentence(capsys.readouterr().err)
    assert tree(tmp_path) == before


def test_the_closing_lines_say_how_to_start(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    add_known(tmp_path / "set" / "x.png")
    root = export(tmp_path / "set", "ai-toolkit")
    out = capsys.readouterr().out
    assert f"python run.py {root / JOB}" in out
    assert "ai-toolkit: shares off by 0.0% at most" in out


@pytest.mark.parametrize("text", [*FOLDERS, "\ufeff", "\\n", "😀", "tab\there", "%s", "- x", "é\u2029"])
def test_any_text_survives_yaml(text: str) -> None:
    assert yaml.safe_load(f"key: {yaml_text(text)}") == {"key": text}
    assert "${" not in yaml_text(text)


def entry(change: Callable[[dict[str, Any]], Any]) -> Callable[[dict[str, Any]], Any]:
    """Return what changes the first entry of a job."""
    return lambda job: change(job["config"]["process"][0]["datasets"][0])


def train(**values: Any) -> Callable[[dict[str, Any]], Any]:
    return lambda job: job["config"]["process"][0]["train"].update(values)


TRAPS: dict[str, Callable[[dict[str, Any]], Any]] = {
    "ai-toolkit-form": lambda job: job.pop("config"),
    "ai-toolkit-no-folder": entry(lambda one: one.pop("folder_path")),
    "ai-toolkit-placeholder": entry(lambda one: one.update(folder_path="/tmp/[name]")),
    "ai-toolkit-repeats": entry(lambda one: one.update(num_repeats=1.5)),
    "ai-toolkit-captions": entry(lambda one: one.update(caption_ext="caption")),
    "ai-toolkit-all-reg": lambda job: [one.update(is_reg=True) for one in job["config"]["process"][0]["datasets"]],
    "ai-toolkit-buckets": entry(lambda one: one.update(buckets=False)),
    "ai-toolkit-resolution": entry(lambda one: one.update(resolution=[0])),
    "ai-toolkit-caption_dropout_rate": entry(lambda one: one.update(caption_dropout_rate=0.9)),
    "ai-toolkit-token_dropout_rate": entry(lambda one: one.update(token_dropout_rate=0.5)),
    "ai-toolkit-num_repeats": entry(lambda one: one.update(num_repeats=5000)),
    "ai-toolkit-loss_multiplier": entry(lambda one: one.update(loss_multiplier=0)),
    "ai-toolkit-network_weight": entry(lambda one: one.update(network_weight=0.0)),
    "ai-toolkit-num_frames": entry(lambda one: one.update(num_frames=33)),
    "ai-toolkit-auto_frame_count": entry(lambda one: one.update(auto_frame_count=True)),
    "ai-toolkit-scale": entry(lambda one: one.update(scale=0)),
    "ai-toolkit-batch_size": train(batch_size=0),
    "ai-toolkit-steps": train(steps=0),
    "ai-toolkit-folder-relative": entry(lambda one: one.update(folder_path="frames/a")),
    "ai-toolkit-folder-gone": entry(lambda one: one.update(folder_path="/nowhere at all")),
    "ai-toolkit-folder-twice": entry(lambda one: one.update(folder_path=str(Path(one["folder_path"]).parent))),
    "ai-toolkit-folder-unnamed": lambda job: job["config"]["process"][0]["datasets"].pop(),
}


@pytest.mark.parametrize("name", TRAPS)
def test_each_trap_of_the_job_is_found(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for folder in ("a", "b"):
        add_known(tmp_path / "set" / folder / "x.png")
    root = export(tmp_path / "set", "ai-toolkit")
    job = job_of(root)
    TRAPS[name](job)
    (root / JOB).write_text(yaml.safe_dump(job), encoding="utf-8")
    assert [line for line in check(root, "ai-toolkit", capsys) if f": {name}]" in line]


@pytest.mark.parametrize(
    ("name", "text"),
    [("ai-toolkit-unreadable", "a: [\n"), ("ai-toolkit-form", "- x\n"), ("ai-toolkit-variable", "job: ${NO_SUCH}\n")],
)
def test_a_job_that_is_none_is_told(name: str, text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    add_known(tmp_path / "set" / "x.png")
    root = export(tmp_path / "set", "ai-toolkit")
    (root / JOB).write_text(text, encoding="utf-8")
    assert [line for line in check(root, "ai-toolkit", capsys) if f": {name}]" in line]


def test_frames_in_hidden_folders_are_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    add_known(tmp_path / "set" / "a" / "x.png")
    root = export(tmp_path / "set", "ai-toolkit")
    add_known(root / "frames" / "a" / ".masks" / "x.png")
    assert [line for line in check(root, "ai-toolkit", capsys) if ": ai-toolkit-hidden-folder]" in line]


EDITED = """# my own job
job: extension
config:
  name: mine
  process:
  - type: sd_trainer
    datasets:  # mine
    # the first
    - folder_path: ${DATA}/a
      caption_ext: txt
      control_path: [x, "y"]
    - {folder_path: '/b ${literally}', num_repeats: 2, lr: 1e-4, is_reg: no}

    # the training
    train: {lr: 1e-4}
"""


def test_a_job_as_people_write_it_is_read_and_written_with_its_comments() -> None:
    job = read_job(EDITED)
    assert [one.get("num_repeats") for one in job["datasets"]] == [None, 2]
    assert job["datasets"][0]["control_path"] == ["x", "y"]
    written = write_job(job)
    assert written.startswith(EDITED[: EDITED.index("    # the first")])
    assert written.endswith("    # the training\n    train: {lr: 1e-4}\n")
    again = read_job(written)
    assert again == {**job, "after": again["after"]}
    assert again["datasets"][1] == {**job["datasets"][1], "lr": 0.0001, "is_reg": False}
    assert written.count("${") == 2


@pytest.mark.parametrize(
    "text", ["datasets: [{}]\n", "a: 1\n", "datasets:\n  - x\n", "datasets:\ndatasets:\n", "datasets:\n"]
)
def test_a_job_without_entries_on_lines_of_their_own_cannot_be_joined(text: str) -> None:
    with pytest.raises(ValueError, match="datasets:"):
        read_job(text)
