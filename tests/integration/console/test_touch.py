"""A technician with a tablet: real touches in a real Chromium, through console, relay and agent into a real window of a real X
display. What the window's program saw of the mouse and what stands in its field is what counts.
"""

import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import CDPSession, Locator, expect

from tests.kit.console_page import ConsolePage
from tests.kit.display import VirtualDisplay, virtual_display, wait_for
from tests.kit.waiting import PATIENCE
from tests.kit.world import World

pytestmark = [pytest.mark.display, pytest.mark.browser, pytest.mark.xdist_group("world-touch")]

FIELD = (200, 150)
"""In the middle of the text field, source pixels."""
Place = tuple[float, float]

STANDS_STILL = """() => {
    const {left, top} = document.getElementById("screen").getBoundingClientRect();
    const still = window.stood === `${left} ${top}`;
    window.stood = `${left} ${top}`;
    return still;
}"""


@dataclass
class Tablet:
    """The assisted display with its text field, and the technician's fingers."""

    display: VirtualDisplay
    console: ConsolePage
    out: Path
    glass: CDPSession

    # -- fingers ----------------------------------------------------------------------------------------------------

    def touches(self, kind: str, *places: Place) -> None:
        points = [{"x": x, "y": y, "id": number} for number, (x, y) in enumerate(places)]
        self.glass.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    def tap(self, x: int, y: int) -> None:
        """Touch a source pixel, so shortly as only what sends both ends of it at once can on a busy machine."""
        self.console.page.touchscreen.tap(*self.console.place(x, y))

    def slide(self, start: Place, by: Place) -> None:
        """One finger, at once and on its way: the browser itself moves it. Until nothing moves any more."""
        where = {"x": start[0], "y": start[1], "xDistance": by[0], "yDistance": by[1], "speed": 400}
        self.glass.send("Input.synthesizeScrollGesture", {**where, "gestureSourceType": "touch", "preventFling": True})
        self.console.page.wait_for_function(STANDS_STILL, polling=200)

    def two(self, middle: Place, spread: tuple[float, float], by: Place = (0, 0), steps: int = 10) -> None:
        """Two fingers side by side: from one distance to another, and along. They rest before they are lifted."""
        for step in range(steps + 1):
            part = step / steps
            half = (spread[0] + (spread[1] - spread[0]) * part) / 2
            x, y = middle[0] + by[0] * part, middle[1] + by[1] * part
            self.touches("touchMove" if step else "touchStart", (x - half, y), (x + half, y))
        self.rest()
        self.touches("touchEnd")

    def rest(self) -> None:
        """Until the page takes the next touch for one of its own and not for the second of two taps."""
        page = self.console.page
        page.wait_for_function("(end) => performance.now() > end", arg=page.evaluate("performance.now() + 400"))

    def button(self, name: str) -> Locator:
        return self.console.page.locator(".keybar").get_by_role("button", name=name)

    def write(self, text: str) -> None:
        """What the tablet's own keyboard hands over."""
        self.glass.send("Input.insertText", {"text": text})

    # -- what was seen over there -----------------------------------------------------------------------------------

    @property
    def mouse(self) -> list[list[str]]:
        path = self.out.with_suffix(".mouse")
        return [line.split() for line in path.read_text(encoding="utf-8").splitlines()] if path.exists() else []

    def after(self, act: Callable[[], None], wanted: Callable[[list[list[str]]], bool], what: str) -> list[list[str]]:
        """What the mouse did there once `act` was done and has shown."""
        before = len(self.mouse)
        act()
        wait_for(lambda: wanted(self.mouse[before:]), f"{what}; seen: {self.mouse[before:]}")
        return self.mouse[before:]

    def stands(self, wanted: str) -> None:
        end = time.monotonic() + PATIENCE
        while (text := self.out.read_text(encoding="utf-8")) != wanted:
            assert time.monotonic() < end, f"wanted {wanted!r}; there is {text!r}"
            time.sleep(0.02)

    def width(self) -> float:
        box = self.console.page.locator("#screen").bounding_box()
        assert box is not None
        return box["width"]

    def fits(self) -> None:
        """The whole picture is shown, and no earlier tap is near: what is touched next stands for itself."""
        self.console.page.get_by_role("radio", name="Fit").tap()
        room = self.console.page.locator(".room-fit")
        expect(room).to_be_visible()


def near(event: list[str], what: str, button: str, x: int, y: int) -> bool:
    """One event at about this place."""
    return event[:2] == [what, button] and abs(int(event[2]) - x) <= 2 and abs(int(event[3]) - y) <= 2


@pytest.fixture(scope="module")
def tablet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tablet]:
    directory = tmp_path_factory.mktemp("touch")
    out = directory / "text"
    world = World(directory / "w")
    with virtual_display(800, 600, window_manager=True) as display:
        display.start(sys.executable, "-m", "tests.kit.text_window", str(out))
        try:
            address = world.everything(display.name)
            person = world.user("attend")
            with ConsolePage(address, width=1024, height=768, touch=True) as console:
                console.ask("Reception PC", "Touching")
                person.expect(r"Your answer \[.*\]")
                person.type("c\n")
                console.wait_for_picture()
                wait_for(out.exists, "the text field")
                glass = console.page.context.new_cdp_session(console.page)
                tablet = Tablet(display, console, out, glass)
                # The window manager holds the first click back until the window has the keyboard.
                tablet.after(lambda: tablet.tap(*FIELD), lambda seen: len(seen) >= 2, "the first tap")
                expect(console.page.locator(".keybar")).to_be_visible()
                yield tablet
        finally:
            world.stop()


def test_a_tap_clicks_what_is_touched_and_two_are_a_double_click(tablet: Tablet) -> None:
    tablet.rest()
    seen = tablet.after(lambda: tablet.tap(300, 222), lambda seen: len(seen) >= 2, "press and release")
    assert near(seen[0], "press", "left", 300, 222), seen
    assert near(seen[1], "release", "left", 300, 222), seen

    def twice() -> None:
        tablet.tap(120, 111)
        tablet.tap(124, 113)

    for _ in range(10):  # on a machine that stands still for a moment the second tap comes too late for it
        tablet.rest()
        seen = tablet.after(twice, lambda seen: len(seen) >= 4, "two clicks")
        if any(near(event, "double", "left", 120, 111) for event in seen):
            return
    raise AssertionError(f"never a double click: {seen}")


def test_a_long_touch_is_the_right_button_and_shows_it(tablet: Tablet) -> None:
    tablet.rest()
    page = tablet.console.page
    before = len(tablet.mouse)
    tablet.touches("touchStart", tablet.console.place(*FIELD))
    expect(page.locator(".touch-ring[data-state=held]")).to_be_visible()
    assert tablet.mouse[before:] == []
    seen = tablet.after(lambda: tablet.touches("touchEnd"), lambda seen: len(seen) >= 2, "the right button")
    assert near(seen[0], "press", "right", *FIELD), seen
    assert near(seen[1], "release", "right", *FIELD), seen
    expect(page.locator(".touch-ring")).to_be_hidden()


def test_a_finger_drags_where_the_whole_picture_is_shown(tablet: Tablet) -> None:
    tablet.rest()
    tablet.fits()
    (left, top), (right, _) = tablet.console.place(100, 150), tablet.console.place(300, 150)
    seen = tablet.after(lambda: tablet.slide((left, top), (right - left, 0)), lambda seen: len(seen) >= 2, "a drag")
    assert near(seen[0], "press", "left", 100, 150), seen
    # The browser's own finger goes a little farther: by what a touch may tremble before it counts as moving.
    assert near(seen[-1], "release", "left", int(seen[-1][2]), 150), seen
    assert 300 <= int(seen[-1][2]) < 345, seen


def test_two_fingers_scroll_both_ways(tablet: Tablet) -> None:
    tablet.rest()
    middle = tablet.console.place(*FIELD)

    for by, axis, sign in (((0, -120), 2, -1), ((0, 120), 2, 1), ((-120, 0), 1, -1), ((120, 0), 1, 1)):
        seen = swept(tablet, middle, by)
        assert all(event[0] == "wheel" and int(event[axis]) * sign > 0 and event[3 - axis] == "0" for event in seen), (by, seen)


def swept(tablet: Tablet, middle: Place, by: Place) -> list[list[str]]:
    """Two notches at least: the picture is smaller here, so the fingers go farther there."""
    return tablet.after(lambda: tablet.two(middle, (80, 80), by), lambda seen: len(seen) >= 2, f"the wheel, by {by}")


def test_spreading_zooms_and_one_finger_moves_the_picture_and_nothing_there(tablet: Tablet) -> None:
    tablet.rest()
    tablet.fits()
    page = tablet.console.page
    whole, before = tablet.width(), len(tablet.mouse)
    middle = tablet.console.place(*FIELD)
    tablet.two(middle, (80, 240))
    page.wait_for_function("(width) => document.getElementById('screen').getBoundingClientRect().width > 2.5 * width", arg=whole)
    # What was between the fingers is still there.
    left, top = tablet.console.place(*FIELD)
    assert abs(left - middle[0]) < 12, (left, middle)
    assert abs(top - middle[1]) < 12, (top, middle)
    tablet.slide(middle, (-100, -50))
    moved, _ = tablet.console.place(*FIELD)
    assert moved < left - 60, (moved, left)
    seen = tablet.after(lambda: tablet.tap(240, 170), lambda seen: len(seen) >= 2, "a tap on the larger picture")
    assert [event[0] for event in tablet.mouse[before:]] == ["press", "release"], (
        "spreading and moving the picture reached the device"
    )
    assert near(seen[0], "press", "left", 240, 170), seen
    tablet.rest()
    box = page.locator(".room").bounding_box()
    assert box is not None
    tablet.two((box["x"] + box["width"] / 2, box["y"] + box["height"] / 2), (300, 40))
    expect(page.locator(".room-fit")).to_be_visible()
    page.wait_for_function("(width) => document.getElementById('screen').getBoundingClientRect().width < width + 2", arg=whole)


def test_a_touchpad_moves_the_pointer_and_is_remembered(tablet: Tablet) -> None:
    tablet.rest()
    tablet.fits()
    page = tablet.console.page
    tablet.tap(*FIELD)
    tablet.rest()
    with page.expect_response("**/api/v1/preferences") as answered:
        page.get_by_role("radio", name="Touchpad").tap()
    assert answered.value.status == 204
    try:
        box = page.locator(".room").bounding_box()
        assert box is not None
        corner = (box["x"] + 30, box["y"] + box["height"] - 30)  # far from the field
        tablet.slide(corner, (60, 0))
        seen = tablet.after(lambda: page.touchscreen.tap(*corner), lambda seen: len(seen) >= 2, "a click where the pointer is")
        assert seen[0][:2] == ["press", "left"], seen
        assert int(seen[0][2]) > FIELD[0] + 30, seen
        assert abs(int(seen[0][3]) - FIELD[1]) <= 3, seen
        page.reload()
        expect(page.get_by_role("radio", name="Watch")).to_be_visible()
        tablet.console.wait_for_picture()
        page.touchscreen.tap(*corner)
        expect(page.get_by_role("radio", name="Touchpad")).to_be_checked()
    finally:
        page.get_by_role("radio", name="Direct").tap()
    tablet.rest()


def test_text_of_the_tablets_keyboard_and_its_corrections_arrive(tablet: Tablet) -> None:
    clear(tablet)
    tablet.write("é")
    tablet.write("🙂👩‍💻")
    tablet.write(" teh")
    tablet.stands("é🙂👩‍💻 teh")
    compose(tablet, "w")
    compose(tablet, "wo")
    tablet.stands("é🙂👩‍💻 tehwo")
    tablet.write("wörld ")
    tablet.stands("é🙂👩‍💻 tehwörld ")
    tablet.console.page.evaluate("document.execCommand('delete')")  # what such a keyboard does instead of pressing Backspace
    tablet.stands("é🙂👩‍💻 tehwörld")
    compose(tablet, "にほん")
    tablet.write("日本")
    tablet.stands("é🙂👩‍💻 tehwörld日本")
    assert tablet.console.page.locator(".keyboard").get_attribute("inputmode") == "text"


def compose(tablet: Tablet, text: str) -> None:
    """A word that is not settled yet."""
    parts: dict[str, Any] = {"text": text, "selectionStart": len(text), "selectionEnd": len(text)}
    tablet.glass.send("Input.imeSetComposition", parts)


def clear(tablet: Tablet) -> None:
    """An empty field that has the keyboard, and the tablet's own keyboard shown: by keys on the screen alone."""
    tablet.rest()
    tablet.fits()
    tablet.tap(*FIELD)
    keyboard = tablet.button("Keyboard")
    if keyboard.get_attribute("aria-pressed") == "false":
        keyboard.tap()
    expect(tablet.console.page.locator(".keyboard")).to_be_focused()
    tablet.button("Control").tap()
    expect(tablet.button("Control, for the next key")).to_have_attribute("aria-pressed", "true")
    tablet.write("a")
    tablet.button("Delete").tap()
    tablet.stands("")


def test_keys_on_the_screen_wait_for_the_next_key_or_stay_held(tablet: Tablet) -> None:
    clear(tablet)
    tablet.write("one two")
    tablet.button("Home").tap()
    tablet.button("Shift").tap()
    tablet.button("Shift, for the next key").tap()
    expect(tablet.button("Shift, held")).to_be_visible()
    for _ in range(3):
        tablet.button("Arrow right").tap()
    tablet.button("Shift, held").tap()
    tablet.button("Control").tap()
    tablet.write("x")
    tablet.stands(" two")
    tablet.button("End").tap()
    tablet.button("Control").tap()
    tablet.write("v")
    tablet.stands(" twoone")
    tablet.button("Tab").tap()
    tablet.stands(" twoone\t")
    tablet.display.run("setxkbmap", "de")
    try:
        tablet.button("Alt Graph").tap()
        tablet.write("q")
        tablet.stands(" twoone\t@")
    finally:
        tablet.display.run("setxkbmap", "us")


def test_the_keys_are_reached_by_the_keyboard_and_large_enough(tablet: Tablet) -> None:
    page = tablet.console.page
    small = page.evaluate(
        "[...document.querySelectorAll('.keybar button')].filter((one) => one.offsetWidth < 44 || one.offsetHeight < 44).length"
    )
    assert small == 0
    tablet.button("Escape").focus()
    page.keyboard.press("ArrowRight")
    expect(tablet.button("Tab")).to_be_focused()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    expect(tablet.button("Control, for the next key")).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.press("Enter")
    expect(tablet.button("Control")).to_have_attribute("aria-pressed", "false")
    assert tablet.console.problems == []
