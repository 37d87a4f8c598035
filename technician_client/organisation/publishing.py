"""From the spool to the relay: take what is signed enough, sign snapshot and timestamp, upload. The timestamp goes last."""

import logging
import sqlite3
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum
from pathlib import Path

from tuf.api.exceptions import RepositoryError
from tuf.api.metadata import Metadata, Root, Targets, Timestamp

from hostio.relay_http import RelayHttp
from protocol.errors import RefusalReason, Refused, Unavailable
from technician_client.organisation.metadata import DELEGATED, TufSigner
from technician_client.organisation.record import OrganisationRecord
from technician_client.organisation.repository import Repository, Waiting, take_all
from technician_client.organisation.spool import MAX_FILE_BYTES, Spool

_LOGGER = logging.getLogger(__name__)
TIMESTAMP = "metadata/timestamp.json"


@dataclass(frozen=True, slots=True)
class Prepared:
    """What one look at the spool led to. `published` are the roles taken over, `waiting` what lacks something."""

    published: tuple[str, ...]
    waiting: tuple[Waiting, ...]
    changed: bool


class Standing(Enum):
    """How the relay's copy stands to the signer's own. OVERTAKEN: it is newer, or another one of the same number, and signed with
    this signer's key: this one was restored from an older copy, or a second one runs."""

    SAME = "same"
    BEHIND = "behind"
    OVERTAKEN = "overtaken"


class Publisher:
    """Owns the published repository. Blocking: its methods run in worker threads; what goes up is never half a change."""

    def __init__(
        self, record: OrganisationRecord, repository: Repository, spool: Spool, snapshot: TufSigner, timestamp: TufSigner
    ) -> None:
        self._record = record
        self._repository = repository
        self._spool = spool
        self._snapshot = snapshot
        self._timestamp = timestamp
        self._uploaded: set[str] = set()
        self._left = b""  # the timestamp that this process uploaded last
        self.relays_clock: datetime | None = None
        """What the relay's clock said in the last look; unverified."""
        self._lock = threading.Lock()

    def prepare(self, wall: datetime) -> Prepared:
        """Take over what is signed enough and bring snapshot and timestamp up to date.

        Raises:
            HandrailError: a file cannot be read or written.
        """
        with self._lock:
            return self._prepare(wall)

    def _prepare(self, wall: datetime) -> Prepared:
        candidates = []
        for role in self._spool.roles():
            data = self._spool.candidate(role)
            if data is not None:
                candidates.append((role, data, self._targets(role, data)))
        foreign = [item for item in candidates if item[0] == "root" and not self._names_us(item[1])]
        waiting = take_all(self._repository, [item for item in candidates if item not in foreign])
        if foreign:
            waiting.append(Waiting("root", 0, "names new keys of the signer: restart `handrail signer` to take them"))
        stays = {item.role for item in waiting}
        published = []
        for role, data, _ in candidates:
            if role not in stays:
                self._spool.taken(role, data)
                published.append(role)
        changed = self._repository.sign(self._snapshot, self._timestamp, wall)
        return Prepared(tuple(published), tuple(waiting), changed)

    def _names_us(self, data: bytes) -> bool:
        """Whether a root that waits names the keys that this signer holds; else nothing that it signs afterwards would count."""
        try:
            roles = Metadata[Root].from_bytes(data).signed.roles
            pairs = (("snapshot", self._snapshot), ("timestamp", self._timestamp))
            return all(key.public_key.keyid in roles[name].keyids for name, key in pairs)
        except (RepositoryError, ValueError, AttributeError, KeyError):
            return True  # `Repository.take` says what is wrong with it

    def _targets(self, role: str, data: bytes) -> dict[str, bytes]:
        if role == "root":
            return {}
        try:
            paths = list(Metadata[Targets].from_bytes(data).signed.targets)
        except (RepositoryError, ValueError, AttributeError):
            return {}  # `Repository.take` says what is wrong with it
        found = {path: self._spool.target(path) for path in paths}
        return {path: body for path, body in found.items() if body is not None}

    def behind(self, http: RelayHttp) -> bool:
        """Whether the relay holds another timestamp than ours, or none; raises as `compare`."""
        return self.compare(http) is not Standing.SAME

    def compare(self, http: RelayHttp) -> Standing:
        """Look at the relay's timestamp. When it is not even the one that was left there, the relay lost its database, got an
        older one back, or another signer was there: then nothing counts as uploaded.

        Raises:
            Unavailable: the relay does not answer.
        """
        ours = self._repository.role("timestamp")
        if ours is None:
            return Standing.SAME
        answer = http.request("GET", self._path(TIMESTAMP), max_bytes=MAX_FILE_BYTES)
        self.relays_clock = answer.clock()
        if answer.status == 404 or (answer.status == 200 and answer.body != self._left):
            self._uploaded.clear()
        if answer.status == 200 and answer.body == ours:
            return Standing.SAME
        served = self._own_timestamp(answer.body) if answer.status == 200 else None
        newer = served is not None and served.version >= self._repository.version("timestamp")
        return Standing.OVERTAKEN if newer else Standing.BEHIND

    def take_over(self, fetch: Callable[[datetime], object], http: RelayHttp, wall: datetime) -> tuple[str, ...]:
        """Continue what stands on the relay instead of what stands here. Clients that have seen it would refuse anything older.

        Args:
            fetch: brings the repository up to date with the relay's files, all of them verified, as of a moment.

        Returns:
            The roles of which another file of the same number stood here; ours waits in the spool again, and says there that it
            is not newer.

        Raises:
            TrustError, Unavailable: the relay's files do not verify, or do not come; nothing was taken over.
        """
        with self._lock:
            served = self._own_timestamp(http.request("GET", self._path(TIMESTAMP), max_bytes=MAX_FILE_BYTES).body)
            if served is None:
                return ()
            before = [(role, data) for role in ("targets", *DELEGATED) if (data := self._repository.role(role)) is not None]
            kept = [(role, data, self._published_targets(data)) for role, data in before]
            # It may have expired while no signer ran: judged as of when it had not.
            fetch(min(wall, served.expires.astimezone(UTC) - timedelta(seconds=1)))
            displaced = []
            for role, data, targets in kept:
                version = Metadata[Targets].from_bytes(data).signed.version
                if self._repository.version(role) == version and self._repository.role(role) != data:
                    self._spool.put(role, data, targets)
                    displaced.append(role)
            return tuple(displaced)

    def _published_targets(self, data: bytes) -> dict[str, bytes]:
        listed = Metadata[Targets].from_bytes(data).signed.targets
        bodies = {path: self._repository.target(target) for path, target in listed.items()}
        return {path: body for path, body in bodies.items() if body is not None}

    def _own_timestamp(self, data: bytes) -> Timestamp | None:
        """A timestamp that this signer's key has signed; None for anything else."""
        try:
            found = Metadata[Timestamp].from_bytes(data)
            root = self._repository.root().signed
            verified = root.get_verification_result("timestamp", found.signed_bytes, found.signatures).verified
        except (RepositoryError, ValueError, AttributeError):
            return None
        return found.signed if verified and isinstance(found.signed, Timestamp) else None

    def upload(self, http: RelayHttp, ticket: str) -> int:
        """Upload what this process has not uploaded yet, the timestamp always and last.

        Returns:
            How many files were sent.

        Raises:
            Refused: the ticket is not accepted (ask for a new one).
            Unavailable: the relay is away or full.
        """
        with self._lock:
            files = self._repository.files()
        # The relay drops what is superseded: what comes back (a fix that is approved again) has to be sent again.
        self._uploaded &= {path for path, _ in files}
        sent = 0
        for path, data in files:
            if path in self._uploaded:
                continue
            answer = http.request("PUT", self._path(path), body=data, content_type="application/octet-stream", bearer=ticket)
            if answer.status in (401, 403):
                raise Refused("The upload ticket is used up.", reason=RefusalReason.EXPIRED)
            if answer.status not in (200, 201, 204):
                raise Unavailable(f"The relay did not take {path}: {answer.problem()}", retry_after=30.0)
            sent += 1
            if path == TIMESTAMP:  # the only name whose contents change
                self._left = data
            else:
                self._uploaded.add(path)
        return sent

    def _path(self, path: str) -> str:
        return f"/tuf/{self._record.organisation}/{path}"


class SignerLock:
    """Keeps a second signer out of the same directory: an SQLite file locked for as long as this process lives, whatever ends
    it."""

    def __init__(self, path: Path) -> None:
        """Raises:
        Unavailable: another signer runs here.
        """
        path.parent.mkdir(parents=True, exist_ok=True)
        self._database = sqlite3.connect(path, timeout=0.2, isolation_level=None, check_same_thread=False)
        try:
            self._database.execute("pragma locking_mode=exclusive")
            self._database.execute("begin exclusive")
        except sqlite3.Error as error:
            self._database.close()
            raise Unavailable(f"Another signer runs in {path.parent} already. One is enough; stop that one first.") from error

    def release(self) -> None:
        """Let the next one in."""
        self._database.close()


def fingerprint_of(directory: Path) -> tuple[tuple[str, int, int], ...]:
    """What the spool looks like from outside: cheap to take every second."""
    found = []
    for path in sorted((directory / "metadata").glob("*.json")):
        try:
            status = path.stat()
        except FileNotFoundError:
            continue
        found.append((path.name, status.st_mtime_ns, status.st_size))
    return tuple(found)
