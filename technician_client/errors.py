"""The technician's own errors, beside those of `protocol.errors` and `hostio.errors`. Each text says what to do.

HandrailError
├── NotSetUp          there is no identity or organisation on this computer yet
├── NotFound          no such device, code, fix or group
├── Ambiguous         several devices answer to the words given; `.candidates` lists them
├── SessionLost       a session ended before its work was done; `.reason` names why
└── Unavailable
    └── DeviceOffline      the relay answers, the device does not
"""

from collections.abc import Sequence

from protocol.errors import HandrailError, Unavailable


class NotSetUp(HandrailError):
    """There is no technician identity (or organisation) in the home directory. The text says how to get one."""


class NotFound(HandrailError):
    """Nothing answers to the id, label, code or name that was given."""


class Ambiguous(HandrailError):
    """Several devices answer to what was given; `candidates` are their ids."""

    def __init__(self, message: str, *, candidates: Sequence[str]) -> None:
        super().__init__(message)
        self.candidates = tuple(candidates)


class SessionLost(HandrailError):
    """The session ended before the work was done. `reason` is the machine's word for it, `clean` whether it was said or cut."""

    def __init__(self, message: str, *, reason: str, clean: bool) -> None:
        super().__init__(message)
        self.reason = reason
        self.clean = clean


class DeviceOffline(Unavailable):
    """The relay is there and knows the device, but the device is not connected."""
