"""Calls methods as the tools do: by supervisor's own transport and xmlrpc.client, over a Unix socket."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any
from xmlrpc.client import Fault, ServerProxy

from supervisor.xmlrpc import SupervisorTransport

if TYPE_CHECKING:
    from collections.abc import Iterator


class Caller:
    """One connection to a supervisor, ours or theirs."""

    def __init__(self, proxy: ServerProxy) -> None:
        self.proxy = proxy

    def __call__(self, name: str, *params: Any) -> Any:
        """Call `supervisor.name`, or a name with a dot as it is; return the result, or the fault's number."""
        try:
            return getattr(self.proxy, name if "." in name else f"supervisor.{name}")(*params)
        except Fault as fault:
            return FaultCode(fault.faultCode)

    def state(self, name: str) -> str:
        """Return the state of a process."""
        return str(self("getProcessInfo", name)["statename"])

    def fault(self, name: str, *params: Any) -> str:
        """Return the text of the fault that a call gives."""
        try:
            found = getattr(self.proxy, f"supervisor.{name}")(*params)
        except Fault as fault:
            return str(fault.faultString)
        raise AssertionError(found)


class FaultCode(int):
    """A result that is none: the number of a fault."""


@contextlib.contextmanager
def calling(socket: str) -> Iterator[Caller]:
    """Call while entered."""
    transport = SupervisorTransport(None, None, f"unix://{socket}")
    try:
        yield Caller(ServerProxy("http://127.0.0.1", transport=transport))
    finally:
        transport.close()
