"""What `mamctl init` finds in a folder: each finder looks for one kind of project and tells how it is started.

Nothing is run and nothing is imported from the folder; files are read, and only as far as needed. The folder itself
and its direct subfolders are looked at. A finding is a guess that its comment owns up to.
"""

from __future__ import annotations

import json
import os
import re
from typing import TYPE_CHECKING, Any, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

LARGEST: Final = 1 << 20
SKIPPED: Final = frozenset(
    {"node_modules", "venv", "env", "dist", "build", "target", "vendor", "logs", "site-packages"}
)
_NOT_A_NAME: Final = re.compile(r"[^A-Za-z0-9_.-]+")
_NEEDS_SHELL: Final = re.compile(r"[$|&;<>()`*?~]")


class Found(NamedTuple):
    """One service that was found: its name, where it came from, and its keys in the manifest."""

    name: str
    source: str
    keys: dict[str, Any]


def detect(folder: str, *, python: str = "python") -> list[Found]:
    """Return the services that the folder seems to have, each under a name of its own.

    `python` is what the interpreter is called here: many systems have only `python3`.
    """
    found: list[Found] = []
    for sub in ("", *_subfolders(folder)):
        for finder in _FINDERS:
            guesses = finder(os.path.join(folder, sub), sub or _base(folder))
            found += [_placed(_called(one, python), sub) for one in guesses]
            if sub == "" and finder is _procfile and found:
                # A Procfile says what the whole project runs: guessing beside it would start things twice.
                return _distinct(found)
    return _distinct(found)


def _base(folder: str) -> str:
    return safe_name(os.path.basename(os.path.abspath(folder))) or "app"


def safe_name(text: str) -> str:
    """Return the text as a service's name may be written."""
    return _NOT_A_NAME.sub("-", text).strip("-._")[:60]


def _subfolders(folder: str) -> list[str]:
    try:
        names = sorted(os.listdir(folder))
    except OSError:
        return []
    return [
        name
        for name in names
        if not name.startswith(".") and name not in SKIPPED and os.path.isdir(os.path.join(folder, name))
    ]


def _placed(found: Found, sub: str) -> Found:
    """Give what lies in a subfolder its working folder."""
    return found._replace(source=f"{sub}/{found.source}", keys={"cwd": sub, **found.keys}) if sub else found


def _called(found: Found, python: str) -> Found:
    """Call our own guess at the interpreter by its name here; a Procfile's words are left as they are."""
    command = found.keys.get("command")
    if not isinstance(command, list) or command[0] != "python":
        return found
    return found._replace(keys={**found.keys, "command": [python, *command[1:]]})


def _distinct(found: list[Found]) -> list[Found]:
    seen: dict[str, int] = {}
    result = []
    for one in found:
        seen[one.name] = number = seen.get(one.name, 0) + 1
        result.append(one if number == 1 else one._replace(name=f"{one.name}-{number}"))
    return result


def _text(folder: str, name: str) -> str:
    """Return the beginning of a file, "" when there is none."""
    try:
        with open(os.path.join(folder, name), encoding="utf-8", errors="replace") as file:
            return file.read(LARGEST)
    except OSError:
        return ""


# The finders --------------------------------------------------------------------------------------------------------


def _procfile(folder: str, _name: str) -> Iterator[Found]:
    for line in _text(folder, "Procfile").splitlines():
        matched = re.match(r"^([A-Za-z0-9_-]+):\s*(.+)$", line)
        if not matched:
            continue
        name, command = matched[1], matched[2].strip()
        keys: dict[str, Any] = {"kind": "task"} if name == "release" else {}
        keys |= _command(command)
        if "$PORT" in command or "${PORT" in command:
            keys["port"] = "auto"
        yield Found(safe_name(name), "Procfile", keys)


def _command(text: str) -> dict[str, Any]:
    """Return the keys for a line that a shell would run; a dollar sign of the shell's is written twice."""
    if _NEEDS_SHELL.search(text) or re.match(r"^\w+=", text):
        return {"command": text.replace("$", "$$"), "shell": True}
    return {"command": text}


def _package_json(folder: str, name: str) -> Iterator[Found]:
    try:
        package = json.loads(_text(folder, "package.json") or "{}")
    except ValueError:
        return
    scripts = package.get("scripts") if isinstance(package, dict) else None
    script = next(
        (known for known in ("dev", "start", "serve") if isinstance(scripts, dict) and known in scripts), None
    )
    if script is None:
        return
    keys: dict[str, Any] = {"command": [_package_manager(folder), "run", script]}
    port = _node_port(str(scripts[script]) if isinstance(scripts, dict) else "")
    if port:
        # Node's servers listen on `localhost`, which may be ::1 alone.
        keys |= {"host": "localhost", "port": port}
    yield Found(safe_name(name), f"package.json ({script})", keys)


def _package_manager(folder: str) -> str:
    locks = {"pnpm-lock.yaml": "pnpm", "yarn.lock": "yarn", "bun.lockb": "bun", "bun.lock": "bun"}
    return next((tool for lock, tool in locks.items() if os.path.exists(os.path.join(folder, lock))), "npm")


def _node_port(script: str) -> int | None:
    matched = re.search(r"(?:--port[= ]|-p +|PORT=)(\d{2,5})", script)
    if matched:
        return int(matched[1])
    known = {"vite": 5173, "next": 3000, "react-scripts": 3000, "nuxt": 3000, "astro": 4321, "ng ": 4200}
    return next((port for tool, port in known.items() if tool in script), None)


def _django(folder: str, name: str) -> Iterator[Found]:
    if "django" not in _text(folder, "manage.py").lower():
        return
    migrate = safe_name(f"{name}-migrate")
    yield Found(migrate, "manage.py", {"kind": "task", "command": ["python", "manage.py", "migrate"]})
    yield Found(
        safe_name(name),
        "manage.py",
        {
            "command": ["python", "manage.py", "runserver", "127.0.0.1:8000"],
            "port": 8000,
            "depends_on": [migrate],
        },
    )


def _python_app(folder: str, name: str) -> Iterator[Found]:
    for file in ("app.py", "main.py", "wsgi.py", "server.py"):
        text = _text(folder, file)
        module = file.removesuffix(".py")
        fast = re.search(r"^(\w+)\s*(?::[^=]+)?=\s*(?:FastAPI|Starlette)\(", text, re.MULTILINE)
        if fast:
            command = ["python", "-m", "uvicorn", f"{module}:{fast[1]}", "--host", "127.0.0.1", "--port", "8000"]
            yield Found(safe_name(name), file, {"command": command, "port": 8000})
            return
        if re.search(r"\bFlask\(", text):
            command = ["python", "-m", "flask", "--app", module, "run", "--host", "127.0.0.1", "--port", "5000"]
            yield Found(safe_name(name), file, {"command": command, "port": 5000})
            return


def _compose(folder: str, _name: str) -> Iterator[Found]:
    file = next((known for known in _COMPOSE if os.path.exists(os.path.join(folder, known))), None)
    if file is None:
        return
    import yaml

    try:
        document = yaml.safe_load(_text(folder, file))
    except yaml.YAMLError:
        return
    services = document.get("services") if isinstance(document, dict) else None
    for name, service in services.items() if isinstance(services, dict) else ():
        keys: dict[str, Any] = {"command": ["docker", "compose", "-f", file, "up", "--no-log-prefix", str(name)]}
        port = _published(service if isinstance(service, dict) else {})
        if port:
            # The listener belongs to docker's own daemon, not to the command that we run.
            keys |= {"port": port, "listener": "any"}
        yield Found(safe_name(str(name)), file, keys)


_COMPOSE: Final = ("compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml")


def _published(service: dict[str, Any]) -> int | None:
    """Return the first port of the host that a compose service publishes."""
    for entry in service.get("ports") or ():
        text = str(entry.get("published", "")) if isinstance(entry, dict) else str(entry)
        parts = text.split("/")[0].split(":")
        published = parts[0] if isinstance(entry, dict) else (parts[-2] if len(parts) > 1 else "")
        if published.isdecimal():
            return int(published)
    return None


_FINDERS: Final[tuple[Callable[[str, str], Iterator[Found]], ...]] = (
    _procfile,
    _django,
    _python_app,
    _package_json,
    _compose,
)
