"""`handrail shell`: a terminal on a device."""

import asyncio
import shlex
import sys
from contextlib import ExitStack, nullcontext

import click

from hostio.exit_codes import ExitCode
from hostio.tasks import Supervisor
from protocol.capabilities import Capability
from protocol.messages.terminal import TerminalEnded
from technician_client.cli import keyboard
from technician_client.cli.app import App, passphrase_option, reporting, run_async
from technician_client.cli.connect import open_named
from technician_client.cli.cuts import over_cuts
from technician_client.cli.names import complete_device
from technician_client.link import RelayClient
from technician_client.sessions import Session
from technician_client.terminal import EscapeFilter, Hooks, RemoteTerminal, Wish

INTERRUPTS = frozenset((b"\x03", b"\x1c", b"\x1a"))


class _Shell:
    """One run of the command."""

    def __init__(self, app: App, wish: Wish, label: str) -> None:
        self._app = app
        self._wish = wish
        self._label = label
        self._left = asyncio.Event()
        self._deaf = asyncio.Event()
        self._terminal = RemoteTerminal(
            wish, Hooks(self._show, opened=self._opened, paused=self._paused, lost=lambda size: self._note(f"{size} bytes lost"))
        )

    async def run(self, relay: RelayClient, session: Session) -> int:
        """Until the program is over or the person leaves.

        Raises:
            SessionLost: the session ended, and does not go on. Refused: there is no terminal.
        """
        async with Supervisor() as supervisor:
            _ = supervisor.spawn(self._type(), "typing")
            with ExitStack() as stack:
                if self._wish.tty:
                    stack.enter_context(keyboard.on_resize(lambda: self._terminal.resize(*keyboard.size())))
                    stack.enter_context(keyboard.raw_keys() if sys.stdin.isatty() else nullcontext())
                return await over_cuts(self._app.output, relay, session, self._stay)

    async def _stay(self, session: Session) -> int:
        """Until the program is over or the person leaves.

        Raises:
            SessionLost: the session ended. Refused: there is no terminal.
        """
        try:
            async with asyncio.TaskGroup() as tasks:
                left = tasks.create_task(self._left.wait(), name="leaving")
                over = tasks.create_task(self._terminal.run(session), name="terminal")
                await asyncio.wait({over, left}, return_when=asyncio.FIRST_COMPLETED)
                if left.done():
                    self._terminal.close()
                over.cancel()
                left.cancel()
        except ExceptionGroup as group:
            raise group.exceptions[0] from group
        if over.cancelled():
            return ExitCode.INTERRUPTED
        ended = over.result()
        if ended is None:
            raise session.loss()
        return self._said(ended)

    def _said(self, ended: TerminalEnded) -> int:
        if ended.status is None:
            self._note(ended.text or "The terminal was ended there.")
            return ExitCode.FAILED
        return ended.status

    async def _type(self) -> None:
        escapes = EscapeFilter()
        async for data in keyboard.typed(sys.stdin.fileno()):
            passed, leave = escapes.feed(data) if self._wish.tty else (data, False)
            if passed in INTERRUPTS:
                self._terminal.interrupt(passed)
            elif passed:
                await self._terminal.type(passed)
            if leave:
                self._left.set()
                return
        if self._wish.tty:
            await self._terminal.type(b"\x04")
        else:
            self._terminal.end_input()

    async def _show(self, stream: int, data: bytes) -> None:
        to = sys.stderr if stream == 2 else sys.stdout
        if not await asyncio.to_thread(keyboard.write_all, to.fileno(), data):
            self._left.set()  # whoever read our output has gone

    def _opened(self, user: str) -> None:
        if self._wish.tty:
            self._note(f"{self._label}, as {user}. ~. at the beginning of a line ends it.")

    def _paused(self, by: str) -> None:
        self._note(f"Paused ({by})." if by else "It goes on.")

    def _note(self, text: str) -> None:
        """A line of ours, on the other stream than the program's and in a terminal that may be raw."""
        self._app.output.progress(text)
        if self._wish.tty:
            keyboard.write_all(sys.stderr.fileno(), b"\r")


async def open_shell(app: App, words: str, reason: str, wish: Wish) -> int:
    """Open a session that may use terminals, and stay in one.

    Raises:
        HandrailError: as `Session.open` and `RemoteTerminal.run`.
    """
    settings = app.settings()
    wanted = (Capability.TERMINAL, *((Capability.TERMINAL_ROOT,) if wish.as_root else ()))
    async with RelayClient(app.keys(settings), settings) as relay:
        session = await open_named(app, relay, words, reason, wanted)
        return await _Shell(app, wish, session.label).run(relay, session)


@click.command(
    epilog="\b\nExamples:\n  handrail shell till-3\n  handrail shell 482913507 --reason 'the spooler hangs'\n"
    "  handrail shell till-3 -- systemctl --user status\n  handrail shell till-3 --root -- 'journalctl -b | tail' > boot.txt\n"
    "  handrail shell till-3 -- 'cat > notes.txt' < notes.txt"
)
@click.argument("words", metavar="DEVICE|CODE", shell_complete=complete_device)
@click.argument("command", nargs=-1, type=click.UNPROCESSED)
@click.option("--reason", default="", help="One line that the person there reads before answering.")
@click.option("--root", "as_root", is_flag=True, help="As the administrator, where the agent runs as one.")
@click.option("--tty/--no-tty", default=None, help="Give the program a terminal, or plain pipes (default: as it is here).")
@passphrase_option
@reporting
def shell(app: App, words: str, command: tuple[str, ...], reason: str, as_root: bool, tty: bool | None) -> int:
    """Work in a terminal on a DEVICE (id, label, the beginning of either, or a CODE): a login shell, or COMMAND.

    The person there is asked, sees it, and can end it. It goes on after a cut of the connection. Ends with the program's own exit
    code; ~. at the beginning of a line ends it from here. One COMMAND word is read by the shell there, several are quoted.
    """
    said = command[0] if len(command) == 1 else shlex.join(command)
    columns, rows = keyboard.size()
    wish = Wish(columns, rows, said, keyboard.is_terminal() if tty is None else tty, as_root)
    return run_async(open_shell(app, words, reason, wish))
