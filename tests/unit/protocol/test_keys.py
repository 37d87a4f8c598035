"""Opaque keys."""

import copy
import pickle

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from hypothesis import given
from hypothesis import strategies as st

from protocol.errors import LocalProtocolError, TrustError
from protocol.keys import Curve, PrivateKey, PublicKey
from tests.kit.organisation import Organisation

KEY = PrivateKey.generate()
SEALED = KEY.to_encrypted_pem(b"correct horse")


@pytest.mark.parametrize("curve", ["P-256", "P-384"])
def test_a_signature_verifies_with_its_own_key_and_text_alone(curve: Curve) -> None:
    key = PrivateKey.generate(curve)
    assert key.public.curve == curve
    signature = key.sign(b"text")
    key.public.verify(signature, b"text")
    for public, made, text in (
        (PrivateKey.generate(curve).public, signature, b"text"),
        (key.public, signature, b"other"),
        (key.public, signature[:-1], b"text"),
        (key.public, b"", b"text"),
        (key.public, b"\x30" * 300, b"text"),
    ):
        with pytest.raises(TrustError):
            public.verify(made, text)


def test_signatures_are_deterministic() -> None:
    assert KEY.sign(b"x") == KEY.sign(b"x")


def test_a_key_survives_its_encrypted_file() -> None:
    assert SEALED.startswith(b"-----BEGIN HANDRAIL ENCRYPTED KEY-----\n")
    assert max(map(len, SEALED.splitlines())) <= 64
    assert PrivateKey.from_pem(SEALED, b"correct horse").public == KEY.public
    assert KEY.to_encrypted_pem(b"correct horse") != SEALED


def test_a_wrong_or_missing_passphrase_is_said_so() -> None:
    with pytest.raises(TrustError, match="passphrase is wrong"):
        PrivateKey.from_pem(SEALED, b"wrong")
    with pytest.raises(TrustError, match="passphrase is needed"):
        PrivateKey.from_pem(SEALED)
    with pytest.raises(LocalProtocolError, match="empty"):
        KEY.to_encrypted_pem(b"")


def test_the_cost_of_opening_a_key_is_bounded() -> None:
    """log2(N) is read from the file: a hostile one must not make us allocate gigabytes."""
    import base64

    body = bytearray(base64.b64decode(b"".join(SEALED.splitlines()[1:-1])))
    body[1] = 40
    hostile = (
        b"-----BEGIN HANDRAIL ENCRYPTED KEY-----\n" + base64.b64encode(bytes(body)) + b"\n-----END HANDRAIL ENCRYPTED KEY-----\n"
    )
    with pytest.raises(TrustError, match="damaged"):
        PrivateKey.from_pem(hostile, b"correct horse")


def test_a_plain_file_holds_a_pkcs8_key() -> None:
    assert PrivateKey.from_pem(KEY.to_pem()).public == KEY.public
    assert b"BEGIN PRIVATE KEY" in KEY.to_pem()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"x" * 20_000,
        b"-----BEGIN HANDRAIL ENCRYPTED KEY-----\n!!\n-----END HANDRAIL ENCRYPTED KEY-----\n",
        SEALED[:100],
        ed25519.Ed25519PrivateKey.generate().private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ),
        ec.generate_private_key(ec.SECP521R1()).private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ),
        KEY.unwrap().private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.BestAvailableEncryption(b"x")
        ),
    ],
    ids=["empty", "huge", "not base64", "cut", "ed25519", "p-521", "foreign encryption"],
)
def test_other_key_files_are_refused(data: bytes) -> None:
    with pytest.raises(TrustError):
        PrivateKey.from_pem(data, b"x")


@given(st.binary(max_size=200))
def test_garbage_is_no_key(data: bytes) -> None:
    for read in (PublicKey.from_spki, PublicKey.of_certificate, PrivateKey.from_pem):
        with pytest.raises(TrustError):
            read(data)


def test_public_keys_compare_and_hash_by_what_they_are() -> None:
    again = PublicKey.from_spki(KEY.public.spki)
    assert again == KEY.public
    assert hash(again) == hash(KEY.public)
    assert PrivateKey.generate().public != KEY.public
    assert KEY.public != KEY.public.spki
    assert len(KEY.public.fingerprint) == 32


def test_the_key_of_a_certificate() -> None:
    device = Organisation().device()
    assert PublicKey.of_certificate(device.chain[0]) == device.key.public
    with pytest.raises(TrustError):
        PublicKey.of_certificate(b"x" * 20_000)


def test_keys_tell_nothing_of_themselves() -> None:
    secret = f"{KEY.unwrap().private_numbers().private_value:x}"
    assert secret[:8] not in repr(KEY).lower()
    assert KEY.public.fingerprint.hex()[:16] in repr(KEY)
    assert "P-256" in repr(KEY.public)
    for leak in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(LocalProtocolError):
            leak(KEY)


def test_only_two_curves_are_accepted() -> None:
    with pytest.raises(TrustError):
        PrivateKey(ec.generate_private_key(ec.SECP521R1()))
    der = (
        ec.generate_private_key(ec.SECP521R1())
        .public_key()
        .public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    )
    edwards = (
        ed25519.Ed25519PrivateKey.generate()
        .public_key()
        .public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    )
    for bad in (der, edwards, b"x" * 20_000):
        with pytest.raises(TrustError):
            PublicKey.from_spki(bad)


def test_what_is_derived_depends_on_key_and_purpose() -> None:
    key, other = PrivateKey.generate(), PrivateKey.generate()
    assert key.derive(b"one") == PrivateKey.from_pem(key.to_pem()).derive(b"one")
    assert len({key.derive(b"one"), key.derive(b"two"), other.derive(b"one")}) == 3
    assert len(key.derive(b"one")) == 32
