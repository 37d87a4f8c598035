"""What the console does beside sessions: the memory of devices, this technician's standing, the library, fixes on many devices.

Held by `console.adapter.RelayAdapter`, on the same relay client.
"""

import asyncio
import logging
import threading
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Final

from hostio.private_files import PrivateFileError
from hostio.relay_http import RelayHttp
from hostio.signed_repository import RelayMirror
from protocol.certificate_profile import load_certificate
from protocol.certificates import organisation_id
from protocol.messages import Message
from protocol.messages.diagnostics import DiagnosticsDone, DiagnosticsTable
from protocol.messages.fixes import FixResult
from technician_client.console.ports import Standing
from technician_client.errors import NotFound
from technician_client.fleet_fixes import FixEvent, FixOrder, run_fix_on_devices
from technician_client.identity import TechnicianIdentity
from technician_client.known import KnownDevice, KnownDevices, facts_of
from technician_client.link import RelayClient, TechnicianKeys
from technician_client.published import Library, PublishedLibrary
from technician_client.renewing import Renewer
from technician_client.settings import Settings
from technician_client.subscriptions import Publisher

_LOGGER = logging.getLogger(__name__)
_CHANGES_WAITING: Final = 4096

KnownChange = Mapping[str, KnownDevice]


class Learner:
    """Watches one session's messages for what is worth remembering about its device."""

    def __init__(self, known: KnownDevices, peer: str) -> None:
        self._known = known
        self._peer = peer
        self._facts: dict[str, str] = {}

    def hear(self, message: Message) -> None:
        """One message of the agent. A memory that cannot be written is no reason to end a session."""
        try:
            match message:
                case DiagnosticsTable():
                    self._facts.update(facts_of(message))
                case DiagnosticsDone(findings=findings):
                    self._known.learn(self._peer, self._facts, findings)
                case FixResult(before=before, after=after) if before or after:
                    self._known.learn(self._peer, self._facts, after)
                case _:
                    pass
        except PrivateFileError as error:
            _LOGGER.warning("what the device said is not remembered: %s", error)


class Office:
    """See the module's text. `renewer` None: certificates are not renewed from here."""

    def __init__(self, client: RelayClient, renewer: Renewer | None) -> None:
        self._client = client
        self._renewer = renewer
        self._changes: Publisher[KnownChange] = Publisher()
        self.known = KnownDevices(client.settings.known_devices_file, on_change=self._changed)
        self._opening = threading.Lock()
        self._library: PublishedLibrary | None = None

    def _changed(self, peer: str, device: KnownDevice) -> None:
        self._changes.publish({peer: device})

    def met(self, peer: str) -> Learner:
        """A session with this device is open: note it, and learn from it."""
        try:
            self.known.met(peer)
        except PrivateFileError as error:
            _LOGGER.warning("the session is not remembered: %s", error)
        return Learner(self.known, peer)

    async def watch_known(self) -> AsyncIterator[KnownChange]:
        """See `RelayPort.watch_known`."""
        with self._changes.subscribe(lambda _change: True, limit=_CHANGES_WAITING) as changes:
            yield dict(self.known.everything())
            async for change in changes:
                yield change

    async def standing(self) -> Standing:
        """See `RelayPort.standing`."""
        keys = self._client.identity
        leaf = load_certificate(keys.chain[0])
        not_before, not_after = leaf.not_valid_before_utc, leaf.not_valid_after_utc
        named = keys.organisation_name if isinstance(keys, TechnicianIdentity) else ""
        return Standing(
            peer=self._client.peer,
            organisation_name=named,
            fingerprint=keys.key.public.fingerprint.hex(),
            not_before=not_before,
            not_after=not_after,
            renewal_from=not_before + (not_after - not_before) * 2 / 3,
            renewable=self._renewer is not None,
            spki=keys.relay_spki,
            round_trip=await self._client.ping(),
        )

    async def renew(self) -> Standing:
        """See `RelayPort.renew`."""
        if self._renewer is None:
            raise NotFound("This console cannot renew certificates. End it and start it again: what is due is renewed then.")
        self._client.identity = await self._renewer.now(self._client.identity)
        return await self.standing()

    async def fix_library(self) -> Library:
        """See `RelayPort.fix_library`."""
        return await asyncio.to_thread(self._read_library)

    def _read_library(self) -> Library:
        with self._opening:
            if self._library is None:
                self._library = _library(self._client.identity, self._client.settings)
        return self._library.read(datetime.now(UTC))

    async def recording_days(self, devices: Sequence[str]) -> Mapping[str, int]:
        """See `RelayPort.recording_days`."""
        revocations = self._client.revocations
        policy = None
        if revocations is not None:
            await revocations.ready()
            policy = await revocations.policy()
        if policy is None:
            return {}
        met = {device: self.known.get(device) for device in devices}
        return {device: policy.group(known.group if known else "").recording_days for device, known in met.items()}

    async def run_fix(self, order: FixOrder, on_event: Callable[[FixEvent], None]) -> None:
        """See `RelayPort.run_fix`."""
        wanted = set(order.devices)
        rows = [row for row in await self._client.devices() if row.id in wanted]
        await run_fix_on_devices(
            self._client,
            rows,
            order,
            known=self.known,
            worklogs=self._client.settings.worklogs_directory,
            concurrency=self._client.settings.concurrency,
            on_event=on_event,
        )


def _library(keys: TechnicianKeys, settings: Settings) -> PublishedLibrary:
    if not isinstance(keys, TechnicianIdentity):
        raise NotFound("This identity has no repository of fixes: join the organisation with `handrail join`.")
    http = RelayHttp(keys.relay_url, keys.relay_spki, proxy=settings.proxy)
    return PublishedLibrary(settings.fix_library_directory, keys.tuf_root, RelayMirror(http, organisation_id(keys.root)))
