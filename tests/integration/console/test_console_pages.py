"""The list of devices and the way into a session, as a technician sees and types it."""

import pytest
from playwright.async_api import expect

from protocol.capabilities import Capability
from protocol.errors import RefusalReason
from protocol.link_messages import DeviceRow
from technician_client.console.ports import DevicesUpdate, RelayState, SessionOver, Target
from tests.integration.console.conftest import Open
from tests.kit.console import denied
from tests.kit.waiting import eventually_async

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

MARKUP = "<img src=x onerror=\"document.title='owned'\"><b>bold</b>"


async def test_loading_then_rows_then_changes(open_console: Open) -> None:
    async with open_console(loaded=False) as technician:
        page = technician.page
        await expect(page.get_by_text("Loading devices")).to_be_visible()
        technician.relay.loaded.set()
        await expect(page.locator(".device-table tbody tr")).to_have_count(8)
        await expect(page.locator(".device-table tbody tr").first).to_contain_text("accounting-03")
        technician.relay.change(DevicesUpdate((DeviceRow("n3w", "a-new-one", "Debian 13", True, 1.0),)))
        await expect(page.locator(".device-table tbody tr")).to_have_count(9)
        technician.relay.change(DevicesUpdate((DeviceRow("n3w", "a-new-one", "Debian 13", False, 1.0),)))
        await expect(page.get_by_label("Ask to help on a-new-one")).to_be_disabled()


async def test_no_device_at_all_says_how_to_get_one(open_console: Open) -> None:
    async with open_console(loaded=False) as technician:
        technician.relay.rows.clear()
        technician.relay.loaded.set()
        await expect(technician.page.get_by_text("No device yet")).to_be_visible()
        await expect(technician.page.get_by_text("handrail org enrolment")).to_be_visible()


async def test_search_and_filter(open_console: Open) -> None:
    async with open_console() as technician:
        page = technician.page
        await page.keyboard.press("/")
        await page.keyboard.type("lab-laptop")
        await expect(page.locator(".device-table tbody tr")).to_have_count(2)
        await page.get_by_role("radio", name="Online").click()
        await expect(page.get_by_text("Nothing matches")).to_be_visible()
        await page.get_by_placeholder("Search name").fill("")
        await expect(page.locator(".device-table tbody tr")).to_have_count(5)


async def test_a_relay_that_goes_away_is_said_and_the_list_stays(open_console: Open) -> None:
    async with open_console() as technician:
        technician.relay.change(RelayState(False, "The connection was cut."))
        await expect(technician.page.get_by_role("alert")).to_contain_text("The connection was cut.")
        await expect(technician.page.locator(".device-table tbody tr")).to_have_count(8)
        technician.relay.change(RelayState(True))
        await expect(technician.page.get_by_role("alert")).to_have_count(0)


async def test_who_waits_is_first_and_can_be_helped(open_console: Open) -> None:
    async with open_console() as technician:
        page = technician.page
        first = page.locator(".waiting-list li").first
        await expect(first).to_contain_text("reception-pc")
        await expect(first).to_contain_text("I need the forms by noon")
        await expect(page).to_have_title("(2) Handrail")
        await first.get_by_role("button", name="Help").click()
        dialog = page.get_by_role("dialog")
        await dialog.get_by_label("Reason").fill("printer")
        await dialog.get_by_role("button", name="Ask", exact=True).click()
        await expect(page.get_by_text("Calling the device")).to_be_visible()
        await eventually_async(lambda: technician.relay.opened, "the call")
        target, wanted, reason = technician.relay.opened[0]
        assert (target, reason) == (Target(device="k3v9w2m4x7q1"), "printer")
        assert set(wanted) == {"view", "chat", "colleagues", "diagnostics", "control", "fixes"}


async def test_a_code_by_keyboard_alone_to_the_six_digits(open_console: Open) -> None:
    async with open_console() as technician:
        page, relay = technician.page, technician.relay
        await page.get_by_label("Code", exact=True).focus()
        await page.keyboard.type("482-913 507")
        await expect(page.get_by_label("Code", exact=True)).to_have_value("482 913 507")
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("dialog")).to_contain_text("482 913 507")
        await page.get_by_role("radio", name="Diagnose only").focus()
        await page.keyboard.press("Space")
        await page.get_by_role("button", name="Choose one by one").focus()
        await page.keyboard.press("Enter")
        await page.get_by_role("checkbox", name="see the screen").focus()
        await page.keyboard.press("Space")
        await page.get_by_role("button", name="Connect", exact=True).last.focus()
        await page.keyboard.press("Enter")
        relay.connect.set()
        await expect(page.locator(".sas")).to_have_text("482913")
        await expect(page.get_by_text("Which six digits do you see?")).to_be_visible()
        await expect(page.get_by_text("certified by your organisation")).to_be_visible()
        target, wanted, _reason = relay.opened[0]
        assert target == Target(code="482913507")
        assert set(wanted) == {"chat", "diagnostics", "fixes", "view"}


async def test_a_no_is_a_sentence_and_leads_back(open_console: Open) -> None:
    async with open_console() as technician:
        technician.relay.refuse = denied(RefusalReason.DENIED_BY_USER, "The person at the computer said no.")
        technician.relay.ready()
        await technician.page.get_by_label("Ask to help on meeting-room-2").click()
        await technician.page.get_by_role("dialog").get_by_role("button", name="Ask", exact=True).click()
        await expect(technician.page.get_by_role("heading", name="The person said No")).to_be_visible()
        await technician.page.get_by_role("link", name="Back to the devices").click()
        await expect(technician.page.locator(".device-table")).to_be_visible()


async def test_cancelling_a_call_ends_it(open_console: Open) -> None:
    async with open_console() as technician:
        page = technician.page
        await page.get_by_label("Ask to help on meeting-room-2").click()
        await page.get_by_role("dialog").get_by_role("button", name="Ask", exact=True).click()
        await page.get_by_role("button", name="Cancel").click()
        await expect(page.locator(".device-table")).to_be_visible()
        await expect(page.locator(".session-chip")).to_have_count(0)


async def test_a_tier_bounds_what_can_be_asked(open_console: Open) -> None:
    async with open_console(granted=(Capability.CHAT,)) as technician:
        await technician.open_session()
        await technician.page.locator("[data-menu=permissions] > button").click()
        await expect(technician.page.get_by_role("button", name="Ask: see the screen")).to_be_visible()


async def test_text_of_devices_is_inert_everywhere(open_console: Open) -> None:
    async with open_console(loaded=False) as technician:
        page, relay = technician.page, technician.relay
        relay.rows = {"evil": DeviceRow("evil", MARKUP, MARKUP, True, 1.0, True, MARKUP, 1.0)}
        relay.ready()
        await expect(page.locator(".waiting-list q")).to_have_text(MARKUP)
        await page.locator(".waiting-list button").click()
        await expect(page.get_by_role("dialog")).to_contain_text(MARKUP)
        await page.get_by_role("dialog").get_by_role("button", name="Ask", exact=True).click()
        await expect(page.locator(".session-name h1")).to_have_text(MARKUP)
        technician.session.finish(SessionOver(MARKUP, True, True, MARKUP, MARKUP.encode()))
        await expect(page.locator(".opening")).to_contain_text(MARKUP)
        assert await page.locator("img, #app b").count() == 0
        await expect(page).to_have_title(f"{MARKUP} – Handrail")


async def test_colours_follow_the_system_or_the_choice(open_console: Open) -> None:
    async with open_console(color_scheme="dark") as technician:
        page = technician.page
        body = page.locator("body")
        await expect(body).to_have_css("background-color", "rgb(14, 18, 22)")
        await page.get_by_role("radio", name="light").click()
        await expect(body).to_have_css("background-color", "rgb(244, 246, 247)")
        await page.reload()
        await page.locator(".device-table").wait_for()
        await expect(body).to_have_css("background-color", "rgb(244, 246, 247)")
