"""Chat between the technician and whoever sits at this machine."""

from typing import ClassVar

from agent.features.base import Feature
from protocol.errors import RefusalReason
from protocol.messages import Message
from protocol.messages.chat import ChatMessage
from protocol.printable import NEWLINE_AND_TAB, printable


class ChatFeature(Feature):
    """Hands each line to the attached front ends. What the user says goes out through the session itself."""

    handles: ClassVar = (ChatMessage,)

    async def handle(self, message: Message) -> None:
        """Show one line; without anybody to show it to, say so."""
        assert isinstance(message, ChatMessage)
        if not self.context.show_chat(printable(message.text, keep=NEWLINE_AND_TAB), message.sent_at):
            self.context.refuse(
                message, RefusalReason.NOBODY_TO_ASK, "Nobody at this computer has a window open that shows chat."
            )
