"""The keys of the steps of `mamctl smoke`: read by this table, and printed in the JSON Schema from it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

from .containers import Field, Keys, MapOf, MapOfNullable, OneOrMore, Record
from .findings import Findings, Invalid, Path
from .forms import COMMAND
from .interpolation import no_reference
from .shapes import (
    ANYTHING,
    ENV_NAME_PATTERN,
    FILLED,
    FIXED,
    FLAG,
    INTERPOLATED,
    NAME,
    TEXT,
    WORD,
    Scalar,
    Schema,
    duration,
    filled,
    is_env_name,
    one_of,
    whole,
    word,
)

if TYPE_CHECKING:
    from .wishes import Command

METHODS: Final = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
_SAVED_NAME: Final = r"^[A-Za-z_][A-Za-z0-9_]{0,62}$"
_SAVED_PATH: Final = r"^(json(\.[^.]+)*|header\.[^.]+|body|status)$"
_HEADER_NAME: Final = r"^[A-Za-z0-9!#$%&'*+.^_`|~-]+$"
_PATH_HINT: Final = "write json.id, json.items.0.id, header.location, body or status"


class HttpWish(NamedTuple):
    """A request's keys."""

    url: str | None = None
    method: str = "GET"
    headers: dict[str, str] = {}  # noqa: RUF012 - never changed; a NamedTuple's default cannot be a proxy
    json: object = None
    body: str | None = None
    redirects: bool = False


class ExecWish(NamedTuple):
    """A command's keys."""

    command: Command | None = None
    cwd: str | None = None
    env: dict[str, str | None] = {}  # noqa: RUF012 - as above


class WebSocketWish(NamedTuple):
    """The keys of a message to send and of one to wait for."""

    url: str | None = None
    headers: dict[str, str] = {}  # noqa: RUF012 - as above
    send: object = None
    expect: object = None
    keep: str | None = None
    kept: str | None = None


class HeaderWish(NamedTuple):
    """A header that is expected: a text that it holds, or all of it."""

    text: str
    exact: bool = False


class ExpectWish(NamedTuple):
    """The keys of what an answer must be like."""

    status: tuple[int, ...] | None = None
    header: dict[str, HeaderWish] = {}  # noqa: RUF012 - as above
    json: object = None
    body: str | None = None
    exit: tuple[int, ...] = (0,)
    latency: float | None = None


class StepWish(NamedTuple):
    """A step's keys."""

    name: str | None = None
    http: HttpWish | None = None
    exec: ExecWish | None = None
    tcp: str | None = None
    websocket: WebSocketWish | None = None
    expect: ExpectWish = ExpectWish()
    save: dict[str, str] = {}  # noqa: RUF012 - as above
    within: float | None = None
    timeout: float = 10.0
    service: str | None = None


def _line(value: object) -> str:
    """Return a text that can be a header's value; a number is as it was written."""
    result = word(value)
    if "\n" in result or "\r" in result:
        raise Invalid("has more than one line, which no header can")
    return result


def _saved_path(value: object) -> str:
    result = no_reference(filled(value))
    if not re.match(_SAVED_PATH, result):
        raise Invalid(f"{result!r} is not a part of an answer", _PATH_HINT)
    return result


class _HeaderShape:
    """A text that the header holds, or `{exact: text}`."""

    def read(self, value: object, at: Path, found: Findings) -> HeaderWish:
        """Return which is meant."""
        if not isinstance(value, dict):
            return HeaderWish(_LINE.parse(value))
        before = len(found.all)
        exact = EXACT.read(value, at, found)
        if exact is None and len(found.all) == before:
            raise Invalid("exact is missing", "write a text that it holds, or {exact: all of it}")
        return HeaderWish(exact or "", exact=True)

    def schema(self) -> Schema:
        """Return the schema of both forms."""
        return {"anyOf": [_LINE.schema(), EXACT.schema()]}


def _exact(exact: str | None = None) -> str | None:
    return exact


_LINE: Final = Scalar(_line, {"type": ["string", "number", "boolean"]})
_PATH: Final = Scalar(_saved_path, {"type": "string", "pattern": _SAVED_PATH}, INTERPOLATED)
_DURATION: Final = duration(zero=False)
_HEADER_KEYS: Final = Keys(
    lambda key: re.match(_HEADER_NAME, key) is not None, _HEADER_NAME, "the name of a header", "as content-type"
)
_SAVED_KEYS: Final = Keys(
    lambda key: re.match(_SAVED_NAME, key) is not None,
    _SAVED_NAME,
    "a name for ${}",
    "use letters, digits and _, beginning with a letter",
)
_ENV_KEYS: Final = Keys(is_env_name, ENV_NAME_PATTERN, "the name of a variable", "it has no '=' and is not empty")
_HEADERS: Final = MapOf(_LINE, _HEADER_KEYS)

EXACT: Final[Record[str | None]] = Record(
    _exact, {"exact": Field(_LINE, "The header's whole value.")}, reference="smoke_header"
)

HTTP: Final[Record[HttpWish]] = Record(
    HttpWish,
    {
        "url": Field(FILLED, "Whom to ask."),
        "method": Field(one_of({method: method for method in METHODS}), "The request's method. Default GET."),
        "headers": Field(_HEADERS, "Headers to send."),
        "json": Field(ANYTHING, "A body to send as JSON."),
        "body": Field(TEXT, "A body to send as it is."),
        "redirects": Field(FLAG, "Follow redirects. Default false."),
    },
    reference="smoke_http",
    excludes=(("json", "body", "json is sent as the body; keep one of them"),),
)

EXEC: Final[Record[ExecWish]] = Record(
    ExecWish,
    {
        "command": Field(COMMAND, "A list is executed as it is; a string is split as a shell would."),
        "cwd": Field(FIXED, "The folder it runs in, relative to the manifest. Default: the manifest's."),
        "env": Field(MapOfNullable(WORD, _ENV_KEYS), "Environment variables; null removes one."),
    },
    reference="smoke_exec",
)

WEBSOCKET: Final[Record[WebSocketWish]] = Record(
    WebSocketWish,
    {
        "url": Field(FILLED, "Where to connect: ws:// or wss://; http:// means ws://."),
        "headers": Field(_HEADERS, "Headers to send, as Origin."),
        "send": Field(ANYTHING, "A message to send: a text as it is, anything else as JSON."),
        "expect": Field(ANYTHING, "A message to wait for: a regular expression, or a JSON subset."),
        "keep": Field(NAME, "Keep the socket open, under this name, for later steps."),
        "kept": Field(NAME, "Use the socket that an earlier step keeps, in place of a url."),
    },
    reference="smoke_websocket",
    excludes=(("url", "kept", "a kept socket is connected already; keep one of them"),),
)

EXPECT: Final[Record[ExpectWish]] = Record(
    ExpectWish,
    {
        "status": Field(OneOrMore(whole(100, 599)), "The status, or several good ones. Default: any below 400."),
        "header": Field(MapOf(_HeaderShape(), _HEADER_KEYS), "Texts that headers hold, or {exact: ...}."),
        "json": Field(ANYTHING, "A subset of the body, which is JSON; of an exec step's output."),
        "body": Field(TEXT, "A regular expression that is found in the body; in an exec step's output."),
        "exit": Field(OneOrMore(whole(0, 255)), "The exit code, or several good ones. Default 0."),
        "latency": Field(_DURATION, "How long the answer may take."),
    },
    reference="smoke_expect",
)

SMOKE_STEP: Final[Record[StepWish]] = Record(
    StepWish,
    {
        "name": Field(FIXED, "What is true when it is good. Default: what it does."),
        "http": Field(HTTP, "A request: a URL, or a map.", FILLED.schema()),
        "exec": Field(EXEC, "A command: a list, a string, or a map.", COMMAND.schema()),
        "tcp": Field(FILLED, "A connection: host:port."),
        "websocket": Field(WEBSOCKET, "A message and its answer: a URL, or a map.", FILLED.schema()),
        "expect": Field(EXPECT, "What the answer must be like."),
        "save": Field(MapOf(_PATH, _SAVED_KEYS), "Parts of the answer that later steps use as ${name}."),
        "within": Field(_DURATION, "Try again until it is good, for so long. Default: one try."),
        "timeout": Field(_DURATION, "How long one try may take. Default 10s."),
        "service": Field(NAME, "Whom it is about; an exec step runs in its folder and environment."),
    },
    reference="smoke_step",
)

STEP_RECORDS: Final = (SMOKE_STEP, HTTP, EXEC, WEBSOCKET, EXPECT, EXACT)
