"""Which keys of a service somebody wrote: those whose value is not the default. An export has to account for each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mamctl.core.manifest.account import SAME
from mamctl.core.manifest.choices import Kind, Listener, Policy
from mamctl.core.manifest.model import (
    ExecProbe,
    HttpProbe,
    Limits,
    LogProbe,
    Logs,
    NotifyProbe,
    Probe,
    RestartPolicy,
    Stop,
    TcpProbe,
    reachable,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mamctl.core.manifest.model import ServiceSpec

_CHECKS: Final = {HttpProbe: "http", TcpProbe: "tcp", ExecProbe: "exec", LogProbe: "log", NotifyProbe: "notify"}
_NEVER: Final = RestartPolicy(policy=Policy.NEVER)
_PLAIN: Final = ("description", "secrets", "profiles", "manual", "essential", "tty", "image", "watch")


def said(spec: ServiceSpec, folder: str) -> tuple[str, ...]:
    """Return the keys, with dots: `restart.delay`, `ports.http`. `folder` is the manifest's.

    A command is not among them, for there is no service without. A key that says its default is not either: no reader
    of the result could tell.
    """
    return tuple(dict.fromkeys(_said(spec, folder)))


def _said(spec: ServiceSpec, folder: str) -> Iterator[str]:
    yield from (key for key in _PLAIN if getattr(spec, key))
    if spec.cwd.rstrip("/") != folder.rstrip("/"):
        yield "cwd"
    yield from (["env"] if spec.env else [])
    yield from (f"env.{name}" for name in sorted(spec.unset))
    if spec.host != "127.0.0.1":
        yield "host"
    yield from (f"{'sockets' if port.held else 'ports'}.{port.name}" for port in spec.ports)
    if spec.listener is not Listener.OURS:
        yield "listener"
    yield from _edges(spec)
    if spec.start_timeout != (None if spec.kind is Kind.TASK else 30.0):
        yield "start_timeout"
    yield from _probes(spec)
    yield from _rules(spec)


def _edges(spec: ServiceSpec) -> Iterator[str]:
    for name, edge in spec.depends_on.items():
        yield f"depends_on.{name}"
        yield from ([] if edge.required else [f"depends_on.{name}.required"])
        yield from ([f"depends_on.{name}.restart"] if edge.restart else [])


def _probes(spec: ServiceSpec) -> Iterator[str]:
    if spec.ready is None and spec.kind is Kind.SERVICE and any(not port.held for port in spec.ports):
        yield "ready"
    if spec.ready and not is_default_ready(spec):
        yield from _probe("ready", spec.ready)
    yield from _probe("live", spec.live) if spec.live else ()


def is_default_ready(spec: ServiceSpec) -> bool:
    """Tell whether its ready probe is the one that it has without a word: tcp on its first port."""
    first = next((port for port in spec.ports if not port.held), None)
    if first is None:
        return spec.ready is None
    host = reachable(spec.host).removeprefix("[").removesuffix("]")
    return spec.ready == Probe(TcpProbe(host, first.number))


def _probe(key: str, probe: Probe) -> Iterator[str]:
    check = probe.check
    yield f"{key}.{_CHECKS[type(check)]}"
    if isinstance(check, HttpProbe):
        yield from ([f"{key}.status"] if check.status != (200,) else [])
        yield from ([f"{key}.json"] if check.json is not None else [])
    if isinstance(check, NotifyProbe) and check.watchdog is not None:
        yield f"{key}.watchdog"
    yield from _differing(key, probe, Probe(check), ("timeout", "interval", "failures"))


def _rules(spec: ServiceSpec) -> Iterator[str]:
    usual = _NEVER if spec.kind is Kind.TASK else RestartPolicy()
    yield from _differing("restart", spec.restart, usual)
    if spec.success_exit_codes != {0}:
        yield "success_exit_codes"
    yield from _differing("stop", spec.stop, Stop())
    yield from _differing("logs", spec.logs, Logs())
    yield from _differing("limits", spec.limits, Limits())
    yield from (key for key in ("user", "group", "umask") if getattr(spec.account, key) != getattr(SAME, key))
    yield from ([] if spec.on_supervisor_death is None else ["on_supervisor_death"])
    if spec.schedule:
        yield from ["schedule.cron", *(["schedule.timezone"] if spec.schedule.timezone else [])]
    yield from (f"hooks.{moment.value}" for moment in spec.hooks)
    yield from (["events"] if spec.events else [])
    if spec.replica_of:
        yield "replicas"
    if spec.external:
        yield from ["identify", "acquire", *(["release"] if spec.external.release else [])]


def _differing(key: str, value: object, usual: object, names: tuple[str, ...] = ()) -> Iterator[str]:
    for name in names or getattr(type(value), "__dataclass_fields__", ()):
        if getattr(value, name) != getattr(usual, name):
            yield f"{key}.{name}"
