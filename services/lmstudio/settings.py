"""What can be set, read once from the environment. Every default stands here and nowhere else."""

from __future__ import annotations

import ipaddress
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from services.lmstudio.refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Mapping


def spare_cores() -> int:
    """Cores that this process may use, but one and at least one: llama.cpp's threads spin, the others must breathe."""
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, usable - 1)


@dataclass(frozen=True, slots=True)
class Settings:
    """Where to listen and what to take of the machine. `context` is in tokens, shared out among `parallel` slots."""

    host: str = "127.0.0.1"
    port: int = 1234
    threads: int = 1
    context: int = 4096
    parallel: int = 2
    model_path: str = ""

    @classmethod
    def from_env(cls, env: Mapping[str, str]) -> Settings:
        """Read `HOST PORT LLM_THREADS LLM_CONTEXT LLM_PARALLEL LLM_MODEL_PATH`; raise Refusal on a wrong value."""
        return cls(
            host=_loopback(env.get("HOST") or "127.0.0.1"),
            port=_number(env, "PORT", 1234, 0, 65535),
            threads=_number(env, "LLM_THREADS", spare_cores(), 1, 512),
            context=_number(env, "LLM_CONTEXT", 4096, 64, 1 << 20),
            parallel=_number(env, "LLM_PARALLEL", 2, 1, 64),
            model_path=env.get("LLM_MODEL_PATH") or "",
        )


def _number(env: Mapping[str, str], name: str, default: int, least: int, most: int) -> int:
    text = (env.get(name) or "").strip() or str(default)
    if text.isascii() and text.isdigit() and least <= int(text) <= most:
        return int(text)
    raise Refusal(
        f"{name}={text!r} is not a whole number from {least} to {most}", f"unset {name} for {default}, or correct it"
    )


def _loopback(host: str) -> str:
    """Only this machine may ask: the model server has neither accounts nor a check of the Host header."""
    name = "127.0.0.1" if host == "localhost" else host
    try:
        inside = ipaddress.ip_address(name).is_loopback
    except ValueError:
        inside = False
    if inside:
        return name
    raise Refusal(
        f"HOST={host!r} is not an address of this machine's loopback",
        "use 127.0.0.1, or put a proxy with a login in front",
    )
