"""Working together with other technicians: calling one in, handing mouse and keyboard over, and asking for them."""

from collections.abc import Coroutine
from typing import Any, ClassVar

import msgspec

from agent.features.base import Feature
from protocol.errors import HandrailError, RefusalReason, Refused
from protocol.messages import Message
from protocol.messages.colleagues import NOTE_CHARACTERS, ControlAsk, ControlKeep, HandOver, Invite, InviteCancel
from protocol.printable import NEWLINE_AND_TAB, printable, shortened


class ColleaguesFeature(Feature):
    """Passes one technician's wishes to the company of all (`agent.company`). The person is asked beside it, so that Stop and
    everything else goes on working meanwhile."""

    handles: ClassVar = (Invite, InviteCancel, ControlAsk, ControlKeep, HandOver)

    async def handle(self, message: Message) -> None:
        """See `Feature.handle`."""
        membership = self.context.membership
        match message:
            case Invite(note=note):
                # Written out it may be longer than any note that whoever comes could read.
                plain = msgspec.structs.replace(message, note=shortened(printable(note, keep=NEWLINE_AND_TAB), NOTE_CHARACTERS))
                self._beside(message, membership.invite(plain), "calling")
            case HandOver():
                self._beside(message, membership.hand_over(message), "handing over")
            case InviteCancel():
                membership.cancel_invitation()
            case ControlAsk():
                membership.ask_control(message)
            case ControlKeep(number=number):
                membership.keep_control(number)
            case _:
                raise AssertionError(f"not a message of this feature: {type(message).__name__}")

    def _beside(self, message: Message, work: Coroutine[Any, Any, None], name: str) -> None:
        async def run() -> None:
            try:
                await work
            except Refused as error:
                self.context.refuse(message, error.reason, str(error))
            except HandrailError as error:
                self.context.refuse(message, RefusalReason.UNSUPPORTED, str(error))

        _ = self.context.spawn(run(), name)
