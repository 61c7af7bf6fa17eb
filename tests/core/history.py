"""Plays histories: scripts of what happens to a stack and what the supervisor must make of it, line by line.

    up app       -> db starting, app waiting | spawn db
    runs db      -> db ready, app starting   | spawn app
    exit app 1   -> app stopping/exited      | clean app
    empty app    -> app backoff
    wait 0.5     -> app starting             | spawn app

Left of the arrow stands what happens (a method of `History`). Right of it stand the states that changed, `state` or
`state/reason`; services that are not named must be as they were, `gone` is one that is forgotten. After the bar stand
the things done to processes, all of them and in order: `spawn`, `look`, `TERM`, `KILL`, `clean`, `run NAME start` (or
`release`, `stop`), `cancel`. Where a line names them also `ask` (the fast ready probe), `watch` (a slow probe), `hush`
(no more probes), `apply` (in place), `timer NAME WHICH SECONDS`, `follow` (a schedule) and `forget`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from mamctl.core.actions import (
    Announce,
    ArmTimer,
    Attach,
    Cancel,
    Clean,
    Follow,
    Reconfigure,
    Run,
    Signal,
    Spawn,
    StartProbe,
    StopProbes,
)
from mamctl.core.events import (
    Down,
    Emptied,
    Exited,
    Found,
    Notified,
    Probed,
    Reload,
    Restart,
    Said,
    SpawnFailed,
    Stop,
    Up,
)
from mamctl.core.states import Purpose, Reason, Timer
from mamctl.core.touched import Touched
from tests.core.afterlife import die, follow_on
from tests.core.hands import Hands

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from mamctl.core.actions import Action
    from mamctl.core.events import Event
    from mamctl.core.manifest.model import Manifest
    from mamctl.core.service import Service

OPERATOR = {"up": Up, "stop": Stop, "restart": Restart}
SIGNALS = {2: "INT", 9: "KILL", 15: "TERM"}
ALWAYS_TOLD = {"spawn", "look", "clean", "run", "cancel", *SIGNALS.values()}


def play(manifest: Manifest, script: str, **later: Manifest) -> History:
    """Play a script from the beginning; `later` are the manifests that `reload` names."""
    history = History(manifest, later)
    history.play(script)
    return history


class History:
    """A stack to which things happen."""

    def __init__(self, manifest: Manifest, later: Mapping[str, Manifest] | None = None) -> None:
        self.hands = Hands(manifest)
        self._manifest = manifest
        self._later = later or {}
        self._done: list[Action] = []

    def __getitem__(self, name: str) -> Service:
        return self.hands.services[name]

    def play(self, script: str) -> None:
        """Play the lines of a script; each must come true."""
        for line in filter(None, map(str.strip, script.splitlines())):
            happens, _, rest = line.partition("->")
            states, _, done = rest.partition("|")
            wanted = {**self._states(), **dict(state.split() for state in states.split(",") if state.strip())}
            told = [words.strip() for words in done.split(",") if words.strip()]

            self._done = []
            self.happen(happens)

            assert self._states(like=wanted) == wanted, line
            assert self._told(told) == told, line

    def happen(self, words: str) -> None:
        """Let one thing happen: a verb, a service, and what belongs to it."""
        verb, *names = words.split()
        if verb in OPERATOR:
            self._step(OPERATOR[verb](tuple(names), self.hands.now))
            return
        getattr(self, f"_{verb.replace('-', '_')}")(*names)

    def said(self, *kinds: str) -> list[tuple[str | None, str]]:
        """Return the announcements of these kinds since the beginning: who, and which."""
        return [(said.name, said.kind) for said in self.hands.said if said.kind in kinds]

    # What the operator does (`up`, `stop` and `restart` with names, and these) --------------------------------------

    def _up_alone(self, *names: str) -> None:
        self._step(Up(names, self.hands.now, alone=True))

    def _up_at_once(self, *names: str) -> None:
        self._step(Up(names, self.hands.now, at_once=True))

    def _down(self) -> None:
        self._step(Down(self.hands.now))

    def _kill(self) -> None:
        self._step(Down(self.hands.now, force=True))

    def _touch(self, *names: str) -> None:
        """Files that these watch change on disk."""
        self._step(Touched(dict.fromkeys(names, "app.py changed"), self.hands.now))

    def _reload(self, which: str) -> None:
        self._step(Reload(self._later[which], self.hands.now))

    # What processes do ----------------------------------------------------------------------------------------------

    def _spawned(self, *names: str) -> None:
        for name in names:
            self._done += self.hands.spawn(name)

    def _runs(self, *names: str) -> None:
        """It is spawned, and ready."""
        for name in names:
            self._spawned(name)
            if self[name].run.ready is None:
                self._done += self.hands.fire(name, Timer.LIVED)
            else:
                self._ok(name)

    def _missing(self, name: str) -> None:
        self._not_spawned(name, Reason.COMMAND_NOT_FOUND, final=True)

    def _taken(self, name: str) -> None:
        self._not_spawned(name, Reason.PORT_TAKEN, final=False)

    def _held(self, name: str) -> None:
        self._not_spawned(name, Reason.PORT_TAKEN, final=True)

    def _unborn(self, name: str) -> None:
        self._not_spawned(name, Reason.SPAWN_FAILED, final=False)

    def _not_spawned(self, name: str, reason: Reason, *, final: bool) -> None:
        event = SpawnFailed(name, self[name].generation, reason, f"{reason} it was", final, self.hands.now)
        self._done += self.hands.fail_to_spawn(event)

    def _exit(self, name: str, code: str) -> None:
        self._done += self.hands.exit(name, code=int(code))

    def _killed(self, name: str, signal: str) -> None:
        self._done += self.hands.exit(name, signal=int(signal))

    def _empty(self, *names: str) -> None:
        for name in names:
            self._done += self.hands.empty(name)

    def _ends(self, name: str, code: str) -> None:
        """It exits, and nothing is left of it."""
        self._exit(name, code)
        self._empty(name)

    def _stops(self, *names: str) -> None:
        """It dies of the stop signal, and nothing is left of it."""
        for name in names:
            self._killed(name, "15")
            self._empty(name)

    def _says(self, name: str, *words: str) -> None:
        """It speaks for itself: `READY=1`, `STATUS=going_well`, `EXTEND=5`, `WATCHDOG_SECONDS=2`."""
        self._done += self.hands.step(notified(name, self[name].generation, self.hands.now, words))

    # What probes and looks find, and the clock ----------------------------------------------------------------------

    def _ok(self, name: str) -> None:
        self._probe(name, Purpose.READY, ok=True)

    def _bad(self, name: str) -> None:
        self._probe(name, Purpose.READY, ok=False)

    def _alive(self, name: str) -> None:
        self._probe(name, Purpose.LIVE, ok=True)

    def _dead(self, name: str) -> None:
        self._probe(name, Purpose.LIVE, ok=False)

    def _probe(self, name: str, purpose: Purpose, *, ok: bool) -> None:
        generation = self[name].generation
        self._step(Probed(name, generation, purpose, ok, "well" if ok else "answered 503", self.hands.now))

    def _found(self, name: str) -> None:
        self._done += self.hands.find(name, Found.IT)

    def _nobody(self, name: str) -> None:
        self._done += self.hands.find(name, Found.NOBODY)

    def _stranger(self, name: str) -> None:
        self._done += self.hands.find(name, Found.STRANGER, "somebody else answered")

    def _planned(self, name: str, at: str) -> None:
        self._done += self.hands.plan(name, float(at))

    def _due(self, name: str, *options: str) -> None:
        """Its time has come. `missed=3`: so many times before were missed; `late`: it is too late to run now."""
        missed = next((int(option.partition("=")[2]) for option in options if option.startswith("missed=")), 0)
        self._done += self.hands.come_due(name, runs="late" not in options, missed=missed)

    def _returns(self, name: str) -> None:
        """The command about it ended well."""
        self._done += self.hands.finish(name)

    def _fails(self, name: str) -> None:
        """The command about it failed."""
        self._done += self.hands.finish(name, "ended with code 1")

    def _wait(self, seconds: str) -> None:
        """Let time pass, and all timers run out that are due by then."""
        until = self.hands.now + float(seconds)
        while due := [(when, key) for key, (when, _) in self.hands.timers.items() if when <= until + 1e-9]:
            self._done += self.hands.fire(*min(due)[1])
        self.hands.now = until

    def _twice(self) -> None:
        """The last event comes a second time."""
        assert self.hands.unchanged_by(self.hands.past[-1])

    def _late(self, verb: str, name: str) -> None:
        """What happened to the last incarnation, or did not, is told now."""
        old, at = self[name].generation - 1, self.hands.now
        event: Event = {
            "exit": Exited(name, old, 1, None, at),
            "empty": Emptied(name, old, at),
            "ok": Probed(name, old, Purpose.READY, ok=True, detail="", at=at),
            "bad": Probed(name, old, Purpose.READY, ok=False, detail="", at=at),
            "says": notified(name, old, at, ["READY=1", "STATUS=late"]),
            "unborn": SpawnFailed(name, old, Reason.SPAWN_FAILED, "", final=False, at=at),
        }[verb]
        assert self.hands.unchanged_by(event)

    def _step(self, event: Event) -> None:
        self._done += self.hands.step(event)

    # What becomes of supervisors ------------------------------------------------------------------------------------

    def _reborn(self, *words: str) -> None:
        """The supervisor dies and another one follows.

        `cold`: the guardian died too. `strict`: no service is to outlive a supervisor. `torn`: it lives, and cannot go
        on. `stale`: it was killed before it wrote down what came of the last event. `later`: 100 s pass before.
        `changed=app`; `exist=app`: it is spawned though nobody was told; `ended=app:3`, `killed=app:9`, `lost=app`: it
        died unseen.
        """
        values = [word.partition("=")[::2] for word in words]
        named = {key: [value for word, value in values if word == key] for key, _ in values}
        ends = [(name, (int(code), None)) for name, _, code in (word.partition(":") for word in named.get("ended", ()))]
        ends += [(name, (None, int(sig))) for name, _, sig in (word.partition(":") for word in named.get("killed", ()))]
        die(self.hands, exist=named.get("exist", ()))
        self.hands.now += 100 if "later" in words else 0
        self._done += follow_on(
            self.hands,
            self._manifest,
            proven="cold" not in words,
            spared="strict" not in words,
            unfit="nobody knows what it was told" if "torn" in words else None,
            changed=named.get("changed", ()),
            stale="stale" in words,
            unseen={**dict(ends), **dict.fromkeys(named.get("lost", ()), (None, None))},
        )

    # What came of it ------------------------------------------------------------------------------------------------

    def _states(self, like: Mapping[str, str] | None = None) -> dict[str, str]:
        """Return all states, with reasons unless the expected ones are `like` without."""
        known = {name: f"{found.state}/{found.reason}" for name, found in self.hands.services.items()}
        if like is None:
            return known
        shown = {name: known.get(name, "gone") for name in {**like, **known}}
        return {name: text if "/" in like.get(name, "/") else text.partition("/")[0] for name, text in shown.items()}

    def _told(self, expected: list[str]) -> list[str]:
        kinds = ALWAYS_TOLD | {words.split()[0] for words in expected}
        told = [_words(action) for action in self._done if not isinstance(action, Announce)]
        return [words for words in told if words.split()[0] in kinds]


def notified(name: str, generation: int, at: float, words: Iterable[str]) -> Notified:
    """Return what a service says in these words; a status is one word."""
    said = frozenset(Said(word) for word in words if word in set(Said))
    values = dict(word.split("=", 1) for word in words if word not in set(Said))
    extend, watchdog = (values.get(key) for key in ("EXTEND", "WATCHDOG_SECONDS"))
    return Notified(
        name,
        generation,
        said,
        at,
        status=values.get("STATUS"),
        extend=None if extend is None else float(extend),
        watchdog=None if watchdog is None else float(watchdog),
    )


def _words(action: Action) -> str:
    match action:
        case Signal():
            return f"{SIGNALS[action.signal]} {action.name}"
        case Follow():
            since = "" if action.since is None else f" since {action.since:g}"
            return f"{'forget' if action.schedule is None else 'follow'} {action.name}{since}"
        case StartProbe():
            return f"ask {action.name}" if action.fast else f"watch {action.name} {action.purpose}"
        case ArmTimer():
            return f"timer {action.name} {action.timer} {action.delay:g}"
        case Run():
            return f"run {action.name} {action.errand}"
        case Cancel() | Spawn() | Attach() | Clean() | StopProbes() | Reconfigure():
            verbs = {
                Spawn: "spawn",
                Attach: "look",
                Clean: "clean",
                StopProbes: "hush",
                Reconfigure: "apply",
                Cancel: "cancel",
            }
            return f"{verbs[type(action)]} {action.name}"
    raise AssertionError(action)


def with_changes(manifest: Manifest, **changed: Mapping[str, object]) -> Manifest:
    """Return the manifest with some services changed: `app={"argv": ("other",)}`."""
    specs = {name: replace(spec, **changed.get(name, {})) for name, spec in manifest.services.items()}
    return replace(manifest, services=specs)
