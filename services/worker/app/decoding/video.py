"""Videos: their figures, one picture, and a sheet of pictures for scrubbing. Runs in the decoder process only.

The demuxer is forced by the file's type, and FFmpeg gets an open file and no protocol to open another one: a playlist
that calls itself `.mp4` is nonsense to the mp4 demuxer, and leads nowhere.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, BinaryIO

import av
from PIL import Image

from .stills import THUMBNAIL_SIDE, check_size
from .unreadable import Unreadable, sentence

TILE_SIDE = 160
COLUMNS = 5
MAX_TILES = 50
TILE_EVERY_S = 2.0

av.logging.set_level(None)


def describe_video(file: BinaryIO, demuxer: str) -> dict[str, Any]:
    """Return width, height, duration (s), fps, codec, container and bit rate, and when it was taken if it says so."""
    with _opened(file, demuxer) as container:
        stream = container.streams.video[0]
        rate = stream.average_rate or stream.guessed_rate
        return {
            "width": stream.codec_context.width or None,
            "height": stream.codec_context.height or None,
            "duration": _duration(container, stream),
            "fps": round(float(rate), 3) if rate else None,
            "codec": stream.codec_context.name,
            "container_format": container.format.name,
            "bit_rate": container.bit_rate or None,
            "taken_at": _taken_at(container.metadata.get("creation_time")),
        }


def small_video(file: BinaryIO, demuxer: str) -> tuple[Image.Image, dict[str, int]]:
    """Return the key frame before the first quarter's end, upright, at the size of a thumbnail.

    Of a video that lies on its side, as phones write them, also the width and height that it is shown with: only a
    frame tells, and the figures are read without one.
    """
    with _opened(file, demuxer) as container:
        frame = _frame_at(container, (container.duration or 0) // 4) or _frame_at(container, 0)
        if frame is None:
            raise Unreadable("no picture of the video can be decoded")
        lies = _turn(frame) % 180 != 0
        return _upright(frame, THUMBNAIL_SIDE), {"width": frame.height, "height": frame.width} if lies else {}


def scrub_sheet(file: BinaryIO, demuxer: str) -> tuple[Image.Image, dict[str, Any]]:
    """Return key frames laid out in rows, and where each tile lies: ``{columns, width, height, times, end}`` (s).

    Only key frames are decoded: all frames would take a hundred times as long. Two positions that lead to the same
    key frame give one tile.
    """
    with _opened(file, demuxer) as container:
        duration = (container.duration or 0) / av.time_base
        tiles = list(_tiles(container, duration))
    if not tiles:
        raise Unreadable("no picture of the video can be decoded")
    width, height = tiles[0][1].size
    rows = -(-len(tiles) // COLUMNS)
    sheet = Image.new("RGB", (width * min(COLUMNS, len(tiles)), height * rows))
    for number, (_, tile) in enumerate(tiles):
        sheet.paste(tile.resize((width, height)), (number % COLUMNS * width, number // COLUMNS * height))
    times = [round(at, 3) for at, _ in tiles]
    return sheet, {"columns": COLUMNS, "width": width, "height": height, "times": times, "end": round(duration, 3)}


def _tiles(container: Any, duration: float) -> Iterator[tuple[float, Image.Image]]:
    count = max(1, min(MAX_TILES, round(duration / TILE_EVERY_S)))
    last = None
    for number in range(count):
        frame = _frame_at(container, int(duration * number / count * av.time_base))
        if frame is None or frame.pts == last:
            continue
        at = 0.0 if last is None else float(frame.time or 0)  # the first tile stands for the beginning
        last = frame.pts
        yield max(at, 0.0), _upright(frame, TILE_SIDE)


@contextmanager
def _opened(file: BinaryIO, demuxer: str) -> Iterator[Any]:
    """Open a container that has a picture; what FFmpeg says of its content becomes Unreadable."""
    try:
        container = av.open(file, mode="r", format=demuxer, metadata_errors="replace")
    except (av.FFmpegError, OSError, ValueError) as error:
        raise Unreadable(f"the video cannot be opened: {sentence(error)}") from error
    with container:
        if not container.streams.video:
            raise Unreadable("there is no picture in this file")
        _set_up(container.streams.video[0].codec_context)
        try:
            yield container
        except (av.FFmpegError, OSError, ValueError) as error:
            raise Unreadable(f"the video cannot be decoded: {sentence(error)}") from error


def _set_up(codec: Any) -> None:
    """Have single key frames decoded: threads would decode frames ahead that nobody asked for."""
    codec.thread_count = 1
    codec.skip_frame = "NONKEY"


def _frame_at(container: Any, position: int) -> Any:
    """Decode the key frame before ``position`` (microseconds); None when there is none."""
    stream = container.streams.video[0]
    check_size(stream.codec_context.width, stream.codec_context.height, "video's picture")
    try:
        container.seek(position)
    except av.FFmpegError:
        return None  # a broken index; the caller tries the start
    return next(container.decode(stream), None)


def _upright(frame: Any, side: int) -> Image.Image:
    """Return the frame within ``side`` pixels each way. FFmpeg shrinks while it converts the colours, in one pass."""
    scale = min(1.0, side / max(frame.width, frame.height))
    picture: Image.Image = frame.to_image(
        width=max(1, round(frame.width * scale)), height=max(1, round(frame.height * scale)), interpolation="AREA"
    )
    turn = _turn(frame)
    return picture.rotate(turn, expand=True) if turn % 360 else picture


def _turn(frame: Any) -> int:
    """Return by how many degrees a player turns the frame, counter-clockwise."""
    return int(getattr(frame, "rotation", 0) or 0)


def _duration(container: Any, stream: Any) -> float | None:
    if container.duration is not None:
        return round(float(container.duration) / av.time_base, 3)
    if stream.duration is not None and stream.time_base is not None:
        return round(float(stream.duration * stream.time_base), 3)
    return None


def _taken_at(text: str | None) -> str | None:
    """Return a container's ``creation_time`` in UTC; cameras without a clock write 1904 or 1970, which is no date."""
    try:
        moment = datetime.fromisoformat(text or "")
    except ValueError:
        return None
    if moment.year <= 1970:
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
