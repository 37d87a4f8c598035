"""The one decision: every check objects on its own, and the most basic one speaks first."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Literal

import pytest

from agent.policy import (
    ALLOWED,
    CHECKS,
    Circumstances,
    SessionKind,
    Technician,
    decide,
    decide_session,
    technician_of,
)
from protocol.capabilities import DAY, RULES, Capability
from protocol.certificates import Role, check_chain
from protocol.documents import GroupPolicy, RevocationList, TechnicianEntry, TechniciansList
from protocol.errors import RefusalReason
from tests.kit.organisation import Organisation

ENTRY = TechnicianEntry(name="Ana Ruiz", tier=3, key="0" * 64, peer="t1")
TECHNICIAN = Technician("Ana Ruiz", 3, (), issued=0.0, until=1000.0, entry=ENTRY, revoked=False)
FINE = Circumstances(
    technician=TECHNICIAN,
    group="front",
    rules=GroupPolicy(unattended=list(Capability)),
    kind=SessionKind.ATTENDED,
    list_known=True,
    age=60.0,
    wall=500.0,
    supported=frozenset(Capability),
)


def tier(number: int) -> Technician:
    return replace(TECHNICIAN, certified_tier=number)


@pytest.mark.parametrize("capability", list(Capability))
def test_with_everything_in_order_everything_is_allowed(capability: Capability) -> None:
    assert decide(capability, FINE) == ALLOWED
    assert decide(capability, replace(FINE, kind=SessionKind.UNATTENDED)) == ALLOWED


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"wall": 1000.0}, RefusalReason.EXPIRED),
        ({"technician": replace(TECHNICIAN, entry=None), "list_known": False}, RefusalReason.STALE_TRUST),
        ({"technician": replace(TECHNICIAN, entry=None)}, RefusalReason.NOT_ON_LIST),
        ({"technician": replace(TECHNICIAN, revoked=True)}, RefusalReason.REVOKED),
        ({"technician": replace(TECHNICIAN, groups=("back",))}, RefusalReason.POLICY),
        ({"supported": frozenset()}, RefusalReason.UNSUPPORTED),
        ({"technician": replace(TECHNICIAN, certified_tier=0)}, RefusalReason.TIER_TOO_LOW),
        ({"kind": SessionKind.GUEST, "rules": GroupPolicy(attended=[Capability.VIEW])}, RefusalReason.POLICY),
        ({"rules": GroupPolicy(attended=[Capability.VIEW])}, RefusalReason.POLICY),
        ({"age": None}, RefusalReason.STALE_TRUST),
        ({"age": 15 * DAY}, RefusalReason.STALE_TRUST),
        ({"kind": SessionKind.UNATTENDED, "unreadable": "3.1"}, RefusalReason.STALE_TRUST),
        ({"desktop_taken_by": "Bo Lind"}, RefusalReason.BUSY),
        ({"consented": frozenset({Capability.CHAT})}, RefusalReason.NOT_GRANTED),
        ({"question_open": True}, RefusalReason.PAUSED),
        ({"user_acting": True}, RefusalReason.PAUSED),
    ],
)
def test_each_circumstance_alone_is_enough(change: dict[str, object], reason: RefusalReason) -> None:
    decision = decide(Capability.CONTROL, replace(FINE, **change))  # type: ignore[arg-type]
    assert decision.reason is reason
    assert not decision.allowed
    assert len(decision.sentence) > 30
    assert decision.sentence.endswith(".")


def test_policy_forbids_or_demands_a_recording() -> None:
    forbidden = replace(FINE, rules=GroupPolicy(recording="forbidden"))
    assert decide(Capability.RECORDING, forbidden).reason is RefusalReason.POLICY
    assert decide(Capability.VIEW, forbidden).allowed
    required = replace(FINE, rules=GroupPolicy(recording="required"))
    assert decide(Capability.VIEW, required).allowed  # nobody was asked yet
    seen = replace(required, consented=frozenset({Capability.VIEW}))
    assert decide(Capability.VIEW, seen).reason is RefusalReason.POLICY
    both = frozenset({Capability.VIEW, Capability.RECORDING})
    assert decide(Capability.VIEW, replace(required, consented=both)).allowed


@pytest.mark.parametrize(("recording", "allowed"), [("required", True), ("allowed", False), ("forbidden", False)])
def test_who_may_watch_with_nobody_asked_may_record_there_only_where_that_is_demanded(
    recording: Literal["allowed", "required", "forbidden"], allowed: bool
) -> None:
    rules = GroupPolicy(unattended=[Capability.VIEW], recording=recording)
    unattended = replace(FINE, rules=rules, kind=SessionKind.UNATTENDED)
    assert decide(Capability.RECORDING, unattended).allowed is allowed
    assert not decide(Capability.RECORDING, replace(unattended, rules=GroupPolicy(recording="required"))).allowed


def test_every_check_is_covered_above() -> None:
    assert len(CHECKS) == 15


@pytest.mark.parametrize("kind", list(SessionKind))
@pytest.mark.parametrize("number", [0, 1, 2, 3])
@pytest.mark.parametrize("capability", list(Capability))
def test_tiers_follow_the_table(capability: Capability, number: int, kind: SessionKind) -> None:
    rule = RULES[capability]
    needed = rule.unattended_tier if kind is SessionKind.UNATTENDED else rule.attended_tier
    decision = decide(capability, replace(FINE, technician=tier(number), kind=kind))
    assert decision.allowed is (number >= needed and (rule.guest or kind is not SessionKind.GUEST))


@pytest.mark.parametrize("capability", list(Capability))
def test_freshness_follows_the_table(capability: Capability) -> None:
    oldest = RULES[capability].freshness
    assert decide(capability, replace(FINE, age=oldest)).allowed
    assert decide(capability, replace(FINE, age=oldest + 1)).reason is RefusalReason.STALE_TRUST
    unattended = replace(FINE, kind=SessionKind.UNATTENDED)
    assert decide(capability, replace(unattended, age=DAY)).allowed
    assert decide(capability, replace(unattended, age=DAY + 1)).reason is RefusalReason.STALE_TRUST


def test_the_list_bounds_what_the_certificate_claims() -> None:
    low = replace(TECHNICIAN, entry=TechnicianEntry(name="Ana Ruiz", tier=1, key="0" * 64, peer="t1"))
    assert low.tier == 1
    assert decide(Capability.TERMINAL, replace(FINE, technician=low)).reason is RefusalReason.TIER_TOO_LOW
    assert tier(2).tier == 2
    assert replace(TECHNICIAN, entry=None).tier == 0


def test_a_question_on_the_screen_stops_hands_and_not_eyes() -> None:
    asked = replace(FINE, question_open=True)
    assert decide(Capability.VIEW, asked).allowed
    assert decide(Capability.DIAGNOSTICS, asked).allowed
    assert decide(Capability.CLIPBOARD_IN, asked).reason is RefusalReason.PAUSED


def test_nothing_is_unattended_unless_policy_names_it() -> None:
    silent = replace(FINE, rules=GroupPolicy(), kind=SessionKind.UNATTENDED)
    for capability in Capability:
        assert decide(capability, silent).reason is RefusalReason.POLICY


def test_a_session_needs_a_technician_in_good_standing() -> None:
    assert decide_session(FINE) == ALLOWED
    assert decide_session(replace(FINE, age=None, rules=GroupPolicy(attended=[]))) == ALLOWED
    assert decide_session(replace(FINE, technician=replace(TECHNICIAN, revoked=True))).reason is RefusalReason.REVOKED


def test_certificate_list_and_revocation_are_put_together() -> None:
    organisation = Organisation()
    person = organisation.technician(tier=2)
    identity = check_chain(
        person.chain, root_der=organisation.root, expected=Role.TECHNICIAN, purpose="session", wall=datetime.now(UTC)
    )
    key = person.key.public.fingerprint.hex()
    listed = TechniciansList(issued=0.0, technicians=[TechnicianEntry(name="Ana Ruiz", tier=3, key=key, peer=person.peer)])
    known = technician_of(identity, listed, RevocationList(issued=0.0))
    assert (known.name, known.tier, known.revoked) == ("Ana Ruiz", 2, False)
    assert abs(known.issued - organisation.wall.timestamp()) < 5
    assert technician_of(identity, None, None).entry is None
    assert technician_of(identity, listed, RevocationList(issued=0.0, fingerprints=[key])).revoked
    later = (organisation.wall + timedelta(minutes=1)).timestamp()
    assert technician_of(identity, listed, RevocationList(issued=0.0, not_before=later)).revoked
    earlier = (organisation.wall - timedelta(minutes=1)).timestamp()
    assert not technician_of(identity, listed, RevocationList(issued=0.0, not_before=earlier)).revoked


@pytest.mark.parametrize("capability", list(Capability))
def test_a_guest_grants_what_the_table_says_and_nothing_else(capability: Capability) -> None:
    decision = decide(capability, replace(FINE, kind=SessionKind.GUEST))
    harmless = {"view", "chat", "diagnostics", "pointer", "control"}
    assert decision.allowed is (capability.value in harmless) is RULES[capability].guest
    assert decision.reason is (None if decision.allowed else RefusalReason.POLICY)


@pytest.mark.parametrize("number", [0, 1, 3])
def test_a_guest_is_attended_and_checked_like_anybody(number: int) -> None:
    guest = replace(FINE, kind=SessionKind.GUEST, technician=tier(number), rules=GroupPolicy(unattended=[]))
    assert decide(Capability.CONTROL, guest).allowed is (number >= 1)
    assert decide(Capability.VIEW, replace(guest, rules=GroupPolicy(attended=[]))).reason is not None
    assert decide(Capability.VIEW, replace(guest, technician=replace(TECHNICIAN, entry=None))).reason is RefusalReason.NOT_ON_LIST
    assert decide(Capability.VIEW, replace(guest, technician=replace(TECHNICIAN, revoked=True))).reason is RefusalReason.REVOKED
    assert decide(Capability.VIEW, replace(guest, age=None)).reason is not None


@pytest.mark.parametrize("capability", list(Capability))
def test_rules_that_cannot_be_read_here_leave_what_a_person_agrees_to_and_no_more(capability: Capability) -> None:
    asleep = replace(FINE, unreadable="3.1", kind=SessionKind.UNATTENDED)
    assert decide(capability, asleep).reason is RefusalReason.STALE_TRUST
    decision = decide(capability, replace(FINE, unreadable="3.1"))
    powerful = {
        Capability.FIXES,
        Capability.REBOOT,
        Capability.TERMINAL,
        Capability.TERMINAL_ROOT,
        Capability.FILES_IN,
        Capability.FILES_OUT,
        Capability.FORWARD,
    }
    assert decision.allowed == (capability not in powerful)
    if not decision.allowed:
        assert "Update the agent on it to version 3.1" in decision.sentence
