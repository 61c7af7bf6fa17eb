"""`python -m services.api` from the repository root; `python -m swagger_server` from this folder is the same."""

import sys

from .swagger_server.__main__ import main

if __name__ == "__main__":
    sys.exit(main())
