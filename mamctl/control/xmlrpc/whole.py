"""What is about the supervisor itself, and what it cannot do in the way of supervisord."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from mamctl.control.xmlrpc.faults import Code, Fault
from mamctl.control.xmlrpc.method import method
from mamctl.control.xmlrpc.program import RUNNING, the_one, told_as
from mamctl.core.errors import MamctlError, ManifestError, NoTerminalError

if TYPE_CHECKING:
    from mamctl.control.xmlrpc.stack import Stack

logger = logging.getLogger("mamctl")
# Whoever types is answered within this many seconds, also when the service does not read.
TYPING_SECONDS = 10.0


@method("supervisor.shutdown")
async def shutdown(stack: Stack) -> bool:
    """Stop everything, and the supervisor; the answer comes at once."""
    logger.info("a tool of supervisord asked for a shutdown")
    task = asyncio.ensure_future(stack.operator.down(force=False, wait=None))
    stack.memory.later.add(task)
    task.add_done_callback(stack.memory.later.discard)
    return True


@method("supervisor.restart")
async def restart(stack: Stack) -> bool:
    """Read the manifest and start everything anew. The supervisor itself stays; nobody would see the difference."""
    try:
        await stack.operator.restart(None, wait=None)
        stack.operator.want(None)
    except ManifestError as error:
        raise Fault(Code.CANT_REREAD, "; ".join(map(str, error.problems[:5]))) from None
    except MamctlError as error:
        raise Fault(Code.FAILED, error.message) from None
    stack.memory.aside.clear()
    return True


@method("supervisor.sendProcessStdin")
async def send_stdin(stack: Stack, name: str, chars: str) -> bool:
    """Type into a service with a terminal of its own (`tty: true`); the others have no standard input."""
    found = the_one(stack, name)
    if stack.remote:
        # As with attaching.
        raise Fault(Code.NO_FILE, "terminals are typed into over the Unix socket only")
    if told_as(found) not in RUNNING or found.pid is None:
        raise Fault(Code.NOT_RUNNING, name)
    try:
        async with asyncio.timeout(TYPING_SECONDS):
            await stack.views.terminal(found.name).type(chars.encode())
    except NoTerminalError as error:
        raise Fault(Code.NO_FILE, f"{name} has no standard input: {error.hint}") from None
    except MamctlError as error:
        raise Fault(Code.NOT_RUNNING, error.message) from None
    except TimeoutError:
        raise Fault(Code.FAILED, f"{name} does not read what is typed") from None
    return True


@method("supervisor.sendRemoteCommEvent")
async def send_event(_stack: Stack, type: str, data: str) -> bool:  # noqa: A002, ARG001 - supervisord's names
    """Refuse: event listeners get what happens to services, and nothing from clients."""
    raise Fault(Code.FAILED, "events of clients are not passed on here; a hook or the event stream may do")
