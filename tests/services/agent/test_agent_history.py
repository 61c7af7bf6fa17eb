"""Every question is kept, with what came of it, as much of it as the operator wants."""

import sqlite3
from pathlib import Path
from typing import Any

import pytest
from model_double import MODEL, ModelDouble, replies
from running_agent import RunningAgent, running_agent

from services.agent.app.history import History, Interaction


def test_an_answer_is_kept_with_its_question_time_and_duration(agent: RunningAgent):
    answer = agent.ask("Hi", session_id="s1").json()
    kept = agent.history()[0]
    assert (kept["id"], kept["prompt"], kept["response"]) == (answer["id"], "Hi", "Hello there")
    assert (kept["model_used"], kept["backend"], kept["status"]) == (MODEL, "openai", "ok")
    assert (kept["prompt_tokens"], kept["completion_tokens"], kept["session_id"]) == (3, 2, "s1")
    assert kept["processing_ms"] == answer["timing_ms"]["total"]
    assert kept["created_at"].endswith("Z")


def test_failures_and_cached_answers_are_kept_too(agent: RunningAgent, double: ModelDouble):
    agent.ask("Hi")
    agent.ask("Hi")
    double.answer = replies(500, {})
    agent.ask("Ho")
    failed, cached, first = agent.history()
    assert (failed["status"], failed["error_code"], failed["response"]) == ("error", "LLM_BAD_RESPONSE", None)
    assert (cached["cached"], first["cached"]) == (True, False)


def test_the_newest_come_first_in_pages_and_by_session(agent: RunningAgent):
    for number in range(5):
        agent.ask(f"question {number}", session_id=f"s{number % 2}")
    page = agent.client.get("/history", params={"limit": 2}).json()
    assert [item["prompt"] for item in page["items"]] == ["question 4", "question 3"]
    following = agent.history(limit=2, before=page["next_before"])
    assert [item["prompt"] for item in following] == ["question 2", "question 1"]
    assert [item["prompt"] for item in agent.history(session_id="s1")] == ["question 3", "question 1"]


@pytest.mark.parametrize("query", [{"limit": 0}, {"limit": "x"}, {"limit": 501}, {"before": -1}, {"before": "9" * 30}])
def test_a_wrong_page_is_a_400(agent: RunningAgent, query: dict[str, Any]):
    response = agent.client.get("/history", params=query)
    assert (response.status_code, response.json()["code"]) == (400, "INVALID_REQUEST")


@pytest.mark.parametrize(("mode", "kept"), [("full", "Hi"), ("hash", "sha256:"), ("off", None)])
def test_how_much_of_the_words_is_kept_is_the_operators_choice(
    tmp_path: Path, double: ModelDouble, mode: str, kept: str | None
):
    with running_agent(tmp_path, double.url, log_prompts=mode) as agent:
        agent.ask("Hi")
        item = agent.history()[0]
    assert (item["prompt"] or "").startswith(kept or "")
    assert (item["prompt"] is None) is (kept is None)
    if mode != "full":
        assert b"Hello there" not in b"".join(file.read_bytes() for file in tmp_path.iterdir())


def test_the_history_outlives_the_agent(tmp_path: Path, double: ModelDouble):
    with running_agent(tmp_path, double.url) as agent:
        agent.ask("Hi")
    with running_agent(tmp_path, double.url) as agent:
        assert [item["prompt"] for item in agent.history()] == ["Hi"]


def test_only_its_owner_can_read_it(agent: RunningAgent, tmp_path: Path):
    agent.ask("Hi")
    assert {file.stat().st_mode & 0o077 for file in tmp_path.glob("agent.db*")} == {0}


def interaction(number: int) -> Interaction:
    return Interaction(
        id=str(number), created_at="2026-01-31T12:00:00.000Z", session_id=None, prompt="p", response="r",
        reasoning=None,
        processing_ms=1.0, queue_ms=0.0, first_token_ms=None, model_requested="m", model_used="m", backend=None,
        cached=False, finish_reason="stop", prompt_tokens=None, completion_tokens=None, status="ok", error_code=None,
    )  # fmt: skip


def test_the_oldest_make_room(tmp_path: Path):
    history = History(tmp_path / "agent.db", "full", 10)
    for number in range(35):
        history.record(interaction(number))
    kept = history.page(100)
    history.close()
    assert len(kept) <= 20
    assert [row["id"] for row in kept][:10] == [str(number) for number in range(34, 24, -1)]


def test_a_history_that_cannot_be_written_costs_no_answer_and_shows_in_health(agent: RunningAgent, tmp_path: Path):
    with sqlite3.connect(tmp_path / "agent.db") as other:
        other.execute("DROP TABLE ai_interactions")
    other.close()
    assert agent.ask("Hi").status_code == 200
    health = agent.client.get("/health").json()
    assert (health["status"], health["services"]["history"]) == ("degraded", False)
    response = agent.client.get("/history")
    assert (response.status_code, response.json()["code"]) == (503, "HISTORY_UNAVAILABLE")
