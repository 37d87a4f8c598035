"""The feature passes wishes on, and a no back. What becomes of a wish is `tests/unit/agent/test_company.py`."""

from pathlib import Path
from typing import Any

import pytest

from agent.features.colleagues import ColleaguesFeature
from protocol.errors import HandrailError, RefusalReason, Refused, Unavailable
from protocol.messages import decode_message, encode_message
from protocol.messages.chat import ChatMessage
from protocol.messages.colleagues import (
    NOTE_CHARACTERS,
    ControlAsk,
    ControlKeep,
    HandOver,
    Invite,
    InviteCancel,
    InviteNotes,
)
from tests.kit.feature_context import RecordingContext
from tests.kit.waiting import eventually_async


class NotedMembership:
    """What the company was asked; `fault` is raised instead."""

    def __init__(self, fault: HandrailError | None = None) -> None:
        self.fault = fault
        self.asked: list[Any] = []

    def _take(self, asked: Any) -> None:
        self.asked.append(asked)
        if self.fault is not None:
            raise self.fault

    async def invite(self, message: Invite) -> None:
        self._take(message)

    def cancel_invitation(self) -> None:
        self._take("cancel")

    async def hand_over(self, message: HandOver) -> None:
        self._take(message)

    def ask_control(self, message: ControlAsk) -> None:
        self._take(message)

    def keep_control(self, number: int) -> None:
        self._take(number)


async def test_every_wish_is_passed_on_and_notes_are_made_printable(tmp_path: Path) -> None:
    context = RecordingContext(tmp_path)
    context.membership = membership = NotedMembership()
    feature = ColleaguesFeature(context)
    for message in (Invite(1, 2, "a\x1b[2J\nb"), HandOver(2, 7), InviteCancel(), ControlAsk(3), ControlKeep(9)):
        await feature.handle(message)
    await eventually_async(lambda: len(membership.asked) == 5, "all of them")
    assert {"cancel", 9, HandOver(2, 7), ControlAsk(3)} < set(membership.asked)
    (invited,) = [one for one in membership.asked if isinstance(one, Invite)]
    assert "\x1b" not in invited.note and "\n" in invited.note
    with pytest.raises(AssertionError):
        await feature.handle(ChatMessage("x"))
    await context.close(feature)


async def test_a_note_that_is_written_out_is_still_one_that_whoever_comes_can_read(tmp_path: Path) -> None:
    context = RecordingContext(tmp_path)
    context.membership = membership = NotedMembership()
    feature = ColleaguesFeature(context)
    await feature.handle(Invite(1, 2, "\u200b" * NOTE_CHARACTERS))
    await eventually_async(lambda: membership.asked, "the wish")
    sent = InviteNotes("Ana Ruiz", 2, membership.asked[0].note, 0.0)
    assert decode_message(encode_message(sent)) == sent
    await context.close(feature)


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (Refused("no", reason=RefusalReason.DENIED_BY_USER), RefusalReason.DENIED_BY_USER),
        (Unavailable("the record is full"), RefusalReason.UNSUPPORTED),
    ],
)
async def test_a_no_after_the_question_is_a_refusal(tmp_path: Path, fault: HandrailError, reason: RefusalReason) -> None:
    context = RecordingContext(tmp_path)
    context.membership = NotedMembership(fault)
    feature = ColleaguesFeature(context)
    await feature.handle(Invite(1, 2))
    await eventually_async(lambda: context.refused, "a refusal")
    assert context.refused == [(Invite(1, 2), reason, str(fault))]
    await context.close(feature)
