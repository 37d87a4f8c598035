"""`handrail signer`: the organisation's online part. It only dials out: to the relay, as the signer of its organisation.

Two jobs run side by side. The *link* answers enrolments and renewals from the mailbox, one at a time, and acknowledges each
after its answer is with the relay. The *publisher* looks at the spool every second, publishes what carries enough signatures,
renews the timestamp before it expires, and uploads. Both survive the relay's absence: everything that waits is on disk, here
or there.
"""

import asyncio
import logging
import os
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from hostio.private_files import PrivateFileError, read_private
from hostio.relay_http import RelayHttp
from hostio.relay_websocket import open_websocket
from protocol.approvals import is_request
from protocol.certificate_profile import load_certificate
from protocol.certificates import PrivateKey, Role
from protocol.enrolment import check_clock
from protocol.errors import (
    HandrailError,
    LocalProtocolError,
    RefusalReason,
    Refused,
    RemoteProtocolError,
    TrustError,
    Unavailable,
)
from protocol.link import LinkError, LinkMessageReceived, LinkReady, LinkRefused, PeerLink
from protocol.link_messages import Done, Failed, LinkMessage, MailAck, MailDeliver, MailSend, Reconnect, UploadAsk, UploadTicket
from protocol.relay_address import parse_relay_url
from technician_client.organisation.approval_desk import ApprovalDesk
from technician_client.organisation.foundation import CA_KEYS, LOGIN_KEY, SNAPSHOT_KEY, TIMESTAMP_KEY
from technician_client.organisation.issuing import Authority, Issuer
from technician_client.organisation.lists import published_lists
from technician_client.organisation.metadata import TufSigner
from technician_client.organisation.mirroring import refresh_published
from technician_client.organisation.publishing import Publisher, SignerLock, Standing, fingerprint_of
from technician_client.organisation.record import OrganisationHome, OrganisationRecord
from technician_client.organisation.repository import Repository
from technician_client.organisation.spool import Spool
from technician_client.organisation.tokens import Records
from technician_client.organisation.vault import KeyDirectory
from technician_client.settings import Settings

_LOGGER = logging.getLogger(__name__)
CERTIFICATE_BYTES = 8 * 1024
MAIL_KINDS = ("enrolment", "renewal")
SPOOL_SECONDS = 1.0
PUBLISH_SECONDS = 60.0
ROOM_SECONDS = 5.0
CALL_SECONDS = 30.0
WARN_BEFORE = timedelta(days=14)


@dataclass(frozen=True, slots=True)
class SignerKeys:
    """The opened keys and certificates of a signer."""

    record: OrganisationRecord
    login_key: PrivateKey
    login_leaf: bytes
    authorities: dict[Role, Authority]
    snapshot: TufSigner
    timestamp: TufSigner


def open_signer(home: OrganisationHome, passphrase: bytes) -> SignerKeys:
    """Open everything the signer needs.

    Raises:
        NotSetUp: there is no registered organisation here, or not its signer's keys.
        TrustError: the passphrase is wrong, or a file is damaged.
    """
    record = home.registered()
    keys = KeyDirectory(home.signer_keys, passphrase)
    authorities = {role: Authority(_certificate(home, name), keys.get(name)) for role, name in CA_KEYS.items()}
    return SignerKeys(
        record=record,
        login_key=keys.get(LOGIN_KEY),
        login_leaf=_certificate(home, LOGIN_KEY),
        authorities=authorities,
        snapshot=TufSigner(keys.get(SNAPSHOT_KEY)),
        timestamp=TufSigner(keys.get(TIMESTAMP_KEY)),
    )


def _certificate(home: OrganisationHome, name: str) -> bytes:
    try:
        return read_private(home.certificate(name), CERTIFICATE_BYTES, secret=False)
    except FileNotFoundError as error:
        raise TrustError(f"{home.certificate(name)} is missing. Restore organisation/signer from your backup.") from error


class Signer:
    """The running signer."""

    def __init__(
        self, home: OrganisationHome, keys: SignerKeys, settings: Settings, *, tell: Callable[[str], None] = _LOGGER.info
    ) -> None:
        """Args: tell: one line for a person, whenever something happens.

        Raises:
            Unavailable: another signer runs in this directory, or the records cannot be opened.
        """
        self._home = home
        self._keys = keys
        self._settings = settings
        self._tell = tell
        self._address = parse_relay_url(keys.record.relay)
        self._http = RelayHttp(keys.record.relay, keys.record.relay_spki, proxy=settings.proxy, timeout=settings.request_seconds)
        repository = Repository(home.repository)
        self._repository = repository
        self._publisher = Publisher(keys.record, repository, Spool(home.spool, repository), keys.snapshot, keys.timestamp)
        self._lock = SignerLock(home.signer / "running.lock")
        self._records = Records(home.records)
        self._issuer = Issuer(
            keys.record, keys.authorities, self._records, lambda: published_lists(repository), random_bytes=os.urandom
        )
        ledger = home.signer / "approvals.json"
        spool = Spool(home.spool, repository)
        self._desk = ApprovalDesk(keys.record, repository, spool, ledger, keys.login_key, keys.login_leaf)
        self._machine: PeerLink | None = None
        self._socket: ClientConnection | None = None
        self._pending: dict[int, asyncio.Future[LinkMessage]] = {}
        self._mail: asyncio.Queue[MailDeliver] = asyncio.Queue()
        self._last_request = 0
        self._ready = asyncio.Event()
        self._upload_due = asyncio.Event()
        self._told: set[str] = set()
        self._rest = 0.0

    async def run(self) -> None:
        """Run until cancelled. While the disk is full nothing is published or enrolled, and nothing is lost.

        Raises:
            HandrailError: something that waiting cannot mend (damaged repository).
        """
        try:
            await self._prepare_in_room()
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._keep_link(), name="link")
                tasks.create_task(self._keep_published(), name="publisher")
                tasks.create_task(self._keep_uploaded(), name="upload")
                tasks.create_task(self._keep_answering(), name="mail")
        except ExceptionGroup as group:
            documented = group.subgroup(HandrailError)
            if documented is not None:
                raise _first(documented) from group
            raise
        finally:
            if self._socket is not None:
                await self._socket.close()
            self._records.close()
            self._lock.release()

    # -- link

    async def _keep_link(self) -> None:
        delay = self._settings.retry_first_seconds
        while True:
            started = time.monotonic()
            self._rest = 0.0
            try:
                await self._once()
                text = "the relay ended the connection"
            except (Unavailable, Refused, TrustError) as error:
                text = str(error)
                if not isinstance(error, Unavailable):
                    self._rest = max(self._rest, self._settings.retry_most_seconds)
            if time.monotonic() - started > 30:
                delay = self._settings.retry_first_seconds
            wait = max(self._rest, random.uniform(delay / 2, delay))  # noqa: S311 - jitter, not a secret
            self._tell(f"No link: {text} Trying again in {wait:.0f} s.")
            delay = min(self._settings.retry_most_seconds, delay * 2)
            await asyncio.sleep(wait)

    async def _once(self) -> None:
        """One connection, from dialling to its end."""
        record, limits = self._keys.record, self._settings.limits
        socket = await open_websocket(
            self._address,
            "/link",
            spki=record.relay_spki,
            dialling=self._settings.dialling,
            max_bytes=limits.link_message_bytes,
        )
        machine = PeerLink(
            Role.SIGNER,
            self._keys.login_key,
            [self._keys.login_leaf],
            self._address.origin,
            f"signer of {record.name}",
            "",
            time.monotonic(),
        )
        self._socket, self._machine = socket, machine
        try:
            while not machine.closed:
                deadline = machine.next_deadline()
                timeout = None if deadline is None else max(0.0, deadline - time.monotonic())
                try:
                    async with asyncio.timeout(timeout):
                        data = await socket.recv(decode=False)
                    machine.receive_data(data, time.monotonic())
                except TimeoutError:
                    machine.handle_deadline(time.monotonic())
                self._handle_events(machine)
                await self._flush()
        except ConnectionClosed:
            return
        finally:
            self._ready.clear()
            self._machine = self._socket = None
            for future in self._pending.values():
                future.cancel()
            self._pending.clear()
            while not self._mail.empty():  # the relay delivers them again
                self._mail.get_nowait()
            await socket.close()

    def _handle_events(self, machine: PeerLink) -> None:
        for event in machine.events():
            match event:
                case LinkReady():
                    self._tell(f"Connected to {self._address.origin} as the signer of {self._keys.record.name}.")
                    self._told.clear()
                    self._ready.set()
                    self._upload_due.set()
                case LinkMessageReceived(message=message):
                    self._handle(message)
                case LinkRefused(reason=reason, text=text):
                    advice = " Renew the signer's login with `handrail org renew`." if reason is RefusalReason.EXPIRED else ""
                    raise Refused(f"The relay refused the signer: {text}{advice}", reason=reason)
                case LinkError(text=text):
                    raise Unavailable(text)
                case _:
                    _LOGGER.info("ignored: %r", event)

    def _handle(self, message: LinkMessage) -> None:
        match message:
            case MailDeliver():
                self._mail.put_nowait(message)
            case UploadTicket(request=request) | Done(request=request) | Failed(request=request):
                future = self._pending.pop(request, None)
                if future is not None and not future.done():
                    future.set_result(message)
            case Reconnect(seconds=seconds):
                self._rest = min(max(seconds, 0.0), 60.0)
            case _:
                _LOGGER.debug("ignored: %r", message)

    async def _call(self, make: Callable[[int], LinkMessage]) -> LinkMessage:
        """Send a request and wait for its answer.

        Raises:
            Unavailable: the link went away.
        """
        async with asyncio.timeout(CALL_SECONDS):
            await self._ready.wait()
            self._last_request = self._last_request % (2**32 - 1) + 1
            request = self._last_request
            answer: asyncio.Future[LinkMessage] = asyncio.get_running_loop().create_future()
            self._pending[request] = answer
            await self._send(make(request))
            try:
                return await answer
            except asyncio.CancelledError as error:
                current = asyncio.current_task()
                if current is not None and current.cancelling():
                    raise
                raise Unavailable("the link to the relay went away") from error

    async def _send(self, message: LinkMessage) -> None:
        if self._machine is None:
            raise Unavailable("the link to the relay went away")
        try:
            self._machine.send(message, time.monotonic())
        except LocalProtocolError as error:
            raise Unavailable("the link to the relay went away") from error
        await self._flush()

    async def _flush(self) -> None:
        machine, socket = self._machine, self._socket
        if machine is None or socket is None:
            return
        try:
            for data in machine.data_to_send():
                await socket.send(data)
        except ConnectionClosed:
            _LOGGER.debug("the link ended while sending; its reader reports it")

    # -- mailbox

    async def _keep_answering(self) -> None:
        while True:
            mail = await self._mail.get()
            while not await self._answered(mail):  # noqa: ASYNC110 - a disk tells nobody when there is room on it
                await asyncio.sleep(ROOM_SECONDS)

    async def _answered(self, mail: MailDeliver) -> bool:
        """Answer, or leave it to the next connection: what is not acknowledged comes again. False: this computer has no room for
        the answer now, and it is to be tried again."""
        try:
            await self._answer(mail)
        except (Unavailable, TimeoutError) as error:
            self._tell(f"A request could not be answered yet: {_words(error)}")
            if isinstance(error, Unavailable) and error.retry_after is not None:
                return False
            await asyncio.sleep(SPOOL_SECONDS)
        except PrivateFileError as error:
            if not error.no_room:
                raise
            self._tell(f"A request could not be answered yet: {error}")
            return False
        return True

    async def _answer(self, mail: MailDeliver) -> None:
        if mail.kind in MAIL_KINDS:
            try:
                body, line = await asyncio.to_thread(self._answer_to, mail.body)
            except RemoteProtocolError as error:
                self._tell(f"Ignored a document that is no request: {error}")
            else:
                kind = f"{mail.kind}.answer"
                reply = await self._call(lambda request: MailSend(request, mail.sender, kind, body))
                if isinstance(reply, Failed):
                    self._tell(f"An answer found nobody: {reply.text}")
                elif line:
                    self._tell(line)
        else:
            self._tell(f"Ignored mail of the unknown kind {mail.kind!r}.")
        await self._send(MailAck(mail.mail))

    def _answer_to(self, document: bytes) -> tuple[bytes, str]:
        """The answer to a document of the mailbox, and a line about it."""
        if is_request(document):
            return self._desk.answer(document, _now())
        return self._issuer.answer(document, _now()), "Answered a request (enrolment)."

    # -- publishing

    async def _prepare(self) -> None:
        prepared = await asyncio.to_thread(self._publisher.prepare, _now())
        for role in prepared.published:
            self._tell(f"Published {role}.")
        for waiting in prepared.waiting:
            self._tell_once(f"{waiting.role} {waiting.text}.")
        if prepared.changed:
            self._upload_due.set()

    async def _prepare_in_room(self) -> None:
        """`_prepare`, as soon as the disk takes it: what is decided waits in the spool, and what is published stays so."""
        full = False
        while True:
            try:
                await self._prepare()
            except PrivateFileError as error:
                if not error.no_room:
                    raise
                if not full:
                    self._tell(f"Nothing new is published: {error} It goes on by itself then.")
                full = True
                await asyncio.sleep(ROOM_SECONDS)
            else:
                if full:
                    self._tell("There is room on the disk again.")
                return

    async def _keep_published(self) -> None:
        seen: tuple[tuple[str, int, int], ...] = ()
        looked = time.monotonic()
        while True:
            self._warn_of_expiry()
            await asyncio.sleep(SPOOL_SECONDS)
            now = fingerprint_of(self._home.spool)
            if now != seen or time.monotonic() - looked > PUBLISH_SECONDS:
                # What it looked like before is remembered: a decision that comes while this one is published is news next time.
                seen, looked = now, time.monotonic()
                await self._prepare_in_room()

    async def _keep_uploaded(self) -> None:
        while True:
            await self._upload_due.wait()
            await self._ready.wait()
            self._upload_due.clear()
            try:
                standing = await asyncio.to_thread(self._publisher.compare, self._http)
                self._compare_clocks()
                if standing is Standing.SAME:
                    continue
                if standing is Standing.OVERTAKEN:
                    await self._take_over()
                    continue
                ticket = await self._call(UploadAsk)
                if not isinstance(ticket, UploadTicket):
                    raise Unavailable("the relay gave no upload ticket")
                sent = await asyncio.to_thread(self._publisher.upload, self._http, ticket.ticket)
                self._tell(f"Uploaded {sent} files; the relay's copy is up to date.")
            except (Unavailable, Refused, TrustError, TimeoutError) as error:
                self._tell(f"The upload will be tried again: {_words(error)}")
                self._upload_due.set()
                await asyncio.sleep(self._settings.retry_most_seconds / 6)

    async def _take_over(self) -> None:
        """Somebody with this signer's keys has published meanwhile; what they published goes on from here."""

        def fetch(as_of: datetime) -> None:
            refresh_published(self._home, self._settings, as_of)

        displaced = await asyncio.to_thread(self._publisher.take_over, fetch, self._http, _now())
        self._tell(
            "The relay held files that are newer than these and signed with this signer's key: it was restored from an older "
            "copy, or a second signer runs with the same keys (then stop one of them). They were verified and taken over."
        )
        for role in displaced:
            self._tell(f"Of {role} another file stood here: it waits again, and has to be signed anew to be published.")
        await self._prepare()
        self._upload_due.set()

    def _compare_clocks(self) -> None:
        """What is signed here is dated by this computer's clock, and agents believe such dates. The relay's word only warns."""
        try:
            check_clock(self._publisher.relays_clock, _now(), f"the relay {self._address.origin}")
        except TrustError as error:
            self._tell_once(f"What is signed here may be dated wrongly, and agents go by that. {error}")

    def _warn_of_expiry(self) -> None:
        soon = _now() + WARN_BEFORE
        for role, expires in self._repository.expiries().items():
            if role not in ("snapshot", "timestamp") and expires < soon:
                self._tell_once(f"{role} expires on {expires:%Y-%m-%d}: sign it anew with `handrail org renew`.")
        login = load_certificate(self._keys.login_leaf).not_valid_after_utc
        if login < soon:
            self._tell_once(f"The signer's login expires on {login:%Y-%m-%d}: renew it with `handrail org renew`.")

    def _tell_once(self, text: str) -> None:
        if text not in self._told:
            self._told.add(text)
            self._tell(text)


def _first(group: ExceptionGroup[HandrailError]) -> HandrailError:
    error: Exception = group
    while isinstance(error, ExceptionGroup):
        error = error.exceptions[0]
    assert isinstance(error, HandrailError)
    return error


def _words(error: Exception) -> str:
    return "the relay did not answer in time" if isinstance(error, TimeoutError) else str(error)


def _now() -> datetime:
    return datetime.now(UTC)
