"""Every script over the demo show: what comes out is what manifest.json says, and a second run changes nothing."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.whole import pipeline

MEANT = "if this change of the data is meant, run `python -m tests.whole.pipeline record` and commit the manifest"
MANIFEST = json.loads(pipeline.MANIFEST.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder that holds all that the scripts made of the demo show."""
    pytest.importorskip("animeface")
    folder = tmp_path_factory.mktemp("demo")
    failed = [code for code in pipeline.run_demo(folder) if not code.startswith("0 ")]
    assert not failed, (folder / "out" / "output.txt").read_text(encoding="utf-8")
    return folder / "out"


def without_pixels(kinds: dict[str, Any]) -> dict[str, Any]:
    """Return all kinds, with the digest of histories, and the number of what each folder has once or each step writes.

    The rest depends on the pixels: which frames stay, whose faces they show, and so which folders there are.
    """
    known = {}
    for kind, facts in kinds.items():
        fixed = "*" not in kind and not kind.endswith("/multiply.txt")
        known[kind] = facts if kind.endswith("/.commands.jsonl") else facts["files"] if fixed else None
    return known


def test_the_data_is_what_the_manifest_says(out: Path) -> None:
    made, known = pipeline.kinds(pipeline.digests(out)), MANIFEST["kinds"]
    if pipeline.environment() != MANIFEST["environment"]:
        made, known = without_pixels(made), without_pixels(known)
    found = pipeline.differences(known, made)
    assert not found, "\n".join([*found, MEANT])


def test_a_second_run_changes_nothing(out: Path) -> None:
    codes = pipeline.run_commands(pipeline.REPEATED, out)
    before = pipeline.digests(out)
    codes += pipeline.run_commands(pipeline.REPEATED, out)
    assert all(code.startswith("0 ") for code in codes), codes
    assert pipeline.differences(before, pipeline.digests(out)) == []


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("frames/EP01/show_EP01_000007.png.tags", "frames/*.png.tags"),
        ("crops/face/EP01/show_EP01_000007_face0.png", "crops/*_face*.png"),
        ("fine_tuning/kohya/kohya_metadata_16.json", "fine_tuning/kohya_metadata_*.json"),
        ("report.html", "report.html"),
    ],
)
def test_kinds_of_files(path: str, kind: str) -> None:
    assert pipeline.kind_of(path) == kind


def test_pixels_decide_neither_histories_nor_the_number_of_what_a_step_writes_once() -> None:
    kinds = {kind: {"files": 2, "digest": "0"} for kind in ("a/*.png", "a/multiply.txt", "a/.x", "a/.commands.jsonl")}
    known = {"a/*.png": None, "a/multiply.txt": None, "a/.x": 2, "a/.commands.jsonl": {"files": 2, "digest": "0"}}
    assert without_pixels(kinds) == known


def test_what_another_processor_rounds_otherwise_counts_as_equal(tmp_path: Path) -> None:
    for name, similarity in (("a", 0.98551), ("b", 0.98549)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "manifest.jsonl").write_text(json.dumps({"frame": "x.png", "similarity": similarity}))
        np.savez(tmp_path / name / "x.npz", found=np.array([similarity]), whole=np.array([3]))
    assert pipeline.digests(tmp_path / "a") == pipeline.digests(tmp_path / "b")
    np.savez(tmp_path / "b" / "x.npz", found=np.array([0.5]), whole=np.array([4]))
    assert pipeline.differences(pipeline.digests(tmp_path / "a"), pipeline.digests(tmp_path / "b")) == [
        "different: x.npz"
    ]
