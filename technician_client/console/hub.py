"""The sessions of this console: each with its state, kept for a while when its tab is reloaded, at most one tab at a time."""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import Any, Final, Protocol

from hostio.tasks import Supervisor
from protocol.capabilities import Capability
from protocol.errors import HandrailError, LocalProtocolError, Refused
from protocol.messages import Lane, Message
from protocol.messages.chat import ChatMessage
from protocol.messages.colleagues import ControlKeep, Invite
from protocol.messages.fixes import FixCatalogue, FixResult, FixRun
from protocol.messages.forward import ForwardRules
from protocol.messages.input import ReleaseAll
from protocol.messages.screen import ScreenStop
from protocol.messages.session import Paused
from technician_client.console.company import Company
from technician_client.console.fix_tiers import FixTiers
from technician_client.console.forwards import Forwards
from technician_client.console.keeping import About, Keeping
from technician_client.console.ports import (
    ConsentAsked,
    DeviceConnected,
    GrantsNow,
    OpenProgress,
    RelayPort,
    RemoteSession,
    SessionOver,
    Target,
)
from technician_client.recordings.announced import AnnouncedRecording, Stage
from technician_client.step_up import StepUpNeeded
from technician_client.transfers import Channel

_LOGGER = logging.getLogger(__name__)

SESSIONS_AT_ONCE: Final = 16
ENDED_KEPT: Final = 16
CHAT_LINES: Final = 500
GRACE_SECONDS: Final = 30.0
RECEIPT_BYTES: Final = 64 * 1024


class TooMany(HandrailError):
    """More sessions than one console keeps; the text says what to do."""


class Phase(StrEnum):
    """Where a session stands, as the page shows it."""

    DIALLING = "dialling"
    CONNECTED = "connected"
    WAITING = "waiting"
    OPEN = "open"
    RECONNECTING = "reconnecting"
    OVER = "over"


class Tab(Protocol):
    """The browser's end of a live session (`console.bridge.Bridge`)."""

    async def show(self, message: Message) -> None:
        """Pass one message of the agent on. Waits while the browser is behind."""

    def tell(self, value: dict[str, Any]) -> None:
        """Pass one of the console's own objects on."""

    def replaced(self) -> None:
        """Another tab took over."""


class LiveSession:
    """One session from the wish to its end. `snapshot` is everything a tab that has just been opened must know."""

    def __init__(
        self,
        name: str,
        relay: RelayPort,
        target: Target,
        wanted: Sequence[Capability],
        reason: str,
        *,
        label: str,
        on_change: Callable[[], None],
        keeping: Keeping | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.name = name
        self.phase = Phase.DIALLING
        self._relay = relay
        self._target = target
        self._wanted = tuple(wanted)
        self._reason = reason
        self._label = label
        self._on_change = on_change
        self._clock = clock
        self._device: DeviceConnected | None = None
        self._device_again: DeviceConnected | None = None
        self._answer_by: float | None = None
        self._opened_at: float | None = None
        self._session: RemoteSession | None = None
        self._granted: frozenset[Capability] = frozenset()
        self._paused: Paused | None = None
        self._over: SessionOver | None = None
        self._chat: deque[dict[str, str | float]] = deque(maxlen=CHAT_LINES)
        self._tab: Tab | None = None
        self._detached_at: float | None = clock()
        self.supervisor = Supervisor()
        self.forwards = Forwards(self._tell, relay.demand_step_up)
        self._keeping = keeping
        self._note = ""
        self._noting = asyncio.Lock()
        self._company = Company()
        self._fix_tiers = FixTiers()
        self._opened_once = False
        self._recording: AnnouncedRecording | None = None
        if keeping is not None:
            self._recording = keeping.recording(
                self.supervisor, self._about, send=self.send, on_change=self._recording_changed, path=keeping.first_recording
            )

    # -- what is known ----------------------------------------------------------------------------------------------

    @property
    def round_trip(self) -> float | None:
        """Seconds to the device and back, or None."""
        return self._session.round_trip if self._session else None

    @property
    def round_trip_last(self) -> float | None:
        """As `round_trip`, as measured last."""
        return self._session.round_trip_last if self._session else None

    @property
    def forgotten(self) -> bool:
        """No tab has shown this session for longer than the grace."""
        return self._detached_at is not None and self._clock() - self._detached_at > GRACE_SECONDS

    def row(self) -> dict[str, Any]:
        """One line about this session for the list of sessions."""
        device = self._device
        return {
            "id": self.name,
            "label": device.label if device else self._label,
            "verified": device is not None and not device.guest,
            "guest": device is not None and device.guest,
            "phase": self.phase,
            "shown": self._tab is not None,
        }

    def snapshot(self) -> dict[str, Any]:
        """The state as one "session" object. Times are seconds from now."""
        now = self._clock()
        session, device, over = self._session, self._device, self._over
        return self.row() | {
            "type": "session",
            "peer": device.peer if device else self._target.device,
            "by_code": device.by_code if device else bool(self._target.code),
            "sas": device.sas if device else "",
            "says": device.text if device else "",
            "reason": self._reason,
            "wanted": sorted(self._wanted),
            "granted": sorted(self._granted),
            "answer_in": max(0.0, self._answer_by - now) if self._answer_by is not None else None,
            "open_for": now - self._opened_at if self._opened_at is not None else None,
            "seconds": session.seconds if session else None,
            "session_id": session.session_id if session else "",
            "unattended": session.unattended if session else False,
            "paused": self._paused.by if self._paused is not None else None,
            "over": None
            if over is None
            else {
                "reason": over.reason,
                "text": over.text,
                "clean": over.clean,
                "by_peer": over.by_peer,
                "receipt": over.receipt[:RECEIPT_BYTES].decode("utf-8", "replace"),
            },
            "chat": list(self._chat),
            "forwards": self.forwards.rows,
            "after_restart": session.after_restart if session else 0.0,
            "recording": self._recording.state if self._recording else None,
            "note": self._note,
            "company": self._company.state(now),
        }

    def keep_for_first_tab(self) -> None:
        """Do not count it as forgotten before a tab has shown it once: a person may have to open the browser by hand."""
        self._detached_at = None

    # -- the tab ----------------------------------------------------------------------------------------------------

    def attach(self, tab: Tab) -> None:
        """From now on `tab` shows this session; a tab that showed it before is told that it no longer does."""
        before, self._tab = self._tab, tab
        self._detached_at = None
        if before is not None:
            before.replaced()
        tab.tell(self.snapshot())
        self._on_change()

    def detach(self, tab: Tab) -> None:
        """`tab` has gone. Keys are released and the picture stops; the session itself is kept for the grace."""
        if self._tab is not tab:
            return
        self._tab = None
        self._detached_at = self._clock()
        if Capability.CONTROL in self._granted:
            self._send_quietly(ReleaseAll())
        self._send_quietly(ScreenStop())
        self._on_change()

    def _send_quietly(self, message: Message) -> None:
        if self._session is None or self.phase is not Phase.OPEN:
            return
        try:
            self._session.send(message)
        except HandrailError:
            _LOGGER.debug("the session ended before %s could be sent", type(message).__name__)

    def send(self, message: Message) -> None:
        """Something the tab says to the agent.

        Raises:
            StepUpNeeded: it runs a fix of tier 3, and the passphrase was typed long ago. HandrailError: the session is not open.
        """
        if self._session is None or self.phase is not Phase.OPEN:
            raise LocalProtocolError("The session is not open.")
        if isinstance(message, FixRun):
            self._relay.demand_step_up((), self._fix_tiers.of(message.id))
        self._session.send(message)
        if isinstance(message, ChatMessage):
            self._remember("technician", message)
        elif isinstance(message, ControlKeep):
            self._company.kept(message.number)
        elif isinstance(message, Invite):
            self._company.invited(message.peer)

    async def ask(self, capability: Capability, reason: str) -> None:
        """Ask for one capability more; the tab hears the answer as an "asked" object."""
        answer: dict[str, Any] = {"type": "asked", "capability": capability, "granted": False, "text": ""}
        try:
            if self._session is None:
                raise LocalProtocolError("The session is not open.")
            self._relay.demand_step_up([capability])
            await self._session.ask(capability, reason)
            answer["granted"] = True
        except StepUpNeeded as error:
            answer |= {"reason": "step_up", "text": str(error)}
        except Refused as error:
            answer |= {"reason": error.reason, "text": str(error)}
        except HandrailError as error:
            answer["text"] = str(error)
        if self._tab is not None:
            self._tab.tell(answer)

    # -- what is kept of it -----------------------------------------------------------------------------------------

    def _about(self) -> About:
        device, session = self._device, self._session
        named = device.label if device else self._label
        return About(session.session_id if session else "", device.peer if device else self._target.device, named)

    def record(self, on: bool) -> None:
        """Begin a recording, or end it; the tab hears of it as "recording" objects."""
        if self._recording is None:
            return
        try:
            if on:
                self._recording.start()
            else:
                self._recording.stop()
        except HandrailError as error:
            self._tell({"type": "notice", "text": str(error)})

    def _recording_changed(self) -> None:
        if self._recording is None:
            return
        if self._recording.stage is Stage.ON and self._recording.path is not None and self._keeping is not None:
            self._keeping.recorded(self._about(), self._recording.path)
        self._tell({"type": "recording"} | self._recording.state)

    async def note(self, text: str) -> None:
        """Keep notes of this session; the tab hears whether that worked."""
        self._note, about = text, self._about()
        told: dict[str, Any] = {"type": "noted", "text": ""}
        async with self._noting:  # one after the other, and the newest is what is kept at last
            try:
                if self._keeping is not None:
                    await asyncio.to_thread(self._keeping.note, about, self._note)
            except HandrailError as error:
                told["text"] = str(error)
        self._tell(told)

    # -- the life of the session ------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Open the session, pass on what the agent says, and note how it ended."""
        try:
            await self._run()
        finally:
            await self.forwards.aclose()

    async def _run(self) -> None:
        try:
            self._session = await self._relay.open(self._target, self._wanted, self._reason, self._progress)
        except HandrailError as error:
            reason = str(error.reason) if isinstance(error, Refused) else "not_opened"
            self._end(SessionOver(reason, clean=True, by_peer=isinstance(error, Refused), text=str(error)))
            return
        while True:
            over = await self._hear(self._session)
            if not over.resumable:
                self._end(over)
                return
            self._granted, self._paused = frozenset(), None
            self._company.lost()
            if self._recording is not None:
                self._recording.lost()
            self._become(Phase.RECONNECTING)
            try:
                self._session = await self._relay.resume(self._session, self._progress)
            except HandrailError as error:
                self._end(SessionOver(over.reason, over.clean, over.by_peer, f"{over.text} {error}", over.receipt))
                return

    async def _hear(self, session: RemoteSession) -> SessionOver:
        """From the welcome to the end."""
        self._granted = session.granted
        self.forwards.opened(session.channel, session.granted)
        self._opened_at = self._clock()
        self._answer_by = self._device_again = None
        self._become(Phase.OPEN)
        self._record_again()
        async for event in session.events():
            match event:
                case GrantsNow(granted=granted):
                    self._granted = granted
                    self.forwards.granted(granted)
                    self._tell({"type": "granted", "granted": sorted(granted)})
                case SessionOver():
                    return event
                case _:
                    await self._pass_on(event)
        return SessionOver("cut", clean=False, by_peer=True, text="The session ended without a word.")

    def _record_again(self) -> None:
        """A recording that was wished for, or that the device's policy added to the wish, begins with the session; one that
        a lost connection interrupted goes on."""
        if self._recording is None:
            return
        granted, first = Capability.RECORDING in self._granted, not self._opened_once
        self._opened_once = True
        self._recording.opened(granted)
        if not first:
            return
        if granted:
            self.record(True)
        elif Capability.RECORDING in self._wanted:
            self._tell({"type": "notice", "text": "Nothing is recorded: the user did not allow it."})

    async def _pass_on(self, message: Message) -> None:
        if self._recording is not None:
            await self._recording.hear(message)
        self._company.hear(message, self._clock())
        if isinstance(message, ChatMessage):
            self._remember("colleague" if message.name else "user", message)
        elif isinstance(message, Paused):
            self._paused = message if message.paused else None
        elif isinstance(message, FixCatalogue):
            self._fix_tiers.hear(message)
        elif isinstance(message, ForwardRules):
            self.forwards.ruled(message)
        elif isinstance(message, FixResult) and self._keeping is not None:
            self._keeping.fixed(self._about(), message)
        if self._tab is not None:
            await self._tab.show(message)

    def _remember(self, who: str, message: ChatMessage) -> None:
        name = message.name if who == "colleague" else ""
        line: dict[str, str | float] = {"from": who, "name": name, "text": message.text, "at": message.sent_at}
        self._chat.append(line)
        self._tell({"type": "chat"} | line)

    def _progress(self, progress: OpenProgress) -> None:
        match progress:
            case DeviceConnected() if self.phase is Phase.RECONNECTING:
                self._device_again = progress  # the digits change only if somebody is asked anew
            case DeviceConnected():
                self._device = progress
                self._become(Phase.CONNECTED)
            case ConsentAsked(seconds=seconds):
                self._device = self._device_again or self._device
                self._answer_by = self._clock() + seconds
                self._become(Phase.WAITING)

    def _end(self, over: SessionOver) -> None:
        if self._over is None:
            self._over = over
            if self._recording is not None:
                self._recording.over()
            self._granted = frozenset()
            self.forwards.granted(())
            self._become(Phase.OVER)

    def _become(self, phase: Phase) -> None:
        self.phase = phase
        self._tell(self.snapshot())
        self._on_change()

    @property
    def channel(self) -> Channel | None:
        """The session while it is open, for files and the clipboard."""
        return self._session.channel if self._session is not None and self.phase is Phase.OPEN else None

    @property
    def unsent(self) -> int:
        """Bytes of what was said to the device, files and the clipboard aside, that wait to leave this computer."""
        channel = self.channel
        return 0 if channel is None else channel.pending(Lane.INPUT) + channel.pending(Lane.CONTROL)

    @property
    def is_over(self) -> bool:
        """It does not come back."""
        return self.phase is Phase.OVER

    def tell(self, value: dict[str, Any]) -> None:
        """Say something of the console's own to the tab that shows it."""
        self._tell(value)

    def _tell(self, value: dict[str, Any]) -> None:
        if self._tab is not None:
            self._tab.tell(value)

    async def end(self, reason: str) -> None:
        """End it, whatever it is doing: politely when it is open, by giving up when it is being opened."""
        if self.phase is Phase.OVER:
            return
        if self._session is not None and self.phase is Phase.OPEN:
            await self._session.end(reason)
            return
        if self._session is None:
            text = "You gave up before the session was open."
        else:
            text = "You gave up while the connection was lost. The device stops waiting for you by itself."
        self._end(SessionOver("cancelled", clean=True, by_peer=False, text=text))
        await self.supervisor.aclose()


class SessionHub:
    """All live sessions of one console.

    Args:
        new_name: makes an unguessable name for a session's address.
        keeping: where recordings and notes go (None: nothing is kept).
    """

    def __init__(
        self, relay: RelayPort, supervisor: Supervisor, *, new_name: Callable[[], str], keeping: Keeping | None = None
    ) -> None:
        self._relay = relay
        self._keeping = keeping
        self._supervisor = supervisor
        self._new_name = new_name
        self._sessions: dict[str, LiveSession] = {}
        self._watchers: set[asyncio.Event] = set()

    def get(self, name: str) -> LiveSession | None:
        """The session of that name."""
        return self._sessions.get(name)

    def rows(self) -> list[dict[str, Any]]:
        """One line about each session, oldest first."""
        return [session.row() for session in self._sessions.values()]

    def watch(self) -> asyncio.Event:
        """An event that is set whenever `rows` changes; give it back with `unwatch`."""
        changed = asyncio.Event()
        self._watchers.add(changed)
        return changed

    def unwatch(self, changed: asyncio.Event) -> None:
        """The watcher has gone."""
        self._watchers.discard(changed)

    def _changed(self) -> None:
        for changed in self._watchers:
            changed.set()

    def start(
        self, target: Target, wanted: Sequence[Capability], reason: str, label: str, recording: Path | None = None
    ) -> LiveSession:
        """Begin to open a session. `recording`: the file for its recording, when it has a name already.

        Raises:
            TooMany: end one first.
        """
        over = [name for name, session in self._sessions.items() if session.phase is Phase.OVER]
        for name in over[: max(0, len(over) - ENDED_KEPT + 1)]:
            del self._sessions[name]
        if len(self._sessions) - min(len(over), ENDED_KEPT) >= SESSIONS_AT_ONCE:
            raise TooMany(f"{SESSIONS_AT_ONCE} sessions are open. End one of them first.")
        name = self._new_name()
        keeping = self._keeping if self._keeping is None else replace(self._keeping, first_recording=recording)
        session = LiveSession(name, self._relay, target, wanted, reason, label=label, on_change=self._changed, keeping=keeping)
        self._sessions[name] = session
        _ = session.supervisor.spawn(session.run(), f"session {name[:6]}")
        self._changed()
        return session

    async def sweep(self, interval: float = 2.0) -> None:
        """End the sessions that no tab has shown for longer than the grace. Runs until cancelled."""
        while True:
            await asyncio.sleep(interval)
            for session in tuple(self._sessions.values()):
                if session.forgotten and session.phase is not Phase.OVER:
                    _ = self._supervisor.spawn(session.end("the technician closed the page"), "end a forgotten session")

    async def aclose(self) -> None:
        """End every session politely."""
        await asyncio.gather(*(session.end("the technician closed the console") for session in self._sessions.values()))
        for session in self._sessions.values():
            await session.supervisor.aclose()
