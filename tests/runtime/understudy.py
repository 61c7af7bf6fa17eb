"""Plays the supervisor under a real guardian: runs a script of a test, which has the line to the guardian.

    python -S understudy.py SCRIPT ... WORDS

SCRIPT is a Python file that finds `words`, what the guardian said, and `guarded`, the custody by it.
"""

import json
import os
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent.parent))

from mamctl.runtime.guarded import Guarded

if __name__ == "__main__":
    words = json.loads(sys.argv[-1])
    # As a supervisor does: what it starts is not to keep the line open.
    os.set_inheritable(words["guardian"], False)
    script = pathlib.Path(sys.argv[1])
    exec(compile(script.read_text(), script, "exec"), {"words": words, "guarded": Guarded(words)})
