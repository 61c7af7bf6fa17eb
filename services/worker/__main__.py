"""``python -m services.worker``: work until told to stop."""

import argparse
import os
import sys
from collections.abc import Sequence

from services.backend.app.config import Config, ConfigError

from .app.settings import Settings


def main(arguments: Sequence[str] | None = None) -> int:
    """Return the exit code: 0 stopped by a signal, 1 it cannot start, 2 usage or settings."""
    argparse.ArgumentParser(prog="python -m services.worker", description=__doc__).parse_args(arguments)
    try:
        config, settings = Config.from_environment(os.environ), Settings.from_environment(os.environ)
    except ConfigError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    from .app.serve import serve

    return serve(config, settings)


if __name__ == "__main__":
    raise SystemExit(main())
