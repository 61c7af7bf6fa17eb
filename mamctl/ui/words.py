"""The single home of prose: every state, reason and error as a sentence with a next step.

Pure functions from a status row, an event or a report (the JSON of the control API) to text without colour.

| function | answers | example |
| --- | --- | --- |
| `why` | a row's state in a few words | `exit code 3, next try in 2 s (attempt 2)` |
| `next_step` | what a person can do about it | `mamctl logs backend` |
| `totals` | the whole stack in one phrase | `6 of 7 ready, 1 failed` |
| `waits` | whom somebody waits for | `waits for backend and migrate` |
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from mamctl.ui.amounts import count, duration, local, moment

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    Row = Mapping[str, Any]

GOOD: Final = frozenset({"ready", "completed"})

# What each reason means when the supervisor gave no sentence of its own.
_REASONS: Final = {
    "by_operator": "by you",
    "dependency_failed": "a dependency failed",
    "dependency_waiting": "a dependency is not ready yet",
    "spawn_failed": "it could not be started",
    "command_not_found": "its command was not found",
    "port_taken": "its port is taken",
    "start_timeout": "it was not ready in time",
    "exited": "it ended by itself",
    "killed": "a signal ended it",
    "oom": "the system ran out of memory and ended it",
    "memory_limit": "it went over its memory limit",
    "watchdog": "it stopped sending its watchdog signal",
    "liveness_failed": "its live probe failed",
    "gave_up": "it failed too often and was given up",
    "config_error": "its configuration is wrong: its exit code 78 says so, or its user is not to be had",
    "absent": "nobody answers yet",
    "wrong_service": "somebody else answers on its port",
    "unsupervised_exit": "it ended while no supervisor ran",
    "changed_on_disk": "its manifest or its files changed",
    "scheduled": "it waits for its time",
}

# Why a supervisor left, where its own word is too short to be understood alone.
ENDINGS: Final = {"down": "everything was stopped for good"}

_STEPS: Final = {
    "by_operator": "`mamctl start {name}` starts it again",
    "dependency_failed": "mend the dependency: {name} then starts by itself",
    "spawn_failed": "mend that (`command` and `cwd` of {name} are in the manifest), then `mamctl restart {name}`",
    "command_not_found": "install the command or correct `command` of {name}, then `mamctl restart {name}`",
    "port_taken": "stop the holder or change `port` of {name}, then `mamctl restart {name}`",
    "start_timeout": "`mamctl logs {name}` shows what it was doing; a slow start needs a longer `start_timeout`",
    "exited": "`mamctl logs {name}` shows its last words",
    "killed": "`mamctl logs {name}` shows its last words",
    "oom": "give {name} less to do or the machine more memory, then `mamctl restart {name}`",
    "memory_limit": "raise `limits.memory` of {name} or find the leak, then `mamctl restart {name}`",
    "watchdog": "`mamctl logs {name}` shows where it hangs",
    "liveness_failed": "`mamctl logs {name}` shows why it stopped answering",
    "gave_up": "`mamctl logs {name}` shows why; `mamctl restart {name}` tries again",
    "config_error": "correct its configuration, then `mamctl restart {name}`",
    "absent": "start it by hand: it is picked up as soon as it answers",
    "wrong_service": "stop what listens there (`mamctl ports` names it), or change `port` of {name}",
    "unsupervised_exit": "`mamctl logs {name}` shows its last words; `mamctl start {name}` starts it again",
    "changed_on_disk": "`mamctl up` applies the manifest as it is now",
}


def names(items: Sequence[str], *, most: int = 4) -> str:
    """Return names as people list them: `a`, `a and b`, `a, b and 3 more`."""
    if len(items) > most:
        return f"{', '.join(items[: most - 1])} and {len(items) - most + 1} more"
    if len(items) < 2:
        return "".join(items)
    return f"{', '.join(items[:-1])} and {items[-1]}"


def waits(waits_for: Sequence[str]) -> str:
    """Return whom it waits for."""
    return f"waits for {names(waits_for)}" if waits_for else "waits"


def plain(text: str) -> str:
    """Return a sentence without what a terminal would obey: it may hold a service's own words."""
    if text.isprintable():
        return text
    from mamctl.ui.escape import displayable  # A regular expression that plain words do not need.

    return displayable(text.encode("utf-8", "replace"))


def reason(row: Row) -> str:
    """Return why it is so: the supervisor's own sentence, else the meaning of the reason's word."""
    word = row.get("reason")
    return plain(str(row.get("detail") or "")) or (_REASONS.get(word, word.replace("_", " ")) if word else "")


def why(row: Row) -> str:
    """Return the few words that stand beside a state in the table; "" when the state says all."""
    state = row.get("state")
    text = reason(row)
    if state == "waiting" and row.get("reason") == "absent":
        return f"absent: {text}"
    if state == "waiting" and row.get("waits_for"):
        return waits(row["waits_for"])
    if state == "backoff":
        return f"{text or 'it failed'}; {next_try(row)}"
    if state == "starting":
        return starting(row, text)
    if state == "ready" and not text and row.get("ownership") == "external":
        return "started by hand"
    return between_runs(row, text) if row.get("next_run_at") else text


def between_runs(row: Row, text: str) -> str:
    """Return what became of a scheduled task's last run, and when the next one is."""
    if row.get("state") not in ("completed", "failed"):
        return text
    when = f"next run at {local(moment(row['next_run_at']))}"
    return f"{text}; {when}" if text else when


def starting(row: Row, text: str) -> str:
    """Return what a start is waiting for, and how much of its time is gone."""
    gone, limit = row.get("uptime_s"), row.get("start_timeout_s")
    if gone is None or not limit:
        return text
    return f"{text or 'not ready yet'} ({duration(float(gone))} of {duration(float(limit))})"


def brief(row: Row) -> str:
    """Return why in a few words where the whole sentence stands nearby: a long one is not told twice."""
    match row.get("reason"):
        case "absent":
            return "absent"
        case "port_taken" | "wrong_service" as word:
            return _REASONS[word]
        case _:
            return why(row)


def absent(name: str) -> str:
    """Return what to know about an external service that nobody has started."""
    return f"{name} is absent: it is picked up as soon as it answers"


def followers(found: Sequence[str]) -> str:
    """Return what to know about services that failed only because one that they need did."""
    verb = "starts by itself" if len(found) == 1 else "start by themselves"
    return f"{names(found)} {verb} once what failed is mended"


def next_try(row: Row) -> str:
    """Return when it is tried again, and the how-manieth time that is."""
    seconds = row.get("next_attempt_in_s")
    when = "next try" if seconds is None else f"next try in {duration(float(seconds))}"
    if not row.get("attempt"):
        return when
    most = f" of {row['max_attempts']}" if row.get("max_attempts") else ""
    return f"{when} (attempt {row['attempt']}{most})"


def next_step(row: Row) -> str | None:
    """Return what a person can do about a service that is not well; None when there is nothing to do."""
    if row.get("state") in (*GOOD, "starting", "stopping", "backoff"):
        return None
    if row.get("state") == "unhealthy":
        return f"`mamctl logs {row.get('name') or row.get('service')}` shows what it is doing"
    step = _STEPS.get(str(row.get("reason")))
    return step.format(name=row.get("name") or row.get("service")) if step else None


def wanted(rows: Iterable[Row]) -> list[Row]:
    """Return the rows that should be up. An absent external counts only through those who wait for it.

    A task whose time has not come is as it should be, but not up.
    """
    return [row for row in rows if row.get("wanted") == "up" and not _is_out(row)]


def _is_out(row: Row) -> bool:
    return row.get("state") == "waiting" and row.get("reason") in ("absent", "scheduled")


def all_well(rows: Iterable[Row]) -> bool:
    """Tell whether everything that is wanted is ready or completed."""
    return all(row["state"] in GOOD for row in wanted(rows))


def totals(rows: Sequence[Row]) -> str:
    """Return the stack in one phrase: `all 7 ready`, `6 of 7 ready, 1 failed`, `nothing runs`, `1 scheduled`."""
    counted = wanted(rows)
    if not counted:
        resting = sum(row.get("reason") == "scheduled" for row in rows)
        return f"{resting} scheduled" if resting else "nothing runs"
    good = sum(row["state"] in GOOD for row in counted)
    if good == len(counted):
        return f"all {good} ready" if good > 1 else "1 of 1 ready"
    rest: dict[str, int] = {}
    for row in counted:
        if row["state"] not in GOOD:
            rest[row["state"]] = rest.get(row["state"], 0) + 1
    others = ", ".join(f"{number} {state}" for state, number in rest.items())
    return f"{good} of {len(counted)} ready, {others}"


def ended(data: Row) -> str:
    """Return how a process ended: `exit code 3`, `signal 9 (KILL)`; "" when that is not known."""
    if data.get("exit_signal"):
        return f"ended by signal {signal_name(data['exit_signal'])}"
    if data.get("exit_code") is not None:
        return f"exit code {data['exit_code']}"
    return ""


def signal_name(value: object) -> str:
    """Return a signal's number or name as people know it: `9 (KILL)`, `TERM`."""
    if not isinstance(value, int):
        return str(value).removeprefix("SIG")
    import signal

    try:
        return f"{value} ({signal.Signals(value).name.removeprefix('SIG')})"
    except ValueError:
        return str(value)


def settled(rows: Sequence[Row], seconds: float | None) -> str:
    """Return the one line that says how bringing up came out."""
    text = totals(rows)
    return f"{text} in {duration(seconds)}" if seconds is not None and all_well(rows) else text


def survivor(found: Row) -> str:
    """Return a process that outlived its stop."""
    return f"pid {found.get('pid')} ({found.get('command') or 'command unknown'})"


def rescaled(changes: Iterable[Mapping[str, Any]]) -> list[str]:
    """Return a sentence for each service that has another number of replicas than before."""
    return [f"{one['service']}: {count(one['now'], 'replica')}, {one['before']} before" for one in changes]


def not_of(changes: Iterable[Mapping[str, Any]], removed: Iterable[str]) -> list[str]:
    """Return which of the removed services were no replicas of one that has fewer now."""
    fewer = {f"{one['service']}-{number}" for one in changes for number in range(one["now"] + 1, one["before"] + 1)}
    return [name for name in removed if name not in fewer]


def survivors(found: Sequence[Row]) -> str:
    """Return all processes that outlived their stop, as one sentence."""
    number = count(len(found), "process is", "processes are")
    return f"{number} still there: {', '.join(survivor(one) for one in found)}"
