"""All settings of the backend, read from the environment in this one place.

Relative folders are resolved against the repository root, never against the current folder, so
that the backend finds the same data however it is started.
"""

import ipaddress
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from .services.media_types import MEDIA_TYPES, OPTIONAL_TYPES

REPOSITORY_ROOT = Path(__file__).resolve().parents[3]
DEFAULT_ORIGINS = "http://127.0.0.1:3001,http://localhost:3001"

_PREFIX = re.compile(r"(/[A-Za-z0-9._-]+)+")
_ORIGIN = re.compile(r"https?://[A-Za-z0-9.\-\[\]:]+|[a-z][a-z0-9+.-]*://[A-Za-z0-9.-]+")
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,31}")
_TOKEN = re.compile(r"[A-Za-z0-9._~-]{24,200}")
_HOST_NAME = re.compile(r"[a-z0-9.-]+|\[[0-9a-f:]+\]")
_YES = frozenset({"1", "true", "yes", "on"})
_NO = frozenset({"0", "false", "no", "off", ""})


class ConfigError(ValueError):
    """A setting that cannot be used; the text names the variable and what is allowed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """The settings, checked; every path is absolute."""

    media_base_path: Path
    data_dir: Path
    further_roots: Mapping[str, Path] = field(default_factory=dict)
    """Other folders that may be read, by the name that their files' paths begin with: ``@name/`` (C3)."""
    host: str = "127.0.0.1"
    port: int = 5001
    """0 lets the system pick a free port; the log's first line says which."""
    api_token: str | None = field(default=None, repr=False)
    """What every request has to carry; None asks for nothing (C28)."""
    allowed_hosts: frozenset[str] = frozenset()
    """Names that the Host header may have beside those of this machine and ``host``."""
    api_prefix: str = "/api/v1"
    frontend_origins: frozenset[str] = frozenset(DEFAULT_ORIGINS.split(","))
    samples: bool = True
    media_writable: bool = False
    """Whether originals that were not uploaded may be deleted from the media folder (C13)."""
    media_types_extra: frozenset[str] = frozenset()
    """Extensions that are taken beside the usual ones, such as ``.webp`` (C26)."""
    scan_interval_s: float = 30.0
    """Seconds between scans of the media folder; 0 scans only at the start."""
    log_dir: Path | None = None
    """Where app.log, error.log and the others lie; None writes to standard output only."""
    debug: bool = False
    """Logs more; the seeds' FLASK_DEBUG and FLASK_ENV mean this and no more (C19)."""

    @property
    def thumbnail_dir(self) -> Path:
        """Where the thumbnails lie; always beneath ``data_dir``."""
        return self.data_dir / "thumbnails"

    @property
    def database_path(self) -> Path:
        """The SQLite file."""
        return self.data_dir / "mam.db"

    @property
    def backup_dir(self) -> Path:
        """Where ``reset-db`` leaves its backups."""
        return self.data_dir / "backups"

    @property
    def lock_path(self) -> Path:
        """The file that a running server holds locked."""
        return self.data_dir / "mam.lock"

    @property
    def workers_lock_path(self) -> Path:
        """The file that all workers hold locked together."""
        return self.data_dir / "workers.lock"

    @property
    def samples_marker(self) -> Path:
        """Says that the sample media have been made, so that it happens once only."""
        return self.data_dir / "samples.marker"

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> "Config":
        """Read and check all settings; raises :class:`ConfigError` at the first bad one."""
        media = _folder(environment.get("MEDIA_PATH") or environment.get("MEDIA_BASE_PATH") or "media")
        further = _roots(environment.get("ALLOWED_DIRS", ""), media)
        return cls(
            media_base_path=media,
            data_dir=_apart(_folder(environment.get("DATA_DIR") or "data"), (media, *further.values())),
            further_roots=further,
            host=_host(environment.get("HOST") or "127.0.0.1", has_token=bool(environment.get("API_TOKEN"))),
            api_token=_token(environment.get("API_TOKEN", "")),
            allowed_hosts=_hosts(environment.get("ALLOWED_HOSTS", "")),
            port=_port(environment.get("PORT") or "5001"),
            api_prefix=_prefix(environment.get("API_PREFIX") or "/api/v1"),
            frontend_origins=_origins(environment.get("FRONTEND_ORIGIN") or DEFAULT_ORIGINS),
            samples=_flag(environment, "MEDIA_SAMPLES", default=True),
            media_writable=_flag(environment, "MEDIA_WRITABLE", default=False),
            media_types_extra=_types(environment.get("MEDIA_TYPES_EXTRA", "")),
            scan_interval_s=_seconds(environment.get("SCAN_INTERVAL") or "30"),
            log_dir=_folder(environment.get("LOG_DIR", "logs")) if environment.get("LOG_DIR", "logs") else None,
            debug=_flag(environment, "FLASK_DEBUG", default=environment.get("FLASK_ENV") == "development"),
        )


def _folder(text: str) -> Path:
    if "\0" in text:
        raise ConfigError("DATA_DIR, MEDIA_PATH and ALLOWED_DIRS must not contain a NUL character")
    try:
        named = Path(text).expanduser()
    except RuntimeError:
        raise ConfigError(f"{text!r}: there is no such user, or no home folder") from None
    # abspath takes out "." and ".." without following links: a linked media folder may move.
    return Path(os.path.abspath(REPOSITORY_ROOT / named))


def _apart(data_dir: Path, roots: Iterable[Path]) -> Path:
    """Refuse a data folder whose thumbnails a scan would take for media, and draw thumbnails of, and so on."""
    for root in roots:
        if data_dir.is_relative_to(root) and not any(part[0] == "." for part in data_dir.relative_to(root).parts):
            raise ConfigError(
                "DATA_DIR lies in a media folder, so thumbnails would be taken for media; put it elsewhere,"
                " or into a folder there whose name begins with a dot"
            )
    return data_dir


def _roots(text: str, main: Path) -> dict[str, Path]:
    """Read ``archive=/mnt/archive,/srv/trips``; the second is called ``trips``."""
    roots: dict[str, Path] = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        name, equals, place = part.partition("=")
        folder = _folder(place if equals else part)
        name = name.strip() if equals else folder.name.lower()
        if not _NAME.fullmatch(name) or name in roots:
            raise ConfigError(
                f"ALLOWED_DIRS: {name!r} cannot be a folder's name; write name=/folder, each with another name"
            )
        for other in (main, *roots.values()):
            if folder.is_relative_to(other) or other.is_relative_to(folder):
                raise ConfigError(f"ALLOWED_DIRS: {name!r} lies in another media folder, or has one in it")
        roots[name] = folder
    return roots


def _token(text: str) -> str | None:
    if text and not _TOKEN.fullmatch(text):
        raise ConfigError("API_TOKEN must have 24 to 200 characters of A-Z a-z 0-9 - . _ ~")
    return text or None


def _hosts(text: str) -> frozenset[str]:
    hosts = frozenset(part.strip().lower() for part in text.split(",") if part.strip())
    for host in sorted(hosts):
        if not _HOST_NAME.fullmatch(host):
            raise ConfigError(f"ALLOWED_HOSTS: {host!r} is not a host's name such as media.example.org, without a port")
    return hosts


def _host(host: str, *, has_token: bool) -> str:
    """Refuse an address that others can reach, unless a token keeps them out."""
    if host == "localhost":
        return "127.0.0.1"
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        raise ConfigError(f"HOST={host!r} is not an address; use 127.0.0.1") from None
    if not address.is_loopback and not has_token:
        raise ConfigError(f"HOST={host!r} can be reached by others; use 127.0.0.1, or set API_TOKEN to keep them out")
    return host


def _port(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,5}", text) or int(text) > 65535:
        raise ConfigError(f"PORT={text!r} is not a port number (0 to 65535)")
    return int(text)


def _prefix(text: str) -> str:
    if not _PREFIX.fullmatch(text):
        raise ConfigError(f"API_PREFIX={text!r} must look like /api/v1")
    return text


def _origins(text: str) -> frozenset[str]:
    origins = frozenset(part.strip().rstrip("/") for part in text.split(",") if part.strip())
    for origin in sorted(origins):
        if not _ORIGIN.fullmatch(origin):
            raise ConfigError(f"FRONTEND_ORIGIN: {origin!r} is not an origin such as http://127.0.0.1:3001")
    return origins


def _flag(environment: Mapping[str, str], name: str, *, default: bool) -> bool:
    text = environment.get(name)
    if text is None:
        return default
    if text.strip().lower() in _YES:
        return True
    if text.strip().lower() in _NO:
        return False
    raise ConfigError(f"{name}={text!r} must be 1 or 0")


def _types(text: str) -> frozenset[str]:
    """Read ``.webp .MKV`` or ``webp,mkv``."""
    suffixes = frozenset("." + word.lower().removeprefix(".") for word in re.split(r"[\s,]+", text) if word)
    unknown = sorted(suffixes - OPTIONAL_TYPES.keys() - MEDIA_TYPES.keys())
    if unknown:
        raise ConfigError(
            f"MEDIA_TYPES_EXTRA: {unknown[0]!r} cannot be decoded here; possible are {' '.join(sorted(OPTIONAL_TYPES))}"
        )
    return suffixes - MEDIA_TYPES.keys()


def _seconds(text: str) -> float:
    if not re.fullmatch(r"[0-9]{1,6}(\.[0-9]+)?", text):
        raise ConfigError(f"SCAN_INTERVAL={text!r} must be a number of seconds (0 scans only at the start)")
    return float(text)
