"""The brain's process, `python -m mamctl.cli.supervise`; what it does is in `supervision`."""

import gc

# What is made while importing stays: looking for garbage in it takes a twentieth of the time until services are owned.
gc.disable()

from mamctl.cli.supervision import main  # noqa: E402 - see above

if __name__ == "__main__":
    main()
