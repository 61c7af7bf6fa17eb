"""What is only asked: versions, state, processes and their configuration."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from mamctl.control.xmlrpc import config
from mamctl.control.xmlrpc.info import config_info, process_info
from mamctl.control.xmlrpc.method import method
from mamctl.control.xmlrpc.program import groups, processes, the_one
from mamctl.core.graph import Graph
from mamctl.version import VERSION

if TYPE_CHECKING:
    from mamctl.control.xmlrpc.stack import Stack

API_VERSION = "3.0"
# Whose behaviour this is, and who behaves so: programs that compare versions read it (PEP 440), people too.
SUPERVISOR_VERSION = f"4.3.0+mamctl.{VERSION}"


@method("supervisor.getAPIVersion", "supervisor.getVersion")
async def api_version(_stack: Stack) -> str:
    """Return the version of the interface, that of supervisord 3 and 4."""
    return API_VERSION


@method("supervisor.getSupervisorVersion")
async def supervisor_version(_stack: Stack) -> str:
    """Return which supervisord this behaves like, and which mamctl it is."""
    return SUPERVISOR_VERSION


@method("supervisor.getIdentification")
async def identification(stack: Stack) -> str:
    """Return the name of the stack."""
    return stack.programs.manifest.name


@method("supervisor.getState")
async def state(_stack: Stack) -> dict[str, Any]:
    """Return the state of the supervisor: RUNNING. One that is stopping everything answers with a fault."""
    return {"statecode": 1, "statename": "RUNNING"}


@method("supervisor.getPID")
async def pid(_stack: Stack) -> int:
    """Return the pid of the supervisor."""
    return os.getpid()


@method("supervisor.getProcessInfo")
async def info(stack: Stack, name: str) -> dict[str, Any]:
    """Tell all about one process: name, or group:name."""
    found: dict[str, Any] = stack.programs.hide(process_info(stack, the_one(stack, name)))
    return found


@method("supervisor.getAllProcessInfo")
async def all_info(stack: Stack) -> list[Any]:
    """Tell all about every process."""
    found: list[Any] = stack.programs.hide([process_info(stack, one) for one in processes(stack)])
    return found


@method("supervisor.getAllConfigInfo")
async def all_config(stack: Stack) -> list[Any]:
    """Tell how every process is configured; after reloadConfig also what is in the manifest only since then."""
    manifest = config.known(stack)
    layers = Graph({name: spec.depends_on for name, spec in manifest.services.items()}).layers()
    depth = {name: number for number, found in enumerate(layers) for name in found}
    active = groups(stack.programs.manifest).keys() - stack.memory.aside
    told = [
        config_info(stack, spec, layer=depth[spec.name], in_use=spec.service in active)
        for spec in sorted(manifest.services.values(), key=lambda one: one.name)
    ]
    found: list[Any] = stack.programs.hide(told)
    return found
