"""Row 24: a device of the organisation that was taken over, against its technician: markup in the console (a real Chromium),
escapes in the terminal, pictures that are bombs, names that are paths, messages without end."""

import io
import time
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest
import pytest_asyncio
import zstandard
from playwright.async_api import Browser, Page, async_playwright, expect

from protocol.capabilities import Capability
from protocol.certificates import DeviceClaims, Identity, Role
from protocol.errors import HandrailError, RemoteProtocolError
from protocol.frames import KIND_FRAGMENT, FrameConnection, serialize_frame
from protocol.limits import LIMITS
from protocol.link_messages import DeviceRow
from protocol.messages.base import Lane
from protocol.messages.chat import ChatMessage
from protocol.messages.diagnostics import DiagnosticsDone, Finding
from protocol.messages.registry import decode_message, encode_message
from protocol.messages.screen import Copy, CursorShape, ScreenLayout, ScreenUpdate, Tile
from protocol.session import SessionEnded
from technician_client.cli.output import Output
from technician_client.console.ports import DevicesUpdate
from technician_client.console.wire import Area
from technician_client.picture import Picture
from technician_client.receipts import keep_last_words
from tests.kit.console import MemoryRelay, MemorySession, running_console, sample_rows
from tests.kit.console_page import launched, new_context
from tests.kit.organisation import Organisation

MARKUP = '<img src="x" onerror="window.owned = true; document.title = \'owned\'"><b id="bold">boss</b>'


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        browser = await launched(playwright)
        yield browser
        await browser.close()


async def inert(page: Page) -> None:
    """Nothing of the markup has become anything but text."""
    await page.wait_for_timeout(300)
    assert await page.evaluate("window.owned === undefined")
    assert await page.title() != "owned"
    assert await page.locator("#bold").count() == 0


@pytest.mark.browser
@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.attack(24, without=["inert_page"])
@pytest.mark.attack(44, without=["inert_page"])
async def test_markup_in_labels_and_texts_stays_text_in_the_console(browser: Browser, tmp_path: Path) -> None:
    """In the list of devices and in who waits for help: what a relay or a device chose."""
    session = MemorySession((Capability.VIEW, Capability.CHAT, Capability.DIAGNOSTICS), np.full((60, 80, 3), 60, np.uint8))
    relay = MemoryRelay(session, sample_rows(time.time()))
    relay.ready()
    row = DeviceRow("r0gue", MARKUP[:100], MARKUP[:100], True, time.time(), True, MARKUP, time.time())
    async with running_console(relay, tmp_path) as address:
        context = await new_context(browser)
        page = await context.new_page()
        await page.goto(address.file.as_uri())
        await page.get_by_role("heading", name="Connect by code").wait_for()
        relay.change(DevicesUpdate((row,)))
        await page.wait_for_function("document.body.textContent.includes('boss')")
        try:
            await inert(page)
            await expect(page.get_by_text("onerror").first).to_be_visible()
        finally:
            await context.close()


@pytest.mark.browser
@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.attack(24, without=["inert_page"])
async def test_markup_in_chat_and_findings_stays_text(browser: Browser, tmp_path: Path) -> None:
    """In a session: whatever the device says."""
    session = MemorySession((Capability.VIEW, Capability.CHAT, Capability.DIAGNOSTICS), np.full((60, 80, 3), 60, np.uint8))
    session.findings = [Finding(MARKUP, MARKUP, "critical", MARKUP, {MARKUP: MARKUP}, MARKUP, {}, MARKUP)]
    relay = MemoryRelay(session, sample_rows(time.time()))
    relay.ready()
    async with running_console(relay, tmp_path) as address:
        context = await new_context(browser)
        page = await context.new_page()
        await page.goto(address.file.as_uri())
        await page.get_by_label("Ask to help on meeting-room-2").click()
        await page.get_by_role("dialog").get_by_role("button", name="Ask", exact=True).click()
        await page.locator("#screen").wait_for()
        try:
            session.say(ChatMessage(MARKUP, time.time()))
            session.say(DiagnosticsDone(1, session.findings, 1.0, time.time()))
            await page.get_by_role("tab", name="Chat").click()
            await inert(page)
            await page.get_by_role("tab", name="Findings").click()
            await inert(page)
        finally:
            await context.close()


# -- the terminal -----------------------------------------------------------------------------------------------------------

ESCAPES = [
    "\x1b[2J",
    "\x1b]0;owned\x07",
    "\x9b31m",
    "\x1b]52;c;cm0gLXJm\x07",
    "\u202egnp.exe",
    "a\rb",
    "\x08\x08",
    "\x1bP+q\x1b\\",
    "\u2066",
]


@pytest.mark.attack(24, without=["inert_terminal"])
@pytest.mark.parametrize("escape", ESCAPES, ids=repr)
def test_no_escape_of_a_device_reaches_the_technicians_terminal(escape: str) -> None:
    out, err = io.StringIO(), io.StringIO()
    output = Output(stdout=out, stderr=err, colour=False)
    text = f"Boss{escape}\n"
    output.text(text)
    output.raw(text)
    output.progress(text)
    output.table(text, ["label"], [[text]])
    output.error(HandrailError(text))
    shown = out.getvalue() + err.getvalue()
    assert "Boss" in shown
    assert not set(shown) & set("\x1b\x9b\x07\x08\r\u202e\u2066\x90")


# -- pictures ---------------------------------------------------------------------------------------------------------------


def picture() -> Picture:
    made = Picture()
    made.apply_layout(ScreenLayout(1, 640, 480))
    return made


BOMB = zstandard.ZstdCompressor(level=19).compress(bytes(256 * 1024 * 1024))
HOSTILE_TILES = {
    "a bomb in a small tile": Tile(0, 0, 8, 8, "zstd-bgr", BOMB),
    "a tile beyond the picture": Tile(600, 400, 100, 100, "fill", b"\0\0\0"),
    "a giant tile": Tile(0, 0, 16384, 16384, "fill", b"\0\0\0"),
    "fewer pixels than said": Tile(0, 0, 64, 64, "zstd-bgr", zstandard.compress(bytes(10))),
}


@pytest.mark.attack(24, without=["picture_limits"])
@pytest.mark.parametrize("what", list(HOSTILE_TILES))
def test_hostile_pictures_are_refused_before_they_are_unpacked(what: str) -> None:
    assert len(BOMB) < 100_000
    shown = picture()
    with pytest.raises(RemoteProtocolError):
        shown.apply_update(ScreenUpdate(1, 1, 0, [HOSTILE_TILES[what]]))
    assert shown.pixels.shape == (480, 640, 4)


@pytest.mark.attack(24, without=["layout_limits"])
def test_a_layout_of_lies_takes_no_memory() -> None:
    """Each side is within its limit; together they would be a gigabyte, at the picture and in the browser's canvas."""
    layout = decode_message(encode_message(ScreenLayout(1, 16384, 16384)))
    assert isinstance(layout, ScreenLayout)
    shown = picture()
    with pytest.raises(RemoteProtocolError, match="larger"):
        Area.of(layout)
    with pytest.raises(RemoteProtocolError, match="larger"):
        shown.apply_layout(layout)
    assert shown.pixels.nbytes == 640 * 480 * 4
    assert LIMITS.shows(3 * 3840, 2160) and LIMITS.shows(7680, 4320)


@pytest.mark.attack(24)
def test_hostile_layouts_and_cursors_are_refused() -> None:
    for hostile in (
        ScreenLayout(1, 2**31, 2**31),
        ScreenLayout(1, 16385, 1),
        ScreenLayout(1, 16384, 16384),
        CursorShape(1, 5000, 5000, 0, 0, b""),
        ScreenUpdate(1, 1, 0, [Copy(0, 0, 99999, 1, 0, 0)]),
    ):
        with pytest.raises(HandrailError):
            message = decode_message(encode_message(hostile))
            assert isinstance(message, ScreenLayout)
            Picture().apply_layout(message)
    shown = picture()
    with pytest.raises(RemoteProtocolError):
        shown.apply_update(ScreenUpdate(1, 1, 0, [Copy(0, 0, 640, 480, 1, 0)]))


@pytest.mark.attack(24, without=["message_limits"])
@pytest.mark.parametrize("lane", list(Lane))
def test_a_message_without_end_is_cut_off(lane: Lane) -> None:
    """Fragment after fragment, never the last; what is held stays below the limit of the lane and a little."""
    frames = FrameConnection(LIMITS)
    fragment = serialize_frame(KIND_FRAGMENT, lane, bytes(LIMITS.fragment_bytes))
    with pytest.raises(HandrailError):
        for _ in range(LIMITS.message_bytes_screen // LIMITS.fragment_bytes + 10):
            frames.receive_data(fragment)


# -- names ------------------------------------------------------------------------------------------------------------------


@pytest.mark.attack(24, without=["safe_names"])
@pytest.mark.parametrize("name", ["../../../owned", "/etc/owned", "..", "a/../../b", "x\0y", "..\\..\\owned", "\u2024\u2024/x"])
def test_a_sessions_name_is_no_path(tmp_path: Path, name: str) -> None:
    """The agent names the session; the technician's program files the receipt under it."""
    organisation = Organisation()
    device = organisation.device()
    identity = Identity(
        Role.DEVICE,
        device.peer,
        organisation.id,
        device.key.public.fingerprint,
        DeviceClaims("Reception PC", "front"),
        organisation.wall,
        device.chain[0],
    )
    receipts = tmp_path / "home" / "receipts"
    ended = SessionEnded("done", True, True, b"checkpoint", b"{}")
    try:
        kept = keep_last_words(receipts, identity, name, ended, wall=1.0)
    except (ValueError, HandrailError) as error:
        raise AssertionError("the name reached the file system") from error
    assert kept is not None
    assert kept.path.parent == receipts
    assert not set(kept.path.name) & set("/\\\0") and ".." not in kept.path.name
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [kept.path]


@pytest.mark.attack(24)
def test_hostile_texts_do_not_even_decode_when_too_long() -> None:
    for message in (ChatMessage("x" * 4001), ScreenLayout(1, 1, 1, backend="x" * 201)):
        with pytest.raises(HandrailError):
            decode_message(encode_message(message))
