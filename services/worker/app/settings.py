"""The worker's own settings; where media and data lie is the backend's Config, which both read."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass

from services.backend.app.config import ConfigError
from services.backend.app.models.claim_store import BACKOFF_S

MAX_DECODERS = 16
LEASE_S = 15.0
HEARTBEAT_S = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The settings, checked."""

    decoders: int
    """How many files are decoded at a time, each in a process of its own."""
    grace_s: float = 8.0
    """How long files in hand may still take after SIGTERM."""
    decode_s: float = 30.0
    """How long one file may take."""
    retry_s: float = BACKOFF_S
    """How long a file on which a decoder died or hung waits for its second attempt, and a quarter of the next wait."""
    watch: bool = True
    """Whether the system is asked to tell of changes in the media folder, beside the scans."""
    lease_s: float = LEASE_S
    heartbeat_s: float = HEARTBEAT_S

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> "Settings":
        """Read and check all; raises ConfigError at the first bad one."""
        return cls(
            decoders=_decoders(environment.get("WORKER_DECODERS") or ""),
            grace_s=_seconds(environment, "WORKER_GRACE", 8.0, least=0.0),
            decode_s=_seconds(environment, "WORKER_DECODE_TIMEOUT", 30.0, least=0.1),
            retry_s=_seconds(environment, "WORKER_RETRY_DELAY", BACKOFF_S, least=0.0),
            watch=_flag(environment.get("MEDIA_WATCH", "1")),
        )


def _decoders(text: str) -> int:
    if not text:
        return max(1, min(4, _cores()))
    if not re.fullmatch(r"[0-9]{1,2}", text) or not 1 <= int(text) <= MAX_DECODERS:
        raise ConfigError(f"WORKER_DECODERS={text!r} must be a number from 1 to {MAX_DECODERS}")
    return int(text)


def _cores() -> int:
    """Return the cores that this process may use, which in a container are fewer than the machine has."""
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1


def _seconds(environment: Mapping[str, str], name: str, default: float, *, least: float) -> float:
    text = environment.get(name) or str(default)
    if not re.fullmatch(r"[0-9]{1,4}(\.[0-9]{1,3})?", text) or float(text) < least:
        raise ConfigError(f"{name}={text!r} must be a number of seconds, at least {least:g}")
    return float(text)


def _flag(text: str) -> bool:
    if text.strip().lower() in {"1", "true", "yes", "on"}:
        return True
    if text.strip().lower() in {"0", "false", "no", "off", ""}:
        return False
    raise ConfigError(f"MEDIA_WATCH={text!r} must be 1 or 0")
