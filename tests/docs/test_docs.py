"""The documentation says what the scripts do: options, messages, commands, links and examples."""

import doctest
import importlib
import json
import re
import shlex
import shutil
from pathlib import Path

import numpy as np
import pytest

from docs import generate
from framekit.cli.config import EXTRAS, SCRIPTS, read_defaults
from framekit.errors import UsageError
from tests.conftest import ROOT

README = ROOT / "README.md"
PAGES = [README, ROOT / "CONTRIBUTING.md", *generate.pages()]
# Options of other programs that pages name.
FOREIGN = {
    *"dataset_config train_data_dir reg_data_dir cluster_dir help version moments editable strict cleanup".split(),
    *"masked_loss brief rounds frames models partition head session art composer only".split(),
}
STALE = "stale; renew it with: python -m docs.generate"


def short(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def commands(text: str) -> list[list[str]]:
    """Return the words of each command of a script in a page's blocks of shell."""
    lines = "\n".join(blocks(text, "sh")).replace("\\\n", " ").splitlines()
    words = [shlex.split(line, comments=True) for line in lines if line.startswith("python ")]
    own = [[one[1].removeprefix("extras/").removesuffix(".py"), *one[2:]] for one in words]
    return [one for one in own if one[0] in (*SCRIPTS, *EXTRAS)]


@pytest.mark.parametrize("page", generate.pages(), ids=short)
def test_generated_parts_are_as_the_code_says(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert generate.renewed(text) == text, f"{short(page)} is {STALE}"


@pytest.mark.parametrize("script", EXTRAS)
def test_each_extra_has_a_page_and_stands_in_the_readme(script: str) -> None:
    page = (ROOT / "docs" / "extras" / f"{script}.md").read_text(encoding="utf-8")
    assert all(f"| `--{name}`" in page for name in generate.parser_of(script).options())
    assert f"`extras/{script}.py`" in README.read_text(encoding="utf-8")
    assert f"extras/{script}.md" in (ROOT / "mkdocs.yml").read_text(encoding="utf-8")


@pytest.mark.parametrize("script", SCRIPTS)
def test_each_script_has_a_page_with_its_options_and_stands_in_the_readme(script: str) -> None:
    page = (ROOT / "docs" / "scripts" / f"{script}.md").read_text(encoding="utf-8")
    assert f"<!-- generated: options {script} -->" in page
    assert all(f"| `--{name}`" in page for name in generate.parser_of(script).options())
    assert f"`{script}.py`" in README.read_text(encoding="utf-8")
    assert f"scripts/{script}.md" in (ROOT / "mkdocs.yml").read_text(encoding="utf-8")


def test_the_readme_is_short() -> None:
    assert len(README.read_bytes()) <= 12_000


@pytest.mark.parametrize("page", PAGES, ids=short)
def test_every_option_that_a_page_names_exists(page: Path) -> None:
    known = {name for script in (*SCRIPTS, *EXTRAS) for name in generate.parser_of(script).options()}
    text = re.sub(r"^.*(?:accelerate launch|mkdocs|pip ).*$", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE)
    named = {name.replace("-", "_") for name in re.findall(r"(?<![\w-])--([a-z][\w-]*)", text)}
    assert named - known - FOREIGN - {"skip_"} == set()


@pytest.mark.parametrize("page", PAGES, ids=short)
def test_every_command_of_a_page_is_accepted(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(ROOT / "runs", tmp_path / "runs")
    shutil.copy(ROOT / "show.example.toml", tmp_path / "yama.toml")
    monkeypatch.chdir(tmp_path)
    for script, *words in commands(page.read_text(encoding="utf-8")):
        generate.parser_of(script.removesuffix(".py")).read(words)


@pytest.mark.parametrize("page", PAGES, ids=short)
def test_configuration_files_and_examples_of_json_can_be_read(page: Path, tmp_path: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for block in blocks(text, "toml"):
        if "[[datasets]]" in block:
            continue  # kohya's
        path = tmp_path / "dataset.toml"
        path.write_text(block, encoding="utf-8")
        for script in SCRIPTS:
            read_defaults(path, script, generate.parser_of(script).options())
    for block in blocks(text, "json"):
        lines = block.splitlines() if block.count("\n{") else [block]
        assert all(json.loads(line) for line in lines)


@pytest.mark.parametrize("page", PAGES, ids=short)
def test_every_link_of_a_page_leads_to_a_file(page: Path) -> None:
    targets = re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8"))
    for target in targets:
        if not target.startswith(("http", "#")):
            assert (page.parent / target.partition("#")[0]).exists(), target


def test_the_site_loads_nothing_from_elsewhere() -> None:
    settings = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    assert "font: false" in settings
    assert "- assets/iframe-worker.js" in settings  # else the plugin `offline` names a server
    assert "http" not in settings
    for page in generate.pages():
        assert not re.search(r"<(?:img|script|link)\b|!\[[^]]*\]\(http", page.read_text(encoding="utf-8")), page


def make_dataset(folder: Path) -> Path:
    """Make the two frames that the examples use."""
    from PIL import Image

    folder.mkdir()
    for number in (1, 2):
        frame = folder / f"show_EP01_00000{number}.png"
        Image.fromarray(np.full((360, 640, 3), 40 * number, np.uint8)).save(frame)
        metadata = {"schema": 1, "count": 1, "characters": ["AobaKokona"], "general": "anishot", "tags": ["long_hair"]}
        frame.with_suffix(".json").write_text(json.dumps(metadata), encoding="utf-8")
    return folder


@pytest.mark.parametrize("page", [page for page in PAGES if page.stem == "api"], ids=short)
def test_the_python_examples_run(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    written = generate.PART.sub("", page.read_text(encoding="utf-8"))
    text = "\n\n".join(block for block in blocks(written, "python") if block.startswith(">>>"))
    names = {"dataset": make_dataset(tmp_path / "dataset")}
    test = doctest.DocTestParser().get_doctest(text, names, short(page), str(page), 0)
    assert test.examples
    result = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE).run(test)
    assert result.failed == 0


PUBLIC = [
    (f"framekit.{room}", name)
    for room in generate.ROOMS
    for name in generate.public_names(importlib.import_module(f"framekit.{room}"))
]


# What notebooks begin with; each shows a call and its result.
WITH_EXAMPLES = [
    "framekit.pixels.as_pixels",
    "framekit.dataset.open_dataset",
    "framekit.dedup.similar_groups",
    "framekit.video.read_frames",
    "framekit.faces.detect_faces",
    "framekit.tags.tag",
    "framekit.characters.load_recogniser",
    "framekit.training.caption",
]


def test_what_notebooks_begin_with_is_public() -> None:
    assert set(WITH_EXAMPLES) <= {".".join(one) for one in PUBLIC}


@pytest.mark.parametrize(("room", "name"), PUBLIC, ids=".".join)
def test_the_examples_of_public_names_run(
    room: str, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    value = getattr(importlib.import_module(room), name)
    home = vars(importlib.import_module(getattr(value, "__module__", room)))
    tests = doctest.DocTestFinder(recurse=False).find(value, name, globs=dict(home)) if callable(value) else []
    assert f"{room}.{name}" not in WITH_EXAMPLES or [test for test in tests if test.examples]
    for test in tests:
        assert doctest.DocTestRunner(optionflags=doctest.ELLIPSIS).run(test).failed == 0


def test_a_message_shows_what_is_filled_in_and_its_remedy() -> None:
    tables = generate.message_tables()
    assert "### Any script" in tables
    assert all(f"### {script}.py" in tables for script in SCRIPTS)
    assert all(line.count(" | ") == 1 for line in tables.splitlines() if line.startswith("| ") and "\\|" not in line)


def test_a_stale_table_is_noticed() -> None:
    stale = "<!-- generated: options extract_frames -->\n| `--gone` | | |\n<!-- end -->"
    assert "--gone" not in generate.renewed(stale)
    assert generate.renewed(generate.renewed(stale)) == generate.renewed(stale)


def test_a_wrong_command_is_noticed() -> None:
    [[script, *words]] = commands("```sh\npython extract_frames.py --src_dir a --dst_dir b --gone 1\n```\n")
    with pytest.raises(UsageError, match="unknown option --gone"):
        generate.parser_of(script.removesuffix(".py")).read(words)
