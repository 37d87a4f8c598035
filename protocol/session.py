"""One assisted session, from either end: `AgentSession` and `TechnicianSession` with every event they emit.

The machine, its states and its events are in `session_core`; each side's conversation is in `agent_session` and
`technician_session`.
"""

from protocol.agent_session import AgentSession
from protocol.session_core import (
    CallTold,
    CapabilityAsked,
    CapabilityExpired,
    CapabilityReturned,
    Connected,
    ConsentNeeded,
    ConsentWaiting,
    DeniedByAgent,
    EndRequested,
    Event,
    GrantsChanged,
    MessageReceived,
    MessageRefused,
    Opened,
    SessionCore,
    SessionEnded,
    SessionState,
    UnknownReceived,
)
from protocol.technician_session import TechnicianSession

__all__ = [
    "AgentSession",
    "CallTold",
    "CapabilityAsked",
    "CapabilityExpired",
    "CapabilityReturned",
    "Connected",
    "ConsentNeeded",
    "ConsentWaiting",
    "DeniedByAgent",
    "EndRequested",
    "Event",
    "GrantsChanged",
    "MessageReceived",
    "MessageRefused",
    "Opened",
    "SessionCore",
    "SessionEnded",
    "SessionState",
    "TechnicianSession",
    "UnknownReceived",
]
