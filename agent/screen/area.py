"""Which part of a display is streamed."""

from agent.backends.base import DisplayLayout
from agent.backends.geometry import Rect
from protocol.limits import LIMITS


def choose_area(layout: DisplayLayout, monitor: str) -> Rect:
    """The part of the display to stream: the named monitor where there is one, else everything, cut to what the wire can say."""
    width = min(layout.width, LIMITS.screen_width)
    whole = Rect(0, 0, width, min(layout.height, LIMITS.screen_height, LIMITS.screen_pixels // max(width, 1)))
    for candidate in layout.monitors:
        if monitor and candidate.name == monitor:
            return candidate.area.intersect(whole)
    return whole
