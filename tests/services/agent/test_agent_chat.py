"""What a client gets for a question, when all is well."""

import json
import threading
from pathlib import Path
from typing import Any

import httpx
import pytest
from model_double import MODEL, Handler, ModelDouble, replies, says, trickles
from running_agent import RunningAgent, running_agent


def events_of(response: httpx.Response) -> list[tuple[str, dict[str, Any]]]:
    blocks = [block.split("\n") for block in response.text.strip().split("\n\n")]
    return [(block[0].removeprefix("event: "), json.loads(block[1].removeprefix("data: "))) for block in blocks]


def test_a_question_is_answered_with_the_model_that_answered(agent: RunningAgent, double: ModelDouble):
    response = agent.ask("Hi", session_id="s1")
    body = response.json()
    assert response.status_code == 200
    assert body["response"] == "Hello there"
    assert (body["model"], body["model_requested"]) == (MODEL, "deepseek-r1-distill-qwen-7b")
    assert (body["cached"], body["finish_reason"], body["session_id"]) == (False, "stop", "s1")
    assert body["usage"] == {"prompt_tokens": 3, "completion_tokens": 2}
    assert body["timing_ms"]["total"] >= body["timing_ms"]["first_token"] > 0
    assert double.asked[0]["path"] == "/v1/chat/completions"
    assert double.asked[0]["messages"] == [{"role": "user", "content": "Hi"}]


def test_the_token_limit_is_the_operators_default_and_never_more_than_his_maximum(tmp_path: Path, double: ModelDouble):
    with running_agent(tmp_path, double.url, max_tokens=7, chat_max_tokens=9) as agent:
        assert agent.ask("one").json()["max_tokens"] == 7
        assert agent.ask("two", max_tokens=500).json()["max_tokens"] == 9
    assert [asked["max_tokens"] for asked in double.asked] == [7, 9]


def test_a_conversation_is_passed_on_as_it_is(agent: RunningAgent, double: ModelDouble):
    messages = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi"}]
    asked = {"messages": messages, "seed": 7, "temperature": 0.5, "response_format": {"type": "json_object"}}
    assert agent.client.post("/chat", json=asked).status_code == 200
    assert {name: double.asked[0][name] for name in asked} == asked


def test_the_old_completions_path_is_used_only_when_asked_for(tmp_path: Path, double: ModelDouble):
    double.answer = replies(200, {"model": MODEL, "choices": [{"text": "four", "finish_reason": "stop"}]})
    with running_agent(tmp_path, double.url, llm_endpoint="completions") as agent:
        assert agent.ask("2+2?").json()["response"] == "four"
    assert (double.asked[0]["path"], double.asked[0]["prompt"]) == ("/v1/completions", "2+2?")


def test_the_token_for_lm_studio_is_sent(tmp_path: Path, double: ModelDouble):
    with running_agent(tmp_path, double.url, llm_token="t0ken") as agent:
        agent.ask()
    assert double.asked[0]["token"] == "Bearer t0ken"


def test_what_the_model_thought_is_not_part_of_its_answer(agent: RunningAgent, double: ModelDouble):
    double.answer = says("<thi", "nk>two and two", "</th", "ink>", "\n\nFour.")
    body = agent.ask("2+2?").json()
    assert (body["response"], body["reasoning"]) == ("Four.", "two and two")


def test_thoughts_in_a_field_of_their_own_are_understood(agent: RunningAgent, double: ModelDouble):
    message = {"content": "Four.", "reasoning_content": "two and two"}
    double.answer = replies(200, {"model": MODEL, "choices": [{"message": message, "finish_reason": "stop"}]})
    body = agent.ask("2+2?").json()
    assert (body["response"], body["reasoning"]) == ("Four.", "two and two")


def test_the_same_question_is_answered_from_the_cache(agent: RunningAgent, double: ModelDouble):
    first, second = agent.ask("Hi"), agent.ask("Hi")
    assert [each.headers["x-cache"] for each in (first, second)] == ["MISS", "HIT"]
    assert second.json()["cached"] is True
    assert second.json()["response"] == first.json()["response"]
    assert second.headers["age"] == "0"
    assert len(double.asked) == 1


@pytest.mark.parametrize(
    "change",
    [{"message": "Ho"}, {"model": "other"}, {"max_tokens": 5}, {"temperature": 0}, {"seed": 1},
     {"response_format": {"type": "text"}}],
)  # fmt: skip
def test_every_field_that_decides_the_answer_is_part_of_the_key(
    agent: RunningAgent, double: ModelDouble, change: dict[str, Any]
):
    agent.ask("Hi")
    assert agent.ask(**({"message": "Hi"} | change)).json()["cached"] is False
    assert len(double.asked) == 2


def test_fields_that_only_say_how_it_is_delivered_are_not(agent: RunningAgent, double: ModelDouble):
    agent.ask("Hi")
    assert agent.ask("Hi", session_id="x", timeout=5).json()["cached"] is True
    assert events_of(agent.ask("Hi", stream=True))[-1][1]["cached"] is True
    assert len(double.asked) == 1


def test_who_asks_for_variety_gets_it_unless_a_seed_makes_it_repeatable(agent: RunningAgent, double: ModelDouble):
    assert [agent.ask("Hi", temperature=0.9).headers["x-cache"] for _ in range(2)] == ["BYPASS", "BYPASS"]
    assert [agent.ask("Hi", temperature=0.9, seed=3).headers["x-cache"] for _ in range(2)] == ["MISS", "HIT"]


def test_bypass_leaves_the_cache_alone_and_refresh_renews_it(agent: RunningAgent, double: ModelDouble):
    agent.ask("Hi")
    double.answer = says("Other")
    assert agent.ask("Hi", cache="bypass").json()["response"] == "Other"
    assert agent.ask("Hi").json()["response"] == "Hello there"
    assert agent.ask("Hi", cache="refresh").json()["response"] == "Other"
    assert agent.ask("Hi").json()["response"] == "Other"


def test_a_cleared_cache_asks_again_and_a_ttl_of_0_never_keeps(tmp_path: Path, double: ModelDouble):
    with running_agent(tmp_path, double.url) as agent:
        agent.ask("Hi")
        assert agent.client.get("/cache").json()["entries"] == 1
        assert agent.client.delete("/cache").json()["cleared"] == 1
        assert agent.ask("Hi").json()["cached"] is False
    with running_agent(tmp_path, double.url, cache_ttl=0) as agent:
        assert [agent.ask("Hi").json()["cached"] for _ in range(2)] == [False, False]


def test_an_answer_of_another_server_at_the_same_address_is_not_given(agent: RunningAgent, double: ModelDouble):
    agent.ask("Hi")
    double.be_llama_cpp(loading=False)
    agent.service.conversation._backend.doubt()
    assert agent.ask("Hi").json()["cached"] is False


def test_a_cached_answer_is_given_while_the_model_server_is_away(agent: RunningAgent, double: ModelDouble):
    agent.ask("Hi")
    double.close()
    agent.service.conversation._backend.doubt()
    assert agent.ask("Hi").json()["cached"] is True
    assert agent.ask("Ho").status_code == 503


def test_identical_questions_at_the_same_time_are_asked_once(agent: RunningAgent, double: ModelDouble):
    def slowly(handler: Handler, _body: dict[str, Any]) -> None:
        double.freed.wait(10)
        says("Once")(handler, _body)

    double.answer = slowly
    answers: list[httpx.Response] = []
    askers = [threading.Thread(target=lambda: answers.append(agent.ask("Hi"))) for _ in range(3)]
    for asker in askers:
        asker.start()
    wait_until(lambda: len(double.asked) == 1)
    double.freed.set()
    for asker in askers:
        asker.join(10)
    assert [answer.json()["response"] for answer in answers] == ["Once"] * 3
    assert len(double.asked) == 1


def test_a_stream_gives_thoughts_pieces_and_at_last_the_whole(agent: RunningAgent, double: ModelDouble):
    double.answer = says("<think>hm", "</think>", "Fo", "ur")
    response = agent.ask("2+2?", stream=True)
    events = events_of(response)
    assert response.headers["content-type"].startswith("text/event-stream")
    assert events[:-1] == [("reasoning", {"text": "hm"}), ("delta", {"text": "Fo"}), ("delta", {"text": "ur"})]
    assert events[-1][0] == "done"
    assert (events[-1][1]["response"], events[-1][1]["reasoning"]) == ("Four", "hm")


def test_a_stream_that_breaks_ends_with_an_error_event(agent: RunningAgent, double: ModelDouble):
    def breaks(handler: Handler, _body: dict[str, Any]) -> None:
        handler.begin_stream()
        handler.piece("Fo")

    double.answer = breaks
    events = events_of(agent.ask("2+2?", stream=True))
    assert events[0] == ("delta", {"text": "Fo"})
    assert (events[1][0], events[1][1]["code"]) == ("error", "LLM_BAD_RESPONSE")


def test_a_client_that_hangs_up_ends_the_models_work(agent: RunningAgent, double: ModelDouble):
    double.answer = trickles(0.02)
    with agent.client.stream("POST", "/chat", json={"message": "Hi", "stream": True}) as response:
        next(response.iter_lines())
    wait_until(lambda: double.asked[-1].get("hung_up", False))
    wait_until(lambda: bool(agent.history()))
    assert agent.history()[0]["error_code"] == "CANCELLED"


def test_so_does_a_client_that_waits_for_the_whole_and_leaves(agent: RunningAgent, double: ModelDouble):
    double.answer = trickles(0.02)
    with pytest.raises(httpx.ReadTimeout):
        agent.client.post("/chat", json={"message": "Hi"}, timeout=0.2)
    wait_until(lambda: double.asked[-1].get("hung_up", False))


def test_more_questions_than_may_wait_are_told_to_come_back(tmp_path: Path, double: ModelDouble):
    double.answer = trickles(0.02)
    with running_agent(tmp_path, double.url, max_concurrency=1, max_queue=0) as agent:
        asker = threading.Thread(target=lambda: agent.ask("one", timeout=5))
        asker.start()
        wait_until(lambda: len(double.asked) == 1)
        response = agent.ask("two")
        assert agent.client.get("/health").json()["questions"] == {"active": 1, "waiting": 0}
        agent.service.conversation.stop()
        asker.join(10)
    assert (response.status_code, response.json()["code"]) == (429, "QUEUE_FULL")
    assert response.headers["retry-after"] == "2"


@pytest.mark.parametrize("message", ["the same", "question {}"])
def test_health_is_answered_while_more_questions_than_may_wait_come_at_once(
    tmp_path: Path, double: ModelDouble, message: str
):
    double.answer = trickles(0.05)
    with running_agent(tmp_path, double.url, max_concurrency=1, max_queue=3) as agent:
        answers: list[httpx.Response] = []
        ask = lambda number: answers.append(agent.ask(message.format(number), timeout=5))  # noqa: E731 - one expression
        askers = [threading.Thread(target=ask, args=(number,)) for number in range(20)]
        for asker in askers:
            asker.start()
        wait_until(lambda: len(answers) == 16)
        live = agent.client.get("/health/live")
        agent.service.conversation.stop()
        for asker in askers:
            asker.join(10)
    assert [answer.json()["code"] for answer in answers].count("QUEUE_FULL") == 16
    assert live.elapsed.total_seconds() < 1
    assert len(double.asked) == 1


def test_another_model_than_the_named_one_can_be_made_an_error(tmp_path: Path, double: ModelDouble):
    with running_agent(tmp_path, double.url, allow_substitution=False) as agent:
        assert agent.ask("Hi", model=MODEL).status_code == 200
        refused = agent.ask("Hi", model="other")
    assert (refused.status_code, refused.json()["code"]) == (502, "LLM_MODEL_MISMATCH")


def test_the_chat_server_alone_has_no_routes_of_the_agent(tmp_path: Path, double: ModelDouble):
    with running_agent(tmp_path, double.url, name="chat") as chat:
        assert chat.ask().status_code == 200
        assert chat.client.get("/health").json()["service"] == "chat"
        assert chat.client.get("/history").status_code == 404


def wait_until(condition: Any) -> None:
    turn = threading.Event()
    for _ in range(1000):
        if condition():
            return
        turn.wait(0.01)
    raise AssertionError("it did not come true within 10 s")
