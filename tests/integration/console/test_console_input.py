"""What is done with mouse and keyboard over the picture arrives as messages, and nothing else does."""

from typing import Any

import pytest
from playwright.async_api import expect

from protocol.capabilities import Capability
from protocol.messages import Message
from protocol.messages.input import (
    Key,
    KeyboardState,
    LockKeys,
    PointerButton,
    PointerMove,
    PointerWheel,
    ReleaseAll,
    TypeText,
)
from protocol.messages.session import Paused
from tests.integration.console.conftest import Open, Technician
from tests.kit.console_page import LOCKED_KEY
from tests.kit.waiting import eventually_async

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

INPUT = (Key, PointerButton, PointerMove, PointerWheel, ReleaseAll, TypeText)


def inputs(technician: Technician) -> list[Message]:
    return [message for message in technician.session.sent if isinstance(message, INPUT)]


def strokes(technician: Technician) -> list[str]:
    """Keys and texts, short."""
    words = []
    for message in inputs(technician):
        match message:
            case Key(code=code, key=key, pressed=pressed):
                words.append(f"{'+' if pressed else '-'}{code}:{key}")
            case TypeText(text=text):
                words.append(f"text {text}")
            case ReleaseAll():
                words.append("release")
            case _:
                pass
    return words


async def take(technician: Technician, *, x: int = 100, y: int = 100) -> None:
    """Click into the picture and forget what that sent."""
    await technician.page.mouse.click(*await technician.place(x, y))
    await settled(technician)
    technician.session.sent.clear()


async def settled(technician: Technician) -> None:
    """Until everything the page has sent so far has been read: the socket keeps order, so an acknowledged update is a fence."""
    await technician.painted(technician.session.update())


async def test_buttons_moves_and_drags_in_source_pixels(open_console: Open) -> None:
    async with open_console() as technician:
        await technician.open_session()
        page = technician.page
        await page.mouse.move(*await technician.place(10, 20))
        await page.mouse.down(button="left")
        await page.mouse.move(*await technician.place(300, 200), steps=4)
        await page.mouse.up(button="left")
        await page.mouse.click(*await technician.place(799, 599), button="right")
        await page.mouse.click(*await technician.place(0, 0), button="middle")
        await settled(technician)
        buttons = [message for message in inputs(technician) if isinstance(message, PointerButton)]
        assert buttons == [
            PointerButton(10, 20, 0, True),
            PointerButton(300, 200, 0, False),
            PointerButton(799, 599, 2, True),
            PointerButton(799, 599, 2, False),
            PointerButton(0, 0, 1, True),
            PointerButton(0, 0, 1, False),
        ]
        seen = inputs(technician)
        before_up = seen[: seen.index(buttons[1])]
        assert before_up[-1] == PointerMove(300, 200)


async def test_a_drag_that_leaves_the_picture_still_ends(open_console: Open) -> None:
    async with open_console() as technician:
        await technician.open_session()
        page = technician.page
        await page.mouse.move(*await technician.place(790, 300))
        await page.mouse.down()
        await page.mouse.move(1250, 400, steps=3)
        await page.mouse.up()
        await settled(technician)
        last = inputs(technician)[-1]
        assert isinstance(last, PointerButton)
        assert (last.x, last.pressed) == (799, False)


async def test_the_wheel_counts_in_120ths_both_ways(open_console: Open) -> None:
    async with open_console() as technician:
        await technician.open_session()
        await technician.page.mouse.move(*await technician.place(50, 60))

        def turned() -> list[PointerWheel]:
            return [message for message in inputs(technician) if isinstance(message, PointerWheel)]

        for dx, dy in ((0, 120), (0, -120), (0, -120), (120, 0)):
            before = len(turned())
            await technician.page.mouse.wheel(dx, dy)  # a browser makes one of those that come in one frame
            await eventually_async(lambda before=before: len(turned()) > before, "it turns")
        await settled(technician)
        turns = turned()
        assert sum(turn.dy for turn in turns) == -120
        assert sum(turn.dx for turn in turns) == 120
        assert turns[0] == PointerWheel(50, 60, 0, 120)


async def test_keys_travel_with_place_and_character(open_console: Open) -> None:
    async with open_console() as technician:
        await technician.open_session()
        await take(technician)
        await technician.page.keyboard.type("aé€")
        await technician.page.keyboard.press("Shift+Tab")
        await technician.page.keyboard.press("Control+w")
        await settled(technician)
        assert strokes(technician) == [
            "+KeyA:a", "-KeyA:a", "text é", "text €",
            "+ShiftLeft:Shift", "+Tab:Tab", "-Tab:Tab", "-ShiftLeft:Shift",
            "+ControlLeft:Control", "+KeyW:w", "-KeyW:w", "-ControlLeft:Control",
        ]  # fmt: skip


async def test_what_an_input_method_composes_arrives_as_text(open_console: Open) -> None:
    async with open_console() as technician:
        await technician.open_session()
        await take(technician)
        tools = await technician.page.context.new_cdp_session(technician.page)
        composing: dict[str, Any] = {"text": "にほ", "selectionStart": 2, "selectionEnd": 2}
        await tools.send("Input.imeSetComposition", composing)
        await tools.send("Input.insertText", {"text": "日本"})
        await technician.page.keyboard.insert_text("🙂")
        await settled(technician)
        assert strokes(technician) == ["text 日本", "text 🙂"]


async def test_keys_are_let_go_when_the_focus_leaves(open_console: Open) -> None:
    async with open_console() as technician:
        await technician.open_session()
        await take(technician)
        await technician.page.keyboard.down("Shift")
        await technician.page.keyboard.down("KeyA")
        await technician.page.locator("#tab-tables").focus()
        await technician.page.keyboard.up("KeyA")
        await technician.page.keyboard.up("Shift")
        await settled(technician)
        assert strokes(technician) == ["+ShiftLeft:Shift", "+KeyA:A", "release"]


async def test_the_chord_leads_out_and_its_keys_are_let_go(open_console: Open) -> None:
    async with open_console() as technician:
        await technician.open_session()
        await take(technician)
        await expect(technician.page.locator(".keyboard")).to_be_focused()
        await technician.page.keyboard.press("Control+Alt+Shift+x")
        await expect(technician.page.locator(".keyboard")).not_to_be_focused()
        await settled(technician)
        assert "release" in strokes(technician)
        assert not any(stroke.startswith("+KeyX") for stroke in strokes(technician))
        assert await technician.page.evaluate("document.activeElement.closest('.toolbar') !== null")


async def test_without_control_nothing_is_sent(open_console: Open) -> None:
    async with open_console(granted=(Capability.VIEW,)) as technician:
        await technician.open_session()
        await take(technician)
        await technician.page.mouse.wheel(0, 120)
        await technician.page.keyboard.type("secret")
        await technician.page.keyboard.insert_text("secret")
        await settled(technician)
        assert inputs(technician) == []
        await technician.page.get_by_role("button", name="Ask to control").click()
        await expect(technician.page.get_by_text("Click the picture to type there")).to_be_visible()
        await take(technician)
        await technician.page.keyboard.press("a")
        await settled(technician)
        assert strokes(technician) == ["+KeyA:a", "-KeyA:a"]


async def test_a_pause_holds_input_back_and_lets_go(open_console: Open) -> None:
    async with open_console() as technician:
        await technician.open_session()
        await take(technician)
        await technician.page.keyboard.down("a")
        technician.session.say(Paused(True, "user"))
        await technician.page.locator(".veil").wait_for()
        await technician.page.keyboard.up("a")
        await technician.page.keyboard.press("b")
        await settled(technician)
        assert strokes(technician) == ["+KeyA:a", "release"]


async def test_special_keys_are_buttons(open_console: Open) -> None:
    async with open_console() as technician:
        await technician.open_session()
        await technician.page.locator("[data-menu=special-keys] > button").click()
        await technician.page.get_by_role("button", name="Ctrl+Alt+Del").click()
        await settled(technician)
        assert strokes(technician) == [
            "+ControlLeft:Control", "+AltLeft:Alt", "+Delete:Delete", "-Delete:Delete", "-AltLeft:Alt", "-ControlLeft:Control",
        ]  # fmt: skip
        assert all(message.mode == "physical" for message in inputs(technician) if isinstance(message, Key))


async def test_keys_mode_presses_places(open_console: Open) -> None:
    async with open_console() as technician:
        await technician.open_session()
        await technician.page.get_by_role("radio", name="Keys").click()
        await take(technician)
        await technician.page.keyboard.press("KeyZ")
        await settled(technician)
        keys = [message for message in inputs(technician) if isinstance(message, Key)]
        assert [(key.code, key.mode, key.pressed) for key in keys] == [("KeyZ", "physical", True), ("KeyZ", "physical", False)]


def with_locks(technician: Technician) -> list[str]:
    """Locks, keys and releases in their order, short."""
    words = []
    for message in technician.session.sent:
        match message:
            case LockKeys(caps=caps, num=num, keep=keep):
                words.append(f"caps {caps} num {num}{' keep' if keep else ''}")
            case Key(code=code, pressed=True):
                words.append(f"+{code}")
            case ReleaseAll():
                words.append("release")
            case _:
                pass
    return words


async def test_locks_go_before_the_first_key_and_when_they_change_where_places_are_pressed(open_console: Open) -> None:
    async with open_console() as technician:
        await technician.open_session()
        await technician.page.get_by_role("radio", name="Keys").click()
        await take(technician)
        for key in (
            ["KeyA", "A", True, False],
            ["KeyB", "B", True, False],
            ["CapsLock", "CapsLock", False, False],
            ["KeyC", "c", False, True],
        ):
            await technician.page.evaluate(LOCKED_KEY, key)
        await technician.page.locator("#tab-tables").focus()
        await settled(technician)
        assert with_locks(technician) == [
            "caps True num False", "+KeyA", "+KeyB", "+CapsLock", "caps False num True", "+KeyC", "release",
        ]  # fmt: skip


async def test_locks_stay_here_where_characters_are_typed(open_console: Open) -> None:
    async with open_console() as technician:
        await technician.open_session()
        await take(technician)
        await technician.page.evaluate(LOCKED_KEY, ["KeyA", "A", True, True])
        await technician.page.locator("#tab-tables").focus()
        await settled(technician)
        assert with_locks(technician) == ["+KeyA"]


async def test_a_lock_that_differs_is_shown_and_can_be_made_alike_for_good(open_console: Open) -> None:
    async with open_console() as technician:
        await technician.open_session()
        await take(technician)
        technician.session.say(KeyboardState("us", True, None))
        note = technician.page.get_by_text("Caps Lock is on there")
        await expect(note).to_be_visible()
        await expect(technician.page.get_by_text("Num Lock")).to_have_count(0)
        await technician.page.get_by_role("button", name="Turn Caps Lock off there").click()
        await settled(technician)
        assert with_locks(technician) == ["caps False num None keep"]
        technician.session.say(KeyboardState("us", False, None))
        await expect(note).to_have_count(0)


async def test_how_keys_go_is_remembered_for_the_device(open_console: Open) -> None:
    async with open_console() as technician:
        await technician.open_session()
        page = technician.page
        await expect(page.get_by_role("radio", name="Auto")).to_be_checked()
        async with page.expect_response("**/api/v1/preferences") as answered:
            await page.get_by_role("radio", name="Keys").click()
        assert (await answered.value).status == 204
        await page.evaluate("localStorage.clear()")
        await page.reload()
        await expect(page.get_by_role("radio", name="Keys")).to_be_checked()
        async with page.expect_response("**/api/v1/preferences"):
            await page.get_by_role("radio", name="Auto").click()
        await page.reload()
        await expect(page.get_by_role("radio", name="Auto")).to_be_checked()


async def test_full_screen_shows_the_picture_alone_and_locks_the_keyboard(open_console: Open) -> None:
    async with open_console() as technician:
        await technician.open_session()
        page = technician.page
        await page.evaluate(
            "() => { window.locked = 0; const real = navigator.keyboard.lock.bind(navigator.keyboard);"
            " navigator.keyboard.lock = (...keys) => { window.locked += 1; return real(...keys); }; }"
        )
        await page.get_by_role("button", name="Full screen").click()
        await page.wait_for_function("document.fullscreenElement !== null && window.locked === 1")
        await expect(page.locator(".toolbar")).to_be_hidden()
        await expect(page.locator(".keyboard")).to_be_focused()
        await page.evaluate("document.exitFullscreen()")
        await expect(page.locator(".toolbar")).to_be_visible()
