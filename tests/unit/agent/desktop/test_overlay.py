"""The windows of what is pointed at and drawn: their shapes, and what they never cover."""

from collections.abc import Iterator

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QApplication

from agent.desktop.drawing_model import ARROW_SECONDS, FADE_SECONDS, FADES_AFTER, RING_SECONDS
from agent.desktop.overlay import Mark, Overlay, can_draw
from agent.desktop.parts import Window
from agent.local_messages import DrawingCleared, PointerClicked, PointerMoved, StrokeDrawn
from tests.kit.clock import Clock


@pytest.fixture
def overlay(application: QApplication, now: Clock) -> Iterator[Overlay]:
    for left_over in QApplication.topLevelWidgets():  # of other tests: they would not be covered either
        left_over.hide()
    made = Overlay(now, lambda: False)
    made.allow({"a"}, held=False)
    yield made
    made.close()


def marks() -> list[Mark]:
    QApplication.sendPostedEvents(None, 52)  # DeferredDelete
    return [one for one in QApplication.topLevelWidgets() if isinstance(one, Mark) and one.isVisible()]


def covers(mark: Mark, x: int, y: int) -> bool:
    """Whether the window has a pixel at this place of the desktop."""
    return mark.mask().contains(QPoint(x, y) - mark.geometry().topLeft())


def test_a_stroke_is_a_window_of_its_shape_that_takes_no_input(overlay: Overlay) -> None:
    overlay.hear(StrokeDrawn(1, "rectangle", 1, True, 0, [(100, 100), (300, 200)], "a"))
    overlay.show_all()
    (mark,) = marks()
    assert mark.windowFlags() & Qt.WindowType.WindowTransparentForInput
    assert covers(mark, 100, 150)
    assert covers(mark, 200, 100)
    assert not covers(mark, 200, 150)
    picture = mark.grab().toImage()
    assert picture.pixelColor(QPoint(200, 100) - mark.geometry().topLeft()).name() == "#e8720c"


def test_our_own_windows_are_never_covered(overlay: Overlay) -> None:
    banner = Window(1)
    banner.setWindowFlag(Qt.WindowType.FramelessWindowHint)
    banner.setFixedSize(100, 40)
    banner.move(200, 80)
    banner.show()
    overlay.hear(StrokeDrawn(1, "arrow", 0, True, 0, [(100, 100), (500, 100)], "a"))
    overlay.show_all()
    (mark,) = marks()
    assert covers(mark, 150, 100)
    assert not covers(mark, 250, 100)
    assert covers(mark, 350, 100)
    banner.move(300, 80)
    overlay.show_all()
    assert covers(mark, 250, 100)
    assert not covers(mark, 350, 100)
    banner.deleteLater()


def test_an_arrow_follows_under_its_name(overlay: Overlay) -> None:
    for x in (50, 90):
        overlay.hear(PointerMoved(x, 60, True, "a", "Ana Ruiz"))
        overlay.show_all()
        (mark,) = marks()
        assert covers(mark, x + 2, 60 + 10)
        assert covers(mark, x + 40, 60 + 36), "the name"
    overlay.hear(PointerMoved(0, 0, False, "a"))
    overlay.show_all()
    assert marks() == []


def test_at_the_right_edge_the_name_is_on_the_left(overlay: Overlay) -> None:
    right = QApplication.primaryScreen().geometry().right()
    overlay.hear(PointerMoved(right - 5, 60, True, "a", "Ana Ruiz"))
    overlay.show_all()
    (mark,) = marks()
    assert covers(mark, right - 40, 60 + 36)


def test_a_ring_opens_and_goes(overlay: Overlay, now: Clock) -> None:
    overlay.hear(PointerClicked(400, 300, "a"))
    overlay.show_all()
    first = marks()[0].geometry().width()
    now.value += RING_SECONDS / 2
    overlay.show_all()
    assert marks()[0].geometry().width() > first
    now.value += RING_SECONDS
    overlay.show_all()
    assert marks() == []


def test_nothing_is_shown_beneath_a_question_or_of_who_may_not(overlay: Overlay, now: Clock) -> None:
    stroke = StrokeDrawn(1, "pen", 1, True, 0, [(100, 100), (300, 200)], "a")
    overlay.hear(stroke)
    overlay.show_all()
    overlay.allow({"a"}, held=True)
    assert marks() == []
    overlay.hear(stroke)
    overlay.show_all()
    assert marks() == []
    overlay.allow({"a"}, held=False)
    assert marks() == [], "what was drawn meanwhile does not come afterwards"
    overlay.hear(stroke)
    overlay.show_all()
    assert len(marks()) == 1
    overlay.allow(set(), held=False)
    assert marks() == []


def test_strokes_go_with_time_or_when_they_are_cleared(overlay: Overlay, now: Clock) -> None:
    overlay.hear(StrokeDrawn(1, "pen", 1, False, 0, [(100, 100), (300, 200)], "a"))
    overlay.hear(StrokeDrawn(2, "ellipse", 1, True, 0, [(100, 100), (300, 200)], "a"))
    overlay.show_all()
    assert len(marks()) == 2
    now.value += FADES_AFTER + 0.1
    overlay.show_all()
    assert len(marks()) == 1
    overlay.hear(DrawingCleared("a"))
    overlay.show_all()
    assert marks() == []


@pytest.mark.parametrize("shape", ["pen", "arrow", "rectangle", "ellipse"])
def test_a_stroke_of_one_point_has_a_shape_too(overlay: Overlay, shape: str) -> None:
    overlay.hear(StrokeDrawn(1, shape, 1, True, 0, [(100, 100)], "a"))
    overlay.show_all()
    assert covers(marks()[0], 100, 100)


def test_without_x11_nothing_is_promised(application: QApplication) -> None:
    assert can_draw() is False


def test_what_goes_by_itself_grows_pale_first(overlay: Overlay, now: Clock) -> None:
    overlay.hear(StrokeDrawn(1, "pen", 1, False, 0, [(100, 100), (300, 200)], "a"))
    overlay.show_all()
    (mark,) = marks()
    seen = []
    now.value += FADES_AFTER - FADE_SECONDS - 0.1
    for _ in range(8):
        overlay.show_all()
        seen.append(mark.windowOpacity())
        now.value += 0.1
    assert seen[0] == seen[1] == 1.0
    assert seen[1:] == sorted(seen[1:], reverse=True)
    assert 0 < seen[-2] < 0.3
    overlay.hear(StrokeDrawn(1, "pen", 1, False, 2, [(320, 200)], "a"))
    overlay.show_all()
    assert [one.windowOpacity() for one in marks()] == [1.0], "it was drawn on"


def test_an_arrow_and_a_ring_grow_pale_too(overlay: Overlay, now: Clock) -> None:
    overlay.hear(PointerMoved(50, 60, True, "a", "Ana Ruiz"))
    now.value += ARROW_SECONDS - FADE_SECONDS / 2
    overlay.show_all()
    assert [round(one.windowOpacity(), 1) for one in marks()] == [0.5]
    overlay.hear(PointerMoved(0, 0, False, "a"))
    overlay.hear(PointerClicked(400, 300, "a"))
    now.value += RING_SECONDS - 0.1
    overlay.show_all()
    assert [one.windowOpacity() < 0.5 for one in marks()] == [True]


def test_where_less_motion_is_wanted_nothing_fades_or_grows(application: QApplication, now: Clock) -> None:
    overlay = Overlay(now, lambda: True)
    overlay.allow({"a"}, held=False)
    overlay.hear(PointerClicked(400, 300, "a"))
    overlay.show_all()
    (ring,) = marks()
    before = ring.geometry()
    now.value += RING_SECONDS - 0.05
    overlay.show_all()
    assert (ring.geometry(), ring.windowOpacity()) == (before, 1.0)
    assert overlay._frame.interval() > 33, "nothing is drawn again meanwhile"
    now.value += 0.1
    overlay.show_all()
    assert marks() == []
    overlay.close()
