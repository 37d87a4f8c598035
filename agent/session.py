"""One assisted session: the I/O shell round `protocol.session.AgentSession`.

Bytes of the tunnel go in, events come out and are acted on, frames leave at once and no faster than the network takes them. Every
message is decided again before a feature sees it. The session ends when the technician, the person here, policy or the network
ends it, and always leaves a record and a receipt.
"""

import asyncio
import logging
import secrets
from dataclasses import replace

from agent.being_called import answer_call
from agent.company import shares_chat
from agent.errors import AuditUnavailable
from agent.holds import Holds
from agent.hosting import FeatureHost
from agent.local_messages import SessionOver
from agent.opening import Gate, Opening, gate_for
from agent.policy import ALONE, SessionKind
from agent.recording import Leaving, SessionRecord
from agent.resuming import HeldSession
from agent.services import Services
from agent.session_view import SessionView
from agent.standing import Standing
from agent.transport import Tunnel
from hostio.tasks import Alarm, Supervisor
from protocol.capabilities import Capability
from protocol.certificates import Identity
from protocol.errors import HandrailError, RefusalReason, Refused
from protocol.messages import Lane, Message, rule_of
from protocol.messages.chat import ChatMessage
from protocol.messages.session import CapabilityAsk, Hello
from protocol.printable import printable
from protocol.session import (
    AgentSession,
    CapabilityAsked,
    CapabilityExpired,
    CapabilityReturned,
    ConsentNeeded,
    EndRequested,
    Event,
    MessageReceived,
    MessageRefused,
    SessionEnded,
    SessionState,
    UnknownReceived,
)
from protocol.version import PRODUCT

_LOGGER = logging.getLogger(__name__)
CHUNK_BYTES = 32 * 1024
REFRESH_SECONDS = 8.0
FAREWELL_SECONDS = 2.0
ENDS_THE_SESSION = frozenset({RefusalReason.EXPIRED, RefusalReason.REVOKED, RefusalReason.NOT_ON_LIST})


class AssistedSession:
    """One technician's session with this machine, from the tunnel's first byte to its last. Event loop only."""

    def __init__(self, services: Services, tunnel: Tunnel, *, by_code: bool, guest_secret: str = "") -> None:
        """Args: guest_secret: on a device that is not enrolled, the secret half of its code, used up by this session."""
        self.id = secrets.token_hex(8)
        self._services = services
        self._tunnel = tunnel
        self._by_code = by_code
        self._loop = asyncio.get_running_loop()
        keys, trust = services.keys, services.trust
        self.machine = AgentSession(
            keys.key,
            keys.chain,
            keys.root,
            label=keys.label,
            wall=services.wall,
            policy_version=trust.policy_version,
            limits=services.limits,
            product=f"handrail-agent/{PRODUCT}",
            platform=services.platform,
            guest_secret=guest_secret,
            guest_text=services.guest.text if services.guest is not None else "",
        )
        self._alarm = Alarm(self._ring)
        self._dirty = asyncio.Event()
        self._tasks = Supervisor(self._task_failed)
        self._gate: Gate | None = None
        self._asked: ConsentNeeded | None = None
        self._opening: Opening | None = None
        self._opened_at = 0.0
        self._grant_until = 0.0
        self._asked_for = ""
        self._gone = asyncio.Event()
        self._view: SessionView | None = None
        self._host: FeatureHost | None = None
        self._backlog: list[Message] = []
        self._holds = Holds(self.machine, services, changed=self._held, end=self.end)
        self._ended: SessionEnded | None = None
        self._over = False
        self._record = SessionRecord(
            self.id, audit=services.audit, board=services.board, keys=keys, settings=services.settings, wall=services.wall
        )

    # -- running ----------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Until the session is over; whatever happens, features are closed and the end is recorded."""
        try:
            async with self._tasks:
                writer = self._tasks.spawn(self._write(), "tunnel writer")
                _ = self._tasks.spawn(self._recheck(), "re-check")
                _ = self._tasks.spawn(self._holds.run(), "local input")
                self._settle()
                await self._read()
                self._settle()
                # Also after an error: the other side should see a close, not a cut.
                seconds = self._services.limits.hello_seconds if self._ended is None else FAREWELL_SECONDS
                await asyncio.wait([writer], timeout=seconds)
        finally:
            self._holds.close()
            self._alarm.set(None)
            try:
                if self._host is not None:
                    await self._host.close()
                if not self._wait_for_return():
                    self._close(self._ended.reason if self._ended else "the agent stopped")
                    self._services.board.drop_session(self.id)
            finally:
                self._services.company.leave(self._view)
            self._gone.set()
            await self._tunnel.close()

    async def _read(self) -> None:
        while self._ended is None:
            data = await self._tunnel.receive()
            if data is None:
                self.machine.receive_eof(self._loop.time())
                return
            self.machine.receive_data(data, self._loop.time())
            self._settle()
            # Input is handled before anything that came with it.
            self._backlog.sort(key=lambda message: rule_of(message).lane is not Lane.INPUT)
            while self._backlog:
                await self._deliver(self._backlog.pop(0))

    async def _write(self) -> None:
        """Seal and send piece by piece: what is not sealed yet can still be overtaken."""
        while True:
            await self._dirty.wait()
            self._dirty.clear()
            while self.machine.has_data and (data := self.machine.data_to_send(CHUNK_BYTES)):
                if not await self._tunnel.send(data):
                    break
            self._settle(wake=False)
            if self._ended is not None:
                # Last words are out; closing wakes the reader.
                await self._tunnel.close()
                return

    def _ring(self) -> None:
        self.machine.handle_deadline(self._loop.time())
        self._settle()

    def _settle(self, *, wake: bool = True) -> None:
        """Act on what has happened, let out what there is to say, and set the clock."""
        for event in self.machine.events():
            self._act(event)
        if wake and self.machine.has_data:
            self._dirty.set()
        self._alarm.set(self.machine.next_deadline())

    def _task_failed(self, name: str, error: BaseException) -> None:
        _LOGGER.error("session %s: %s failed", self.id, name, exc_info=error)
        self.end("the agent had a fault and closed the session")

    # -- events -----------------------------------------------------------------------------------------------------

    def _act(self, event: Event) -> None:
        match event:
            case ConsentNeeded():
                self._asked = event
                _ = self._tasks.spawn(self._open(event) if not event.call else self._answer(event), "opening")
            case MessageReceived(message=message):
                self._backlog.append(message)
            case CapabilityAsked():
                _ = self._tasks.spawn(self._widen(event), f"asking for {event.capability}")
            case CapabilityReturned(capability=capability):
                self._lost(capability, "technician")
            case CapabilityExpired(capability=capability):
                self._lost(capability, "expiry")
            case MessageRefused(tag=tag, reason=reason):
                _LOGGER.info("session %s: %s was refused (%s)", self.id, tag, reason.value)
            case UnknownReceived(tag=tag):
                _LOGGER.warning("session %s: unknown message %s ignored", self.id, printable(tag))
            case EndRequested(reason=reason):
                self._end(f"ended by the technician: {reason}" if reason else "ended by the technician")
            case SessionEnded():
                self._ended = event
                self._dirty.set()
            case _:
                raise AssertionError(f"not an agent's event: {event}")

    async def _open(self, needed: ConsentNeeded) -> None:
        services, now = self._services, self._loop.time
        held: HeldSession | None = None
        try:
            self._gate = await self._prepare(needed)
            held = await self._reclaim(needed)
            opening = await self._decide(needed) if held is None else self._go_on(held)
            self._opened_at = services.wall().timestamp() if held is None else held.opened_at
            self._grant_until = services.wall().timestamp() + opening.seconds
            self._record.write(
                "session opened" if held is None else "session resumed",
                {
                    "technician": needed.identity.display_name,
                    "technician_id": needed.identity.peer,
                    "granted": ", ".join(opening.granted),
                    "unattended": opening.kind is SessionKind.UNATTENDED,
                    "seconds": int(opening.seconds),
                },
            )
        except Refused as error:
            if held is not None:
                held.end(f"policy: {error}")
            self._deny(needed, error.reason, str(error))
            return
        except AuditUnavailable as error:
            _LOGGER.error("session refused: %s", error)
            if held is not None:
                held.end("the audit record cannot be kept")
            self._deny(needed, RefusalReason.LIMIT, f"This computer cannot keep its audit record, so nothing begins. {error}")
            return
        if self.machine.state is not SessionState.CONSENT:
            if held is not None and services.waiting is not None:
                services.waiting.hold(held)
            return
        self._opening = opening
        self._view = SessionView(
            self.id,
            self.machine,
            services,
            self._gate,
            self._record,
            kind=opening.kind,
            wake=self._dirty.set,
            show=self._show,
            revoke=self.revoke,
            comes_back=opening.after_restart,
        )
        self._host = FeatureHost(self._view, services.features)
        self._holds.begin(self._host, self._gate)
        unattended = opening.kind is SessionKind.UNATTENDED
        self.machine.welcome(
            list(opening.granted),
            opening.seconds,
            self.id,
            now(),
            unattended=unattended,
            resumed=held is not None,
            after_restart=opening.after_restart,
            until=None if held is None else held.grants,
        )
        services.keeper.retain(self.id, opening.granted)
        if held is not None and held.paused:
            self.pause(True)
        if not unattended:
            # After a restart the person's windows may need a while: as long as the technician may come back.
            restarted = held is not None and held.restarted
            self._holds.watch(held.wait_until - services.wall().timestamp() if held and restarted else 0.0)
        self._survive()
        if services.guest is not None:
            _ = self._tasks.spawn(self._end_in_time(services.limits.guest_seconds), "a guest's time")
        for capability, decision in opening.left_out.items():
            assert decision.reason is not None
            self.machine.refuse(0, _tag(Hello), decision.reason, decision.sentence, now(), capability=capability)
        how = "resumed" if held is not None else "without asking, as policy allows" if unattended else "with consent"
        _LOGGER.info("session %s: %s has %s (%s)", self.id, self.name, ", ".join(opening.granted), how)
        services.company.join(self._view)
        self._show()
        self._settle()

    async def _end_in_time(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
        self.end(f"a guest's session lasts {seconds / 60:.0f} minutes at most")

    async def _prepare(self, needed: ConsentNeeded) -> Gate:
        """What decides about this technician, by the newest signed files that there are.

        Raises:
            Refused: no further session may open.
        """
        services = self._services
        self._asked_for = needed.reason
        # A guest begins with no signed files at all.
        if max(needed.timestamp_version, 1) > services.trust.timestamp_version:
            await self._fetch_newer()
        if not needed.call and (busy := services.busy(self)):
            raise Refused(busy, reason=RefusalReason.BUSY)
        return gate_for(needed.identity, services, taken_by=lambda: services.desktop_taken_by(self))

    async def _reclaim(self, needed: ConsentNeeded) -> HeldSession | None:
        """The session that is to go on, if our own record and both keys say that it may."""
        waiting = self._services.waiting
        if waiting is None or not needed.resume:
            return None
        return await waiting.reclaim(needed.resume, needed.identity, self._services.keys.key.public.fingerprint)

    def _go_on(self, held: HeldSession) -> Opening:
        """Take over what was granted; raises as `Gate.resume`."""
        assert self._gate is not None
        opening = self._gate.resume(list(held.grants), held.kind, max(held.grants.values()) - self._loop.time())
        if held.record is not None:  # the same session, in a new tunnel
            self.id, self._record = held.id, held.record
            self._asked_for = held.asked_for
        return replace(opening, after_restart=0.0 if held.restarted else held.after_restart)

    async def _decide(self, needed: ConsentNeeded) -> Opening:
        assert self._gate is not None
        self._record.write(
            "session asked",
            {
                "technician": needed.identity.display_name,
                "technician_id": needed.identity.peer,
                "wanted": ", ".join(needed.wanted),
                "by_code": self._by_code,
            },
        )
        restarts = self._services.restarts
        with self._services.company.calls.coming(needed.identity.peer):
            return await self._gate.open(
                needed.wanted,
                needed.reason,
                needed.sas,
                by_code=self._by_code,
                on_wait=self._waiting,
                # How long after a restart they ask to come back; 0 where that cannot be.
                after_restart=needed.after_restart if restarts is not None and restarts.possible else 0.0,
            )

    def _waiting(self, seconds: float) -> None:
        if self.machine.state is SessionState.CONSENT:
            self.machine.consent_pending(seconds, self._loop.time())
            self._settle()

    async def _answer(self, needed: ConsentNeeded) -> None:
        """They ask who calls them, or decline: nothing is opened, and the person here need not hear of it."""
        answer = await answer_call(needed, await self._prepare(needed), self._services.company.calls, self._record)
        self._over = True
        if self.machine.state is SessionState.CONSENT:
            answer(self.machine, self._loop.time())
        self._settle()

    def _deny(self, needed: ConsentNeeded, reason: RefusalReason, sentence: str) -> None:
        name = printable(needed.identity.display_name)
        _LOGGER.info("session of %s refused (%s): %s", name, reason.value, sentence)
        self._over = True
        self._record.write_anyway("session refused", {"technician_id": needed.identity.peer, "reason": reason.value})
        self._services.announce(SessionOver("", f"{name} was refused: {sentence}"))
        if self.machine.state is SessionState.CONSENT:
            self.machine.deny(reason, sentence, self._loop.time())
        self._settle()

    async def _widen(self, asked: CapabilityAsked) -> None:
        assert self._gate is not None
        assert self._opening is not None
        try:
            seconds = await self._gate.widen(asked.capability, asked.reason, self._opening.kind)
            self._record.write("capability granted", {"capability": asked.capability.value})
        except HandrailError as error:
            reason = error.reason if isinstance(error, Refused) else RefusalReason.LIMIT
            if self.machine.state is SessionState.OPEN:
                self.machine.refuse(
                    asked.request, _tag(CapabilityAsk), reason, str(error), self._loop.time(), capability=asked.capability
                )
        else:
            if self.machine.state is SessionState.OPEN:
                self.machine.grant(asked.capability, asked.request, seconds, self._loop.time())
        self._show()
        self._settle()

    async def _deliver(self, message: Message) -> None:
        """Decide again, for this one message, then hand it over."""
        if self._host is None or self._view is None or self._gate is None or self.machine.state is not SessionState.OPEN:
            return
        capability = rule_of(message).capability
        if capability is not None:
            decision = self._gate.decide(capability, self._kind, self.machine.granted)
            if decision.reason is not None:
                self._view.refuse_sparingly(message, decision.reason, decision.sentence)
                if decision.reason in ENDS_THE_SESSION:
                    self.end(f"policy: {decision.sentence}")
                return
        await self._host.deliver(message)

    async def _recheck(self) -> None:
        while True:
            await asyncio.sleep(self._services.limits.recheck_seconds)
            if self.machine.state is SessionState.OPEN:
                await self._fetch_newer()  # a relay that says nothing of newer files must not keep them away for longer
            self.recheck()

    async def _fetch_newer(self) -> None:
        try:
            async with asyncio.timeout(REFRESH_SECONDS):
                await self._services.refresh_trust()
        except TimeoutError:
            _LOGGER.warning("session %s: newer signed files did not come in time; the ones here decide", self.id)

    def recheck(self) -> None:
        """Certificate, list, revocation and policy are judged again: every few minutes, and when newer signed files have come."""
        if self._gate is None or self._opening is None or self.machine.state is not SessionState.OPEN:
            return
        self._gate.look_again()
        session = self._gate.check_session(self._kind)
        if not session.allowed:
            self.end(f"policy: {session.sentence}")
            return
        for capability in self.machine.granted:
            if not self._gate.decide(capability, self._kind).allowed:
                self.revoke(capability, "policy")
        self._survive()
        self._holds.look_again()

    # -- what the person here, the daemon and policy do --------------------------------------------------------------

    def end(self, reason: str) -> None:
        """End politely; the technician gets checkpoint and receipt."""
        self._end(reason)
        self._settle()

    def _end(self, reason: str) -> None:
        if self.machine.state in (SessionState.ENDING, SessionState.ENDED):
            return
        leaving = self._close(reason)
        opening, restarts = self._opening, self._services.restarts
        back = opening.after_restart if opening is not None and restarts is not None and restarts.frozen else 0.0
        checkpoint, receipt = leaving.checkpoint, leaving.receipt
        self.machine.end(reason, self._loop.time(), checkpoint, receipt, resume_seconds=back, proof=leaving.proof)

    def pause(self, paused: bool) -> None:
        """Hold everything back, or let it go on."""
        self._holds.set("user", paused)

    def revoke(self, capability: Capability, by: str) -> None:
        """Take one capability away."""
        if capability in self.machine.granted:
            self.machine.revoke(capability, by, self._loop.time())
            self._lost(capability, by)
            self._settle()

    def say(self, text: str) -> None:
        """One line of chat from the person here.

        Raises:
            Refused: the technician may not chat in this session.
        """
        if self._view is None or Capability.CHAT not in self.machine.granted:
            raise Refused("Chat is not part of this session.", reason=RefusalReason.NOT_GRANTED)
        self._view.send(ChatMessage(text, self._services.wall().timestamp()))

    def is_between(self, identity: Identity, own_key: bytes) -> bool:
        """Whether it was opened between these two keys."""
        asked, own = self._asked, self._services.keys.key.public.fingerprint
        return (
            asked is not None
            and self._opening is not None
            and (asked.identity.fingerprint, own) == (identity.fingerprint, own_key)
        )

    async def give_way(self) -> None:
        """The same technician has come by another tunnel: lose this one as if it had been cut, and wait until that is done."""
        self.machine.receive_eof(self._loop.time())
        self._settle()
        await self._tunnel.close()
        await self._gone.wait()

    def _wait_for_return(self) -> bool:
        """The network ended it: keep what is granted for a while, so that it can go on. False: it is over."""
        services, standing = self._services, self._standing()
        if services.waiting is None or standing is None or not standing.grants or self._ended is None or not self._ended.cut:
            return False
        self._record.write_anyway("connection lost", {})
        standing.survive(services)
        services.waiting.hold(standing.held(services, self._close, self._record))
        return True

    @property
    def verified(self) -> bool:
        """Whether a certified technician is (or was) at the other end."""
        return self._asked is not None

    @property
    def asks_who_calls(self) -> bool:
        """Whether it is no session, but a question that is answered at once."""
        return self._asked is not None and bool(self._asked.call)

    @property
    def has_desktop(self) -> bool:
        """Whether the technician has what only one of them at a time can have."""
        return self.machine.state is SessionState.OPEN and bool(ALONE & self.machine.granted)

    @property
    def shares_chat(self) -> bool:
        """Whether what the person here says in it is for every technician who is here."""
        return self._view is not None and shares_chat(self._view)

    @property
    def name(self) -> str:
        """Who it is, for people."""
        return printable(self._asked.identity.display_name) if self._asked else "somebody"

    @property
    def _kind(self) -> SessionKind:
        return SessionKind.ATTENDED if self._opening is None else self._opening.kind

    @property
    def _tier(self) -> int:
        return 0 if self._gate is None else self._gate.technician.tier

    def _lost(self, capability: Capability, by: str) -> None:
        self._record.write_anyway("capability revoked", {"capability": capability.value, "by": by})
        if self._host is not None and self._view is not None:
            self._view.lost(capability)
            self._host.lost(capability)
        self._survive()
        self._show()

    def _held(self, by: str) -> None:
        """A hold has begun or ended."""
        assert self._view is not None
        self._view.let_out()
        if by == "unwatched":
            self._record.write_anyway("held back" if self.machine.paused else "not held back any more", {"by": by})
        self._show()
        self._settle()

    def _standing(self) -> Standing | None:
        """What there is to remember of this session; None before it was open and after its end."""
        opening, asked = self._opening, self._asked
        if opening is None or asked is None or self._over:
            return None
        return Standing(
            self.id,
            name=self.name,
            tier=self._tier,
            identity=asked.identity,
            opening=opening,
            grants=self.machine.granted_until,
            paused=self._holds.by_person,
            opened_at=self._opened_at,
            granted_until=self._grant_until,
            asked_for=self._asked_for,
        )

    def _survive(self) -> None:
        standing = self._standing()
        if standing is not None:
            standing.survive(self._services)

    def _close(self, reason: str) -> Leaving:
        """Record the end, once, and tell whoever is attached."""
        if self._over:
            return Leaving()
        self._over = True
        self._services.keeper.end(self.id, reason)
        if self._services.restarts is not None:
            self._services.restarts.forget(self.id)
        asked, opening = self._asked, self._opening
        if asked is None or opening is None:
            self._services.announce(SessionOver("", f"Nothing was opened for {self.name}: {printable(reason)}."))
            return Leaving()
        leaving = self._record.close(
            asked.identity,
            tier=self._tier,
            asked_for=self._asked_for,
            unattended=self._kind is SessionKind.UNATTENDED,
            opened_at=self._opened_at,
            because=reason,
            witness=self.machine.witness,
        )
        _LOGGER.info("session %s is over: %s", self.id, printable(reason))
        path = leaving.path if self._services.guest is None else ""  # a guest keeps nothing: `agent.guest_cli` shows it
        self._services.announce(SessionOver(self.id, f"The session of {self.name} is over: {printable(reason)}.", path))
        return leaving

    @property
    def _recorded(self) -> bool:
        return self._view is not None and self._view.recording

    def _show(self) -> None:
        """Tell everybody who is attached what this session may do now."""
        self._holds.look_again()
        standing = self._standing()
        if standing is not None and self.machine.state is SessionState.OPEN:
            self._services.board.set_session(standing.status(self._services.keys.organisation_name, recording=self._recorded))
        self._services.company.changed()


def _tag(kind: type[Message]) -> str:
    tag = kind.__struct_config__.tag
    assert isinstance(tag, str)
    return tag
