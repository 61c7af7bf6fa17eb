"""Every endpoint answers what it should, and refuses what it should with the error body of the contract."""

from __future__ import annotations

import contextlib
import json
from typing import TYPE_CHECKING, Any

import pytest

from mamctl.core.errors import MamctlError, ManifestError, NotRunningError, NotScalableError, Problem, TimedOut
from tests.control.serving import Unix, serving

if TYPE_CHECKING:
    import pathlib

    from tests.control.serving import Served

JSON = {"Content-Type": "application/json"}


def post(served: Served, path: str, body: Any) -> tuple[int, Any]:
    return served.ask("POST", path, json.dumps(body).encode(), JSON)


def test_what_is_read_is_answered(served: Served) -> None:
    assert served.ask("GET", "/v1/status")[1]["name"] == "test"
    assert served.ask("GET", "/v1/health") == (200, {"status": "healthy"})
    assert served.ask("GET", "/v1/ports") == (200, {"ports": [{"service": "web", "port": 1}]})
    assert served.ask("GET", "/v1/graph")[1]["layers"] == [["db"], ["web"]]
    assert served.ask("GET", "/v1/services/db") == (200, {"name": "db", "state": "ready"})


@pytest.mark.parametrize(
    ("path", "body", "call"),
    [
        ("/v1/up", {}, ("up", (None, (), False, None))),
        (
            "/v1/up",
            {"services": ["web"], "profiles": ["ai"], "no_deps": True, "wait": 3},
            ("up", (["web"], ("ai",), True, 3.0)),
        ),
        ("/v1/up", {"only_wait": True, "wait": 2}, ("settle", (2.0,))),
        ("/v1/down", {"force": True, "wait": 1}, ("down", (True, 1.0))),
        ("/v1/restart", {"services": ["db"]}, ("restart", (["db"], None))),
        ("/v1/services/web/start", {"wait": 1.5}, ("start", (["web"], 1.5))),
        ("/v1/services/web/stop", {}, ("stop", (["web"], None))),
        ("/v1/services/w%65b/restart", {}, ("restart", (["web"], None))),
        ("/v1/services/*/stop", {}, ("stop", (["web", "db"], None))),
        ("/v1/up", {"services": None, "wait": None}, ("up", (None, (), False, None))),
        ("/v1/up", {"services": []}, ("up", ([], (), False, None))),
    ],
)
def test_what_changes_something_reaches_the_operator(served: Served, path: str, body: Any, call: Any) -> None:
    assert post(served, path, body) == (200, {"ok": True, "calls": 1})
    assert served.operator.calls == [call]


def test_waiting_has_services_a_goal_and_a_deadline(served: Served) -> None:
    assert served.ask("GET", "/v1/wait?services=web,db&for=stopped&timeout=1.5")[0] == 200
    assert served.ask("GET", "/v1/wait?timeout=500ms")[0] == 200
    assert served.ask("GET", "/v1/wait")[0] == 200
    assert served.operator.calls == [
        ("wait_for", (["web", "db"], "stopped", 1.5)),
        ("wait_for", ([], "ready", 0.5)),
        ("wait_for", ([], "ready", 60.0)),
    ]


def test_a_post_needs_no_body(served: Served) -> None:
    assert served.ask("POST", "/v1/down")[0] == 200


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/", 404, "unknown_path"),
        ("GET", "/v1/nothing", 404, "unknown_path"),
        ("GET", "/v2/status", 404, "unknown_path"),
        ("GET", "/v1/services", 404, "unknown_path"),
        ("GET", "/v1/services/none", 404, "unknown_service"),
        ("GET", "/v1/services/*", 400, "bad_request"),
        ("POST", "/v1/services/none/start", 404, "unknown_service"),
        ("POST", "/v1/services/web/eat", 404, "unknown_path"),
        ("POST", "/v1/services/web/start/now", 404, "unknown_path"),
        ("POST", "/v1/status", 405, "method_not_allowed"),
        ("GET", "/v1/up", 405, "method_not_allowed"),
        ("DELETE", "/v1/services/web", 405, "method_not_allowed"),
        ("GET", "/v1/services/web/stop", 405, "method_not_allowed"),
        ("POST", "/v1/logs", 405, "method_not_allowed"),
        ("GET", "/v1/wait?timeout=long", 400, "bad_request"),
        ("GET", "/v1/wait?timeout=nan", 400, "bad_request"),
        ("GET", "/v1/wait?timeout=-1", 400, "bad_request"),
        ("GET", "/v1/wait?timeout=86400", 400, "bad_request"),
        ("GET", "/v1/events?since=%C2%B2", 400, "bad_request"),
        ("GET", "/v1/events?since=-1", 400, "bad_request"),
        ("GET", "/v1/events?since=9999999999999999999999", 400, "bad_request"),
        ("GET", "/v1/logs?service=none", 404, "unknown_service"),
        ("GET", "/v1/logs?tail=many", 400, "bad_request"),
        ("GET", "/v1/logs?tail=1000000", 400, "bad_request"),
        ("GET", "/v1/logs?since=yesterday", 400, "bad_request"),
        ("GET", "/v1/logs?follow=perhaps", 400, "bad_request"),
        ("GET", "/v1/logs?folow=1", 400, "unknown_parameter"),
        ("GET", "/v1/logs?follow=", 400, "bad_request"),
        ("GET", "/v1/status?since=1", 400, "unknown_parameter"),
        ("GET", "/v1/wait?for=rich", 400, "bad_request"),
        ("GET", "/v1/services/", 404, "unknown_path"),
        ("POST", "/metrics", 405, "method_not_allowed"),
    ],
)
def test_what_cannot_be_is_refused_with_the_error_body(
    served: Served, method: str, path: str, status: int, code: str
) -> None:
    found, document = served.ask(method, path)
    assert (found, document["code"]) == (status, code)
    assert set(document) == {"error", "code", "hint", "timestamp"}
    assert document["timestamp"].endswith("Z")
    assert served.operator.calls == []


@pytest.mark.parametrize(
    "body",
    [
        {"services": "web"},
        {"services": [1]},
        {"profiles": {}},
        {"no_deps": "yes"},
        {"wait": "long"},
        {"wait": [1]},
        {"wait": -1},
        {"wait": 10**400},
        {"wait": 3601},
        {"only_wait": 1},
    ],
)
def test_a_body_with_wrong_values_is_refused(served: Served, body: Any) -> None:
    status, document = post(served, "/v1/up", body)
    assert (status, document["code"]) == (400, "bad_request")
    assert served.operator.calls == []


@pytest.mark.parametrize(
    ("body", "headers", "status", "code"),
    [
        (b"{", JSON, 400, "bad_json"),
        (b"[" * 100_000, JSON, 400, "bad_json"),
        (b"\xff\xfe\x00", JSON, 400, "bad_json"),
        (b"[]", JSON, 400, "bad_json"),
        (b"3", JSON, 400, "bad_json"),
        (b"{}", {"Content-Type": "text/plain"}, 415, "not_json"),
        (b"{}", {}, 415, "not_json"),
        (b"{}", {"Content-Type": "application/jsonp"}, 415, "not_json"),
        (b"{}", {"Content-Type": "Application/JSON; charset=utf-8"}, 200, None),
        (b" " * ((1 << 20) + 1), JSON, 413, "too_large"),
        (b"{}" + b" " * ((1 << 20) - 2), JSON, 200, None),
    ],
    ids=lambda value: str(value[:12]) if isinstance(value, bytes) else str(value),
)
def test_a_body_is_a_json_object_of_at_most_a_mebibyte(
    served: Served, body: bytes, headers: dict[str, str], status: int, code: str | None
) -> None:
    found, document = served.ask("POST", "/v1/up", body, headers)
    assert (found, document.get("code")) == (status, code)
    assert len(served.operator.calls) == (1 if status == 200 else 0)


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("mamctl", 200), ("localhost", 200), ("LOCALHOST:80", 200), ("127.0.0.1:7373", 200), ("[::1]", 200),
        ("[::1]:80", 200), ("evil.example", 400), ("evil.example:80", 400), ("mamctl.evil.example", 400), ("", 400),
    ],
)  # fmt: skip
def test_only_our_own_names_are_hosts(served: Served, host: str, status: int) -> None:
    found, document = served.ask("GET", "/v1/health", headers={"Host": host})
    assert found == status
    assert status == 200 or document["code"] == "bad_host"


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (MamctlError("it could not be"), 503, "failed"),
        (TimedOut("it took too long"), 503, "timed_out"),
        (ManifestError((Problem("services.yaml", 3, 5, "services.web", "unknown key", "did you mean command?"),)), 400,
         "manifest_invalid"),
    ],
)  # fmt: skip
def test_the_operators_errors_have_a_status_each(served: Served, error: MamctlError, status: int, code: str) -> None:
    served.operator.fault = error
    found, document = post(served, "/v1/up", {})
    assert (found, document["code"], document["error"]) == (status, code, error.message)
    if isinstance(error, ManifestError):
        assert document["problems"] == [problem._asdict() for problem in error.problems]


@pytest.mark.parametrize(
    ("path", "body", "hint"),
    [
        ("/v1/up", {"no_dep": True}, "did you mean no_deps?"),
        ("/v1/up", {"zzz": None}, "known: services, profiles, no_deps, only_wait, wait"),
        ("/v1/down", {"fource": True}, "did you mean force?"),
        ("/v1/services/web/start", {"services": ["db"]}, "known: wait"),
        ("/v1/reexec", {"wait": 1}, "it takes no field at all"),
    ],
)
def test_a_field_that_nobody_knows_is_refused_with_the_nearest_one(
    served: Served, path: str, body: Any, hint: str
) -> None:
    status, document = post(served, path, body)
    assert (status, document["code"], document["hint"]) == (400, "unknown_field", hint)
    assert served.operator.calls == []


def test_an_unknown_path_comes_with_the_nearest_one(served: Served) -> None:
    assert served.ask("GET", "/v1/statsu")[1]["hint"] == "did you mean /v1/status?"
    assert served.ask("POST", "/v1/services/web/strat")[1]["hint"] == "did you mean /v1/services/{name}/start?"
    assert served.ask("GET", "/")[1]["hint"] == "GET /v1/openapi.json lists them"


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [("POST", "/v1/logs", "GET"), ("DELETE", "/v1/events", "GET"), ("GET", "/v1/up", "POST")],
)
def test_a_405_says_what_is_allowed(served: Served, method: str, path: str, allowed: str) -> None:
    with contextlib.closing(Unix(served.socket)) as made:
        made.request(method, path, headers={"Host": "mamctl"})
        answer = made.getresponse()
        assert (answer.status, answer.headers["Allow"]) == (405, allowed)
        answer.read()


@pytest.mark.parametrize("signal", ["HUP", "SIGHUP", "hup", 1, "1", 1.0])
def test_a_signal_has_a_name_or_a_number(served: Served, signal: object) -> None:
    assert post(served, "/v1/services/web/signal", {"signal": signal}) == (200, {"signal": 1, "services": ["web"]})
    assert served.operator.calls == [("signal", (["web"], 1))]


@pytest.mark.parametrize(
    ("body", "hint"),
    [
        ({}, None),
        ({"signal": None}, None),
        ({"signal": "HOP"}, "did you mean HUP?"),
        ({"signal": 0}, "the numbers of signals are 1 to 64"),
        ({"signal": 65}, "the numbers of signals are 1 to 64"),
        ({"signal": True}, "write TERM, SIGTERM or 15"),
        ({"signal": 1.5}, "write TERM, SIGTERM or 15"),
        ({"signal": ["HUP"]}, "write TERM, SIGTERM or 15"),
    ],
)
def test_what_is_no_signal_is_refused(served: Served, body: Any, hint: str | None) -> None:
    status, document = post(served, "/v1/services/web/signal", body)
    assert (status, document["code"], document["hint"]) == (400, "bad_request", hint)
    assert served.operator.calls == []


def test_a_service_that_does_not_run_cannot_be_signalled(served: Served) -> None:
    served.operator.fault = NotRunningError("web is stopped: it has no process that could be signalled")
    assert post(served, "/v1/services/web/signal", {"signal": "HUP"})[0] == 409


def test_replicas_are_scaled_to_a_number_within_reason(served: Served) -> None:
    assert post(served, "/v1/services/web/scale", {"replicas": 3, "wait": "2s"})[0] == 200
    assert post(served, "/v1/services/web/scale", {"replicas": 0})[0] == 200
    for body in ({"replicas": -1}, {"replicas": 1001}, {"replicas": "many"}, {}):
        assert post(served, "/v1/services/web/scale", body)[0] == 400
    assert served.operator.calls == [("scale", ({"web": 3}, 2.0)), ("scale", ({"web": 0}, None))]


def test_several_are_scaled_with_one_request(served: Served) -> None:
    assert post(served, "/v1/scale", {"replicas": {"web": 3, "w*": 0}, "wait": "2s"})[0] == 200
    for wish in ({"web": -1}, {"web": 1001}, {"web": None}, ["web"], "web", 3, None):
        status, document = post(served, "/v1/scale", {"replicas": wish})
        assert (status, document["code"]) == (400, "bad_request")
    assert post(served, "/v1/scale", {"replicas": {"web": "many"}})[1]["error"] == (
        "replicas.web must be a whole number from 0 to 1000"
    )
    assert served.operator.calls == [("scale", ({"web": 3, "w*": 0}, 2.0))]


def test_what_has_no_replicas_cannot_be_scaled(served: Served) -> None:
    served.operator.fault = NotScalableError("the manifest gives web no replicas", "write `replicas: 1` there")
    status, document = post(served, "/v1/services/web/scale", {"replicas": 3})
    assert (status, document["code"], document["hint"]) == (409, "not_scalable", "write `replicas: 1` there")


def test_a_page_of_events_goes_on_from_disk_to_memory(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    served.record(100)
    served.soon(served.history.flush)
    served.soon(served.history._recent.clear)
    served.record(50)
    page = served.ask("GET", "/v1/events")[1]["events"]
    assert [event["seq"] for event in page] == list(range(1, 151))


def test_a_defect_is_a_500_that_tells_nothing_but_where_to_look(tmp_path: pathlib.Path) -> None:
    with serving(tmp_path, may_log=True) as served:
        served.operator.fault = ZeroDivisionError("inside")
        status, document = post(served, "/v1/up", {})
        assert (status, document["code"]) == (500, "internal")
        assert "inside" not in json.dumps(document)
        assert served.ask("GET", "/v1/health")[0] == 200
    assert "ZeroDivisionError: inside" in served.defects[0]


def test_events_are_read_in_pages(served: Served) -> None:
    served.record(1200)
    newest = served.ask("GET", "/v1/events")[1]["events"]
    assert [newest[0]["seq"], newest[-1]["seq"]] == [701, 1200]
    page = served.ask("GET", "/v1/events?since=0")[1]["events"]
    assert [event["seq"] for event in page] == list(range(1, 501))
    assert served.ask("GET", "/v1/events?since=1200") == (200, {"events": []})
    assert served.ask("GET", "/v1/events?since=99999") == (200, {"events": []})


def test_one_connection_takes_many_requests(served: Served) -> None:
    with contextlib.closing(Unix(served.socket)) as made:
        for path, status in [("/v1/health", 200), ("/v1/nothing", 404), ("/v1/status", 200)]:
            made.request("GET", path, headers={"Host": "mamctl"})
            answer = made.getresponse()
            answer.read()
            assert answer.status == status
        made.request("POST", "/v1/up", b'{"wait": 1}', {"Host": "mamctl", **JSON})
        assert made.getresponse().status == 200


def test_a_head_request_gets_no_body(served: Served) -> None:
    assert served.ask("HEAD", "/v1/status") == (405, None)
    assert served.ask("HEAD", "/v1/events") == (405, None)
