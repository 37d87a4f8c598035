"""Recording, playing, exporting, notes, a picture of the screen and a restart, as a technician does them in a real Chromium."""

import json
import re
import time
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image
from playwright.async_api import expect

from protocol.capabilities import Capability
from protocol.errors import RefusalReason
from protocol.messages import Message
from protocol.messages.power import RebootRequest, RebootState
from protocol.messages.recording import RecordingStart, RecordingState, RecordingStop
from protocol.messages.session import Refusal
from tests.integration.console.conftest import WATCH_AND_CONTROL, Open, Technician
from tests.kit.console import bgr_tile
from tests.kit.console_page import press_twice_async
from tests.kit.waiting import PATIENCE, eventually_async

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

RESTARTING = (*WATCH_AND_CONTROL, Capability.REBOOT)
GRANTED = (*RESTARTING, Capability.RECORDING)
LEAST = 60


def picture() -> np.ndarray:
    random = np.random.default_rng(5)
    return random.integers(0, 255, (240, 320, 3), np.uint8)


async def change(technician: Technician, colour: tuple[int, int, int]) -> np.ndarray:
    """A square of that colour comes; what the technician then sees."""
    session = technician.session
    await technician.painted(session.update(bgr_tile(40, 30, np.full((64, 64, 3), colour, np.uint8))))
    return await technician.canvas()


async def record(technician: Technician, tmp_path: Path) -> np.ndarray:
    """A recording of three colours; the last picture."""
    page = technician.page
    await page.get_by_role("button", name="Record", exact=True).click()
    await expect(page.get_by_role("button", name="End the recording")).to_be_visible()
    await technician.painted(technician.session.sequence)
    for colour in ((200, 0, 0), (0, 200, 0), (0, 0, 200)):
        last = await change(technician, colour)
        await page.wait_for_timeout(LEAST)
    await page.get_by_role("button", name="End the recording").click()
    await expect(page.get_by_text("The recording is kept")).to_be_visible()
    return last


async def test_what_was_recorded_is_played_bit_for_bit_exported_and_deleted(open_console: Open, tmp_path: Path) -> None:
    async with open_console(picture=picture()) as technician:
        page = technician.page
        await technician.open_session()
        technician.session.grant(*GRANTED)
        last = await record(technician, tmp_path)
        assert len(technician.session.of(RecordingStart)) == 1
        assert len(technician.session.of(RecordingStop)) == 1
        await page.get_by_role("link", name="All devices").click()
        await page.get_by_role("link", name="Recordings").click()
        await page.get_by_role("link", name=re.compile("^Play ")).click()
        slider = page.get_by_role("slider", name="Position")
        await expect(slider).to_be_visible()
        await expect(page.locator("#screen")).to_have_attribute("width", "320")
        await page.keyboard.press("End")

        async def shows(expected: np.ndarray) -> None:
            async def same() -> bool:
                return bool(np.array_equal(await technician.canvas(), expected))

            end = time.monotonic() + PATIENCE
            while not await same():
                assert time.monotonic() < end, "the player shows another picture"
                await page.wait_for_timeout(25)

        await shows(last)
        await page.keyboard.press("Home")
        await shows(picture())
        await page.get_by_role("radio", name="8×").click()
        await page.get_by_role("button", name="Play", exact=True).click()
        await shows(last)
        await expect(page.get_by_role("button", name="Play", exact=True)).to_be_visible()
        await page.get_by_role("link", name="All recordings").click()
        await page.get_by_role("button", name="Export").click()
        async with page.expect_download() as download:
            await page.get_by_role("link", name="Save MP4").click()
        video = tmp_path / "one.mp4"
        await (await download.value).save_as(video)
        with av.open(str(video)) as container:
            assert sum(1 for _ in container.decode(video=0)) >= 4
        delete, really = (page.get_by_role("button", name=re.compile(f"^{words} ")) for words in ("Delete", "Really delete"))
        await press_twice_async(delete, really)
        await expect(page.get_by_text("Nothing is recorded yet")).to_be_visible()


async def test_the_user_is_asked_may_refuse_and_may_end_it(open_console: Open) -> None:
    async with open_console(granted=WATCH_AND_CONTROL) as technician:
        page, session = technician.page, technician.session
        await technician.open_session()
        await page.get_by_role("button", name="Record", exact=True).click()
        await eventually_async(lambda: session.asked, "the question")
        assert session.asked[0][0] is Capability.RECORDING
        session.grant(*WATCH_AND_CONTROL, Capability.RECORDING)
        await expect(page.get_by_role("button", name="End the recording")).to_be_visible()
        session.say(RecordingState(False, 0, "user"))
        await expect(page.get_by_text("The user ended the recording.")).to_be_visible()
        await expect(page.get_by_role("button", name="Record", exact=True)).to_be_visible()


async def test_where_policy_demands_it_the_recording_begins_by_itself_and_the_picture_follows(open_console: Open) -> None:
    async with open_console(picture=picture(), granted=GRANTED) as technician:
        page, session = technician.page, technician.session
        session.unrecorded = True
        send = session.send

        def late(message: Message) -> None:
            if not isinstance(message, RecordingStart):
                send(message)
            else:
                session.sent.append(message)

        session.send = late  # type: ignore[method-assign]
        await technician.open_session(pictured=False)
        await expect(page.get_by_text("The policy demands a recording.")).to_be_visible()
        (announced,) = await eventually_async(lambda: session.of(RecordingStart), "the recording is announced")
        assert isinstance(announced, RecordingStart)
        session.unrecorded = False
        session.say(RecordingState(True, announced.request))
        await technician.painted(1)
        assert np.array_equal(await technician.canvas(), picture())
        await expect(page.get_by_role("button", name="End the recording")).to_be_visible()


async def test_a_picture_of_the_screen_is_saved_without_loss_and_copied(open_console: Open, tmp_path: Path) -> None:
    async with open_console(picture=picture(), permissions=["clipboard-read", "clipboard-write"]) as technician:
        page = technician.page
        await technician.open_session()
        async with page.expect_download() as download:
            await page.get_by_role("button", name="Picture of the screen").click()
        saved = await download.value
        await expect(page.get_by_text("saved and on your clipboard")).to_be_visible()  # for some seconds
        assert re.fullmatch(r"meeting-room-2-\d{8}-\d{6}\.png", saved.suggested_filename)
        file = tmp_path / "shot.png"
        await saved.save_as(file)
        assert np.array_equal(np.asarray(Image.open(file).convert("RGB")), picture())
        kinds = await page.evaluate("navigator.clipboard.read().then((items) => items[0].types)")
        assert kinds == ["image/png"]


async def test_notes_are_kept_while_they_are_typed(open_console: Open, tmp_path: Path) -> None:
    async with open_console() as technician:
        page = technician.page
        await technician.open_session()
        await page.get_by_role("tab", name="Notes").click()
        await page.get_by_role("textbox", name="Notes").fill("Tray 2 was empty.")
        await expect(page.get_by_text("Kept.")).to_be_visible()
        (file,) = (tmp_path / "notes").glob("*.json")
        note = json.loads(file.read_text())
        assert (note["session"], note["text"]) == ("s-4f21", "Tray 2 was empty.")
        await page.reload()
        await page.get_by_role("tab", name="Notes").click()
        await expect(page.get_by_role("textbox", name="Notes")).to_have_value("Tray 2 was empty.")


async def test_a_restart_says_how_far_it_has_come(open_console: Open) -> None:
    async with open_console(granted=RESTARTING) as technician:
        page, session = technician.page, technician.session
        session.after_restart = 900.0
        await technician.open_session()
        await page.get_by_role("button", name="More", exact=True).click()
        await page.get_by_role("button", name="Restart the computer").click()
        dialog = page.get_by_role("dialog")
        await expect(dialog).to_contain_text("within 15 minutes after the restart")
        await dialog.get_by_label("Reason").fill("the update")
        await dialog.get_by_role("button", name="Restart", exact=True).click()
        await expect(dialog).to_contain_text("The user is being asked")
        (order,) = session.of(RebootRequest)
        assert isinstance(order, RebootRequest)
        assert order.reason == "the update"
        session.say(
            Refusal("power.reboot", order.request, RefusalReason.NEEDS_ROOT, "The system did not let Handrail restart it.")
        )
        await expect(dialog.get_by_role("alert")).to_contain_text("did not let Handrail")
        await dialog.get_by_role("button", name="Restart", exact=True).click()
        await eventually_async(lambda: len(session.of(RebootRequest)) == 2, "the second order")
        again = session.of(RebootRequest)[1]
        assert isinstance(again, RebootRequest)
        session.say(RebootState(again.request, "restarting", 900.0))
        await expect(dialog).to_contain_text("They allowed it, and the computer restarts")
