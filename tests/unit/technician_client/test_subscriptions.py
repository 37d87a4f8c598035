"""Bounded queues from a publisher to its subscribers."""

import asyncio

from technician_client.subscriptions import Publisher
from tests.kit.waiting import eventually_async


async def test_each_gets_what_it_wants_in_order() -> None:
    publisher: Publisher[int] = Publisher()
    even, every = publisher.subscribe(lambda item: item % 2 == 0), publisher.subscribe(lambda _item: True)
    for item in range(5):
        publisher.publish(item)
    publisher.finish()
    assert [item async for item in even] == [0, 2, 4]
    assert [item async for item in every] == [0, 1, 2, 3, 4]


async def test_a_full_subscriber_makes_the_publisher_wait() -> None:
    publisher: Publisher[int] = Publisher()
    slow = publisher.subscribe(lambda _item: True, limit=2)
    publisher.publish(1)
    await asyncio.wait_for(publisher.room(), 60)
    publisher.publish(2)
    assert slow.full
    waiting = asyncio.ensure_future(publisher.room())  # noqa: TID251 - awaited below
    await asyncio.sleep(0)
    assert not waiting.done()
    assert await anext(slow) == 1
    await asyncio.wait_for(waiting, 60)


async def test_leaving_frees_the_publisher() -> None:
    publisher: Publisher[int] = Publisher()
    with publisher.subscribe(lambda _item: True, limit=1) as slow:
        publisher.publish(1)
        waiting = asyncio.ensure_future(publisher.room())  # noqa: TID251 - awaited below
        await asyncio.sleep(0)
    await asyncio.wait_for(waiting, 60)
    publisher.publish(2)
    assert len(slow) == 0
    assert slow.closed
    assert [item async for item in slow] == []


async def test_a_reader_waits_until_something_comes() -> None:
    publisher: Publisher[str] = Publisher()
    reader = publisher.subscribe(lambda _item: True)
    reading = asyncio.ensure_future(anext(reader))  # noqa: TID251 - awaited below
    await asyncio.sleep(0)
    publisher.publish("here")
    assert await asyncio.wait_for(reading, 60) == "here"


async def test_the_first_subscriber_gets_what_was_kept_and_the_next_does_not() -> None:
    publisher: Publisher[int] = Publisher(kept=3)
    for item in range(5):
        publisher.publish(item)
    first, second = publisher.subscribe(lambda item: item != 3), publisher.subscribe(lambda _item: True)
    publisher.publish(9)
    publisher.finish()
    assert [item async for item in first] == [2, 4, 9]
    assert [item async for item in second] == [9]


async def test_after_the_end_a_subscription_is_closed_from_the_start() -> None:
    publisher: Publisher[int] = Publisher()
    publisher.finish()
    late = publisher.subscribe(lambda _item: True)
    publisher.publish(1)
    assert [item async for item in late] == []


async def test_room_serves_several_slow_subscribers() -> None:
    publisher: Publisher[int] = Publisher()
    slow = [publisher.subscribe(lambda _item: True, limit=1) for _ in range(2)]
    publisher.publish(1)
    waiting = asyncio.ensure_future(publisher.room())  # noqa: TID251 - awaited below
    for subscriber in slow:
        await asyncio.sleep(0)
        assert not waiting.done()
        assert await anext(subscriber) == 1
    await eventually_async(waiting.done, "room")


async def test_what_is_there_already_is_taken_only_if_it_is_of_the_type_wanted() -> None:
    publisher: Publisher[int | str] = Publisher()
    mine = publisher.subscribe(lambda _item: True, limit=2)
    assert mine.waiting(int) is None
    publisher.publish(1)
    publisher.publish("word")
    assert mine.waiting(str) is None
    assert mine.waiting(int) == 1
    assert not mine.full
    assert mine.waiting(int) is None
    assert await anext(mine) == "word"
