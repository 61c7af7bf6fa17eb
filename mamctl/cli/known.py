"""What a shell may complete: names of services, tasks, terminals and profiles of the stack that a line is about.

Someone waits for each answer with a finger on the key, so the running supervisor is asked first, and briefly. Without
one the manifest is only skimmed: its text is parsed, but nothing is checked, filled in or complained about.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Any, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    import click
    from click.shell_completion import CompletionItem as Item

ANSWER_SECONDS: Final = 0.3
# Includes of includes, and replicas, that are still followed for a list that people read.
DEEPEST: Final = 4
MOST_REPLICAS: Final = 50
_KEY: Final = re.compile(r"^(?:  |\t)([A-Za-z0-9][\w.-]*)\s*:", re.MULTILINE)


class Known(NamedTuple):
    """One service that a line may mean. `told` is what a shell with room shows beside it."""

    name: str
    kind: str = "service"
    tty: bool = False
    profiles: tuple[str, ...] = ()
    told: str = ""


def services(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[Item]:
    """Complete names of services, replicas included; those that stand on the line already are left out."""
    given = ctx.params.get(param.name or "") or ()
    return _items((one for one in _stack(ctx) if one.name not in given), incomplete)


def tasks(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[Item]:  # noqa: ARG001 - click's signature
    """Complete names of tasks."""
    return _items((one for one in _stack(ctx) if one.kind == "task"), incomplete)


def terminals(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[Item]:  # noqa: ARG001 - click's signature
    """Complete names of services that have a terminal of their own."""
    return _items((one for one in _stack(ctx) if one.tty), incomplete)


def scales(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[Item]:
    """Complete `worker=` for services with replicas."""
    given = {str(one).partition("=")[0] for one in ctx.params.get(param.name or "") or ()}
    names = {match[1]: None for one in _stack(ctx) if (match := re.fullmatch(r"(.+)-\d+", one.name))}
    found = {one.name for one in _stack(ctx)}
    chosen = [Known(f"{name}=") for name in names if name in found and name not in given]
    return _items(chosen, incomplete)


def assignments(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[Item]:  # noqa: ARG001 - click's signature
    """Complete `backend=` for every service of the manifest."""
    return _items((Known(f"{one.name}=") for one in _skimmed(ctx)), incomplete)


def profiles(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[Item]:  # noqa: ARG001 - click's signature
    """Complete names of profiles."""
    found = dict.fromkeys(name for one in _skimmed(ctx) for name in one.profiles)
    return _items((Known(name) for name in found), incomplete)


def signals(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[Item]:  # noqa: ARG001 - click's signature
    """Complete names of signals, without SIG."""
    import signal

    names = (one.name.removeprefix("SIG") for one in signal.Signals)
    return _items((Known(name) for name in names), incomplete.upper().removeprefix("SIG"))


def files(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[Item]:  # noqa: ARG001 - click's signature
    """Leave it to the shell to complete a path."""
    from click.shell_completion import CompletionItem

    return [CompletionItem(incomplete, type="file")]


def _items(found: Iterable[Known], incomplete: str) -> list[Item]:
    from click.shell_completion import CompletionItem

    return [CompletionItem(one.name, help=one.told or None) for one in found if one.name.startswith(incomplete)]


def _stack(ctx: click.Context) -> list[Known]:
    """Return what the running supervisor knows; without one, what the manifest says."""
    rows = _asked(ctx)
    if rows is None:
        return list(_skimmed(ctx))
    found: dict[str, Known] = {}
    for row in rows:
        if row["service"] != row["name"]:
            found.setdefault(row["service"], Known(row["service"], row["kind"], told="all its replicas"))
        found[row["name"]] = Known(row["name"], row["kind"], bool(row.get("tty")), told=str(row["state"]))
    return list(found.values())


def _asked(ctx: click.Context) -> list[dict[str, Any]] | None:
    from mamctl.control.client import Client
    from mamctl.control.reach import over_tcp

    params, environ = _globals(ctx)
    try:
        where = over_tcp(params["host"], environ) if params.get("host") else _place(params, environ)
        found: list[dict[str, Any]] = Client(where, timeout=ANSWER_SECONDS).request("GET", "/v1/status")["services"]
    except Exception:  # noqa: BLE001 - whatever it is, a line that is being typed is no place to tell it
        return None
    return found


def _place(params: Mapping[str, Any], environ: Mapping[str, str]) -> str:
    from mamctl.cli.search import stack_place

    return stack_place(params.get("file"), environ).socket


def _globals(ctx: click.Context) -> tuple[Mapping[str, Any], Mapping[str, str]]:
    root = ctx.find_root()
    return root.params, root.obj or os.environ


def _skimmed(ctx: click.Context) -> Iterator[Known]:
    from mamctl.cli.search import manifest_path

    params, environ = _globals(ctx)
    try:
        path = manifest_path(params.get("file"), environ)
        found = dict(_sections(path))
    except Exception:  # noqa: BLE001 - as above; a broken manifest has no names, and `validate` says why
        return
    for name, section in found.items():
        yield from _known(name, section if isinstance(section, dict) else {})


def _sections(path: str, depth: int = 0) -> Iterator[tuple[str, Any]]:
    """Yield the services of a manifest, of what it includes and of its override."""
    with open(path, encoding="utf-8") as file:
        text = file.read()
    document = _parsed(path, text)
    if not isinstance(document, dict):
        yield from ((name, None) for name in _KEY.findall(text.partition("\nservices:")[2]))
        return
    included = document.get("include") or []
    for entry in [included] if isinstance(included, str) else included:
        beside = os.path.join(os.path.dirname(path), str(entry.get("path") if isinstance(entry, dict) else entry))
        if depth < DEEPEST and os.path.isfile(beside):
            yield from _sections(beside, depth + 1)
    stem, ending = os.path.splitext(path)
    if depth == 0 and os.path.isfile(override := f"{stem}.override{ending}"):
        yield from _sections(override, DEEPEST)
    sections = document.get("services")
    yield from ((str(name), section) for name, section in (sections if isinstance(sections, dict) else {}).items())


def _parsed(path: str, text: str) -> object:
    if path.endswith(".toml"):
        import tomllib

        return tomllib.loads(text)
    import yaml

    try:
        return yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506 - both are safe loaders
    except yaml.YAMLError:
        return None


def _known(name: str, section: Mapping[str, Any]) -> Iterator[Known]:
    kind = str(section.get("kind") or "service")
    wanted = section.get("profiles") or ()
    named = (wanted,) if isinstance(wanted, str) else tuple(str(one) for one in wanted)
    known = Known(name, kind, section.get("tty") is True, named, str(section.get("description") or ""))
    yield known
    count = section.get("replicas")
    if isinstance(count, int):
        yield from (known._replace(name=f"{name}-{number}") for number in range(1, min(count, MOST_REPLICAS) + 1))
