"""A first manifest as people would write it: commented, with quotes only where they are needed."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mamctl.convert.detect import Found

_PLAIN: Final = re.compile(r"^[A-Za-z_./][A-Za-z0-9_./@%+=-]*(?: [A-Za-z0-9_./@%+=-]+)*$")
_RESERVED: Final = frozenset({"true", "false", "yes", "no", "on", "off", "null", "~", "y", "n"})

_HEAD: Final = """\
# The stack of this folder. `mamctl validate` checks it, `mamctl up` runs it, `mamctl schema` describes every key.
"""

_EMPTY: Final = """\
  # Nothing was found here that could be started, so this is an example to change.
  hello:
    command: [python3, -m, http.server, --bind, 127.0.0.1, "8000"]
    port: 8000                # it is ready once it listens here; PORT is in its environment
"""

_TAIL: Final = """\

# More that a service can have:
#   depends_on: [database]    # started first, and waited for until ready (a task: until completed)
#   ready: {http: /health}    # a stronger test than the open port
#   live: {http: /health}     # failing it restarts the service
#   env: {LOG_LEVEL: debug}
#   env_file: .env
#   restart: always           # on-failure (the default), always, never
#   profiles: [extra]         # started only with `mamctl up --profile extra`
"""


def draft(name: str, found: Sequence[Found]) -> str:
    """Return the text of a services.yaml for what was found; an example when that is nothing."""
    lines = [_HEAD, f"name: {scalar(name)}\n", "services:\n"]
    for one in found:
        lines.append(f"  # from {one.source}\n  {scalar(one.name)}:\n")
        lines += [f"    {key}: {_value(value)}\n" for key, value in one.keys.items()]
    return "".join([*lines, _EMPTY if not found else "", _TAIL])


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return f"[{', '.join(scalar(entry, inside=True) for entry in value)}]"
    return str(value) if isinstance(value, int) else scalar(value)


def scalar(text: str, *, inside: bool = False) -> str:
    """Return a string as YAML: plain when it means itself, else in double quotes (JSON's are YAML's)."""
    plain = bool(_PLAIN.match(text)) and text.lower() not in _RESERVED
    # A hyphen may begin a plain word inside brackets, where no block sequence can begin.
    plain = plain or (inside and bool(re.match(r"^--?[A-Za-z][A-Za-z-]*$", text)))
    return text if plain else json.dumps(text, ensure_ascii=False)
