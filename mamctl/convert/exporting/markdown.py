"""A page for people: the services, where they answer, what they need, their defaults, their logs, and what to type."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from mamctl.convert.exporting.families import families
from mamctl.convert.exporting.stack import Export, File
from mamctl.core.manifest.choices import Condition, Kind, Policy, Streams
from mamctl.core.manifest.model import ExecProbe, HttpProbe, LogProbe, NotifyProbe, Probe, TcpProbe
from mamctl.core.manifest.signals import NAMES
from mamctl.core.manifest.units import show_seconds, show_size

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from mamctl.convert.exporting.families import Family
    from mamctl.convert.exporting.stack import Stack
    from mamctl.core.manifest.model import ServiceSpec

FILE: Final = "services.md"
_NOTHING: Final = "\N{EN DASH}"
_USUAL: Final = {Condition.READY: "", Condition.STARTED: ", started", Condition.COMPLETED: ", completed"}
_SHAPES: Final = {Kind.TASK: ("([", "])"), Kind.EXTERNAL: ("[(", ")]")}


def export(stack: Stack) -> Export:
    """Return the page. Nothing in it depends on the machine, but for paths outside of the manifest's folder."""
    found = families(stack)
    parts = [
        _opening(stack),
        _table(stack, found),
        _drawing(stack, found),
        _endpoints(found),
        _defaults(stack, found),
        _logs(found),
        _commands(stack, found),
    ]
    text = "\n".join(part for part in parts if part)
    return Export((File(FILE, stack.vault.masked(text)),), ())


def _opening(stack: Stack) -> str:
    return (
        f"# The services of {stack.name}\n\n"
        f"<!-- Written by `mamctl export markdown`: change the manifest, and write it anew. -->\n"
    )


def _table(stack: Stack, found: Sequence[Family]) -> str:
    rows = [
        [
            f"`{family.name}`" + (f", {_replicas(family.number)}" if family.first.replica_of else ""),
            family.first.kind.value,
            _ports(family),
            _ready(family.first),
            _needs(stack, family.first),
            _cell(family.first.description),
        ]
        for family in found
    ]
    return _rows(["Service", "Kind", "Port", "Ready when", "Needs", "What it is"], rows)


def _ports(family: Family) -> str:
    first = family.first
    shown = []
    for index, port in enumerate(first.ports):
        numbers = [spec.ports[index].number for spec in family.members]
        text = ", ".join(str(number) if number else "auto" for number in dict.fromkeys(numbers))
        shown.append(text if index == 0 and len(first.ports) == 1 else f"{text} ({port.name})")
    return "<br>".join(shown) or _NOTHING


def _ready(spec: ServiceSpec) -> str:
    if spec.kind is Kind.TASK:
        return "it has ended well"
    probe = spec.external.identify if spec.external else spec.ready
    return _probe(probe, spec) if probe else "it runs"


def _probe(probe: Probe, spec: ServiceSpec) -> str:
    match probe.check:
        case HttpProbe(url=url):
            parts = urlsplit(url)
            own = [port.number for port in spec.ports[:1]] == [parts.port]
            return f"`{_cell(parts.path + (f'?{parts.query}' if parts.query else '') if own else url)}` answers"
        case TcpProbe(port=port):
            return f"port {port or 'auto'} accepts"
        case ExecProbe(argv=argv):
            return f"`{_cell(' '.join(argv))}` succeeds"
        case LogProbe(pattern=pattern):
            return f"its log says `{_cell(pattern)}`"
        case NotifyProbe():
            return "it says so: `notify`"


def _needs(stack: Stack, spec: ServiceSpec) -> str:
    shown: dict[str, str] = {}
    for name, edge in stack.manifest.services[spec.name].depends_on.items():
        other = stack.manifest.services[name]
        usual = Condition.COMPLETED if other.kind is Kind.TASK else Condition.READY
        how = ("" if edge.condition is usual else _USUAL[edge.condition]) + ("" if edge.required else ", not required")
        shown[other.service] = f"`{other.service}`{how}"
    return "<br>".join(shown.values()) or _NOTHING


def _drawing(stack: Stack, found: Sequence[Family]) -> str:
    numbers = {family.name: f"s{index}" for index, family in enumerate(found)}
    lines = ["flowchart LR"]
    for family in found:
        left, right = _SHAPES.get(_outer_kind(stack, family), ("[", "]"))
        port = f" :{family.first.ports[0].number}" if family.first.ports and family.first.ports[0].number else ""
        lines.append(f'    {numbers[family.name]}{left}"{family.name}{port}"{right}')
    edges = dict.fromkeys(line for family in found for line in _arrows(stack, family, numbers))
    return "\n".join(["## Dependencies", "", "```mermaid", *lines, *edges, "```", ""])


def _outer_kind(stack: Stack, family: Family) -> Kind:
    return stack.manifest.services[family.first.name].kind


def _arrows(stack: Stack, family: Family, numbers: dict[str, str]) -> Iterator[str]:
    for name, edge in stack.edges(family.first).items():
        arrow = "-->" if edge.required else "-.->"
        other = stack.services[name].service
        yield f"    {numbers[family.name]} {arrow}|{edge.condition.value}| {numbers[other]}"


def _endpoints(found: Sequence[Family]) -> str:
    rows = [row for family in found for row in _addresses(family)]
    return f"## Endpoints\n\n{_rows(['Service', 'Address', 'What for', 'Asked'], rows)}" if rows else ""


def _addresses(family: Family) -> Iterator[list[str]]:
    """Yield the addresses of a service that speaks HTTP: where people go, and what its probes ask."""
    spec = family.first
    identify = spec.external.identify if spec.external else None
    asked: dict[str, list[tuple[str, Probe]]] = {}
    for what, probe in (("who it is", identify), ("ready", spec.ready), ("live", spec.live)):
        if probe and isinstance(probe.check, HttpProbe):
            asked.setdefault(probe.check.url, []).append((what, probe))
    if asked and spec.url and spec.ports[0].number:
        yield [f"`{family.name}`", f"`{spec.url}`", "where people reach it", _NOTHING]
    for url, probes in asked.items():
        why = " and ".join(what for what, _ in probes)
        yield [f"`{family.name}`", f"`{_cell(url)}`", why, f"every {show_seconds(probes[0][1].interval)}"]


def _defaults(stack: Stack, found: Sequence[Family]) -> str:
    ours = [family.first for family in found if family.first.external is None]
    common = set.intersection(*[set(spec.env.items()) for spec in ours]) if len(ours) > 1 else set()
    rows = [
        [f"`{spec.service}`", _start(spec), _restart(spec), _stop(spec), _settings(stack, spec, common)]
        for spec in ours
    ]
    heads = ["Service", "Start within", "Restarted", "Stopped by", "Variables"]
    shared = _variables(stack, ours[0], dict(common)) if common else []
    every = f"Every service has {', '.join(shared)}.\n\n" if shared else ""
    return f"## Defaults\n\n{every}{_rows(heads, rows)}" if rows else ""


def _start(spec: ServiceSpec) -> str:
    return _NOTHING if spec.start_timeout is None else str(show_seconds(spec.start_timeout))


def _restart(spec: ServiceSpec) -> str:
    restart = spec.restart
    if restart.policy is Policy.NEVER:
        return "never"
    if restart.max_attempts is None:
        return f"{restart.policy.value}, without an end"
    return f"{restart.policy.value}, {restart.max_attempts} times in {show_seconds(restart.window)}"


def _stop(spec: ServiceSpec) -> str:
    return f"{NAMES.get(spec.stop.signal, spec.stop.signal)}, within {show_seconds(spec.stop.grace)}"


def _settings(stack: Stack, spec: ServiceSpec, common: set[tuple[str, str]]) -> str:
    own = {name: value for name, value in spec.env.items() if (name, value) not in common}
    secret = [f"`{name}` (secret)" for name in stack.secrets(spec)]
    return "<br>".join([*secret, *_variables(stack, spec, own)]) or _NOTHING


def _variables(stack: Stack, spec: ServiceSpec, env: Mapping[str, str]) -> list[str]:
    """Return variables that the manifest sets: a PATH is of the machine, and a secret has only its name."""
    secret = stack.secrets(spec)
    return [f"`{_cell(f'{name}={env[name]}')}`" for name in sorted(env) if name not in secret and name != "PATH"]


def _logs(found: Sequence[Family]) -> str:
    rows = []
    for family in found:
        for spec in family.members if family.first.external is None else ():
            logs = spec.logs
            names = [f"logs/{spec.name}.log"] + ([f"logs/{spec.name}.err.log"] if logs.streams is Streams.SPLIT else [])
            kept = f"at {show_size(logs.max_size)}, {logs.keep} kept"
            rows.append([f"`{spec.name}`", ", ".join(f"`{name}`" for name in names), kept])
    return f"## Log files\n\n{_rows(['Service', 'File', 'Turned over'], rows)}"


def _commands(stack: Stack, found: Sequence[Family]) -> str:
    first = next((family.name for family in found if family.first.kind is Kind.SERVICE), found[0].name)
    lines = ["mamctl up -d                # everything, in the background", "mamctl status"]
    lines += [f"mamctl logs {first} -f", f"mamctl restart {first}"]
    lines += [f"mamctl run {family.name}" for family in found if family.first.manual and family.first.kind is Kind.TASK]
    lines += ["mamctl smoke"] if stack.manifest.smoke else []
    probe = next((_curl(family.first) for family in found if _curl(family.first)), None)
    lines += [f"curl {probe}"] if probe else []
    return "\n".join(["## Quick commands", "", "```sh", *lines, "mamctl down", "```", ""])


def _curl(spec: ServiceSpec) -> str | None:
    return spec.ready.check.url if spec.ready and isinstance(spec.ready.check, HttpProbe) else None


def _rows(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


def _cell(text: str) -> str:
    """Return a text as it can stand in a cell of a table."""
    return " ".join(text.split()).replace("|", "\\|").replace("`", "'")


def _replicas(number: int) -> str:
    return "1 replica" if number == 1 else f"{number} replicas"
