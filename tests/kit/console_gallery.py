"""Every page and dialog of the console, each with the way to it: the accessibility checks go through it, `make screens` draws it.

A page or dialog that is added to the console gets a line in `SCENES`.
"""

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import numpy as np
from playwright.async_api import expect

from hostio.private_files import make_private_directory
from protocol.capabilities import Capability
from protocol.errors import RefusalReason, TrustError
from protocol.messages.chat import ChatMessage
from protocol.messages.clipboard import ClipboardChanged
from protocol.messages.colleagues import ColleaguesState, Invite, People, Person
from protocol.messages.files import FileEntries, FileEntry, FileList
from protocol.messages.forward import ForwardAsk, ForwardRules
from protocol.messages.logs import LogFollow, LogLine, LogLines, LogListing, LogSource, LogSources
from protocol.messages.terminal import TerminalList, TerminalListing, TerminalOpen, TerminalOpened, TerminalOutput
from technician_client.colleagues import Colleague
from technician_client.console.ports import RelayState
from technician_client.published import Library
from technician_client.recordings.writer import End, Meta, RecordingWriter
from technician_client.subscriptions import Publisher
from tests.kit.console import Picture, denied, digest_of, sample_findings, sample_fixes, sample_tables
from tests.kit.console_window import Technician
from tests.kit.past import OPENED, RECORDING, SESSION, keep_two_sessions
from tests.kit.recordings import WIDTH, Source


@dataclass(frozen=True)
class Scene:
    """One page or dialog. `arrive` goes there from the list of devices; `options` as `console_window` takes them."""

    name: str
    arrive: Callable[[Technician], Awaitable[None]]
    options: dict[str, Any] = field(default_factory=dict)


def desktop() -> Picture:
    """A picture of a desktop with a window, 1280 x 720."""
    picture = np.zeros((720, 1280, 3), np.uint8)
    ramp = np.linspace(0, 1, 720)[:, None]
    for channel, (top, bottom) in enumerate(((38, 22), (70, 44), (96, 66))):
        picture[..., channel] = (top + (bottom - top) * ramp).astype(np.uint8)
    picture[690:] = (24, 28, 34)
    picture[110:560, 220:900] = (246, 247, 248)
    picture[110:142, 220:900] = (222, 226, 230)
    for line in range(12):
        picture[170 + 30 * line : 178 + 30 * line, 250 : 520 + (line * 97) % 330] = (120, 128, 138)
    return picture


async def _go(technician: Technician, address: str) -> None:
    await technician.page.evaluate("hash => { location.hash = hash; }", address)


async def home(technician: Technician) -> None:
    """The list of devices with two who wait."""
    await expect(technician.page.locator(".device-table .device-rows tr")).to_have_count(8)


async def home_loading(technician: Technician) -> None:
    """Before the relay has told its devices."""
    await expect(technician.page.locator(".skeleton").first).to_be_visible()


async def home_empty(technician: Technician) -> None:
    """An organisation without a device."""
    technician.relay.rows.clear()
    technician.relay.loaded.set()
    await expect(technician.page.get_by_text("No device yet")).to_be_visible()


async def home_nothing_matches(technician: Technician) -> None:
    """A search that finds nothing."""
    await technician.page.get_by_placeholder("Search name").fill("nothing like that")
    await expect(technician.page.get_by_text("Nothing matches")).to_be_visible()


async def home_relay_away(technician: Technician) -> None:
    """The relay is lost and will be tried again."""
    technician.relay.change(RelayState(False, "The connection was cut.", retry_in=25.0))
    await expect(technician.page.get_by_role("alert")).to_be_visible()


async def home_refused(technician: Technician) -> None:
    """The relay does not let this technician in."""
    technician.relay.change(RelayState(False, "This certificate has been revoked.", refused=True))
    await expect(technician.page.get_by_role("alert")).to_contain_text("refuses")


async def home_expired(technician: Technician) -> None:
    """The certificate has run out."""
    past = datetime.now(UTC) - timedelta(hours=1)
    technician.relay.standing_now = replace(technician.relay.standing_now, not_after=past, renewal_from=past)
    await technician.page.reload()
    await expect(technician.page.get_by_role("button", name="Renew now")).to_be_visible()


async def wish(technician: Technician) -> None:
    """What is asked of the person at the device."""
    await technician.page.get_by_label("Ask to help on meeting-room-2").click()
    await technician.page.get_by_role("dialog").get_by_role("button", name="Choose one by one").click()


async def wish_by_code(technician: Technician) -> None:
    """The same, by a code."""
    await technician.page.get_by_label("Code", exact=True).fill("482913507")
    await technician.page.keyboard.press("Enter")
    await expect(technician.page.get_by_role("dialog")).to_be_visible()


async def shortcuts(technician: Technician) -> None:
    """The keys that do something."""
    await technician.page.keyboard.press("?")
    await expect(technician.page.get_by_role("dialog")).to_be_visible()


async def waiting_for_consent(technician: Technician) -> None:
    """The six digits while the person decides."""
    await wish_by_code(technician)
    await technician.page.get_by_role("dialog").get_by_role("button", name="Connect", exact=True).click()
    technician.relay.connect.set()
    await expect(technician.page.locator(".sas")).to_be_visible()


async def said_no(technician: Technician) -> None:
    """The person said No."""
    technician.relay.refuse = denied(RefusalReason.DENIED_BY_USER, "The person at the computer said no.")
    technician.relay.ready()
    await technician.page.get_by_label("Ask to help on meeting-room-2").click()
    await technician.page.get_by_role("dialog").get_by_role("button", name="Ask", exact=True).click()
    await expect(technician.page.get_by_role("heading", name="The person said No")).to_be_visible()


async def session(technician: Technician) -> None:
    """The live desktop with what is wrong beside it."""
    technician.session.findings = sample_findings()
    technician.session.fixes = sample_fixes()
    technician.session.tables = sample_tables()
    await technician.open_session()
    technician.session.say(ChatMessage("Hello, the printer is the grey one.", time.time()))
    await expect(technician.page.locator(".finding").first).to_be_visible()


PRINTED = (
    b"\x1b[32mana@meeting-room-2\x1b[0m:\x1b[34m~\x1b[0m$ lpstat -p\r\n"
    b"printer Laser is idle.  enabled since Sun 22 Nov 2026\r\n\x1b[31mlpstat: one job failed\x1b[0m\r\n"
    b"\x1b[32mana@meeting-room-2\x1b[0m:\x1b[34m~\x1b[0m$ "
)


async def terminal(technician: Technician) -> None:
    """A terminal with something printed, being searched."""
    technician.session.replies |= {
        TerminalList: lambda said: [TerminalListing(said.request, [])],
        TerminalOpen: lambda said: [TerminalOpened(said.request, 1, "ana", False), TerminalOutput(1, 0, PRINTED)],
    }
    await technician.open_session()
    await technician.page.locator("#tab-terminal").click()
    await expect(technician.page.locator(".xterm-rows")).to_contain_text("one job failed")
    await technician.page.get_by_role("button", name="Search what was printed").click()
    await technician.page.get_by_label("Words that were printed").fill("laser")
    await expect(technician.page.locator(".terminal-found")).to_have_text("1 of 1")


async def touch(technician: Technician) -> None:
    """A tablet: the keys below the picture, one that waits for another and one that is held."""
    await technician.open_session()
    page = technician.page
    await page.touchscreen.tap(*await technician.place(300, 200))
    keys = page.locator(".keybar")
    await keys.get_by_role("button", name="Function keys").tap()
    await keys.get_by_role("button", name="Control").tap()
    await keys.get_by_role("button", name="Shift").tap()
    await keys.get_by_role("button", name="Shift, for the next key").tap()
    await expect(keys.get_by_role("button", name="Shift, held")).to_be_visible()


async def touch_menu(technician: Technician) -> None:
    """The same upright, with what fingers do."""
    await technician.open_session()
    await technician.page.touchscreen.tap(*await technician.place(300, 200))
    await technician.page.locator("[data-menu=touch] > button").tap()
    await expect(technician.page.get_by_text("Tap twice")).to_be_visible()


async def people(technician: Technician) -> None:
    """One colleague has mouse and keyboard, one has lost the connection, and who could be called by name."""
    technician.relay.online = (Colleague("q7w3e9r1t5y2", "Cem Aydın", 3), Colleague("z4x8c2v6b1n5", "Dora Lind", 2))
    await technician.open_session()
    await technician.page.locator("#tab-people").click()
    me = Person(1, "Anna Berger", 2, [Capability.VIEW, Capability.COLLEAGUES], True)
    ben = Person(2, "Ben Ruiz", 3, [Capability.VIEW, Capability.CONTROL])
    eva = Person(3, "Eva Holm", 1, [Capability.VIEW], False, time.time() - 75)
    technician.session.say(People([me, ben, eva]))
    await expect(technician.page.locator(".person-since")).to_contain_text("Reconnecting since")
    await technician.page.get_by_role("radio", name="By name").click()
    await technician.page.get_by_role("radio", name="Cem").check()


async def called_by_name(technician: Technician) -> None:
    """A colleague is called by name."""
    technician.relay.online = (Colleague("q7w3e9r1t5y2", "Cem Aydın", 3),)
    technician.session.replies |= {Invite: lambda said: [ColleaguesState(said.request, "called", "", 600.0), People([], 3)]}
    await technician.open_session()
    await technician.page.locator("#tab-people").click()
    await technician.page.get_by_role("radio", name="By name").click()
    await technician.page.get_by_role("radio", name="Cem").check()
    await technician.page.get_by_role("button", name="Ask the user, then call Cem").click()
    await expect(technician.page.get_by_text("Cem Aydın is called")).to_be_visible()


async def ports(technician: Technician) -> None:
    """A forwarded port, what the policy allows, and the form for another."""
    allowed = ["printer.example:631", "10.0.0.*:22"]
    technician.session.replies |= {ForwardAsk: lambda said: [ForwardRules(said.request, True, allowed)]}
    technician.session.channel = SimpleNamespace(
        subscribe=lambda *_kinds, limit: Publisher[Any]().subscribe(lambda _item: True, limit),
        pending=lambda _lane: 0,
    )
    await technician.open_session()
    await technician.page.locator("#tab-ports").click()
    await technician.page.get_by_label("Port on the device").fill("5432")
    await technician.page.keyboard.press("Enter")
    await expect(technician.page.locator(".port")).to_contain_text("port 5432 of the device")
    await technician.page.get_by_role("button", name="printer.example:631").click()
    await expect(technician.page.get_by_label("Its name or address, seen from there")).to_have_value("printer.example")


class FolderThere:
    """A `transfers.Channel` to a device that has one folder, whatever is asked for."""

    def __init__(self, entries: list[FileEntry]) -> None:
        self._entries = entries
        self._items: Publisher[Any] = Publisher()
        self._request = 0

    def next_request(self) -> int:
        self._request += 1
        return self._request

    def pending(self, _lane: Any) -> int:
        return 0

    def subscribe(self, *kinds: Any, limit: int = 256, where: Callable[[Any], bool] = lambda _: True) -> Any:
        return self._items.subscribe(lambda item: isinstance(item, kinds) and where(item), limit)

    def send(self, message: Any) -> None:
        if isinstance(message, FileList):
            self._items.publish(FileEntries(message.request, message.path, self._entries, False, 72 * 2**30))


async def files(technician: Technician) -> None:
    """A folder of the device, and a name that is not what it seems."""
    at = datetime(2026, 11, 20, tzinfo=UTC).timestamp()
    found = [
        FileEntry(b"Desktop", "folder", 0, at),
        FileEntry(b"Documents", "folder", 0, at),
        FileEntry(b"invoice.txt\xe2\x80\xaefdp.exe", "file", 48_213, at),
        FileEntry(b"printers", "link", 0, at),
        FileEntry(b"report of the third quarter, final version (2).odt", "file", 3_481_600, at),
    ]
    technician.session.channel = FolderThere(found)
    await technician.open_session()
    await technician.page.locator("#tab-files").click()
    await expect(technician.page.locator(".files-list li")).to_have_count(len(found))


async def clipboard(technician: Technician) -> None:
    """Both ways of the clipboard."""
    await technician.open_session()
    await technician.page.locator("#tab-clipboard").click()
    technician.session.say(ClipboardChanged(1, ["text"]))
    await expect(technician.page.get_by_role("button", name="Show it")).to_be_visible()


async def log(technician: Technician) -> None:
    """The device's log with a line of each urgency."""
    now = time.time()
    lines = [LogLine(now - 30 + at, at, "cups.service", f"what happened at level {at}") for at in range(8)]
    technician.session.replies |= {
        LogSources: lambda said: [LogListing(said.request, [LogSource("journal"), LogSource("/var/log/syslog", "may not")])],
        LogFollow: lambda said: [LogLines(said.request, lines, 12)],
    }
    await technician.open_session()
    await technician.page.locator("#tab-logs").click()
    await expect(technician.page.locator(".log-line")).to_have_count(8)


async def passphrase(technician: Technician) -> None:
    """The passphrase is asked for again."""
    technician.relay.guarded = frozenset({Capability.VIEW})
    await technician.page.get_by_label("Ask to help on meeting-room-2").click()
    await technician.page.get_by_role("dialog").get_by_role("button", name="Ask", exact=True).click()
    await expect(technician.page.get_by_role("dialog", name="Your passphrase, please")).to_be_visible()
    technician.problems[:] = [one for one in technician.problems if "403" not in one]  # the browser notes the refusal too


async def library(technician: Technician) -> None:
    """The approved fixes."""
    await _go(technician, "#/library")
    await expect(technician.page.locator(".shelf li").first).to_be_visible()


async def library_refused(technician: Technician) -> None:
    """The signed files do not verify."""
    technician.relay.shelf = TrustError("The signed files on the relay do not verify. Tell your administrator.")
    await _go(technician, "#/library")
    await expect(technician.page.get_by_text("The library cannot be read")).to_be_visible()
    technician.problems[:] = [one for one in technician.problems if "502" not in one]  # the browser notes the refusal too


async def fix(technician: Technician) -> None:
    """One fix with its form."""
    await _go(technician, "#/library/free-disk-space")
    await expect(technician.page.locator(".code-view")).to_be_visible()


async def fix_change(technician: Technician) -> None:
    """What changed since the version before."""
    await _go(technician, "#/library/empty-trash")
    await technician.page.get_by_role("radio", name="Changes").click()
    await expect(technician.page.locator(".diff-gone").first).to_be_visible()


async def fix_changed(technician: Technician) -> None:
    """Another version was approved while this one was looked at."""
    await _go(technician, "#/library/empty-trash")
    await technician.page.get_by_role("checkbox", name="reception-pc").check()
    shelf = technician.relay.shelf
    assert isinstance(shelf, Library)
    shown = shelf.scripts["empty-trash"]
    manifest = msgspec.structs.replace(shown.manifest, version="9.9")
    newer = replace(shown, manifest=manifest, digest=digest_of(manifest))
    technician.relay.shelf = replace(shelf, scripts={**shelf.scripts, "empty-trash": newer})
    await technician.page.get_by_role("button", name="Run on 1 device").click()
    await expect(technician.page.get_by_role("button", name="Look at the new one")).to_be_visible()
    technician.problems[:] = [one for one in technician.problems if "409" not in one]  # the browser notes the refusal too


async def run_going(technician: Technician) -> None:
    """A run on three devices, going on."""
    await _go(technician, "#/library/empty-trash")
    for name in ("reception-pc", "accounting-03", "meeting-room-2"):
        await technician.page.get_by_role("checkbox", name=name).check()
    await technician.page.get_by_role("button", name="Run on 3 devices").click()
    await expect(technician.page.locator(".run-device").first).to_contain_text("running")


async def run_done(technician: Technician) -> None:
    """The same run at its end, one device opened."""
    technician.relay.hold_runs.set()
    await run_going_to_end(technician)
    await (
        technician.page.get_by_role("button", name="accounting-03")
        .or_(technician.page.get_by_role("button", name="meeting-room-2"))
        .last.click()
    )
    await expect(technician.page.locator(".run-detail .output")).to_be_visible()


async def run_going_to_end(technician: Technician) -> None:
    """A run on three devices until each has its end."""
    await _go(technician, "#/library/empty-trash")
    for name in ("reception-pc", "accounting-03", "meeting-room-2"):
        await technician.page.get_by_role("checkbox", name=name).check()
    await technician.page.get_by_role("button", name="Run on 3 devices").click()
    await expect(technician.page.get_by_text("1 of 3 devices well")).to_be_visible()


def settings(part: str, heading: str) -> Callable[[Technician], Awaitable[None]]:
    """One part of the settings."""

    async def arrive(technician: Technician) -> None:
        await _go(technician, f"#/settings/{part}")
        await expect(technician.page.get_by_role("heading", name=heading, exact=True)).to_be_visible()
        await expect(technician.page.locator(".skeleton")).to_have_count(0)

    return arrive


def keep_recordings(technician: Technician) -> Path:
    """Two sessions and a recording on the technician's computer; where they lie."""
    home = technician.address.file.parent.parent
    settings = keep_two_sessions(home)
    meta = Meta(SESSION, "k3v9w2m4x7q1", "Reception PC", "Ana Ruiz", "Example Ltd", OPENED)
    make_private_directory(settings.recordings_directory)
    path = settings.recordings_directory / f"{RECORDING}.hrrec"
    if not path.exists():
        writer = RecordingWriter(path, technician.relay.recordings_key, b"s" * 32, meta)
        writer.write(list(Source().busy(20, rate=2)))
        writer.close(End("technician"))
    return home


async def recordings(technician: Technician) -> None:
    """What was recorded on this computer."""
    keep_recordings(technician)
    await _go(technician, "#/recordings")
    await expect(technician.page.get_by_role("link", name="Play Reception PC")).to_be_visible()


async def recordings_empty(technician: Technician) -> None:
    """Nothing was recorded."""
    await _go(technician, "#/recordings")
    await expect(technician.page.get_by_text("Nothing is recorded yet")).to_be_visible()


async def recording(technician: Technician) -> None:
    """A recording in the player."""
    keep_recordings(technician)
    await _go(technician, f"#/recordings/{RECORDING}")
    await expect(technician.page.locator("#screen")).to_have_attribute("width", str(WIDTH))


async def past(technician: Technician) -> None:
    """Past sessions."""
    keep_recordings(technician)
    await _go(technician, "#/past")
    await expect(technician.page.get_by_role("link", name="Reception PC")).to_be_visible()


async def past_empty(technician: Technician) -> None:
    """No session has ended yet."""
    await _go(technician, "#/past")
    await expect(technician.page.get_by_text("No session has ended yet")).to_be_visible()


async def past_session(technician: Technician) -> None:
    """One past session with everything that is kept of it."""
    keep_recordings(technician)
    await _go(technician, f"#/past/{SESSION}")
    await expect(technician.page.get_by_role("heading", name="Fixes")).to_be_visible()


async def past_session_missing(technician: Technician) -> None:
    """One of which nothing is kept."""
    await _go(technician, "#/past/nothing")
    await expect(technician.page.get_by_text("This session cannot be shown")).to_be_visible()
    technician.problems[:] = [one for one in technician.problems if "404" not in one]  # the browser notes the refusal too


async def link_quality(technician: Technician) -> None:
    """The numbers of the link."""
    await session(technician)
    await technician.page.get_by_title("Link quality").click()
    await expect(technician.page.locator(".quality-where")).to_be_visible()


async def nowhere(technician: Technician) -> None:
    """An address that has no page."""
    await _go(technician, "#/no-such-page")
    await expect(technician.page.get_by_text("There is no such page")).to_be_visible()


KNOWN: dict[str, Any] = {"known": True}
TABLET: dict[str, Any] = {"picture": desktop(), "has_touch": True, "is_mobile": True}
SCENES = (
    Scene("home", home, KNOWN),
    Scene("home-loading", home_loading, {"loaded": False}),
    Scene("home-empty", home_empty, {"loaded": False}),
    Scene("home-nothing-matches", home_nothing_matches, KNOWN),
    Scene("home-relay-away", home_relay_away, KNOWN),
    Scene("home-refused", home_refused, KNOWN),
    Scene("home-expired", home_expired, KNOWN),
    Scene("wish", wish, KNOWN),
    Scene("wish-by-code", wish_by_code, KNOWN),
    Scene("shortcuts", shortcuts, KNOWN),
    Scene("waiting-for-consent", waiting_for_consent, KNOWN),
    Scene("said-no", said_no, KNOWN),
    Scene("passphrase", passphrase, KNOWN),
    Scene("session", session, {"picture": desktop()}),
    Scene("session-touch", touch, TABLET | {"viewport": {"width": 1024, "height": 768}}),
    Scene("session-touch-upright", touch_menu, TABLET | {"viewport": {"width": 800, "height": 1280}}),
    Scene("session-terminal", terminal, {"picture": desktop(), "granted": (Capability.VIEW, Capability.TERMINAL)}),
    Scene("session-people", people, {"picture": desktop(), "granted": (Capability.VIEW, Capability.COLLEAGUES)}),
    Scene("session-called-by-name", called_by_name, {"picture": desktop(), "granted": (Capability.VIEW, Capability.COLLEAGUES)}),
    Scene("session-ports", ports, {"picture": desktop(), "granted": (Capability.VIEW, Capability.FORWARD)}),
    Scene(
        "session-files", files, {"picture": desktop(), "granted": (Capability.VIEW, Capability.FILES_IN, Capability.FILES_OUT)}
    ),
    Scene(
        "session-clipboard",
        clipboard,
        {"picture": desktop(), "granted": (Capability.VIEW, Capability.CLIPBOARD_IN, Capability.CLIPBOARD_OUT)},
    ),
    Scene("session-log", log, {"picture": desktop(), "granted": (Capability.VIEW, Capability.DIAGNOSTICS)}),
    Scene("library", library, KNOWN),
    Scene("library-refused", library_refused, KNOWN),
    Scene("fix", fix, KNOWN),
    Scene("fix-change", fix_change, KNOWN),
    Scene("fix-changed", fix_changed, KNOWN),
    Scene("run-going", run_going, KNOWN),
    Scene("run-done", run_done, KNOWN),
    Scene("settings-identity", settings("identity", "Certificate"), KNOWN),
    Scene("settings-relay", settings("relay", "Relay"), KNOWN),
    Scene("settings-appearance", settings("appearance", "Appearance"), KNOWN),
    Scene("settings-notifications", settings("notifications", "New help requests"), KNOWN),
    Scene("settings-shortcuts", settings("shortcuts", "Shortcuts"), KNOWN),
    Scene("settings-about", settings("about", "Libraries of the program"), KNOWN),
    Scene("recordings", recordings),
    Scene("recordings-empty", recordings_empty),
    Scene("recording", recording),
    Scene("past", past),
    Scene("past-empty", past_empty),
    Scene("past-session", past_session),
    Scene("past-session-missing", past_session_missing),
    Scene("link-quality", link_quality, {"picture": desktop()}),
    Scene("nowhere", nowhere, KNOWN),
)
