"""What is asked of the supervisor, and what became of it in one line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mamctl.core.errors import MamctlError
from mamctl.tui.wording import outcome
from mamctl.ui import words

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping
    from typing import Any

    from mamctl.control.sdk_async import AsyncClient

    Tell = Callable[[str], None]

GOING: Final = {"start": "starting", "stop": "stopping", "restart": "restarting"}
EVERY: Final = "*"


class Orders:
    """Carries out one wish after the other, or several at once: the supervisor puts them in order."""

    def __init__(self, client: AsyncClient, tell: Tell) -> None:
        self._client = client
        self._tell = tell

    async def change(self, verb: str, name: str) -> None:
        """Start, stop or restart a service, or all of them for `*`, and tell the outcome."""
        who = "all services" if name == EVERY else name
        self._tell(f"{GOING[verb]} {who} ...")
        answer = await self._told(self._ask(verb, name))
        if answer is not None:
            self._tell(outcome(verb, who, answer))

    async def signal(self, name: str, number: str) -> None:
        """Send a signal to a service's main process, and tell who got it."""
        answer = await self._told(self._client.signal(name, number))
        if answer is not None:
            self._tell(f"sent {number} to {words.names(answer['services'])}")

    def _ask(self, verb: str, name: str) -> Awaitable[Mapping[str, Any]]:
        if verb == "start":
            return self._client.start(name)
        if verb == "stop":
            return self._client.stop(name)
        return self._client.restart(*([] if name == EVERY else [name]))

    async def _told(self, answer: Awaitable[Mapping[str, Any]]) -> Mapping[str, Any] | None:
        """Return an answer; a refusal is told with what to do next."""
        try:
            return await answer
        except MamctlError as problem:
            self._tell(f"{problem.message}; {problem.hint}" if problem.hint else problem.message)
            return None
