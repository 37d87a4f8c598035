"""Going on with a session that the network cut: a new tunnel and a new handshake of the same two keys, tried until it works,
until somebody says no, or until the patience is over."""

import asyncio
import logging
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from hostio.errors import TicketRefused
from protocol.errors import HandrailError, RefusalReason, Refused, Unavailable
from protocol.session import SessionState
from technician_client.errors import NotFound, SessionLost
from technician_client.link import Backoff
from technician_client.sessions import Progress, Relay, Session

_LOGGER = logging.getLogger(__name__)
MOST_SECONDS: Final = 10.0
# A device that comes back is for moments unknown, offline or busy; everything else that it says is an answer.
_TRY_AGAIN: Final = frozenset({RefusalReason.BUSY, RefusalReason.LIMIT, RefusalReason.OFFLINE, RefusalReason.SHUTTING_DOWN})


@dataclass(frozen=True, slots=True)
class Waiting:
    """An attempt did not work: `text` says why, the next begins in `retry_in` seconds."""

    text: str
    retry_in: float


def resumable(session: Session) -> bool:
    """Whether a session has ended so that it may go on: it was open, and the network cut it or the computer restarts."""
    ended = session.ended
    if session.guest:
        return False  # nothing but its code leads to a guest, and that is used up
    if ended is None or session.state is not SessionState.ENDED or not session.session_id or not session.last_granted:
        return False
    return ended.cut or ended.resume_seconds > 0


def patience_of(session: Session) -> float:
    """How many seconds to try for."""
    ended = session.ended
    promised = 0.0 if ended is None else ended.resume_seconds
    return promised or max(session.settings.resume_seconds, session.after_restart)


async def resume(
    relay: Relay,
    lost: Session,
    *,
    on_progress: Callable[[Progress], None] | None = None,
    on_waiting: Callable[[Waiting], None] | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> Session:
    """Go on with `lost` (see `resumable`). The agent decides: `Session.resumed` says whether nobody had to be asked.

    Args:
        on_progress: as in `Session.open`, at each attempt. on_waiting: called before each pause between two attempts.

    Raises:
        Refused, TrustError: an answer. SessionLost: the patience is over; its text says what the last attempt met.
    """
    end = clock() + patience_of(lost)
    backoff = Backoff(lost.settings.retry_first_seconds, min(MOST_SECONDS, lost.settings.retry_most_seconds), random.uniform)
    while True:
        try:
            return await Session.open(
                relay,
                device=lost.device,
                wanted=sorted(lost.last_granted),
                reason=lost.reason,
                on_progress=on_progress,
                resume=lost.session_id,
            )
        except (Unavailable, NotFound, SessionLost) as error:
            met: HandrailError = error
        except Refused as error:
            # A ticket is refused when the device's end has left meanwhile: the next attempt asks for another.
            if not isinstance(error, TicketRefused) and error.reason not in _TRY_AGAIN:
                raise
            met = error
        delay = backoff.delay()
        if clock() + delay >= end:
            raise SessionLost(f"The session could not go on: {met}", reason="cut", clean=False) from met
        _LOGGER.info("session %s: %s; next attempt in %.1f s", lost.session_id, met, delay)
        if on_waiting is not None:
            on_waiting(Waiting(str(met), delay))
        await asyncio.sleep(delay)
