"""What may come from anybody with the token is read within bounds, and refused with a reason; nothing else happens."""

from __future__ import annotations

import xmlrpc.client
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mamctl.control.xmlrpc.reading import DEEPEST, LARGEST, MOST_ELEMENTS, Unreadable, read_call

TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc"]))
VALUES = st.recursive(
    st.integers(-(2**31), 2**31 - 1) | st.booleans() | TEXT | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=12,
)


def call(inside: str, method: str = "m") -> bytes:
    return f"<methodCall><methodName>{method}</methodName><params>{inside}</params></methodCall>".encode()


def value(inside: str) -> bytes:
    return call(f"<param><value>{inside}</value></param>")


@given(st.lists(VALUES, max_size=4))
def test_what_the_standard_library_writes_is_read_as_it_was_meant(params: list[Any]) -> None:
    found = read_call(xmlrpc.client.dumps(tuple(params), "supervisor.some").encode())
    assert found == ("supervisor.some", params)


@given(st.binary(max_size=300) | st.text(max_size=300).map(lambda text: text.encode(errors="replace")))
def test_garbage_is_refused(data: bytes) -> None:
    with pytest.raises(Unreadable):
        read_call(data)


TAGS = "methodCall methodName params param value array data struct member name int string boolean double base64 nil x"


@given(st.lists(st.sampled_from([f"<{t}>" for t in TAGS.split()] + [f"</{t}>" for t in TAGS.split()] + ["1", "m"])))
def test_tags_in_any_order_are_read_or_refused(parts: list[str]) -> None:
    for data in ("".join(parts).encode(), call("".join(parts)), value("".join(parts))):
        try:
            read_call(data)
        except Unreadable as refused:
            assert str(refused)  # noqa: PT017 - most are refused, and some few are calls


@pytest.mark.parametrize(
    ("inside", "expected"),
    [
        ("<int>-7</int>", -7), ("<i4>7</i4>", 7), ("<boolean>1</boolean>", True), ("<boolean>0</boolean>", False),
        ("plain", "plain"), ("", ""), ("<string/>", ""), ("<string>a&amp;b&#x41;</string>", "a&bA"),
        ("<double>0.5</double>", 0.5), ("<base64>aGk=</base64>", "hi"), ("<array><data/></array>", []),
        ("\n <string>x</string> \n", "x"), ("<struct/>", {}),
    ],
)  # fmt: skip
def test_every_type_is_read(inside: str, expected: object) -> None:
    assert read_call(value(inside)).params == [expected]


def test_a_call_without_params_has_none() -> None:
    assert read_call(b"<methodCall><methodName> m </methodName></methodCall>") == ("m", [])


@pytest.mark.parametrize(
    "data",
    [
        b"", b"<methodCall/>", b"<methodCall><methodName/></methodCall>", b"<methodResponse/>", b"{}",
        call("<value>x</value>"), call("<param/>"), call("<param><value>1</value><value>2</value></param>"),
        value("<int>x</int>"), value("<int>" + "1" * 5000 + "</int>"), value("<int/>"), value("<boolean>2</boolean>"),
        value("<double>nan</double>"), value("<double>1e999</double>"), value("<base64>!</base64>"),
        value("<base64>/w==</base64>"), value("<nil/>"), value("<array/>"), value("<array><data>x</array>"),
        value("<struct><member><name>x</name></member></struct>"),
        value("<struct><member><value>1</value><value>1</value></member></struct>"),
        value("<int><int>1</int></int>"), value("<int>1</int><int>2</int>"),
    ],
)  # fmt: skip
def test_what_is_no_call_is_refused(data: bytes) -> None:
    with pytest.raises(Unreadable):
        read_call(data)


@pytest.mark.parametrize(
    "doctype",
    [
        "<!DOCTYPE methodCall>",
        '<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]>',
        '<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]>',
        '<!DOCTYPE x SYSTEM "http://127.0.0.1:9/x.dtd">',
    ],
)  # fmt: skip
def test_a_document_type_is_refused_and_nothing_is_fetched_or_expanded(doctype: str) -> None:
    with pytest.raises(Unreadable, match="document type"):
        read_call(doctype.encode() + value("&a;"))


def test_depth_number_and_size_have_bounds() -> None:
    deep = "<array><data><value>" * DEEPEST + "</value></data></array>" * DEEPEST
    many = f"<array><data>{'<value/>' * MOST_ELEMENTS}</data></array>"
    for data in (value(deep), value(many), value("x" * LARGEST)):
        with pytest.raises(Unreadable, match="may have"):
            read_call(data)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "iso-8859-1"])
def test_it_is_read_in_its_encoding(encoding: str) -> None:
    head = f"<?xml version='1.0' encoding='{encoding}'?>"
    assert read_call((head + value("<string>\u00e9</string>").decode()).encode(encoding)).params == ["\u00e9"]


@pytest.mark.parametrize("encoding", ["utf-7", "none-such", "idna"])
def test_an_encoding_that_is_not_known_is_refused(encoding: str) -> None:
    with pytest.raises(Unreadable):
        read_call(f"<?xml version='1.0' encoding='{encoding}'?>".encode() + value("x"))
