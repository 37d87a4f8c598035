"""One assisted session from the technician's side: the sealed session machine, its tunnel, and those who listen to it.

Everything runs on one event loop. Two tasks belong to a session: one reads the tunnel and feeds the machine, one writes what the
machine wants to send, a bounded piece at a time so that a key press queued in between overtakes, and wakes for its deadlines.
A subscriber that is behind by its whole limit stops the reading of the tunnel: that is the backpressure, down to the agent.
"""

import asyncio
import logging
import secrets
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Literal, Self

from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from hostio.errors import RelayUnreachable
from hostio.tasks import Supervisor
from protocol.audit import Checkpoint
from protocol.capabilities import Capability
from protocol.certificates import Identity
from protocol.errors import HandrailError, LocalProtocolError, TrustError
from protocol.link_messages import TunnelOffer
from protocol.messages import Lane, Message
from protocol.messages.session import CapabilityGranted, Refusal, Welcome
from protocol.session import (
    Connected,
    ConsentWaiting,
    DeniedByAgent,
    Event,
    MessageReceived,
    Opened,
    SessionEnded,
    SessionState,
    TechnicianSession,
    UnknownReceived,
)
from protocol.version import PRODUCT
from technician_client.answers import FINAL_ANSWERS, Answers, SessionItem
from technician_client.calling import call
from technician_client.errors import SessionLost
from technician_client.opening import Progress as Progress
from technician_client.opening import Relay as Relay
from technician_client.opening import Stage as Stage
from technician_client.receipts import Kept, keep_last_words, newest_pin
from technician_client.subscriptions import Publisher, Subscription
from technician_client.verdicts import TUNNEL_UNPAIRED, check_offer, denial, describe_end, device_claims

_LOGGER = logging.getLogger(__name__)
_WRITE_BYTES = 64 * 1024
_EARLY = 256
ANSWER_LIMIT = 4096


class Session:
    """An open session. Make one with `open`; use it as an async context manager or call `end`."""

    def __init__(
        self,
        relay: Relay,
        offer: TunnelOffer,
        *,
        device: str | None,
        wanted: Sequence[Capability],
        reason: str,
        on_progress: Callable[[Progress], None] | None = None,
        accept: Callable[[Identity], None] | None = None,
        resume: str = "",
        after_restart: float = 0.0,
        secret: str = "",
        answers: Literal["", "look", "decline"] = "",
    ) -> None:
        """Not for callers: use `open`. `answers`: see `technician_client.knocking`."""
        keys = relay.identity
        self.offer = offer
        self.settings = relay.settings
        self._revocations = relay.revocations
        self.reason = reason
        self._expected = device
        self._machine = TechnicianSession(
            keys.key,
            list(keys.chain),
            keys.root,
            expected_device=device,
            wanted=list(wanted),
            reason=reason,
            wall=lambda: datetime.now(UTC),
            timestamp_version=keys.timestamp_version,
            random_bytes=secrets.token_bytes,
            limits=relay.settings.limits,
            product=f"handrail/{PRODUCT}",
            witness=self._witness,
            resume=resume,
            after_restart=after_restart,
            guest_secret=secret,
            call=answers,
        )
        self.guest = bool(secret)  # a device that is not enrolled: both sides prove that they know its code
        self._on_progress = on_progress
        self._accept = accept
        self._identity: Identity | None = None
        self._sas = ""
        self._welcome: Welcome | None = None
        self._ended: SessionEnded | None = None
        self._opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._over = asyncio.Event()
        self._wake = asyncio.Event()
        self._items: Publisher[SessionItem] = Publisher(kept=_EARLY)
        self._supervisor = Supervisor(self._task_failed)
        self._socket: ClientConnection | None = None
        self._pairing = asyncio.timeout(self.settings.pairing_seconds)
        self._last_request = 0
        self._pin: Checkpoint | None = None
        self.kept: Kept | None = None  # where the agent's last words were kept, once the session is over

    # -- opening ----------------------------------------------------------------------------------------------------

    @classmethod
    async def open(
        cls,
        relay: Relay,
        *,
        code: str | None = None,
        device: str | None = None,
        wanted: Sequence[Capability],
        reason: str = "",
        on_progress: Callable[[Progress], None] | None = None,
        accept: Callable[[Identity], None] | None = None,
        resume: str = "",
        after_restart: float = 0.0,
    ) -> Self:
        """Open a session with the device whose user reads out `code`, or with the device whose id is `device`. The form of the
        code decides whether a guest is meant (`protocol.codes`).

        Waits for the person there to consent. Cancelling it ends it politely and closes everything.

        Args:
            wanted: what to ask for; what was granted is in `granted`.
            reason: one line that the person there reads.
            on_progress: called at each step, on the event loop.
            accept: called with the device's certified identity before anything is asked of it; an error that it raises ends
                the attempt.
            resume: the id of a session of these two keys that was cut (see `technician_client.resuming`).
            after_restart: ask to be let back in once within so many seconds after a restart (0: do not ask; at most 3600).

        Raises:
            Refused: the person, policy or agent said no. TrustError: it is not the device it should be.
            NotFound, DeviceOffline, RelayUnreachable: as `RelayClient.redeem`, `ask` and `open_tunnel`.
            SessionLost: it ended before it was open.
        """
        if on_progress is not None:
            on_progress(Progress(Stage.ASKING, device=device or "", by_code=code is not None))
        called = await call(relay, relay.settings.spent_codes_file, code=code, device=device)
        session = cls(
            relay,
            called.offer,
            device=device,
            wanted=wanted,
            reason=reason,
            on_progress=on_progress,
            accept=accept,
            resume=resume,
            after_restart=after_restart,
            secret=called.secret,
        )
        started = False
        try:
            await session._start(relay)
            started = True
        finally:
            if not started:
                await session._give_up()
        return session

    async def _start(self, relay: Relay) -> None:
        self._progress(Stage.TUNNEL)
        if self._expected is not None:
            self._pin = await asyncio.to_thread(newest_pin, self.settings.receipts_directory, self._expected)
        self._socket = await relay.open_tunnel(self.offer)
        _ = self._supervisor.spawn(self._read(), "tunnel reader")
        _ = self._supervisor.spawn(self._write(), "tunnel writer")
        try:
            async with self._pairing:
                await self._opened
        except TimeoutError as error:
            raise SessionLost(
                "The device was called but did not come to the tunnel in time. Try again.", reason="no_answer", clean=False
            ) from error

    # -- what is known ----------------------------------------------------------------------------------------------

    @property
    def identity(self) -> Identity:
        """The device, as certified.

        Raises:
            LocalProtocolError: the device has not shown its certificate yet.
        """
        if self._identity is None:
            raise LocalProtocolError("the device is not known yet")
        return self._identity

    @property
    def device(self) -> str:
        """The device's id, as certified."""
        return self.identity.peer

    @property
    def label(self) -> str:
        """The device's label, as certified."""
        return device_claims(self.identity).label

    @property
    def group(self) -> str:
        """The device's group, as certified."""
        return device_claims(self.identity).group

    @property
    def sas(self) -> str:
        """Six digits that must equal those on the user's screen."""
        return self._sas

    @property
    def by_code(self) -> bool:
        """A code led here, so the SAS has to be compared. (A guest has proved more than six digits could.)"""
        return self._expected is None and not self.guest

    @property
    def granted(self) -> frozenset[Capability]:
        """What the technician may do right now; nothing once the session is over."""
        return self._machine.granted if self._ended is None else frozenset()

    @property
    def last_granted(self) -> frozenset[Capability]:
        """As `granted`; once the session is over, what was granted in its last moment."""
        return self._machine.granted

    @property
    def opened_with(self) -> frozenset[Capability]:
        """What was granted when the session opened."""
        return frozenset(self._welcome.granted) if self._welcome else frozenset()

    @property
    def session_id(self) -> str:
        """The agent's name for this session ("" until it is open)."""
        return self._welcome.session_id if self._welcome else ""

    @property
    def unattended(self) -> bool:
        """Policy opened it; nobody was asked."""
        return self._welcome is not None and self._welcome.unattended

    @property
    def resumed(self) -> bool:
        """It goes on with what was granted before a cut; nobody was asked."""
        return self._welcome is not None and self._welcome.resumed

    @property
    def after_restart(self) -> float:
        """So many seconds after a restart of the computer it may go on once (0: the user did not allow that)."""
        return self._welcome.after_restart if self._welcome else 0.0

    @property
    def seconds(self) -> float:
        """How long the first grant lasts, from its opening."""
        return self._welcome.seconds if self._welcome else 0.0

    @property
    def round_trip(self) -> float | None:
        """Seconds to the device and back, smoothed; None until measured."""
        return self._machine.round_trip

    @property
    def round_trip_last(self) -> float | None:
        """As `round_trip`, as measured last."""
        return self._machine.round_trip_last

    @property
    def state(self) -> SessionState:
        """Where the session stands."""
        return self._machine.state

    @property
    def ended(self) -> SessionEnded | None:
        """How it ended, or None while it lasts."""
        return self._ended

    def pending(self, lane: Lane) -> int:
        """Bytes queued on a lane and not yet sealed."""
        return self._machine.pending(lane)

    # -- saying and hearing -----------------------------------------------------------------------------------------

    def send(self, message: Message) -> None:
        """Queue a message; it goes out at once, by its lane's urgency.

        Raises:
            LocalProtocolError: the session is not open, or the type is not the technician's to send.
        """
        self._machine.send_message(message, time.monotonic())
        self._wake.set()

    def subscribe(
        self, *kinds: type[SessionItem], limit: int = 256, where: Callable[[SessionItem], bool] = lambda _: True
    ) -> Subscription[SessionItem]:
        """What comes from now on (the first subscriber also gets what came before it), of these types (none given: all):
        messages of the agent as themselves, and the events `GrantsChanged`, `UnknownReceived` and, last, `SessionEnded`.

        Ends with the session. Close it when you leave: a subscriber that stops reading stops the session.
        """
        return self._items.subscribe(lambda item: (not kinds or isinstance(item, kinds)) and where(item), limit)

    def next_request(self) -> int:
        """A request id that no other request of this session has."""
        self._last_request = self._last_request % (2**32 - 1) + 1
        return self._last_request

    def request(self, message: Message, *, seconds: float | None = None) -> Answers:
        """Send a request and stream its answers: `async with session.request(FixRun(session.next_request(), ...)) as answers`.

        Args:
            message: its `request` must come from `next_request`; its type must be in `FINAL_ANSWERS`.
            seconds: the longest wait for each next answer (None: as long as the session lasts).

        Raises:
            LocalProtocolError: the session is not open, or this message has no answers.
        """
        final = FINAL_ANSWERS.get(type(message))
        number = getattr(message, "request", None)
        if final is None or not isinstance(number, int):
            raise LocalProtocolError(f"{type(message).__name__} is not a request with answers")
        subscription = self._items.subscribe(lambda item: getattr(item, "request", None) == number, ANSWER_LIMIT)
        try:
            self.send(message)
        except HandrailError:
            subscription.close()
            raise
        return Answers(subscription, final, seconds, self.loss)

    async def ask(self, capability: Capability, reason: str = "") -> bool:
        """Ask for one capability more and wait for the answer. True: granted. False: refused (see `refusal_of` for why).

        Raises:
            LocalProtocolError: the session is not open. SessionLost: it ended before the answer.
        """
        return await self.refusal_of(capability, reason) is None

    async def refusal_of(self, capability: Capability, reason: str = "") -> Refusal | None:
        """As `ask`, but returns the refusal itself, or None when the capability is granted."""
        if capability in self.granted:
            return None
        number = self.next_request()
        with self.subscribe(CapabilityGranted, Refusal) as answers:
            self._machine.ask(capability, number, reason, time.monotonic())
            self._wake.set()
            async for answer in answers:
                if isinstance(answer, Refusal) and answer.request == number:
                    return answer
                if isinstance(answer, CapabilityGranted) and answer.capability is capability:
                    return None
        raise self.loss()

    def give_back(self, capability: Capability) -> None:
        """Return a capability that is no longer needed."""
        self._machine.give_back(capability, time.monotonic())
        self._wake.set()

    # -- the end ----------------------------------------------------------------------------------------------------

    async def end(self, reason: str = "finished") -> SessionEnded:
        """End politely: what is queued goes out first, the agent's last words (checkpoint, receipt) are awaited. Safe twice."""
        self._machine.end(reason, time.monotonic())
        self._after_machine()
        self._wake.set()
        with suppress(TimeoutError):
            async with asyncio.timeout(self.settings.end_seconds):
                await self._over.wait()
        await self._close()
        assert self._ended is not None
        return self._ended

    async def _give_up(self) -> None:
        """It failed, or was cancelled. The agent may have opened it at this moment: the person should see an end, and no cut."""
        if self._machine.state in (SessionState.CONSENT, SessionState.OPEN):
            await self.end("given up by the technician while it was being opened")
        else:
            await self._close()

    async def wait_ended(self) -> SessionEnded:
        """Wait for the end, whoever brings it about."""
        await self._over.wait()
        assert self._ended is not None
        return self._ended

    def loss(self) -> SessionLost:
        """The error that tells how this session ended."""
        ended = self._ended or SessionEnded("cut", clean=False, by_peer=True)
        never_came = self._close_code == TUNNEL_UNPAIRED and self._identity is None
        reason = "no_answer" if never_came else ended.reason
        return SessionLost(describe_end(ended, self._close_code), reason=reason, clean=ended.clean)

    @property
    def end_text(self) -> str:
        """One sentence on how it ended ("" while it lasts)."""
        return describe_end(self._ended, self._close_code) if self._ended is not None else ""

    @property
    def _close_code(self) -> int | None:
        return self._socket.close_code if self._socket is not None else None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_exception: object) -> None:
        await self.end()

    async def _close(self) -> None:
        await self._supervisor.aclose()
        if self._socket is not None:
            await self._socket.close()
        self._machine.receive_eof(time.monotonic())
        self._after_machine()
        if not self._opened.done():
            self._opened.cancel()

    # -- the pump ---------------------------------------------------------------------------------------------------

    async def _read(self) -> None:
        assert self._socket is not None
        try:
            async for data in self._socket:
                if isinstance(data, str):
                    raise TrustError("the relay put text into the tunnel: the session was stopped")
                self._machine.receive_data(data, time.monotonic())
                self._after_machine()
                if self._ended is not None:
                    return
                await self._items.room()
        except ConnectionClosed:
            _LOGGER.debug("the tunnel was cut")
        except TrustError as error:
            self._abort(error)
            return
        self._machine.receive_eof(time.monotonic())
        self._after_machine()

    async def _write(self) -> None:
        assert self._socket is not None
        try:
            while True:
                self._wake.clear()
                self._take_events()
                while data := self._machine.data_to_send(_WRITE_BYTES):
                    await self._socket.send(data)
                self._take_events()
                if self._ended is not None:
                    await self._socket.close()
                    return
                await self._sleep()
        except ConnectionClosed:
            _LOGGER.debug("the tunnel was cut while writing; its reader reports it")

    async def _sleep(self) -> None:
        """Until there is something to send or a deadline of the machine."""
        deadline = self._machine.next_deadline()
        try:
            async with asyncio.timeout(None if deadline is None else max(0.0, deadline - time.monotonic())):
                await self._wake.wait()
        except TimeoutError:
            self._machine.handle_deadline(time.monotonic())

    def _after_machine(self) -> None:
        """Hand out events and have the writer run."""
        self._take_events()
        self._wake.set()

    def _take_events(self) -> None:
        """Check a new peer before a byte of ours follows; hand out events."""
        if self._identity is None and self._machine.peer is not None:
            self._identity = self._machine.peer
            try:
                check_offer(self.offer, self._identity, asked=self._expected)
                if self._revocations is not None:
                    self._revocations.check(self._identity)
                    _ = self._supervisor.spawn(self._revocations.watch(self._identity, self._abort), "revocations")
                if self._accept is not None:
                    self._accept(self._identity)
            except HandrailError as error:
                self._abort(error)
                return
        for event in self._machine.events():
            self._handle(event)

    def _handle(self, event: Event) -> None:
        if self._ended is not None:
            return
        match event:
            case Connected(sas=sas):
                self._sas = sas
                self._pairing.reschedule(None)  # from here on the machine minds the time
                self._progress(Stage.CONNECTED)
            case ConsentWaiting(seconds=seconds):
                self._progress(Stage.CONSENT, seconds)
            case Opened(welcome=welcome):
                self._welcome = welcome
                self._progress(Stage.OPEN)
                if not self._opened.done():
                    self._opened.set_result(None)
            case DeniedByAgent(denied=denied):
                self._fail_opening(denial(denied))
            case MessageReceived(message=message):
                self._items.publish(message)
            case SessionEnded():
                self._finish(event)
            case UnknownReceived(tag=tag):
                _LOGGER.info("the device sent %r, which this version does not know", tag)
                self._items.publish(event)
            case _:
                self._items.publish(event)

    def _finish(self, ended: SessionEnded) -> None:
        self._ended = ended
        self._keep_last_words(ended)
        self._items.publish(ended)
        self._items.finish()
        self._over.set()
        if ended.reason.startswith("untrusted: "):
            self._fail_opening(TrustError(ended.reason.removeprefix("untrusted: ")))
        else:
            self._fail_opening(self.loss())

    def _witness(self, device: str) -> int:
        """How much of this device's audit chain a checkpoint kept here covers; what it says at the end is held against that."""
        if device != self._expected:  # a code led here: nobody knew before whose checkpoints to read
            self._pin = newest_pin(self.settings.receipts_directory, device)
        return 0 if self._pin is None else self._pin.sequence

    def _keep_last_words(self, ended: SessionEnded) -> None:
        if self._identity is None or not self.session_id:
            return
        try:
            directory = self.settings.receipts_directory
            self.kept = keep_last_words(directory, self._identity, self.session_id, ended, wall=time.time(), pin=self._pin)
        except HandrailError as error:
            _LOGGER.warning("the receipt of session %s was not kept: %s", self.session_id, error)

    def _abort(self, error: HandrailError) -> None:
        """Cut the tunnel without another byte: whoever is there is not who was meant."""
        self._fail_opening(error)
        if self._ended is None:
            self._finish(SessionEnded(f"untrusted: {error}", clean=False, by_peer=False))
        if self._socket is not None:
            self._socket.transport.abort()

    def _fail_opening(self, error: HandrailError) -> None:
        if not self._opened.done():
            self._opened.set_exception(error)
            self._opened.exception()  # `open` raises it; when it was cancelled, nobody is left to ask

    def _progress(self, stage: Stage, seconds: float = 0.0) -> None:
        if self._on_progress is None:
            return
        identity = self._identity
        label = device_claims(identity).label if identity is not None else self.offer.label
        device = identity.peer if identity is not None else self.offer.peer
        text = self._machine.guest_text
        self._on_progress(Progress(stage, label, device, self._sas, seconds, self.by_code, self.guest, text))

    def _task_failed(self, name: str, error: BaseException) -> None:
        _LOGGER.error("%s failed", name, exc_info=error)
        self._fail_opening(RelayUnreachable(f"The session stopped by an error of this program: {error!r}"))
        if self._ended is None:
            self._finish(SessionEnded("internal_error", clean=False, by_peer=False))
