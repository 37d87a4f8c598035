"""A wire in memory between the technician's transfers and the device's own files feature; every message goes as its bytes."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

from agent.features.base import Feature
from agent.features.files import FilesFeature
from agent.hosting import reason_of
from protocol.errors import HandrailError, LocalProtocolError, RefusalReason
from protocol.messages import Lane, Message, decode_message, encode_message, rule_of
from protocol.messages.session import Refusal
from technician_client.answers import SessionItem
from technician_client.errors import SessionLost
from technician_client.subscriptions import Publisher, Subscription
from tests.kit.feature_context import RecordingContext


class Wired(RecordingContext):
    """A feature's context that hands what is sent to a publisher."""

    wire: "FileWire"

    def send(self, message: Message) -> None:
        self.wire.hear(message)

    def refuse(self, message: Message, reason: RefusalReason, text: str) -> None:
        super().refuse(message, reason, text)
        self.wire.hear(Refusal(rule_of(message).tag, getattr(message, "request", 0), reason, text))


class FileWire:
    """`technician_client.transfers.Channel` with a real `FilesFeature` behind it. `edit` may change or drop (None) what the
    device says; `cut_after` messages of the technician the session is lost; `before`: the lost wire of the same session."""

    def __init__(
        self,
        home: Path,
        *,
        edit: Callable[[Message], Message | None] = lambda message: message,
        kind: type[Feature] = FilesFeature,
        before: "FileWire | None" = None,
    ) -> None:
        self.context = Wired(home / ".handrail")
        if before is not None:
            self.context.kept = before.context.kept
        self.context.wire = self
        self.context.identity = SimpleNamespace(fingerprint=b"technician")
        self.feature = kind(self.context)
        self.edit = edit
        self.cut_after: int | None = None
        self.said: list[Message] = []
        self._items: Publisher[SessionItem] = Publisher()
        self._to_device: asyncio.Queue[Message] = asyncio.Queue()
        self._request = 0
        self.lost = False
        _ = self.context.spawn(self._work(), "the device")

    def next_request(self) -> int:
        self._request += 1
        return self._request

    def pending(self, lane: Lane) -> int:
        return 0

    def send(self, message: Message) -> None:
        if self.lost:
            raise LocalProtocolError("the session is ended, not open")
        decoded = decode_message(encode_message(message))
        assert isinstance(decoded, Message)
        self.said.append(decoded)
        self._to_device.put_nowait(decoded)
        if self.cut_after is not None and len(self.said) >= self.cut_after:
            self.cut()

    def cut(self) -> None:
        self.lost = True
        self._items.finish()

    def hear(self, message: Message) -> None:
        edited = self.edit(message)
        if edited is not None:
            decoded = decode_message(encode_message(edited))
            assert isinstance(decoded, Message)
            self._items.publish(decoded)

    def subscribe(
        self, *kinds: type[SessionItem], limit: int = 256, where: Callable[[SessionItem], bool] = lambda _: True
    ) -> Subscription[SessionItem]:
        return self._items.subscribe(lambda item: isinstance(item, kinds) and where(item), limit)

    def loss(self) -> SessionLost:
        return SessionLost("cut", reason="cut", clean=False)

    async def _work(self) -> None:
        while True:
            message = await self._to_device.get()
            try:
                await self.feature.handle(message)
            except HandrailError as error:
                self.context.refuse(message, reason_of(error), str(error))

    async def close(self) -> None:
        await self.context.close(self.feature)
        assert not self.context.failures, self.context.failures
