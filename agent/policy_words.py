"""Why policy says no, by code: the sentences that `agent.policy` fills in for the technician, the record and the receipt.

The windows and the terminal know them again by this table and tell them in the person's language (`said.policy_CODE`), so that a
receipt of last year is told in it too.
"""

from collections.abc import Mapping
from typing import Final

SENTENCES: Final[Mapping[str, str]] = {
    "expired": (
        "The technician's certificate has run out by this computer's clock. Renew it (handrail join or a running signer), "
        "or set the clock if it is wrong."
    ),
    "expired_by_signed": (
        "The technician's certificate has run out by the time that the organisation has signed ({signed}), which is ahead of "
        "this computer's clock ({clock}). Set this clock if it is behind; else the signer's clock was ahead: set that one."
    ),
    "list_unknown": (
        "This computer has not yet received the organisation's signed list of technicians. Check that it reaches the relay "
        "and that the signer runs, then try again."
    ),
    "not_listed": (
        "The technician's key is not on the organisation's signed list. An administrator adds it with `handrail org technician`."
    ),
    "revoked": "The organisation has revoked this technician's certificate. Talk to an administrator.",
    "other_group": (
        "This technician works for other groups of computers than '{group}'. An administrator can certify them for it."
    ),
    "unsupported": "This version of the agent has no '{capability}'.",
    "guest": (
        "'{capability}' is for enrolled devices only, and this computer is a guest. Enrol it (`handrail-agent enrol`) if it "
        "belongs to your organisation."
    ),
    "tier": ("'{capability}' takes tier {needed}; this technician has tier {tier}. Hand over to a colleague of that tier."),
    "tier_unattended": (
        "'{capability}' when nobody is asked takes tier {needed}; this technician has tier {tier}. "
        "Hand over to a colleague of that tier."
    ),
    "unattended": (
        "The organisation's policy does not allow '{capability}' on the computers of group '{group}' without asking "
        "the person there. Have them run `handrail-agent attend` or `handrail-agent ask`."
    ),
    "attended": "The organisation's policy does not allow '{capability}' on the computers of group '{group}'.",
    "recording_forbidden": "The organisation's policy forbids recording on the computers of group '{group}'.",
    "recording_demanded": (
        "The organisation's policy demands that sessions on the computers of group '{group}' are recorded: ask for "
        "'recording' first."
    ),
    "never_fresh": (
        "'{capability}' needs signed revocation state of the last {hours} hours, but none was ever received. Check that the "
        "organisation's signer runs and that this computer reaches the relay."
    ),
    "stale": (
        "'{capability}' needs signed revocation state of the last {hours} hours, but the newest is {age} hours old. Check that "
        "the organisation's signer runs and that this computer reaches the relay."
    ),
    "unreadable": (
        "'{capability}' is not allowed while this computer cannot read the organisation's newest rules. Update the agent on it "
        "to version {version}."
    ),
    "busy": (
        "{name} has mouse and keyboard here at the moment. Watching and everything else works beside that; "
        "ask them to hand over, or ask again when they have let go."
    ),
    "not_granted": "'{capability}' was not granted; ask for it.",
    "question_open": "A question stands on the assisted screen; until the person there has answered, nothing is injected.",
    "user_acting": (
        "The person there is using mouse or keyboard; by the organisation's policy you go on a few seconds after they stop."
    ),
}
