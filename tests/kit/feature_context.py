"""The context of one feature, recording what it sends; everything it hands out is the real thing or said by the test."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from agent.features.base import Feature, Question, Watched
from agent.keeping import Keeper
from agent.local_messages import Drawing
from agent.settings import AgentSettings, FilesSettings
from agent.transport import Relay
from agent.trusted_state import VerifiedScript
from hostio.tasks import Supervisor
from protocol.capabilities import Capability
from protocol.documents import GroupPolicy
from protocol.errors import RefusalReason, Unavailable
from protocol.messages import Lane, Message
from tests.kit.waiting import eventually_async

M = TypeVar("M", bound=Message)


@dataclass
class ScriptShelf:
    """The part of a trust store that fixes use."""

    shelf: list[VerifiedScript] = field(default_factory=list)

    def scripts(self) -> list[VerifiedScript]:
        return list(self.shelf)

    def script(self, identifier: str) -> VerifiedScript | None:
        return next((script for script in self.shelf if script.manifest.id == identifier), None)


class RecordingContext:
    """A `FeatureContext`. `answer` is what the person says when asked: True, False, or None for never."""

    def __init__(self, home: Path, *, tier: int = 3, unattended: bool = False, answer: bool | None = True) -> None:
        self.settings = AgentSettings(home=home, files=FilesSettings(user="root"))  # where the tests run as root
        self.trust: Any = ScriptShelf()
        self.rules = GroupPolicy()
        self.relay: Relay | None = None
        self.tier = tier
        self.unattended = unattended
        self.answer = answer
        self.label = "Reception PC"
        self.round_trip: float | None = 0.01
        self.identity: Any = None
        self.watched = Watched()
        self.session_id = "0123456789abcdef"
        self.keeper = Keeper()
        self.kept = self.keeper.of(self.session_id)
        self.recording = False
        self.comes_back = 0.0
        self.membership: Any = None
        self.held = set(Capability)
        self.audit_is_full = False
        self.sent: list[Message] = []
        self.refused: list[tuple[Message, RefusalReason, str]] = []
        self.audited: list[tuple[str, dict[str, str | int | bool]]] = []
        self.asked: list[Question] = []
        self.draws = True
        self.drawn: list[Drawing] = []
        self.failures: list[tuple[str, BaseException]] = []
        self._loop = asyncio.get_running_loop()
        self.tasks = Supervisor(lambda name, error: self.failures.append((name, error)))

    def send(self, message: Message) -> None:
        self.sent.append(message)

    def refuse(self, message: Message, reason: RefusalReason, text: str) -> None:
        self.refused.append((message, reason, text))

    def call_from_thread(self, function: Callable[..., object], *args: Any) -> None:
        self._loop.call_soon_threadsafe(function, *args)

    def granted(self, capability: Capability) -> bool:
        return capability in self.held

    def pending(self, lane: Lane) -> int:
        return 0

    def spawn(self, coroutine: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
        return self.tasks.spawn(coroutine, name)

    def audit(self, action: str, detail: dict[str, str | int | bool]) -> None:
        if self.audit_is_full:
            raise Unavailable("The audit record cannot be written: no space left.")
        self.audited.append((action, detail))

    def show_chat(self, text: str, sent_at: float) -> bool:
        return True

    def show_drawing(self, drawing: Drawing) -> bool:
        self.drawn.append(drawing)
        return self.draws

    def show_recording(self, on: bool) -> None:
        self.recording = on

    async def ask_user(self, question: Question) -> bool:
        self.asked.append(question)
        if self.answer is None:
            await asyncio.Event().wait()
        return bool(self.answer)

    def of(self, kind: type[M]) -> list[M]:
        """What was sent of one type."""
        return [message for message in self.sent if isinstance(message, kind)]

    async def next(self, kind: type[M], *, seconds: float = 20) -> M:
        """Wait for the first message of a type."""
        found = await eventually_async(lambda: self.of(kind) or self.failures, f"a {kind.__name__}", seconds=seconds)
        assert not self.failures, self.failures
        return found[0]  # type: ignore[return-value]  # the assertion leaves messages only

    async def close(self, feature: Feature) -> None:
        """End the session."""
        await self.tasks.aclose()
        await feature.close()
