"""Text between the technician and the user."""

from typing import ClassVar

from protocol.capabilities import Capability
from protocol.messages.base import LongText, Message, Sender


class ChatMessage(Message, frozen=True, tag="chat.message"):
    """Either way: one line of chat. `sent_at` is the sender's wall clock, seconds since 1970 (for display only)."""

    SENDER: ClassVar = Sender.BOTH
    CAPABILITY: ClassVar = Capability.CHAT
    text: LongText
    sent_at: float = 0.0
