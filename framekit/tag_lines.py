"""The text of X.png.tags: one line of tags, or a line for each kind."""

TAG_LINES = ("character", "copyright", "artist", "general")
RATINGS = ("general", "safe", "sensitive", "questionable", "explicit")


def parse_tags(text: str) -> dict[str, list[str]]:
    """Split the text of X.png.tags into its lines `character`, `copyright`, `artist`, `general`; and the `rating`.

    The one-line form, without such beginnings, is all `general`. A rating stands in a line of its own, or is a tag such
    as `rating:explicit`.
    """
    found: dict[str, list[str]] = {name: [] for name in (*TAG_LINES, "rating")}
    for line in text.splitlines():
        head, colon, rest = line.partition(":")
        name = head.strip().lower() if colon else ""
        words = rest if name in TAG_LINES else line
        for tag in filter(None, (word.strip() for word in words.split(","))):
            rating = rating_in(tag)
            found["rating" if rating else name if name in TAG_LINES else "general"].append(rating or tag)
    return found


def rating_in(tag: str) -> str:
    """Return the rating that a tag such as `rating:explicit` tells; nothing for other tags."""
    head, colon, rest = tag.partition(":")
    word = rest.strip().lower()
    return word if colon and head.strip().lower() == "rating" and word in RATINGS else ""
