"""The panel of everybody who helps on a device: who is here, whose mouse and keyboard it is, handing over, asking, calling."""

from pathlib import Path

import msgspec
import pytest
from playwright.async_api import Page, expect

from protocol.capabilities import Capability
from protocol.errors import RefusalReason, Unavailable
from protocol.messages.chat import ChatMessage
from protocol.messages.colleagues import (
    ColleaguesState,
    ControlAsk,
    ControlAsked,
    ControlKeep,
    HandOver,
    Invite,
    InviteCancel,
    InviteNotes,
    People,
    Person,
)
from protocol.messages.session import Called, Refusal
from technician_client.colleagues import Colleague
from technician_client.console.ports import DevicesUpdate, GrantsNow
from technician_client.knocking import CallAtDevice
from tests.integration.console.conftest import WATCH_AND_CONTROL, Open, Technician
from tests.kit.waiting import eventually_async

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]
COLLEAGUES = (*WATCH_AND_CONTROL, Capability.COLLEAGUES)
SHOTS = Path(__file__).parents[3] / "build" / "screens"
ME, BEN = Person(1, "Anna Berger", 2, [Capability.VIEW, Capability.CONTROL], True), Person(2, "Ben Ruiz", 3, [Capability.VIEW])
BEN_CONTROLS = [
    Person(1, "Anna Berger", 2, [Capability.VIEW], True),
    Person(2, "Ben Ruiz", 3, [Capability.VIEW, Capability.CONTROL]),
]


async def sent(technician: Technician, kind: type) -> object:
    """The newest message of this kind that the page has sent."""
    return (await eventually_async(lambda: technician.session.of(kind), f"a {kind.__name__}"))[-1]


async def people_panel(technician: Technician) -> Page:
    await technician.open_session()
    await technician.page.get_by_role("tab", name="People").click()
    return technician.page


async def test_a_colleague_is_called_with_the_notes_of_the_session(open_console: Open) -> None:
    async with open_console(granted=COLLEAGUES) as technician:
        await technician.open_session()
        page = technician.page
        await page.get_by_role("tab", name="Notes").click()
        await page.get_by_role("textbox", name="Notes").fill("the spooler crashes")
        await page.get_by_role("tab", name="People").click()
        await expect(page.get_by_text("You are alone here")).to_be_visible()
        await expect(page.get_by_label("What they should know")).to_have_value("the spooler crashes")
        await page.get_by_role("button", name="Ask the user, then call").click()
        invite = await sent(technician, Invite)
        assert isinstance(invite, Invite)
        assert (invite.tier, invite.note) == (3, "the spooler crashes")
        technician.session.say(ColleaguesState(invite.request, "asking_user"))
        await expect(page.get_by_text("The user is being asked")).to_be_visible()
        technician.session.say(ColleaguesState(invite.request, "called", "", 600.0))
        technician.session.say(People([ME], 3))
        await expect(page.get_by_text("A technician of tier 3 is called")).to_be_visible()
        await page.reload()
        await page.get_by_role("button", name="Take it back").click()
        await sent(technician, InviteCancel)


async def test_handing_over_and_asking(open_console: Open) -> None:
    async with open_console(granted=COLLEAGUES) as technician:
        page = await people_panel(technician)
        technician.session.say(People([ME, BEN]))
        listed = page.get_by_role("list", name="Technicians who are here")
        await expect(listed.get_by_role("listitem")).to_have_count(2)
        await expect(page.get_by_text("You have mouse and keyboard.")).to_be_visible()
        technician.session.say(ControlAsked(2, "Ben Ruiz"))
        card = page.get_by_role("alert").filter(has_text="asks for mouse and keyboard")
        SHOTS.mkdir(parents=True, exist_ok=True)
        await page.screenshot(path=SHOTS / "people.png")
        await card.get_by_role("button", name="Keep them").click()
        assert await sent(technician, ControlKeep) == ControlKeep(2)
        await expect(card).to_have_count(0)
        await listed.get_by_role("button", name="Hand over").click()
        handed = await sent(technician, HandOver)
        assert isinstance(handed, HandOver) and handed.number == 2
        technician.session.say(GrantsNow(frozenset(COLLEAGUES) - {Capability.CONTROL}))
        technician.session.say(ColleaguesState(handed.request, "handed_over", "Ben Ruiz"))
        technician.session.say(People(BEN_CONTROLS))
        line = page.locator(".control-line")
        await expect(line).to_contain_text("Ben Ruiz has mouse and keyboard: watch along, or ask for them.")
        await line.get_by_role("button", name="Ask for control").click()
        asked = await sent(technician, ControlAsk)
        assert isinstance(asked, ControlAsk)
        technician.session.say(ColleaguesState(asked.request, "asking_holder", "Ben Ruiz"))
        await expect(line).to_contain_text("Ben Ruiz is being asked")
        technician.session.say(
            Refusal("colleagues.control_ask", asked.request, RefusalReason.BUSY, "Ben Ruiz keeps mouse and keyboard for now.")
        )
        await expect(page.locator(".panel-people .error")).to_have_text("Ben Ruiz keeps mouse and keyboard for now.")
        await page.emulate_media(color_scheme="dark")
        await page.screenshot(path=SHOTS / "people-dark.png")


async def test_whoever_was_called_reads_the_note_and_the_badge_says_so(open_console: Open) -> None:
    async with open_console(granted=COLLEAGUES) as technician:
        await technician.open_session()
        page = technician.page
        technician.session.say(InviteNotes("<b>Ana</b> Ruiz", 1, "see the log\n<script>", 1795262400.0))
        technician.session.say(ChatMessage("hello Ben", 0.0, "Ana Ruiz"))
        await expect(page.get_by_role("tab", name="People").locator(".count")).to_have_text("1")
        await page.get_by_role("tab", name="People").click()
        notes = page.get_by_role("region", name="Why you were called")
        await expect(notes.get_by_role("heading")).to_have_text("<b>Ana</b> Ruiz called you")
        await expect(notes).to_contain_text("<script>")
        await expect(page.get_by_role("tab", name="People").locator(".count")).to_have_count(0)
        await page.get_by_role("tab", name="Chat").click()
        await expect(page.locator(".bubble-colleague .bubble-name")).to_have_text("Ana Ruiz")


async def test_without_it_the_panel_offers_to_ask(open_console: Open) -> None:
    async with open_console() as technician:
        page = await people_panel(technician)
        await expect(page.get_by_text("You may not see who else helps here")).to_be_visible()
        await page.get_by_role("button", name="Ask for it").click()
        await expect(page.get_by_text("You are alone here")).to_be_visible()


async def test_a_colleague_is_called_by_name_and_everything_that_can_become_of_it_is_said(open_console: Open) -> None:
    async with open_console(granted=COLLEAGUES) as technician:
        technician.relay.online = (Colleague("q7w3", "Ben Ruiz", 3), Colleague("z4x8", "Dora Lind", 2))
        page = await people_panel(technician)
        await page.get_by_role("radio", name="By name").click()
        call = page.get_by_role("form", name="Call a colleague")
        await expect(call.get_by_text("2 of 2 logged in")).to_be_visible()
        await expect(call.get_by_role("button", name="Ask the user, then call")).to_be_disabled()
        await call.get_by_label("Filter colleagues by name").fill("dORa")
        await expect(call.locator(".online-one")).to_have_count(1)
        await call.get_by_label("Filter colleagues by name").fill("be")
        await call.get_by_role("radio", name="Ben Ruiz").check()
        await call.get_by_label("What they should know").fill("see the log")
        await call.get_by_role("button", name="Ask the user, then call Ben Ruiz").click()
        invite = await sent(technician, Invite)
        assert isinstance(invite, Invite)
        assert (invite.peer, invite.tier, invite.note) == ("q7w3", 3, "see the log")
        # The user says no.
        technician.session.say(ColleaguesState(invite.request, "asking_user"))
        await expect(page.get_by_text("The user is being asked")).to_be_visible()
        no = Refusal("colleagues.invite", invite.request, RefusalReason.DENIED_BY_USER, "The person there did not agree.")
        technician.session.say(no)
        await expect(page.get_by_role("alert")).to_have_text("The person there did not agree.")
        # They say yes; a reloaded page still knows who is meant, and how it ended stays.
        await call.get_by_role("button", name="Ask the user, then call Ben Ruiz").click()
        await eventually_async(lambda: len(technician.session.of(Invite)) == 2, "asked again")
        technician.session.say(ColleaguesState(technician.session.of(Invite)[1].request, "called", "", 600.0))  # type: ignore[attr-defined]
        technician.session.say(People([ME], 3))
        await page.reload()
        await expect(page.get_by_text("Ben Ruiz is called")).to_be_visible()
        await expect(page.get_by_text("left, then the call has run out")).to_be_visible()
        await page.get_by_role("button", name="Take it back").click()
        await sent(technician, InviteCancel)
        technician.session.say(ColleaguesState(0, "ended", "Nobody came in time."))
        technician.session.say(People([ME]))
        await expect(page.locator(".call-outcome")).to_have_text("Nobody is called any more. Nobody came in time.")
        technician.session.say(ColleaguesState(0, "came", "Ben Ruiz"))
        await expect(page.locator(".call-outcome")).to_have_text("Ben Ruiz came and has your note.")


async def test_where_nobody_is_there_or_nobody_can_say_it_is_said(open_console: Open) -> None:
    async with open_console(granted=COLLEAGUES) as technician:
        page = await people_panel(technician)
        await page.get_by_role("radio", name="By name").click()
        await expect(page.get_by_text("No colleague is logged in now.")).to_be_visible()
        technician.relay.online = Unavailable("The relay is away.")
        await page.get_by_role("tab", name="Chat").click()
        await page.get_by_role("tab", name="People").click()
        await page.get_by_role("radio", name="By name").click()
        await expect(page.get_by_role("alert")).to_have_text("The relay is away.")
        technician.problems[:] = [one for one in technician.problems if "502" not in one]  # the browser notes the refusal too


async def test_whoever_lost_the_connection_stays_in_the_list_until_they_are_back(open_console: Open) -> None:
    async with open_console(granted=COLLEAGUES) as technician:
        page = await people_panel(technician)
        technician.session.say(People([ME, BEN]))
        row = page.get_by_role("list", name="Technicians who are here").get_by_role("listitem").filter(has_text="Ben Ruiz")
        await expect(row.get_by_role("button", name="Hand over")).to_be_visible()
        technician.session.say(People([ME, Person(2, "Ben Ruiz", 3, [Capability.VIEW], False, 1795262400.0)]))
        since = await page.evaluate("new Date(1795262400000).toLocaleTimeString()")
        await expect(row).to_contain_text(f"Reconnecting since {since}")
        await expect(row.get_by_role("button")).to_have_count(0)
        await page.reload()
        await expect(row).to_contain_text("Reconnecting since")
        technician.session.say(People([ME, BEN]))
        await expect(row.locator(".person-since")).to_have_count(0)
        await expect(page.get_by_text("Ben Ruiz is back.")).to_be_visible()


NOTE = "The spooler crashes whenever the till prints.\nI restarted it twice."


def calls_me(seconds: float = 170.0, note: str = NOTE) -> CallAtDevice:
    return CallAtDevice("Till 3", Called("Ben Ruiz", 1, note, 1795262400.0, seconds))


async def hinted(technician: Technician, device: str, **more: object) -> None:
    """The relay says that this technician is meant at a device."""
    row = msgspec.structs.replace(
        technician.relay.rows[device], online=True, waiting=True, waiting_tier=2, waiting_peer=technician.relay.peer, **more
    )
    technician.relay.change(DevicesUpdate((row,)))


async def test_a_colleague_who_calls_me_is_declined_by_keyboard(open_console: Open) -> None:
    async with open_console() as technician:
        page, relay = technician.page, technician.relay
        device = next(iter(relay.rows))
        relay.callers[device] = calls_me(note="<img src=x onerror=alert(1)>")
        await expect(page.get_by_role("heading", name="Connect by code")).to_be_visible()
        await hinted(technician, device, waiting_since=5.0)
        card = page.get_by_role("article", name="Ben Ruiz calls you")
        await expect(card.get_by_role("alert")).to_contain_text("Ben Ruiz tier 1 calls you to Till 3")
        await expect(card.locator("img")).to_have_count(0)
        await expect(card.locator(".num")).to_contain_text("left")
        decline = card.get_by_role("button", name="Decline")
        await decline.focus()
        await page.keyboard.press("Enter")
        words = card.get_by_role("textbox", name="Why not")
        await expect(words).to_be_focused()
        await page.keyboard.press("Escape")
        await expect(decline).to_be_focused()
        await page.keyboard.press("Enter")
        await expect(words).to_be_focused()
        relay.not_declined = Unavailable("The device's network is away.")
        await page.keyboard.type("in a meeting")
        await page.keyboard.press("Enter")
        await expect(card.locator(".error")).to_contain_text("The device's network is away.")
        technician.problems[:] = [one for one in technician.problems if "502" not in one]  # the browser notes the refusal too
        relay.not_declined = None
        await words.focus()
        await page.keyboard.press("Enter")
        await expect(card).to_have_count(0)
        assert relay.declined == [(device, "in a meeting")]


async def test_a_colleague_who_calls_me_is_joined_from_any_page(open_console: Open) -> None:
    async with open_console(granted=COLLEAGUES) as technician:
        page, relay = technician.page, technician.relay
        await technician.open_session()  # busy with somebody else
        device = next(iter(relay.rows))
        relay.callers[device] = calls_me()
        await hinted(technician, device, waiting_since=5.0)
        card = page.get_by_role("article", name="Ben Ruiz calls you")
        await expect(card).to_be_visible()
        SHOTS.mkdir(parents=True, exist_ok=True)
        await card.get_by_role("button", name="Decline").click()
        await page.screenshot(path=SHOTS / "incoming-call.png")
        await card.get_by_role("button", name="Back").click()
        await page.emulate_media(color_scheme="dark")
        await page.screenshot(path=SHOTS / "incoming-call-dark.png")
        await card.get_by_role("button", name="Later").click()
        await expect(card.get_by_role("button", name="Join")).to_have_count(0)
        await page.screenshot(path=SHOTS / "incoming-call-later-dark.png")
        await card.get_by_role("button", name="Answer").click()
        before = page.url
        await card.get_by_role("button", name="Join").focus()
        await page.keyboard.press("Enter")
        await expect(card).to_have_count(0)
        ((target, wanted, reason),) = await eventually_async(lambda: relay.opened[1:], "a second session")
        assert (target.device, reason) == (device, "Ben Ruiz called me in")
        assert set(wanted) == {Capability.VIEW, Capability.CHAT, Capability.DIAGNOSTICS, Capability.COLLEAGUES}
        await page.wait_for_url(lambda url: url != before)


async def test_what_became_of_a_call_by_name(open_console: Open) -> None:
    async with open_console(granted=COLLEAGUES) as technician:
        technician.relay.online = (Colleague("q7w3", "Ben Ruiz", 3),)
        page = await people_panel(technician)
        await page.get_by_role("radio", name="By name").click()
        await page.get_by_role("radio", name="Ben Ruiz").check()
        await page.get_by_role("button", name="Ask the user, then call Ben Ruiz").click()
        invite = await sent(technician, Invite)
        assert isinstance(invite, Invite)
        session = technician.session
        session.say(ColleaguesState(invite.request, "called", "", 180.0))
        session.say(People([ME], 3))
        await expect(page.get_by_text("Ben Ruiz is called")).to_be_visible()
        session.say(ColleaguesState(invite.request, "told", "Ben Ruiz"))
        await expect(page.get_by_text("Ben Ruiz has been shown your call")).to_be_visible()
        session.say(ColleaguesState(invite.request, "joining", "Ben Ruiz", 240.0))
        await page.reload()
        await page.get_by_role("tab", name="People").click()
        await expect(page.get_by_text("Ben Ruiz asks to join; the user is being asked")).to_be_visible()
        session.say(ColleaguesState(invite.request, "declined", "Ben Ruiz declined: in a meeting"))
        session.say(People([ME]))
        outcome = page.locator(".call-outcome")
        await expect(outcome).to_have_text("Ben Ruiz declined: in a meeting")
        await page.screenshot(path=SHOTS / "call-declined.png")
