"""Which services a name or a pattern means."""

from __future__ import annotations

import pytest

from mamctl.core.errors import UsageError
from mamctl.core.selection import families_of, is_glob, select

KNOWN = ("db", "web-1", "web-2", "worker")


def test_no_pattern_means_all():
    assert select([], KNOWN) == list(KNOWN)


def test_names_and_globs_choose_each_once_in_the_order_of_the_manifest():
    assert select(["worker", "web-*", "web-1"], KNOWN) == ["web-1", "web-2", "worker"]


def test_a_plain_name_is_no_pattern():
    assert [is_glob(name) for name in ("web-1", "web-?", "[dw]b", "*")] == [False, True, True, True]


@pytest.mark.parametrize(
    ("pattern", "known", "message", "hint"),
    [
        ("wroker", KNOWN, "no such service: wroker", "did you mean worker?"),
        ("xyzzy", KNOWN, "no such service: xyzzy", "known: db, web-1, web-2, worker"),
        ("zz*", KNOWN, "no service matches zz*", "known: db, web-1, web-2, worker"),
        ("web", (), "no such service: web", "the manifest has no services"),
    ],
)
def test_what_means_nobody_is_refused_with_the_nearest_name_or_all(pattern, known, message, hint):
    with pytest.raises(UsageError) as caught:
        select([pattern], known)
    assert (caught.value.message, caught.value.hint) == (message, hint)


class Named:
    def __init__(self, name: str, service: str | None = None) -> None:
        self.name = name
        self.service = service or name


FAMILIES = families_of([Named("db"), Named("web-1", "web"), Named("web-2", "web")], ["web", "idle"])


def test_families_are_told_by_the_names_that_replicas_share():
    assert FAMILIES == {"web": ["web-1", "web-2"], "idle": []}


@pytest.mark.parametrize(
    ("patterns", "chosen"),
    [
        (["web"], ["web-1", "web-2"]),
        (["we?", "db"], ["db", "web-1", "web-2"]),
        (["web-2"], ["web-2"]),
        (["idle"], []),
        (["idl*"], []),
        ([], list(KNOWN)),
    ],
)
def test_the_name_that_replicas_share_means_them_all(patterns, chosen):
    assert select(patterns, KNOWN, FAMILIES) == chosen


def test_a_name_that_is_nearly_shared_is_told():
    with pytest.raises(UsageError) as caught:
        select(["idel"], KNOWN, FAMILIES)
    assert caught.value.hint == "did you mean idle?"
