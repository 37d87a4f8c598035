"""What a technician may be allowed to do, one name each, and the default table of security.md section 5.

A capability is asked for, granted and revoked alone. The table is data: `agent.policy.decide` is the only place that
reads it to answer yes or no.
"""

from dataclasses import dataclass
from enum import IntEnum, StrEnum


class Capability(StrEnum):
    """Names on the wire, in policy files, in consent windows and in receipts."""

    VIEW = "view"
    CHAT = "chat"
    DIAGNOSTICS = "diagnostics"
    POINTER = "pointer"
    CONTROL = "control"
    CLIPBOARD_IN = "clipboard_in"
    CLIPBOARD_OUT = "clipboard_out"
    FIXES = "fixes"
    REBOOT = "reboot"
    TERMINAL = "terminal"
    TERMINAL_ROOT = "terminal_root"
    FILES_IN = "files_in"
    FILES_OUT = "files_out"
    RECORDING = "recording"
    FORWARD = "forward"
    COLLEAGUES = "colleagues"


class Tier(IntEnum):
    """How far a technician may go; certified in the leaf, bounded by the organisation's technicians list."""

    FIRST = 1
    SECOND = 2
    THIRD = 3


@dataclass(frozen=True, slots=True)
class CapabilityRule:
    """One row of the default table. Tiers are the lowest that may ask; `freshness` is the oldest revocation state in seconds."""

    attended_tier: int
    unattended_tier: int
    guest: bool
    freshness: float
    plain_words: str


DAY = 86400.0

RULES: dict[Capability, CapabilityRule] = {
    Capability.VIEW: CapabilityRule(1, 2, True, 14 * DAY, "see your screen"),
    Capability.CHAT: CapabilityRule(1, 2, True, 14 * DAY, "chat with you"),
    Capability.DIAGNOSTICS: CapabilityRule(1, 1, True, 14 * DAY, "read what state this computer is in"),
    Capability.POINTER: CapabilityRule(1, 2, True, 14 * DAY, "point and draw on your screen"),
    Capability.CONTROL: CapabilityRule(1, 3, True, 14 * DAY, "use your mouse and keyboard"),
    Capability.CLIPBOARD_IN: CapabilityRule(2, 3, False, 14 * DAY, "put text on your clipboard"),
    Capability.CLIPBOARD_OUT: CapabilityRule(2, 3, False, 14 * DAY, "read your clipboard"),
    Capability.FIXES: CapabilityRule(1, 1, False, 7 * DAY, "run fixes that your organisation has approved"),
    Capability.REBOOT: CapabilityRule(2, 3, False, 7 * DAY, "restart this computer"),
    Capability.TERMINAL: CapabilityRule(3, 3, False, 1 * DAY, "type commands as you"),
    Capability.TERMINAL_ROOT: CapabilityRule(3, 3, False, 1 * DAY, "type commands as the administrator"),
    Capability.FILES_IN: CapabilityRule(3, 3, False, 1 * DAY, "put files on this computer"),
    Capability.FILES_OUT: CapabilityRule(3, 3, False, 1 * DAY, "take files from this computer"),
    Capability.RECORDING: CapabilityRule(1, 2, False, 14 * DAY, "record what they see of your screen"),
    Capability.FORWARD: CapabilityRule(3, 3, False, 1 * DAY, "connect to services of this computer"),
    Capability.COLLEAGUES: CapabilityRule(1, 2, False, 14 * DAY, "see who else helps you, and ask you to let colleagues join"),
}
