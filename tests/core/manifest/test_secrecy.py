"""The values of secrets are masked wherever they occur."""

from __future__ import annotations

import pytest

from mamctl.core.manifest.ladder import External
from mamctl.core.manifest.model import HttpProbe, Probe, ServiceSpec
from mamctl.core.manifest.secrecy import MASK, Secrecy

WEB = ServiceSpec("web", env={"KEY": "swordfish", "PIN": "12"}, secrets=frozenset({"KEY", "PIN", "TOKEN", "NONE"}))


def test_a_value_is_masked_in_the_midst_of_a_text() -> None:
    assert Secrecy([WEB]).text("key=swordfish, swordfish!") == f"key={MASK}, {MASK}!"


def test_one_that_is_only_inherited_is_a_secret_too_unless_the_services_own_wins() -> None:
    secrecy = Secrecy([WEB], {"TOKEN": "inherited", "KEY": "not used", "OTHER": "harmless"})
    assert secrecy.text("inherited harmless not used swordfish") == f"{MASK} harmless not used {MASK}"


def test_short_values_would_blot_out_innocent_words() -> None:
    assert Secrecy([WEB]).text("12 o'clock") == "12 o'clock"


def test_of_two_that_overlap_the_longer_is_masked_whole() -> None:
    spec = ServiceSpec("a", env={"A": "pass", "B": "password"}, secrets=frozenset({"A", "B"}))
    assert Secrecy([spec]).text("password pass") == f"{MASK} {MASK}"


def test_what_is_spawned_in_an_externals_place_has_secrets_too() -> None:
    external = External(Probe(HttpProbe("http://127.0.0.1:1/")), spawned=WEB)
    assert Secrecy([ServiceSpec("llm", external=external)]).text("swordfish") == MASK


@pytest.mark.parametrize("specs", [[WEB], []])
def test_trees_keep_their_shape(specs: list[ServiceSpec]) -> None:
    tree = {"swordfish": ["a swordfish", {"deep": ("swordfish", 1, None, 2.5, True)}], "n": 7}
    found = Secrecy(specs).tree(tree)
    if specs:
        assert found == {"swordfish": [f"a {MASK}", {"deep": [MASK, 1, None, 2.5, True]}], "n": 7}
    else:
        assert found is tree
