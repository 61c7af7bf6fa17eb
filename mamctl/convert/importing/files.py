"""Files of others: read with bounds, refused with a place and a reason."""

from __future__ import annotations

import os
from typing import Final

from mamctl.core.errors import ManifestError, Problem, UsageError

LARGEST: Final = 4 << 20
MASKED: Final = "is masked: a link to /dev/null, which systemd never starts"


class Unreadable(ManifestError):
    """A file that is not of the format that it is read as; `problems` holds all of them."""

    def __init__(self, format_name: str, problems: tuple[Problem, ...]) -> None:
        super().__init__(problems)
        self.message = f"this cannot be read as {format_name}"


def refuse(file: str, line: int, message: str, hint: str | None = None) -> Problem:
    """Return a problem of a whole line."""
    return Problem(file, line, 1, "", message, hint)


def is_masked(path: str) -> bool:
    """Tell whether this is a unit of systemd that somebody has masked, so that it is never started."""
    return path.endswith(".service") and os.path.realpath(path) == os.devnull


def template_of(path: str) -> str:
    """Return the path of what is to be read: for `web@blue.service`, an instance, often only `web@.service` exists."""
    folder, name = os.path.split(path)
    prefix, at, _ = name.partition("@")
    template = os.path.join(folder, f"{prefix}@.service")
    if at and name.endswith(".service") and not os.path.exists(path) and os.path.isfile(template):
        return template
    return path


def read(path: str, shown: str) -> str:
    """Return the text of a file. Raises UsageError when there is none, Unreadable for what is no text."""
    if is_masked(path):
        raise UsageError(f"{shown}: {MASKED}")
    if not os.path.isfile(path):
        raise UsageError(f"{shown}: {'is not a file' if os.path.exists(path) else 'there is no such file'}")
    try:
        with open(path, "rb") as file:
            data = file.read(LARGEST + 1)
    except OSError as error:
        raise UsageError(f"{shown}: cannot be read: {error.strerror}") from error
    if len(data) > LARGEST:
        raise Unreadable("text", (refuse(shown, 1, f"is larger than {LARGEST >> 20} MiB"),))
    return _decoded(data, shown)


def _decoded(data: bytes, shown: str) -> str:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise Unreadable("text", (refuse(shown, line, "is not UTF-8", "save the file as UTF-8"),)) from error
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise Unreadable("text", (refuse(shown, line, "holds a NUL byte: it is no text"),))
    return text.replace("\r\n", "\n")
