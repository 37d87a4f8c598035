"""The control link to the relay: logged in, kept, and dialled again for ever.

Between two attempts it waits a random time up to a bound that doubles, and as long as the relay asks for within bounds
(`protocol.patience`), so that a relay that comes back is not met by every agent at once. One line of log when the relay goes
away, one when it is back. What the relay says here is unverified: nothing acts on it but carrying bytes.
"""

import asyncio
import logging
import random
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Protocol

from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from agent.settings import LinkSettings
from agent.status import RelayState, RelayStatus
from agent.transport import Relay
from hostio.errors import RelayUnreachable
from hostio.relay_websocket import open_websocket
from hostio.tasks import Alarm, Supervisor
from protocol.certificates import PrivateKey
from protocol.errors import HandrailError, LocalProtocolError, RefusalReason, Unavailable
from protocol.limits import LIMITS
from protocol.link import REPLACED, LinkError, LinkMessageReceived, LinkReady, LinkRefused, LinkUnknown, PeerLink
from protocol.link_messages import LinkMessage, Reconnect, Role
from protocol.patience import Redialling
from protocol.printable import printable

_LOGGER = logging.getLogger(__name__)
CLOCK_TOLERANCE = 300.0


class LoginKeys(Protocol):
    """What logging in takes."""

    @property
    def login_key(self) -> PrivateKey:
        """The key that logs in."""

    @property
    def login_chain(self) -> list[bytes]:
        """[login leaf, device CA], DER."""

    @property
    def label(self) -> str:
        """What the relay shows for this device, unverified."""


class LinkListener(Protocol):
    """Who hears of the link."""

    def link_status(self, status: RelayStatus) -> None:
        """The link has come to another state."""

    def link_message(self, message: LinkMessage) -> None:
        """The relay said something that is not about the link itself."""


class LinkClient:
    """One device's link. `run` never ends by itself."""

    def __init__(
        self,
        relay: Relay,
        keys: LoginKeys,
        settings: LinkSettings,
        listener: LinkListener,
        *,
        platform: str,
        role: Role = Role.DEVICE,
        wall: Callable[[], datetime] = lambda: datetime.now(UTC),
        uniform: Callable[[float, float], float] = random.uniform,
    ) -> None:
        self.keys = keys
        self._relay = relay
        self._settings = settings
        self._listener = listener
        self._platform = platform
        self._role = role
        self._wall = wall
        self._times = Redialling(settings.backoff_first, settings.backoff_most, uniform)
        self._machine: PeerLink | None = None
        self._ready = False
        self._dirty = asyncio.Event()
        self._state: RelayState = "connecting"
        self._hint = ""
        self._told_away = False
        self._redial = asyncio.Event()
        self._current: ClientConnection | None = None

    async def run(self) -> None:
        """Keep the link until cancelled."""
        loop = asyncio.get_running_loop()
        self._tell("connecting", f"Dialling the relay {self._relay.origin}.")
        while True:
            self._times.dials(loop.time())
            try:
                sentence, state = await self._once()
            except HandrailError as error:
                sentence, state = str(error), "away"
                if isinstance(error, Unavailable) and error.retry_after is not None:
                    self._times.asked(error.retry_after, loop.time())
            delay = self._times.again(loop.time(), refused=state == "refused")
            self._away(state, sentence, delay)
            await self._wait(delay)

    def redial(self) -> None:
        """Log in anew now: the keys have changed."""
        self._redial.set()
        if self._current is not None:
            self._current.transport.abort()

    def send(self, message: LinkMessage) -> None:
        """Say something to the relay.

        Raises:
            RelayUnreachable: not logged in at this moment.
        """
        if self._machine is None or not self._ready:
            raise RelayUnreachable(f"The relay {self._relay.origin} cannot be reached at this moment; it is being dialled again.")
        try:
            self._machine.send(message, asyncio.get_running_loop().time())
        except LocalProtocolError as error:
            raise RelayUnreachable(f"The relay {self._relay.origin} is just going away; try again in a moment.") from error
        self._dirty.set()

    async def _once(self) -> tuple[str, RelayState]:
        """One connection from dialling to its end; why it ended."""
        websocket = await open_websocket(
            self._relay,
            "/link",
            spki=self._relay.spki,
            dialling=self._settings.dialling,
            max_bytes=LIMITS.link_message_bytes,
        )
        self._hint = self._clock_hint(websocket)
        loop = asyncio.get_running_loop()
        self._current = websocket
        self._machine = machine = PeerLink(
            self._role,
            self.keys.login_key,
            self.keys.login_chain,
            self._relay.origin,
            self.keys.label,
            self._platform,
            loop.time(),
        )
        self._dirty.set()

        def ring() -> None:
            machine.handle_deadline(loop.time())
            self._dirty.set()

        alarm = Alarm(ring)
        try:
            async with Supervisor(self._writer_failed) as tasks:
                _ = tasks.spawn(self._write(websocket, machine, alarm), "link writer")
                return await self._read(websocket, machine)
        finally:
            alarm.set(None)
            self._machine, self._ready, self._current = None, False, None
            await websocket.close()

    async def _read(self, websocket: ClientConnection, machine: PeerLink) -> tuple[str, RelayState]:
        while True:
            try:
                data = await websocket.recv(decode=False)
            except ConnectionClosed as error:
                if error.rcvd is not None and error.rcvd.code == REPLACED:
                    return self._replaced(), "refused"
                return f"The connection to the relay {self._relay.origin} was lost.", "away"
            machine.receive_data(data, asyncio.get_running_loop().time())
            for event in machine.events():
                match event:
                    case LinkReady():
                        self._ready = True
                        self._back()
                    case LinkMessageReceived(message=Reconnect(seconds=seconds)):
                        self._times.asked(seconds, asyncio.get_running_loop().time())
                        return f"The relay {self._relay.origin} asked us to come back later.", "away"
                    case LinkMessageReceived(message=message):
                        self._listener.link_message(message)
                    case LinkRefused(reason=reason, text=text):
                        return self._refused(reason, text), "refused"
                    case LinkUnknown(tag=tag):
                        _LOGGER.debug("the relay said something that this version does not know: %s", tag)
                    case LinkError(text=text):
                        return f"The relay {self._relay.origin} does not keep to the protocol: {text}.", "away"
            self._dirty.set()

    async def _write(self, websocket: ClientConnection, machine: PeerLink, alarm: Alarm) -> None:
        while True:
            await self._dirty.wait()
            self._dirty.clear()
            for data in machine.data_to_send():
                await websocket.send(data)
            for event in machine.events():
                if isinstance(event, LinkError):
                    _LOGGER.debug("link: %s", event.text)
                    websocket.transport.abort()
            alarm.set(machine.next_deadline())

    def _writer_failed(self, name: str, error: BaseException) -> None:
        """The connection broke while writing: the reader hears of it too. Anything else is a fault of ours."""
        if not isinstance(error, ConnectionClosed):
            _LOGGER.error("%s failed", name, exc_info=error)
            if self._current is not None:
                self._current.transport.abort()

    async def _wait(self, delay: float) -> None:
        try:
            async with asyncio.timeout(delay):
                await self._redial.wait()
        except TimeoutError:
            pass
        self._redial.clear()

    def _clock_hint(self, websocket: ClientConnection) -> str:
        """A sentence about this computer's clock when the relay's Date header differs much. Only a hint: it is unverified."""
        date = websocket.response.headers.get("Date", "") if websocket.response is not None else ""
        try:
            theirs = parsedate_to_datetime(date)
        except (ValueError, OverflowError):  # OverflowError: a year or a zone beyond every calendar
            return ""
        if theirs.tzinfo is None:
            return ""
        off = (self._wall() - theirs).total_seconds()
        if abs(off) <= CLOCK_TOLERANCE:
            return ""
        size = f"{abs(off) / 3600:.1f} hours" if abs(off) > 5400 else f"{abs(off) / 60:.0f} minutes"
        return f"This computer's clock seems to be {size} {'ahead' if off > 0 else 'behind'}: set it right."

    def _refused(self, reason: RefusalReason, text: str) -> str:
        words = printable(text[:200])
        return f"The relay {self._relay.origin} does not let this device in ({reason.value}): {words} {self._hint}".strip()

    def _replaced(self) -> str:
        return (
            f"The relay {self._relay.origin} says that another program has logged in as this computer. Was its disk copied? Two "
            "computers cannot be one: run `handrail-agent enrol --new-keys BUNDLE.handrail` on the copy."
        )

    def _back(self) -> None:
        if self._told_away:
            _LOGGER.info("The relay %s is back.", self._relay.origin)
        else:
            _LOGGER.info("Connected to the relay %s.", self._relay.origin)
        if self._hint:
            _LOGGER.warning("%s", self._hint)
        self._told_away = False
        self._tell("connected", f"Connected to the relay {self._relay.origin}.")

    def _away(self, state: RelayState, sentence: str, delay: float) -> None:
        if not self._told_away:
            _LOGGER.warning("%s Trying again until it is there.", sentence)
            self._told_away = True
        else:
            _LOGGER.debug("%s Next attempt in %.0f s.", sentence, delay)
        self._tell(state, sentence, self._wall().timestamp() + delay)

    def _tell(self, state: RelayState, sentence: str, retry_at: float | None = None) -> None:
        self._state = state
        now = self._wall().timestamp()
        self._listener.link_status(RelayStatus(self._relay.origin, state, now, sentence, retry_at, self._hint))
