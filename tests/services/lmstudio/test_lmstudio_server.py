"""The real model on a real port: ready means loaded, answers come whole and in pieces, and it ends when told."""

import json
import signal
import socket
from pathlib import Path

import httpx
import psutil
import pytest
from running_lmstudio import RunningModel, outcome, running_model

pytestmark = pytest.mark.system

ALIAS = "smollm2-135m-instruct"
HELLO = {"messages": [{"role": "user", "content": "Say hello."}], "max_tokens": 12, "temperature": 0}


def test_it_listens_before_it_is_ready_and_says_503_until_then(model: RunningModel):
    assert set(model.statuses[:-1]) == {503}
    assert model.statuses[-1] == 200


def test_the_listener_belongs_to_the_process_that_was_started(model: RunningModel):
    listening = [c.laddr for c in psutil.Process(model.process.pid).net_connections("tcp") if c.status == "LISTEN"]
    assert [(address.ip, address.port) for address in listening] == [("127.0.0.1", model.port)]


def test_it_is_not_taken_for_lm_studio(model: RunningModel):
    assert model.client.get("/lmstudio-greeting").status_code == 404


def test_the_one_model_is_listed_by_its_name(model: RunningModel):
    assert [entry["id"] for entry in model.client.get("/v1/models").json()["data"]] == [ALIAS]


def test_a_chat_is_answered_by_the_model_that_is_loaded_whatever_was_asked_for(model: RunningModel):
    answer = model.client.post("/v1/chat/completions", json=HELLO | {"model": "some-other-model"}).json()
    assert answer["model"] == ALIAS
    assert answer["choices"][0]["message"]["content"].strip()
    assert 1 <= answer["usage"]["completion_tokens"] <= 12


def test_a_completion_is_answered(model: RunningModel):
    answer = model.client.post("/v1/completions", json={"prompt": "Once upon a", "max_tokens": 6, "temperature": 0})
    assert answer.json()["choices"][0]["text"].strip()


def test_a_streamed_answer_says_the_same_in_pieces_and_ends_with_done(model: RunningModel):
    whole = model.client.post("/v1/chat/completions", json=HELLO).json()["choices"][0]["message"]["content"]
    with model.client.stream("POST", "/v1/chat/completions", json=HELLO | {"stream": True}) as streamed:
        assert streamed.headers["content-type"].startswith("text/event-stream")
        data = [line.removeprefix("data: ") for line in streamed.iter_lines() if line.startswith("data: ")]
    assert data[-1] == "[DONE]"
    pieces = [json.loads(one)["choices"][0]["delta"].get("content") or "" for one in data[:-1]]
    assert "".join(pieces) == whole
    assert len([piece for piece in pieces if piece]) > 1


def test_a_prompt_that_is_too_long_is_a_400_with_both_numbers(model: RunningModel):
    long = {"messages": [{"role": "user", "content": "word " * 3000}]}
    answer = model.client.post("/v1/chat/completions", json=long)
    assert answer.status_code == 400
    assert answer.json()["error"]["n_ctx"] == 2048


def test_health_is_answered_while_every_slot_is_busy(model: RunningModel):
    story = {"prompt": "Tell a long story.", "max_tokens": 400, "stream": True, "ignore_eos": True}
    with (
        model.client.stream("POST", "/v1/completions", json=story) as one,
        model.client.stream("POST", "/v1/completions", json=story) as two,
    ):
        next(one.iter_lines())
        next(two.iter_lines())
        assert model.client.get("/health", timeout=5).status_code == 200


def test_a_page_of_another_site_is_not_allowed_to_read_and_prompts_of_others_are_not_shown(model: RunningModel):
    answer = model.client.get("/v1/models", headers={"Origin": "http://evil.example"})
    assert not answer.headers.get("access-control-allow-origin")
    assert model.client.get("/slots").status_code == 501


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_at_once_with_exit_code_0_in_the_middle_of_an_answer(number: int):
    with running_model() as model:
        model.wait_until_loaded()
        story = {"prompt": "Tell a long story.", "max_tokens": 2000, "stream": True, "ignore_eos": True}
        with model.client.stream("POST", "/v1/completions", json=story) as answer:
            next(answer.iter_lines())
            code, seconds = model.stop(number)
    assert code == 0
    assert seconds < 2


def test_while_the_model_loads_term_ends_it_by_the_signal():
    with running_model() as model:
        model.wait_until_listening()
        code, seconds = model.stop()
    assert code == -signal.SIGTERM
    assert seconds < 2


def test_a_taken_port_is_named_and_refused_before_the_model_is_loaded():
    with socket.create_server(("127.0.0.1", 0)) as holder:
        port = holder.getsockname()[1]
        code, said = outcome(PORT=str(port))
    assert code == 1
    assert f"error: cannot listen on 127.0.0.1:{port}: Address already in use" in said
    assert "hint: " in said
    assert "Traceback" not in said


def test_a_damaged_model_ends_with_a_sentence_and_exit_code_1(tmp_path: Path):
    (tmp_path / "broken.gguf").write_bytes(b"GGUF" + b"\xff" * 64)
    code, said = outcome(PORT="0", LLM_MODEL_PATH=str(tmp_path / "broken.gguf"))
    assert code == 1
    assert "error: broken.gguf could not be served" in said
    assert "Traceback" not in said


def test_a_wrong_setting_ends_with_exit_code_78():
    code, said = outcome(PORT="0", LLM_THREADS="many")
    assert code == 78
    assert said.startswith("error: LLM_THREADS='many'")


def test_nothing_of_it_is_reachable_from_other_addresses(model: RunningModel):
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"http://127.0.0.2:{model.port}/health", trust_env=False)
