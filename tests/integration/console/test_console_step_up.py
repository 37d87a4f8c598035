"""The passphrase again, asked for by the page."""

import msgspec
import pytest
from playwright.async_api import expect

from protocol.capabilities import Capability
from protocol.messages.fixes import FixRun
from tests.integration.console.conftest import WATCH_AND_CONTROL, Open
from tests.kit.console import sample_fixes

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]


async def test_a_wish_waits_for_the_passphrase_and_then_goes_out(open_console: Open) -> None:
    async with open_console() as technician:
        page, relay = technician.page, technician.relay
        relay.ready()
        relay.guarded = frozenset({Capability.CONTROL})  # stands for what reaches farther, which this page does not offer yet
        await page.get_by_label("Ask to help on meeting-room-2").click()
        await page.get_by_role("dialog").get_by_role("button", name="Ask", exact=True).click()
        field = page.get_by_label("Passphrase of your key")
        await field.fill("wrong")
        await page.get_by_role("button", name="Unlock").click()
        await expect(page.get_by_role("alert")).to_contain_text("not the passphrase")
        await expect(field).to_have_value("")
        assert relay.opened == []
        await field.fill("correct horse")
        await page.get_by_role("button", name="Unlock").click()
        await page.locator(".sessionbar").wait_for()
        assert len(relay.opened) == 1
        # The browser itself reports each answer of 403; nothing else may complain.
        technician.problems[:] = [text for text in technician.problems if "403" not in text]


async def test_cancelling_asks_nobody(open_console: Open) -> None:
    async with open_console(granted=(Capability.VIEW, Capability.CHAT)) as technician:
        await technician.open_session()
        page, relay = technician.page, technician.relay
        relay.guarded = frozenset({Capability.CONTROL})
        await page.get_by_role("button", name="Ask to control").click()
        await page.get_by_label("Passphrase of your key").wait_for()
        await page.get_by_role("dialog").get_by_role("button", name="Cancel").click()
        await expect(page.get_by_label("Passphrase of your key")).to_have_count(0)
        assert relay.session.asked == []


async def test_a_fix_of_the_third_tier_runs_once_the_passphrase_was_typed(open_console: Open) -> None:
    granted = (*WATCH_AND_CONTROL, Capability.DIAGNOSTICS, Capability.FIXES)
    async with open_console(granted=granted) as technician:
        technician.session.fixes = [msgspec.structs.replace(sample_fixes()[0], min_tier=3)]
        await technician.open_session()
        page, relay = technician.page, technician.relay
        relay.guarded = frozenset({Capability.TERMINAL})
        await page.get_by_role("tab", name="Fixes").click()
        await page.get_by_role("button", name=technician.session.fixes[0].title).click()
        await page.get_by_role("button", name="Run fix").click()
        await page.get_by_label("Passphrase of your key").wait_for()
        await page.get_by_role("dialog").get_by_role("button", name="Cancel").click()
        await expect(page.get_by_text("It was not run: your passphrase was not typed.")).to_be_visible()
        await page.get_by_role("button", name="Run again").click()
        await page.get_by_label("Passphrase of your key").fill("correct horse")
        assert technician.session.of(FixRun) == []  # nobody there is bothered before
        await page.get_by_role("button", name="Unlock").click()
        await expect(page.locator(".result-head strong")).to_have_text("Fixed")
        assert len(technician.session.of(FixRun)) == 1
