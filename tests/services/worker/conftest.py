import sys
from pathlib import Path

import pytest

# The services are no installed package; what runs a backend and draws media lies with the backend's tests.
sys.path[:0] = [str(Path(__file__).resolve().parents[3]), str(Path(__file__).resolve().parents[1] / "backend")]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of one's own with an empty media folder."""
    (tmp_path / "media").mkdir()
    return tmp_path
