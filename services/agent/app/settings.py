"""Everything that can be set, read once from the environment. Every default stands here and nowhere else.

The seed's `API_TIMEOUT=10` cannot mean "the whole answer": a reasoning model thinks for longer than that. It is the
time that a loaded model may stay silent, before its first byte and between any two. Connecting, loading the model,
waiting in the queue and the answer as a whole have limits of their own.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Mapping

_T = TypeVar("_T")
ROOT = Path(__file__).resolve().parents[3]
AGENT_PORT = 5000
CHAT_PORT = 5002
DEFAULT_MODEL = "deepseek-r1-distill-qwen-7b"
KNOWN_ENDINGS = ("/chat/completions", "/completions")


class ConfigError(Exception):
    """The environment asks for something impossible; the text names every problem, one a line."""


@dataclass(frozen=True, slots=True)
class Settings:
    """The agent's settings. Times are in seconds, sizes in bytes unless the name says otherwise."""

    host: str = "127.0.0.1"
    port: int = AGENT_PORT
    llm_url: str = "http://127.0.0.1:1234/v1"
    llm_endpoint: str = "chat"
    llm_model: str = DEFAULT_MODEL
    llm_token: str = field(default="", repr=False)
    api_timeout: float = 10.0
    connect_timeout: float = 2.0
    load_timeout: float = 120.0
    total_timeout: float = 120.0
    queue_timeout: float = 60.0
    max_concurrency: int = 2
    max_queue: int = 16
    allow_substitution: bool = True
    max_tokens: int = 512
    chat_max_tokens: int = 2048
    temperature: float = 0.2
    max_prompt_chars: int = 65_536
    max_body: int = 1 << 20
    cache_ttl: float = 3600.0
    cache_max_entries: int = 1000
    cache_max_bytes: int = 64 << 20
    data_dir: Path = ROOT / "data"
    log_prompts: str = "full"
    history_max_rows: int = 10_000
    instance: str = ""

    @classmethod
    def from_env(cls, env: Mapping[str, str], default_port: int = AGENT_PORT) -> Settings:
        """Read the environment; raise ConfigError that names all wrong values at once."""
        read = _Reader(env)
        settings = cls(
            host=read.loopback("HOST", "127.0.0.1"),
            port=read.whole("PORT", default_port, 0, 65_535),
            llm_url=read.base_url("DEEPSEEK_API_URL", "http://127.0.0.1:1234/v1/completions"),
            llm_endpoint=read.choice("DEEPSEEK_ENDPOINT", "chat", ("chat", "completions")),
            llm_model=read.text("DEEPSEEK_MODEL", DEFAULT_MODEL),
            llm_token=read.token("LM_API_TOKEN"),
            api_timeout=read.seconds("API_TIMEOUT", 10),
            connect_timeout=read.seconds("LLM_CONNECT_TIMEOUT", 2),
            load_timeout=read.seconds("LLM_LOAD_TIMEOUT", 120),
            total_timeout=read.seconds("LLM_TOTAL_TIMEOUT", 120),
            queue_timeout=read.seconds("LLM_QUEUE_TIMEOUT", 60),
            max_concurrency=read.whole("LLM_MAX_CONCURRENCY", 2, 1, 64),
            max_queue=read.whole("LLM_MAX_QUEUE", 16, 0, 256),
            allow_substitution=read.choice("LLM_ALLOW_SUBSTITUTION", "true", ("true", "false")) == "true",
            max_tokens=read.whole("MAX_TOKENS", 512, 1, 1 << 20),
            chat_max_tokens=read.whole("CHAT_MAX_TOKENS", 2048, 1, 1 << 20),
            temperature=read.number("TEMPERATURE", 0.2, 0, 2),
            max_prompt_chars=read.whole("MAX_PROMPT_CHARS", 65_536, 1, 1 << 20),
            max_body=read.whole("MAX_BODY_BYTES", 1 << 20, 1024, 16 << 20),
            cache_ttl=read.number("CACHE_TTL", 3600, 0, 31_536_000),
            cache_max_entries=read.whole("CACHE_MAX_ENTRIES", 1000, 0, 1 << 20),
            cache_max_bytes=read.whole("CACHE_MAX_BYTES", 64 << 20, 0, 1 << 34),
            data_dir=Path(read.text("DATA_DIR", str(ROOT / "data"))).expanduser(),
            log_prompts=read.choice("LOG_PROMPTS", "full", ("full", "hash", "off")),
            history_max_rows=read.whole("HISTORY_MAX_ROWS", 10_000, 1, 10_000_000),
            instance=read.text("MAMCTL_INSTANCE", ""),
        )
        read.finish()
        return settings

    @property
    def threads(self) -> int:
        """Worker threads: every chat that may run or wait, and a few more so that health always finds one."""
        return self.max_concurrency + self.max_queue + 6

    @property
    def llm_root(self) -> str:
        """The model server without its `/v1`, as shown to people."""
        return self.llm_url.removesuffix("/v1")


class _Reader:
    """Reads typed values and remembers what was wrong, so that all of it is told at once."""

    def __init__(self, env: Mapping[str, str]) -> None:
        self._env = env
        self._problems: list[str] = []

    def finish(self) -> None:
        if self._problems:
            raise ConfigError("\n".join(self._problems))

    def text(self, name: str, default: str) -> str:
        return (self._env.get(name) or "").strip() or default

    def token(self, name: str) -> str:
        text = self.text(name, "")
        return text if _fits_a_header(text) else self._wrong(name, "(hidden)", "a token of plain characters", "")

    def number(self, name: str, default: float, least: float, most: float) -> float:
        text = self.text(name, str(default))
        try:
            value = float(text)
        except ValueError:
            value = float("nan")
        if least <= value <= most:
            return value
        return self._wrong(name, text, f"a number from {least} to {most}", default)

    def seconds(self, name: str, default: float) -> float:
        return self.number(name, default, 0.05, 86_400)

    def whole(self, name: str, default: int, least: int, most: int) -> int:
        text = self.text(name, str(default))
        if text.isascii() and text.isdigit() and least <= int(text) <= most:
            return int(text)
        return self._wrong(name, text, f"a whole number from {least} to {most}", default)

    def choice(self, name: str, default: str, allowed: tuple[str, ...]) -> str:
        text = self.text(name, default).lower()
        return text if text in allowed else self._wrong(name, text, f"one of {', '.join(allowed)}", default)

    def loopback(self, name: str, default: str) -> str:
        text = self.text(name, default)
        address = default if text == "localhost" else text
        try:
            inside = ipaddress.ip_address(address).is_loopback
        except ValueError:
            inside = False
        return address if inside else self._wrong(name, text, "an address of this machine's loopback", default)

    def base_url(self, name: str, default: str) -> str:
        """Any of the OpenAI paths is understood; what remains ends in `/v1`. A password in the URL is refused."""
        text = self.text(name, default)
        try:
            parts = urlsplit(text)
            fits = (
                _fits_a_header(text)
                and parts.scheme in ("http", "https")
                and bool(parts.hostname)
                and (parts.port or 1) > 0
            )
        except ValueError:
            return self._wrong(name, "(unreadable)", "a URL with http or https", default)
        if not fits or parts.username or parts.query or parts.fragment:
            return self._wrong(name, "(hidden)" if parts.username else text, "a plain URL with http or https", default)
        path = parts.path.rstrip("/")
        for ending in KNOWN_ENDINGS:
            path = path.removesuffix(ending)
        return f"{parts.scheme}://{parts.netloc}{path or '/v1'}"

    def _wrong(self, name: str, text: str, allowed: str, default: _T) -> _T:
        self._problems.append(f"{name}={text!r} is not {allowed} (default: {default})")
        return default


def _fits_a_header(text: str) -> bool:
    return text.isascii() and all(character.isprintable() and character != " " for character in text)
