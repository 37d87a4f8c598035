"""Joins the console's ports to the relay client and the sessions of this package."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Final

from protocol.capabilities import Capability
from protocol.certificates import TechnicianClaims, check_chain
from protocol.errors import HandrailError, LocalProtocolError, Refused
from protocol.link_messages import DevicesChanged, Role
from protocol.messages import Message
from protocol.messages.clipboard import ClipboardPart, ClipboardSet, ClipboardStored
from protocol.messages.files import FileEnd, FileEntries, FilePiece, FileReady, FileResult, FileStored
from protocol.messages.forward import ForwardClosed, ForwardCredit, ForwardData, ForwardEnd, ForwardOpened
from protocol.session import GrantsChanged, SessionEnded
from technician_client.answers import SessionItem
from technician_client.colleagues import Colleague, colleagues_online
from technician_client.console.office import Learner, Office
from technician_client.console.ports import (
    ConsentAsked,
    DeviceConnected,
    DevicesUpdate,
    FleetEvent,
    GrantsNow,
    OpenProgress,
    Person,
    RelayState,
    RemoteSession,
    SessionEvent,
    SessionOver,
    Standing,
    Target,
)
from technician_client.fleet_fixes import FixEvent, FixOrder
from technician_client.knocking import CallAtDevice, decline, who_calls
from technician_client.known import KnownDevice
from technician_client.link import LinkChanged, LinkState, RelayClient, TechnicianKeys
from technician_client.published import Library
from technician_client.recordings.store import recordings_key
from technician_client.renewing import Renewer
from technician_client.resuming import resumable, resume
from technician_client.sessions import Progress, Session, Stage
from technician_client.settings import Settings
from technician_client.step_up import StepUp
from technician_client.subscriptions import Subscription

BESIDE: Final = (
    *(FileReady, FileStored, FilePiece, FileEnd, FileResult, FileEntries, ClipboardPart, ClipboardStored, ClipboardSet),
    *(ForwardOpened, ForwardData, ForwardEnd, ForwardCredit, ForwardClosed),
)
"""What does not go to the page: whoever asked for it has subscribed to it."""
SESSION_ITEMS: Final = 32
"""How many messages of one session may wait for the browser before the tunnel is no longer read."""


def person_of(keys: TechnicianKeys) -> Person:
    """Who these keys certify.

    Raises:
        TrustError: the certificate does not lead to the organisation's root, or has run out.
    """
    identity = check_chain(
        list(keys.chain), root_der=keys.root, expected=Role.TECHNICIAN, purpose="session", wall=datetime.now(UTC)
    )
    tier = identity.claims.tier if isinstance(identity.claims, TechnicianClaims) else 0
    return Person(identity.display_name, tier, identity.organisation, keys.relay_url)


class SessionAdapter:
    """A `Session` as `console.ports.RemoteSession`."""

    def __init__(self, session: Session, learner: Learner | None = None) -> None:
        """Args: learner: told what the agent says."""
        self.inner = self._session = session
        self._learner = learner
        # Subscribed before anything else runs on the loop, so that nothing the agent says is missed.
        self._items: Subscription[SessionItem] = session.subscribe(
            limit=SESSION_ITEMS, where=lambda item: not isinstance(item, BESIDE)
        )

    @property
    def channel(self) -> Session:
        """See `RemoteSession`."""
        return self._session

    @property
    def session_id(self) -> str:
        """See `RemoteSession`."""
        return self._session.session_id

    @property
    def unattended(self) -> bool:
        """See `RemoteSession`."""
        return self._session.unattended

    @property
    def seconds(self) -> float:
        """See `RemoteSession`."""
        return self._session.seconds

    @property
    def after_restart(self) -> float:
        """See `RemoteSession`."""
        return self._session.after_restart

    @property
    def granted(self) -> frozenset[Capability]:
        """See `RemoteSession`."""
        return self._session.granted

    @property
    def round_trip(self) -> float | None:
        """See `RemoteSession`."""
        return self._session.round_trip

    @property
    def round_trip_last(self) -> float | None:
        """See `RemoteSession`."""
        return self._session.round_trip_last

    def send(self, message: Message) -> None:
        """See `RemoteSession`."""
        self._session.send(message)

    async def events(self) -> AsyncIterator[SessionEvent]:
        """See `RemoteSession`."""
        with self._items:
            async for item in self._items:
                match item:
                    case GrantsChanged(granted=granted):
                        yield GrantsNow(granted)
                    case SessionEnded():
                        break
                    case Message():
                        if self._learner is not None:
                            self._learner.hear(item)
                        yield item
                    case _:
                        continue
        ended = await self._session.wait_ended()
        text, may_go_on = self._session.end_text, resumable(self._session)
        yield SessionOver(ended.reason, ended.clean, ended.by_peer, text, ended.receipt, may_go_on)

    async def ask(self, capability: Capability, reason: str) -> None:
        """See `RemoteSession`."""
        refusal = await self._session.refusal_of(capability, reason)
        if refusal is not None:
            text = refusal.text or "The request was turned down."
            raise Refused(text, reason=refusal.reason)

    async def end(self, reason: str) -> None:
        """See `RemoteSession`."""
        await self._session.end(reason)


class RelayAdapter:
    """A `RelayClient` as `console.ports.RelayPort`."""

    def __init__(self, client: RelayClient, step_up: StepUp | None = None, renewer: Renewer | None = None) -> None:
        self._client = client
        self.office = Office(client, renewer)
        self._step_up = step_up
        self._person = person_of(client.identity)

    @property
    def person(self) -> Person:
        """See `RelayPort`."""
        return self._person

    @property
    def peer(self) -> str:
        """See `RelayPort`."""
        return self._client.peer

    @property
    def recordings_key(self) -> bytes:
        """See `RelayPort`."""
        return recordings_key(self._client.identity.key)

    async def watch(self) -> AsyncIterator[FleetEvent]:
        """See `RelayPort`."""
        with self._client.subscribe(LinkChanged, DevicesChanged) as events:
            yield _relay_state(self._client.state)
            if self._client.state.state is LinkState.ONLINE:
                async for update in self._all_devices():
                    yield update
            async for event in events:
                match event:
                    case LinkChanged(state=state):
                        yield _relay_state(event)
                        if state is LinkState.ONLINE:
                            async for update in self._all_devices():
                                yield update
                    case DevicesChanged(devices=devices):
                        yield DevicesUpdate(tuple(devices))
                    case _:
                        continue

    async def _all_devices(self) -> AsyncIterator[FleetEvent]:
        try:
            yield DevicesUpdate(tuple(await self._client.devices()), replace=True)
        except HandrailError as error:
            # The link went away again meanwhile; its own event follows. Until then the page says why the list is old.
            yield RelayState(False, str(error))

    async def open(
        self,
        target: Target,
        wanted: Sequence[Capability],
        reason: str,
        on_progress: Callable[[OpenProgress], None],
    ) -> SessionAdapter:
        """See `RelayPort`."""

        self.demand_step_up(wanted)
        session = await Session.open(
            self._client,
            code=target.code or None,
            device=target.device or None,
            wanted=wanted,
            reason=reason,
            on_progress=_passing_on(on_progress),
            accept=self.office.known.remember,
            after_restart=target.after_restart,
        )
        return SessionAdapter(session, self.office.met(session.device))

    def watch_known(self) -> AsyncIterator[Mapping[str, KnownDevice]]:
        """See `RelayPort`."""
        return self.office.watch_known()

    async def standing(self) -> Standing:
        """See `RelayPort`."""
        return await self.office.standing()

    async def renew(self) -> Standing:
        """See `RelayPort`."""
        return await self.office.renew()

    async def fix_library(self) -> Library:
        """See `RelayPort`."""
        return await self.office.fix_library()

    async def recording_days(self, devices: Sequence[str]) -> Mapping[str, int]:
        """See `RelayPort`."""
        return await self.office.recording_days(devices)

    async def colleagues(self) -> Sequence[Colleague]:
        """See `RelayPort`."""
        return await colleagues_online(self._client)

    async def who_calls(self, device: str) -> CallAtDevice | None:
        """See `RelayPort`."""
        return await who_calls(self._client, device, accept=self.office.known.remember)

    async def decline_call(self, device: str, reason: str) -> None:
        """See `RelayPort`."""
        await decline(self._client, device, reason, accept=self.office.known.remember)

    async def run_fix(self, order: FixOrder, on_event: Callable[[FixEvent], None]) -> None:
        """See `RelayPort`."""
        await self.office.run_fix(order, on_event)

    def demand_step_up(self, capabilities: Iterable[Capability], tier: int = 0) -> None:
        """See `RelayPort`."""
        if self._step_up is not None:
            self._step_up.demand(capabilities, tier)

    async def step_up(self, passphrase: str) -> None:
        """See `RelayPort`."""
        if self._step_up is not None:
            await self._step_up.prove(passphrase)

    async def resume(self, lost: RemoteSession, on_progress: Callable[[OpenProgress], None]) -> SessionAdapter:
        """See `RelayPort`."""
        if not isinstance(lost, SessionAdapter):
            raise LocalProtocolError("that session is not one of this relay's")
        session = await resume(self._client, lost.inner, on_progress=_passing_on(on_progress))
        return SessionAdapter(session, Learner(self.office.known, session.device))


def _connected(progress: Progress) -> DeviceConnected:
    # A guest's screen shows no digits: its code has proved more than they could.
    sas = "" if progress.guest else progress.sas
    return DeviceConnected(progress.label, progress.device, sas, progress.by_code, progress.guest, progress.text)


def _passing_on(on_progress: Callable[[OpenProgress], None]) -> Callable[[Progress], None]:
    def pass_on(progress: Progress) -> None:
        match progress.stage:
            case Stage.CONNECTED:
                on_progress(_connected(progress))
            case Stage.CONSENT:
                on_progress(ConsentAsked(progress.seconds))
            case Stage.ASKING | Stage.TUNNEL | Stage.OPEN:
                pass

    return pass_on


def _relay_state(change: LinkChanged) -> RelayState:
    refused = change.state is LinkState.REFUSED
    return RelayState(change.state is LinkState.ONLINE, change.text, change.retry_in, refused)


@asynccontextmanager
async def relay_port(
    identity: TechnicianKeys,
    settings: Settings,
    renew: Callable[[TechnicianKeys], Awaitable[TechnicianKeys]] | None = None,
    step_up: StepUp | None = None,
) -> AsyncIterator[RelayAdapter]:
    """A logged-in relay client for the console, closed again afterwards. Waits for a relay that is away.

    `renew` as in `RelayClient`; `step_up`: when the passphrase was last typed (None: it is never asked for again).

    Raises:
        TrustError, Refused: this identity cannot be used.
    """
    client = RelayClient(identity, settings, renew=renew)
    adapter = RelayAdapter(client, step_up, renew if isinstance(renew, Renewer) else None)
    await client.connect(keep_trying=True)
    try:
        async with adapter.office.known.in_background():
            yield adapter
    finally:
        await client.close()
