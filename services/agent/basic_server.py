"""The seed's entry point for the agent: its own routes and the chat, on PORT (5000)."""

from __future__ import annotations

import sys
from pathlib import Path

# As a script, Python sees only this file's own folder; the package `services` lies two above it.
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from services.agent.app.serve import main

if __name__ == "__main__":
    sys.exit(main("agent"))
