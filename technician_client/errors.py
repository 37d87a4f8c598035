"""The errors that the technician's side adds to `protocol.errors`. Each text is a sentence that says what to do.

HandrailError
├── NotSetUp          there is no identity or organisation on this computer yet
├── NotFound          no such device, code, fix or group
├── Ambiguous         several devices answer to the words given; `.candidates` lists them
├── UnreadableFile    a file that was named on the command line cannot be read
├── SessionLost       a session ended before its work was done; `.reason` names why
└── Unavailable
    ├── RelayUnreachable   the relay does not answer
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


class UnreadableFile(HandrailError):
    """A file that was named on the command line cannot be read: it is not there, or not for this user."""


class SessionLost(HandrailError):
    """The session ended before the work was done. `reason` is the machine's word for it, `clean` whether it was said or cut."""

    def __init__(self, message: str, *, reason: str, clean: bool) -> None:
        super().__init__(message)
        self.reason = reason
        self.clean = clean


class RelayUnreachable(Unavailable):
    """No connection to the relay could be made, or it ended and did not come back."""


class DeviceOffline(Unavailable):
    """The relay is there and knows the device, but the device is not connected."""
