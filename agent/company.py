"""Several technicians with this machine at once: who is here, who has mouse and keyboard, and calling in a further one.

Each has a session, a tunnel and the person's consent of their own; here they are told of one another, as far as the person has
allowed that (`Capability.COLLEAGUES`). The person is asked before mouse and keyboard change hands and before anybody is called
(`agent.calling`).
"""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, Protocol

from agent.calling import NAMED_SECONDS, Calling
from agent.features.base import Question
from agent.members import ASK_SECONDS, Asking, Member
from protocol.capabilities import Capability
from protocol.errors import HandrailError, RefusalReason, Refused
from protocol.limits import LIMITS
from protocol.messages.chat import ChatMessage
from protocol.messages.colleagues import (
    MOST_PEOPLE,
    ColleaguesState,
    ControlAsk,
    ControlAsked,
    People,
    Person,
)

if TYPE_CHECKING:
    from protocol.messages.colleagues import HandOver, Invite

ASK_AGAIN_SECONDS: Final = 15.0
"""Whoever was told no waits so long before the same question is passed on again."""
HANDED_OVER: Final = "handover"


class Absent(Protocol):
    """A session that lost its connection and may go on (`agent.resuming.HeldSession`)."""

    id: str
    name: str
    tier: int
    grants: dict[Capability, float]
    lost_at: float


@dataclass(frozen=True, slots=True)
class Wish:
    """Somebody asks `holder` for mouse and keyboard."""

    request: int
    holder: Member


class Company:
    """Everybody who is here. Event loop only.

    Args:
        call, uncall, call_seconds, named_seconds: as in `Calling`.
        waiting: the sessions that lost their connection and may go on; `changed` is called when they are others.
    """

    def __init__(
        self,
        *,
        call: Callable[[int, str], None] | None = None,
        uncall: Callable[[], None] = lambda: None,
        waiting: Callable[[], Iterable[Absent]] = tuple,
        wall: Callable[[], datetime] = lambda: datetime.now(UTC),
        call_seconds: float = LIMITS.code_seconds,
        named_seconds: float = NAMED_SECONDS,
    ) -> None:
        self._waiting = waiting
        self._members: list[Member] = []
        self._numbers: dict[str, int] = {}
        self._told: dict[Member, People] = {}
        self._wishes: dict[Member, Wish] = {}
        self._kept: dict[str, float] = {}
        self._asking = Asking()
        self.calls = Calling(
            call=call,
            uncall=uncall,
            members=lambda: self._members,
            asking=self._asking,
            changed=self.changed,
            wall=wall,
            call_seconds=call_seconds,
            named_seconds=named_seconds,
        )

    # -- who is here ------------------------------------------------------------------------------------------------

    def join(self, member: Member) -> None:
        """A session has opened, or goes on."""
        self._numbers.setdefault(member.session_id, len(self._numbers) + 1)
        self._members.append(member)

    def leave(self, member: Member | None) -> None:
        """Its tunnel is gone. None: it had never opened, but one that waited may have been meant to go on in it."""
        if member in self._members:
            self._members.remove(member)
            self._told.pop(member, None)
        self.changed()

    def changed(self) -> None:
        """Somebody came or went, or may do more or less: tell everybody who may know."""
        self._settle_wishes()
        for member in list(self._members):
            if Capability.COLLEAGUES not in member.holding:
                self._told.pop(member, None)
                continue
            people = self._seen_by(member)
            # Nobody needs to be told that they are alone.
            if people != self._told.get(member) and (len(people.people) > 1 or people.called or member in self._told):
                self._told[member] = people
                member.send(people)
            self.calls.hand_notes(member)

    def _seen_by(self, member: Member) -> People:
        people = [
            Person(self._numbers[one.session_id], one.name[:200], one.tier, sorted(one.holding), one is member)
            for one in self._members
            if one.holding
        ]
        here = {one.number for one in people}
        for absent in self._absent():
            if self._numbers[absent.id] not in here and len(people) < MOST_PEOPLE:
                number, granted = self._numbers[absent.id], sorted(absent.grants)
                people.append(Person(number, absent.name[:200], absent.tier, granted, False, absent.lost_at))
        return People(people, self.calls.wanted)

    def _absent(self) -> list[Absent]:
        """Those whose connection was lost, with a number each."""
        absent = list(self._waiting())
        for one in absent:
            self._numbers.setdefault(one.id, len(self._numbers) + 1)
        return absent

    def _found(self, number: int) -> Member:
        for one in self._members:
            if self._numbers[one.session_id] == number and one.holding:
                return one
        for absent in self._absent():
            if self._numbers[absent.id] == number:
                text = f"{absent.name} has lost the connection. Wait until they are back."
                raise Refused(text, reason=RefusalReason.OFFLINE)
        raise Refused("That technician has no session here any more.", reason=RefusalReason.NOT_FOUND)

    def _holder(self) -> Member | None:
        return next((one for one in self._members if Capability.CONTROL in one.holding), None)

    # -- chat -------------------------------------------------------------------------------------------------------

    def share_chat(self, member: Member, text: str, sent_at: float) -> bool:
        """Pass on one line of a technician's to the others. False: nobody hears it."""
        heard = [one for one in self._members if one is not member and shares_chat(one)] if shares_chat(member) else []
        for one in heard:
            one.send(ChatMessage(text, sent_at, member.name[:200]))
        return bool(heard)

    # -- mouse and keyboard -----------------------------------------------------------------------------------------

    async def hand_over(self, member: Member, message: "HandOver") -> None:
        """Let another technician have them, once the person here agrees.

        Raises:
            Refused: it stays as it is. Unavailable: it cannot be written down.
        """
        if Capability.CONTROL not in member.holding:
            raise Refused("You do not have mouse and keyboard; ask for them first.", reason=RefusalReason.NOT_GRANTED)
        heir = self._found(message.number)
        if heir is member:
            raise Refused("You have mouse and keyboard already.", reason=RefusalReason.INVALID)
        heir.may_take(Capability.CONTROL)
        with self._asking.one_question(member):
            await self._asking.agreed(member, _about_handing_over(heir.name, member.name), message.request)
        # Whatever has changed while the person thought about it counts.
        if Capability.CONTROL not in member.holding or self._found(message.number) is not heir:
            raise Refused("You do not have mouse and keyboard any more.", reason=RefusalReason.NOT_GRANTED)
        seconds = heir.may_take(Capability.CONTROL)
        member.audit("control handed over", {"to": heir.peer})
        heir.audit("control taken over", {"from": member.peer})
        wish = self._wishes.pop(heir, None)
        member.take(Capability.CONTROL, HANDED_OVER)
        heir.give(Capability.CONTROL, seconds)
        member.send(ColleaguesState(message.request, "handed_over", heir.name))
        heir.send(ColleaguesState(0 if wish is None else wish.request, "handed_over", member.name))

    def ask_control(self, member: Member, message: ControlAsk) -> None:
        """Pass the wish on to whoever has them.

        Raises:
            Refused: nobody can be asked, or they may not have them.
        """
        holder = self._holder()
        if holder is None:
            raise Refused("Nobody has mouse and keyboard: ask the user for them.", reason=RefusalReason.NOT_FOUND)
        if holder is member:
            raise Refused("You have mouse and keyboard already.", reason=RefusalReason.INVALID)
        if member in self._wishes:
            raise Refused(f"{self._wishes[member].holder.name} is being asked already.", reason=RefusalReason.BUSY)
        if Capability.COLLEAGUES not in holder.holding:
            text = f"{holder.name} has mouse and keyboard and cannot be asked from here. Talk to them, or to the user."
            raise Refused(text, reason=RefusalReason.NOT_FOUND)
        now = asyncio.get_running_loop().time()
        if now < self._kept.get(member.session_id, now):
            raise Refused(f"{holder.name} has just said no. Wait a little, or use the chat.", reason=RefusalReason.BUSY)
        member.may_take(Capability.CONTROL)
        self._wishes[member] = Wish(message.request, holder)
        holder.send(ControlAsked(self._numbers[member.session_id], member.name[:200]))
        member.send(ColleaguesState(message.request, "asking_holder", holder.name))

    def keep_control(self, member: Member, number: int) -> None:
        """Whoever has them says no to a wish."""
        for asker, wish in list(self._wishes.items()):
            if wish.holder is member and self._numbers[asker.session_id] == number:
                del self._wishes[asker]
                self._kept[asker.session_id] = asyncio.get_running_loop().time() + ASK_AGAIN_SECONDS
                text = f"{member.name} keeps mouse and keyboard for now."
                asker.refuse_request(ControlAsk, wish.request, RefusalReason.BUSY, text)

    def _settle_wishes(self) -> None:
        """Wishes of those who left, or to somebody who has nothing to hand over any more, are over."""
        for asker, wish in list(self._wishes.items()):
            if asker not in self._members or Capability.COLLEAGUES not in asker.holding:
                del self._wishes[asker]
                wish.holder.send(ControlAsked(self._numbers[asker.session_id], asker.name[:200], False))
            elif wish.holder not in self._members or Capability.CONTROL not in wish.holder.holding:
                del self._wishes[asker]
                text = f"{wish.holder.name} does not have mouse and keyboard any more. Ask whoever has, or the user."
                asker.refuse_request(ControlAsk, wish.request, RefusalReason.NOT_FOUND, text)


def shares_chat(member: Member) -> bool:
    """Whether what is said in this session is said to everybody."""
    return {Capability.CHAT, Capability.COLLEAGUES} <= member.holding


class Membership:
    """What one session's feature may ask of the company."""

    def __init__(self, company: Company, member: Member) -> None:
        self._company, self._member = company, member

    async def invite(self, message: "Invite") -> None:
        """See `Calling.invite`."""
        await self._company.calls.invite(self._member, message)

    def cancel_invitation(self) -> None:
        """See `Calling.cancel`."""
        self._company.calls.cancel(self._member)

    async def hand_over(self, message: "HandOver") -> None:
        """See `Company.hand_over`. Whoever asked for it hears of a no."""
        try:
            await self._company.hand_over(self._member, message)
        except HandrailError:
            self._company.keep_control(self._member, message.number)
            raise

    def ask_control(self, message: ControlAsk) -> None:
        """See `Company.ask_control`."""
        self._company.ask_control(self._member, message)

    def keep_control(self, number: int) -> None:
        """See `Company.keep_control`."""
        self._company.keep_control(self._member, number)


def _about_handing_over(heir: str, holder: str) -> Question:
    return Question(
        f"{heir} takes over mouse and keyboard from {holder}?",
        f"{holder} goes on watching as before.",
        seconds=ASK_SECONDS,
        words="hand_over",
        values={"heir": heir, "holder": holder},
    )
