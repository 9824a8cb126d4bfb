"""Configs that a person changed: what they changed stays, what was written follows the dataset."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import prepare_training
from framekit.files.atomic import read_toml
from framekit.trainers.forms import read_toml_text, write_toml
from tests.conftest import plain
from tests.helpers_dataset import add_frame

KOHYA, CONCEPTS, ROWS = "dataset_config.toml", "onetrainer_concepts.json", "metadata.jsonl"


def prepare(root: Path, *options: str, trainer: str = "kohya") -> None:
    assert prepare_training.main(["--src_dir", str(root), "--trainer", trainer, *options]) == 0


def add(root: Path, *places: str) -> None:
    for place in places:
        name = Path(place).parts[0]
        add_frame(root / f"{place}.png", plain((90, 120, 150), 24, 24), count=1, characters=[name], tags=["sky"])


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return a dataset of four folders."""
    add(tmp_path / "set", "Aoba/a1", "Aoba/a2", "Hinata/h1", "Kokona/k1", "Kokona/k2", "Kokona/k3", "Sora/s1")
    return tmp_path / "set"


def edit(path: Path, *changes: tuple[str, str]) -> None:
    text = path.read_text(encoding="utf-8")
    for old, new in changes:
        assert old in text
        text = text.replace(old, new, 1)
    path.write_text(text, encoding="utf-8")


def config(root: Path) -> dict[str, Any]:
    return read_toml(root / KOHYA)


def subsets(root: Path, number: int = 0) -> dict[str, dict[str, Any]]:
    """Return the subsets of a dataset in kohya's config by their folder."""
    return {os.path.relpath(one["image_dir"], root): one for one in config(root)["datasets"][number]["subsets"]}


def rename_sora(root: Path) -> None:
    (root / "Sora").rename(root / "Mio")


def test_a_changed_key_stays_and_the_folders_follow(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    prepare(root)
    edit(root / KOHYA, ("keep_tokens = ", "shuffle_caption = true\nkeep_tokens = 3 #"), ("= 1024", "= 768"))
    rename_sora(root)
    add(root, "Aoba/a3", "Nene/n1")
    capsys.readouterr()
    prepare(root)
    general, (dataset,) = config(root)["general"], config(root)["datasets"]
    assert (general["keep_tokens"], general["shuffle_caption"], dataset["resolution"]) == (3, True, 768)
    assert sorted(subsets(root)) == ["Aoba", "Hinata", "Kokona", "Mio", "Nene"]
    repeats = {name: one["num_repeats"] for name, one in subsets(root).items()}
    assert repeats == {"Aoba": 1, "Hinata": 3, "Kokona": 1, "Mio": 3, "Nene": 3}
    said = capsys.readouterr()
    assert "keep_tokens = 3" in said.out + said.err and "resolution = 768" in said.out + said.err
    assert prepare_training.main(["--src_dir", str(root), "--trainer", "kohya", "--check", "--resolution", "16"]) in (
        0,
        1,
    )
    assert "does not name it" not in capsys.readouterr().out


def test_later_runs_still_know_what_was_changed(root: Path) -> None:
    prepare(root)
    edit(root / KOHYA, ("= 1024", "= 768"), ("num_repeats = 6", "num_repeats = 7"))
    for number in range(3):
        add(root, f"Aoba/b{number}")
        prepare(root)
        assert config(root)["datasets"][0]["resolution"] == 768
    repeats = {name: one["num_repeats"] for name, one in subsets(root).items()}
    assert repeats["Hinata"] == 7 and repeats["Sora"] == 15


def test_what_was_removed_stays_removed_and_what_was_added_stays(root: Path, tmp_path: Path) -> None:
    prepare(root)
    text = (root / KOHYA).read_text()
    parts = text.split("[[datasets.subsets]]\n")
    mine = f'image_dir = "{tmp_path}/mine"\nnum_repeats = 2\nclass_tokens = "x"\n'
    without = [part for part in parts if "Hinata" not in part]
    (root / KOHYA).write_text("[[datasets.subsets]]\n".join([*without, mine]).replace("min_bucket_reso = 256\n", ""))
    add(root, "Nene/n1")
    for _ in range(2):
        prepare(root)
        assert sorted(subsets(root)) == ["../mine", "Aoba", "Kokona", "Nene", "Sora"]
        assert "min_bucket_reso" not in config(root)["datasets"][0]
        assert subsets(root)["../mine"] == {"image_dir": f"{tmp_path}/mine", "num_repeats": 2, "class_tokens": "x"}


def test_a_value_given_back_follows_again(root: Path) -> None:
    prepare(root)
    edit(root / KOHYA, ("= 1024", "= 768"))
    prepare(root)
    edit(root / KOHYA, ("= 768", "= 1024"))
    prepare(root, "--resolution", "1024")
    assert config(root)["datasets"][0]["resolution"] == 1024


def test_subsets_that_were_put_into_another_dataset_are_renewed_there(root: Path) -> None:
    prepare(root)
    text = (root / KOHYA).read_text()
    parts = text.split("\n[[datasets.subsets]]\n")
    second = "\n[[datasets]]\nresolution = 1024\nenable_bucket = true\nmax_bucket_reso = 2048\n"
    (root / KOHYA).write_text("\n[[datasets.subsets]]\n".join([*parts[:3], parts[3] + second, parts[4]]))
    assert [len(one["subsets"]) for one in config(root)["datasets"]] == [3, 1]
    add(root, "Aoba/a3", "Kokona/k4", "Aoba/a4")
    rename_sora(root)
    prepare(root)
    assert sorted(subsets(root)) == ["Aoba", "Hinata", "Kokona", "Mio"]
    second_dataset = config(root)["datasets"][1]
    assert second_dataset == {"resolution": 1024, "enable_bucket": True, "max_bucket_reso": 2048}


def test_the_same_folders_in_two_datasets_are_renewed_in_both(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    prepare(root)
    text = (root / KOHYA).read_text()
    (root / KOHYA).write_text(text + "\n" + text[text.index("[[datasets]]") :].replace("= 1024", "= 768"))
    add(root, "Aoba/a3", "Nene/n1")
    prepare(root)
    for number in (0, 1):
        assert {name: one["num_repeats"] for name, one in subsets(root, number).items()} == {
            "Aoba": 1, "Hinata": 3, "Kokona": 1, "Sora": 3, "Nene": 3
        }  # fmt: skip
    assert [one["resolution"] for one in config(root)["datasets"]] == [1024, 768]
    rename_sora(root)
    prepare(root)
    assert subsets(root, 0).keys() == subsets(root, 1).keys() == {"Aoba", "Hinata", "Kokona", "Mio", "Nene"}
    assert "kohya-folder-twice" not in told(root, capsys)


def told(root: Path, capsys: pytest.CaptureFixture[str], trainer: str = "kohya") -> str:
    """Return what --check says."""
    capsys.readouterr()
    prepare_training.main(["--src_dir", str(root), "--trainer", trainer, "--check", "--all"])
    return capsys.readouterr().out


def test_a_path_that_an_editor_spells_otherwise_follows_its_folder(root: Path) -> None:
    prepare(root)
    text = (root / KOHYA).read_text()
    (root / KOHYA).write_text(text.replace('"\nnum_repeats', '/"\nnum_repeats').replace("= 1024", "= 768"))
    moved = root.rename(root.parent / "elsewhere")
    prepare(moved)
    assert subsets(moved).keys() == {"Aoba", "Hinata", "Kokona", "Sora"}
    assert config(moved)["datasets"][0]["resolution"] == 768


@pytest.mark.parametrize(
    ("name", "trainer", "nothing"),
    [(KOHYA, "kohya", "# nothing\n"), (CONCEPTS, "onetrainer", "[]"), (ROWS, "diffusers", "\n")],
)
def test_a_config_that_was_emptied_is_written_anew(root: Path, name: str, trainer: str, nothing: str) -> None:
    prepare(root, trainer=trainer)
    before = (root / name).read_text()
    (root / name).write_text(nothing)
    prepare(root, trainer=trainer)
    assert (root / name).read_text() == before


def test_what_was_removed_comes_back_as_the_check_says(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    prepare(root)
    text = (root / KOHYA).read_text()
    (root / KOHYA).write_text(text[: text.rindex("\n[[datasets.subsets]]")])
    prepare(root)
    assert "delete it first to have all anew" in told(root, capsys)
    (root / KOHYA).unlink()
    prepare(root)
    assert (root / KOHYA).read_text() == text


@pytest.mark.parametrize("sign", ["\x85", "\u2028", "\u2029", "\x1c", "\x0c"])
def test_signs_that_break_lines_elsewhere_stand_in_captions_and_paths(root: Path, sign: str) -> None:
    (root / "Sora").rename(root / f"So{sign}ra")
    (root / "Aoba" / "a1.txt").write_text(f"a{sign}b, sky\n", encoding="utf-8")
    for trainer in ("diffusers", "kohya", "musubi"):
        prepare(root, trainer=trainer)
    assert rows(root)["Aoba/a1.png"]["text"] == f"a{sign}b, sky"
    edit(root / KOHYA, ("= 1024", "= 768"))
    prepare(root)
    assert f"So{sign}ra" in subsets(root)
    assert config(root)["datasets"][0]["resolution"] == 768


def test_comments_stay(root: Path) -> None:
    prepare(root)
    edit(root / KOHYA, ("keep_tokens", "# mine: tried 2\nkeep_tokens"), ("= 1024", "= 768  # sharper"))
    edit(root / KOHYA, ("[general]", "[general] # of all"), ("[[datasets.subsets]]", "[[datasets.subsets]]  # first"))
    add(root, "Nene/n1")
    prepare(root)
    text = (root / KOHYA).read_text()
    assert "# mine: tried 2\nkeep_tokens" in text and "resolution = 768  # sharper" in text
    assert "[general]  # of all\n" in text and "[[datasets.subsets]]  # first\nimage_dir" in text
    assert text.startswith("# kohya-ss") and text.count("# multiply") == 5


@pytest.mark.parametrize("form", ["inline", "crlf", "bom"])
def test_any_form_of_toml_is_understood(root: Path, form: str) -> None:
    prepare(root)
    path = root / KOHYA
    if form == "inline":
        listed = ", ".join(f'{{image_dir = "{root / name}", num_repeats = 1}}' for name in ("Aoba", "Sora"))
        path.write_text(
            'general.keep_tokens = 3\ngeneral.caption_extension=".txt"\n'
            f"datasets = [{{resolution = 640, subsets = [{listed}]}}]\n"
        )
    else:
        text = path.read_text().replace("= 1024", "= 640")
        path.write_bytes(text.replace("\n", "\r\n").encode() if form == "crlf" else b"\xef\xbb\xbf" + text.encode())
    rename_sora(root)
    prepare(root)
    assert config(root)["datasets"][0]["resolution"] == 640
    expected = ["Aoba", "Mio"] if form == "inline" else ["Aoba", "Hinata", "Kokona", "Mio"]
    assert sorted(subsets(root)) == expected


def test_a_dataset_that_was_moved_keeps_its_changes(root: Path) -> None:
    prepare(root)
    edit(root / KOHYA, ("num_repeats = 6", "num_repeats = 7"), ("= 1024", "= 768"))
    moved = root.rename(root.with_name("elsewhere"))
    prepare(moved)
    assert sorted(subsets(moved)) == ["Aoba", "Hinata", "Kokona", "Sora"]
    assert subsets(moved)["Hinata"]["num_repeats"] == 7


@pytest.mark.parametrize("lost", [".configs.json", ".prepared.json", "both"])
def test_without_a_record_folders_are_renewed_and_other_keys_stay(root: Path, lost: str) -> None:
    prepare(root)
    edit(root / KOHYA, ("= 1024", "= 768"), ("num_repeats = 3", "num_repeats = 9"))
    for name in (".configs.json", ".prepared.json"):
        if lost in (name, "both"):
            (root / name).unlink()
    rename_sora(root)
    add(root, "Nene/n1")
    prepare(root)
    assert config(root)["datasets"][0]["resolution"] == 768
    assert sorted(subsets(root)) == ["Aoba", "Hinata", "Kokona", "Mio", "Nene"]


def test_what_cannot_be_read_is_left_and_told(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    prepare(root)
    (root / KOHYA).write_text("[general\n")
    prepare(root)
    assert (root / KOHYA).read_text() == "[general\n"
    said = capsys.readouterr()
    assert f"{root / KOHYA} cannot be read" in said.out + said.err


def test_changes_can_be_dropped(root: Path) -> None:
    prepare(root)
    before = (root / KOHYA).read_text()
    edit(root / KOHYA, ("= 1024", "= 768"))
    prepare(root, "--overwrite_corrections")
    assert (root / KOHYA).read_text() == before


def test_a_change_of_a_folder_that_is_gone_is_told(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    prepare(root)
    text = (root / KOHYA).read_text()
    (root / KOHYA).write_text(text.replace('Sora"\nnum_repeats = 6', 'Sora"\nnum_repeats = 8'))
    rename_sora(root)
    prepare(root)
    said = capsys.readouterr()
    assert "dropped num_repeats = 8 of Sora" in said.out + said.err


def concepts(root: Path) -> dict[str, dict[str, Any]]:
    return {Path(one["path"]).name: one for one in json.loads((root / CONCEPTS).read_bytes().decode("ascii"))}


def rewrite(path: Path, change: Callable[[list[Any]], Any], lines: bool = False) -> None:
    """Change a JSON file, and write it with other blanks."""
    text = path.read_text(encoding="utf-8")
    values = [json.loads(line) for line in text.splitlines()] if lines else json.loads(text)
    change(values)
    path.write_text("\n".join(map(json.dumps, values)) if lines else json.dumps(values, indent=4))


def test_concepts_keep_what_onetrainer_or_a_person_added(root: Path, tmp_path: Path) -> None:
    prepare(root, trainer="onetrainer")

    def change(listed: list[Any]) -> None:
        for one in listed:
            one["image"] = {"enable_crop_jitter": True}
            one["enabled"] = True
        listed[0]["loss_weight"] = 0.5
        listed[0]["text"]["enable_tag_shuffling"] = True
        listed[1]["balancing"] = 17
        listed.append({"name": "mine", "path": str(tmp_path / "mine"), "balancing": 2})

    rewrite(root / CONCEPTS, change)
    rename_sora(root)
    add(root, "Aoba/a3", "Aoba/a4")
    prepare(root, trainer="onetrainer")
    held = concepts(root)
    assert sorted(held) == ["Aoba", "Hinata", "Kokona", "Mio", "mine"]
    assert held["Aoba"]["loss_weight"] == 0.5 and held["Aoba"]["text"]["enable_tag_shuffling"]
    assert held["Hinata"]["balancing"] == 17 and held["Kokona"]["image"] == {"enable_crop_jitter": True}
    assert held["mine"] == {"name": "mine", "path": str(tmp_path / "mine"), "balancing": 2}


def rows(root: Path) -> dict[str, dict[str, Any]]:
    return {json.loads(line)["file_name"]: json.loads(line) for line in (root / ROWS).read_text().strip().split("\n")}


def test_rows_of_an_image_folder_keep_columns_and_texts(root: Path) -> None:
    prepare(root, trainer="diffusers")

    def change(listed: list[Any]) -> None:
        for one in listed:
            one["source"] = "tv"
        listed[0]["text"] = "by hand"
        del listed[1]

    rewrite(root / ROWS, change, lines=True)
    shutil.move(root / "Aoba" / "a1.png", root / "Kokona" / "a1.png")  # the frame of the text by hand
    shutil.move(root / "Aoba" / "a1.json", root / "Kokona" / "a1.json")
    shutil.move(root / "Aoba" / "a1.txt", root / "Kokona" / "a1.txt")
    (root / "Sora" / "s1.png").unlink()
    add(root, "Nene/n1")
    prepare(root, trainer="diffusers")
    held = rows(root)
    assert sorted(held) == [
        "Hinata/h1.png",
        *(f"Kokona/{name}.png" for name in ("a1", "k1", "k2", "k3")),
        "Nene/n1.png",
    ]
    assert held["Kokona/a1.png"]["text"] == "by hand" and held["Kokona/k1.png"]["source"] == "tv"
    assert "source" not in held["Nene/n1.png"]


def test_entries_for_fine_tuning_keep_captions(root: Path) -> None:
    prepare(root, "--kohya_form", "metadata")
    path = root / "kohya_metadata_6.json"
    held = json.loads(path.read_text())
    held[str(root / "Hinata" / "h1.png")]["caption"] = "by hand"
    path.write_text(json.dumps(held))
    rename_sora(root)
    prepare(root, "--kohya_form", "metadata")
    held = json.loads(path.read_text())
    assert {Path(name).name: one["caption"] for name, one in held.items()} == {
        "h1.png": "by hand", "s1.png": "1person, Sora, sky"
    }  # fmt: skip
    assert all(Path(name).is_file() for name in held)


@pytest.mark.parametrize("call", range(6))
def test_a_killed_run_takes_nothing_in_a_config_for_an_edit(
    root: Path, monkeypatch: pytest.MonkeyPatch, call: int
) -> None:
    from framekit.files import atomic

    prepare(root)
    edit(root / KOHYA, ("= 1024", "= 768"))
    add(root, "Aoba/a3", "Aoba/a4")
    real, calls = atomic.write_json, []

    def killed(path: Path, *given: Any) -> None:
        calls.append(path)
        if len(calls) > call:
            raise KeyboardInterrupt
        real(path, *given)

    with monkeypatch.context() as patch:
        patch.setattr(atomic, "write_json", killed)
        with pytest.raises((KeyboardInterrupt, SystemExit)):
            raise SystemExit(prepare_training.main(["--src_dir", str(root), "--trainer", "kohya"]))
    add(root, "Hinata/h2")
    prepare(root)
    assert {name: one["num_repeats"] for name, one in subsets(root).items()} == {
        "Aoba": 3, "Hinata": 6, "Kokona": 4, "Sora": 12
    }  # fmt: skip
    assert config(root)["datasets"][0]["resolution"] == 768


TOML = """# head
top = 1
[general] # with a comment
a.b = 2
a.c = [1,
  2] # inside
s = "a # b"  # behind
multi = '''x
# no comment
'''
# two
[[datasets]]
"strange key" = -1.5
[[datasets.subsets]]
image_dir = "/a"
custom_attributes = {a = 1.5, b = ["c"]}
[[datasets]]
[[datasets.subsets]]
image_dir = '/b'
is_reg = true
[datasets.subsets.inner]
x = inf
# end
"""


def test_toml_is_written_as_it_was_read(tmp_path: Path) -> None:
    (tmp_path / "x.toml").write_text(TOML)
    held = read_toml_text(TOML)
    assert held == read_toml(tmp_path / "x.toml")
    (tmp_path / "y.toml").write_text(write_toml(held))
    assert read_toml(tmp_path / "y.toml") == held
    assert write_toml(read_toml_text(write_toml(held))) == write_toml(held)
    assert all(comment in write_toml(held) for comment in ("# head", "# two", "# behind", "# end"))
