"""Filling an empty media folder, once, so that a newcomer sees something."""

import logging
from contextlib import suppress
from pathlib import Path

from services.worker.app.decoding.decoder import DecodeFailed, Decoder, DecoderLost

NAMES = (
    "mountain-dawn.jpg",
    "aurora-drift.mp4",
    "paper-waves.png",
    "sunset-tide.mov",
    "rose-window.gif",
    "neon-orbits.avi",
)

log = logging.getLogger("mam.samples")


class SampleLibrary:
    """The samples that are still to be drawn.

    The marker file is written before the first and after the last one: a start that was cut
    short goes on where it stopped, and a folder that its owner emptied stays empty.
    """

    def __init__(self, folder: Path, marker: Path, decoder: Decoder) -> None:
        self._folder = folder
        self._marker = marker
        self._decoder = decoder
        self._left: list[str] = []
        self._is_decided = False

    def look(self) -> None:
        """Find out what is to be drawn, once the folder is there; looking again changes nothing."""
        if self._is_decided:
            return
        state = self._marker.read_text(encoding="utf-8").strip() if self._marker.exists() else ""
        self._is_decided = state == "done" or self._folder.is_dir()
        if state == "done" or not self._is_decided:
            return
        if not state:
            # Hidden files (.DS_Store) are the system's, not the owner's.
            filled = any(not path.name.startswith(".") for path in self._folder.iterdir())
            state = "done" if filled else "started"
            self._marker.write_text(state + "\n", encoding="utf-8")
        if state == "started":
            self._left = [name for name in NAMES if not (self._folder / name).exists()]
            self._finish_if_done()

    def draw_next(self) -> bool:
        """Draw one sample; False when there is none left to draw."""
        if not self._left:
            return False
        name = self._left.pop(0)
        try:
            self._write(name)
        except (DecodeFailed, DecoderLost, OSError) as error:
            log.warning("the sample %s cannot be made: %s", name, getattr(error, "strerror", None) or error)
        self._finish_if_done()
        return True

    def _write(self, name: str) -> None:
        _, content = self._decoder.request("sample", sample=name)
        # Hidden while it is written, so that no scan meets half a file.
        unfinished = self._folder / f".{name}.part"
        try:
            unfinished.write_bytes(content)
            unfinished.replace(self._folder / name)
        except OSError:
            with suppress(OSError):
                unfinished.unlink(missing_ok=True)
            raise
        log.info("the sample %s is made", name)

    def _finish_if_done(self) -> None:
        if not self._left:
            self._marker.write_text("done\n", encoding="utf-8")
