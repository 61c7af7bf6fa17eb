"""The log files where they cannot be written."""

import logging
from pathlib import Path

import pytest

from services.backend.app.log_files import GAP, LogFile


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_a_full_disk_costs_lines_is_told_once_and_leaves_a_mark(tmp_path, capsys):
    path = tmp_path / "app.log"
    path.symlink_to("/dev/full")
    handler = LogFile(path)
    line = logging.makeLogRecord({"msg": "a line", "levelname": "INFO"})
    for _ in range(3):
        handler.emit(line)
    assert capsys.readouterr().err == "app.log loses lines: [Errno 28] No space left on device\n"
    path.unlink()
    with pytest.raises(OSError, match="No space left"):
        handler.stream.close()
    handler.stream = handler._open()
    handler.emit(line)
    handler.emit(line)
    handler.close()
    assert path.read_text(encoding="utf-8").splitlines() == [GAP, "a line", "a line"]
    assert capsys.readouterr().err == ""
