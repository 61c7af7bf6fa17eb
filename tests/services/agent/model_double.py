"""A model server that does as the test says: on a real socket, in each of the ways that real ones go wrong."""

import json
import threading
from collections.abc import Callable, Iterable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Answer = Callable[["Handler", dict[str, Any]], None]
MODEL = "double-1b"


class Handler(BaseHTTPRequestHandler):
    """One request. GETs come from a table, POSTs from `double.answer`."""

    protocol_version = "HTTP/1.1"
    double: "ModelDouble"

    def do_GET(self) -> None:
        self.double.looks.append(self.path)
        status, headers, body = self.double.pages.get(self.path, (404, {}, {"error": "no such page"}))
        self.reply(status, json.dumps(body).encode(), headers)

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.double.asked.append(body | {"path": self.path, "token": self.headers.get("Authorization")})
        self.double.answer(self, body)
        self.close_connection = True

    def reply(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response_only(status)
        for name, value in ({"Content-Type": "application/json"} | (headers or {})).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def begin_stream(self) -> None:
        self.send_response_only(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.flush()

    def event(self, data: Any) -> None:
        text = data if isinstance(data, str) else json.dumps(data)
        self.wfile.write(f"data: {text}\n\n".encode())
        self.wfile.flush()

    def piece(self, text: str, **more: Any) -> None:
        self.event({"model": MODEL, "choices": [{"delta": {"content": text}, "finish_reason": None}]} | more)

    def end(self, reason: str = "stop") -> None:
        self.event({"model": MODEL, "choices": [{"delta": {}, "finish_reason": reason}]})
        self.event({"model": MODEL, "choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 2}})
        self.event("[DONE]")

    def log_message(self, *args: Any) -> None:
        """Say nothing: the test says what it saw."""


class ModelDouble:
    """The server; `asked` has every question, `looks` every GET. `freed` ends whatever an answer waits for."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []
        self.looks: list[str] = []
        self.freed = threading.Event()
        self.answer: Answer = says("Hello", " there")
        self.pages: dict[str, tuple[int, dict[str, str], Any]] = {}
        self.be_openai()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), type("Bound", (Handler,), {"double": self}))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def be_openai(self) -> None:
        self.pages = {"/v1/models": (200, {}, {"object": "list", "data": [{"id": MODEL}]})}

    def be_lm_studio(self, *, loaded: bool) -> None:
        instances = [{"id": "one"}] if loaded else []
        models = [{"key": MODEL, "type": "llm", "loaded_instances": instances}, {"key": "vectors", "type": "embedding"}]
        # It says 200 to everything, and means it only where it knows the path.
        self.pages = {
            "/health": (200, {}, {"error": "Unexpected endpoint or method. (GET /health)"}),
            "/lmstudio-greeting": (200, {}, {"lmstudio": True}),
            "/api/v1/models": (200, {}, {"models": models}),
        }

    def be_llama_cpp(self, *, loading: bool) -> None:
        status, body = (503, {"error": {"message": "Loading model"}}) if loading else (200, {"status": "ok"})
        header = {"Server": "llama.cpp"}
        self.pages = {"/health": (status, header, body), "/v1/models": (200, header, {"data": [{"id": MODEL}]})}

    def close(self) -> None:
        self.freed.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)


def says(*pieces: str, reason: str = "stop") -> Answer:
    """Stream the pieces and end properly."""

    def answer(handler: Handler, _body: dict[str, Any]) -> None:
        handler.begin_stream()
        for piece in pieces:
            handler.piece(piece)
        handler.end(reason)

    return answer


def replies(status: int, body: Any, **headers: str) -> Answer:
    """Answer whole, with any status and any body (bytes are sent as they are)."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda handler, _body: handler.reply(status, data, named)


def falls_silent(*pieces: str) -> Answer:
    """Stream the pieces, then say nothing more until the test is over. No piece: not even a head."""

    def answer(handler: Handler, _body: dict[str, Any]) -> None:
        if pieces:
            handler.begin_stream()
        for piece in pieces:
            handler.piece(piece)
        handler.double.freed.wait(30)

    return answer


def trickles(pause: float) -> Answer:
    """Say a word every `pause` seconds for as long as somebody listens."""

    def answer(handler: Handler, _body: dict[str, Any]) -> None:
        handler.begin_stream()
        try:
            while not handler.double.freed.wait(pause):
                handler.piece("word ")
        except OSError:
            handler.double.asked[-1]["hung_up"] = True

    return answer


def cuts_off(events: Iterable[Any]) -> Answer:
    """Stream the events and hang up without an end."""

    def answer(handler: Handler, _body: dict[str, Any]) -> None:
        handler.begin_stream()
        for event in events:
            handler.event(event)

    return answer
