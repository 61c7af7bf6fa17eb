"""How `user`, `group` and `umask` are written, and that a change of them asks for another process."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mamctl.core.manifest.account import Account
from mamctl.core.manifest.account_shapes import member, umask
from mamctl.core.manifest.findings import Invalid
from mamctl.core.manifest.model import ServiceSpec, needs_restart
from mamctl.core.manifest.render import render
from mamctl.core.manifest.shapes import WrittenInt
from tests.core.manifest.reading import read
from tests.core.manifest.samples import one


def written(text: str) -> WrittenInt:
    """A whole number as YAML gives it, with how it was written."""
    number = WrittenInt(text, 0 if text.startswith("0o") else 10)
    number.text = text
    return number


@pytest.mark.parametrize("value", ["027", "27", "0o27", "0027", *map(written, ("027", "27", "0o27"))])
def test_the_digits_of_a_umask_are_octal_however_they_are_written(value):
    assert umask(value) == 0o27


def test_a_number_that_does_not_tell_its_digits_is_refused_with_the_text_to_write():
    with pytest.raises(Invalid) as caught:
        umask(0o27)
    assert caught.value.hint == 'write "027"'


@pytest.mark.parametrize(("value", "means"), [("www-data", "www-data"), ("0100", "100"), (written("1000"), "1000")])
def test_a_user_is_a_name_or_the_digits_of_a_number(value, means):
    assert member(value) == means


def test_what_is_written_is_rendered_in_the_same_keys():
    found = read(one({"user": "nobody", "group": 100, "umask": "7"})).manifest
    assert found.services["a"].account == Account("nobody", "100", 0o7)
    keys = render(found)["services"]["a"]
    assert (keys["user"], keys["group"], keys["umask"]) == ("nobody", "100", "007")


@pytest.mark.parametrize("change", [{"user": "b"}, {"group": "b"}, {"umask": 0o22}])
def test_a_change_asks_for_another_process(change):
    old = ServiceSpec("a", account=Account("a", "a", 0o77))
    assert needs_restart(old, replace(old, account=replace(old.account, **change)))


def test_a_spawned_service_has_the_account_of_the_external_one():
    external = {
        "kind": "external",
        "identify": {"tcp": "h:1"},
        "user": "nobody",
        "acquire": [{"spawn": {"command": "x"}}],
    }
    inner = read({"services": {"e": external}}).manifest.services["e"].external.spawned
    assert inner.account == Account("nobody")
