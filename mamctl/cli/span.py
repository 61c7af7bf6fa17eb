"""Durations on the command line, written as in the manifest: `500ms`, `2s`, `5m`, `1h`, or a number of seconds."""

from __future__ import annotations

from typing import Final

import click


class Span(click.ParamType):  # type: ignore[type-arg]  # generic only since click 8.2, and not at run time before
    """A duration; its value is seconds."""

    name = "duration"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Return the seconds, or fail saying what is allowed."""
        from mamctl.core.manifest.findings import Invalid
        from mamctl.core.manifest.units import seconds

        text = str(value).strip()
        try:
            return seconds(float(text) if text.replace(".", "", 1).isdecimal() else text)
        except Invalid:
            self.fail(f"{text!r} is not a duration: write 500ms, 2s, 5m, 1h or a number of seconds", param, ctx)


SPAN: Final = Span()
