"""The operator's word: up, down, start, stop, restart, and waiting for what comes of it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from mamctl.core.errors import MamctlError, ManifestError, UsageError
from mamctl.core.events import Down, Reload, Restart, Stop, Up
from mamctl.core.outcome import Goal, has_reached, is_hopeless, is_settled
from mamctl.core.selection import families_of, select
from mamctl.core.states import ENDED, Wanted
from mamctl.runtime.listeners.farewell import make_way
from mamctl.runtime.outcomes import Outcomes
from mamctl.runtime.scaling import changes, load_scaled, replicas_of, scaled, staying, wished
from mamctl.runtime.signalling import signal_leaders

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence

    from mamctl.core.manifest.model import Manifest, ServiceSpec
    from mamctl.core.service import Service
    from mamctl.runtime.hands import Hands
    from mamctl.runtime.journal import Journal
    from mamctl.runtime.outcomes import Report
    from mamctl.runtime.recollection import Recollection
    from mamctl.runtime.scaling import Load
    from mamctl.runtime.status import Reporter


class Operator:
    """Carries out requests against the hands. `load` reads the manifest again, with so many replicas of some.

    `ended` is set once everything was stopped for good: (exit code, why).
    """

    def __init__(self, hands: Hands, reporter: Reporter, load: Load, journal: Journal) -> None:
        self._hands = hands
        self._journal = journal
        # What the run ends with once everything is down.
        self.ending = (0, "down")
        self.replace: Callable[[], Awaitable[Report]] | None = None
        self._reporter = reporter
        self._outcomes = Outcomes(hands, reporter)
        self._load = load
        self._profiles: set[str] = set()
        self._downing = False
        self._stopped: dict[str, None] = {}
        loop = asyncio.get_running_loop()
        self.ended: asyncio.Future[tuple[int, str]] = loop.create_future()

    # Requests -----------------------------------------------------------------------------------------------------

    def want(self, names: Sequence[str] | None, profiles: Iterable[str] = (), *, alone: bool = False) -> list[str]:
        """Want services up: those named, or all that the active profiles have. Return their names."""
        if not self._profiles.issuperset(profiles):
            self._profiles.update(profiles)
            self._journal.wish(self._profiles, downing=self._downing)
        chosen = self.select(names) if names else self._all_wanted()
        if manual := [name for name in chosen if names and self._spec(name).manual]:
            raise UsageError(f"{manual[0]} is manual, so `up` does not start it", f"`mamctl start {manual[0]}` does")
        self._hands.post(Up(tuple(chosen), self._hands.now, alone))
        return chosen

    async def up(
        self,
        names: Sequence[str] | None,
        profiles: Iterable[str],
        *,
        alone: bool,
        wait: float | None,
    ) -> Report:
        """Reconcile with the manifest on disk, want services, and wait until they settled."""
        before = self._hands.manifest
        removed = self.reload(staying(before, names))
        self.want(names, profiles, alone=alone)
        rescaled = changes(before, self._hands.manifest)
        return {**await self._brought_up(wait), "removed": removed, "scaled": rescaled}

    async def settle(self, names: Sequence[str] | None = None, *, wait: float | None) -> Report:
        """Wait until services, or all that are wanted, have settled; change nothing."""
        report = await self._brought_up(wait, self.select(names) if names else None)
        return {**report, "removed": [], "scaled": []}

    async def reexec(self) -> Report:
        """Let the installed version of mamctl take over. Raises MamctlError when it cannot; else never returns."""
        if self.replace is None:
            raise MamctlError("this supervisor is part of another program, which is what would have to be replaced")
        return await self.replace()

    def reload(self, replicas: Mapping[str, int] | None = None) -> list[str]:
        """Read the manifest again; return who is gone from it. Raises ManifestError, and then nothing changed.

        `replicas`: how many there are in place of the manifest's numbers; without it, as many as before.
        """
        self._require_standing()
        return self.take(self.read() if replicas is None else self._load(replicas))

    def read(self) -> Manifest:
        """Read the manifest and change nothing. Raises ManifestError."""
        return self._load(scaled(self._hands.manifest))

    def _require_standing(self) -> None:
        if self._downing or self.ended.done():
            raise MamctlError("the supervisor is stopping everything for good", "`mamctl status` tells when it is gone")

    def take(self, manifest: Manifest) -> list[str]:
        """Let a manifest hold; return who is gone from it."""
        self._require_standing()
        gone = [name for name in self._services if name not in manifest.services]
        before = self._hands.manifest
        if manifest != before:
            self._hands.know(manifest)
            self._hands.post(Reload(manifest, self._hands.now))
            told = {"removed": gone, "scaled": changes(before, manifest)}
            self._hands.history.record("manifest-changed", None, 0, told)
        self._journal.scale(scaled(manifest))
        return gone

    async def scale(self, numbers: Mapping[str, int], *, wait: float | None) -> Report:
        """Let services have so many replicas, all of them wanted; the highest go first.

        Raises NotScalableError, ManifestError and UsageError, and then nothing changed.
        """
        self._require_standing()
        before = self._hands.manifest
        wishes = wished(before, numbers)
        manifest = load_scaled(self._load, scaled(before), wishes)
        chosen = replicas_of(manifest, wishes)
        removed = self.take(manifest)
        self._hands.post(Up(tuple(chosen), self._hands.now))
        rescaled = changes(before, manifest)
        return {**await self._brought_up(wait, [*chosen, *removed]), "removed": removed, "scaled": rescaled}

    def begin(self, names: Sequence[str] | None, profiles: Iterable[str] = (), *, alone: bool = False) -> None:
        """Want what a new supervisor was started for: as `up`, of a manifest that was read only now."""
        kept = staying(self._hands.manifest, names)
        if kept != scaled(self._hands.manifest):
            try:
                self.reload(kept)
            except ManifestError as error:
                # What was left running must not be lost with us: it goes on, scaled.
                detail = f"{error.message}, so replicas stay as they are"
                self._hands.history.record("warning", None, 0, {"detail": detail})
        self.want(names, profiles, alone=alone)

    async def start(self, names: Sequence[str], *, wait: float | None, reread: bool = True) -> Report:
        """Start services, dependencies first, as the manifest has them by now; or not, without `reread`."""
        self._require_standing()
        if reread:
            self.reload()
        chosen = self._select_lasting(names)
        self._hands.post(Up(tuple(chosen), self._hands.now, at_once=True))
        return await self._brought_up(wait, chosen)

    async def stop(self, names: Sequence[str], *, wait: float | None) -> Report:
        """Stop these services alone."""
        chosen = self.select(names)
        dependants = {other for name in chosen for other in self._hands.supervisor.running_dependants(name)}
        self._hands.post(Stop(tuple(chosen), self._hands.now))
        return {**await self.settle_stop(chosen, wait=wait), "running_dependants": sorted(dependants - set(chosen))}

    async def settle_stop(self, names: Sequence[str], *, wait: float | None) -> Report:
        """Wait until services that are being stopped have settled; change nothing."""
        report = {**await self._settled(wait, names), "running_dependants": [], "survivors": self._outcomes.survivors()}
        return self._hands.secrecy.tree(report)

    async def restart(self, names: Sequence[str] | None, *, wait: float | None) -> Report:
        """Restart services; without names, all that are wanted, save tasks whose time has not come."""
        self.reload()
        wanted = [
            name for name, found in self._services.items() if found.wanted is Wanted.UP and not found.between_runs
        ]
        chosen = self._select_lasting(names) if names else wanted
        self._hands.post(Restart(tuple(chosen), self._hands.now))
        return await self._brought_up(wait, chosen)

    def signal(self, names: Sequence[str], number: int) -> Report:
        """Send a signal to the main processes of services. Raises NotRunningError."""
        return signal_leaders(self._hands, names, number)

    async def down(self, *, force: bool, wait: float | None) -> Report:
        """Stop everything and end the supervisor."""
        self._downing = True
        self._journal.wish(self._profiles, downing=True)
        # Who asks a second time hears of all that ends.
        self._stopped |= dict.fromkeys(name for name, service in self._services.items() if service.running)
        held = [name for name, service in self._services.items() if service.pid is not None]
        left = await make_way(self._hands, self.until, wait, force=force)
        self._hands.post(Down(self._hands.now, force))
        done = await self.until(lambda: all(found.state in ENDED for found in self._services.values()), left)
        if done:
            await self._hands.hooks.settle()
        survivors = await self._outcomes.sweep() if done else self._outcomes.survivors()
        if done:
            self.end(*self.ending)
        return self._hands.secrecy.tree(
            {"settled": done, "stopped": list(self._stopped), "survivors": survivors, "killed": held if force else []}
        )

    def recall(self, found: Recollection) -> None:
        """Go on with what an earlier supervisor was told."""
        self._profiles.update(found.profiles)

    async def wait_for(self, names: Sequence[str], goal: str, wait: float) -> Report:
        """Wait until services are ready, stopped or completed; end early, with the cause, when one cannot be."""
        if goal not in set(Goal):
            raise UsageError(f"cannot wait for {goal!r}", f"one of {', '.join(Goal)}")
        aim = Goal(goal)
        chosen = self.select(names) if names else [
            name for name, service in self._services.items() if service.wanted is Wanted.UP or aim is Goal.STOPPED
        ]  # fmt: skip
        done = await self.until(lambda: self._verdict(chosen, aim) is not None, wait)
        # Whoever left the manifest meanwhile is no cause, and can be waited for only to be stopped.
        left = [name for name in chosen if name in self._services]
        cause = next((name for name in left if is_hopeless(self._services[name], aim, self._services)), None)
        failure = None if cause is None else self._outcomes.failure(self._services[cause], tail=False)
        return self._hands.secrecy.tree({"ok": done and cause is None, "timed_out": not done, "cause": failure})

    def end(self, code: int, why: str) -> None:
        """End the supervisor once; the first word counts."""
        if not self.ended.done():
            self.ended.set_result((code, why))

    @property
    def downing(self) -> bool:
        """Whether everything is being stopped for good."""
        return self._downing

    def select(self, names: Iterable[str]) -> list[str]:
        """Return the services that names or globs mean. Raises UsageError for one that means none."""
        patterns = list(names)
        # No name means nobody here: who means all of them says so.
        specs = [service.spec for service in self._services.values()]
        return select(patterns, self._services, families_of(specs, self._hands.manifest.replicas)) if patterns else []

    def _select_lasting(self, names: Sequence[str]) -> list[str]:
        """Return the services that names mean, without those that are only waited for to be gone."""
        services, replicas = self._hands.manifest.services, self._hands.manifest.replicas
        return select(names, services, families_of(services.values(), replicas)) if names else []

    def document(self) -> Report:
        """Return the status document."""
        return self._reporter.document()

    # What comes of it -----------------------------------------------------------------------------------------------

    @property
    def _services(self) -> dict[str, Service]:
        return self._hands.supervisor.services

    def _spec(self, name: str) -> ServiceSpec:
        return self._services[name].spec

    def _all_wanted(self) -> list[str]:
        known = self._hands.manifest.services
        return [name for name, found in self._services.items() if name in known and self.starts_by_itself(found.spec)]

    def starts_by_itself(self, spec: ServiceSpec) -> bool:
        """Tell whether `up` without names starts a service."""
        return not spec.manual and (not spec.profiles or bool(spec.profiles & self._profiles))

    async def _brought_up(self, wait: float | None, names: Iterable[str] | None = None) -> Report:
        """Wait until services settled. Raises MamctlError when everything was stopped for good meanwhile."""
        report = await self._settled(wait, names)
        if self._downing:
            raise MamctlError("everything was stopped before it was up", "`mamctl up` starts it again")
        return report

    async def _settled(self, wait: float | None, names: Iterable[str] | None = None) -> Report:
        scope = None if names is None else set(names)

        def settled() -> bool:
            return all(
                is_settled(found, self._services)
                for name, found in self._services.items()
                if scope is None or name in scope
            )

        done = settled() if wait is None else await self.until(settled, wait)
        return self._outcomes.report(done, scope)

    async def until(self, test: Callable[[], bool], wait: float | None) -> bool:
        """Wait until a test holds, looking whenever something happened; tell whether it does by then."""
        try:
            async with asyncio.timeout(wait):
                while not test():
                    await self._hands.changed()
        except TimeoutError:
            return False
        return True

    def _verdict(self, names: Iterable[str], goal: Goal) -> bool | None:
        """Return True when all reached the goal, False when one cannot, None while it is open."""
        chosen = [self._services[name] for name in names if name in self._services]
        if any(is_hopeless(service, goal, self._services) for service in chosen):
            return False
        return True if all(has_reached(service, goal) for service in chosen) else None
