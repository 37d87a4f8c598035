"""Every page and dialog, in both themes: no serious finding of axe-core; and a walk through the console by keyboard alone."""

import re
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, expect

from protocol.capabilities import Capability
from tests.integration.console.conftest import Open
from tests.kit.console_gallery import SCENES, Scene
from tests.kit.console_window import console_window
from tests.kit.waiting import eventually_async

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

AXE = Path(__file__).parents[3] / "node_modules" / "axe-core" / "axe.min.js"
RUN_AXE = """async () => {
  const wanted = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];
  const found = await axe.run(document, {resultTypes: ["violations"], runOnly: wanted});
  const told = ({target, failureSummary}) => `${target.join(" ")}: ${failureSummary}`;
  return found.violations.map(({id, impact, help, nodes}) => ({id, impact, help, where: nodes.slice(0, 4).map(told)}));
}"""
SETTLED = """() => Promise.all(document.getAnimations()
  .filter((one) => one.effect.getComputedTiming().iterations !== Infinity).map((one) => one.finished.catch(() => {})))"""
GRAVE = ("serious", "critical")


async def grave_findings(page: Any) -> list[dict[str, Any]]:
    """What axe-core finds that is serious or critical. It is put into the page by the debugger, past the page's own policy."""
    await page.evaluate(AXE.read_text("utf-8"))
    return [one for one in await page.evaluate(RUN_AXE) if one["impact"] in GRAVE]


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.name)
async def test_no_serious_finding_in_either_theme(browser: Browser, tmp_path: Path, scene: Scene) -> None:
    options = scene.options | {"color_scheme": "light", "reduced_motion": "reduce"}
    async with console_window(browser, tmp_path, **options) as technician:
        await scene.arrive(technician)
        assert await grave_findings(technician.page) == []
        await technician.page.emulate_media(color_scheme="dark")
        await technician.page.wait_for_function("getComputedStyle(document.body).backgroundColor === 'rgb(14, 18, 22)'")
        await technician.page.evaluate(SETTLED)
        assert await grave_findings(technician.page) == []


async def focused(technician: Any) -> str:
    """What has the focus, in words."""
    name: str = await technician.page.evaluate(
        "(e => e.getAttribute('aria-label') || e.id || e.textContent.trim().slice(0, 40) || e.tagName)(document.activeElement)"
    )
    return name


async def test_every_stop_of_the_keyboard_can_be_seen_and_leads_round(open_console: Open) -> None:
    async with open_console(known=True) as technician:
        page, seen = technician.page, list[str]()
        await expect(page.get_by_role("button", name="Help reception-pc")).to_be_visible()
        await expect(page.locator(".device-table .device-rows tr")).to_have_count(8)
        for _ in range(40):
            await page.keyboard.press("Tab")
            if await page.evaluate("document.activeElement === document.body"):
                break
            outline = await page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
            seen.append(await focused(technician))
            assert outline != "none", seen[-1]
        assert seen[0] == "Skip to the page"
        for stop in ("Library", "Settings", "Help reception-pc", "Code", "search-field", "Devices"):
            assert any(stop in one for one in seen), stop
        assert len(seen) < 30  # a list of any length is one stop


async def test_a_device_by_keyboard_from_the_search_to_the_call_and_back(open_console: Open) -> None:
    async with open_console(known=True) as technician:
        page = technician.page
        await page.keyboard.press("/")
        await page.keyboard.type("EX-00390")
        await expect(page.locator(".device-table .device-rows tr")).to_have_count(1)
        await page.keyboard.press("ArrowDown")
        grid = page.get_by_role("grid", name="Devices")
        await expect(grid).to_be_focused()
        await expect(grid).to_have_attribute("aria-activedescendant", re.compile("device-"))
        active = await grid.get_attribute("aria-activedescendant")
        await expect(page.locator(f"#{active}")).to_contain_text("meeting-room-2")
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("dialog")).to_contain_text("Ask to help on meeting-room-2")
        await page.keyboard.press("Escape")
        await expect(page.get_by_role("dialog")).to_have_count(0)
        await expect(grid).to_be_focused()
        await page.keyboard.press("Space")
        await expect(page.get_by_role("button", name="Favourite: meeting-room-2")).to_have_attribute("aria-pressed", "true")
        await page.keyboard.press("Enter")
        await page.get_by_role("dialog").get_by_label("Reason").fill("from the keyboard")
        await page.keyboard.press("Control+Enter")
        await page.get_by_role("dialog").get_by_role("button", name="Ask", exact=True).focus()
        await page.keyboard.press("Enter")
        await expect(page.get_by_text("Calling the device")).to_be_visible()
        await eventually_async(lambda: technician.relay.opened, "the call")
        assert technician.relay.opened[0][2] == "from the keyboard"


async def test_a_page_that_is_gone_to_has_the_focus_and_back_works(open_console: Open) -> None:
    async with open_console() as technician:
        page = technician.page
        await page.keyboard.press("Alt+2")
        await expect(page.get_by_role("heading", name="Library", exact=True)).to_be_visible()
        await expect(page.locator("#content")).to_be_focused()
        await expect(page).to_have_title("(2) Library – Handrail")
        await page.get_by_role("link", name="Settings", exact=True).click()
        await page.get_by_role("link", name="Shortcuts", exact=True).click()
        await page.go_back()
        await expect(page.get_by_role("heading", name="Identity", exact=True)).to_be_visible()
        await page.go_back()
        await expect(page.get_by_role("heading", name="Library", exact=True)).to_be_visible()
        await page.go_back()
        await expect(page.get_by_role("heading", name="Connect by code")).to_be_visible()


async def test_a_kept_address_leads_to_its_page_anew(open_console: Open) -> None:
    async with open_console() as technician:
        page = technician.page
        await page.goto(f"{technician.address.origin}/#/library/empty-trash")
        await page.reload()
        await expect(page.get_by_role("heading", name="Empty the trash")).to_be_visible()


async def test_movement_is_kept_small_where_that_is_wanted(open_console: Open) -> None:
    async with open_console(loaded=False, reduced_motion="reduce") as technician:
        await technician.page.locator(".bone").first.wait_for()
        durations = await technician.page.evaluate(
            "[...document.querySelectorAll('*')].map((e) => getComputedStyle(e)).filter((s) => s.transitionDuration !== '0s' "
            "&& s.transitionProperty !== 'all' && s.transitionProperty !== 'none').map((s) => s.transitionProperty)"
        )
        assert durations == []


@pytest.mark.parametrize("address", ["#/", "#/library", "#/library/empty-trash", "#/settings/about"])
async def test_a_page_at_twice_its_size_needs_no_scrolling_sideways(open_console: Open, address: str) -> None:
    # 1280 x 720 at 200 % is 640 x 360 CSS pixels.
    async with open_console(known=True, viewport={"width": 640, "height": 360}, granted=(Capability.CHAT,)) as technician:
        await technician.page.evaluate("hash => { location.hash = hash; }", address)
        await technician.page.locator("#content").wait_for()
        await expect(technician.page.locator(".skeleton")).to_have_count(0)
        assert await technician.page.evaluate("document.documentElement.scrollWidth") <= 640
