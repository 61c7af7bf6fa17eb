"""Text with styles, before there is a terminal: what the pure part makes and the widgets draw."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from rich.segment import Segment
from rich.style import Style

if TYPE_CHECKING:
    from collections.abc import Iterable


class Span(NamedTuple):
    """A text and the name of its style: those of `ui.paint`, `service N`, `hit`, `here`, or "" for none."""

    text: str
    style: str = ""


Spans = tuple[Span, ...]

# The terminal's own sixteen colours: its theme is ours. Red is left out for services: it means failure.
_SERVICES: Final = (
    *("cyan", "yellow", "magenta", "blue", "green"),
    *("bright_cyan", "bright_yellow", "bright_magenta", "bright_blue", "bright_green"),
)
_STYLES: Final = {
    "": Style.null(),
    "good": Style(color="green"),
    "bad": Style(color="red"),
    "warn": Style(color="yellow"),
    "note": Style(color="cyan"),
    "dim": Style(dim=True),
    "bold": Style(bold=True),
    "hit": Style(color="black", bgcolor="yellow"),
    "here": Style(color="black", bgcolor="cyan"),
    "hit plain": Style(reverse=True),
    "here plain": Style(reverse=True, bold=True),
    **{f"service {position}": Style(color=colour) for position, colour in enumerate(_SERVICES)},
}


def service_style(position: int) -> str:
    """Return the stable colour of the service at this position of the manifest."""
    return f"service {position % len(_SERVICES)}"


def style_of(name: str, *, colour: bool = True) -> Style:
    """Return how a style is drawn; without colour what is marked by its ground is reversed."""
    return _STYLES[name if colour or name not in ("hit", "here") else f"{name} plain"]


def segments(spans: Iterable[Span], *, colour: bool) -> list[Segment]:
    """Return spans as textual draws them."""
    return [Segment(span.text, style_of(span.style, colour=colour)) for span in spans if span.text]


def text_of(spans: Iterable[Span]) -> str:
    """Return the words alone."""
    return "".join(span.text for span in spans)
