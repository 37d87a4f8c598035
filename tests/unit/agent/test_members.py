"""What the person here is asked in a technician's name: once at a time, and nobody is asked where policy needs no answer."""

import asyncio
from typing import Any

import pytest

from agent.features.base import Question
from agent.members import Asking
from protocol.errors import RefusalReason, Refused
from protocol.messages.colleagues import ColleaguesState

QUESTION = Question("May they?", "They want to.", seconds=5.0, words="call", values={})


class Technician:
    """As much of a member as is asked about; `answer` is what the person here says."""

    def __init__(self, *, unwatched: bool = False, answer: bool = True) -> None:
        self.unwatched = unwatched
        self.answer = answer
        self.asked: list[Question] = []
        self.told: list[object] = []

    def send(self, message: object) -> None:
        self.told.append(message)

    async def ask_user(self, question: Question) -> bool:
        self.asked.append(question)
        return self.answer


async def agreed(technician: Any) -> None:
    await Asking().agreed(technician, QUESTION, 7)


async def test_the_person_here_decides_and_the_technician_hears_that_they_are_asked() -> None:
    kind = Technician()
    await agreed(kind)
    assert kind.asked == [QUESTION] and kind.told == [ColleaguesState(7, "asking_user")]
    with pytest.raises(Refused, match="did not agree") as caught:
        await agreed(Technician(answer=False))
    assert caught.value.reason is RefusalReason.DENIED_BY_USER


async def test_where_policy_asks_nobody_nobody_is_asked() -> None:
    alone = Technician(unwatched=True, answer=False)
    await agreed(alone)
    assert not alone.asked and not alone.told


async def test_one_question_at_a_time_is_asked_in_a_technicians_name() -> None:
    asking = Asking()
    ana: Any = Technician()
    ben: Any = Technician()
    with asking.one_question(ana):
        with pytest.raises(Refused) as caught, asking.one_question(ana):
            await asyncio.sleep(0)
        assert caught.value.reason is RefusalReason.BUSY
        with asking.one_question(ben):
            assert not ben.asked
    with asking.one_question(ana):
        assert not ana.asked
