"""The OpenAPI document says what the endpoints take and give, and nothing else."""

from __future__ import annotations

import typing

import jsonschema
import pytest

from mamctl.control import answers, arguments
from mamctl.control.attaching import Attaching
from mamctl.control.endpoint import TABLE
from mamctl.control.openapi import document
from mamctl.control.routes import Routes
from mamctl.control.streams import Streams
from mamctl.core.outcome import Goal
from mamctl.core.states import Ownership, Reason, State
from mamctl.runtime.ports import Standing

if typing.TYPE_CHECKING:
    from tests.control.serving import Served

DOCUMENT = document()
OPERATIONS = [(path, method) for path, methods in DOCUMENT["paths"].items() for method in methods]


def words(literal: object) -> set[str]:
    return set(typing.get_args(literal))


def test_it_is_served(served: Served) -> None:
    assert served.ask("GET", "/v1/openapi.json") == (200, DOCUMENT)
    assert DOCUMENT["openapi"].startswith("3.1.")


def test_every_endpoint_is_in_it_and_no_other() -> None:
    assert {(one.path, one.method.lower()) for one in TABLE.all} == set(OPERATIONS)
    assert {one.answer.__qualname__.partition(".")[0] for one in TABLE.all} == {
        Routes.__name__,
        Streams.__name__,
        Attaching.__name__,
    }


@pytest.mark.parametrize(("path", "method"), OPERATIONS)
def test_every_operation_says_what_it_does_what_it_gives_and_how_it_refuses(path: str, method: str) -> None:
    operation = DOCUMENT["paths"][path][method]
    assert operation["summary"].endswith(".")
    assert all(response["description"] for response in operation["responses"].values())
    assert all(parameter["description"] for parameter in operation["parameters"])
    good = "101" if path.endswith("/attach") else "200"
    assert {good, "400", "401", "404", "405"} <= set(operation["responses"])
    assert len({"101", "200"} & set(operation["responses"])) == 1
    assert ("409" in operation["responses"]) == (method == "post")


def test_the_events_are_a_document_or_a_stream() -> None:
    content = DOCUMENT["paths"]["/v1/events"]["get"]["responses"]["200"]["content"]
    assert set(content) == {"application/json", "text/event-stream"}


def test_its_schemas_are_schemas() -> None:
    for schema in DOCUMENT["components"]["schemas"].values():
        jsonschema.Draft202012Validator.check_schema(schema)
        assert schema["description"]


def test_every_record_of_a_request_is_in_use() -> None:
    taken = {
        hint for one in TABLE.all for name, hint in one.answer.__annotations__.items() if name in ("body", "query")
    }
    records = {name for name, kind in vars(arguments).items() if name.endswith(("Body", "Query"))}
    assert taken == records


def test_the_words_of_the_answers_are_those_of_the_core() -> None:
    assert words(answers.State) == set(State)
    assert words(answers.Reason) == set(Reason)
    row = typing.get_type_hints(answers.ServiceRow)
    assert words(row["ownership"]) == set(Ownership)
    assert words(typing.get_type_hints(answers.PortRow)["state"]) == set(Standing)
    assert words(typing.get_type_hints(arguments.WaitQuery)["for_"]) == set(Goal)


def test_a_body_refuses_what_it_does_not_know_and_an_answer_may_grow() -> None:
    schemas = DOCUMENT["components"]["schemas"]
    assert schemas["UpBody"]["additionalProperties"] is False
    assert schemas["SignalBody"]["required"] == ["signal"]
    assert "additionalProperties" not in schemas["Status"]
    assert schemas["Error"]["required"] == ["error", "code", "hint", "timestamp"]
