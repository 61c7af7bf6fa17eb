"""The agent's parts by themselves."""

import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.agent.app import sse, thinking
from services.agent.app.cache import Cache, key_of
from services.agent.app.errors import ApiError
from services.agent.app.gate import Gate
from services.agent.app.model_server import as_prompt
from services.agent.app.same_question import SameQuestions
from services.agent.app.settings import ConfigError, Settings


def never() -> bool:
    return False


@pytest.mark.parametrize(
    ("text", "thoughts", "answer"),
    [
        ("Four.", "", "Four."),
        ("<think>two and two</think>\n\nFour.", "two and two", "Four."),
        ("two and two</think>Four.", "two and two", "Four."),
        ("<think>two and", "two and", ""),
        ("<think></think>Four.", "", "Four."),
        ("So: <think>a</think>b<think>c</think>d", "a\nc", "So:\nb\nd"),
        ("", "", ""),
    ],
)
def test_thoughts_are_parted_from_the_answer(text: str, thoughts: str, answer: str):
    assert thinking.part(text) == (thoughts, answer)


fragments = st.lists(st.sampled_from(["<think>", "</think>", "<", "think", ">", "/", "a", " "]), max_size=12)


@given(fragments, st.integers(1, 5))
def test_how_the_text_is_cut_into_pieces_changes_nothing(parts: list[str], size: int):
    text = "".join(parts)
    whole, cut = thinking.Splitter(), thinking.Splitter()
    expected = joined(whole.feed(text) + whole.finish())
    pieces = [piece for start in range(0, len(text), size) for piece in cut.feed(text[start : start + size])]
    assert joined(pieces + cut.finish()) == expected


def joined(pieces: list[tuple[str, str]]) -> list[tuple[str, str]]:
    result: list[tuple[str, str]] = []
    for kind, text in pieces:
        if result and result[-1][0] == kind:
            result[-1] = (kind, result[-1][1] + text)
        else:
            result.append((kind, text))
    return result


@given(st.integers(1, 9))
def test_events_are_read_however_they_are_cut(size: int):
    raw = b": ping\n\nevent: x\r\ndata: one\r\n\r\ndata: two\ndata: lines\n\nid: 7\ndata:last"
    chunks = [raw[start : start + size] for start in range(0, len(raw), size)]
    assert list(sse.read(chunks)) == ["one", "two\nlines", "last"]


def test_an_event_is_written_as_it_is_read():
    assert list(sse.read([sse.write("delta", {"text": "a\nb"})])) == ['{"text": "a\\nb"}']


def test_a_conversation_becomes_one_text_for_the_old_path():
    messages = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi"}]
    assert as_prompt(messages) == "System: Be brief.\nUser: Hi\nAssistant:"
    assert as_prompt(messages[1:]) == "Hi"


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3),
    max_leaves=5,
)
requests = st.dictionaries(st.sampled_from(["messages", "model", "seed", "new_field"]), json_values)


@given(requests, requests)
def test_different_requests_have_different_keys(one: dict[str, object], other: dict[str, object]):
    assert (key_of(one, "server") == key_of(other, "server")) is (repr_of(one) == repr_of(other))
    assert key_of(one, "server") != key_of(one, "other server")


def repr_of(request: dict[str, object]) -> str:
    return repr(sorted(request.items()))


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_what_is_cached_is_given_until_its_time_is_over():
    clock = Clock()
    cache: Cache[str] = Cache(10, 5, 1000, clock)
    cache.put("a", "answer", 10)
    clock.now += 9.5
    assert cache.get("a") == ("answer", 9.5)
    clock.now += 0.5
    assert cache.get("a") is None
    assert cache.stats()["bytes"] == 0


def test_what_was_used_longest_ago_makes_room():
    cache: Cache[str] = Cache(10, 2, 1000, Clock())
    cache.put("a", "1", 1)
    cache.put("b", "2", 1)
    cache.get("a")
    cache.put("c", "3", 1)
    assert [cache.get(key) is not None for key in "abc"] == [True, False, True]


def test_the_cache_keeps_to_its_bytes_and_never_takes_what_cannot_fit():
    cache: Cache[str] = Cache(10, 100, 100, Clock())
    cache.put("big", "x", 101)
    for key in "abcdef":
        cache.put(key, "x", 30)
    assert cache.get("big") is None
    assert cache.stats()["bytes"] <= 100
    assert cache.clear() == 3


def test_one_asker_at_a_time_passes_and_a_waiting_one_gives_up_after_its_patience():
    gate = Gate(1, 1)
    with gate.admission(), gate.passage(1, never):
        with pytest.raises(ApiError) as late:
            gate.passage(0.05, never).__enter__()
        assert (late.value.status, late.value.code) == (504, "LLM_TIMEOUT")
        with pytest.raises(ApiError) as gone:
            gate.passage(5, lambda: True).__enter__()
        assert gone.value.code == "CANCELLED"
        assert not gate.wait_empty(0.01)
    with gate.passage(0.05, never) as waited:
        assert waited < 0.05
    assert gate.wait_empty(0.01)
    assert gate.figures() == {"active": 0, "waiting": 0}


def test_who_waits_is_counted_whatever_for():
    gate = Gate(1, 1)
    with gate.admission(), gate.admission():
        assert gate.figures() == {"active": 0, "waiting": 2}
        with pytest.raises(ApiError) as full:
            gate.admission().__enter__()
    assert (full.value.status, full.value.code) == (429, "QUEUE_FULL")
    assert gate.figures() == {"active": 0, "waiting": 0}


def ask_the_same(same: SameQuestions[str], started: threading.Event, seen: list[object]) -> threading.Thread:
    def ask() -> None:
        with same.join("key") as place:
            started.set()
            try:
                seen.append(place.result(5, never))
            except ApiError as error:
                seen.append(error.code)

    thread = threading.Thread(target=ask)
    thread.start()
    return thread


@pytest.mark.parametrize(("outcome", "seen_by_others"), [("BUSY", "BUSY"), ("CANCELLED", None)])
def test_others_share_a_failure_but_not_that_the_first_one_left(outcome: str, seen_by_others: str | None):
    same: SameQuestions[str] = SameQuestions()
    started, seen, others = threading.Event(), [], []

    def ask_first_and_fail() -> None:
        with same.join("key") as place:
            assert place.first
            others.append(ask_the_same(same, started, seen))
            assert started.wait(5)
            raise ApiError(503, outcome, "no")

    with pytest.raises(ApiError):
        ask_first_and_fail()
    others[0].join(5)
    assert seen == [seen_by_others]


def test_the_seeds_url_is_understood_in_each_of_its_forms():
    for path in ("", "/", "/v1", "/v1/", "/v1/completions", "/v1/chat/completions"):
        settings = Settings.from_env({"DEEPSEEK_API_URL": f"http://127.0.0.1:1234{path}"})
        assert (settings.llm_url, settings.llm_root) == ("http://127.0.0.1:1234/v1", "http://127.0.0.1:1234")


def test_all_wrong_settings_are_named_at_once_and_no_password_is_repeated():
    wrong = {
        "PORT": "http", "HOST": "0.0.0.0", "API_TIMEOUT": "-1", "CACHE_TTL": "nan", "LOG_PROMPTS": "some",
        "DEEPSEEK_API_URL": "http://user:hunter2@host/v1", "MAX_TOKENS": "1.5", "LM_API_TOKEN": "hunter2\n3",
    }  # fmt: skip
    with pytest.raises(ConfigError) as refused:
        Settings.from_env(wrong)
    assert all(f"{name}=" in str(refused.value) for name in wrong)
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize(
    "url", ["ftp://host", "host:1234", "http://", "http://host:99999", "http://host/v1?key=1", "http://hö.st"]
)
def test_a_url_that_cannot_be_asked_is_refused(url: str):
    with pytest.raises(ConfigError, match="DEEPSEEK_API_URL"):
        Settings.from_env({"DEEPSEEK_API_URL": url})


def test_the_token_is_not_part_of_what_is_printed():
    assert "t0ken" not in repr(Settings.from_env({"LM_API_TOKEN": "t0ken"}))


def test_the_example_file_shows_the_defaults_and_names_no_real_project():
    example = (Path(__file__).resolve().parents[3] / "services/agent/.env.example").read_text()
    lines = [line.partition("#")[0].strip() for line in example.splitlines()]
    shown = dict(line.split("=", 1) for line in lines if line)
    assert Settings.from_env(shown) == Settings.from_env({})
    assert "supabase.co" not in example
