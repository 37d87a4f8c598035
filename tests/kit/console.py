"""A relay and devices in memory that implement the console's ports, and a console running on them."""

import asyncio
import time
import zlib
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import zstandard
from numpy.typing import NDArray

from protocol.capabilities import Capability
from protocol.documents import canonical_json
from protocol.errors import HandrailError, LocalProtocolError, RefusalReason, Refused, TrustError
from protocol.link_messages import DeviceRow
from protocol.manifests import ScriptManifest, manifest_digest
from protocol.messages import Message
from protocol.messages.diagnostics import DiagnosticsCollect, DiagnosticsDone, DiagnosticsTable, Finding
from protocol.messages.fixes import FixCatalogue, FixEntry, FixList, FixOutput, FixParameter, FixResult, FixRun, FixStage
from protocol.messages.power import RebootRequest, RebootState
from protocol.messages.recording import RecordingStart, RecordingState
from protocol.messages.screen import CursorShape, Monitor, ScreenAck, ScreenLayout, ScreenRefresh, ScreenStart, ScreenUpdate, Tile
from protocol.messages.session import Refusal
from technician_client.colleagues import Colleague
from technician_client.console.ports import (
    ConsentAsked,
    DeviceConnected,
    DevicesUpdate,
    FleetEvent,
    GrantsNow,
    OpenProgress,
    Person,
    RelayPort,
    RelayState,
    RemoteSession,
    SessionEvent,
    SessionOver,
    Standing,
    Target,
)
from technician_client.console.server import ConsoleAddress, serve
from technician_client.fleet_fixes import DeviceDone, DeviceOutput, DeviceStep, FixEvent, FixOrder
from technician_client.knocking import CallAtDevice
from technician_client.known import Health, KnownDevice
from technician_client.organisation.approvals import Script, starter_fixes
from technician_client.published import Approval, Library, PublishedScript
from technician_client.step_up import StepUpNeeded
from technician_client.subscriptions import Publisher


def digest_of(manifest: ScriptManifest) -> str:
    """What names a sample script as a whole."""
    return manifest_digest(canonical_json(manifest))


MARKUP = "<img src=x onerror=\"document.title='owned'\"><b>bold</b>"

Picture = NDArray[np.uint8]
"""(height, width, 3) uint8: red, green, blue."""


def bgr_tile(x: int, y: int, pixels: Picture) -> Tile:
    """A lossless tile of red, green, blue pixels."""
    height, width = pixels.shape[:2]
    data = zstandard.compress(np.ascontiguousarray(pixels[..., ::-1]).tobytes(), 1)
    return Tile(x, y, width, height, "zstd-bgr", data)


def arrow() -> CursorShape:
    """A pointer: a white triangle with a black edge, 12 x 18."""
    pixels = np.zeros((18, 12, 4), np.uint8)
    for row in range(18):
        width = min(row + 1, 12) if row < 14 else max(0, 18 - row)
        pixels[row, :width] = (255, 255, 255, 255)
        pixels[row, max(0, width - 2) : width] = (0, 0, 0, 255)
        pixels[row, :1] = (0, 0, 0, 255)
    return CursorShape(1, 12, 18, 0, 0, zlib.compress(pixels.tobytes()))


class MemorySession:
    """A device's end of a session: answers like an agent, remembers what it was sent. Implements `RemoteSession`."""

    def __init__(self, granted: Sequence[Capability], picture: Picture, *, unattended: bool = False) -> None:
        self.session_id = "s-4f21"
        self.channel: Any = None  # what files and the clipboard go through: a test's own wire
        self.unattended = unattended
        self.seconds = 3600.0
        self.after_restart = 0.0
        self.granted = frozenset(granted)
        self.round_trip: float | None = 0.012
        self.round_trip_last: float | None = 0.014
        self.picture = picture
        self.sent: list[Message] = []
        self.said: asyncio.Queue[SessionEvent] = asyncio.Queue()
        self.over: SessionOver | None = None
        self.asked: list[tuple[Capability, str]] = []
        self.replies: dict[type[Message], Callable[[Any], Iterable[Message]]] = {}  # what the agent says to such a message
        self.answer: Callable[[Capability], Refused | None] = lambda _capability: None
        self.findings: list[Finding] = []
        self.tables: list[DiagnosticsTable] = []
        self.fixes: list[FixEntry] = []
        self.sequence = 0
        self.epoch = 0
        self.unrecorded = False  # policy demands a recording, and none goes on
        self.hold_fix = asyncio.Event()
        self.hold_fix.set()
        self._tasks: set[asyncio.Task[None]] = set()

    def of(self, kind: type[Message]) -> list[Message]:
        """What was sent of one type."""
        return [message for message in self.sent if isinstance(message, kind)]

    def send(self, message: Message) -> None:
        """See `RemoteSession`."""
        if self.over is not None:
            raise LocalProtocolError("the session is over")
        self.sent.append(message)
        for reply in self.replies.get(type(message), lambda _message: ())(message):
            self.say(reply)
        match message:
            case ScreenStart() if self.unrecorded:
                self.say(Refusal("screen.start", 0, RefusalReason.POLICY, "The policy demands a recording."))
            case ScreenStart():
                self.show()
            case ScreenRefresh():
                self.show()
            case RecordingStart(request=request):
                self.say(RecordingState(True, request))
            case RebootRequest(request=request):
                self.say(RebootState(request, "asking"))
            case DiagnosticsCollect(request=request):
                for table in self.tables:
                    self.say(DiagnosticsTable(request, *[getattr(table, name) for name in table.__struct_fields__[1:]]))
                self.say(DiagnosticsDone(request, self.findings, 812.0, time.time()))
            case FixList(request=request):
                self.say(FixCatalogue(request, self.fixes))
            case FixRun():
                task = asyncio.get_running_loop().create_task(self._run(message))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)

    async def _run(self, run: FixRun) -> None:
        before = list(self.findings)
        for stage in ("verify_signature", "consent", "detect", "run"):
            self.say(FixStage(run.request, stage))
        self.say(FixOutput(run.request, "run", "stdout", "Removing cached packages\nfreed 1.9 GB\n"))
        self.say(FixOutput(run.request, "run", "stderr", "one file was in use and stays\n"))
        await self.hold_fix.wait()
        self.say(FixStage(run.request, "verify"))
        self.say(FixStage(run.request, "findings"))
        self.findings = [finding for finding in self.findings if finding.fix != run.id]
        self.say(FixResult(run.request, run.id, "1.0", "fixed", 1840.0, 0, None, "", False, before, self.findings, run.digest))

    def say(self, event: SessionEvent) -> None:
        """Let the agent say something."""
        self.said.put_nowait(event)

    def show(self) -> None:
        """Layout, the whole picture, and the pointer's shape."""
        self.epoch += 1
        height, width = self.picture.shape[:2]
        self.say(ScreenLayout(self.epoch, width, height, monitors=[Monitor("all", 0, 0, width, height, True)], backend="memory"))
        self.update(bgr_tile(0, 0, self.picture))
        self.say(arrow())

    def update(self, *operations: object, exact: bool = True) -> int:
        """One update; returns its sequence."""
        self.sequence += 1
        captured = time.monotonic_ns() // 1000
        self.say(ScreenUpdate(self.sequence, self.epoch, captured, list(operations), exact))  # type: ignore[arg-type]
        return self.sequence

    def painted(self) -> int:
        """The newest update that the browser acknowledged."""
        acks = [message.sequence for message in self.sent if isinstance(message, ScreenAck)]
        return acks[-1] if acks else 0

    def grant(self, *capabilities: Capability) -> None:
        """The user changes what is granted."""
        self.granted = frozenset(capabilities)
        self.say(GrantsNow(self.granted))

    async def events(self) -> AsyncIterator[SessionEvent]:
        """See `RemoteSession`."""
        while True:
            event = await self.said.get()
            yield event
            if isinstance(event, SessionOver):
                return

    async def ask(self, capability: Capability, reason: str) -> None:
        """See `RemoteSession`."""
        self.asked.append((capability, reason))
        refusal = self.answer(capability)
        if refusal is not None:
            raise refusal
        self.grant(*self.granted, capability)

    async def end(self, reason: str) -> None:
        """See `RemoteSession`."""
        self.finish(SessionOver(reason, clean=True, by_peer=False, text="You ended the session.", receipt=b'{"actions": 3}'))

    def finish(self, over: SessionOver) -> None:
        """The session ends, whoever wanted it."""
        if self.over is None:
            self.over = over
            self.say(over)


@dataclass
class MemoryRelay:
    """The relay's port in memory. `session` is what the next `open` gives; `hold` keeps it waiting for consent."""

    session: MemorySession
    rows: dict[str, DeviceRow] = field(default_factory=dict)
    state: RelayState = field(default_factory=lambda: RelayState(True))
    person: Person = field(default_factory=lambda: Person("Anna Berger", 2, "5f0c2a9e77d1b340", "https://relay.example:8443"))
    loaded: asyncio.Event = field(default_factory=asyncio.Event)
    connect: asyncio.Event = field(default_factory=asyncio.Event)
    consent: asyncio.Event = field(default_factory=asyncio.Event)
    refuse: HandrailError | None = None
    opened: list[tuple[Target, tuple[Capability, ...], str]] = field(default_factory=list)
    changes: Publisher[FleetEvent] = field(default_factory=Publisher)
    back: asyncio.Event = field(default_factory=asyncio.Event)
    next_session: MemorySession | None = None
    asks_anew: bool = False
    gone: HandrailError | None = None
    resumed: list[RemoteSession] = field(default_factory=list)
    guarded: frozenset[Capability] = frozenset()
    passphrase: str = "correct horse"
    known: dict[str, KnownDevice] = field(default_factory=dict)
    now_known: Publisher[Mapping[str, KnownDevice]] = field(default_factory=Publisher)
    standing_now: Standing = field(default_factory=lambda: sample_standing())
    not_renewed: HandrailError | None = None
    shelf: Library | HandrailError = field(default_factory=lambda: sample_library())
    orders: list[FixOrder] = field(default_factory=list)
    online: tuple[Colleague, ...] | HandrailError = ()
    hold_runs: asyncio.Event = field(default_factory=asyncio.Event)
    not_run: HandrailError | None = None
    recordings_kept_days: int = 0
    peer: str = "t1me"
    callers: dict[str, CallAtDevice | HandrailError] = field(default_factory=dict)  # what devices say when they are asked
    declined: list[tuple[str, str]] = field(default_factory=list)
    not_declined: HandrailError | None = None

    async def recording_days(self, devices: Sequence[str]) -> Mapping[str, int]:
        """See `RelayPort`."""
        return dict.fromkeys(devices, self.recordings_kept_days)

    @property
    def recordings_key(self) -> bytes:
        """See `RelayPort`."""
        return b"k" * 32

    async def watch_known(self) -> AsyncIterator[Mapping[str, KnownDevice]]:
        """See `RelayPort`."""
        with self.now_known.subscribe(lambda _change: True) as changes:
            yield dict(self.known)
            async for change in changes:
                yield change

    async def standing(self) -> Standing:
        """See `RelayPort`."""
        return self.standing_now

    async def renew(self) -> Standing:
        """See `RelayPort`: for another 12 hours."""
        if self.not_renewed is not None:
            raise self.not_renewed
        now = datetime.now(UTC)
        until = now + timedelta(hours=12)
        self.standing_now = replace(self.standing_now, not_before=now, not_after=until, renewal_from=now + timedelta(hours=8))
        return self.standing_now

    async def colleagues(self) -> Sequence[Colleague]:
        """See `RelayPort`."""
        if isinstance(self.online, HandrailError):
            raise self.online
        return self.online

    async def who_calls(self, device: str) -> CallAtDevice | None:
        """See `RelayPort`."""
        said = self.callers.get(device)
        if isinstance(said, HandrailError):
            raise said
        return said

    async def decline_call(self, device: str, reason: str) -> None:
        """See `RelayPort`."""
        if self.not_declined is not None:
            raise self.not_declined
        self.declined.append((device, reason))

    async def fix_library(self) -> Library:
        """See `RelayPort`."""
        if isinstance(self.shelf, HandrailError):
            raise self.shelf
        return self.shelf

    async def run_fix(self, order: FixOrder, on_event: Callable[[FixEvent], None]) -> None:
        """See `RelayPort`: the first device is helped, the second's user says No, the third stays as it was; `hold_runs` holds
        each before its end."""
        if self.not_run is not None:
            raise self.not_run
        self.orders.append(order)
        disk, late = sample_findings()[0], sample_findings()[2]
        for number, device in enumerate(order.devices):
            label = self.rows[device].label
            for step in ("asking", "tunnel", "connected", "consent", "open", "verify_signature", "consent", "run"):
                on_event(DeviceStep(device, step, label))
            on_event(DeviceOutput(device, "run", "stdout", f"cleaning {MARKUP}\n"))
            await self.hold_runs.wait()
            if number % 3 == 1:
                on_event(DeviceDone(device, label, None, "The person at the computer said no.", 4.0))
                continue
            after = [late] if number % 3 == 0 else [disk, late]
            outcome = "fixed" if number % 3 == 0 else "verify_failed"
            found: dict[str, Any] = {"before": [disk, late], "after": after, "digest": order.digest}
            result = FixResult(0, order.fix, "1", outcome, 800.0, 0, **found)  # type: ignore[arg-type]
            on_event(DeviceDone(device, label, result, None, 2.5))

    async def watch(self) -> AsyncIterator[FleetEvent]:
        """See `RelayPort`."""
        with self.changes.subscribe(lambda _event: True) as events:
            yield self.state
            await self.loaded.wait()
            yield DevicesUpdate(tuple(self.rows.values()), replace=True)
            async for event in events:
                yield event

    def change(self, event: FleetEvent) -> None:
        """Something happens at the relay."""
        if isinstance(event, RelayState):
            self.state = event
        else:
            self.rows |= {row.id: row for row in event.devices}
        self.changes.publish(event)

    async def open(
        self,
        target: Target,
        wanted: Sequence[Capability],
        reason: str,
        on_progress: Callable[[OpenProgress], None],
    ) -> MemorySession:
        """See `RelayPort`."""
        self.opened.append((target, tuple(wanted), reason))
        await self.connect.wait()
        row = self.rows.get(target.device) or next(iter(self.rows.values()))
        on_progress(DeviceConnected(row.label, row.id, "482913", bool(target.code)))
        on_progress(ConsentAsked(180.0))
        await self.consent.wait()
        if self.refuse is not None:
            raise self.refuse
        return self.session

    def demand_step_up(self, capabilities: Iterable[Capability], tier: int = 0) -> None:
        """See `RelayPort`: these, and tier 3 where any are, are `guarded` until the passphrase is typed."""
        if self.guarded & set(capabilities) or (self.guarded and tier == 3):
            raise StepUpNeeded("Type your passphrase again.")

    async def step_up(self, passphrase: str) -> None:
        """See `RelayPort`."""
        if passphrase != self.passphrase:
            raise TrustError("That is not the passphrase of your key.")
        self.guarded = frozenset()

    async def resume(self, lost: RemoteSession, on_progress: Callable[[OpenProgress], None]) -> MemorySession:
        """See `RelayPort`. `back`: the network is there again; `asks_anew`: the agent does not simply go on."""
        self.resumed.append(lost)
        await self.back.wait()
        if self.gone is not None:
            raise self.gone
        row = next(iter(self.rows.values()))
        on_progress(DeviceConnected(row.label, row.id, "111222", False))
        if self.asks_anew:
            on_progress(ConsentAsked(180.0))
            await self.consent.wait()
        assert self.next_session is not None
        return self.next_session

    def ready(self) -> None:
        """Everything goes through at once."""
        for event in (self.loaded, self.connect, self.consent):
            event.set()


@asynccontextmanager
async def running_console(relay: RelayPort, home: Path, port: int = 0) -> AsyncIterator[ConsoleAddress]:
    """The real console on a relay's port: `MemoryRelay`, or the real adapter."""

    @asynccontextmanager
    async def factory() -> AsyncIterator[RelayPort]:
        yield relay

    stop = asyncio.Event()
    address: asyncio.Future[ConsoleAddress] = asyncio.get_running_loop().create_future()
    serving = asyncio.get_running_loop().create_task(serve(factory, port=port, home=home, on_ready=address.set_result, stop=stop))
    done, _ = await asyncio.wait({serving, address}, return_when=asyncio.FIRST_COMPLETED)
    if serving in done:
        await serving
    try:
        yield address.result()
    finally:
        stop.set()
        await serving


def denied(reason: RefusalReason, text: str) -> Refused:
    """A No."""
    return Refused(text, reason=reason)


def sample_rows(now: float) -> dict[str, DeviceRow]:
    """A few devices, one of them waiting for help."""
    rows = [
        DeviceRow("k3v9w2m4x7q1", "reception-pc", "Debian 12, GNOME", True, now, True,
                  "The printer says it is offline, but it is on. I need the forms by noon.", now - 260),
        DeviceRow("p8d4n6r2t5s3", "accounting-03", "Ubuntu 24.04, GNOME", True, now, True, "Excel sheet will not open", now - 45),
        DeviceRow("h2j5l8z1c4b7", "meeting-room-2", "Debian 12, Xfce", True, now),
        DeviceRow("f6g9y3u7i1o5", "warehouse-scanner", "Debian 12, no desktop", True, now),
        DeviceRow("a4e8q2w6d1x9", "design-workstation", "Fedora 43, KDE Plasma", True, now),
        DeviceRow("v1b5n9m3k7j2", "lab-laptop-11", "Ubuntu 24.04, GNOME", False, now - 3600 * 5),
        DeviceRow("t7r2e6w1q5y8", "lab-laptop-12", "Ubuntu 24.04, GNOME", False, now - 86400 * 3),
        DeviceRow("z9x4c8v2b6n1", "library-kiosk", "Debian 12, Openbox", False, now - 86400),
    ]  # fmt: skip
    return {row.id: row for row in rows}


def sample_known(now: float) -> dict[str, KnownDevice]:
    """What earlier sessions told about some of `sample_rows`."""
    long, day = now - 9e6, 86400
    disk = Health(1, 1, 0, "The system disk is almost full", now - 7200)
    cups = Health(0, 2, 1, "A service has failed: cups.service", now - 3 * day)
    clean = Health(checked=now - 600)
    return {
        "k3v9w2m4x7q1": KnownDevice("reception-pc", "front", long, "maria", "EX-00412", disk, now - 7200),
        "p8d4n6r2t5s3": KnownDevice("accounting-03", "office", long, "jonas", "EX-00418", clean, now - 600),
        "h2j5l8z1c4b7": KnownDevice("meeting-room-2", "office", long, "", "EX-00390", cups, now - 3 * day),
        "v1b5n9m3k7j2": KnownDevice("lab-laptop-11", "lab", long, "ines"),
    }


def sample_standing() -> Standing:
    """A certificate in the first third of its life."""
    start = datetime.now(UTC) - timedelta(hours=2)
    return Standing(
        peer="q7w3e9r1t5y2",
        organisation_name="Example Ltd",
        fingerprint="5b1f" * 16,
        not_before=start,
        not_after=start + timedelta(hours=12),
        renewal_from=start + timedelta(hours=8),
        renewable=True,
        spki="9c" * 32,
        round_trip=0.0183,
    )


def sample_library() -> Library:
    """The scripts that come with Handrail, signed by two; one has a former version."""
    signed = datetime.now(UTC) - timedelta(days=12)
    approval = Approval(7, ("a1b2c3d4" * 8, "e5f60718" * 8), 2, signed, signed + timedelta(days=90))

    def published(script: Script) -> PublishedScript:
        former = None
        if script.manifest.id == "empty-trash":
            files = {name: data.replace(b"return", b"print('old')\n    return", 1) for name, data in script.files.items()}
            before = msgspec.structs.replace(script.manifest, version="0.9")
            former = PublishedScript(
                before, files, replace(approval, version=5, signed=signed - timedelta(days=60)), digest_of(before)
            )
        return PublishedScript(script.manifest, script.files, approval, digest_of(script.manifest), former)

    return Library({script.manifest.id: published(script) for script in starter_fixes()}, approval, datetime.now(UTC))


def sample_findings() -> list[Finding]:
    """One of each severity."""
    return [
        Finding("disk_full", "The system disk is almost full", "critical",
                "Only 3 % of / is free. Updates and log files will fail soon.",
                {"path": "/", "free_percent": 3.1, "free_gb": 1.4, "largest": "/var/cache/apt 2.1 GB"},
                "clean_package_cache", {"keep_days": 7}, "KB-104"),
        Finding("service_failed", "A service has failed: cups.service", "warning",
                "The printing service stopped 4 minutes ago and did not come back.",
                {"unit": "cups.service", "result": "exit-code", "since": "10:41"}, "restart_service", {"unit": "cups.service"}),
        Finding("time_not_synchronised", "The clock is not synchronised", "notice",
                "No time server has answered since the last start.", {"synchronised": False}),
    ]  # fmt: skip


def sample_fixes() -> list[FixEntry]:
    """Two that can run and one that cannot."""
    return [
        FixEntry("clean_package_cache", "1.0", "Clean the package cache",
                 "Removes downloaded packages that are no longer needed.", 1, "user",
                 [FixParameter("keep_days", "int", "Keep packages newer than (days)", True, 7, low=0, high=365),
                  FixParameter("dry_run", "bool", "Only say what would be removed", False, False)],
                 ["disk_full"], ["frees disk space"], digest="3f2a91c0b7de" + "0" * 52),
        FixEntry("restart_service", "1.2", "Restart a user service", "Restarts one service of the user and checks that it runs.",
                 1, "user", [FixParameter("unit", "text", "Service", True, None, "[a-z.-]+"),
                             FixParameter("mode", "choice", "How", False, "replace", choices=["replace", "fail"])],
                 ["service_failed"], ["interrupts the service"], digest="81d40b6c55ea" + "0" * 52),
        FixEntry("reset_network", "1.0", "Reset the network", "Takes every interface down and up again.", 2, "root",
                 available=False, why_not="Needs the agent to run as the administrator.", digest="c09e7712aa03" + "0" * 52),
    ]  # fmt: skip


def sample_tables() -> list[DiagnosticsTable]:
    """A few tables, one of each status."""
    processes = [
        {"pid": 812 + 7 * index, "name": name, "resident_mb": 34.5 * (index + 1), "cpu_percent": 0.7 * index, "user": "maria"}
        for index, name in enumerate(
            ["gnome-shell", "firefox", "evince", "cupsd", "nautilus", "pipewire", "Xorg", "gedit", "bash"]
        )
    ]
    system = {"hostname": "reception-pc", "cpu_brand": "AMD Ryzen 5 5600G", "physical_memory_gb": 15.4, "uptime_hours": 61.2}
    return [
        DiagnosticsTable(0, "system_info", "ok", 3.1, 200.0, [system]),
        DiagnosticsTable(0, "os_version", "ok", 1.2, 200.0, [{"name": "Debian GNU/Linux", "version": "12 (bookworm)"}]),
        DiagnosticsTable(0, "processes", "ok", 48.0, 500.0, list(processes), truncated=12),
        DiagnosticsTable(0, "mounts", "ok", 4.0, 200.0, [{"path": "/", "free": 3.1}, {"path": "/home", "free": 41.0}]),
        DiagnosticsTable(0, "listening_ports", "ok", 9.0, 300.0, [{"port": 22}, {"port": 631}]),
        DiagnosticsTable(0, "services", "failed", 500.0, 500.0, [], "systemctl did not answer within 0.5 s"),
        DiagnosticsTable(0, "patches", "unsupported", 0.1, 200.0, [], "Only Windows has this table."),
    ]  # fmt: skip
