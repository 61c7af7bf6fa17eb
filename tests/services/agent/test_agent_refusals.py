"""What a client gets when something is wrong: with the question, or with the model server. One shape, no secrets."""

import re
import socket
from pathlib import Path
from typing import Any

import pytest
from model_double import MODEL, ModelDouble, cuts_off, falls_silent, replies, says, trickles
from running_agent import RunningAgent, free_port, running_agent

from services.agent.app.backend import Sighting

PIECE = {"model": MODEL, "choices": [{"delta": {"content": "half"}, "finish_reason": None}]}


def assert_is_the_error_body(body: dict[str, Any], code: str) -> None:
    assert set(body) - {"hint"} == {"error", "code", "timestamp"}
    assert body["code"] == code
    assert body["timestamp"].endswith("Z")
    assert body["error"]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({}, "exactly one of 'message'"),
        ({"message": "a", "messages": []}, "exactly one of 'message'"),
        ({"message": ""}, "not empty"),
        ({"message": 7}, "must be a text"),
        ({"messages": []}, "1 to 200"),
        ({"messages": "Hi"}, "1 to 200"),
        ({"messages": [{"role": "robot", "content": "a"}]}, r"messages\[0\]"),
        ({"messages": [{"role": "user", "content": "a", "name": "b"}]}, "nothing else"),
        ({"message": "a", "max_tokens": 0}, "max_tokens"),
        ({"message": "a", "max_tokens": True}, "max_tokens"),
        ({"message": "a", "max_tokens": "5"}, "max_tokens"),
        ({"message": "a", "temperature": 3}, "temperature"),
        ({"message": "a", "seed": -1}, "seed"),
        ({"message": "a", "stream": "yes"}, "stream"),
        ({"message": "a", "cache": "always"}, "default, bypass, refresh"),
        ({"message": "a", "cache": ["default"]}, "default, bypass, refresh"),
        ({"message": "a", "timeout": 9999}, "timeout"),
        ({"message": "a", "session_id": "x" * 129}, "session_id"),
        ({"message": "a", "model": "a\nb"}, "model"),
        ({"message": "a", "response_format": []}, "response_format"),
        ([], "JSON object"),
        ("Hi", "JSON object"),
    ],
)
def test_a_wrong_field_is_a_400_that_names_it(agent: RunningAgent, double: ModelDouble, body: Any, said: str):
    response = agent.client.post("/chat", json=body)
    assert response.status_code == 400
    assert_is_the_error_body(response.json(), "INVALID_REQUEST")
    assert re.search(said, response.json()["error"])
    assert double.asked == []


def test_a_misspelt_field_is_answered_with_its_right_name(agent: RunningAgent):
    response = agent.client.post("/chat", json={"mesage": "Hi"})
    assert (response.status_code, response.json()["hint"]) == (400, "did you mean 'message'?")


@pytest.mark.parametrize(
    "raw", [b"{", b"", b"\xff\xfe", b'{"message": NaN}', b'{"message": "\\ud800"}', b"[" * 100_000]
)
def test_a_body_that_is_no_json_is_a_400(agent: RunningAgent, raw: bytes):
    response = agent.client.post("/chat", content=raw, headers={"Content-Type": "application/json"})
    assert response.status_code == 400
    assert_is_the_error_body(response.json(), "INVALID_REQUEST")


def test_another_media_type_is_a_415(agent: RunningAgent):
    response = agent.client.post("/chat", data={"message": "Hi"})
    assert response.status_code == 415
    assert_is_the_error_body(response.json(), "UNSUPPORTED_MEDIA_TYPE")


@pytest.mark.parametrize("size", [(1 << 20) + 1, (4 << 20) + 1])
def test_a_body_over_the_bound_is_a_413_also_when_the_server_itself_refuses_it(agent: RunningAgent, size: int):
    response = agent.client.post("/chat", content=b"x" * size, headers={"Content-Type": "application/json"})
    assert response.status_code == 413
    assert_is_the_error_body(response.json(), "PAYLOAD_TOO_LARGE")


def test_a_prompt_over_the_operators_limit_is_refused_before_the_model_sees_it(tmp_path: Path, double: ModelDouble):
    with running_agent(tmp_path, double.url, max_prompt_chars=10) as agent:
        response = agent.ask("x" * 11)
    assert response.status_code == 400
    assert_is_the_error_body(response.json(), "PROMPT_TOO_LONG")


def test_an_unknown_path_is_a_404_and_a_wrong_method_a_405_that_says_what_is_allowed(agent: RunningAgent):
    assert_is_the_error_body(agent.client.get("/nope").json(), "NOT_FOUND")
    response = agent.client.get("/chat")
    assert (response.status_code, response.headers["allow"]) == (405, "OPTIONS, POST")
    assert_is_the_error_body(response.json(), "METHOD_NOT_ALLOWED")


def test_what_is_no_http_is_answered_in_the_same_shape(agent: RunningAgent):
    port = int(agent.url.rsplit(":", 1)[1])
    with socket.create_connection(("127.0.0.1", port), 5) as raw:
        raw.sendall(b"GET /health HTTP/1.1\r\nno colon here\r\n\r\n")
        answer = b""
        while part := raw.recv(65_536):
            answer += part
    assert answer.split(b"\r\n")[0].endswith(b" 400 Bad Request")
    assert b'"code": "INVALID_REQUEST"' in answer


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "localhost@evil.example", "10.0.0.1:5000"])
def test_another_name_in_the_host_header_is_a_403(agent: RunningAgent, host: str):
    response = agent.client.get("/health", headers={"Host": host})
    assert response.status_code == 403
    assert_is_the_error_body(response.json(), "HOST_NOT_ALLOWED")


@pytest.mark.parametrize("host", ["127.0.0.1", "LOCALHOST:5000", "[::1]:5000"])
def test_this_machines_own_names_are_let_in(agent: RunningAgent, host: str):
    assert agent.client.get("/health", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    ("origin", "status"), [("http://evil.example", 403), ("null", 403), ("http://localhost:3001", 200)]
)
def test_only_pages_of_this_machine_may_call(agent: RunningAgent, origin: str, status: int):
    assert agent.client.delete("/cache", headers={"Origin": origin}).status_code == status


def test_no_model_server_is_a_503_at_once_with_what_to_do(tmp_path: Path):
    with running_agent(tmp_path, f"http://127.0.0.1:{free_port()}") as agent:
        response = agent.ask()
        streamed = agent.ask(stream=True)
    assert response.status_code == streamed.status_code == 503
    assert_is_the_error_body(response.json(), "LLM_UNAVAILABLE")
    assert "LM Studio" in response.json()["hint"]
    assert int(response.headers["retry-after"]) > 0
    assert response.elapsed.total_seconds() < 2.5


def test_a_stranger_at_the_address_is_not_asked(agent: RunningAgent, double: ModelDouble):
    double.pages = {}
    response = agent.ask()
    assert response.status_code == 503
    assert "is no model server" in response.json()["error"]
    assert double.asked == []


def test_a_listener_that_never_speaks_is_given_up_within_the_time_of_a_look(tmp_path: Path):
    mute = socket.create_server(("127.0.0.1", 0))
    with mute, running_agent(tmp_path, f"http://127.0.0.1:{mute.getsockname()[1]}") as agent:
        response = agent.ask()
        assert agent.client.post("/test").json()["llm"] == "unresponsive"
    assert response.json()["code"] == "LLM_UNAVAILABLE"
    assert response.elapsed.total_seconds() < 2.5


def test_a_known_model_server_that_is_slow_to_say_who_it_is_is_asked_all_the_same(
    agent: RunningAgent, double: ModelDouble, monkeypatch: pytest.MonkeyPatch
):
    agent.ask("Hi")
    monkeypatch.setattr("services.agent.app.backend.probe", lambda _: Sighting("unresponsive"))
    agent.service.conversation._backend.doubt()
    assert agent.ask("Ho").json()["response"] == "Hello there"


@pytest.mark.parametrize(
    ("answer", "limits", "said"),
    [
        (falls_silent(), {}, "said nothing within 0.2 s"),
        (falls_silent("half"), {}, "fell silent within 0.2 s"),
        (trickles(0.05), {"timeout": 0.4}, "was not done within 0."),
    ],
)
def test_each_kind_of_slowness_is_a_504_that_names_its_limit(
    tmp_path: Path, double: ModelDouble, answer: Any, limits: dict[str, float], said: str
):
    double.answer = answer
    with running_agent(tmp_path, double.url, api_timeout=0.2) as agent:
        response = agent.ask(**limits)
    assert response.status_code == 504
    assert_is_the_error_body(response.json(), "LLM_TIMEOUT")
    assert said in response.json()["error"]
    assert response.elapsed.total_seconds() < 2


def test_a_model_that_is_not_in_memory_yet_is_given_the_time_to_load(tmp_path: Path, double: ModelDouble):
    def loads_first(handler: Any, body: dict[str, Any]) -> None:
        double.freed.wait(0.5)
        says("Awake")(handler, body)

    double.answer = loads_first
    double.be_lm_studio(loaded=False)
    with running_agent(tmp_path, double.url, api_timeout=0.2, load_timeout=10) as agent:
        assert agent.ask(model=MODEL).json()["response"] == "Awake"
        double.be_lm_studio(loaded=True)
        agent.service.conversation._backend.doubt()
        assert agent.ask(model=MODEL, cache="refresh").json()["code"] == "LLM_TIMEOUT"


def test_a_model_that_loads_for_ever_is_a_503_that_says_so(tmp_path: Path, double: ModelDouble):
    double.be_llama_cpp(loading=True)
    with running_agent(tmp_path, double.url, load_timeout=0.3) as agent:
        response = agent.ask()
    assert response.status_code == 503
    assert_is_the_error_body(response.json(), "LLM_MODEL_LOADING")


@pytest.mark.parametrize(
    "answer",
    [
        cuts_off([PIECE]),
        cuts_off(["{no json"]),
        cuts_off([[1, 2]]),
        cuts_off(["[DONE]"]),
        cuts_off([{"error": {"message": "secret at /home/user/x.gguf"}}]),
        replies(200, {"error": "Unexpected endpoint or method. (POST /v1/chat/completions)"}),
        replies(200, b"<html>router login</html>", Content_Type="text/html"),
        replies(200, {"choices": []}),
        replies(200, {"choices": [{"message": {"content": "  "}, "finish_reason": "stop"}]}),
        replies(200, {"choices": "none"}),
        replies(200, b"\xff\xfe\x00"),
        replies(500, {"error": {"message": "secret at /home/user/x.gguf"}}),
        replies(302, b"", Location="http://evil.example/"),
        says(),
    ],
)
def test_an_answer_that_makes_no_sense_is_a_502_that_repeats_nothing_of_it(
    agent: RunningAgent, double: ModelDouble, answer: Any
):
    double.answer = answer
    response = agent.ask()
    assert response.status_code == 502
    assert_is_the_error_body(response.json(), "LLM_BAD_RESPONSE")
    assert "secret" not in response.text
    assert "/home" not in response.text
    assert agent.ask().status_code == 502, "a failure is not kept in the cache"


@pytest.mark.parametrize(
    ("answer", "status", "code"),
    [
        (replies(401, {"error": "no token"}), 502, "LLM_AUTH_REQUIRED"),
        (replies(429, {"error": "busy"}), 429, "QUEUE_FULL"),
        (replies(400, {"error": {"message": "bad grammar"}}), 400, "INVALID_REQUEST"),
        (replies(503, {"error": {"message": "Loading model"}}), 503, "LLM_MODEL_LOADING"),
        (replies(503, {"error": {"message": "no"}}), 503, "LLM_UNAVAILABLE"),
    ],
)
def test_a_refusal_of_the_model_server_is_told_in_our_words(
    agent: RunningAgent, double: ModelDouble, answer: Any, status: int, code: str
):
    double.answer = answer
    response = agent.ask()
    assert response.status_code == status
    assert_is_the_error_body(response.json(), code)


def test_a_prompt_too_long_for_the_model_is_a_400_with_both_numbers(agent: RunningAgent, double: ModelDouble):
    error = {"type": "exceed_context_size_error", "message": "...", "n_prompt_tokens": 3031, "n_ctx": 2048}
    double.answer = replies(400, {"error": error})
    response = agent.ask()
    assert response.status_code == 400
    assert_is_the_error_body(response.json(), "PROMPT_TOO_LONG")
    assert "3031" in response.json()["error"]
    assert "2048" in response.json()["error"]


def test_a_flood_is_cut_off(agent: RunningAgent, double: ModelDouble, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("services.agent.app.wire.MAX_REPLY", 10_000)
    double.answer = says(*["x" * 5_000] * 4)
    assert agent.ask().json()["code"] == "LLM_BAD_RESPONSE"


def test_a_fault_of_our_own_is_a_500_without_a_trace_of_the_inside(
    agent: RunningAgent, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    def breaks(*_: Any) -> None:
        raise RuntimeError("secret inside")

    monkeypatch.setattr(agent.service.conversation, "answer", breaks)
    response = agent.client.post("/chat", json={"message": "Hi"}, headers={"X-Request-Id": "r-1"})
    assert response.status_code == 500
    assert_is_the_error_body(response.json(), "INTERNAL")
    assert "r-1" in response.json()["hint"]
    assert response.headers["x-request-id"] == "r-1"
    assert "secret" not in response.text
    assert "secret inside" in caplog.text
