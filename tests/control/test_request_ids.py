"""A change that carries an id is made once, however often and by whomever it is asked for."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from mamctl.control import server as server_module
from mamctl.core.errors import UsageError
from tests.scripted import eventually

if TYPE_CHECKING:
    import pytest

    from tests.control.serving import Served

ID = {"X-Request-Id": "abc"}


def test_a_repeated_id_gets_the_first_answer_again(served: Served) -> None:
    first = served.ask("POST", "/v1/down", headers=ID)
    assert served.ask("POST", "/v1/down", headers=ID) == first
    assert len(served.operator.calls) == 1
    assert served.ask("POST", "/v1/down", headers={"X-Request-Id": "other"}) != first


def test_a_refusal_is_remembered_too(served: Served) -> None:
    served.operator.fault = UsageError("no such service")
    assert served.ask("POST", "/v1/up", headers=ID)[0] == 404
    served.operator.fault = None
    assert served.ask("POST", "/v1/up", headers=ID)[0] == 404
    assert len(served.operator.calls) == 1


def test_without_an_id_a_change_is_made_each_time(served: Served) -> None:
    served.ask("POST", "/v1/down")
    served.ask("POST", "/v1/down")
    assert len(served.operator.calls) == 2


def test_those_who_ask_at_the_same_time_share_one_answer(served: Served) -> None:
    served.soon(served.operator.held.clear)
    answers: list[Any] = []
    askers = [
        threading.Thread(target=lambda: answers.append(served.ask("POST", "/v1/up", headers=ID))) for _ in range(5)
    ]
    for asker in askers:
        asker.start()
    eventually(lambda: served.server.connections == 5 and served.operator.calls)
    served.soon(served.operator.held.set)
    for asker in askers:
        asker.join(5)
    assert answers == [(200, {"ok": True, "calls": 1})] * 5


def test_a_client_that_went_away_does_not_take_its_request_along(served: Served) -> None:
    served.soon(served.operator.held.clear)
    with served.connection() as made:
        made.sendall(b"POST /v1/up HTTP/1.1\r\nHost: mamctl\r\nX-Request-Id: abc\r\n\r\n")
        eventually(lambda: served.operator.calls)
    served.soon(served.operator.held.set)
    assert served.ask("POST", "/v1/up", headers=ID) == (200, {"ok": True, "calls": 1})


def test_an_id_that_meant_something_else_is_a_conflict(served: Served) -> None:
    served.ask("POST", "/v1/up", headers=ID)
    status, document = served.ask("POST", "/v1/down", headers=ID)
    assert (status, document["code"]) == (409, "request_id_taken")
    assert [call[0] for call in served.operator.calls] == ["up"]


def test_an_id_on_what_only_reads_means_nothing(served: Served) -> None:
    assert served.ask("GET", "/v1/health", headers=ID)[0] == 200
    assert served.ask("GET", "/v1/status", headers=ID)[1]["name"] == "test"


def test_only_so_many_ids_are_remembered_and_none_under_way_is_forgotten(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server_module, "REMEMBERED_REQUESTS", 3)
    served.soon(served.operator.held.clear)
    asker = threading.Thread(target=lambda: served.ask("POST", "/v1/up", headers=ID))
    asker.start()
    eventually(lambda: served.operator.calls)
    served.soon(served.operator.held.set)
    asker.join(5)
    for number in range(6):
        served.ask("POST", "/v1/down", headers={"X-Request-Id": str(number)})
    assert list(served.server._done) == ["3", "4", "5"]
