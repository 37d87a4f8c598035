"""Beside the picture: findings, tables, fixes with their proof, chat, permissions, quality and the end."""

import time

import msgspec
import pytest
from playwright.async_api import expect

from protocol.capabilities import Capability
from protocol.errors import RefusalReason
from protocol.messages.chat import ChatMessage
from protocol.messages.diagnostics import DiagnosticsCollect, DiagnosticsTable, Finding
from protocol.messages.fixes import FixCancel, FixResult, FixRun
from protocol.messages.screen import Tile
from protocol.messages.session import CapabilityReturn, Refusal
from technician_client.console.ports import SessionOver
from tests.integration.console.conftest import Open, Technician
from tests.kit.console import denied, sample_findings, sample_fixes, sample_tables
from tests.kit.console_gallery import fix_changed
from tests.kit.console_page import STILL, press_twice_async
from tests.kit.waiting import PATIENCE, eventually_async

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

MARKUP = "<script>document.title='owned'</script>"


def furnish(technician: Technician) -> None:
    """Something to find, to read and to run."""
    session = technician.session
    session.findings, session.fixes, session.tables = sample_findings(), sample_fixes(), sample_tables()


async def test_findings_come_by_themselves_worst_first_with_evidence(open_console: Open) -> None:
    async with open_console() as technician:
        furnish(technician)
        await technician.open_session()
        page = technician.page
        await expect(page.locator(".finding h3")).to_have_text(
            ["The system disk is almost full", "A service has failed: cups.service", "The clock is not synchronised"]
        )
        await expect(page.locator(".finding").first.locator(".evidence")).to_contain_text("/var/cache/apt 2.1 GB")
        await expect(page.locator("#tab-findings .count")).to_have_text("3")
        assert len(technician.session.of(DiagnosticsCollect)) == 1
        await page.get_by_role("button", name="Check again").click()
        await eventually_async(lambda: len(technician.session.of(DiagnosticsCollect)) == 2, "asked anew")
        await expect(page.get_by_text("Checked just now in 812 ms")).to_be_visible()


async def test_a_finding_leads_to_its_fix_and_to_the_proof(open_console: Open) -> None:
    async with open_console() as technician:
        furnish(technician)
        technician.session.hold_fix.clear()
        await technician.open_session()
        page = technician.page
        await page.locator(".finding").first.get_by_role("button", name="Run fix").click()
        await expect(page.get_by_label("Keep packages newer than")).to_have_value("7")
        await page.get_by_label("Keep packages newer than").fill("400")
        await page.locator(".fix-form").get_by_role("button", name="Run fix").click()
        await expect(page.get_by_role("alert")).to_have_text("Not above 365.")
        await page.get_by_label("Keep packages newer than").fill("30")
        await page.locator(".fix-form").get_by_role("button", name="Run fix").click()
        await expect(page.locator(".output")).to_contain_text("freed 1.9 GB")
        await expect(page.locator(".output .stderr")).to_have_text("one file was in use and stays\n")
        await expect(page.locator(".stage-now")).to_have_text("Run")
        await page.get_by_role("button", name="Stop", exact=True).click()
        technician.session.hold_fix.set()
        await expect(page.locator(".result-head strong")).to_have_text("Fixed")
        await expect(page.locator(".solved")).to_contain_text("The system disk is almost full: gone")
        run = technician.session.of(FixRun)[0]
        assert isinstance(run, FixRun)
        assert run.digest == technician.session.fixes[0].digest
        assert (run.id, run.parameters, run.finding) == ("clean_package_cache", {"keep_days": 30, "dry_run": False}, "disk_full")
        assert technician.session.of(FixCancel) == [FixCancel(run.request)]
        await page.locator("#tab-findings").click()
        await expect(page.locator(".finding h3")).to_have_count(2)


async def test_a_fix_that_cannot_run_says_why(open_console: Open) -> None:
    async with open_console() as technician:
        furnish(technician)
        await technician.open_session()
        page = technician.page
        await page.locator("#tab-fixes").click()
        await page.get_by_role("button", name="Reset the network").click()
        await expect(page.locator(".error")).to_have_text("Needs the agent to run as the administrator.")
        await expect(page.locator(".fix-form")).to_have_count(0)


async def test_a_refused_fix_is_a_result_not_a_riddle(open_console: Open) -> None:
    async with open_console() as technician:
        furnish(technician)
        technician.session.hold_fix.clear()
        await technician.open_session()
        page = technician.page
        await page.locator(".finding").first.get_by_role("button", name="Run fix").click()
        await page.locator(".fix-form").get_by_role("button", name="Run fix").click()
        await page.locator(".output").wait_for()
        run = technician.session.of(FixRun)[0]
        assert isinstance(run, FixRun)
        technician.session.say(Refusal("fixes.run", run.request, RefusalReason.DENIED_BY_USER, "The user said no."))
        await expect(page.locator(".result")).to_contain_text("The user said no.")


async def test_a_fix_that_was_changed_meanwhile_is_looked_at_again(open_console: Open) -> None:
    async with open_console() as technician:
        furnish(technician)
        technician.session.hold_fix.clear()
        await technician.open_session()
        page, session = technician.page, technician.session
        await page.locator("#tab-fixes").click()
        await page.get_by_role("button", name="Clean the package cache").click()
        await page.get_by_role("button", name="Run fix").click()
        await page.locator(".output").wait_for()
        (run,) = session.of(FixRun)
        assert isinstance(run, FixRun)
        newer = msgspec.structs.replace(session.fixes[0], version="2.0", description="Removes all of it.", digest="81" * 32)
        session.fixes[0] = newer
        text = "It was changed since you looked at it: it is version 2.0 here now."
        session.say(FixResult(run.request, run.id, "2.0", "refused", 5.0, None, RefusalReason.CHANGED, text, digest="81" * 32))
        await expect(page.locator(".result")).to_contain_text(text)
        await expect(page.get_by_text("Removes all of it.")).to_have_count(0)
        await page.get_by_role("button", name="Look at the new one").click()
        await expect(page.get_by_text("Removes all of it.")).to_be_visible()
        await expect(page.get_by_text("818181818181")).to_be_visible()
        await expect(page.get_by_role("button", name="Look at the new one")).to_have_count(0)


async def test_fixes_are_asked_for_where_they_are_needed(open_console: Open) -> None:
    async with open_console(granted=(Capability.VIEW, Capability.DIAGNOSTICS)) as technician:
        furnish(technician)
        await technician.open_session()
        page = technician.page
        await page.locator(".finding").first.get_by_role("button", name="Run fix").click()
        technician.session.answer = lambda _capability: denied(RefusalReason.DENIED_BY_USER, "The user said no.")
        await page.get_by_role("button", name="Ask for it").click()
        await expect(page.locator(".notice")).to_contain_text("The user said no.")
        technician.session.answer = lambda _capability: None
        await page.get_by_role("button", name="Ask for it").click()
        await expect(page.locator(".fix-form")).to_be_visible()


async def test_tables_open_sort_search_and_say_why_not(open_console: Open) -> None:
    async with open_console() as technician:
        furnish(technician)
        await technician.open_session()
        page = technician.page
        await page.locator("#tab-tables").click()
        await expect(page.locator(".tables li")).to_have_count(7)
        await expect(page.locator(".tables li").filter(has_text="services")).to_contain_text("failed")
        await page.get_by_role("button", name="processes").click()
        await page.get_by_role("button", name="resident_mb").click()
        await page.get_by_role("button", name="resident_mb").click()
        await expect(page.locator(".rows tbody tr").first).to_contain_text("bash")
        await page.get_by_placeholder("Search rows").fill("fire")
        await expect(page.locator(".rows tbody tr")).to_have_count(1)
        await expect(page.get_by_text("12 rows were left out")).to_be_visible()
        await page.get_by_role("button", name="All tables").click()
        await page.get_by_role("button", name="services").click()
        await expect(page.get_by_text("systemctl did not answer")).to_be_visible()


async def test_hostile_tables_findings_and_chat_are_inert(open_console: Open) -> None:
    async with open_console() as technician:
        session = technician.session
        session.findings = [Finding(MARKUP, MARKUP, "critical", MARKUP, {MARKUP: MARKUP}, MARKUP, {}, MARKUP)]
        session.tables = [DiagnosticsTable(0, MARKUP, "ok", 1.0, 1.0, [{MARKUP: MARKUP}, {MARKUP: MARKUP}])]
        await technician.open_session()
        page = technician.page
        await expect(page.locator(".finding h3")).to_have_text(MARKUP)
        await page.locator("#tab-tables").click()
        await page.locator(".tables button").click()
        await expect(page.locator(".rows td").first).to_have_text(MARKUP)
        await page.locator("#tab-chat").click()
        session.say(ChatMessage(MARKUP, 0.0))
        await expect(page.locator(".bubble p")).to_have_text(MARKUP)
        assert await page.locator("#app script").count() == 0
        assert "owned" not in await page.title()


async def test_chat_goes_both_ways_and_counts_what_is_unread(open_console: Open) -> None:
    async with open_console() as technician:
        await technician.open_session()
        page = technician.page
        technician.session.say(ChatMessage("Hello?", time.time()))
        await expect(page.locator("#tab-chat .count")).to_have_text("1")
        await page.locator("#tab-chat").click()
        await expect(page.locator("#tab-chat .count")).to_have_count(0)
        await page.get_by_label("Message").fill("Yes, I am here")
        await page.keyboard.press("Enter")
        await expect(page.locator(".bubble p")).to_have_text(["Hello?", "Yes, I am here"])
        said = technician.session.of(ChatMessage)[0]
        assert isinstance(said, ChatMessage)
        assert said.text == "Yes, I am here"
        await page.reload()
        await page.locator("#tab-chat").click()
        await expect(page.locator(".bubble p")).to_have_text(["Hello?", "Yes, I am here"])


async def test_permissions_are_shown_given_back_and_asked_for(open_console: Open) -> None:
    async with open_console() as technician:
        await technician.open_session()
        page = technician.page
        menu = page.locator("[data-menu=permissions]")
        await menu.locator("> button").click()
        await expect(menu.locator(".granted")).to_have_count(5)
        await page.get_by_role("button", name="Give back: use mouse and keyboard").click()
        await technician.painted(technician.session.update())
        assert technician.session.of(CapabilityReturn) == [CapabilityReturn(Capability.CONTROL)]
        technician.session.grant(*(technician.session.granted - {Capability.CONTROL}))
        await expect(menu.locator(".granted")).to_have_count(4)
        await page.get_by_role("button", name="Ask: use mouse and keyboard").click()
        await expect(menu.locator(".granted")).to_have_count(5)
        await page.keyboard.press("Escape")
        await expect(menu.locator(".menu-box")).to_have_count(0)


async def test_quality_gives_numbers_and_a_reason(open_console: Open) -> None:
    async with open_console() as technician:
        await technician.open_session()
        page = technician.page
        await page.locator("[data-menu=quality] > button").click()
        box = page.locator("[data-menu=quality] .menu-box")
        await expect(box).to_contain_text("Nothing changes on the screen")
        await expect(box).to_contain_text("12 ms")
        end = time.monotonic() + PATIENCE
        while "Good" not in await box.inner_text():
            assert time.monotonic() < end
            technician.session.update(Tile(0, 0, 5, 5, "fill", b"abc"))
            await page.wait_for_timeout(30)
        await expect(box).to_contain_text("800 × 600")


async def test_ending_asks_once_and_shows_the_receipt(open_console: Open) -> None:
    async with open_console() as technician:
        await technician.open_session()
        page = technician.page
        ended: list[object] = []
        end, really = page.get_by_role("button", name="End session"), page.get_by_role("button", name="Really end?")
        await press_twice_async(end, really, once=lambda: ended.append(technician.session.over))
        assert ended[-1] is None
        await expect(page.get_by_role("heading", name="The session has ended")).to_be_visible()
        await page.locator(".receipt summary").click()
        await expect(page.locator(".receipt pre")).to_contain_text('"actions": 3')


async def test_a_cut_is_told_apart_from_an_end(open_console: Open) -> None:
    async with open_console() as technician:
        await technician.open_session()
        technician.session.finish(SessionOver("cut", clean=False, by_peer=True, text="The connection to the device was cut."))
        await expect(technician.page.get_by_role("heading", name="The session was cut")).to_be_visible()


async def test_a_second_tab_takes_over_and_the_first_says_so(open_console: Open) -> None:
    async with open_console() as technician:
        await technician.open_session()
        second = await technician.page.context.new_page()
        await second.goto(technician.page.url)
        await expect(technician.page.get_by_text("Another tab shows this session now.")).to_be_visible()
        await expect(second.locator("#screen")).to_be_visible()


async def test_going_back_to_the_list_keeps_the_session_within_reach(open_console: Open) -> None:
    async with open_console() as technician:
        await technician.open_session()
        page = technician.page
        await page.get_by_label("All devices").click()
        await page.locator(".session-chip a").click()
        await technician.painted(2)
        assert technician.session.over is None


async def test_tabs_are_turned_by_arrows(open_console: Open) -> None:
    async with open_console() as technician:
        await technician.open_session()
        page = technician.page
        await page.locator("#tab-findings").focus()
        await page.keyboard.press("ArrowDown")
        second = page.locator("[role=tab]").nth(1)
        await expect(second).to_be_focused()
        await expect(second).to_have_attribute("aria-selected", "true")
        await page.keyboard.press("ArrowUp")
        await page.keyboard.press("ArrowUp")
        await expect(page.locator("[role=tab]").last).to_be_focused()
        await page.keyboard.press("Home")
        await expect(page.locator("#tab-findings")).to_have_attribute("aria-selected", "true")


async def test_a_panel_is_folded_away_and_comes_back_after_a_reload(open_console: Open) -> None:
    async with open_console() as technician:
        await technician.open_session()
        page = technician.page
        await page.locator("#tab-chat").click()
        await page.reload()
        await expect(page.locator("#panel-chat")).to_be_visible()
        await page.locator("#screen").evaluate(STILL)
        room = await page.locator(".room").bounding_box()
        await page.get_by_role("button", name="Fold away Chat").click()
        await expect(page.locator("[role=tabpanel]")).to_have_count(0)
        await expect(page.locator("#tab-chat")).to_be_focused()
        assert room is not None
        grown = f"document.querySelector('.room').getBoundingClientRect().width > {room['width'] + 200}"
        await page.wait_for_function(grown)
        await page.reload()
        await expect(page.locator(".rail")).to_be_visible()
        await expect(page.locator("[role=tabpanel]")).to_have_count(0)
        await page.get_by_role("button", name="Open the panel").click()
        await expect(page.locator("#panel-chat")).to_be_visible()


async def test_what_is_not_allowed_is_grey_and_can_be_asked_for(open_console: Open) -> None:
    async with open_console(granted=(Capability.VIEW,)) as technician:
        await technician.open_session()
        page = technician.page
        await expect(page.get_by_role("tab", name="Findings")).to_have_accessible_name("Findings , not allowed yet")
        await page.locator("#panel-findings").get_by_role("button", name="Ask for it").click()
        await expect(page.locator("#tab-findings")).not_to_have_class("rail-locked")
        await expect(page.locator("#panel-findings")).to_contain_text("Checked")


async def test_a_run_of_a_fix_that_was_changed_meanwhile_leads_to_what_changed(open_console: Open) -> None:
    async with open_console() as technician:
        await fix_changed(technician)
        page = technician.page
        await expect(page.get_by_role("alert")).to_contain_text("version 9.9")
        assert technician.relay.orders == []
        await page.get_by_role("button", name="Look at the new one").click()
        await expect(page.get_by_text("empty-trash 9.9")).to_be_visible()
        await expect(page.get_by_role("radio", name="Changes")).to_be_checked()
        await page.get_by_role("checkbox", name="reception-pc").check()
        await page.get_by_role("button", name="Run on 1 device").click()
        await expect(page.locator(".run-device")).to_have_count(1)
        assert technician.relay.orders[0].digest == technician.relay.shelf.scripts["empty-trash"].digest  # type: ignore[union-attr]
