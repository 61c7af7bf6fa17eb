"""[inet_http_server] of a supervisord.conf: the address at which its tools find the programs."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from mamctl.convert.importing.value import Unfit, Value, text
from mamctl.core.manifest.listening import is_loopback

if TYPE_CHECKING:
    from mamctl.convert.importing.stack import Stack

SECTION: Final = "inet_http_server"
_ADDRESS: Final = re.compile(r"(?:(\*|[A-Za-z0-9.-]*|\[[0-9A-Fa-f:.]+\]):)?([0-9]{1,5})")
_ENTRY: Final = "the password of its tools is the token in .mamctl/token, and the user may have any name"
_HERE: Final = "only this machine reaches it here; naming a token_file beside it opens it to others"


def take_http(section: Value, stack: Stack) -> None:
    """Let the same tools find the stack at the same address. The services are known by now, for theirs may be it."""
    for key in ("username", "password"):
        if value := section.get(key):
            value.why = _ENTRY
    port = section.get("port")
    if port is None:
        section.why = "it says no port"
        return
    section.seen = True
    try:
        host, number = _address(text(port).strip())
    except Unfit as unfit:
        port.leave(str(unfit))
        return
    if number in _taken(stack):
        port.leave(f"port {number} is that of a service; choose another one: `control: {{listen: ..., xmlrpc: true}}`")
        return
    if not is_loopback(host.strip("[]")):
        host = "127.0.0.1"
        stack.note(port, _HERE)
    stack.keys["control"] = {"listen": f"{host}:{number}", "xmlrpc": True}


def _address(written: str) -> tuple[str, int]:
    found = _ADDRESS.fullmatch(written)
    if found is None or not 1 <= int(found[2]) <= 65535:
        raise Unfit("is no address with a port; write `control: {listen: ..., xmlrpc: true}`")
    return found[1] or "*", int(found[2])


def _taken(stack: Stack) -> set[object]:
    """Return the port numbers that services have."""
    found: set[object] = set()
    for service in stack.services.values():
        found.add(service.keys.get("port"))
        for key in ("ports", "sockets"):
            ports = service.keys.get(key)
            found.update(port for port in (ports.values() if isinstance(ports, dict) else ()) if isinstance(port, int))
    return found
