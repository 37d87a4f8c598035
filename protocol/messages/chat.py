"""Text between the user and the technicians who help."""

from typing import ClassVar

from protocol.capabilities import Capability
from protocol.messages.base import LongText, Message, Sender, ShortText


class ChatMessage(Message, frozen=True, tag="chat.message"):
    """Either way: one line of chat. `sent_at` is the sender's wall clock, seconds since 1970 (for display only). `name` (agent):
    the certified name of another technician whose words these are ("": the user's); a technician's is not looked at."""

    SENDER: ClassVar = Sender.BOTH
    CAPABILITY: ClassVar = Capability.CHAT
    text: LongText
    sent_at: float = 0.0
    name: ShortText = ""
