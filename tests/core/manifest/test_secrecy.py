"""The values of `secrets` stay out of everything that is printed, recorded or answered."""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType

from mamctl.core.manifest.model import External, HttpProbe, Probe, ServiceSpec
from mamctl.core.manifest.secrecy import MASK, Secrecy

KEYED = ServiceSpec("a", env=MappingProxyType({"KEY": "hunter2-long", "OTHER": "plain"}), secrets=frozenset({"KEY"}))


def test_a_secret_is_masked_wherever_it_stands_in_a_tree() -> None:
    hidden = Secrecy([KEYED]).tree({"detail": "bad key hunter2-long!", "rows": [("hunter2-long", 3)], "n": None})
    assert hidden == {"detail": f"bad key {MASK}!", "rows": [[MASK, 3]], "n": None}


def test_what_is_not_named_a_secret_stays() -> None:
    assert Secrecy([KEYED]).text("plain") == "plain"


def test_an_inherited_value_is_a_secret_too() -> None:
    spec = replace(KEYED, env=MappingProxyType({}))
    assert Secrecy([spec], {"KEY": "from outside"}).text("it is from outside") == f"it is {MASK}"


def test_the_longer_of_two_secrets_is_masked_whole() -> None:
    both = replace(KEYED, env=MappingProxyType({"KEY": "abcd", "LONG": "abcdefgh"}), secrets=frozenset({"KEY", "LONG"}))
    assert Secrecy([both]).text("abcdefgh abcd") == f"{MASK} {MASK}"


def test_a_value_too_short_to_be_a_secret_does_not_blot_out_words() -> None:
    short = replace(KEYED, env=MappingProxyType({"KEY": "on"}))
    tree = {"detail": "only one"}
    assert Secrecy([short]).tree(tree) is tree


def test_the_secrets_of_a_spawned_service_are_masked() -> None:
    outer = ServiceSpec("llm", external=External(Probe(HttpProbe("http://127.0.0.1:1/")), spawned=KEYED))
    assert Secrecy([outer]).text("hunter2-long") == MASK
