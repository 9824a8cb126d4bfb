"""The text of X.png.tags: one line of tags, or a line for each kind."""

TAG_LINES = ("character", "copyright", "artist", "general")


def parse_tags(text: str) -> dict[str, list[str]]:
    """Split the text of X.png.tags into its lines `character`, `copyright`, `artist`, `general`.

    The one-line form, without such beginnings, is all `general`.
    """
    found: dict[str, list[str]] = {name: [] for name in TAG_LINES}
    for line in text.splitlines():
        head, colon, rest = line.partition(":")
        name = head.strip().lower() if colon else ""
        words = rest if name in TAG_LINES else line
        found[name if name in TAG_LINES else "general"] += [tag.strip() for tag in words.split(",") if tag.strip()]
    return found
