"""Whoever comes while an agent starts or stops waits for it, and is told when that takes too long."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from agent.errors import AlreadyRunning, NotRunning
from agent.home_lock import home_lock
from agent.local import LocalClient, LocalConnection, LocalServer
from agent.local_messages import AskStatus, Done, Request
from agent.reaching import with_daemon
from protocol.errors import HandrailError

ANSWER = "an answer"


class Handler:
    """Says yes to everything."""

    async def request(self, connection: LocalConnection, request: Request) -> None:
        return None

    def gone(self, connection: LocalConnection) -> None:
        pass


class Daemon:
    """Lock and socket of a daemon, and nothing else of it."""

    def __init__(self, home: Path, fault: HandrailError | None = None) -> None:
        self.home, self.fault = home, fault
        self.ready, self._stop = asyncio.Event(), asyncio.Event()
        self.runs = 0

    async def run(self) -> None:
        with home_lock(self.home / "agent.lock"):
            self.runs += 1
            if self.fault is not None:
                raise self.fault
            async with LocalServer(self.home / "agent.sock", Handler()).serving():
                self.ready.set()
                await self._stop.wait()

    def stop(self) -> None:
        self._stop.set()


@pytest.fixture
def converse(tmp_path: Path) -> Callable[[], Awaitable[str]]:
    async def conversation() -> str:
        async with LocalClient.connected(tmp_path / "agent.sock") as client:
            assert isinstance(await client.request(AskStatus), Done)
            return ANSWER

    return conversation


def never() -> Daemon:
    raise AssertionError("no daemon is needed")


async def test_the_one_that_runs_is_talked_to(tmp_path: Path, converse: Callable[[], Awaitable[str]]) -> None:
    async with LocalServer(tmp_path / "agent.sock", Handler()).serving():
        assert await with_daemon(converse, never) == ANSWER


async def test_without_one_it_runs_its_own_for_as_long_as_it_talks(
    tmp_path: Path, converse: Callable[[], Awaitable[str]]
) -> None:
    own = Daemon(tmp_path)
    assert await with_daemon(converse, lambda: own) == ANSWER
    assert own.runs == 1
    assert not (tmp_path / "agent.sock").exists()


async def test_one_that_is_starting_is_waited_for(tmp_path: Path, converse: Callable[[], Awaitable[str]]) -> None:
    own, waits, made = Daemon(tmp_path), asyncio.Event(), list[int]()

    def make() -> Daemon:
        made.append(1)
        return own

    with home_lock(tmp_path / "agent.lock"):
        talking = asyncio.get_running_loop().create_task(with_daemon(converse, make, waiting=waits.set))
        async with asyncio.timeout(60):
            await waits.wait()
        async with LocalServer(tmp_path / "agent.sock", Handler()).serving(), asyncio.timeout(60):
            assert await talking == ANSWER
    assert (own.runs, made) == (0, [1])


async def test_when_one_that_is_stopping_has_stopped_it_runs_its_own(
    tmp_path: Path, converse: Callable[[], Awaitable[str]]
) -> None:
    own, waits = Daemon(tmp_path), asyncio.Event()
    with home_lock(tmp_path / "agent.lock"):
        talking = asyncio.get_running_loop().create_task(with_daemon(converse, lambda: own, waiting=waits.set))
        async with asyncio.timeout(60):
            await waits.wait()
    async with asyncio.timeout(60):
        assert await talking == ANSWER
    assert own.runs == 1


async def test_one_that_does_not_answer_is_not_waited_for_without_end(
    tmp_path: Path, converse: Callable[[], Awaitable[str]]
) -> None:
    told = list[int]()
    with (
        home_lock(tmp_path / "agent.lock"),
        pytest.raises(NotRunning, match=r"Another agent \(process \d+\) serves this home and"),
    ):
        await with_daemon(converse, lambda: Daemon(tmp_path), waiting=lambda: told.append(1), seconds=0.3)
    assert told == [1]


async def test_a_daemon_that_cannot_run_is_no_reason_to_wait(tmp_path: Path, converse: Callable[[], Awaitable[str]]) -> None:
    with pytest.raises(ExceptionGroup) as raised:
        await with_daemon(converse, lambda: Daemon(tmp_path, HandrailError("the disk is full")))
    assert raised.group_contains(HandrailError, match="the disk is full")
    assert not raised.group_contains(AlreadyRunning)
