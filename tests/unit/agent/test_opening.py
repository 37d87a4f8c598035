"""The gate: policy first, then a person."""

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from agent.consent import ConsentBroker
from agent.features.base import Question
from agent.opening import Gate
from agent.policy import SessionKind
from agent.settings import AgentSettings, SessionSettings
from protocol.capabilities import Capability
from protocol.certificates import Role, check_chain
from protocol.documents import GroupPolicy
from protocol.errors import RefusalReason, Refused
from tests.kit.assisted import Device, Person, SignedFiles
from tests.kit.organisation import Organisation

VIEW, CHAT, DIAGNOSTICS, TERMINAL = Capability.VIEW, Capability.CHAT, Capability.DIAGNOSTICS, Capability.TERMINAL
RECORDING = Capability.RECORDING


@dataclass
class Door:
    gate: Gate
    broker: ConsentBroker
    person: Person
    waits: list[float]

    async def open(self, *wanted: Capability, by_code: bool = False) -> object:
        return await self.gate.open(list(wanted), "why", "123456", by_code=by_code, on_wait=self.waits.append)


def door(
    tmp_path: Path,
    *,
    tier: int = 3,
    attended: bool = True,
    taken: str = "",
    rules: GroupPolicy | None = None,
    guest: bool = False,
) -> Door:
    organisation = Organisation()
    technician = organisation.technician(tier=tier)
    identity = check_chain(
        technician.chain, root_der=organisation.root, expected=Role.TECHNICIAN, purpose="session", wall=datetime.now(UTC)
    )
    broker = ConsentBroker()
    person = Person(broker)
    if attended:
        broker.attach(person)
    gate = Gate(
        identity,
        keys=Device(organisation, organisation.device()),
        settings=AgentSettings(home=tmp_path, session=SessionSettings(grant_seconds=600)),
        trust=SignedFiles(technician, groups={"front": rules} if rules else None),  # type: ignore[arg-type]
        broker=broker,
        supported=frozenset({VIEW, CHAT, DIAGNOSTICS, TERMINAL, RECORDING, Capability.CONTROL}),
        wall=lambda: datetime.now(UTC),
        desktop_taken_by=lambda: taken,
        guest=guest,
    )
    return Door(gate, broker, person, [])


async def test_only_what_policy_allows_is_asked_for(tmp_path: Path) -> None:
    one = door(tmp_path, tier=1)
    opening = asyncio.get_running_loop().create_task(one.open(VIEW, TERMINAL, Capability.REBOOT))
    question = await one.person.allow(VIEW)
    assert [wish.capability for wish in question.wishes] == [VIEW]
    found = await opening
    assert found.granted == (VIEW,)  # type: ignore[attr-defined]
    assert found.seconds == 600  # type: ignore[attr-defined]
    reasons = {name: decision.reason for name, decision in found.left_out.items()}  # type: ignore[attr-defined]
    assert reasons == {TERMINAL: RefusalReason.TIER_TOO_LOW, Capability.REBOOT: RefusalReason.UNSUPPORTED}
    assert one.waits == [180.0]


async def test_where_a_recording_is_demanded_one_question_asks_for_both(tmp_path: Path) -> None:
    one = door(tmp_path, rules=GroupPolicy(recording="required"))
    opening = asyncio.get_running_loop().create_task(one.open(VIEW, CHAT))
    question = await one.person.allow(VIEW, RECORDING)
    assert [wish.capability for wish in question.wishes] == [VIEW, CHAT, RECORDING]
    assert question.recorded
    assert (await opening).granted == (VIEW, RECORDING)  # type: ignore[attr-defined]
    opening = asyncio.get_running_loop().create_task(one.open(CHAT))
    question = await one.person.allow(CHAT)
    assert [wish.capability for wish in question.wishes] == [CHAT]
    assert not question.recorded
    await opening


async def test_the_shorter_of_two_times_is_granted(tmp_path: Path) -> None:
    one = door(tmp_path, rules=GroupPolicy(grant_seconds=60))
    opening = asyncio.get_running_loop().create_task(one.open(VIEW))
    await one.person.allow(VIEW)
    assert (await opening).seconds == 60  # type: ignore[attr-defined]


async def test_nothing_that_may_be_asked_is_a_refusal_without_a_question(tmp_path: Path) -> None:
    one = door(tmp_path, tier=1)
    with pytest.raises(Refused) as refused:
        await one.open(TERMINAL)
    assert refused.value.reason is RefusalReason.TIER_TOO_LOW
    with pytest.raises(Refused) as refused:
        await one.open()
    assert refused.value.reason is RefusalReason.INVALID
    assert not one.person.closed_texts


async def test_a_code_always_asks(tmp_path: Path) -> None:
    rules = GroupPolicy(unattended=[DIAGNOSTICS], ask_when_present=False)
    with pytest.raises(Refused) as refused:
        await door(tmp_path, attended=False, rules=rules).open(DIAGNOSTICS, by_code=True)
    assert refused.value.reason is RefusalReason.NOBODY_TO_ASK
    one = door(tmp_path, rules=rules)
    assert (await one.open(DIAGNOSTICS)).kind is SessionKind.UNATTENDED  # type: ignore[attr-defined]


async def test_somebody_present_is_asked_unless_policy_says_otherwise(tmp_path: Path) -> None:
    one = door(tmp_path, rules=GroupPolicy(unattended=[DIAGNOSTICS]))
    opening = asyncio.get_running_loop().create_task(one.open(DIAGNOSTICS))
    await one.person.allow()
    with pytest.raises(Refused, match="said no"):
        await opening


async def test_widening_in_an_attended_session_asks_even_where_unattended_would_not(tmp_path: Path) -> None:
    one = door(tmp_path, rules=GroupPolicy(unattended=[DIAGNOSTICS], ask_when_present=False))
    widening = asyncio.get_running_loop().create_task(one.gate.widen(DIAGNOSTICS, "", SessionKind.ATTENDED))
    await one.person.allow()
    with pytest.raises(Refused, match="said no"):
        await widening
    assert await one.gate.widen(DIAGNOSTICS, "", SessionKind.UNATTENDED) == 600
    with pytest.raises(Refused, match="does not allow"):
        await one.gate.widen(CHAT, "", SessionKind.UNATTENDED)


async def test_a_question_of_ours_stops_what_acts_on_the_desktop(tmp_path: Path) -> None:
    one = door(tmp_path, taken="Bo")
    control = Capability.CONTROL
    assert one.gate.decide(control, SessionKind.ATTENDED).reason is RefusalReason.BUSY
    assert one.gate.decide(VIEW, SessionKind.ATTENDED).allowed
    assert one.gate.take_over(control, SessionKind.ATTENDED) > 0
    question = one.gate.confirm(Question("Run it?", "It restarts.", ("effect",), 1e9))
    assert (question.kind, question.seconds, question.details) == ("confirm", 180.0, ["effect"])


async def test_changes_of_the_list_are_seen_when_it_is_looked_at_again(tmp_path: Path) -> None:
    one = door(tmp_path)
    assert one.gate.technician.tier == 3
    one.gate._trust.listed = SignedFiles().listed  # type: ignore[attr-defined]
    assert one.gate.check_session(SessionKind.ATTENDED).allowed
    one.gate.look_again()
    assert one.gate.check_session(SessionKind.ATTENDED).reason is RefusalReason.NOT_ON_LIST


async def test_a_guest_is_always_asked_without_digits_and_for_an_hour_at_most(tmp_path: Path) -> None:
    rules = GroupPolicy(unattended=[DIAGNOSTICS], ask_when_present=False, grant_seconds=7200)
    one = door(tmp_path, rules=rules, guest=True)
    opening = asyncio.get_running_loop().create_task(one.open(VIEW, DIAGNOSTICS, TERMINAL))
    question = await one.person.allow(VIEW)
    assert [wish.capability for wish in question.wishes] == [VIEW, DIAGNOSTICS]
    assert question.sas == ""
    found = await opening
    assert (found.kind, found.granted) == (SessionKind.GUEST, (VIEW,))  # type: ignore[attr-defined]
    assert found.seconds <= 3600  # type: ignore[attr-defined]
    widening = asyncio.get_running_loop().create_task(one.gate.widen(DIAGNOSTICS, "why", SessionKind.GUEST))
    await one.person.allow(DIAGNOSTICS)
    assert await widening <= 3600
    with pytest.raises(Refused) as refused:
        await one.gate.widen(TERMINAL, "why", SessionKind.GUEST)
    assert refused.value.reason is RefusalReason.POLICY
