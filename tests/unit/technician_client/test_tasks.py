"""Tasks that somebody keeps."""

import asyncio

import pytest

from technician_client.tasks import Supervisor
from tests.kit.waiting import eventually_async


async def fails() -> None:
    raise ValueError("broken")


async def test_a_failure_is_reported_by_name_and_stops_nothing_else() -> None:
    failures: list[tuple[str, BaseException]] = []
    done = asyncio.Event()

    async def goes_on() -> None:
        await eventually_async(lambda: bool(failures), "a failure")
        done.set()

    async with Supervisor(lambda name, error: failures.append((name, error))) as supervisor:
        supervisor.spawn(goes_on(), "other")
        supervisor.spawn(fails(), "bad")
        await asyncio.wait_for(done.wait(), 5)
    assert failures[0][0] == "bad"
    assert isinstance(failures[0][1], ValueError)


async def test_without_a_listener_a_failure_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    async with Supervisor() as supervisor:
        supervisor.spawn(fails(), "bad")
        await eventually_async(lambda: "task bad failed" in caplog.text, "the log line")


async def test_closing_cancels_and_waits() -> None:
    ended = False

    async def waits() -> None:
        nonlocal ended
        try:
            await asyncio.Event().wait()
        finally:
            ended = True

    supervisor = Supervisor()
    supervisor.spawn(waits(), "waits")
    await asyncio.sleep(0)
    await supervisor.aclose()
    assert ended
    with pytest.raises(RuntimeError, match="late"):
        supervisor.spawn(waits(), "late")


async def test_a_task_may_close_its_own_supervisor() -> None:
    supervisor = Supervisor()
    closed = asyncio.Event()

    async def closes() -> None:
        await supervisor.aclose()
        closed.set()

    supervisor.spawn(closes(), "closes")
    await asyncio.wait_for(closed.wait(), 5)
