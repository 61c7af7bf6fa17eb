"""Six small pictures and clips, drawn from formulas. Runs in the decoder process only."""

import math
from collections.abc import Callable, Iterator
from fractions import Fraction
from functools import cache
from io import BytesIO
from itertools import chain
from typing import Any

import av
from PIL import Image, ImageChops, ImageDraw, ImageFilter

Colour = tuple[int, int, int]

VIDEO_SIZE = (640, 360)
FPS = 24
FRAMES = 48


def draw(name: str) -> bytes:
    """Return the bytes of the sample called ``name``; KeyError when there is none."""
    return _SAMPLES[name]()


def tiny() -> bytes:
    """Return a clip of four small frames, for trying the decoders out."""
    return _video((Image.new("RGB", (64, 64), (60 * number, 40, 200)) for number in range(4)), "mp4", "libx264")


def _video(frames: Iterator[Image.Image], container: str, codec: str) -> bytes:
    buffer = BytesIO()
    with av.open(buffer, "w", format=container) as output:
        stream: Any = output.add_stream(codec, rate=Fraction(FPS))
        first = next(frames)
        stream.width, stream.height = first.size
        stream.pix_fmt = "yuv420p"
        stream.bit_rate = 1_800_000
        if codec == "libx264":
            stream.options = {"preset": "veryfast", "crf": "23"}
        for image in chain((first,), frames):
            output.mux(stream.encode(av.VideoFrame.from_image(image)))  # type: ignore[no-untyped-call]
        output.mux(stream.encode(None))
    return buffer.getvalue()


def _aurora() -> Iterator[Image.Image]:
    """Curtains of light over a dark ridge; computed small and enlarged, which makes them soft."""
    width, height = 80, 45
    ridge = _ridge(VIDEO_SIZE, base=0.86, heights=(0.05, 0.03), seed=2.0)
    for number in range(FRAMES):
        turn = 2 * math.pi * number / FRAMES
        curtains = [_curtain(x / width, turn) for x in range(width)]
        pixels = bytearray()
        for y in range(height):
            for sway, fold in curtains:
                pixels += bytes(_aurora_pixel(y / height, sway, fold))
        sky = Image.frombytes("RGB", (width, height), bytes(pixels)).resize(VIDEO_SIZE, Image.Resampling.BICUBIC)
        sky.paste((4, 8, 18), mask=ridge)
        yield sky


def _curtain(x: float, turn: float) -> tuple[float, float]:
    """Return how far a column sways, and how bright it is."""
    sway = 0.07 * math.sin(7 * x + turn) + 0.04 * math.sin(13 * x - 2 * turn)
    return sway, 0.55 + 0.45 * math.sin(19 * x + 3 * math.sin(4 * x + turn) + turn)


def _aurora_pixel(y: float, sway: float, fold: float) -> Colour:
    distance = y - 0.52 - sway
    glow = fold * (math.exp(-distance * distance * 90) if distance > 0 else math.exp(-distance * distance * 9))
    high = fold * math.exp(-((y - 0.16 - sway) ** 2) * 16)
    return (
        min(255, int(8 + 20 * y + 120 * high + 30 * glow)),
        min(255, int(12 + 26 * y + 225 * glow + 20 * high)),
        min(255, int(38 + 30 * y + 120 * glow + 150 * high)),
    )


def _sunset() -> Iterator[Image.Image]:
    """Let the sun sink into the sea."""
    width, height = VIDEO_SIZE
    horizon = int(height * 0.62)
    for number in range(FRAMES):
        t = number / FRAMES
        image = _gradient(VIDEO_SIZE, ((44, 22, 84), (196, 68, 96), (255, 168, 84), (255, 214, 140)), stop=horizon)
        _glow(image, (width // 2, int(height * (0.36 + 0.2 * t))), radius=46, colour=(255, 240, 190))
        _sea(image, horizon, t)
        yield image


def _sea(image: Image.Image, horizon: int, t: float) -> None:
    """Mirror the sky into the sea, row by row, each shifted by its own small wave."""
    width, height = image.size
    sky = image.crop((0, 0, width, horizon))
    dark = Image.new("RGB", (width, 1), (22, 16, 58))
    for y in range(horizon, height):
        depth = (y - horizon) / (height - horizon)
        shift = int((2 + 16 * depth) * math.sin(depth * 38 + 2 * math.pi * (t * 2 + depth)))
        row = sky.crop((0, horizon - 1 - int(depth * horizon * 0.72), width, horizon - int(depth * horizon * 0.72)))
        row = ImageChops.offset(row, shift, 0)
        image.paste(Image.blend(row, dark, 0.25 + 0.45 * depth), (0, y))


def _orbits() -> Iterator[Image.Image]:
    """Lights on their orbits around a star, each with a fading trail."""
    colours: tuple[Colour, ...] = ((255, 64, 129), (64, 196, 255), (178, 255, 89), (255, 196, 64), (179, 136, 255))
    for number in range(FRAMES):
        light = Image.new("RGB", VIDEO_SIZE, (8, 8, 22))
        for index, colour in enumerate(colours):
            _comet(light, index, colour, number / FRAMES)
        _glow(light, (VIDEO_SIZE[0] // 2, VIDEO_SIZE[1] // 2), radius=15, colour=(255, 244, 214))
        # At half the size, where nobody sees the difference and a blur costs a quarter.
        halo = light.reduce(2).filter(ImageFilter.GaussianBlur(6)).resize(VIDEO_SIZE, Image.Resampling.BILINEAR)
        yield ImageChops.screen(light, ImageChops.add(halo, halo.point(lambda value: value // 3)))


def _comet(image: Image.Image, index: int, colour: Colour, t: float) -> None:
    """Draw one light of the orbits; its tail is 60 discs that shrink and fade."""
    pen = ImageDraw.Draw(image)
    wide, high = 70 + 50 * index, 42 + 27 * index
    rounds = 2 if index < 2 else 1  # whole rounds, so that the clip repeats without a jump
    for back in range(60, -1, -1):
        angle = 2 * math.pi * (rounds * (t - back / 220) + index * 0.37)
        x, y = image.width / 2 + wide * math.cos(angle), image.height / 2 + high * math.sin(angle)
        fade = (1 - back / 61) ** 1.6
        radius = 1.5 + 8 * fade
        shade = tuple(int(low + (part - low) * fade) for low, part in zip((8, 8, 22), colour, strict=True))
        pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=shade)


def _mountains() -> bytes:
    size = (1600, 1000)
    image = _gradient(size, ((38, 50, 96), (142, 110, 160), (250, 172, 140), (255, 226, 180)), stop=760)
    _glow(image, (1080, 520), radius=62, colour=(255, 246, 214))
    near, far = (24, 30, 58), (206, 150, 164)
    for layer in range(6):
        t = layer / 5
        colour = tuple(int(a + (b - a) * (1 - t)) for a, b in zip(near, far, strict=True))
        ridge = _ridge(size, base=0.52 + 0.07 * layer, heights=(0.10 - 0.006 * layer, 0.035), seed=layer * 5.3)
        image.paste(colour, mask=ridge)
    return _saved(image, "JPEG", quality=88)


def _paper_waves() -> bytes:
    """Layers of paper, each with the shadow that it throws on the one behind."""
    size = (1400, 1000)
    image = Image.new("RGB", size, (250, 243, 228))
    colours: tuple[Colour, ...] = (
        (255, 214, 165), (255, 173, 153), (240, 128, 144), (188, 96, 148), (122, 78, 148), (68, 64, 128), (34, 44, 92),
    )  # fmt: skip
    for index, colour in enumerate(colours):
        mask = _ridge(size, base=0.2 + 0.115 * index, heights=(0.07, 0.012), seed=index * 2.1, waves=2.2)
        shadow = (
            ImageChops.offset(mask, 0, -14).filter(ImageFilter.GaussianBlur(12)).point(lambda value: value * 2 // 5)
        )
        image.paste((40, 20, 50), mask=shadow)
        image.paste(colour, mask=mask)
    return _saved(image, "PNG")


def _rose_window() -> bytes:
    """Turn a window of coloured glass, as an animation."""
    frames = [_rose(number / 24) for number in range(24)]
    buffer = BytesIO()
    first = frames[0].quantize(96)
    rest = [frame.quantize(palette=first, dither=Image.Dither.NONE) for frame in frames[1:]]
    first.save(buffer, "GIF", save_all=True, append_images=rest, duration=70, loop=0)
    return buffer.getvalue()


def _rose(t: float) -> Image.Image:
    side = 840  # twice the size that is kept: shrinking smooths the edges
    image = Image.new("RGB", (side, side), (18, 16, 34))
    pen = ImageDraw.Draw(image)
    for ring in range(6, 0, -1):
        petals = 12
        reach, size = ring * 56.0, 22 + ring * 8.5
        for petal in range(petals):
            turn = 2 * math.pi * ((petal + ring % 2 / 2) / petals + t / petals * (1 if ring % 2 else -1))
            x, y = side / 2 + reach * math.cos(turn), side / 2 + reach * math.sin(turn)
            hue = int(255 * ((ring * 0.13 + petal / petals + t) % 1))
            pen.ellipse((x - size, y - size, x + size, y + size), fill=_hue(hue), outline=(18, 16, 34), width=6)
    pen.ellipse((side / 2 - 44, side / 2 - 44, side / 2 + 44, side / 2 + 44), fill=(255, 236, 190))
    return image.reduce(2)


def _hue(hue: int) -> Colour:
    red, green, blue = Image.new("HSV", (1, 1), (hue, 165, 235)).convert("RGB").getpixel((0, 0))  # type: ignore[misc]
    return red, green, blue


def _ridge(
    size: tuple[int, int], *, base: float, heights: tuple[float, float], seed: float, waves: float = 3.0
) -> Image.Image:
    """Return a mask of what lies beneath a line of hills; all figures are parts of the size."""
    width, height = size
    line = []
    for x in range(0, width + 8, 8):
        u = x / width * waves
        swell = math.sin(u * 2.1 + seed) + 0.5 * math.sin(u * 4.7 + seed * 1.7)
        rough = math.sin(u * 11 + seed * 3) + 0.6 * math.sin(u * 23 + seed * 5)
        line.append((x, height * (base - heights[0] * swell / 1.5 - heights[1] * rough / 1.6)))
    mask = Image.new("L", size, 0)
    ImageDraw.Draw(mask).polygon([*line, (width + 8, height), (0, height)], fill=255)
    return mask


def _gradient(size: tuple[int, int], colours: tuple[Colour, ...], *, stop: int) -> Image.Image:
    """Return a picture that goes through the colours from the top down to the row ``stop``."""
    strip = Image.new("RGB", (1, len(colours)))
    strip.putdata(colours)
    image = Image.new("RGB", size, colours[-1])
    # The outer half of the first and last colour's pixel is flat; the box leaves it out.
    smooth = strip.resize((size[0], stop), Image.Resampling.BILINEAR, box=(0, 0.5, 1, len(colours) - 0.5))
    image.paste(smooth, (0, 0))
    return image


def _glow(image: Image.Image, centre: tuple[int, int], *, radius: int, colour: Colour) -> None:
    """Draw a disc of light with a wide halo."""
    mask = _halo(radius)
    image.paste(colour, (centre[0] - mask.width // 2, centre[1] - mask.height // 2), mask)


@cache  # a clip has the same light in every frame
def _halo(radius: int) -> Image.Image:
    half = 7 * radius
    mask = Image.new("L", (2 * half, 2 * half), 0)
    pen = ImageDraw.Draw(mask)
    for grow, strength in ((4.2, 46), (2.6, 70), (1.7, 100)):
        reach = radius * grow
        pen.ellipse((half - reach, half - reach, half + reach, half + reach), fill=strength)
    mask = mask.filter(ImageFilter.GaussianBlur(radius * 0.7))
    ImageDraw.Draw(mask).ellipse((half - radius, half - radius, half + radius, half + radius), fill=255)
    return mask.filter(ImageFilter.GaussianBlur(1.5))


def _saved(image: Image.Image, format_name: str, **options: Any) -> bytes:
    buffer = BytesIO()
    image.save(buffer, format_name, **options)
    return buffer.getvalue()


_SAMPLES: dict[str, Callable[[], bytes]] = {
    "mountain-dawn.jpg": _mountains,
    "aurora-drift.mp4": lambda: _video(_aurora(), "mp4", "libx264"),
    "paper-waves.png": _paper_waves,
    "sunset-tide.mov": lambda: _video(_sunset(), "mov", "libx264"),
    "rose-window.gif": _rose_window,
    "neon-orbits.avi": lambda: _video(_orbits(), "avi", "mpeg4"),
}
