import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mamctl.core.manifest.findings import Findings, Invalid
from mamctl.core.manifest.interpolation import Reference, interpolate, no_reference, resolve, resolve_all

ENVIRON = {"A": "one", "EMPTY": "", "DOLLAR": "${A}"}


def substituted(text):
    found = Findings()
    value = interpolate(text, ENVIRON, ("k",), found)
    assert found.all == []
    return value


def complaints(text):
    found = Findings()
    interpolate(text, ENVIRON, ("k",), found)
    return [finding.message for finding in found.all]


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("plain", "plain"),
        ("${A}", "one"),
        ("x${A}y${A}z", "xoneyonez"),
        ("${EMPTY}", ""),
        ("${EMPTY:-default}", "default"),
        ("${NONE:-}", ""),
        ("${NONE:-${A}}!", "one!"),
        ("${NONE:-${NONE:-deep}}", "deep"),
        ("${A:?must be set}", "one"),
        ("$$", "$"),
        ("$${A}", "${A}"),
        ("$$$${A}", "$${A}"),
        ("$A costs 5$", "$A costs 5$"),
        ("ready$", "ready$"),
        ("${DOLLAR}", "${A}"),
    ],
)
def test_dollar_braces_are_substituted(text, result):
    assert substituted(text) == result


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("${NONE}", "${NONE} is not set"),
        ("${NONE:?ask Ann}", "NONE: ask Ann"),
        ("${EMPTY:?}", "EMPTY: it must be set"),
        ("${A", "'${A' has no closing brace"),
        ("${}", "${} is not understood"),
        ("${1A}", "${1A} is not understood"),
        ("${A-b}", "${A-b} is not understood"),
        ("${services.a}", "${services.a} is not understood"),
        ("${services.a.pid}", "${services.a.pid} is not understood"),
        ("${services.a.ports.}", "${services.a.ports.} is not understood"),
    ],
)
def test_what_cannot_be_substituted_is_said(text, message):
    assert complaints(text) == [message]


def test_every_missing_name_of_a_text_is_said():
    assert complaints("${X} ${Y}") == ["${X} is not set", "${Y} is not set"]


def test_substitution_goes_into_maps_and_lists():
    assert substituted({"a": ["${A}", 1, None], "b": {"c": "${A}"}}) == {"a": ["one", 1, None], "b": {"c": "one"}}


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("${services.a.port}", "<a.port>"),
        ("${services.a.b-c.url}/x", "<a.b-c.url>/x"),
        ("${A} ${services.a.host} $$", "one <a.host> $"),
        ("${services.a.ports.debug}", "<a.ports debug>"),
        ("${NONE:-${services.a.url}}", "<a.url>"),
    ],
)
def test_a_reference_to_a_service_is_kept_until_it_can_be_told(text, result):
    reference = substituted(text)
    assert isinstance(reference, Reference)
    told = resolve(
        reference,
        lambda target: f"<{target.service}.{target.what}{f' {target.port_name}' if target.port_name else ''}>",
    )
    assert told == result


def test_a_reference_looks_as_it_was_written():
    assert (
        substituted("x ${services.a.ports.debug} ${services.a.url}") == "x ${services.a.ports.debug} ${services.a.url}"
    )


def test_references_are_told_anywhere_in_a_value():
    value = substituted({"a": ["${services.x.port}", 1], "b": None})
    assert resolve_all(value, lambda target: target.service) == {"a": ["x", 1], "b": None}


def test_a_reference_is_refused_where_ports_are_not_known_yet():
    assert no_reference("plain") == "plain"
    with pytest.raises(Invalid):
        no_reference(substituted("${services.a.port}"))


@settings(max_examples=30, deadline=None, database=None)
@given(st.text("${}A:-?B.", max_size=20))
def test_no_text_breaks_the_substitution(text):
    found = Findings()
    assert isinstance(interpolate(text, {"A": "x"}, (), found), str)


@settings(max_examples=25, deadline=None, database=None)
@given(st.text("${}Ab\n", max_size=20))
def test_a_text_with_doubled_dollars_comes_back(text):
    assert substituted(text.replace("$", "$$")) == text
