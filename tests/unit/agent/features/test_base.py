"""What a feature is, at its least."""

from typing import Any, ClassVar

from agent.features.base import Feature, Question
from protocol.capabilities import Capability
from protocol.messages import Message
from protocol.messages.chat import ChatMessage


class Least(Feature):
    handles: ClassVar = (ChatMessage,)

    async def handle(self, message: Message) -> None:
        raise AssertionError(message)


async def test_a_feature_holds_nothing_unless_it_says_so() -> None:
    context: Any = object()
    feature = Least(context)
    assert feature.context is context
    feature.capability_lost(Capability.CHAT)
    feature.paused(True)
    await feature.close()


def test_a_question_waits_three_minutes() -> None:
    assert Question("Run this?", "It restarts the printer.").seconds == 180.0
