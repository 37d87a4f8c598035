"""Pointing and drawing from the page: tools, what is sent, and that nothing is controlled meanwhile."""

import pytest
from playwright.async_api import expect

from protocol.capabilities import Capability
from protocol.messages.input import Key, PointerButton, PointerMove
from protocol.messages.pointer import PointerClear, PointerClick, PointerPlace, PointerState, PointerStroke
from tests.integration.console.conftest import WATCH_AND_CONTROL, Open, Technician

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]
POINTING = (*WATCH_AND_CONTROL, Capability.POINTER)


async def settled(technician: Technician) -> None:
    await technician.painted(technician.session.update())


async def drag(technician: Technician, start: tuple[int, int], end: tuple[int, int], steps: int = 5) -> None:
    mouse = technician.page.mouse
    await mouse.move(*await technician.place(*start))
    await mouse.down()
    await mouse.move(*await technician.place(*end), steps=steps)
    await mouse.up()


async def test_each_tool_draws_and_nothing_is_clicked(open_console: Open) -> None:
    async with open_console(granted=POINTING) as technician:
        await technician.open_session()
        page = technician.page
        await page.get_by_role("radio", name="Draw").click()
        await expect(page.locator(".picture-draw")).to_be_visible()
        technician.session.sent.clear()
        await page.mouse.click(*await technician.place(50, 60))
        await page.keyboard.press("2")
        await drag(technician, (100, 100), (300, 150), steps=20)
        await page.get_by_role("radio", name="Rectangle").click()
        await page.get_by_role("radio", name="Blue").click()
        await page.get_by_label("Stays").check()
        await drag(technician, (400, 300), (600, 400))
        await page.keyboard.press("Delete")
        await settled(technician)
        session = technician.session
        assert session.of(PointerClick) == [PointerClick(50, 60)]
        assert PointerPlace(50, 60) in session.of(PointerPlace)
        strokes = [stroke for stroke in session.of(PointerStroke) if isinstance(stroke, PointerStroke)]
        pens = [stroke for stroke in strokes if stroke.shape == "pen"]
        line: list[tuple[int, int]] = []
        for stroke in pens:
            assert stroke.start == len(line), "a pen only grows"
            line.extend(stroke.points)
        assert line[0] == (100, 100)
        assert line[-1] == (300, 150)
        boxes = [stroke for stroke in strokes if stroke.shape == "rectangle"]
        assert (boxes[0].points[0], boxes[-1].points[-1]) == ((400, 300), (600, 400))
        assert {(stroke.colour, stroke.stays) for stroke in boxes} == {(3, True)}
        assert len({stroke.stroke for stroke in strokes}) == 2
        assert session.of(PointerClear) == [PointerClear()]
        assert not [message for message in session.sent if isinstance(message, Key | PointerButton | PointerMove)]


async def test_it_is_asked_for_and_says_when_nobody_can_see_it(open_console: Open) -> None:
    async with open_console() as technician:
        await technician.open_session()
        page = technician.page
        await page.get_by_role("radio", name="Draw").click()
        await page.locator(".drawbar").get_by_role("button", name="Ask for it").click()
        await expect(page.get_by_role("toolbar", name="Point and draw")).to_be_visible()
        technician.session.say(PointerState(False, "Nothing at this computer can show what you point at."))
        await expect(page.locator(".drawbar-note")).to_have_text("Nothing at this computer can show what you point at.")


async def test_who_only_watches_sends_nothing(open_console: Open) -> None:
    async with open_console(granted=POINTING) as technician:
        await technician.open_session()
        page = technician.page
        await page.get_by_role("radio", name="Watch").click()
        await expect(page.get_by_text("You only watch")).to_be_visible()
        await settled(technician)
        technician.session.sent.clear()
        await drag(technician, (100, 100), (300, 150))
        await page.keyboard.type("secret")
        await settled(technician)
        assert not [
            message
            for message in technician.session.sent
            if isinstance(message, Key | PointerButton | PointerMove | PointerPlace)
        ]


async def test_a_picture_is_zoomed_and_places_stay_right(open_console: Open) -> None:
    async with open_console() as technician:
        await technician.open_session()
        page = technician.page
        await page.get_by_role("radio", name="1:1").click()
        await page.get_by_role("button", name="Zoom in").click()
        await page.wait_for_function("Math.abs(document.getElementById('screen').getBoundingClientRect().width - 1000) <= 1")
        await page.mouse.click(*await technician.place(100, 80))
        await settled(technician)
        assert PointerButton(100, 80, 0, True) in technician.session.sent
