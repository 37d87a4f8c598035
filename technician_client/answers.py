"""The answers to one request of a session, as a stream."""

import asyncio
from collections.abc import Callable
from typing import Self

from protocol.errors import Refused
from protocol.messages import Message
from protocol.messages.diagnostics import DiagnosticsCollect, DiagnosticsDone
from protocol.messages.fixes import FixCatalogue, FixList, FixResult, FixRun
from protocol.messages.forward import ForwardAsk, ForwardRules
from protocol.messages.session import Refusal
from protocol.session import Event
from technician_client.errors import SessionLost
from technician_client.subscriptions import Subscription

SessionItem = Message | Event

# The message that ends the answers to a request.
FINAL_ANSWERS: dict[type[Message], type[Message]] = {
    DiagnosticsCollect: DiagnosticsDone,
    FixList: FixCatalogue,
    FixRun: FixResult,
    ForwardAsk: ForwardRules,
}


class Answers:
    """The answers to one request, up to and including the final one. Iterate once; closing early stops listening only."""

    def __init__(
        self,
        subscription: Subscription[SessionItem],
        final: type[Message],
        seconds: float | None,
        loss: Callable[[], SessionLost],
    ) -> None:
        self._loss = loss
        self._subscription = subscription
        self._final = final
        self._seconds = seconds
        self._done = False

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_exception: object) -> None:
        self._subscription.close()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Message:
        """The next answer.

        Raises:
            Refused: the agent did not act on the request. SessionLost: the session ended first.
            TimeoutError: nothing came within the seconds given to `Session.request`.
        """
        if self._done:
            raise StopAsyncIteration
        try:
            async with asyncio.timeout(self._seconds):
                item = await anext(self._subscription)
        except StopAsyncIteration:
            self._done = True
            raise self._loss() from None
        if isinstance(item, Refusal):
            self._finish()
            raise Refused(item.text or f"refused: {item.reason.value}", reason=item.reason)
        if isinstance(item, self._final):
            self._finish()
        assert isinstance(item, Message)
        return item

    def _finish(self) -> None:
        self._done = True
        self._subscription.close()
