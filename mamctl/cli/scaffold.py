"""A stack that stands for as long as a command needs it: what is missing is started, and only that is stopped again.

no supervisor runs       a foreground one is started and held by its lease: however this command ends, even by
                         kill -9, the supervisor stops everything
one runs                 it is asked for the services that are not up; these are stopped again, in reverse order
one died and left some   another takes these over and stays; what is started beside them is stopped again
"""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from mamctl.cli.aftermath import last_word
from mamctl.cli.asrun import manifest_as_run
from mamctl.cli.attendance import attend
from mamctl.cli.beginning import ensure_supervisor
from mamctl.cli.errand import Errand
from mamctl.control.client import Client
from mamctl.core.errors import MamctlError, NoSupervisor, UsageError
from mamctl.runtime.history import last_seq
from mamctl.ui import words
from mamctl.ui.progress import starting

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from mamctl.cli.invocation import Invocation
    from mamctl.core.manifest.model import Manifest

STOP_SECONDS: Final = 120.0
"""How long all that was started may take to stop."""

FORCE_SECONDS: Final = 5.0
_MARGIN: Final = 10.0
_DOWN: Final = ("stopped", "failed")


class Standing(NamedTuple):
    """How bringing up came out: the supervisor's report, which services it was about, and how long it took."""

    report: Mapping[str, Any]
    started: Sequence[str]
    seconds: float


@contextmanager
def standing(invocation: Invocation, manifest: Manifest, timeout: float) -> Iterator[Standing]:
    """Have the whole stack up inside the body, as `mamctl up` would; `timeout` is how long that may take."""
    from mamctl.runtime.orphans import find_orphans

    status = invocation.status()
    if status is None and not (left := {orphan.service for orphan in find_orphans(invocation.place.journal)}):
        with _of_its_own(invocation, manifest, timeout) as found:
            yield found
        return
    if status is None:
        invocation.tell([f"its supervisor had died; taking over what it left: {words.names(sorted(left), most=20)}"])
        ensure_supervisor(invocation, {"services": sorted(left), "no_deps": True}, foreground=False)
        status = invocation.status()
    with _beside(invocation, status or {"services": []}, timeout) as found:
        yield found


def _wanted(manifest: Manifest) -> list[str]:
    """Return what plain `up` wants."""
    return [spec.name for spec in manifest.services.values() if not spec.manual and not spec.profiles]


# A supervisor of our own --------------------------------------------------------------------------------------------


@contextmanager
def _of_its_own(invocation: Invocation, manifest: Manifest, timeout: float) -> Iterator[Standing]:
    began, since = time.monotonic(), last_seq(invocation.place.events)
    request: dict[str, Any] = {"services": None, "profiles": [], "no_deps": False, "wait": timeout}
    started = ensure_supervisor(invocation, request, foreground=True)
    if started is None or started.lease is None:
        # Somebody else was quicker: it is theirs.
        with _beside(invocation, invocation.status() or {"services": []}, timeout) as found:
            yield found
        return
    with started.lease:
        try:
            report = _outcome(invocation, {**request, "only_wait": True}, since, timeout)
            yield Standing(report, _wanted(manifest), time.monotonic() - began)
        finally:
            _take_down(invocation)


def _outcome(invocation: Invocation, request: dict[str, Any], since: int, timeout: float) -> Mapping[str, Any]:
    try:
        report: Mapping[str, Any] = attend(invocation, "/v1/up", request, timeout, starting)
    except (NoSupervisor, EOFError, ConnectionError):
        # One that had only tasks to run leaves when they are done; its last word says how it went.
        ending = last_word(invocation.place, since)
        good = ending is not None and ending.get("code") == 0
        return {"settled": True, "ok": good, "failed": []}
    return report


def _take_down(invocation: Invocation) -> None:
    """Stop everything; who is impatient has it killed. The lease does the same, should even that not be heard."""
    from mamctl.cli.takedown import bring_down

    try:
        bring_down(invocation, STOP_SECONDS)
    except NoSupervisor:
        return
    except KeyboardInterrupt:
        invocation.tell(["ending by force"])
        try:
            invocation.client.request(
                "POST", "/v1/down", {"force": True, "wait": FORCE_SECONDS}, timeout=FORCE_SECONDS + _MARGIN
            )
        except NoSupervisor:
            return


# Beside what runs ---------------------------------------------------------------------------------------------------


@contextmanager
def _beside(invocation: Invocation, status: Mapping[str, Any], timeout: float) -> Iterator[Standing]:
    began = time.monotonic()
    # What `up` reads: the manifest with as many replicas as there are.
    manifest = manifest_as_run(invocation)
    _require_known(manifest, status)
    up = {row["name"] for row in status["services"] if row["wanted"] == "up" and row["state"] not in _DOWN}
    missing = [name for name in _wanted(manifest) if name not in up]
    ours = [name for name in _with_dependencies(manifest, missing) if name not in up]
    request: dict[str, Any] = {"services": missing, "profiles": [], "no_deps": False, "wait": timeout}
    if not missing:
        # Nothing is asked of a stack that is up: its manifest is not even read again.
        request |= {"services": None, "only_wait": True}
    try:
        report: Mapping[str, Any] = attend(invocation, "/v1/up", request, timeout, starting)
        yield Standing(report, ours, time.monotonic() - began)
    finally:
        if ours:
            _stop(invocation, ours)


def _require_known(manifest: Manifest, status: Mapping[str, Any]) -> None:
    """Refuse to have the manifest read again when that would stop services: they are not ours to stop."""
    gone = [row["name"] for row in status["services"] if row["name"] not in manifest.services]
    if gone:
        who = words.names(list(dict.fromkeys(gone)), most=20)
        raise UsageError(f"the manifest has no {who} any more, and it runs", "`mamctl up -d` makes them one again")


def _with_dependencies(manifest: Manifest, names: Sequence[str]) -> list[str]:
    found = dict.fromkeys(names)
    todo = list(names)
    while todo:
        more = [name for name in manifest.services[todo.pop()].depends_on if name not in found]
        found |= dict.fromkeys(more)
        todo += more
    return list(found)


def _stop(invocation: Invocation, names: Collection[str]) -> None:
    """Stop what was started, dependants first. Interrupted while it waits, it still asks for all the rest."""
    status = invocation.status()
    if status is None:
        return
    rows = [row for row in status["services"] if row["name"] in names and row["state"] != "completed"]
    layers = sorted({row["layer"] for row in rows}, reverse=True)
    wait: float | None = STOP_SECONDS
    for layer in layers:
        try:
            _stop_layer(invocation, [row["name"] for row in rows if row["layer"] == layer], wait)
        except KeyboardInterrupt:
            wait = None
    if wait is None:
        invocation.tell([f"left to stop: {words.names(sorted(names), most=20)}"])


def _stop_layer(invocation: Invocation, names: Sequence[str], wait: float | None) -> None:
    errands = [_errand(invocation, name, wait) for name in names]
    for errand in errands:
        try:
            errand.result()
        except MamctlError as error:
            invocation.tell([f"what was started is not stopped: {error.message}"])


def _errand(invocation: Invocation, name: str, wait: float | None) -> Errand:
    client = Client(invocation.place.socket)
    path = f"/v1/services/{name}/stop"
    return Errand(lambda: client.request("POST", path, {"wait": wait}, timeout=(wait or 0.0) + _MARGIN))
