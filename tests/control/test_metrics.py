"""The metrics are what Prometheus reads, and they are true."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from prometheus_client.parser import text_string_to_metric_families

from mamctl.control.metrics import exposition
from mamctl.core.states import State
from tests.control.realstack import RealStack, real_stack
from tests.scripted import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.control.serving import Served

Found = dict[tuple[str, frozenset[tuple[str, str]]], float]


def parsed(text: str) -> Found:
    """Read metrics as Prometheus' own client does: value by name and labels."""
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def value(found: Found, name: str, **labels: str) -> float:
    return found[name, frozenset(labels.items())]


def total(found: Found, name: str) -> float:
    return sum(number for (known, _), number in found.items() if known == name)


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealStack]:
    with real_stack(tmp_path_factory.mktemp("metrics")) as found:
        yield found


def scraped(stack: RealStack) -> Found:
    from mamctl import Client

    with Client(stack.url, token=stack.token) as client:
        return parsed(client.metrics())


def test_every_service_is_in_one_state(stack: RealStack) -> None:
    found = scraped(stack)
    for name, state in [("web", "ready"), ("idle", "ready"), ("task", "completed"), ("broken", "stopped")]:
        states = {one.value: value(found, "mamctl_service_state", service=name, state=one.value) for one in State}
        assert states == {one.value: float(one == state) for one in State}
    assert value(found, "mamctl_service_info", service="task", kind="task", ownership="managed") == 1
    assert value(found, "mamctl_service_wanted", service="web") == 1
    assert value(found, "mamctl_service_wanted", service="broken") == 0


def test_what_processes_use_is_sampled(stack: RealStack) -> None:
    found = scraped(stack)
    assert value(found, "mamctl_service_memory_bytes", service="web") > 1_000_000
    assert value(found, "mamctl_service_processes", service="idle") == 1
    assert value(found, "mamctl_service_open_files", service="web") >= 3
    assert value(found, "mamctl_service_cpu_percent", service="idle") >= 0
    assert ("mamctl_service_memory_bytes", frozenset({("service", "task")})) not in found


def test_output_is_counted_in_bytes(stack: RealStack) -> None:
    eventually(lambda: value(scraped(stack), "mamctl_service_log_bytes_total", service="web") == len("one\ntwo\n"))
    assert value(scraped(stack), "mamctl_service_log_size_bytes", service="web") == len("one\ntwo\n")


def test_exits_are_counted_by_reason_and_restarts_follow(stack: RealStack) -> None:
    before = scraped(stack)
    stack.soon(lambda: stack.manager.operator.signal(["idle"], 9))
    labels = {"service": "idle", "reason": "killed"}
    key = ("mamctl_service_exits_total", frozenset(labels.items()))
    eventually(lambda: scraped(stack).get(key, 0) == before.get(key, 0) + 1)
    eventually(lambda: value(scraped(stack), "mamctl_service_state", service="idle", state="ready") == 1)
    after = scraped(stack)
    restarts = "mamctl_service_restarts_total"
    assert value(after, restarts, service="idle") == value(before, restarts, service="idle") + 1
    starts = "mamctl_service_time_to_ready_seconds"
    assert value(after, f"{starts}_count", service="idle") == value(before, f"{starts}_count", service="idle") + 1
    assert value(after, "mamctl_service_exits_total", service="task", reason="clean") == 1


def test_the_supervisor_tells_of_itself(stack: RealStack) -> None:
    first, second = scraped(stack), scraped(stack)
    assert value(first, "mamctl_supervisor_memory_bytes") > 1_000_000
    assert value(first, "mamctl_supervisor_open_files") > 3
    assert 0 <= value(first, "mamctl_supervisor_loop_lag_seconds") < 5
    assert value(first, "mamctl_supervisor_events_total") >= 4
    assert value(second, "mamctl_supervisor_uptime_seconds") > value(first, "mamctl_supervisor_uptime_seconds") - 0.001
    assert value(first, "mamctl_guardian_up") == 0
    assert value(first, "mamctl_guardian_pid") == 0
    assert total(first, "mamctl_supervisor_info") == 1


def test_scraping_opens_nothing_that_stays(stack: RealStack) -> None:
    scraped(stack)
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(3):
        scraped(stack)
    eventually(lambda: len(os.listdir("/proc/self/fd")) <= before)


def test_it_is_text_with_a_version(served: Served) -> None:
    answered = served.say(b"GET /metrics HTTP/1.1\r\nHost: mamctl\r\nConnection: close\r\n\r\n")
    head, _, body = answered.partition(b"\r\n\r\n")
    assert b"text/plain; version=0.0.4; charset=utf-8" in head
    assert body == b'# HELP up It is up.\n# TYPE up gauge\nup{service="web"} 1\n'


@pytest.mark.parametrize("name", ['a"b', "a\\b", "a\nb", "\u00e9\u4e2d", "a}b{", "# HELP"])
def test_whatever_a_label_holds_is_read_back(name: str) -> None:
    text = exposition([("x", "gauge", 'A "help"\\with\nall.', [("", {"service": name}, 1.5)])])
    assert parsed(text) == {("x", frozenset({("service", name)})): 1.5}


@pytest.mark.parametrize("number", [0.0, -1.0, 1.5, 1e-9, 1e15, 1e300, float("inf"), 123456789.0])
def test_whatever_a_value_is_it_is_read_back(number: float) -> None:
    assert parsed(exposition([("x", "gauge", "x", [("", {}, number)])])) == {("x", frozenset()): number}
