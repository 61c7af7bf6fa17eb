#!/usr/bin/env python
"""Django's usual entry for commands; `python -m services.django COMMAND` is the same."""

import sys
from pathlib import Path


def _main() -> int:
    sys.path.insert(0, str(Path(__file__).resolve().parent))
    from sideeye.command import manage

    return manage(sys.argv)


if __name__ == "__main__":
    sys.exit(_main())
