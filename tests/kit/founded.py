"""A real organisation on disk: vault, signer and repository as `handrail org init` makes them, and a mirror that serves its
files.

Making keys takes a second, so each shape is made once for a run of the tests and copied for each that wants one.
"""

import atexit
import secrets
import shutil
import tempfile
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from unittest import mock

import msgspec

from agent.trust import TrustStore
from protocol.certificates import PrivateKey, Role
from protocol.documents import Bundle, EnrolmentAnswer, TechnicianEntry, decode_answer
from protocol.enrolment import Enrolled, judge_answer, make_enrolment
from protocol.errors import Unavailable
from technician_client.organisation.approvals import Script, approve
from technician_client.organisation.bundles import device_bundle, technician_bundle
from technician_client.organisation.foundation import CA_KEYS, SNAPSHOT_KEY, TIMESTAMP_KEY, create_organisation, role_signers
from technician_client.organisation.issuing import Authority, Issuer
from technician_client.organisation.lists import admit_technician, published_lists
from technician_client.organisation.metadata import TufSigner
from technician_client.organisation.publishing import Prepared, Publisher
from technician_client.organisation.record import OrganisationHome, OrganisationRecord, Thresholds
from technician_client.organisation.repository import Repository
from technician_client.organisation.spool import Spool
from technician_client.organisation.tokens import Records
from technician_client.organisation.vault import KeyDirectory

PASSPHRASE = b"correct horse battery"
NAME = "Example Ltd"


@cache
def _template(two_people: bool) -> tuple[Path, datetime]:
    directory = Path(tempfile.mkdtemp(prefix="handrail-founded-"))
    atexit.register(shutil.rmtree, directory, ignore_errors=True)
    wall = datetime.now(UTC).replace(microsecond=0)
    home = OrganisationHome(directory / "organisation")
    thresholds = Thresholds() if two_people else Thresholds.of_one()
    with mock.patch("protocol.keys._LOG_N", 10):  # cheap to open: what is tested here is not the cost of a guess
        create_organisation(
            home, name=NAME, thresholds=thresholds, vault_passphrase=PASSPHRASE, signer_passphrase=PASSPHRASE, wall=wall
        )
    return home.base, wall


@dataclass
class Mirror:
    """Serves the published repository from disk, with knobs for what a relay can do: withhold, alter, go away."""

    directory: Path
    frozen: Path | None = None
    away: bool = False
    altered: dict[str, bytes] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def read(self, path: str, max_bytes: int) -> bytes:
        """See `hostio.signed_repository.Mirror`."""
        self.asked.append(path)
        if self.away:
            raise Unavailable("The relay does not answer.")
        if path in self.altered:
            return self.altered[path]
        data = ((self.frozen or self.directory) / path).read_bytes()
        assert len(data) <= max_bytes
        return data

    def freeze(self, copy: Path) -> None:
        """From now on serve what stands now, whatever is published later."""
        shutil.copytree(self.directory, copy)
        self.frozen = copy


class Founded:
    """One organisation of a test's own."""

    def __init__(
        self, directory: Path, *, two_people: bool = False, relay: str = "https://127.0.0.1:9", relay_spki: str = ""
    ) -> None:
        template, self.wall = _template(two_people)
        self.home = OrganisationHome(directory / "organisation")
        shutil.copytree(template, self.home.base)
        self.home.save(msgspec.structs.replace(self.home.load(), relay=relay, relay_spki=relay_spki))
        self.vault = KeyDirectory(self.home.vault, PASSPHRASE)
        self.signer_keys = KeyDirectory(self.home.signer_keys, PASSPHRASE)
        self.repository = Repository(self.home.repository)
        self.spool = Spool(self.home.spool, self.repository)
        self.records = Records(self.home.records)
        atexit.register(self.records.close)

    @property
    def record(self) -> OrganisationRecord:
        return self.home.load()

    def after(self, **duration: float) -> datetime:
        """A moment after the organisation was founded."""
        return self.wall + timedelta(**duration)

    def signers(self, role: str, *only: str) -> list[TufSigner]:
        return role_signers(self.vault, role, only=only)

    def publisher(self) -> Publisher:
        """The signer's publisher."""
        snapshot, timestamp = (TufSigner(self.signer_keys.get(name)) for name in (SNAPSHOT_KEY, TIMESTAMP_KEY))
        return Publisher(self.record, self.repository, self.spool, snapshot, timestamp)

    def publish(self, wall: datetime | None = None) -> Prepared:
        """What the signer does every second."""
        return self.publisher().prepare(wall or self.wall)

    def approve(self, *scripts: Script, wall: datetime | None = None) -> int:
        return approve(self.spool, scripts, self.signers("scripts"), wall or self.wall)

    def admit(self, name: str, tier: int, key: PrivateKey, peer: str = "someone", wall: datetime | None = None) -> int:
        entry = TechnicianEntry(name=name, tier=tier, key=key.public.fingerprint.hex(), peer=peer)
        return admit_technician(self.spool, entry, self.signers("policy"), wall or self.wall)

    def mirror(self) -> Mirror:
        return Mirror(self.home.repository)

    def trust(self, directory: Path, mirror: Mirror | None = None) -> TrustStore:
        """An agent's trust store over this organisation's repository."""
        return TrustStore(directory, self.record.tuf_root, mirror or self.mirror())

    def issuer(self) -> Issuer:
        """The signer's issuer; publish first."""
        keys, home = self.signer_keys, self.home
        authorities = {role: Authority(home.certificate(name).read_bytes(), keys.get(name)) for role, name in CA_KEYS.items()}
        return Issuer(self.record, authorities, self.records, lambda: published_lists(self.repository), secrets.token_bytes)

    def device_bundle(self, *, group: str = "default", uses: int = 1, days: float = 7, wall: datetime | None = None) -> Bundle:
        return device_bundle(self.record, self.records, group=group, uses=uses, life=timedelta(days=days), wall=wall or self.wall)

    def technician_bundle(self, name: str = "Bo Li", tier: int = 2) -> Bundle:
        return technician_bundle(self.record, self.records, name=name, tier=tier, life=timedelta(days=3), wall=self.wall)


@dataclass
class Applicant:
    """Somebody who asks the issuer directly, without a relay in between."""

    bundle: Bundle
    label: str = "till 3"
    key: PrivateKey = field(default_factory=PrivateKey.generate)
    login_key: PrivateKey = field(default_factory=PrivateKey.generate)
    request: bytes = b""

    def ask(self, issuer: Issuer, wall: datetime) -> EnrolmentAnswer:
        """Ask, and the answer as it comes."""

        self.request = make_enrolment(
            self.bundle, self.key, self.login_key, label=self.label, platform="linux", random_bytes=secrets.token_bytes
        )
        return decode_answer(issuer.answer(self.request, wall))

    def enrol(self, issuer: Issuer, wall: datetime) -> Enrolled:
        """Ask, and believe the answer or not."""
        answer = self.ask(issuer, wall)
        return judge_answer(
            msgspec.msgpack.encode(answer),
            request=self.request,
            secret=self.bundle.secret,
            root_der=self.bundle.root,
            role=Role.DEVICE if self.bundle.kind == "device" else Role.TECHNICIAN,
            session_key=self.key,
            login_key=self.login_key,
            wall=wall,
        )
