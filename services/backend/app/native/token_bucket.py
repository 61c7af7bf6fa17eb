"""A token bucket for each client: so many at once, so many a second."""

from collections import OrderedDict

MAX_CLIENTS = 1024


class TokenBucket:
    """Counts what each client takes. Time comes in from outside, in seconds."""

    def __init__(self, *, rate: float, burst: int) -> None:
        self._rate = rate
        self._burst = burst
        self._levels: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def forget(self, client: str) -> None:
        """Let ``client`` begin anew."""
        self._levels.pop(client, None)

    def wait_s(self, client: str, now: float) -> float:
        """Take one token for ``client``: 0.0 when there was one, else the seconds until there is."""
        level, since = self._levels.get(client, (float(self._burst), now))
        level = min(level + (now - since) * self._rate, float(self._burst))
        granted = level >= 1.0
        self._levels[client] = (level - 1.0 if granted else level, now)
        self._levels.move_to_end(client)
        if len(self._levels) > MAX_CLIENTS:
            self._levels.popitem(last=False)
        return 0.0 if granted else (1.0 - level) / self._rate
