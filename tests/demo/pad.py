"""A window on the assisted display that writes down every button press it gets, one line each: `BUTTON X Y`.

    python -m tests.demo.pad DISPLAY FILE X Y SIDE

Buttons are X's: 1 left, 4 and 5 wheel up and down, 6 and 7 wheel left and right.
"""

import sys
from pathlib import Path

import xcffib
import xcffib.xproto as x


def main() -> None:
    """Write until ended."""
    display, file = sys.argv[1], Path(sys.argv[2])
    left, top, side = map(int, sys.argv[3:6])
    connection = xcffib.connect(display=display)
    screen = connection.get_setup().roots[connection.pref_screen]
    window = connection.generate_id()
    connection.core.CreateWindow(
        screen.root_depth,
        window,
        screen.root,
        left,
        top,
        side,
        side,
        0,
        x.WindowClass.InputOutput,
        screen.root_visual,
        x.CW.BackPixel | x.CW.OverrideRedirect | x.CW.EventMask,
        [0xD8C27A, 1, x.EventMask.ButtonPress],
    )
    connection.core.MapWindow(window)
    connection.flush()
    with file.open("a", encoding="ascii", buffering=1) as out:
        while True:
            event = connection.wait_for_event()
            if isinstance(event, x.ButtonPressEvent):
                out.write(f"{event.detail} {event.event_x} {event.event_y}\n")


if __name__ == "__main__":
    main()
