"""Restarting the computer, and whether the session comes back after it."""

from typing import ClassVar, Literal

from protocol.capabilities import Capability
from protocol.messages.base import Message, RequestId, Sender, ShortText


class RebootRequest(Message, frozen=True, tag="power.reboot"):
    """T->A: restart the computer. `reason` is one line that the person there reads; they are asked, unless nobody was asked for
    the session either. The answer is `RebootState` or a `Refusal` with the same request."""

    SENDER: ClassVar = Sender.TECHNICIAN
    CAPABILITY: ClassVar = Capability.REBOOT
    request: RequestId
    reason: ShortText = ""


class RebootState(Message, frozen=True, tag="power.state"):
    """A->T: how far it has come: "asking" (the person is asked) or "restarting" (the system was told; the session ends by
    itself). `back_within`: so many seconds after the restart the session may be resumed once (0: the user did not say so)."""

    SENDER: ClassVar = Sender.AGENT
    request: RequestId
    stage: Literal["asking", "restarting"]
    back_within: float = 0.0
