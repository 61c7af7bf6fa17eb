"""Commands and variables arrive word by word: each export is read back as its program reads it."""

from __future__ import annotations

import os
import plistlib
import re
import shlex
import subprocess
from configparser import RawConfigParser

import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.convert.exporting.stacks import texts
from tests.convert.test_systemd_unit import NAMES

LETTERS = st.characters(min_codepoint=32, max_codepoint=0x2FFF, exclude_categories=("Cs", "Cc", "Zl", "Zp"))
WORDS = st.lists(st.one_of(st.sampled_from(NAMES), st.text(LETTERS, max_size=12)), min_size=1, max_size=4)
HARD = ["a ; b", "a # b", "%(x)s", 'it\'s ; "so"', "${X} $(y) $$", "\\", "", "k=v,w", "a\tb", "#", ";"]


def plain(word):
    """A word as the manifest writes it, so that nothing in it is a reference."""
    return word.replace("$", "$$")


def keys(words, value="x"):
    return {"command": ["/bin/run", *map(plain, words)], "env": {"VALUE": plain(value)}, "image": "i"}


def from_supervisord(words, value):
    """The command and VALUE as supervisord's parser and expansion make them."""
    parser = RawConfigParser(inline_comment_prefixes=(";", "#"), strict=False)
    parser.optionxform = str
    parser.read_string(texts("supervisord", {"a": keys(words, value)})["supervisord.conf"])
    section = parser["program:a"]
    argv = shlex.split(section["command"] % {})
    lexer = shlex.shlex(section["environment"] % {})
    lexer.wordchars += "/.+-():"
    tokens = list(lexer)
    env = {name: text.strip("'\"") for name, text in zip(tokens[::4], tokens[2::4], strict=True)}
    while argv[0] == "env" or re.match("[A-Z]+=", argv[0]):
        name, equals, text = argv.pop(0).partition("=")
        env |= {name: text} if equals else {}
    return argv[1:], env["VALUE"]


@settings(max_examples=100, deadline=None)
@given(words=WORDS, value=st.text(LETTERS, max_size=12))
@example(words=HARD, value='it\'s ; "so" \\')
def test_supervisord_reads_them_back(words, value):
    assert from_supervisord(words, value) == (words, value)


@settings(max_examples=100, deadline=None)
@given(words=WORDS, value=st.text(LETTERS, max_size=12))
@example(words=HARD, value="$$ ${X}")
def test_compose_reads_them_back(words, value):
    (service,) = yaml.safe_load(texts("compose", {"a": keys(words, value)})["compose.yaml"])["services"].values()
    assert [word.replace("$$", "$") for word in service["command"]] == ["/bin/run", *words]
    assert service["environment"]["VALUE"].replace("$$", "$") == value


@settings(max_examples=100, deadline=None)
@given(words=WORDS, value=st.text(LETTERS, max_size=12))
@example(words=HARD, value="$(X)")
def test_kubernetes_reads_them_back(words, value):
    config, deployment = yaml.safe_load_all(texts("kubernetes", {"a": keys(words, value)})["kubernetes.yaml"])
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    assert [word.replace("$$", "$") for word in container["command"]] == ["/bin/run", *words]
    assert config["data"]["VALUE"] == value


@settings(max_examples=100, deadline=None)
@given(words=WORDS, value=st.text(LETTERS, max_size=12))
@example(words=HARD, value="<&>")
def test_launchd_reads_them_back(words, value):
    found = plistlib.loads(texts("launchd", {"a": keys(words, value)})["shop.a.plist"].encode())
    assert found["ProgramArguments"][1:] == words
    assert found["EnvironmentVariables"]["VALUE"] == value


@settings(max_examples=40, deadline=None)
@given(words=WORDS, value=st.text(LETTERS, max_size=12))
@example(words=[*HARD, "two\nlines\\n"], value="it's\n$so")
def test_a_shell_reads_the_line_of_a_procfile_back(words, value):
    argv = ["/usr/bin/printf", "%s\\0", *words]
    line = texts("procfile", {"a": {**keys(words, value), "command": [plain(word) for word in argv]}})["Procfile"]
    environ = {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"}
    done = subprocess.run(
        ["/bin/sh", "-c", line.partition(": ")[2]], env=environ, capture_output=True, check=True, timeout=10
    )
    assert done.stdout.decode().split("\0")[:-1] == words
    shown = subprocess.run(
        ["/bin/sh", "-c", line.partition(": ")[2].partition("/usr/bin/printf")[0]],
        env=environ, capture_output=True, check=True, timeout=10,
    )  # fmt: skip
    assert f"VALUE={value}\n" in shown.stdout.decode()


@pytest.mark.parametrize("target", ["systemd", "launchd", "compose", "kubernetes", "procfile", "supervisord"])
def test_control_characters_break_no_file(target):
    found = texts(target, {"a": keys(["a\nb\x01\x7f"], "c\nd\x01")})
    assert all(text.isprintable() or "\n" in text for text in found.values())
    assert all("\nb" not in text or target in ("launchd", "procfile") for text in found.values())
