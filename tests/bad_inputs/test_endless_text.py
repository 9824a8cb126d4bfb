"""Files of a few hundred kB that nest, or repeat one sign: they are read in a moment, or are one sentence."""

import json
import time
from pathlib import Path

import pytest

import generate_metadata
import prepare_training
from framekit.sidecars.captions import parse_caption
from framekit.sidecars.tags import sort_tags
from tests.conftest import patchwork
from tests.helpers_dataset import add_frame, add_text

REPEATED = [
    '{"a":',
    "[",
    "<",
    '<a="',
    ",",
    "(",
    "(a:",
    "a: ",
    "artist:",
    "&#",
    "1girl ",
    "<lora:",
    ", .",
    "A b. ",
    "\t",
]
DEEP = "[" * 200_000
CONFIGS = {
    "diffusers": "metadata.jsonl",
    "kohya": "dataset_config.toml",
    "onetrainer": "onetrainer_concepts.json",
    "simpletuner": "multidatabackend.json",
}


@pytest.mark.parametrize("sign", REPEATED)
def test_tags_and_captions_are_read_in_a_moment(sign: str) -> None:
    started = time.process_time()
    sort_tags(sign * 100_000)
    parse_caption(sign * 100_000)
    assert time.process_time() - started < 5


@pytest.mark.parametrize("trainer", CONFIGS)
@pytest.mark.parametrize("text", [DEEP, f"a = {DEEP}", '{"a":' * 200_000], ids=["brackets", "value", "braces"])
def test_a_config_that_nests_too_deep_stays_and_is_told(
    tmp_path: Path, trainer: str, text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    add_frame(tmp_path / "set" / "x.png", patchwork(1), count=1, tags=["hat"])
    words = [str(tmp_path / "set"), "--trainer", trainer]
    root = tmp_path / "export" / trainer
    words += ["--dst_dir", str(tmp_path / "export")]
    assert prepare_training.main(words) == 0
    (root / CONFIGS[trainer]).write_text(text, encoding="utf-8")
    assert prepare_training.main(words) == 0
    assert (root / CONFIGS[trainer]).read_text(encoding="utf-8") == text
    assert prepare_training.main([str(root), "--trainer", trainer, "--check"]) == 1
    assert CONFIGS[trainer] in capsys.readouterr().out


def test_tags_that_nest_too_deep_keep_nobody_waiting(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    frame = add_frame(tmp_path / "x.png", patchwork(1))
    add_text(frame, ".tags", '{"a":' * 200_000)
    assert generate_metadata.main([str(tmp_path)]) == 0
    assert json.loads(frame.with_suffix(".json").read_text())["tags"] == []
    assert "1 tag in 1 frame unclear" in capsys.readouterr().err
