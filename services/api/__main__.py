"""`python -m services.api` from the repository root; `python -m swagger_server` from this folder is the same."""

import sys
from pathlib import Path


def _main() -> int:
    # The package has one name, the seeds' `swagger_server`, from wherever it is started.
    sys.path.insert(0, str(Path(__file__).resolve().parent))
    from swagger_server.__main__ import main

    return main()


if __name__ == "__main__":
    sys.exit(_main())
