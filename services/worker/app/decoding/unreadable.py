"""What is said of a file that cannot be shown."""


class Unreadable(Exception):
    """The file cannot be shown; the text says why, without naming any path."""


def sentence(error: BaseException) -> str:
    """Return what went wrong, without the name of any file."""
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return str(text)[:200]
