"""No export has a secret in it, wherever one stood; what needs one is told where it goes."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mamctl.convert.exporting.vault import Reference, Vault, looks_secret
from tests.convert.exporting.stacks import TARGETS, export, manifest, texts, told

SECRET = "hunter2-and-more"
LEAKY = {
    "command": ["run", "--key", SECRET, f"--url=postgres://u:{SECRET}@h/"],
    "description": f"has {SECRET}",
    "env": {"KEY": SECRET, "URL": f"postgres://u:{SECRET}@127.0.0.1:5432/x"},
    "secrets": ["KEY"],
    "port": 5001,
    "ready": {"http": f"/health?key={SECRET}"},
    "live": {"exec": ["check", SECRET]},
    "stop": {"command": ["bye", SECRET]},
    "hooks": {"on_ready": ["tell", SECRET]},
    "image": "i",
}


@pytest.mark.parametrize("target", TARGETS)
def test_a_secret_is_nowhere_in_what_is_written_or_told(target):
    found = export(target, {"a": LEAKY, "b": {"command": ["share", SECRET], "image": "i"}})
    assert not [file.name for file in found.files if SECRET in file.text]
    assert not [note for note in map(str, found.notes) if SECRET in note]


@pytest.mark.parametrize("target", [target for target in TARGETS if target != "markdown"])
def test_it_is_told_where_a_secret_goes(target):
    assert "secrets" in told(target, {"a": LEAKY})["a"]


@pytest.mark.parametrize("target", ["systemd", "launchd", "compose", "kubernetes", "procfile", "supervisord"])
@settings(max_examples=25, deadline=None)
@given(
    secret=st.text(
        st.characters(min_codepoint=33, max_codepoint=126, exclude_characters="{}\\"), min_size=8, max_size=20
    ),
    around=st.text(st.characters(min_codepoint=32, max_codepoint=126, exclude_characters="${}"), max_size=8),
)
def test_no_secret_of_whatever_letters_is_written(target, secret, around):
    # What it begins with is changed by no quoting: where that is, so is the secret.
    written = "zqxj" + secret.replace("$", "$$")
    keys = {"command": ["run", around + written + around], "env": {"SOME_TOKEN": written}, "image": "i"}
    assert all("zqxj" not in text for text in texts(target, {"a": keys}).values())


@pytest.mark.parametrize(("target", "reference"), [
    ("systemd", "${KEY}"), ("launchd", "${KEY}"), ("compose", "${KEY}"), ("kubernetes", "$(KEY)"),
    ("procfile", "${KEY}"), ("supervisord", "%(ENV_KEY)s"),
])  # fmt: skip
def test_in_a_command_its_variable_stands_in_its_place(target, reference):
    keys = {"command": ["run", f"--key={SECRET}"], "env": {"KEY": SECRET}, "secrets": ["KEY"], "image": "i"}
    (text, *_) = texts(target, {"a": keys}).values()
    assert reference in text


def test_a_service_without_the_secret_gets_the_variable_of_the_one_that_has_it():
    found = texts("systemd", {"a": {"env": {"KEY": SECRET}, "secrets": ["KEY"]}, "b": {"command": ["run", SECRET]}})
    assert "EnvironmentFile=/stack/b.secrets\n" in found["shop-b.service"]
    assert '"${KEY}"' in found["shop-b.service"]


def test_two_secrets_of_one_name_have_two_names_where_all_share_one_environment():
    services = {
        name: {"env": {"KEY": value}, "secrets": ["KEY"], "command": ["run", value], "image": "i"}
        for name, value in (("a-b", "hunter-one"), ("c", "hunter-two"))
    }
    text = texts("compose", services)["compose.yaml"]
    assert "KEY: ${A_B_KEY:?" in text
    assert "- ${C_KEY}" in text
    assert '--key="%(ENV' not in text


def test_a_secret_that_only_the_shell_has_is_passed_on_where_it_is_there():
    text = texts("compose", {"a": {"secrets": ["KEY"], "image": "i"}})["compose.yaml"]
    assert "KEY: null" in text
    found = texts("systemd", {"a": {"secrets": ["KEY"]}})["shop-a.service"]
    assert "EnvironmentFile=-/stack/a.secrets" in found


@pytest.mark.parametrize("name", ["DB_PASSWORD", "API_KEY", "APIKEY", "github_token", "AWS_SECRET_ACCESS_KEY"])
def test_some_names_say_that_they_are_secret(name):
    assert looks_secret(name)


@pytest.mark.parametrize("name", ["MAX_TOKENS", "KEYBOARD", "TOKEN_LIMIT", "PATH", "SECRETARY"])
def test_others_do_not(name):
    assert not looks_secret(name)


def test_short_values_are_not_looked_for_in_innocent_words():
    vault = Vault(list(manifest({"a": {"env": {"KEY": "to"}, "secrets": ["KEY"]}}).services.values()), {})
    assert vault.pieces("a", "to be") == ("to be",)
    assert "KEY" in vault.variables("a", [])


def test_the_longest_secret_is_found_first():
    services = {"a": {"env": {"A": "hunter", "B": "hunter22"}, "secrets": ["A", "B"]}}
    vault = Vault(list(manifest(services).services.values()), {})
    assert vault.pieces("a", "x-hunter22-hunter") == ("x-", Reference("B"), "-", Reference("A"))
