"""Bodies of requests and answers as ends of a transfer."""

import asyncio

import pytest

from protocol.errors import Unavailable
from technician_client.console.carriage import QUEUED_PIECES, BodySink, BodySource


async def test_a_body_is_read_in_the_sizes_that_are_wanted() -> None:
    source = BodySource(6, 0.0, 0o644)
    await source.feed(b"123456")
    assert [await source.read(4), await source.read(4)] == [b"1234", b"56"]
    assert source.wanted.is_set()
    assert not await source.restart()
    await source.fail(Unavailable("gone"))
    with pytest.raises(Unavailable):
        await source.read(1)


async def test_a_fast_browser_waits_for_a_slow_device() -> None:
    source = BodySource(100, 0.0, 0o644)
    for _ in range(QUEUED_PIECES):
        await source.feed(b"x")
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await source.feed(b"x")


async def test_a_browser_that_waits_is_let_go_of_when_nobody_reads_any_more() -> None:
    source = BodySource(100, 0.0, 0o644)
    for _ in range(QUEUED_PIECES):
        assert await source.feed(b"x")
    async with asyncio.TaskGroup() as tasks:
        waiting = tasks.create_task(source.feed(b"x"))
        await asyncio.sleep(0)  # it waits for room now
        assert not waiting.done()
        source.close()
    assert not waiting.result()
    assert source.wanted.is_set()
    assert not await source.feed(b"x")


async def test_the_last_piece_leaves_when_all_of_it_is_right() -> None:
    sink = BodySink()
    await sink.write(b"1")
    await sink.write(b"2")
    await sink.finish()
    assert [piece async for piece in sink.pieces()] == [b"1", b"2"]


async def test_what_is_not_right_keeps_its_last_piece() -> None:
    sink = BodySink()
    await sink.write(b"1")
    await sink.write(b"2")
    await sink.fail()
    assert [piece async for piece in sink.pieces()] == [b"1", None]
    assert not await sink.restart()
