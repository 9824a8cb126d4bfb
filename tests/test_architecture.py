"""The rules that keep the toolkit a set of standalone scripts over one small library."""

import ast
import importlib
import os
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
    " prepare_training build_dataset"
).split()
EXTRAS = [f"extras/{path.stem}" for path in sorted((ROOT / "extras").glob("*.py")) if path.stem != "__init__"]
PROGRAMS = [*SCRIPTS, *EXTRAS]

HEAVY = (
    "cv2 isal PIL pandas onnxruntime huggingface_hub tqdm ffmpeg imageio_ffmpeg animeface torch onnx sklearn scipy"
    " torchvision ultralytics learn2learn safetensors rich ray flask waitress"
).split()

LIBRARY = sorted((ROOT / "framekit").rglob("*.py"))
OWN_FILES = [*(ROOT / f"{name}.py" for name in PROGRAMS), *LIBRARY]


# From bottom to top; a room imports rooms of lower floors only. See docs/architecture.md.
FLOORS = [
    ["errors"],
    ["console"],
    ["boxes"],
    ["lazy"],
    ["htmlpage"],
    ["files"],
    ["sidecars", "pixels"],
    ["dataset", "models"],
    ["arrange", "dedup"],
    ["video", "faces"],
    ["episodes"],
    ["tags", "characters", "trainers"],
    ["metadata", "training"],
    ["report"],
    ["build"],
    ["figures"],
    ["layers"],
    ["desk"],
    ["review"],
    ["cli"],
]
LEVEL = {room: level for level, floor in enumerate(FLOORS) for room in floor}
ROOMS = [room for room in LEVEL if (ROOT / "framekit" / room).is_dir()]
# Small files with one importer that a newcomer looks for by their name.
LOOKED_FOR = {
    "arrange.flatten": "an option of its own",
    "build.space": "how much a build will write",
    "desk.moved": "how a frame moves, and back",
    "review.access": "who may ask",
    "review.balance": "a view",
    "review.cast": "a view",
    "review.people": "faces in groups",
    "review.thumbnails": "small pictures",
    "sidecars.read": "all that the sidecars of a frame say",
    "faces.cascade": "a kind of detector",
    "models.torchvision": "a kind of model",
    "trainers.onetrainer": "a trainer",
    "trainers.parquet": "a format",
    "trainers.registry": "all trainers by name",
    "training.links": "how frames get into the folder of a trainer",
}


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


def name_of(path: Path) -> str:
    """Return the name of a module below framekit: `pixels.decode`, `pixels` for the face of a room."""
    parts = path.relative_to(ROOT / "framekit").with_suffix("").parts
    return ".".join(part for part in parts if part != "__init__")


def framekit_imports(path: Path) -> set[str]:
    """Return the modules of framekit that a file imports, as `name_of` names them."""
    found: set[str] = set()
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "framekit":
            inner = node.module.removeprefix("framekit").lstrip(".")
            for alias in node.names:
                full = f"{inner}.{alias.name}".lstrip(".")
                found.add(full if full in MODULES else inner)
    return found


def room_of(module: str) -> str:
    return module.split(".")[0]


MODULES = {name_of(path) for path in LIBRARY} - {""}
# The face of a room loads nothing by itself: what it names for type checkers is no arrow.
GRAPH = {
    name_of(path): framekit_imports(path) if path.stem != "__init__" else set() for path in LIBRARY if name_of(path)
}


def parser_of(script: str) -> StageParser:
    parser = importlib.import_module(script.replace("/", ".")).parser()
    assert isinstance(parser, StageParser)
    return parser


def option_help(script: str) -> dict[str, tuple[object, str]]:
    """Return default and help of each option of a script."""
    actions = [action for action in parser_of(script)._actions if action.option_strings and action.dest != "help"]
    return {action.dest: (action.default, action.help or "") for action in actions}


@pytest.mark.parametrize("script", PROGRAMS)
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


@pytest.mark.parametrize("script", PROGRAMS)
def test_a_script_alone_with_framekit_shows_help_and_runs(script: str, tmp_path: Path) -> None:
    (tmp_path / script).parent.mkdir(exist_ok=True)
    shutil.copy(ROOT / f"{script}.py", tmp_path / f"{script}.py")
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


def test_scripts_at_the_top_are_these() -> None:
    assert sorted(path.stem for path in ROOT.glob("*.py")) == sorted(SCRIPTS)


def test_framekit_init_is_empty() -> None:
    assert (ROOT / "framekit" / "__init__.py").read_bytes() == b""


@pytest.mark.parametrize("script", PROGRAMS)
def test_every_option_has_help_and_docstring_has_a_command(script: str) -> None:
    assert all(text for _, text in option_help(script).values())
    doc = importlib.import_module(script.replace("/", ".")).__doc__ or ""
    assert f"    python {script}.py " in doc
    assert ("Reads " in doc and "writes " in doc) or "moves " in doc or "copies " in doc


def test_shared_options_have_the_same_default_and_help() -> None:
    known: dict[str, tuple[object, str]] = {}
    for script in PROGRAMS:
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


def test_every_module_of_framekit_is_looked_at() -> None:
    present = {Path(folder, name) for folder, _, names in os.walk(ROOT / "framekit") for name in names}
    assert {path for path in present if path.suffix == ".py"} == set(LIBRARY)
    assert len(LIBRARY) > len(FLOORS) + 60
    assert {room_of(module) for module in GRAPH} == {*LEVEL}


@pytest.mark.parametrize("module", sorted(GRAPH))
def test_imports_run_downward_only(module: str) -> None:
    for other in GRAPH[module]:
        if room_of(other) != room_of(module):
            assert LEVEL[room_of(other)] < LEVEL[room_of(module)], f"{module} imports {other}"


def test_no_circle_between_files() -> None:
    finished: set[str] = set()
    way: list[str] = []

    def visit(module: str) -> None:
        assert module not in way, " -> ".join([*way[way.index(module) :], module])
        if module not in finished:
            way.append(module)
            for other in sorted(GRAPH[module]):
                visit(other)
            finished.add(way.pop())

    for module in sorted(GRAPH):
        visit(module)


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_is_small_and_says_what_it_holds(room: str) -> None:
    folder = ROOT / "framekit" / room
    # one file a trainer, and what its config or check shares with others; one file a sidecar
    most = {"trainers": 17, "sidecars": 15}.get(room, 11)
    assert len([path for path in folder.glob("*.py") if path.stem != "__init__"]) <= most
    assert not [path for path in folder.iterdir() if path.is_dir() and path.name not in ("__pycache__", "static")]
    doc = ast.get_docstring(tree_of(folder / "__init__.py")) or ""
    assert re.search(r"^Enters: .+Leaves: .+^Owns on disk: ", doc, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_hands_on_at_most_five_names(room: str) -> None:
    package = importlib.import_module(f"framekit.{room}")
    tree = tree_of(ROOT / "framekit" / room / "__init__.py")
    typed = {alias.asname or alias.name for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)
             and node.module and node.module.startswith(f"framekit.{room}.") for alias in node.names}  # fmt: skip
    assert len(typed) <= 5
    for name in typed:
        handed = getattr(package, name)
        assert handed.__module__.startswith(f"framekit.{room}.")
    with pytest.raises(AttributeError):
        getattr(package, "nothing_of_this_name")  # noqa: B009 a name that mypy would find missing


@pytest.mark.parametrize("module", sorted(GRAPH))
def test_small_files_with_one_importer_are_looked_for_by_name(module: str) -> None:
    path = ROOT / "framekit" / f"{module.replace('.', '/')}.py"
    importers = [other for other, imports in GRAPH.items() if module in imports]
    importers += [script for script in PROGRAMS if module in framekit_imports(ROOT / f"{script}.py")]
    if path.exists() and len(path.read_text(encoding="utf-8").splitlines()) < 80 and "." in module:
        assert len(importers) != 1 or module in LOOKED_FOR, f"{module} is merged into {importers[0]}"


@pytest.mark.parametrize("module", [path for path in LIBRARY if path.parent.name != "cli"], ids=short)
def test_below_the_command_line_nothing_parses_locks_or_prints(module: Path) -> None:
    assert not all_imports(module) & {"argparse", "fcntl", "msvcrt"}
    if module.name != "console.py":
        calls = [node.func for node in ast.walk(tree_of(module)) if isinstance(node, ast.Call)]
        assert not [one for one in calls if isinstance(one, ast.Name) and one.id in ("print", "input")]


@pytest.mark.parametrize("script", PROGRAMS)
def test_scripts_stay_readable_from_top_to_bottom(script: str) -> None:
    assert len((ROOT / f"{script}.py").read_text(encoding="utf-8").splitlines()) <= 320


@pytest.mark.parametrize("path", sorted(ROOT.glob("requirements*.txt")), ids=short)
def test_every_requirement_has_its_reason(path: Path) -> None:
    for line in path.read_text(encoding="utf-8").splitlines():
        if line and not line.startswith(("#", "-")):
            assert re.search(r"  # \S", line), line


def test_no_path_of_a_machine_in_the_repository() -> None:
    texts = [*ROOT.glob("*.*"), *OWN_FILES, *(ROOT / "runs").iterdir(), *(ROOT / "demo").glob("*.*")]
    for path in texts:
        if path.is_file() and path.suffix in (".py", ".sh", ".md", ".toml", ".txt", ".yaml"):
            assert not re.search(r"(?<![\w.])/(?:home|root|work|Users|opt)/", path.read_text(encoding="utf-8")), path


TESTS = sorted((ROOT / "tests").rglob("*.py"))


@pytest.mark.parametrize("path", TESTS, ids=short)
def test_no_test_module_imports_another(path: Path) -> None:
    modules = [node.module or "" for node in ast.walk(tree_of(path)) if isinstance(node, ast.ImportFrom)]
    assert not [module for module in modules if module.split(".")[-1].startswith("test_")]


@pytest.mark.parametrize("path", TESTS, ids=short)
def test_nothing_of_ours_is_replaced_by_the_text_of_its_path(path: Path) -> None:
    replaced = [
        node.args[0] for node in ast.walk(tree_of(path))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "setattr"
    ]  # fmt: skip
    texts = [str(one.value) for one in replaced if isinstance(one, ast.Constant)]
    assert not [text for text in texts if text.split(".")[0] in ("framekit", *SCRIPTS)]
