"""A technician who was called by name asks who calls them and what for, or declines, before they come.

Their program does so when the relay has hinted that they are meant. The hint proves nothing and the answer does not come from the
relay: whoever asks is certified and on the signed list like for a session, and is told only what was meant for them. The person
here has read that note and agreed to the call; nothing is opened, and nobody is asked.
"""

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING

from agent.errors import AuditUnavailable
from agent.policy import SessionKind
from protocol.errors import RefusalReason, Refused
from protocol.printable import printable
from protocol.session import AgentSession, ConsentNeeded

if TYPE_CHECKING:
    from agent.calling import Calling
    from agent.opening import Gate
    from agent.recording import SessionRecord

_LOGGER = logging.getLogger(__name__)
Answer = Callable[[AgentSession, float], None]
"""What the machine is to say, at a moment of its clock; it ends with that."""


async def answer_call(needed: ConsentNeeded, gate: "Gate", calls: "Calling", record: "SessionRecord") -> Answer:
    """Tell who calls, or take the no.

    Args:
        needed: whose `call` is `look` or `decline`.
        record: where it is written down before it counts.
    """
    peer, declines = needed.identity.peer, needed.call == "decline"
    try:
        decision = gate.check_session(SessionKind.ATTENDED)
        if decision.reason is not None:
            raise Refused(decision.sentence, reason=decision.reason)
        calls.called_by_name(peer)
        record.write("call declined" if declines else "call shown", {"technician_id": peer})
        if declines:
            calls.declines(peer, printable(needed.reason))
            return lambda machine, now: machine.end("declined", now)
        called = calls.who_calls(peer)
    except Refused as error:
        why = error
        _LOGGER.info("%s asked who calls them: %s", printable(needed.identity.display_name), why)
        return lambda machine, now: machine.deny(why.reason, str(why), now)
    except AuditUnavailable as error:
        text = f"This computer cannot keep its audit record, so nothing is told. {error}"
        return lambda machine, now: machine.deny(RefusalReason.LIMIT, text, now)
    return lambda machine, now: machine.tell_call(called, now)
