"""Where weights come from. The hub is never reached: its cache is filled by hand, or it is empty and offline."""

import hashlib
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import onnx
import pytest
from onnx import TensorProto, helper

import detect_faces
import tag_images
from framekit.characters import descriptors
from framekit.errors import UsageError
from framekit.faces.models import DETECTORS
from framekit.models import hub
from framekit.models.hub import HubModel, Known, fetch, locate, verify
from framekit.models.onnx import open_session, provider_for
from framekit.tags import models
from tests.conftest import ROOT, one_sentence, plain, save_frame

FILES = ["model.onnx", "selected_tags.csv"]

COMMIT = "0123456789abcdef0123456789abcdef01234567"

WEIGHTS = b"weights"

WEIGHTS_SHA256 = hashlib.sha256(WEIGHTS).hexdigest()

TABLE = {
    "small-tagger": HubModel("owner/tagger", revision=COMMIT, sha256={"model.onnx": WEIGHTS_SHA256}),
    "small-detector": HubModel("owner/detectors", "v1_s", COMMIT),
}
KNOWN = hub.Known(TABLE, ["measured"])


def fill_cache(cache: Path, repository: str, where: str, content: bytes, blob: str = "") -> Path:
    """Put a file into a hub cache as huggingface_hub does, at COMMIT, which is `main` too; return the blob."""
    folder = cache / f"models--{repository.replace('/', '--')}"
    stored = folder / "blobs" / (blob or hashlib.sha256(content).hexdigest())
    pointer = folder / "snapshots" / COMMIT / where
    for path in (stored, pointer, folder / "refs/main"):
        path.parent.mkdir(parents=True, exist_ok=True)
    stored.write_bytes(content)
    pointer.symlink_to(os.path.relpath(stored, pointer.parent))
    (folder / "refs/main").write_text(COMMIT)
    return stored


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder of an empty hub cache; the hub is offline."""
    folder = tmp_path / "hub"
    folder.mkdir()
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(folder))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    return folder


def test_a_local_folder(tmp_path: Path) -> None:
    for name in FILES:
        (tmp_path / name).touch()
    assert locate(str(tmp_path), KNOWN, FILES) == {name: tmp_path / name for name in FILES}


def test_a_local_file_brings_what_lies_beside_it(tmp_path: Path) -> None:
    (tmp_path / "my_tagger.onnx").touch()
    (tmp_path / "selected_tags.csv").touch()
    found = locate(str(tmp_path / "my_tagger.onnx"), KNOWN, FILES)
    assert found == {"model.onnx": tmp_path / "my_tagger.onnx", "selected_tags.csv": tmp_path / "selected_tags.csv"}


def test_a_local_file_without_what_belongs_beside_it_is_refused(tmp_path: Path) -> None:
    (tmp_path / "my_tagger.onnx").touch()
    with pytest.raises(UsageError, match=r"selected_tags\.csv"):
        locate(str(tmp_path / "my_tagger.onnx"), KNOWN, FILES)


def test_a_folder_that_lacks_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "model.onnx").touch()
    with pytest.raises(
        UsageError, match=r"holds no selected_tags\.csv; this model needs model\.onnx and selected_tags"
    ):
        locate(str(tmp_path), KNOWN, FILES)


@pytest.mark.parametrize(
    "name", ["no-such-tagger", "missing.onnx", "/nowhere/missing.onnx", "/nowhere", "a//b", "owner/"]
)
def test_an_unknown_name_lists_the_known_ones(name: str, cache: Path) -> None:
    with pytest.raises(UsageError, match="small-tagger, small-detector") as caught:
        locate(name, KNOWN, FILES)
    assert name in str(caught.value)


@pytest.mark.usefixtures("cache")
def test_models_that_all_need_a_download_name_a_local_folder_and_their_option() -> None:
    known = Known({"texts": HubModel("owner/texts")}, option="--effect_model")
    with pytest.raises(UsageError, match=r"use --effect_model DIR, a folder with model\.onnx; or connect once"):
        locate("texts", known, ["model.onnx"])


@pytest.mark.usefixtures("cache")
@pytest.mark.parametrize("name", ["small-tagger", "owner/tagger", "owner/detectors/v1_s"])
def test_offline_and_not_in_the_cache_names_the_ways_out(name: str) -> None:
    with pytest.raises(UsageError) as caught:
        locate(name, KNOWN, FILES)
    for way in (
        "owner/",
        "model.onnx",
        "cannot be reached",
        "connect once",
        "HF_HOME",
        "--model measured",
        "--model DIR, a folder with model.onnx and selected_tags.csv",
    ):
        assert way in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_short_name_is_found_in_the_cache(cache: Path) -> None:
    fill_cache(cache, "owner/tagger", "model.onnx", WEIGHTS)
    found = locate("small-tagger", KNOWN, ["model.onnx"])["model.onnx"]
    assert found.read_bytes() == WEIGHTS
    assert found.is_relative_to(cache)


def test_a_folder_inside_a_repository_is_found_in_the_cache(cache: Path) -> None:
    fill_cache(cache, "owner/detectors", "v1_s/model.onnx", b"short name")
    assert locate("small-detector", KNOWN, ["model.onnx"])["model.onnx"].read_bytes() == b"short name"
    assert (
        locate("owner/detectors/v1_s", hub.Known(embedded=["measured"]), ["model.onnx"])["model.onnx"].read_bytes()
        == b"short name"
    )


def test_a_repository_is_found_in_the_cache(cache: Path) -> None:
    fill_cache(cache, "owner/tagger", "model.onnx", b"anything")
    assert (
        locate("owner/tagger", hub.Known(embedded=["measured"]), ["model.onnx"])["model.onnx"].read_bytes()
        == b"anything"
    )


def test_a_file_that_is_not_the_one_of_the_table_is_refused_and_named(cache: Path) -> None:
    blob = fill_cache(cache, "owner/tagger", "model.onnx", b"other weights")
    with pytest.raises(UsageError, match=r"SHA-256 differs.*delete it and run again") as caught:
        fetch(TABLE["small-tagger"], "model.onnx", "")
    assert str(blob.resolve()) in str(caught.value)


def test_a_file_of_the_cache_must_have_the_checksum_that_is_its_name(cache: Path) -> None:
    fill_cache(cache, "owner/tagger", "model.onnx", WEIGHTS[:3], blob=WEIGHTS_SHA256)
    with pytest.raises(UsageError, match="SHA-256 differs"):
        locate("owner/tagger", hub.Known(embedded=["measured"]), ["model.onnx"])


def test_a_small_file_of_the_cache_has_no_checksum_in_its_name(cache: Path) -> None:
    fill_cache(cache, "owner/tagger", "selected_tags.csv", b"tag_id,name", blob="a" * 40)
    assert (
        locate("owner/tagger", hub.Known(embedded=["measured"]), ["selected_tags.csv"])[
            "selected_tags.csv"
        ].read_bytes()
        == b"tag_id,name"
    )


@pytest.mark.parametrize("sha256", [None, WEIGHTS_SHA256])
def test_a_file_with_the_right_checksum_or_none_passes(tmp_path: Path, sha256: str | None) -> None:
    (tmp_path / "x").write_bytes(WEIGHTS)
    verify(tmp_path / "x", sha256)


def test_without_network_a_script_ends_with_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "x.png").write_bytes(b"never read")
    command = [sys.executable, "detect_faces.py", "--src_dir", str(tmp_path), "--model", "face_detect_v1.4_s"]
    environment = os.environ | {"HF_HOME": str(tmp_path / "home"), "HF_HUB_OFFLINE": "1"}
    environment.pop("HF_HUB_CACHE", None)
    run = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env=environment, timeout=60, check=False)
    assert run.returncode == 2
    assert run.stderr.count("\n") == 1
    assert "deepghs/anime_face_detection/face_detect_v1.4_s/model.onnx is not in the cache" in run.stderr


@pytest.mark.parametrize(
    ("main", "words"),
    [
        (tag_images.main, ["--model", "mesured"]),
        (tag_images.main, ["--model", "measured,wd-swinv2-taggr-v3"]),
        (detect_faces.main, ["--model", "animefac"]),
    ],
)
def test_a_slip_in_the_name_of_a_model_is_told_also_where_all_is_done(
    tmp_path: Path, main: Callable[[list[str]], int], words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    frame = save_frame(tmp_path / "x.png", plain((1, 2, 3)))
    frame.with_name("x.png.tags").write_text("solo")
    frame.with_name("x.faces.json").write_text('{"faces": []}')
    assert main(["--src_dir", str(tmp_path), *words]) == 2
    assert "there is no model " in one_sentence(capsys.readouterr().err)


@pytest.mark.parametrize("table", [models.TAGGERS, DETECTORS, descriptors.EMBEDDERS])
def test_every_model_of_the_tables_names_its_licence(table: dict[str, HubModel]) -> None:
    assert table
    for model in table.values():
        assert model.licence != HubModel("x/y").licence
        assert all(hub.SHA256.fullmatch(sha256) for sha256 in model.sha256.values())


CPU, CUDA = "CPUExecutionProvider", "CUDAExecutionProvider"


@pytest.mark.parametrize(
    ("device", "available", "expected"),
    [("auto", [CPU], CPU), ("auto", [CPU, CUDA], CUDA), ("cpu", [CUDA, CPU], CPU), ("cuda", [CUDA, CPU], CUDA)],
)
def test_providers(device: str, available: list[str], expected: str) -> None:
    assert provider_for(device, available) == expected


@pytest.mark.parametrize("device", ["cuda", "directml", "coreml"])
def test_a_device_that_is_missing_is_an_error(device: str) -> None:
    with pytest.raises(UsageError, match=f"--device {device} needs .*--device cpu"):
        provider_for(device, [CPU])


def test_an_unknown_device_lists_the_known_ones() -> None:
    with pytest.raises(UsageError, match="no device gpu: use auto, cuda, directml, coreml, cpu"):
        provider_for("gpu", [CPU])


def identity_model() -> bytes:
    """Return an ONNX model that gives back its one number."""
    number = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1]) for name in "xy"]
    graph = helper.make_graph([helper.make_node("Identity", ["x"], ["y"])], "identity", number[:1], number[1:])
    opset = [helper.make_opsetid("", 13)]
    return bytes(helper.make_model(graph, opset_imports=opset, ir_version=8).SerializeToString())


def test_the_provider_that_runs_is_printed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "x.onnx").write_bytes(identity_model())
    session = open_session(tmp_path / "x.onnx", "cpu")
    assert session.get_inputs()[0].name == "x"
    assert capsys.readouterr().out == f"x.onnx runs on {CPU}\n"


def model_without_its_weights() -> bytes:
    """Return an ONNX model whose weights are said to lie in another file, which is not there."""
    weights = helper.make_tensor("w", TensorProto.FLOAT, [1], b"\0" * 4, raw=True)
    weights.ClearField("raw_data")
    weights.data_location = onnx.TensorProto.EXTERNAL
    weights.external_data.add(key="location", value="weights.bin")
    number = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1]) for name in "xy"]
    graph = helper.make_graph([helper.make_node("Add", ["x", "w"], ["y"])], "add", number[:1], number[1:], [weights])
    opset = [helper.make_opsetid("", 13)]
    return bytes(helper.make_model(graph, opset_imports=opset, ir_version=8).SerializeToString())


@pytest.mark.parametrize(
    "content",
    [b"", b"<!doctype html>", identity_model()[:40], model_without_its_weights()],
    ids=["empty", "web page", "cut", "without weights"],
)
def test_a_file_that_is_no_model_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.onnx").write_bytes(content)
    with pytest.raises(UsageError, match=r"x\.onnx is not a usable ONNX model") as caught:
        open_session(tmp_path / "x.onnx", "cpu")
    assert "\n" not in str(caught.value)


@pytest.mark.filterwarnings("ignore:Specified provider")
def test_a_device_that_does_not_start_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "x.onnx").write_bytes(identity_model())
    monkeypatch.setattr("onnxruntime.get_available_providers", lambda: [CPU, CUDA])
    with pytest.raises(UsageError, match="does not start here; use --device cpu"):
        open_session(tmp_path / "x.onnx", "cuda")


@pytest.mark.parametrize(
    ("model", "hint"),
    [
        ("mesured", "did you mean measured?"),
        ("small_tager", "did you mean small-tagger?"),
        ("zzz", "no model zzz; use"),
    ],
)
def test_an_unknown_model_names_the_nearest_and_those_without_download(model: str, hint: str) -> None:
    with pytest.raises(UsageError, match=r"use measured .no download., small-tagger") as caught:
        locate(model, KNOWN, FILES)
    assert hint in str(caught.value)


def test_a_hub_that_does_not_answer_is_given_up_soon(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A server that takes connections and never answers, as behind some firewalls."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    monkeypatch.setattr(hub, "REACH_SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"http://127.0.0.1:{server.getsockname()[1]}"
        monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", address)
        started = time.monotonic()
        with pytest.raises(UsageError, match="cannot be reached; use --model measured, which needs no download"):
            locate("small-tagger", KNOWN, FILES)
        assert time.monotonic() - started < 3
    assert f"asking {address} for owner/tagger/model.onnx" in capsys.readouterr().out


@pytest.mark.parametrize("endpoint", ["http://127.0.0.1:1", "nonsense"])
def test_what_is_no_hub_is_not_reachable(endpoint: str) -> None:
    assert not hub.is_reachable(endpoint)
