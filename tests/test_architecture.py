"""The rules that keep the toolkit a set of standalone scripts over one small library."""

import ast
import importlib
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from framekit.cli.parser import StageParser

ROOT = Path(__file__).resolve().parents[1]

SCRIPTS = (
    "extract_frames remove_similar tag_images detect_faces classify_characters generate_metadata arrange_folders"
    " prepare_training"
).split()

HEAVY = (
    "cv2 isal PIL pandas onnxruntime huggingface_hub tqdm ffmpeg imageio_ffmpeg animeface torch onnx sklearn"
    " torchvision ultralytics learn2learn safetensors"
).split()

LIBRARY = sorted((ROOT / "framekit").rglob("*.py"))
OWN_FILES = [*(ROOT / f"{name}.py" for name in SCRIPTS), *LIBRARY]


def short(path: Path) -> str:
    """Return how a test names a file."""
    return path.relative_to(Path(__file__).resolve().parents[1]).as_posix()


def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def imported(nodes: list[ast.stmt]) -> set[str]:
    """Return the first parts of all names that these statements import."""
    names: set[str] = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module.split(".")[0])
    return names


def all_imports(path: Path) -> set[str]:
    return imported([node for node in ast.walk(tree_of(path)) if isinstance(node, ast.Import | ast.ImportFrom)])


def parser_of(script: str) -> StageParser:
    parser = importlib.import_module(script).parser()
    assert isinstance(parser, StageParser)
    return parser


def option_help(script: str) -> dict[str, tuple[object, str]]:
    """Return default and help of each option of a script."""
    actions = [action for action in parser_of(script)._actions if action.option_strings and action.dest != "help"]
    return {action.dest: (action.default, action.help or "") for action in actions}


def section(readme: str, script: str) -> str:
    """Return the README's part about a script: from its heading to the next heading of that level."""
    match = re.search(rf"^### `{script}\.py`.*?(?=^##|\Z)", readme, re.MULTILINE | re.DOTALL)
    assert match, f"README has no heading ### `{script}.py`"
    return match[0]


@pytest.mark.parametrize("script", SCRIPTS)
def test_scripts_never_import_each_other(script: str) -> None:
    assert not all_imports(ROOT / f"{script}.py") & {*SCRIPTS, "extras", "demo", "benchmarks", "tests"}


@pytest.mark.parametrize("module", LIBRARY, ids=short)
def test_framekit_imports_no_script(module: Path) -> None:
    assert not all_imports(module) & {*SCRIPTS, "extras", "demo", "benchmarks", "tests"}


@pytest.mark.parametrize("path", OWN_FILES, ids=short)
def test_module_level_imports_are_light(path: Path) -> None:
    light = {*sys.stdlib_module_names, "numpy", "framekit"}
    typing_only = [
        node for node in tree_of(path).body
        if not (isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING")
    ]  # fmt: skip
    assert imported(typing_only) <= light


@pytest.mark.parametrize("script", SCRIPTS)
def test_a_script_alone_with_framekit_shows_help_and_runs(script: str, tmp_path: Path) -> None:
    shutil.copy(ROOT / f"{script}.py", tmp_path)
    shutil.copytree(ROOT / "framekit", tmp_path / "framekit")
    help_ = subprocess.run(
        [sys.executable, "-X", "importtime", f"{script}.py", "--help"], cwd=tmp_path, capture_output=True, text=True
    )
    assert help_.returncode == 0
    assert f"python {script}.py" in help_.stdout
    loaded = set(re.findall(r"\| +([\w.]+)$", help_.stderr, re.MULTILINE))
    assert not loaded & set(HEAVY)
    (tmp_path / "empty").mkdir()
    words = ["--dst_dir", "out", "--ref_dir", "empty"]
    words = [
        word for name, word in zip(["dst_dir"] * 2 + ["ref_dir"] * 2, words, strict=True) if name in option_help(script)
    ]
    ran = subprocess.run(
        [sys.executable, f"{script}.py", "empty", *words], cwd=tmp_path, capture_output=True, text=True
    )
    assert ran.returncode in (0, 2)
    assert "Traceback" not in ran.stderr
    assert (ran.stdout + ran.stderr).strip().count("\n") == 0


def test_scripts_at_the_top_are_the_eight() -> None:
    assert sorted(path.stem for path in ROOT.glob("*.py")) == sorted(SCRIPTS)


def test_framekit_init_is_empty() -> None:
    assert (ROOT / "framekit" / "__init__.py").read_bytes() == b""


@pytest.mark.parametrize("script", SCRIPTS)
def test_readme_names_every_script_and_option(script: str) -> None:
    text = section((ROOT / "README.md").read_text(encoding="utf-8"), script)
    missing = [f"--{name}" for name in option_help(script) if f"`--{name}`" not in text]
    assert not missing


@pytest.mark.parametrize("script", SCRIPTS)
def test_readme_names_no_option_that_a_script_lacks(script: str) -> None:
    text = section((ROOT / "README.md").read_text(encoding="utf-8"), script)
    named = set(re.findall(r"^\| `--(\w+)`", text, re.MULTILINE))
    assert named == set(option_help(script))


@pytest.mark.parametrize("script", SCRIPTS)
def test_every_option_has_help_and_docstring_has_a_command(script: str) -> None:
    assert all(text for _, text in option_help(script).values())
    doc = importlib.import_module(script).__doc__ or ""
    assert f"    python {script}.py " in doc
    assert ("Reads " in doc and "writes " in doc) or "moves " in doc or "copies " in doc


def test_shared_options_have_the_same_default_and_help() -> None:
    known: dict[str, tuple[object, str]] = {}
    for script in SCRIPTS:
        for name, default_and_help in option_help(script).items():
            if name in ("model", "format"):
                continue  # each stage has models of its own; a format of files is none of folders
            assert known.setdefault(name, default_and_help) == default_and_help, f"--{name} of {script}"


@pytest.mark.parametrize("path", OWN_FILES, ids=short)
def test_functions_are_short_and_take_few_parameters(path: Path) -> None:
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.FunctionDef):
            assert (node.end_lineno or 0) - node.lineno < 60, f"{path.name}: {node.name}"
            given = [name.arg for name in (*node.args.args, *node.args.kwonlyargs) if name.arg != "self"]
            assert len(given) <= 7, f"{path.name}: {node.name}"
            assert "args" not in given or node.name in ("main", "caption_rules"), (
                f"{path.name}: {node.name} is handed args"
            )


@pytest.mark.parametrize("path", OWN_FILES, ids=short)
def test_no_broad_except_and_no_pickle(path: Path) -> None:
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.ExceptHandler):
            assert node.type is not None
            assert not (isinstance(node.type, ast.Name) and node.type.id in ("Exception", "BaseException"))
    assert not all_imports(path) & {"pickle", "shelve", "marshal"}


@pytest.mark.parametrize("module", LIBRARY, ids=short)
def test_framekit_modules_stay_small(module: Path) -> None:
    assert len(module.read_text(encoding="utf-8").splitlines()) <= 400


@pytest.mark.parametrize("script", SCRIPTS)
def test_scripts_stay_readable_from_top_to_bottom(script: str) -> None:
    assert len((ROOT / f"{script}.py").read_text(encoding="utf-8").splitlines()) <= 320


def test_every_requirement_has_its_reason() -> None:
    for line in (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            assert re.search(r"  # \S", line), line


def test_no_path_of_a_machine_in_the_repository() -> None:
    texts = [*ROOT.glob("*.*"), *OWN_FILES, *(ROOT / "runs").iterdir(), *(ROOT / "demo").glob("*.*")]
    for path in texts:
        if path.is_file() and path.suffix in (".py", ".sh", ".md", ".toml", ".txt", ".yaml"):
            assert not re.search(r"(?<![\w.])/(?:home|root|work|Users|opt)/", path.read_text(encoding="utf-8")), path
