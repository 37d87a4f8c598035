"""Terminals: real programs on real pseudo-terminals, as whom they run, and how they end."""

import asyncio
import os
import re
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import msgspec
import pytest

from agent.features import terminal
from agent.features.terminal import TerminalFeature
from agent.kept_terminal import KeptTerminal
from agent.settings import TerminalSettings
from protocol.capabilities import Capability
from protocol.documents import GroupPolicy
from protocol.errors import RefusalReason, Refused, Unavailable
from protocol.messages.terminal import (
    MOST_TERMINALS,
    TerminalAck,
    TerminalAttach,
    TerminalClose,
    TerminalEnded,
    TerminalInput,
    TerminalList,
    TerminalListing,
    TerminalOpen,
    TerminalOpened,
    TerminalOpenRoot,
    TerminalOutput,
    TerminalResize,
)
from tests.kit.feature_context import RecordingContext
from tests.kit.waiting import eventually_async, let_pass

ROOT = os.geteuid() == 0


class Desk:
    """A technician's end of one feature: acknowledges what comes and puts it together."""

    def __init__(self, tmp_path: Path) -> None:
        self.context = RecordingContext(tmp_path)
        settings = TerminalSettings(user="nobody" if ROOT else "", shell="/bin/bash")
        self.context.settings = msgspec.structs.replace(self.context.settings, terminal=settings)
        self.feature = TerminalFeature(self.context)
        self.request = 0

    async def open(self, command: str = "", *, tty: bool = True, root: bool = False) -> int:
        self.request += 1
        kind = TerminalOpenRoot if root else TerminalOpen
        await self.feature.handle(kind(self.request, 80, 24, command, tty))
        return self.context.of(TerminalOpened)[-1].terminal

    async def type(self, terminal: int, text: str | bytes, end: bool = False) -> None:
        data = text.encode() if isinstance(text, str) else text
        await self.feature.handle(TerminalInput(terminal, data, end))

    def printed(self, terminal: int, stream: int = 1) -> bytes:
        """What has come; every byte exactly once, in order."""
        whole, at = b"", 0
        for piece in self.context.of(TerminalOutput):
            if piece.terminal == terminal:
                assert piece.offset <= at
                if piece.stream == stream:
                    whole += piece.data[at - piece.offset :]
                at = max(at, piece.offset + len(piece.data))
        return whole

    async def read(self, terminal: int, pattern: bytes) -> re.Match[bytes]:
        async def look() -> re.Match[bytes] | None:
            pieces = [piece for piece in self.context.of(TerminalOutput) if piece.terminal == terminal]
            if pieces:
                await self.feature.handle(TerminalAck(terminal, pieces[-1].offset + len(pieces[-1].data)))
            return re.search(pattern, self.printed(terminal))

        async with asyncio.timeout(60):
            while (found := await look()) is None:
                await asyncio.sleep(0.01)
        return found

    async def ended(self, terminal: int) -> TerminalEnded:
        def look() -> TerminalEnded | None:
            return next((one for one in self.context.of(TerminalEnded) if one.terminal == terminal), None)

        found = await eventually_async(look, "the end")
        assert found is not None
        return found


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    one = Desk(tmp_path)
    yield one
    await one.context.close(one.feature)
    await one.context.keeper.aclose(5)
    assert not one.context.failures


def alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


async def test_a_login_shell_of_the_user_on_a_terminal_of_its_own(desk: Desk) -> None:
    number = await desk.open()
    name = "nobody" if ROOT else os.environ.get("USER", "")
    where = "$(test -t 0 && tty | cut -c-8):$(shopt -q login_shell && echo login)"
    await desk.type(number, f"echo $(id -un):$(umask):$TERM:{where}:\r")
    found = await desk.read(number, rb"(\w+):(\d+):xterm-256color:/dev/pts:login:")
    assert found[1].decode() == name or not ROOT
    assert found[2] == b"0022"
    await desk.type(number, "env | grep -c HANDRAIL; exit 7\r")
    assert (await desk.ended(number)).status == 7
    (opened, ended) = desk.context.audited
    assert opened[0] == "terminal opened"
    assert ended[0] == "terminal ended"
    assert ended[1]["exit_status"] == 7
    assert len(str(ended[1]["transcript_sha256"])) == 64


async def test_a_window_changes_its_size_and_a_full_screen_program_follows(desk: Desk) -> None:
    number = await desk.open()
    # The signal goes to the group in front: only when stty has ended is that the shell again.
    await desk.type(number, "stty size; trap 'echo now $(stty size)' WINCH; echo re''ady\r")
    await desk.read(number, rb"24 80\s+ready")
    await desk.feature.handle(TerminalResize(number, 101, 33))
    await desk.read(number, rb"now 33 101")


async def test_a_flood_is_bounded_and_ctrl_c_ends_it_at_once(desk: Desk) -> None:
    number = await desk.open("yes; echo over")
    await eventually_async(lambda: len(desk.printed(number)) >= 64 * 1024, "the window is full")
    await let_pass(0.2)
    (terminal,) = desk.context.kept.of(KeptTerminal)
    assert len(desk.printed(number)) == 64 * 1024
    assert terminal.row().next <= 80 * 1024
    await desk.type(number, b"\x03")
    assert (await _drain(desk, number)).status == 130


async def _drain(desk: Desk, number: int) -> TerminalEnded:
    await desk.read(number, rb"\^C")
    return await desk.ended(number)


async def test_what_a_program_does_not_read_is_bounded_and_an_interrupt_overtakes_it(desk: Desk) -> None:
    number = await desk.open("echo rea''dy; sleep 300; echo over")
    await desk.read(number, rb"ready")
    for _ in range(8):
        with suppress(Refused):
            await desk.type(number, b"x" * 8000)
    with pytest.raises(Refused) as refused:
        for _ in range(8):
            await desk.type(number, b"x" * 8000)
    assert refused.value.reason is RefusalReason.LIMIT
    await desk.type(number, b"\x03")
    assert (await desk.ended(number)).status == 130


async def test_a_character_cut_in_two_arrives_as_it_was(desk: Desk) -> None:
    number = await desk.open("read -r line; echo got:$line:")
    text = "é🙂日本".encode()
    for byte in text:
        await desk.type(number, bytes([byte]))
    await desk.type(number, "\r")
    await desk.read(number, b"got:" + text + b":")


async def test_after_a_cut_nothing_is_lost_and_nothing_comes_twice(desk: Desk) -> None:
    number = await desk.open("for i in $(seq 1 30000); do echo line $i; done; read -r x; echo end:$x:")
    await eventually_async(lambda: len(desk.printed(number)) >= 64 * 1024, "the window is full")
    got = len(desk.printed(number)) - 10_000  # the last of it was on its way when the tunnel was cut
    seen = desk.printed(number)[:got]
    await desk.context.close(desk.feature)
    desk.context.sent.clear()
    await let_pass(0.1)
    assert not desk.context.sent
    desk.feature = TerminalFeature(desk.context)
    await desk.feature.handle(TerminalList(9))
    (row,) = desk.context.of(TerminalListing)[0].terminals
    assert row.terminal == number
    assert not row.ended
    await desk.feature.handle(TerminalAttach(number, got))
    whole = bytearray(seen)
    async with asyncio.timeout(60):
        while b"line 30000\r\n" not in whole:
            for piece in desk.context.of(TerminalOutput):
                assert piece.offset == len(whole)
                whole += piece.data
            desk.context.sent.clear()
            await desk.feature.handle(TerminalAck(number, len(whole)))
            await asyncio.sleep(0.001)
    assert bytes(whole) == b"".join(b"line %d\r\n" % n for n in range(1, 30001))
    await desk.type(number, "back\r")
    async with asyncio.timeout(60):
        while not desk.context.of(TerminalEnded):
            await asyncio.sleep(0.01)
    assert b"end:back:" in b"".join(piece.data for piece in desk.context.of(TerminalOutput))


async def test_somebody_who_has_nothing_yet_is_shown_the_newest_of_it(desk: Desk) -> None:
    number = await desk.open("seq 1 100000; sleep 300")
    await desk.read(number, rb"\n100000\r\n")
    desk.context.sent.clear()
    await desk.feature.handle(TerminalAttach(number, 0))
    first = desk.context.of(TerminalOutput)[0]
    assert 0 < first.offset < 688_895 - 190 * 1024
    assert sum(len(piece.data) for piece in desk.context.of(TerminalOutput)) == 64 * 1024


async def test_pipes_keep_bytes_apart_and_as_they_are(desk: Desk) -> None:
    number = await desk.open("cat; echo bad >&2; exit 3", tty=False)
    data = bytes(range(256)) * 20
    await desk.type(number, data)
    await desk.type(number, b"", end=True)
    assert (await desk.ended(number)).status == 3
    assert desk.printed(number) == data
    assert desk.printed(number, 2) == b"bad\n"


async def test_losing_the_permission_ends_everything_that_was_started(desk: Desk) -> None:
    number = await desk.open()
    await desk.type(number, "trap '' HUP TERM; (setsid sleep 311 & echo a:$!:); sleep 312 & echo b:$!:\r")
    first, second = int((await desk.read(number, rb"a:(\d+):"))[1]), int((await desk.read(number, rb"b:(\d+):"))[1])
    assert alive(second)
    desk.context.held.discard(Capability.TERMINAL)
    desk.feature.capability_lost(Capability.TERMINAL)
    ended = await desk.ended(number)
    assert ended.status is None
    assert "not granted" in ended.text
    await eventually_async(lambda: not alive(first) and not alive(second), "everything is gone")
    assert desk.context.audited[-1][1]["ended_because"] == "it is not granted any more"


async def test_the_end_of_the_session_ends_it_and_is_recorded_first(desk: Desk) -> None:
    await desk.open("sleep 300")
    (terminal,) = desk.context.kept.of(KeptTerminal)
    desk.context.keeper.end(desk.context.session_id, "the session is over")
    assert terminal.ended
    assert desk.context.audited[-1][0] == "terminal ended"
    assert not desk.context.kept.of(KeptTerminal)


async def test_a_transcript_is_kept_where_policy_says_so(desk: Desk, tmp_path: Path) -> None:
    desk.context.rules = GroupPolicy(keep_transcripts=True)
    number = await desk.open("echo kept")
    assert (await desk.ended(number)).status == 0
    (file,) = (tmp_path / "transcripts").iterdir()
    assert file.read_bytes() == b"kept\r\n"
    assert file.stat().st_mode & 0o777 == 0o600
    assert desk.context.audited[-1][1]["transcript"] == file.name


async def test_every_terminal_of_a_session_has_a_number_and_a_transcript_of_its_own(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.context.rules = GroupPolicy(keep_transcripts=True)
    first = await desk.open("echo one")
    await desk.ended(first)
    await desk.feature.handle(TerminalClose(first))

    async def full(*_: object, **__: object) -> None:
        raise Unavailable("No pseudo-terminal is free.")

    with monkeypatch.context() as patched:
        patched.setattr(terminal, "start_program", full)
        with pytest.raises(Unavailable):
            await desk.open("echo never")
    second = await desk.open("echo two")
    await desk.ended(second)
    await desk.feature.handle(TerminalClose(second))
    desk.context.keeper.end(desk.context.session_id, "this agent was started anew, and the session went on")
    third = await desk.open("echo three")
    await desk.ended(third)
    assert len({first, second, third}) == 3
    kept = {file.name: file.read_bytes() for file in (tmp_path / "transcripts").iterdir()}
    names = [f"{desk.context.session_id}-{number}.log" for number in (first, second, third)]
    assert kept == dict(zip(names, (b"one\r\n", b"two\r\n", b"three\r\n"), strict=True))


async def test_pausing_shows_nothing_until_it_goes_on(desk: Desk) -> None:
    number = await desk.open()
    await desk.type(number, "read x; echo sec''ret; read x; echo la''ter\r")
    await desk.read(number, rb"la''ter")
    desk.feature.paused(True)
    await desk.type(number, "go\r")
    await eventually_async(lambda: desk.context.kept.of(KeptTerminal)[0].row().next > len(desk.printed(number)), "it has printed")
    assert b"secret" not in desk.printed(number)
    desk.feature.paused(False)
    await desk.read(number, rb"secret")


async def test_the_administrator_is_a_permission_of_its_own(desk: Desk) -> None:
    desk.context.held.discard(Capability.TERMINAL_ROOT)
    desk.context.settings = msgspec.structs.replace(
        desk.context.settings, terminal=TerminalSettings(user="root", shell="/bin/bash")
    )
    with pytest.raises(Refused) as refused:
        await desk.open()
    assert refused.value.reason is RefusalReason.NOT_GRANTED
    desk.context.held.add(Capability.TERMINAL_ROOT)
    number = await desk.open("id -un", root=True)
    await desk.read(number, rb"root")
    assert desk.context.of(TerminalOpened)[0].as_root


async def test_it_names_what_it_cannot_do(desk: Desk) -> None:
    with pytest.raises(Refused, match="no such terminal"):
        await desk.type(5, "x")
    for _ in range(MOST_TERMINALS):
        await desk.open("sleep 300")
    with pytest.raises(Refused) as refused:
        await desk.open()
    assert refused.value.reason is RefusalReason.LIMIT
    await desk.feature.handle(TerminalClose(3))
    assert await desk.open("sleep 300") == MOST_TERMINALS + 1
    desk.context.settings = msgspec.structs.replace(desk.context.settings, terminal=TerminalSettings(enabled=False))
    with pytest.raises(Refused) as refused:
        await desk.open()
    assert refused.value.reason is RefusalReason.POLICY


async def test_nothing_begins_that_cannot_be_recorded(desk: Desk) -> None:
    desk.context.audit_is_full = True
    with pytest.raises(Unavailable):
        await desk.open("touch /tmp/never")
    assert not desk.context.kept.of(KeptTerminal)
