"""Who is believed and who is not."""

import ipaddress
import secrets
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.utils import CryptographyDeprecationWarning
from cryptography.x509.oid import ExtendedKeyUsageOID, ExtensionOID, NameOID
from hypothesis import given
from hypothesis import strategies as st

from protocol.certificate_profile import (
    CA_USAGES,
    OID_CLAIMS,
    OID_DEVICE,
    OID_LOGIN,
    OID_TECHNICIAN,
    TechnicianClaims,
    encode_claims,
)
from protocol.certificates import DeviceClaims, issue_ca, issue_device_leaf
from protocol.chain import (
    Identity,
    Purpose,
    TrustAnchor,
    check_ca,
    check_chain,
    check_guest,
    guest_peer,
    names_in_leaf,
    organisation_name,
)
from protocol.errors import LocalProtocolError, TrustError
from protocol.keys import PrivateKey
from protocol.link_messages import Role
from tests.kit.forgery import Value, forge
from tests.kit.organisation import Organisation

WALL = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
OURS = Organisation("Ours", wall=WALL)
THEIRS = Organisation("Theirs", wall=WALL)
DEVICE = OURS.device("Reception PC", "front", peer="dev1")
ANA = OURS.technician("Ana Ruiz", 2, peer="ana1")
DEVICE_CA, DEVICE_CA_KEY = OURS.cas[Role.DEVICE], OURS.ca_keys[Role.DEVICE]
TECHNICIAN_CA, TECHNICIAN_CA_KEY = OURS.cas[Role.TECHNICIAN], OURS.ca_keys[Role.TECHNICIAN]

SAN = ExtensionOID.SUBJECT_ALTERNATIVE_NAME
EKU = ExtensionOID.EXTENDED_KEY_USAGE


def check(
    chain: list[bytes],
    expected: Role = Role.TECHNICIAN,
    purpose: Purpose = "session",
    *,
    wall: datetime = WALL,
    root: bytes = OURS.root,
    anchor: TrustAnchor | None = None,
    grace: timedelta = timedelta(0),
) -> Identity:
    return check_chain(chain, root_der=root, expected=expected, purpose=purpose, wall=wall, anchor=anchor, grace=grace)


def sans(*names: x509.GeneralName, critical: bool = True) -> dict[x509.ObjectIdentifier, Value]:
    return {SAN: (x509.SubjectAlternativeName(list(names)), critical)}


def usages(*oids: x509.ObjectIdentifier) -> dict[x509.ObjectIdentifier, Value]:
    return {EKU: (x509.ExtendedKeyUsage(list(oids)), False)}


def claims(value: bytes, *, critical: bool = False) -> dict[x509.ObjectIdentifier, Value]:
    return {OID_CLAIMS: (x509.UnrecognizedExtension(OID_CLAIMS, value), critical)}


def dns(name: str) -> x509.DNSName:
    return x509.DNSName(f"{name}.{OURS.id}.handrail.invalid")


# -- who is believed ------------------------------------------------------------------------------------------------------


def test_a_technician_is_named_with_their_claims() -> None:
    ana = check(ANA.chain)
    assert (ana.role, ana.peer, ana.organisation) == (Role.TECHNICIAN, "ana1", OURS.id)
    assert ana.claims == TechnicianClaims("Ana Ruiz", 2, [])
    assert ana.display_name == "Ana Ruiz"
    assert ana.fingerprint == ANA.key.public.fingerprint
    assert ana.not_after == WALL + timedelta(hours=12)
    assert ana.not_before < WALL
    assert "leaf_der" not in repr(ana)


def test_a_device_is_named_with_its_label() -> None:
    assert check(DEVICE.chain, Role.DEVICE).display_name == "Reception PC"


@pytest.mark.parametrize("credentials", [DEVICE, ANA, OURS.signer()], ids=lambda item: item.role.value)
def test_login_leaves_are_for_logging_in(credentials: object) -> None:
    assert isinstance(credentials, type(DEVICE))
    identity = check(credentials.login_chain, credentials.role, "login")
    assert identity.claims is None
    assert identity.display_name == credentials.peer
    with pytest.raises(TrustError):
        check(credentials.login_chain, credentials.role, "session")


@pytest.mark.parametrize(("credentials", "expected"), [(DEVICE, Role.DEVICE), (ANA, Role.TECHNICIAN)])
def test_session_leaves_are_not_for_logging_in(credentials: object, expected: Role) -> None:
    assert isinstance(credentials, type(DEVICE))
    with pytest.raises(TrustError, match="logging in"):
        check(credentials.chain, expected, "login")


# -- roots, roles and chains ----------------------------------------------------------------------------------------------


def test_another_organisation_is_a_stranger() -> None:
    with pytest.raises(TrustError, match="not issued by this organisation"):
        check(THEIRS.technician().chain)
    with pytest.raises(TrustError, match="not issued by this organisation"):
        check(ANA.chain, root=THEIRS.root)


def test_a_role_is_not_another() -> None:
    with pytest.raises(TrustError, match="certificate of a device"):
        check(DEVICE.chain, Role.TECHNICIAN)
    with pytest.raises(TrustError, match="certificate of a technician"):
        check(ANA.chain, Role.DEVICE)


@pytest.mark.parametrize(
    "chain",
    [
        [],
        [ANA.chain[0]],
        [*ANA.chain, OURS.root],
        [ANA.chain[0], DEVICE_CA],
        [ANA.chain[0], OURS.root],
        [ANA.chain[1], ANA.chain[0]],
        [ANA.chain[0], ANA.chain[0]],
        [OURS.root, OURS.root],
        [TECHNICIAN_CA, OURS.root],
        [b"", b""],
        [ANA.chain[0], b"\x30\x03\x02\x01\x05"],
        [b"x" * 5000, TECHNICIAN_CA],
    ],
)
def test_a_chain_is_the_leaf_and_its_ca_and_nothing_else(chain: list[bytes]) -> None:
    with pytest.raises(TrustError):
        check(chain)


def test_the_signer_is_vouched_for_by_the_root_alone() -> None:
    signer = OURS.signer()
    with pytest.raises(TrustError):
        check([*signer.login_chain, TECHNICIAN_CA], Role.SIGNER, "login")
    by_a_ca = forge(signer.login_chain[0], TECHNICIAN_CA, TECHNICIAN_CA_KEY)
    with pytest.raises(TrustError):
        check([by_a_ca], Role.SIGNER, "login")


def test_a_device_ca_cannot_make_a_technician() -> None:
    """security.md row 23: whatever the thief of the device CA writes into a leaf."""
    for change in (
        {},
        sans(dns("ana1.device")),
        {**sans(dns("ana1.device")), **usages(ExtendedKeyUsageOID.CLIENT_AUTH, OID_TECHNICIAN)},
        {SAN: None},
    ):
        forged = forge(ANA.chain[0], DEVICE_CA, DEVICE_CA_KEY, change=change)
        with pytest.raises(TrustError):
            check([forged, DEVICE_CA])
        with pytest.raises(TrustError):
            check([forged, TECHNICIAN_CA])


def test_a_ca_cannot_make_another_ca() -> None:
    sub_key = PrivateKey.generate()
    sub = forge(TECHNICIAN_CA, TECHNICIAN_CA, TECHNICIAN_CA_KEY, public_key=sub_key.public.unwrap())
    forged = forge(ANA.chain[0], sub, sub_key)
    for chain in ([forged, sub], [forged, sub, TECHNICIAN_CA]):
        with pytest.raises(TrustError):
            check(chain)


# -- names ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "change",
    [
        sans(dns("ana1.tech"), dns("ana2.tech")),
        sans(dns("ana1.tech"), dns("dev1.device")),
        sans(dns("ana1.tech"), x509.UniformResourceIdentifier("handrail://device/dev1")),
        sans(x509.UniformResourceIdentifier("handrail://tech/ana1")),
        sans(x509.RFC822Name("ana1@tech.handrail.invalid")),
        sans(x509.IPAddress(ipaddress.ip_address("10.0.0.1"))),
        sans(dns("ana1.tech"), critical=False),
        sans(x509.DNSName(f"ana1.tech.{THEIRS.id}.handrail.invalid")),
        sans(dns("a.b.tech")),
        sans(dns("*.tech")),
        sans(dns("tech")),
        sans(dns("ana1.device")),
        sans(x509.DNSName("signer." + OURS.id + ".handrail.invalid")),
        {SAN: None},
    ],
)
def test_a_leaf_has_exactly_one_name_of_its_role(change: dict[x509.ObjectIdentifier, Value]) -> None:
    forged = forge(ANA.chain[0], TECHNICIAN_CA, TECHNICIAN_CA_KEY, change=change)
    with pytest.raises(TrustError):
        check([forged, TECHNICIAN_CA])


def test_the_names_in_a_leaf_are_read_without_believing_them() -> None:
    assert names_in_leaf(THEIRS.technician(peer="bo").chain[0]) == (Role.TECHNICIAN, "bo", THEIRS.id)
    for bad in (b"", OURS.root, TECHNICIAN_CA):
        with pytest.raises(TrustError):
            names_in_leaf(bad)


# -- profile --------------------------------------------------------------------------------------------------------------


def key_usage(**changes: bool) -> dict[x509.ObjectIdentifier, Value]:
    names = [
        "digital_signature",
        "content_commitment",
        "key_encipherment",
        "data_encipherment",
        "key_agreement",
        "key_cert_sign",
        "crl_sign",
        "encipher_only",
        "decipher_only",
    ]
    values = {name: name == "digital_signature" for name in names} | changes
    return {ExtensionOID.KEY_USAGE: (x509.KeyUsage(**values), True)}


@pytest.mark.parametrize(
    "change",
    [
        usages(ExtendedKeyUsageOID.CLIENT_AUTH),
        usages(OID_TECHNICIAN),
        usages(ExtendedKeyUsageOID.SERVER_AUTH, OID_DEVICE),
        usages(ExtendedKeyUsageOID.CLIENT_AUTH, OID_TECHNICIAN, OID_LOGIN),
        usages(ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE),
        {EKU: None},
        {ExtensionOID.BASIC_CONSTRAINTS: (x509.BasicConstraints(ca=True, path_length=None), True)},
        {ExtensionOID.BASIC_CONSTRAINTS: None},
        key_usage(key_agreement=True),
        key_usage(digital_signature=False, content_commitment=True),
        {ExtensionOID.KEY_USAGE: None},
        {OID_CLAIMS: None},
        claims(b"", critical=False),
        claims(encode_claims(TechnicianClaims("Ana", 3)), critical=True),
        claims(encode_claims(DeviceClaims("x", "g"))),
        claims(b"\x04\x02\x81\xa1"),
    ],
)
def test_a_leaf_has_the_profile_of_its_role(change: dict[x509.ObjectIdentifier, Value]) -> None:
    forged = forge(ANA.chain[0], TECHNICIAN_CA, TECHNICIAN_CA_KEY, change=change)
    with pytest.raises(TrustError):
        check([forged, TECHNICIAN_CA])


def test_a_login_leaf_must_not_carry_claims() -> None:
    forged = forge(ANA.login_chain[0], TECHNICIAN_CA, TECHNICIAN_CA_KEY, change=claims(encode_claims(TechnicianClaims("Ana", 3))))
    with pytest.raises(TrustError, match="claims"):
        check([forged, TECHNICIAN_CA], purpose="login")


def test_a_leaf_with_a_subject_is_not_ours() -> None:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Your bank")])
    forged = forge(ANA.chain[0], TECHNICIAN_CA, TECHNICIAN_CA_KEY, subject=subject)
    with pytest.raises(TrustError):
        check([forged, TECHNICIAN_CA])


@pytest.mark.parametrize("key", [ec.generate_private_key(ec.SECP384R1()), ed25519.Ed25519PrivateKey.generate()])
def test_a_leaf_with_another_kind_of_key_is_refused(key: ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey) -> None:
    forged = forge(ANA.chain[0], TECHNICIAN_CA, TECHNICIAN_CA_KEY, public_key=key.public_key())
    with pytest.raises(TrustError):
        check([forged, TECHNICIAN_CA])


def test_a_technician_leaf_for_a_year_is_refused() -> None:
    forged = forge(ANA.chain[0], TECHNICIAN_CA, TECHNICIAN_CA_KEY, not_after=WALL + timedelta(days=300))
    with pytest.raises(TrustError, match="longer than any may be"):
        check([forged, TECHNICIAN_CA])


@pytest.mark.parametrize(
    "change",
    [
        {ExtensionOID.NAME_CONSTRAINTS: None},
        {ExtensionOID.NAME_CONSTRAINTS: (x509.NameConstraints([x509.DNSName("handrail.invalid")], None), True)},
        {
            ExtensionOID.NAME_CONSTRAINTS: (
                x509.NameConstraints([dns("tech"), dns("device")], None),
                True,
            )
        },
        usages(*CA_USAGES[Role.TECHNICIAN], *CA_USAGES[Role.DEVICE]),
        usages(*CA_USAGES[Role.DEVICE]),
        {EKU: None},
        {ExtensionOID.BASIC_CONSTRAINTS: (x509.BasicConstraints(ca=True, path_length=1), True)},
        key_usage(key_cert_sign=True, crl_sign=True),
    ],
)
def test_a_ca_has_the_profile_of_one_role(change: dict[x509.ObjectIdentifier, Value]) -> None:
    """Even signed by the root itself."""
    ca = forge(TECHNICIAN_CA, OURS.root, OURS.root_key, change=change)
    with pytest.raises(TrustError):
        check([forge(ANA.chain[0], ca, TECHNICIAN_CA_KEY), ca])
    with pytest.raises(TrustError):
        check_ca(ca, root_der=OURS.root, wall=WALL)


# -- time -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wall", "words"),
    [
        (WALL + timedelta(hours=12, seconds=1), "expired on 2026-11-22 00:00 UTC"),
        (WALL + timedelta(days=5000), "expired"),
        (WALL - timedelta(minutes=16), "not valid before 2026-11-21 11:45 UTC"),
    ],
)
def test_validity_is_judged_by_the_given_time(wall: datetime, words: str) -> None:
    with pytest.raises(TrustError, match=words):
        check(ANA.chain, wall=wall)


def test_clocks_may_differ_a_little() -> None:
    assert check(ANA.chain, wall=WALL - timedelta(minutes=14)).peer == "ana1"
    assert check(ANA.chain, wall=WALL + timedelta(hours=12)).peer == "ana1"


def test_an_expired_leaf_may_ask_for_a_new_one_within_its_grace() -> None:
    late = WALL + timedelta(days=200)
    year = timedelta(days=365)
    assert check(DEVICE.chain, Role.DEVICE, wall=late, grace=year).peer == "dev1"
    with pytest.raises(TrustError, match="expired"):
        check(DEVICE.chain, Role.DEVICE, wall=late)
    with pytest.raises(TrustError, match="expired"):
        check(DEVICE.chain, Role.DEVICE, wall=WALL + timedelta(days=396), grace=year)
    with pytest.raises(TrustError):
        check(THEIRS.device().chain, Role.DEVICE, wall=late, grace=year)


def test_a_time_without_zone_means_nothing() -> None:
    with pytest.raises(LocalProtocolError):
        check(ANA.chain, wall=WALL.replace(tzinfo=None))


# -- pins -----------------------------------------------------------------------------------------------------------------


def test_a_pinned_ca_is_the_only_one() -> None:
    anchor = TrustAnchor.from_cas(OURS.root, [DEVICE_CA, TECHNICIAN_CA], WALL)
    assert check(ANA.chain, anchor=anchor).peer == "ana1"
    assert check(DEVICE.chain, Role.DEVICE, anchor=anchor).peer == "dev1"
    other_key = PrivateKey.generate()
    other = issue_ca(
        Role.DEVICE,
        ca_key=other_key.public,
        root_der=OURS.root,
        root_key=OURS.root_key,
        wall=WALL,
        random_bytes=secrets.token_bytes,
    )
    leaf = issue_device_leaf(
        "dev2",
        PrivateKey.generate().public,
        DeviceClaims("x", "g"),
        ca_der=other,
        ca_key=other_key,
        lifetime=timedelta(days=30),
        wall=WALL,
        random_bytes=secrets.token_bytes,
    )
    assert check([leaf, other], Role.DEVICE).peer == "dev2"
    with pytest.raises(TrustError, match="pinned"):
        check([leaf, other], Role.DEVICE, anchor=anchor)
    with pytest.raises(TrustError, match="another organisation"):
        check(ANA.chain, anchor=TrustAnchor(THEIRS.root, anchor.pins))
    with pytest.raises(TrustError, match="pinned"):
        check(ANA.chain, anchor=TrustAnchor.from_cas(OURS.root, [DEVICE_CA], WALL))


def test_a_ca_is_checked_alone() -> None:
    assert check_ca(DEVICE_CA, root_der=OURS.root, wall=WALL) == (Role.DEVICE, DEVICE_CA_KEY.public.fingerprint)
    for der, root in ((DEVICE_CA, THEIRS.root), (DEVICE.chain[0], OURS.root), (b"", OURS.root)):
        with pytest.raises(TrustError):
            check_ca(der, root_der=root, wall=WALL)
    with pytest.raises(TrustError, match="expired"):
        check_ca(DEVICE_CA, root_der=OURS.root, wall=WALL + timedelta(days=400))


def test_an_organisation_names_itself_in_its_root() -> None:
    assert organisation_name(OURS.root) == "Ours"
    for bad in (b"", ANA.chain[0]):
        with pytest.raises(TrustError):
            organisation_name(bad)


# -- hostile bytes --------------------------------------------------------------------------------------------------------

# The library warns of some malformed certificates before it refuses them; here only what is raised counts.
QUIET = pytest.mark.filterwarnings(
    f"ignore::{CryptographyDeprecationWarning.__module__}.{CryptographyDeprecationWarning.__name__}"
)


@QUIET
@given(st.lists(st.binary(max_size=300), max_size=3), st.sampled_from(list(Role)))
def test_garbage_is_nobody(chain: list[bytes], expected: Role) -> None:
    with pytest.raises(TrustError):
        check(chain, expected)


def mutations(der: bytes) -> st.SearchStrategy[bytes]:
    def change(edits: list[tuple[int, int]]) -> bytes:
        changed = bytearray(der)
        for position, value in edits:
            changed[position % len(changed)] ^= value
        return bytes(changed)

    return st.lists(st.tuples(st.integers(0, 4095), st.integers(1, 255)), min_size=1, max_size=4).map(change)


@QUIET
@given(mutations(ANA.chain[0]), mutations(ANA.chain[1]), st.sampled_from(["leaf", "ca", "both"]))
def test_a_changed_chain_raises_nothing_but_distrust(leaf: bytes, ca: bytes, which: str) -> None:
    chain = [leaf if which != "ca" else ANA.chain[0], ca if which != "leaf" else ANA.chain[1]]
    if chain == ANA.chain:
        return
    with pytest.raises(TrustError):
        check(chain)


@QUIET
@given(mutations(ANA.chain[0]))
def test_reading_names_of_a_changed_leaf_raises_nothing_but_distrust(leaf: bytes) -> None:
    readers: list[Callable[[bytes], object]] = [names_in_leaf, organisation_name]
    for read in readers:
        try:
            read(leaf)
        except TrustError:
            continue


# -- guests ---------------------------------------------------------------------------------------------------------------

GUEST_KEY = PrivateKey.generate()
GUEST = OURS.guest(key=GUEST_KEY)


def guest(chain: list[bytes], *, organisation: str = OURS.id, wall: datetime = WALL) -> Identity:
    return check_guest(chain, organisation=organisation, wall=wall)


def test_a_guest_is_known_by_its_key_alone() -> None:
    identity = guest(GUEST.chain)
    assert (identity.role, identity.peer, identity.organisation) == (Role.GUEST, guest_peer(GUEST_KEY.public), OURS.id)
    assert identity.claims == DeviceClaims(f"Guest {identity.peer[:6]}", "guest")
    assert identity.fingerprint == GUEST_KEY.public.fingerprint


@pytest.mark.parametrize("role", list(Role))
@pytest.mark.parametrize("purpose", ["session", "login"])
def test_a_guest_is_nobody_that_an_organisation_certifies(role: Role, purpose: Purpose) -> None:
    for chain in (GUEST.chain, [*GUEST.chain, DEVICE_CA], [*GUEST.chain, *GUEST.chain]):
        with pytest.raises(TrustError):
            check(chain, role, purpose)


def test_nobody_that_an_organisation_certifies_is_a_guest() -> None:
    for chain in (DEVICE.chain, DEVICE.chain[:1], DEVICE.login_chain[:1], ANA.chain[:1], OURS.signer().chain, [OURS.root]):
        with pytest.raises(TrustError):
            guest(chain)


def test_a_guest_of_another_organisation_or_time_is_refused() -> None:
    with pytest.raises(TrustError, match="not of a guest of this organisation"):
        guest(GUEST.chain, organisation=THEIRS.id)
    for hours in (-1, 3):
        with pytest.raises(TrustError, match="clock"):
            guest(GUEST.chain, wall=WALL + timedelta(hours=hours))


@pytest.mark.parametrize(
    "change",
    [
        sans(x509.DNSName(f"{'a' * 16}.guest.{OURS.id}.handrail.invalid")),
        sans(x509.DNSName(f"{GUEST.peer}.device.{OURS.id}.handrail.invalid")),
        sans(x509.DNSName(f"{GUEST.peer}.guest.{OURS.id}.handrail.invalid"), critical=False),
        {EKU: (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, OID_DEVICE]), False)},
        {EKU: None},
        {OID_CLAIMS: (x509.UnrecognizedExtension(OID_CLAIMS, encode_claims(DeviceClaims("x", "front"))), False)},
        {ExtensionOID.BASIC_CONSTRAINTS: (x509.BasicConstraints(ca=True, path_length=None), True)},
        {ExtensionOID.KEY_USAGE: None},
    ],
    ids=range(8),  # a key of its own stands in each: as text they would differ between worker processes
)
def test_a_guest_has_exactly_its_profile(change: dict[x509.ObjectIdentifier, Value]) -> None:
    with pytest.raises(TrustError):
        guest([_forged_guest(change)])


def _forged_guest(change: dict[x509.ObjectIdentifier, Value], signer: PrivateKey = GUEST_KEY, **times: datetime) -> bytes:
    without_authority = {ExtensionOID.AUTHORITY_KEY_IDENTIFIER: None, **change}
    return forge(GUEST.chain[0], GUEST.chain[0], signer, change=without_authority, **times)  # type: ignore[arg-type]


def test_a_guest_signs_for_itself_and_not_for_long() -> None:
    assert guest([_forged_guest({})]).peer == GUEST.peer
    with pytest.raises(TrustError, match="signed by its own key"):
        guest([_forged_guest({}, PrivateKey.generate())])
    with pytest.raises(TrustError, match="longer"):
        guest([_forged_guest({}, not_after=WALL + timedelta(hours=3))])
    with pytest.raises(TrustError, match="alone"):
        guest([*GUEST.chain, OURS.root])
    with pytest.raises(TrustError):
        guest([b"x"])
