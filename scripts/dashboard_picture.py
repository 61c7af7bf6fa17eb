"""Photograph the dashboard: `python scripts/dashboard_picture.py` (`make pictures` does it too; needs Chromium).

The stack is that of scripts/shop.yaml, in a temporary folder; its ports and the dashboard's are free ones.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parent.parent
IMAGE: Final = ROOT / "docs" / "images" / "dashboard.png"
SIZE: Final = {"width": 1180, "height": 680}
PATIENCE: Final = 60_000
# There is something to see: the mailer has crashed twice, and the backend has figures.
TELLING: Final = """() => {
  const mailer = document.querySelector("tr[data-service=mailer][data-state=backoff]");
  const backend = document.querySelector("tr[data-service=backend]");
  return mailer && /attempt [2-9]|\\t[2-9]\\t/.test(mailer.innerText) && backend.innerText.includes("%");
}"""

sys.path.insert(0, str(ROOT))

from tests.dashboard.chromium import chromium  # noqa: E402 - it lies beside this folder


def mamctl(folder: str, *words: str) -> str:
    """Run a command in the stack's folder and return what it says."""
    command = [sys.executable, "-m", "mamctl", *words]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True).stdout


def photograph(address: str) -> None:
    """Open the dashboard, wait until enough has happened, and write the picture."""
    with chromium() as browser:
        page = browser.new_page(viewport=SIZE)
        page.goto(address)
        page.wait_for_function(TELLING, timeout=PATIENCE)
        page.screenshot(path=IMAGE)


def main() -> None:
    """Run the stack for the picture, and take it down."""
    with tempfile.TemporaryDirectory(prefix="mamctl-picture-") as folder:
        manifest = (ROOT / "scripts" / "shop.yaml").read_text(encoding="utf-8")
        (Path(folder) / "services.yaml").write_text(manifest, encoding="utf-8")
        mamctl(folder, "up", "-d", "--no-wait")
        try:
            told = mamctl(folder, "dashboard", "--print", "--listen", "127.0.0.1:0")
            photograph(next(word for word in told.split() if word.startswith("http")))
        finally:
            mamctl(folder, "down")


if __name__ == "__main__":
    main()
