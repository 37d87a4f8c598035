"""A technician who is called by name asks the device who calls them, or declines, without opening a session.

The relay's word that somebody is called is a hint and nothing else: what is shown comes from the device, over a tunnel like that
of a session, from a device that is certified and that knows this technician by certificate and signed list.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

from protocol.certificates import Identity
from protocol.errors import HandrailError, RefusalReason, Refused
from protocol.messages.session import Called
from protocol.session import CallTold, Event, SessionEnded
from technician_client.errors import SessionLost
from technician_client.opening import Relay
from technician_client.sessions import Session
from technician_client.verdicts import device_claims

ANSWER_SECONDS: Final = 30.0


@dataclass(frozen=True, slots=True)
class CallAtDevice:
    """Who calls at a device. `label` is the device's, as certified; `said` what its agent tells."""

    label: str
    said: Called


class Knock(Session):
    """A tunnel in which nothing is opened: one question or one no, and its end."""

    told: CallAtDevice | None = None

    def _handle(self, event: Event) -> None:
        if isinstance(event, CallTold):
            self.told = CallAtDevice(device_claims(self.identity).label, event.called)
        else:
            super()._handle(event)

    def _finish(self, ended: SessionEnded) -> None:
        if ended.clean and not self._opened.done():
            self._opened.set_result(None)
        super()._finish(ended)


async def who_calls(relay: Relay, device: str, *, accept: Callable[[Identity], None] | None = None) -> CallAtDevice | None:
    """Ask the device of this id. None: nobody calls this technician there (any more).

    Raises:
        HandrailError: it cannot be asked, or is not the device it should be.
    """
    try:
        return await _knock(relay, device, "look", "", accept)
    except Refused as error:
        if error.reason is RefusalReason.NOT_FOUND:
            return None
        raise


async def decline(relay: Relay, device: str, reason: str, *, accept: Callable[[Identity], None] | None = None) -> None:
    """Say that this technician will not come; `reason` is for whoever called ("": none is given).

    Raises:
        Refused: nobody calls them there any more. HandrailError: it cannot be said.
    """
    await _knock(relay, device, "decline", reason, accept)


async def _knock(
    relay: Relay, device: str, answer: Literal["look", "decline"], reason: str, accept: Callable[[Identity], None] | None
) -> CallAtDevice | None:
    offer = await relay.ask(device)
    knock = Knock(relay, offer, device=device, wanted=(), reason=reason, accept=accept, answers=answer)
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            await knock._start(relay)
            await knock.wait_ended()
    except TimeoutError as error:
        raise SessionLost("The device did not answer in time. Try again.", reason="no_answer", clean=False) from error
    finally:
        await knock._close()
    if answer == "look" and knock.told is None:
        raise HandrailError("The device did not say who calls. Update it.")
    return knock.told
