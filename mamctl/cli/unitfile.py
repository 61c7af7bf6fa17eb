"""The file of a unit on disk: written whole or not at all, and never in place of one that is not ours."""

from __future__ import annotations

import contextlib
import errno
import os
import tempfile
from typing import TYPE_CHECKING

from mamctl.convert.units.job import written_for
from mamctl.core.errors import MamctlError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_REFUSED = (errno.EACCES, errno.EPERM, errno.EROFS)


def require_ours(path: str, manifest: str) -> str | None:
    """Return the text of a unit that we wrote for this manifest, None when there is no file.

    Raises UsageError for a file of anybody else, or one that we wrote for another stack of the same name.
    """
    if not os.path.lexists(path):
        return None
    text = _read(path)
    owner = written_for(text)
    if owner is None:
        raise UsageError(
            f"{path} exists, and mamctl did not write it", "move it away, or give this stack another `name`"
        )
    if owner != manifest:
        raise UsageError(
            f"{path} belongs to another stack of this name: {owner}",
            f"give one of them another `name`, or take the other away: `mamctl -f '{owner}' uninstall`",
        )
    return text


def written_among(paths: Iterable[str], manifest: str) -> list[str]:
    """Return those files that we wrote for a manifest."""
    return [path for path in paths if written_for(_read(path)) == manifest]


def require_one_name(written: Iterable[str], path: str) -> None:
    """Raise UsageError when a manifest has a unit under another name: its stack would be started twice."""
    for other in written:
        if other != path:
            raise UsageError(
                f"this manifest has the unit {other} already, from when its `name` was another",
                "`mamctl uninstall` takes it away; then install again",
            )


def write(path: str, text: str, *, hint: str = "`--print` shows a unit without writing") -> None:
    """Put a file in place, readable by everybody. Raises MamctlError, with the hint, where that is not allowed.

    What is a link goes on to be one, and a device or a pipe is written to, never replaced.
    """
    with _explained(path, hint):
        if is_stream(path):
            with open(path, "w", encoding="utf-8") as stream:
                stream.write(text)
            return
        path = os.path.realpath(path)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        descriptor, temporary = tempfile.mkstemp(prefix=".mamctl-", dir=os.path.dirname(path))
        try:
            with open(descriptor, "w", encoding="utf-8") as file:
                file.write(text)
            os.chmod(temporary, 0o644)
            os.replace(temporary, path)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(temporary)
            raise


def is_stream(path: str) -> bool:
    """Tell whether a path is something that can be written to and is neither a file nor a folder: `/dev/null`."""
    return os.path.exists(path) and not os.path.isfile(path) and not os.path.isdir(path)


def remove(path: str) -> None:
    """Take a file away. Raises MamctlError where that is not allowed."""
    with _explained(path):
        os.unlink(path)


def _read(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except (FileNotFoundError, IsADirectoryError):
        return ""  # a link that leads nowhere, or what is no unit at all: somebody else's


@contextlib.contextmanager
def _explained(path: str, hint: str = "`--print` shows a unit without writing") -> Iterator[None]:
    try:
        yield
    except OSError as error:
        why = os.strerror(error.errno or 0).lower()
        if error.errno in _REFUSED:
            raise MamctlError(f"{path} cannot be written: {why}", hint) from None
        raise MamctlError(f"{path}: {why}") from None
