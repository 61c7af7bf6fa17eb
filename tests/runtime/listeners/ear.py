"""A listener that speaks supervisord's protocol, or misbehaves: `ear.py WORD...`, one for each event.

The last word holds for all others. ok, fail: so it answers. die: it ends instead. silent: it never answers. garbage: it
says something else. deaf: it closes its output. early: it says something before READY. What it is told goes to stderr.
"""

from __future__ import annotations

import os
import sys
from typing import Final

ANSWERS: Final = {"ok": "RESULT 2\nOK", "fail": "RESULT 4\nFAIL", "garbage": "hello\n"}


def say(words: str) -> None:
    """Say something to the supervisor."""
    os.write(1, words.encode())


def hear() -> None:
    """Read one event and write it down."""
    line = sys.stdin.readline()
    if not line:
        sys.exit(0)
    head = dict(word.split(":") for word in line.split())
    payload = sys.stdin.read(int(head["len"])).strip()
    os.write(2, f"#{head['serial']} {head['pool']} {head['eventname']} {payload}\n".encode())


def main() -> None:
    """Answer for ever."""
    words = sys.argv[1:] or ["ok"]
    if words[0] == "early":
        say("starting up\n")
    for number in range(1_000_000):
        say("READY\n")
        hear()
        word = words[min(number, len(words) - 1)]
        if word == "die":
            sys.exit(3)
        if word == "deaf":
            os.close(1)
        if word in ("silent", "deaf"):
            sys.stdin.readline()
            sys.exit(0)
        say(ANSWERS[word])


if __name__ == "__main__":
    main()
