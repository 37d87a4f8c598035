"""Calling in a further technician: one call at a time, and what becomes of it.

The person here is asked before anybody is called. The relay is told that a technician of some tier is wanted, by opaque id where
one is named, and nothing else: who called and what they wrote goes end to end, to whoever comes and is let in. Who is called by
name may ask for it before they come (`who_calls`), and decline; the person here has read the note and agreed to the call.
"""

import asyncio
import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final, Literal

from agent.features.base import Question
from agent.members import ASK_SECONDS, Asking, Member
from hostio.tasks import Alarm
from protocol.capabilities import Capability
from protocol.errors import RefusalReason, Refused
from protocol.limits import LIMITS
from protocol.messages.colleagues import ColleaguesState, InviteNotes
from protocol.messages.session import Called

if TYPE_CHECKING:
    from protocol.messages.colleagues import Invite

_LOGGER = logging.getLogger(__name__)
NAMED_SECONDS: Final = 180.0
"""How long one who is called by name has to answer."""
COMING_SECONDS: Final = LIMITS.consent_seconds + 60.0
"""And, once they ask to come in, to be let in: the person here is asked first."""
MOST_REASON: Final = 200


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


class Calling:
    """The one call of this machine. Event loop only.

    Args:
        call: have the relay show that a technician of this tier is wanted, of this id ("": any); raises `HandrailError`. None:
            this agent cannot.
        uncall: that is over; safe when nobody was called.
        members: everybody who is here. asking: how the person here is asked.
        changed: somebody is called, or not any more.
        call_seconds, named_seconds: how long a call lasts, and one that names somebody.
    """

    def __init__(
        self,
        *,
        call: Callable[[int, str], None] | None,
        uncall: Callable[[], None],
        members: Callable[[], Sequence[Member]],
        asking: Asking,
        changed: Callable[[], None],
        wall: Callable[[], datetime],
        call_seconds: float,
        named_seconds: float,
    ) -> None:
        self._call_out = call
        self._call_in = uncall
        self._members = members
        self._asking = asking
        self._changed = changed
        self._wall = wall
        self._call_seconds, self._named_seconds = call_seconds, named_seconds
        self._low: set[str] = set()
        self._call: Call | None = None
        self._stage: Literal["", "told", "joining"] = ""
        self._ends_at = 0.0
        self._over = Alarm(self._ran_out)

    @property
    def wanted(self) -> int:
        """The tier of the technician who is called; 0 when nobody is."""
        return 0 if self._call is None else self._call.wanted

    async def invite(self, member: Member, message: "Invite") -> None:
        """Have a technician called, once the person here agrees.

        Raises:
            HandrailError: nobody is called, and why.
        """
        if self._call_out is None:
            raise Refused("This computer cannot call anybody.", reason=RefusalReason.UNSUPPORTED)
        here = next((one for one in self._members() if message.peer and one.peer == message.peer), None)
        if here is not None:
            raise Refused(f"{here.name} is here already.", reason=RefusalReason.INVALID)
        self._demand_no_call()
        with self._asking.one_question(member):
            question = _about_calling(member.name, member.listed_name(message.peer), message.tier, message.note)
            await self._asking.agreed(member, question, message.request)
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
            frozenset(one.peer for one in self._members()),
            member.listed_name(message.peer),
        )
        seconds = self._named_seconds if message.peer else self._call_seconds
        self._wait(seconds)
        member.send(ColleaguesState(message.request, "called", "", seconds))
        self._changed()

    def _wait(self, seconds: float) -> None:
        self._ends_at = asyncio.get_running_loop().time() + seconds
        self._over.set(self._ends_at)

    def cancel(self, member: Member) -> None:
        """Nobody needs to come any more.

        Raises:
            Refused: somebody else called.
        """
        call = self._call
        if call is not None and call.peer != member.peer:
            raise Refused(f"{call.by} called, and only they can take it back.", reason=RefusalReason.NOT_GRANTED)
        self.ended("It was taken back.")

    def ended(self, text: str, state: Literal["ended", "declined", "no_answer"] = "ended") -> None:
        """Nobody is called any longer; `text` says why."""
        call, self._call = self._call, None
        self._over.set(None)
        if call is None:
            return
        self._call_in()
        self._tell_caller(call, ColleaguesState(call.request, state, text))
        self._changed()

    def _ran_out(self) -> None:
        call = self._call
        if call is None or not call.wanted_peer or self._stage == "joining":
            self.ended("Nobody came in time. Call again, or ask a colleague yourself.")
        else:
            whom = call.wanted_name or "The colleague you named"
            how = "was shown the call and did not answer" if self._stage == "told" else "did not answer"
            self.ended(f"{whom} {how}. Call somebody else, or whoever has the tier.", "no_answer")

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
        self.ended(f"{name} declined: {because}" if because else f"{name} declined.", "declined")

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
                self.ended(f"{named.wanted_name or 'The colleague you named'} wanted to come, and was not let in.")
            raise

    def _demand_no_call(self) -> None:
        if self._call is not None:
            text = f"{self._call.by} has a technician of tier {self._call.wanted} called already."
            raise Refused(text, reason=RefusalReason.BUSY)

    def hand_notes(self, member: Member) -> None:
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
        self._changed()

    def _tell_caller(self, call: Call, state: ColleaguesState) -> None:
        for one in self._members():
            if one.peer == call.peer and Capability.COLLEAGUES in one.holding:
                one.send(state)


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
