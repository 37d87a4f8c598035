"""Opening a session: policy first, then a person. `Gate` is asked once for each session and again for each further capability."""

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

import msgspec

from agent.consent import Answer, ConsentBroker, ConsentQuestion, Outcome, wishes_for
from agent.features.base import Question
from agent.hosting import supported
from agent.keys import DeviceKeys
from agent.policy import Circumstances, Decision, SessionKind, Technician, decide, decide_session, technician_of
from agent.settings import AgentSettings
from agent.trust import TrustStore
from protocol.capabilities import Capability
from protocol.certificates import Identity
from protocol.documents import GroupPolicy
from protocol.errors import RefusalReason, Refused
from protocol.limits import LIMITS

if TYPE_CHECKING:
    from agent.services import Services


@dataclass(frozen=True, slots=True)
class Opening:
    """How a session opens: with what, for how many seconds, asked or not, and why the rest was left out. `after_restart`: the
    person here lets them come back once, within so many seconds after a restart (0: they did not say so)."""

    granted: tuple[Capability, ...]
    seconds: float
    kind: SessionKind
    left_out: dict[Capability, Decision]
    after_restart: float = 0.0


class Gate:
    """Decides for one technician at the other end of one channel."""

    def __init__(
        self,
        identity: Identity,
        *,
        keys: DeviceKeys,
        settings: AgentSettings,
        trust: TrustStore,
        broker: ConsentBroker,
        supported: frozenset[Capability],
        wall: Callable[[], datetime],
        desktop_taken_by: Callable[[], str],
        guest: bool = False,
    ) -> None:
        """Args: guest: this device is not enrolled; the technician and this side have proved that they know its code."""
        self.identity = identity
        self._asking = SessionKind.GUEST if guest else SessionKind.ATTENDED
        self._keys = keys
        self._settings = settings
        self._trust = trust
        self._broker = broker
        self._supported = supported
        self._wall = wall
        self._desktop_taken_by = desktop_taken_by
        self.user_acting = False
        self.technician: Technician = self._look()

    @property
    def rules(self) -> GroupPolicy:
        """What the organisation's signed policy says for this device's group."""
        policy = self._trust.policy()
        return GroupPolicy() if policy is None else policy.group(self._keys.group)

    @property
    def holds_back(self) -> bool:
        """Whether what acts on the desktop waits at this moment: for an answer, or for the person's own hands."""
        return self._broker.open or self.user_acting

    def look_again(self) -> None:
        """List or revocation may have changed."""
        self.technician = self._look()

    def circumstances(self, kind: SessionKind, consented: frozenset[Capability] | None) -> Circumstances:
        """Everything a decision depends on, at this moment."""
        clock = self._wall()
        wall = self._trust.clock(clock)
        return Circumstances(
            technician=self.technician,
            group=self._keys.group,
            rules=self.rules,
            kind=kind,
            list_known=self._trust.technicians() is not None,
            age=self._trust.age(wall),
            wall=wall,
            supported=self._supported,
            consented=consented,
            question_open=consented is not None and self._broker.open,
            user_acting=consented is not None and self.user_acting,
            desktop_taken_by=self._desktop_taken_by(),
            clock=clock.timestamp(),
            unreadable=self._trust.unreadable,
        )

    def decide(self, capability: Capability, kind: SessionKind, consented: frozenset[Capability] | None = None) -> Decision:
        """`policy.decide` in the present circumstances."""
        return decide(capability, self.circumstances(kind, consented))

    def check_session(self, kind: SessionKind) -> Decision:
        """`policy.decide_session` in the present circumstances."""
        return decide_session(self.circumstances(kind, None))

    async def open(
        self,
        wanted: Collection[Capability],
        reason: str,
        sas: str,
        *,
        by_code: bool,
        on_wait: Callable[[float], None],
        after_restart: float = 0.0,
    ) -> Opening:
        """Decide, and ask the person here where one must be asked. `on_wait` hears how many seconds they have; `after_restart`
        above 0: they are also asked whether the technician may come back once within so many seconds after a restart.

        Raises:
            Refused: the session does not open; reason and sentence are for the technician.
        """
        session = self.check_session(self._asking)
        if not session.allowed:
            raise _refused(session)
        if self.rules.recording == "required" and Capability.VIEW in wanted:
            wanted = tuple(dict.fromkeys((*wanted, Capability.RECORDING)))  # asked for in the same question
        if not wanted:
            raise Refused("Nothing was asked for: name at least one capability.", reason=RefusalReason.INVALID)
        attended = {capability: self.decide(capability, self._asking) for capability in wanted}
        unattended = {capability: self.decide(capability, SessionKind.UNATTENDED) for capability in wanted}
        free = tuple(capability for capability, decision in unattended.items() if decision.allowed)
        ask = by_code or self._guest or (self._broker.attached > 0 and (self.rules.ask_when_present or not free))
        if not ask and free:
            return Opening(free, self._grant_seconds(), SessionKind.UNATTENDED, _objections(unattended))
        wishes = [capability for capability, decision in attended.items() if decision.allowed]
        if not wishes:
            raise _refused(next(iter(attended.values())))
        if not self._broker.attached:
            raise Refused(
                "Nobody at this computer can be asked, and the organisation's policy does not allow access without asking. "
                "Have the person there run `handrail-agent ask` (or `handrail-agent attend`) and try again.",
                reason=RefusalReason.NOBODY_TO_ASK,
            )
        # The code of a guest has proved more than six digits could: there is nothing to compare.
        question = self._question("session", reason, wishes, "" if self._guest else sas)
        recorded = self.rules.recording == "required" and Capability.RECORDING in wishes
        question = msgspec.structs.replace(question, after_restart=after_restart, recorded=recorded)
        on_wait(question.seconds)
        answer = await self._broker.ask(question, on_wait)
        allowed = [capability for capability in wishes if capability in answer.granted]
        if not allowed:
            raise _no(answer)
        # Another technician may have got mouse and keyboard while the person thought about it.
        attended |= {capability: self.decide(capability, self._asking) for capability in allowed}
        granted = tuple(capability for capability in allowed if attended[capability].allowed)
        if not granted:
            raise _refused(attended[allowed[0]])
        lasting = after_restart if answer.after_restart else 0.0
        return Opening(granted, self._grant_seconds(), self._asking, _objections(attended), lasting)

    def resume(self, granted: Collection[Capability], kind: SessionKind, seconds: float) -> Opening:
        """Let a session go on that was cut: nobody is asked, but policy decides about each grant anew.

        Raises:
            Refused: nothing of it may go on; reason and sentence are for the technician.
        """
        session = self.check_session(kind)
        if not session.allowed:
            raise _refused(session)
        decisions = {capability: self.decide(capability, kind) for capability in granted}
        kept = tuple(capability for capability, decision in decisions.items() if decision.allowed)
        if not kept:
            raise _refused(next(iter(decisions.values())))
        return Opening(kept, seconds, kind, _objections(decisions))

    async def widen(self, capability: Capability, reason: str, kind: SessionKind) -> float:
        """One capability more: policy, then the person (always in an attended session). Seconds that it is granted for.

        Raises:
            Refused: it is not granted.
        """
        decision = self.decide(capability, kind)
        if not decision.allowed:
            raise _refused(decision)
        if kind is not SessionKind.UNATTENDED or (self._broker.attached and self.rules.ask_when_present):
            answer = await self._broker.ask(self._question("capability", reason, [capability], ""))
            if capability not in answer.granted:
                raise _no(answer)
            decision = self.decide(capability, kind)  # somebody else may have got it meanwhile
            if not decision.allowed:
                raise _refused(decision)
        return self._grant_seconds()

    def _question(self, kind: str, reason: str, wishes: list[Capability], sas: str) -> ConsentQuestion:
        policy = self._trust.policy()
        return ConsentQuestion(
            kind="session" if kind == "session" else "capability",
            name=self.technician.name,
            organisation=policy.name if policy is not None else self._keys.organisation_name,
            tier=self.technician.tier,
            reason=reason,
            sas=sas,
            wishes=wishes_for(wishes),
            seconds=LIMITS.consent_seconds,
        )

    def take_over(self, capability: Capability, kind: SessionKind) -> float:
        """Seconds for which this technician might have what another one has now, if policy allows it.

        Raises:
            Refused: it does not.
        """
        circumstances = replace(self.circumstances(kind, None), desktop_taken_by="")
        decision = decide(capability, circumstances)
        if not decision.allowed:
            raise _refused(decision)
        return self._grant_seconds()

    def confirm(self, asked: Question) -> ConsentQuestion:
        """A yes-or-no question of a feature, in this technician's name."""
        question = self._question("session", "", [], "")
        return ConsentQuestion(
            kind="confirm",
            name=question.name,
            organisation=question.organisation,
            tier=question.tier,
            reason="",
            title=asked.title,
            text=asked.text,
            details=list(asked.details),
            seconds=min(asked.seconds, LIMITS.consent_seconds),
            words=asked.words,
            values=dict(asked.values),
        )

    @property
    def _guest(self) -> bool:
        return self._asking is SessionKind.GUEST

    def _grant_seconds(self) -> float:
        seconds = min(self._settings.session.grant_seconds, self.rules.grant_seconds)
        return min(seconds, LIMITS.guest_seconds) if self._guest else seconds

    def _look(self) -> Technician:
        return technician_of(self.identity, self._trust.technicians(), self._trust.revocation())


def gate_for(identity: Identity, services: "Services", *, taken_by: Callable[[], str]) -> Gate:
    """The gate of one technician; `taken_by`: who else has the desktop ("": nobody)."""
    return Gate(
        identity,
        keys=services.keys,
        settings=services.settings,
        trust=services.trust,
        broker=services.broker,
        supported=supported(services.features),
        wall=services.wall,
        desktop_taken_by=taken_by,
        guest=services.guest is not None,
    )


def _refused(decision: Decision) -> Refused:
    assert decision.reason is not None
    return Refused(decision.sentence, reason=decision.reason)


def _no(answer: Answer) -> Refused:
    match answer.outcome:
        case Outcome.ANSWERED:
            return Refused("The person at this computer said no.", reason=RefusalReason.DENIED_BY_USER)
        case Outcome.NO_ANSWER:
            return Refused("The person at this computer did not answer in time.", reason=RefusalReason.NO_ANSWER)
        case Outcome.NOBODY:
            return Refused("The person at this computer closed the window that asks.", reason=RefusalReason.NOBODY_TO_ASK)


def _objections(decisions: dict[Capability, Decision]) -> dict[Capability, Decision]:
    return {capability: decision for capability, decision in decisions.items() if not decision.allowed}
