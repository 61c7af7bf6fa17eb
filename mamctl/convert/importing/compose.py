"""A compose file: services with a command run on this machine, the others by docker compose as before."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

from mamctl.convert.detect import safe_name
from mamctl.convert.importing.compose_container import in_container
from mamctl.convert.importing.compose_hosts import Hosts
from mamctl.convert.importing.compose_launch import command_of
from mamctl.convert.importing.compose_rules import ADVICE, RULES, edges
from mamctl.convert.importing.files import Unreadable, refuse
from mamctl.convert.importing.rules import apply
from mamctl.convert.importing.value import Unfit, Value, text
from mamctl.convert.importing.variables import Variables, tell_of_loosened, use_env_file, variables_of

if TYPE_CHECKING:
    from mamctl.convert.importing.reader import Source, Tools
    from mamctl.convert.importing.stack import Service, Stack

WHAT: Final = "a compose file"
# Without one of these docker compose has nothing to run either.
_RUNNABLE: Final = ("image", "build", "extends", "provider")
_TOP: Final = {
    "version": "compose files have no version any more",
    "networks": "there are no networks: every service is reached on this machine's own addresses",
    "volumes": "there are no volumes: services see the files of this machine",
    "secrets": "write an `env_file`, and `secrets` with the names of variables that must not be shown",
    "configs": "services read the files of this machine",
    "include": "import what it includes as well, and `include` the manifests",
}


# Switches that change nothing while they are off.
OFF: Final = frozenset({"privileged", "read_only", "stdin_open", "oom_kill_disable", "use_api_socket", "external"})


def draft(sources: list[Source], stack: Stack, tools: Tools) -> list[Value]:
    """Add the services of a compose file."""
    source = sources[0]
    root = tools.yaml(source.text, source.shown)
    services = root.get("services")
    if services is None or not services.pairs:
        raise Unreadable(WHAT, (refuse(source.shown, services.line if services else 1, "there are no services in it"),))
    root.seen = services.seen = True
    stack.tell_of_override(source.path)
    variables = variables_of(stack)
    _take_top(root, stack)
    made = [
        _take(name, section, stack, variables, os.path.basename(source.path))
        for name, section in services.pairs.items()
    ]
    by_name = dict(zip(services.pairs, (service for service, _ in made), strict=True))
    hosts = Hosts(services.pairs, [name for name, (_, inside) in zip(services.pairs, made, strict=True) if inside])
    for name, section in services.pairs.items():
        hosts.use_loopback(by_name[name], section)
    hosts.tell_of_unreachable(by_name, services.pairs)
    _tasks(stack, services)
    tell_of_loosened(stack, services, variables)
    if use_env_file(stack, variables):
        stack.note(services, ".env is read for ${}; unlike with compose its variables go to all services, too")
    return [root]


def _take_top(root: Value, stack: Stack) -> None:
    for key, value in (root.pairs or {}).items():
        if key.startswith("x-"):
            _forget(value)
        elif key == "name" and value.text:
            stack.name = safe_name(text(value)) or stack.name
        elif key != "services":
            value.why = _TOP.get(key, "")


def _forget(value: Value) -> None:
    """Take what is only there to be repeated elsewhere: what nobody repeats means nothing."""
    value.seen = True
    value.pairs = value.items = None


def _take(name: str, section: Value, stack: Stack, variables: Variables, file: str) -> tuple[Service, bool]:
    """Add a service; tell whether docker runs it as before."""
    service = stack.add(name, section)
    section.seen = True
    service.tell = variables.tell
    if section.pairs is None:
        section.leave("has no keys")
    try:
        words = command_of(section, service)
    except Unfit as unfit:
        words = None
        service.note(section, str(unfit))
    if words is None and not any(section.get(key) for key in _RUNNABLE):
        section.leave("has neither an image nor a build")
        service.set(("command",), [])
        return service, False
    if words is None:
        in_container(name, section, service, os.path.join(stack.around.folder, file))
        return service, True
    service.set(("command",), words)
    service.set(("restart",), "never")
    deploy, restart = section.get("deploy"), section.get("restart")
    if restart is not None and deploy is not None and deploy.get("restart_policy"):
        restart.why = "the restart_policy of `deploy` counts"
    apply(RULES, section, service, ADVICE)
    if service.keys.get("replicas") == 1 and "ports" in service.keys:
        # One is what there is anyway; the key would cost it the fixed port.
        del service.keys["replicas"]
    return service, False


def _tasks(stack: Stack, services: Value) -> None:
    """Make tasks of what others wait for to be completed."""
    for section in (services.pairs or {}).values():
        for name, edge in edges(section).items():
            for ours in stack.renamed.get(name, ()) if edge.get("condition") == "completed" else ():
                service = stack.services[ours]
                service.keys = {"kind": "task", **service.keys}
                service.keys.pop("ready", None)
                if service.keys.get("restart") == "never":
                    del service.keys["restart"]
    for service in stack.services.values():
        for name, edge in service.keys.get("depends_on", {}).items():
            if any(stack.services[ours].keys.get("kind") == "task" for ours in stack.renamed.get(name, ())):
                edge.setdefault("condition", "completed")
                edge["condition"] = "completed" if edge["condition"] == "ready" else edge["condition"]
