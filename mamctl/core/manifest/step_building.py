"""The steps of `mamctl smoke`: read in their order, because `${}` in one sees what those before it save."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from .commands import argv
from .expand import absolute
from .findings import Findings, Invalid, Path, kind_of
from .interpolation import Target, interpolate, resolve
from .nearest import did_you_mean
from .references import References
from .replicas import NO_FAMILIES, only_replica
from .step_actions import canonical, http, local_port, pattern, tcp, websocket
from .step_fields import SMOKE_STEP
from .steps import Action, ExecAction, Expectation, Header, SmokeStep, TcpAction, later

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from .draft import Drafted
    from .findings import Tree
    from .interpolation import Lookup, Tell
    from .layers import Smoke
    from .replicas import Families
    from .step_fields import ExecWish, ExpectWish, StepWish, WebSocketWish

_ACTIONS: Final = ("http", "exec", "tcp", "websocket")
_ONE_ACTION: Final = "write one of http, exec, tcp, websocket"
# Which expectations mean something, and which parts of an answer there are.
_EXPECTS: Final = {
    "http": {"status", "header", "json", "body", "latency"},
    "exec": {"exit", "json", "body", "latency"},
    "tcp": {"latency"},
    "websocket": {"latency"},
}
_PARTS: Final = {
    "http": {"json", "header", "body", "status"},
    "exec": {"json", "body"},
    "tcp": set[str](),
    "websocket": {"json", "body"},
}
_SHORT: Final = {"http": "url", "websocket": "url", "exec": "command"}
_LONGEST_NAME: Final = 80


def build_steps(
    sources: Iterable[Smoke],
    drafts: Mapping[str, Drafted],
    numbers: Mapping[tuple[str, str], int],
    found: Findings,
    families: Families = NO_FAMILIES,
) -> tuple[SmokeStep, ...]:
    """Return the steps of all files; `numbers` are the ports of services by name. What is wrong is noted.

    `families`: the names of the replicas by service.
    """
    owners = {number: service for (service, _), number in numbers.items() if number}
    builder = _Builder(drafts, owners, References(drafts, numbers, families).tell, found, families)
    return tuple(step for source in sources for step in builder.steps(source))


class _Builder:
    def __init__(
        self,
        drafts: Mapping[str, Drafted],
        owners: Mapping[int, str],
        tell: Tell,
        found: Findings,
        families: Families,
    ) -> None:
        self._drafts = drafts
        self._families = families
        self._owners = owners
        self._tell = tell
        self._found = found
        self._saved: dict[str, Target] = {}
        self._sockets: set[str] = set()
        self._names: set[str] = set()

    def steps(self, source: Smoke) -> Iterator[SmokeStep]:
        with self._found.of(source.layer.file):
            if not isinstance(source.value, list):
                hint = "write - {name: it answers, http: ...} beneath it"
                self._found.add(("smoke",), f"must be a list, not {kind_of(source.value)}", hint)
                return
            for index, raw in enumerate(source.value):
                if (step := self._step(raw, source, ("smoke", index))) is not None:
                    yield step

    def _step(self, raw: object, source: Smoke, at: Path) -> SmokeStep | None:
        before = len(self._found.all)
        lookup: Lookup = {**source.lookup, **self._saved}
        try:
            long = _long(interpolate(raw, lookup, at, self._found))
            wish = self._named(SMOKE_STEP.read(long, at, self._found), at)
        except Invalid as invalid:
            self._found.refuse(at, invalid)
            return None
        # Also those of a step that is wrong: that what follows sees nothing of it would only be a second problem.
        self._saved.update({name: Target("", name) for name in wish.save})
        kinds = [kind for kind in _ACTIONS if getattr(wish, kind) is not None]
        if len(kinds) != 1:
            if len(self._found.all) == before:
                self._found.add(at, *_not_one(kinds))
            return None
        step = self._built(wish, kinds[0], source, at)
        self._check(wish, kinds[0], long, at)
        return step if len(self._found.all) == before else None

    def _named(self, wish: StepWish, at: Path) -> StepWish:
        """Return a step that names the replica, where its service has only one."""
        if wish.service is None:
            return wish
        try:
            return wish._replace(service=only_replica(wish.service, self._families))
        except Invalid as invalid:
            self._found.refuse((*at, "service"), invalid)
            return wish._replace(service=None)

    def _built(self, wish: StepWish, kind: str, source: Smoke, at: Path) -> SmokeStep:
        teller = _Teller(self._tell)
        try:
            action = self._action(wish, source, teller)
        except Invalid as invalid:
            action = TcpAction("")
            if not self._is_known((*at, kind)):
                self._found.refuse((*at, kind), invalid)
        return SmokeStep(
            name=wish.name or _name(wish, kind),
            action=action,
            expect=self._expectation(wish.expect, teller, (*at, "expect")),
            save=tuple(wish.save.items()),
            within=wish.within,
            timeout=wish.timeout,
            service=wish.service or self._about(action, teller),
            needs=frozenset(teller.needs),
        )

    def _is_known(self, at: Path) -> bool:
        """Tell whether something wrong was found there already."""
        return any(finding.path[: len(at)] == at for finding in self._found.all)

    def _about(self, action: Action, teller: _Teller) -> str | None:
        """Return the service that a step is about: the one that its address names, by reference or by port."""
        if isinstance(action, ExecAction) or teller.service:
            named = None if isinstance(action, ExecAction) else teller.service
            return named and only_replica(named, self._families)
        address = action.address if isinstance(action, TcpAction) else action.url or ""
        return self._owners.get(local_port(address))

    # What it does -------------------------------------------------------------------------------------------------

    def _action(self, wish: StepWish, source: Smoke, tell: _Teller) -> Action:
        if wish.http is not None:
            return http(wish.http, tell)
        if wish.exec is not None:
            return self._exec(wish.exec, wish.service, source, tell)
        if wish.websocket is not None:
            return websocket(wish.websocket, tell)
        return tcp(wish.tcp or "", tell)

    def _exec(self, wish: ExecWish, of: str | None, source: Smoke, tell: _Teller) -> ExecAction:
        if wish.command is None:
            raise Invalid("command is missing", "write [program, argument]")
        words = argv(wish.command, tell)
        # A service's environment has the layers beneath it already.
        layers = [wish.env] if of else [*source.env, wish.env]
        env: dict[str, str | None] = {}
        for layer in layers:
            env.update({name: None if value is None else resolve(value, tell) for name, value in layer.items()})
        folder = source.layer.folder
        cwd = str(absolute(wish.cwd, folder)) if wish.cwd else None if of else folder
        present = {name: value for name, value in env.items() if value is not None}
        return ExecAction(words, cwd, MappingProxyType(present), frozenset(env.keys() - present.keys()), of)

    def _expectation(self, wish: ExpectWish, tell: _Teller, at: Path) -> Expectation:
        try:
            return Expectation(
                status=wish.status,
                header=tuple(
                    Header(name.lower(), resolve(one.text, tell), one.exact) for name, one in wish.header.items()
                ),
                json=canonical(wish.json, tell),
                body=None if wish.body is None else pattern(resolve(wish.body, tell)),
                exit=wish.exit,
                latency=wish.latency,
            )
        except Invalid as invalid:
            self._found.refuse(at, invalid)
            return Expectation()

    # What cannot be -----------------------------------------------------------------------------------------------

    def _check(self, wish: StepWish, kind: str, raw: Tree, at: Path) -> None:
        name = wish.name or _name(wish, kind)
        if name in self._names:
            self._found.add((*at, "name"), f"{name!r} is the name of another step, too", "choose another name")
        self._names.add(name)
        if wish.service is not None and wish.service not in self._drafts:
            hint = did_you_mean(wish.service, [*self._drafts, *self._families])
            self._found.add((*at, "service"), f"no such service: {wish.service}", hint)
        expected = raw.get("expect")
        for key in sorted((expected if isinstance(expected, dict) else {}).keys() & (_ALL_EXPECTS - _EXPECTS[kind])):
            self._found.add((*at, "expect", key), f"means nothing for {kind}", _fitting(_EXPECTS[kind]))
        for saved, path in wish.save.items():
            if path.partition(".")[0] not in _PARTS[kind]:
                self._found.add((*at, "save", saved), f"{kind} has no {path}", _fitting(_PARTS[kind]))
        if wish.websocket is not None:
            self._check_socket(wish.websocket, (*at, "websocket"))

    def _check_socket(self, wish: WebSocketWish, at: Path) -> None:
        if wish.kept is not None and wish.kept not in self._sockets:
            hint = did_you_mean(wish.kept, self._sockets) if self._sockets else "write keep: NAME in an earlier step"
            self._found.add((*at, "kept"), f"no earlier step keeps a socket {wish.kept!r}", hint)
        if wish.kept is not None and (wish.keep is not None or wish.headers):
            self._found.add(
                (*at, "kept"), "goes without keep and headers: the socket is there already", "leave them out"
            )
        if wish.keep is not None:
            self._sockets.add(wish.keep)


_ALL_EXPECTS: Final = frozenset().union(*_EXPECTS.values())


class _Teller:
    """Tells what references mean, and remembers what a step needs and which service it names first."""

    def __init__(self, tell: Tell) -> None:
        self._tell = tell
        self.needs: set[str] = set()
        self.service: str | None = None

    def __call__(self, target: Target) -> str:
        if not target.service:
            self.needs.add(target.what)
            return later(target.what)
        told = self._tell(target)
        self.service = self.service or target.service
        return told


def _long(raw: object) -> Tree:
    """Return a step with its short forms expanded."""
    if not isinstance(raw, dict):
        raise Invalid(f"must be a map, not {kind_of(raw)}", "write {name: it answers, http: ...}")
    return {key: {_SHORT[key]: value} if _is_short(key, value) else value for key, value in raw.items()}


def _is_short(key: str, value: object) -> bool:
    return key in _SHORT and (isinstance(value, str) or (key == "exec" and isinstance(value, list)))


def _not_one(kinds: Sequence[str]) -> tuple[str, str]:
    """Return what to say of a step that does nothing, or several things."""
    if not kinds:
        return "does nothing", _ONE_ACTION
    return f"has {' and '.join(kinds)}: a step does one thing", "keep one of them"


def _name(wish: StepWish, kind: str) -> str:
    """Return what a step without a name does, as it is written."""
    match kind:
        case "http":
            said = f"{wish.http.method} {wish.http.url}" if wish.http else kind
        case "exec":
            words = wish.exec.command if wish.exec else None
            said = words if isinstance(words, str) else " ".join(words or ())
        case "websocket":
            said = f"websocket {wish.websocket.url or wish.websocket.kept}" if wish.websocket else kind
        case _:
            said = f"tcp {wish.tcp}"
    return str(said)[:_LONGEST_NAME]


def _fitting(keys: Iterable[str]) -> str:
    return f"known: {', '.join(sorted(keys))}" if keys else "leave it out"
