"""`${}` in string values.

`${NAME}`, `${NAME:-default}` (also when it is empty), `${NAME:?message}`; `$$` is a dollar sign, and a `$` before
anything else stays as it is. Defaults may hold `${}` again.

`${services.NAME.port}`, `.ports.X`, `.url` and `.host` can be told only once ports are chosen: such a string becomes a
`Reference`, which `resolve` turns into text. A value that came from the environment is never read again for `${}`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

from .findings import Findings, Invalid, Path

_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_BRACE: Final = re.compile(r"\$\{|\}")
_FORMS: Final = "write ${NAME}, ${NAME:-default} or ${NAME:?message}; $$ is a dollar sign"
_WHATS: Final = "write ${services.NAME.port}, .ports.X, .url or .host"


class Target(NamedTuple):
    """What a reference names: a service and its `port`, `url`, `host`, or the named port `port_name`.

    Without a service: what an earlier step of `mamctl smoke` saves under the name `what`.
    """

    service: str
    what: str
    port_name: str | None = None


class Reference(str):
    """A string with `${services.*}` in it; `parts` are its texts and targets in order."""

    __slots__ = ("parts",)
    parts: tuple[str | Target, ...]


Lookup = Mapping[str, str | Target]
Tell = Callable[[Target], str]
Complain = Callable[[str, str | None], None]


def interpolate(value: object, lookup: Lookup, at: Path, found: Findings) -> object:
    """Return `value` with `${}` substituted in every string in it; parts without `$` are shared."""
    if isinstance(value, str):
        return _text(value, lookup, at, found) if "$" in value else value
    if isinstance(value, dict):
        return {key: interpolate(item, lookup, (*at, key), found) for key, item in value.items()}
    if isinstance(value, list):
        return [interpolate(item, lookup, (*at, index), found) for index, item in enumerate(value)]
    return value


def _text(text: str, lookup: Lookup, at: Path, found: Findings) -> str:
    def complain(message: str, hint: str | None) -> None:
        found.add(at, message, hint)

    return _joined(_parts(text, lookup, complain))


def _joined(parts: list[str | Target]) -> str:
    texts = [part for part in parts if isinstance(part, str)]
    if len(texts) == len(parts):
        return "".join(texts)
    reference = Reference("".join(part if isinstance(part, str) else _spell(part) for part in parts))
    reference.parts = tuple(parts)
    return reference


def _spell(target: Target) -> str:
    if not target.service:
        return f"${{{target.what}}}"
    what = f"ports.{target.port_name}" if target.port_name else target.what
    return f"${{services.{target.service}.{what}}}"


def _parts(text: str, lookup: Lookup, complain: Complain) -> list[str | Target]:
    parts: list[str | Target] = []
    position = 0
    while (dollar := text.find("$", position)) >= 0:
        parts.append(text[position:dollar])
        found, position = _after_dollar(text, dollar + 1, lookup, complain)
        parts.extend(found)
    parts.append(text[position:])
    return parts


def _after_dollar(text: str, start: int, lookup: Lookup, complain: Complain) -> tuple[list[str | Target], int]:
    """Return what stands for the `$` before `start` and what follows it, and where the text goes on."""
    following = text[start : start + 1]
    if following == "$":
        return ["$"], start + 1
    if following != "{":
        return ["$"], start
    end = _closing(text, start + 1)
    if end < 0:
        complain(f"{text[start - 1 : start + 30]!r} has no closing brace", _FORMS)
        return [], len(text)
    return _evaluate(text[start + 1 : end], lookup, complain), end + 1


def _closing(text: str, start: int) -> int:
    depth = 1
    for brace in _BRACE.finditer(text, start):
        depth += 1 if brace[0] == "${" else -1
        if depth == 0:
            return brace.start()
    return -1


def _evaluate(body: str, lookup: Lookup, complain: Complain) -> list[str | Target]:
    if body.startswith("services."):
        return _target(body, complain)
    name = _NAME.match(body)
    operator = body[name.end() : name.end() + 2] if name else "?"
    if not name or operator not in ("", ":-", ":?"):
        complain(f"${{{body}}} is not understood", _FORMS)
        return []
    value, rest = lookup.get(name[0]), body[name.end() + 2 :]
    if value or (value is not None and not operator):
        return [value]
    if operator == ":-":
        return _parts(rest, lookup, complain)
    complain(_unset(name[0], rest, operator), None if operator else f"set it, or write ${{{name[0]}:-default}}")
    return []


def _unset(name: str, message: str, operator: str) -> str:
    return f"{name}: {message or 'it must be set'}" if operator else f"${{{name}}} is not set"


def _target(body: str, complain: Complain) -> list[str | Target]:
    head, _, last = body.removeprefix("services.").rpartition(".")
    if head.endswith(".ports") and last:
        return [Target(head.removesuffix(".ports"), "ports", last)]
    if head and last in ("port", "url", "host"):
        return [Target(head, last)]
    complain(f"${{{body}}} is not understood", _WHATS)
    return []


def resolve(text: str, tell: Tell) -> str:
    """Return a string with its references told. Raises `Invalid` when `tell` does."""
    if not isinstance(text, Reference):
        return text
    return "".join(part if isinstance(part, str) else tell(part) for part in text.parts)


def resolve_all(value: object, tell: Tell) -> object:
    """Return `value` with the references of every string in it told. Raises `Invalid` when `tell` does."""
    if isinstance(value, str):
        return resolve(value, tell)
    if isinstance(value, dict):
        return {key: resolve_all(item, tell) for key, item in value.items()}
    return [resolve_all(item, tell) for item in value] if isinstance(value, list) else value


def no_reference(text: str) -> str:
    """Return `text`. Raises `Invalid` when it names another service: this key is read before ports are chosen."""
    if isinstance(text, Reference):
        raise Invalid("cannot name another service", "${services.*} works in command, env, description and probes")
    return text
