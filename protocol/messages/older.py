"""What a message becomes for a peer that speaks an earlier protocol (`protocol.version`).

A known type whose fields do not decode ends the session at the other side, so a newer value of a field is never sent to whoever
does not know it. Types, and fields at the end, that they do not know are ignored there and need nothing here. Pure.
"""

import msgspec

from protocol.messages.base import Message
from protocol.messages.input import Key

KEYS_BY_THEMSELVES = 2
"""The first protocol whose agents choose by themselves how a key is made ("auto")."""


def in_words_of(message: Message, protocol: int) -> Message:
    """The same in the words of `protocol`: the message itself where it has no newer ones."""
    if protocol < KEYS_BY_THEMSELVES and isinstance(message, Key) and message.mode == "auto":
        return msgspec.structs.replace(message, mode="text")
    return message
