"""The seeds' entry point: ``cd services/backend; python wsgi.py``. The same as ``-m services.backend``."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from services.backend.__main__ import main

if __name__ == "__main__":
    raise SystemExit(main())
