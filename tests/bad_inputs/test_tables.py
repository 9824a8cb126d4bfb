"""CSV and TOML files that people write: each mistake is one sentence with the file, and nothing was written."""

from collections.abc import Callable
from pathlib import Path

import pytest

import generate_metadata
import prepare_training
import tag_images
from tests.conftest import one_sentence, tree
from tests.helpers_dataset import add_frame

Run = Callable[[Path, Path], int]


def weights(source: Path, table: Path) -> int:
    return prepare_training.main(["--src_dir", str(source), "--weight_csv", str(table)])


def triggers(source: Path, table: Path) -> int:
    return prepare_training.main(["--src_dir", str(source), "--trigger_csv", str(table)])


def renames(source: Path, table: Path) -> int:
    return generate_metadata.main(["--src_dir", str(source), "--rename", str(table)])


def names(source: Path, table: Path) -> int:
    words = ["--characters_from_folders", "--valid_names", str(table)]
    return generate_metadata.main(["--src_dir", str(source), *words])


def blacklist(source: Path, table: Path) -> int:
    return tag_images.main(["--src_dir", str(source), "--model", "measured", "--blacklist", str(table)])


def config(source: Path, table: Path) -> int:
    return prepare_training.main(["--src_dir", str(source), "--config", str(table)])


EVERYWHERE = {
    "not UTF-8": b"caf\xe9,1\n",
    "UTF-16 without its mark": "a,1\n".encode("utf-16-le"),
    "too large": b"x" * (17 * 2**20),
}
CASES: list[tuple[Run, str, bytes]] = [
    *((run, name, content) for run in (weights, triggers, renames, names) for name, content in EVERYWHERE.items()),
    (blacklist, "not UTF-8", b"caf\xe9\n"),
    *((weights, line, line.encode()) for line in ("a", "a,b", "a,0", "a,-1", "a,nan", "a,1e99", "a,1,2")),
    *((weights, line, line.encode()) for line in ("a;x", "a;1,000", "a 1", "a:1", "a|1")),
    *((triggers, line, line.encode()) for line in ("a", ",x", "a,", "a,x\na,y")),
    *((renames, line, line.encode()) for line in ("a", "a,", ",b", "a,b,c", "a,unknown", "a,b+c")),
    *((renames, line, line.encode()) for line in ("unknown,a", "a,../b")),
    (names, "empty", b"\n\n"),
    *(
        (config, text, text.encode())
        for text in ("[", "[prepare_trainin]", "[prepare_training]\nresolutio = 3",
                     "[prepare_training]\nresolution = 'x'",
                     "[prepare_training]\ntrainer = ['kohia']", "[prepare_training]\nuse_tags_prob = 2",
                     "[prepare_training]\nshuffle_tags = 'yes'", "[prepare_training]\nresolution = {a = 1}")
    ),
]  # fmt: skip


@pytest.mark.parametrize(("run", "name", "content"), CASES, ids=[f"{run.__name__}: {name}" for run, name, _ in CASES])
def test_a_mistake_in_a_table_is_one_sentence_and_nothing_is_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], run: Run, name: str, content: bytes
) -> None:
    add_frame(tmp_path / "set" / "1_character" / "a" / "x.png", count=1, characters=["a"])
    table = tmp_path / "table.csv"
    table.write_bytes(content)
    before = tree(tmp_path)
    capsys.readouterr()
    assert run(tmp_path / "set", table) == 2
    told = one_sentence(capsys.readouterr().err)
    assert "table.csv" in told or "--rename" in told or "b+c" in told or "unknown" in told or "../b" in told
    assert tree(tmp_path) == before
