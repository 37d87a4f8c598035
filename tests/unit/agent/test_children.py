"""Real children: they end when they must, with all their group, and say no more than they may."""

import asyncio
import os
import time
from pathlib import Path

import pytest

from agent.children import capture, tool_environment
from protocol.errors import Unavailable
from tests.kit.waiting import eventually_async


def gone(pid: int) -> bool:
    """No such process, or only its zombie is left."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return True
    return state in "ZX"


async def until_gone(pid: int, seconds: float = 50.0) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if gone(pid):
            return True
        await asyncio.sleep(0.02)
    return False


async def test_output_and_exit_code() -> None:
    result = await capture(["/bin/sh", "-c", "echo out; echo err >&2; exit 3"], seconds=60)
    assert (result.exit_code, result.stdout, result.stderr) == (3, b"out\n", b"err\n")
    assert not result.timed_out and not result.truncated


async def test_nothing_is_inherited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_TOKEN", "x")
    result = await capture(["/usr/bin/env"], seconds=60)
    names = {line.split("=", 1)[0] for line in result.stdout.decode().splitlines()}
    assert names == set(tool_environment())


async def test_whole_group_dies_at_the_budget(tmp_path: Path) -> None:
    script = f"sleep 60 & echo $! > {tmp_path}/pid; trap '' TERM; echo first; sleep 60; wait"
    started = time.monotonic()
    result = await capture(["/bin/sh", "-c", script], seconds=4.0)
    assert result.timed_out
    assert time.monotonic() - started < 50
    assert await until_gone(int((tmp_path / "pid").read_text()))


async def test_a_child_that_never_stops_talking_is_stopped() -> None:
    result = await capture(["/bin/sh", "-c", "exec yes"], seconds=60, max_bytes=100_000)
    assert result.truncated and not result.timed_out
    assert len(result.stdout) == 100_000


async def test_a_talkative_standard_error_blocks_nobody() -> None:
    result = await capture(["/bin/sh", "-c", "head -c 1000000 /dev/zero >&2; echo done"], seconds=60)
    assert result.stdout == b"done\n"
    assert len(result.stderr) == 16 * 1024


async def test_cancelling_kills(tmp_path: Path) -> None:
    task = asyncio.get_running_loop().create_task(
        capture(
            ["/bin/sh", "-c", f"echo $$ > {tmp_path}/pid.new; mv {tmp_path}/pid.new {tmp_path}/pid; exec sleep 60"], seconds=60
        )
    )
    await eventually_async((tmp_path / "pid").exists, "the script's number")
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await until_gone(int((tmp_path / "pid").read_text()))


async def test_an_impatient_second_cancellation_leaves_nothing_open(tmp_path: Path) -> None:
    script = f"trap '' TERM; echo $$ > {tmp_path}/pid.new; mv {tmp_path}/pid.new {tmp_path}/pid; while :; do sleep 0.05; done"
    task = asyncio.get_running_loop().create_task(capture(["/bin/sh", "-c", script], seconds=60))
    await eventually_async((tmp_path / "pid").exists, "the script's number")
    task.cancel()
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await until_gone(int((tmp_path / "pid").read_text()))


async def test_cancelling_at_any_moment_of_the_start_is_quick(tmp_path: Path) -> None:
    for turns in range(12):
        pids = tmp_path / f"pids{turns}"
        script = f"echo $$ >> {pids}; sleep 60 & echo $! >> {pids}; sleep 60"
        task = asyncio.get_running_loop().create_task(capture(["/bin/sh", "-c", script], seconds=60))
        for _ in range(turns):
            await asyncio.sleep(0)
        started = time.monotonic()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert time.monotonic() - started < 50
        for pid in pids.read_text().split() if pids.exists() else []:
            assert await until_gone(int(pid))


async def test_a_missing_program_is_named() -> None:
    with pytest.raises(Unavailable, match=r"/nowhere/tool cannot be started: No such file"):
        await capture(["/nowhere/tool"], seconds=1)


async def test_input_is_empty() -> None:
    result = await capture(["/bin/cat"], seconds=60)
    assert result.stdout == b"" and result.exit_code == os.EX_OK
