"""Several monitors, odd and large sizes, changes in the middle: on real displays, exact to the last pixel."""

import sys
import threading
from collections.abc import Callable, Iterator

import numpy as np
import pytest

from agent.backends.choose import open_capture
from agent.backends.geometry import Rect
from agent.screen.pipeline import Acknowledged, Counters, ScreenPipeline, Stop, StreamOptions
from protocol.messages import Message
from tests.kit.display import VirtualDisplay, virtual_display, wait_for
from tests.kit.viewer import Viewer

pytestmark = pytest.mark.display

PAINTER = """
import sys, tkinter
x, y, width, height, seed = map(int, sys.argv[1:])
root = tkinter.Tk()
root.overrideredirect(True)
root.geometry(f"{width}x{height}+{x}+{y}")
text = tkinter.Text(root, font=("DejaVu Sans Mono", 9), bg="#f8f8f0", bd=0)
text.pack(fill="both", expand=True)
for line in range(200):
    text.insert("end", f"{line} {(line * 7919 + seed) ** 3 % 1000003} the brown fox {'x' * (line % 37)} {line * 31 % 97}\\n")
root.mainloop()
"""


class Stream:
    """One viewer's stream of one display or monitor."""

    def __init__(self, display: str, monitor: str, counters: Counters) -> None:
        self.viewer = Viewer()
        options = StreamOptions(full_chroma=None, monitor=monitor)
        self.pipeline = ScreenPipeline(lambda: open_capture(display), self.deliver, options, counters)
        self.thread = threading.Thread(target=self.pipeline.run, daemon=True)
        self.thread.start()

    def deliver(self, message: Message) -> None:
        acknowledgement = self.viewer.receive(message)
        if acknowledgement is not None:
            self.pipeline.command(Acknowledged(acknowledgement.sequence, 0, self.pipeline._clock()))

    def shows(self, pixels: np.ndarray) -> bool:
        shown = self.viewer.picture.pixels
        exact = self.viewer.picture.exact and shown.shape[:2] == pixels.shape
        return exact and bool(np.array_equal(shown.view(np.uint32)[..., 0], pixels))

    def stop(self) -> None:
        self.pipeline.command(Stop())
        self.thread.join(5)
        assert not self.thread.is_alive()


Start = Callable[[str, str], Stream]


@pytest.fixture
def start() -> Iterator[Start]:
    streams: list[Stream] = []
    counters = Counters()

    def begin(display: str, monitor: str) -> Stream:
        for stream in streams:
            stream.stop()
        streams[:] = [Stream(display, monitor, counters)]
        return streams[0]

    yield begin
    for stream in streams:
        stream.stop()


def pixels_of(display: VirtualDisplay, area: Rect | None = None) -> np.ndarray:
    capture = open_capture(display.name)
    layout = capture.layout()
    wanted = area or Rect(0, 0, layout.width, layout.height)
    pixels = np.zeros((wanted.height, wanted.width), np.uint32)
    assert capture.grab([wanted], pixels, (wanted.x, wanted.y))
    capture.close()
    return pixels


def paint(display: VirtualDisplay, area: Rect, seed: int) -> None:
    place = (str(value) for value in (area.x, area.y, area.width, area.height, seed))
    display.start(sys.executable, "-c", PAINTER, *place)


def exact(stream: Stream, display: VirtualDisplay, area: Rect | None = None) -> None:
    wait_for(lambda: stream.shows(pixels_of(display, area)), "the exact picture")


LEFT, RIGHT = Rect(0, 0, 1366, 768), Rect(1366, 0, 801, 601)


@pytest.fixture(scope="module")
def two() -> Iterator[VirtualDisplay]:
    with virtual_display(1366 + 801, 768) as display:
        display.run("xrandr", "--setmonitor", "LEFT", "1366/300x768/200+0+0", "screen")
        display.run("xrandr", "--setmonitor", "RIGHT", "801/200x601/150+1366+0", "none")
        paint(display, Rect(1250, 100, 850, 500), 3)  # lies across both
        paint(display, Rect(13, 17, 333, 222), 5)
        capture = open_capture(display.name)
        wait_for(lambda: len(np.unique(pixels_of(display, Rect(1400, 200, 100, 200)))) > 10, "a painted window")
        assert [monitor.name for monitor in capture.layout().monitors] == ["LEFT", "RIGHT"]
        capture.close()
        yield display


def test_all_one_and_the_other_in_one_session(two: VirtualDisplay, start: Start) -> None:
    stream = start(two.name, "")
    exact(stream, two)
    layout = stream.viewer.layouts[-1]
    assert (layout.width, layout.height, layout.origin_x, layout.origin_y) == (2167, 768, 0, 0)
    assert [(m.name, m.x, m.y, m.width, m.height) for m in layout.monitors] == [
        ("LEFT", 0, 0, 1366, 768),
        ("RIGHT", 1366, 0, 801, 601),
    ]
    epoch = layout.epoch
    for name, area in (("RIGHT", RIGHT), ("LEFT", LEFT), ("RIGHT", RIGHT), ("gone", Rect(0, 0, 2167, 768))):
        stream = start(two.name, name)
        exact(stream, two, area)
        layout = stream.viewer.layouts[-1]
        assert (layout.width, layout.height, layout.origin_x, layout.origin_y) == (area.width, area.height, area.x, area.y)
        assert layout.epoch > epoch
        assert all(update.epoch == layout.epoch for update in stream.viewer.updates)
        epoch = layout.epoch


def test_what_is_drawn_on_the_other_monitor_is_neither_sent_nor_shown(two: VirtualDisplay, start: Start) -> None:
    stream = start(two.name, "RIGHT")
    exact(stream, two, RIGHT)
    sent = stream.viewer.size()
    paint(two, Rect(400, 500, 200, 150), 9)
    wait_for(lambda: len(np.unique(pixels_of(two, Rect(420, 520, 100, 100)))) > 5, "a window on the left")
    paint(two, Rect(1900, 400, 60, 40), 9)
    wait_for(lambda: stream.viewer.size() > sent, "a window on the right")
    exact(stream, two, RIGHT)
    assert stream.viewer.size() - sent < 60 * 40 * 4


def test_a_monitor_that_grows_in_mid_session(two: VirtualDisplay, start: Start) -> None:
    stream = start(two.name, "RIGHT")
    exact(stream, two, RIGHT)
    two.run("xrandr", "--delmonitor", "RIGHT")
    two.run("xrandr", "--setmonitor", "RIGHT", "701/200x768/150+1466+0", "none")
    wait_for(lambda: stream.viewer.layouts[-1].width == 701, "the new layout")
    exact(stream, two, Rect(1466, 0, 701, 768))
    two.run("xrandr", "--delmonitor", "RIGHT")
    two.run("xrandr", "--setmonitor", "RIGHT", "801/200x601/150+1366+0", "none")


@pytest.mark.parametrize(("width", "height"), [(1366, 768), (3840, 2160), (1021, 701)])
def test_odd_and_large_sizes_are_exact(width: int, height: int, start: Start) -> None:
    with virtual_display(width, height) as display:
        paint(display, Rect(width - 500, height - 400, 500, 400), 1)
        paint(display, Rect(3, 5, 333, 222), 2)
        wait_for(lambda: len(np.unique(pixels_of(display, Rect(width - 300, height - 300, 200, 200)))) > 10, "a window")
        stream = start(display.name, "")
        exact(stream, display)
        display.run("xsetroot", "-solid", "#335577")
        exact(stream, display)
        assert (stream.viewer.layouts[-1].width, stream.viewer.layouts[-1].height) == (width, height)
