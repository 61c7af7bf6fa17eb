"""From what people type into a search field to a query of FTS5."""

MAX_WORDS = 12


def match_of(text: str) -> str:
    """Return the query that finds rows with all words of ``text``, each as the beginning of a word.

    Every word is quoted, so nothing that is typed is an operator. ``IMG_0042`` is two words for the
    index and a phrase here: they have to follow each other.
    """
    words = [word.replace('"', " ") for word in text.split()]
    searchable = [word for word in words if any(character.isalnum() for character in word)]
    if not searchable:
        return NOTHING
    return " ".join(f'"{word}"*' for word in searchable[:MAX_WORDS])


NOTHING = '""'
"""Finds no row: punctuation is in no index."""
