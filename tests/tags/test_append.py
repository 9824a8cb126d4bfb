"""Tags added to files that are there: by scripts, by people, in any form."""

from pathlib import Path

import pytest

from tests.conftest import one_sentence, plain, tree
from tests.helpers_dataset import add_frame, add_text
from tests.tags.helpers import OLIVE, channel_tagger, tag, tags_of


@pytest.mark.parametrize(
    ("held", "text"),
    [
        ("mine, second\n", "mine, second, third\n"),
        ("Mine,", "Mine, third, second\n"),
        ("second_hat third", "second_hat third second\n"),
        ("mine\nthird\n", "mine\nthird\nsecond\n"),
        ("artist: kit\ngeneral: third, hat\n", "artist: kit\ngeneral: third, hat, second\n"),
        ("", "third, second\n"),
    ],
)
def test_what_a_person_wrote_stays_in_front(tmp_path: Path, held: str, text: str) -> None:
    folder, model = tmp_path / "set", channel_tagger(tmp_path / "tagger")
    frame, new = (add_frame(folder / f"{name}.png", plain(OLIVE, 4, 4)) for name in "ab")
    add_text(frame, ".tags", held)
    assert tag(folder, model, "--append_tags") == 0
    assert (tags_of(frame), tags_of(new)) == (text, "third, second\n")
    before = tree(folder)
    assert tag(folder, model, "--append_tags") == 0
    assert tree(folder) == before
    assert tag(folder, model, "--redo") == 0  # it is still a person's
    assert tags_of(frame) == text


def test_tags_of_another_tagger_are_added_and_stay_ours(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder, model = tmp_path / "set", channel_tagger(tmp_path / "tagger")
    frame = add_frame(folder / "a.png", plain(OLIVE, 4, 4))
    assert tag(folder, model, "--general_threshold", "0.7") == 0
    assert tags_of(frame) == "third\n"
    assert tag(folder, model, "--append_tags", "--general_threshold", "0.1") == 0
    assert tags_of(frame) == "third, second, first\n"
    assert tag(folder, model, "--redo", "--general_threshold", "0.7") == 0
    assert tags_of(frame) == "third\n"
    capsys.readouterr()
    assert tag(folder, model, "--append_tags", "--character_line") == 2
    assert "leave out --character_line" in one_sentence(capsys.readouterr().err)
