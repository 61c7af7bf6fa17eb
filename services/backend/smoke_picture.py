"""``python -m services.backend.smoke_picture draw|remove``: a new picture in the media folder, for `mamctl smoke`.

`draw` first removes what an earlier run that was cut off has left, and prints where the picture is, as JSON.
"""

import json
import os
import secrets
import sys
from pathlib import Path

from PIL import Image

from .app.config import Config, ConfigError

PREFIX = "smoke-check-"
SIZE = (320, 240)


def draw(folder: Path) -> str:
    """Draw a picture that nobody has seen before; return its name."""
    remove(folder)
    name = f"{PREFIX}{secrets.token_hex(4)}.png"
    red, green, blue = secrets.token_bytes(3)
    hidden = folder / f".{name}.part"
    Image.new("RGB", SIZE, (red, green, blue)).save(hidden, "PNG")
    # The scanner looks at the folder at any time: it sees all of the picture or nothing.
    os.replace(hidden, folder / name)
    return name


def remove(folder: Path) -> None:
    """Remove what was drawn."""
    for path in [*folder.glob(f"{PREFIX}*.png"), *folder.glob(f".{PREFIX}*.part")]:
        path.unlink(missing_ok=True)


def main() -> int:
    """Do what the one argument says."""
    if sys.argv[1:] not in (["draw"], ["remove"]):
        print("usage: python -m services.backend.smoke_picture draw|remove", file=sys.stderr)
        return 2
    try:
        folder = Config.from_environment(os.environ).media_base_path
        if sys.argv[1] == "remove":
            remove(folder)
        else:
            print(json.dumps({"file_path": draw(folder)}))
    except (ConfigError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
