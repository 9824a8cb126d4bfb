"""The one list of files beside a frame: what is on it moves with the frame."""

from pathlib import Path

import pytest

from framekit.dataset.move import frame_files
from framekit.files import names
from framekit.files.names import CAPTION, CHARACTERS, FACES, INSTANCES, METADATA, TAGS


def test_every_sidecar_is_on_the_list() -> None:
    constants = {value for name, value in vars(names).items() if name.isupper() and isinstance(value, str)}
    own = constants - {names.EPISODE_RECORD, names.MULTIPLY, names.HIDDEN_METADATA, names.MASK_FOLDER}
    assert own == {TAGS, FACES, CHARACTERS, INSTANCES, METADATA, CAPTION, names.SOURCE}
    assert own <= {*names.STEM_SUFFIXES, *names.NAME_SUFFIXES}


@pytest.mark.parametrize("suffix", [TAGS, FACES, CHARACTERS, INSTANCES, METADATA, CAPTION])
def test_a_sidecar_belongs_to_its_frame(suffix: str, tmp_path: Path) -> None:
    frame = tmp_path / "x.png"
    for path in (frame, names.sidecar(frame, suffix)):
        path.touch()
    assert names.sidecar(frame, suffix) in frame_files(frame)
