"""Settings: the only place of this service that reads the environment."""

import ipaddress
import math
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

LOG_LEVELS = ("debug", "info", "warning", "error")


class ConfigError(Exception):
    """A variable that cannot be used: the sentence says which and why, `hint` what to write instead."""

    exit_code = 2

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.hint = hint


@dataclass(frozen=True, slots=True)
class Settings:
    """What the server needs to know. Times are seconds; port 0 lets the system choose."""

    host: str = "127.0.0.1"
    port: int = 8080
    backend_url: str = "http://127.0.0.1:5001"
    connect_timeout: float = 2.0
    read_timeout: float = 5.0
    log_level: str = "INFO"

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> "Settings":
        """Read and check every variable; raise ConfigError for the first that cannot be used."""
        default = cls()
        return cls(
            host=_loopback(environ.get("HOST") or default.host),
            port=_port(environ.get("PORT") or str(default.port)),
            backend_url=_origin(environ.get("BACKEND_URL") or default.backend_url),
            connect_timeout=_seconds(environ, "BACKEND_CONNECT_TIMEOUT", default.connect_timeout),
            read_timeout=_seconds(environ, "BACKEND_READ_TIMEOUT", default.read_timeout),
            log_level=_level(environ.get("LOG_LEVEL") or default.log_level),
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


def _origin(text: str) -> str:
    hint = "write scheme, host and port only: BACKEND_URL=http://127.0.0.1:5001"
    try:
        parts = urlsplit(text)
        usable = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        raise ConfigError("BACKEND_URL is not an http URL", hint)
    if parts.path.strip("/") or parts.query or parts.fragment or "@" in parts.netloc:
        raise ConfigError("BACKEND_URL has more than scheme, host and port", hint)
    return f"{parts.scheme}://{parts.netloc}"


def _seconds(environ: Mapping[str, str], name: str, default: float) -> float:
    text = environ.get(name) or str(default)
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if 0 < value <= 60:
        return value
    raise ConfigError(f"{name}={text} is not a time", "use seconds, more than 0 and at most 60")


def _level(text: str) -> str:
    if text.lower() in LOG_LEVELS:
        return text.upper()
    raise ConfigError(f"LOG_LEVEL={text} is unknown", f"use one of {', '.join(LOG_LEVELS)}")
