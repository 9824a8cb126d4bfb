"""Captions that a person or another program wrote beside a frame, read as tags and sentences."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from framekit.errors import BadSidecar
from framekit.files.atomic import read_text, unusable
from framekit.files.names import CAPTION, nfc, sidecar
from framekit.sidecars import kinds
from framekit.sidecars.corrections import is_file_edited
from framekit.sidecars.kinds import MOST_WORDS, Told
from framekit.sidecars.tags import sort_tags

SUFFIXES = (CAPTION, ".caption")
# Words of sentences that hardly stand in tags, which go without articles and verbs. Chosen by hand from Danbooru's
# general tags and captions of BLIP and of vision-language models.
OF_SENTENCES = frozenset("a an the is are was has have there this that she he they it its which who".split())
LEAST_WORDS = 3  # of a sentence; chosen
SENTENCE_END = re.compile(r"(?<=\w)[.!?]\s+(?=\w)")
SEPARATOR = re.compile(r"\s*(?:\|\|\||;;;)\s*")  # of kohya's captions; Source: its keep_tokens_separator
Written = Mapping[str, set[str]]  # stem of a frame -> digests of the captions that prepare_training.py wrote


@dataclass(frozen=True)
class Caption:
    """What a caption says: tags by their kind, and the sentences as one line."""

    told: Told = field(default_factory=kinds.nothing_told)
    description: str = ""


def read_caption(frame: Path, written: Written) -> Caption | None:
    """Return what the caption beside a frame says; None if there is none, or prepare_training.py wrote it.

    Raises BadSidecar.
    """
    for path in (sidecar(frame, suffix) for suffix in SUFFIXES):
        try:
            is_theirs = is_file_edited(path, written.get(nfc(frame.stem), ()))
        except OSError as error:
            raise unusable(path, error) from error
        if is_theirs:
            return parse_caption(read_text(path))
    return None


def has_caption(frame: Path, written: Written) -> bool:
    """Tell whether there is a caption beside a frame that says something, and that we did not write."""
    try:
        found = read_caption(frame, written)
    except BadSidecar:
        return False
    return found is not None and bool(any(found.told.values()) or found.description)


def parse_caption(text: str) -> Caption:
    """Split a caption into its tags and its sentences; each line stands for itself.

    >>> parse_caption("aoba, 1girl, long hair. A girl stands in a field, smiling.").description
    'A girl stands in a field, smiling.'
    """
    tags: list[str] = []
    sentences: list[str] = []
    for line in filter(None, map(str.strip, text.removeprefix("\ufeff").splitlines())):
        listed, sentence = split_line(SEPARATOR.sub(", ", line))
        tags += [listed] * bool(listed)
        sentences += [sentence] * bool(sentence)
    return Caption(sort_tags("\n".join(tags)), " ".join(dict.fromkeys(sentences)))


def split_line(line: str) -> tuple[str, str]:
    """Return the tags at the beginning of a line of a caption, and the sentences behind them.

    >>> split_line("a girl with long hair, sunset")
    ('', 'a girl with long hair, sunset')
    """
    parts = line.split(",")
    for number, part in enumerate(parts):
        pieces = SENTENCE_END.split(part, maxsplit=1)
        if is_sentence(pieces[0]):
            return ",".join(parts[:number]).strip(), ",".join(parts[number:]).strip()
        if len(pieces) > 1 and (is_sentence(pieces[1]) or line.endswith(".")):
            rest = ",".join([pieces[1], *parts[number + 1 :]])
            return ",".join([*parts[:number], pieces[0]]).strip(), rest.strip()
    return re.sub(r"(?<=\w)\.$", "", line), ""


def is_sentence(part: str) -> bool:
    """Tell whether what stands between two commas is a sentence, and no tag."""
    words = part.lower().rstrip(".!?").split()
    return len(words) > MOST_WORDS or (len(words) >= LEAST_WORDS and not OF_SENTENCES.isdisjoint(words))
