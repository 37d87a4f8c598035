"""Session codes: nine digits that lead a technician to a device of the same organisation, once. Pure.

A code is a rendezvous, never authority: whoever redeems it still has to prove itself to the agent end to end. What is limited
here is nuisance: five wrong codes in ten minutes per technician, fifty per organisation, then a lock until they have aged.
"""

from collections.abc import Callable
from dataclasses import dataclass

from protocol.errors import RefusalReason, Refused
from protocol.limits import LIMITS, Limits
from relay.ratelimit import SlidingWindow

CODES = 1_000_000_000
# The largest multiple of CODES that fits in four bytes: above it, drawing again keeps every code equally likely.
FAIR = (2**32 // CODES) * CODES


class CodeLocked(Refused):
    """Too many wrong codes. `organisation` tells whether it is the whole organisation's lock."""

    def __init__(self, seconds: float, *, organisation: bool) -> None:
        who = "your organisation" if organisation else "you"
        minutes = max(1, round(seconds / 60))
        super().__init__(
            f"Too many wrong codes from {who}; wait {minutes} min, then ask the user for a new code.", reason=RefusalReason.LOCKED
        )
        self.organisation = organisation


class WrongCode(Refused):
    """No such code stands."""

    def __init__(self) -> None:
        super().__init__(
            "No such code; check the nine digits, or ask the user for a new one (a code lives ten minutes and works once).",
            reason=RefusalReason.NOT_FOUND,
        )


@dataclass(frozen=True, slots=True)
class Code:
    """One code that stands. `deadline` is monotonic, `since` wall seconds; `request` is the device's own number for it; `tier`
    and `peer` as in `HelpRequest`."""

    organisation: str
    device: str
    request: int
    code: str
    text: str
    since: float
    deadline: float
    tier: int = 0
    peer: str = ""


class CodeBook:
    """Every code that stands, at most one per device. Lost with the process: agents ask again when they reconnect."""

    def __init__(self, random_bytes: Callable[[int], bytes], limits: Limits = LIMITS) -> None:
        self._random_bytes = random_bytes
        self._limits = limits
        self._by_code: dict[tuple[str, str], Code] = {}
        self._by_device: dict[tuple[str, str], Code] = {}
        window = limits.code_window_seconds
        self._wrong_technician = SlidingWindow(limits.code_wrong_per_technician, window)
        self._wrong_organisation = SlidingWindow(limits.code_wrong_per_organisation, window)

    def issue(
        self, organisation: str, device: str, request: int, text: str, *, now: float, wall: float, tier: int = 0, peer: str = ""
    ) -> Code:
        """A new code for the device; an older one of the same device is void."""
        self._forget(self._by_device.get((organisation, device)))
        digits = self._draw(organisation)
        code = Code(organisation, device, request, digits, text, wall, now + self._limits.code_seconds, tier, peer)
        self._by_code[organisation, digits] = self._by_device[organisation, device] = code
        return code

    def look(self, organisation: str, technician: str, digits: str, now: float) -> Code:
        """The code a technician typed; it still stands afterwards (see `consume`).

        Raises:
            CodeLocked: too many wrong ones before; a right one is refused as well.
            WrongCode: NOT_FOUND; counted as a wrong one.
        """
        for window, key in ((self._wrong_technician, (organisation, technician)), (self._wrong_organisation, organisation)):
            wait = window.retry_after(key, now)
            if wait > 0:
                raise CodeLocked(wait, organisation=window is self._wrong_organisation)
        code = self._by_code.get((organisation, digits))
        if code is None or code.deadline <= now:
            self._wrong_technician.hit((organisation, technician), now)
            self._wrong_organisation.hit(organisation, now)
            raise WrongCode
        return code

    def consume(self, code: Code) -> None:
        """The code has led somewhere and is void."""
        self._forget(code)

    def cancel(self, organisation: str, device: str, request: int) -> bool:
        """The device's user changed their mind. True when there was such a code."""
        code = self._by_device.get((organisation, device))
        if code is None or code.request != request:
            return False
        self._forget(code)
        return True

    def leave(self, organisation: str, device: str) -> None:
        """A guest is gone, and does not come back: whatever code it had is void."""
        self._forget(self._by_device.get((organisation, device)))

    def waiting(self, organisation: str, device: str, now: float) -> Code | None:
        """The device's standing code, if its user waits for help."""
        code = self._by_device.get((organisation, device))
        return code if code is not None and code.deadline > now else None

    def standing(self) -> list[Code]:
        """Every code, the one that was asked for first in front."""
        return sorted(self._by_code.values(), key=lambda code: (code.deadline, code.device))

    def expire(self, now: float) -> list[Code]:
        """Take out the codes whose time is over; the caller tells whoever watches."""
        gone = [code for code in self._by_code.values() if code.deadline <= now]
        for code in gone:
            self._forget(code)
        return gone

    def locked_organisations(self, now: float) -> int:
        """How many organisations are locked: a number to alert on."""
        return len(self._wrong_organisation.blocked_keys(now))

    def _draw(self, organisation: str) -> str:
        while True:
            number = int.from_bytes(self._random_bytes(4))
            digits = f"{number % CODES:09d}"
            if number < FAIR and (organisation, digits) not in self._by_code:
                return digits

    def _forget(self, code: Code | None) -> None:
        if code is not None:
            self._by_code.pop((code.organisation, code.code), None)
            if self._by_device.get((code.organisation, code.device)) is code:
                del self._by_device[code.organisation, code.device]
