"""What other commands read from files, read from a supervisor elsewhere (--host): its events and its logs."""

from __future__ import annotations

import json
import select
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

from mamctl.ui.amounts import moment

if TYPE_CHECKING:
    import re
    from collections.abc import Iterable, Iterator, Sequence

    from mamctl.cli.invocation import Invocation
    from mamctl.control.client import Client

PAGE: Final = 500


def events_after(client: Client, since: int | None) -> Iterator[dict[str, Any]]:
    """Yield the events after a number, page by page; without one the newest page."""
    query = "" if since is None else f"?since={since}"
    while True:
        page: list[dict[str, Any]] = client.request("GET", f"/v1/events{query}")["events"]
        yield from page
        if since is None or len(page) < PAGE:
            return
        query = f"?since={page[-1]['seq']}"


class RemoteLogs:
    """Shows logs of a supervisor elsewhere, as `mamctl logs` shows those that lie here."""

    def __init__(
        self,
        invocation: Invocation,
        *,
        pattern: re.Pattern[bytes] | None,
        as_json: bool,
        prefix: bool,
        times: bool,
    ) -> None:
        from mamctl.ui.stream import Stream

        self._invocation = invocation
        self._pattern = pattern
        self._as_json = as_json
        self._stream = Stream([], invocation.paint, prefix=prefix, times=times)

    def show(self, names: Sequence[str], *, lines: int, since: float | None, follow: bool) -> None:
        """Show the last lines and, with `follow`, what comes until somebody ends the command."""
        wish: dict[str, object] = {"service": ",".join(names), "tail": lines, "follow": "true" if follow else "false"}
        wish |= {} if since is None else {"since": since}
        stream = self._invocation.client.stream(f"/v1/logs?{urlencode(wish, safe=',')}")
        try:
            while True:
                select.select([stream], [], [])
                self._tell(stream.read())
        except EOFError:
            return
        finally:
            stream.close()

    def _tell(self, records: Iterable[dict[str, Any]]) -> None:
        for record in records:
            if "skipped" in record:
                self._invocation.tell(
                    [f"[{record['skipped']:,} lines not shown: they came faster than they were read]"]
                )
            elif self._pattern is None or self._pattern.search(record["line"].encode()):
                self._invocation.say([self._shown(record)])

    def _shown(self, record: dict[str, Any]) -> str:
        if self._as_json:
            return json.dumps(record)
        return self._stream.line(record["service"], moment(record["at"]), record["line"].encode())
