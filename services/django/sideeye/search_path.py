"""Keep `import django` meaning the framework.

This project's folder is `services/django`. Whoever has `services/` on the search path (started from there
with `-m`, or through PYTHONPATH) would import the folder in the framework's place.
"""

import sys
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent


def unshadow_django() -> None:
    """Take the folder above the project off the search path, and our package out of the name `django`."""
    sys.path[:] = [entry for entry in sys.path if Path(entry).resolve() != PROJECT.parent]
    loaded = getattr(sys.modules.get("django"), "__file__", None)
    if loaded and Path(loaded).resolve().parent == PROJECT:
        del sys.modules["django"]
