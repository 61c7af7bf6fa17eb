"""`python -m services.django` serves; `python -m services.django migrate` (or any manage.py command) runs that.

Exit codes: 0 stopped or done, 1 the port or the database cannot be had, 2 bad configuration.
"""

import sys
from pathlib import Path


def _main() -> int:
    sys.path.insert(0, str(Path(__file__).resolve().parent))
    from sideeye.command import manage, serve

    if len(sys.argv) > 1:
        return manage(["python -m services.django", *sys.argv[1:]])
    return serve()


if __name__ == "__main__":
    sys.exit(_main())
