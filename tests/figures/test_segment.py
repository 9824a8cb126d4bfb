"""Which segmenter a name stands for, where its files come from, and the one that needs none."""

import hashlib
import os
import re
from pathlib import Path

import numpy as np
import pytest

from framekit.boxes import Face
from framekit.errors import UsageError
from framekit.figures.instances import Instances
from framekit.figures.models import FILES, SEGMENTERS, Evidence, Look, files_of
from framekit.figures.saliency import Saliency
from framekit.figures.segment import Settings, load_segmenter
from framekit.models import hub
from framekit.models.hub import HubModel
from tests.conftest import RED, one_sentence, plain
from tests.helpers_segmenters import save_red, seen


def test_grabcut_needs_no_file_and_says_nothing() -> None:
    segmenter = load_segmenter(Settings())
    looks = [Look(plain(RED), [Face((0.1, 0.1, 0.4, 0.4), 0.9)]), Look(plain(RED))]
    assert seen(segmenter, *looks) == [Evidence(None, ()), Evidence(None, ())]


@pytest.mark.parametrize("name", ["grabcat", "isnet", "isnetls", "toonot", "sam2-smal", "cartoon-instance"])
def test_a_slip_in_a_name_is_told_with_the_nearest(name: str) -> None:
    with pytest.raises(
        UsageError, match=rf"there is no model {name}.*grabcut \(no download\), isnetis, toonout"
    ) as caught:
        load_segmenter(Settings(name))
    one_sentence(str(caught.value))


def test_every_model_of_the_table_has_files_and_a_licence() -> None:
    assert FILES.keys() == SEGMENTERS.keys()
    for name, model in SEGMENTERS.items():
        assert model.licence != HubModel("x/y").licence
        assert {*model.sha256} <= {*FILES[name]}
        assert all(hub.SHA256.fullmatch(sha256) for sha256 in model.sha256.values())


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder of an empty hub cache; the hub is offline."""
    folder = tmp_path / "hub"
    folder.mkdir()
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(folder))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    return folder


def store(cache: Path, repository: str, where: str, source: Path, revision: str = "main") -> None:
    """Put a file into a hub cache as huggingface_hub does."""
    content, commit = source.read_bytes(), revision if len(revision) == 40 else "0" * 40
    folder = cache / f"models--{repository.replace('/', '--')}"
    stored = folder / "blobs" / hashlib.sha256(content).hexdigest()
    pointer = folder / "snapshots" / commit / where
    for path in (stored, pointer, folder / "refs/main"):
        path.parent.mkdir(parents=True, exist_ok=True)
    stored.write_bytes(content)
    pointer.symlink_to(os.path.relpath(stored, pointer.parent))
    (folder / "refs" / revision).write_text(commit)


@pytest.mark.usefixtures("cache")
@pytest.mark.parametrize("name", [*SEGMENTERS, "owner/name", "owner/name/onnx"])
def test_offline_and_not_in_the_cache_names_the_ways_out(name: str) -> None:
    with pytest.raises(UsageError) as caught:
        load_segmenter(Settings(name))
    for way in (FILES.get(name, ["model.onnx"])[0], "cannot be reached", "--model grabcut", "--model DIR", "HF_HOME"):
        assert way in str(caught.value)
    one_sentence(str(caught.value))


def test_a_short_name_and_its_repository_are_one_file_of_the_cache(cache: Path, tmp_path: Path) -> None:
    model = save_red(tmp_path / "x.onnx")
    store(cache, "sprited/birefnet-toonout-onnx", "birefnet-toonout-fp16.onnx", model)
    by_name, by_repository = files_of("toonout"), files_of("sprited/birefnet-toonout-onnx")
    assert by_name == by_repository
    assert by_name[0].read_bytes() == model.read_bytes()
    segmenter = load_segmenter(Settings("toonout", "cpu"))
    assert isinstance(segmenter, Saliency)
    assert segmenter.prepare.mean == (0.485, 0.456, 0.406)


def test_another_file_than_that_of_the_table_is_refused(cache: Path, tmp_path: Path) -> None:
    known = SEGMENTERS["isnetis"]
    store(cache, known.repository, "isnetis.onnx", save_red(tmp_path / "x.onnx"), known.revision)
    with pytest.raises(UsageError, match=r"isnetis|SHA-256 differs"):
        load_segmenter(Settings("isnetis", "cpu"))


def test_any_repository_of_the_hub(cache: Path, tmp_path: Path) -> None:
    store(cache, "owner/name", "onnx/model.onnx", save_red(tmp_path / "x.onnx"))
    segmenter = load_segmenter(Settings("owner/name/onnx", "cpu", "0-1"))
    [found] = seen(segmenter, plain(RED, 8, 8))
    assert found.probability is not None
    assert (found.probability == 1).all()


def test_a_folder_with_one_file_or_with_model_onnx(tmp_path: Path) -> None:
    one = save_red(tmp_path / "mine.onnx")
    assert files_of(str(tmp_path)) == [one]
    two = save_red(tmp_path / "model.onnx")
    assert files_of(str(tmp_path)) == [two]
    assert files_of(str(one)) == [one]
    inner = save_red(tmp_path / "of_transformers" / "onnx" / "model.onnx")
    assert files_of(str(tmp_path / "of_transformers")) == [inner]


def test_a_folder_that_leaves_a_choice_or_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"holds no ONNX file; give --model one file"):
        files_of(str(tmp_path))
    for name in ("a.onnx", "b.onnx"):
        save_red(tmp_path / name)
    with pytest.raises(UsageError, match=r"holds a\.onnx, b\.onnx; give --model one file"):
        files_of(str(tmp_path))


@pytest.mark.parametrize(
    ("encoder", "decoder"),
    [
        ("sam2_hiera_tiny.encoder.onnx", "sam2_hiera_tiny.decoder.onnx"),
        ("encoder.onnx", "decoder.onnx"),
        ("vision_encoder_fp16.onnx", "prompt_encoder_mask_decoder_fp16.onnx"),
        ("sam2.1_tiny_preprocess.onnx", "sam2.1_tiny.onnx"),
    ],
)
def test_encoder_and_decoder_are_found_by_each_other(tmp_path: Path, encoder: str, decoder: str) -> None:
    pair = [save_red(tmp_path / encoder), save_red(tmp_path / decoder)]
    assert files_of(str(pair[0])) == files_of(str(pair[1])) == files_of(str(tmp_path)) == pair


@pytest.mark.parametrize("name", ["sam2.encoder.onnx", "sam2.decoder.onnx"])
def test_one_half_of_sam_names_the_other(tmp_path: Path, name: str) -> None:
    path = save_red(tmp_path / name)
    other = name.replace("encoder", "?").replace("decoder", "encoder").replace("?", "decoder")
    with pytest.raises(UsageError, match=f"is one half of SAM, and {re.escape(other)} is not beside it"):
        files_of(str(path))


@pytest.mark.parametrize("content", [b"", b"no model"])
def test_a_damaged_file_is_one_sentence(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.onnx").write_bytes(content)
    with pytest.raises(UsageError, match="is not a usable ONNX model") as caught:
        load_segmenter(Settings(str(tmp_path / "x.onnx"), "cpu"))
    one_sentence(str(caught.value))


def test_a_device_that_is_missing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--device coreml needs"):
        load_segmenter(Settings(str(save_red(tmp_path / "x.onnx")), "coreml"))


def test_the_kind_of_a_file_decides_how_it_is_read(tmp_path: Path) -> None:
    assert not isinstance(load_segmenter(Settings(str(save_red(tmp_path / "x.onnx")), "cpu", "0-1")), Instances)
    assert np.asarray(Evidence().masks).size == 0


def test_a_pt_file_without_torch_or_without_content_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "x.pt").write_bytes(b"")
    with pytest.raises(UsageError, match=r"x\.pt") as caught:
        load_segmenter(Settings(str(tmp_path / "x.pt"), "cpu"))
    one_sentence(str(caught.value))
