"""`mamctl.Client`: talk to a running supervisor from a script or another tool.

    >>> from mamctl import Client
    >>> with Client("services.yaml") as stack:
    ...     stack.up()["ok"]
    ...     stack.restart("backend", wait=30)
    ...     for event in stack.events(follow=True):
    ...         print(event["type"], event["service"])

`mamctl.AsyncClient` has the same methods to be awaited. A change carries an id and is made once, also when it has to be
sent again because the supervisor was replaced meanwhile. All raise NoSupervisor when nobody answers, TimedOut when the
answer does not come in time, and ApiError, with `status`, `code` and `hint`, for what the supervisor refuses.
"""

from __future__ import annotations

import json
import os
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Self

import httpx

from mamctl.control import calls
from mamctl.control.endpoint import NDJSON, SSE

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from types import TracebackType
    from typing import Literal

    from mamctl.control import answers
    from mamctl.control.calls import Call
    from mamctl.control.reach import Reach


class Client:
    """A running supervisor; threads may share it. Close it, or use it in a `with`.

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
        self._http = httpx.Client(
            transport=httpx.HTTPTransport(uds=None if tcp else self.reach.path),
            base_url=self.reach.path if tcp else "http://mamctl",
            headers={"Authorization": f"Bearer {tcp.token}"} if tcp else {},
            trust_env=False,
        )

    def close(self) -> None:
        """Let go of the connections."""
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # Reading ------------------------------------------------------------------------------------------------------

    def status(self) -> answers.Status:
        """Return how every service is, and the supervisor."""
        return self._ask(calls.get("/v1/status"))

    def services(self) -> dict[str, answers.ServiceRow]:
        """Return how every service is, by name."""
        return {row["name"]: row for row in self.status()["services"]}

    def service(self, name: str) -> answers.ServiceRow:
        """Return how one service is."""
        return self._ask(calls.get(calls.service(name)))

    def ports(self) -> list[answers.PortRow]:
        """Return every port of the manifest, and who holds it."""
        return self._ask(calls.get("/v1/ports"))["ports"]

    def graph(self) -> answers.Graph:
        """Return who depends on whom."""
        return self._ask(calls.get("/v1/graph"))

    def metrics(self) -> str:
        """Return all that is measured, as Prometheus reads it."""
        return self._ask(calls.get("/metrics"))

    def wait(
        self, *services: str, goal: Literal["ready", "stopped", "completed"] = "ready", timeout: float = 60.0
    ) -> answers.Waited:
        """Wait until services (without names: all that are wanted) are where they should be, or never can be."""
        names = calls.joined(services)
        return self._ask(calls.get("/v1/wait", wait=timeout, services=names, for_=goal, timeout=timeout))

    def events(self, *, since: int | None = None, follow: bool = False) -> Iterator[answers.Event]:
        """Yield what happened: the events after a number, without one the newest 500.

        `follow`: go on with what happens, across supervisors that take over, until the last one ends for good; then
        without `since` it begins with what is new.
        """
        if follow:
            yield from self._follow(self._newest() if since is None else since)
            return
        while page := self._ask(calls.get("/v1/events", since=since))["events"]:
            yield from page
            if since is None:
                return
            since = page[-1]["seq"]

    def logs(
        self, *services: str, tail: int = 100, since: float | None = None, follow: bool = False
    ) -> Iterator[answers.LogLine | answers.Skipped]:
        """Yield the last lines of services (without names: of all), not older than `since` seconds.

        `follow`: go on until the supervisor ends or is replaced. Who reads too slowly is told what was skipped, by a
        record with `skipped` in place of `line`.
        """
        call = calls.get("/v1/logs", service=calls.joined(services), tail=tail, since=since, follow=follow)
        with self._reading(call, NDJSON) as answer:
            for line in answer.iter_lines():
                if line:
                    yield json.loads(line)

    # Changing -----------------------------------------------------------------------------------------------------

    def up(
        self, *services: str, profiles: Sequence[str] = (), no_deps: bool = False, wait: float | None = 120.0
    ) -> answers.UpOutcome:
        """Read the manifest again, want services (without names: all), and wait so many seconds; None: do not wait."""
        names = list(services) or None
        call = calls.post("/v1/up", wait=wait, services=names, profiles=list(profiles), no_deps=no_deps)
        return self._ask(call)

    def down(self, *, force: bool = False, wait: float | None = 60.0) -> answers.DownOutcome:
        """Stop everything, and the supervisor."""
        return self._ask(calls.post("/v1/down", wait=wait, force=force))

    def start(self, name: str, *, wait: float | None = 120.0) -> answers.Outcome:
        """Start a service, or those that a glob means; dependencies first."""
        return self._ask(calls.post(calls.service(name, "start"), wait=wait))

    def stop(self, name: str, *, wait: float | None = 60.0) -> answers.StopOutcome:
        """Stop a service, or those that a glob means, and nothing else."""
        return self._ask(calls.post(calls.service(name, "stop"), wait=wait))

    def restart(self, *services: str, wait: float | None = 120.0) -> answers.Outcome:
        """Restart services; without names all that are wanted."""
        return self._ask(calls.post("/v1/restart", wait=wait, services=list(services) or None))

    def signal(self, name: str, signal: str | int) -> answers.Signalled:
        """Send a signal, as `HUP`, `SIGHUP` or 1, to the main process of a service, or of those that a glob means."""
        return self._ask(calls.post(calls.service(name, "signal"), signal=signal))

    def scale(self, name: str, replicas: int, *, wait: float | None = 120.0) -> answers.UpOutcome:
        """Let a service have so many replicas, until the next up; its manifest needs the key `replicas` for that."""
        return self._ask(calls.post(calls.service(name, "scale"), wait=wait, replicas=replicas))

    def scale_several(self, replicas: Mapping[str, int], *, wait: float | None = 120.0) -> answers.UpOutcome:
        """Let services, each by name or glob, have so many replicas: all of them, or none when one is refused."""
        return self._ask(calls.post("/v1/scale", wait=wait, replicas=dict(replicas)))

    def reexec(self, *, wait: float = 120.0) -> answers.Replaced:
        """Let the installed version of mamctl take over; no service notices."""
        return self._ask(calls.post("/v1/reexec", patience=wait))

    # The line -----------------------------------------------------------------------------------------------------

    def _ask(self, call: Call) -> Any:
        """Send a request until it is answered, and return what the answer holds."""
        patience = calls.Patience(self.reach)
        while True:
            try:
                return self._once(call)
            except httpx.TransportError as error:
                time.sleep(pause_after(patience, error))

    def _once(self, call: Call) -> Any:
        require_socket(self.reach)
        answer = self._http.request(
            call.method,
            call.path,
            params=call.params,
            json=call.body,
            headers=call.headers,
            timeout=self._timeout + call.wait,
        )
        return taken(answer, self.reach)

    def _newest(self) -> int:
        page = self._ask(calls.get("/v1/events"))["events"]
        return page[-1]["seq"] if page else 0

    def _follow(self, last: int) -> Iterator[answers.Event]:
        """Stream events; wherever the line breaks, go on after the last one that came."""
        patience = calls.Patience(self.reach)
        while True:
            try:
                for event in self._stream(last):
                    patience.reset()
                    last = event["seq"]
                    yield event
                    if calls.is_farewell(event):
                        return
                time.sleep(patience.pause(time.monotonic(), connected=True, silent=False))
            except httpx.TransportError as error:
                time.sleep(pause_after(patience, error))

    def _stream(self, last: int) -> Iterator[Any]:
        with self._open(calls.get("/v1/events", since=last), SSE) as answer:
            for line in answer.iter_lines():
                if line.startswith("data:"):
                    yield json.loads(line.removeprefix("data:"))

    @contextmanager
    def _reading(self, call: Call, media: str) -> Iterator[httpx.Response]:
        """Open a stream that is not opened again. Raises NoSupervisor when it breaks."""
        try:
            with self._open(call, media) as answer:
                yield answer
        except httpx.TransportError as error:
            raise calls.Patience(self.reach).nobody() from error

    @contextmanager
    def _open(self, call: Call, media: str) -> Iterator[httpx.Response]:
        timeout = httpx.Timeout(self._timeout, read=calls.SILENCE)
        headers = {"Accept": media}
        require_socket(self.reach)
        with self._http.stream(call.method, call.path, params=call.params, headers=headers, timeout=timeout) as answer:
            if answer.status_code >= 400:
                answer.read()
                taken(answer, self.reach)
            yield answer


def require_socket(reach: Reach) -> None:
    """Raise ConnectError where no socket is: httpcore would leave its own open until it is collected."""
    if reach.tcp is None and not os.path.exists(reach.path):
        raise httpx.ConnectError(f"there is no {reach.path}")


def taken(answer: httpx.Response, reach: Reach) -> Any:
    """Return what an answer holds. Raises as `calls.result_of`."""
    media = answer.headers.get("content-type", "")
    try:
        document = None if media.startswith("text/plain") else answer.json()
    except ValueError:
        document = None
    return calls.result_of(answer.status_code, media, answer.text, document, reach)


def pause_after(patience: calls.Patience, error: httpx.TransportError) -> float:
    """Return how long to wait after a failure. Raises NoSupervisor or TimedOut."""
    gone = isinstance(error, httpx.ConnectError)
    return patience.pause(time.monotonic(), connected=not gone, silent=isinstance(error, httpx.TimeoutException))
