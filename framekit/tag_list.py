"""Which tags a tagger knows: name and category of each of its outputs."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from framekit import sidecar, stage

# Danbooru's numbers of categories, as selected_tags.csv has them; OTHER is what no dataset wants.
GENERAL, ARTIST, COPYRIGHT, CHARACTER, META, RATING, OTHER = 0, 1, 3, 4, 5, 9, -1
BY_WORD = {
    "general": GENERAL,
    "artist": ARTIST,
    "copyright": COPYRIGHT,
    "character": CHARACTER,
    "meta": META,
    "rating": RATING,
}


@dataclass(frozen=True)
class TagList:
    """The tags of a model in the order of its outputs; names have underscores, categories are (N,) int64."""

    names: list[str]
    categories: NDArray[np.int64]


def read_tag_list(path: Path) -> TagList:
    """Read selected_tags.csv or tag_mapping.json. Raises Misuse if it is neither."""
    return read_mapping(path) if path.suffix == ".json" else read_csv(path)


def read_csv(path: Path) -> TagList:
    """Read a table with the columns name and category, in any order; the rows are in the order of the outputs."""
    import pandas

    try:
        table = pandas.read_csv(path, keep_default_na=False)
        return TagList([tag_name(str(name)) for name in table["name"]], table["category"].to_numpy(np.int64))
    except (KeyError, ValueError, UnicodeDecodeError) as error:
        raise stage.Misuse(f"{path} is no tag list: it needs the columns name and category") from error


def read_mapping(path: Path) -> TagList:
    """Read tag_mapping.json: `{"0": {"tag": …, "category": …}}`, or `idx_to_tag` and `tag_to_category`."""
    try:
        value = sidecar.read_json(path, is_given=True)
        if "idx_to_tag" in value:
            of_tag = value["tag_to_category"]
            found = {int(index): (str(tag), str(of_tag[tag])) for index, tag in value["idx_to_tag"].items()}
        else:
            found = {int(index): (str(one["tag"]), str(one["category"])) for index, one in value.items()}
        rows = [found[index] for index in range(len(found))]
    except (sidecar.BadSidecar, AttributeError, KeyError, TypeError, ValueError) as error:
        raise stage.Misuse(f"{path} is no tag list: it needs a tag and a category for each number from 0") from error
    categories = [BY_WORD.get(category.lower(), OTHER) for _, category in rows]
    return TagList([tag_name(name) for name, _ in rows], np.array(categories, np.int64))


def tag_name(name: str) -> str:
    """Return a tag as it stands in .tags: with underscores, and without what separates tags and lines."""
    return "_".join(name.replace(",", " ").split())
