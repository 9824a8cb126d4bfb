"""Words that people bring along, older spellings, lists, the help, and what --quiet, --verbose and --version do."""

import importlib
import re
from pathlib import Path

import pytest

import generate_metadata
import tag_images
from framekit.cli import words
from framekit.cli.config import SCRIPTS
from framekit.cli.parser import VERSION, StageParser
from framekit.errors import UsageError
from tests.conftest import ROOT, one_sentence
from tests.helpers_dataset import add_frame

OLDER = [
    ("remove_similar", "thresh", "similarity_threshold"),
    ("detect_faces", "min_score", "score_threshold"),
    ("classify_characters", "unknown_below", "unknown_threshold"),
    ("arrange_folders", "format", "levels"),
]
FOREIGN = [(script, word, ours) for script, held in words.OPTIONS.items() for word, ours in held.items()]


def parser_of(script: str) -> StageParser:
    parser = importlib.import_module(script).parser()
    assert isinstance(parser, StageParser)
    return parser


def refusal(script: str, *line: str) -> str:
    """Return the sentence with which a script refuses a command line."""
    parser = parser_of(script)
    needed = [word for name in parser.needed if name != "src_dir" for word in (f"--{name}", "x")]
    with pytest.raises(UsageError) as caught:
        parser.read(["dataset", *needed, *line])
    return one_sentence(str(caught.value))


@pytest.mark.parametrize(("script", "word", "ours"), FOREIGN)
def test_what_a_word_of_the_field_points_to_exists(script: str, word: str, ours: str) -> None:
    """An option of ours, of this script or of the one that is named, and never the word itself."""
    scripts = [script] if script else list(SCRIPTS)
    known = [{*parser_of(one).options()} for one in scripts]
    elsewhere = re.findall(r"(\w+)\.py", ours)
    known += [{*parser_of(one).options()} for one in elsewhere]
    for name in re.findall(r"--(\w+)", ours):
        assert any(name in options for options in known), f"--{word} of {script} points to --{name}"
    assert script == "" or word not in parser_of(script).options()


@pytest.mark.parametrize(
    ("script", "line", "hint"),
    [
        ("tag_images", "--threshold", "here that is --general_threshold"),
        ("tag_images", "--conf", "here that is --general_threshold"),
        ("tag_images", "--remove_underscore", "it needs none: tags keep underscores in files"),
        ("tag_images", "--repo-id=x", "unknown option --repo_id; here that is --model"),
        ("detect_faces", "--conf", "here that is --score_threshold"),
        ("extract_frames", "--fps", "here that is --mode interval --every_seconds 0.5"),
        ("extract_frames", "-ss", "here that is --start"),
        ("extract_frames", "-vf", "here that is --mode"),
        ("classify_characters", "--character_ref_dir", "here that is --ref_dir"),
        ("prepare_training", "--shuffle_caption", "here that is --shuffle_tags"),
        ("prepare_training", "--train_data_dir", "here that is --src_dir"),
        ("prepare_training", "--caption_dropout_rate=0.1", "it is a setting of the trainer"),
        ("prepare_training", "--enable_bucket", "kohya's config has buckets on"),
        ("generate_metadata", "--force", "--overwrite_corrections replaces"),
        ("remove_similar", "--hash_size", "frames are compared by descriptors"),
        ("remove_similar", "--similar_thresh", "here that is --similarity_threshold"),
        ("arrange_folders", "--redo", "it needs none: the tree is what the dataset is now"),
        ("generate_metadata", "--output_dir", "unknown option --output_dir;"),
    ],
)
def test_a_word_of_the_field_is_answered_with_ours(script: str, line: str, hint: str) -> None:
    assert hint in refusal(script, line)


@pytest.mark.parametrize(
    ("script", "line", "hint"),
    [
        ("prepare_training", ["--trainer", "kohya_ss"], "there is no kohya_ss; did you mean kohya?"),
        ("prepare_training", ["--trainer", "kohya,everydream"], "there is no everydream; did you mean everydream2?"),
        ("extract_frames", ["--mode", "keyframes"], "did you mean keyframe?"),
        ("extract_frames", ["--mode", "fps"], "did you mean interval?"),
        ("arrange_folders", ["--max_image_size", "1024x1024"], "1024x1024 is a size; write one number, such as 1024"),
        ("tag_images", ["--general_threshold", "0,35"], "0,35 has a comma; write 0.35"),
        ("remove_similar", ["--thresh", "0,985"], "0,985 has a comma; write 0.985"),
        ("extract_frames", ["frames"], "frames is one word too many; give a second folder as --dst_dir frames"),
        ("classify_characters", ["refs"], "give a second folder as --ref_dir refs"),
        ("tag_images", ["other"], "other is one word too many; one folder is read"),
    ],
)
def test_a_wrong_value_is_answered_with_what_to_write(script: str, line: list[str], hint: str) -> None:
    assert hint in refusal(script, *line)


@pytest.mark.parametrize(("script", "older", "name"), OLDER)
def test_older_spellings_are_accepted_and_not_shown(tmp_path: Path, script: str, older: str, name: str) -> None:
    parser = parser_of(script)
    value = "n_characters/fh_ratio" if name == "levels" else "0.5"
    expected = getattr(parser.read(["dataset", f"--{name}", value]), name)
    assert getattr(parser_of(script).read(["dataset", f"--{older}", value]), name) == expected
    assert getattr(parser_of(script).read(["dataset", f"--{older.replace('_', '-')}={value}"]), name) == expected
    config = tmp_path / "dataset.toml"
    config.write_text(f"[{script}]\n{older} = {value if name != 'levels' else repr(value)}\n")
    assert getattr(parser_of(script).read(["dataset", "--config", str(config)]), name) == expected
    assert f"--{older} " not in parser.format_help()


@pytest.mark.parametrize(
    "line",
    [["--trainer", "kohya", "everydream2"], ["--trainer", "kohya,everydream2"], ["--trainer", "kohya, everydream2"],
     ["--trainer=kohya,everydream2"], ["--trainer", "kohya", "--trainer", "everydream2"]],
)  # fmt: skip
def test_lists_take_commas_and_blanks(tmp_path: Path, line: list[str]) -> None:
    (tmp_path / "dataset").mkdir()
    folder = str(tmp_path / "dataset")
    for words_ in ([folder, *line], ["--src_dir", folder, *line]):
        assert parser_of("prepare_training").read(words_).trainer == ["kohya", "everydream2"]
    if "=" not in line[0]:  # the folder may come last, too
        assert parser_of("prepare_training").read([*line, folder]).trainer == ["kohya", "everydream2"]


def test_models_take_commas_and_blanks_and_paths_with_either(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for line in (["a,b"], ["a", "b"], ["a b"], ["a", "--model", "b"]):
        assert parser_of("tag_images").read(["dataset", "--model", *line]).model == "a,b"
    monkeypatch.chdir(tmp_path)
    Path("my models, new").mkdir()
    assert parser_of("tag_images").read(["dataset", "--model", "my models, new"]).model == "my models, new"
    Path("dataset.toml").write_text('[tag_images]\nmodel = ["a", "b"]\n')
    assert parser_of("tag_images").read(["dataset", "--config", "dataset.toml"]).model == "a,b"


@pytest.mark.parametrize("columns", [80, 70, 200])
@pytest.mark.parametrize("script", SCRIPTS)
def test_the_help_fits_the_terminal_in_groups(script: str, columns: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    parser = parser_of(script)
    text = parser.format_help()
    assert max(map(len, text.splitlines())) <= columns
    assert len(re.findall(r"^\w.*:$", text, re.MULTILINE)) >= 3  # groups have titles
    usage = text.splitlines()[0]
    assert all(f"--{name} " in usage for name in parser.needed)
    assert text.count("(needed)") == len(parser.needed)
    assert text == parser.format_help()


@pytest.mark.parametrize("script", SCRIPTS)
def test_every_script_says_its_version(script: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        importlib.import_module(script).main(["--version"])
    assert ended.value.code == 0
    assert capsys.readouterr().out == f"{script}.py {VERSION}\n"
    assert f'\nversion = "{VERSION}"\n' in (ROOT / "pyproject.toml").read_text(encoding="utf-8")


def test_quiet_says_only_what_is_wrong(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    add_frame(tmp_path / "x.png")
    (tmp_path / "broken.png").write_bytes(b"no png")
    assert tag_images.main([str(tmp_path), "--model", "measured", "--quiet"]) == 1
    told = capsys.readouterr()
    assert told.out == ""
    assert "unreadable: " in one_sentence(told.err)
    assert tag_images.main([str(tmp_path), "--model", "measured"]) == 1
    assert capsys.readouterr().out != ""  # the next run in the process speaks again


def test_verbose_says_the_options_as_they_are(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    add_frame(tmp_path / "x.png")
    config = tmp_path / "dataset.toml"
    config.write_text('[generate_metadata]\ngeneral_description = "anishot"\n')
    assert generate_metadata.main([str(tmp_path), "--config", str(config), "--verbose"]) == 0
    told = capsys.readouterr()
    assert "--general_description anishot\n" in told.err
    assert re.search(r"^took [\d.]+ s$", told.err, re.MULTILINE)
    assert "1 frame described" in told.out
    assert "--verbose" not in (tmp_path / ".commands.jsonl").read_text()


def test_a_word_of_the_field_in_a_config_is_answered_too(tmp_path: Path) -> None:
    config = tmp_path / "dataset.toml"
    config.write_text("[tag_images]\nthreshold = 0.3\n")
    assert "[tag_images] has no option threshold; here that is --general_threshold" in refusal(
        "tag_images", "--config", str(config)
    )
