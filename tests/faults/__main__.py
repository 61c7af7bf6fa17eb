"""Do all of it in its long form, as root and as an ordinary user, and print the table: `python -m tests.faults`.

`--short`: the few rounds of `make test` instead. Further words go to pytest. Started by an ordinary user it can be only
that one. The exit code is 0 when every figure is 0.
"""

from __future__ import annotations

import os
import pathlib
import subprocess
import sys
import tempfile

from tests.faults import ordinary
from tests.faults.figures import ROWS, table

FOLDER = str(pathlib.Path(__file__).parent)


def main() -> int:
    """Run the tests once or twice; print what they counted."""
    words = sys.argv[1:]
    marker = "not torture" if "--short" in words else "torture"
    given = [word for word in words if word != "--short"]
    tests = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-m", marker, FOLDER, *given]
    with tempfile.TemporaryDirectory(prefix="faults-") as folder:
        os.chmod(folder, 0o755)
        rows = pathlib.Path(folder, "rows")
        rows.touch()
        rows.chmod(0o666)
        codes = [subprocess.run(tests, env={**os.environ, ROWS: str(rows)}, check=False).returncode]
        if os.geteuid() == 0:
            codes.append(ordinary.run(tests, {ROWS: str(rows)}))
        print(table(str(rows)))
    return max(codes)


if __name__ == "__main__":
    sys.exit(main())
