"""Issuing certificates and asking for them."""

import secrets
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.x509.oid import ExtendedKeyUsageOID, ExtensionOID
from hypothesis import given
from hypothesis import strategies as st

from protocol.certificate_profile import OID_CLAIMS, OID_DEVICE, OID_LOGIN, OID_TECHNICIAN
from protocol.certificates import (
    DeviceClaims,
    PrivateKey,
    Role,
    check_chain,
    check_guest,
    guest_peer,
    issue_ca,
    issue_device_leaf,
    issue_guest_certificate,
    issue_login_leaf,
    issue_root,
    issue_signer_login_leaf,
    issue_technician_leaf,
    make_request,
    organisation_id,
    organisation_name,
    read_request,
)
from protocol.certificates import TechnicianClaims as Technician
from protocol.errors import LocalProtocolError, TrustError
from tests.kit.organisation import Organisation

WALL = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
ORGANISATION = Organisation("Example Ltd", wall=WALL)
KEY = PrivateKey.generate()
REQUEST = make_request(KEY, "reception")


def extensions(der: bytes) -> dict[x509.ObjectIdentifier, x509.Extension[x509.ExtensionType]]:
    return {extension.oid: extension for extension in x509.load_der_x509_certificate(der).extensions}


def value_of(der: bytes, oid: x509.ObjectIdentifier) -> x509.ExtensionType:
    return extensions(der)[oid].value


def test_the_root_is_as_the_profile_says() -> None:
    root = x509.load_der_x509_certificate(ORGANISATION.root)
    assert isinstance(root.public_key(), ec.EllipticCurvePublicKey)
    assert ORGANISATION.root_key.public.curve == "P-384"
    assert value_of(ORGANISATION.root, ExtensionOID.BASIC_CONSTRAINTS) == x509.BasicConstraints(ca=True, path_length=1)
    assert organisation_name(ORGANISATION.root) == "Example Ltd"
    assert organisation_id(ORGANISATION.root) == ORGANISATION.root_key.public.fingerprint[:8].hex()
    assert timedelta(days=3650) < root.not_valid_after_utc - WALL < timedelta(days=3660)


@pytest.mark.parametrize(
    ("role", "label", "usages"),
    [
        (Role.DEVICE, "device", {ExtendedKeyUsageOID.SERVER_AUTH, OID_DEVICE, OID_LOGIN}),
        (Role.TECHNICIAN, "tech", {ExtendedKeyUsageOID.CLIENT_AUTH, OID_TECHNICIAN, OID_LOGIN}),
    ],
)
def test_a_ca_is_bound_to_its_role(role: Role, label: str, usages: set[x509.ObjectIdentifier]) -> None:
    found = extensions(ORGANISATION.cas[role])
    assert found[ExtensionOID.BASIC_CONSTRAINTS].value == x509.BasicConstraints(ca=True, path_length=0)
    constraints = found[ExtensionOID.NAME_CONSTRAINTS]
    assert constraints.critical
    assert constraints.value == x509.NameConstraints([x509.DNSName(f"{label}.{ORGANISATION.id}.handrail.invalid")], None)
    usage = found[ExtensionOID.EXTENDED_KEY_USAGE].value
    assert isinstance(usage, x509.ExtendedKeyUsage)
    assert set(usage) == usages


def test_a_device_leaf_is_as_the_profile_says() -> None:
    device = ORGANISATION.device("Reception PC", "front", peer="abc")
    leaf = x509.load_der_x509_certificate(device.chain[0])
    found = extensions(device.chain[0])
    assert len(leaf.subject) == 0
    san = found[ExtensionOID.SUBJECT_ALTERNATIVE_NAME]
    assert san.critical
    assert san.value == x509.SubjectAlternativeName([x509.DNSName(f"abc.device.{ORGANISATION.id}.handrail.invalid")])
    assert not found[OID_CLAIMS].critical
    assert found[ExtensionOID.BASIC_CONSTRAINTS].value == x509.BasicConstraints(ca=False, path_length=None)
    assert leaf.not_valid_before_utc < WALL  # clocks differ
    assert OID_CLAIMS.dotted_string.startswith("2.25.")


def test_login_leaves_carry_no_claims() -> None:
    for credentials in (ORGANISATION.device(), ORGANISATION.technician(), ORGANISATION.signer()):
        found = extensions(credentials.login_chain[0])
        assert OID_CLAIMS not in found
        assert found[ExtensionOID.EXTENDED_KEY_USAGE].value == x509.ExtendedKeyUsage([OID_LOGIN])


def test_a_leaf_never_outlives_its_ca() -> None:
    late = WALL + timedelta(days=360)
    device = ORGANISATION.device(wall=late)
    leaf, ca = (x509.load_der_x509_certificate(der) for der in device.chain)
    assert leaf.not_valid_after_utc == ca.not_valid_after_utc
    with pytest.raises(LocalProtocolError, match="renew"):
        ORGANISATION.device(wall=WALL + timedelta(days=400))


def test_what_is_outside_the_profile_is_not_issued() -> None:
    common = {"wall": WALL, "random_bytes": secrets.token_bytes}
    device_ca = {"ca_der": ORGANISATION.cas[Role.DEVICE], "ca_key": ORGANISATION.ca_keys[Role.DEVICE], **common}
    technician_ca = {"ca_der": ORGANISATION.cas[Role.TECHNICIAN], "ca_key": ORGANISATION.ca_keys[Role.TECHNICIAN], **common}
    claims, ana = DeviceClaims("x", "g"), Technician("Ana", 1)
    week, p384 = timedelta(days=7), PrivateKey.generate("P-384")
    with pytest.raises(LocalProtocolError, match="90 days"):
        issue_device_leaf("a", KEY.public, claims, lifetime=timedelta(days=91), **device_ca)
    with pytest.raises(LocalProtocolError, match="7 days"):
        issue_technician_leaf("a", KEY.public, ana, lifetime=timedelta(days=8), **technician_ca)
    with pytest.raises(LocalProtocolError):
        issue_technician_leaf("a", KEY.public, ana, lifetime=timedelta(0), **technician_ca)
    with pytest.raises(LocalProtocolError, match="P-256"):
        issue_device_leaf("a", p384.public, claims, lifetime=week, **device_ca)
    with pytest.raises(TrustError, match="for devices"):
        issue_device_leaf("a", KEY.public, claims, lifetime=week, **technician_ca)
    with pytest.raises(TrustError, match="certificate authority of an organisation"):
        issue_login_leaf(Role.DEVICE, "a", KEY.public, ca_der=ORGANISATION.root, ca_key=ORGANISATION.root_key, **common)
    with pytest.raises(LocalProtocolError, match="issuing key"):
        issue_device_leaf("a", KEY.public, claims, lifetime=week, **{**device_ca, "ca_key": KEY})
    with pytest.raises(LocalProtocolError, match="P-384"):
        issue_root(KEY, name="x", **common)
    for name in ("", "x" * 65, "a\nb", " x"):
        with pytest.raises(LocalProtocolError, match="name"):
            issue_root(p384, name=name, **common)
    root = {"root_der": ORGANISATION.root, "root_key": ORGANISATION.root_key, **common}
    with pytest.raises(LocalProtocolError, match="Only devices"):
        issue_ca(Role.SIGNER, ca_key=KEY.public, **root)
    with pytest.raises(LocalProtocolError, match="P-256"):
        issue_ca(Role.DEVICE, ca_key=p384.public, **root)
    with pytest.raises(LocalProtocolError, match="issuing key"):
        issue_signer_login_leaf(KEY.public, root_der=ORGANISATION.root, root_key=p384, **common)


def test_the_same_inputs_give_the_same_certificate() -> None:
    def serial(count: int) -> bytes:
        return bytes(range(count))

    roots = [issue_root(ORGANISATION.root_key, name="x", wall=WALL, random_bytes=serial) for _ in range(2)]
    assert roots[0] == roots[1]
    assert x509.load_der_x509_certificate(roots[0]).serial_number.bit_length() == 127


def test_a_request_gives_its_key() -> None:
    assert read_request(REQUEST) == KEY.public
    assert read_request(make_request(KEY)) == KEY.public


def test_a_request_is_made_by_a_p256_key() -> None:
    with pytest.raises(LocalProtocolError, match="P-256"):
        make_request(PrivateKey.generate("P-384"))
    with pytest.raises(LocalProtocolError, match="64"):
        make_request(KEY, "x" * 65)


def test_a_request_must_be_signed_by_its_own_key() -> None:
    flipped = bytearray(REQUEST)
    flipped[-1] ^= 1
    with pytest.raises(TrustError):
        read_request(bytes(flipped))


@pytest.mark.parametrize("key", [ec.generate_private_key(ec.SECP384R1()), ed25519.Ed25519PrivateKey.generate()])
def test_a_request_for_another_kind_of_key_is_refused(key: ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey) -> None:
    digest = hashes.SHA256() if isinstance(key, ec.EllipticCurvePrivateKey) else None
    request = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([])).sign(key, digest)
    with pytest.raises(TrustError, match="P-256"):
        read_request(request.public_bytes(serialization.Encoding.DER))


@given(st.binary(max_size=400))
def test_garbage_is_no_request(data: bytes) -> None:
    with pytest.raises(TrustError):
        read_request(data)


@given(st.integers(0, len(REQUEST) - 1), st.integers(1, 255))
def test_a_changed_request_is_refused_or_is_still_for_the_same_key(position: int, change: int) -> None:
    changed = bytearray(REQUEST)
    changed[position] ^= change
    try:
        assert read_request(bytes(changed)) == KEY.public
    except TrustError:
        pass


def test_an_overlong_request_is_not_even_parsed() -> None:
    with pytest.raises(TrustError, match="longer"):
        read_request(b"\x30" * 5000)


def test_what_is_issued_is_accepted() -> None:
    for credentials in (ORGANISATION.device(), ORGANISATION.technician()):
        identity = check_chain(
            credentials.chain, root_der=ORGANISATION.root, expected=credentials.role, purpose="session", wall=WALL
        )
        assert identity.peer == credentials.peer


def test_a_guest_certifies_itself_and_nobody_else_does() -> None:
    der = issue_guest_certificate(KEY, organisation=ORGANISATION.id, wall=WALL, random_bytes=secrets.token_bytes)
    certificate = x509.load_der_x509_certificate(der)
    certificate.verify_directly_issued_by(certificate)
    assert certificate.not_valid_after_utc - WALL == timedelta(hours=2)
    assert check_guest([der], organisation=ORGANISATION.id, wall=WALL).peer == guest_peer(KEY.public)
    for bad in ({"lifetime": timedelta(hours=3)}, {"lifetime": timedelta(0)}):
        with pytest.raises(LocalProtocolError, match="two hours"):
            issue_guest_certificate(KEY, organisation=ORGANISATION.id, wall=WALL, random_bytes=secrets.token_bytes, **bad)
    with pytest.raises(LocalProtocolError, match="Nobody issues"):
        issue_login_leaf(
            Role.GUEST,
            "a",
            KEY.public,
            ca_der=ORGANISATION.cas[Role.DEVICE],
            ca_key=ORGANISATION.ca_keys[Role.DEVICE],
            wall=WALL,
            random_bytes=secrets.token_bytes,
        )
