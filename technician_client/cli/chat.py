"""`handrail chat`: talk with the person at a device, line by line, by hand or through a pipe."""

import asyncio
import sys
import threading
import time
from contextlib import suppress
from typing import Final, TextIO

import click

from hostio.exit_codes import ExitCode
from hostio.tasks import Supervisor
from protocol.capabilities import Capability
from protocol.errors import HandrailError, RefusalReason, Refused
from protocol.messages.chat import ChatMessage
from protocol.messages.session import Refusal
from protocol.session import SessionEnded
from technician_client.cli.app import App, command_options, passphrase_option, reporting, run_async
from technician_client.cli.connect import open_named, tell_receipt
from technician_client.cli.names import complete_device
from technician_client.link import RelayClient
from technician_client.sessions import Session

LINE_CHARS: Final = 4000
ANSWER_SECONDS: Final = 1.0


class _Chat:
    """One talk."""

    def __init__(self, app: App, session: Session, lines: TextIO) -> None:
        self._output = app.output
        self._session = session
        self._lines = lines
        self._failed: HandrailError | None = None

    async def run(self, wait: float) -> ExitCode:
        """Until the session or our own words end; then for at most `wait` seconds more for an answer."""
        async with Supervisor() as supervisor:
            _ = supervisor.spawn(self._say(wait), "what is typed")
            with self._session.subscribe(ChatMessage, Refusal, SessionEnded) as items:
                async for item in items:
                    self._hear(item)
                    if self._failed is not None:
                        raise self._failed
        ended = self._session.ended
        return ExitCode.OK if ended is None or ended.clean or not ended.by_peer else ExitCode.FAILED

    def _hear(self, item: object) -> None:
        match item:
            case ChatMessage(text=text, sent_at=sent_at):
                if self._output.as_json:
                    self._output.json({"event": "chat", "from": "user", "text": text, "at": sent_at})
                self._output.text(text)
            case Refusal(refused="chat.message", reason=reason, text=text):
                self._failed = Refused(text or "The line was not shown there.", reason=reason)
            case _:
                pass

    async def _say(self, wait: float) -> None:
        lines: asyncio.Queue[str] = asyncio.Queue()
        loop = asyncio.get_running_loop()
        # A thread of its own, which nobody waits for: a keyboard or a pipe may never say another word.
        threading.Thread(target=_read, args=(self._lines, loop, lines), name="handrail-lines", daemon=True).start()
        while line := await lines.get():
            text = line.rstrip("\n")
            for start in range(0, len(text), LINE_CHARS):
                self._session.send(ChatMessage(text[start : start + LINE_CHARS], time.time()))
        await asyncio.sleep(wait)
        await self._session.end("the technician has finished talking")


def _read(source: TextIO, loop: asyncio.AbstractEventLoop, lines: "asyncio.Queue[str]") -> None:
    """Every line, then "" for the end."""
    with suppress(RuntimeError):  # the loop has ended, and nobody hears the rest
        while line := source.readline():
            loop.call_soon_threadsafe(lines.put_nowait, line)
        loop.call_soon_threadsafe(lines.put_nowait, "")


async def talk(app: App, words: str, reason: str, wait: float, lines: TextIO) -> ExitCode:
    """Open a session that may chat, and talk.

    Raises:
        HandrailError: as `Session.open`. Refused: a line was not shown.
    """
    settings = app.settings()
    async with RelayClient(app.keys(settings), settings) as relay:
        session = await open_named(app, relay, words, reason, (Capability.CHAT,))
        if Capability.CHAT not in session.granted:
            await session.end("chat was not granted")
            raise Refused("They did not allow chat.", reason=RefusalReason.NOT_GRANTED)
        app.output.progress("Type a line and Enter; the end of the input (Ctrl-D) ends it.")
        try:
            return await _Chat(app, session, lines).run(wait)
        finally:
            await session.end()
            tell_receipt(app.output, session)


@click.command(
    epilog="\b\nExamples:\n  handrail chat till-3\n  handrail chat 482 913 507\n"
    "  echo 'Your new password works from now on.' | handrail chat till-3 --wait 30\n  handrail chat till-3 --json < lines.txt"
)
@click.argument("words", nargs=-1, required=True, metavar="CODE|DEVICE", shell_complete=complete_device)
@click.option("--reason", default="", help="One line that the person there reads before answering.")
@click.option(
    "--wait",
    type=click.FloatRange(0, 3600),
    default=ANSWER_SECONDS,
    show_default=True,
    help="Seconds to wait for an answer after the last line.",
)
@passphrase_option
@command_options
@reporting
def chat(app: App, words: tuple[str, ...], reason: str, wait: float) -> int:
    """Talk with the person at a device, without a browser: lines from standard input go there, theirs come to standard output."""
    return run_async(talk(app, " ".join(words), reason, wait, sys.stdin))
