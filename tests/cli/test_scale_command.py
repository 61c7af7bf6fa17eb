"""`mamctl scale`, and what a service with replicas is called by the other commands."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from fake_supervisor import document, report, row

from mamctl.cli.asrun import manifest_as_run
from mamctl.cli.invocation import Invocation
from mamctl.cli.operate import _meant

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from conftest import Outcome
    from fake_supervisor import FakeSupervisor

WORKERS = [row(f"worker-{number}", service="worker", layer=1) for number in (1, 2)]
REPLICATED = """\
name: mam
services:
  worker: {command: [sh, -c, exit 3$MAMCTL_REPLICA], replicas: 2, port: 8001-8009}
  idle: {command: [sleep, "60"], replicas: 0}
  shard: {kind: task, command: [sh, -c, exit 3$MAMCTL_REPLICA], replicas: 1}
  web: {command: [sleep, "60"], port: 8100-8101}
"""


def scaled(before: int, now: int, **changes: Any) -> Callable[[Any], tuple[int, Any]]:
    change = {"service": "worker", "before": before, "now": now}
    told = {"removed": [], "scaled": [change] if before != now else [], **changes}
    return lambda _body: (200, report(*WORKERS, **told))


@pytest.fixture
def replicated(stack: Path) -> Path:
    (stack / "services.yaml").write_text(REPLICATED)
    return stack


def test_scale_shows_the_table_and_how_many_there_are(
    supervisor: FakeSupervisor, mamctl: Callable[..., Outcome]
) -> None:
    supervisor.answers["POST /v1/scale"] = scaled(3, 2, removed=["worker-3"])
    outcome = mamctl("scale", "worker=2", "--timeout", "5s")
    assert outcome.code == 0
    assert "worker-2  ● ready" in outcome.out
    assert outcome.err == "\nworker: 2 replicas, 3 before\n"
    assert supervisor.wait_for("POST", "/v1/scale") == {"replicas": {"worker": 2}, "wait": 5.0}


def test_scale_to_what_is_there_says_so(supervisor: FakeSupervisor, mamctl: Callable[..., Outcome]) -> None:
    supervisor.answers["POST /v1/scale"] = scaled(1, 1)
    assert mamctl("scale", "worker=1").err == "\nworker: 1 replica, as before\n"


def test_several_are_scaled_with_one_request_so_that_a_refusal_is_one_of_all(
    supervisor: FakeSupervisor, mamctl: Callable[..., Outcome]
) -> None:
    supervisor.answers["POST /v1/scale"] = scaled(1, 2)
    assert mamctl("scale", "worker=2", "web=3").code == 0
    assert [body for verb, _, body in supervisor.requests if verb == "POST"] == [
        {"replicas": {"worker": 2, "web": 3}, "wait": 120.0}
    ]


def test_a_failure_of_a_new_replica_is_told_and_the_code_is_1(
    supervisor: FakeSupervisor, mamctl: Callable[..., Outcome]
) -> None:
    failed = {"service": "worker-2", "state": "failed", "reason": "exited", "detail": "exited with code 3", "tail": []}
    supervisor.answers["POST /v1/scale"] = scaled(1, 2, ok=False, failed=[failed])
    outcome = mamctl("scale", "worker=2")
    assert outcome.code == 1
    assert "✗ worker-2 failed: exited with code 3" in outcome.err


@pytest.mark.parametrize("wish", ["worker", "worker=", "=2", "worker=-1", "worker=two", "worker=1001", "worker=1e3"])
def test_what_is_no_number_of_replicas_is_a_usage_error(
    supervisor: FakeSupervisor, mamctl: Callable[..., Outcome], wish: str
) -> None:
    outcome = mamctl("scale", wish)
    assert outcome.code == 2
    assert outcome.err.splitlines() == [
        f"error: '{wish}' is not SERVICE=N", "hint: write `mamctl scale worker=3`; N is 0 to 1000",
    ]  # fmt: skip
    assert supervisor.requests == []


def test_a_service_cannot_be_scaled_to_two_numbers(mamctl: Callable[..., Outcome]) -> None:
    assert mamctl("scale", "worker=1", "worker=2").err.startswith("error: worker is named twice")


def test_a_refusal_is_told_with_its_hint(supervisor: FakeSupervisor, mamctl: Callable[..., Outcome]) -> None:
    body = {"error": "the manifest gives db no replicas", "code": "not_scalable", "hint": "write `replicas: 1` there"}
    supervisor.answers["POST /v1/scale"] = lambda _body: (409, body)
    outcome = mamctl("scale", "db=2")
    assert (outcome.code, outcome.err) == (
        1, "error: the manifest gives db no replicas\nhint: write `replicas: 1` there\n",
    )  # fmt: skip


def test_up_says_that_the_number_is_the_manifests_again(
    supervisor: FakeSupervisor, mamctl: Callable[..., Outcome]
) -> None:
    answer = scaled(3, 2, removed=["worker-3", "old"])
    supervisor.answers["POST /v1/up"] = answer
    assert mamctl("up", "-d").err.splitlines() == [
        "",
        "worker: 2 replicas, 3 before: the manifest says so",
        "stopped, because the manifest has them no more: old",
    ]


def test_the_event_of_a_changed_number_says_which(stack: Path, mamctl: Callable[..., Outcome]) -> None:
    data = {"removed": ["worker-2", "old"], "scaled": [{"service": "worker", "before": 2, "now": 1}]}
    event = {"seq": 1, "at": "2026-01-31T12:00:00.123Z", "service": None, "generation": 0}
    line = json.dumps({**event, "type": "manifest-changed", "data": data})
    (stack / ".mamctl" / "events").write_text(f"{line}\n")
    assert "the manifest was read again; gone from it: old; worker: 1 replica, 2 before" in mamctl("events").out


# The common name ------------------------------------------------------------------------------------------------------


def test_status_of_the_common_name_shows_each_replica(
    supervisor: FakeSupervisor, mamctl: Callable[..., Outcome]
) -> None:
    supervisor.document = {**document(*WORKERS, row("db")), "replicas": {"worker": {}, "idle": {}}}
    assert [one["name"] for one in json.loads(mamctl("status", "worker", "--json").out)["services"]] == [
        "worker-1", "worker-2",
    ]  # fmt: skip
    assert json.loads(mamctl("status", "idle", "--json").out)["services"] == []
    assert mamctl("status", "idle").out.endswith("\nthere is no replica now\n")
    assert mamctl("status", "worke").err == "error: no such service: worke\nhint: did you mean worker?\n"


def test_at_rest_the_status_has_the_manifests_replicas(replicated: Path, mamctl: Callable[..., Outcome]) -> None:
    found = json.loads(mamctl("status", "--json").out)
    assert [one["name"] for one in found["services"] if one["service"] == "worker"] == ["worker-1", "worker-2"]
    assert found["replicas"]["idle"] == {"number": 0, "manifest": 0}


def test_stop_takes_the_replicas_of_several_in_the_order_of_their_layers(
    supervisor: FakeSupervisor, stack: Path
) -> None:
    supervisor.document = {**document(row("db"), *WORKERS, row("api", layer=2)), "replicas": {"worker": {}}}
    invocation = Invocation(file=None, color="never", environ={})
    assert _meant(invocation, "stop", ["db", "worker", "api"]) == ["api", "worker-1", "worker-2", "db"]


def test_logs_of_the_common_name_are_those_of_all_also_of_replicas_that_are_gone(
    replicated: Path, mamctl: Callable[..., Outcome]
) -> None:
    (replicated / "logs").mkdir()
    for name in ("worker-1", "worker-5", "worker-x", "web"):
        (replicated / "logs" / f"{name}.log").write_text(f"I am {name}\n")
    assert sorted(mamctl("logs", "worker", "--no-prefix").out.splitlines()) == ["I am worker-1", "I am worker-5"]
    assert mamctl("logs", "idle").out == ""


def test_run_takes_the_only_replica_or_one_by_its_name(replicated: Path, mamctl: Callable[..., Outcome]) -> None:
    assert [mamctl("run", name).code for name in ("shard", "worker-2")] == [31, 32]
    assert mamctl("run", "worker").err == (
        "error: worker means 2 services, and this is one terminal\nhint: name one: worker-1\n"
    )
    assert mamctl("run", "idle").err == "error: idle has no replica now\nhint: `mamctl scale idle=1` gives it one\n"


def test_the_manifest_as_it_is_run_has_the_supervisors_numbers_and_ports(
    supervisor: FakeSupervisor, replicated: Path
) -> None:
    supervisor.document = {
        **document(row("worker-1", service="worker", ports={"http": 8005}), row("web", ports={"http": 8101})),
        "replicas": {"worker": {"number": 1, "manifest": 2}, "shard": {"number": 3, "manifest": 3}},
    }
    found = manifest_as_run(Invocation(file=None, color="never", environ={}))
    assert list(found.services) == ["worker-1", "shard-1", "web"]
    assert [found.services[name].ports[0].number for name in ("worker-1", "web")] == [8005, 8101]


def test_config_shows_each_replica_and_how_many_there_are(replicated: Path, mamctl: Callable[..., Outcome]) -> None:
    found = json.loads(mamctl("config", "--json").out)
    assert list(found["services"]) == ["worker-1", "worker-2", "shard-1", "web"]
    assert found["x-replicas"] == {"worker": 2, "idle": 0, "shard": 1}


@pytest.mark.slow
@pytest.mark.parametrize("observes", [False, True])
def test_who_stays_with_the_stack_hears_each_replica_once(
    tmp_path: Path, mamctl: Callable[..., Outcome], monkeypatch: pytest.MonkeyPatch, observes: bool
) -> None:
    """A replica that comes back goes on where its log was left: what was shown, or was from an earlier run, is old."""
    monkeypatch.chdir(tmp_path)
    worker = {"command": ["sh", "-c", "echo replica $MAMCTL_REPLICA $MAMCTL_INSTANCE; sleep 1000"], "replicas": 1}
    services = {"worker": worker, "still": {"command": ["sleep", "1000"]}}
    (tmp_path / "services.yaml").write_text(json.dumps({"name": "mam", "services": services}))
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "worker-2.log").write_text("of long ago\n")
    command = [sys.executable, "-m", "mamctl.cli.main", "up"]
    try:
        if observes:
            assert mamctl("up", "-d").code == 0
        with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, text=True) as up:
            assert up.stdout is not None
            next(line for line in up.stdout if ("observing" if observes else "all 2 ready") in line)
            for number in (2, 0, 2):
                assert mamctl("scale", f"worker={number}").code == 0
            assert mamctl("down").code == 0
            told = up.stdout.read()
    finally:
        mamctl("down")
    lines = [line.partition(" | ")[2] for line in told.splitlines() if " | " in line]
    assert len(lines) == len(set(lines)) == 3
    assert {line.rsplit(" ", 1)[0] for line in lines} == {"replica 1", "replica 2"}
