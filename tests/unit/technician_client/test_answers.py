"""The answers to one request."""

import asyncio

import pytest

from protocol.errors import RefusalReason, Refused
from protocol.messages.diagnostics import DiagnosticsDone, DiagnosticsTable
from protocol.messages.session import Refusal
from technician_client.answers import FINAL_ANSWERS, Answers, SessionItem
from technician_client.errors import SessionLost
from technician_client.subscriptions import Publisher

TABLE = DiagnosticsTable(1, "memory", "ok", 1, 10, [])
DONE = DiagnosticsDone(1, [], 1, 0)


def lost() -> SessionLost:
    return SessionLost("cut", reason="cut", clean=False)


def answers(publisher: Publisher[SessionItem], seconds: float | None = None) -> Answers:
    return Answers(publisher.subscribe(lambda _item: True), DiagnosticsDone, seconds, lost)


def test_every_request_names_its_final_answer() -> None:
    for request, final in FINAL_ANSWERS.items():
        assert "request" in request.__struct_fields__
        assert "request" in final.__struct_fields__


async def test_they_end_with_the_final_one() -> None:
    publisher: Publisher[SessionItem] = Publisher()
    async with answers(publisher) as stream:
        for item in (TABLE, DONE, TABLE):
            publisher.publish(item)
        assert [item async for item in stream] == [TABLE, DONE]
        assert [item async for item in stream] == []


async def test_a_refusal_is_raised() -> None:
    publisher: Publisher[SessionItem] = Publisher()
    stream = answers(publisher)
    publisher.publish(Refusal("diagnostics.collect", 1, RefusalReason.PAUSED, ""))
    with pytest.raises(Refused, match="paused") as refused:
        await anext(stream)
    assert refused.value.reason is RefusalReason.PAUSED


async def test_the_end_of_the_session_is_raised() -> None:
    publisher: Publisher[SessionItem] = Publisher()
    stream = answers(publisher)
    publisher.publish(TABLE)
    publisher.finish()
    assert await anext(stream) == TABLE
    with pytest.raises(SessionLost):
        await anext(stream)


async def test_patience_is_bounded_and_leaving_frees_the_publisher() -> None:
    publisher: Publisher[SessionItem] = Publisher()
    async with answers(publisher, seconds=0.01) as stream:
        with pytest.raises(TimeoutError):
            await anext(stream)
    await asyncio.wait_for(publisher.room(), 60)
