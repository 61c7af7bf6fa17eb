"""The endpoints that answer with a document. The logs and the stream of events are in `streams`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mamctl.control.arguments import RestartBody
from mamctl.control.endpoint import TABLE, endpoint
from mamctl.control.protocol import BATCH, TEXT, Document, Refusal
from mamctl.control.reading import read_body

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from mamctl.control import answers
    from mamctl.control.arguments import (
        DashboardBody,
        DownBody,
        EventsQuery,
        ScaleBody,
        ScaleSeveralBody,
        SignalBody,
        UpBody,
        WaitBody,
        WaitQuery,
    )
    from mamctl.control.protocol import Feed, Operator, Request, Views


class Routes:
    """Carries out requests. `invite` makes a link to the dashboard, and opens the address that it is given."""

    def __init__(
        self,
        operator: Operator,
        feed: Feed,
        views: Views,
        invite: Callable[[str | None], Awaitable[answers.Invitation]],
    ) -> None:
        self._invite = invite
        self._operator = operator
        self._feed = feed
        self._views = views

    async def answer(self, request: Request) -> Document | str:
        """Carry out a request. Raises Refusal and the errors of the operator."""
        found, names = TABLE.find(request)
        return await found.answer(self, **found.arguments(request, names))

    async def answer_again(self, request: Request) -> Document | str:
        """Answer a request whose change another supervisor has made: wait for what it brought, and change nothing."""
        match request.path.split("/"):
            case ["", "v1", "down" | "dashboard"]:
                return await self.answer(request)
            case ["", "v1", "reexec"]:
                return {"supervisor": self._operator.document()["supervisor"]}
            case ["", "v1", "services", name, "stop"]:
                return await self._operator.settle_stop(self._operator.select([name]), wait=_wish(request).wait)
            case ["", "v1", "services", name, "signal"]:
                found, names = TABLE.find(request)
                body: Any = found.arguments(request, names)["body"]
                return {"signal": body.signal, "services": self._operator.select([name])}
            case ["", "v1", "services", name, _]:
                return await self._operator.settle(self._operator.select([name]), wait=_wish(request).wait)
            case _:
                wish = _wish(request)
                return await self._operator.settle(wish.services, wait=wish.wait)

    # Reading ------------------------------------------------------------------------------------------------------

    @endpoint("GET", "/v1/status")
    async def status(self) -> answers.Status:
        """Tell how every service is, and why."""
        return self._operator.document()

    @endpoint("GET", "/v1/services/{name}")
    async def service(self, name: str) -> answers.ServiceRow:
        """Tell how one service is, and why."""
        names = self._operator.select([name])
        if len(names) != 1:
            which = f": {', '.join(names)}" if names else ""
            raise Refusal(400, "bad_request", f"that means {len(names)} services{which}", "name one")
        rows: Sequence[Any] = self._operator.document()["services"]
        return next(row for row in rows if row["name"] == names[0])

    @endpoint("GET", "/v1/health")
    async def health(self) -> answers.Health:
        """Tell that the supervisor answers."""
        return {"status": "healthy"}

    @endpoint("GET", "/v1/events")
    async def events(self, query: EventsQuery) -> answers.Events:
        """Tell what happened: the next 500 events; without `since` the newest ones."""
        seq = max(0, self._feed.last - BATCH) if query.since is None else query.since
        page: list[Any] = []
        # What is on disk and what is remembered come in two parts.
        while more := self._feed.since(seq, BATCH - len(page)):
            page += more
            seq = page[-1]["seq"]
        return {"events": page}

    @endpoint("GET", "/v1/wait")
    async def wait(self, query: WaitQuery) -> answers.Waited:
        """Wait until services are where they should be, or until one of them cannot be any more."""
        return await self._operator.wait_for(list(query.services), query.for_, query.timeout)

    @endpoint("GET", "/v1/ports")
    async def ports(self) -> answers.Ports:
        """Tell who holds each port of the manifest."""
        return {"ports": self._views.ports()}

    @endpoint("GET", "/v1/graph")
    async def graph(self) -> answers.Graph:
        """Tell who depends on whom."""
        return self._views.graph()

    @endpoint("GET", "/metrics", media=TEXT)
    async def metrics(self) -> str:
        """Tell all that is measured, as Prometheus reads it. Processes are looked at only now."""
        from mamctl.control.metrics import exposition

        return exposition(await self._views.figures())

    @endpoint("GET", "/v1/openapi.json")
    async def openapi(self) -> Document:
        """Return this document."""
        from mamctl.control.openapi import document

        return document()

    # Changing -----------------------------------------------------------------------------------------------------

    @endpoint("POST", "/v1/up")
    async def up(self, body: UpBody) -> answers.UpOutcome:
        """Read the manifest again, make the stack match it, and want services."""
        if body.only_wait:
            return await self._operator.settle(wait=body.wait)
        names = None if body.services is None else list(body.services)
        return await self._operator.up(names, body.profiles, alone=body.no_deps, wait=body.wait)

    @endpoint("POST", "/v1/down")
    async def down(self, body: DownBody) -> answers.DownOutcome:
        """Stop everything, and the supervisor."""
        return await self._operator.down(force=body.force, wait=body.wait)

    @endpoint("POST", "/v1/restart")
    async def restart_all(self, body: RestartBody) -> answers.Outcome:
        """Restart services; the manifest is read again first."""
        names = None if body.services is None else list(body.services)
        return await self._operator.restart(names, wait=body.wait)

    @endpoint("POST", "/v1/scale")
    async def scale_several(self, body: ScaleSeveralBody) -> answers.UpOutcome:
        """Let services have more or fewer replicas, until the next up: all of them, or none when one is refused."""
        return await self._operator.scale(body.replicas, wait=body.wait)

    @endpoint("POST", "/v1/reexec")
    async def reexec(self) -> answers.Replaced:
        """Let the installed version take over. The new one answers: repeat the request with the same id."""
        return await self._operator.reexec()

    @endpoint("POST", "/v1/dashboard")
    async def dashboard(self, body: DashboardBody) -> answers.Invitation:
        """Make a link to the dashboard: a browser that opens it is signed in."""
        return await self._invite(body.listen)

    @endpoint("POST", "/v1/services/{name}/start")
    async def start(self, name: str, body: WaitBody) -> answers.Outcome:
        """Start services, dependencies first."""
        return await self._operator.start([name], wait=body.wait)

    @endpoint("POST", "/v1/services/{name}/stop")
    async def stop(self, name: str, body: WaitBody) -> answers.StopOutcome:
        """Stop services, and nothing else."""
        return await self._operator.stop(self._operator.select([name]), wait=body.wait)

    @endpoint("POST", "/v1/services/{name}/restart")
    async def restart(self, name: str, body: WaitBody) -> answers.Outcome:
        """Restart services."""
        return await self._operator.restart([name], wait=body.wait)

    @endpoint("POST", "/v1/services/{name}/signal")
    async def signal(self, name: str, body: SignalBody) -> answers.Signalled:
        """Send a signal to the main process of services. What they make of it is theirs, and their restart policy's."""
        assert isinstance(body.signal, int), "the reader makes a number of every name"
        return self._operator.signal(self._operator.select([name]), body.signal)

    @endpoint("POST", "/v1/services/{name}/scale")
    async def scale(self, name: str, body: ScaleBody) -> answers.UpOutcome:
        """Let a service have more or fewer replicas, until the next up; it needs the key `replicas` for that."""
        return await self._operator.scale({name: body.replicas}, wait=body.wait)


def _wish(request: Request) -> RestartBody:
    """Return which services a change was for, and how long its outcome is waited for."""
    replicas = request.body.get("replicas")
    services = list(replicas) if isinstance(replicas, dict) else request.body.get("services")
    return read_body(RestartBody, {"services": services, "wait": request.body.get("wait")})
