"""What a person changes in the configs of ai-toolkit, SimpleTuner and musubi-tuner stays; the rest is renewed."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from framekit.files.atomic import read_toml
from tests.helpers_trainers import add_known, check, export

FILES = {
    "ai-toolkit": "ai_toolkit_job.yaml",
    "simpletuner": "multidatabackend.json",
    "musubi": "musubi_dataset.toml",
}
# Trainer -> (text that we write, what a person makes of it) for its first folder.
EDITS = {
    "ai-toolkit": (
        ('    caption_ext: "txt"', '    caption_ext: "txt"\n          flip_x: true'),
        ("steps: 2000", "steps: 5000  # mine"),
    ),
    "simpletuner": (('"crop_style": "center"', '"crop_style": "random"'),),
    "musubi": (("batch_size = 1", "batch_size = 4  # mine"), ("num_repeats", "bucket_no_upscale = true\nnum_repeats")),
}


def entries(path: Path) -> list[dict[str, Any]]:
    """Return the entries of folders in a config."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".yaml":
        return list(yaml.safe_load(text)["config"]["process"][0]["datasets"])
    return (
        [one for one in json.loads(text) if "repeats" in one] if path.suffix == ".json" else read_toml(path)["datasets"]
    )


@pytest.mark.parametrize("trainer", FILES)
def test_changes_stay_and_folders_follow_the_dataset(
    trainer: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = tmp_path / "set"
    for name in ("a/x.png", "a/y.png", "b/z.png"):
        add_known(source / name)
    path = export(source, trainer) / FILES[trainer]
    text = path.read_text(encoding="utf-8")
    for old, new in EDITS[trainer]:
        assert old in text
        text = text.replace(old, new, 1)
    path.write_text(text, encoding="utf-8")
    before = entries(path)
    for name in ("b/w.png", "b/v.png", "b/u.png", "c/t.png"):
        add_known(source / name)
    export(source, trainer)
    after = entries(path)
    assert (len(before), len(after)) == (2, 3)
    key = "repeats" if trainer == "simpletuner" else "num_repeats"
    assert [one[key] for one in after] != [one[key] for one in before]
    assert {name: value for name, value in after[0].items() if name != key} == {
        name: value for name, value in before[0].items() if name != key
    }
    held = path.read_text(encoding="utf-8")
    for _, new in EDITS[trainer]:
        if "mine" in new:
            assert new in held
    export(source, trainer)
    assert path.read_text(encoding="utf-8") == held
    assert check(path.parent, trainer, capsys) == []
