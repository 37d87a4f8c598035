"""What a feature is, and what a session gives it.

A feature is made once for every session. It is handed messages that were already decided (granted, not paused, fresh enough);
it answers through its `FeatureContext` and never touches the network. Anything slow runs in a worker thread or a spawned task,
so that `handle` returns quickly: the next message of the same feature waits for it.
"""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from protocol.capabilities import Capability
from protocol.errors import RefusalReason
from protocol.messages import Lane, Message

if TYPE_CHECKING:
    from agent.company import Membership
    from agent.keeping import KeptOfSession
    from agent.local_messages import Drawing
    from agent.settings import AgentSettings
    from agent.transport import Relay
    from agent.trust import TrustStore
    from protocol.certificates import Identity
    from protocol.documents import GroupPolicy


@dataclass(frozen=True, slots=True)
class Question:
    """One yes-or-no question to the person at this machine, in plain words.

    `title` is one line ("Run this fix?"), `text` says what will happen, `details` are further lines shown below it (effects,
    parameters). `seconds` is how long it waits before the answer is No. `words` names the same title and text among those that
    the windows have in several languages, with `values` in them ("": there is only this one).
    """

    title: str
    text: str
    details: tuple[str, ...] = field(default=())
    seconds: float = 180.0
    words: str = ""
    values: Mapping[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class Watched:
    """The part of the display that the technician sees, in display pixels: written by the screen feature, read by the input
    feature, whose coordinates are relative to it. Nothing is watched while a side is 0. The other way round, `keyed_at` tells
    when a key or a button was pressed last (monotonic seconds)."""

    x: int = 0
    y: int = 0
    width: int = 0
    height: int = 0
    keyed_at: float = float("-inf")


class FeatureContext(Protocol):
    """What one session lets its features do. Everything but `call_from_thread` belongs to the event loop's thread."""

    @property
    def identity(self) -> "Identity":
        """The technician, as certified."""

    @property
    def tier(self) -> int:
        """The technician's tier here: the lower of the certified and the listed one."""

    @property
    def label(self) -> str:
        """This machine's certified label."""

    @property
    def unattended(self) -> bool:
        """Whether policy opened this session without anybody being asked."""

    @property
    def round_trip(self) -> float | None:
        """Seconds to the technician and back, newest measurement."""

    @property
    def settings(self) -> "AgentSettings":
        """How this agent is configured."""

    @property
    def trust(self) -> "TrustStore":
        """The organisation's verified policy, lists and scripts."""

    @property
    def rules(self) -> "GroupPolicy":
        """What the organisation's signed policy says for this device's group, at this moment."""

    @property
    def relay(self) -> "Relay | None":
        """The relay this agent belongs to; None when it has none (tests)."""

    @property
    def kept(self) -> "KeptOfSession":
        """What outlives a cut of this session's connection."""

    @property
    def session_id(self) -> str:
        """The id of this session, as in audit and receipt."""

    @property
    def watched(self) -> Watched:
        """What the technician sees of the display; one object for all features of a session."""

    def send(self, message: Message) -> None:
        """Send to the technician; a message after the session's end is dropped."""

    def refuse(self, message: Message, reason: RefusalReason, text: str) -> None:
        """Answer `message` with a `Refusal` that carries its request id; `text` says what can be done about it."""

    def call_from_thread(self, function: Callable[..., object], *args: Any) -> None:
        """From any thread: run `function(*args)` on the event loop. Does nothing once the session has ended."""

    def granted(self, capability: Capability) -> bool:
        """Whether the technician holds `capability` at this moment and nothing is paused."""

    def pending(self, lane: Lane) -> int:
        """Bytes of `lane` that have not yet left this process."""

    def spawn(self, coroutine: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
        """Run beside `handle`, cancelled at the session's end. An exception ends this feature by name, not the agent."""

    def audit(self, action: str, detail: dict[str, str | int | bool]) -> None:
        """Write one record to the audit chain.

        Raises:
            Unavailable: the chain cannot be written (disk full); the action must not go ahead.
        """

    def show_chat(self, text: str, sent_at: float) -> bool:
        """Show one line of the technician's on every attached front end; False when none is attached."""

    def show_drawing(self, drawing: "Drawing") -> bool:
        """Show it on the screen here; False when no attached front end can."""

    @property
    def recording(self) -> bool:
        """Whether the person here is told that this session is recorded."""

    @property
    def comes_back(self) -> float:
        """Within how many seconds after a restart the session may be resumed once (0: the user did not say so)."""

    @property
    def membership(self) -> "Membership":
        """What this technician may ask of those who are here besides."""

    def show_recording(self, on: bool) -> None:
        """Tell every attached front end that this session is recorded, or that it is not any more."""

    async def ask_user(self, question: Question) -> bool:
        """Ask the person at this machine; False when they say no, do not answer in time, or nobody can be asked."""


class Feature(ABC):
    """One feature in one session."""

    handles: ClassVar[tuple[type[Message], ...]]

    def __init__(self, context: FeatureContext) -> None:
        self.context = context

    @abstractmethod
    async def handle(self, message: Message) -> None:
        """Act on one allowed message of a type in `handles`. A `HandrailError` raised here becomes a `Refusal`."""

    def capability_lost(self, capability: Capability) -> None:  # noqa: B027 - most features hold nothing to let go
        """`capability` was revoked, returned or has expired: let go of what it allowed (held keys, the stream)."""

    def paused(self, paused: bool) -> None:  # noqa: B027 - most features hold nothing to let go
        """The user (or policy, or an open question of ours) holds everything back (True) or lets it go on (False)."""

    async def close(self) -> None:  # noqa: B027 - most features hold nothing to let go
        """The session is over. Always called once, also after a crash of `handle`."""
