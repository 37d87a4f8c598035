"""Keeping the device's certificate young: a new one at two thirds of its life, for the same key, from the organisation's signer.

An expired certificate may still be used, for up to a year, to ask for a new one and for nothing else: a laptop that comes back
from a long leave mends itself once it reaches the relay.
"""

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime
from typing import Protocol, TypeVar

from protocol.enrolment import renewal_due
from protocol.errors import HandrailError

_LOGGER = logging.getLogger(__name__)
LOOK_SECONDS = 3600.0
RETRY_SECONDS = 900.0


class Certified(Protocol):
    """What is looked at."""

    @property
    def not_before(self) -> datetime:
        """Since when it is valid."""

    @property
    def not_after(self) -> datetime:
        """Until when it is valid."""


D = TypeVar("D", bound=Certified)


def certificate_problem(device: Certified, wall: datetime) -> str:
    """A sentence about a certificate that this computer's clock does not agree with; "" when all is well."""
    if wall < device.not_before:
        return (
            f"This computer's clock says {wall:%Y-%m-%d %H:%M} UTC, but its certificate is valid from "
            f"{device.not_before:%Y-%m-%d %H:%M} UTC on. Set the clock right; until then no session can begin."
        )
    if wall >= device.not_after:
        return (
            f"This computer's certificate ran out on {device.not_after:%Y-%m-%d %H:%M} UTC by its own clock "
            f"({wall:%Y-%m-%d %H:%M} UTC). If the clock is right, a new one comes by itself as soon as the relay and the "
            "organisation's signer answer."
        )
    return ""


async def keep_certified(
    current: Callable[[], D],
    renew: Callable[[D], D],
    take_over: Callable[[D], None],
    report: Callable[[str, float], None],
    wall: Callable[[], datetime],
    *,
    revoked: Callable[[D], bool] = lambda _: False,
    look_seconds: float = LOOK_SECONDS,
    retry_seconds: float = RETRY_SECONDS,
) -> None:
    """Look every hour for ever. `revoked`: the authority behind a certificate is trusted no more, so that a new one is due at
    once, however young this one is. `renew` blocks and runs in a worker thread; `report` gets a sentence ("" when all is well)
    and when the certificate runs out (seconds since 1970)."""
    told = ""
    while True:
        device, now = current(), wall()
        problem, pause = certificate_problem(device, now), look_seconds
        due = renewal_due(device.not_before, device.not_after, now) or revoked(device)
        if now >= device.not_before and due:
            try:
                device = await asyncio.to_thread(renew, device)
            except HandrailError as error:
                pause = retry_seconds
                problem = f"{problem} The certificate could not be renewed: {error}".strip()
            else:
                take_over(device)
                problem = certificate_problem(device, now)
                _LOGGER.info("The certificate was renewed; it is valid until %s.", f"{device.not_after:%Y-%m-%d %H:%M} UTC")
        if problem and problem != told:
            _LOGGER.warning("%s", problem)
        told = problem
        report(problem, device.not_after.timestamp())
        await asyncio.sleep(pause)
