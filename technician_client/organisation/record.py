"""What anybody may know about the organisation, and where its parts lie under the home directory."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import msgspec

from hostio.private_files import read_private, write_private
from protocol.errors import TrustError
from protocol.link_messages import OrganisationId
from technician_client.errors import NotSetUp

RECORD_BYTES = 256 * 1024
Threshold = Annotated[int, msgspec.Meta(ge=1, le=9)]


class Thresholds(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How many different keys must sign each kind of file. The defaults are those of an organisation of several people."""

    root: Threshold = 2
    targets: Threshold = 2
    scripts: Threshold = 2
    agent: Threshold = 2
    policy: Threshold = 2
    revocation: Threshold = 1

    @classmethod
    def of_one(cls) -> "Thresholds":
        """One person decides everything."""
        return cls(1, 1, 1, 1, 1, 1)

    @staticmethod
    def keys_for(threshold: int) -> int:
        """How many keys are made for a threshold: one spare where there is more than one (2 of 3)."""
        return threshold if threshold == 1 else threshold + 1


class OrganisationRecord(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`organisation.json`: public. `root` is the root certificate (DER), `tuf_root` the repository's first root file; `relay`
    is "" and `relay_spki` (hex SHA-256, "" for the system's CAs) unset until the organisation is registered. `created` in
    seconds since 1970. `holders`: who holds a key of the repository, by key id (a note for people)."""

    organisation: OrganisationId
    name: str
    root: bytes
    tuf_root: bytes
    thresholds: Thresholds
    created: float
    relay: str = ""
    relay_spki: Annotated[str, msgspec.Meta(pattern=r"^(?:[0-9a-f]{64})?\Z")] = ""
    holders: dict[str, str] = {}


@dataclass(frozen=True, slots=True)
class OrganisationHome:
    """Paths under `<home>/organisation`. `vault_at`: the vault lies elsewhere (on a disk that is plugged in for decisions)."""

    base: Path
    vault_at: Path | None = None

    @property
    def record_file(self) -> Path:
        """`organisation.json`."""
        return self.base / "organisation.json"

    @property
    def vault(self) -> Path:
        """Keys of root, approvers, administrators, on-call: offline."""
        return self.vault_at if self.vault_at is not None else self.base / "vault"

    @property
    def signer(self) -> Path:
        """Keys and records of the signer: online."""
        return self.base / "signer"

    @property
    def signer_keys(self) -> Path:
        """Encrypted keys of the signer."""
        return self.base / "signer" / "keys"

    @property
    def records(self) -> Path:
        """Enrolment tokens and what was issued, an SQLite file."""
        return self.base / "signer" / "records.sqlite"

    @property
    def repository(self) -> Path:
        """The published repository, laid out as it is served."""
        return self.base / "signer" / "repository"

    @property
    def spool(self) -> Path:
        """What was decided and waits for the signer (or for more signatures)."""
        return self.base / "publish"

    def certificate(self, name: str) -> Path:
        """A certificate of the signer (DER): device-ca, technician-ca or login."""
        return self.base / "signer" / f"{name}.der"

    def exists(self) -> bool:
        """Whether there is an organisation here."""
        return self.record_file.exists()

    def load(self) -> OrganisationRecord:
        """Read the record.

        Raises:
            NotSetUp: there is no organisation here; the text names the commands that make one.
            TrustError: the record is damaged.
        """
        try:
            data = read_private(self.record_file, RECORD_BYTES, secret=False)
        except FileNotFoundError as error:
            raise NotSetUp(
                f"There is no organisation in {self.base}. Make one with `handrail quickstart --relay URL`, or step by step "
                "with `handrail org init`; or point --home at the right directory."
            ) from error
        try:
            return msgspec.json.decode(data, type=OrganisationRecord)
        except (ValueError, RecursionError) as error:
            raise TrustError(f"{self.record_file} is damaged ({error}). Restore it from your backup.") from error

    def registered(self) -> OrganisationRecord:
        """The record of an organisation that has a relay.

        Raises:
            NotSetUp: as `load`, or it is not registered yet.
        """
        record = self.load()
        if not record.relay:
            raise NotSetUp(f"{record.name} has no relay yet. Run: handrail org register --relay URL --token TOKEN")
        return record

    def save(self, record: OrganisationRecord) -> None:
        """Write the record."""
        write_private(self.record_file, msgspec.json.format(msgspec.json.encode(record, order="sorted")))
