"""Real scripts that behave badly: every one of them is over when the call returns, with all that it started."""

import asyncio
import os
import time
from pathlib import Path

import pytest

from agent.fixes import guarded
from agent.fixes.guarded import StepEnd, run_guarded
from tests.kit.scripts import living, pids_in
from tests.kit.waiting import eventually_async
from tests.unit.agent.fixes.test_guard import DAEMON


async def run(
    script: str, directory: Path, *, seconds: float = 10, max_bytes: int = 10_000, stop: asyncio.Event | None = None
) -> tuple[StepEnd, str]:
    said: list[str] = []
    end = await run_guarded(
        ["/bin/sh", "-c", script],
        environment={"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"},
        directory=directory,
        seconds=seconds,
        max_bytes=max_bytes,
        emit=lambda _, text: said.append(text),
        stop=stop or asyncio.Event(),
        grace=0.3,
    )
    return end, "".join(said)


async def test_output_is_streamed_and_the_exit_code_told(tmp_path: Path) -> None:
    end, said = await run("echo one; echo two >&2; pwd; exit 4", tmp_path)
    assert (end.exit_code, end.cut_short, end.truncated) == (4, False, False)
    assert sorted(said.split()) == sorted(["one", "two", str(tmp_path)])


async def test_it_arrives_as_it_is_printed(tmp_path: Path) -> None:
    said: list[str] = []
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    task = loop.create_task(
        run_guarded(
            ["/bin/sh", "-c", "echo first; sleep 60"],
            environment={},
            directory=tmp_path,
            seconds=60,
            max_bytes=100,
            emit=lambda _, text: said.append(text),
            stop=stop,
            grace=0.3,
        )
    )
    await eventually_async(lambda: said == ["first\n"], "the first line, while the script still runs")
    stop.set()
    end = await task
    assert end.stopped and end.exit_code is None


async def test_the_environment_is_only_what_was_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_TOKEN", "x")
    monkeypatch.setenv("PYTHONSTARTUP", "/nowhere")
    _, said = await run("env", tmp_path)
    assert {line.split("=")[0] for line in said.splitlines()} <= {"PATH", "LC_ALL", "HANDRAIL_RUN", "PWD", "SHLVL", "OLDPWD", "_"}


async def test_input_is_empty(tmp_path: Path) -> None:
    end, said = await run("cat; echo end", tmp_path)
    assert (said, end.exit_code) == ("end\n", 0)


async def test_timeout_with_a_script_that_ignores_the_request(tmp_path: Path) -> None:
    started = time.monotonic()
    end, _ = await run(f"trap '' TERM; echo $$ > {tmp_path}/pids; while :; do sleep 0.05; done", tmp_path, seconds=4.0)
    assert end.timed_out and end.exit_code is None
    assert time.monotonic() - started < 50  # it would go on for ever
    assert not any(living(pid) for pid in pids_in(tmp_path / "pids"))  # on a busy machine it may not even have begun


async def test_a_daemon_is_gone_when_the_script_has_ended(tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    end, _ = await run(DAEMON.format(pids=pids), tmp_path)
    assert end.exit_code == 0
    assert [living(pid) for pid in pids_in(pids)] == [False]


async def test_a_daemon_is_gone_after_a_timeout(tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    end, _ = await run(DAEMON.format(pids=pids) + "sleep 300", tmp_path, seconds=5.0)
    assert end.timed_out
    assert [living(pid) for pid in pids_in(pids)] == [False]


async def test_a_daemon_that_keeps_the_output_open_does_not_hold_the_result_up(tmp_path: Path) -> None:
    started = time.monotonic()
    end, said = await run(f"(setsid sh -c 'echo $$ > {tmp_path}/pids; exec sleep 300' &) ; echo done", tmp_path)
    assert (said, end.exit_code) == ("done\n", 0)
    assert time.monotonic() - started < 50  # the daemon sleeps for minutes
    assert not any(living(pid) for pid in pids_in(tmp_path / "pids"))


async def test_gigabytes_are_cut_and_ended(tmp_path: Path) -> None:
    end, said = await run("exec yes", tmp_path, seconds=60, max_bytes=5000)
    assert end.flooded and end.truncated and not end.timed_out
    assert len(said) == 5000


async def test_more_than_the_limit_is_left_out_without_failing(tmp_path: Path) -> None:
    end, said = await run("head -c 100000 /dev/zero | tr '\\0' x; exit 0", tmp_path, max_bytes=1000)
    assert (end.exit_code, end.truncated, len(said)) == (0, True, 1000)


async def test_cancelling_the_caller_ends_everything(tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    task = asyncio.get_running_loop().create_task(run(DAEMON.format(pids=pids) + f"echo $$ >> {pids}; sleep 300", tmp_path))
    started = await eventually_async(lambda: pids_in(pids) if len(pids_in(pids)) == 2 else None, "both processes")
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert [living(pid) for pid in started] == [False, False]


async def test_a_guard_that_was_killed_takes_the_script_along(tmp_path: Path) -> None:
    # The kernel, short of memory, may pick the guard.
    pids = tmp_path / "pids"
    started = time.monotonic()
    end, _ = await run(DAEMON.format(pids=pids) + f"sleep 300 & echo $! >> {pids}; kill -9 $PPID; sleep 300", tmp_path)
    assert (end.exit_code, end.cut_short) == (128 + 9, False)
    assert time.monotonic() - started < 50  # the daemon sleeps for minutes
    assert len(pids_in(pids)) == 2
    await eventually_async(lambda: not any(map(living, pids_in(pids))), "the end of everything")


def test_the_command_line_is_isolated() -> None:
    command = guarded.guard_command(["/bin/true"], 2.0)
    assert command[1:3] == ["-I", "-S"]
    assert Path(command[0]).is_absolute() and Path(command[3]).is_absolute()
    assert command[4:] == ["2", str(os.getpid()), "/bin/true"]
