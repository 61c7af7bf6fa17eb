"""What a browser's cookie holds: not the token, but a key to it for a while.

Cookies know no ports. What else runs on this host, and answers beneath the same paths, is given the cookie too. So it
learns neither the token, nor anything that is good for longer than the session: the key is the moment at which it ends
and a keyed hash of that. There is nothing to remember here, and another token makes every key worthless.
"""

import hmac
from hashlib import sha256

_DIGITS = 12
"""Of the moment, at most: seconds since 1970."""


def session_key(token: str, *, until: int) -> str:
    """Return the key for ``token`` that is good until then (seconds since 1970)."""
    mark = hmac.new(token.encode(), f"a session of the media library until {until}".encode(), sha256)
    return f"{until}.{mark.hexdigest()}"


def opens(given: str, token: str, *, now: float) -> bool:
    """Whether ``given`` is a key for ``token`` whose time is not over."""
    until, _, _ = given.partition(".")
    if not (until.isascii() and until.isdecimal() and len(until) <= _DIGITS) or int(until) <= now:
        return False
    return hmac.compare_digest(given.encode(), session_key(token, until=int(until)).encode())
