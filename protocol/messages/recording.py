"""Recording a session at the technician's side, announced to the person at the device before it begins.

What is recorded is the stream as it was sent; it is written by the technician's program, so these messages carry no picture. They
exist so that the person sees it, may refuse it and may end it, and so that it stands in the device's audit record.
"""

from typing import ClassVar

from protocol.capabilities import Capability
from protocol.messages.base import Message, RequestId, Sender, ShortText


class RecordingStart(Message, frozen=True, tag="recording.start"):
    """T->A: a recording is about to begin. The answer is `RecordingState` with the same request, or a `Refusal`; not a byte is
    written before it."""

    SENDER: ClassVar = Sender.TECHNICIAN
    CAPABILITY: ClassVar = Capability.RECORDING
    request: RequestId


class RecordingStop(Message, frozen=True, tag="recording.stop"):
    """T->A: the recording has ended. Needs no capability: it only takes away."""

    SENDER: ClassVar = Sender.TECHNICIAN


class RecordingState(Message, frozen=True, tag="recording.state"):
    """A->T: whether the person here is told that this session is recorded. `by` says who ended it: technician, user, policy or
    expiry ("" while it is on). A technician's program that is told `on` False writes nothing from then on."""

    SENDER: ClassVar = Sender.AGENT
    on: bool
    request: RequestId = 0
    by: ShortText = ""
