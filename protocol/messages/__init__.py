"""Everything that technician and agent can say to each other, one module per feature.

Each message is a frozen `msgspec.Struct`, encoded as a MessagePack array whose first element is its tag. Fields are only ever
appended, with defaults, so that an older peer ignores what it does not know (msgspec drops surplus array items).
`REGISTRY` lists every type with who may send it, on which lane, and which capability it needs.
"""

from protocol.messages.base import Lane, Message, Sender, UnknownMessage
from protocol.messages.registry import REGISTRY, MessageRule, decode_message, encode_message, rule_of

__all__ = [
    "REGISTRY",
    "Lane",
    "Message",
    "MessageRule",
    "Sender",
    "UnknownMessage",
    "decode_message",
    "encode_message",
    "rule_of",
]
