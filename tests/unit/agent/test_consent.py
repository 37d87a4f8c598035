"""Who is asked, how long, and that only a person answers."""

import asyncio

import msgspec
import pytest

from agent.consent import Answer, ConsentBroker, ConsentQuestion, Outcome, wishes_for
from protocol.capabilities import Capability
from tests.kit.assisted import Person

QUESTION = ConsentQuestion(
    "session", "Ana Ruiz", "Example Ltd", 2, "the printer", wishes=wishes_for([Capability.VIEW, Capability.CHAT])
)


async def test_with_nobody_there_the_answer_is_no_at_once() -> None:
    assert await ConsentBroker().ask(QUESTION) == Answer(Outcome.NOBODY)


async def test_a_person_answers() -> None:
    broker = ConsentBroker()
    person = Person(broker)
    broker.attach(person)
    asking = asyncio.get_running_loop().create_task(broker.ask(QUESTION))
    await person.allow(Capability.CHAT, Capability.CONTROL)
    assert await asking == Answer(Outcome.ANSWERED, frozenset({Capability.CHAT}))
    assert person.closed_texts == ["It was answered."]
    assert not broker.open


async def test_the_first_answer_counts_and_the_others_see_it_closed() -> None:
    broker = ConsentBroker()
    first, second = Person(broker), Person(broker)
    broker.attach(first)
    broker.attach(second)
    asking = asyncio.get_running_loop().create_task(broker.ask(QUESTION))
    number, _ = await second.question()
    assert broker.answer(number)
    assert not broker.answer(number, granted=frozenset({Capability.VIEW}))
    assert (await asking).granted == frozenset()
    assert first.closed_texts == second.closed_texts == ["It was answered."]


async def test_without_an_answer_it_is_no() -> None:
    broker = ConsentBroker()
    person = Person(broker)
    broker.attach(person)
    answer = await broker.ask(msgspec.structs.replace(QUESTION, seconds=0.02))
    assert answer == Answer(Outcome.NO_ANSWER)
    assert "No" in person.closed_texts[0]


async def test_more_time_is_given_a_few_times_and_told() -> None:
    broker = ConsentBroker()
    person = Person(broker)
    broker.attach(person)
    told: list[float] = []
    asking = asyncio.get_running_loop().create_task(broker.ask(QUESTION, told.append))
    number, _ = await person.question()
    for _ in range(10):
        assert broker.more_time(number) == QUESTION.seconds
    assert broker.more_time(number) is None
    assert broker.more_time(99) is None
    assert told == [QUESTION.seconds] * 10
    assert person.extensions == 10
    broker.answer(number)
    await asking


async def test_the_last_program_that_leaves_answers_no() -> None:
    broker = ConsentBroker()
    first, second = Person(broker), Person(broker)
    broker.attach(first)
    broker.attach(second)
    asking = asyncio.get_running_loop().create_task(broker.ask(QUESTION))
    await first.question()
    broker.detach(second)
    broker.detach(second)
    assert broker.open
    broker.detach(first)
    assert await asking == Answer(Outcome.NOBODY)


async def test_who_attaches_late_sees_what_is_open() -> None:
    broker = ConsentBroker()
    first, late = Person(broker), Person(broker)
    broker.attach(first)
    asking = asyncio.get_running_loop().create_task(broker.ask(QUESTION))
    await first.question()
    broker.attach(late)
    number, question = await late.question()
    assert question == QUESTION
    broker.answer(number)
    await asking


async def test_a_question_nobody_needs_any_more_is_taken_away() -> None:
    broker = ConsentBroker()
    person = Person(broker)
    broker.attach(person)
    heard: list[bool] = []
    stop = broker.listen(heard.append)
    asking = asyncio.get_running_loop().create_task(broker.ask(QUESTION))
    await person.question()
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    assert person.closed_texts == ["It is no longer needed."]
    assert heard == [True, False]
    stop()


def test_wishes_speak_plainly() -> None:
    assert [wish.words for wish in wishes_for([Capability.VIEW])] == ["see your screen"]
