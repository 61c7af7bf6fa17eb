"""Every answer can be read by the standard library, and says what was meant."""

from __future__ import annotations

import xmlrpc.client
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mamctl.control.xmlrpc.faults import Code, Fault
from mamctl.control.xmlrpc.writing import MOST, fault, response

FINE = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\ufffe\uffff", min_codepoint=32))
VALUES = st.recursive(
    st.integers(-(2**31), 2**31 - 1) | st.booleans() | FINE | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(FINE, inner, max_size=4),
    max_leaves=12,
)


def read(data: bytes) -> Any:
    (found,), _method = xmlrpc.client.loads(data.decode())
    return found


@given(VALUES)
def test_what_is_answered_is_read_as_it_was_meant(value: Any) -> None:
    assert read(response(value)) == value


@given(st.text())
def test_any_text_can_be_answered(text: str) -> None:
    assert len(read(response(text))) == len(text)


def test_what_xml_cannot_hold_is_replaced_and_line_ends_stay() -> None:
    assert read(response("\x1b[1mbold\x00\r\n\tend\r")) == "\ufffd[1mbold\ufffd\r\n\tend\r"


def test_numbers_of_more_than_32_bits_are_cut_off() -> None:
    assert read(response([1 << 40, -(1 << 40)])) == [MOST, -MOST - 1]


def test_a_fault_has_its_number_and_its_name() -> None:
    with pytest.raises(xmlrpc.client.Fault) as caught:
        xmlrpc.client.loads(fault(Fault(Code.BAD_NAME, "<web>")).decode())
    assert (caught.value.faultCode, caught.value.faultString) == (10, "BAD_NAME: <web>")


def test_what_xml_rpc_has_no_word_for_is_a_defect() -> None:
    with pytest.raises(TypeError):
        response(None)
