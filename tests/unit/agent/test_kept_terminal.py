"""The counting of one terminal, over a real program on pipes."""

import asyncio
import os
from pathlib import Path
from typing import Any

from agent.backends.pty_process import start_program
from agent.backends.users import account_of
from agent.kept_terminal import KeptTerminal
from agent.transcripts import Transcript
from protocol.capabilities import Capability
from protocol.messages import Message
from protocol.messages.terminal import OUTPUT_WINDOW, TerminalEnded, TerminalOutput
from tests.kit.waiting import eventually_async


async def terminal_of(command: str, audited: list[Any]) -> KeptTerminal:
    account = account_of(os.geteuid())
    assert account is not None
    running = await start_program(
        ["/bin/sh", "-c", command], account=account, environment={"PATH": "/usr/bin:/bin"}, tty=False, columns=80, rows=24
    )
    return KeptTerminal(
        1, running, Transcript(None), user="me", as_root=False, size=(80, 24), audit=lambda *record: audited.append(record)
    )


async def test_the_end_is_told_after_the_last_byte_however_late_it_is_fetched(tmp_path: Path) -> None:
    audited: list[Any] = []
    terminal = await terminal_of("head -c 100000 /dev/zero", audited)
    run = asyncio.get_running_loop().create_task(terminal.run())
    said: list[Message] = []
    terminal.attach(said.append, 0)
    await eventually_async(lambda: terminal.row().next >= OUTPUT_WINDOW, "the window is full")
    assert sum(len(one.data) for one in said if isinstance(one, TerminalOutput)) == OUTPUT_WINDOW
    terminal.ack(OUTPUT_WINDOW + 1)  # more than was sent: ignored
    terminal.ack(OUTPUT_WINDOW)
    await run
    assert terminal.ended
    assert audited[0][1]["printed_bytes"] == 100_000
    assert isinstance(said[-1], TerminalEnded)
    terminal.detach()
    again: list[Message] = []
    terminal.attach(again.append, 99_999)
    assert [type(one) for one in again] == [TerminalOutput, TerminalEnded]
    assert terminal.needs == {Capability.TERMINAL}


async def test_ending_it_twice_is_recorded_once() -> None:
    audited: list[Any] = []
    terminal = await terminal_of("sleep 300", audited)
    run = asyncio.get_running_loop().create_task(terminal.run())
    terminal.end("enough")
    terminal.end("again")
    await run
    assert [record[1]["ended_because"] for record in audited] == ["enough"]
