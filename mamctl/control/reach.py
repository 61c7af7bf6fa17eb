"""Where a supervisor answers: its Unix socket, or http://host:port with a token. Quick to import."""

from __future__ import annotations

import os
import socket
from typing import TYPE_CHECKING, NamedTuple

from mamctl.core.errors import MamctlError, UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

HINT = "write http://127.0.0.1:7373, as the other side's `control: {listen: ...}` has it"


class Tcp(NamedTuple):
    """An address over TCP; `host` is without the brackets of IPv6."""

    host: str
    port: int
    token: str


class Reach(NamedTuple):
    """The path of a Unix socket, or an address over TCP."""

    path: str
    tcp: Tcp | None = None

    def __str__(self) -> str:
        """Return it as people write it."""
        return self.path

    def connect(self, timeout: float) -> socket.socket:
        """Return a connection. Raises OSError."""
        if self.tcp is not None:
            return socket.create_connection((self.tcp.host, self.tcp.port), timeout)
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connection.settimeout(timeout)
        try:
            connection.connect(self.path)
        except OSError:
            connection.close()
            raise
        return connection

    @property
    def headers(self) -> str:
        """What every request says of where it goes, and that it may."""
        if self.tcp is None:
            return "Host: mamctl\r\n"
        host = f"[{self.tcp.host}]" if ":" in self.tcp.host else self.tcp.host
        return f"Host: {host}:{self.tcp.port}\r\nAuthorization: Bearer {self.tcp.token}\r\n"

    @property
    def hint(self) -> str:
        """What to do when nobody answers."""
        if self.tcp is None:
            return "`mamctl up -d` starts one"
        return (
            "does its manifest have the key `control`, and does `mamctl events` over there tell that it could listen?"
        )


def over_tcp(url: str, environ: Mapping[str, str]) -> Reach:
    """Return the reach of a URL. Raises UsageError when it is none, or when there is no token for it."""
    from urllib.parse import urlsplit

    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise UsageError(f"{url!r} is no URL", HINT) from None
    if parts.scheme == "https":
        raise UsageError(
            "a supervisor speaks http, not https", "reach it through a tunnel: ssh -L 7373:127.0.0.1:7373 ..."
        )
    if parts.scheme != "http" or not host or parts.path not in ("", "/") or parts.query or "@" in parts.netloc:
        raise UsageError(f"{url!r} is no address of a supervisor", HINT)
    return Reach(f"http://{parts.netloc}", Tcp(host, port or 80, token_of(environ)))


def token_of(environ: Mapping[str, str]) -> str:
    """Return the token: MAMCTL_TOKEN, or what is in the file MAMCTL_TOKEN_FILE. Raises UsageError without one."""
    token = environ.get("MAMCTL_TOKEN", "").strip() or _from_file(environ.get("MAMCTL_TOKEN_FILE"))
    if not token:
        raise UsageError(
            "a supervisor that is reached over TCP wants a token",
            "set MAMCTL_TOKEN_FILE to a copy of its token_file, or MAMCTL_TOKEN to what is in it",
        )
    if not token.isascii() or not token.isprintable() or " " in token:
        raise UsageError("this is no token: it has characters that no header can have", "copy the token_file anew")
    return token


def _from_file(path: str | None) -> str:
    if not path:
        return ""
    try:
        with open(os.path.expanduser(path), encoding="utf-8", errors="replace") as file:
            return file.read(4096).strip()
    except OSError as error:
        why = os.strerror(error.errno or 0).lower()
        hint = "MAMCTL_TOKEN_FILE names a copy of the supervisor's token_file"
        raise MamctlError(f"the token file {path} cannot be read: {why}", hint) from None
