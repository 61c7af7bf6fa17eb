"""The brain: all services and their graph; `step` turns one event into the actions to perform.

An event changes one service (see `lifecycle`); whoever depends on it, or is depended on by it, is then looked at
again until nothing changes any more. So the cost of an event is that of its neighbourhood, not of the whole stack.
"""

from __future__ import annotations

from collections import deque
from functools import partial
from typing import TYPE_CHECKING

from mamctl.core import climbing, lifecycle, reactions, scheduled
from mamctl.core.actions import Action, Announce, Follow, Reconfigure
from mamctl.core.dependencies import aspect, outlook
from mamctl.core.events import Down, Event, Recalled, Reload, Restart, Stop, Up
from mamctl.core.graph import Graph
from mamctl.core.manifest.model import needs_restart
from mamctl.core.recall import recall
from mamctl.core.rerun import touch
from mamctl.core.service import Halt, Service, Then
from mamctl.core.states import Reason, State, Wanted
from mamctl.core.touched import Touched

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from mamctl.core.manifest.model import Manifest, ServiceSpec


class Supervisor:
    """Decides what happens to every service of a manifest.

    `services` holds them by name. `ending` is the sentence why everything stops for good, once an essential
    service failed.
    """

    def __init__(self, manifest: Manifest) -> None:
        self.services: dict[str, Service] = {name: Service(spec) for name, spec in manifest.services.items()}
        self.graph = _graph(self.services)
        self.ending: str | None = None
        # Who changed since the last look: what is true of them is to be written down.
        self.changed: dict[str, None] = {}
        self._actions: list[Action] = []
        self._again: deque[str] = deque()
        self._gone: dict[str, Service] = {}

    def step(self, event: Event) -> list[Action]:
        """Take one event and return what is to be done about it, in order."""
        self._actions = []
        match event:
            case Up():
                self._want_up(event)
            case Stop():
                self._halt_each(event.names, Then.REST, at=event.at)
            case Restart():
                self._restart(event)
            case Down():
                self._down(event)
            case Reload():
                self._reload(event)
            case Recalled():
                self._recall(event)
            case Touched():
                self._touch(event)
            case _:
                # What is left happens to one service; a new kind of event that does not is seen by the type checker.
                self._live(event)
        self._settle(event.at)
        return self._actions

    def known(self, name: str) -> Service | None:
        """Return a service, also one that is gone from the manifest."""
        return self.services.get(name) or self._gone.get(name)

    def running_dependants(self, name: str) -> tuple[str, ...]:
        """Name the dependants of a service that run now: they are told of when it is stopped alone."""
        return tuple(other for other in self.graph.dependants[name] if self.services[other].running)

    # What the operator says ------------------------------------------------------------------------------------

    def _want_up(self, event: Up) -> None:
        for name in event.names if event.alone else self.graph.closure(event.names):
            at_once = event.at_once and name in event.names
            self._replace(scheduled.want_up(self.services[name], alone=event.alone, at_once=at_once))

    def _halt_each(self, names: Iterable[str], then: Then, *, at: float) -> None:
        self._halt_all(names, Halt(then, Reason.BY_OPERATOR), at=at)

    def _halt_all(self, names: Iterable[str], how: Halt, *, at: float) -> None:
        for name in names:
            self._change(name, lambda service: lifecycle.halt(service, how, at))

    def _restart(self, event: Restart) -> None:
        self._halt_each(self._with_restarting_dependants(event.names), Then.AGAIN, at=event.at)
        for name in self.graph.closure(event.names):
            self._replace(scheduled.want_up(self.services[name]))

    def _with_restarting_dependants(self, names: Iterable[str]) -> dict[str, None]:
        found: dict[str, None] = {}
        queue = deque(names)
        while queue:
            name = queue.popleft()
            found[name] = None
            queue.extend(other for other in self._restarting_with(name) if other not in found)
        return found

    def _restarting_with(self, name: str) -> list[str]:
        dependants = (self.services[other] for other in self.graph.dependants[name])
        return [
            other.name
            for other in dependants
            if other.spec.depends_on[name].restart and other.running and other.wanted is Wanted.UP
        ]

    def _down(self, event: Down) -> None:
        self._halt_each(self.services, Then.REST, at=event.at)
        for name in tuple(self.services) if event.force else ():
            self._change(name, partial(climbing.force, at=event.at))

    def _reload(self, event: Reload) -> None:
        changed = [name for name, spec in event.manifest.services.items() if self._takes(name, spec, event.at)]
        gone = [name for name in self.services if name not in event.manifest.services]
        specs = event.manifest.services
        order = {**{name: self.services[name] for name in specs}, **{name: self.services[name] for name in gone}}
        self.services = order
        self.graph = _graph(order)
        for name in changed:
            self._change(name, lambda service: lifecycle.renew(service, event.at))
        self._halt_each(gone, Then.REMOVE, at=event.at)

    def _recall(self, event: Recalled) -> None:
        """Take all of them to where they were before anything is concluded from one of them."""
        for found in event.services:
            self._change(found.name, partial(recall, found=found, event=event))

    def _touch(self, event: Touched) -> None:
        for name, what in event.changes.items() if self.ending is None else ():
            if name in self.services:
                self._change(name, partial(touch, what=what, at=event.at))

    def _takes(self, name: str, spec: ServiceSpec, at: float) -> bool:
        """Put a new spec in place; tell whether its process must be renewed."""
        self._again.append(name)
        old = self.services.get(name)
        if old is None:
            self.services[name] = self._add(spec)
            return False
        self.services[name] = lifecycle.come_back(old.but(spec=spec))
        if old.spec == spec:
            return False
        if needs_restart(old.spec, spec):
            return True
        self._actions.append(Reconfigure(name))
        self._change(name, lambda service: lifecycle.watch_anew(service, at))
        return False

    def _add(self, spec: ServiceSpec) -> Service:
        """Know a new service. One that was known before goes on counting, so that no old event concerns it."""
        past = self._gone.pop(spec.name, None)
        return Service(spec) if past is None else Service(spec, generation=past.generation, tokens=past.tokens)

    # What happens to one service -------------------------------------------------------------------------------

    def _live(self, event: reactions.Happening) -> None:
        service = self.services.get(event.name)
        if service is None or not reactions.concerns(service, event):
            return
        self._change(event.name, lambda service: reactions.react(service, event))

    def _change(self, name: str, change: Callable[[Service], lifecycle.Step]) -> None:
        step = change(self.services[name])
        self._actions.extend(step.actions)
        self._replace(step.service)

    def _replace(self, service: Service) -> None:
        old = self.services[service.name]
        self.services[service.name] = service
        self.changed[service.name] = None
        self._again.append(service.name)
        if aspect(old) != aspect(service):
            self._again.extend(self.graph.dependants[service.name])
            self._again.extend(self.graph.dependencies[service.name])

    # What follows for the others -------------------------------------------------------------------------------

    def _settle(self, at: float) -> None:
        """Look again at every service that a change concerns, until nothing changes; only then start and signal.

        What is decided last may be about the first: a dependant that stops before its dependency, or the end of all.
        """
        concerned: dict[str, None] = {}
        while self._again:
            name = self._again.popleft()
            if name in self.services:
                self._look(name, at)
                concerned[name] = None
        for name in concerned:
            if name in self.services:
                self._take(scheduled.follow(self.services[name]))
                self._act(self.services[name])

    def _look(self, name: str, at: float) -> None:
        service = self.services[name]
        match service.state:
            case State.WAITING if service.reason is not Reason.ABSENT and not service.resting:
                self._consider_start(service)
            case State.FAILED if service.reason is Reason.DEPENDENCY_FAILED:
                self._consider_start(service)
            case State.STOPPING:
                self._consider_stop(service, at)
            case State.STOPPED if service.leaving:
                self._remove(service)
            case _:
                pass
        if service.state is State.FAILED and service.spec.essential and self.ending is None:
            self._end(service, at)

    def _consider_start(self, service: Service) -> None:
        ahead = outlook(service, self.services)
        if ahead.clear:
            self._change_if_new(service, lifecycle.Step(service.enter(State.WAITING)))
        elif ahead.failed is not None:
            detail = f"needs {ahead.failed}, but {ahead.why}"
            self._change_if_new(service, lifecycle.fail_by_dependency(service, detail))
        else:
            detail = f"waits for {', '.join(ahead.waits_for)}"
            self._change_if_new(service, lifecycle.wait(service, detail))

    def _change_if_new(self, service: Service, step: lifecycle.Step) -> None:
        if step.service != service:
            self._actions.extend(step.actions)
            self._replace(step.service)

    def _consider_stop(self, service: Service, at: float) -> None:
        """Stop along who restarts with it: before it, or now when it died by itself. Let go of an attached one."""
        if service.returning:
            for other in self._restarting_with(service.name):
                self._take_along(other, service.name, at)
        if service.attached and not service.to_release:
            self._change(service.name, lambda service: climbing.let_go(service, at))

    def _take_along(self, name: str, cause: str, at: float) -> None:
        if self.services[name].halt is None:
            self._change(name, lambda service: lifecycle.halt_again(service, f"restarts with {cause}", at))

    def _act(self, service: Service) -> None:
        """Start a service whose dependencies are met, or signal one behind which nobody stops. Neither is news."""
        if service.state is State.WAITING and service.reason is None:
            self._take(climbing.begin(service))
        elif service.to_be_asked:
            behind = (self.services[other] for other in self.graph.dependants[service.name])
            if all(other.state is not State.STOPPING for other in behind):
                self._take(lifecycle.signal(service))

    def _take(self, step: lifecycle.Step) -> None:
        self.services[step.service.name] = step.service
        self.changed[step.service.name] = None
        self._actions.extend(step.actions)

    def _remove(self, service: Service) -> None:
        self._gone[service.name] = self.services.pop(service.name)
        self._actions += [Follow(service.name, None)] if service.followed else []
        self.changed[service.name] = None
        self.graph = _graph(self.services)

    def _end(self, service: Service, at: float) -> None:
        self.ending = f"{service.name} failed, and it is essential: {service.detail}"
        said = {"detail": "it is essential, so everything is stopped"}
        self._actions.append(Announce("error", service.name, service.generation, said))
        # What failed stays failed: it may be the cause. Nobody asked for this stop, so no reason says so.
        how = Halt(Then.REST, None, f"{service.name} failed, and it is essential")
        self._halt_all([name for name, other in self.services.items() if not other.ended], how, at=at)


def _graph(services: dict[str, Service]) -> Graph:
    return Graph({name: service.spec.depends_on for name, service in services.items()})
