"""What an exit means: clean or not, final or worth another try, and the sentence for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mamctl.core.manifest.model import Policy
from mamctl.core.service import Halt, Then
from mamctl.core.states import EX_CONFIG, Reason

if TYPE_CHECKING:
    from mamctl.core.manifest.model import ServiceSpec

# The numbers that all our platforms share; the core may not ask the system.
SIGNAL_NAMES = {
    1: "SIGHUP", 2: "SIGINT", 3: "SIGQUIT", 4: "SIGILL", 6: "SIGABRT", 8: "SIGFPE", 9: "SIGKILL", 11: "SIGSEGV",
    13: "SIGPIPE", 14: "SIGALRM", 15: "SIGTERM",
}  # fmt: skip


def sentence(code: int | None, signal: int | None) -> str:
    """Say how a process ended: `exited with code 1`, `killed by SIGSEGV`."""
    if signal is not None:
        return f"killed by {SIGNAL_NAMES.get(signal, f'signal {signal}')}"
    return f"exited with code {code}" if code is not None else "ended, its status is unknown"


def verdict(spec: ServiceSpec, code: int | None, signal: int | None) -> Halt:
    """Decide what follows an exit that nobody asked for."""
    reason = Reason.KILLED if signal is not None else Reason.EXITED
    detail = sentence(code, signal)
    if code == EX_CONFIG and code not in spec.success_exit_codes:
        return Halt(Then.FAIL, Reason.CONFIG_ERROR, f"{detail}: it says its configuration is wrong")
    if code in spec.success_exit_codes and spec.restart.policy is not Policy.ALWAYS:
        return Halt(Then.COMPLETE, None)
    return Halt(after_failure(spec), reason, detail)


def after_failure(spec: ServiceSpec) -> Then:
    """Say what follows any failure that another try may mend: the policy `never` means never."""
    return Then.FAIL if spec.restart.policy is Policy.NEVER else Then.RETRY
