"""How fast media come in: real workers on real files, beside a pipeline of ffprobe and ffmpeg processes.

    python benchmarks/media_ingest.py             # about three minutes; needs 3 GB of temporary disk
    python benchmarks/media_ingest.py --quick     # a tenth of everything, to see that it works

Each line prints the goal and what was measured. A goal that is missed makes the exit code 1.
"""

import argparse
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from datetime import datetime
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import psutil
from PIL import Image, ImageFilter

from services.backend.app.models.database import Database
from services.backend.app.models.root_store import RootStore
from services.backend.app.models.scan_store import ScanStore
from services.backend.app.services.media_root import MediaRoot
from services.worker.app.scanning.scanner import Scanner

REPOSITORY = Path(__file__).resolve().parents[1]
CORES = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
WITHIN_S = 600.0
STILL = (4000, 3000)
CLIP = (1280, 720)
CLIP_FRAMES = 90
BASES = 12


def main() -> int:
    """Measure everything and print it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a tenth of everything")
    scale = 10 if parser.parse_args().quick else 1
    bench = Bench()
    with tempfile.TemporaryDirectory(prefix="media-ingest-") as name:
        folder = Path(name)
        print(f"{CORES} cores, Python {sys.version.split()[0]}, PyAV {av.__version__}, load {os.getloadavg()[0]:.1f}")
        measure_stills(bench, folder / "stills", 240 // scale)
        measure_clips(bench, folder / "clips", 480 // scale)
        measure_rescan(bench, folder / "rescan", 100_000 // scale)
        measure_memory(bench, folder / "memory", 10_000 // scale)
    return bench.outcome


class Bench:
    """Prints goals and figures, and remembers whether one was missed."""

    def __init__(self) -> None:
        self.outcome = 0

    def at_least(self, what: str, goal: float, measured: float, unit: str) -> None:
        """Print a figure that is to be large."""
        self._say(what, f">= {goal:g}", measured, unit, met=measured >= goal)

    def at_most(self, what: str, goal: float, measured: float, unit: str) -> None:
        """Print a figure that is to be small."""
        self._say(what, f"<= {goal:g}", measured, unit, met=measured <= goal)

    def note(self, what: str, measured: float, unit: str) -> None:
        """Print a figure without a goal."""
        print(f"       {what}: {measured:.1f} {unit}", flush=True)

    def _say(self, what: str, goal: str, measured: float, unit: str, *, met: bool) -> None:
        print(f"{'ok    ' if met else 'MISSED'} {what}: {measured:.1f} {unit} (goal {goal} {unit})", flush=True)
        self.outcome = self.outcome if met else 1


def measure_stills(bench: Bench, folder: Path, count: int) -> None:
    bases = [still_base(number) for number in range(BASES)]
    files = copies(folder / "media", bases, count, ".jpg", lambda number: number.to_bytes(8, "big"))
    megabytes = sum(path.stat().st_size for path in files) / count / 1e6
    print(f"\n{count} stills of 12 megapixels ({megabytes:.1f} MB each) to 400 px")
    with worker(folder):
        wait_for_ready(folder, count)
    ours = count / seconds(folder, "extracting", "ready")
    bench.at_least("stills with metadata and thumbnail", 25, ours, "a second")
    beside_subprocesses(bench, folder, files, ours, seek=False)


def measure_clips(bench: Bench, folder: Path, count: int) -> None:
    bases = [clip_base(folder, number) for number in range(BASES)]
    # A box of type "free" at the end: another file, the same film.
    files = copies(
        folder / "media",
        bases,
        count,
        ".mp4",
        lambda number: (16).to_bytes(4, "big") + b"free" + number.to_bytes(8, "big"),
    )
    megabytes = sum(path.stat().st_size for path in files) / count / 1e6
    print(f"\n{count} H.264 clips of 3 s at 1280 x 720 ({megabytes:.1f} MB each)")
    with worker(folder):
        wait_for_ready(folder, count)
    bench.at_least("clips' metadata", 100, count / seconds(folder, "extracting", "thumbnailing"), "a second")
    ours = count / seconds(folder, "extracting", "ready")
    bench.at_least("clips with metadata and thumbnail", 40, ours, "a second")
    beside_subprocesses(bench, folder, files, ours, seek=True)


def measure_rescan(bench: Bench, folder: Path, count: int) -> None:
    print(f"\na library of {count} files in {count // 100} folders")
    media = folder / "media"
    for number in range(count):
        if number % 100 == 0:
            (media / f"{number // 100:04}").mkdir(parents=True)
        (media / f"{number // 100:04}" / f"{number:06}.jpg").write_bytes(b"x")
    with closing(Database(folder / "mam.db")) as database:
        scanner = Scanner(MediaRoot(media), ScanStore(database), RootStore(database))
        bench.note("first scan: rows, jobs and events written", timed(lambda: scan(scanner, created=count)), "s")
        bench.at_most("scan of the unchanged library", 5, timed(lambda: scan(scanner, created=0)), "s")
        (media / "0000").rename(media / "zzzz")
        bench.note("scan after a folder was renamed (100 moves)", timed(lambda: scan(scanner, created=0)), "s")


def scan(scanner: Scanner, *, created: int) -> None:
    result = scanner.scan(stopped=lambda _result: False)
    assert result.created == created, result


def measure_memory(bench: Bench, folder: Path, count: int) -> None:
    print(f"\na backend that sees {count} small pictures come in")
    (folder / "media").mkdir(parents=True)
    for number in range(count):
        Image.new("RGB", (64, 48), (number % 256, number // 256 % 256, 80)).save(folder / "media" / f"{number:05}.png")
    with backend(folder) as process, worker(folder):
        before = private_megabytes(process.pid)
        wait_for_ready(folder, count)
        bench.note("small pictures", count / seconds(folder, "extracting", "ready"), "a second")
        bench.note("backend's private memory before", before, "MB")
        bench.at_most("backend's private memory after", 200, private_megabytes(process.pid), "MB")


def beside_subprocesses(bench: Bench, folder: Path, files: list[Path], ours: float, *, seek: bool) -> None:
    """Run ffprobe and ffmpeg for a part of the files, as many at a time as the machine has cores."""
    if not (shutil.which("ffprobe") and shutil.which("ffmpeg")):
        print("       skipped: ffprobe and ffmpeg are not there (apt-get install ffmpeg)")
        return
    sample = files[: max(8, len(files) // 6)]
    target = folder / "drawn"
    target.mkdir()
    with ThreadPoolExecutor(CORES) as pool:
        took = timed(lambda: list(pool.map(lambda path: spawn_for(path, target, seek=seek), sample)))
    theirs = len(sample) / took
    version = subprocess.run(["ffmpeg", "-version"], capture_output=True, text=True, check=True).stdout.split()[2]
    bench.note(f"ffprobe + ffmpeg {version} as processes, {CORES} at a time", theirs, "a second")
    bench.note("ratio", ours / theirs, "times as many")


def spawn_for(path: Path, target: Path, *, seek: bool) -> None:
    probe = ["ffprobe", "-v", "error", "-show_format", "-show_streams", "-of", "json", str(path)]
    subprocess.run(probe, stdout=subprocess.DEVNULL, check=True)
    draw = ["ffmpeg", "-v", "error", "-nostdin", "-y", *(["-ss", "0.75"] if seek else []), "-i", str(path)]
    draw += ["-frames:v", "1", "-vf", "scale=400:-2", "-q:v", "4", str(target / f"{path.stem}.jpg")]
    subprocess.run(draw, check=True)


def still_base(number: int) -> bytes:
    """Draw a picture with large shapes and the grain of a sensor, about as hard to unpack as a photograph."""
    large = Image.effect_noise((40, 30), 90).resize(STILL, Image.Resampling.BICUBIC)
    grain = Image.effect_noise(STILL, 14 + number % 4)
    channels = [Image.blend(large.rotate(90 * turn).resize(STILL), grain, 0.35) for turn in range(3)]
    path = Path(tempfile.gettempdir()) / f"media-ingest-{os.getpid()}.jpg"
    try:
        Image.merge("RGB", channels).filter(ImageFilter.GaussianBlur(0.6)).save(path, quality=90)
        return path.read_bytes()
    finally:
        path.unlink(missing_ok=True)


def clip_base(folder: Path, number: int) -> bytes:
    """Draw a film of a moving texture; a key frame each second."""
    folder.mkdir(parents=True, exist_ok=True)
    texture = Image.effect_noise((320, 180), 80).resize((CLIP[0] * 2, CLIP[1]), Image.Resampling.BICUBIC)
    path = folder / f"base-{number}.mp4"
    with av.open(str(path), "w") as output:
        stream: Any = output.add_stream("libx264", rate=Fraction(30))
        stream.width, stream.height = CLIP
        stream.pix_fmt = "yuv420p"
        stream.bit_rate = 5_000_000
        stream.options = {"preset": "ultrafast", "g": "30"}
        for at in range(CLIP_FRAMES):
            left = at * (6 + number)
            image = texture.crop((left % CLIP[0], 0, left % CLIP[0] + CLIP[0], CLIP[1])).convert("RGB")
            output.mux(stream.encode(av.VideoFrame.from_image(image)))
        output.mux(stream.encode(None))
    content = path.read_bytes()
    path.unlink()
    return content


def copies(folder: Path, bases: list[bytes], count: int, suffix: str, tail: Callable[[int], bytes]) -> list[Path]:
    """Write so many different files; the tail makes each another one, and its decoding stays the same."""
    folder.mkdir(parents=True, exist_ok=True)
    files = [folder / f"{number:05}{suffix}" for number in range(count)]
    for number, path in enumerate(files):
        path.write_bytes(bases[number % len(bases)] + tail(number))
    return files


def environment(folder: Path) -> dict[str, str]:
    own = {
        "DATA_DIR": str(folder / "data"), "MEDIA_PATH": str(folder / "media"), "MEDIA_SAMPLES": "0",
        "SCAN_INTERVAL": "0", "WORKER_DECODERS": str(CORES), "PORT": "0",
    }  # fmt: skip
    return dict(os.environ) | own


@contextmanager
def worker(folder: Path) -> Any:
    with running("services.worker", folder) as process:
        yield process


@contextmanager
def backend(folder: Path) -> Any:
    with running("services.backend", folder) as process:
        until(lambda: "listening on" in (folder / "services.backend.log").read_text(), "the backend listens")
        yield process


@contextmanager
def running(module: str, folder: Path) -> Any:
    with (folder / f"{module}.log").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", module], cwd=REPOSITORY, env=environment(folder), stdout=log, stderr=log
        )
        try:
            yield process
        finally:
            process.terminate()
            process.wait(30)


def wait_for_ready(folder: Path, count: int) -> None:
    def ready() -> bool:
        try:
            found = query(folder, "SELECT sum(assets) FROM asset_counts WHERE status IN ('ready', 'failed')")
        except sqlite3.Error:
            return False  # not migrated yet
        return found[0][0] == count

    until(ready, f"{count} assets are ready")
    failed = query(folder, "SELECT count(*) FROM media_assets WHERE status = 'failed'")[0][0]
    assert failed == 0, f"{failed} failed"


def seconds(folder: Path, first: str, last: str) -> float:
    """Return the time from the first event of one status to the last of another."""
    moments = query(
        folder,
        "SELECT min(at) FILTER (WHERE status = ?), max(at) FILTER (WHERE status = ?) FROM events"
        " WHERE type = 'processing_update'",
        first, last,
    )[0]  # fmt: skip
    began, ended = (datetime.fromisoformat(moment) for moment in moments)
    return max((ended - began).total_seconds(), 0.001)


def query(folder: Path, statement: str, *values: str) -> list[Any]:
    with closing(sqlite3.connect(folder / "data" / "mam.db", timeout=10)) as connection:
        return connection.execute(statement, values).fetchall()


def until(condition: Callable[[], bool], what: str) -> None:
    end = time.monotonic() + WITHIN_S
    while not condition():
        assert time.monotonic() < end, f"not within {WITHIN_S:g} s: {what}"
        time.sleep(0.2)


def timed(work: Callable[[], Any]) -> float:
    began = time.monotonic()
    work()
    return time.monotonic() - began


def private_megabytes(pid: int) -> float:
    return float(psutil.Process(pid).memory_full_info().uss) / 1e6


if __name__ == "__main__":
    raise SystemExit(main())
