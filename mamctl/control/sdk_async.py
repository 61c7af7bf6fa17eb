"""`mamctl.AsyncClient`: what `mamctl.Client` does (see `sdk`), to be awaited.

>>> from mamctl import AsyncClient
>>> async with AsyncClient("services.yaml") as stack:
...     (await stack.up())["ok"]
...     async for event in stack.events(follow=True):
...         print(event["type"], event["service"])
"""

from __future__ import annotations

import asyncio
import json
import os
from contextlib import aclosing, asynccontextmanager
from typing import TYPE_CHECKING, Any, Self

import httpx

from mamctl.control import calls
from mamctl.control.endpoint import NDJSON, SSE
from mamctl.control.sdk import pause_after, require_socket, taken

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
    from types import TracebackType
    from typing import Literal

    from mamctl.control import answers
    from mamctl.control.calls import Call
    from mamctl.control.reach import Reach


class AsyncClient:
    """A running supervisor; tasks may share it. Close it, or use it in an `async with`.

    `where`: a manifest, its folder, a control socket or a URL (http://127.0.0.1:7373); without it MAMCTL_FILE or the
    nearest manifest from the current folder up. `token`: for a URL; without it MAMCTL_TOKEN, or the file that
    MAMCTL_TOKEN_FILE names. `timeout`: the seconds for an answer, beyond those that a request is told to `wait`.
    """

    def __init__(
        self, where: str | os.PathLike[str] | None = None, *, token: str | None = None, timeout: float = 10.0
    ) -> None:
        self.reach: Reach = calls.reach_of(where, token, os.environ)
        self._timeout = timeout
        tcp = self.reach.tcp
        self._http = httpx.AsyncClient(
            transport=httpx.AsyncHTTPTransport(uds=None if tcp else self.reach.path),
            base_url=self.reach.path if tcp else "http://mamctl",
            headers={"Authorization": f"Bearer {tcp.token}"} if tcp else {},
            trust_env=False,
        )

    async def close(self) -> None:
        """Let go of the connections."""
        await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    # Reading ------------------------------------------------------------------------------------------------------

    async def status(self) -> answers.Status:
        """Return how every service is, and the supervisor."""
        return await self._ask(calls.get("/v1/status"))

    async def services(self) -> dict[str, answers.ServiceRow]:
        """Return how every service is, by name."""
        return {row["name"]: row for row in (await self.status())["services"]}

    async def service(self, name: str) -> answers.ServiceRow:
        """Return how one service is."""
        return await self._ask(calls.get(calls.service(name)))

    async def ports(self) -> list[answers.PortRow]:
        """Return every port of the manifest, and who holds it."""
        return (await self._ask(calls.get("/v1/ports")))["ports"]

    async def graph(self) -> answers.Graph:
        """Return who depends on whom."""
        return await self._ask(calls.get("/v1/graph"))

    async def metrics(self) -> str:
        """Return all that is measured, as Prometheus reads it."""
        return await self._ask(calls.get("/metrics"))

    async def wait(
        self,
        *services: str,
        goal: Literal["ready", "stopped", "completed"] = "ready",
        timeout: float = 60.0,  # noqa: ASYNC109 - the supervisor keeps this time
    ) -> answers.Waited:
        """Wait until services (without names: all that are wanted) are where they should be, or never can be."""
        names = calls.joined(services)
        return await self._ask(calls.get("/v1/wait", wait=timeout, services=names, for_=goal, timeout=timeout))

    async def events(self, *, since: int | None = None, follow: bool = False) -> AsyncGenerator[answers.Event, None]:
        """Yield what happened: the events after a number, without one the newest 500.

        `follow`: go on with what happens, across supervisors that take over, until the last one ends for good; then
        without `since` it begins with what is new.
        """
        if follow:
            async with aclosing(self._follow(await self._newest() if since is None else since)) as found:
                async for event in found:
                    yield event
            return
        while page := (await self._ask(calls.get("/v1/events", since=since)))["events"]:
            for event in page:
                yield event
            if since is None:
                return
            since = page[-1]["seq"]

    async def logs(
        self, *services: str, tail: int = 100, since: float | None = None, follow: bool = False
    ) -> AsyncGenerator[answers.LogLine | answers.Skipped, None]:
        """Yield the last lines of services (without names: of all), not older than `since` seconds.

        `follow`: go on until the supervisor ends or is replaced. Who reads too slowly is told what was skipped, by a
        record with `skipped` in place of `line`.
        """
        call = calls.get("/v1/logs", service=calls.joined(services), tail=tail, since=since, follow=follow)
        async with self._reading(call, NDJSON) as answer:
            async for line in answer.aiter_lines():
                if line:
                    yield json.loads(line)

    # Changing -----------------------------------------------------------------------------------------------------

    async def up(
        self, *services: str, profiles: Sequence[str] = (), no_deps: bool = False, wait: float | None = 120.0
    ) -> answers.UpOutcome:
        """Read the manifest again, want services (without names: all), and wait so many seconds; None: do not wait."""
        names = list(services) or None
        call = calls.post("/v1/up", wait=wait, services=names, profiles=list(profiles), no_deps=no_deps)
        return await self._ask(call)

    async def down(self, *, force: bool = False, wait: float | None = 60.0) -> answers.DownOutcome:
        """Stop everything, and the supervisor."""
        return await self._ask(calls.post("/v1/down", wait=wait, force=force))

    async def start(self, name: str, *, wait: float | None = 120.0) -> answers.Outcome:
        """Start a service, or those that a glob means; dependencies first."""
        return await self._ask(calls.post(calls.service(name, "start"), wait=wait))

    async def stop(self, name: str, *, wait: float | None = 60.0) -> answers.StopOutcome:
        """Stop a service, or those that a glob means, and nothing else."""
        return await self._ask(calls.post(calls.service(name, "stop"), wait=wait))

    async def restart(self, *services: str, wait: float | None = 120.0) -> answers.Outcome:
        """Restart services; without names all that are wanted."""
        return await self._ask(calls.post("/v1/restart", wait=wait, services=list(services) or None))

    async def signal(self, name: str, signal: str | int) -> answers.Signalled:
        """Send a signal, as `HUP`, `SIGHUP` or 1, to the main process of a service, or of those that a glob means."""
        return await self._ask(calls.post(calls.service(name, "signal"), signal=signal))

    async def scale(self, name: str, replicas: int, *, wait: float | None = 120.0) -> answers.UpOutcome:
        """Let a service have so many replicas, until the next up; its manifest needs the key `replicas` for that."""
        return await self._ask(calls.post(calls.service(name, "scale"), wait=wait, replicas=replicas))

    async def scale_several(self, replicas: Mapping[str, int], *, wait: float | None = 120.0) -> answers.UpOutcome:
        """Let services, each by name or glob, have so many replicas: all of them, or none when one is refused."""
        return await self._ask(calls.post("/v1/scale", wait=wait, replicas=dict(replicas)))

    async def reexec(self, *, wait: float = 120.0) -> answers.Replaced:
        """Let the installed version of mamctl take over; no service notices."""
        return await self._ask(calls.post("/v1/reexec", patience=wait))

    # The line -----------------------------------------------------------------------------------------------------

    async def _ask(self, call: Call) -> Any:
        """Send a request until it is answered, and return what the answer holds."""
        patience = calls.Patience(self.reach)
        while True:
            try:
                return await self._once(call)
            except httpx.TransportError as error:
                await asyncio.sleep(pause_after(patience, error))

    async def _once(self, call: Call) -> Any:
        require_socket(self.reach)
        answer = await self._http.request(
            call.method,
            call.path,
            params=call.params,
            json=call.body,
            headers=call.headers,
            timeout=self._timeout + call.wait,
        )
        return taken(answer, self.reach)

    async def _newest(self) -> int:
        page = (await self._ask(calls.get("/v1/events")))["events"]
        return page[-1]["seq"] if page else 0

    async def _follow(self, last: int) -> AsyncGenerator[answers.Event, None]:
        """Stream events; wherever the line breaks, go on after the last one that came."""
        patience = calls.Patience(self.reach)
        while True:
            try:
                async with aclosing(self._stream(last)) as found:
                    async for event in found:
                        patience.reset()
                        last = event["seq"]
                        yield event
                        if calls.is_farewell(event):
                            return
                await asyncio.sleep(patience.pause(asyncio.get_running_loop().time(), connected=True, silent=False))
            except httpx.TransportError as error:
                await asyncio.sleep(pause_after(patience, error))

    async def _stream(self, last: int) -> AsyncGenerator[Any, None]:
        async with self._open(calls.get("/v1/events", since=last), SSE) as answer:
            async for line in answer.aiter_lines():
                if line.startswith("data:"):
                    yield json.loads(line.removeprefix("data:"))

    @asynccontextmanager
    async def _reading(self, call: Call, media: str) -> AsyncIterator[httpx.Response]:
        """Open a stream that is not opened again. Raises NoSupervisor when it breaks."""
        try:
            async with self._open(call, media) as answer:
                yield answer
        except httpx.TransportError as error:
            raise calls.Patience(self.reach).nobody() from error

    @asynccontextmanager
    async def _open(self, call: Call, media: str) -> AsyncIterator[httpx.Response]:
        timeout = httpx.Timeout(self._timeout, read=calls.SILENCE)
        headers = {"Accept": media}
        require_socket(self.reach)
        async with self._http.stream(
            call.method, call.path, params=call.params, headers=headers, timeout=timeout
        ) as answer:
            if answer.status_code >= 400:
                await answer.aread()
                taken(answer, self.reach)
            yield answer
