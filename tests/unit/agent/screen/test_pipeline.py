"""The real thread against a display in memory and, at the end, against a real one."""

import select
import sys
from collections.abc import Callable, Iterator

import numpy as np
import pytest

from agent.backends.base import Happened, MonitorArea, ScreenCapture
from agent.backends.choose import open_capture
from agent.backends.fake.capture import FakeCapture
from agent.backends.geometry import Rect
from agent.screen.pacing import HeldBy
from agent.screen.pipeline import (
    MOST_ASLEEP,
    Acknowledged,
    Backlog,
    Counters,
    Pause,
    Refresh,
    ScreenPipeline,
    Stop,
    StreamOptions,
    _Stream,
)
from protocol.errors import Unavailable
from protocol.messages import Message
from protocol.messages.screen import Copy, ScreenUpdate, Video
from tests.kit.display import VirtualDisplay, virtual_display, wait_for
from tests.unit.agent.screen.pictures import photo, text
from tests.unit.agent.screen.streamed import Brush, Session, pixels_of

Start = Callable[..., Session]


@pytest.fixture
def start() -> Iterator[Start]:
    sessions: list[Session] = []

    def begin(display: FakeCapture | Callable[[], ScreenCapture], counters: Counters | None = None, **options: object) -> Session:
        opened = (lambda: display) if isinstance(display, FakeCapture) else display
        sessions.append(Session(opened, StreamOptions(**options), counters or Counters()))  # type: ignore[arg-type]
        return sessions[-1]

    yield begin
    for session in sessions:
        session.stop()


@pytest.fixture
def display() -> FakeCapture:
    made = FakeCapture(517, 389)
    made.draw(0, 0, text(389, 517))
    return made


def test_the_first_picture_is_complete_and_said_to_be_exact(display: FakeCapture, start: Start) -> None:
    session = start(display)
    wait_for(lambda: session.viewer.picture.exact, "the first picture")
    assert session.shows(display.pixels)
    layout = session.viewer.layouts[0]
    assert (layout.epoch, layout.width, layout.height, layout.backend) == (1, 517, 389, "fake")
    assert session.viewer.states[0].state == "running"
    assert len(session.viewer.shapes) == 1


def test_nothing_is_grabbed_or_sent_while_nothing_changes(display: FakeCapture, start: Start) -> None:
    session = start(display)
    wait_for(lambda: session.viewer.picture.exact, "the first picture")
    grabs, updates = display.grabs, len(session.viewer.updates)
    for _ in range(3):
        display.happen(Happened.NOTHING)
    display.draw(5, 5, np.full((1, 1), 0x123456, np.uint32))
    wait_for(lambda: session.shows(display.pixels), "the pixel")
    assert display.grabs == grabs + 1
    assert len(session.viewer.updates) == updates + 1


def test_an_acknowledgement_wakes_the_thread_only_when_it_waits_for_one_or_many_lie_there(display: FakeCapture) -> None:
    pipeline = ScreenPipeline(lambda: display, lambda _: None, StreamOptions(), Counters())

    def woken() -> bool:
        found = bool(select.select([pipeline.wake], [], [], 0)[0])
        pipeline.drain_wake()
        return found

    for sequence in range(1, MOST_ASLEEP):
        pipeline.command(Acknowledged(sequence, 0, 0.0))
    assert not woken()
    pipeline.command(Acknowledged(MOST_ASLEEP, 0, 0.0))
    assert woken()
    assert len(pipeline.commands()) == MOST_ASLEEP
    pipeline.awaits = True
    pipeline.command(Acknowledged(MOST_ASLEEP + 1, 0, 0.0))
    assert woken()
    pipeline.awaits = False
    pipeline.command(Refresh())
    assert woken()
    pipeline.command(Stop())
    pipeline.run()


def test_how_the_picture_went_is_told_once_and_then_no_more(display: FakeCapture, start: Start) -> None:
    session = start(display)
    wait_for(lambda: bool(session.viewer.reports), "a report")
    report = session.viewer.reports[0]
    assert {way.way for way in report.ways} == {"tile"}
    assert sum(way.size for way in report.ways) > session.viewer.size()
    assert report.byte_rate > 0
    assert session.pipeline._reporter.next_deadline(0.0) is None


def test_memory_is_given_back_once_when_nothing_has_been_sent_for_a_while(
    display: FakeCapture, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[bool] = []
    monkeypatch.setattr("agent.screen.pipeline.REST_SECONDS", 0.05)
    monkeypatch.setattr("agent.screen.pipeline.give_back", lambda: given.append(True))
    session = start(display)
    wait_for(lambda: len(given) == 1, "the first rest")
    for _ in range(3):
        display.happen(Happened.NOTHING)
    display.draw(5, 5, np.full((1, 1), 0x123456, np.uint32))
    wait_for(lambda: len(given) == 2, "the rest after the pixel")
    assert session.shows(display.pixels)
    session.stop()
    assert len(given) == 3, "and at the end"


def test_a_new_size_is_a_new_epoch(display: FakeCapture, start: Start) -> None:
    session = start(display)
    wait_for(lambda: session.viewer.picture.exact, "the first picture")
    display.resize(320, 200)
    display.draw(0, 0, photo(200, 320))
    wait_for(lambda: session.shows(display.pixels), "the new size")
    assert [layout.epoch for layout in session.viewer.layouts] == [1, 2]


def test_one_monitor_of_two(start: Start) -> None:
    left, right = MonitorArea("left", Rect(0, 0, 200, 100), True), MonitorArea("right", Rect(200, 0, 120, 100), False)
    display = FakeCapture(320, 100, (left, right))
    display.draw(0, 0, photo(100, 320))
    session = start(display, monitor="right")
    wait_for(lambda: session.viewer.picture.exact, "the picture")
    assert session.shows(display.pixels[:, 200:])
    layout = session.viewer.layouts[0]
    assert (layout.origin_x, layout.origin_y, layout.width) == (200, 0, 120)
    assert [monitor.name for monitor in layout.monitors] == ["left", "right"]
    display.draw(190, 50, text(20, 20))
    display.cursor.place = (210, 5)
    display.happen(Happened.POINTER)
    wait_for(lambda: session.shows(display.pixels[:, 200:]), "the part on this monitor")
    wait_for(lambda: bool(session.viewer.moves) and session.viewer.moves[-1].x == 10, "the pointer")


def one_of(displays: list[ScreenCapture]) -> Callable[[], ScreenCapture]:
    """Opens what is there and takes it away; nothing there: no display, for a moment."""

    def open_display() -> ScreenCapture:
        if not displays:
            raise Unavailable("not yet", retry_after=0.01)
        return displays.pop()

    return open_display


def test_a_lost_display_is_said_looked_for_and_shown_again(display: FakeCapture, start: Start) -> None:
    displays: list[ScreenCapture] = [display]
    session = start(one_of(displays))
    wait_for(lambda: session.viewer.picture.exact, "the first picture")
    display.lose()
    wait_for(lambda: session.viewer.states[-1].state == "lost", "the news")
    assert display.closed
    again = FakeCapture(200, 100)
    again.draw(0, 0, text(100, 200))
    displays.append(again)
    wait_for(lambda: session.shows(again.pixels), "the display that came back")
    assert [state.state for state in session.viewer.states] == ["running", "lost", "running"]


def test_a_backlog_that_goes_while_the_display_is_lost_holds_nothing_back_after_it(display: FakeCapture, start: Start) -> None:
    displays: list[ScreenCapture] = [display]
    session = start(one_of(displays))
    wait_for(lambda: session.viewer.picture.exact, "the first picture")
    session.pipeline.command(Backlog(10**6))
    wait_for(lambda: session.pipeline._backlog > 0, "the thread to have heard of it")
    display.lose()
    wait_for(lambda: session.viewer.states[-1].state == "lost", "the news")
    session.pipeline.command(Backlog(0))
    wait_for(lambda: not session.pipeline.commanded, "the thread to have taken it")
    again = FakeCapture(200, 100)
    again.draw(0, 0, text(100, 200))
    displays.append(again)
    wait_for(lambda: session.shows(again.pixels), "the display that came back")


def test_no_display_at_all_is_unavailable_and_says_why(start: Start) -> None:
    def nothing() -> ScreenCapture:
        raise Unavailable("no display here", retry_after=0.01)

    session = start(nothing)
    wait_for(lambda: bool(session.viewer.states), "the news")
    assert [(state.state, state.text) for state in session.viewer.states] == [("unavailable", "no display here")]


def test_nothing_leaves_while_paused(display: FakeCapture, start: Start) -> None:
    session = start(display)
    wait_for(lambda: session.viewer.picture.exact, "the first picture")
    session.pipeline.command(Pause(True))
    wait_for(lambda: session.viewer.states[-1].state == "paused", "the pause")
    grabs = display.grabs
    display.draw(0, 0, photo(389, 517))
    display.happen(Happened.CURSOR_SHAPE)
    display.resize(300, 200)
    session.pipeline.command(Refresh())
    wait_for(lambda: display._happened is Happened.NOTHING, "the thread to have noticed")
    assert display.grabs == grabs
    assert len(session.viewer.layouts) == 1
    session.pipeline.command(Pause(False))
    wait_for(lambda: session.shows(display.pixels), "the picture after the pause")
    assert session.viewer.states[-1].state == "running"


def test_a_refresh_begins_anew(display: FakeCapture, start: Start) -> None:
    session = start(display)
    wait_for(lambda: session.viewer.picture.exact, "the first picture")
    session.viewer.picture.pixels[:] = 7
    session.viewer.picture.exact = False
    session.pipeline.command(Refresh())
    wait_for(lambda: session.viewer.picture.exact, "the picture again")
    assert session.shows(display.pixels)
    assert len(session.viewer.layouts) == 2


def test_a_viewer_that_is_silent_gets_the_newest_when_it_speaks(display: FakeCapture, start: Start) -> None:
    session = start(display, max_fps=120.0)
    wait_for(lambda: session.viewer.picture.exact, "the first picture")
    session.acknowledges = False
    sent = len(session.viewer.updates)
    for value in range(200):
        display.draw(value, 10, np.full((1, 1), value, np.uint32))
        wait_for(lambda: display._happened is Happened.NOTHING, "the thread to have noticed")
    assert len(session.viewer.updates) - sent < 20
    session.acknowledges = True
    session.pipeline.command(Acknowledged(session.viewer.updates[-1].sequence, 0, session.pipeline._clock()))
    wait_for(lambda: session.shows(display.pixels), "the newest picture")
    assert session.pipeline.held[HeldBy.UNACKNOWLEDGED] > 0


def test_a_look_for_echoes_that_is_due_before_the_thread_sleeps_is_not_forgotten(display: FakeCapture) -> None:
    now, sent = [100.0], list[Message]()
    pipeline = ScreenPipeline(lambda: display, sent.append, StreamOptions(), Counters(), clock=lambda: now[0])
    stream = _Stream(pipeline, display)
    for value in range(1, 20):  # nobody acknowledges: it holds back soon
        now[0] += 0.1
        display.draw(5, 5, np.full((40, 40), value, np.uint32))
        stream._damaged = True
        stream._step()
        if stream._hold(now[0]) is HeldBy.UNACKNOWLEDGED and stream._damaged:
            break
    assert stream._damaged, "more than an echo may be waits"
    stream._echo_at = now[0] + 0.001
    stream._step()
    now[0] += 0.002  # it took its time
    assert stream._timeout() == 0.0
    stream._step()
    asleep = stream._timeout()
    assert asleep is None or asleep > 0
    pipeline.command(Stop())
    pipeline.run()


def test_echoes_are_looked_for_beside_a_slow_film_that_is_not_due(display: FakeCapture, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    pipeline = ScreenPipeline(lambda: display, lambda _: None, StreamOptions(max_fps=2.0), Counters(), clock=lambda: now[0])
    stream = _Stream(pipeline, display)
    monkeypatch.setattr(type(stream._builder), "filming", True)
    monkeypatch.setattr(type(pipeline._pacer), "far", True)
    for value in range(1, 4):
        display.draw(5, 5, np.full((40, 40), value, np.uint32))
        stream._damaged = True
        stream._step()
    stream._damaged, stream._echo_at = True, now[0] + 0.008
    assert stream._hold(now[0]) is HeldBy.FRAME_RATE
    assert stream._timeout() == pytest.approx(0.008)
    pipeline.command(Stop())
    pipeline.run()


def test_a_backlog_holds_back_until_it_is_gone(display: FakeCapture, start: Start) -> None:
    session = start(display)
    wait_for(lambda: session.viewer.picture.exact, "the first picture")
    session.pipeline.command(Backlog(10**6))
    wait_for(lambda: session.pipeline._backlog > 0, "the thread to have heard of it")
    sent = len(session.viewer.updates)
    display.draw(0, 0, photo(20, 20))
    wait_for(lambda: session.asked > 2, "questions about the backlog")
    assert len(session.viewer.updates) == sent
    session.pipeline.command(Backlog(0))
    wait_for(lambda: session.shows(display.pixels), "the picture")


def test_numbers_go_on_in_the_next_stream(display: FakeCapture, start: Start) -> None:
    counters = Counters()
    first = start(display, counters)
    wait_for(lambda: first.viewer.picture.exact, "the first picture")
    first.stop()
    display.closed = False
    again = FakeCapture(100, 100)
    second = start(again, counters)
    wait_for(lambda: second.viewer.picture.exact, "the second stream")
    assert second.viewer.layouts[0].epoch == first.viewer.layouts[-1].epoch + 1
    assert second.viewer.updates[0].sequence == first.viewer.updates[-1].sequence + 1


@pytest.fixture(scope="module")
def real() -> Iterator[VirtualDisplay]:
    with virtual_display(1366, 768) as running:
        yield running


SCROLLER = """
import sys, tkinter
root = tkinter.Tk()
root.geometry("900x600+31+17")
text = tkinter.Text(root, font=("DejaVu Sans Mono", 11))
text.pack(fill="both", expand=True)
for line in range(400):
    text.insert("end", f"{line} {(line * 7919) ** 3 % 1000003} the quick brown fox {'x' * (line % 37)} jumps {line * 31 % 97}\\n")
steps = int(sys.argv[1])
def step(left):
    text.yview_scroll(2, "units")
    root.after(30, step, left - 1) if left else root.title("done")
root.after(600, step, steps)
root.mainloop()
"""


@pytest.mark.display
def test_a_real_window_that_scrolls_is_copied_and_exact(real: VirtualDisplay, start: Start) -> None:
    session = start(lambda: open_capture(real.name), full_chroma=True)
    wait_for(lambda: session.viewer.picture.exact, "the first picture")
    process = real.start(sys.executable, "-c", SCROLLER, "180")  # a busy machine sees several steps at once
    wait_for(lambda: session.viewer.count(Copy) >= 20, "copies")
    wait_for(lambda: session.viewer.picture.exact and session.shows(pixels_of(real)), "the exact picture")
    assert session.viewer.count(Video) == 0
    process.terminate()
    process.wait(60)


@pytest.mark.display
def test_a_real_film_is_video_and_exact_soon_after(real: VirtualDisplay, start: Start) -> None:
    session = start(lambda: open_capture(real.name), full_chroma=True)
    wait_for(lambda: session.viewer.picture.exact, "the first picture")
    brush = Brush(real)
    seeds = iter(range(1, 200))

    def film() -> bool:
        brush.draw(201, 103, photo(241, 320, next(seeds)))
        return session.viewer.count(Video) >= 5

    wait_for(film, "video")
    wait_for(lambda: session.viewer.picture.exact and session.shows(pixels_of(real)), "the exact picture", 2.0)
    brush.close()


@pytest.mark.display
def test_a_viewer_that_is_silent_or_late_does_not_hold_up_another(real: VirtualDisplay, start: Start) -> None:
    silent, other = (start(lambda: open_capture(real.name)) for _ in range(2))
    wait_for(lambda: silent.viewer.picture.exact and other.viewer.picture.exact, "two first pictures")
    silent.acknowledges = False
    brush = Brush(real)
    for step in range(40):
        brush.draw(60, 50, text(90, 200, seed=step))
        wait_for(lambda: other.viewer.picture.exact and other.shows(pixels_of(real)), "each picture at the one who answers", 3)
    assert len(silent.viewer.updates) < len(other.viewer.updates) - 10
    late = start(lambda: open_capture(real.name))
    wait_for(lambda: late.viewer.picture.exact and late.shows(pixels_of(real)), "the picture at who came late")
    silent.acknowledges = True
    silent.pipeline.command(Acknowledged(silent.viewer.updates[-1].sequence, 0, silent.pipeline._clock()))
    wait_for(lambda: silent.viewer.picture.exact and silent.shows(pixels_of(real)), "the newest picture at who answers again")
    brush.close()


@pytest.mark.display
def test_a_real_resolution_change_in_mid_session(start: Start) -> None:
    with virtual_display(1366, 768) as display:
        session = start(lambda: open_capture(display.name))
        wait_for(lambda: session.viewer.picture.exact, "the first picture")
        display.run("xrandr", "--newmode", "small", "25", "1021", "1030", "1050", "1100", "701", "710", "715", "720")
        display.run("xrandr", "--addmode", "screen", "small")
        display.run("xrandr", "--output", "screen", "--mode", "small")
        wait_for(lambda: session.viewer.layouts[-1].width == 1021, "the layout")
        display.run("xsetroot", "-solid", "#345678")
        wait_for(lambda: session.viewer.picture.exact and session.shows(pixels_of(display)), "the exact picture")
        assert session.viewer.layouts[-1].height == 701
        updates = [update for update in session.viewer.updates if isinstance(update, ScreenUpdate)]
        assert updates[-1].epoch == session.viewer.layouts[-1].epoch
        display.stop()
        wait_for(lambda: session.viewer.states[-1].state == "lost", "the news that the display is gone")
