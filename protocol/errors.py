"""Every error that leaves `protocol/`.

HandrailError                      anything below; its text is a sentence for the person who reads it
├── ProtocolError                  somebody broke the rules of the wire
│   ├── LocalProtocolError         this side called a machine in a way its state forbids (a bug of ours)
│   └── RemoteProtocolError        the other side sent what it must not send (treat as hostile)
│       ├── LimitExceeded          larger, more or faster than the limits allow
│       └── UndecodableMessage     bytes that are not a message of this protocol
├── TrustError                     a certificate, signature, tag or label did not hold
│   └── NeedsUpdate                a signed document is for a later version; `.reader` is the first one
├── ChannelClosed                  the sealed channel ended; `.clean` tells whether by close_notify
├── Refused                        the other side, or the user, said no; `.reason` is one of `RefusalReason`
└── Unavailable                    not now: offline, no relay, no display; `.retry_after` in seconds or None
"""

from enum import StrEnum


class HandrailError(Exception):
    """Base of every documented error. `str(error)` tells its reader what happened and what to do."""


class ProtocolError(HandrailError):
    """A rule of the wire was broken; see the two subclasses for whose fault it was."""


class LocalProtocolError(ProtocolError):
    """This side used a machine in a way that its present state forbids."""


class RemoteProtocolError(ProtocolError):
    """The other side sent something that it must not send."""


class LimitExceeded(RemoteProtocolError):
    """The other side sent more than the limits allow. Raised before the excess is read."""


class UndecodableMessage(RemoteProtocolError):
    """Bytes that do not decode as a message of this protocol."""


class TrustError(HandrailError):
    """A certificate, signature or tag did not verify. Nothing that depends on it was used."""


class NeedsUpdate(TrustError):
    """A signed document was written for a later version of Handrail: nothing of it was used, because what it forbids is not known
    here. `reader` is the first version that reads it ("> 0.2.0" when the document does not say)."""

    def __init__(self, message: str, *, reader: str) -> None:
        super().__init__(message)
        self.reader = reader


class ChannelClosed(HandrailError):
    """The sealed channel ended. `clean` is False when it was cut short (truncation is possible)."""

    def __init__(self, message: str, *, clean: bool) -> None:
        super().__init__(message)
        self.clean = clean


class RefusalReason(StrEnum):
    """Why something was refused. The values are on the wire and in `--json` output."""

    NOT_GRANTED = "not_granted"
    DENIED_BY_USER = "denied_by_user"
    NO_ANSWER = "no_answer"
    NOBODY_TO_ASK = "nobody_to_ask"
    TIER_TOO_LOW = "tier_too_low"
    POLICY = "policy"
    NOT_ON_LIST = "not_on_list"
    REVOKED = "revoked"
    STALE_TRUST = "stale_trust"
    BUSY = "busy"
    PAUSED = "paused"
    UNSUPPORTED = "unsupported"
    NOT_FOUND = "not_found"
    OFFLINE = "offline"
    EXPIRED = "expired"
    LOCKED = "locked"
    LIMIT = "limit"
    INVALID = "invalid"
    NEEDS_ROOT = "needs_root"
    UNTRUSTED = "untrusted"
    VERSION = "version"
    CHANGED = "changed"
    SHUTTING_DOWN = "shutting_down"


class Refused(HandrailError):
    """The other side, or the person there, said no."""

    def __init__(self, message: str, *, reason: RefusalReason) -> None:
        super().__init__(message)
        self.reason = reason


class Unavailable(HandrailError):
    """Not now. `retry_after` is in seconds, or None when only a person can mend it."""

    def __init__(self, message: str, *, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after
