"""Rows 14 and 23 from the technician's side: the thief of a device's key, or of the device CA, poses as a device; the relay keeps
the revocation back."""

import secrets
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from protocol.certificates import DeviceClaims, Identity, PrivateKey, Role, check_chain, issue_device_leaf
from protocol.documents import RenewalRequest, decode_answer, decode_request
from protocol.enrolment import make_renewal
from protocol.errors import TrustError
from technician_client.organisation.lists import revoke_key
from technician_client.revocations import Revocations
from technician_client.signed_files import SignedFiles
from tests.kit.founded import Applicant, Founded, Mirror


@pytest.fixture
def founded(tmp_path: Path) -> Founded:
    founded = Founded(tmp_path)
    founded.publish()
    return founded


class Technician:
    """A technician's knowledge of what is revoked, with a clock that is turned by hand."""

    def __init__(self, founded: Founded, directory: Path) -> None:
        self.now: datetime = founded.wall
        self.mirror: Mirror = founded.mirror()
        files = SignedFiles(directory, founded.record.tuf_root, self.mirror)
        self.revocations = Revocations(directory, files, wall=lambda: self.now)

    async def opens(self, identity: Identity, now: datetime) -> bool:
        """Whether a session is held with this device."""
        self.now = now
        await self.revocations.refresh()
        try:
            self.revocations.check(identity)
        except TrustError:
            return False
        return True


def minted(founded: Founded) -> tuple[PrivateKey, list[bytes]]:
    """A device that the thief of the device CA made."""
    authority = founded.issuer()._authorities[Role.DEVICE]
    key = PrivateKey.generate()
    leaf = issue_device_leaf(
        "finance",
        key.public,
        DeviceClaims("Finance PC", "default"),
        ca_der=authority.certificate,
        ca_key=authority.key,
        lifetime=timedelta(days=60),
        wall=founded.wall,
        random_bytes=secrets.token_bytes,
    )
    return key, [leaf, authority.certificate]


def identity_of(founded: Founded, chain: list[bytes]) -> Identity:
    return check_chain(chain, root_der=founded.record.root, expected=Role.DEVICE, purpose="session", wall=founded.wall)


@pytest.mark.attack(23, without=["device_revocation"])
async def test_what_a_stolen_device_ca_certified_is_not_opened_once_the_ca_is_revoked(founded: Founded, tmp_path: Path) -> None:
    technician = Technician(founded, tmp_path / "technician")
    _, chain = minted(founded)
    impostor = identity_of(founded, chain)
    assert await technician.opens(impostor, founded.after(minutes=1))  # its certificate is genuine
    revoke_key(founded.spool, [impostor.issuer.hex()], founded.signers("revocation"), founded.after(minutes=2))
    founded.publish(founded.after(minutes=2))
    assert not await technician.opens(impostor, founded.after(minutes=3))


@pytest.mark.attack(23)
def test_after_that_only_devices_that_the_signer_itself_has_enrolled_are_renewed(founded: Founded) -> None:
    issuer = founded.issuer()
    genuine = Applicant(founded.device_bundle())
    enrolled = genuine.enrol(issuer, founded.wall)
    key, chain = minted(founded)
    authority = identity_of(founded, chain).issuer
    revoke_key(founded.spool, [authority.hex()], founded.signers("revocation"), founded.after(minutes=2))
    founded.publish(founded.after(minutes=2))

    def renewed(chain: list[bytes], key: PrivateKey) -> str:
        login = PrivateKey.generate()
        request = make_renewal(
            Role.DEVICE, founded.record.organisation, chain, key, login, label="x", platform="", random_bytes=secrets.token_bytes
        )
        assert isinstance(decode_request(request), RenewalRequest)
        return decode_answer(issuer.answer(request, founded.after(minutes=3))).reason

    assert renewed(list(enrolled.chain), genuine.key) == ""
    assert renewed(chain, key) == "revoked"


@pytest.mark.attack(14, without=["device_revocation"])
async def test_a_relay_that_keeps_revocations_back_does_so_for_a_fortnight_at_most(founded: Founded, tmp_path: Path) -> None:
    technician = Technician(founded, tmp_path / "technician")
    key, chain = minted(founded)
    stolen = identity_of(founded, chain)
    assert key.public.fingerprint == stolen.fingerprint
    assert await technician.opens(stolen, founded.after(minutes=1))
    technician.mirror.freeze(tmp_path / "old")
    revoke_key(founded.spool, [stolen.fingerprint.hex()], founded.signers("revocation"), founded.after(minutes=2))
    founded.publish(founded.after(minutes=2))
    assert not await technician.opens(stolen, founded.after(days=14, minutes=1))
