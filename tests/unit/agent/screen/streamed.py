"""A pipeline on its thread and a viewer that acknowledges, for the tests of this folder; a brush for a real display."""

import threading
from collections.abc import Callable

import numpy as np

from agent.backends.base import ScreenCapture
from agent.backends.choose import open_capture
from agent.backends.geometry import Rect
from agent.backends.x11.connection import X11Connection
from agent.screen.pipeline import Acknowledged, Counters, ScreenPipeline, Stop, StreamOptions
from protocol.messages import Message
from tests.kit.display import VirtualDisplay
from tests.kit.viewer import Viewer

STRIP_ROWS = 40


class Session:
    """A pipeline on its thread, and a viewer that acknowledges unless told not to."""

    def __init__(self, open_display: Callable[[], ScreenCapture], options: StreamOptions, counters: Counters) -> None:
        self.viewer = Viewer()
        self.acknowledges = True
        self.asked = 0
        self.pipeline = ScreenPipeline(open_display, self.deliver, options, counters, ask_backlog=self.ask)
        self.thread = threading.Thread(target=self.pipeline.run, daemon=True)
        self.thread.start()

    def deliver(self, message: Message) -> None:
        acknowledgement = self.viewer.receive(message)
        if acknowledgement is not None and self.acknowledges:
            self.pipeline.command(Acknowledged(acknowledgement.sequence, 0, self.pipeline._clock()))

    def ask(self) -> None:
        self.asked += 1

    def shows(self, pixels: np.ndarray) -> bool:
        shown = self.viewer.picture.pixels
        return shown.shape[:2] == pixels.shape and bool(np.array_equal(shown.view(np.uint32)[..., 0], pixels))

    def stop(self) -> None:
        self.pipeline.command(Stop())
        self.thread.join(5)
        assert not self.thread.is_alive()


class Brush:
    """Draws on the root window of a real display."""

    def __init__(self, display: VirtualDisplay) -> None:
        self._connection = X11Connection(display.name)
        self._context = self._connection.raw.generate_id()
        self._connection.core.CreateGC(self._context, self._connection.root, 0, [])

    def draw(self, x: int, y: int, pixels: np.ndarray) -> None:
        """Put pixels there, in strips: a request has its most."""
        height, width = pixels.shape
        data = pixels.tobytes()
        for top in range(0, height, STRIP_ROWS):
            rows = min(STRIP_ROWS, height - top)
            part = data[top * width * 4 : (top + rows) * width * 4]
            self._connection.core.PutImage(
                2, self._connection.root, self._context, width, rows, x, y + top, 0, 24, len(part), part
            )
        self._connection.flush()

    def close(self) -> None:
        """Let go of the display."""
        self._connection.close()


def pixels_of(display: VirtualDisplay) -> np.ndarray:
    """What a display shows."""
    capture = open_capture(display.name)
    layout = capture.layout()
    pixels = np.zeros((layout.height, layout.width), np.uint32)
    assert capture.grab([Rect(0, 0, layout.width, layout.height)], pixels)
    capture.close()
    return pixels
