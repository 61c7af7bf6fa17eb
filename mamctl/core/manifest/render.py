"""A manifest as plain values in its own keys, fully resolved, for people who wonder what a short file comes to.

What is printed can be loaded again and means the same, but for secrets, which are masked wherever they occur.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, assert_never

from .account import render_account
from .addresses import Address
from .choices import Kind
from .hooks import render_hooks
from .ladder import Starter
from .model import ExecProbe, HttpProbe, LogProbe, NotifyProbe, TcpProbe
from .schedules import render_schedule
from .secrecy import MASK, Secrecy
from .signals import NAMES
from .units import show_seconds, show_size
from .watching import render_watch

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .findings import Tree
    from .ladder import External, Rung
    from .model import Check, Limits, Manifest, Port, Probe, RestartPolicy, ServiceSpec, Stop


def render(manifest: Manifest, inherited: Mapping[str, str] | None = None) -> dict[str, object]:
    """Return the manifest's name and services as maps, lists and scalars; `inherited`: see Secrecy."""
    # Who shares another's secret, by a variable of all services or a reference, does not give it away.
    secrecy = Secrecy(manifest.services.values(), inherited or {})
    services: Tree = {name: _masked(_service(spec), secrecy) for name, spec in manifest.services.items()}
    tree: dict[str, object] = {"name": manifest.name, "services": services}
    if manifest.smoke:
        from .step_rendering import render_step

        tree["smoke"] = [_masked(render_step(step), secrecy) for step in manifest.smoke]
    if manifest.replicas:
        # Each is a service of its own here: probes and references tell its ports. A reader of the file skips the key.
        tree["x-replicas"] = {name: count.number for name, count in manifest.replicas.items()}
    if manifest.control:
        at = manifest.control
        written: Tree = {"listen": str(Address(at.host, at.port)), "token_file": at.token_file, "xmlrpc": at.xmlrpc}
        tree["control"] = _present(written)
    return tree


def _service(spec: ServiceSpec) -> Tree:
    tree: Tree = {"kind": spec.kind.value}
    tree |= _present({"description": spec.description, "image": spec.image, "command": list(spec.argv)})
    tree["cwd"] = spec.cwd
    tree |= _present({"env": _env(spec), "secrets": sorted(spec.secrets)})
    tree["host"] = spec.host
    tree |= _present({"ports": {port.name: _port(port) for port in spec.ports if not port.held}})
    tree |= _present({"sockets": {port.name: _port(port) for port in spec.sockets}})
    tree["listener"] = spec.listener.value
    tree |= _present({"depends_on": _dependencies(spec)})
    tree |= _probes(spec)
    tree |= _rules(spec)
    return tree | (_external(spec.external) if spec.external else {})


def _present(tree: Tree) -> Tree:
    return {key: value for key, value in tree.items() if value}


def _rules(spec: ServiceSpec) -> Tree:
    logs = spec.logs
    tree: Tree = {
        "restart": _restart(spec.restart),
        "success_exit_codes": sorted(spec.success_exit_codes),
        "stop": _stop(spec.stop),
        "logs": {"max_size": show_size(logs.max_size), "keep": logs.keep, "streams": logs.streams.value},
    }
    limits = _limits(spec.limits)
    death = spec.on_supervisor_death and spec.on_supervisor_death.value
    switches: Tree = {"tty": spec.tty, "manual": spec.manual, "essential": spec.essential, "on_supervisor_death": death}
    return (
        tree
        | render_account(spec.account)
        | (render_schedule(spec.schedule) if spec.schedule else {})
        | render_hooks(spec.hooks)
        | _present({"limits": limits, "watch": render_watch(spec.watch), "profiles": sorted(spec.profiles), **switches})
        | ({"events": list(spec.events)} if spec.events else {})
    )


def _stop(stop: Stop) -> Tree:
    tree: Tree = {"signal": NAMES.get(stop.signal, stop.signal), "grace": show_seconds(stop.grace)}
    return tree | _present({"command": list(stop.command)})


def _limits(limits: Limits) -> Tree:
    memory = None if limits.memory is None else show_size(limits.memory)
    named: Tree = {"memory": memory, "open_files": limits.open_files, "nice": limits.nice}
    return {key: value for key, value in named.items() if value is not None}


def _env(spec: ServiceSpec) -> Tree:
    masked = {name: MASK if name in spec.secrets else value for name, value in spec.env.items()}
    return {**masked, **dict.fromkeys(sorted(spec.unset))}


def _port(port: Port) -> object:
    return port.number or "auto"


def _dependencies(spec: ServiceSpec) -> Tree:
    return {
        name: {"condition": edge.condition.value, "required": edge.required, "restart": edge.restart}
        for name, edge in spec.depends_on.items()
    }


def _probes(spec: ServiceSpec) -> Tree:
    if spec.kind is not Kind.SERVICE:
        return {"start_timeout": show_seconds(spec.start_timeout)} if spec.start_timeout else {}
    timeout = None if spec.start_timeout is None else show_seconds(spec.start_timeout)
    # Null switches the default off, so it must be said.
    ready = _probe(spec.ready) if spec.ready else None
    return {"start_timeout": timeout, "ready": ready} | _present({"live": _probe(spec.live) if spec.live else None})


def _probe(probe: Probe) -> Tree:
    if isinstance(probe.check, NotifyProbe):
        return _check(probe.check)
    return _check(probe.check) | {
        "timeout": show_seconds(probe.timeout),
        "interval": show_seconds(probe.interval),
        "failures": probe.failures,
    }


def _check(check: Check) -> Tree:
    match check:
        case HttpProbe():
            subset: Tree = {} if check.json is None else {"json": json.loads(check.json)}
            return {"http": check.url, "status": list(check.status)} | subset
        case TcpProbe():
            return {"tcp": f"[{check.host}]:{check.port}" if ":" in check.host else f"{check.host}:{check.port}"}
        case ExecProbe():
            return {"exec": list(check.argv)}
        case LogProbe():
            return {"log": check.pattern}
        case NotifyProbe():
            way: object = True if check.fd is None else {"fd": check.fd}
            return {"notify": way} | ({"watchdog": show_seconds(check.watchdog)} if check.watchdog else {})
        case _:
            assert_never(check)


def _restart(restart: RestartPolicy) -> Tree:
    return {
        "policy": restart.policy.value,
        "delay": show_seconds(restart.delay),
        "factor": restart.factor,
        "max_delay": show_seconds(restart.max_delay),
        "jitter": restart.jitter,
        "max_attempts": restart.max_attempts,
        "window": show_seconds(restart.window),
        "reset_after": show_seconds(restart.reset_after),
    }


def _rung(rung: Rung) -> object:
    return {"run": list(rung.argv)} if isinstance(rung, Starter) else "attach"


def _external(external: External) -> Tree:
    steps = [_rung(rung) for rung in external.rungs]
    if external.spawned:
        spawned = _service(external.spawned)
        del spawned["kind"]
        steps.append({"spawn": spawned})
    release: object = {"run": list(external.release)} if external.release else "leave"
    return {"identify": _probe(external.identify), "acquire": steps, "release": release}


def _masked(tree: Tree, secrecy: Secrecy) -> Tree:
    return {key: _mask(value, secrecy) for key, value in tree.items()}


def _mask(value: object, secrecy: Secrecy) -> object:
    if isinstance(value, dict):
        return _masked(value, secrecy)
    if isinstance(value, list):
        return [_mask(item, secrecy) for item in value]
    return _text(secrecy.text(value)) if isinstance(value, str) else value


def _text(text: str) -> str:
    """Write a dollar sign that would be read as the beginning of `${}` or `$$` twice."""
    if "\0" in text:
        from .step_rendering import spell_later

        return spell_later(text)
    return text.replace("$", "$$") if "${" in text or "$$" in text else text
