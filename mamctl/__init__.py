"""Supervise a whole local stack: one command up, the truth about it, nothing left behind."""

from __future__ import annotations

from mamctl.version import VERSION

# Said like this, because importing `typing` for it costs the guardian memory and every command time.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from mamctl.runtime.process_manager import ProcessManager

__version__ = VERSION

__all__ = ["ProcessManager", "__version__"]


def __getattr__(name: str) -> object:
    """Import the heavy names only when they are asked for: the command line must stay quick."""
    if name == "ProcessManager":
        from mamctl.runtime.process_manager import ProcessManager

        return ProcessManager
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
