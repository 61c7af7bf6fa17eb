"""What an exit means: clean or not, final or worth another try, and the sentence for it.

The sentences begin with the verb, for they follow the service's name: `web failed: was killed by signal 11 (SEGV)`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mamctl.core.events import Shortage
from mamctl.core.manifest.choices import Policy
from mamctl.core.manifest.units import about_size
from mamctl.core.service import Halt, Then
from mamctl.core.states import EX_CONFIG, SIGKILL, Reason, State

if TYPE_CHECKING:
    from mamctl.core.manifest.model import ServiceSpec
    from mamctl.core.service import Service

# The numbers that all our platforms share; the core may not ask the system.
SIGNAL_NAMES = {
    1: "HUP", 2: "INT", 3: "QUIT", 4: "ILL", 6: "ABRT", 8: "FPE", 9: "KILL", 11: "SEGV", 13: "PIPE", 14: "ALRM",
    15: "TERM",
}  # fmt: skip
# What a shell says of a child that was killed.
SHELL_KILLED = 128 + SIGKILL
UNSEEN = "ended while nobody supervised it: how is not known"


def sentence(code: int | None, signal: int | None) -> str:
    """Say how a process ended: `ended with code 1`, `was killed by signal 11 (SEGV)`."""
    if signal is not None:
        name = SIGNAL_NAMES.get(signal)
        return f"was killed by signal {signal} ({name})" if name else f"was killed by signal {signal}"
    return f"ended with code {code}" if code is not None else UNSEEN


def shell_code(service: Service) -> int:
    """Return how a service that is at rest ended, as a shell tells it: 128 + n for signal n, never 0 for a failure."""
    if service.exit_signal is not None:
        return 128 + service.exit_signal
    code = service.exit_code or 0
    return code or 1 if service.state is State.FAILED else code


def verdict(spec: ServiceSpec, code: int | None, signal: int | None, shortage: Shortage | None = None) -> Halt:
    """Decide what follows an exit that nobody asked for."""
    detail = sentence(code, signal)
    if code == EX_CONFIG and code not in spec.success_exit_codes:
        return Halt(Then.FAIL, Reason.CONFIG_ERROR, f"{detail}: it says its configuration is wrong")
    if code in spec.success_exit_codes and spec.restart.policy is not Policy.ALWAYS:
        return Halt(Then.COMPLETE, None)
    if shortage is not None and (signal == SIGKILL or code == SHELL_KILLED):
        return Halt(after_failure(spec), *_starved(spec, code, shortage))
    return Halt(after_failure(spec), _reason(code, signal), detail)


def _reason(code: int | None, signal: int | None) -> Reason:
    if signal is not None:
        return Reason.KILLED
    return Reason.EXITED if code is not None else Reason.UNSUPERVISED_EXIT


def _starved(spec: ServiceSpec, code: int | None, shortage: Shortage) -> tuple[Reason, str]:
    """Return the reason and the sentence for who was killed by the kernel. A shell lives to tell of its child."""
    who = (
        "was killed by the kernel" if code is None else f"ended with code {code}: its process was killed by the kernel"
    )
    limit = spec.limits.memory
    if shortage is Shortage.LIMIT and limit is not None:
        return Reason.MEMORY_LIMIT, f"{who}: it needed more than its memory limit of {about_size(limit)}"
    return Reason.OOM, f"{who}: out of memory"


def over_memory(used: int, limit: int) -> str:
    """Say that a service uses more memory than it may."""
    return f"used {about_size(used)} of memory, more than its limit of {about_size(limit)}"


def after_failure(spec: ServiceSpec) -> Then:
    """Say what follows any failure that another try may mend: the policy `never` means never."""
    return Then.FAIL if spec.restart.policy is Policy.NEVER else Then.RETRY
