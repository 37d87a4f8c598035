"""A changing random mark in each corner of a display, so that a stale part of a picture cannot pass for a fresh one.

    python -m tests.demo.marks DISPLAY SIDE SECONDS

Runs until it is ended. Each mark is a `SIDE` x `SIDE` window above all others, repainted every `SECONDS` in 8x8 random fields.
"""

import random
import sys
import time

import xcffib
import xcffib.xproto as x

FIELDS = 8


def corners(width: int, height: int, side: int) -> list[tuple[int, int]]:
    """Top-left points of the four marks."""
    return [(0, 0), (width - side, 0), (0, height - side), (width - side, height - side)]


def main() -> None:
    """Paint until ended."""
    display, side, seconds = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
    connection = xcffib.connect(display=display)
    screen = connection.get_setup().roots[connection.pref_screen]
    root, depth, visual = screen.root, screen.root_depth, screen.root_visual
    windows = []
    for left, top in corners(screen.width_in_pixels, screen.height_in_pixels, side):
        window = connection.generate_id()
        connection.core.CreateWindow(
            depth, window, root, left, top, side, side, 0, x.WindowClass.InputOutput, visual, x.CW.OverrideRedirect, [1]
        )
        connection.core.MapWindow(window)
        windows.append(window)
    context = connection.generate_id()
    connection.core.CreateGC(context, root, x.GC.Foreground, [0])
    numbers = random.SystemRandom()
    step = side // FIELDS
    while True:
        for window in windows:
            connection.core.ConfigureWindow(window, x.ConfigWindow.StackMode, [x.StackMode.Above])
            for row in range(FIELDS):
                for column in range(FIELDS):
                    connection.core.ChangeGC(context, x.GC.Foreground, [numbers.randrange(1 << 24)])
                    area = x.RECTANGLE.synthetic(column * step, row * step, step, step)
                    connection.core.PolyFillRectangle(window, context, 1, [area])
        connection.flush()
        time.sleep(seconds)


if __name__ == "__main__":
    main()
