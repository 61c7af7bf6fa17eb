"""Supervise a whole local stack: one command up, the truth about it, nothing left behind."""

from __future__ import annotations

from mamctl.version import VERSION

# Said like this, because importing `typing` for it costs the guardian memory and every command time.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from mamctl.control.client import ApiError
    from mamctl.control.sdk import Client
    from mamctl.control.sdk_async import AsyncClient
    from mamctl.core.errors import MamctlError, NoSupervisor, TimedOut
    from mamctl.runtime.process_manager import ProcessManager

__version__ = VERSION

__all__ = [
    "ApiError", "AsyncClient", "Client", "MamctlError", "NoSupervisor", "ProcessManager", "TimedOut", "__version__",
]  # fmt: skip
# Where each of them is; heavy ones are imported only when they are asked for: the command line must stay quick.
_HOMES = {
    "ApiError": "mamctl.control.client",
    "AsyncClient": "mamctl.control.sdk_async",
    "Client": "mamctl.control.sdk",
    "MamctlError": "mamctl.core.errors",
    "NoSupervisor": "mamctl.core.errors",
    "ProcessManager": "mamctl.runtime.process_manager",
    "TimedOut": "mamctl.core.errors",
}


def __getattr__(name: str) -> object:
    """Import a name when it is asked for."""
    if name in _HOMES:
        from importlib import import_module

        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
