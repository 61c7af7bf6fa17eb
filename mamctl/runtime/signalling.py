"""Signals that an operator sends: to a service's main process alone, for what it makes of it is its own affair.

A HUP for the whole group would end the workers of a server that reloads on it.
"""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING, Any

from mamctl.core.errors import NotRunningError
from mamctl.core.manifest.signals import NAMES
from mamctl.runtime.processes.pinned import NONE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mamctl.runtime.hands import Hands
    from mamctl.runtime.incarnation import Incarnation


def signal_leaders(hands: Hands, names: Sequence[str], number: int) -> dict[str, Any]:
    """Send a signal to the main processes of services and tell it. Raises NotRunningError when one has none."""
    for name in names:
        if name not in hands.alive:
            service = hands.supervisor.services[name]
            why = "was not started by this stack" if service.attached else f"is {service.state.value}"
            raise NotRunningError(f"{name} {why}: it has no process that could be signalled", f"`mamctl start {name}`")
    for name in names:
        found = hands.alive[name]
        _send(found, number)
        detail = f"the operator sent it signal {number} ({NAMES.get(number, 'no name')})"
        hands.history.record("info", name, found.generation, {"detail": detail, "signal": number})
    hands.history.flush()
    return {"signal": number, "services": list(names)}


def _send(found: Incarnation, number: int) -> None:
    """Signal the leader; until it is reaped, which only we do, its number is nobody else's."""
    # The kernel's own KILL for want of memory must not be seen in ours.
    found.killed = found.killed or number == signal.SIGKILL
    try:
        if found.pidfd == NONE:
            os.kill(found.pid, number)
        else:
            signal.pidfd_send_signal(found.pidfd, number)
    except ProcessLookupError:
        raise NotRunningError(f"{found.spec.name} has just ended") from None
    except PermissionError:
        raise NotRunningError(f"{found.spec.name} runs as another user, who alone may signal it") from None
    except OSError as error:
        raise NotRunningError(f"{found.spec.name} cannot get signal {number}: {error.strerror}") from None
