"""`python -m services.lmstudio`: serve the local model until TERM or Ctrl-C."""

from __future__ import annotations

import os
import sys

from services.lmstudio.model import find_model
from services.lmstudio.refusal import Refusal
from services.lmstudio.server import run
from services.lmstudio.settings import Settings


def main() -> int:
    """Return the exit code: 0 after a stop, 1 when it could not serve, 78 when something is missing or set wrongly."""
    try:
        settings = Settings.from_env(os.environ)
        run(settings, find_model(settings.model_path))
    except Refusal as refusal:
        sys.stderr.write(f"{refusal}\n")
        return refusal.code
    return 0


if __name__ == "__main__":
    sys.exit(main())
