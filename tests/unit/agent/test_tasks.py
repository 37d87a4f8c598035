"""Tasks that somebody keeps, and the alarm."""

import asyncio

import pytest

from agent.tasks import Alarm, Supervisor


async def test_a_failure_is_reported_by_name_and_the_others_go_on() -> None:
    failures: list[tuple[str, str]] = []
    going_on = asyncio.Event()

    async def fail() -> None:
        raise ValueError("no")

    async with Supervisor(lambda name, error: failures.append((name, str(error)))) as tasks:
        _ = tasks.spawn(fail(), "first")
        task = tasks.spawn(_wait(going_on), "second")
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert failures == [("first", "no")]
        going_on.set()
        await task


async def _wait(event: asyncio.Event) -> None:
    await event.wait()


async def test_closing_cancels_and_waits() -> None:
    ended: list[str] = []

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("yes")

    tasks = Supervisor()
    _ = tasks.spawn(work(), "work")
    await asyncio.sleep(0)
    await tasks.aclose()
    assert ended == ["yes"]


async def test_nothing_starts_after_closing() -> None:
    tasks = Supervisor()
    await tasks.aclose()
    with pytest.raises(RuntimeError, match="late"):
        _ = tasks.spawn(_wait(asyncio.Event()), "late")


async def test_a_failure_without_a_listener_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    async def fail() -> None:
        raise ValueError("no")

    async with Supervisor() as tasks:
        _ = tasks.spawn(fail(), "lonely")
        await asyncio.sleep(0)
        await asyncio.sleep(0)
    assert "lonely failed" in caplog.text


async def test_the_alarm_rings_once_at_the_last_time_it_was_set_to() -> None:
    rang = asyncio.Event()
    count: list[int] = []

    def ring() -> None:
        count.append(1)
        rang.set()

    loop = asyncio.get_running_loop()
    alarm = Alarm(ring)
    alarm.set(loop.time() + 100)
    alarm.set(loop.time() + 0.01)
    await asyncio.wait_for(rang.wait(), 5)
    alarm.set(loop.time() + 100)
    alarm.set(None)
    assert count == [1]
