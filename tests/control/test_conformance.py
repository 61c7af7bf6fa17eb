"""What a real stack answers is what the OpenAPI document promises, whatever it is asked: schemathesis asks."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)

from mamctl.control.openapi import document
from tests.control.realstack import RealStack, real_stack

if TYPE_CHECKING:
    from collections.abc import Iterator

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    unsupported_method,
]
# What ends the stack is asked at the end; what cannot end is asked in tests of its own.
LATER = ["/v1/down"]
SHORT = "0.02"

schema = schemathesis.openapi.from_dict(document())


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealStack]:
    with real_stack(tmp_path_factory.mktemp("real")) as found:
        yield found


def hurried(case: schemathesis.Case) -> None:
    """Let no request wait or follow: a good answer may take an hour, which says nothing more."""
    query = case.query if isinstance(case.query, dict) else {}
    if query.get("timeout") is not None or case.path == "/v1/wait":
        query["timeout"] = SHORT
    if query.get("follow") not in (None, "false", "0"):
        query["follow"] = "false"
    case.query = query
    if isinstance(case.body, dict) and case.body.get("wait") is not None:
        case.body["wait"] = 0.02


@schema.exclude(path=LATER).parametrize()
@settings(
    max_examples=12,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.function_scoped_fixture],
)
def test_whatever_is_asked_is_answered_as_promised(case: schemathesis.Case, stack: RealStack) -> None:
    hurried(case)
    case.call_and_validate(
        base_url=stack.url, headers={"Authorization": f"Bearer {stack.token}"}, checks=CHECKS, timeout=10
    )


def strictly(name: str, found: Any) -> None:
    """Check a document against a schema in which every key must be known."""
    schemas = json.loads(json.dumps(document()["components"]["schemas"]))
    for one in schemas.values():
        if one.get("type") == "object" and "properties" in one:
            one["additionalProperties"] = False
    whole = {"$ref": f"#/components/schemas/{name}", "components": {"schemas": schemas}}
    jsonschema.Draft202012Validator(whole).validate(found)


def ask(stack: RealStack, method: str, path: str, body: Any = None) -> Any:
    headers = {"Authorization": f"Bearer {stack.token}", "Content-Type": "application/json"}
    answer = requests.request(method, stack.url + path, json=body, headers=headers, timeout=20)
    return answer.json()


@pytest.mark.parametrize(
    ("method", "path", "body", "name"),
    [
        ("GET", "/v1/status", None, "Status"),
        ("GET", "/v1/services/web", None, "ServiceRow"),
        ("GET", "/v1/events?since=0", None, "Events"),
        ("GET", "/v1/ports", None, "Ports"),
        ("GET", "/v1/graph", None, "Graph"),
        ("GET", "/v1/health", None, "Health"),
        ("GET", "/v1/wait?services=broken&timeout=5s", None, "Waited"),
        ("POST", "/v1/up", {"profiles": ["ai"], "wait": 10}, "UpOutcome"),
        ("POST", "/v1/up", {"only_wait": True, "wait": 10}, "UpOutcome"),
        ("POST", "/v1/services/web/stop", {"wait": 10}, "StopOutcome"),
        ("POST", "/v1/services/web/start", {"wait": 10}, "Outcome"),
        ("POST", "/v1/restart", {"services": ["idle"], "wait": 10}, "Outcome"),
        ("POST", "/v1/services/idle/signal", {"signal": "CONT"}, "Signalled"),
        ("POST", "/v1/services/crew/scale", {"replicas": 2, "wait": 10}, "UpOutcome"),
        ("POST", "/v1/services/idle/scale", {"replicas": 2}, "Error"),
        ("POST", "/v1/scale", {"replicas": {"crew": 1}, "wait": 10}, "UpOutcome"),
        ("POST", "/v1/scale", {"replicas": {"crew": 2, "idle": 2}}, "Error"),
        ("POST", "/v1/reexec", {}, "Error"),
    ],
)
def test_no_key_of_an_answer_is_missing_from_the_document(
    stack: RealStack, method: str, path: str, body: Any, name: str
) -> None:
    strictly(name, ask(stack, method, path, body))


def test_the_last_answer_is_as_promised_too(tmp_path_factory: pytest.TempPathFactory) -> None:
    with real_stack(tmp_path_factory.mktemp("down"), "ending") as stack:
        strictly("DownOutcome", ask(stack, "POST", "/v1/down", {"wait": 10}))
        strictly("Error", ask(stack, "POST", "/v1/up", {}))
