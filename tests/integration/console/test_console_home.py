"""Home at work: the queue, codes, favourites, states, and ten thousand devices through the real adapter."""

import time
from collections.abc import Callable

import pytest
from playwright.async_api import Browser, Page, expect

from protocol.errors import Unavailable
from protocol.link_messages import DeviceRow
from technician_client.console.adapter import relay_port
from technician_client.console.ports import DevicesUpdate, RelayState
from technician_client.console.preferences import PreferencesFile
from technician_client.known import KnownDevice
from technician_client.settings import Settings
from tests.integration.console.conftest import Open
from tests.kit.console import running_console
from tests.kit.console_gallery import home_expired
from tests.kit.console_page import new_context
from tests.kit.organisation import Organisation
from tests.kit.switchboard import Switchboard, keys_of, running

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

MANY = 10_000


async def test_the_queue_is_in_order_with_what_is_known_of_each(open_console: Open) -> None:
    async with open_console(known=True) as technician:
        page = technician.page
        queue = page.locator(".waiting-list li")
        await expect(queue).to_have_count(2)
        await expect(queue.first).to_contain_text("The system disk is almost full")
        await expect(queue.nth(1)).to_contain_text("jonas")
        before = await page.locator(".waited").first.inner_text()
        await expect(page.locator(".waited").first).not_to_have_text(before)  # it counts
        await page.keyboard.press("h")
        await expect(page.get_by_role("dialog")).to_contain_text("reception-pc")


async def test_a_new_request_is_counted_and_heard_of(open_console: Open) -> None:
    async with open_console(permissions=["notifications"]) as technician:
        page = technician.page
        await page.evaluate(
            "() => { window.shown = []; window.Notification = class { static permission = 'granted'; constructor(title, more)"
            " { window.shown.push([title, more.body]); } addEventListener() {} }; }"
        )
        await page.evaluate("location.hash = '#/settings/notifications'")
        await page.get_by_role("switch", name="Notification").check()
        row = DeviceRow("k1o5k", "kiosk", "Debian 12", True, time.time(), True, "Touch does nothing", time.time())
        technician.relay.change(DevicesUpdate((row,)))
        await expect(page).to_have_title("(3) Settings – Handrail")
        await page.wait_for_function("window.shown.length > 0")
        assert await page.evaluate("window.shown") == [["kiosk asks for help", "Touch does nothing"]]


async def test_digits_typed_anywhere_or_pasted_reach_the_code(open_console: Open) -> None:
    async with open_console() as technician:
        page, field = technician.page, technician.page.get_by_label("Code", exact=True)
        await page.keyboard.press("4")
        await expect(field).to_be_focused()
        await expect(field).to_have_value("4")
        await page.keyboard.type("82913507")
        await expect(field).to_have_value("482 913 507")
        await field.fill("")
        await page.locator("h2").first.click()
        await page.keyboard.press("c")
        await expect(field).to_be_focused()
        await page.locator("h2").first.click()
        await page.evaluate(
            "const data = new DataTransfer(); data.setData('text', 'the code is 482-913-507');"
            "document.body.dispatchEvent(new ClipboardEvent('paste', {clipboardData: data, bubbles: true, cancelable: true}))"
        )
        await expect(field).to_have_value("482 913 507")
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("dialog")).to_contain_text("482 913 507")


async def test_what_earlier_sessions_told_is_searched_and_shown(open_console: Open) -> None:
    async with open_console(known=True) as technician:
        page, rows = technician.page, technician.page.locator(".device-table tbody tr")
        await page.get_by_placeholder("Search name").fill("ines")
        await expect(rows).to_have_count(1)
        await expect(rows).to_contain_text("lab-laptop-11")
        await page.get_by_placeholder("Search name").fill("")
        await page.get_by_role("radio", name="Needs care").click()
        await expect(rows).to_have_count(2)
        await page.get_by_role("radio", name="All").click()
        await page.get_by_label("Group").select_option("office")
        await expect(rows).to_have_count(2)
        technician.relay.now_known.publish({"f6g9y3u7i1o5": KnownDevice("warehouse-scanner", "office", 1.0)})
        await expect(rows).to_have_count(3)


async def test_a_favourite_is_kept_by_the_console_for_every_window(open_console: Open) -> None:
    async with open_console() as technician:
        page = technician.page
        await page.get_by_role("button", name="Favourite: warehouse-scanner").click()
        await expect(page.locator(".chosen")).to_contain_text("warehouse-scanner")
        await page.evaluate("localStorage.clear()")
        await page.reload()
        await page.get_by_role("radio", name="Favourites").click()
        await expect(page.locator(".device-table tbody tr")).to_have_count(1)
        assert PreferencesFile(technician.address.file.parents[1]).now.favourites == ["f6g9y3u7i1o5"]


async def test_a_relay_that_is_away_is_counted_down_and_nobody_can_be_asked(open_console: Open) -> None:
    async with open_console() as technician:
        page = technician.page
        technician.relay.change(RelayState(False, "The connection was cut.", retry_in=30.0))
        await expect(page.get_by_role("alert")).to_contain_text("Trying again in")
        await expect(page.get_by_label("Ask to help on meeting-room-2")).to_be_disabled()
        await expect(page.get_by_role("button", name="Help reception-pc")).to_be_disabled()
        technician.relay.change(RelayState(True))
        await expect(page.get_by_label("Ask to help on meeting-room-2")).to_be_enabled()


async def test_an_expired_certificate_is_renewed_from_the_banner(open_console: Open) -> None:
    async with open_console() as technician:
        await home_expired(technician)
        page = technician.page
        technician.relay.not_renewed = Unavailable("The organisation's signer has not answered.")
        await page.get_by_role("button", name="Renew now").click()
        await expect(page.get_by_role("alert")).to_contain_text("signer has not answered")
        technician.relay.not_renewed = None
        await page.get_by_role("button", name="Renew now").click()
        await expect(page.get_by_role("alert")).to_have_count(0)
        technician.problems[:] = [one for one in technician.problems if "502" not in one]


async def frames_of_scrolling(page: Page) -> list[float]:
    """Scrolls the list from top to end in 120 frames; milliseconds of each frame."""
    frames: list[float] = await page.evaluate(
        """async () => {
          const box = document.querySelector(".table-scroll");
          const times = [];
          let last = await new Promise(requestAnimationFrame);
          for (let step = 1; step <= 120; step += 1) {
            box.scrollTop = (box.scrollHeight - box.clientHeight) * step / 120;
            const now = await new Promise(requestAnimationFrame);
            times.push(now - last);
            last = now;
          }
          return times;
        }"""
    )
    return frames


async def test_ten_thousand_devices_through_the_real_adapter(
    browser: Browser, tmp_path_factory: pytest.TempPathFactory, record_property: Callable[[str, object], None]
) -> None:
    organisation, home = Organisation(), tmp_path_factory.mktemp("home")
    now = time.time()
    rows = [DeviceRow(f"d{at:05}", f"till-{at}", "Debian 12, GNOME", at % 10 != 0, now - at) for at in range(MANY)]
    board = Switchboard(organisation)
    board.more_rows = rows
    async with running(board) as relay:
        keys = keys_of(organisation, organisation.technician(), relay.url)
        async with relay_port(keys, Settings(home)) as port, running_console(port, home) as address:
            context = await new_context(browser, viewport={"width": 1280, "height": 720})
            page = await context.new_page()
            await page.goto(address.file.as_uri())
            await expect(page.get_by_role("radio", name="All")).to_contain_text("10,000")
            grid = page.get_by_role("grid", name="Devices")
            assert await grid.get_attribute("aria-rowcount") == "10001"
            count = "document.querySelectorAll('.device-table .device-rows tr').length"
            assert await page.evaluate(count) < 60
            frames = await frames_of_scrolling(page)
            record_property("scroll_frame_ms_p95", sorted(frames)[int(len(frames) * 0.95)])
            assert await page.evaluate(count) < 60
            await expect(page.locator("#device-d09990")).to_be_visible()  # the last, offline, is at the end

            await grid.focus()
            await page.keyboard.press("Home")
            await expect(page.locator("#device-d00001")).to_be_visible()
            await page.keyboard.press("End")
            await expect(grid).to_have_attribute("aria-activedescendant", "device-d09990")
            await page.keyboard.press("ArrowUp")
            await expect(grid).to_have_attribute("aria-activedescendant", "device-d09980")
            await page.keyboard.press("Home")
            # At once: letters that come a second apart are letters of different words.
            await grid.evaluate(
                "(grid) => { for (const key of 'till-7777')"
                " grid.dispatchEvent(new KeyboardEvent('keydown', {key, bubbles: true})); }"
            )
            await expect(grid).to_have_attribute("aria-activedescendant", "device-d07777")
            await expect(page.locator("#device-d07777")).to_be_in_viewport()

            await board.announce(DeviceRow("d07777", "till-7777", "Debian 13", False, now))
            await expect(page.locator("#device-d07777")).to_have_count(0)  # offline now, so far below
            await page.get_by_placeholder("Search name").fill("till-7777")
            await expect(page.locator("#device-d07777")).to_contain_text("Seen")
            assert await page.evaluate(count) == 1
            await context.close()
