"""A recording that the technician announces: shown to the person here for as long as it lasts, and written into the audit record.

Nothing is recorded on this side. What this feature holds is the announcement: it says yes only once the record is written and the
banner (or the terminal) was told.
"""

from contextlib import suppress
from typing import ClassVar

from agent.features.base import Feature, FeatureContext
from protocol.capabilities import Capability
from protocol.errors import Unavailable
from protocol.messages import Message
from protocol.messages.recording import RecordingStart, RecordingState, RecordingStop


class RecordingFeature(Feature):
    """One announcement at a time."""

    handles: ClassVar = (RecordingStart, RecordingStop)

    def __init__(self, context: FeatureContext) -> None:
        super().__init__(context)
        self._on = False

    async def handle(self, message: Message) -> None:
        """See `Feature.handle`. Announcing twice is answered twice and recorded once."""
        match message:
            case RecordingStart(request=request):
                if not self._on:
                    self.context.audit("recording started", {})
                    self._on = True
                    self.context.show_recording(True)
                self.context.send(RecordingState(True, request))
            case RecordingStop():
                self._end("technician")
            case _:
                raise AssertionError(f"not a message of this feature: {type(message).__name__}")

    def capability_lost(self, capability: Capability) -> None:
        """See `Feature.capability_lost`: whoever may not record any more is told to stop."""
        if capability is Capability.RECORDING:
            self._end("user")

    async def close(self) -> None:
        """See `Feature.close`."""
        self._on = False

    def _end(self, by: str) -> None:
        if not self._on:
            return
        self._on = False
        self.context.show_recording(False)
        self.context.send(RecordingState(False, 0, by))
        with suppress(Unavailable):  # it only takes away, and happens even when it cannot be written down
            self.context.audit("recording ended", {"by": by})
