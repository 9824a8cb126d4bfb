"""Write the generated parts of the documentation: options, messages and public names, read from the code itself.

    python -m docs.generate

A generated part stands between <!-- generated: NAME --> and <!-- end --> in any page below docs/.
"""

import ast
import importlib
import inspect
import re
from argparse import Action
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

from framekit.cli.config import EXTRAS, SCRIPTS
from framekit.cli.parser import StageParser

DOCS = Path(__file__).resolve().parent
ROOT = DOCS.parent
PART = re.compile(r"(<!-- generated: ([a-z ]+?)(?: (\w+))? -->\n).*?(<!-- end -->)", re.DOTALL)
REMEDY = re.compile(
    r"(.*?): ((?:call|connect|give|install|it needs|it must|pip|rename|see|set|take|use|write) .*)", re.DOTALL
)
DEFAULT = re.compile(r" \(default: (.*)\)$", re.DOTALL)

# How types are called in the code, which a signature spells out.
ALIASES = {"numpy.ndarray[tuple[Any, ...], numpy.dtype[numpy.uint8]]": "Pixels", "'Image'": "Image"}
# From the ground up; a room imports only rooms that stand before it.
ROOMS = (
    "files sidecars pixels dataset models arrange dedup video faces tags characters trainers metadata training report"
    " build figures layers desk review cli"
).split()
SCRIPT_OF_ROOM = {
    "video": "extract_frames",
    "dedup": "remove_similar",
    "tags": "tag_images",
    "faces": "detect_faces",
    "characters": "classify_characters",
    "metadata": "generate_metadata",
    "arrange": "arrange_folders",
    "trainers": "prepare_training",
    "training": "prepare_training",
    "build": "build_dataset",
    "figures": "segment_characters",
    "layers": "segment_characters",
}
# Where the message itself ends without a remedy.
REMEDIES = {
    "extract_frames": "Correct the value of the option.",
    "remove_similar": "Follow the installation notes in `requirements-fiftyone.txt`, or leave out `--fiftyone`.",
    "tag_images": "Take a model of the [table of taggers](scripts/tag_images.md), or correct the file it names.",
    "detect_faces": "Take a model of the [table of detectors](scripts/detect_faces.md).",
    "classify_characters": "Correct the value of the option.",
    "generate_metadata": "Correct the names in the command or in the file.",
    "arrange_folders": "Correct the value of the option.",
    "prepare_training": "Correct the line or the value that it names.",
    "build_dataset": "Correct the folder, the stage or the setting that it names.",
    "segment_characters": "Correct the value of the option, or take another model.",
    "": "Correct the file or the value that it names; `--help` lists the options.",
}


def parser_of(script: str) -> StageParser:
    """Return the command line of a script, or of an extra."""
    parser = importlib.import_module(script if script in SCRIPTS else f"extras.{script}").parser()
    assert isinstance(parser, StageParser)
    return parser


def cell(text: str) -> str:
    """Return a text as it may stand in a cell of a Markdown table."""
    return re.sub(r"([|*<>\[\]])", r"\\\1", " ".join(text.split()))


def code_cell(text: str) -> str:
    """Return a text as code in a cell of a Markdown table."""
    return "`" + text.replace("|", "\\|") + "`"


def described(parser: StageParser, name: str, action: Action) -> tuple[str, str]:
    """Return the default of an option and its help, as cells."""
    text = (action.help or "").replace("%(default)s", str(action.default)).replace("%%", "%")
    stated = DEFAULT.search(text)
    if name in parser.needed:
        default = "**needed**"
    elif stated and (stated[1] == str(action.default) or isinstance(action.default, list)):
        default = code_cell(stated[1]) if stated[1] else "empty"
    else:
        default = cell(stated[1]) if stated else "off" if action.nargs == 0 else ""
    text = cell(DEFAULT.sub("", text))
    if action.choices and ", ".join(map(str, action.choices)) not in text:
        text += f"; one of {', '.join(code_cell(str(one)) for one in action.choices)}"
    return default, text


def option_table(script: str) -> str:
    """Return the table of a script's options."""
    parser = parser_of(script)
    rows = ["| option | default | what it does |", "|---|---|---|"]
    for name, action in parser.options().items():
        several = " …" if action.nargs in ("+", "*") else ""
        default, text = described(parser, name, action)
        rows.append(f"| `--{name}`{several} | {default} | {text} |")
    return "\n".join(rows)


def shared_options() -> str:
    """Return the table of the options that several scripts share, which mean the same in each."""
    held: dict[str, list[str]] = {}
    rows: dict[str, str] = {}
    for script in SCRIPTS:
        parser = parser_of(script)
        for name, action in parser.options().items():
            held.setdefault(name, []).append(script)
            rows[name] = described(parser, name, action)[1]
    lines = ["| option | what it does | scripts |", "|---|---|---|"]
    for name, scripts in held.items():
        if len(scripts) > 1 and name not in ("model", "format"):  # of each stage its own
            others = "all" if len(scripts) == len(SCRIPTS) else ", ".join(scripts)
            lines.append(f"| `--{name}` | {rows[name]} | {others} |")
    return "\n".join(lines)


def about(script: str) -> str:
    """Return what a script says about itself: the head of its help."""
    doc = inspect.getdoc(importlib.import_module(script)) or ""
    first, command, rest = doc.split("\n\n", 2)
    return f"{first}\n\n```sh\n{inspect.cleandoc(command)}\n```\n\n{prose(rest)}"


def prose(text: str) -> str:
    """Return the text of a docstring as Markdown."""
    return escaped(re.sub(r"(?<!`)(--\w+)", r"`\1`", text))


def template(node: ast.expr, module: ModuleType) -> str:
    """Return a message as it stands in the code: what is filled in later in capitals, or as … ."""
    if isinstance(node, ast.Constant):
        return str(node.value)
    if isinstance(node, ast.JoinedStr):
        return "".join(template(value, module) for value in node.values)
    if isinstance(node, ast.FormattedValue):
        return template(node.value, module)
    if isinstance(node, ast.Call):
        return returned(node, module)
    if isinstance(node, ast.Name | ast.Attribute):
        name = node.id if isinstance(node, ast.Name) else node.attr
        known = getattr(module, name, None)
        return str(known) if isinstance(known, str | int | float) else name.upper()
    return "…"


def returned(call: ast.Call, module: ModuleType) -> str:
    """Return the message that a function of the module makes; … for any other call."""
    for node in tree_of(module).body:
        if isinstance(node, ast.FunctionDef) and isinstance(call.func, ast.Name) and node.name == call.func.id:
            last = node.body[-1]
            if isinstance(last, ast.Return) and isinstance(last.value, ast.JoinedStr | ast.Constant):
                return template(last.value, module)
    return "…"


def tree_of(module: ModuleType) -> ast.Module:
    """Return the syntax tree of a module."""
    return ast.parse(Path(str(module.__file__)).read_text(encoding="utf-8"))


def modules() -> Iterator[tuple[str, ModuleType]]:
    """Yield each script and each file of framekit, with the script that its messages belong to; "" for any."""
    for script in SCRIPTS:
        yield script, importlib.import_module(script)
    for script in EXTRAS:
        yield script if script in REMEDIES else "", importlib.import_module(f"extras.{script}")
    for path in sorted((ROOT / "framekit").rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        yield SCRIPT_OF_ROOM.get(parts[1], ""), importlib.import_module(".".join(parts).removesuffix(".__init__"))


def messages_in(module: ModuleType) -> Iterator[str]:
    """Yield the messages of a module that end a script with exit code 2."""
    for node in ast.walk(tree_of(module)):
        if isinstance(node, ast.Call) and node.args:
            called = ast.unparse(node.func)
            if called.split(".")[-1] == "UsageError" or called in ("self.error", "parser.error"):
                message = re.sub("…+", "…", template(node.args[0], module))
                if message.strip("… ") and "MESSAGE" not in message:
                    yield message


def said_and_remedy(message: str) -> tuple[str, str]:
    """Split a message into what is wrong and what to do about it, which may be empty."""
    said, _, remedy = message.rpartition("; ")
    if said:
        return said, remedy
    parts = REMEDY.fullmatch(message)
    return (parts[1], parts[2]) if parts else (message, "")


def sentence(text: str) -> str:
    """Return the text as a sentence in a cell; nothing for nothing."""
    return cell(f"{text[0].upper()}{text[1:]}.") if text else ""


def message_tables() -> str:
    """Return each message that ends a script with exit code 2, and its remedy, by script."""
    found: dict[str, list[str]] = {script: [] for script in ("", *SCRIPTS, *(one for one in EXTRAS if one in REMEDIES))}
    for script, module in modules():
        found[script] += messages_in(module)
    pieces = []
    for script, messages in found.items():
        named = f"{'extras/' * (script in EXTRAS)}{script}.py"
        pieces.append(f"### {named if script else 'Any script'}\n\n| message | remedy |\n|---|---|")
        for message in sorted(dict.fromkeys(messages), key=str.casefold):
            said, remedy = said_and_remedy(message)
            pieces[-1] += f"\n| {cell(said)} | {sentence(remedy) or REMEDIES[script]} |"
    return "\n\n".join(pieces)


def public_names(room: ModuleType) -> list[str]:
    """Return the names that a room hands on: those of its lazy table, of __all__, or of its imports."""
    for node in ast.walk(tree_of(room)):
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("hands_on") and len(node.args) > 1:
            named = node.args[1]
            if isinstance(named, ast.Dict):
                return [key.value for key in named.keys if isinstance(key, ast.Constant) and isinstance(key.value, str)]
    return [str(name) for name in getattr(room, "__all__", ())]


def api_of(room: ModuleType, name: str) -> str:
    """Return heading, signature and docstring of one public name."""
    value = getattr(room, name)
    title = f"#### {room.__name__}.{name}"
    if not callable(value):
        return f"{title}\n\nA value: `{value!r}`."
    try:
        signature = str(inspect.signature(value))
    except ValueError:
        signature = "(…)"
    signature = re.sub(r"\b(?:[a-z_]+\.)+([A-Z]\w+)", r"\1", signature)
    signature = re.sub(r"<(?:function|class) '?(?:[^'<>]|<\w+>)+'?>", "…", signature)
    signature = re.sub(r"\S*<lambda at 0x\w+>", "…", signature)
    for written, alias in ALIASES.items():
        signature = signature.replace(written, alias)
    return f"{title}\n\n```python\n{name}{signature}\n```\n\n{fenced(inspect.getdoc(value) or '')}"


def escaped(text: str) -> str:
    """Return text in which nothing but what stands in backticks could be taken for HTML."""
    return "`".join(part if number % 2 else part.replace("<", "&lt;") for number, part in enumerate(text.split("`")))


def fenced(doc: str) -> str:
    """Return a docstring as Markdown, its examples as blocks of Python."""
    paragraphs = []
    for paragraph in doc.split("\n\n"):
        if paragraph.startswith(">>>"):
            paragraphs.append(f"```python\n{paragraph}\n```")
        else:
            paragraphs.append(paragraph if paragraph.startswith("    ") else escaped(paragraph))
    return "\n\n".join(paragraphs)


def rooms() -> str:
    """Return what each room of framekit is for, and the public names of each."""
    pieces = []
    for name in ROOMS:
        room = importlib.import_module(f"framekit.{name}")
        pieces.append(f"### framekit.{name}\n\n{fenced(inspect.getdoc(room) or '')}")
        pieces += [api_of(room, public) for public in public_names(room)]
    return "\n\n".join(pieces)


def generated(what: str, script: str) -> str:
    """Return a generated part by its name."""
    if what == "options":
        return option_table(script)
    if what == "about":
        return about(script)
    return {"shared options": shared_options, "error messages": message_tables, "public names": rooms}[what]()


def renewed(text: str) -> str:
    """Return the text of a page with its generated parts as they are now."""

    def part(match: re.Match[str]) -> str:
        what, script = match[2], match[3] or ""
        if script and script not in (*SCRIPTS, *EXTRAS):
            what, script = f"{what} {script}", ""
        return f"{match[1]}{generated(what, script)}\n{match[4]}"

    return PART.sub(part, text)


def pages() -> list[Path]:
    """Return all pages."""
    return sorted(DOCS.rglob("*.md"))


def main() -> int:
    """Renew all pages."""
    changed = 0
    for page in pages():
        text = page.read_text(encoding="utf-8")
        if (new := renewed(text)) != text:
            page.write_text(new, encoding="utf-8", newline="\n")
            changed += 1
    print(f"{changed} of {len(pages())} pages renewed in {DOCS.name}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
