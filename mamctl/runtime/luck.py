"""The randomness that the core asks for comes with each event; this is where it comes from."""

from __future__ import annotations

import os


def luck() -> float:
    """Return a random number from 0 to 1, for jitter."""
    return int.from_bytes(os.urandom(4), "big") / 0xFFFFFFFF
