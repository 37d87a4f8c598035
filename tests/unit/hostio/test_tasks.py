"""Tasks that somebody keeps, and the alarm."""

import asyncio

import pytest

from hostio.tasks import Alarm, Supervisor
from tests.kit.waiting import eventually_async


async def fails() -> None:
    raise ValueError("broken")


async def test_a_failure_is_reported_by_name_and_the_others_go_on() -> None:
    failures: list[tuple[str, BaseException]] = []
    going_on = asyncio.Event()

    async with Supervisor(lambda name, error: failures.append((name, error))) as tasks:
        _ = tasks.spawn(fails(), "bad")
        other = tasks.spawn(going_on.wait(), "other")
        await eventually_async(lambda: bool(failures), "a failure")
        going_on.set()
        assert await other
    assert failures[0][0] == "bad"
    assert isinstance(failures[0][1], ValueError)


async def test_without_a_listener_a_failure_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    async with Supervisor() as tasks:
        _ = tasks.spawn(fails(), "bad")
        await eventually_async(lambda: "bad failed" in caplog.text, "the log line")


async def test_closing_cancels_and_waits() -> None:
    ended: list[str] = []

    async def works() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("yes")

    tasks = Supervisor()
    _ = tasks.spawn(works(), "works")
    await asyncio.sleep(0)
    await tasks.aclose()
    assert ended == ["yes"]


async def test_an_error_while_it_is_ended_is_reported_too() -> None:
    failures: list[str] = []

    async def works() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await fails()

    async with Supervisor(lambda name, error: failures.append(f"{name}: {error}")) as tasks:
        _ = tasks.spawn(works(), "works")
        await asyncio.sleep(0)
    assert failures == ["works: broken"]


async def test_nothing_starts_after_closing() -> None:
    tasks = Supervisor()
    await tasks.aclose()
    with pytest.raises(RuntimeError, match="late"):
        _ = tasks.spawn(fails(), "late")


async def test_a_task_may_close_its_own_supervisor() -> None:
    tasks = Supervisor()
    closed = asyncio.Event()

    async def closes() -> None:
        await tasks.aclose()
        closed.set()

    _ = tasks.spawn(closes(), "closes")
    await asyncio.wait_for(closed.wait(), 60)


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
    await asyncio.wait_for(rang.wait(), 60)
    alarm.set(loop.time() + 100)
    alarm.set(None)
    assert count == [1]
