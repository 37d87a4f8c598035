"""What both ends of an assisted session share: the sealed channel below, frames in it, pings, deadlines and the end.

`AgentSession` and `TechnicianSession` add the conversation. Which message may come in which state is in one table in each of
them; anything absent from it is a protocol error of the other side and ends the session.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Final

from protocol.capabilities import Capability
from protocol.certificates import Identity
from protocol.channel import ChannelEnded, DataReceived, Established, SealedChannel
from protocol.errors import HandrailError, LocalProtocolError, RefusalReason, RemoteProtocolError, TrustError
from protocol.frames import FrameConnection
from protocol.guest import WRONG_CODE
from protocol.limits import Limits
from protocol.messages import Lane, Message, Sender, UnknownMessage, decode_message, encode_message, rule_of
from protocol.messages.older import in_words_of
from protocol.messages.session import AgentHello, Called, Denied, End, Ping, Pong, Welcome
from protocol.version import PROTOCOL

END_SECONDS: Final = 5.0
INPUT_BACKLOG_BYTES: Final = 1024 * 1024
MICROSECONDS: Final = 1_000_000
CUT_REASONS: Final = frozenset({"cut", "silence"})


class SessionState(Enum):
    """Where a session stands. GUEST: both sides of a guest's session prove that they know its code. ENDING: our `End` is queued
    or sent, the other side's last words are awaited."""

    HANDSHAKE = "handshake"
    GUEST = "guest"
    HELLO = "hello"
    REVEAL = "reveal"
    CONSENT = "consent"
    OPEN = "open"
    ENDING = "ending"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class ConsentNeeded:
    """Agent: the technician is certified and has opened its commitment; somebody (or policy) must now decide. `resume` names
    the session that is to go on ("": none); `after_restart` and `call` as in `Hello`."""

    identity: Identity
    wanted: list[Capability]
    reason: str
    sas: str
    timestamp_version: int
    resume: str = ""
    after_restart: float = 0.0
    call: str = ""


@dataclass(frozen=True, slots=True)
class Connected:
    """Technician: the device is certified; consent is not given yet. `sas` is to be compared with the user's."""

    identity: Identity
    hello: AgentHello
    sas: str


@dataclass(frozen=True, slots=True)
class ConsentWaiting:
    """Technician: a person is being asked and has `seconds` to answer."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Opened:
    """Technician: the session is open."""

    welcome: Welcome


@dataclass(frozen=True, slots=True)
class CallTold:
    """Technician: who calls them there, as they asked. No session follows."""

    called: Called


@dataclass(frozen=True, slots=True)
class DeniedByAgent:
    """Technician: the session was not opened."""

    denied: Denied


@dataclass(frozen=True, slots=True)
class MessageReceived:
    """A message that this side may act on. On the agent its capability is granted at this moment."""

    message: Message


@dataclass(frozen=True, slots=True)
class MessageRefused:
    """Agent: a message was not let through, and the technician was told."""

    tag: str
    reason: RefusalReason


@dataclass(frozen=True, slots=True)
class CapabilityAsked:
    """Agent: the technician asks for one capability more; answer with `grant` or `refuse`."""

    request: int
    capability: Capability
    reason: str


@dataclass(frozen=True, slots=True)
class CapabilityReturned:
    """Agent: the technician gave a capability back; it is no longer granted."""

    capability: Capability


@dataclass(frozen=True, slots=True)
class CapabilityExpired:
    """Agent: the time of a capability ran out; it is no longer granted and the technician was told."""

    capability: Capability


@dataclass(frozen=True, slots=True)
class GrantsChanged:
    """Technician: what is granted now."""

    granted: frozenset[Capability]


@dataclass(frozen=True, slots=True)
class UnknownReceived:
    """A message of a type this version does not know; ignored, but worth a line in the log."""

    tag: str


@dataclass(frozen=True, slots=True)
class EndRequested:
    """Agent: the technician ends the session; answer with `end(...)`, which carries checkpoint and receipt."""

    reason: str


@dataclass(frozen=True, slots=True)
class SessionEnded:
    """The last event. `clean`: both sides knew (close_notify was seen or `End` exchanged); otherwise it was cut or broken.
    `resume_seconds` and `proof` as in `End`."""

    reason: str
    clean: bool
    by_peer: bool
    checkpoint: bytes = b""
    receipt: bytes = b""
    resume_seconds: float = 0.0
    proof: tuple[bytes, ...] = ()

    @property
    def cut(self) -> bool:
        """The network ended it, not a person, a rule or a doubt: it may be resumed."""
        return not self.clean and self.reason in CUT_REASONS


Event = (
    ConsentNeeded
    | Connected
    | ConsentWaiting
    | Opened
    | DeniedByAgent
    | CallTold
    | MessageReceived
    | MessageRefused
    | CapabilityAsked
    | CapabilityReturned
    | CapabilityExpired
    | GrantsChanged
    | UnknownReceived
    | EndRequested
    | SessionEnded
)


class SessionCore(ABC):
    """One end of one session. After every call collect `events()`, then call `data_to_send()` until it returns b"", then arm a
    timer for `next_deadline()`. Nothing the other side sends makes a call raise: it becomes `SessionEnded`.
    """

    side: Sender

    def __init__(
        self,
        channel: SealedChannel,
        *,
        wall: Callable[[], datetime],
        random_bytes: Callable[[int], bytes],
        limits: Limits,
    ) -> None:
        self._channel = channel
        self._wall = wall
        self._random_bytes = random_bytes
        self._limits = limits
        self._frames = FrameConnection(limits)
        self._events: list[tuple[Event, Lane | None, int]] = []
        self.state = SessionState.HANDSHAKE
        self.peer: Identity | None = None
        self.spoken = PROTOCOL
        """The protocol of this session: the lower of both sides' once they have said hello."""
        self.round_trip: float | None = None
        self.round_trip_last: float | None = None
        self._stage_deadline: float | None = None
        self._ping_at: float | None = None
        self._recheck_at: float | None = None
        self._heard_at: float | None = None
        self._last_words: tuple[str, bool] | None = None

    # -- the contract of every machine ------------------------------------------------------------------------------

    def receive_data(self, data: bytes, now: float) -> None:
        """Bytes of the tunnel, cut anywhere."""
        if self.state is SessionState.ENDED:
            return
        self._heard_at = now
        try:
            self._channel.receive_data(data, now)
            self._take_channel_events(now)
        except HandrailError as error:
            self._fail(error)

    def receive_eof(self, now: float) -> None:
        """The tunnel is gone."""
        if self.state is SessionState.ENDED:
            return
        try:
            self._channel.receive_eof(now)
            self._take_channel_events(now)
        except HandrailError as error:
            self._fail(error)
        if self.state is SessionState.ENDING and self._last_words is not None:
            self._finish(self._last_words[0], clean=True, by_peer=False)
        self._finish("cut", clean=False, by_peer=True)

    def events(self) -> list[Event]:
        """What has happened since the last call. Collecting a message gives its sender credit for the next: whoever hands
        messages on waits for room first, and features that carry bulk data bound it by windows of their own."""
        taken, self._events = self._events, []
        for _, lane, size in taken:
            if lane is not None:
                self._frames.consumed(lane, size)
        return [event for event, _, _ in taken]

    @property
    def has_data(self) -> bool:
        """False: `data_to_send` would return b"" and do nothing else."""
        return self.state is not SessionState.OPEN or self._channel.has_data or self._frames.has_data

    def data_to_send(self, max_bytes: int = 64 * 1024) -> bytes:
        """About `max_bytes` of tunnel bytes, most urgent first; call again until it returns b"". Seal no more than the
        transport can take, so that a key press queued in between overtakes."""
        if self.state not in (SessionState.HANDSHAKE, SessionState.ENDED):
            plain = self._frames.data_to_send(max_bytes)
            if plain:
                self._channel.send(plain)
            elif self.state is SessionState.ENDING and self._last_words is not None:
                reason, early = self._last_words
                # The agent has the last word (checkpoint and receipt); a technician waits for it once the session was open.
                if early or self.side is Sender.AGENT:
                    self._channel.close()
                    self._finish(reason, clean=True, by_peer=False)
        return self._channel.data_to_send()

    def next_deadline(self) -> float | None:
        """Monotonic seconds at which `handle_deadline` wants to be called; None: never."""
        if self.state is SessionState.ENDED:
            return None
        silence = None if self._heard_at is None or self._ping_at is None else self._heard_at + self._limits.silence_seconds
        times = [self._stage_deadline, self._ping_at, self._recheck_at, silence, self._own_deadline()]
        if self.state is SessionState.HANDSHAKE:
            times.append(self._channel.next_deadline())
        known = [time for time in times if time is not None]
        return min(known) if known else None

    def handle_deadline(self, now: float) -> None:
        """Time has passed."""
        if self.state is SessionState.ENDED:
            return
        try:
            if self.state is SessionState.HANDSHAKE:
                self._channel.handle_deadline(now)
                self._take_channel_events(now)
            self._handle_stage_deadline(now)
            self._handle_ping(now)
            if self._recheck_at is not None and now >= self._recheck_at:
                self._recheck_at = now + self._limits.recheck_seconds
                self._channel.recheck(self._wall())
            self._handle_own_deadline(now)
        except HandrailError as error:
            self._fail(error)

    # -- what both sides say ----------------------------------------------------------------------------------------

    def send_message(self, message: Message, now: float) -> None:  # noqa: ARG002 - every machine's calls take now
        """Queue a message of a feature.

        Raises:
            LocalProtocolError: the session is not open, or the type is not this side's to send.
        """
        if self.state is not SessionState.OPEN:
            raise LocalProtocolError(f"the session is {self.state.value}, not open")
        self._check_sendable(message)
        self._queue(in_words_of(message, self.spoken))

    def pending(self, lane: Lane) -> int:
        """Bytes queued on a lane and not yet handed out."""
        return self._frames.pending(lane)

    def end(
        self,
        reason: str,
        now: float,
        checkpoint: bytes = b"",
        receipt: bytes = b"",
        *,
        resume_seconds: float = 0.0,
        proof: Sequence[bytes] = (),
    ) -> None:
        """End politely. What is queued on the picture and bulk lanes is dropped; the rest still goes out first."""
        if self.state in (SessionState.ENDING, SessionState.ENDED):
            return
        if self.state is SessionState.HANDSHAKE:
            self._channel.close()
            self._finish(reason, clean=False, by_peer=False)
            return
        early = self.state is not SessionState.OPEN
        self._frames.discard(Lane.SCREEN)
        self._frames.discard(Lane.BULK)
        self._queue(End(reason[:200], checkpoint, receipt, resume_seconds, list(proof)))
        self.state = SessionState.ENDING
        self._last_words = (reason, early)
        self._stage_deadline = now + END_SECONDS
        self._ping_at = None

    # -- for the two sides ------------------------------------------------------------------------------------------

    @abstractmethod
    def _established(self, peer: Identity, now: float) -> None: ...

    @abstractmethod
    def _receive(self, message: Message, lane: Lane, size: int, now: float) -> None: ...

    def _own_deadline(self) -> float | None:
        """When this side alone wants to be woken."""
        return None

    def _handle_own_deadline(self, now: float) -> None:  # noqa: B027 - a side without such deadlines has nothing to do
        """Deadlines of one side only."""

    def _check_sendable(self, message: Message) -> None:
        if rule_of(message).sender not in (self.side, Sender.BOTH):
            raise LocalProtocolError(f"{rule_of(message).tag} is not this side's to send")

    def _emit(self, event: Event, lane: Lane | None = None, size: int = 0) -> None:
        self._events.append((event, lane, size))

    def _queue(self, message: Message) -> None:
        self._frames.send_message(rule_of(message).lane, encode_message(message))

    def _open(self, now: float) -> None:
        self.state = SessionState.OPEN
        self._stage_deadline = None
        self._ping_at = now
        self._recheck_at = now + self._limits.recheck_seconds

    def _finish(
        self,
        reason: str,
        *,
        clean: bool,
        by_peer: bool,
        checkpoint: bytes = b"",
        receipt: bytes = b"",
        resume_seconds: float = 0.0,
        proof: tuple[bytes, ...] = (),
    ) -> None:
        if self.state is not SessionState.ENDED:
            self.state = SessionState.ENDED
            self._emit(SessionEnded(reason, clean, by_peer, checkpoint, receipt, resume_seconds, proof))

    def _fail(self, error: HandrailError) -> None:
        """The other side (or the way to it) broke a rule: close, and say which."""
        self._channel.close()
        kind = "protocol_error" if isinstance(error, RemoteProtocolError) else "untrusted"
        self._finish(f"{kind}: {error}", clean=False, by_peer=True)

    def _take_channel_events(self, now: float) -> None:
        for event in self._channel.events():
            if self.state is SessionState.ENDED:
                return
            match event:
                case Established(peer=peer):
                    self.peer = peer
                    self._heard_at = now
                    self._established(peer, now)
                case DataReceived(data=data):
                    self._take_frames(data, now)
                case ChannelEnded(clean=True) if self.state is SessionState.GUEST:
                    # Who does not believe the other's proof says nothing and closes.
                    self._fail(TrustError(WRONG_CODE))
                case ChannelEnded(clean=clean):
                    reason = self._last_words[0] if self._last_words else ("closed" if clean else "cut")
                    self._finish(reason, clean=clean or self._last_words is not None, by_peer=self._last_words is None)

    def _take_frames(self, data: bytes, now: float) -> None:
        for lane, payload in self._frames.receive_data(data):
            if self.state is SessionState.ENDED:
                return
            message = decode_message(payload)
            if isinstance(message, UnknownMessage):
                self._emit(UnknownReceived(message.tag), lane, len(payload))
                continue
            rule = rule_of(message)
            if rule.sender is self.side:
                raise RemoteProtocolError(f"{rule.tag} is not the other side's to send")
            if rule.lane is not lane:
                raise RemoteProtocolError(f"{rule.tag} came on lane {lane.name.lower()}")
            match message:
                case Ping(token=token):
                    self._answer_ping(token)
                case Pong(token=token):
                    self._take_pong(token, now)
                case _:
                    self._receive(message, lane, len(payload), now)

    def _answer_ping(self, token: int) -> None:
        if self._frames.pending(Lane.INPUT) > INPUT_BACKLOG_BYTES:
            raise RemoteProtocolError("it asks for answers and does not read them")
        self._queue(Pong(token))

    def _take_pong(self, token: int, now: float) -> None:
        seconds = now - token / MICROSECONDS
        if 0 <= seconds < self._limits.silence_seconds:
            self.round_trip_last = seconds
            self.round_trip = seconds if self.round_trip is None else 0.75 * self.round_trip + 0.25 * seconds

    def _handle_stage_deadline(self, now: float) -> None:
        if self._stage_deadline is None or now < self._stage_deadline:
            return
        self._stage_deadline = None
        if self.state is SessionState.ENDING and self._last_words is not None:
            self._channel.close()
            self._finish(self._last_words[0], clean=False, by_peer=False)
        else:
            raise RemoteProtocolError(f"nothing came in time ({self.state.value})")

    def _handle_ping(self, now: float) -> None:
        if self._ping_at is None:
            return
        if self._heard_at is not None and now >= self._heard_at + self._limits.silence_seconds:
            self._channel.close()
            self._finish("silence", clean=False, by_peer=True)
        elif now >= self._ping_at:
            self._ping_at = now + self._limits.ping_seconds
            self._queue(Ping(int(now * MICROSECONDS)))
