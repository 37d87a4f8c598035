"""Chat: shown as text, or refused when nobody would see it."""

from typing import Any

import pytest

from agent.features.chat import ChatFeature
from protocol.errors import RefusalReason
from protocol.messages.chat import ChatMessage


class Context:
    def __init__(self, somebody: bool) -> None:
        self.somebody = somebody
        self.shown: list[str] = []
        self.refused: list[RefusalReason] = []

    def show_chat(self, text: str, sent_at: float) -> bool:
        self.shown.append(text)
        return self.somebody

    def refuse(self, message: Any, reason: RefusalReason, text: str) -> None:
        self.refused.append(reason)


@pytest.mark.parametrize("somebody", [True, False])
async def test_a_line_is_shown_without_its_tricks(somebody: bool) -> None:
    context: Any = Context(somebody)
    await ChatFeature(context).handle(ChatMessage("one\ntwo\x1b[2J\u202e"))
    assert context.shown == ["one\ntwo\\x1b[2J\\u202e"]
    assert context.refused == ([] if somebody else [RefusalReason.NOBODY_TO_ASK])
