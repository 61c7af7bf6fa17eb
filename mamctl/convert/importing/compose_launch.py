"""With which command a compose service is started on this machine, if it can be."""

from __future__ import annotations

import json
import os
import re
from shutil import which
from typing import TYPE_CHECKING, Final

from mamctl.convert.importing.commands import literal, split
from mamctl.convert.importing.files import read
from mamctl.convert.importing.rules import told
from mamctl.convert.importing.value import Unfit, Value, text
from mamctl.core.errors import MamctlError

if TYPE_CHECKING:
    from mamctl.convert.importing.stack import Service

_INSTRUCTION: Final = re.compile(r"^\s*(CMD|ENTRYPOINT|FROM)\s+(.*)$", re.IGNORECASE)
_SHELL: Final = ["/bin/sh", "-c"]


def command_of(section: Value, service: Service) -> list[str] | None:
    """Return the words of its command, None when only its image knows it. Raises Unfit."""
    entrypoint, command = words(section.get("entrypoint"), service), words(section.get("command"), service)
    build, image = section.get("build"), section.get("image")
    if build is None and (not entrypoint and not command):
        return None
    found = [*entrypoint, *command] or _of_dockerfile(build, service)
    if not found or (build is None and image is not None and not _is_here(found[0], service)):
        return None
    if image is not None:
        text(image)
        service.note(image, "its command runs on this machine, not in the image: what it needs must be installed here")
    if build is not None:
        _take_build(build, service)
    return found


def words(value: Value | None, service: Service) -> list[str]:
    """Return the words of a command, written as a list or as one text."""
    if value is None or value.null:
        return []
    if value.items is not None:
        value.seen = True
        return [told(item, service) for item in value.items]
    found = split(told(value, service))
    if found is None:
        raise Unfit("its command has a quote that is not closed")
    return found


def _is_here(program: str, service: Service) -> bool:
    if os.path.isabs(program):
        return os.path.exists(program)
    return "/" in program or which(program, path=service.around.environ.get("PATH", os.defpath)) is not None


def context_of(build: Value | None) -> str | None:
    """Return the folder that an image is built from."""
    if build is None:
        return None
    context = build if build.text is not None else build.get("context")
    return context.text if context is not None and context.text else "."


def _take_build(build: Value, service: Service) -> None:
    context = context_of(build) or "."
    if not context.startswith(("http:", "https:", "git")):
        service.set(("cwd",), service.around.path(service.tell(context)))
    service.note(build, "nothing is built: the command runs on this machine, in the folder of its context")
    build.seen = True
    for key, value in (build.pairs or {}).items():
        value.why = "nothing is built here"
        value.seen = key in ("context", "dockerfile")


def _of_dockerfile(build: Value | None, service: Service) -> list[str]:
    """Return ENTRYPOINT and CMD of the Dockerfile's last stage."""
    named = build.get("dockerfile") if build is not None else None
    context = os.path.normpath(os.path.join(service.around.folder, context_of(build) or "."))
    path = os.path.join(context, named.text if named is not None and named.text else "Dockerfile")
    if not f"{os.path.realpath(path)}/".startswith(f"{os.path.realpath(service.around.folder)}/"):
        return []
    try:
        lines = read(path, os.path.relpath(path)).replace("\\\n", " ").split("\n")
    except MamctlError:
        return []
    parts: dict[str, list[str]] = {}
    for found in filter(None, map(_INSTRUCTION.match, lines)):
        if found[1].upper() == "FROM":
            parts = {}
        else:
            parts[found[1].upper()] = _instruction(found[2].strip())
    result = [*parts.get("ENTRYPOINT", []), *parts.get("CMD", [])]
    if result and build is not None:
        service.note(build, "the command is that of its Dockerfile")
    return [literal(word) for word in result]


def _instruction(line: str) -> list[str]:
    if line.startswith("["):
        try:
            found = json.loads(line)
        except (ValueError, RecursionError):
            found = None
        if isinstance(found, list) and all(isinstance(word, str) for word in found):
            return found
    return [*_SHELL, line]
