"""Documents: canonical bytes, closed decoding, and tags that cover every field."""

from pathlib import Path

import msgspec
import pytest

import protocol
from protocol.capabilities import Capability
from protocol.documents import (
    MAX_ANSWER_BYTES,
    MAX_BUNDLE_BYTES,
    MAX_REQUEST_BYTES,
    NO_TAG,
    Bundle,
    EnrolmentAnswer,
    EnrolmentRequest,
    GroupPolicy,
    OrganisationPolicy,
    RenewalRequest,
    RevocationList,
    ScriptFile,
    ScriptManifest,
    TechnicianEntry,
    TechniciansList,
    canonical_json,
    check_answer,
    check_request,
    decode_answer,
    decode_bundle,
    decode_document,
    decode_request,
    encode_request,
    renewal_bytes,
    request_digest,
    tag_answer,
    tag_request,
)
from protocol.errors import RemoteProtocolError, TrustError
from protocol.link_messages import Role

SECRET = bytes(range(32))
REQUEST = EnrolmentRequest("device", "0123456789abcdef", "f" * 16, b"csr", b"login csr", "desk 7", "linux", bytes(32), NO_TAG)
ANSWER = EnrolmentAnswer(bytes(32), [b"leaf", b"ca"], [b"login", b"ca"], 1.5, "", "", NO_TAG)
BUNDLE = Bundle(
    kind="device",
    org="0123456789abcdef",
    organisation_name="Example",
    root=b"root",
    tuf_root=b"{}",
    relay="https://relay.example:8443",
    token_id="f" * 16,
    secret=SECRET,
    expires=2e9,
)


def test_canonical_bytes_do_not_depend_on_order() -> None:
    policy = OrganisationPolicy(issued=1.0, name="É", groups={"b": GroupPolicy(), "a": GroupPolicy(unattended=[Capability.VIEW])})
    data = canonical_json(policy)
    assert data == canonical_json(decode_document(data, OrganisationPolicy))
    assert data.index(b'"a":') < data.index(b'"b":')
    assert b": " not in data


def test_the_tag_covers_every_field() -> None:
    good = tag_request(REQUEST, SECRET)
    check_request(good, SECRET)
    other: dict[str, object] = {
        "kind": "technician",
        "organisation": "1" * 16,
        "token_id": "e" * 16,
        "session_request": b"x",
        "login_request": b"x",
        "label": "x",
        "platform": "x",
        "nonce": bytes([1]) * 32,
        "tag": bytes([1]) * 32,
    }
    for name in EnrolmentRequest.__struct_fields__:
        with pytest.raises(TrustError):
            check_request(msgspec.structs.replace(good, **{name: other[name]}), SECRET)
    with pytest.raises(TrustError):
        check_request(good, bytes(32))


def test_answers_are_tagged_for_their_own_purpose() -> None:
    good = tag_answer(ANSWER, SECRET)
    check_answer(good, SECRET)
    for changed in (msgspec.structs.replace(good, request=bytes([1]) * 32), msgspec.structs.replace(good, text="x"), ANSWER):
        with pytest.raises(TrustError):
            check_answer(changed, SECRET)


def test_documents_survive_the_wire() -> None:
    renewal = RenewalRequest(Role.DEVICE, "0" * 16, [b"leaf", b"ca"], b"csr", b"login", "l", "p", bytes(32), b"sig")
    for request in (REQUEST, renewal):
        assert decode_request(encode_request(request)) == request
    assert decode_answer(msgspec.msgpack.encode(ANSWER)) == ANSWER
    assert len(request_digest(b"x")) == 32
    assert renewal_bytes(renewal) == renewal_bytes(msgspec.structs.replace(renewal, signature=b"other"))
    assert renewal_bytes(renewal) != renewal_bytes(msgspec.structs.replace(renewal, label="other"))
    assert renewal_bytes(renewal).startswith(b"handrail renew v1\0")


def test_a_bundle_survives_its_file_and_keeps_its_secret_out_of_logs() -> None:
    assert decode_bundle(canonical_json(BUNDLE)) == BUNDLE
    assert SECRET.hex() not in repr(BUNDLE) and "not shown" in repr(BUNDLE)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"not json",
        b"[" * 60_000,
        b" " * (MAX_BUNDLE_BYTES + 1),
        canonical_json(BUNDLE).replace(b'"v":1', b'"v":2'),
        canonical_json(BUNDLE).replace(b"https://", b"file://"),
        canonical_json(BUNDLE).replace(b'"v":1', b'"v":1,"extra":1'),
        canonical_json(BUNDLE).replace(b"relay.example:8443", b"user@relay.example"),
    ],
)
def test_what_is_no_bundle_is_refused_with_advice(data: bytes) -> None:
    with pytest.raises(TrustError, match="Ask your administrator"):
        decode_bundle(data)


def test_hostile_requests_and_answers_are_refused() -> None:
    for data in (b"", b"\xff" * 50, b"\x91" * 5000, bytes(MAX_REQUEST_BYTES + 1)):
        with pytest.raises(RemoteProtocolError):
            decode_request(data)
    for data in (b"", b"\xff" * 50, bytes(MAX_ANSWER_BYTES + 1)):
        with pytest.raises(RemoteProtocolError):
            decode_answer(data)


def test_technicians_are_found_by_key_and_unknown_fields_refused() -> None:
    entry = TechnicianEntry(name="Ana", tier=2, key="ab" * 32, peer="ana")
    technicians = TechniciansList(issued=1.0, technicians=[entry])
    assert technicians.find(bytes.fromhex("ab" * 32)) == entry
    assert technicians.find(bytes(32)) is None
    with pytest.raises(TrustError):
        decode_document(canonical_json(technicians).replace(b'"v":1', b'"admin":true,"v":1'), TechniciansList)


def test_revocation_only_adds_up() -> None:
    one = RevocationList(issued=1.0, fingerprints=["aa" * 32], not_before=50.0)
    two = RevocationList(issued=2.0, fingerprints=["bb" * 32])
    both = one.union(two)
    assert both == two.union(one)
    assert both.refuses(bytes.fromhex("aa" * 32), 100.0) and both.refuses(bytes.fromhex("bb" * 32), 100.0)
    assert both.refuses(bytes(32), 49.0) and not both.refuses(bytes(32), 50.0)
    assert both.issued == 2.0


def test_a_group_without_its_own_policy_gets_the_default() -> None:
    policy = OrganisationPolicy(issued=1.0, name="x", groups={"kiosk": GroupPolicy(unattended=[Capability.VIEW])})
    assert policy.group("kiosk").unattended == [Capability.VIEW]
    assert policy.group("other").unattended == []


def test_the_specification_names_every_field_and_prefix() -> None:
    spec = (Path(protocol.__file__).parent / "SPEC.md").read_text(encoding="utf-8")
    section = spec[spec.index("## Documents that outlive a connection") :]
    for kind in (
        OrganisationPolicy,
        GroupPolicy,
        TechnicianEntry,
        TechniciansList,
        RevocationList,
        Bundle,
        ScriptManifest,
        ScriptFile,
    ):
        for field in kind.__struct_fields__:
            assert f"`{field}`" in section, f"{kind.__name__}.{field}"
    for words in ('"enrol.1"', '"renew.1"', '"answer.1"', "handrail enrol v1", "handrail enrol answer v1", "handrail renew v1"):
        assert words in section, words
