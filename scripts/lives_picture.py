"""Draw how services live: `python scripts/lives_picture.py > docs/images/lives.svg` (`make pictures` does it too).

Nothing is drawn by hand. The real core (mamctl/core) runs each scene in virtual time, with processes whose lives are
scripted (tests/core/world.py); what is drawn are the states that came of it. The delays are those without jitter.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Final
from xml.sax.saxutils import escape

sys.path.insert(0, str(Path(__file__).parent.parent))

from mamctl.core.events import Up
from mamctl.core.manifest.model import ExecProbe, Probe
from tests.core.stacks import service, stack
from tests.core.world import Life, World

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mamctl.core.manifest.model import Manifest

SECONDS: Final = 20
WIDE: Final = 42
LEFT: Final = 232
TOP: Final = 44
ROW: Final = 30
BAR: Final = 20
GAP: Final = 12
WIDTH: Final = LEFT + SECONDS * WIDE + 24
LIVE: Final = Probe(ExecProbe(("is-live",)), interval=2.0, failures=3)
COLORS: Final = {
    "waiting": "#6b7486", "starting": "#6cb6ff", "ready": "#5fd38d", "stopping": "#d48ef0", "backoff": "#f2c55c",
    "failed": "#ff6b6b",
}  # fmt: skip


@dataclass(frozen=True)
class Scene:
    """Lives that are lived at the same time; `told` is what is written beside each service."""

    manifest: Manifest
    lives: dict[str, list[Life]]
    told: dict[str, str]


SCENES: Final = (
    Scene(
        stack(service("database"), service("web", "database")),
        {"database": [Life(ready_after=3, dies_after=9, code=1), Life(ready_after=1)], "web": [Life(ready_after=1)]},
        {"database": "database: crashes once", "web": "web: needs it, is left alone"},
    ),
    Scene(
        stack(service("cache"), service("shop", {"cache": "ready restart"})),
        {"cache": [Life(ready_after=1, dies_after=7, code=1), Life(ready_after=1)], "shop": [Life(ready_after=1)]},
        {"cache": "cache: crashes once", "shop": "shop: restart: true on that edge"},
    ),
    Scene(
        stack(service("api", live=LIVE)),
        {"api": [Life(ready_after=1, hangs_after=6), Life(ready_after=1)]},
        {"api": "api: hangs after 6 s; live every 2 s"},
    ),
    Scene(
        stack(service("broken")),
        {"broken": [Life(ready_after=None, dies_after=0.2, code=1)]},
        {"broken": "broken: dies at once, each time"},
    ),
)


def spans(scene: Scene, name: str) -> Iterator[tuple[str, float, float]]:
    """Yield each state of a service with its beginning and end."""
    world = World(scene.manifest, **scene.lives)
    world.tell(Up(tuple(scene.manifest.services), 0.0))
    world.run(SECONDS)
    found = [(state.value, at) for at, one, state in world.states if one == name]
    for (state, begin), (_, end) in pairwise([*found, ("", float(SECONDS))]):
        yield state, begin, end


def lanes() -> Iterator[str]:
    """Yield all that is drawn, scene under scene."""
    top = TOP
    for scene in SCENES:
        for name, told in scene.told.items():
            yield text(16, top + 15, told)
            for state, begin, end in spans(scene, name):
                yield from bar(state, begin, end, top)
            top += ROW
        top += GAP


def bar(state: str, begin: float, end: float, top: int) -> Iterator[str]:
    """Yield one state; it has its name where there is room."""
    # A crash is cleaned up within milliseconds: one pixel is seen.
    left, width = LEFT + begin * WIDE, max(1.5, (end - begin) * WIDE - 1)
    yield f'<rect x="{left:.1f}" y="{top}" width="{width:.1f}" height="{BAR}" rx="2" fill="{COLORS[state]}"/>'
    if width > len(state) * 7.2:
        yield f'<text x="{left + 5:.1f}" y="{top + 14}" font-size="11" fill="#14181f">{state}</text>'


def text(left: float, top: float, words: str, *, size: int = 12) -> str:
    """Return a line of text."""
    return f'<text x="{left:g}" y="{top:g}" font-size="{size}" fill="#d5dae3">{escape(words)}</text>'


def axis(height: int) -> Iterator[str]:
    """Yield the seconds, two by two."""
    for second in range(0, SECONDS + 1, 2):
        left = LEFT + second * WIDE
        yield f'<path d="M{left} {TOP - 8}V{height - 14}" stroke="#2a303b"/>'
        yield text(left - 6, TOP - 14, f"{second} s", size=11)


def picture() -> str:
    """Return the SVG."""
    rows = sum(len(scene.told) for scene in SCENES)
    height = TOP + rows * ROW + (len(SCENES) - 1) * GAP + 14
    told = "Time lines of six services: states over twenty seconds, drawn from the supervisor's own core"
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" viewBox="0 0 {WIDTH} {height}"'
        f' role="img" aria-label="{told}">'
    )
    ground = f'<rect width="{WIDTH}" height="{height}" rx="9" fill="#14181f"/><g font-family="system-ui, sans-serif">'
    return "\n".join([head, ground, *axis(height), *lanes(), "</g>", "</svg>", ""])


if __name__ == "__main__":
    sys.stdout.write(picture())
