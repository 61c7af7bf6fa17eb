"""The token of the TCP listener: a file that only its owner can read, made when it is missing.

It is looked at for each request, so that another token counts as soon as the file has it.
"""

from __future__ import annotations

import hmac
import os
import secrets
import stat

from mamctl.core.errors import MamctlError

SHORTEST = 16
LONGEST = 1024


class TokenFile:
    """A file with a token. Making one raises MamctlError when it cannot be used."""

    def __init__(self, path: str) -> None:
        self.path = path
        self._seen: tuple[int, ...] | None = None
        self._token = b""
        if not os.path.lexists(path):
            _make(path)
        self._look()

    def matches(self, given: str) -> bool:
        """Tell, in constant time, whether this is the token. Without a good file nothing is."""
        try:
            self._look()
        except MamctlError:
            return False
        return hmac.compare_digest(given.encode("utf-8", "replace"), self._token)

    def signature(self, message: str) -> str:
        """Return what only who has the token can make of a message. Raises MamctlError without a good file."""
        self._look()
        return hmac.new(self._token, message.encode("utf-8", "replace"), "sha256").hexdigest()

    def _look(self) -> None:
        found = _stat(self.path)
        seen = (found.st_ino, found.st_mtime_ns, found.st_size, found.st_mode)
        if seen != self._seen:
            self._token, self._seen = read_token(self.path), seen


def read_token(path: str) -> bytes:
    """Return the token in a file. Raises MamctlError when others can read it, or when it is none."""
    if _stat(path).st_mode & 0o077:
        raise MamctlError(f"the token file {path} can be read by others", f"chmod 600 {path}")
    try:
        with open(path, "rb") as file:
            token = file.read(LONGEST + 1).strip()
    except OSError as error:
        raise _unusable(path, error) from None
    if not SHORTEST <= len(token) <= LONGEST:
        hint = f"remove it, and a new one is made; or write {SHORTEST} characters or more"
        raise MamctlError(f"the token file {path} holds no token", hint)
    return token


def _stat(path: str) -> os.stat_result:
    try:
        found = os.stat(path)
    except OSError as error:
        raise _unusable(path, error) from None
    if not stat.S_ISREG(found.st_mode):
        raise MamctlError(f"the token file {path} is no file", "name another one: control: {token_file: ...}")
    return found


def _make(path: str) -> None:
    temporary = f"{path}.new"
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
        with open(os.open(temporary, flags, 0o600), "w", encoding="ascii") as file:
            file.write(f"{secrets.token_urlsafe(32)}\n")
        os.replace(temporary, path)
    except OSError as error:
        raise _unusable(path, error) from None


def _unusable(path: str, error: OSError) -> MamctlError:
    why = os.strerror(error.errno or 0).lower()
    return MamctlError(f"the token file {path} cannot be used: {why}", "control: {token_file: ...} names another one")
