"""Whether an answer is as a step expects it: expected against got, in few words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mamctl.runtime.probes.subset import equal
from mamctl.runtime.smoke.shortfall import Shortfall, excerpt, shown

if TYPE_CHECKING:
    from mamctl.core.manifest.steps import Expectation, Header
    from mamctl.runtime.smoke.answer import Answer
    from mamctl.runtime.smoke.saved import Saved

FIRST_BAD = 400


def require(expect: Expectation, answer: Answer, saved: Saved) -> None:
    """Raise Shortfall for the first thing about an answer that is not as expected."""
    _require_status(expect, answer)
    _require_exit(expect, answer)
    for header in expect.header:
        _require_header(header, answer, saved)
    if expect.json is not None:
        wanted = saved.value(expect.json)
        if (found := difference(wanted, answer.json())) is not None:
            raise found
    if expect.body is not None and not saved.pattern(expect.body).search(answer.text):
        wish = f"to match {saved.pattern(expect.body).pattern}"
        raise Shortfall("the text", wish, excerpt(answer.text) or "empty")
    if expect.latency is not None and answer.seconds > expect.latency:
        raise Shortfall("the time", f"at most {_time(expect.latency)}", _time(answer.seconds))


def _require_status(expect: Expectation, answer: Answer) -> None:
    if answer.status is None:
        return
    good = answer.status < FIRST_BAD if expect.status is None else answer.status in expect.status
    if not good:
        wanted = f"below {FIRST_BAD}" if expect.status is None else " or ".join(map(str, expect.status))
        raise Shortfall("status", wanted, str(answer.status), excerpt(answer.text))


def _require_exit(expect: Expectation, answer: Answer) -> None:
    if answer.exit is None or answer.exit in expect.exit:
        return
    got = str(answer.exit) if answer.exit >= 0 else f"that of signal {-answer.exit}"
    raise Shortfall("exit code", " or ".join(map(str, expect.exit)), got, answer.complaint or excerpt(answer.text))


def _require_header(header: Header, answer: Answer, saved: Saved) -> None:
    wanted, got = saved.text(header.text), answer.header(header.name)
    good = got is not None and (got == wanted if header.exact else wanted in got)
    if not good:
        wish = shown(wanted) if header.exact else f"one that holds {shown(wanted)}"
        raise Shortfall(f"header {header.name}", wish, "missing" if got is None else shown(got))


def difference(wanted: Any, got: Any, path: str = "json") -> Shortfall | None:
    """Return where `got` does not hold `wanted`, or None when it does. The rules are those of the http probe."""
    if isinstance(wanted, dict) and isinstance(got, dict):
        for key, value in wanted.items():
            if key not in got:
                return Shortfall(f"{path}.{key}", shown(value), "missing")
            if (found := difference(value, got[key], f"{path}.{key}")) is not None:
                return found
        return None
    return None if equal(wanted, got) else Shortfall(path, shown(wanted), shown(got))


def _time(value: float) -> str:
    return f"{value * 1000:.0f} ms" if value < 1 else f"{value:.3g} s"
