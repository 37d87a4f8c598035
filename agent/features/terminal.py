"""Terminals for a technician: as the person at this computer, or as the administrator; each kept over a cut of the connection."""

import os
from pathlib import Path
from typing import ClassVar

from agent.backends.pty_process import start_program
from agent.backends.users import Account, account_of, login_environment, session_account
from agent.children import SEARCH_PATH
from agent.features.base import Feature, FeatureContext
from agent.kept_terminal import KeptTerminal
from agent.transcripts import FOLDER, SUFFIX, Transcript
from protocol.capabilities import Capability
from protocol.errors import HandrailError, RefusalReason, Refused
from protocol.messages import Message
from protocol.messages.terminal import (
    MOST_TERMINALS,
    TerminalAck,
    TerminalAttach,
    TerminalClose,
    TerminalInput,
    TerminalList,
    TerminalListing,
    TerminalOpen,
    TerminalOpened,
    TerminalOpenRoot,
    TerminalResize,
)
from protocol.printable import printable, shortened


class TerminalFeature(Feature):
    """Answers every message of `protocol.messages.terminal`."""

    handles: ClassVar = (
        TerminalOpen,
        TerminalOpenRoot,
        TerminalList,
        TerminalAttach,
        TerminalInput,
        TerminalResize,
        TerminalAck,
        TerminalClose,
    )

    def __init__(self, context: FeatureContext) -> None:
        super().__init__(context)
        self._held = False

    @property
    def _terminals(self) -> list[KeptTerminal]:
        return self.context.kept.of(KeptTerminal)

    async def handle(self, message: Message) -> None:
        """See `Feature.handle`."""
        match message:
            case TerminalOpen():
                await self._open(message, as_root=False)
            case TerminalOpenRoot():
                await self._open(message, as_root=True)
            case TerminalList(request=request):
                self.context.send(TerminalListing(request, [terminal.row() for terminal in self._terminals]))
            case TerminalAttach(terminal=number, offset=offset):
                self._find(number).attach(self.context.send, offset)
            case TerminalInput(terminal=number, data=data, end=end):
                self._find(number).type(data, end)
            case TerminalResize() | TerminalAck() | TerminalClose():
                self._settle(message)
            case _:
                raise AssertionError(f"not a message of this feature: {type(message).__name__}")

    def _settle(self, message: TerminalResize | TerminalAck | TerminalClose) -> None:
        """What may cross the end of a terminal, and then means nothing."""
        terminal = next((one for one in self._terminals if one.number == message.terminal), None)
        if terminal is None:
            return
        match message:
            case TerminalResize(columns=columns, rows=rows):
                terminal.resize(columns, rows)
            case TerminalAck(offset=offset):
                terminal.ack(offset)
            case TerminalClose():
                terminal.end("closed by the technician")
                terminal.detach()
                self.context.kept.remove(terminal)

    def capability_lost(self, capability: Capability) -> None:
        """What it allowed is ended with everything that was started in it."""
        for terminal in self._terminals:
            if capability in terminal.needs:
                terminal.end("it is not granted any more")

    def paused(self, paused: bool) -> None:
        """While paused nothing is shown, and what is typed is refused before it comes here."""
        self._held = paused
        for terminal in self._terminals:
            terminal.hold(paused)

    async def close(self) -> None:
        """The tunnel is gone. Terminals wait for the technician to come back; whoever ends the session ends them."""
        for terminal in self._terminals:
            terminal.detach()

    def _find(self, number: int) -> KeptTerminal:
        for terminal in self._terminals:
            if terminal.number == number:
                return terminal
        raise Refused("There is no such terminal; it was closed.", reason=RefusalReason.NOT_FOUND)

    def _account(self, as_root: bool) -> Account:
        """Whose terminal it is to be.

        Raises:
            Refused: this agent cannot open it; the text says what can be done.
        """
        settings = self.context.settings.terminal
        if not settings.enabled:
            raise Refused("Terminals are switched off on this computer (terminal.enabled).", reason=RefusalReason.POLICY)
        if as_root:
            if not self.context.granted(Capability.TERMINAL):
                raise Refused("Ask for terminal as well as terminal_root.", reason=RefusalReason.NOT_GRANTED)
            account = account_of(0)
            if os.geteuid() != 0 or account is None:
                raise Refused(
                    "This agent does not run as the administrator, so it opens no terminal as one. Open one as the user.",
                    reason=RefusalReason.NEEDS_ROOT,
                )
            return account
        account = session_account(settings.user)
        if account is None:
            raise Refused(
                "Nobody is logged in at this computer. Wait until somebody is, or ask for a terminal as the administrator.",
                reason=RefusalReason.UNSUPPORTED,
            )
        if account.uid == 0 and not self.context.granted(Capability.TERMINAL_ROOT):
            raise Refused(
                "The person at this computer is logged in as the administrator. Ask for terminal_root as well.",
                reason=RefusalReason.NOT_GRANTED,
            )
        return account

    def _next_number(self) -> tuple[int, Path]:
        """A number that no terminal of this session had, and where its transcript goes."""
        while True:
            number = self.context.kept.number("terminal")
            path = self.context.settings.home / FOLDER / f"{self.context.session_id}-{number}{SUFFIX}"
            if not path.exists():  # it is there when the session went on after this agent was started anew
                return number, path

    async def _open(self, message: TerminalOpen | TerminalOpenRoot, *, as_root: bool) -> None:
        account = self._account(as_root)
        shell = self.context.settings.terminal.shell or account.shell
        if not self.context.settings.terminal.shell and not account.may_log_in:
            raise Refused(f"The account {account.name} has no shell to log in with.", reason=RefusalReason.UNSUPPORTED)
        if len(self._terminals) >= MOST_TERMINALS:
            raise Refused(f"{MOST_TERMINALS} terminals are open. Close one first.", reason=RefusalReason.LIMIT)
        number, path = self._next_number()
        command = shortened(printable(message.command), 300) or "login shell"
        transcript = Transcript(path if self.context.rules.keep_transcripts else None)
        try:
            self.context.audit("terminal opened", {"terminal": number, "user": account.name, "command": command})
            running = await start_program(
                [shell, "-l", *(["-c", message.command] if message.command else [])],
                account=account,
                environment=login_environment(account, shell, inherited=os.environ, search_path=SEARCH_PATH),
                tty=message.tty,
                columns=message.columns,
                rows=message.rows,
            )
        except HandrailError:
            transcript.discard()
            raise
        terminal = KeptTerminal(
            number,
            running,
            transcript,
            user=account.name,
            as_root=as_root or account.uid == 0,
            size=(message.columns, message.rows),
            audit=self.context.audit,
        )
        self.context.kept.add(terminal)
        _ = self.context.kept.spawn(terminal.run(), f"terminal {number}")
        if not all(self.context.granted(capability) for capability in terminal.needs):
            terminal.end("it is not granted any more")  # taken back while it started
        self.context.send(TerminalOpened(message.request, number, account.name, terminal.as_root))
        terminal.hold(self._held)
        terminal.attach(self.context.send, 0)
