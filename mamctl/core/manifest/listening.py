"""Where the control API answers over TCP, and who can reach that. Quick to import, for every supervisor needs it."""

from __future__ import annotations

from mamctl.core.dataclass import dataclass


def is_loopback(host: str) -> bool:
    """Tell whether only this machine reaches an address."""
    return host in ("localhost", "::1") or (host.startswith("127.") and host.replace(".", "").isdigit())


@dataclass(frozen=True, slots=True)
class Control:
    """Where the control API answers over TCP. `token_file` is absolute; None: `token` in the supervisor's folder.

    `xmlrpc`: tools made for supervisord are answered there, too.
    """

    host: str
    port: int
    token_file: str | None = None
    xmlrpc: bool = False
