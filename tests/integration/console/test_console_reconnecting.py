"""A session that the network cuts and brings back, as the page shows it."""

import asyncio

import numpy as np
import pytest
from playwright.async_api import expect

from protocol.messages.screen import ScreenStart
from technician_client.console.ports import SessionOver
from tests.integration.console.conftest import WATCH_AND_CONTROL, Open
from tests.kit.console import MemorySession
from tests.kit.console_page import press_twice_async

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]


async def test_the_picture_comes_back_by_itself_and_is_the_new_one(open_console: Open) -> None:
    before = np.full((300, 400, 3), 60, np.uint8)
    async with open_console(picture=before) as technician:
        await technician.open_session()
        page, relay = technician.page, technician.relay
        after = np.random.default_rng(3).integers(0, 256, (300, 400, 3), np.uint8)
        back = MemorySession(WATCH_AND_CONTROL, after)
        back.session_id, relay.next_session = relay.session.session_id, back
        relay.session.finish(SessionOver("cut", clean=False, by_peer=True, text="It was cut.", resumable=True))
        await expect(page.get_by_role("alert")).to_contain_text("Reconnecting")
        await expect(page.get_by_role("button", name="End session")).to_be_visible()
        relay.session = back
        relay.back.set()
        await technician.painted(1)
        await expect(page.get_by_role("alert")).to_have_count(0)
        assert len(back.of(ScreenStart)) == 1
        async with asyncio.timeout(60):
            while not np.array_equal(await technician.canvas(), after):
                await page.wait_for_timeout(20)


async def test_ending_while_reconnecting_gives_up(open_console: Open) -> None:
    async with open_console() as technician:
        await technician.open_session()
        page, relay = technician.page, technician.relay
        relay.session.finish(SessionOver("cut", clean=False, by_peer=True, text="It was cut.", resumable=True))
        await expect(page.get_by_role("alert")).to_contain_text("Reconnecting")
        await press_twice_async(page.get_by_role("button", name="End session"), page.get_by_role("button", name="Really end?"))
        await expect(page.get_by_text("You gave up while the connection was lost.")).to_be_visible()
