import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mamctl.core.manifest.dotenv import parse

quick = settings(max_examples=30, deadline=None, database=None)


@pytest.mark.parametrize(
    ("text", "pairs"),
    [
        ("A=b", {"A": "b"}),
        ("A=b\nA=c\n", {"A": "c"}),
        ("export A=b", {"A": "b"}),
        ("  A = b  ", {"A": "b"}),
        ("A=", {"A": ""}),
        ("A=#x", {"A": ""}),
        ("# a comment\n\nA=b # why\n", {"A": "b"}),
        ("URL=http://h/?a=b#top", {"URL": "http://h/?a=b#top"}),
        ("A='it is $HOME # here'", {"A": "it is $HOME # here"}),
        ('A="two\\nlines" # why', {"A": "two\nlines"}),
        ('A="two\nlines"\nB=c', {"A": "two\nlines", "B": "c"}),
        (r'A="\"quoted\" \\ \$ \q"', {"A": '"quoted" \\ $ \\q'}),
        ("A=${HOME}", {"A": "${HOME}"}),
        ("A=b\r\nB=c\r\n", {"A": "b", "B": "c"}),
        ("\ufeffA=b", {"A": "b"}),
        ("a.b-c=d", {"a.b-c": "d"}),
    ],
)
def test_an_env_file_is_read_by_dotenv_rules(text, pairs):
    assert parse(text) == (pairs, [])


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("A=b\njust words\nB=c", 2, "expected NAME=value"),
        ("A=b\n1A=c\nB=c", 2, "expected NAME=value"),
        ("A=b\nX='open\nB=c", 2, "no closing '"),
        ('A=b\nX="open\nB=c', 2, 'no closing "'),
        ('A=b\nX="a" b\nB=c', 2, 'text after the closing "'),
        ("A=b\nX=a\0b\nB=c", 2, "NUL"),
        ("A=b\nX='a\0b'\nB=c", 2, "NUL"),
    ],
)
def test_a_faulty_line_is_named_and_the_others_are_read(text, line, message):
    pairs, faults = parse(text)
    assert pairs == {"A": "b", "B": "c"}
    assert [fault.line for fault in faults] == [line]
    assert message in faults[0].message


def quoted(value):
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


@quick
@given(
    st.dictionaries(
        st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,5}", fullmatch=True),
        st.text(st.characters(exclude_characters="\0\r", exclude_categories=["Cs"]), max_size=12),
        max_size=4,
    )
)
def test_any_value_in_double_quotes_is_read_back(pairs):
    text = "\n".join(f"{name}={quoted(value)}" for name, value in pairs.items())
    assert parse(text) == (pairs, [])


@quick
@given(st.text("A=\"'\\#\n export$", max_size=30))
def test_no_text_breaks_the_reader(text):
    pairs, faults = parse(text)
    assert all(isinstance(value, str) for value in pairs.values())
    assert all(1 <= fault.line <= text.count("\n") + 1 for fault in faults)
