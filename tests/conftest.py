"""What holds for every test, wherever it is started."""

import signal

# A shell lets what it starts in the background ignore Ctrl-C, and that is inherited: by a whole CI run, by every
# program that a test starts, and by Python, which then raises no KeyboardInterrupt. No trap of a shell can undo it.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def _interrupt(_number: int, _frame: object) -> None:
    raise KeyboardInterrupt


# A run that is told to end (by `timeout`, by a CI that was cancelled) ends as with Ctrl-C: what tests have begun is
# taken down. By itself Python would leave at once, and their stacks would run for ever.
if signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
    signal.signal(signal.SIGTERM, _interrupt)
