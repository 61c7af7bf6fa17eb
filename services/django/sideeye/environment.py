"""What the environment says: the only place of this service that reads it."""

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[3]
LOG_LEVELS = ("debug", "info", "warning", "error")
TRUE = ("1", "true", "yes", "on")
FALSE = ("", "0", "false", "no", "off")


class ConfigError(Exception):
    """A variable that cannot be used: the sentence says which and why, `hint` what to write instead."""

    exit_code = 2

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.hint = hint


@dataclass(frozen=True, slots=True)
class Environment:
    """The checked variables. `secret_key` is None when one must be kept in `data_dir`."""

    host: str
    port: int
    data_dir: Path
    secret_key: str | None
    debug: bool
    log_level: str

    @classmethod
    def read(cls, environ: Mapping[str, str]) -> "Environment":
        """Read and check every variable; raise ConfigError for the first that cannot be used."""
        return cls(
            host=_loopback(environ.get("HOST") or "127.0.0.1"),
            port=_port(environ.get("PORT") or "8000"),
            # Relative to the repository, never to wherever the process happens to start.
            data_dir=REPOSITORY / (environ.get("DATA_DIR") or "data"),
            secret_key=environ.get("SECRET_KEY") or None,
            debug=_flag("DEBUG", environ.get("DEBUG", "")),
            log_level=_level(environ.get("LOG_LEVEL") or "info"),
        )


def _loopback(text: str) -> str:
    # The literal address: `localhost` may also mean ::1, where a stranger can listen on the same port.
    if text == "localhost":
        return "127.0.0.1"
    try:
        if ipaddress.ip_address(text).is_loopback:
            return text
    except ValueError:
        pass
    raise ConfigError(f"HOST={text} is not a loopback address", "this service is local only: HOST=127.0.0.1")


def _port(text: str) -> int:
    if text.isascii() and text.isdigit() and int(text) <= 65535:
        return int(text)
    raise ConfigError(f"PORT={text} is not a port number", "use 1 to 65535, or 0 for any free port")


def _flag(name: str, text: str) -> bool:
    if text.lower() in TRUE + FALSE:
        return text.lower() in TRUE
    raise ConfigError(f"{name}={text} is neither yes nor no", f"use {name}=1 or {name}=0")


def _level(text: str) -> str:
    if text.lower() in LOG_LEVELS:
        return text.upper()
    raise ConfigError(f"LOG_LEVEL={text} is unknown", f"use one of {', '.join(LOG_LEVELS)}")
