"""The steps of `mamctl smoke`: what a manifest may write, and what it comes to."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from mamctl.core.manifest.render import render
from mamctl.core.manifest.schema import schema
from mamctl.core.manifest.step_fields import EXPECT, HTTP, SMOKE_STEP, STEP_RECORDS, WEBSOCKET
from mamctl.core.manifest.steps import (
    ExecAction,
    Expectation,
    Header,
    HttpAction,
    TcpAction,
    WebSocketAction,
    later,
)

from .reading import FOLDER, read

WEB = {"command": ["web"], "port": 8001}


def tree(*steps, **top):
    return {"services": {"web": WEB, "api": {"command": ["api"], "port": 8002}}, "smoke": list(steps), **top}


def one(step, **top):
    """The one step of a good manifest."""
    reading = read(tree(step, **top))
    assert reading.problems == []
    return reading.smoke[0]


def test_the_short_forms_are_the_long_ones():
    assert one({"http": "http://x/"}).action == HttpAction("http://x/")
    assert one({"exec": ["a", 1]}).action == ExecAction(("a", "1"), FOLDER)
    assert one({"exec": "a 'b c'"}).action == ExecAction(("a", "b c"), FOLDER)
    assert one({"tcp": "127.0.0.1:8001"}).action == TcpAction("127.0.0.1:8001")
    assert one({"websocket": "ws://x/ws"}).action == WebSocketAction("ws://x/ws")


def test_all_keys_of_a_request():
    http = {
        "url": "${services.web.url}/a?b=c", "method": "POST", "headers": {"X-A": "b"}, "json": {"b": [1, None]},
        "redirects": True,
    }  # fmt: skip
    expect = {
        "status": 201, "header": {"Content-Type": "json", "etag": {"exact": 8}}, "json": {"a": 1}, "body": "a+",
        "latency": "500ms",
    }  # fmt: skip
    step = one({"name": "n", "http": http, "expect": expect, "save": {"id": "json.a.0"}, "within": "5s", "timeout": 2})
    assert step.action == HttpAction(
        "http://127.0.0.1:8001/a?b=c", "POST", (("X-A", "b"),), '{"b": [1, null]}', redirects=True
    )
    assert step.expect == Expectation(
        (201,), (Header("content-type", "json"), Header("etag", "8", exact=True)), '{"a": 1}', "a+", latency=0.5
    )
    assert (step.name, step.save, step.within, step.timeout) == ("n", (("id", "json.a.0"),), 5.0, 2.0)


def test_a_step_without_a_name_is_called_by_what_it_does():
    steps = [{"http": "${services.web.url}/"}, {"exec": ["a", "b"]}, {"exec": "a  b"}, {"tcp": "h:1"},
             {"websocket": {"url": "ws://x", "keep": "k"}}, {"websocket": {"kept": "k"}}]  # fmt: skip
    assert [step.name for step in read(tree(*steps)).smoke] == [
        "GET ${services.web.url}/", "a b", "a  b", "tcp h:1", "websocket ws://x", "websocket k",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("step", "service"),
    [
        ({"http": "${services.api.url}/"}, "api"),
        ({"http": {"url": "http://localhost:8001/x", "headers": {"A": "${services.api.port}"}}}, "api"),
        ({"websocket": "ws://127.0.0.1:8002"}, "api"),
        ({"tcp": "127.0.0.1:8001"}, "web"),
        ({"http": "http://elsewhere:8001/"}, None),
        ({"http": "http://127.0.0.1:9999/"}, None),
        ({"http": "${services.api.url}/", "service": "web"}, "web"),
        ({"exec": ["a", "${services.api.url}"]}, None),
    ],
)
def test_a_step_is_about_whom_its_address_names(step, service):
    assert one(step).service == service


def test_an_http_address_is_one_for_a_websocket_too():
    assert one({"websocket": "${services.web.url}/ws"}).action.url == "ws://127.0.0.1:8001/ws"
    assert one({"websocket": "https://x/ws"}).action.url == "wss://x/ws"


def test_what_a_step_saves_is_seen_by_those_after_it():
    smoke = read(
        tree(
            {"http": "http://x/", "save": {"id": "json.id", "where": "header.location"}},
            {
                "http": {"url": "http://x/${id}", "json": {"id": "${id}", "n": ["${id:-5}"]}},
                "expect": {"body": "${id}"},
            },
            {"http": "${where}"},
            {"tcp": "127.0.0.1:${id}"},
            {"http": "http://127.0.0.1:8001${where}?x=${id}"},
            {"http": "http://${where}/"},
        )
    ).smoke
    assert smoke[1].action == HttpAction(
        f"http://x/{later('id')}", json=json.dumps({"id": later("id"), "n": [later("id")]}, sort_keys=True)
    )
    assert [sorted(step.needs) for step in smoke] == [[], ["id"], ["where"], ["id"], ["id", "where"], ["where"]]
    assert smoke[2].action.url == later("where")


def test_a_saved_name_is_not_seen_before_its_step_nor_without_one():
    problems = read(
        tree({"http": "http://x/${id}"}, {"name": "b", "http": "http://x", "save": {"id": "body"}})
    ).problems
    assert problems == ["smoke[0].http: ${id} is not set"]


def test_a_saved_name_hides_a_variable():
    reading = read(tree({"http": "http://x", "save": {"A": "body"}}, {"tcp": "h:${A}"}), environ={"A": "5"})
    assert reading.smoke[1].action.address == f"h:{later('A')}"


def test_a_command_gets_the_environment_of_all_services_and_its_own():
    top = {"env": {"A": "1", "B": "${services.web.port}", "C": None}}
    step = one({"exec": {"command": ["x"], "cwd": "sub", "env": {"A": None, "D": 2}}}, **top)
    assert step.action == ExecAction(("x",), f"{FOLDER}/sub", {"B": "8001", "D": "2"}, frozenset({"A", "C"}))


def test_a_command_of_a_service_lies_over_that_services_environment():
    step = one({"exec": {"command": ["x"], "env": {"D": "2"}}, "service": "web"}, env={"A": "1"})
    assert step.action == ExecAction(("x",), None, {"D": "2"}, frozenset(), "web")
    assert step.service == "web"


def test_an_override_replaces_the_steps_and_null_deletes_them():
    assert [step.name for step in read(tree({"tcp": "h:1"}), {"smoke": [{"tcp": "h:2"}]}).smoke] == ["tcp h:2"]
    assert read(tree({"tcp": "h:1"}), {"smoke": None}).smoke == ()


BAD = {
    "no list": ({"http": "http://x"}, "smoke: must be a list, not a map"),
    "no map": ([5], "smoke[0]: must be a map, not 5"),
    "nothing": ([{}], "smoke[0]: does nothing"),
    "two things": (
        [{"tcp": "h:1", "http": "http://x"}], "smoke[0]: has http and tcp: a step does one thing",
    ),
    "an unknown key": ([{"htp": "x"}], "smoke[0].htp: unknown key"),
    "a number as a step's action": ([{"http": 5}], "smoke[0].http: must be a map, not 5"),
    "no url": ([{"http": {"method": "GET"}}], "smoke[0].http: url is missing"),
    "no socket": ([{"websocket": {"send": 1}}], "smoke[0].websocket: url is missing"),
    "another scheme": ([{"http": "ws://x"}], "smoke[0].http: 'ws://x' is not a URL"),
    "a space": ([{"http": "http://x/a b"}], "smoke[0].http: 'http://x/a b' is not a URL"),
    "no port": ([{"http": "http://x:y/"}], "smoke[0].http: 'http://x:y/' is not a URL"),
    "no address": ([{"tcp": "x"}], "smoke[0].tcp: 'x' is not an address"),
    "no command": ([{"exec": {"cwd": "."}}], "smoke[0].exec: command is missing"),
    "an empty command": ([{"exec": []}], "smoke[0].exec.command: is empty"),
    "a quote": ([{"exec": "'a"}], "smoke[0].exec: cannot be split: no closing quotation"),
    "a method": (
        [{"http": {"url": "http://x", "method": "GOT"}}],
        "smoke[0].http.method: must be one of GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS, not 'GOT'",
    ),
    "two bodies": (
        [{"http": {"url": "http://x", "json": 1, "body": "x"}}], "smoke[0].http.json: cannot stand beside body",
    ),
    "a header of two lines": (
        [{"http": {"url": "http://x", "headers": {"a": "b\nc"}}}],
        "smoke[0].http.headers.a: has more than one line, which no header can",
    ),
    "the name of a header": (
        [{"http": {"url": "http://x", "headers": {"a b": "c"}}}],
        "smoke[0].http.headers.a b: 'a b' is not the name of a header",
    ),
    "a header that is expected": (
        [{"http": "http://x", "expect": {"header": {"a": {}}}}], "smoke[0].expect.header.a: exact is missing",
    ),
    "a header with another key": (
        [{"http": "http://x", "expect": {"header": {"a": {"is": "b"}}}}], "smoke[0].expect.header.a.is: unknown key",
    ),
    "a regular expression": (
        [{"http": "http://x", "expect": {"body": "("}}],
        "smoke[0].expect: is not a regular expression: missing ), unterminated subpattern at position 0",
    ),
    "a regular expression for a message": (
        [{"websocket": {"url": "ws://x", "expect": "["}}],
        "smoke[0].websocket: is not a regular expression: unterminated character set at position 0",
    ),
    "a number that JSON lacks": (
        [{"http": {"url": "http://x", "json": float("nan")}}],
        "smoke[0].http: json holds a number that JSON does not have",
    ),
    "a NUL": (
        [{"http": {"url": "http://x", "json": {"a": "\0"}}}],
        "smoke[0].http: json holds a NUL, which marks what is filled in",
    ),
    "an expectation of another kind": (
        [{"tcp": "h:1", "expect": {"status": 200}}], "smoke[0].expect.status: means nothing for tcp",
    ),
    "a part that there is not": (
        [{"exec": ["x"], "save": {"a": "status"}}], "smoke[0].save.a: exec has no status",
    ),
    "a part of nothing": (
        [{"http": "http://x", "save": {"a": "jsn.a"}}], "smoke[0].save.a: 'jsn.a' is not a part of an answer",
    ),
    "a saved name": (
        [{"http": "http://x", "save": {"a-b": "body"}}], "smoke[0].save.a-b: 'a-b' is not a name for ${}",
    ),
    "a name twice": (
        [{"name": "a", "tcp": "h:1"}, {"name": "a", "tcp": "h:2"}],
        "smoke[1].name: 'a' is the name of another step, too",
    ),
    "no such service": ([{"tcp": "h:1", "service": "wbe"}], "smoke[0].service: no such service: wbe"),
    "no such service in an address": (
        [{"http": "${services.wbe.url}"}], "smoke[0].http: no such service: wbe",
    ),
    "a socket that nobody keeps": (
        [{"websocket": {"kept": "k"}}], "smoke[0].websocket.kept: no earlier step keeps a socket 'k'",
    ),
    "a socket of another name": (
        [{"websocket": {"url": "ws://x", "keep": "k"}}, {"websocket": {"kept": "j"}}],
        "smoke[1].websocket.kept: no earlier step keeps a socket 'j'",
    ),
    "a kept socket that is kept again": (
        [{"websocket": {"url": "ws://x", "keep": "k"}}, {"name": "b", "websocket": {"kept": "k", "keep": "l"}}],
        "smoke[1].websocket.kept: goes without keep and headers: the socket is there already",
    ),
    "no time": ([{"tcp": "h:1", "within": 0}], "smoke[0].within: must be longer than 0"),
}  # fmt: skip


@pytest.mark.parametrize(("steps", "problem"), BAD.values(), ids=BAD)
def test_a_bad_step_has_one_problem(steps, problem):
    assert read({**tree(), "smoke": steps}).problems == [problem]


def test_what_a_bad_step_saves_is_no_second_problem():
    problems = read(tree({"http": "ftp://x", "save": {"id": "body"}}, {"http": "http://x/${id}"})).problems
    assert problems == ["smoke[0].http: 'ftp://x' is not a URL"]


GOOD = [
    {"name": "a", "http": {"url": "${services.web.url}/a$$b", "method": "PUT", "headers": {"X-A": "b"}, "body": "x"},
     "expect": {"status": [200, 204], "header": {"a": "b", "c": {"exact": "d"}}, "latency": 1},
     "save": {"id": "json.a"}, "within": "5s"},
    {"http": {"url": "http://x/${id}", "json": {"a": "$${id}", "b": "${id}"}, "redirects": True},
     "expect": {"json": {"a": ["${id}"]}, "body": "${id}$$"}},
    {"exec": {"command": ["a", "${id}"], "cwd": "b", "env": {"A": "b", "C": None}}, "expect": {"exit": [0, 3]}},
    {"exec": "a b", "service": "web"},
    {"tcp": "h:1", "timeout": "500ms"},
    {"websocket": {"url": "${services.web.url}/ws", "headers": {"Origin": "http://x"}, "send": {"a": "${id}"},
                   "keep": "k"}},
    {"name": "w", "websocket": {"kept": "k", "send": "ping", "expect": "pong|${id}"}},
]  # fmt: skip


def test_what_is_rendered_reads_back_the_same():
    first = read(tree(*GOOD, env={"TOP": "t"}))
    assert first.problems == []
    again = read(json.loads(json.dumps(render(first.manifest))))
    assert again.problems == []
    assert again.smoke == first.smoke


def test_the_schema_takes_good_steps_and_refuses_bad_ones():
    validator = Draft202012Validator(schema())
    assert [error.message for error in validator.iter_errors(tree(*GOOD))] == []
    for name in ("no list", "an unknown key", "a number as a step's action", "a method", "two bodies", "a saved name"):
        assert not validator.is_valid({**tree(), "smoke": BAD[name][0]}), name


def test_every_key_has_a_description():
    assert all(field.about.endswith(".") for record in STEP_RECORDS for field in record.fields.values())


WORDS = st.sampled_from(
    [
        "http://x/",
        "${services.web.url}",
        "${id}",
        "h:1",
        "ping",
        "json.id",
        "5s",
        "GET",
        "(",
        "$",
        "",
        "\0",
        "1",
        0,
        -1,
        2.5,
        True,
    ]
)
KEYS = st.sampled_from([*SMOKE_STEP.fields, *HTTP.fields, *EXPECT.fields, *WEBSOCKET.fields, "id", "exact", "?"])
VALUES = st.recursive(
    st.none() | WORDS,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=5,
)


@settings(max_examples=60, deadline=None, database=None)
@given(st.lists(st.dictionaries(st.sampled_from([*SMOKE_STEP.fields, "?"]), VALUES, max_size=4) | VALUES, max_size=3))
def test_whatever_is_written_makes_no_traceback_and_what_is_taken_validates_and_renders(steps):
    whole = tree(*steps)
    reading = read(whole)
    if reading.problems == []:
        assert Draft202012Validator(schema()).is_valid(whole)
        assert read(json.loads(json.dumps(render(reading.manifest)))).problems == []
