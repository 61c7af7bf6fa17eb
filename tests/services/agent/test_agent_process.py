"""The agent as its own process, and the whole way from a question to the real model's answer."""

import signal
import socket
import sqlite3
import threading
from pathlib import Path

import pytest
from model_double import ModelDouble, trickles
from running_agent import ROOT, agent_process, outcome

pytestmark = pytest.mark.system


def test_a_question_is_answered_by_the_real_model_and_then_from_the_cache(tmp_path: Path, real_model_url: str):
    with agent_process(tmp_path, DEEPSEEK_API_URL=f"{real_model_url}/v1/completions") as agent:
        question = {"message": "Name one fruit.", "max_tokens": 16}
        first = agent.client.post("/chat", json=question).json()
        second = agent.client.post("/chat", json=question).json()
        health = agent.client.get("/health").json()
    assert first["response"].strip()
    assert (first["model"], first["backend"]) == ("smollm2-135m-instruct", "llama.cpp")
    assert 1 <= first["usage"]["completion_tokens"] <= 16
    assert (first["cached"], second["cached"]) == (False, True)
    assert second["response"] == first["response"]
    assert (health["status"], health["llm"]["model"]) == ("healthy", "smollm2-135m-instruct")


def test_the_real_model_streams_through_the_agent(tmp_path: Path, real_model_url: str):
    with agent_process(tmp_path, DEEPSEEK_API_URL=real_model_url) as agent:
        question = {"message": "Count to five.", "max_tokens": 12, "stream": True}
        with agent.client.stream("POST", "/chat", json=question) as response:
            names = [line.removeprefix("event: ") for line in response.iter_lines() if line.startswith("event: ")]
    assert names[-1] == "done"
    assert names.count("delta") > 3


def test_a_prompt_too_long_for_the_real_model_is_a_400(tmp_path: Path, real_model_url: str):
    with agent_process(tmp_path, DEEPSEEK_API_URL=real_model_url) as agent:
        response = agent.client.post("/chat", json={"message": "word " * 3000})
    assert (response.status_code, response.json()["code"]) == (400, "PROMPT_TOO_LONG")
    assert "2048" in response.json()["error"]


def test_a_json_schema_is_kept_to_by_the_real_model(tmp_path: Path, real_model_url: str):
    import json

    schema = {"type": "object", "properties": {"tag": {"enum": ["beach", "city"]}}, "required": ["tag"]}
    wanted = {"type": "json_schema", "json_schema": {"name": "tag", "schema": schema}}
    with agent_process(tmp_path, DEEPSEEK_API_URL=real_model_url) as agent:
        question = {"message": "Sand and waves. Which tag?", "max_tokens": 60, "response_format": wanted}
        answer = agent.client.post("/chat", json=question).json()
    assert json.loads(answer["response"])["tag"] in ("beach", "city")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_with_exit_code_0_and_keeps_its_history(tmp_path: Path, double: ModelDouble, number: int):
    with agent_process(tmp_path, DEEPSEEK_API_URL=double.url) as agent:
        agent.client.post("/chat", json={"message": "Hi"})
        code, seconds = agent.stop(number)
    assert code == 0
    assert seconds < 2
    with sqlite3.connect(tmp_path / "agent.db") as kept:
        assert kept.execute("SELECT prompt, response FROM ai_interactions").fetchall() == [("Hi", "Hello there")]
    kept.close()


def test_an_answer_in_progress_is_given_up_with_a_proper_503_when_it_must_end(tmp_path: Path, double: ModelDouble):
    double.answer = trickles(0.02)
    with agent_process(tmp_path, DEEPSEEK_API_URL=double.url) as agent:
        answers = []
        asker = threading.Thread(target=lambda: answers.append(agent.client.post("/chat", json={"message": "Hi"})))
        asker.start()
        turn = threading.Event()
        while not double.asked:
            turn.wait(0.01)
        code, seconds = agent.stop()
        asker.join(10)
    assert code == 0
    assert seconds < 2
    assert (answers[0].status_code, answers[0].json()["code"]) == (503, "CANCELLED")


def test_a_taken_port_is_named_and_exit_code_1(tmp_path: Path):
    with socket.create_server(("127.0.0.1", 0)) as holder:
        port = holder.getsockname()[1]
        code, said = outcome(PORT=str(port), DATA_DIR=str(tmp_path))
    assert code == 1
    assert f"error: port {port} for agent cannot be taken on 127.0.0.1: Address already in use" in said
    assert "hint: " in said
    assert "Traceback" not in said


def test_wrong_settings_are_exit_code_78(tmp_path: Path):
    code, said = outcome(API_TIMEOUT="soon", MAX_TOKENS="many", DATA_DIR=str(tmp_path))
    assert code == 78
    assert "API_TIMEOUT='soon'" in said
    assert "MAX_TOKENS='many'" in said


def test_a_data_folder_that_cannot_be_used_is_exit_code_78(tmp_path: Path):
    (tmp_path / "file").write_text("not a folder")
    code, said = outcome(DATA_DIR=str(tmp_path / "file" / "below"))
    assert code == 78
    assert "DATA_DIR" in said
    assert "Traceback" not in said


@pytest.mark.parametrize(("script", "service"), [("basic_server.py", "agent"), ("chat_server.py", "chat")])
def test_the_seeds_scripts_start_it_from_any_folder(tmp_path: Path, double: ModelDouble, script: str, service: str):
    path = str(ROOT / "services" / "agent" / script)
    with agent_process(tmp_path, path, cwd=tmp_path, DEEPSEEK_API_URL=double.url) as agent:
        assert agent.client.get("/health").json()["service"] == service
        assert agent.client.post("/chat", json={"message": "Hi"}).json()["response"] == "Hello there"
