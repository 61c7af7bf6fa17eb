"""Bugs that somebody could write into the core, one replacement each: the test of the tests."""

from __future__ import annotations

from typing import NamedTuple


class Bug(NamedTuple):
    """What goes wrong, and the text of which module becomes which. The old text occurs there exactly once."""

    name: str
    sentence: str
    module: str
    old: str
    new: str


BUGS = (
    Bug(
        "late-timer",
        "A timer that was armed anew is heard when the first one runs out.",
        "reactions.py",
        "return service.timers.get(event.timer) == event.token",
        "return event.timer in service.timers",
    ),
    Bug(
        "timer-twice",
        "A timer counts each time it is told.",
        "reactions.py",
        "    service = service.without(event.timer)\n",
        "",
    ),
    Bug(
        "old-generation",
        "What is told of an older incarnation is taken for news of this one.",
        "reactions.py",
        "return event.generation == service.generation",
        "return event.generation <= service.generation",
    ),
    Bug(
        "spawned-after-exit",
        "A process that ended is believed to exist when its birth is told again.",
        "reactions.py",
        "if service.spawned_at is not None or service.state not in",
        "if service.pid is not None or service.state not in",
    ),
    Bug(
        "no-kill",
        "Who ignores the stop signal is never killed.",
        "reactions.py",
        "return Step(service, (said, Signal(service.name, service.generation, SIGKILL)))",
        "return Step(service, (said,))",
    ),
    Bug(
        "no-grace-timer",
        "Nobody counts the grace period.",
        "lifecycle.py",
        "return Step(service, (Signal(service.name, service.generation, stop.signal), timer))",
        "return Step(service, (Signal(service.name, service.generation, stop.signal),))",
    ),
    Bug(
        "overlap",
        "The next incarnation starts before the last one is seen to be gone.",
        "reactions.py",
        "return Step(gone, (StopProbes(gone.name), said, Clean(gone.name, gone.generation)))",
        "return follow(gone, at=event.at, luck=event.luck, first=(StopProbes(gone.name), said))",
    ),
    Bug(
        "crash-while-stopping",
        "A service that crashes while it is stopped is restarted.",
        "reactions.py",
        "after = service.halt or exits.verdict(",
        "after = exits.verdict(",
    ),
    Bug(
        "double-spawn",
        "`up` spawns once more what is just being spawned.",
        "lifecycle.py",
        "case State.STOPPED | State.FAILED | State.BACKOFF:",
        "case State.STOPPED | State.FAILED | State.BACKOFF | State.STARTING:",
    ),
    Bug(
        "no-start-timeout",
        "A service may start for ever.",
        "lifecycle.py",
        "if service.run.start_timeout is not None and service.spawned_at is not None:",
        "if service.run.start_timeout is None and service.spawned_at is not None:",
    ),
    Bug(
        "attempts-not-counted",
        "An attempt leaves no trace in the budget.",
        "budget.py",
        "return Budget((*kept, at)[excess:],",
        "return Budget(kept[excess:],",
    ),
    Bug(
        "one-attempt-too-many",
        "It is given up one restart too late.",
        "budget.py",
        "len(kept) >= policy.max_attempts",
        "len(kept) > policy.max_attempts",
    ),
    Bug(
        "streak-ages-out",
        "A service that dies slowly is never given up: its attempts age out though it was never ready.",
        "budget.py",
        "max(0, len(old) - excess)",
        "len(kept) + 1 - excess",
    ),
    Bug(
        "no-cap",
        "The delay grows beyond all measure.",
        "budget.py",
        "min(policy.max_delay, policy.delay * policy.factor ** min(attempts, REMEMBERED))",
        "policy.delay * policy.factor ** min(attempts, REMEMBERED)",
    ),
    Bug(
        "jitter-one-way",
        "Jitter only ever lengthens.",
        "budget.py",
        "(2 * luck - 1)",
        "(2 * luck - 1) ** 2",
    ),
    Bug(
        "ready-clears-budget",
        "Being ready for a moment clears the budget.",
        "lifecycle.py",
        "budget, bad_live = service.budget.became_ready(), service.bad_live",
        "budget, bad_live = Budget(), service.bad_live",
    ),
    Bug(
        "never-stable",
        "However long it was ready, the budget is not cleared.",
        "reactions.py",
        "return Step(service.but(budget=Budget()))",
        "return Step(service)",
    ),
    Bug(
        "backoff-for-ever",
        "Nobody wakes a service in backoff.",
        "lifecycle.py",
        "return Step(backing, (*first, said, timer))",
        "return Step(backing, (*first, said))",
    ),
    Bug(
        "never-means-sometimes",
        "The policy `never` does not hold for failed spawns, timeouts and liveness.",
        "exits.py",
        "return Then.FAIL if spec.restart.policy is Policy.NEVER else Then.RETRY",
        "return Then.RETRY",
    ),
    Bug(
        "config-error-retried",
        "Exit 78 is taken for a crash.",
        "exits.py",
        "return Halt(Then.FAIL, Reason.CONFIG_ERROR,",
        "return Halt(Then.RETRY, Reason.CONFIG_ERROR,",
    ),
    Bug(
        "stop-order",
        "A dependency is signalled while its dependants are still stopping.",
        "supervisor.py",
        "if all(other.state is not State.STOPPING for other in behind):",
        "if list(behind) is not None:",
    ),
    Bug(
        "unhealthy-is-met",
        "A dependant starts on an unhealthy dependency.",
        "dependencies.py",
        "return other.state is State.READY\n",
        "return other.state in (State.READY, State.UNHEALTHY)\n",
    ),
    Bug(
        "failed-is-waited-for",
        "Dependants of a failed service wait for ever.",
        "dependencies.py",
        "if other.state is State.FAILED:",
        "if other.state is State.BACKOFF:",
    ),
    Bug(
        "no-way-back",
        "Who failed by a dependency does not come back with it.",
        "supervisor.py",
        "case State.FAILED if service.reason is Reason.DEPENDENCY_FAILED:",
        "case State.FAILED if service.reason is Reason.ABSENT:",
    ),
    Bug(
        "neighbours-not-told",
        "Nobody hears that a process exists.",
        "dependencies.py",
        "return service.state, service.pid is None, service.returning,",
        "return service.state, service.returning,",
    ),
    Bug(
        "optional-is-not-awaited",
        "An optional dependency is not waited for even while it starts.",
        "dependencies.py",
        "if not dependency.required and not is_underway(other):",
        "if not dependency.required:",
    ),
    Bug(
        "alone-in-a-crash",
        "A dependant with `restart: true` stays when its dependency crashes.",
        "supervisor.py",
        "        if service.returning:\n            for other",
        "        if service.returning and service.pid is not None:\n            for other",
    ),
    Bug(
        "one-failure-too-many",
        "Liveness acts one failure too late.",
        "probing.py",
        "service.bad_live + 1 >= probe.failures",
        "service.bad_live >= probe.failures",
    ),
    Bug(
        "failures-not-in-a-row",
        "A success of the live probe does not make the failures begin anew.",
        "probing.py",
        "bad_live=0 if event.ok else service.bad_live + 1",
        "bad_live=service.bad_live + (not event.ok)",
    ),
    Bug(
        "task-again",
        "`up` runs a completed task again.",
        "lifecycle.py",
        "case State.COMPLETED if not service.is_task:",
        "case State.COMPLETED:",
    ),
    Bug(
        "back-from-the-dead",
        "`up` brings back what is gone from the manifest.",
        "lifecycle.py",
        "    if service.leaving:\n        return service\n",
        "",
    ),
    Bug(
        "number-used-again",
        "A service that comes back into the manifest hears of its former life.",
        "supervisor.py",
        "return Service(spec) if past is None else",
        "return Service(spec) if past is not None else",
    ),
    Bug(
        "stranger-is-nobody",
        "We spawn our own beside a stranger who holds the place of an external service.",
        "reactions.py",
        "        case Found.STRANGER:\n",
        "        case Found.STRANGER if service.spec.external is None:\n",
    ),
    Bug(
        "not-essential",
        "An essential service that failed ends nothing.",
        "supervisor.py",
        "service.spec.essential and self.ending is None",
        "service.spec.essential and self.ending is not None",
    ),
    Bug(
        "absent-is-no-hope",
        "Waiting for an absent service is given up.",
        "outcome.py",
        "return any(found.state in ENDED for found in obstacles(service, services))",
        "return is_blocked(service, services)",
    ),
)
