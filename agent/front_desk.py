"""What the user's own programs may ask of the daemon, and how they hear of what happens.

Requests come from `agent.local`; questions and events go to every program that has attached. A help request belongs to the
connection that made it: when that is gone, its code is withdrawn.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Final, Protocol

from agent.allowed import AllowedHere
from agent.attention import EVERY_SECONDS, LOST, Pulse
from agent.consent import ConsentBroker, ConsentQuestion
from agent.errors import LocalRefused
from agent.guest import GuestCode
from agent.local import LocalConnection
from agent.local_messages import (
    AllowedReply,
    AnswerConsent,
    AreYouThere,
    ArticlesReply,
    AskAllowed,
    AskStatus,
    Attach,
    CancelHelp,
    CodeShown,
    ConsentAsked,
    ConsentClosed,
    ConsentExtended,
    Drawing,
    FindArticles,
    Happened,
    HelpEnded,
    ListReceipts,
    MoreTime,
    PauseSession,
    PlaceShown,
    RateSession,
    ReadReceipt,
    ReceiptReply,
    ReceiptsReply,
    RelayChanged,
    Request,
    RequestHelp,
    RevokeCapability,
    Said,
    SayChat,
    SessionChanged,
    StatusReply,
    StillHere,
    StopSession,
)
from agent.receipts import Rating, ReceiptShelf
from agent.status import RelayStatus, SessionStatus, StatusBoard, Told
from hostio.errors import RelayUnreachable
from protocol.articles import Article
from protocol.capabilities import Capability
from protocol.errors import RefusalReason, Refused
from protocol.link_messages import HelpCancel, HelpCode, HelpPlace, HelpRequest, LinkMessage

_LOGGER = logging.getLogger(__name__)
CALLED: Final = "A technician who is there asks for a colleague."
"""What a relay and the technicians' consoles read of a call; the rest goes end to end."""


class KnownSession(Protocol):
    """What a person can do with a session, connected or waiting."""

    @property
    def id(self) -> str:
        """Its id."""

    def end(self, reason: str) -> None:
        """End it."""

    def pause(self, paused: bool) -> None:
        """Hold everything back, or let it go on."""

    def revoke(self, capability: Capability, by: str) -> None:
        """Take one capability away."""

    @property
    def shares_chat(self) -> bool:
        """Whether what is said in it is for every technician who is here."""

    def say(self, text: str) -> None:
        """One line of chat."""


class AttachedProgram:
    """One program that shows things to a person: a `FrontEnd` of the consent broker."""

    def __init__(self, connection: LocalConnection, *, draws: bool = False) -> None:
        self.connection = connection
        self.draws = draws
        self.pulse = Pulse()

    def asked(self, number: int, question: ConsentQuestion, seconds: float) -> None:
        """Show a question."""
        self.connection.say(ConsentAsked(number, question, seconds))

    def closed(self, number: int, text: str) -> None:
        """Take it away."""
        self.connection.say(ConsentClosed(number, text))

    def extended(self, number: int, seconds: float) -> None:
        """It waits longer."""
        self.connection.say(ConsentExtended(number, seconds))


class FrontDesk:
    """Answers local requests. Event loop only."""

    def __init__(
        self,
        broker: ConsentBroker,
        board: StatusBoard,
        *,
        sessions: Callable[[], Iterable[KnownSession]],
        send: Callable[[LinkMessage], None],
        guest: GuestCode | None = None,
        receipts: ReceiptShelf | None = None,
        allowed: Callable[[], AllowedHere] | None = None,
        articles: Callable[[str], list[Article]] = lambda _text: [],
    ) -> None:
        """Args: guest: the code of a device that is not enrolled; receipts: where the person's receipts lie; allowed: what the
        organisation's files let be done here; articles: the organisation's that fit what is wrong."""
        self._broker = broker
        self._board = board
        self._sessions = sessions
        self._send = send
        self._guest = guest
        self._receipts = receipts
        self._allowed = allowed
        self._articles = articles
        self._attached: dict[LocalConnection, AttachedProgram] = {}
        self._helping: dict[int, LocalConnection] = {}
        self._next_help = 1
        self._calling: tuple[int, int, str] | None = None
        self._call_ended: Callable[[str], object] = lambda _text: None
        board.listen(self._board_changed)

    def listen_for_calls(self, ended: Callable[[str], object]) -> None:
        """Have `ended` called when a technician is wanted no longer, with the reason."""
        self._call_ended = ended

    # -- what goes to the attached programs -------------------------------------------------------------------------

    def announce(self, said: Said) -> None:
        """Tell every attached program."""
        for connection in list(self._attached):
            connection.say(said)

    def draw(self, drawing: Drawing) -> bool:
        """Tell every attached program that can show it; False when there is none."""
        able = [connection for connection, program in self._attached.items() if program.draws]
        for connection in able:
            connection.say(drawing)
        return bool(able)

    async def watch_over(self) -> None:
        """Ask the attached programs again and again whether they are there, and go on without those that do not answer."""
        while True:
            await asyncio.sleep(EVERY_SECONDS)
            now = asyncio.get_running_loop().time()
            for connection, program in list(self._attached.items()):
                if program.pulse.lost(now):
                    _LOGGER.warning(
                        "the local program %d does not answer: what it shows counts as seen by nobody", connection.pid
                    )
                    connection.cut(LOST)
                    self.gone(connection)
                elif (number := program.pulse.beat(now)) is not None:
                    connection.say(AreYouThere(number))

    def help_code(self, message: HelpCode) -> None:
        """The relay has given a code."""
        if self._calling is not None and self._calling[0] == message.request:
            return
        connection = self._helping.get(message.request)
        if connection is None:
            self._withdraw(message.request)
        else:
            code = message.code if self._guest is None else self._guest.make(message.code, message.seconds).text
            connection.say(CodeShown(code, message.seconds))

    def help_place(self, message: HelpPlace) -> None:
        """The relay has said how many wait before the person here."""
        connection = self._helping.get(message.request)
        if connection is not None:
            connection.say(PlaceShown(message.ahead, message.waiting))

    def call_technician(self, tier: int, peer: str) -> None:
        """Have the relay show that a technician of this tier is wanted here, the one of this id where there is one. Nobody is
        shown the code that comes with it.

        Raises:
            Refused: this device waits for help already, or is a guest. RelayUnreachable: the relay cannot be told.
        """
        if self._guest is not None:
            raise Refused("A guest calls nobody: let its user ask for a new code.", reason=RefusalReason.UNSUPPORTED)
        if self._helping:
            text = "The user waits for somebody with a code of their own. Have it read out to your colleague."
            raise Refused(text, reason=RefusalReason.BUSY)
        request, self._next_help = self._next_help, self._next_help + 1
        self._send(HelpRequest(request, CALLED, tier, peer))
        self._calling = (request, tier, peer)

    def uncall_technician(self) -> None:
        """Nobody is wanted any more."""
        calling, self._calling = self._calling, None
        if calling is not None:
            self._withdraw(calling[0])

    def relay_back(self) -> None:
        """The relay forgot who was wanted while the link was down."""
        if self._calling is not None:
            with suppress(Refused, RelayUnreachable):
                self.call_technician(*self._calling[1:])

    def help_ended(self, request: int, text: str, *, used: bool = False) -> None:
        """A code is spent or refused."""
        if self._calling is not None and self._calling[0] == request:
            self._calling = None
            self._call_ended(text)
        connection = self._helping.pop(request, None)
        if connection is not None:
            if self._guest is not None:
                self._guest.burn()
            connection.say(HelpEnded(text, used))

    def codes_used(self, text: str) -> None:
        """A guest's code has led somebody here, whichever the relay says it was."""
        for request in list(self._helping):
            self.help_ended(request, text, used=True)

    def relay_lost(self) -> None:
        """Codes live at the relay: without the link they are gone."""
        for request in list(self._helping):
            self.help_ended(request, "The connection to the relay was lost, and the code with it. Ask for a new one.")

    def _board_changed(self, changed: Told) -> None:
        match changed:
            case RelayStatus():
                self.announce(RelayChanged(changed))
            case SessionStatus():
                self.announce(SessionChanged(changed))
            case _:
                self.announce(Happened(changed.session, changed.event))

    # -- `agent.local.LocalHandler` ---------------------------------------------------------------------------------

    async def request(self, connection: LocalConnection, request: Request) -> Said | None:
        """Carry out one request."""
        match request:
            case AskStatus(id=number):
                return StatusReply(number, self._board.snapshot())
            case Attach(kind=kind, draws=draws):
                self._attach(connection, kind, draws=draws)
            case StillHere(number=number):
                if (program := self._attached.get(connection)) is not None:
                    program.pulse.heard(number)
            case RequestHelp(text=text):
                self._ask_for_help(connection, text)
            case CancelHelp():
                self._withdraw_all(connection)
            case AnswerConsent():
                self._answer(connection, request)
            case MoreTime(question=question):
                if self._broker.more_time(question) is None:
                    raise LocalRefused("This question cannot wait any longer, or was answered.")
            case StopSession(session=session):
                for found in self._find(session):
                    found.end("ended by the person at this computer")
            case PauseSession(session=session, paused=paused):
                for found in self._find(session):
                    found.pause(paused)
            case RevokeCapability(session=session, capability=capability):
                for found in self._find(session):
                    found.revoke(capability, "user")
            case SayChat(session=session, text=text):
                self._say(self._find(session), text)
            case AskAllowed(id=number):
                if self._allowed is None:
                    raise Refused("This agent knows no rules of an organisation.", reason=RefusalReason.UNSUPPORTED)
                return AllowedReply(number, self._allowed())
            case FindArticles(id=number, text=text):
                return ArticlesReply(number, self._articles(text))
            case ListReceipts(id=number):
                return ReceiptsReply(number, await asyncio.to_thread(self._shelf().rows))
            case ReadReceipt(id=number, session=session):
                return ReceiptReply(number, await asyncio.to_thread(self._shelf().read, session))
            case RateSession(session=session, stars=stars, comment=comment):
                await asyncio.to_thread(self._shelf().rate, session, Rating(stars, comment, time.time()))
            case _:
                raise Refused("This agent does not know that request.", reason=RefusalReason.UNSUPPORTED)
        return None

    def gone(self, connection: LocalConnection) -> None:
        """A program has disconnected: its code is withdrawn; nobody is left to ask if it was the last."""
        self._withdraw_all(connection)
        program = self._attached.pop(connection, None)
        if program is not None:
            self._broker.detach(program)
            self._board.attached = len(self._attached)

    def _attach(self, connection: LocalConnection, kind: str, *, draws: bool) -> None:
        if connection in self._attached:
            return
        program = AttachedProgram(connection, draws=draws)
        self._attached[connection] = program
        self._board.attached = len(self._attached)
        connection.say(RelayChanged(self._board.relay))
        for session in self._board.sessions:
            connection.say(SessionChanged(session))
            for event in self._board.events(session.session):
                connection.say(Happened(session.session, event))
        self._broker.attach(program)
        _LOGGER.debug("process %d (%s) shows questions to a person", connection.pid, kind)

    def _ask_for_help(self, connection: LocalConnection, text: str) -> None:
        if connection not in self._attached:
            raise Refused("Attach first: somebody must see the question that follows.", reason=RefusalReason.INVALID)
        if connection in self._helping.values():
            raise Refused("A code was asked for already; cancel it first.", reason=RefusalReason.BUSY)
        if self._calling is not None:  # there is one code for a device, and the person's goes before
            self.help_ended(self._calling[0], "The user has asked for a code of their own.")
        request, self._next_help = self._next_help, self._next_help + 1
        if self._guest is not None:
            # What is wrong with a guest is for the technician who knows its code, not for the relay.
            self._guest.text, text = text, ""
        self._send(HelpRequest(request, text))
        self._helping[request] = connection

    def _answer(self, connection: LocalConnection, said: AnswerConsent) -> None:
        if connection not in self._attached:
            raise Refused("Only a program that shows questions to a person may answer them.", reason=RefusalReason.INVALID)
        granted = frozenset(said.granted)
        if not self._broker.answer(said.question, granted=granted, yes=said.yes, after_restart=said.after_restart):
            raise LocalRefused("This question is no longer open.")

    def _shelf(self) -> ReceiptShelf:
        if self._receipts is None:
            raise Refused("This agent keeps no receipts.", reason=RefusalReason.UNSUPPORTED)
        return self._receipts

    def _say(self, found: list[KnownSession], text: str) -> None:
        """To one technician, or to all who hear one another."""
        if any(one.shares_chat for one in found):
            found = [one for one in self._sessions() if one in found or one.shares_chat]
        refused: list[Refused | LocalRefused] = []
        for one in found:
            try:
                one.say(text)
            except (Refused, LocalRefused) as error:
                refused.append(error)
        if len(refused) == len(found):
            raise refused[0]

    def _find(self, session: str) -> list[KnownSession]:
        found = [one for one in self._sessions() if session in ("", one.id)]
        if not found:
            raise Refused("There is no such session; it may have ended already.", reason=RefusalReason.NOT_FOUND)
        return found

    def _withdraw_all(self, connection: LocalConnection) -> None:
        for request in [number for number, owner in self._helping.items() if owner is connection]:
            del self._helping[request]
            self._withdraw(request)

    def _withdraw(self, request: int) -> None:
        if self._guest is not None:
            self._guest.burn()
        try:
            self._send(HelpCancel(request))
        except RelayUnreachable:
            # The relay forgets codes of a link that is gone.
            return
