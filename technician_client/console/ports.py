"""What the console needs of the rest of the technician's side, as small interfaces.

The console is written against these, so that its tests drive it with an in-memory session and the product with
`technician_client.sessions` (joined in `console.adapter`).
"""

from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from protocol.capabilities import Capability
from protocol.link_messages import DeviceRow
from protocol.messages import Message
from technician_client.colleagues import Colleague
from technician_client.fleet_fixes import FixEvent, FixOrder
from technician_client.knocking import CallAtDevice
from technician_client.known import KnownDevice
from technician_client.published import Library
from technician_client.transfers import Channel


@dataclass(frozen=True, slots=True)
class Person:
    """Who is at this console: the certified display name and tier, the organisation's id and the relay's address."""

    name: str
    tier: int
    organisation: str
    relay: str


@dataclass(frozen=True, slots=True)
class RelayState:
    """Whether the control link to the relay stands, and if not, one sentence about why. `retry_in`: seconds until it is tried
    again (0: now). `refused`: it is not tried again."""

    online: bool
    text: str = ""
    retry_in: float = 0.0
    refused: bool = False


@dataclass(frozen=True, slots=True)
class Standing:
    """This technician's identity and way to the relay. `fingerprint` (hex) is of the session key, `spki` the relay's pinned key
    (hex, "": the system's authorities vouch for it); `round_trip` in seconds, None while the relay is away; `renewable`: it can
    be renewed from here."""

    peer: str
    organisation_name: str
    fingerprint: str
    not_before: datetime
    not_after: datetime
    renewal_from: datetime
    renewable: bool
    spki: str
    round_trip: float | None


@dataclass(frozen=True, slots=True)
class DevicesUpdate:
    """Rows that were added or changed. `replace`: this is the whole list."""

    devices: tuple[DeviceRow, ...]
    replace: bool = False


FleetEvent = RelayState | DevicesUpdate


@dataclass(frozen=True, slots=True)
class Target:
    """What to open: exactly one of `code` (nine digits; a guest's has a dash and eight characters more) and `device` (an id).
    `after_restart`: also ask to be let back in once within so many seconds after a restart (0: do not ask)."""

    code: str = ""
    device: str = ""
    after_restart: float = 0.0


@dataclass(frozen=True, slots=True)
class DeviceConnected:
    """The sealed channel stands. `label` and `peer` are certified; `sas` are the six digits both screens show; `by_code`: a code
    led here, so that they have to be compared; `guest`: it is not enrolled, it knows the code, nobody certifies it and its screen
    shows no digits (`sas` ""); `text` is what the person there says is wrong."""

    label: str
    peer: str
    sas: str
    by_code: bool
    guest: bool = False
    text: str = ""


@dataclass(frozen=True, slots=True)
class ConsentAsked:
    """A person is being asked; after `seconds` without an answer the answer is No."""

    seconds: float


OpenProgress = DeviceConnected | ConsentAsked


@dataclass(frozen=True, slots=True)
class GrantsNow:
    """The whole set of granted capabilities after a change."""

    granted: frozenset[Capability]


@dataclass(frozen=True, slots=True)
class SessionOver:
    """The session ended. `reason` is the machine's word, `text` the sentence for people; `clean`: said, not cut; `receipt`: the
    agent's JSON, may be empty; `resumable`: it may go on by `RelayPort.resume`."""

    reason: str
    clean: bool
    by_peer: bool
    text: str = ""
    receipt: bytes = b""
    resumable: bool = False


SessionEvent = Message | GrantsNow | SessionOver


class RemoteSession(Protocol):
    """One open session with one device. All methods are called on the event loop."""

    @property
    def channel(self) -> Channel:
        """What files and the clipboard go through, beside `events`."""

    @property
    def session_id(self) -> str:
        """The agent's id for it, as it stands in receipts."""

    @property
    def unattended(self) -> bool:
        """Nobody was asked: policy allowed it."""

    @property
    def seconds(self) -> float:
        """How long the grant lasts, counted from the welcome."""

    @property
    def after_restart(self) -> float:
        """Within how many seconds after a restart of the computer it may go on once (0: the user did not say so)."""

    @property
    def granted(self) -> frozenset[Capability]:
        """What is granted now."""

    @property
    def round_trip(self) -> float | None:
        """Seconds to the device and back, smoothed, or None before the first ping."""

    @property
    def round_trip_last(self) -> float | None:
        """Seconds of the last ping, or None before the first."""

    def send(self, message: Message) -> None:
        """Send one message.

        Raises:
            HandrailError: the session is not open (any more).
        """

    def events(self) -> AsyncIterator[SessionEvent]:
        """Everything the agent says, in order, ending with one `SessionOver`. Not reading holds the agent's stream back."""

    async def ask(self, capability: Capability, reason: str) -> None:
        """Ask for one capability more and wait for the answer.

        Raises:
            Refused: the user or the policy said no.
        """

    async def end(self, reason: str) -> None:
        """End politely. May be called more than once."""


class RelayPort(Protocol):
    """The technician's standing at the relay."""

    @property
    def person(self) -> Person:
        """Who is logged in."""

    @property
    def peer(self) -> str:
        """This technician's id."""

    @property
    def recordings_key(self) -> bytes:
        """What this technician's recordings are sealed with."""

    def watch(self) -> AsyncIterator[FleetEvent]:
        """The state of the link and every device, first as they are now, then each change. Any number may watch."""

    def watch_known(self) -> AsyncIterator[Mapping[str, KnownDevice]]:
        """What earlier sessions have told about devices, by id: first everything, then what changes."""

    async def standing(self) -> Standing:
        """Who we are and how long that holds; measures the way to the relay."""

    async def renew(self) -> Standing:
        """Have the certificate renewed now.

        Raises:
            HandrailError: it could not be renewed; the text says why.
        """

    async def fix_library(self) -> Library:
        """The approved fixes, fetched and verified now.

        Raises:
            HandrailError: the relay is away, or something does not verify.
        """

    async def colleagues(self) -> Sequence[Colleague]:
        """The other technicians who are logged in now, by name.

        Raises:
            HandrailError: the relay is away, or the signed list cannot be had.
        """

    async def who_calls(self, device: str) -> CallAtDevice | None:
        """Ask a device, end to end, who calls this technician there. None: nobody does.

        Raises:
            HandrailError: it cannot be asked, or is not the device it should be.
        """

    async def decline_call(self, device: str, reason: str) -> None:
        """Say to a device that this technician will not come; `reason` "": none is given.

        Raises:
            Refused: nobody calls them there any more. HandrailError: it cannot be said.
        """

    async def recording_days(self, devices: Sequence[str]) -> Mapping[str, int]:
        """How many days recordings of these devices may be kept, by the organisation's policy for their groups (0 or missing: it
        does not say). A device whose group is not known here is of the default one."""

    async def run_fix(self, order: FixOrder, on_event: Callable[[FixEvent], None]) -> None:
        """Run a fix on devices. Cancelling ends it everywhere.

        Raises:
            HandrailError: it could not even begin (no relay).
        """

    async def open(
        self,
        target: Target,
        wanted: Sequence[Capability],
        reason: str,
        on_progress: Callable[[OpenProgress], None],
    ) -> RemoteSession:
        """Open a session; returns once the agent has welcomed us.

        Raises:
            HandrailError: its text says what happened and what to do.
        """

    def demand_step_up(self, capabilities: Iterable[Capability], tier: int = 0) -> None:
        """Look whether these may be asked for without typing the passphrase again.

        Raises:
            StepUpNeeded: call `step_up` first.
        """

    async def step_up(self, passphrase: str) -> None:
        """The person has typed their passphrase again.

        Raises:
            TrustError: it is wrong. Refused: too many were wrong.
        """

    async def resume(self, lost: RemoteSession, on_progress: Callable[[OpenProgress], None]) -> RemoteSession:
        """Go on with a session of this port that ended `resumable`; tries for a while, and returns once the agent has
        welcomed us. When it says `ConsentAsked`, the agent does not simply go on, and asks anew.

        Raises:
            HandrailError: it does not go on; its text says why.
        """


RelayPortFactory = Callable[[], AbstractAsyncContextManager[RelayPort]]
