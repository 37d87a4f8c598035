"""What a technician may do here and now: one pure function over one ordered table of checks.

    capability = min(technician's tier, the organisation's signed policy, the kind of session, local consent, freshness)

`decide` is asked when a session opens, when more is asked for, every few minutes, and again for every single message. The first
check that objects decides, and its sentence tells the technician what can be done about it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Final

from agent.policy_words import SENTENCES
from protocol.audit import moment
from protocol.capabilities import DAY, RULES, Capability
from protocol.certificate_profile import BACKDATE, TechnicianClaims
from protocol.certificates import Identity
from protocol.documents import GroupPolicy, RevocationList, TechnicianEntry, TechniciansList
from protocol.errors import RefusalReason

UNATTENDED_FRESHNESS: Final = 1 * DAY
READABLE_OR_NOT: Final = 14 * DAY
"""What may be done with state as old as this may be done, if the person agrees, while newer rules cannot be read here."""
ALONE: Final = frozenset({Capability.CONTROL, Capability.CLIPBOARD_IN})
"""What one technician at a time has; everything else works beside another's session."""
ACTS_ON_THE_DESKTOP: Final = frozenset({Capability.CONTROL, Capability.POINTER, Capability.CLIPBOARD_IN})


class SessionKind(Enum):
    """Whether a person was asked, or policy alone opens the session. GUEST: attended, on a device that is not enrolled."""

    ATTENDED = "attended"
    UNATTENDED = "unattended"
    GUEST = "guest"


@dataclass(frozen=True, slots=True)
class Technician:
    """What is certain about the technician. `issued` and `until` (seconds since 1970) bound the certificate; `entry` is the
    line of the organisation's list with this key, None when there is none."""

    name: str
    certified_tier: int
    groups: tuple[str, ...]
    issued: float
    until: float
    entry: TechnicianEntry | None
    revoked: bool

    @property
    def tier(self) -> int:
        """The lower of the certified and the listed tier; 0 when not listed."""
        return 0 if self.entry is None else min(self.certified_tier, self.entry.tier)


@dataclass(frozen=True, slots=True)
class Circumstances:
    """Everything a decision depends on. Times in seconds, `wall` since 1970.

    `list_known`: the list of technicians was received at least once. `age`: how old the newest verified signed state is, None
    when there is none. `consented`: what the person here allowed; None while they have not been asked. `supported`: what this
    agent has features for. `question_open`: one of our own questions stands on the screen. `user_acting`: policy lets
    control wait for the person here, and they use mouse or keyboard. `unreadable`: the version of this
    program that the organisation's newest rules need ("": this one reads them). `desktop_taken_by`: who has any
    of `ALONE` in another session ("": nobody). `wall` is never earlier than what the organisation has signed; `clock` is what
    this computer's own clock says (None: the same).
    """

    technician: Technician
    group: str
    rules: GroupPolicy
    kind: SessionKind
    list_known: bool
    age: float | None
    wall: float
    supported: frozenset[Capability]
    consented: frozenset[Capability] | None = None
    question_open: bool = False
    user_acting: bool = False
    desktop_taken_by: str = ""
    clock: float | None = None
    unreadable: str = ""


@dataclass(frozen=True, slots=True)
class Decision:
    """Yes when `reason` is None. `code` names why not among `agent.policy_words.SENTENCES` ("" for yes), `values` are what is
    filled in."""

    reason: RefusalReason | None = None
    code: str = ""
    values: Mapping[str, str] = field(default_factory=dict)

    @property
    def allowed(self) -> bool:
        """Whether it may be done."""
        return self.reason is None

    @property
    def sentence(self) -> str:
        """Why not, and what can be done; "" for yes."""
        return SENTENCES[self.code].format_map(self.values) if self.code else ""


def _no(reason: RefusalReason, code: str, **values: object) -> Decision:
    return Decision(reason, code, {name: str(value) for name, value in values.items()})


ALLOWED: Final = Decision()
Check = Callable[[Capability, Circumstances], Decision | None]


def decide(capability: Capability, circumstances: Circumstances) -> Decision:
    """May this technician use `capability` in these circumstances?"""
    for check in CHECKS:
        objection = check(capability, circumstances)
        if objection is not None:
            return objection
    return ALLOWED


def decide_session(circumstances: Circumstances) -> Decision:
    """May this technician hold a session here at all, whatever the capabilities?"""
    for check in SESSION_CHECKS:
        objection = check(Capability.DIAGNOSTICS, circumstances)
        if objection is not None:
            return objection
    return ALLOWED


def technician_of(identity: Identity, listed: TechniciansList | None, revocation: RevocationList | None) -> Technician:
    """Put together what certificate, list and revocation say about the technician at the other end of the channel."""
    claims = identity.claims
    assert isinstance(claims, TechnicianClaims), "the channel lets only technicians through"
    # Certificates are valid from a little before they were made; the switch for a stolen signer means when they were made.
    issued = (identity.not_before + BACKDATE).timestamp()
    return Technician(
        name=claims.name,
        certified_tier=claims.tier,
        groups=tuple(claims.groups),
        issued=issued,
        until=identity.not_after.timestamp(),
        entry=None if listed is None else listed.find(identity.fingerprint),
        revoked=revocation is not None
        and any(revocation.refuses(key, issued) for key in (identity.fingerprint, identity.issuer)),
    )


def _expired(_: Capability, now: Circumstances) -> Decision | None:
    until = now.technician.until
    if now.wall < until:
        return None
    if now.clock is None or now.clock >= until:
        return _no(RefusalReason.EXPIRED, "expired")
    return _no(RefusalReason.EXPIRED, "expired_by_signed", signed=moment(now.wall), clock=moment(now.clock))


def _unlisted(_: Capability, now: Circumstances) -> Decision | None:
    if now.technician.entry is not None:
        return None
    return _no(RefusalReason.NOT_ON_LIST, "not_listed") if now.list_known else _no(RefusalReason.STALE_TRUST, "list_unknown")


def _revoked(_: Capability, now: Circumstances) -> Decision | None:
    return _no(RefusalReason.REVOKED, "revoked") if now.technician.revoked else None


def _other_group(_: Capability, now: Circumstances) -> Decision | None:
    if not now.technician.groups or now.group in now.technician.groups:
        return None
    return _no(RefusalReason.POLICY, "other_group", group=now.group)


def _unsupported(capability: Capability, now: Circumstances) -> Decision | None:
    return None if capability in now.supported else _no(RefusalReason.UNSUPPORTED, "unsupported", capability=capability)


def _guest(capability: Capability, now: Circumstances) -> Decision | None:
    if now.kind is not SessionKind.GUEST or RULES[capability].guest:
        return None
    return _no(RefusalReason.POLICY, "guest", capability=capability)


def _tier(capability: Capability, now: Circumstances) -> Decision | None:
    rule, unattended = RULES[capability], now.kind is SessionKind.UNATTENDED
    needed = rule.unattended_tier if unattended else rule.attended_tier
    if now.technician.tier >= needed:
        return None
    code = "tier_unattended" if unattended else "tier"
    return _no(RefusalReason.TIER_TOO_LOW, code, capability=capability, needed=needed, tier=now.technician.tier)


def _policy(capability: Capability, now: Circumstances) -> Decision | None:
    if now.kind is SessionKind.UNATTENDED:
        demanded = (
            capability is Capability.RECORDING and now.rules.recording == "required" and Capability.VIEW in now.rules.unattended
        )
        if demanded or capability in now.rules.unattended:
            return None
        return _no(RefusalReason.POLICY, "unattended", capability=capability, group=now.group)
    if now.rules.attended is None or capability in now.rules.attended:
        return None
    return _no(RefusalReason.POLICY, "attended", capability=capability, group=now.group)


def _recording(capability: Capability, now: Circumstances) -> Decision | None:
    rule = now.rules.recording
    if rule == "forbidden" and capability is Capability.RECORDING:
        return _no(RefusalReason.POLICY, "recording_forbidden", group=now.group)
    if rule != "required" or capability is not Capability.VIEW:
        return None
    if now.consented is None or Capability.RECORDING in now.consented:
        return None
    return _no(RefusalReason.POLICY, "recording_demanded", group=now.group)


def _stale(capability: Capability, now: Circumstances) -> Decision | None:
    oldest = RULES[capability].freshness
    if now.kind is SessionKind.UNATTENDED:
        oldest = min(oldest, UNATTENDED_FRESHNESS)
    if now.age is not None and now.age <= oldest:
        return None
    hours = f"{oldest / 3600:.0f}"
    if now.age is None:
        return _no(RefusalReason.STALE_TRUST, "never_fresh", capability=capability, hours=hours)
    return _no(RefusalReason.STALE_TRUST, "stale", capability=capability, hours=hours, age=f"{now.age / 3600:.0f}")


def _unreadable(capability: Capability, now: Circumstances) -> Decision | None:
    """Newer rules are there that this version cannot read. Whatever they forbid, the person here still decides about the least of
    it; nothing goes on with nobody asked, and nothing that asks for fresher state than the rest."""
    if not now.unreadable:
        return None
    if now.kind is not SessionKind.UNATTENDED and RULES[capability].freshness >= READABLE_OR_NOT:
        return None
    return _no(RefusalReason.STALE_TRUST, "unreadable", capability=capability, version=now.unreadable)


def _busy(capability: Capability, now: Circumstances) -> Decision | None:
    if not now.desktop_taken_by or capability not in ALONE:
        return None
    return _no(RefusalReason.BUSY, "busy", name=now.desktop_taken_by)


def _consent(capability: Capability, now: Circumstances) -> Decision | None:
    if now.consented is None or capability in now.consented:
        return None
    return _no(RefusalReason.NOT_GRANTED, "not_granted", capability=capability)


def _question(capability: Capability, now: Circumstances) -> Decision | None:
    if not now.question_open or capability not in ACTS_ON_THE_DESKTOP:
        return None
    return _no(RefusalReason.PAUSED, "question_open")


def _user_acting(capability: Capability, now: Circumstances) -> Decision | None:
    if not now.user_acting or capability not in ACTS_ON_THE_DESKTOP:
        return None
    return _no(RefusalReason.PAUSED, "user_acting")


SESSION_CHECKS: Final[tuple[Check, ...]] = (_expired, _unlisted, _revoked, _other_group)
CHECKS: Final[tuple[Check, ...]] = (
    *SESSION_CHECKS,
    _unsupported,
    _guest,
    _tier,
    _policy,
    _recording,
    _stale,
    _unreadable,
    _busy,
    _consent,
    _question,
    _user_acting,
)
