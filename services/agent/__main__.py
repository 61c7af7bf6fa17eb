"""`python -m services.agent`: the agent with its chat, on PORT (5000)."""

from __future__ import annotations

import sys

from services.agent.app.serve import main

if __name__ == "__main__":
    sys.exit(main("agent"))
