"""Programs on pseudo-terminals: their descriptors, sizes, interrupts and ends."""

import asyncio
import os
import signal

from agent.backends.pty_process import PtyProcess, read_piece, start_program, write_piece
from agent.backends.users import account_of
from tests.kit.waiting import eventually_async


async def program(command: str, *, tty: bool = True) -> PtyProcess:
    account = account_of(os.geteuid())
    assert account is not None
    environment = {"PATH": "/usr/bin:/bin", "TERM": "dumb"}
    return await start_program(["/bin/sh", "-c", command], account=account, environment=environment, tty=tty, columns=90, rows=30)


async def everything(one: PtyProcess, stream: int = 1) -> bytes:
    whole = b""
    async with asyncio.timeout(60):
        while True:
            data = read_piece(one.outputs[stream], 4096)
            if data == b"":
                return whole
            whole += data or b""
            await asyncio.sleep(0.005)


async def test_it_has_the_size_it_was_given_and_its_status_is_passed_on() -> None:
    one = await program("stty size; exit 5")
    assert await everything(one) == b"30 90\r\n"
    assert await one.process.wait() == 5
    one.close()


async def test_a_key_is_an_interrupt_only_while_the_terminal_says_so() -> None:
    one = await program("stty raw -echo; echo raw; sleep 300")
    assert one.interrupt_of(b"\x03") is signal.SIGINT
    assert one.interrupt_of(b"x") is None
    await eventually_async(lambda: b"raw" in (read_piece(one.outputs[1], 100) or b""), "it is raw")
    assert one.interrupt_of(b"\x03") is None
    one.hang_up()
    await one.process.wait()
    one.close()


async def test_an_interrupt_reaches_the_foreground() -> None:
    one = await program("echo up; sleep 300")
    await eventually_async(lambda: b"up" in (read_piece(one.outputs[1], 100) or b""), "it runs")
    one.interrupt(signal.SIGINT)
    assert await one.process.wait() == 130
    one.close()


async def test_a_terminal_that_is_gone_has_no_interrupts() -> None:
    """What is no terminal (any more) says so to whoever asks it as one."""
    one = await program("sleep 300", tty=False)
    gone = PtyProcess(one.process, {}, one.typed, tty=True)
    assert gone.interrupt_of(b"\x03") is None
    gone.interrupt(signal.SIGINT)
    one.hang_up()
    await one.process.wait()
    one.close()


async def test_the_end_of_input_is_heard_on_a_pipe() -> None:
    one = await program("wc -c", tty=False)
    assert write_piece(one.typed, b"12345") == 5
    one.end_input()
    assert (await everything(one)).strip() == b"5"
    assert await one.process.wait() == 0
    one.close()


async def test_what_does_not_start_is_named() -> None:
    account = account_of(os.geteuid())
    assert account is not None
    one = await start_program(["/no/such/shell"], account=account, environment={}, tty=True, columns=80, rows=24)
    assert b"/no/such/shell cannot be started: No such file" in await everything(one)
    assert await one.process.wait() == 127
    one.close()
