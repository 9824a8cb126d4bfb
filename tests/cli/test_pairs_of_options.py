"""Every two options that make a script do something mean something together, or are refused in one sentence."""

import importlib
from itertools import combinations
from pathlib import Path

import pytest

from framekit.cli.parser import ALWAYS, StageParser
from framekit.errors import UsageError

WITHOUT_VALUE = {"restore", "evaluate", "learn_from_corrections", "remove_similar", "characters_from_folders"}
# What makes each script do something else, or more, than it does without.
ACTIONS = {
    "extract_frames": "redo remove_similar crop_bars deinterlace max_frames",
    "remove_similar": "dry_run restore purge report fiftyone drop_opening drop_ending drop_unreadable no_filters",
    "tag_images": "redo rethreshold summary overwrite_corrections character_line drop_overlap",
    "detect_faces": "redo dry_run overwrite_corrections crops annotate min_face_number",
    "classify_characters": "redo overwrite_corrections evaluate cluster propagate learn_from_corrections annotate"
    " single_frames ref_dir min_cluster subclusters",
    "generate_metadata": "rename characters_from_folders overwrite_corrections general_description source_type"
    " merge_names undo valid_names count_from",
    "arrange_folders": "dry_run copy move hardlink symlink flatten max_image_size keep_src_structure min_face_number",
    "prepare_training": "check all report overwrite_corrections shuffle_tags prune_core_tags dst_dir",
}
# The pairs that are refused; of all other pairs, both apply.
ALONE = {
    "remove_similar": {
        "restore": {"dry_run"}, "purge": {"dry_run"},
    },
    "classify_characters": {
        "cluster": {"min_cluster", "subclusters"}, "evaluate": {"ref_dir", "learn_from_corrections"},
    },
    "arrange_folders": {"flatten": {"dry_run"}},
    "prepare_training": {"check": {"all", "dst_dir"}},
}  # fmt: skip
REFUSED = {
    ("tag_images", "redo", "rethreshold"),
    ("generate_metadata", "merge_names", "undo"),
    *(("arrange_folders", *pair) for pair in combinations(("copy", "move", "hardlink", "symlink"), 2)),
    ("arrange_folders", "move", "max_image_size"),
}  # fmt: skip
# What an option has a use only with; given without it, it is refused beside any other.
PARTNERS = {"min_cluster": "cluster", "subclusters": "cluster", "merge_names": "rename", "undo": "rename",
            "all": "check", "valid_names": "characters_from_folders"}  # fmt: skip
PAIRS = [(script, *pair) for script, names in ACTIONS.items() for pair in combinations(names.split(), 2)]


def parser_of(script: str) -> StageParser:
    parser = importlib.import_module(script).parser()
    assert isinstance(parser, StageParser)
    return parser


def words_of(parser: StageParser, name: str) -> list[str]:
    action = parser.options()[name]
    if action.nargs == 0 or name in WITHOUT_VALUE:
        return [f"--{name}"]
    if action.choices:
        return [f"--{name}", str(list(action.choices)[-1])]
    return [f"--{name}", "1"] if name != "rename" else ["--rename", "A", "B"]


def is_meant(script: str, one: str, other: str) -> bool:
    """Tell whether two options have a meaning together, by the tables above."""
    for name, partner in ((one, other), (other, one)):
        if name in PARTNERS and PARTNERS[name] != partner:
            return False
        alone = ALONE.get(script, {}).get(name)
        if alone is not None and partner not in alone:
            return False
    return (script, one, other) not in REFUSED and (script, other, one) not in REFUSED


@pytest.mark.parametrize(("script", "one", "other"), PAIRS)
def test_every_pair_of_actions_means_something_or_is_refused(script: str, one: str, other: str, tmp_path: Path,
    capsys: pytest.CaptureFixture[str]) -> None:  # fmt: skip
    main = importlib.import_module(script).main
    parser = parser_of(script)
    words = [word for name in (one, other) for word in words_of(parser, name)]
    needed = [word for name in parser.needed if name not in ("src_dir", one, other) for word in (f"--{name}", "1")]
    if is_meant(script, one, other):
        parser.read([str(tmp_path), *needed, *words])
        return
    assert main([str(tmp_path), *needed, *words]) == 2
    told = capsys.readouterr().err
    assert f"--{one}" in told or f"--{other}" in told
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("script", ACTIONS)
def test_what_is_only_faster_or_slower_is_never_refused(script: str) -> None:
    parser = parser_of(script)
    assert not [name for useless in parser.useless.values() for name in useless if name in ALWAYS]


@pytest.mark.parametrize("script", ACTIONS)
def test_all_switches_are_among_the_actions_or_change_only_how_things_look(script: str) -> None:
    parser = parser_of(script)
    named = {*parser.only, *parser.useless, *parser.partners, *(other for other, _ in parser.partners.values())}
    assert named <= {*parser.options()}


def test_a_config_never_makes_an_action_wrong(tmp_path: Path) -> None:
    config = tmp_path / "dataset.toml"
    config.write_text("[prepare_training]\nshuffle_tags = true\nmax_tag_number = 3\n[arrange_folders]\nlimit = 2\n")
    assert parser_of("prepare_training").read([str(tmp_path), "--check", "--config", str(config)]).check
    assert parser_of("arrange_folders").read([str(tmp_path), "--flatten", "--config", str(config)]).flatten
    with pytest.raises(UsageError, match="--check has no use for --shuffle_tags; leave it out, or --check"):
        parser_of("prepare_training").read([str(tmp_path), "--check", "--shuffle_tags"])
