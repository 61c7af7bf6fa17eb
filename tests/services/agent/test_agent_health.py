"""What the agent says about itself and about the model server."""

from pathlib import Path
from typing import Any

import pytest
from model_double import MODEL, ModelDouble, falls_silent
from running_agent import RunningAgent, free_port, running_agent


def test_with_a_model_server_it_is_healthy(agent: RunningAgent):
    body = agent.client.get("/health").json()
    assert (body["status"], body["service"]) == ("healthy", "agent")
    assert body["services"] == {"llm": True, "history": True}
    assert body["timestamp"].endswith("Z")


def test_without_one_it_is_degraded_and_still_200_and_lives(tmp_path: Path):
    with running_agent(tmp_path, f"http://127.0.0.1:{free_port()}") as agent:
        health, live = agent.client.get("/health"), agent.client.get("/health/live")
    assert (health.status_code, health.json()["status"]) == (200, "degraded")
    assert health.json()["llm"]["state"] == "unreachable"
    assert (live.status_code, live.json()["status"]) == (200, "healthy")


def test_a_model_server_that_comes_later_is_noticed_without_a_restart(
    tmp_path: Path, double: ModelDouble, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("services.agent.app.backend.BAD_FOR_S", 0.0)
    pages, double.pages = double.pages, {}
    with running_agent(tmp_path, double.url) as agent:
        assert agent.client.get("/health").json()["status"] == "degraded"
        double.pages = pages
        assert agent.client.get("/health").json()["status"] == "healthy"
        assert agent.ask().status_code == 200


def test_live_asks_nobody_else(agent: RunningAgent, double: ModelDouble):
    agent.client.get("/health/live")
    assert double.looks == []


def test_health_is_answered_from_the_latest_look_and_does_not_ask_each_time(agent: RunningAgent, double: ModelDouble):
    agent.client.get("/health")
    seen = len(double.looks)
    agent.client.get("/health")
    assert len(double.looks) == seen


def test_the_supervisors_mark_is_repeated_so_that_it_knows_who_answers(tmp_path: Path, double: ModelDouble):
    with running_agent(tmp_path, double.url, instance="nonce-1") as agent:
        assert agent.client.get("/health/live").json()["instance"] == "nonce-1"


def test_the_index_lists_the_paths(agent: RunningAgent):
    paths = agent.client.get("/").json()["paths"]
    assert {"POST /chat", "POST /test", "GET /health", "GET /history", "DELETE /cache"} <= set(paths)


def be_lm_studio_loaded(double: ModelDouble) -> None:
    double.be_lm_studio(loaded=True)


def be_lm_studio_unloaded(double: ModelDouble) -> None:
    double.be_lm_studio(loaded=False)


def be_llama_cpp(double: ModelDouble) -> None:
    double.be_llama_cpp(loading=False)


def be_loading(double: ModelDouble) -> None:
    double.be_llama_cpp(loading=True)


def be_locked(double: ModelDouble) -> None:
    double.pages = {"/v1/models": (401, {}, {"error": "token"})}


def be_a_locked_lm_studio(double: ModelDouble) -> None:
    double.be_lm_studio(loaded=True)
    double.pages["/api/v1/models"] = (401, {}, {"error": "token"})


def be_an_old_lm_studio(double: ModelDouble) -> None:
    double.be_lm_studio(loaded=True)
    double.pages["/api/v1/models"] = (200, {}, {"error": "Unexpected endpoint or method."})
    double.pages["/v1/models"] = (200, {}, {"data": [{"id": MODEL}]})


def be_a_stranger_who_says_200(double: ModelDouble) -> None:
    double.pages = {path: (200, {}, {"ok": True}) for path in ("/health", "/lmstudio-greeting", "/v1/models")}


@pytest.mark.parametrize(
    ("become", "llm", "backend", "models", "loaded"),
    [
        (ModelDouble.be_openai, "reachable", "openai", [MODEL], None),
        (be_lm_studio_loaded, "reachable", "lmstudio", [MODEL], [MODEL]),
        (be_lm_studio_unloaded, "reachable", "lmstudio", [MODEL], []),
        (be_an_old_lm_studio, "reachable", "lmstudio", [MODEL], None),
        (be_llama_cpp, "reachable", "llama.cpp", [MODEL], None),
        (be_loading, "loading", "llama.cpp", [], []),
        (be_locked, "auth_required", "openai", [], None),
        (be_a_locked_lm_studio, "auth_required", "lmstudio", [], None),
        (be_a_stranger_who_says_200, "wrong_service", None, [], None),
    ],
)
def test_who_answers_is_told_by_what_only_they_say(
    agent: RunningAgent, double: ModelDouble, become: Any, llm: str, backend: str | None, models: Any, loaded: Any
):
    become(double)
    body = agent.client.post("/test").json()
    assert (body["llm"], body["backend"], body["models"], body["loaded"]) == (llm, backend, models, loaded)
    assert body["ok"] is (llm == "reachable")
    assert bool(body["hints"]) is not body["ok"]


def test_the_connectivity_test_is_200_also_when_nothing_is_there(tmp_path: Path):
    with running_agent(tmp_path, f"http://127.0.0.1:{free_port()}") as agent:
        response = agent.client.post("/test", json={"anything": 1})
    assert response.status_code == 200
    body = response.json()
    assert (body["chat"], body["llm"], body["ok"]) == ("ok", "unreachable", False)
    assert "LM Studio" in body["hints"][0]


def test_a_deep_test_really_asks_for_one_token(agent: RunningAgent, double: ModelDouble):
    body = agent.client.post("/test?deep=true").json()
    assert (body["ok"], body["deep"]["model"]) == (True, MODEL)
    assert double.asked[0]["max_tokens"] == 1


def test_a_deep_test_that_fails_says_why_and_is_still_200(tmp_path: Path, double: ModelDouble):
    double.answer = falls_silent()
    with running_agent(tmp_path, double.url, api_timeout=0.1) as agent:
        response = agent.client.post("/test?deep=true")
    assert response.status_code == 200
    assert response.json()["ok"] is False
    assert response.json()["deep"]["code"] == "LLM_TIMEOUT"
