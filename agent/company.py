"""Several technicians with this machine at once: who is here, who has mouse and keyboard, and calling in a further one.

Each has a session, a tunnel and the person's consent of their own; here they are told of one another, as far as the person has
allowed that (`Capability.COLLEAGUES`). The person is asked before mouse and keyboard change hands and before anybody is called.
The relay is told that a technician of some tier is wanted, by opaque id where one is named, and nothing else: who called and what
they wrote goes end to end, to whoever comes and is let in. Who is called by name may ask for it before they come (`answer`), and
decline; the person here has read the note and agreed to the call.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, Literal, Protocol

from agent.features.base import Question
from hostio.tasks import Alarm
from protocol.capabilities import Capability
from protocol.errors import HandrailError, RefusalReason, Refused
from protocol.limits import LIMITS
from protocol.messages import Message
from protocol.messages.chat import ChatMessage
from protocol.messages.colleagues import (
    MOST_PEOPLE,
    ColleaguesState,
    ControlAsk,
    ControlAsked,
    InviteNotes,
    People,
    Person,
)
from protocol.messages.session import Called

if TYPE_CHECKING:
    from protocol.messages.colleagues import HandOver, Invite

_LOGGER = logging.getLogger(__name__)
ASK_SECONDS: Final = 120.0
NAMED_SECONDS: Final = 180.0
"""How long one who is called by name has to answer."""
COMING_SECONDS: Final = LIMITS.consent_seconds + 60.0
"""And, once they ask to come in, to be let in: the person here is asked first."""
MOST_REASON: Final = 200
ASK_AGAIN_SECONDS: Final = 15.0
"""Whoever was told no waits so long before the same question is passed on again."""
HANDED_OVER: Final = "handover"


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


class Absent(Protocol):
    """A session that lost its connection and may go on (`agent.resuming.HeldSession`)."""

    id: str
    name: str
    tier: int
    grants: dict[Capability, float]
    lost_at: float


@dataclass(frozen=True, slots=True)
class Call:
    """A technician is called: who did it and what they wrote. `present`: the ids of those who were here already."""

    request: int
    by: str
    peer: str
    tier: int
    wanted: int
    wanted_peer: str
    note: str
    called_at: float
    present: frozenset[str]
    wanted_name: str = ""


@dataclass(frozen=True, slots=True)
class Wish:
    """Somebody asks `holder` for mouse and keyboard."""

    request: int
    holder: Member


class Company:
    """Everybody who is here. Event loop only.

    Args:
        call: have the relay show that a technician of this tier is wanted, of this id ("": any); raises `HandrailError`. None:
            this agent cannot.
        uncall: that is over; safe when nobody was called.
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
        self._call_out = call
        self._call_in = uncall
        self._waiting = waiting
        self._wall = wall
        self._call_seconds, self._named_seconds = call_seconds, named_seconds
        self._members: list[Member] = []
        self._numbers: dict[str, int] = {}
        self._told: dict[Member, People] = {}
        self._asking: set[Member] = set()
        self._wishes: dict[Member, Wish] = {}
        self._kept: dict[str, float] = {}
        self._low: set[str] = set()
        self._call: Call | None = None
        self._stage: Literal["", "told", "joining"] = ""
        self._ends_at = 0.0
        self._over = Alarm(self._ran_out)

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
            self._hand_notes(member)

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
        return People(people, 0 if self._call is None else self._call.wanted)

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
        with self._one_question(member):
            await self._agreed(member, _about_handing_over(heir.name, member.name), message.request)
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

    # -- calling somebody in ----------------------------------------------------------------------------------------

    async def invite(self, member: Member, message: "Invite") -> None:
        """Have a technician called, once the person here agrees.

        Raises:
            HandrailError: nobody is called, and why.
        """
        if self._call_out is None:
            raise Refused("This computer cannot call anybody.", reason=RefusalReason.UNSUPPORTED)
        here = next((one for one in self._members if message.peer and one.peer == message.peer), None)
        if here is not None:
            raise Refused(f"{here.name} is here already.", reason=RefusalReason.INVALID)
        self._demand_no_call()
        with self._one_question(member):
            question = _about_calling(member.name, member.listed_name(message.peer), message.tier, message.note)
            await self._agreed(member, question, message.request)
        if Capability.COLLEAGUES not in member.holding:
            return
        self._demand_no_call()
        member.audit("colleague called", {"tier": message.tier, "technician": message.peer, "note": bool(message.note)})
        self._call_out(message.tier, message.peer)
        self._low.clear()
        self._stage = ""
        self._call = Call(
            message.request,
            member.name,
            member.peer,
            member.tier,
            message.tier,
            message.peer,
            message.note,
            self._wall().timestamp(),
            frozenset(one.peer for one in self._members),
            member.listed_name(message.peer),
        )
        seconds = self._named_seconds if message.peer else self._call_seconds
        self._wait(seconds)
        member.send(ColleaguesState(message.request, "called", "", seconds))
        self.changed()

    def _wait(self, seconds: float) -> None:
        self._ends_at = asyncio.get_running_loop().time() + seconds
        self._over.set(self._ends_at)

    def cancel_invitation(self, member: Member) -> None:
        """Nobody needs to come any more.

        Raises:
            Refused: somebody else called.
        """
        call = self._call
        if call is not None and call.peer != member.peer:
            raise Refused(f"{call.by} called, and only they can take it back.", reason=RefusalReason.NOT_GRANTED)
        self.call_ended("It was taken back.")

    def call_ended(self, text: str, state: Literal["ended", "declined", "no_answer"] = "ended") -> None:
        """Nobody is called any longer; `text` says why."""
        call, self._call = self._call, None
        self._over.set(None)
        if call is None:
            return
        self._call_in()
        self._tell_caller(call, ColleaguesState(call.request, state, text))
        self.changed()

    def _ran_out(self) -> None:
        call = self._call
        if call is None or not call.wanted_peer or self._stage == "joining":
            self.call_ended("Nobody came in time. Call again, or ask a colleague yourself.")
        else:
            whom = call.wanted_name or "The colleague you named"
            how = "was shown the call and did not answer" if self._stage == "told" else "did not answer"
            self.call_ended(f"{whom} {how}. Call somebody else, or whoever has the tier.", "no_answer")

    # -- whoever is called by name ----------------------------------------------------------------------------------

    def who_calls(self, peer: str) -> Called:
        """What the technician of this id may know before they come: who calls them, and what for.

        Raises:
            Refused: nobody calls them.
        """
        call = self.called_by_name(peer)
        if self._stage == "":
            self._stage = "told"
            self._tell_caller(call, ColleaguesState(call.request, "told", call.wanted_name[:200]))
        left = max(0.0, self._ends_at - asyncio.get_running_loop().time())
        return Called(call.by[:200], call.tier, call.note, call.called_at, left)

    def declines(self, peer: str, reason: str) -> None:
        """They will not come. `reason` is printable.

        Raises:
            Refused: nobody calls them.
        """
        name = self.called_by_name(peer).wanted_name or "The colleague you named"
        because = reason.strip()[:MOST_REASON]
        self.call_ended(f"{name} declined: {because}" if because else f"{name} declined.", "declined")

    def called_by_name(self, peer: str) -> Call:
        """The call that is meant for the technician of this id.

        Raises:
            Refused: nobody calls them.
        """
        call = self._call
        if call is None or not peer or call.wanted_peer != peer:
            raise Refused("Nobody calls you here, or not any more.", reason=RefusalReason.NOT_FOUND)
        return call

    @contextmanager
    def coming(self, peer: str) -> Iterator[None]:
        """A technician asks to come in: if they are called by name, the call waits for what the person here says to that. When it
        was a no, nobody is called any longer."""
        call = self._call
        named = call if call is not None and peer and call.wanted_peer == peer else None
        if named is not None:
            self._stage = "joining"
            self._wait(COMING_SECONDS)
            self._tell_caller(named, ColleaguesState(named.request, "joining", named.wanted_name[:200], COMING_SECONDS))
        try:
            yield
        except Refused:
            if named is not None and self._call is named:
                self.call_ended(f"{named.wanted_name or 'The colleague you named'} wanted to come, and was not let in.")
            raise

    def _demand_no_call(self) -> None:
        if self._call is not None:
            text = f"{self._call.by} has a technician of tier {self._call.wanted} called already."
            raise Refused(text, reason=RefusalReason.BUSY)

    def _hand_notes(self, member: Member) -> None:
        """Whoever came because of the call, and was let in, learns who called and why."""
        call = self._call
        if call is None or member.peer in call.present or call.wanted_peer not in ("", member.peer):
            return
        if member.tier < call.wanted:
            if member.session_id not in self._low:
                self._low.add(member.session_id)
                member.send(InviteNotes(call.by[:200], call.tier, "", call.called_at, False))
            return
        _LOGGER.info("%s came because %s called", member.name, call.by)
        self._call = None
        self._over.set(None)
        self._call_in()
        member.send(InviteNotes(call.by[:200], call.tier, call.note, call.called_at))
        self._tell_caller(call, ColleaguesState(call.request, "came", member.name))
        self.changed()

    def _tell_caller(self, call: Call, state: ColleaguesState) -> None:
        for one in self._members:
            if one.peer == call.peer and Capability.COLLEAGUES in one.holding:
                one.send(state)

    # -- the person here --------------------------------------------------------------------------------------------

    async def _agreed(self, member: Member, question: Question, request: int) -> None:
        if member.unwatched:
            return  # policy lets this technician do so without asking, and there is nobody to ask
        member.send(ColleaguesState(request, "asking_user"))
        if not await member.ask_user(question):
            raise Refused("The person there did not agree.", reason=RefusalReason.DENIED_BY_USER)

    @contextmanager
    def _one_question(self, member: Member) -> Iterator[None]:
        if member in self._asking:
            raise Refused("The person there is being asked already.", reason=RefusalReason.BUSY)
        self._asking.add(member)
        try:
            yield
        finally:
            self._asking.discard(member)


def shares_chat(member: Member) -> bool:
    """Whether what is said in this session is said to everybody."""
    return {Capability.CHAT, Capability.COLLEAGUES} <= member.holding


class Membership:
    """What one session's feature may ask of the company."""

    def __init__(self, company: Company, member: Member) -> None:
        self._company, self._member = company, member

    async def invite(self, message: "Invite") -> None:
        """See `Company.invite`."""
        await self._company.invite(self._member, message)

    def cancel_invitation(self) -> None:
        """See `Company.cancel_invitation`."""
        self._company.cancel_invitation(self._member)

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


def _about_calling(name: str, colleague: str, tier: int, note: str) -> Question:
    """`colleague`: who is meant, or "": whoever has the tier."""
    whom = colleague or "a specialist"
    return Question(
        f"{name} asks {whom} (tier {tier}) to join. Let them be called?",
        "You are asked again before anybody who comes can see anything. They are told what stands here:",
        (note or "(no note)",),
        ASK_SECONDS,
        words="call_named" if colleague else "call",
        values={"name": name, "tier": str(tier)} | ({"colleague": colleague} if colleague else {}),
    )
