"""The daemon: the composition root that builds every part of the agent, and the supervisor that keeps them running.

It holds the link to the relay, opens a session for each tunnel that is offered, keeps the organisation's signed files fresh, and
serves the local socket. Nothing here decides what a technician may do: that is `agent.policy`, asked by each session.
"""

import asyncio
import logging
import os
import random
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial

import msgspec

from agent.allowed import AllowedHere
from agent.audit import Audit
from agent.company import Company
from agent.consent import ConsentBroker
from agent.features.base import Feature
from agent.front_desk import FrontDesk
from agent.guest import GuestCode
from agent.home_lock import home_lock
from agent.keeping import Keeper
from agent.keys import EnrolledDevice
from agent.link import LinkClient
from agent.local import LocalServer
from agent.local_messages import SessionOver
from agent.receipts import ReceiptShelf
from agent.recording import note_fault
from agent.releases import StagedReleases
from agent.renewal import keep_certified
from agent.restarting import RestartGrant, RestartGrants
from agent.resuming import HeldSession, WaitingRoom
from agent.retention import TranscriptKeeper, judged_by
from agent.rulebook import allowed_here
from agent.services import Services
from agent.session import AssistedSession
from agent.settings import AgentSettings
from agent.status import RelayStatus, StatusBoard, TrustStatus
from agent.transcripts import FOLDER
from agent.transport import Relay, Tunnel
from agent.trust import TrustStore
from hostio.allocator import share_arenas
from hostio.relay_http import RelayHttp
from hostio.signed_repository import RelayMirror
from hostio.tasks import Supervisor
from protocol.articles import fitting
from protocol.certificates import PublicKey
from protocol.documents import GroupPolicy
from protocol.errors import HandrailError, NeedsUpdate
from protocol.limits import LIMITS, Limits
from protocol.link_messages import Done, Failed, HelpCode, HelpPlace, LinkMessage, RepositoryChanged, Role, TunnelOffer
from protocol.version import PRODUCT

_LOGGER = logging.getLogger(__name__)
HANDSHAKES = 6
HANDSHAKE_WINDOW = 60.0
GOODBYE_SECONDS = 4.0
REFRESH_AFTER_FAILURE = 60.0
REFRESH_JITTER = 1.0


def platform_name() -> str:
    """What this machine is, in a few words, for the technician's list (unverified there)."""
    system = os.uname()
    return f"{system.sysname} {system.release} {system.machine}"[:100]


def release_platform() -> str:
    """Which releases are for this machine: "linux-x86_64"."""
    system = os.uname()
    return f"{system.sysname}-{system.machine}".lower()


class Daemon:
    """One device's agent. `run` ends when `stop` is called or its task is cancelled."""

    def __init__(
        self,
        settings: AgentSettings,
        device: EnrolledDevice,
        features: tuple[type[Feature], ...],
        *,
        renew: Callable[[EnrolledDevice], EnrolledDevice] | None,
        wall: Callable[[], datetime] = lambda: datetime.now(UTC),
        limits: Limits = LIMITS,
        guest: GuestCode | None = None,
        boot: str = "",
    ) -> None:
        """Build everything; nothing runs, listens or is opened yet. `renew` asks the signer for new certificates (it blocks);
        None: these are not renewed. `guest`: the device is not enrolled, and this is its code. `boot` names
        this start of the computer ("": not known, and nothing survives a restart).

        Raises:
            HandrailError: an address or a directory cannot be used.
        """
        self._settings = settings
        self._device = device
        self._features = features
        self._wall = wall
        self._limits = limits
        self._relay = Relay.parse(device.relay, device.relay_spki)
        self.broker = ConsentBroker()
        now = wall().timestamp()
        self.board = StatusBoard(
            device=device.peer,
            label=device.label,
            organisation=device.organisation_name,
            certificate_until=device.not_after.timestamp(),
            relay=RelayStatus(self._relay.origin, "connecting", now, "Not dialled yet."),
        )
        mirror = RelayMirror(RelayHttp(device.relay, device.relay_spki, proxy=settings.link.dialling.proxy), device.organisation)
        self.trust = TrustStore(settings.tuf, device.tuf_root, mirror)
        self.releases = StagedReleases(settings.releases, self.trust, platform=release_platform(), running=PRODUCT)
        self._guest = guest
        self.link = LinkClient(
            self._relay,
            device,
            settings.link,
            self,
            # The relay needs to know nothing of a guest.
            platform=platform_name() if guest is None else "",
            role=Role.DEVICE if guest is None else Role.GUEST,
            wall=wall,
        )
        self.restarts = RestartGrants(settings.restart, boot=boot, wall=lambda: self._wall().timestamp())
        self.waiting = WaitingRoom(
            seconds=settings.session.resume_seconds,
            board=self.board,
            wall=wall,
            live=lambda: list(self._sessions),
            changed=lambda: self.company.changed(),  # noqa: PLW0108 - the company is made after this
        )
        self.desk = FrontDesk(
            self.broker,
            self.board,
            sessions=lambda: [*self._sessions, *self.waiting.sessions],
            send=self.link.send,
            guest=guest,
            receipts=ReceiptShelf(settings.receipts),
            allowed=self._allowed,
            articles=lambda text: fitting(self.trust.articles(), text),
        )
        # A guest's technician cannot come back without its code: nobody is called there.
        self.company = Company(
            call=None if guest is not None else self.desk.call_technician,
            uncall=self.desk.uncall_technician,
            waiting=lambda: self.waiting.sessions,
            wall=wall,
        )
        self.desk.listen_for_calls(self.company.calls.ended)
        self._renew = renew
        self._sessions: set[AssistedSession] = set()
        self._holding: set[asyncio.Task[None]] = set()
        self._failures: deque[float] = deque(maxlen=HANDSHAKES)
        self._tasks = Supervisor(self._task_failed)
        self.keeper = Keeper()
        self._refreshing: asyncio.Task[None] | None = None
        self._presently: asyncio.Task[None] | None = None
        self._news = False  # the relay has spoken of files that nobody has begun to fetch
        self._staging: asyncio.Task[None] | None = None
        self._stop = asyncio.Event()
        self.ready = asyncio.Event()

    async def run(self) -> None:
        """Serve until stopped.

        Raises:
            AlreadyRunning: another daemon serves this home.
            AuditUnavailable, TrustError: the audit record cannot be written, or was edited.
            HandrailError: the local socket cannot be made.
        """
        share_arenas()
        with home_lock(self._settings.lock):
            audit = Audit(self._settings.audit)
            try:
                note_fault(audit, self.board, self._wall().timestamp())
                async with LocalServer(self._settings.socket, self.desk).serving(), self._tasks:
                    self._services = self._lend(audit)
                    self._welcome_back()
                    works = (self.link.run(), "link"), (self._keep_fresh(), "signed files"), (self.desk.watch_over(), "attention")
                    for work, name in works:
                        _ = self._tasks.spawn(work, name)
                    if self._guest is None:
                        _ = self._tasks.spawn(self._transcripts(audit).run(), "old transcripts")
                    if self._renew is not None:
                        certified = keep_certified(
                            lambda: self._device,
                            self._renew,
                            self._take_over,
                            self.board.set_certificate,
                            self._wall,
                            revoked=self._authority_revoked,
                        )
                        _ = self._tasks.spawn(certified, "renewal")
                    self.ready.set()
                    await self._stop.wait()
                    await self._say_goodbye()
            finally:
                audit.close()

    def _transcripts(self, audit: Audit) -> TranscriptKeeper:
        def rules() -> GroupPolicy | None:
            policy = self.trust.policy()
            return None if policy is None else policy.group(self._device.group)

        def now() -> float:
            state = self.trust.state
            return judged_by(self._wall().timestamp(), state.timestamp_issued if state is not None else 0.0)

        def write(action: str, detail: dict[str, str | int | bool]) -> None:
            audit.record(action, detail, at=self._wall().timestamp())

        return TranscriptKeeper(self._settings.home / FOLDER, self._settings.terminal, rules=rules, now=now, write=write)

    def _welcome_back(self) -> None:
        """Let sessions wait that may go on after the restart of the computer; each file counts once."""
        wall, now = self._wall().timestamp(), asyncio.get_running_loop().time()
        for grant in self.restarts.take():
            self.waiting.hold(
                HeldSession(
                    grant.session,
                    name=grant.name,
                    organisation=self._device.organisation_name,
                    tier=grant.tier,
                    technician_key=bytes.fromhex(grant.technician_key),
                    own_key=bytes.fromhex(grant.own_key),
                    kind=grant.kind,
                    grants=dict.fromkeys(grant.granted, now + grant.granted_until - wall),
                    opened_at=grant.opened_at,
                    granted_until=grant.granted_until,
                    paused=grant.paused,
                    after_restart=0.0,
                    asked_for=grant.asked_for,
                    close=partial(self._not_back, grant),
                    restarted=True,
                ),
                grant.until - wall,
            )

    def _allowed(self) -> AllowedHere:
        on = self._settings.fixes.enabled
        return allowed_here(self.trust, self._device, self._wall(), fixes_on=on, guest=self._guest is not None)

    def _not_back(self, grant: RestartGrant, reason: str) -> None:
        _LOGGER.info("session %s does not go on after the restart: %s", grant.session, reason)
        self.desk.announce(SessionOver(grant.session, f"{grant.name} did not come back after the restart: {reason}."))

    def stop(self) -> None:
        """Have `run` end: sessions first, politely."""
        self.releases.stop()
        self._stop.set()

    def _lend(self, audit: Audit) -> Services:
        return Services(
            keys=self._device,
            settings=self._settings,
            trust=self.trust,
            audit=audit,
            broker=self.broker,
            board=self.board,
            features=self._features,
            announce=self.desk.announce,
            draw=self.desk.draw,
            refresh_trust=self.refresh,
            busy=self._busy,
            desktop_taken_by=self._desktop_taken_by,
            wall=self._wall,
            platform=platform_name(),
            limits=self._limits,
            relay=self._relay,
            waiting=self.waiting if self._guest is None else None,
            restarts=self.restarts if self._guest is None else None,
            guest=self._guest,
            keeper=self.keeper,
            company=self.company,
        )

    async def _say_goodbye(self) -> None:
        self.restarts.frozen = True  # should the computer restart: what the user allowed for that stays
        self.waiting.close("the agent is stopping")
        for session in list(self._sessions):
            session.end("the agent is stopping")
        if self._holding:
            await asyncio.wait(self._holding, timeout=GOODBYE_SECONDS)
        await self.keeper.aclose(GOODBYE_SECONDS)

    def _task_failed(self, name: str, error: BaseException) -> None:
        _LOGGER.error("%s failed", name, exc_info=error)
        if name in ("link", "signed files", "renewal"):
            self.stop()

    def _authority_revoked(self, device: EnrolledDevice) -> bool:
        """Whether the CA that certified this device was revoked: technicians hold no session with it until it has a new one."""
        revocation = self.trust.revocation()
        authority = PublicKey.of_certificate(device.chain[1]).fingerprint.hex()
        return revocation is not None and authority in revocation.fingerprints

    def _take_over(self, device: EnrolledDevice) -> None:
        """Use renewed certificates from the next session and login on."""
        self._device = device
        self._services = self._lend(self._services.audit)
        self.link.keys = device
        self.link.redial()

    # -- the relay (`agent.link.LinkListener`) ----------------------------------------------------------------------

    def link_status(self, status: RelayStatus) -> None:
        """The link has changed."""
        before = self.board.relay.state
        self.board.set_relay(status)
        if status.state == "connected":
            self._refresh_presently()
            self.desk.relay_back()
        elif before == "connected":
            self.desk.relay_lost()

    def link_message(self, message: LinkMessage) -> None:
        """The relay has said something; none of it is authority."""
        match message:
            case TunnelOffer():
                self._offered(message)
            case HelpCode():
                self.desk.help_code(message)
            case HelpPlace():
                self.desk.help_place(message)
            case Failed(request=request, text=text):
                self.desk.help_ended(request, f"The relay gave no code: {text}")
            case RepositoryChanged():
                self._refresh_presently()
            case Done():
                pass
            case _:
                _LOGGER.debug("link message %s has no use here", type(message).__name__)

    def _offered(self, offer: TunnelOffer) -> None:
        now = asyncio.get_running_loop().time()
        if len(self._failures) == HANDSHAKES and now - self._failures[0] < HANDSHAKE_WINDOW:
            _LOGGER.warning("a tunnel was offered, but %d failed within a minute: it is ignored", HANDSHAKES)
            return
        secret = ""
        if self._guest is not None:
            secret = self._guest.take()
            if not offer.by_code or not secret:
                _LOGGER.warning("a tunnel was offered to a guest that has no code: it is ignored, and so would be the code")
                return
            self.desk.codes_used("A technician has used the code.")
        elif offer.by_code:
            self.desk.help_ended(offer.request, "A technician has used the code.", used=True)
        task = self._tasks.spawn(self._hold(offer, secret), "session")
        self._holding.add(task)
        task.add_done_callback(self._holding.discard)

    async def _hold(self, offer: TunnelOffer, guest_secret: str) -> None:
        """One session, from its ticket to its end."""
        try:
            tunnel = await Tunnel.open(self._relay, offer.ticket, self._settings.link, max_bytes=self._limits.link_message_bytes)
        except HandrailError as error:
            _LOGGER.warning("a technician could not be reached: %s", error)
            self.desk.announce(SessionOver("", f"The technician could not be reached: {error}"))
            return
        session = AssistedSession(self._services, tunnel, by_code=offer.by_code, guest_secret=guest_secret)
        self._sessions.add(session)
        try:
            await session.run()
        finally:
            self._sessions.discard(session)
            if not session.verified:
                self._failures.append(asyncio.get_running_loop().time())

    def _busy(self, session: AssistedSession) -> str:
        others = [one for one in self._sessions if one is not session and one.verified and not one.asks_who_calls]
        if len(others) < self._settings.session.most:
            return ""
        return f"{len(others)} sessions are open on this computer already. Try again when one of them has ended."

    def _desktop_taken_by(self, session: AssistedSession) -> str:
        return next((one.name for one in self._sessions if one is not session and one.has_desktop), "")

    # -- the organisation's signed files ----------------------------------------------------------------------------

    async def refresh(self) -> None:
        """Fetch newer signed files, once however many ask; failures are shown in the status and change nothing else."""
        await asyncio.shield(self._refresh_soon())

    def _refresh_soon(self) -> asyncio.Task[None]:
        if self._refreshing is None or self._refreshing.done():
            self._refreshing = self._tasks.spawn(self._refresh(), "fetching signed files")
        return self._refreshing

    def _refresh_presently(self) -> None:
        """The relay has said something, to the whole fleet at once perhaps: not all come back in the same moment."""
        self._news = True
        if self._presently is None or self._presently.done():
            self._presently = self._tasks.spawn(self._follow_news(), "newer signed files")

    async def _follow_news(self) -> None:
        """Fetch until no news came while fetching: the last may be the one that revokes somebody."""
        while self._news:
            await asyncio.sleep(random.uniform(0, REFRESH_JITTER))  # noqa: S311 - jitter, not a secret
            while self._refreshing is not None and not self._refreshing.done():
                await asyncio.shield(self._refreshing)  # it may have looked before the news came
            self._news = False
            await self.refresh()

    async def _refresh(self) -> None:
        problem, unreadable = "", False
        try:
            changed = await self.trust.refresh(self._wall())
        except HandrailError as error:
            # Rules that nobody here can read narrow what is allowed, and what was revoked with them was taken over.
            problem, unreadable = str(error), isinstance(error, NeedsUpdate)
            changed = unreadable
        before = self.board.trust.problem
        if problem and problem != before:
            _LOGGER.warning("%s", problem)
        elif before and not problem:
            _LOGGER.info("The organisation's signed files verify again.")
        listed = self.trust.technicians()
        known = len(listed.technicians) if listed else 0
        self.board.set_trust(TrustStatus(self.trust.age(self._wall()), known, problem, self.board.trust.release))
        # Whoever cannot read the rules needs the release that can more than anybody.
        if self._guest is None and (unreadable or (not problem and (changed or self._staging is None))):
            self._stage_presently()
        if changed:
            for session in list(self._sessions):
                session.recheck()

    def _stage_presently(self) -> None:
        if self._staging is None or self._staging.done():
            self._staging = self._tasks.spawn(self._stage(), "release")

    async def _stage(self) -> None:
        """Lay a newer release ready, beside everything else: it is large, and nothing waits for it."""
        try:
            await asyncio.to_thread(self.releases.look)
        except HandrailError as error:
            _LOGGER.warning("the newest release was not laid ready: %s", error)
        sentence = await asyncio.to_thread(self.releases.sentence)
        if sentence != self.board.trust.release:
            _LOGGER.info("%s", sentence or "No newer release is ready any more.")
            self.board.set_trust(msgspec.structs.replace(self.board.trust, release=sentence))

    async def _keep_fresh(self) -> None:
        while True:
            await self.refresh()
            rest = self._settings.trust.refresh_seconds * random.uniform(0.9, 1.1)  # noqa: S311 - jitter, not a secret
            while rest > 0:
                pause = min(rest, REFRESH_AFTER_FAILURE * random.uniform(0.9, 1.1))  # noqa: S311
                await asyncio.sleep(pause)
                if self.board.trust.problem:
                    break  # that look, or one on the relay's word since, failed
                rest -= pause
