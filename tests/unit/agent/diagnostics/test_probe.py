"""What probes stand on: files below a root, tools with an end, threads that may be left behind."""

import asyncio
import threading
from pathlib import Path

import pytest

from agent.children import Captured
from agent.diagnostics.probe import ProbeError, Threads, Unsupported, failure
from tests.kit.recorded import machine


async def test_tools(tmp_path: Path) -> None:
    environment = machine(tmp_path, tools={"good": "echo hi", "slow": "exec sleep 60", "endless": "exec yes"})
    assert (await environment.run(["good"], seconds=5)).stdout == b"hi\n"
    with pytest.raises(Unsupported, match="no `missing`"):
        await environment.run(["missing"], seconds=5)
    with pytest.raises(ProbeError, match=r"did not answer within 0\.2 s"):
        await environment.run(["slow"], seconds=0.2)
    with pytest.raises(ProbeError, match="more than 1000 bytes"):
        await environment.run(["endless"], seconds=5, max_bytes=1000)
    (tmp_path / "tools/good").write_text("#!/nowhere/interpreter\n")
    with pytest.raises(ProbeError, match="cannot be started"):
        await environment.run(["good"], seconds=5)


def test_files(tmp_path: Path) -> None:
    environment = machine(tmp_path, {"/etc/x": "abc"})
    (tmp_path / "etc/binary").write_bytes(b"a\xff")
    assert environment.read_text("/etc/x") == "abc" and environment.read_text("/etc/x", 2) == "ab"
    assert environment.read_text("/etc/binary") == "a\ufffd"
    assert environment.read_text("/etc/none") is None and environment.read_text("/etc") is None


async def test_threads_return_and_raise() -> None:
    threads = Threads()
    assert await threads.call("a", lambda: 7) == 7
    with pytest.raises(ZeroDivisionError):
        await threads.call("a", lambda: 1 // 0)
    assert await threads.call("a", lambda: 8) == 8


async def test_a_call_that_hangs_is_left_and_not_piled_up() -> None:
    threads, hang = Threads(), threading.Event()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1):
            await threads.call("dead mount", lambda: hang.wait(20))
    with pytest.raises(ProbeError, match="dead mount"):
        await threads.call("dead mount", lambda: 1)
    assert await threads.call("another", lambda: 1) == 1
    (thread,) = [thread for thread in threading.enumerate() if thread.name == "probe dead mount"]
    assert thread.daemon
    hang.set()
    thread.join(5)
    assert await threads.call("dead mount", lambda: 1) == 1


def test_failures_quote_the_first_complaint() -> None:
    assert failure("x", Captured(1, b"", b"\nE: one\nE: two\n")) == "`x` failed with exit code 1: E: one"
    assert failure("x", Captured(2, b"said\n", b"")) == "`x` failed with exit code 2: said"
    assert failure("x", Captured(3, b"", b"")) == "`x` failed with exit code 3: no explanation"
