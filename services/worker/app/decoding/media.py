"""What can be asked about an open media file. Runs in the decoder process only."""

from typing import Any, BinaryIO

from .stills import IMAGE_FORMATS, describe_still, jpeg_of, placeholder_of, small_still
from .unreadable import Unreadable
from .video import describe_video, scrub_sheet, small_video

SHEET_QUALITY = 70


def describe(file: BinaryIO, demuxer: str) -> tuple[dict[str, Any], bytes]:
    """Return the file's figures."""
    if demuxer in IMAGE_FORMATS:
        return describe_still(file, demuxer), b""
    return describe_video(file, demuxer), b""


def thumbnail(file: BinaryIO, demuxer: str) -> tuple[dict[str, Any], bytes]:
    """Return a placeholder and a JPEG; of a video that lies on its side, also the width and height it is shown with."""
    picture, shown = (small_still(file, demuxer), {}) if demuxer in IMAGE_FORMATS else small_video(file, demuxer)
    return {"thumbhash": placeholder_of(picture), **shown}, jpeg_of(picture)


def sprite(file: BinaryIO, demuxer: str) -> tuple[dict[str, Any], bytes]:
    """Return a video's sheet for scrubbing, and where its tiles lie."""
    if demuxer in IMAGE_FORMATS:
        raise Unreadable("a picture has nothing to scrub through")
    sheet, places = scrub_sheet(file, demuxer)
    return places, jpeg_of(sheet, quality=SHEET_QUALITY)


REQUESTS = {"describe": describe, "thumbnail": thumbnail, "sprite": sprite}
