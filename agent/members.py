"""One open session as the others at this machine see it, and what the person here is asked in a technician's name."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, Protocol

from agent.features.base import Question
from protocol.capabilities import Capability
from protocol.errors import RefusalReason, Refused
from protocol.messages import Message
from protocol.messages.colleagues import ColleaguesState

ASK_SECONDS: Final = 120.0


class Member(Protocol):
    """One open session as the others see it (`agent.session_view.SessionView`)."""

    @property
    def session_id(self) -> str:
        """Its id."""

    @property
    def name(self) -> str:
        """The technician's certified name, printable."""

    @property
    def peer(self) -> str:
        """The technician's certified id."""

    @property
    def tier(self) -> int:
        """The technician's tier here."""

    @property
    def unwatched(self) -> bool:
        """Policy opened it, and nobody who could be asked is there."""

    @property
    def holding(self) -> frozenset[Capability]:
        """What they may do now, pauses aside; nothing once the session is over."""

    def listed_name(self, peer: str) -> str:
        """What the organisation's signed list calls the technician of this id, printable; "" when it does not know one."""

    def send(self, message: Message) -> None:
        """Tell the technician."""

    def refuse_request(self, kind: type[Message], request: int, reason: RefusalReason, text: str) -> None:
        """Answer an earlier request with a refusal."""

    def audit(self, action: str, detail: dict[str, str | int | bool]) -> None:
        """One record; raises `Unavailable`."""

    def may_take(self, capability: Capability) -> float:
        """For how many seconds policy would let them have what another technician has now; raises `Refused`."""

    def give(self, capability: Capability, seconds: float) -> None:
        """Grant it unasked: it was somebody else's, who let go."""

    def take(self, capability: Capability, by: str) -> None:
        """Take it away, and let go of what it holds."""

    async def ask_user(self, question: Question) -> bool:
        """Yes or no, from the person here, in this technician's name."""


class Asking:
    """What the person here is asked about technicians, one question at a time for each of them."""

    def __init__(self) -> None:
        self._asking: set[Member] = set()

    async def agreed(self, member: Member, question: Question, request: int) -> None:
        """Ask, where anybody is to be asked; the technician is told that it is asked.

        Raises:
            Refused: they did not agree.
        """
        if member.unwatched:
            return  # policy lets this technician do so without asking, and there is nobody to ask
        member.send(ColleaguesState(request, "asking_user"))
        if not await member.ask_user(question):
            raise Refused("The person there did not agree.", reason=RefusalReason.DENIED_BY_USER)

    @contextmanager
    def one_question(self, member: Member) -> Iterator[None]:
        """While it is open, no other is asked in this technician's name.

        Raises:
            Refused: one is.
        """
        if member in self._asking:
            raise Refused("The person there is being asked already.", reason=RefusalReason.BUSY)
        self._asking.add(member)
        try:
            yield
        finally:
            self._asking.discard(member)
