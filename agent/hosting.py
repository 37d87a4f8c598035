"""The features of one session, each on a leash of its own.

Every feature has a queue and a worker, so that a slow one holds up nobody else; whatever it raises ends that feature by name, and
the technician is told, while session and agent go on.
"""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Iterable
from typing import TYPE_CHECKING, Any, Protocol

from agent.features.base import Feature, Question, Watched
from hostio.tasks import Supervisor
from protocol.capabilities import Capability
from protocol.errors import HandrailError, RefusalReason, Refused, TrustError, Unavailable
from protocol.messages import Lane, Message, rule_of

if TYPE_CHECKING:
    from agent.company import Membership
    from agent.keeping import KeptOfSession
    from agent.local_messages import Drawing
    from agent.settings import AgentSettings
    from agent.transport import Relay
    from agent.trust import TrustStore
    from protocol.certificates import Identity
    from protocol.documents import GroupPolicy

_LOGGER = logging.getLogger(__name__)
QUEUE_MESSAGES = 512
CLOSE_SECONDS = 5.0


class SessionFacade(Protocol):
    """What the session does for its features; the meaning is that of `FeatureContext`."""

    @property
    def identity(self) -> "Identity": ...
    @property
    def tier(self) -> int: ...
    @property
    def label(self) -> str: ...
    @property
    def unattended(self) -> bool: ...
    @property
    def round_trip(self) -> float | None: ...
    @property
    def settings(self) -> "AgentSettings": ...
    @property
    def trust(self) -> "TrustStore": ...
    @property
    def rules(self) -> "GroupPolicy": ...
    @property
    def relay(self) -> "Relay | None": ...
    @property
    def kept(self) -> "KeptOfSession": ...
    @property
    def session_id(self) -> str: ...
    def send(self, message: Message) -> None: ...
    def refuse(self, message: Message, reason: RefusalReason, text: str) -> None: ...
    def granted(self, capability: Capability) -> bool: ...
    def admits(self, message: Message) -> bool: ...
    def pending(self, lane: Lane) -> int: ...
    def audit(self, action: str, detail: dict[str, str | int | bool]) -> None: ...
    def show_chat(self, text: str, sent_at: float) -> bool: ...
    def show_drawing(self, drawing: "Drawing") -> bool: ...
    @property
    def recording(self) -> bool: ...
    @property
    def comes_back(self) -> float: ...
    @property
    def membership(self) -> "Membership": ...
    def show_recording(self, on: bool) -> None: ...
    async def ask_user(self, question: Question) -> bool: ...


def reason_of(error: HandrailError) -> RefusalReason:
    """How an error of a feature is named to the technician."""
    match error:
        case Refused(reason=reason):
            return reason
        case TrustError():
            return RefusalReason.UNTRUSTED
        case Unavailable():
            return RefusalReason.UNSUPPORTED
        case _:
            return RefusalReason.INVALID


class HostedFeature:
    """One feature with its queue, its worker and the tasks it spawned; also the `FeatureContext` it was given."""

    def __init__(self, session: SessionFacade, make: type[Feature], watched: Watched) -> None:
        self.watched = watched
        self.name = make.__name__.removesuffix("Feature").lower()
        self._session = session
        self._loop = asyncio.get_running_loop()
        self._queue: asyncio.Queue[Message] = asyncio.Queue(QUEUE_MESSAGES)
        self._tasks = Supervisor(self._failed)
        self._closed = False
        self.broken = ""
        self.feature = make(self)
        _ = self._tasks.spawn(self._work(), f"{self.name} feature")

    # -- what the feature is given ----------------------------------------------------------------------------------

    @property
    def identity(self) -> "Identity":
        return self._session.identity

    @property
    def tier(self) -> int:
        return self._session.tier

    @property
    def label(self) -> str:
        return self._session.label

    @property
    def unattended(self) -> bool:
        return self._session.unattended

    @property
    def round_trip(self) -> float | None:
        return self._session.round_trip

    @property
    def settings(self) -> "AgentSettings":
        return self._session.settings

    @property
    def trust(self) -> "TrustStore":
        return self._session.trust

    @property
    def rules(self) -> "GroupPolicy":
        return self._session.rules

    @property
    def kept(self) -> "KeptOfSession":
        return self._session.kept

    @property
    def session_id(self) -> str:
        return self._session.session_id

    @property
    def relay(self) -> "Relay | None":
        return self._session.relay

    def send(self, message: Message) -> None:
        self._session.send(message)

    def refuse(self, message: Message, reason: RefusalReason, text: str) -> None:
        self._session.refuse(message, reason, text)

    def call_from_thread(self, function: Callable[..., object], *args: Any) -> None:
        def call() -> None:
            if not self._closed:
                function(*args)

        if not self._loop.is_closed():
            try:
                self._loop.call_soon_threadsafe(call)
            except RuntimeError:
                # The loop closed between the question and the call: the session is over, nobody waits for this.
                return

    def granted(self, capability: Capability) -> bool:
        return self._session.granted(capability)

    def pending(self, lane: Lane) -> int:
        return self._session.pending(lane)

    def spawn(self, coroutine: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
        return self._tasks.spawn(coroutine, f"{self.name}: {name}")

    def audit(self, action: str, detail: dict[str, str | int | bool]) -> None:
        self._session.audit(action, detail)

    def show_chat(self, text: str, sent_at: float) -> bool:
        return self._session.show_chat(text, sent_at)

    def show_drawing(self, drawing: "Drawing") -> bool:
        return self._session.show_drawing(drawing)

    @property
    def recording(self) -> bool:
        return self._session.recording

    @property
    def comes_back(self) -> float:
        return self._session.comes_back

    @property
    def membership(self) -> "Membership":
        return self._session.membership

    def show_recording(self, on: bool) -> None:
        self._session.show_recording(on)

    async def ask_user(self, question: Question) -> bool:
        return await self._session.ask_user(question)

    # -- what the session does with it ------------------------------------------------------------------------------

    def offer(self, message: Message) -> bool:
        """Queue a message; False when the queue is full (then wait in `put`)."""
        if self.broken:
            self._session.refuse(message, RefusalReason.UNSUPPORTED, self.broken)
            return True
        try:
            self._queue.put_nowait(message)
        except asyncio.QueueFull:
            return False
        return True

    async def put(self, message: Message) -> None:
        """Wait for room: the tunnel is not read meanwhile, so the technician's own lanes fill up, nobody else's."""
        await self._queue.put(message)

    async def close(self) -> None:
        """End its tasks and let it tidy up; an error in that is logged."""
        self._closed = True
        await self._tasks.aclose()
        async with Supervisor() as last:
            await asyncio.wait([last.spawn(self.feature.close(), f"closing {self.name}")], timeout=CLOSE_SECONDS)

    async def _work(self) -> None:
        while True:
            message = await self._queue.get()
            if not self._session.admits(message):
                continue  # revoked or paused while it waited: the technician has been told of that
            try:
                await self.feature.handle(message)
            except HandrailError as error:
                self._session.refuse(message, reason_of(error), str(error))

    def _failed(self, name: str, error: BaseException) -> None:
        _LOGGER.error("%s failed; the session goes on without it", name, exc_info=error)
        first = not self.broken
        self.broken = f"The agent's {self.name} part has failed ({type(error).__name__}) and is off until the next session."
        while not self._queue.empty():
            self._session.refuse(self._queue.get_nowait(), RefusalReason.UNSUPPORTED, self.broken)
        if first:
            # It may still hold keys down.
            for capability in sorted({kind.CAPABILITY for kind in self.feature.handles if kind.CAPABILITY is not None}):
                self.lost(capability)

    def lost(self, capability: Capability) -> None:
        """Tell the feature that a capability is gone."""
        self._tell(lambda: self.feature.capability_lost(capability), f"losing {capability}")

    def paused(self, paused: bool) -> None:
        """Tell the feature that everything is held back, or goes on."""
        self._tell(lambda: self.feature.paused(paused), "pausing")

    def _tell(self, call: Callable[[], None], name: str) -> None:
        """In a task of its own, so that whatever it raises ends this feature and not the session."""

        async def tell() -> None:
            call()

        if not self._closed:
            _ = self._tasks.spawn(tell(), f"{self.name}: {name}")


class FeatureHost:
    """All features of one session."""

    def __init__(self, session: SessionFacade, kinds: Iterable[type[Feature]]) -> None:
        watched = Watched()
        self._hosted = [HostedFeature(session, kind, watched) for kind in kinds]
        self._by_type = {message: hosted for hosted in self._hosted for message in hosted.feature.handles}
        self._session = session

    async def deliver(self, message: Message) -> None:
        """Hand a message to its feature, waiting only when that feature's queue is full."""
        hosted = self._by_type.get(type(message))
        if hosted is None:
            text = f"This agent has no part for {rule_of(message).tag}."
            self._session.refuse(message, RefusalReason.UNSUPPORTED, text)
        elif not hosted.offer(message):
            await hosted.put(message)

    def lost(self, capability: Capability) -> None:
        """A capability is gone."""
        for hosted in self._hosted:
            hosted.lost(capability)

    def paused(self, paused: bool, only: frozenset[Capability] | None = None) -> None:
        """Everything is held back or goes on; with `only`, just the features that act by one of these capabilities."""
        for hosted in self._hosted:
            if only is None or any(kind.CAPABILITY in only for kind in hosted.feature.handles):
                hosted.paused(paused)

    async def close(self) -> None:
        """Close every feature, whatever one of them does."""
        for hosted in self._hosted:
            await hosted.close()


def supported(kinds: Iterable[type[Feature]]) -> frozenset[Capability]:
    """The capabilities that these features answer to."""
    return frozenset(message.CAPABILITY for kind in kinds for message in kind.handles if message.CAPABILITY is not None)
