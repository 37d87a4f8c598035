"""The signer's answers: who is certified, who is not, and that the relay can change nothing about it."""

import secrets
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest

from protocol.certificate_profile import DeviceClaims, TechnicianClaims
from protocol.certificates import PrivateKey, Role, make_request
from protocol.documents import NO_TAG, check_answer, decode_answer, decode_request, encode_request, tag_request
from protocol.enrolment import judge_answer, make_enrolment, make_renewal
from protocol.errors import RefusalReason, Refused, RemoteProtocolError, TrustError
from technician_client.organisation.issuing import peer_id
from technician_client.organisation.lists import revoke_key
from tests.kit.founded import Applicant, Founded


@pytest.fixture
def founded(tmp_path: Path) -> Founded:
    organisation = Founded(tmp_path)
    organisation.publish()
    return organisation


def test_a_device_is_certified_in_its_group(founded: Founded) -> None:
    applicant = Applicant(founded.device_bundle(group="kiosk"), label="till 3\x1b[2J")
    enrolled = applicant.enrol(founded.issuer(), founded.wall)
    assert enrolled.identity.claims == DeviceClaims("till 3[2J", "kiosk")
    assert enrolled.identity.peer == peer_id(applicant.key.public)
    assert enrolled.identity.not_after - founded.wall == timedelta(days=60)
    (issued,) = founded.records.issued("device")
    assert issued.fingerprint == applicant.key.public.fingerprint.hex() and issued.group == "kiosk"


def test_a_technician_gets_the_name_and_tier_of_the_bundle_for_half_a_day(founded: Founded) -> None:
    applicant = Applicant(founded.technician_bundle("Bo Li", 2), label="Somebody else")
    enrolled = applicant.enrol(founded.issuer(), founded.wall)
    assert enrolled.identity.claims == TechnicianClaims("Bo Li", 2)
    assert enrolled.identity.not_after - founded.wall == timedelta(hours=12)


def test_the_same_request_counts_once_and_gets_the_same_answer(founded: Founded) -> None:
    applicant, issuer = Applicant(founded.device_bundle(uses=1)), founded.issuer()
    first = applicant.ask(issuer, founded.wall)
    assert decode_answer(issuer.answer(applicant.request, founded.after(days=2))) == first
    second = Applicant(applicant.bundle)
    with pytest.raises(Refused, match="used up") as caught:
        second.enrol(issuer, founded.wall)
    assert caught.value.reason is RefusalReason.LIMIT


def test_an_expired_or_withdrawn_bundle_is_refused_by_name(founded: Founded) -> None:
    issuer = founded.issuer()
    late = Applicant(founded.device_bundle(days=1))
    with pytest.raises(Refused) as expired:
        late.enrol(issuer, founded.after(days=2))
    assert expired.value.reason is RefusalReason.EXPIRED
    gone = Applicant(founded.device_bundle())
    founded.records.withdraw_token(gone.bundle.token_id)
    with pytest.raises(Refused) as withdrawn:
        gone.enrol(issuer, founded.wall)
    assert withdrawn.value.reason is RefusalReason.REVOKED


def test_a_swapped_request_is_refused(founded: Founded) -> None:
    """security.md row 15: the relay puts its own key into somebody's request."""
    bundle, issuer = founded.device_bundle(), founded.issuer()
    honest, thief = Applicant(bundle), PrivateKey.generate()
    honest.request = make_enrolment(
        bundle, honest.key, honest.login_key, label="x", platform="", random_bytes=secrets.token_bytes
    )
    swapped = msgspec.structs.replace(decode_request(honest.request), session_request=make_request(thief))
    answer = decode_answer(issuer.answer(encode_request(swapped), founded.wall))
    assert answer.reason == RefusalReason.UNTRUSTED and answer.chain == [] and answer.tag == NO_TAG
    token = founded.records.token(bundle.token_id)
    assert token is not None and token.used == 0
    assert tag_request(swapped, bytes(32)).tag != swapped.tag  # type: ignore[arg-type]


def test_a_bundle_of_another_kind_or_organisation_is_refused(founded: Founded) -> None:
    issuer = founded.issuer()
    bundle = founded.device_bundle()
    for changed in (msgspec.structs.replace(bundle, kind="technician"), msgspec.structs.replace(bundle, org="f" * 16)):
        with pytest.raises(Refused, match="another"):
            Applicant(changed).enrol(issuer, founded.wall)
    unknown = msgspec.structs.replace(bundle, token_id="0" * 16)
    with pytest.raises(Refused, match="not signed"):
        Applicant(unknown).enrol(issuer, founded.wall)


def test_one_key_for_both_purposes_is_refused(founded: Founded) -> None:
    key = PrivateKey.generate()
    with pytest.raises(Refused, match="different keys"):
        Applicant(founded.device_bundle(), key=key, login_key=key).enrol(founded.issuer(), founded.wall)


def renewal(founded: Founded, applicant: Applicant, chain: list[bytes], role: Role, **changes: object) -> bytes:
    arguments: dict[str, object] = {"label": "new label", "platform": "", "random_bytes": secrets.token_bytes, **changes}
    return make_renewal(role, founded.record.organisation, chain, applicant.key, applicant.login_key, **arguments)  # type: ignore[arg-type]


def renewed(founded: Founded, applicant: Applicant, request: bytes, answer: bytes, role: Role, wall: object) -> object:
    return judge_answer(
        answer,
        request=request,
        secret=None,
        root_der=founded.record.root,
        role=role,
        session_key=applicant.key,
        login_key=applicant.login_key,
        wall=wall,  # type: ignore[arg-type]
    )


def test_a_device_renews_for_a_year_after_its_certificate_expired(founded: Founded) -> None:
    issuer = founded.issuer()
    applicant = Applicant(founded.device_bundle(group="kiosk"))
    chain = applicant.enrol(issuer, founded.wall).chain
    request = renewal(founded, applicant, chain, Role.DEVICE)
    wall = founded.after(days=300)
    got = judge_answer(
        issuer.answer(request, wall),
        request=request,
        secret=None,
        root_der=founded.record.root,
        role=Role.DEVICE,
        session_key=applicant.key,
        login_key=applicant.login_key,
        wall=wall,
    )
    assert got.identity.claims == DeviceClaims("new label", "kiosk")
    assert got.identity.peer == peer_id(applicant.key.public)
    too_late = issuer.answer(renewal(founded, applicant, chain, Role.DEVICE), founded.after(days=430))
    assert decode_answer(too_late).reason == RefusalReason.UNTRUSTED


def test_a_technician_renews_only_while_on_the_list_and_never_above_it(founded: Founded) -> None:
    """security.md rows 21 and 45: neither an old certificate nor the signer raises a tier."""
    issuer = founded.issuer()
    applicant = Applicant(founded.technician_bundle("Bo Li", 3))
    chain = applicant.enrol(issuer, founded.wall).chain
    wall = founded.after(hours=9)
    refused = decode_answer(issuer.answer(renewal(founded, applicant, chain, Role.TECHNICIAN), wall))
    assert refused.reason == RefusalReason.NOT_ON_LIST
    founded.admit("Bo Li", 1, applicant.key)
    founded.publish()
    request = renewal(founded, applicant, chain, Role.TECHNICIAN)
    got = judge_answer(
        issuer.answer(request, wall),
        request=request,
        secret=None,
        root_der=founded.record.root,
        role=Role.TECHNICIAN,
        session_key=applicant.key,
        login_key=applicant.login_key,
        wall=wall,
    )
    assert got.identity.claims == TechnicianClaims("Bo Li", 1)


def test_a_revoked_key_is_neither_renewed_nor_enrolled_again(founded: Founded) -> None:
    issuer = founded.issuer()
    applicant = Applicant(founded.device_bundle(uses=5))
    chain = applicant.enrol(issuer, founded.wall).chain
    revoke_key(founded.spool, [applicant.key.public.fingerprint.hex()], founded.signers("revocation"), founded.wall)
    founded.publish()
    answer = decode_answer(issuer.answer(renewal(founded, applicant, chain, Role.DEVICE), founded.wall))
    assert answer.reason == RefusalReason.REVOKED
    with pytest.raises(Refused, match="revoked"):
        applicant.enrol(issuer, founded.wall)


def test_a_renewal_signed_by_another_key_is_refused(founded: Founded) -> None:
    issuer = founded.issuer()
    applicant, thief = Applicant(founded.device_bundle()), Applicant(founded.device_bundle())
    chain = applicant.enrol(issuer, founded.wall).chain
    stolen = renewal(founded, thief, chain, Role.DEVICE)
    assert decode_answer(issuer.answer(stolen, founded.wall)).reason == RefusalReason.UNTRUSTED
    genuine = decode_request(renewal(founded, applicant, chain, Role.DEVICE))
    changed = msgspec.structs.replace(genuine, label="other")
    assert decode_answer(issuer.answer(encode_request(changed), founded.wall)).reason == RefusalReason.UNTRUSTED
    foreign = msgspec.structs.replace(genuine, organisation="f" * 16)
    assert decode_answer(issuer.answer(encode_request(foreign), founded.wall)).reason == RefusalReason.UNTRUSTED


def test_garbage_has_nobody_to_answer(founded: Founded) -> None:
    issuer = founded.issuer()
    for data in (b"", b"\xff" * 100, bytes(64 * 1024)):
        with pytest.raises(RemoteProtocolError):
            issuer.answer(data, founded.wall)


def test_answers_cannot_be_exchanged(founded: Founded) -> None:
    bundle, issuer = founded.device_bundle(uses=2), founded.issuer()
    one, two = Applicant(bundle), Applicant(bundle)
    answer = one.ask(issuer, founded.wall)
    two.ask(issuer, founded.wall)
    check_answer(answer, bundle.secret)
    with pytest.raises(TrustError, match="another request"):
        renewed(founded, two, two.request, msgspec.msgpack.encode(answer), Role.DEVICE, founded.wall)
