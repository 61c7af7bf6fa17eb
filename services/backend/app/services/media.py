"""Reading media files: their figures and a small picture. Runs in the decoder process only.

Everything here may meet hostile bytes: the demuxer is forced by the file's type, FFmpeg gets an
open file and no protocol to open another one, and a picture's size is checked before its pixels
are unpacked. What still goes wrong ends the decoder process, not the backend.
"""

from io import BytesIO
from typing import Any, BinaryIO

import av
from PIL import Image, ImageOps, UnidentifiedImageError

THUMBNAIL_SIDE = 480
JPEG_QUALITY = 82
IMAGE_FORMATS = frozenset({"JPEG", "PNG", "GIF"})
MAX_PIXELS = 200_000_000
MAX_SIDE = 65_500
BACKDROP = (24, 26, 32)
"""What shines through a transparent picture in its thumbnail."""

# We check the size ourselves, with a sentence for people.
Image.MAX_IMAGE_PIXELS = None
av.logging.set_level(None)


class Unreadable(Exception):
    """The file cannot be shown; the text says why, without naming any path."""


def describe(file: BinaryIO, demuxer: str) -> dict[str, Any]:
    """Return width, height, codec and, for a video, duration (s), fps, bit_rate and container."""
    if demuxer in IMAGE_FORMATS:
        return _describe_image(file, demuxer)
    return _describe_video(file, demuxer)


def thumbnail(file: BinaryIO, demuxer: str) -> bytes:
    """Return a JPEG that fits into THUMBNAIL_SIDE pixels each way."""
    picture = _open_image(file, demuxer) if demuxer in IMAGE_FORMATS else _video_picture(file, demuxer)
    try:
        return _jpeg(picture)
    except (OSError, SyntaxError, ValueError) as error:
        raise Unreadable(f"the picture cannot be decoded: {_sentence(error)}") from error


def _describe_image(file: BinaryIO, format_name: str) -> dict[str, Any]:
    image = _open_image(file, format_name)
    width, height = image.size
    if image.getexif().get(0x0112, 1) in {5, 6, 7, 8}:  # EXIF orientation: lies on its side
        width, height = height, width
    return {"width": width, "height": height, "codec": format_name.lower()}


def _open_image(file: BinaryIO, format_name: str) -> Image.Image:
    try:
        image = Image.open(file, formats=(format_name,))
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError) as error:
        raise Unreadable("the picture's header cannot be read") from error
    width, height = image.size
    if width * height > MAX_PIXELS or max(width, height) > MAX_SIDE:
        raise Unreadable(f"the picture is too large: {width} x {height} pixels")
    return image


def _jpeg(image: Image.Image) -> bytes:
    # draft() lets the JPEG decoder shrink while it unpacks; it has no effect on other formats.
    image.draft("RGB", (THUMBNAIL_SIDE * 2, THUMBNAIL_SIDE * 2))
    upright = ImageOps.exif_transpose(image)
    small = _flattened(upright)
    small.thumbnail((THUMBNAIL_SIDE, THUMBNAIL_SIDE), Image.Resampling.LANCZOS)
    buffer = BytesIO()
    # A new picture is saved, so no EXIF (and no GPS position) comes along.
    small.save(buffer, "JPEG", quality=JPEG_QUALITY, optimize=True, progressive=True)
    return buffer.getvalue()


def _flattened(image: Image.Image) -> Image.Image:
    if image.mode in {"RGB", "L"}:
        return image.convert("RGB")
    if not image.has_transparency_data:
        return image.convert("RGB")
    layer = image.convert("RGBA")
    ground = Image.new("RGBA", layer.size, (*BACKDROP, 255))
    ground.alpha_composite(layer)
    return ground.convert("RGB")


def _open_video(file: BinaryIO, demuxer: str) -> Any:
    try:
        container = av.open(file, mode="r", format=demuxer, metadata_errors="replace")
    except (av.FFmpegError, OSError, ValueError) as error:
        raise Unreadable(f"the video cannot be opened: {_sentence(error)}") from error
    if container.streams.video:
        return container
    container.close()
    raise Unreadable("there is no picture in this file")


def _describe_video(file: BinaryIO, demuxer: str) -> dict[str, Any]:
    with _open_video(file, demuxer) as container:
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
        }


def _duration(container: Any, stream: Any) -> float | None:
    if container.duration is not None:
        return round(float(container.duration) / av.time_base, 3)
    if stream.duration is not None and stream.time_base is not None:
        return round(float(stream.duration * stream.time_base), 3)
    return None


def _video_picture(file: BinaryIO, demuxer: str) -> Image.Image:
    with _open_video(file, demuxer) as container:
        try:
            frame = _frame_at(container, (container.duration or 0) // 4) or _frame_at(container, 0)
            if frame is None:
                raise Unreadable("no picture of the video can be decoded")
            return _upright(frame)
        except (av.FFmpegError, OSError, ValueError) as error:
            raise Unreadable(f"the video cannot be decoded: {_sentence(error)}") from error


def _frame_at(container: Any, position: int) -> Any:
    """Decode the key frame before ``position`` (microseconds); None when there is none."""
    stream = container.streams.video[0]
    width, height = stream.codec_context.width, stream.codec_context.height
    if width * height > MAX_PIXELS:
        raise Unreadable(f"the video's picture is too large: {width} x {height} pixels")
    try:
        container.seek(position)
    except av.FFmpegError:
        return None  # a broken index; the caller tries the start
    return next(container.decode(stream), None)


def _upright(frame: Any) -> Image.Image:
    picture: Image.Image = frame.to_image()
    turn = int(getattr(frame, "rotation", 0) or 0)
    return picture.rotate(turn, expand=True) if turn % 360 else picture


def _sentence(error: BaseException) -> str:
    """Return what went wrong without the name of any file."""
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return str(text)[:200]
