from dataclasses import replace

from agent.backends.base import DisplayLayout, MonitorArea
from agent.backends.geometry import Rect
from agent.screen.area import choose_area
from protocol.limits import LIMITS

LEFT, RIGHT = Rect(0, 0, 60, 50), Rect(60, 0, 60, 40)
LAYOUT = DisplayLayout(100, 50, (MonitorArea("left", LEFT, True), MonitorArea("right", RIGHT, False)))


def test_a_monitor_is_chosen_by_name() -> None:
    assert choose_area(LAYOUT, "left") == LEFT
    assert choose_area(LAYOUT, "right") == Rect(60, 0, 40, 40), "no more than the display has"


def test_without_a_name_that_is_known_it_is_everything() -> None:
    assert choose_area(LAYOUT, "") == Rect(0, 0, 100, 50)
    assert choose_area(LAYOUT, "gone") == Rect(0, 0, 100, 50)


def test_it_is_cut_to_what_the_wire_can_say() -> None:
    area = choose_area(replace(LAYOUT, width=16000, height=16000), "")
    assert (area.width, LIMITS.shows(area.width, area.height), LIMITS.shows(area.width, area.height + 1)) == (16000, True, False)
