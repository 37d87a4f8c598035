"""What the assisted display really shows, second by second, and how near a viewer's picture comes to it."""

import threading
import time
from collections import deque
from dataclasses import dataclass
from pathlib import Path

import mss
import numpy as np
from PIL import Image

TILE = 64
EVERY_SECONDS = 0.1
KEPT_SECONDS = 3.0


class Witness:
    """Grabs a display ten times a second, in a thread of its own, and keeps the last three seconds (RGB arrays)."""

    def __init__(self, display: str) -> None:
        self._display = display
        self._kept: deque[tuple[float, np.ndarray]] = deque()
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="witness", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        with mss.MSS(display=self._display) as camera:
            area = camera.monitors[0]
            while not self._stop.wait(EVERY_SECONDS):
                shot = camera.grab(area)
                picture = np.frombuffer(shot.bgra, np.uint8).reshape(shot.height, shot.width, 4)[..., 2::-1].copy()
                now = time.monotonic()
                with self._lock:
                    self._kept.append((now, picture))
                    while self._kept and self._kept[0][0] < now - KEPT_SECONDS:
                        self._kept.popleft()

    def between(self, start: float, end: float) -> list[np.ndarray]:
        """Pictures taken from `start` to `end` (monotonic seconds)."""
        with self._lock:
            return [picture for at, picture in self._kept if start <= at <= end]

    def stop(self) -> None:
        self._stop.set()
        self._thread.join(5)


@dataclass(frozen=True)
class Likeness:
    """How near a picture is to what stood on the display in the last second: worst tile and whole, in dB."""

    worst_tile: float
    worst_at: tuple[int, int]
    whole: float


def decibels(error: float) -> float:
    """Mean squared error as PSNR; 99 when identical."""
    return 99.0 if error <= 0 else float(min(99.0, 10 * np.log10(255 * 255 / error)))


def likeness(picture: np.ndarray, witnessed: list[np.ndarray]) -> Likeness:
    """Each 64x64 tile against the same tile of every witnessed picture, the nearest counting: a part that is older than all of
    them is like none."""
    assert witnessed, "the display was not witnessed"
    height, width = witnessed[0].shape[:2]
    if picture.shape != witnessed[0].shape:
        return Likeness(0.0, picture.shape[:2], 0.0)
    worst, where, total = 99.0, (0, 0), 0.0
    for top in range(0, height, TILE):
        for left in range(0, width, TILE):
            part = (slice(top, min(top + TILE, height)), slice(left, min(left + TILE, width)))
            shown = picture[part].astype(np.int32)
            error = min(float(np.mean((shown - other[part].astype(np.int32)) ** 2)) for other in witnessed)
            total += error * shown.shape[0] * shown.shape[1]
            if decibels(error) < worst:
                worst, where = decibels(error), (left, top)
    return Likeness(worst, where, decibels(total / (width * height)))


def save(picture: np.ndarray, path: Path) -> None:
    """An RGB array as PNG."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(picture).save(path)
