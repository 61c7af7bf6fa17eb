"""The steps of `mamctl smoke` in their own keys, as `mamctl config` prints them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, assert_never

from .steps import LATER, ExecAction, HttpAction, TcpAction, WebSocketAction
from .units import show_seconds

if TYPE_CHECKING:
    from .findings import Tree
    from .steps import Action, Expectation, Header, SmokeStep


def render_step(step: SmokeStep) -> Tree:
    """Return a step; what is filled in when it is run still stands between NULs."""
    kind, action = _action(step.action)
    tree: Tree = {"name": step.name, kind: action}
    tree |= _present({"expect": _expectation(step.expect), "save": dict(step.save), "service": step.service})
    within: Tree = {"within": show_seconds(step.within)} if step.within is not None else {}
    return tree | within | {"timeout": show_seconds(step.timeout)}


def spell_later(text: str) -> str:
    """Return a text with `${id}` where a saved value goes, and every other dollar sign written so that it stays."""
    return LATER.sub(r"${\1}", text.replace("$", "$$"))


def _present(tree: Tree) -> Tree:
    return {key: value for key, value in tree.items() if value not in (None, {}, [], "", False)}


def _action(action: Action) -> tuple[str, object]:
    match action:
        case HttpAction():
            return "http", {"url": action.url, "method": action.method} | _sent(action)
        case ExecAction():
            env: Tree = {**action.env, **dict.fromkeys(sorted(action.unset))}
            return "exec", {"command": list(action.argv)} | _present({"cwd": action.cwd, "env": env})
        case TcpAction():
            return "tcp", action.address
        case WebSocketAction():
            return "websocket", _socket(action)
        case _:
            assert_never(action)


def _sent(action: HttpAction) -> Tree:
    body: Tree = {} if action.json is None else {"json": json.loads(action.json)}
    body |= {} if action.body is None else {"body": action.body}
    return _present({"headers": dict(action.headers), "redirects": action.redirects}) | body


def _socket(action: WebSocketAction) -> Tree:
    said: Tree = {"send": action.send, "expect": action.expect}
    messages: Tree = {key: json.loads(value) for key, value in said.items() if isinstance(value, str)}
    headers = dict(action.headers)
    return _present({"url": action.url, "headers": headers, "keep": action.keep, "kept": action.kept}) | messages


def _expectation(expect: Expectation) -> Tree:
    tree: Tree = _present({"header": {one.name: _header(one) for one in expect.header}, "body": expect.body})
    tree |= {} if expect.status is None else {"status": list(expect.status)}
    tree |= {} if expect.json is None else {"json": json.loads(expect.json)}
    tree |= {} if expect.exit == (0,) else {"exit": list(expect.exit)}
    return tree | ({} if expect.latency is None else {"latency": show_seconds(expect.latency)})


def _header(header: Header) -> object:
    return {"exact": header.text} if header.exact else header.text
