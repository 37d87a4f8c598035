"""What was covered comes back without being sent again, and the viewer's memory is never taken for what it is not."""

import numpy as np

from agent.backends.geometry import Rect
from agent.screen.encode import Budget, UpdateBuilder
from agent.screen.frames import Frames, part
from agent.screen.kept import KeptPixels, uncovered
from protocol.messages.screen import Copy, ScreenLayout, ScreenUpdate, Tile
from technician_client.picture import Picture
from tests.unit.agent.screen.pictures import photo, text

AMPLE = Budget(tile_bytes=10**8, refine_bytes=10**8, bitrate=10**8, byte_rate=1e9)
WIDTH, HEIGHT = 640, 480


class Desk:
    """A display with a photograph as its background, the builder, and a viewer."""

    def __init__(self) -> None:
        self.frames = Frames(WIDTH, HEIGHT)
        self.builder = UpdateBuilder(self.frames, full_chroma=None)
        self.picture = Picture()
        self.picture.apply_layout(ScreenLayout(1, WIDTH, HEIGHT))
        self.wall = photo(HEIGHT, WIDTH)
        self.sequence = 0
        self.show()

    def show(self, window: Rect | None = None, content: np.ndarray | None = None) -> tuple[int, list[str]]:
        """Draw the background and perhaps a window over it; bytes and kinds of what was sent for it."""
        display = self.wall.copy()
        if window is not None and content is not None:
            part(display, window)[...] = content
        part(self.frames.now, self.frames.area)[...] = display
        self.frames.mark(self.frames.area)
        self.sequence += 1
        built = self.builder.build(100.0 + self.sequence, AMPLE)
        self.picture.apply_update(ScreenUpdate(self.sequence, 1, 0, list(built.operations), built.exact))
        shown = np.ascontiguousarray(self.picture.pixels).view(np.uint32)[..., 0]
        assert built.exact
        assert np.array_equal(shown, display)
        return built.size, [o.encoding if isinstance(o, Tile) else type(o).__name__ for o in built.operations]


def test_what_a_closed_window_covered_is_not_sent_again() -> None:
    desk, window = Desk(), Rect(103, 57, 300, 200)
    opened, _ = desk.show(window, text(200, 300))
    closed, kinds = desk.show()
    assert set(kinds) == {"kept"}
    assert closed < opened / 20


def test_a_dragged_window_uncovers_without_data() -> None:
    desk, content = Desk(), photo(150, 200, seed=5)
    desk.show(Rect(50, 40, 200, 150), content)
    for step in range(1, 12):
        size, kinds = desk.show(Rect(50 + 17 * step, 40 + 9 * step, 200, 150), content)
        assert "Copy" in kinds
        assert size < 2000


def test_what_replaces_a_window_for_good_is_kept_in_its_turn() -> None:
    desk, window = Desk(), Rect(96, 96, 256, 128)
    desk.show(window, text(128, 256, seed=1))
    desk.show(window, text(128, 256, seed=2))
    desk.show(window, text(128, 256, seed=3))
    size, kinds = desk.show(window, text(128, 256, seed=2))
    assert set(kinds) == {"kept"}
    assert size < 1000


def test_a_plain_colour_is_not_worth_keeping() -> None:
    desk, window = Desk(), Rect(0, 0, WIDTH, HEIGHT)
    desk.wall[:] = 0xFF204060
    desk.show()
    desk.show(window, photo(HEIGHT, WIDTH, seed=2))
    desk.wall = photo(HEIGHT, WIDTH, seed=2)
    desk.show(Rect(96, 96, 256, 128), text(128, 256))
    _, kinds = desk.show()
    assert set(kinds) == {"kept"}


def test_a_viewer_that_begins_anew_keeps_nothing() -> None:
    desk, window = Desk(), Rect(103, 57, 300, 200)
    desk.show(window, text(200, 300))
    desk.builder.forget()
    desk.picture.apply_layout(ScreenLayout(1, WIDTH, HEIGHT))
    _, kinds = desk.show()
    assert "kept" not in kinds


def test_nothing_is_held_at_the_beginning_not_even_black() -> None:
    frames = Frames(64, 64)
    kept = KeptPixels(frames)
    assert not kept.holds(frames.area)
    assert kept.judge(frames.area)
    assert kept.holds(frames.area)
    kept.forget()
    assert not kept.holds(frames.area)


def test_of_a_strip_the_held_parts_are_named() -> None:
    frames = Frames(640, 64)
    frames.now[:] = photo(64, 640)
    kept = KeptPixels(frames)
    for left, right in ((0, 128), (256, 300), (448, 640)):
        kept.judge(Rect(left, 0, right - left, 64))
    strip = Rect(0, 20, 640, 30)
    assert [(part.x, part.right) for part in kept.held_parts(strip)] == [(0, 128), (448, 640)]
    assert all((part.y, part.height) == (20, 30) for part in kept.held_parts(strip))
    assert list(kept.held_parts(Rect(20, 0, 30, 64))) == [Rect(20, 0, 30, 64)]


def test_uncovered_parts_are_disjoint_and_complete() -> None:
    old, generator = Rect(10, 10, 30, 20), np.random.default_rng(3)
    for x, y, width, height in generator.integers(1, 45, (200, 4)).tolist():
        new = Rect(x, y, width, height)
        expected, found = np.zeros((100, 100), np.int8), np.zeros((100, 100), np.int8)
        expected[old.y : old.bottom, old.x : old.right] = 1
        expected[new.y : new.bottom, new.x : new.right] = 0
        for piece in uncovered(old, new):
            found[piece.y : piece.bottom, piece.x : piece.right] += 1
        assert np.array_equal(found, expected)


def test_copies_are_still_preferred_to_what_is_kept() -> None:
    desk, content = Desk(), text(300, 400)
    desk.show(Rect(64, 64, 400, 300), content)
    scrolled = np.vstack([content[40:], text(40, 400, seed=9)])
    _, kinds = desk.show(Rect(64, 64, 400, 300), scrolled)
    assert kinds[0] == Copy.__name__
